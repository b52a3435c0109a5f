/** Log groups and streams as records, their events as files. Also the `LogSink` through which jobs and endpoints write. */
import { randomBytes } from "node:crypto";
import { mkdir, readdir, rm } from "node:fs/promises";
import { join } from "node:path";
import { formatArn } from "../../resources/arn.ts";
import type { LogEvent, LogSink, LogStreamKey } from "../../jobs/ports.ts";
import {
  RecordExists,
  type Actor,
  type RecordKey,
  type RecordStore,
  type StoredRecord,
} from "../../storage/record-store.ts";
import type { Clock } from "../../util/clock.ts";
import { LogFile } from "./log-file.ts";

export interface LogSpace {
  readonly accountId: string;
  readonly region: string;
}

export interface LogStreamBody {
  /** Name of the file of its events: random, never the stream's own name. */
  readonly file: string;
}

const platform: Actor = { by: "sagebrush:logs", call: "logs:append" };

/** Open files are kept for reuse up to this many. */
const maxOpenFiles = 128;

export class LogStore implements LogSink {
  readonly #records: RecordStore;
  readonly #directory: string;
  readonly #clock: Clock;
  /** By file name, least recently used first. */
  readonly #open = new Map<string, Promise<LogFile>>();
  readonly #inUse = new Map<string, number>();

  private constructor(records: RecordStore, directory: string, clock: Clock) {
    this.#records = records;
    this.#directory = directory;
    this.#clock = clock;
  }

  /** @param directory folder of the event files; made when absent */
  static async open(records: RecordStore, directory: string, clock: Clock): Promise<LogStore> {
    await mkdir(directory, { recursive: true, mode: 0o700 });
    return new LogStore(records, directory, clock);
  }

  groupKey(space: LogSpace, group: string): RecordKey {
    return { accountId: space.accountId, region: space.region, family: "log-group", name: group };
  }

  /** Neither a group nor a stream name may hold a colon, so it separates them. */
  streamKey(space: LogSpace, group: string, stream: string): RecordKey {
    return { accountId: space.accountId, region: space.region, family: "log-stream", name: `${group}:${stream}` };
  }

  async createGroup(
    space: LogSpace,
    group: string,
    actor: Actor,
    tags: Readonly<Record<string, string>> = {},
  ): Promise<void> {
    const arn = logGroupArn(space, group);
    const key = this.groupKey(space, group);
    await this.#records.write(
      [
        { op: "insert", key, arn, body: {} },
        ...(Object.keys(tags).length > 0 ? [{ op: "tag" as const, arn, tags }] : []),
      ],
      { actor, at: this.#clock.now() },
    );
  }

  async createStream(space: LogSpace, group: string, stream: string, actor: Actor): Promise<void> {
    const body: LogStreamBody = { file: randomBytes(16).toString("hex") };
    await this.#records.write([{ op: "insert", key: this.streamKey(space, group, stream), body }], {
      actor,
      at: this.#clock.now(),
    });
  }

  getGroup(space: LogSpace, group: string): Promise<StoredRecord | undefined> {
    return this.#records.get(this.groupKey(space, group));
  }

  getStream(space: LogSpace, group: string, stream: string): Promise<StoredRecord<LogStreamBody> | undefined> {
    return this.#records.get<LogStreamBody>(this.streamKey(space, group, stream));
  }

  /** All streams of a group whose name starts with `prefix`, by name. */
  async *streams(
    space: LogSpace,
    group: string,
    prefix = "",
  ): AsyncIterable<{ name: string; record: StoredRecord<LogStreamBody> }> {
    let nameAfter: string | undefined;
    for (;;) {
      const page = await this.#records.list<LogStreamBody>({
        ...space,
        family: "log-stream",
        orderBy: "name",
        namePrefix: `${group}:${prefix}`,
        limit: 1000,
        ...(nameAfter === undefined ? {} : { nameAfter }),
      });
      for (const record of page.records) yield { name: record.name.slice(group.length + 1), record };
      if (page.next === undefined) return;
      nameAfter = page.records.at(-1)!.name;
    }
  }

  async deleteStream(space: LogSpace, group: string, stream: string, actor: Actor): Promise<void> {
    const record = await this.getStream(space, group, stream);
    if (record === undefined) return;
    await this.#records.write([{ op: "delete", key: record, ifExists: true }], { actor, at: this.#clock.now() });
    await this.#removeFile(record.body.file);
  }

  async deleteGroup(space: LogSpace, group: string, actor: Actor): Promise<void> {
    const files: string[] = [];
    const keys: RecordKey[] = [];
    for await (const { record } of this.streams(space, group)) {
      keys.push(record);
      files.push(record.body.file);
    }
    await this.#records.write(
      [
        ...keys.map((key) => ({ op: "delete" as const, key, ifExists: true })),
        { op: "delete", key: this.groupKey(space, group), ifExists: true },
        { op: "untag", arn: logGroupArn(space, group), keys: "all" },
      ],
      { actor, at: this.#clock.now() },
    );
    for (const file of files) await this.#removeFile(file);
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
    await this.withFile(record.body.file, (log) =>
      log.append(
        events.map(({ timestamp, message }) => [timestamp, message] as const),
        this.#clock.now(),
        sourceOffset,
      ),
    );
  }

  async sourceOffset(key: LogStreamKey): Promise<number> {
    const record = await this.getStream(key, key.group, key.stream);
    return record === undefined ? 0 : this.withFile(record.body.file, (log) => log.sourceOffset);
  }

  /** Removes event files that no stream names: what a crash between record and file may leave. */
  async sweep(): Promise<number> {
    const known = new Set<string>();
    for await (const record of this.#records.scan<LogStreamBody>("log-stream")) known.add(record.body.file);
    let removed = 0;
    for (const file of await readdir(this.#directory)) {
      if (known.has(file) || this.#open.has(file)) continue;
      await rm(join(this.#directory, file), { force: true });
      removed += 1;
    }
    return removed;
  }

  async close(): Promise<void> {
    const files = [...this.#open.values()];
    this.#open.clear();
    for (const file of files) await (await file).close();
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
    const open = this.#open.get(file) ?? LogFile.open(join(this.#directory, file));
    this.#open.delete(file);
    this.#open.set(file, open);
    open.catch(() => this.#open.delete(file));
    return open;
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
    if (open !== undefined) await (await open).close();
    await rm(join(this.#directory, file), { force: true });
  }
}

export function logGroupArn(space: LogSpace, group: string): string {
  const { region, accountId } = space;
  return formatArn({ service: "logs", region, accountId, resource: `log-group:${group}` });
}

async function ignoreExisting(creation: Promise<void>): Promise<void> {
  try {
    await creation;
  } catch (error) {
    if (!(error instanceof RecordExists)) throw error;
  }
}
