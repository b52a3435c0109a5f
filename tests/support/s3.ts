/** An object store on the real stores in a temporary directory, and its operations without HTTP. */
import { createHash } from "node:crypto";
import { mkdtemp, readdir, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { S3Operations } from "../../src/protocol/generated/s3.ts";
import type { OperationDefinition, RequestContext } from "../../src/protocol/service.ts";
import type { ObjectEvents } from "../../src/services/s3/events.ts";
import { ObjectStore, s3Service } from "../../src/services/s3/index.ts";
import type { BlobStore } from "../../src/storage/blob-store.ts";
import { FileBlobStore } from "../../src/storage/file-blob-store.ts";
import type { RecordStore } from "../../src/storage/record-store.ts";
import { SqliteRecordStore } from "../../src/storage/sqlite-record-store.ts";
import type { BucketSettings } from "../../src/services/s3/settings/bucket-settings.ts";
import { bucketKey, type BucketBody } from "../../src/services/s3/records.ts";
import { ManualClock } from "../../src/util/clock.ts";

export const account = "111122223333";
export const otherAccount = "444455556666";

export interface CallOptions {
  readonly accountId?: string;
  readonly region?: string;
  readonly headers?: Record<string, string>;
  readonly trailers?: Record<string, string>;
  readonly anonymous?: boolean;
  readonly signal?: AbortSignal;
  /** Told the status that the handler sets. */
  readonly onStatus?: (status: number) => void;
}

export interface S3Fixture {
  readonly objects: ObjectStore;
  readonly records: RecordStore;
  readonly blobs: BlobStore;
  readonly clock: ManualClock;
  readonly directory: string;
  call<Name extends keyof S3Operations>(
    operation: Name,
    input: S3Operations[Name]["input"],
    options?: CallOptions,
  ): Promise<S3Operations[Name]["output"]>;
  /** Closes the stores and opens them again, as a restart does. */
  reopen(): Promise<S3Fixture>;
  blobIds(): Promise<string[]>;
  temporaryFiles(): Promise<string[]>;
  [Symbol.asyncDispose](): Promise<void>;
}

/** What to put in front of the real stores, e.g. a disk that is full. */
export interface Wrapping {
  readonly blobs?: (real: BlobStore) => BlobStore;
  readonly records?: (real: RecordStore) => RecordStore;
  /** Bodies up to this size lie in their object's record; 0 unless given. */
  readonly fewBytes?: number;
  /** Who is told of what happens to objects. */
  readonly events?: (place: { readonly records: RecordStore; readonly clock: ManualClock }) => ObjectEvents;
}

export async function openS3(wrapping: Wrapping = {}, directory?: string): Promise<S3Fixture> {
  const folder = directory ?? (await mkdtemp(join(tmpdir(), "sagebrush-s3-")));
  const realRecords = new SqliteRecordStore({ file: join(folder, "records.db"), reserveBytes: 0 });
  const realBlobs = await FileBlobStore.open(join(folder, "blobs"));
  const records = wrapping.records?.(realRecords) ?? realRecords;
  const blobs = wrapping.blobs?.(realBlobs) ?? realBlobs;
  const clock = new ManualClock();
  const events = wrapping.events?.({ records, clock });
  const objects = new ObjectStore({
    records,
    blobs,
    clock,
    keyFile: join(folder, "object-keys.json"),
    // Most tests look at blobs; those of few bytes ask for them.
    fewBytes: wrapping.fewBytes ?? 0,
    ...(events && { events }),
  });
  const service = s3Service({ objects, records });

  return {
    objects,
    records,
    blobs,
    clock,
    directory: folder,
    async call(operation, input, options = {}) {
      const { accountId = account, region = "us-east-1", headers = {}, trailers } = options;
      const context: RequestContext = {
        requestId: "test-request",
        service: "s3",
        operation,
        accountId,
        region,
        principal: {
          kind: options.anonymous === true ? "anonymous" : "root",
          accountId,
          arn: `arn:aws:iam::${accountId}:root`,
          userId: accountId,
          accessKeyId: "AKIDEXAMPLE",
        },
        clock,
        signal: options.signal ?? new AbortController().signal,
        headers,
        baseUrl: "http://127.0.0.1:7243",
        setHeader: () => {},
        authorize: () => Promise.resolve(),
        setStatus: (status) => options.onStatus?.(status),
        ...(trailers && { trailers: () => trailers }),
      };
      const definition = service.operations[operation] as OperationDefinition<unknown, never> | undefined;
      if (definition === undefined) throw new Error(`${operation} has no handler`);
      return definition.handle(input, context);
    },
    async reopen() {
      await realRecords.close();
      return openS3(wrapping, folder);
    },
    async blobIds() {
      await objects.freed();
      const ids: string[] = [];
      for await (const id of realBlobs.ids()) ids.push(id);
      return ids;
    },
    temporaryFiles: () => readdir(join(folder, "blobs", "tmp")),
    async [Symbol.asyncDispose]() {
      await realRecords.close();
      await rm(folder, { recursive: true, force: true });
    },
  };
}

/** A body as it comes from a connection, in chunks. */
export async function* streamOf(bytes: string | Uint8Array, chunk = 64 * 1024): AsyncGenerator<Uint8Array> {
  const buffer = Buffer.from(bytes);
  for (let at = 0; at < buffer.length; at += chunk) yield buffer.subarray(at, at + chunk);
}

export async function bytesOf(body: Uint8Array | string | AsyncIterable<Uint8Array> | undefined): Promise<Buffer> {
  if (body === undefined || typeof body === "string" || body instanceof Uint8Array) return Buffer.from(body ?? "");
  const chunks: Uint8Array[] = [];
  for await (const chunk of body) chunks.push(chunk);
  return Buffer.concat(chunks);
}

export function hashOf(algorithm: string, bytes: string | Uint8Array, encoding: "hex" | "base64" = "hex"): string {
  return createHash(algorithm).update(bytes).digest(encoding);
}

/** Sets something on a bucket, as the operations on buckets do. */
export async function setOnBucket(s3: S3Fixture, bucket: string, settings: BucketSettings): Promise<void> {
  const record = (await s3.records.get<BucketBody>(bucketKey(bucket)))!;
  const body: BucketBody = { ...record.body, settings: { ...record.body.settings, ...settings } };
  await s3.records.write([{ op: "update", key: bucketKey(bucket), body }], {
    actor: { by: "test", call: "s3:PutBucketVersioning" },
    at: s3.clock.now(),
  });
}
