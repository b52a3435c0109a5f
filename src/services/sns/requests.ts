/** What the operations of SNS do with their requests before and after the work itself. */
import type { RequestContext } from "../../protocol/service.ts";
import { decodePaginationToken, encodePaginationToken } from "../../resources/pagination-token.ts";
import type { WriteOptions } from "../../storage/record-store.ts";
import { AwsError } from "../../protocol/aws-error.ts";
import type { Tag } from "../../protocol/generated/sns.ts";
import { invalidParameter } from "./errors.ts";
import { parseSubscriptionArn, parseTopicArn, type SubscriptionId, type TopicId } from "./names.ts";

/** SNS's lists have pages of a fixed length. */
export const pageLength = 100;
const maxTags = 50;

export function writeOptions({ principal, operation, requestId, clock }: RequestContext): WriteOptions {
  return { actor: { by: principal.arn, call: `sns:${operation}`, requestId }, at: clock.now() };
}

/** A topic that a request names; those of other regions are at other endpoints of SNS. @throws AwsError InvalidParameter */
export function requestedTopic(arn: string, context: RequestContext, member = "TopicArn"): TopicId {
  const topic = parseTopicArn(arn, member);
  checkRegion(topic.region, context, member);
  return topic;
}

export function requestedSubscription(arn: string, context: RequestContext): SubscriptionId {
  const subscription = parseSubscriptionArn(arn);
  checkRegion(subscription.region, context, "SubscriptionArn");
  return subscription;
}

function checkRegion(region: string, { principal, region: here }: RequestContext, member: string): void {
  // An unsigned request says no region but in the ARN.
  if (principal.kind !== "anonymous" && region !== here) throw invalidParameter(member);
}

/** @returns the name after which the page begins. @throws AwsError InvalidParameter for a token of another list */
export function pageStart(query: unknown, token: string | undefined): string | undefined {
  if (token === undefined || token === "") return undefined;
  try {
    return decodePaginationToken(token, query, ["string"])[0] as string;
  } catch (cause) {
    throw invalidParameter("NextToken", cause);
  }
}

export function pageEnd(query: unknown, next: string | undefined): { NextToken?: string } {
  return next === undefined ? {} : { NextToken: encodePaginationToken(query, [next]) };
}

/** @throws AwsError InvalidParameter for a key given twice or reserved */
export function tagRecord(tags: readonly Tag[]): Record<string, string> {
  if (new Set(tags.map(({ Key }) => Key)).size !== tags.length) {
    throw invalidParameter("Duplicated keys are not allowed.");
  }
  const reserved = tags.find(({ Key }) => /^aws:/i.test(Key));
  if (reserved !== undefined) {
    throw invalidParameter(`Tag key ${reserved.Key} is not allowed: keys that begin with aws: are reserved`);
  }
  return Object.fromEntries(tags.map(({ Key, Value }) => [Key, Value]));
}

/** @throws AwsError TagLimitExceeded */
export function checkTagCount(tags: Readonly<Record<string, string>>): void {
  const count = Object.keys(tags).length;
  if (count <= maxTags) return;
  throw new AwsError(
    "TagLimitExceededException",
    `Could not complete request: tag quota of per resource exceeded: ${count} tags, at most ${maxTags}`,
  );
}
