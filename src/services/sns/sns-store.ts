/** Topics and subscriptions as records: what all operations read and write. */
import { createHash, randomUUID } from "node:crypto";
import { sameKey } from "../../resources/record-changes.ts";
import {
  RecordExists,
  RecordMissing,
  RevisionConflict,
  type RecordChange,
  type RecordStore,
  type StoredRecord,
  type WriteOptions,
} from "../../storage/record-store.ts";
import { AwsError } from "../../protocol/aws-error.ts";
import { subscriptionNotFound, topicNotFound } from "./errors.ts";
import { parseTopicArn, subscriptionArn, topicArn, type SubscriptionId, type TopicId } from "./names.ts";
import {
  confirmed,
  endedKey,
  endpointKey,
  pending,
  subscriptionKey,
  topicKey,
  type Protocol,
  type SubscriptionBody,
  type TopicBody,
} from "./records.ts";

export type TopicRecord = StoredRecord<TopicBody>;
export type SubscriptionRecord = StoredRecord<SubscriptionBody>;

/** How often a change is decided anew when others write the same record meanwhile. */
const maxConflicts = 20;
/** Per topic; AWS allows 12.5 million, which one machine does not serve. */
export const maxSubscriptions = 10_000;
const listPage = 1000;
/** Records of one batch when many are deleted. */
const deletionBatch = 500;

interface EndpointBody {
  /** UUID */
  readonly subscription: string;
}

export class SnsStore {
  readonly #records: RecordStore;

  constructor(records: RecordStore) {
    this.#records = records;
  }

  /** @throws AwsError NotFound */
  async topic(id: TopicId): Promise<TopicRecord> {
    const record = await this.findTopic(id);
    if (record === undefined) throw topicNotFound();
    return record;
  }

  findTopic(id: TopicId): Promise<TopicRecord | undefined> {
    return this.#records.get<TopicBody>(topicKey(id));
  }

  /** @throws RecordExists when there is one of this name */
  async createTopic(
    id: TopicId,
    body: TopicBody,
    tags: Readonly<Record<string, string>>,
    options: WriteOptions,
  ): Promise<void> {
    const arn = topicArn(id);
    const tag: RecordChange[] = Object.keys(tags).length === 0 ? [] : [{ op: "tag", arn, tags }];
    await this.#records.write([{ op: "insert", key: topicKey(id), arn, body }, ...tag], options);
  }

  /** @param decide sees the newest body, and may run again */
  async updateTopic(id: TopicId, decide: (body: TopicBody) => TopicBody, options: WriteOptions): Promise<void> {
    await retrying(async () => {
      const { body, revision } = await this.topic(id);
      const change = { op: "update", key: topicKey(id), body: decide(body), expectedRevision: revision } as const;
      await this.#records.write([change], options);
    });
  }

  /** Deletes a topic and its subscriptions; nothing happens when there is none. */
  async deleteTopic(id: TopicId, options: WriteOptions): Promise<void> {
    await this.#records.write(
      [
        { op: "delete", key: topicKey(id), ifExists: true },
        { op: "untag", arn: topicArn(id), keys: "all" },
      ],
      options,
    );
    // A crash in between leaves subscriptions without a topic: the next start deletes them.
    await this.#deleteSubscriptionsOf(id, options);
  }

  async #deleteSubscriptionsOf(id: TopicId, options: WriteOptions): Promise<void> {
    let changes: RecordChange[] = [];
    for await (const subscription of this.subscriptions(id)) {
      changes.push(...subscriptionRemoval(subscription));
      if (changes.length < deletionBatch) continue;
      await this.#records.write(changes, options);
      changes = [];
    }
    if (changes.length > 0) await this.#records.write(changes, options);
  }

  /** Deletes subscriptions whose topic is gone, and those that nobody confirmed, made before `unconfirmedBefore` (ms). */
  async sweep(unconfirmedBefore: number, options: WriteOptions): Promise<void> {
    for await (const subscription of this.#records.scan<SubscriptionBody>("sns-subscription")) {
      const expired = subscription.status === pending && subscription.createdAt < unconfirmedBefore;
      const topic = expired ? undefined : await this.findTopic(parseTopicArn(subscription.body.topicArn));
      if (topic === undefined) await this.#records.write(subscriptionRemoval(subscription), options);
    }
    for await (const key of this.#records.scan<SubscriptionBody>("sns-ended-subscription")) {
      if (key.createdAt < unconfirmedBefore)
        await this.#records.write([{ op: "delete", key, ifExists: true }], options);
    }
  }

  /** @throws AwsError NotFound */
  async subscription(id: SubscriptionId): Promise<SubscriptionRecord> {
    const record = await this.findSubscription(id);
    if (record === undefined) throw subscriptionNotFound();
    return record;
  }

  findSubscription(id: SubscriptionId): Promise<SubscriptionRecord | undefined> {
    return this.#records.get<SubscriptionBody>(subscriptionKey(id));
  }

  /** The subscription that a topic has for an endpoint. */
  async findByEndpoint(id: TopicId, protocol: Protocol, endpoint: string): Promise<SubscriptionRecord | undefined> {
    const record = await this.#records.get<EndpointBody>(endpointKey(id, endpointDigest(protocol, endpoint)));
    return record && this.findSubscription({ ...id, topicName: id.name, id: record.body.subscription });
  }

  /**
   * @returns the subscription, and false when the topic had one for this endpoint already
   * @throws AwsError SubscriptionLimitExceeded
   */
  async createSubscription(
    topic: TopicId,
    facts: Omit<SubscriptionBody, "id">,
    status: "confirmed" | "pending",
    also: (subscription: SubscriptionBody) => readonly RecordChange[],
    options: WriteOptions,
  ): Promise<{ subscription: SubscriptionRecord; created: boolean }> {
    const { all } = await this.counts(topic);
    if (all >= maxSubscriptions) {
      throw new AwsError(
        "SubscriptionLimitExceededException",
        `Topic ${topicArn(topic)} has ${all} subscriptions and can have ${maxSubscriptions}; unsubscribe some first`,
        { status: 403 },
      );
    }
    const body: SubscriptionBody = { ...facts, id: randomUUID() };
    const id = { ...topic, topicName: topic.name, id: body.id };
    const endpoint = endpointKey(topic, endpointDigest(body.protocol, body.endpoint));
    try {
      const [, written] = await this.#records.write(
        [
          { op: "insert", key: endpoint, body: { subscription: body.id } satisfies EndpointBody },
          { op: "insert", key: subscriptionKey(id), arn: subscriptionArn(id), status, body },
          ...also(body),
        ],
        options,
      );
      return { subscription: written as SubscriptionRecord, created: true };
    } catch (error) {
      if (!(error instanceof RecordExists) || !sameKey(error.key, endpoint)) throw error;
      const existing = await this.findByEndpoint(topic, body.protocol, body.endpoint);
      if (existing === undefined) throw error;
      return { subscription: existing, created: false };
    }
  }

  /** @param decide sees the newest record, and may run again */
  async updateSubscription(
    id: SubscriptionId,
    decide: (record: SubscriptionRecord) => { body: SubscriptionBody; status?: "confirmed" | "pending" },
    options: WriteOptions,
  ): Promise<SubscriptionRecord> {
    return retrying(async () => {
      const record = await this.subscription(id);
      const { body, status } = decide(record);
      const change = { op: "update", key: record, body, status, expectedRevision: record.revision } as const;
      const [written] = await this.#records.write([change], options);
      return written as SubscriptionRecord;
    });
  }

  /** A subscription that its endpoint ended without a signature, and the token with which it can take that back. */
  async findEnded(id: SubscriptionId): Promise<StoredRecord<SubscriptionBody> | undefined> {
    return this.#records.get<SubscriptionBody>(endedKey(id));
  }

  /** Keeps a subscription that is being deleted so that it can be revived. */
  endedChange(id: SubscriptionId, body: SubscriptionBody): RecordChange {
    return { op: "put", key: endedKey(id), body };
  }

  /** Makes an ended subscription what it was. @throws RecordExists when its endpoint has another by now */
  async revive(id: SubscriptionId, body: SubscriptionBody, options: WriteOptions): Promise<void> {
    const topic = { ...id, name: id.topicName };
    const digest = endpointDigest(body.protocol, body.endpoint);
    await this.#records.write(
      [
        { op: "delete", key: endedKey(id) },
        { op: "insert", key: endpointKey(topic, digest), body: { subscription: body.id } satisfies EndpointBody },
        { op: "insert", key: subscriptionKey(id), arn: subscriptionArn(id), status: confirmed, body },
      ],
      options,
    );
  }

  /** Nothing happens when it is gone. */
  async deleteSubscription(
    subscription: SubscriptionRecord,
    also: readonly RecordChange[],
    options: WriteOptions,
  ): Promise<void> {
    const topic = parseTopicArn(subscription.body.topicArn);
    await retrying(async () => {
      const record = await this.findTopic(topic);
      const counted: RecordChange[] =
        record === undefined
          ? []
          : [
              {
                op: "update",
                key: topicKey(topic),
                body: { ...record.body, subscriptionsDeleted: record.body.subscriptionsDeleted + 1 },
                expectedRevision: record.revision,
              },
            ];
      await this.#records.write([...subscriptionRemoval(subscription), ...counted, ...also], options);
    });
  }

  /** Subscriptions of a topic in order of their ids. */
  async *subscriptions(
    { accountId, region, name }: TopicId,
    status?: "confirmed" | "pending",
  ): AsyncIterable<SubscriptionRecord> {
    let nameAfter: string | undefined;
    for (;;) {
      const page = await this.#records.list<SubscriptionBody>({
        accountId,
        region,
        family: "sns-subscription",
        orderBy: "name",
        namePrefix: `${name}:`,
        limit: listPage,
        ...(nameAfter === undefined ? {} : { nameAfter }),
      });
      for (const record of page.records) if (status === undefined || record.status === status) yield record;
      if (page.next === undefined) return;
      nameAfter = page.next.name;
    }
  }

  async counts(topic: TopicId): Promise<{ all: number; confirmed: number; pending: number }> {
    let [all, confirmedOnes] = [0, 0];
    for await (const { status } of this.subscriptions(topic)) {
      all += 1;
      if (status === confirmed) confirmedOnes += 1;
    }
    return { all, confirmed: confirmedOnes, pending: all - confirmedOnes };
  }

  tags(arn: string): Promise<Readonly<Record<string, string>>> {
    return this.#records.tags(arn);
  }

  async write(changes: readonly RecordChange[], options: WriteOptions): Promise<void> {
    await this.#records.write(changes, options);
  }

  /** A page of a family of the caller's own, by name. */
  async page<Body>(
    space: { readonly accountId: string; readonly region: string },
    family: "sns-topic" | "sns-subscription",
    options: { readonly limit: number; readonly nameAfter?: string; readonly namePrefix?: string },
  ): Promise<{ records: readonly StoredRecord<Body>[]; next?: string }> {
    const { accountId, region } = space;
    const page = await this.#records.list<Body>({ accountId, region, family, orderBy: "name", ...options });
    return { records: page.records, ...(page.next === undefined ? {} : { next: page.next.name }) };
  }
}

function subscriptionRemoval(subscription: SubscriptionRecord): RecordChange[] {
  const topic = parseTopicArn(subscription.body.topicArn);
  const digest = endpointDigest(subscription.body.protocol, subscription.body.endpoint);
  const { accountId, region, family, name } = subscription;
  return [
    { op: "delete", key: { accountId, region, family, name }, ifExists: true },
    { op: "delete", key: endpointKey(topic, digest), ifExists: true },
  ];
}

/** Endpoints may be longer than names of records. */
function endpointDigest(protocol: Protocol, endpoint: string): string {
  return createHash("sha256").update(`${protocol} ${endpoint}`).digest("hex");
}

async function retrying<Result>(act: () => Promise<Result>): Promise<Result> {
  for (let conflicts = 0; ; conflicts += 1) {
    try {
      return await act();
    } catch (error) {
      const conflict = error instanceof RevisionConflict || error instanceof RecordMissing;
      if (!conflict || conflicts >= maxConflicts) throw error;
    }
  }
}
