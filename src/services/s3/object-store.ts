/**
 * The object store: buckets of objects, bodies as blobs, everything else as records (see records.ts).
 *
 * It knows nothing of requests; who may do what is decided before it is called. Errors are S3's own.
 */
import { constants, existsSync, promises as fs } from "node:fs";
import { BlobMissing } from "../../storage/blob-store.ts";
import type { FileHandle } from "node:fs/promises";
import type { Readable } from "node:stream";
import type { Actor, RecordChange } from "../../storage/record-store.ts";
import { RecordExists } from "../../storage/record-store.ts";
import type { ChecksumName, PromisedBody } from "./checksums.ts";
import { evaluateCopySource, evaluateWrite, type ReadConditions, type WriteConditions } from "./conditions.ts";
import { invalidRequest, s3Error } from "./errors.ts";
import { listEntries, type Listing, type ListingRequest, type ListingRow } from "./listing.ts";
import { MultipartUploads } from "./multipart-uploads.ts";
import type { ByteRange } from "./ranges.ts";
import {
  bucketKey,
  bucketSpace,
  objectKey,
  type Bucket,
  type BucketBody,
  type BucketSpace,
  type ObjectBody,
  type ObjectDescription,
  type StoredObject,
} from "./records.ts";
import type { BucketSettings } from "./settings/bucket-settings.ts";
import { maxBodyBytes, StoreCore, toBucket, toObject, type ObjectStoreOptions, type StagedBody } from "./store-core.ts";

/** Bodies up to this size are read in one go: a stream costs more than their bytes. */
const maxBytesAtOnce = 64 * 2 ** 10;

export interface ObjectRow extends ListingRow {
  readonly object: StoredObject;
}

export interface PutOptions {
  readonly description: ObjectDescription;
  readonly promised?: PromisedBody;
  readonly conditions?: WriteConditions;
  readonly actor: Actor;
  readonly signal?: AbortSignal;
}

export interface CopyOptions {
  readonly sourceConditions?: ReadConditions;
  readonly conditions?: WriteConditions;
  /** What the copy is described by; it may refuse. */
  readonly description: (source: StoredObject) => ObjectDescription;
  /** Checksum of the copy; by default the algorithm of the source. */
  readonly algorithm?: ChecksumName | undefined;
  readonly actor: Actor;
  readonly signal?: AbortSignal;
}

export class ObjectStore {
  readonly uploads: MultipartUploads;
  readonly #core: StoreCore;

  constructor(options: ObjectStoreOptions) {
    this.#core = new StoreCore(options);
    this.uploads = new MultipartUploads(this.#core);
  }

  bucket(name: string): Promise<Bucket | undefined> {
    return this.#core.bucket(name);
  }

  /**
   * Makes a bucket, or finds the one of that name.
   * @param first what a new bucket begins with
   * @returns the bucket, perhaps another account's, and whether it is new
   */
  async createBucket(
    name: string,
    space: BucketSpace,
    actor: Actor,
    first: { readonly settings?: BucketSettings; readonly tags?: Readonly<Record<string, string>> } = {},
  ): Promise<{ bucket: Bucket; created: boolean }> {
    const { settings, tags = {} } = first;
    const body: BucketBody = { accountId: space.accountId, region: space.region, ...(settings && { settings }) };
    const { records, locks, clock } = this.#core;
    const arn = `arn:aws:s3:::${name}`;
    return locks.exclusive(name, async () => {
      try {
        const changes: RecordChange[] = [
          { op: "insert", key: bucketKey(name), arn, body },
          { op: "tag", arn, tags },
        ];
        await records.write(changes, { actor, at: clock.now() });
      } catch (error) {
        if (!(error instanceof RecordExists)) throw error;
        return { bucket: (await this.#core.bucket(name))!, created: false };
      }
      return { bucket: (await this.#core.bucket(name))!, created: true };
    });
  }

  /**
   * Removes an empty bucket with its unfinished uploads.
   * @throws AwsError BucketNotEmpty, NoSuchBucket
   */
  async deleteBucket(bucket: Bucket, actor: Actor): Promise<void> {
    const { records, locks, clock } = this.#core;
    await locks.exclusive(bucket.name, async () => {
      await this.#core.requireStill(bucket);
      const { records: objects } = await records.list({ ...listOf(bucket, "s3-object", ""), limit: 1 });
      if (objects.length > 0) throw s3Error("BucketNotEmpty", { BucketName: bucket.name });
      await this.uploads.removeAll(bucket, actor);
      const changes: RecordChange[] = [
        { op: "delete", key: bucketKey(bucket.name) },
        { op: "untag", arn: `arn:aws:s3:::${bucket.name}`, keys: "all" },
      ];
      await records.write(changes, { actor, at: clock.now() });
    });
  }

  /** An account's buckets in the order of their names. */
  async listBuckets(
    accountId: string,
    query: { readonly prefix?: string; readonly region?: string; readonly after?: string; readonly limit: number },
  ): Promise<{ buckets: readonly Bucket[]; truncated: boolean }> {
    const buckets: Bucket[] = [];
    let after = query.after;
    for (;;) {
      const page = await this.#core.records.list<BucketBody>({
        ...bucketSpace,
        orderBy: "name",
        limit: 1000,
        namePrefix: query.prefix ?? "",
        ...(after === undefined ? {} : { nameAfter: after }),
      });
      for (const bucket of page.records.map(toBucket)) {
        if (bucket.accountId !== accountId || (query.region ?? bucket.region) !== bucket.region) continue;
        if (buckets.length === query.limit) return { buckets, truncated: true };
        buckets.push(bucket);
      }
      if (page.next === undefined) return { buckets, truncated: false };
      after = page.next.name;
    }
  }

  object(bucket: Bucket, key: string): Promise<StoredObject | undefined> {
    return this.#core.object(bucket, key);
  }

  /**
   * Runs `use` on the object as it is now, again when it is replaced before `use` has opened its blob.
   * @throws AwsError NoSuchKey
   */
  reading<Result>(bucket: Bucket, key: string, use: (object: StoredObject) => Promise<Result>): Promise<Result> {
    return this.#core.reading(bucket, key, use);
  }

  /**
   * The bytes of an object, `start` to `end` inclusive: few at once, many as a stream. To be called inside `reading`;
   * whoever gets a stream reads or destroys it.
   */
  async body(object: StoredObject, range?: ByteRange): Promise<Uint8Array | Readable> {
    const { start, end } = range ?? { start: 0, end: object.size - 1 };
    const length = end - start + 1;
    if (length === 0) return new Uint8Array(0);
    // The stream is told its end although it would find it: it then takes no more memory than it needs.
    if (length > maxBytesAtOnce) return this.#core.blobs.read(object.blobId, { start, end });
    const file = await this.#withFile(object, (path) => fs.open(path, "r"));
    try {
      return await readExactly(file, start, length);
    } finally {
      await file.close();
    }
  }

  /**
   * Copies the bytes of an object to a new file; where the disk can, both share their blocks. To be called inside
   * `reading`.
   */
  async copyBody(object: StoredObject, file: string): Promise<void> {
    await this.#withFile(object, (path) =>
      fs.copyFile(path, file, constants.COPYFILE_FICLONE | constants.COPYFILE_EXCL),
    );
  }

  /**
   * Writes an object durably, whole or not at all.
   * @throws AwsError NoSuchBucket, PreconditionFailed, BadDigest, IncompleteBody, EntityTooLarge; StorageFull
   */
  async put(
    bucket: Bucket,
    key: string,
    source: AsyncIterable<Uint8Array>,
    options: PutOptions,
  ): Promise<StoredObject> {
    const { conditions = {}, actor, description, promised } = options;
    // Looked at before the body is taken too: a client that waits for 100-continue is spared sending it.
    if (conditions.ifMatch !== undefined || conditions.ifNoneMatch !== undefined) {
      evaluateWrite(key, await this.#core.object(bucket, key), conditions);
    }
    const staged = await this.#core.stage(source, { ...(promised && { promised }), signal: options.signal });
    return this.#commit(bucket, key, staged, staged.md5, description, { conditions, actor });
  }

  /**
   * Copies an object, bytes and all.
   * @throws AwsError NoSuchKey, PreconditionFailed, InvalidRequest above 5 GiB, and those of `put`
   */
  async copy(
    source: { readonly bucket: Bucket; readonly key: string },
    target: { readonly bucket: Bucket; readonly key: string },
    options: CopyOptions,
  ): Promise<StoredObject> {
    const { conditions = {}, actor, signal } = options;
    const { staged, description } = await this.#core.reading(source.bucket, source.key, async (object) => {
      evaluateCopySource(object, options.sourceConditions ?? {});
      if (object.size > maxBodyBytes) {
        throw invalidRequest(
          `The specified copy source is larger than the maximum allowable size for a copy source: ${maxBodyBytes}`,
        );
      }
      const described = options.description(object);
      return {
        staged: await this.#core.stageCopy(object, { algorithm: options.algorithm, signal }),
        description: described,
      };
    });
    return this.#commit(target.bucket, target.key, staged, staged.md5, description, { conditions, actor });
  }

  /**
   * Removes an object; nothing happens when there is none.
   * @throws AwsError PreconditionFailed, NoSuchKey when If-Match finds nothing
   */
  async delete(
    bucket: Bucket,
    key: string,
    { conditions = {}, actor }: { conditions?: WriteConditions; actor: Actor },
  ): Promise<void> {
    const { records, locks } = this.#core;
    const name = objectKey(bucket, key);
    const removed = await locks.exclusive(name.name, async () => {
      const current = await this.#core.object(bucket, key);
      evaluateWrite(key, current, conditions);
      if (current !== undefined) await records.write([{ op: "delete", key: name }], this.#core.options(actor));
      return current;
    });
    if (removed !== undefined) await this.#core.discard([removed.blobId]);
  }

  /** Keys in byte order, rolled up at the delimiter. */
  list(bucket: Bucket, request: ListingRequest): Promise<Listing<ObjectRow>> {
    return listEntries(async (start, limit) => {
      const page = await this.#core.records.list<ObjectBody>({
        ...listOf(bucket, "s3-object", request.prefix),
        ...(start.after === undefined ? {} : { nameAfter: `${bucket.name}/${start.after}` }),
        ...(start.from === undefined ? {} : { nameFrom: `${bucket.name}/${start.from}` }),
        limit,
      });
      return page.records.map((record) => {
        const object = toObject(bucket, record);
        return { name: object.key, key: object.key, object };
      });
    }, request);
  }

  /**
   * Removes blobs that no record names: what a crash between blob and record left.
   * @param olderThanMs spares younger blobs, whose writer may be about to record them; 0 when nobody writes
   * @returns how many were removed
   */
  async sweepOrphans({ olderThanMs }: { olderThanMs: number }): Promise<number> {
    const { records, blobs } = this.#core;
    const orphans = new Set<string>();
    for await (const id of blobs.ids({ olderThanMs })) orphans.add(id);
    for (const family of ["s3-object", "s3-part"]) {
      if (orphans.size === 0) break;
      for await (const { body } of records.scan<{ blobId: string }>(family)) orphans.delete(body.blobId);
    }
    await this.#core.discard([...orphans]);
    return orphans.size;
  }

  async #withFile<Result>({ blobId }: StoredObject, use: (path: string) => Promise<Result>): Promise<Result> {
    const path = this.#core.blobs.path(blobId);
    try {
      return await use(path);
    } catch (error) {
      // The other path of a copy may be what is missing.
      throw (error as NodeJS.ErrnoException).code === "ENOENT" && !existsSync(path) ? new BlobMissing(blobId) : error;
    }
  }

  #commit(
    bucket: Bucket,
    key: string,
    { blobId, size, checksum }: StagedBody,
    etag: string,
    description: ObjectDescription,
    options: { conditions: WriteConditions; actor: Actor },
  ): Promise<StoredObject> {
    const body: ObjectBody = { ...description, blobId, size, etag, ...(checksum && { checksum }) };
    return this.#core.keepOrDiscard(blobId, () => this.#core.commitObject(bucket, key, body, options));
  }
}

function listOf(bucket: Bucket, family: string, prefix: string) {
  return {
    accountId: bucket.accountId,
    region: bucket.region,
    family,
    orderBy: "name",
    namePrefix: `${bucket.name}/${prefix}`,
  } as const;
}

/** @throws Error when the file ends before: the blob is damaged */
async function readExactly(file: FileHandle, start: number, length: number): Promise<Uint8Array> {
  const bytes = Buffer.allocUnsafe(length);
  for (let at = 0; at < length;) {
    const { bytesRead } = await file.read(bytes, at, length - at, start + at);
    if (bytesRead === 0) throw new Error(`a blob is damaged: it ends at byte ${start + at}, before ${start + length}`);
    at += bytesRead;
  }
  return bytes;
}
