/**
 * The object store: buckets of objects, bodies as blobs, everything else as records (see records.ts).
 *
 * It knows nothing of requests; who may do what is decided before it is called. Errors are S3's own.
 */
import type { Readable } from "node:stream";
import type { Actor, RecordChange } from "../../storage/record-store.ts";
import { RecordExists } from "../../storage/record-store.ts";
import { evaluateCopySource, evaluateWrite, type WriteConditions } from "./conditions.ts";
import { invalidRequest, s3Error } from "./errors.ts";
import type { ObjectEventName } from "./events.ts";
import { listEntries, type Listing, type ListingRequest } from "./listing.ts";
import type { AmendOptions, CopyOptions, Deletion, ExpireOptions, ObjectRow, PutOptions } from "./object-requests.ts";
import { MultipartUploads } from "./multipart-uploads.ts";
import type { ByteRange } from "./ranges.ts";
import {
  bucketKey,
  bucketSpace,
  keyName,
  within,
  type Bucket,
  type BucketBody,
  type BucketSpace,
  type CopySource,
  type JoinedPart,
  type ObjectBody,
  type ObjectDescription,
  type StoredObject,
} from "./records.ts";
import type { BucketSettings } from "./settings/bucket-settings.ts";
import {
  maxBodyBytes,
  StoreCore,
  toBucket,
  type CommitOptions,
  type ObjectStoreOptions,
  type StagedBody,
} from "./store-core.ts";
import { verifyStored, type Verified } from "./verify.ts";
import { toObject } from "./version-history.ts";
import { listVersions, type VersionRow } from "./version-listing.ts";

interface DeleteOptions {
  readonly conditions?: WriteConditions;
  readonly actor: Actor;
  /** What listeners are told. */
  readonly names: { readonly removed: ObjectEventName; readonly marker: ObjectEventName };
}

const removalNames = { removed: "ObjectRemoved:Delete", marker: "ObjectRemoved:DeleteMarkerCreated" } as const;
const expirationNames = {
  removed: "LifecycleExpiration:Delete",
  marker: "LifecycleExpiration:DeleteMarkerCreated",
} as const;

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
      for (const family of ["s3-object", "s3-version"] as const) {
        const { records: left } = await records.list({ ...within(bucket, family, ""), limit: 1 });
        if (left.length > 0) throw s3Error("BucketNotEmpty", { BucketName: bucket.name });
      }
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

  /** The buckets of all accounts. */
  async *allBuckets(): AsyncIterable<Bucket> {
    for await (const record of this.#core.records.scan<BucketBody>(bucketSpace.family)) yield toBucket(record);
  }

  object(bucket: Bucket, key: string): Promise<StoredObject | undefined> {
    return this.#core.versions.current(bucket, key);
  }

  /**
   * The object, or one version of it.
   * @throws AwsError NoSuchKey, NoSuchVersion, MethodNotAllowed for a delete marker
   */
  readable(bucket: Bucket, key: string, versionId?: string): Promise<StoredObject> {
    return this.#core.readable(bucket, key, versionId);
  }

  /**
   * Runs `use` on the object as it is now, or on one version of it; again when it is replaced before `use` has opened
   * its bytes.
   * @throws AwsError NoSuchKey, NoSuchVersion, MethodNotAllowed for a delete marker
   */
  reading<Result>(
    bucket: Bucket,
    key: string,
    use: (object: StoredObject) => Promise<Result>,
    versionId?: string,
  ): Promise<Result> {
    return this.#core.reading(bucket, key, use, versionId);
  }

  /**
   * The bytes of an object, `start` to `end` inclusive: few at once, many as a stream. To be called inside `reading`;
   * whoever gets a stream reads or destroys it.
   */
  body(object: StoredObject, range?: ByteRange): Promise<Uint8Array | Readable> {
    return this.#core.bytes.open(object, range);
  }

  /** The parts that an object was uploaded in; none for one that was not. To be called inside `reading`. */
  parts(object: StoredObject): Promise<readonly JoinedPart[]> {
    return this.#core.bytes.parts(object);
  }

  /**
   * Copies the bytes of an object to a new file; where the disk can, both share their blocks. To be called inside
   * `reading`.
   */
  copyBody(object: StoredObject, file: string): Promise<void> {
    return this.#core.bytes.copyTo(object, file);
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
    const { conditions = {}, actor, description, promised, event = "ObjectCreated:Put" } = options;
    // Looked at before the body is taken too: a client that waits for 100-continue is spared sending it.
    if (conditions.ifMatch !== undefined || conditions.ifNoneMatch !== undefined) {
      evaluateWrite(key, await this.object(bucket, key), conditions);
    }
    const encryption = await this.#core.encryptor.begin(bucket, key, options.encryption);
    const { signal } = options;
    const staged = await this.#core.stage(source, {
      ...(promised && { promised }),
      encryption,
      mayBeFew: true,
      signal,
    });
    return this.#commit(bucket, key, staged, description, { conditions, heldBefore: true, actor, event });
  }

  /**
   * Copies an object, bytes and all.
   * @returns the copy and the version that it was made of
   * @throws AwsError NoSuchKey, NoSuchVersion, PreconditionFailed, InvalidRequest above 5 GiB, and those of `put`
   */
  async copy(
    source: CopySource,
    target: { readonly bucket: Bucket; readonly key: string },
    options: CopyOptions,
  ): Promise<{ readonly copy: StoredObject; readonly source: StoredObject }> {
    const { conditions = {}, actor, signal } = options;
    const use = async (object: StoredObject) => {
      evaluateCopySource(object, options.sourceConditions ?? {});
      if (object.size > maxBodyBytes) {
        throw invalidRequest(
          `The specified copy source is larger than the maximum allowable size for a copy source: ${maxBodyBytes}`,
        );
      }
      const description = options.description(object);
      const encryption = await this.#core.encryptor.begin(target.bucket, target.key, options.encryption);
      return {
        object,
        description,
        staged: await this.#core.stageCopy(object, {
          algorithm: options.algorithm,
          encryption,
          mayBeFew: true,
          signal,
        }),
      };
    };
    const read = await this.#core.readingSource(source, use);
    const copy = await this.#commit(target.bucket, target.key, read.staged, read.description, {
      conditions,
      actor,
      event: "ObjectCreated:Copy",
    });
    return { copy, source: read.object };
  }

  /**
   * Removes an object, or hides it behind a delete marker where the bucket keeps versions; without versions nothing
   * happens when there is none. With a version id that version is removed for good.
   * @throws AwsError PreconditionFailed, NoSuchKey when If-Match finds nothing
   */
  delete(
    bucket: Bucket,
    key: string,
    {
      conditions = {},
      actor,
      versionId,
    }: { conditions?: WriteConditions; actor: Actor; versionId?: string | undefined },
  ): Promise<Deletion> {
    return this.#core.changing(bucket, key, (now, current) =>
      versionId === undefined
        ? this.#deleteObject(now, key, current, { conditions, actor, names: removalNames })
        : this.#deleteVersion(now, key, current, versionId, { conditions, actor, names: removalNames }),
    );
  }

  /**
   * Ends a version because a rule of its bucket says so, unless it became something else since the rule was asked.
   * @returns whether it did
   */
  expire(bucket: Bucket, key: string, { versionId, lastModified, as, actor }: ExpireOptions): Promise<boolean> {
    const { versions } = this.#core;
    return this.#core.changing(bucket, key, async (now, current) => {
      const isObject = current?.versionId === versionId;
      if (as === "object") {
        if (!isObject || current.lastModified !== lastModified) return false;
        await this.#deleteObject(now, key, current, { actor, names: expirationNames });
        return true;
      }
      const version = isObject ? undefined : await versions.find(now, key, versionId);
      if (version?.lastModified !== lastModified) return false;
      if (as === "lone marker" && (current !== undefined || (await versions.others(now, key, 2)).length > 1))
        return false;
      await this.#deleteVersion(now, key, current, versionId, { actor, names: expirationNames });
      return true;
    });
  }

  /**
   * Says something else of an object, or of one version of it: tags, an access control list. Bytes, id and time stay.
   * @param options.change decides on the object as it is
   * @throws AwsError NoSuchKey, NoSuchVersion, MethodNotAllowed for a delete marker, and what `change` throws
   */
  amend(bucket: Bucket, key: string, options: AmendOptions): Promise<StoredObject> {
    const { versionId, change, actor, event } = options;
    return this.#core.changing(bucket, key, async (now, current) => {
      const object = await this.#core.readable(now, key, versionId);
      const amended = change(object);
      const plan = this.#core.versions.planAmendment(now, object, object.versionId === current?.versionId, amended);
      const { size, etag } = object;
      const facts = { bucket: now, key, size, etag, at: this.#core.clock.now(), actor };
      const version = now.settings.versioning === undefined ? {} : { versionId: object.versionId };
      await this.#core.carryOut(
        plan,
        actor,
        event === undefined ? {} : { event: { name: event, ...facts, ...version } },
      );
      return { ...object, ...amended } as StoredObject;
    });
  }

  /** Keys in byte order, rolled up at the delimiter. */
  list(bucket: Bucket, request: ListingRequest): Promise<Listing<ObjectRow>> {
    return listEntries(async (start, limit) => {
      const page = await this.#core.records.list<ObjectBody>({
        ...within(bucket, "s3-object", keyName(request.prefix)),
        ...(start.after === undefined ? {} : { nameAfter: `${bucket.name}/${keyName(start.after)}` }),
        ...(start.from === undefined ? {} : { nameFrom: `${bucket.name}/${keyName(start.from)}` }),
        limit,
      });
      return page.records.map((record) => {
        const object = toObject(bucket, record);
        return { name: object.key, key: object.key, object };
      });
    }, request);
  }

  /** All versions and delete markers, by key and the newest first, rolled up at the delimiter. */
  listVersions(
    bucket: Bucket,
    request: Omit<ListingRequest, "start"> & { readonly keyMarker: string; readonly versionIdMarker: string },
  ): Promise<Listing<VersionRow>> {
    return listVersions(this.#core, bucket, request);
  }

  /**
   * Removes blobs that no record names: what a crash left.
   * @param olderThanMs spares younger blobs, whose writer may be about to record them; 0 when nobody writes
   * @returns how many were removed
   */
  sweepOrphans({ olderThanMs }: { olderThanMs: number }): Promise<number> {
    return this.#core.sweep(olderThanMs);
  }

  /**
   * Reads everything that is stored and holds it to its records: objects, older versions, parts of unfinished uploads.
   * One step for each; those with a `problem` are damaged. Others may read and write meanwhile.
   * @throws the signal's reason when it aborts
   */
  verifyStored(signal?: AbortSignal): AsyncIterable<Verified> {
    return verifyStored(this.#core, signal);
  }

  /** Resolves when the bytes of everything that was replaced or deleted so far are freed. */
  freed(): Promise<void> {
    return this.#core.freeing.idle();
  }

  async #deleteObject(
    bucket: Bucket,
    key: string,
    current: StoredObject | undefined,
    { conditions = {}, actor, names }: DeleteOptions,
  ): Promise<Deletion> {
    evaluateWrite(key, current, conditions);
    const plan = await this.#core.versions.planDelete(bucket, key, current);
    const { markerId } = plan;
    const marker = markerId !== undefined;
    if (!marker && current === undefined) return { marker };
    const name = marker ? names.marker : names.removed;
    await this.#core.carryOut(plan, actor, {
      event: { name, bucket, key, at: this.#core.clock.now(), actor, ...(marker && { versionId: markerId }) },
      essential: true,
    });
    return { marker, ...(marker && { versionId: markerId }) };
  }

  async #deleteVersion(
    bucket: Bucket,
    key: string,
    current: StoredObject | undefined,
    versionId: string,
    { conditions = {}, actor, names }: DeleteOptions,
  ): Promise<Deletion> {
    const plan = await this.#core.versions.planRemoval(bucket, key, current, versionId);
    const { removed } = plan;
    evaluateWrite(key, removed?.marker ? undefined : removed, conditions);
    if (removed === undefined) return { marker: false, versionId };
    await this.#core.carryOut(plan, actor, {
      event: { name: names.removed, bucket, key, versionId, at: this.#core.clock.now(), actor },
      essential: true,
    });
    return { marker: removed.marker === true, versionId };
  }

  #commit(
    bucket: Bucket,
    key: string,
    { blobId, bytes, checksum, ...staged }: StagedBody,
    description: ObjectDescription,
    options: CommitOptions,
  ): Promise<StoredObject> {
    const place =
      bytes === undefined
        ? { blobId: blobId! }
        : { few: Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString("base64") };
    const body: ObjectBody = { ...description, ...staged, ...place, ...(checksum && { checksum }) };
    return this.#core.keepOrDiscard(blobId, () => this.#core.commitObject(bucket, key, body, options));
  }
}
