/** Log groups and streams as records, their events as files. Also the `LogSink` through which jobs and endpoints write. */
import { randomBytes } from "node:crypto";
import { mkdir, readdir } from "node:fs/promises";
import { join } from "node:path";
import type { LogEvent, LogSink, LogStreamKey } from "../../jobs/ports.ts";
import {
  RecordExists,
  type Actor,
  type RecordKey,
  type RecordStore,
  type StoredRecord,
  type WriteOptions,
} from "../../storage/record-store.ts";
import type { Clock } from "../../util/clock.ts";
import { RecentlyUsed } from "../../util/recently-used.ts";
import type { EventPair } from "./events/batch-line.ts";
import { LogFile, type StreamSummary } from "./events/log-file.ts";
import {
  cutoffOf,
  families,
  groupKey,
  type LogGroupBody,
  logGroupArn,
  type LogSpace,
  type LogStreamBody,
  streamKey,
} from "./records.ts";

export interface LogStoreOptions {
  /** Told what went wrong in the background. */
  readonly onProblem?: (problem: string, cause: unknown) => void;
}

/** A stream as lists of streams hold it. */
export interface ListedStream {
  readonly name: string;
  readonly file: string;
  /** ms since the epoch */
  readonly createdAt: number;
}

/** Events that were just kept. */
export interface KeptEvents {
  readonly key: LogStreamKey;
  readonly events: readonly EventPair[];
  readonly ingestionTime: number;
}

const platform: Actor = { by: "sagebrush:logs", call: "logs:append" };

/** Files are kept open for reuse up to this many; each is an index of at most some 100 KiB. */
const maxOpenFiles = 128;
/** Streams whose times and size are known without their file. */
const maxSummaries = 200_000;
/** Groups whose streams are known without the records. */
const maxStreamLists = 64;
/** Streams that are looked at side by side. */
const parallelSummaries = 16;
/** How often old events are dropped. */
const retentionPeriodMs = 3600 * 1000;

export class LogStore implements LogSink {
  readonly #records: RecordStore;
  readonly #directory: string;
  readonly #clock: Clock;
  readonly #onProblem: (problem: string, cause: unknown) => void;
  /** By file name, least recently used first. */
  readonly #open = new Map<string, Promise<LogFile>>();
  readonly #inUse = new Map<string, number>();
  readonly #summaries = new RecentlyUsed<string, StreamSummary>(maxSummaries);
  readonly #streamLists = new RecentlyUsed<string, Promise<readonly ListedStream[]>>(maxStreamLists);
  readonly #listeners = new Set<(kept: KeptEvents) => void>();
  #cancelRetention: () => void = () => {};
  #dropping: Promise<void> = Promise.resolve();
  #closed = false;

  private constructor(records: RecordStore, directory: string, clock: Clock, options: LogStoreOptions) {
    this.#records = records;
    this.#directory = directory;
    this.#clock = clock;
    this.#onProblem =
      options.onProblem ??
      ((problem, cause) => process.emitWarning(problem, { detail: String(cause), code: "SAGEBRUSH_LOGS" }));
    this.#scheduleRetention();
  }

  /** @param directory folder of the event files; made when absent */
  static async open(
    records: RecordStore,
    directory: string,
    clock: Clock,
    options: LogStoreOptions = {},
  ): Promise<LogStore> {
    await mkdir(directory, { recursive: true, mode: 0o700 });
    return new LogStore(records, directory, clock, options);
  }

  /** @throws RecordExists */
  async createGroup(
    space: LogSpace,
    group: string,
    actor: Actor,
    { tags = {}, body = {} }: { tags?: Readonly<Record<string, string>>; body?: LogGroupBody } = {},
  ): Promise<void> {
    const arn = logGroupArn(space, group);
    await this.#records.write(
      [
        { op: "insert", key: groupKey(space, group), arn, body },
        ...(Object.keys(tags).length > 0 ? [{ op: "tag" as const, arn, tags }] : []),
      ],
      this.#write(actor),
    );
  }

  /** @throws RecordMissing, RevisionConflict */
  async changeGroup(group: StoredRecord<LogGroupBody>, body: LogGroupBody, actor: Actor): Promise<void> {
    await this.#records.write(
      [{ op: "update", key: keyOf(group), body, expectedRevision: group.revision }],
      this.#write(actor),
    );
  }

  /** @throws RecordExists */
  async createStream(space: LogSpace, group: string, stream: string, actor: Actor): Promise<void> {
    const body: LogStreamBody = { file: randomBytes(16).toString("hex") };
    await this.#records.write([{ op: "insert", key: streamKey(space, group, stream), body }], this.#write(actor));
    this.#forgetStreams(space, group);
  }

  getGroup(space: LogSpace, group: string): Promise<StoredRecord<LogGroupBody> | undefined> {
    return this.#records.get(groupKey(space, group));
  }

  getStream(space: LogSpace, group: string, stream: string): Promise<StoredRecord<LogStreamBody> | undefined> {
    return this.#records.get<LogStreamBody>(streamKey(space, group, stream));
  }

  /** All streams of a group, in the byte order of their names; read from the records once, until there are others. */
  streams(space: LogSpace, group: string): Promise<readonly ListedStream[]> {
    const id = logGroupArn(space, group);
    const known = this.#streamLists.get(id);
    if (known !== undefined) return known;
    const list = this.#listStreams(space, group);
    this.#streamLists.set(id, list);
    list.catch(() => this.#streamLists.delete(id));
    return list;
  }

  /** The times and sizes of streams, in their order. */
  async summaries(streams: readonly { readonly file: string }[]): Promise<readonly StreamSummary[]> {
    const found: StreamSummary[] = [];
    for (let from = 0; from < streams.length; from += parallelSummaries) {
      const some = streams.slice(from, from + parallelSummaries);
      const known = some.map(({ file }) => this.#summaries.get(file));
      // What is known needs no waiting: thousands of streams are then described in a millisecond.
      if (known.every((summary) => summary !== undefined)) found.push(...known);
      else found.push(...(await Promise.all(some.map(({ file }) => this.summary(file)))));
    }
    return found;
  }

  /** The times and size of one stream. */
  async summary(file: string): Promise<StreamSummary> {
    return this.#summaries.get(file) ?? this.withFile(file, (log) => log.summary);
  }

  async deleteStream(space: LogSpace, group: string, stream: string, actor: Actor): Promise<void> {
    const record = await this.getStream(space, group, stream);
    if (record === undefined) return;
    await this.#records.write([{ op: "delete", key: keyOf(record), ifExists: true }], this.#write(actor));
    this.#forgetStreams(space, group);
    await this.#removeFile(record.body.file);
  }

  /** Removes a group with its streams, their events and what else its name stands for. */
  async deleteGroup(space: LogSpace, group: string, actor: Actor): Promise<void> {
    const streams = await this.#listStreams(space, group);
    const keys = streams.map(({ name }) => streamKey(space, group, name));
    for await (const filter of this.#named(space, families.metricFilter, `${group}:`)) keys.push(keyOf(filter));
    await this.#records.write(
      [
        ...keys.map((key) => ({ op: "delete" as const, key, ifExists: true })),
        { op: "delete", key: groupKey(space, group), ifExists: true },
        { op: "untag", arn: logGroupArn(space, group), keys: "all" },
      ],
      this.#write(actor),
    );
    this.#forgetStreams(space, group);
    for (const { file } of streams) await this.#removeFile(file);
  }

  /** Runs `use` with the stream's file, which stays open at least that long. */
  async withFile<Result>(file: string, use: (log: LogFile) => Promise<Result> | Result): Promise<Result> {
    this.#inUse.set(file, (this.#inUse.get(file) ?? 0) + 1);
    try {
      return await use(await this.#fileOf(file));
    } finally {
      const users = this.#inUse.get(file)! - 1;
      if (users === 0) this.#inUse.delete(file);
      else this.#inUse.set(file, users);
      await this.#closeSurplus();
    }
  }

  async append(key: LogStreamKey, events: readonly LogEvent[], sourceOffset?: number): Promise<void> {
    const record = await this.#ensureStream(key);
    const pairs = events.map(({ timestamp, message }) => [timestamp, message] as const);
    await this.put(key, record.body.file, pairs, sourceOffset);
  }

  /** Keeps events of a stream that exists, and tells those who listen. */
  async put(
    key: LogStreamKey,
    file: string,
    events: readonly EventPair[],
    sourceOffset?: number,
  ): Promise<StreamSummary> {
    const ingestionTime = this.#clock.now();
    return this.withFile(file, async (log) => {
      const kept = await log.append(events, ingestionTime, sourceOffset);
      this.#summaries.set(file, log.summary);
      if (kept.length > 0) for (const listener of this.#listeners) listener({ key, events: kept, ingestionTime });
      return log.summary;
    });
  }

  /** Calls `listener` with all events that are kept from now on; it must neither throw nor wait. The result ends that. */
  listen(listener: (kept: KeptEvents) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** Tells whoever watches the server what went wrong in the background. */
  report(problem: string, cause: unknown): void {
    this.#onProblem(problem, cause);
  }

  async sourceOffset(key: LogStreamKey): Promise<number> {
    const record = await this.getStream(key, key.group, key.stream);
    return record === undefined ? 0 : (await this.summary(record.body.file)).sourceOffset;
  }

  /** Frees the bytes of events that are older than their groups keep them. */
  async dropExpired(): Promise<void> {
    for await (const group of this.#records.scan<LogGroupBody>(families.group)) {
      const cutoff = cutoffOf(group.body, this.#clock.now());
      if (cutoff === 0) continue;
      for (const { file } of await this.streams(group, group.name)) {
        if (this.#closed) return;
        if (((await this.summary(file)).oldest ?? Infinity) >= cutoff) continue;
        await this.withFile(file, async (log) => {
          await log.expire(cutoff);
          this.#summaries.set(file, log.summary);
        });
      }
    }
  }

  /** Removes event files that no stream names: what a crash between record and file may leave. */
  async sweep(): Promise<number> {
    // Read before the records: the files of streams that are made meanwhile are not among them.
    const names = new Set((await readdir(this.#directory)).map((name) => name.replace(/\.d$/, "")));
    for await (const record of this.#records.scan<LogStreamBody>(families.stream)) names.delete(record.body.file);
    for (const name of names) await this.#removeFile(name);
    return names.size;
  }

  async close(): Promise<void> {
    this.#closed = true;
    this.#cancelRetention();
    await this.#dropping;
    const files = [...this.#open.values()];
    this.#open.clear();
    for (const file of files) await (await file).close();
  }

  #scheduleRetention(): void {
    this.#cancelRetention = this.#clock.schedule(retentionPeriodMs, () => {
      this.#dropping = this.dropExpired()
        .catch((error: unknown) =>
          this.#onProblem("old log events could not be dropped; the next hour tries again", error),
        )
        .finally(() => {
          if (!this.#closed) this.#scheduleRetention();
        });
    });
  }

  #write(actor: Actor): WriteOptions {
    return { actor, at: this.#clock.now() };
  }

  async #listStreams(space: LogSpace, group: string): Promise<readonly ListedStream[]> {
    const streams: ListedStream[] = [];
    for await (const record of this.#named<LogStreamBody>(space, families.stream, `${group}:`)) {
      streams.push({ name: record.name.slice(group.length + 1), file: record.body.file, createdAt: record.createdAt });
    }
    return streams;
  }

  async *#named<Body>(space: LogSpace, family: string, namePrefix: string): AsyncIterable<StoredRecord<Body>> {
    const { accountId, region } = space;
    let nameAfter: string | undefined;
    for (;;) {
      const page = await this.#records.list<Body>({
        accountId,
        region,
        family,
        orderBy: "name",
        namePrefix,
        limit: 1000,
        ...(nameAfter === undefined ? {} : { nameAfter }),
      });
      yield* page.records;
      if (page.next === undefined) return;
      nameAfter = page.records.at(-1)!.name;
    }
  }

  #forgetStreams(space: LogSpace, group: string): void {
    this.#streamLists.delete(logGroupArn(space, group));
  }

  async #ensureStream(key: LogStreamKey): Promise<StoredRecord<LogStreamBody>> {
    const known = await this.getStream(key, key.group, key.stream);
    if (known !== undefined) return known;
    if ((await this.getGroup(key, key.group)) === undefined) {
      await ignoreExisting(this.createGroup(key, key.group, platform));
    }
    await ignoreExisting(this.createStream(key, key.group, key.stream, platform));
    return (await this.getStream(key, key.group, key.stream))!;
  }

  #fileOf(file: string): Promise<LogFile> {
    const open = this.#open.get(file) ?? this.#openFile(file);
    this.#open.delete(file);
    this.#open.set(file, open);
    return open;
  }

  #openFile(file: string): Promise<LogFile> {
    const opening = LogFile.open(join(this.#directory, file)).then((log) => {
      this.#summaries.set(file, log.summary);
      return log;
    });
    opening.catch(() => this.#open.delete(file));
    return opening;
  }

  async #closeSurplus(): Promise<void> {
    if (this.#open.size <= maxOpenFiles) return;
    for (const [file, open] of this.#open) {
      if (this.#open.size <= maxOpenFiles) return;
      if (this.#inUse.has(file)) continue;
      this.#open.delete(file);
      await (await open).close();
    }
  }

  async #removeFile(file: string): Promise<void> {
    const open = this.#open.get(file);
    this.#open.delete(file);
    this.#summaries.delete(file);
    if (open !== undefined) await (await open).close();
    await LogFile.remove(join(this.#directory, file));
  }
}

function keyOf({ accountId, region, family, name }: RecordKey): RecordKey {
  return { accountId, region, family, name };
}

async function ignoreExisting(creation: Promise<void>): Promise<void> {
  try {
    await creation;
  } catch (error) {
    if (!(error instanceof RecordExists)) throw error;
  }
}
