/** Bytes that nobody needs any more go, those that somebody needs stay. */
import { randomBytes } from "node:crypto";
import type { Readable } from "node:stream";
import { expect, test } from "vitest";
import { StorageFull } from "../../storage/record-store.ts";
import { account, bytesOf, openS3, setOnBucket, streamOf, type S3Fixture } from "../../../tests/support/s3.ts";
import { BlobIdSet } from "./blob-id-set.ts";
import type { Bucket } from "./records.ts";

const actor = { by: "test", call: "s3:PutObject" };
const description = { headers: {}, metadata: {}, storageClass: "STANDARD" } as const;

async function withBucket(s3: S3Fixture): Promise<Bucket> {
  return (await s3.objects.createBucket("b", { accountId: account, region: "us-east-1" }, actor)).bucket;
}

const put = (s3: S3Fixture, bucket: Bucket, key: string, body: string | Uint8Array) =>
  s3.objects.put(bucket, key, streamOf(body), { description, actor });

async function putInParts(s3: S3Fixture, bucket: Bucket, key: string, bodies: readonly (string | Uint8Array)[]) {
  const { uploadId } = await s3.objects.uploads.create(bucket, key, { ...description, initiator: "me" }, actor);
  const reference = { bucket, key, uploadId };
  const parts = [];
  for (const [index, body] of bodies.entries()) {
    const { part } = await s3.objects.uploads.putPart(reference, index + 1, streamOf(body), { promised: {}, actor });
    parts.push({ partNumber: index + 1, etag: part.etag, checksums: {} });
  }
  return s3.objects.uploads.complete(reference, { parts, claimed: {}, actor });
}

test("a delete is answered before its bytes are freed, and they are freed", async () => {
  let mayDelete: () => void = () => {};
  const gate = new Promise<void>((resolve) => (mayDelete = resolve));
  await using s3 = await openS3({
    blobs: (real) => ({
      write: real.write.bind(real),
      concat: real.concat.bind(real),
      read: real.read.bind(real),
      path: real.path.bind(real),
      ids: real.ids.bind(real),
      delete: async (id) => {
        await gate;
        await real.delete(id);
      },
    }),
  });
  const bucket = await withBucket(s3);
  await put(s3, bucket, "k", "x");
  await s3.objects.delete(bucket, "k", { actor });
  expect(await s3.objects.object(bucket, "k")).toBeUndefined();
  mayDelete();
  expect(await s3.blobIds()).toEqual([]);
});

test("on a full disk a delete is answered when its bytes are free", async () => {
  let full = false;
  const deleted: string[] = [];
  await using s3 = await openS3({
    blobs: (real) => ({
      concat: real.concat.bind(real),
      read: real.read.bind(real),
      path: real.path.bind(real),
      ids: real.ids.bind(real),
      write: (...call) => (full ? Promise.reject(new StorageFull("a blob")) : real.write(...call)),
      delete: async (id) => {
        await new Promise((resolve) => setTimeout(resolve, 20));
        await real.delete(id);
        deleted.push(id);
        full = false;
      },
    }),
  });
  const bucket = await withBucket(s3);
  const { blobId } = await put(s3, bucket, "k", "x");
  full = true;
  await expect(put(s3, bucket, "other", "y")).rejects.toThrow(StorageFull);
  await s3.objects.delete(bucket, "k", { actor });
  expect(deleted).toEqual([blobId]);
  await put(s3, bucket, "other", "y");
});

test("a reader of an object in parts finishes what it began although the object is deleted meanwhile", async () => {
  await using s3 = await openS3();
  const bucket = await withBucket(s3);
  const bodies = [randomBytes(5 * 2 ** 20), randomBytes(5 * 2 ** 20), randomBytes(1000)];
  await putInParts(s3, bucket, "k", bodies);
  const stream = (await s3.objects.reading(bucket, "k", (object) => s3.objects.body(object))) as Readable;
  await s3.objects.delete(bucket, "k", { actor });
  await expect(s3.objects.readable(bucket, "k")).rejects.toMatchObject({ code: "NoSuchKey" });
  expect(await s3.blobIds()).toHaveLength(3);
  expect((await bytesOf(stream)).equals(Buffer.concat(bodies))).toBe(true);
  expect(await s3.blobIds()).toEqual([]);
  // A reader that leaves without reading holds nothing back either.
  await putInParts(s3, bucket, "k", bodies);
  const left = (await s3.objects.reading(bucket, "k", (object) => s3.objects.body(object))) as Readable;
  await s3.objects.delete(bucket, "k", { actor });
  left.destroy();
  await new Promise((resolve) => left.once("close", resolve));
  expect(await s3.blobIds()).toEqual([]);
});

test("any range of an object in parts is read across them", async () => {
  await using s3 = await openS3();
  const bucket = await withBucket(s3);
  const bodies = [randomBytes(5 * 2 ** 20), randomBytes(6 * 2 ** 20), randomBytes(7)];
  const whole = Buffer.concat(bodies);
  await putInParts(s3, bucket, "k", bodies);
  const edge = 5 * 2 ** 20;
  for (const [start, end] of [
    [0, 0],
    [edge - 3, edge + 3],
    [edge, edge],
    [10, whole.length - 2],
    [whole.length - 7, whole.length - 1],
  ]) {
    const bytes = await s3.objects.reading(bucket, "k", async (object) =>
      bytesOf(await s3.objects.body(object, { start, end })),
    );
    expect(bytes.equals(whole.subarray(start, end + 1)), `${start}-${end}`).toBe(true);
  }
});

test("the sweep spares what is recorded, in whatever way, and what moves while it runs", async () => {
  let duringScan: (() => Promise<unknown>) | undefined;
  await using s3 = await openS3({
    records: (real) => ({
      get: real.get.bind(real),
      getByArn: real.getByArn.bind(real),
      list: real.list.bind(real),
      listByStatus: real.listByStatus.bind(real),
      tags: real.tags.bind(real),
      taggedArns: real.taggedArns.bind(real),
      history: real.history.bind(real),
      write: real.write.bind(real),
      close: real.close.bind(real),
      async *scan(family) {
        if (family === "s3-object") await duringScan?.();
        yield* real.scan(family);
      },
    }),
  });
  const bucket = await withBucket(s3);
  await setOnBucket(s3, "b", { versioning: "Enabled" });
  await put(s3, bucket, "k", "older");
  await put(s3, bucket, "k", "newer");
  await putInParts(s3, bucket, "joined", ["part"]);
  const { uploadId } = await s3.objects.uploads.create(bucket, "open", { ...description, initiator: "me" }, actor);
  await s3.objects.uploads.putPart({ bucket, key: "open", uploadId }, 1, streamOf("p"), { promised: {}, actor });
  await s3.blobs.write(streamOf("lost"));
  // What was the object when older versions were read has become an older version when objects are read.
  duringScan = () => put(s3, bucket, "k", "newest");
  expect(await s3.objects.sweepOrphans({ olderThanMs: 0 })).toBe(1);
  duringScan = undefined;
  expect(await s3.blobIds()).toHaveLength(5);
  const { Versions } = await s3.call("ListObjectVersions", { Bucket: "b", Prefix: "k" });
  const texts = await Promise.all(
    Versions!.map(async ({ VersionId }) =>
      (await bytesOf((await s3.call("GetObject", { Bucket: "b", Key: "k", VersionId: VersionId! })).Body)).toString(),
    ),
  );
  expect(texts).toEqual(["newest", "newer", "older"]);
});

test("a set of blob ids has those that were added", () => {
  const ids = Array.from({ length: 5000 }, () => randomBytes(16).toString("hex"));
  const set = new BlobIdSet();
  for (const id of [...ids, ...ids]) set.add(id);
  expect(set.size).toBe(5000);
  expect(ids.every((id) => set.has(id))).toBe(true);
  expect(Array.from({ length: 5000 }, () => randomBytes(16).toString("hex")).some((id) => set.has(id))).toBe(false);
  set.add("0".repeat(32));
  expect(set.has("0".repeat(32))).toBe(true);
});
