/**
 * Notifications on their way: an outbox that survives the process, and its delivery.
 *
 * What is to be told is written in one batch with what happened, so neither is there without the other. A delivered
 * message is removed after its delivery: a crash in between tells it again, never not at all. Messages of one key go in
 * their order, one after the other; different keys go side by side.
 */
import { AwsError } from "../../../protocol/aws-error.ts";
import type { RecordChange, RecordStore, StoredRecord } from "../../../storage/record-store.ts";
import type { Clock } from "../../../util/clock.ts";
import { bucketArn } from "../arns.ts";
import type { ObjectEvent, ObjectEvents } from "../events.ts";
import { servicePrincipal, type TopicPublisher } from "../ports.ts";
import { listenersOf } from "./configuration.ts";
import { eventMessage, subject } from "./event-message.ts";

const outbox = { accountId: "*", region: "*", family: "s3-notification" } as const;
const actor = { by: "sagebrush:s3-notifications", call: "deliver" };

/** Messages in memory at once. */
const pageSize = 100;
/** Keys that are told of side by side, so that their writes share a commit. */
const maxLanes = 16;
/** So many keys that cannot be told of are no accident of theirs: the rest is not tried before the next time. */
const maxFailedKeys = 100;
/** A message that could not be delivered for so long is given up. ms */
const maxAgeMs = 24 * 3_600_000;
const firstPauseMs = 1000;
const longestPauseMs = 60_000;

interface Message {
  readonly accountId: string;
  readonly region: string;
  readonly topicArn: string;
  readonly bucket: string;
  /** Bucket and key: messages of one go in order. */
  readonly about: string;
  readonly body: string;
}

export interface BucketNotificationsOptions {
  readonly records: RecordStore;
  readonly clock: Clock;
  /** Told of messages that were given up, and of failures that are tried again. */
  readonly onProblem: (problem: string, cause: unknown) => void;
}

export class BucketNotifications implements ObjectEvents {
  readonly #options: BucketNotificationsOptions;
  #topics: TopicPublisher | undefined;
  /** Time and count of the last message: names grow, also when two are of one millisecond. */
  #last = { at: 0, count: 0 };
  #hasNews = false;
  /** Some bucket tells somebody: until then nothing that is written is looked at. */
  #isInUse = false;
  #running: Promise<void> | undefined;
  #failures = 0;
  #cancelRetry: () => void = () => {};
  #isStopped = false;

  constructor(options: BucketNotificationsOptions) {
    this.#options = options;
  }

  changesOf(event: ObjectEvent): readonly RecordChange[] {
    const { bucket, name, key } = event;
    // Nearly all buckets tell nobody.
    if (bucket.settings.notification === undefined) return [];
    return listenersOf(bucket.settings.notification, name, key).map(({ TopicArn: topicArn, Id = "" }) => {
      const sequencer = this.#nextSequencer(event.at);
      const { accountId, region } = bucket;
      const about = `${bucket.name}/${key}`;
      const message = eventMessage(event, Id, sequencer);
      const body: Message = { accountId, region, topicArn, bucket: bucket.name, about, body: message };
      this.#isInUse = true;
      return { op: "insert", key: { ...outbox, name: sequencer }, body };
    });
  }

  written(): void {
    if (!this.#isInUse) return;
    this.#hasNews = true;
    this.#wake();
  }

  /** Begins to deliver, first of all what a process before this one left. */
  start(topics: TopicPublisher): void {
    this.#topics = topics;
    this.#hasNews = true;
    this.#wake();
  }

  /** Resolves when nothing is under way any more; what was not delivered waits for the next start. */
  async stop(): Promise<void> {
    this.#isStopped = true;
    this.#cancelRetry();
    await this.#running;
  }

  /** Resolves when everything that could be delivered was. */
  async settled(): Promise<void> {
    while (this.#running !== undefined) await this.#running;
  }

  /** 18 hexadecimal digits: milliseconds, then a count. */
  #nextSequencer(at: number): string {
    const last = this.#last;
    this.#last = at > last.at ? { at, count: 0 } : { at: last.at, count: last.count + 1 };
    const digits = (value: number, length: number) => value.toString(16).toUpperCase().padStart(length, "0");
    return digits(this.#last.at, 12) + digits(this.#last.count, 6);
  }

  #wake(): void {
    if (this.#topics === undefined || this.#isStopped || this.#running !== undefined) return;
    this.#cancelRetry();
    this.#running = this.#run(this.#topics).finally(() => {
      this.#running = undefined;
      // News may have come after the last look.
      if (this.#hasNews) this.#wake();
    });
  }

  async #run(topics: TopicPublisher): Promise<void> {
    try {
      while (this.#hasNews && !this.#isStopped) {
        this.#hasNews = false;
        await this.#deliverAll(topics);
      }
      this.#failures = 0;
    } catch (error) {
      this.#failures += 1;
      const pauseMs = Math.min(longestPauseMs, firstPauseMs * 2 ** (this.#failures - 1));
      this.#options.onProblem(`notifications of buckets wait for ${pauseMs} ms and are then tried again`, error);
      this.#hasNews = false;
      if (this.#isStopped) return;
      this.#cancelRetry = this.#options.clock.schedule(pauseMs, () => {
        this.#hasNews = true;
        this.#wake();
      });
    }
  }

  /**
   * Goes once through everything that waits, the oldest first.
   * @throws Error the first failure, after all that could be delivered was
   */
  async #deliverAll(topics: TopicPublisher): Promise<void> {
    const { records, clock } = this.#options;
    /** Keys whose later messages must wait for an earlier one. */
    const failed = new Map<string, unknown>();
    for (let after = ""; !this.#isStopped && failed.size <= maxFailedKeys;) {
      const page = await records.list<Message>({ ...outbox, orderBy: "name", nameAfter: after, limit: pageSize });
      const done = await this.#deliverPage(topics, page.records, failed);
      if (done.length > 0) {
        const changes = done.map((name) => ({ op: "delete", key: { ...outbox, name }, ifExists: true }) as const);
        await records.write(changes, { actor, at: clock.now(), history: false });
      }
      if (page.next === undefined) break;
      after = page.next.name;
    }
    for (const cause of failed.values()) throw cause;
  }

  /** @returns the names of what was delivered or given up; what failed is added to `failed` */
  async #deliverPage(
    topics: TopicPublisher,
    page: readonly StoredRecord<Message>[],
    failed: Map<string, unknown>,
  ): Promise<string[]> {
    const lanes = new Map<string, StoredRecord<Message>[]>();
    for (const record of page) {
      const { about } = record.body;
      if (failed.has(about)) continue;
      const lane = lanes.get(about);
      if (lane === undefined) lanes.set(about, [record]);
      else lane.push(record);
    }
    const waiting = [...lanes];
    const done: string[] = [];
    const worker = async () => {
      for (let next = waiting.shift(); next !== undefined && !this.#isStopped; next = waiting.shift()) {
        const [about, lane] = next;
        try {
          for (const record of lane) {
            await this.#deliver(topics, record);
            done.push(record.name);
          }
        } catch (cause) {
          failed.set(about, cause);
        }
      }
    };
    await Promise.all(Array.from({ length: maxLanes }, worker));
    return done;
  }

  /** @throws Error when the topic could not take the message now */
  async #deliver(topics: TopicPublisher, record: StoredRecord<Message>): Promise<void> {
    const { accountId, region, topicArn, bucket, about, body } = record.body;
    try {
      if (!(await topics.topicAllows(topicArn, servicePrincipal, bucketArn(bucket), accountId))) {
        throw new AwsError("AuthorizationError", `${servicePrincipal} may not publish to it any more`, { status: 403 });
      }
      await topics.publish({ accountId, region }, topicArn, { subject, body });
    } catch (error) {
      // A topic that is gone or closed to S3 does not come back by waiting; AWS drops such events, too.
      const isFinal = error instanceof AwsError && error.status < 500;
      if (!isFinal && this.#options.clock.now() - record.createdAt < maxAgeMs) throw error;
      this.#options.onProblem(`a notification of ${about} for ${topicArn} was given up`, error);
    }
  }
}
