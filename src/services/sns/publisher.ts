/** From a message to its deliveries: finds who is to get it, and writes that down before anyone is told. */
import { randomUUID } from "node:crypto";
import type { MetricSink } from "../../jobs/ports.ts";
import type { WriteOptions } from "../../storage/record-store.ts";
import { RecentlyUsed } from "../../util/recently-used.ts";
import type { DeliveryQueue, Dispatch } from "./delivery/delivery-queue.ts";
import { textFor } from "./delivery/sender.ts";
import type { FilterPolicy } from "./filter/filter-policy.ts";
import type { MessageContent } from "./message.ts";
import { topicArn, type SubscriptionId, type TopicId } from "./names.ts";
import { confirmed, type MessageBody, type SubscriptionAttributes } from "./records.ts";
import type { SnsStore, SubscriptionRecord } from "./sns-store.ts";
import { filterPolicyOf } from "./subscription-attributes.ts";

/** Compiled filter policies that are kept. */
const keptFilters = 1000;

export interface PublisherOptions {
  readonly store: SnsStore;
  readonly deliveries: DeliveryQueue;
  readonly metrics?: MetricSink;
}

export class Publisher {
  readonly #options: PublisherOptions;
  readonly #filters = new RecentlyUsed<string, FilterPolicy>(keptFilters);

  constructor(options: PublisherOptions) {
    this.#options = options;
  }

  /**
   * Publishes messages to a topic, all or none, durable when resolved.
   * @returns their ids, in order
   * @throws AwsError NotFound, Throttled
   */
  async publish(
    topic: TopicId,
    contents: readonly MessageContent[],
    { actor, at }: Pick<WriteOptions, "actor" | "at">,
  ): Promise<readonly string[]> {
    const { store } = this.#options;
    const { body } = await store.topic(topic);
    const subscriptions: SubscriptionRecord[] = [];
    for await (const subscription of store.subscriptions(topic, confirmed)) subscriptions.push(subscription);
    let filtered = 0;
    const dispatches = contents.map(({ subject, texts, attributes }): Dispatch => {
      const message: MessageBody = {
        type: "Notification",
        topicArn: topicArn(topic),
        timestamp: at,
        texts,
        signatureVersion: body.signatureVersion ?? "1",
        ...(subject === undefined ? {} : { subject }),
        ...(attributes === undefined ? {} : { attributes }),
      };
      const takers = subscriptions.filter((subscription) => this.#accepts(subscription, message));
      filtered += subscriptions.length - takers.length;
      return { messageId: randomUUID(), message, to: takers.map((taker) => ({ subscription: idOf(topic, taker) })) };
    });
    await this.send(dispatches, { actor, at });
    this.#count(topic, contents, filtered, at);
    return dispatches.map(({ messageId }) => messageId);
  }

  /** Makes deliveries durable and starts them. */
  async send(dispatches: readonly Dispatch[], { actor, at }: Pick<WriteOptions, "actor" | "at">): Promise<void> {
    const { store, deliveries } = this.#options;
    const changes = dispatches.flatMap((dispatch) => deliveries.changesFor(dispatch, at));
    if (changes.length > 0) await store.write(changes, { actor, at, history: false });
    for (const dispatch of dispatches) deliveries.accept(dispatch, at);
  }

  #accepts({ body: { attributes, protocol } }: SubscriptionRecord, message: MessageBody): boolean {
    const filter = this.#filterOf(attributes);
    if (filter === undefined) return true;
    return filter.accepts({ body: textFor(message, protocol), attributes: message.attributes });
  }

  #filterOf(attributes: SubscriptionAttributes): FilterPolicy | undefined {
    const { FilterPolicy: text, FilterPolicyScope: scope } = attributes;
    if (text === undefined) return undefined;
    const key = `${scope ?? ""} ${text}`;
    const known = this.#filters.get(key);
    if (known !== undefined) return known;
    const compiled = filterPolicyOf(attributes)!;
    this.#filters.set(key, compiled);
    return compiled;
  }

  #count({ name, ...space }: TopicId, contents: readonly MessageContent[], filtered: number, timestamp: number): void {
    const common = { namespace: "AWS/SNS", dimensions: { TopicName: name }, timestamp };
    this.#options.metrics?.put(space, [
      { ...common, name: "NumberOfMessagesPublished", unit: "Count", value: contents.length },
      { ...common, name: "PublishSize", unit: "Bytes", value: contents.map(({ size }) => [size, 1] as const) },
      ...(filtered === 0
        ? []
        : [{ ...common, name: "NumberOfNotificationsFilteredOut", unit: "Count", value: filtered }]),
    ]);
  }
}

function idOf({ accountId, region, name }: TopicId, { body }: SubscriptionRecord): SubscriptionId {
  return { accountId, region, topicName: name, id: body.id };
}
