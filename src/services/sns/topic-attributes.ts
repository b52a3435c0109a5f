/** Attributes of topics: one entry for each that can be set, and what GetTopicAttributes shows. */
import { checkTopicDeliveryPolicy, effectiveTopicPolicy } from "./delivery/delivery-policy.ts";
import { invalidParameter, noFifo, noKms, unsupported } from "./errors.ts";
import { topicArn, type TopicId } from "./names.ts";
import type { TopicBody } from "./records.ts";
import { defaultTopicPolicy, parseTopicPolicy } from "./topic-policy.ts";

const maxDisplayNameLength = 100;
const noDeliveryLogs = "deliveries are counted in the metrics of AWS/SNS and not logged";

/** What a value does to a topic. @throws AwsError InvalidParameter when it breaks SNS's rules */
type Setter = (value: string) => Partial<TopicBody>;

const setters: Readonly<Record<string, Setter>> = {
  DisplayName: (value) => {
    if (value.length > maxDisplayNameLength || /[\p{Cc}]/u.test(value)) throw invalidParameter("DisplayName");
    return { displayName: value };
  },
  Policy: (value) => {
    // An empty policy takes back what was set.
    if (value === "") return { policy: undefined };
    parseTopicPolicy(value);
    return { policy: value };
  },
  DeliveryPolicy: (value) => {
    if (value === "") return { deliveryPolicy: undefined };
    checkTopicDeliveryPolicy(value);
    return { deliveryPolicy: value };
  },
  SignatureVersion: (value) => {
    if (value !== "1" && value !== "2") throw invalidParameter("SignatureVersion");
    return { signatureVersion: value };
  },
  TracingConfig: (value) => {
    if (value === "Active") throw unsupported("TracingConfig Active", "there is no X-Ray");
    if (value !== "PassThrough") throw invalidParameter("TracingConfig");
    return { tracingConfig: value };
  },
  FifoTopic: (value) => {
    if (value === "false") return {};
    throw value === "true" ? unsupported("FifoTopic", noFifo) : invalidParameter("FifoTopic");
  },
  // What is empty or false asks for nothing.
  KmsMasterKeyId: (value) => {
    if (value !== "") throw unsupported("KmsMasterKeyId", noKms);
    return {};
  },
  ContentBasedDeduplication: (value) => {
    if (value !== "false") throw unsupported("ContentBasedDeduplication", noFifo);
    return {};
  },
};

/** Attributes of SNS that are refused whatever they say. */
const refusals: readonly { readonly pattern: RegExp; readonly because: string }[] = [
  { pattern: /^(ArchivePolicy|FifoThroughputScope)$/, because: noFifo },
  {
    pattern:
      /^(HTTP|SQS|Lambda|Firehose|Application)(SuccessFeedbackRoleArn|SuccessFeedbackSampleRate|FailureFeedbackRoleArn)$/,
    because: noDeliveryLogs,
  },
];

/** @throws AwsError InvalidParameter for a name or value that SNS would refuse, or that is not supported here */
export function topicAttribute(name: string, value: string): Partial<TopicBody> {
  if (Object.hasOwn(setters, name)) return setters[name](value);
  const refused = refusals.find(({ pattern }) => pattern.test(name));
  if (refused !== undefined) throw unsupported(name, refused.because);
  throw invalidParameter("AttributeName");
}

export function shownTopicAttributes(
  topic: TopicId,
  body: TopicBody,
  counts: { readonly confirmed: number; readonly pending: number },
): Record<string, string> {
  const arn = topicArn(topic);
  return {
    TopicArn: arn,
    Owner: topic.accountId,
    Policy: body.policy ?? defaultTopicPolicy(arn, topic.accountId),
    DisplayName: body.displayName,
    SubscriptionsConfirmed: String(counts.confirmed),
    SubscriptionsPending: String(counts.pending),
    SubscriptionsDeleted: String(body.subscriptionsDeleted),
    EffectiveDeliveryPolicy: JSON.stringify(effectiveTopicPolicy(body.deliveryPolicy)),
    ...(body.deliveryPolicy === undefined ? {} : { DeliveryPolicy: body.deliveryPolicy }),
    ...(body.signatureVersion === undefined ? {} : { SignatureVersion: body.signatureVersion }),
    ...(body.tracingConfig === undefined ? {} : { TracingConfig: body.tracingConfig }),
  };
}
