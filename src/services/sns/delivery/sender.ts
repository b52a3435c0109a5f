/** One try to deliver one message, as the queue of deliveries sees it. */
import type { SubscriptionId } from "../names.ts";
import type { MessageBody, Protocol, SubscriptionAttributes } from "../records.ts";
import type { RetryPolicy } from "./retry-policy.ts";

export interface Outgoing {
  readonly messageId: string;
  readonly message: MessageBody;
  readonly subscription: SubscriptionId;
  readonly protocol: Protocol;
  readonly endpoint: string;
  /** Those of the subscription; none for a farewell. */
  readonly attributes: SubscriptionAttributes;
  /** JSON; the topic's own delivery policy, when it has one. */
  readonly topicDeliveryPolicy?: string;
  /** Of the topic, for the eyes of people. */
  readonly displayName: string;
}

export interface Sender {
  /**
   * @param signal breaks the try off, where it may take long
   * @throws DeliveryFailed, or anything else when trying again may help
   */
  send(outgoing: Outgoing, signal: AbortSignal): Promise<void>;
  retryPolicy(outgoing: Outgoing): RetryPolicy;
  /** Deliveries in a second, at most; no limit where undefined. */
  rate?(outgoing: Outgoing): number | undefined;
}

/** A try failed, and it is known why. */
export class DeliveryFailed extends Error {
  /** For the dead-letter queue: an HTTP status, or the code of an error. */
  readonly code: string;
  /** Trying again cannot help: the endpoint understood and refused. */
  readonly permanent: boolean;

  constructor(code: string, message: string, options: { permanent: boolean; cause?: unknown }) {
    super(message, { cause: options.cause });
    this.name = "DeliveryFailed";
    this.code = code;
    this.permanent = options.permanent;
  }
}

/** The text for a protocol: its own where the publisher gave one. */
export function textFor({ texts }: MessageBody, protocol: Protocol): string {
  return Object.hasOwn(texts, protocol) ? texts[protocol] : texts.default;
}
