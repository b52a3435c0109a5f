/**
 * Sending, receiving and deleting, as all operations and other services do it.
 *
 * At least once: a message is on disk before its sender is answered, and is given out until somebody deletes it. Receipts
 * are written too, so that counts and time-outs hold over a restart of the server.
 */
import { randomUUID } from "node:crypto";
import { RecordMissing, type RecordChange } from "../../storage/record-store.ts";
import { parseArn } from "../../resources/arn.ts";
import type { Contents, Entry } from "./contents.ts";
import { invalidParameter, sqsError } from "./errors.ts";
import { queueArn, type QueueId } from "./names.ts";
import { allowsRedriveFrom, redrivePolicyOf, secondsOf } from "./queue-attributes.ts";
import type { QueueRecord, QueueStore } from "./queue-store.ts";
import { receiptHandle, type Receipt } from "./receipt.ts";
import { contentKey, type MessageContent } from "./records.ts";

/** Source: Amazon SQS quotas: 120,000 messages in flight. */
const maxInFlight = 120_000;
/** Messages of one queue: AWS sets no limit, a machine's memory does, for the index is there. */
const maxMessages = 200_000;
const maxVisibilityMs = 43_200_000;
/** Expired messages that one call removes. */
const expiryBatch = 500;
/** Messages that one call moves to the dead-letter queue. */
const deadLetterBatch = 100;

const platform = { by: "sagebrush:sqs", call: "messages" };

export interface Received {
  readonly id: string;
  readonly receiptHandle: string;
  readonly content: MessageContent;
  readonly sentAt: number;
  readonly receiveCount: number;
  readonly firstReceivedAt: number;
}

export interface ReceiveOptions {
  readonly max: number;
  /** Seconds; the queue's own unless given. */
  readonly visibilityTimeout?: number;
  /** Seconds; the queue's own unless given. */
  readonly waitTime?: number;
  readonly signal: AbortSignal;
}

export class MessageQueue {
  readonly #store: QueueStore;
  #lastOrder = 0;

  constructor(store: QueueStore) {
    this.#store = store;
  }

  /**
   * Sends messages, all or none, durable when resolved.
   * @param messages `delay` in seconds, the queue's own unless given
   * @returns their ids in order
   * @throws AwsError OverLimit when the queue is full
   */
  async send(
    queue: QueueRecord,
    messages: readonly { readonly content: MessageContent; readonly delay?: number }[],
  ): Promise<readonly string[]> {
    const contents = await this.#store.contents(queue);
    await this.#expire(queue, contents);
    if (contents.size + messages.length > maxMessages) {
      throw sqsError(
        "OverLimit",
        `Queue ${queue.name} holds ${contents.size} messages, at most ${maxMessages} fit; delete some, or purge it`,
        403,
      );
    }
    const now = this.#store.clock.now();
    const added = messages.map(({ content, delay }) => {
      const visibleAt = now + 1000 * (delay ?? secondsOf(queue.body, "DelaySeconds"));
      return {
        id: randomUUID(),
        content,
        state: { sentAt: now, order: this.#nextOrder(now), visibleAt, receiveCount: 0 },
      };
    });
    await this.#write(added.flatMap(({ id, content, state }) => contents.insertion(id, state, content)));
    for (const { id, state } of added) contents.add(id, state, this.#store.clock.now());
    // Purged while they were written: they went with the others, and so do their bytes.
    if (contents.isClosed) this.#store.remove(contents);
    return added.map(({ id }) => id);
  }

  /** ms since the epoch, or a little more where many messages come at once. */
  #nextOrder(now: number): number {
    this.#lastOrder = Math.max(now, this.#lastOrder + 1 / 1024);
    return this.#lastOrder;
  }

  /** Up to `max` messages; waits for the first for as long as the call or the queue says. @throws AwsError QueueDoesNotExist */
  async receive(
    id: QueueId,
    { max, visibilityTimeout, waitTime, signal }: ReceiveOptions,
  ): Promise<readonly Received[]> {
    const { clock } = this.#store;
    const begin = clock.now();
    for (;;) {
      const queue = await this.#store.require(id);
      const contents = await this.#store.contents(queue);
      const received = await this.#take(queue, contents, max, visibilityTimeout);
      const seconds = waitTime ?? secondsOf(queue.body, "ReceiveMessageWaitTimeSeconds");
      const leftMs = begin + 1000 * seconds - clock.now();
      if (received.length > 0 || leftMs <= 0 || signal.aborted) return received;
      await this.#change(contents, leftMs, signal);
    }
  }

  /** Deletes a message by its last receipt; an older one is answered and changes nothing. */
  async delete(queue: QueueRecord, receipts: readonly Receipt[]): Promise<void> {
    const contents = await this.#store.contents(queue);
    const entries = receipts.flatMap(({ contents: id, messageId, receiveCount }) => {
      const entry = id === contents.id ? contents.find(messageId) : undefined;
      return entry?.receiveCount === receiveCount ? [entry] : [];
    });
    if (entries.length === 0) return;
    await this.#write(entries.flatMap((entry) => contents.deletion(entry)));
    for (const entry of entries) contents.remove(entry);
  }

  /**
   * @param seconds 0 makes the message visible at once
   * @throws AwsError InvalidParameterValue when the receipt is not the last, or the message is not in flight
   */
  async changeVisibility(queue: QueueRecord, handle: string, receipt: Receipt, seconds: number): Promise<void> {
    const contents = await this.#store.contents(queue);
    const now = this.#store.clock.now();
    contents.counts(now);
    const entry = receipt.contents === contents.id ? contents.find(receipt.messageId) : undefined;
    if (entry === undefined || entry.stage !== "inFlight" || entry.receiveCount !== receipt.receiveCount) {
      throw invalidParameter(
        "ReceiptHandle",
        handle,
        "Message does not exist or is not available for visibility timeout change.",
      );
    }
    const visibleAt = now + 1000 * seconds;
    if (visibleAt > (entry.firstReceivedAt ?? now) + maxVisibilityMs && seconds > 0) {
      throw sqsError(
        "InvalidParameterValue",
        "Total VisibilityTimeout for the message is beyond the limit [43200 seconds]",
      );
    }
    const before = entry.visibleAt;
    contents.reschedule(entry, visibleAt, now);
    try {
      await this.#write([contents.update(entry)]);
    } catch (error) {
      contents.reschedule(entry, before, now);
      throw error;
    }
  }

  /** How many messages are visible, delayed and in flight. */
  async counts(queue: QueueRecord): Promise<ReturnType<Contents["counts"]>> {
    const contents = await this.#store.contents(queue);
    await this.#expire(queue, contents);
    return contents.counts(this.#store.clock.now());
  }

  async #take(
    queue: QueueRecord,
    contents: Contents,
    max: number,
    visibilityTimeout: number | undefined,
  ): Promise<Received[]> {
    await this.#expire(queue, contents);
    const redrive = redrivePolicyOf(queue.body);
    const deadLetters = redrive && (await this.#deadLetterQueue(queue, redrive.deadLetterTargetArn));
    const now = this.#store.clock.now();
    if (contents.counts(now).inFlight >= maxInFlight) {
      throw sqsError("OverLimit", `Queue ${queue.name} has ${maxInFlight} messages in flight; delete some first`, 403);
    }
    const visibleAt = now + 1000 * (visibilityTimeout ?? secondsOf(queue.body, "VisibilityTimeout"));
    const taken: Entry[] = [];
    const dead: Entry[] = [];
    while (taken.length < max && dead.length < deadLetterBatch) {
      const entry = contents.take(now, Math.max(visibleAt, now + 1));
      if (entry === undefined) break;
      if (deadLetters !== undefined && entry.receiveCount > redrive!.maxReceiveCount) dead.push(entry);
      else taken.push(entry);
    }
    try {
      if (dead.length > 0) await this.#moveToDeadLetters(queue, contents, dead, deadLetters!);
      const read = await this.#written(contents, taken);
      // Not to be hidden at all: visible again as soon as the answer is on its way.
      if (visibleAt <= now) for (const entry of taken) contents.reschedule(entry, now, now);
      return read;
    } catch (error) {
      for (const entry of [...taken, ...dead]) contents.putBack(entry, now);
      if (error instanceof RecordMissing && contents.isClosed) return [];
      throw error;
    }
  }

  /** Makes receipts durable and reads what was received. */
  async #written(contents: Contents, taken: readonly Entry[]): Promise<Received[]> {
    if (taken.length === 0) return [];
    await this.#write(taken.map((entry) => contents.update(entry)));
    const received: Received[] = [];
    for (const entry of taken) {
      const content = await this.#contentOf(contents, entry);
      // Deleted while it was being received.
      if (content === undefined) continue;
      const { id, sentAt, receiveCount, firstReceivedAt } = entry;
      received.push({
        id,
        receiptHandle: receiptHandle({ contents: contents.id, messageId: id, receiveCount }),
        content,
        sentAt,
        receiveCount,
        firstReceivedAt: firstReceivedAt ?? sentAt,
      });
    }
    return received;
  }

  /** Undefined while the queue is not there or does not take them: the messages then stay where they are. */
  async #deadLetterQueue(source: QueueRecord, arn: string): Promise<QueueRecord | undefined> {
    const { accountId, region, resource: name } = parseArn(arn)!;
    const record = await this.#store.find({ accountId, region, name });
    return record !== undefined && allowsRedriveFrom(record.body, queueArn(source)) ? record : undefined;
  }

  async #moveToDeadLetters(
    source: QueueRecord,
    contents: Contents,
    dead: readonly Entry[],
    target: QueueRecord,
  ): Promise<void> {
    const into = await this.#store.contents(target);
    const now = this.#store.clock.now();
    const changes: RecordChange[] = [];
    const states = dead.map((entry) => ({ ...contents.stateOf(entry), visibleAt: now }));
    for (const [index, entry] of dead.entries()) {
      const content = await this.#contentOf(contents, entry);
      if (content === undefined) continue;
      const moved = { ...content, deadLetterSourceArn: queueArn(source) };
      changes.push(...contents.deletion(entry), ...into.insertion(entry.id, states[index], moved));
    }
    await this.#write(changes);
    for (const [index, entry] of dead.entries()) {
      contents.remove(entry);
      into.add(entry.id, states[index], now);
    }
  }

  /** Read past the store's memory of recent records, where a few large messages would crowd out everything else. */
  async #contentOf({ space, id }: Contents, entry: Entry): Promise<MessageContent | undefined> {
    const { name, ...family } = contentKey(space, id, entry.id);
    const query = { ...family, orderBy: "name", namePrefix: name, limit: 1 } as const;
    return (await this.#store.records.list<MessageContent>(query)).records[0]?.body;
  }

  async #expire(queue: QueueRecord, contents: Contents): Promise<void> {
    const oldest = this.#store.clock.now() - 1000 * secondsOf(queue.body, "MessageRetentionPeriod");
    for (;;) {
      const expired = contents.expire(oldest, expiryBatch);
      if (expired.length === 0) return;
      await this.#write(expired.flatMap((entry) => contents.deletion(entry)));
    }
  }

  /** Resolves when something may be there, the time is over, or nobody waits any more. */
  #change(contents: Contents, leftMs: number, signal: AbortSignal): Promise<void> {
    const { clock } = this.#store;
    const nextMs = (contents.nextVisibleAt() ?? Infinity) - clock.now();
    return new Promise((resolve) => {
      const done = () => {
        cancel();
        forget();
        signal.removeEventListener("abort", done);
        resolve();
      };
      const forget = contents.onChange(done);
      const cancel = clock.schedule(Math.max(0, Math.min(leftMs, nextMs)), done);
      signal.addEventListener("abort", done, { once: true });
    });
  }

  async #write(changes: readonly RecordChange[]): Promise<void> {
    await this.#store.records.write(changes, { actor: platform, at: this.#store.clock.now(), history: false });
  }
}
