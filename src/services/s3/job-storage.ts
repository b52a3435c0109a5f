/** The objects of this server as jobs and endpoints see them, without HTTP in between. */
import { promises as fs } from "node:fs";
import { Readable } from "node:stream";
import type { ObjectEntry, ObjectStorage } from "../../jobs/ports.ts";
import { noSuchBucket, s3Error } from "./errors.ts";
import { checkedMetadata, checkKey } from "./names.ts";
import type { ObjectStore } from "./object-store.ts";
import type { Bucket, StoredObject } from "./records.ts";

const page = 1000;

/** Writes of jobs stand in no history; this says who it was when a bucket's objects are asked about. */
const actor = { by: "sagebrush:jobs", call: "s3:PutObject" };

/** Errors are those of S3: NoSuchBucket, AccessDenied for a bucket of another account, NoSuchKey. */
export function jobStorage(objects: ObjectStore): ObjectStorage {
  const owned = async (accountId: string, name: string): Promise<Bucket> => {
    const bucket = await objects.bucket(name);
    if (bucket === undefined) throw noSuchBucket(name);
    if (bucket.accountId !== accountId) throw s3Error("AccessDenied");
    return bucket;
  };

  return {
    async bucketExists(accountId, name) {
      return (await objects.bucket(name))?.accountId === accountId;
    },

    async *list(accountId, name, prefix) {
      const bucket = await owned(accountId, name);
      let after = "";
      for (;;) {
        const { entries, truncated } = await objects.list(bucket, {
          prefix,
          delimiter: "",
          start: { after },
          maxEntries: page,
        });
        for (const entry of entries) {
          if (!("row" in entry)) continue;
          after = entry.row.key;
          yield toEntry(entry.row.object);
        }
        if (!truncated) return;
      }
    },

    async stat(accountId, name, key) {
      const object = await objects.object(await owned(accountId, name), key);
      return object && toEntry(object);
    },

    async download(accountId, name, key, file, signal) {
      signal?.throwIfAborted();
      await objects.reading(await owned(accountId, name), key, (object) => objects.copyBody(object, file));
      if (!signal?.aborted) return;
      await fs.rm(file, { force: true });
      signal.throwIfAborted();
    },

    async read(accountId, name, key) {
      const body = await objects.reading(await owned(accountId, name), key, (object) => objects.body(object));
      return body instanceof Readable ? body : Readable.from([body], { objectMode: false });
    },

    async upload(accountId, name, key, source, options = {}) {
      const bucket = await owned(accountId, name);
      checkKey(key);
      const headers = options.contentType === undefined ? {} : { contentType: options.contentType };
      const description = { headers, metadata: checkedMetadata(options.metadata), storageClass: "STANDARD" } as const;
      await objects.put(bucket, key, source, { description, actor });
    },
  };
}

function toEntry({ key, size, etag }: StoredObject): ObjectEntry {
  return { key, size, etag };
}
