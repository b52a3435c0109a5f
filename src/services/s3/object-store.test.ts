/** The engine on real stores: what is acknowledged stays, what fails leaves nothing. */
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import { account, bytesOf, hashOf, openS3, otherAccount, streamOf, type S3Fixture } from "../../../tests/support/s3.ts";
import { StorageFull } from "../../storage/record-store.ts";
import { jobStorage } from "./job-storage.ts";
import type { Bucket } from "./records.ts";

const actor = { by: "test", call: "s3:PutObject" };
const description = { headers: {}, metadata: {}, storageClass: "STANDARD" } as const;

async function collect<Item>(items: AsyncIterable<Item>): Promise<Item[]> {
  const all: Item[] = [];
  for await (const item of items) all.push(item);
  return all;
}

async function withBucket(s3: S3Fixture): Promise<Bucket> {
  return (await s3.objects.createBucket("the-bucket", { accountId: account, region: "us-east-1" }, actor)).bucket;
}

const put = (s3: S3Fixture, bucket: Bucket, key: string, text: string) =>
  s3.objects.put(bucket, key, streamOf(text), { description, actor });

const read = async (s3: S3Fixture, bucket: Bucket, key: string) =>
  bytesOf(await s3.objects.reading(bucket, key, (object) => s3.objects.body(object)));

test("objects and buckets outlive the process", async () => {
  const first = await openS3();
  const bucket = await withBucket(first);
  await put(first, bucket, "k", "hello");
  await using second = await first.reopen();
  expect(await second.objects.bucket("the-bucket")).toEqual(bucket);
  expect((await read(second, bucket, "k")).toString()).toBe("hello");
});

test("an overwrite frees the bytes that it replaces, a delete those that it removes", async () => {
  await using s3 = await openS3();
  const bucket = await withBucket(s3);
  await put(s3, bucket, "k", "one");
  await put(s3, bucket, "k", "two");
  expect((await read(s3, bucket, "k")).toString()).toBe("two");
  expect(await s3.blobIds()).toHaveLength(1);
  await s3.objects.delete(bucket, "k", { actor });
  await s3.objects.delete(bucket, "k", { actor });
  expect(await s3.blobIds()).toEqual([]);
});

test("of many writers that want to be the first, one is", async () => {
  await using s3 = await openS3();
  const bucket = await withBucket(s3);
  const outcomes = await Promise.allSettled(
    Array.from({ length: 8 }, (_, index) =>
      s3.objects.put(bucket, "k", streamOf(`writer ${index}`), {
        description,
        actor,
        conditions: { ifNoneMatch: "*" },
      }),
    ),
  );
  const lost = outcomes.filter((outcome) => outcome.status === "rejected");
  expect(lost).toHaveLength(7);
  for (const { reason } of lost) expect(reason).toMatchObject({ code: "PreconditionFailed" });
  expect(await s3.blobIds()).toHaveLength(1);
});

test("readers of an object that is being replaced see one version or the other", async () => {
  await using s3 = await openS3();
  const bucket = await withBucket(s3);
  const versions = ["a", "b", "c"].map((letter) => letter.repeat(100_000));
  await put(s3, bucket, "k", versions[0]);
  const writes = Array.from({ length: 12 }, (_, index) => put(s3, bucket, "k", versions[index % 3]));
  const reads = Array.from({ length: 30 }, () => read(s3, bucket, "k"));
  for (const text of await Promise.all(reads)) expect(versions).toContain(text.toString());
  await Promise.all(writes);
  expect(await s3.blobIds()).toHaveLength(1);
});

test("a bucket cannot be deleted between the check and the commit of a write", async () => {
  await using s3 = await openS3();
  for (let round = 0; round < 10; round += 1) {
    const bucket = await withBucket(s3);
    const outcomes = await Promise.allSettled([put(s3, bucket, "k", "x"), s3.objects.deleteBucket(bucket, actor)]);
    const [written, deleted] = outcomes.map(({ status }) => status === "fulfilled");
    expect(written).toBe(!deleted);
    if (written) {
      await s3.objects.delete(bucket, "k", { actor });
      await s3.objects.deleteBucket(bucket, actor);
    }
    expect(await s3.blobIds()).toEqual([]);
  }
});

test("an upload that breaks off leaves nothing", async () => {
  await using s3 = await openS3();
  const bucket = await withBucket(s3);
  async function* broken() {
    yield Buffer.alloc(100_000);
    throw new Error("connection reset");
  }
  await expect(s3.objects.put(bucket, "k", broken(), { description, actor })).rejects.toThrow("connection reset");
  expect(await s3.objects.object(bucket, "k")).toBeUndefined();
  expect(await s3.blobIds()).toEqual([]);
  expect(await s3.temporaryFiles()).toEqual([]);
});

test("an upload whose client hangs up leaves nothing", async () => {
  await using s3 = await openS3();
  const bucket = await withBucket(s3);
  const controller = new AbortController();
  async function* silent() {
    yield Buffer.alloc(10);
    controller.abort(new Error("client closed the connection"));
    await new Promise(() => {});
  }
  const upload = s3.objects.put(bucket, "k", silent(), { description, actor, signal: controller.signal });
  await expect(upload).rejects.toThrow("client closed the connection");
  expect(await s3.blobIds()).toEqual([]);
  expect(await s3.temporaryFiles()).toEqual([]);
});

test("when the disk has no room for the record, the bytes go too and the old object stays", async () => {
  let full = false;
  await using s3 = await openS3({
    records: (real) => ({
      get: real.get.bind(real),
      getByArn: real.getByArn.bind(real),
      list: real.list.bind(real),
      listByStatus: real.listByStatus.bind(real),
      scan: real.scan.bind(real),
      tags: real.tags.bind(real),
      taggedArns: real.taggedArns.bind(real),
      history: real.history.bind(real),
      close: real.close.bind(real),
      write: (changes, options) => (full ? Promise.reject(new StorageFull("records")) : real.write(changes, options)),
    }),
  });
  const bucket = await withBucket(s3);
  await put(s3, bucket, "k", "old");
  full = true;
  await expect(put(s3, bucket, "k", "new")).rejects.toThrow(StorageFull);
  full = false;
  expect((await read(s3, bucket, "k")).toString()).toBe("old");
  expect(await s3.blobIds()).toHaveLength(1);
});

test("the sweep removes blobs that no record names and only those", async () => {
  await using s3 = await openS3();
  const bucket = await withBucket(s3);
  await put(s3, bucket, "k", "kept");
  const upload = await s3.objects.uploads.create(bucket, "big", { ...description, initiator: "me" }, actor);
  const reference = { bucket, key: "big", uploadId: upload.uploadId };
  await s3.objects.uploads.putPart(reference, 1, streamOf("kept too"), { promised: {}, actor });
  // What a crash after the blob and before the record leaves.
  const orphan = await s3.blobs.write(streamOf("lost"));
  expect(await s3.objects.sweepOrphans({ olderThanMs: 3_600_000 })).toBe(0);
  expect(await s3.objects.sweepOrphans({ olderThanMs: 0 })).toBe(1);
  const ids = await s3.blobIds();
  expect(ids).toHaveLength(2);
  expect(ids).not.toContain(orphan.id);
  expect((await read(s3, bucket, "k")).toString()).toBe("kept");
});

test("a record whose bytes are gone is damage and says so", async () => {
  await using s3 = await openS3();
  const bucket = await withBucket(s3);
  const { blobId } = await put(s3, bucket, "k", "x");
  await s3.blobs.delete(blobId!);
  await expect(read(s3, bucket, "k")).rejects.toThrow(`blob ${blobId} does not exist`);
});

test("changes of buckets stand in the history, those of objects do not", async () => {
  await using s3 = await openS3();
  const bucket = await withBucket(s3);
  await put(s3, bucket, "k", "x");
  await s3.objects.delete(bucket, "k", { actor });
  await s3.objects.deleteBucket(bucket, actor);
  const ofBucket = await s3.records.history({ accountId: "*", region: "*", family: "s3-bucket", name: "the-bucket" });
  expect(ofBucket).toHaveLength(2);
  const ofObject = await s3.records.history({
    accountId: account,
    region: "us-east-1",
    family: "s3-object",
    name: "the-bucket/k",
  });
  expect(ofObject).toEqual([]);
});

test("jobs list, read, download and write objects of their own account", async () => {
  await using s3 = await openS3();
  const bucket = await withBucket(s3);
  const storage = jobStorage(s3.objects);
  const metadata = { made: "by a job" };
  await storage.upload(account, "the-bucket", "out/b", streamOf("body"), { contentType: "text/csv", metadata });
  await put(s3, bucket, "out/a", "");
  await put(s3, bucket, "other", "x");

  expect(await storage.bucketExists(account, "the-bucket")).toBe(true);
  expect(await storage.bucketExists(account, "nowhere")).toBe(false);
  expect(await storage.bucketExists(otherAccount, "the-bucket")).toBe(false);
  expect(await collect(storage.list(account, "the-bucket", "out/"))).toEqual([
    { key: "out/a", size: 0, etag: hashOf("md5", "") },
    { key: "out/b", size: 4, etag: hashOf("md5", "body") },
  ]);
  expect(await storage.stat(account, "the-bucket", "out/b")).toMatchObject({ size: 4 });
  expect(await storage.stat(account, "the-bucket", "out/none")).toBeUndefined();
  expect((await bytesOf(await storage.read(account, "the-bucket", "out/b"))).toString()).toBe("body");
  expect(await s3.objects.object(bucket, "out/b")).toMatchObject({ headers: { contentType: "text/csv" }, metadata });
  await expect(storage.stat(otherAccount, "the-bucket", "out/b")).rejects.toMatchObject({ code: "AccessDenied" });
  await expect(storage.read(account, "the-bucket", "none")).rejects.toMatchObject({ code: "NoSuchKey" });
});

test("a download is a new file, never one that is there", async () => {
  await using s3 = await openS3();
  const bucket = await withBucket(s3);
  await put(s3, bucket, "k", "body");
  const storage = jobStorage(s3.objects);
  const folder = await mkdtemp(join(tmpdir(), "sagebrush-download-"));
  try {
    await storage.download(account, "the-bucket", "k", join(folder, "file"));
    expect(await readFile(join(folder, "file"), "utf8")).toBe("body");
    await writeFile(join(folder, "taken"), "mine");
    const taken = storage.download(account, "the-bucket", "k", join(folder, "taken"));
    await expect(taken).rejects.toMatchObject({ code: "EEXIST" });
    expect(await readFile(join(folder, "taken"), "utf8")).toBe("mine");
    await expect(storage.download(account, "the-bucket", "k", join(folder, "no", "file"))).rejects.toMatchObject({
      code: "ENOENT",
    });
    const aborted = AbortSignal.abort(new Error("stopped"));
    await expect(storage.download(account, "the-bucket", "k", join(folder, "new"), aborted)).rejects.toThrow("stopped");
  } finally {
    await rm(folder, { recursive: true });
  }
});

test("more than one page of objects is listed for a job", async () => {
  await using s3 = await openS3();
  await withBucket(s3);
  const keys = Array.from({ length: 2345 }, (_, index) => `k${String(index).padStart(5, "0")}`);
  const body = { ...description, blobId: "0".repeat(32), size: 1, etag: "e" };
  const space = { accountId: account, region: "us-east-1", family: "s3-object" };
  await s3.records.write(
    keys.map((key) => ({ op: "put", key: { ...space, name: `the-bucket/${key}` }, body })),
    { actor, at: 0, history: false },
  );
  const listed = await collect(jobStorage(s3.objects).list(account, "the-bucket", "k0"));
  expect(listed.map(({ key }) => key)).toEqual(keys);
});
