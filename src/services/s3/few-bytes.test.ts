/** Small bodies in the records of their objects: a client sees no difference, and no file is made. */
import { randomBytes } from "node:crypto";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import { account, bytesOf, hashOf, openS3, setOnBucket, streamOf, type S3Fixture } from "../../../tests/support/s3.ts";
import { gather } from "./few-bytes.ts";
import { jobStorage } from "./job-storage.ts";
import { objectKey } from "./records.ts";

const Bucket = "the-bucket";
const Key = "k";
const fewBytes = 100;

async function withBucket(): Promise<S3Fixture> {
  const s3 = await openS3({ fewBytes });
  await s3.call("CreateBucket", { Bucket });
  return s3;
}

const put = (s3: S3Fixture, body: string | Uint8Array, more: object = {}) =>
  s3.call("PutObject", { Bucket, Key, Body: streamOf(body, 7), ...more });

async function get(s3: S3Fixture, more: object = {}): Promise<string> {
  return (await bytesOf((await s3.call("GetObject", { Bucket, Key, ...more })).Body)).toString("latin1");
}

async function kept(s3: S3Fixture): Promise<number> {
  let count = 0;
  for (const family of ["s3-object", "s3-version"]) {
    for await (const { body } of s3.records.scan<{ few?: string }>(family)) count += body.few === undefined ? 0 : 1;
  }
  return count;
}

test.each([{}, { ServerSideEncryption: "AES256" }, { ServerSideEncryption: "aws:kms" }])(
  "few bytes come back whole and in ranges with %o, and one byte more makes a blob",
  async (encryption) => {
    await using s3 = await withBucket();
    for (const size of [0, 1, fewBytes - 1, fewBytes, fewBytes + 1, 5000]) {
      const body = randomBytes(size).toString("latin1");
      const bytes = Buffer.from(body, "latin1");
      const { ETag } = await put(s3, bytes, encryption);
      if (encryption.ServerSideEncryption !== "aws:kms") expect(ETag).toBe(`"${hashOf("md5", bytes)}"`);
      expect(await get(s3)).toBe(body);
      if (size > 2) expect(await get(s3, { Range: `bytes=1-${size - 2}` })).toBe(body.slice(1, -1));
      expect((await s3.call("HeadObject", { Bucket, Key })).ContentLength).toBe(size);
      expect([await kept(s3), (await s3.blobIds()).length]).toEqual(size <= fewBytes ? [1, 0] : [0, 1]);
    }
  },
);

test("what is replaced, deleted or removed takes its bytes along, older versions keep them", async () => {
  await using s3 = await withBucket();
  await put(s3, "one");
  await put(s3, "two");
  expect(await kept(s3)).toBe(1);
  await s3.call("DeleteObject", { Bucket, Key });
  expect(await kept(s3)).toBe(0);
  await setOnBucket(s3, Bucket, { versioning: "Enabled" });
  const { VersionId } = await put(s3, "three");
  await put(s3, "x".repeat(500));
  await put(s3, "four");
  expect([await kept(s3), (await s3.blobIds()).length]).toEqual([2, 1]);
  expect(await get(s3, { VersionId })).toBe("three");
  await s3.call("DeleteObject", { Bucket, Key, VersionId: VersionId! });
  expect(await kept(s3)).toBe(1);
});

test("copies, jobs, parts and the sweep take them as any other object", async () => {
  await using s3 = await withBucket();
  await put(s3, "small", { ServerSideEncryption: "AES256", ChecksumSHA256: hashOf("sha256", "small", "base64") });
  await s3.call("CopyObject", { Bucket, Key: "copy", CopySource: `${Bucket}/${Key}` });
  expect(await get(s3, { Key: "copy" })).toBe("small");
  const folder = await mkdtemp(join(tmpdir(), "sagebrush-few-"));
  try {
    const jobs = jobStorage(s3.objects);
    await jobs.download(account, Bucket, Key, join(folder, "file"));
    expect(await readFile(join(folder, "file"), "utf8")).toBe("small");
    expect((await bytesOf(await jobs.read(account, Bucket, "copy"))).toString()).toBe("small");
  } finally {
    await rm(folder, { recursive: true });
  }
  const { UploadId } = await s3.call("CreateMultipartUpload", { Bucket, Key: "parts" });
  const upload = { Bucket, Key: "parts", UploadId: UploadId! };
  const part = { ...upload, PartNumber: 1, CopySource: `${Bucket}/${Key}` };
  const { CopyPartResult } = await s3.call("UploadPartCopy", part);
  const MultipartUpload = { Parts: [{ PartNumber: 1, ETag: CopyPartResult!.ETag! }] };
  await s3.call("CompleteMultipartUpload", { ...upload, MultipartUpload });
  expect(await get(s3, { Key: "parts" })).toBe("small");
  expect(await s3.objects.sweepOrphans({ olderThanMs: 0 })).toBe(0);
  const problems = [];
  for await (const { problem } of s3.objects.verifyStored()) problems.push(problem);
  expect(problems).toEqual([undefined, undefined, undefined]);
});

test("damage to them is found", async () => {
  await using s3 = await withBucket();
  await put(s3, "small");
  await s3.call("PutObject", { Bucket, Key: "sealed", Body: streamOf("small"), ServerSideEncryption: "AES256" });
  const bucket = (await s3.objects.bucket(Bucket))!;
  for (const [key, change] of [
    [Key, () => Buffer.from("smalL")],
    ["sealed", (bytes: Buffer) => bytes.fill(0, 40, 41)],
  ] as const) {
    const { few = "" } = (await s3.objects.object(bucket, key))!;
    const record = (await s3.records.get<object>(objectKey(bucket, key)))!;
    const body = { ...record.body, few: change(Buffer.from(few, "base64")).toString("base64") };
    const written = { actor: { by: "t", call: "t" }, at: 0 };
    await s3.records.write([{ op: "update", key: objectKey(bucket, key), body }], written);
  }
  const problems = [];
  for await (const { key, problem } of s3.objects.verifyStored()) problems.push(`${key}: ${problem}`);
  expect(problems).toEqual([
    expect.stringMatching(/^k: its MD5 should be/),
    "sealed: an encrypted blob is damaged: its chunk 0 does not authenticate",
  ]);
});

test("a body that is not what was promised is not kept", async () => {
  await using s3 = await withBucket();
  await expect(put(s3, "small", { ContentLength: 6 })).rejects.toMatchObject({ code: "IncompleteBody" });
  const ContentMD5 = hashOf("md5", "other", "base64");
  await expect(put(s3, "small", { ContentMD5 })).rejects.toMatchObject({ code: "BadDigest" });
  async function* broken() {
    yield Buffer.from("some");
    throw new Error("connection reset");
  }
  await expect(s3.call("PutObject", { Bucket, Key, Body: broken() })).rejects.toThrow("connection reset");
  expect(await kept(s3)).toBe(0);
});

test("gathering gives all of a short stream, and a long one whole and in its own chunks' order", async () => {
  expect(await gather(streamOf("abc", 1), 3)).toEqual({ all: Buffer.from("abc") });
  expect(await gather(streamOf(""), 0)).toEqual({ all: Buffer.alloc(0) });
  const long = await gather(streamOf("abcdef", 2), 3);
  expect((await bytesOf("longer" in long ? long.longer : undefined)).toString()).toBe("abcdef");
});

test("a reader of few bytes that are being replaced sees one version or the other", async () => {
  await using s3 = await withBucket();
  await put(s3, "0");
  const writes = Array.from({ length: 20 }, (_, index) => put(s3, String(index % 10)));
  const reads = Array.from({ length: 40 }, () => get(s3));
  for (const text of await Promise.all(reads)) expect(text).toMatch(/^\d$/);
  await Promise.all(writes);
  expect(await kept(s3)).toBe(1);
});
