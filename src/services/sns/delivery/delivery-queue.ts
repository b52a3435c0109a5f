/**
 * The durable queue of deliveries: one record for a message, one for each subscription that is to get it.
 *
 * Publishing writes them in one batch and answers; from then on every delivery is tried until it succeeds, is refused for
 * good, or its retries are used up. A delivery's record goes when that is decided, and the message's with its last
 * delivery. After a crash the records say what is left, so every message arrives at least once. In memory are only ids.
 */
import type { MetricSink } from "../../../jobs/ports.ts";
import type { Actor, RecordChange, RecordKey, RecordStore } from "../../../storage/record-store.ts";
import type { Clock } from "../../../util/clock.ts";
import { AwsError } from "../../../protocol/aws-error.ts";
import { RecentlyUsed } from "../../../util/recently-used.ts";
import { parseTopicArn, type SubscriptionId } from "../names.ts";
import { deliveryKey, messageKey, pending, type DeliveryBody, type MessageBody, type Protocol } from "../records.ts";
import type { SnsStore } from "../sns-store.ts";
import { redriveTarget } from "../redrive-policy.ts";
import { Lane, type PendingDelivery } from "./lane.ts";
import type { QueueDelivery } from "./queue-sender.ts";
import { retryDelayMs } from "./retry-policy.ts";
import { DeliveryFailed, type Outgoing, type Sender } from "./sender.ts";

/** Deliveries that wait, over all subscriptions; 10,000 subscriptions with ten messages each. */
const maxPending = 100_000;
/** Of one subscription; what comes on top is given up, so that a dead endpoint does not stop the others. */
const maxPendingPerSubscription = 10_000;
/** Characters of all messages that wait. */
const maxPendingSize = 512 * 2 ** 20;
/** Tries under way at the same time. */
const maxConcurrent = 64;
/** Messages that are in memory; 256 KiB each at most. */
const keptMessages = 64;

const platform = "sagebrush:sns";

export interface DeliveryQueueOptions {
  readonly records: RecordStore;
  readonly store: SnsStore;
  readonly clock: Clock;
  readonly senders: Readonly<Record<Protocol, Sender>>;
  readonly deadLetters: QueueDelivery;
  readonly metrics?: MetricSink;
  readonly report: (what: string, error: unknown) => void;
}

/** A message and who gets it. */
export interface Dispatch {
  readonly messageId: string;
  readonly message: MessageBody;
  readonly to: readonly { readonly subscription: SubscriptionId; readonly target?: DeliveryBody["target"] }[];
}

interface PendingMessage {
  deliveries: number;
  readonly size: number;
}

export class DeliveryQueue {
  readonly #options: DeliveryQueueOptions;
  readonly #lanes = new Map<string, Lane>();
  /** By key of the message's record. */
  readonly #messages = new Map<string, PendingMessage>();
  readonly #recent = new RecentlyUsed<string, MessageBody>(keptMessages);
  #pending = 0;
  #size = 0;
  #running = 0;
  readonly #stop = new AbortController();
  readonly #tries = new Set<Promise<void>>();
  /** Lanes that found no free place. */
  readonly #waiting = new Set<Lane>();

  constructor(options: DeliveryQueueOptions) {
    this.#options = options;
  }

  /** Takes up what was left when the last server ended. */
  async resume(): Promise<void> {
    const { records } = this.#options;
    const waiting: DeliveryBody[] = [];
    for await (const { body } of records.scan<DeliveryBody>("sns-delivery")) waiting.push(body);
    const wanted = new Set(waiting.map(({ subscription, messageId }) => pendingId(subscription, messageId)));
    const orphans: RecordKey[] = [];
    for await (const { body, ...key } of records.scan<MessageBody>("sns-message")) {
      const id = pendingId(key, key.name);
      if (wanted.has(id)) this.#messages.set(id, { deliveries: 0, size: JSON.stringify(body).length });
      else orphans.push(messageKey(key, key.name));
    }
    for (const key of orphans) await this.#write([{ op: "delete", key, ifExists: true }], "forget");
    for (const delivery of waiting) this.#admit(delivery);
    for (const { size } of this.#messages.values()) this.#size += size;
  }

  /**
   * What makes a message's deliveries durable, for the batch of the operation that sends it.
   * @throws AwsError Throttled when too much waits already
   */
  changesFor({ messageId, message, to }: Dispatch, now: number): readonly RecordChange[] {
    if (to.length === 0) return [];
    if (this.#pending + to.length > maxPending || this.#size > maxPendingSize) {
      throw new AwsError(
        "ThrottledException",
        `Rate exceeded: ${this.#pending} deliveries wait for their endpoints; at most ${maxPending} can wait`,
        { status: 429 },
      );
    }
    return [
      { op: "insert", key: messageKey(to[0].subscription, messageId), body: message },
      ...to.map(({ subscription, target }): RecordChange => {
        const body: DeliveryBody = { messageId, subscription, attempts: 0, dueAt: now, ...(target && { target }) };
        return { op: "insert", key: deliveryKey(body), body };
      }),
    ];
  }

  /** The batch with the changes is written: delivers. */
  accept({ messageId, message, to }: Dispatch, now: number): void {
    if (to.length === 0) return;
    const size = JSON.stringify(message).length;
    this.#messages.set(pendingId(to[0].subscription, messageId), { deliveries: 0, size });
    this.#size += size;
    for (const { subscription, target } of to)
      this.#admit({ messageId, subscription, attempts: 0, dueAt: now, ...(target && { target }) });
  }

  /** Breaks off the tries that are under way; the next start begins them anew. */
  async stop(): Promise<void> {
    this.#stop.abort(new Error("the server is stopping"));
    for (const lane of this.#lanes.values()) lane.stop();
    await Promise.all(this.#tries);
  }

  #admit(body: DeliveryBody): void {
    const { accountId, region, topicName, id } = body.subscription;
    const laneId = `${accountId} ${region} ${topicName} ${id}`;
    const message = this.#messages.get(pendingId(body.subscription, body.messageId));
    if (message !== undefined) message.deliveries += 1;
    this.#pending += 1;
    let lane = this.#lanes.get(laneId);
    if (lane === undefined) {
      lane = new Lane(laneId, this.#options.clock, (self) => this.#pump(self));
      this.#lanes.set(laneId, lane);
    }
    lane.add({ body, overflow: lane.length >= maxPendingPerSubscription });
    this.#pump(lane);
  }

  #pump(lane: Lane): void {
    while (!this.#stop.signal.aborted) {
      if (this.#running >= maxConcurrent) {
        this.#waiting.add(lane);
        return;
      }
      const next = lane.take();
      if (next === undefined) break;
      this.#running += 1;
      const attempt = this.#attempt(lane, next)
        .catch((error: unknown) => this.#options.report("a notification's delivery could not be recorded", error))
        .finally(() => {
          this.#running -= 1;
          this.#tries.delete(attempt);
          lane.release();
          this.#pump(lane);
          const [other] = this.#waiting;
          if (other !== undefined && this.#waiting.delete(other)) this.#pump(other);
        });
      this.#tries.add(attempt);
    }
    if (lane.isEmpty) this.#lanes.delete(lane.id);
  }

  async #attempt(lane: Lane, delivery: PendingDelivery): Promise<void> {
    const { body } = delivery;
    const outgoing = await this.#outgoing(body);
    // Nobody is there any more to get it.
    if (outgoing === undefined) return this.#done(body, "forget");
    const sender = this.#options.senders[outgoing.protocol];
    if (delivery.overflow) {
      const reason = `${maxPendingPerSubscription} messages wait for this endpoint already`;
      return this.#giveUp(body, outgoing, { code: "TooManyPending", reason });
    }
    const { signal } = this.#stop;
    try {
      await lane.turn(sender.rate?.(outgoing), signal);
      await sender.send(outgoing, signal);
    } catch (error) {
      // Not tried to its end: the record is as it was, and the next start tries again.
      if (signal.aborted) return;
      const failure = failureOf(error);
      const attempts = body.attempts + 1;
      const delay = failure.permanent ? undefined : retryDelayMs(sender.retryPolicy(outgoing), attempts);
      if (delay === undefined) return this.#giveUp(body, outgoing, failure);
      return this.#retry(lane, { ...body, attempts, dueAt: this.#options.clock.now() + delay });
    }
    this.#count("NumberOfNotificationsDelivered", outgoing);
    return this.#done(body, "deliver");
  }

  async #outgoing(body: DeliveryBody): Promise<Outgoing | undefined> {
    const { store } = this.#options;
    const { messageId, subscription, target } = body;
    const message = await this.#messageOf(subscription, messageId);
    if (message === undefined) return undefined;
    const topic = await store.findTopic(parseTopicArn(message.topicArn));
    const record = target === undefined ? await store.findSubscription(subscription) : undefined;
    const current = record?.body;
    const where = target ?? current;
    if (where === undefined || (topic === undefined && target === undefined)) return undefined;
    // Confirmed meanwhile: the question needs no answer any more.
    const isOpen = record?.status === pending;
    if (message.type === "SubscriptionConfirmation" && !isOpen) return undefined;
    return {
      messageId,
      message,
      subscription,
      protocol: where.protocol,
      endpoint: where.endpoint,
      attributes: current?.attributes ?? {},
      displayName: topic?.body.displayName ?? "",
      ...(topic?.body.deliveryPolicy === undefined ? {} : { topicDeliveryPolicy: topic.body.deliveryPolicy }),
    };
  }

  /** A few messages are kept for their next subscription; past the store's own memory, which counts records and not bytes. */
  async #messageOf(space: SubscriptionId, messageId: string): Promise<MessageBody | undefined> {
    const id = pendingId(space, messageId);
    const known = this.#recent.get(id);
    if (known !== undefined) return known;
    const { name, ...family } = messageKey(space, messageId);
    const query = { ...family, orderBy: "name", namePrefix: name, limit: 1 } as const;
    const message = (await this.#options.records.list<MessageBody>(query)).records[0]?.body;
    if (message !== undefined) this.#recent.set(id, message);
    return message;
  }

  async #retry(lane: Lane, body: DeliveryBody): Promise<void> {
    try {
      await this.#write([{ op: "update", key: deliveryKey(body), body }], "retry");
    } finally {
      lane.add({ body, overflow: false });
    }
  }

  async #giveUp(body: DeliveryBody, outgoing: Outgoing, failure: { code: string; reason: string }): Promise<void> {
    const queueArn = redriveTarget(outgoing.attributes.RedrivePolicy);
    this.#count("NumberOfNotificationsFailed", outgoing);
    if (queueArn !== undefined && outgoing.message.type === "Notification") {
      try {
        await this.#options.deadLetters.redrive(queueArn, outgoing, failure);
        this.#count("NumberOfNotificationsRedrivenToDlq", outgoing);
      } catch (error) {
        this.#count("NumberOfNotificationsFailedToRedriveToDlq", outgoing);
        this.#options.report(`message ${body.messageId} did not reach the dead-letter queue ${queueArn}`, error);
      }
    }
    await this.#done(body, "give-up");
  }

  async #done(body: DeliveryBody, call: string): Promise<void> {
    const id = pendingId(body.subscription, body.messageId);
    const message = this.#messages.get(id);
    const isLast = message === undefined || message.deliveries === 1;
    const changes: RecordChange[] = [{ op: "delete", key: deliveryKey(body), ifExists: true }];
    if (isLast) changes.push({ op: "delete", key: messageKey(body.subscription, body.messageId), ifExists: true });
    if (message !== undefined) message.deliveries -= 1;
    this.#pending -= 1;
    if (isLast && message !== undefined) {
      this.#messages.delete(id);
      this.#size -= message.size;
    }
    await this.#write(changes, call);
  }

  async #write(changes: readonly RecordChange[], call: string): Promise<void> {
    const actor: Actor = { by: platform, call };
    await this.#options.records.write(changes, {
      actor,
      at: this.#options.clock.now(),
      history: false,
      essential: true,
    });
  }

  #count(name: string, { message }: Outgoing): void {
    const { name: topicName, ...space } = parseTopicArn(message.topicArn);
    const timestamp = this.#options.clock.now();
    const dimensions = { TopicName: topicName };
    const datum = { namespace: "AWS/SNS", name, dimensions, unit: "Count", timestamp, value: 1 };
    this.#options.metrics?.put(space, [datum]);
  }
}

function pendingId({ accountId, region }: { accountId: string; region: string }, messageId: string): string {
  return `${accountId} ${region} ${messageId}`;
}

function failureOf(error: unknown): { code: string; reason: string; permanent: boolean } {
  if (error instanceof DeliveryFailed) return { code: error.code, reason: error.message, permanent: error.permanent };
  const reason = error instanceof Error ? error.message : String(error);
  return { code: "InternalError", reason, permanent: false };
}
