/**
 * Records in one SQLite file (write-ahead log, `synchronous=FULL`): the default RecordStore.
 *
 * Reads run at once on the one connection; writes are committed in groups by the commit queue. Because a transaction
 * never spans an `await`, reads see only what is durable.
 */
import { dirname, join } from "node:path";
import { deepFreeze } from "../util/deep-freeze.ts";
import { RecentlyUsed } from "../util/recently-used.ts";
import { CommitQueue } from "./commit-queue.ts";
import { DiskReserve } from "./disk-reserve.ts";
import { migrate } from "./migrate.ts";
import { isStorableText, prepareBatch, readTags, toRecord } from "./record-batch.ts";
import { listRecords } from "./record-queries.ts";
import { db, statements } from "./record-statements.ts";
import type {
  HistoryEntry,
  ListPage,
  ListQuery,
  RecordChange,
  RecordKey,
  RecordStore,
  StoredRecord,
  TaggedArn,
  TaggedQuery,
  WriteOptions,
} from "./record-store.ts";
import { sqliteFlavour } from "./sql-flavour.ts";
import { SpaceIndex } from "./space-index.ts";
import { isDiskFull, SqliteConnection } from "./sqlite-connection.ts";
import { taggedArns } from "./tag-queries.ts";

/** Records that a scan holds at a time. */
const scanPage = 500;
const maxPage = 1000;
/** Twice what SQLite lets its log grow to: with that much room the log can be emptied into a database that must grow. */
const defaultReserveBytes = 8 * 2 ** 20;

export interface SqliteRecordStoreOptions {
  /** Path of the database file; its folder must exist. */
  readonly file: string;
  /** Bytes kept back in `sagebrush.reserve` beside the file for opening and deleting on a full disk. Default 8 MiB; 0 for none. */
  readonly reserveBytes?: number;
}

/** Records that are asked for again and again (a job that is polled, a model that is deployed) are read once. */
const recentRecords = 2000;

function checkLimit(limit: number): void {
  if (Number.isInteger(limit) && limit >= 1 && limit <= maxPage) return;
  throw new RangeError(`the limit of a list must be a whole number from 1 to ${maxPage}, got ${limit}`);
}

function recentId(space: number, name: string): string {
  return `${space} ${name}`;
}

/** On a full disk the reserve gives what opening needs: SQLite starts its log anew. */
function openMakingRoom(file: string, reserve: DiskReserve): SqliteConnection {
  try {
    return openMigrated(file);
  } catch (error) {
    if (!isDiskFull(error) || !reserve.release()) throw error;
    return openMigrated(file);
  }
}

function openMigrated(file: string): SqliteConnection {
  const connection = new SqliteConnection(file);
  try {
    migrate(connection, db, sqliteFlavour, file);
    return connection;
  } catch (error) {
    connection.close();
    throw error;
  }
}

export class SqliteRecordStore implements RecordStore {
  readonly #connection: SqliteConnection;
  readonly #spaces: SpaceIndex;
  readonly #commits: CommitQueue;
  /** What `get` found lately, by space and name. Only this process writes the file, so a write here is all that ends it. */
  readonly #recent = new RecentlyUsed<string, StoredRecord>(recentRecords);
  readonly #readBefore = new RecentlyUsed<string, true>(recentRecords);
  #closed = false;

  /**
   * Opens the file, or makes it, and brings its tables up to date. The file is locked until `close`.
   * @throws DatabaseUnusable when another process holds it or it is damaged; Error when a newer Sagebrush wrote it
   */
  constructor({ file, reserveBytes = defaultReserveBytes }: SqliteRecordStoreOptions) {
    const reserve = new DiskReserve(join(dirname(file), "sagebrush.reserve"), reserveBytes);
    this.#connection = openMakingRoom(file, reserve);
    try {
      this.#spaces = new SpaceIndex(this.#connection);
      this.#commits = new CommitQueue(this.#connection, this.#spaces, reserve, (key) => this.#forget(key));
    } catch (error) {
      this.#connection.close();
      throw error;
    }
  }

  async get<Body>(key: RecordKey): Promise<StoredRecord<Body> | undefined> {
    const space = this.#spaces.find(key);
    if (space === undefined || !isStorableText(key.name)) return undefined;
    const id = recentId(space.id, key.name);
    const known = this.#recent.get(id);
    if (known !== undefined) return known as StoredRecord<Body>;
    const row = this.#connection.first(statements.record({ space: space.id, name: key.name }));
    if (row === undefined) return undefined;
    const record = toRecord<Body>(space, row);
    // What is read once is the reader's own; what is read again is kept, and shared from then on.
    if (this.#readBefore.get(id) === undefined) this.#readBefore.set(id, true);
    else this.#recent.set(id, deepFreeze(record));
    return record;
  }

  #forget(key: RecordKey): void {
    const space = this.#spaces.find(key);
    if (space !== undefined) this.#recent.delete(recentId(space.id, key.name));
  }

  async getByArn<Body>(arn: string): Promise<StoredRecord<Body> | undefined> {
    const row = this.#connection.first(statements.recordByArn({ arn }));
    return row && toRecord<Body>(this.#spaces.byId(row.space_id), row);
  }

  async list<Body>(query: ListQuery): Promise<ListPage<Body>> {
    checkLimit(query.limit);
    const space = this.#spaces.find(query);
    if (space === undefined) return { records: [] };
    const rows = this.#connection.all(listRecords(db, sqliteFlavour, space.id, query));
    const records = rows.slice(0, query.limit).map((row) => toRecord<Body>(space, row));
    const last = records.at(-1);
    if (rows.length <= query.limit || last === undefined) return { records };
    return { records, next: { value: last[query.orderBy ?? "createdAt"], name: last.name } };
  }

  async listByStatus<Body>(family: string, statuses: readonly string[]): Promise<readonly StoredRecord<Body>[]> {
    const found: StoredRecord<Body>[] = [];
    for (const space of this.#spaces.ofFamily(family)) {
      for (const status of new Set(statuses)) {
        const rows = this.#connection.all(statements.recordsByStatus({ space: space.id, status }));
        for (const row of rows) found.push(toRecord<Body>(space, row));
      }
    }
    return found;
  }

  async *scan<Body>(family: string): AsyncIterable<StoredRecord<Body>> {
    for (const space of this.#spaces.ofFamily(family)) {
      let name = "";
      for (;;) {
        const rows = this.#connection.all(statements.recordsAfter({ space: space.id, name, limit: scanPage }));
        for (const row of rows) yield toRecord<Body>(space, row);
        if (rows.length < scanPage) break;
        name = rows[rows.length - 1].name;
      }
    }
  }

  async tags(arn: string): Promise<Readonly<Record<string, string>>> {
    return readTags(this.#connection, arn);
  }

  async taggedArns(query: TaggedQuery): Promise<readonly TaggedArn[]> {
    checkLimit(query.limit);
    const texts = [query.prefix, query.after, query.tag?.key, ...(query.tag?.values ?? [])];
    // What cannot be stored is not there.
    if (!texts.every((text) => text === undefined || isStorableText(text))) return [];
    const found = new Map<string, [string, string][]>();
    for (const { arn, key, value } of this.#connection.all(taggedArns(db, query))) {
      const tags = found.get(arn);
      if (tags === undefined) found.set(arn, [[key, value]]);
      else tags.push([key, value]);
    }
    return Array.from(found, ([arn, tags]) => ({ arn, tags: Object.fromEntries(tags) }));
  }

  async history(key: RecordKey): Promise<readonly HistoryEntry[]> {
    const space = this.#spaces.find(key);
    if (space === undefined) return [];
    const { accountId, region, family, name } = key;
    return this.#connection.all(statements.history({ space: space.id, name })).map((row) => ({
      sequence: row.sequence,
      at: row.at,
      actor: { by: row.actor, call: row.call, ...(row.request_id === null ? {} : { requestId: row.request_id }) },
      key: { accountId, region, family, name },
      before: row.before === null ? undefined : (JSON.parse(row.before) as unknown),
      after: row.after === null ? undefined : (JSON.parse(row.after) as unknown),
    }));
  }

  async write(changes: readonly RecordChange[], options: WriteOptions): Promise<readonly (StoredRecord | undefined)[]> {
    if (this.#closed) throw new Error("the record store is closed; nothing was written");
    return this.#commits.add(prepareBatch(changes, options));
  }

  /** Commits what waits and unlocks the file. */
  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    this.#commits.drain();
    this.#connection.close();
  }
}
