/** Attributes of queues: one entry for each that can be set. */
import { parsePolicyDocument, PolicySyntaxError } from "../../authorization/index.ts";
import { parseArn } from "../../resources/arn.ts";
import { noFifo, sqsError, unsupported } from "./errors.ts";
import { queueArn, type QueueId } from "./names.ts";
import type { QueueBody } from "./records.ts";

export const maxMessageBytes = 2 ** 20;
const maxVisibilitySeconds = 43_200;

/** Checks a value and says how it is kept; undefined takes it back. @throws AwsError */
type Setter = (value: string, queue: QueueId) => string | undefined;

const setters: Readonly<Record<string, Setter>> = {
  DelaySeconds: whole("DelaySeconds", 0, 900),
  MaximumMessageSize: whole("MaximumMessageSize", 1024, maxMessageBytes),
  MessageRetentionPeriod: whole("MessageRetentionPeriod", 60, 1_209_600),
  ReceiveMessageWaitTimeSeconds: whole("ReceiveMessageWaitTimeSeconds", 0, 20),
  VisibilityTimeout: whole("VisibilityTimeout", 0, maxVisibilitySeconds),
  Policy: (value) => {
    if (value === "") return undefined;
    checkPolicy(value);
    return value;
  },
  RedrivePolicy: (value, queue) => (value === "" ? undefined : checkedRedrivePolicy(value, queue)),
  RedriveAllowPolicy: (value) => (value === "" ? undefined : checkedRedriveAllowPolicy(value)),
  FifoQueue: (value) => {
    if (value === "false") return undefined;
    throw value === "true" ? unsupported("FifoQueue", noFifo) : invalidValue("FifoQueue");
  },
  // What is empty or false asks for nothing.
  ContentBasedDeduplication: onlyOff("ContentBasedDeduplication", noFifo),
  DeduplicationScope: onlyOff("DeduplicationScope", noFifo),
  FifoThroughputLimit: onlyOff("FifoThroughputLimit", noFifo),
  KmsMasterKeyId: onlyOff("KmsMasterKeyId", "there are no keys of KMS"),
  KmsDataKeyReusePeriodSeconds: onlyOff("KmsDataKeyReusePeriodSeconds", "there are no keys of KMS"),
  SqsManagedSseEnabled: onlyOff("SqsManagedSseEnabled", "messages are not encrypted on disk"),
};

/** What counts when nothing was set, in AWS's form. */
const defaults: Readonly<Record<string, string>> = {
  DelaySeconds: "0",
  MaximumMessageSize: String(maxMessageBytes),
  MessageRetentionPeriod: "345600",
  ReceiveMessageWaitTimeSeconds: "0",
  VisibilityTimeout: "30",
  SqsManagedSseEnabled: "false",
};

/** @throws AwsError InvalidAttributeName, InvalidAttributeValue; UnsupportedOperation for what is not done here */
export function withAttributes(
  existing: Readonly<Record<string, string>>,
  given: Readonly<Record<string, string>>,
  queue: QueueId,
): Record<string, string> {
  const attributes: Record<string, string | undefined> = { ...existing };
  for (const [name, value] of Object.entries(given)) {
    if (!Object.hasOwn(setters, name)) throw sqsError("InvalidAttributeName", `Unknown Attribute ${name}.`);
    attributes[name] = setters[name](value, queue);
  }
  const kept = Object.entries(attributes).filter((entry): entry is [string, string] => entry[1] !== undefined);
  return Object.fromEntries(kept);
}

/** Those that a queue has beside what was set. */
const computed = [
  "All",
  "ApproximateNumberOfMessages",
  "ApproximateNumberOfMessagesDelayed",
  "ApproximateNumberOfMessagesNotVisible",
  "CreatedTimestamp",
  "LastModifiedTimestamp",
  "QueueArn",
];

/** @throws AwsError InvalidAttributeName */
export function checkAttributeNames(names: readonly string[], more: readonly string[] = []): void {
  const known = (name: string) => computed.includes(name) || more.includes(name) || Object.hasOwn(setters, name);
  const unknown = names.find((name) => !known(name));
  if (unknown !== undefined) throw sqsError("InvalidAttributeName", `Unknown Attribute ${unknown.slice(0, 256)}.`);
}

/** @returns the first attribute that was asked for and is not so. */
export function differingAttribute(
  existing: Readonly<Record<string, string>>,
  asked: Readonly<Record<string, string>>,
): string | undefined {
  return Object.keys(asked).find((name) => (existing[name] ?? defaults[name]) !== asked[name]);
}

export function secondsOf({ attributes }: QueueBody, name: string): number {
  return Number(attributes[name] ?? defaults[name]);
}

export interface RedrivePolicy {
  readonly deadLetterTargetArn: string;
  readonly maxReceiveCount: number;
}

export function redrivePolicyOf({ attributes }: QueueBody): RedrivePolicy | undefined {
  const { RedrivePolicy: text } = attributes;
  if (text === undefined) return undefined;
  const { deadLetterTargetArn, maxReceiveCount } = JSON.parse(text) as Record<string, unknown>;
  return { deadLetterTargetArn: deadLetterTargetArn as string, maxReceiveCount: Number(maxReceiveCount) };
}

/** Whether a queue may be the dead-letter queue of another. */
export function allowsRedriveFrom({ attributes }: QueueBody, sourceArn: string): boolean {
  const { RedriveAllowPolicy: text } = attributes;
  if (text === undefined) return true;
  const { redrivePermission, sourceQueueArns = [] } = JSON.parse(text) as {
    redrivePermission: string;
    sourceQueueArns?: string[];
  };
  return redrivePermission === "allowAll" || (redrivePermission === "byQueue" && sourceQueueArns.includes(sourceArn));
}

export interface QueueFacts {
  readonly createdAt: number;
  readonly counts: { readonly ready: number; readonly delayed: number; readonly inFlight: number };
}

/** All attributes as GetQueueAttributes shows them. */
export function shownAttributes(
  queue: QueueId,
  body: QueueBody,
  { createdAt, counts }: QueueFacts,
): Record<string, string> {
  return {
    QueueArn: queueArn(queue),
    ApproximateNumberOfMessages: String(counts.ready),
    ApproximateNumberOfMessagesNotVisible: String(counts.inFlight),
    ApproximateNumberOfMessagesDelayed: String(counts.delayed),
    CreatedTimestamp: String(Math.floor(createdAt / 1000)),
    LastModifiedTimestamp: String(Math.floor(body.modifiedAt / 1000)),
    ...defaults,
    ...body.attributes,
  };
}

function whole(name: string, low: number, high: number): Setter {
  return (value) => {
    if (!/^\d{1,9}$/.test(value) || Number(value) < low || Number(value) > high) throw invalidValue(name);
    return String(Number(value));
  };
}

function onlyOff(name: string, because: string): Setter {
  return (value) => {
    if (value !== "" && value !== "false") throw unsupported(name, because);
    return undefined;
  };
}

function invalidValue(name: string, reason = ""): Error {
  return sqsError(
    "InvalidAttributeValue",
    `Invalid value for the parameter ${name}.${reason === "" ? "" : ` ${reason}`}`,
  );
}

export function checkPolicy(text: string): void {
  try {
    parsePolicyDocument(text, "resource");
  } catch (error) {
    if (!(error instanceof PolicySyntaxError)) throw error;
    throw invalidValue("Policy", `Reason: ${error.message} (${error.where})`);
  }
}

function parseObject(name: string, text: string): Record<string, unknown> {
  try {
    const value: unknown = JSON.parse(text);
    if (typeof value === "object" && value !== null && !Array.isArray(value)) return value as Record<string, unknown>;
  } catch {
    // Told like any other text that is no object.
  }
  throw invalidValue(name, "Reason: Redrive policy is not a valid JSON map.");
}

function checkedRedrivePolicy(text: string, queue: QueueId): string {
  const policy = parseObject("RedrivePolicy", text);
  const { deadLetterTargetArn: target, maxReceiveCount: count } = policy;
  const problem = (reason: string) =>
    sqsError(
      "InvalidParameterValue",
      `Value ${text.slice(0, 256)} for parameter RedrivePolicy is invalid. Reason: ${reason}`,
    );
  if (target === undefined) throw problem("Redrive policy does not contain mandatory attribute: deadLetterTargetArn.");
  if (count === undefined) throw problem("Redrive policy does not contain mandatory attribute: maxReceiveCount.");
  const arn = typeof target === "string" ? parseArn(target) : undefined;
  if (arn?.service !== "sqs") throw problem("Invalid value for deadLetterTargetArn.");
  if (arn.resource.endsWith(".fifo")) throw unsupported("RedrivePolicy: a FIFO queue", noFifo);
  if (arn.accountId !== queue.accountId || arn.region !== queue.region) {
    throw problem("Dead letter target must be in the account and region of the queue.");
  }
  if (arn.resource === queue.name) throw problem("A queue cannot be its own dead letter target.");
  const number = typeof count === "string" && /^\d{1,4}$/.test(count) ? Number(count) : count;
  if (!Number.isInteger(number) || (number as number) < 1 || (number as number) > 1000) {
    throw problem("Invalid value for maxReceiveCount. Valid values are integers from 1 to 1000.");
  }
  return JSON.stringify({ deadLetterTargetArn: target, maxReceiveCount: number });
}

function checkedRedriveAllowPolicy(text: string): string {
  const { redrivePermission, sourceQueueArns } = parseObject("RedriveAllowPolicy", text);
  if (!["allowAll", "denyAll", "byQueue"].includes(redrivePermission as string)) {
    throw invalidValue("RedriveAllowPolicy", "Reason: redrivePermission must be allowAll, denyAll or byQueue.");
  }
  const isList = Array.isArray(sourceQueueArns) && sourceQueueArns.length >= 1 && sourceQueueArns.length <= 10;
  if (
    (redrivePermission === "byQueue") !== (sourceQueueArns !== undefined) ||
    (sourceQueueArns !== undefined && !isList)
  ) {
    throw invalidValue(
      "RedriveAllowPolicy",
      "Reason: byQueue, and nothing else, has sourceQueueArns, 1 to 10 of them.",
    );
  }
  return text;
}
