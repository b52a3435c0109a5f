/**
 * The two halves of every write: bytes become a durable blob, then a record names it.
 *
 * A crash between the halves leaves a blob that no record names; the sweep removes it. Acknowledged is what has both.
 */
import { BlobMissing, type BlobStore } from "../../storage/blob-store.ts";
import type { Actor, RecordChange, RecordStore, StoredRecord, WriteOptions } from "../../storage/record-store.ts";
import type { Clock } from "../../util/clock.ts";
import { BodyMeter, requirePromised, type BodyDigest, type ChecksumName, type PromisedBody } from "./checksums.ts";
import { evaluateWrite, type WriteConditions } from "./conditions.ts";
import { noSuchBucket, noSuchKey, s3Error } from "./errors.ts";
import { KeyedLocks } from "./keyed-locks.ts";
import type { ByteRange } from "./ranges.ts";
import { bucketKey, objectKey, type Bucket, type BucketBody, type ObjectBody, type StoredObject } from "./records.ts";

/** The largest object or part of one request, in bytes. */
export const maxBodyBytes = 5 * 2 ** 30;

/** How often a reader starts again because writers keep replacing the object under it. */
const maxReadAttempts = 20;

export interface ObjectStoreOptions {
  readonly records: RecordStore;
  /** Holds nothing but bodies of this object store: the sweep removes every blob that no object and no part names. */
  readonly blobs: BlobStore;
  readonly clock: Clock;
  /** Told when a blob that nobody needs any more could not be removed; the sweep will try again. */
  readonly onProblem?: (problem: string, cause: unknown) => void;
}

/** Bytes on their way to a record. */
export interface StagedBody extends BodyDigest {
  readonly blobId: string;
}

export interface StageOptions {
  readonly promised?: PromisedBody;
  /** Checksum to compute where the request promises none. */
  readonly algorithm?: ChecksumName | undefined;
  readonly signal?: AbortSignal | undefined;
}

export class StoreCore {
  readonly records: RecordStore;
  readonly blobs: BlobStore;
  readonly clock: Clock;
  /**
   * Bucket names (shared by every commit in the bucket, alone for its deletion), object names and upload names.
   * Taken in the order upload, bucket, object or part; whoever holds a bucket alone waits for nothing else.
   */
  readonly locks = new KeyedLocks();
  readonly #onProblem: (problem: string, cause: unknown) => void;

  constructor({ records, blobs, clock, onProblem }: ObjectStoreOptions) {
    this.records = records;
    this.blobs = blobs;
    this.clock = clock;
    this.#onProblem =
      onProblem ?? ((problem, cause) => process.emitWarning(problem, { detail: String(cause), code: "SAGEBRUSH_S3" }));
  }

  /** Stores a body durably and holds it to what was promised; nothing is left when that fails. */
  async stage(
    source: AsyncIterable<Uint8Array>,
    { promised = {}, algorithm, signal }: StageOptions,
  ): Promise<StagedBody> {
    const meter = new BodyMeter(promised.checksum?.algorithm ?? algorithm);
    const blob = await this.blobs.write(source, {
      onChunk: (chunk) => {
        meter.update(chunk);
        if (meter.size > maxBodyBytes) throw entityTooLarge(meter.size);
      },
      ...(signal === undefined ? {} : { signal }),
    });
    return this.keepOrDiscard(blob.id, async () => {
      const digest = meter.digest();
      requirePromised(digest, promised);
      return { ...digest, blobId: blob.id };
    });
  }

  /** A second blob with an object's bytes, read and hashed only where the record does not tell the digests. */
  async stageCopy(
    object: StoredObject,
    options: { algorithm?: ChecksumName | undefined; range?: ByteRange | undefined; signal?: AbortSignal | undefined },
  ): Promise<StagedBody> {
    const algorithm = options.algorithm ?? object.checksum?.algorithm;
    const { etag, size, checksum, blobId } = object;
    const known = !isMultipartEtag(etag) && checksum?.type !== "COMPOSITE" && checksum?.algorithm === algorithm;
    if (known && options.range === undefined) {
      const blob = await this.blobs.concat([blobId]);
      return { blobId: blob.id, size, md5: etag, checksum };
    }
    return this.stage(await this.blobs.read(blobId, options.range), { algorithm, signal: options.signal });
  }

  /** Runs what makes a staged blob permanent; removes the blob when it fails. */
  async keepOrDiscard<Result>(blobId: string, work: () => Promise<Result>): Promise<Result> {
    try {
      return await work();
    } catch (error) {
      await this.discard([blobId]);
      throw error;
    }
  }

  /** Frees blobs that no record names any more. What was acknowledged does not depend on it, so it never fails. */
  async discard(blobIds: readonly string[]): Promise<void> {
    for (const id of blobIds) {
      try {
        await this.blobs.delete(id);
      } catch (error) {
        this.#onProblem(`the bytes of a replaced or deleted object (blob ${id}) could not be removed`, error);
      }
    }
  }

  options(actor: Actor): WriteOptions {
    return { actor, at: this.clock.now(), history: false };
  }

  async bucket(name: string): Promise<Bucket | undefined> {
    const record = await this.records.get<BucketBody>(bucketKey(name));
    return record && toBucket(record);
  }

  async object(bucket: Bucket, key: string): Promise<StoredObject | undefined> {
    const record = await this.records.get<ObjectBody>(objectKey(bucket, key));
    return record && toObject(bucket, record);
  }

  /**
   * Makes a staged body the object of its key, in one batch with `changes`, and frees the bytes that it replaces.
   * @throws AwsError NoSuchBucket when the bucket went away; the errors of `evaluateWrite`
   */
  async commitObject(
    bucket: Bucket,
    key: string,
    body: ObjectBody,
    {
      conditions = {},
      actor,
      changes = [],
    }: { conditions?: WriteConditions; actor: Actor; changes?: readonly RecordChange[] },
  ): Promise<StoredObject> {
    const name = objectKey(bucket, key);
    const { written, replaced } = await this.locks.shared(bucket.name, () =>
      this.locks.exclusive(name.name, async () => {
        await this.requireStill(bucket);
        const current = await this.object(bucket, key);
        evaluateWrite(key, current, conditions);
        const [record] = await this.records.write([{ op: "put", key: name, body }, ...changes], this.options(actor));
        return { written: toObject(bucket, record as StoredRecord<ObjectBody>), replaced: current };
      }),
    );
    if (replaced !== undefined) await this.discard([replaced.blobId]);
    return written;
  }

  /**
   * Runs `use` on the object as it is now. When a writer replaces the object and its bytes go away before `use` has
   * opened them, `use` runs again on the newer object.
   * @throws AwsError NoSuchKey
   */
  async reading<Result>(bucket: Bucket, key: string, use: (object: StoredObject) => Promise<Result>): Promise<Result> {
    let missing: { blobId: string; error: BlobMissing } | undefined;
    for (let attempt = 0; attempt < maxReadAttempts; attempt += 1) {
      const object = await this.object(bucket, key);
      if (object === undefined) throw noSuchKey(key);
      // The record still names bytes that are not there: no race but damage.
      if (object.blobId === missing?.blobId) break;
      try {
        return await use(object);
      } catch (error) {
        if (!(error instanceof BlobMissing)) throw error;
        missing = { blobId: object.blobId, error };
      }
    }
    throw missing!.error;
  }

  /** @throws AwsError NoSuchBucket unless the bucket is the one that the caller looked at */
  async requireStill(bucket: Bucket): Promise<void> {
    const now = await this.bucket(bucket.name);
    if (now?.accountId !== bucket.accountId || now.region !== bucket.region) throw noSuchBucket(bucket.name);
  }
}

export function toBucket(record: StoredRecord<BucketBody>): Bucket {
  const { accountId, region, settings = {} } = record.body;
  return { name: record.name, accountId, region, createdAt: wholeSeconds(record.createdAt), settings };
}

export function toObject(bucket: Bucket, record: StoredRecord<ObjectBody>): StoredObject {
  return {
    ...record.body,
    key: record.name.slice(bucket.name.length + 1),
    lastModified: wholeSeconds(record.updatedAt),
  };
}

/** The MD5 of MD5s, which says nothing about the bytes alone. */
function isMultipartEtag(etag: string): boolean {
  return etag.includes("-");
}

/** HTTP dates have whole seconds; every answer shows the same time. */
export function wholeSeconds(ms: number): number {
  return ms - (ms % 1000);
}

export function entityTooLarge(size: number) {
  return s3Error("EntityTooLarge", { ProposedSize: size, MaxSizeAllowed: maxBodyBytes });
}
