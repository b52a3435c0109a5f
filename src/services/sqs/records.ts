/** What is kept of queues and messages. */
import type { RecordKey } from "../../storage/record-store.ts";
import type { QueueId } from "./names.ts";

export interface QueueBody {
  /**
   * Under which its messages are kept. A purge gives the queue a new one: what was in it is gone at once, and its bytes
   * are freed later.
   */
  readonly contents: string;
  /** Those that were set, by AWS's names. */
  readonly attributes: Readonly<Record<string, string>>;
  /** ms since the epoch, when attributes were last set */
  readonly modifiedAt: number;
  /** ms since the epoch */
  readonly purgedAt?: number;
}

export interface MessageAttribute {
  /** `String`, `Number`, `Binary`, or one of them with a suffix: `Number.byte` */
  readonly type: string;
  /** Base64 where the type begins with Binary. */
  readonly value: string;
}

/** What was sent. */
export interface MessageContent {
  readonly body: string;
  readonly attributes?: Readonly<Record<string, MessageAttribute>>;
  /** X-Ray's, as it was sent. */
  readonly traceHeader?: string;
  readonly senderId: string;
  /** The queue from which it was moved here. */
  readonly deadLetterSourceArn?: string;
}

/** Where a message stands; small, because every receipt writes it. */
export interface MessageState {
  /** ms since the epoch */
  readonly sentAt: number;
  /** Grows from message to message, also within a millisecond. */
  readonly order: number;
  /** Not given out before this. */
  readonly visibleAt: number;
  readonly receiveCount: number;
  readonly firstReceivedAt?: number;
}

export interface Space {
  readonly accountId: string;
  readonly region: string;
}

export function queueKey({ accountId, region, name }: QueueId): RecordKey {
  return { accountId, region, family: "sqs-queue", name };
}

export function stateKey({ accountId, region }: Space, contents: string, messageId: string): RecordKey {
  return { accountId, region, family: "sqs-message", name: `${contents}:${messageId}` };
}

export function contentKey({ accountId, region }: Space, contents: string, messageId: string): RecordKey {
  return { accountId, region, family: "sqs-message-content", name: `${contents}:${messageId}` };
}

/** Says that messages are to be deleted in the background. */
export function removalKey({ accountId, region }: Space, contents: string): RecordKey {
  return { accountId, region, family: "sqs-removal", name: contents };
}
