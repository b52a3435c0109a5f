/** Queues as records, their contents in memory while they are used, and the removal of what was purged. */
import { randomUUID } from "node:crypto";
import {
  RecordMissing,
  RevisionConflict,
  type RecordChange,
  type RecordStore,
  type StoredRecord,
  type WriteOptions,
} from "../../storage/record-store.ts";
import type { Clock } from "../../util/clock.ts";
import { Contents } from "./contents.ts";
import { queueDoesNotExist, sqsError } from "./errors.ts";
import { queueArn, type QueueId } from "./names.ts";
import { queueKey, removalKey, type QueueBody, type Space } from "./records.ts";

export type QueueRecord = StoredRecord<QueueBody>;

/** How often a change is decided anew when others write the same record meanwhile. */
const maxConflicts = 20;
const removalBatch = 500;
const purgeIntervalMs = 60_000;

const platform = { by: "sagebrush:sqs", call: "remove" };

export interface QueueStoreOptions {
  readonly records: RecordStore;
  readonly clock: Clock;
  readonly report: (what: string, error: unknown) => void;
}

export class QueueStore {
  readonly records: RecordStore;
  readonly clock: Clock;
  readonly #report: QueueStoreOptions["report"];
  /** By the id under which a queue's messages are kept. */
  readonly #contents = new Map<string, Promise<Contents>>();
  #removing: Promise<void> = Promise.resolve();
  #stopped = false;

  constructor({ records, clock, report }: QueueStoreOptions) {
    this.records = records;
    this.clock = clock;
    this.#report = report;
  }

  find(queue: QueueId): Promise<QueueRecord | undefined> {
    return this.records.get<QueueBody>(queueKey(queue));
  }

  /** @throws AwsError QueueDoesNotExist */
  async require(queue: QueueId): Promise<QueueRecord> {
    const record = await this.find(queue);
    if (record === undefined) throw queueDoesNotExist();
    return record;
  }

  /** @throws RecordExists when there is one of this name */
  async create(
    queue: QueueId,
    attributes: Readonly<Record<string, string>>,
    tags: Readonly<Record<string, string>>,
    options: WriteOptions,
  ): Promise<void> {
    const arn = queueArn(queue);
    const body: QueueBody = { contents: randomUUID(), attributes, modifiedAt: options.at };
    const tag: RecordChange[] = Object.keys(tags).length === 0 ? [] : [{ op: "tag", arn, tags }];
    await this.records.write([{ op: "insert", key: queueKey(queue), arn, body }, ...tag], options);
  }

  /** @param decide sees the newest body, and may run again */
  async update(queue: QueueId, decide: (body: QueueBody) => QueueBody, options: WriteOptions): Promise<void> {
    await this.#retrying(async () => {
      const { body, revision } = await this.require(queue);
      const change = { op: "update", key: queueKey(queue), body: decide(body), expectedRevision: revision } as const;
      await this.records.write([change], options);
    });
  }

  /** Deletes a queue and, in the background, its messages. */
  async delete(queue: QueueId, options: WriteOptions): Promise<void> {
    const contents = await this.#retrying(async () => {
      const { body, revision } = await this.require(queue);
      await this.records.write(
        [
          { op: "delete", key: queueKey(queue), expectedRevision: revision },
          { op: "untag", arn: queueArn(queue), keys: "all" },
          { op: "put", key: removalKey(queue, body.contents), body: {} },
        ],
        options,
      );
      return body.contents;
    });
    this.#close(queue, contents);
  }

  /** Empties a queue at once. @throws AwsError PurgeQueueInProgress within a minute of the last purge */
  async purge(queue: QueueId, options: WriteOptions): Promise<void> {
    const contents = await this.#retrying(async () => {
      const { body, revision } = await this.require(queue);
      if (body.purgedAt !== undefined && options.at < body.purgedAt + purgeIntervalMs) {
        throw sqsError(
          "PurgeQueueInProgress",
          `Only one PurgeQueue operation on ${queue.name} is allowed every 60 seconds.`,
          403,
        );
      }
      const emptied: QueueBody = { ...body, contents: randomUUID(), purgedAt: options.at };
      await this.records.write(
        [
          { op: "update", key: queueKey(queue), body: emptied, expectedRevision: revision },
          { op: "put", key: removalKey(queue, body.contents), body: {} },
        ],
        options,
      );
      return body.contents;
    });
    this.#close(queue, contents);
  }

  /** The messages of a queue; read from disk when they are first asked for. */
  async contents({ accountId, region, body }: QueueRecord): Promise<Contents> {
    const id = body.contents;
    let known = this.#contents.get(id);
    if (known === undefined) {
      known = Contents.load(this.records, { accountId, region }, id, this.clock.now());
      this.#contents.set(id, known);
      known.catch(() => this.#contents.delete(id));
    }
    return known;
  }

  /** Goes on with removals that the last server left. */
  async resume(): Promise<void> {
    for await (const { accountId, region, name } of this.records.scan("sqs-removal")) {
      this.remove({ space: { accountId, region }, id: name });
    }
  }

  /** Deletes messages in the background. */
  remove({ space, id }: Pick<Contents, "space" | "id">): void {
    this.#removing = this.#removing
      .then(() => this.#removeMessages(space, id))
      .catch((error: unknown) =>
        this.#report("messages of a purged queue were not removed; the next start tries again", error),
      );
  }

  /** Breaks removals off; the next start goes on with them. */
  async close(): Promise<void> {
    this.#stopped = true;
    await this.#removing;
    for (const contents of this.#contents.values()) (await contents.catch(() => undefined))?.close();
  }

  #close(space: Space, id: string): void {
    const loaded = this.#contents.get(id);
    this.#contents.delete(id);
    loaded?.then(
      (contents) => contents.close(),
      () => {},
    );
    this.remove({ space, id });
  }

  async #removeMessages(space: Space, id: string): Promise<void> {
    const options = () => ({ actor: platform, at: this.clock.now(), history: false });
    const { accountId, region } = space;
    for (const family of ["sqs-message", "sqs-message-content"]) {
      for (;;) {
        if (this.#stopped) return;
        const query = {
          accountId,
          region,
          family,
          orderBy: "name",
          namePrefix: `${id}:`,
          limit: removalBatch,
        } as const;
        const { records } = await this.records.list(query);
        if (records.length === 0) break;
        const changes = records.map(({ name }) => {
          return { op: "delete", key: { accountId, region, family, name }, ifExists: true } as const;
        });
        await this.records.write(changes, options());
      }
    }
    await this.records.write([{ op: "delete", key: removalKey(space, id), ifExists: true }], options());
  }

  async #retrying<Result>(act: () => Promise<Result>): Promise<Result> {
    for (let conflicts = 0; ; conflicts += 1) {
      try {
        return await act();
      } catch (error) {
        const conflict = error instanceof RevisionConflict || error instanceof RecordMissing;
        if (!conflict || conflicts >= maxConflicts) throw error;
      }
    }
  }
}
