/** Names and ARNs of topics and subscriptions. */
import { formatArn, parseArn, partitionOf } from "../../resources/arn.ts";
import { invalidParameter, noFifo, unsupported } from "./errors.ts";

export interface SnsSpace {
  readonly accountId: string;
  readonly region: string;
}

/** A topic by the parts of its ARN. */
export interface TopicId extends SnsSpace {
  readonly name: string;
}

/** A subscription by the parts of its ARN. */
export interface SubscriptionId extends SnsSpace {
  readonly topicName: string;
  /** UUID, unique among all subscriptions */
  readonly id: string;
}

/** @throws AwsError InvalidParameter when the name breaks SNS's rules; FIFO topics are refused by name */
export function checkTopicName(name: string): void {
  if (/^[\w-]{1,251}\.fifo$/.test(name)) throw unsupported(`Topic Name ${name}`, noFifo);
  if (!/^[A-Za-z0-9_-]{1,256}$/.test(name)) throw invalidParameter("Topic Name");
}

export function topicArn({ accountId, region, name }: TopicId): string {
  return formatArn({ service: "sns", region, accountId, resource: name });
}

export function subscriptionArn({ accountId, region, topicName, id }: SubscriptionId): string {
  return formatArn({ service: "sns", region, accountId, resource: `${topicName}:${id}` });
}

/** @param member name of the input member, for the message */
export function parseTopicArn(arn: string, member = "TopicArn"): TopicId {
  const { accountId, region, resource } = snsArn(arn, member);
  if (resource.includes(":") || resource.includes("/")) throw invalidParameter(member);
  return { accountId, region, name: resource };
}

export function parseSubscriptionArn(arn: string): SubscriptionId {
  const { accountId, region, resource } = snsArn(arn, "SubscriptionArn");
  const parts = /^([^:]+):([0-9a-f-]{36})$/.exec(resource);
  if (parts === null) throw invalidParameter("SubscriptionArn");
  return { accountId, region, topicName: parts[1], id: parts[2] };
}

function snsArn(arn: string, member: string): SnsSpace & { resource: string } {
  const elements = arn.split(":").length;
  if (elements < 6) {
    throw invalidParameter(`${member} Reason: An ARN must have at least 6 elements, not ${elements}`);
  }
  const parsed = parseArn(arn);
  if (parsed === undefined || parsed.service !== "sns" || parsed.accountId === "" || parsed.region === "") {
    throw invalidParameter(member);
  }
  // One topic has one ARN: by another, policies that name the topic would not be about it.
  if (parsed.partition !== partitionOf(parsed.region)) throw invalidParameter(member);
  return parsed;
}
