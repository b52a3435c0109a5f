/**
 * The two halves of every write: bytes become a durable blob, then a record names it.
 *
 * A crash between the halves leaves a blob that no record names; the sweep removes it. Acknowledged is what has both.
 */
import { randomBytes } from "node:crypto";
import { AwsError } from "../../protocol/aws-error.ts";
import { WholeBody } from "../../protocol/whole-body.ts";
import { BlobMissing, type BlobStore, type StagedBlob } from "../../storage/blob-store.ts";
import {
  StorageFull,
  type Actor,
  type RecordChange,
  type RecordStore,
  type StoredRecord,
  type WriteOptions,
} from "../../storage/record-store.ts";
import { untilAborted } from "../../storage/until-aborted.ts";
import type { Clock } from "../../util/clock.ts";
import { BodyMeter, requirePromised, type BodyDigest, type ChecksumName, type PromisedBody } from "./checksums.ts";
import { evaluateWrite, type WriteConditions } from "./conditions.ts";
import { KeyRing } from "./encryption/key-ring.ts";
import { Encryptor, type ObjectEncryption, type OpenEncryption } from "./encryption/object-encryption.ts";
import { seal } from "./encryption/sealed-bytes.ts";
import {
  deletedObject,
  invalidRequest,
  methodNotAllowed,
  noSuchBucket,
  noSuchKey,
  noSuchVersion,
  s3Error,
} from "./errors.ts";
import type { ObjectEvent, ObjectEventName, ObjectEvents } from "./events.ts";
import { defaultFewBytes, gather } from "./few-bytes.ts";
import { Freeing } from "./freeing.ts";
import { KeyedLocks } from "./keyed-locks.ts";
import { ObjectBytes } from "./object-bytes.ts";
import type { ByteRange } from "./ranges.ts";
import { bucketKey, joinedKey, objectKey, type Bucket, type BucketBody, type CopySource } from "./records.ts";
import type { ObjectBody, StoredObject } from "./records.ts";
import { sweepOrphans } from "./sweep.ts";
import { VersionHistory, toObject, wholeSeconds, type VersionPlan } from "./version-history.ts";

/** The largest object or part of one request, in bytes. */
export const maxBodyBytes = 5 * 2 ** 30;

/** How often a reader starts again because writers keep replacing the object under it. */
const maxReadAttempts = 20;

/** Above that many blobs to be freed, those who make more of them wait: memory is bounded. */
const maxWaitingBlobs = 20_000;

export interface ObjectStoreOptions {
  readonly records: RecordStore;
  /** Holds nothing but bodies of this object store: the sweep removes every blob that no object and no part names. */
  readonly blobs: BlobStore;
  readonly clock: Clock;
  /** File of the master keys; made when something is encrypted first. */
  readonly keyFile: string;
  /** Bodies up to this many bytes lie in the object's record; 2 KiB by default, 0 for none. */
  readonly fewBytes?: number;
  /** Told of what happens to objects, in the batch in which it happens. */
  readonly events?: ObjectEvents;
  /** Told when a blob that nobody needs any more could not be removed; the sweep will try again. */
  readonly onProblem?: (problem: string, cause: unknown) => void;
}

/** Bytes on their way to a record. */
export interface StagedBody extends Omit<BodyDigest, "md5"> {
  /** Either the blob, or the bytes where they are few. */
  readonly blobId?: string;
  readonly bytes?: Uint8Array;
  readonly etag: string;
  readonly encryption?: ObjectEncryption;
}

export interface StageOptions {
  readonly promised?: PromisedBody;
  /** Checksum to compute where the request promises none. */
  readonly algorithm?: ChecksumName | undefined;
  readonly encryption?: OpenEncryption | undefined;
  /** Few bytes need no blob; by default they get one. */
  readonly mayBeFew?: boolean;
  readonly signal?: AbortSignal | undefined;
}

export interface CommitOptions {
  readonly conditions?: WriteConditions;
  /** The conditions held when the write began. */
  readonly heldBefore?: boolean;
  readonly event: ObjectEventName;
  readonly actor: Actor;
  /** Written in the same batch. */
  readonly changes?: readonly RecordChange[];
}

export class StoreCore {
  readonly records: RecordStore;
  readonly blobs: BlobStore;
  readonly clock: Clock;
  readonly versions: VersionHistory;
  readonly encryptor: Encryptor;
  readonly bytes: ObjectBytes;
  readonly freeing: Freeing;
  /**
   * Bucket names (shared by every commit in the bucket, alone for its deletion), object names and upload names.
   * Taken in the order upload, bucket, object or part; whoever holds a bucket alone waits for nothing else.
   */
  readonly locks = new KeyedLocks();
  readonly #events: ObjectEvents | undefined;
  readonly #fewBytes: number;
  /** While a sweep runs: the blobs that were recorded since it began. */
  #moved: Set<string> | undefined;
  /**
   * The disk was full at the last write, or nobody has tried yet: deletes wait until their bytes are freed, so that what
   * follows them has room.
   */
  #diskFull = true;

  constructor({ records, blobs, clock, keyFile, fewBytes, events, onProblem }: ObjectStoreOptions) {
    this.records = records;
    this.blobs = blobs;
    this.clock = clock;
    this.#events = events;
    this.#fewBytes = fewBytes ?? defaultFewBytes;
    this.versions = new VersionHistory(records, clock);
    this.freeing = new Freeing(
      blobs,
      onProblem ?? ((problem, cause) => process.emitWarning(problem, { detail: String(cause), code: "SAGEBRUSH_S3" })),
    );
    this.encryptor = new Encryptor({ records, keyRing: new KeyRing(keyFile), clock });
    this.bytes = new ObjectBytes({ records, blobs, freeing: this.freeing, encryptor: this.encryptor });
  }

  /** Stores a body durably and holds it to what was promised; nothing is left when that fails. */
  async stage(
    source: AsyncIterable<Uint8Array>,
    { promised = {}, algorithm, encryption, mayBeFew = false, signal }: StageOptions,
  ): Promise<StagedBody> {
    const meter = new BodyMeter(promised.checksum?.algorithm ?? algorithm);
    const onChunk = (chunk: Uint8Array) => {
      meter.update(chunk);
      if (meter.size > maxBodyBytes) throw entityTooLarge(meter.size);
    };
    const tagged = () => {
      const { md5, ...digest } = meter.digest();
      requirePromised({ md5, ...digest }, promised);
      return { ...digest, ...taggedBy(md5, encryption?.encryption) };
    };
    let body = source;
    if (mayBeFew && this.#fewBytes > 0 && (promised.size ?? 0) <= this.#fewBytes) {
      const gathered =
        source instanceof WholeBody && source.bytes.length <= this.#fewBytes
          ? { all: source.bytes }
          : await gather(untilAborted(source, signal), this.#fewBytes);
      if ("all" in gathered) {
        onChunk(gathered.all);
        const bytes = encryption === undefined ? gathered.all : await sealed(gathered.all, encryption.dataKey);
        return { ...tagged(), bytes };
      }
      body = gathered.longer;
    }
    const abort = signal === undefined ? {} : { signal };
    const blob =
      encryption === undefined
        ? await this.#write(body, { onChunk, ...abort })
        : await this.#write(seal(seen(untilAborted(body, signal), onChunk), encryption.dataKey), abort);
    return this.keepOrDiscard(blob.id, async () => ({ ...tagged(), blobId: blob.id }));
  }

  async #write(...call: Parameters<BlobStore["write"]>): Promise<StagedBlob> {
    try {
      const blob = await this.blobs.write(...call);
      this.#diskFull = false;
      return blob;
    } catch (error) {
      if (error instanceof StorageFull) this.#diskFull = true;
      throw error;
    }
  }

  /** A second blob with an object's bytes, read and hashed only where the record does not tell the digests. */
  async stageCopy(
    object: StoredObject,
    options: Omit<StageOptions, "promised"> & { range?: ByteRange | undefined },
  ): Promise<StagedBody> {
    const algorithm = options.algorithm ?? object.checksum?.algorithm;
    const { etag, size, checksum, blobId } = object;
    const known = checksum?.type !== "COMPOSITE" && checksum?.algorithm === algorithm;
    const plain = object.encryption === undefined && options.encryption === undefined;
    if (blobId !== undefined && known && plain && options.range === undefined) {
      const blob = await this.blobs.concat([blobId]);
      return { blobId: blob.id, size, etag, checksum };
    }
    return this.stage(await this.bytes.stream(object, options.range), { ...options, algorithm });
  }

  /** Runs what makes a staged blob permanent; removes the blob when it fails. */
  async keepOrDiscard<Result>(blobId: string | undefined, work: () => Promise<Result>): Promise<Result> {
    try {
      return await work();
    } catch (error) {
      if (blobId !== undefined) this.freeing.add([blobId]);
      await this.freeing.idle();
      throw error;
    }
  }

  options(actor: Actor): WriteOptions {
    return { actor, at: this.clock.now(), history: false };
  }

  async bucket(name: string): Promise<Bucket | undefined> {
    const record = await this.records.get<BucketBody>(bucketKey(name));
    return record && toBucket(record);
  }

  /** Makes a staged body the object of its key. @throws AwsError NoSuchBucket when the bucket went away; the errors of `evaluateWrite` */
  async commitObject(bucket: Bucket, key: string, body: ObjectBody, options: CommitOptions): Promise<StoredObject> {
    const { conditions = {}, heldBefore, actor, event, changes = [] } = options;
    return this.changing(bucket, key, async (now, current) => {
      evaluateWrite(key, current, conditions, heldBefore);
      const plan = await this.versions.planPut(now, key, current, body);
      const at = this.clock.now();
      const [record] = await this.carryOut(plan, actor, {
        changes,
        event: {
          name: event,
          bucket: now,
          key,
          size: body.size,
          etag: body.etag,
          ...(plan.body.place !== undefined && { versionId: plan.body.isNull ? "null" : plan.body.place }),
          at,
          actor,
        },
      });
      return toObject(now, record as StoredRecord<ObjectBody>);
    });
  }

  /** Runs `work` on the object of a key, while nobody else changes the key or deletes the bucket. */
  changing<Result>(
    bucket: Bucket,
    key: string,
    work: (bucket: Bucket, current: StoredObject | undefined) => Promise<Result>,
  ): Promise<Result> {
    return this.locks.shared(bucket.name, () =>
      this.locks.exclusive(objectKey(bucket, key).name, async () => {
        const now = await this.requireStill(bucket);
        return work(now, await this.versions.current(now, key));
      }),
    );
  }

  /** Writes a plan and what belongs to it as one batch, then frees what it dropped. @returns the records written by the plan, then by `changes` */
  async carryOut(
    plan: VersionPlan,
    actor: Actor,
    { changes = [], event, essential = false }: CarryOutOptions = {},
  ): Promise<readonly (StoredRecord | undefined)[]> {
    const freed = await Promise.all(
      plan.dropped.map(async (object) => ({ object, ids: await this.bytes.blobIds(object) })),
    );
    const batch = [
      ...plan.changes,
      ...changes,
      ...plan.dropped.flatMap(({ joined }): RecordChange[] =>
        joined === undefined ? [] : [{ op: "delete", key: joinedKey(joined), ifExists: true }],
      ),
      ...(event === undefined ? [] : (this.#events?.changesOf(event) ?? [])),
    ];
    if (this.#moved !== undefined) for (const id of blobsNamedBy(plan.changes)) this.#moved.add(id);
    const written = batch.length === 0 ? [] : await this.records.write(batch, { ...this.options(actor), essential });
    if (event !== undefined) this.#events?.written();
    for (const { object, ids } of freed) this.freeing.add(ids, object.joined);
    if ((this.#diskFull && freed.length > 0) || this.freeing.waiting > maxWaitingBlobs) await this.freeing.idle();
    return written;
  }

  /**
   * Runs `use` on the object as it is now, or on one version of it. When a writer replaces the object and its bytes go
   * away before `use` has opened them, `use` runs again on the newer object.
   * @throws AwsError NoSuchKey, NoSuchVersion, MethodNotAllowed for a delete marker
   */
  async reading<Result>(
    bucket: Bucket,
    key: string,
    use: (object: StoredObject) => Promise<Result>,
    versionId?: string,
  ): Promise<Result> {
    let missing: { bytes: string | undefined; error: BlobMissing } | undefined;
    for (let attempt = 0; attempt < maxReadAttempts; attempt += 1) {
      const object = await this.readable(bucket, key, versionId);
      const bytes = object.blobId ?? object.joined;
      // The record still names bytes that are not there: no race but damage.
      if (missing !== undefined && bytes === missing.bytes) break;
      try {
        return await use(object);
      } catch (error) {
        if (!(error instanceof BlobMissing)) throw error;
        missing = { bytes, error };
      }
    }
    throw missing!.error;
  }

  /** `reading` for copies. @throws AwsError NoSuchKey, NoSuchVersion, InvalidRequest for a delete marker */
  async readingSource<Result>(
    { bucket, key, versionId }: CopySource,
    use: (object: StoredObject) => Promise<Result>,
  ): Promise<Result> {
    try {
      return await this.reading(bucket, key, use, versionId);
    } catch (error) {
      if (!(error instanceof AwsError) || error.code !== "MethodNotAllowed") throw error;
      throw invalidRequest("The source of a copy request may not specifically refer to a delete marker by version id.");
    }
  }

  /** @throws AwsError NoSuchKey, NoSuchVersion, MethodNotAllowed for a delete marker */
  async readable(bucket: Bucket, key: string, versionId?: string): Promise<StoredObject> {
    if (versionId !== undefined) {
      const version = await this.versions.find(bucket, key, versionId);
      if (version === undefined) throw noSuchVersion(key, versionId);
      if (version.marker) throw methodNotAllowed(version);
      return version;
    }
    const current = await this.versions.current(bucket, key);
    if (current !== undefined) return current;
    const [newest] = bucket.settings.versioning === undefined ? [] : await this.versions.others(bucket, key, 1);
    throw newest?.marker ? deletedObject(newest) : noSuchKey(key);
  }

  /** Frees blobs that no record names. @returns how many there were */
  async sweep(olderThanMs: number): Promise<number> {
    const moved = (this.#moved = new Set<string>());
    try {
      const { records, blobs } = this;
      return await sweepOrphans({ records, blobs, olderThanMs, moved, remove: (ids) => this.freeing.add(ids) });
    } finally {
      this.#moved = undefined;
      await this.freeing.idle();
    }
  }

  /** @throws AwsError NoSuchBucket unless the bucket is the one that the caller looked at */
  async requireStill(bucket: Bucket): Promise<Bucket> {
    const now = await this.bucket(bucket.name);
    if (now?.accountId !== bucket.accountId || now.region !== bucket.region) throw noSuchBucket(bucket.name);
    return now;
  }
}

async function sealed(bytes: Uint8Array, dataKey: Uint8Array): Promise<Uint8Array> {
  const chunks: Uint8Array[] = [];
  for await (const chunk of seal([bytes], dataKey)) chunks.push(chunk);
  return Buffer.concat(chunks);
}

/** The ETag of a body: its MD5, unless a KMS key encrypts it, which gives nothing away of the bytes. */
function taggedBy(md5: string, encryption: ObjectEncryption | undefined): Pick<StagedBody, "etag" | "encryption"> {
  if (encryption === undefined) return { etag: md5 };
  return { etag: encryption.kmsKey === undefined ? md5 : randomBytes(16).toString("hex"), encryption };
}

async function* seen(source: AsyncIterable<Uint8Array>, see: (chunk: Uint8Array) => void): AsyncGenerator<Uint8Array> {
  for await (const chunk of source) {
    see(chunk);
    yield chunk;
  }
}

function blobsNamedBy(changes: readonly RecordChange[]): string[] {
  return changes.flatMap((change) => {
    const { blobId } = "body" in change ? (change.body as Partial<ObjectBody>) : {};
    return blobId === undefined ? [] : [blobId];
  });
}

interface CarryOutOptions {
  readonly changes?: readonly RecordChange[];
  readonly event?: ObjectEvent;
  /** Makes room, so it may use what is held back for a full disk. */
  readonly essential?: boolean;
}

export function toBucket(record: StoredRecord<BucketBody>): Bucket {
  const { accountId, region, settings = {} } = record.body;
  return { name: record.name, accountId, region, createdAt: wholeSeconds(record.createdAt), settings };
}

export function entityTooLarge(size: number) {
  return s3Error("EntityTooLarge", { ProposedSize: size, MaxSizeAllowed: maxBodyBytes });
}
