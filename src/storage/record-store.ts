/**
 * Records: every resource of every service, durable and ordered.
 *
 * A record is a name in a space (account, region, family) with a JSON body and a few columns that lists filter and
 * sort by. The store knows no resource. Writes are batches: all changes of a batch happen, durably, or none does;
 * concurrent batches may share one fsync. Readers that decide on what they read pass the revision they saw.
 */

export interface RecordKey {
  readonly accountId: string;
  readonly region: string;
  /** Kind of resource, e.g. `training-job`, `s3-object`. */
  readonly family: string;
  /** Unique in (accountId, region, family). Ordered by its UTF-8 bytes. */
  readonly name: string;
}

export interface StoredRecord<Body = unknown> extends RecordKey {
  readonly arn: string | undefined;
  /** The state that reconcilers and list filters look at; empty when the family has none. */
  readonly status: string;
  /** Milliseconds since the epoch. */
  readonly createdAt: number;
  readonly updatedAt: number;
  /** 1 after insert, one more after every update. */
  readonly revision: number;
  readonly body: Body;
}

/** Who caused a change; written to the history table. */
export interface Actor {
  /** Principal ARN, or `sagebrush:<reconciler>` for the platform itself. */
  readonly by: string;
  /** `service:Operation`, e.g. `sagemaker:CreateTrainingJob`, or the reconciler's step. */
  readonly call: string;
  readonly requestId?: string;
}

export type RecordChange =
  | {
      readonly op: "insert";
      readonly key: RecordKey;
      readonly arn?: string;
      readonly status?: string;
      readonly body: unknown;
    }
  /** Replaces body and status; fails with RevisionConflict when `expectedRevision` is given and differs, and with RecordMissing when there is none. */
  | {
      readonly op: "update";
      readonly key: RecordKey;
      readonly status?: string;
      readonly body: unknown;
      readonly expectedRevision?: number;
    }
  /** Inserts or replaces, whatever was there; only the creation time stays. */
  | {
      readonly op: "put";
      readonly key: RecordKey;
      readonly arn?: string;
      readonly status?: string;
      readonly body: unknown;
    }
  | { readonly op: "delete"; readonly key: RecordKey; readonly expectedRevision?: number; readonly ifExists?: boolean }
  /** Adds or replaces tags of an ARN. */
  | { readonly op: "tag"; readonly arn: string; readonly tags: Readonly<Record<string, string>> }
  | { readonly op: "untag"; readonly arn: string; readonly keys: readonly string[] | "all" };

export interface WriteOptions {
  readonly actor: Actor;
  /** Time stamped on the changed records, ms; the caller's clock. */
  readonly at: number;
  /** false keeps high-volume data (S3 objects) out of the history table. Default true. */
  readonly history?: boolean;
  /**
   * May take the space that is held back for a full disk, as deletes do: for small writes that bring something to its
   * end and so make room. Default false.
   */
  readonly essential?: boolean;
}

export interface ListQuery {
  readonly accountId: string;
  readonly region: string;
  readonly family: string;
  readonly orderBy?: "name" | "createdAt" | "updatedAt" | "status";
  readonly descending?: boolean;
  /** At most this many records, 1..1000. */
  readonly limit: number;
  /** Position after which to go on, from `ListPage.next`. Opaque to callers of services. */
  readonly after?: ListCursor;
  readonly namePrefix?: string;
  /** Names strictly greater / greater or equal in byte order. */
  readonly nameAfter?: string;
  readonly nameFrom?: string;
  readonly nameContains?: string;
  readonly status?: string | readonly string[];
  /** Times strictly after and strictly before, ms. */
  readonly createdAfter?: number;
  readonly createdBefore?: number;
  readonly updatedAfter?: number;
  readonly updatedBefore?: number;
}

/** Sort value and name of the last record of a page (keyset pagination: cost does not grow with depth). */
export interface ListCursor {
  readonly value: string | number;
  readonly name: string;
}

export interface ListPage<Body = unknown> {
  readonly records: readonly StoredRecord<Body>[];
  /** Absent on the last page. */
  readonly next?: ListCursor;
}

/**
 * One change of one record. `before` and `after` are bodies, undefined where there was none. Changes of tags are kept
 * under the key `{ accountId: "", region: "", family: "tag", name: <ARN> }`, with all tags of the ARN as body.
 */
export interface HistoryEntry {
  readonly sequence: number;
  readonly at: number;
  readonly actor: Actor;
  readonly key: RecordKey;
  readonly before: unknown;
  readonly after: unknown;
}

/** Which ARNs with tags to list. */
export interface TaggedQuery {
  /** At most this many ARNs, 1..1000. */
  readonly limit: number;
  /** Only ARNs that begin so. */
  readonly prefix?: string;
  /** ARNs strictly behind this one in byte order. */
  readonly after?: string;
  /** Only ARNs with this key, and one of these values if there are any. */
  readonly tag?: { readonly key: string; readonly values?: readonly string[] };
}

export interface TaggedArn {
  readonly arn: string;
  /** All of its tags. */
  readonly tags: Readonly<Record<string, string>>;
}

export interface RecordStore {
  /** The record may be shared with other callers: it is not to be changed, and frozen when it is. */
  get<Body>(key: RecordKey): Promise<StoredRecord<Body> | undefined>;
  getByArn<Body>(arn: string): Promise<StoredRecord<Body> | undefined>;
  list<Body>(query: ListQuery): Promise<ListPage<Body>>;
  /** Records of one family in one of these states over all accounts and regions: what a reconciler resumes after a restart. */
  listByStatus<Body>(family: string, statuses: readonly string[]): Promise<readonly StoredRecord<Body>[]>;
  /** All records of a family over all accounts and regions, in key order, page by page. */
  scan<Body>(family: string): AsyncIterable<StoredRecord<Body>>;
  tags(arn: string): Promise<Readonly<Record<string, string>>>;
  /** ARNs that have tags, of all accounts and regions, in byte order. */
  taggedArns(query: TaggedQuery): Promise<readonly TaggedArn[]>;
  history(key: RecordKey): Promise<readonly HistoryEntry[]>;
  /**
   * Applies all changes or none, durably.
   * @returns the records written by insert, update and put, in the order of the changes (undefined for the others)
   * @throws RecordExists, RecordMissing, RevisionConflict, StorageFull
   */
  write(changes: readonly RecordChange[], options: WriteOptions): Promise<readonly (StoredRecord | undefined)[]>;
  close(): Promise<void>;
}

export class RecordExists extends Error {
  readonly key: RecordKey;
  constructor(key: RecordKey) {
    super(`${key.family} "${key.name}" already exists`);
    this.name = "RecordExists";
    this.key = key;
  }
}

export class RecordMissing extends Error {
  readonly key: RecordKey;
  constructor(key: RecordKey) {
    super(`${key.family} "${key.name}" does not exist`);
    this.name = "RecordMissing";
    this.key = key;
  }
}

/** Somebody else changed the record since it was read: read again and decide again. */
export class RevisionConflict extends Error {
  readonly key: RecordKey;
  constructor(key: RecordKey) {
    super(`${key.family} "${key.name}" was changed by somebody else`);
    this.name = "RevisionConflict";
    this.key = key;
  }
}

/** The disk is full; nothing of the batch was kept. */
export class StorageFull extends Error {
  constructor(what: string, options?: ErrorOptions) {
    super(`no space left on the disk of the data directory while writing ${what}`, options);
    this.name = "StorageFull";
  }
}
