/** What is kept of topics, subscriptions, messages and deliveries. Topic names hold no colon, so it separates them. */
import type { RecordKey } from "../../storage/record-store.ts";
import type { SnsSpace, SubscriptionId, TopicId } from "./names.ts";

export type Protocol = "http" | "https" | "email" | "email-json" | "sqs";

export interface TopicBody {
  readonly displayName: string;
  /** JSON; absent: the default policy, which speaks for the owner's account alone. */
  readonly policy?: string;
  /** JSON, as it was set. */
  readonly deliveryPolicy?: string;
  /** 1: SHA1 with RSA, 2: SHA256 with RSA. Absent: never set, which is 1. */
  readonly signatureVersion?: "1" | "2";
  readonly tracingConfig?: "PassThrough";
  /** How many subscriptions were deleted from it. */
  readonly subscriptionsDeleted: number;
}

export interface SubscriptionBody {
  /** UUID */
  readonly id: string;
  readonly topicArn: string;
  readonly protocol: Protocol;
  readonly endpoint: string;
  /** Account of whoever subscribed. */
  readonly owner: string;
  readonly subscribedBy: string;
  /** While the endpoint has not confirmed. */
  readonly token?: string;
  /** Confirmed by a call with a signature, or by the queue's own account. */
  readonly confirmedWithSignature?: boolean;
  /** Whether only a signed call may end it. */
  readonly authenticateOnUnsubscribe?: boolean;
  readonly attributes: SubscriptionAttributes;
}

/** By AWS's names; JSON texts as they were set. */
export interface SubscriptionAttributes {
  readonly FilterPolicy?: string;
  readonly FilterPolicyScope?: "MessageAttributes" | "MessageBody";
  readonly RawMessageDelivery?: "true" | "false";
  readonly RedrivePolicy?: string;
  readonly DeliveryPolicy?: string;
}

/** Status of a subscription's record. */
export const confirmed = "confirmed";
export const pending = "pending";

export interface MessageAttribute {
  readonly type: string;
  /** Base64 for Binary. */
  readonly value: string;
}

/** A message on its way to one or many subscriptions. */
export interface MessageBody {
  readonly type: "Notification" | "SubscriptionConfirmation" | "UnsubscribeConfirmation";
  readonly topicArn: string;
  /** ms since the epoch */
  readonly timestamp: number;
  readonly subject?: string;
  /** By protocol; `default` for those without a text of their own. */
  readonly texts: Readonly<Record<string, string>> & { readonly default: string };
  readonly attributes?: Readonly<Record<string, MessageAttribute>>;
  readonly signatureVersion: "1" | "2";
  /** Of confirmations. */
  readonly token?: string;
}

/** One message to one subscription, until it was delivered or given up. */
export interface DeliveryBody {
  readonly messageId: string;
  readonly subscription: SubscriptionId;
  /** Where to, when the subscription may be gone: the farewell of an unsubscription. */
  readonly target?: { readonly protocol: Protocol; readonly endpoint: string };
  /** How often it was tried. */
  readonly attempts: number;
  /** ms since the epoch */
  readonly dueAt: number;
}

export function topicKey({ accountId, region, name }: TopicId): RecordKey {
  return { accountId, region, family: "sns-topic", name };
}

export function subscriptionKey({ accountId, region, topicName, id }: SubscriptionId): RecordKey {
  return { accountId, region, family: "sns-subscription", name: `${topicName}:${id}` };
}

/** Says which subscription a topic has for an endpoint: there is at most one. `digest` is of protocol and endpoint. */
export function endpointKey({ accountId, region, name }: TopicId, digest: string): RecordKey {
  return { accountId, region, family: "sns-endpoint", name: `${name}:${digest}` };
}

/** What an endpoint ended without a signature, for as long as it may take that back. */
export function endedKey({ accountId, region, topicName, id }: SubscriptionId): RecordKey {
  return { accountId, region, family: "sns-ended-subscription", name: `${topicName}:${id}` };
}

export function messageKey({ accountId, region }: SnsSpace, messageId: string): RecordKey {
  return { accountId, region, family: "sns-message", name: messageId };
}

export function deliveryKey({ messageId, subscription }: Pick<DeliveryBody, "messageId" | "subscription">): RecordKey {
  const { accountId, region, id } = subscription;
  return { accountId, region, family: "sns-delivery", name: `${messageId}:${id}` };
}
