/** Encryption at rest: the bytes on the disk, what comes back, and what damage does. */
import { createHash, randomBytes } from "node:crypto";
import { mkdtemp, open, readFile, rm, stat } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import {
  account,
  bytesOf,
  hashOf,
  openS3,
  setOnBucket,
  streamOf,
  type S3Fixture,
} from "../../../../tests/support/s3.ts";
import { jobStorage } from "../job-storage.ts";
import { KeyRing } from "./key-ring.ts";
import { chunkBytes, seal, sealedRange, sealedSize, unseal } from "./sealed-bytes.ts";

const Bucket = "the-bucket";
const Key = "k";

async function withBucket(): Promise<S3Fixture> {
  const s3 = await openS3();
  await s3.call("CreateBucket", { Bucket });
  return s3;
}

async function onDisk(s3: S3Fixture): Promise<Buffer> {
  const files = await Promise.all((await s3.blobIds()).map((id) => readFile(s3.blobs.path(id))));
  return Buffer.concat(files);
}

async function get(s3: S3Fixture, more: object = {}): Promise<Buffer> {
  return bytesOf((await s3.call("GetObject", { Bucket, Key, ...more })).Body);
}

let folder = "";
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "sagebrush-keys-"));
});
afterAll(() => rm(folder, { recursive: true }));

const sizes = [0, 1, chunkBytes - 1, chunkBytes, chunkBytes + 1, 3 * chunkBytes, 3 * chunkBytes + 5];
const dataKey = Buffer.alloc(32, 7);

test.each(sizes)("%i bytes are opened as they were sealed, whole and in ranges", async (size) => {
  const plain = randomBytes(size);
  const sealed = await bytesOf(seal(streamOf(plain, 10_007), dataKey));
  expect(sealed.length).toBe(sealedSize(size));
  const salt = sealed.subarray(0, 32);
  const ranges = [
    [0, size - 1],
    [0, 0],
    [size - 1, size - 1],
    [Math.floor(size / 3), Math.floor((2 * size) / 3)],
    [chunkBytes - 1, chunkBytes],
  ].filter(([start, end]) => start >= 0 && end >= start && end < size);
  for (const [start, end] of ranges) {
    const range = { start, end };
    const where = sealedRange(range, size);
    const opened = unseal(streamOf(sealed.subarray(where.start, where.end + 1), 50_021), {
      dataKey,
      salt,
      range,
      size,
    });
    expect((await bytesOf(opened)).equals(plain.subarray(start, end + 1)), `${start}-${end}`).toBe(true);
  }
});

test("bytes that were changed, cut, moved or sealed with another key are not given out", async () => {
  const size = 2 * chunkBytes + 10;
  const sealed = await bytesOf(seal(streamOf(randomBytes(size)), dataKey));
  const opening = (bytes: Uint8Array, { key = dataKey, length = size } = {}) =>
    bytesOf(
      unseal(streamOf(bytes.subarray(32)), {
        dataKey: key,
        salt: bytes.subarray(0, 32),
        range: { start: 0, end: length - 1 },
        size: length,
      }),
    );
  expect(await opening(sealed)).toHaveLength(size);
  const changed = Buffer.from(sealed);
  changed[32 + chunkBytes + 16 + 5] ^= 1;
  await expect(opening(changed)).rejects.toThrow("its chunk 1 does not authenticate");
  const otherSalt = Buffer.from(sealed);
  otherSalt[0] ^= 1;
  await expect(opening(otherSalt)).rejects.toThrow("does not authenticate");
  await expect(opening(sealed.subarray(0, -1))).rejects.toThrow("its chunk 2 does not authenticate");
  // Cut at the end of a chunk, and the record says so, too: the chunk was not sealed as the last one.
  const cut = sealed.subarray(0, 32 + 2 * (chunkBytes + 16));
  await expect(opening(cut, { length: 2 * chunkBytes })).rejects.toThrow("its chunk 1 does not authenticate");
  const stride = chunkBytes + 16;
  const swapped = Buffer.concat([
    sealed.subarray(0, 32),
    sealed.subarray(32 + stride, 32 + 2 * stride),
    sealed.subarray(32, 32 + stride),
    sealed.subarray(32 + 2 * stride),
  ]);
  await expect(opening(swapped)).rejects.toThrow("its chunk 0 does not authenticate");
  await expect(opening(sealed, { key: Buffer.alloc(32, 8) })).rejects.toThrow("does not authenticate");
});

test("equal bytes are sealed differently each time", async () => {
  const [a, b] = await Promise.all([1, 2].map(() => bytesOf(seal(streamOf("same"), dataKey))));
  expect(a.equals(b)).toBe(false);
});

test("the key ring is made when it is needed, for its owner alone, and keeps old keys", async () => {
  const file = join(folder, "ring.json");
  const ring = new KeyRing(file);
  await expect(stat(file)).rejects.toMatchObject({ code: "ENOENT" });
  const first = ring.wrap(dataKey, "context");
  expect((await stat(file)).mode & 0o777).toBe(0o600);
  expect(first).toMatch(/^k1\./);
  ring.rotate();
  const second = ring.wrap(dataKey, "context");
  expect(second).toMatch(/^k2\./);
  const reopened = new KeyRing(file);
  expect(reopened.unwrap(first, "context").equals(dataKey)).toBe(true);
  expect(reopened.unwrap(second, "context").equals(dataKey)).toBe(true);
  expect(() => reopened.unwrap(second, "other context")).toThrow("does not authenticate");
  expect(() => new KeyRing(join(folder, "none.json")).unwrap(first, "context")).toThrow("master key k1 is not in");
});

test("AES256 encrypts the bytes on the disk and changes nothing else that a client sees", async () => {
  await using s3 = await withBucket();
  const body = Buffer.from("plain words ".repeat(20_000));
  const put = await s3.call("PutObject", { Bucket, Key, Body: streamOf(body), ServerSideEncryption: "AES256" });
  expect(put).toEqual({ ETag: `"${hashOf("md5", body)}"`, ServerSideEncryption: "AES256" });
  const disk = await onDisk(s3);
  expect(disk.length).toBe(sealedSize(body.length));
  expect(disk.includes("plain words")).toBe(false);
  expect((await get(s3)).equals(body)).toBe(true);
  expect((await get(s3, { Range: "bytes=70000-70004" })).equals(body.subarray(70_000, 70_005))).toBe(true);
  expect((await get(s3, { Range: "bytes=65000-200000" })).equals(body.subarray(65_000, 200_001))).toBe(true);
  expect(await s3.call("HeadObject", { Bucket, Key })).toMatchObject({
    ServerSideEncryption: "AES256",
    ContentLength: body.length,
  });
  // The key outlives the process.
  await using again = await s3.reopen();
  expect((await get(again)).equals(body)).toBe(true);
});

test("an empty and a small object are encrypted, too", async () => {
  await using s3 = await withBucket();
  for (const text of ["", "x", "y".repeat(65_536)]) {
    await s3.call("PutObject", { Bucket, Key, Body: streamOf(text), ServerSideEncryption: "AES256" });
    expect((await get(s3)).toString()).toBe(text);
    expect((await onDisk(s3)).length).toBe(sealedSize(text.length));
  }
});

test("aws:kms uses the managed key of the account, and its tag says nothing of the bytes", async () => {
  await using s3 = await withBucket();
  const context = Buffer.from(JSON.stringify({ team: "a" })).toString("base64");
  const put = await s3.call("PutObject", {
    Bucket,
    Key,
    Body: streamOf("secret"),
    ServerSideEncryption: "aws:kms",
    SSEKMSKeyId: "alias/aws/s3",
    SSEKMSEncryptionContext: context,
    BucketKeyEnabled: true,
  });
  expect(put).toEqual({
    ETag: expect.stringMatching(/^"[0-9a-f]{32}"$/),
    ServerSideEncryption: "aws:kms",
    SSEKMSKeyId: expect.stringMatching(/^arn:aws:kms:us-east-1:111122223333:key\/[0-9a-f-]{36}$/),
    SSEKMSEncryptionContext: context,
    BucketKeyEnabled: true,
  });
  expect(put.ETag).not.toBe(`"${hashOf("md5", "secret")}"`);
  expect((await onDisk(s3)).includes("secret")).toBe(false);
  expect((await get(s3)).toString()).toBe("secret");
  const again = await s3.call("PutObject", {
    Bucket,
    Key: "other",
    Body: streamOf("secret"),
    ServerSideEncryption: "aws:kms",
    SSEKMSKeyId: put.SSEKMSKeyId!,
  });
  expect(again.SSEKMSKeyId).toBe(put.SSEKMSKeyId);
});

test("keys of customers and contexts that are none are refused", async () => {
  await using s3 = await withBucket();
  const put = (more: object) => s3.call("PutObject", { Bucket, Key, ...more });
  await expect(put({ ServerSideEncryption: "aws:kms", SSEKMSKeyId: "1234-my-key" })).rejects.toMatchObject({
    code: "NotImplemented",
    message: expect.stringContaining("SSEKMSKeyId=1234-my-key is not supported"),
  });
  await expect(put({ ServerSideEncryption: "AES256", SSEKMSKeyId: "k" })).rejects.toMatchObject({
    code: "InvalidArgument",
  });
  await expect(put({ ServerSideEncryption: "ROT13" })).rejects.toMatchObject({
    code: "InvalidEncryptionAlgorithmError",
  });
  for (const context of ["%", Buffer.from("[]").toString("base64"), Buffer.from('{"a":1}').toString("base64")]) {
    await expect(put({ ServerSideEncryption: "aws:kms", SSEKMSEncryptionContext: context })).rejects.toMatchObject({
      code: "InvalidArgument",
    });
  }
  expect(await s3.blobIds()).toEqual([]);
});

test("a bucket's default encrypts what comes without a header, also from jobs", async () => {
  await using s3 = await withBucket();
  await setOnBucket(s3, Bucket, {
    encryption: { Rules: [{ ApplyServerSideEncryptionByDefault: { SSEAlgorithm: "AES256" } }] },
  });
  expect(await s3.call("PutObject", { Bucket, Key, Body: streamOf("words") })).toMatchObject({
    ServerSideEncryption: "AES256",
  });
  const jobs = jobStorage(s3.objects);
  await jobs.upload(account, Bucket, "from-job", streamOf("more words"));
  expect((await onDisk(s3)).includes("words")).toBe(false);
  const file = join(folder, "downloaded");
  await jobs.download(account, Bucket, "from-job", file);
  expect(await readFile(file, "utf8")).toBe("more words");
  expect((await bytesOf(await jobs.read(account, Bucket, "from-job"))).toString()).toBe("more words");
});

test("parts are encrypted each by itself and read as one object", async () => {
  await using s3 = await withBucket();
  const parts = [randomBytes(5 * 2 ** 20), randomBytes(5 * 2 ** 20 + 1), Buffer.from("end")];
  const whole = Buffer.concat(parts);
  const created = await s3.call("CreateMultipartUpload", { Bucket, Key, ServerSideEncryption: "AES256" });
  expect(created).toMatchObject({ ServerSideEncryption: "AES256" });
  const upload = { Bucket, Key, UploadId: created.UploadId! };
  const Parts = [];
  for (const [index, bytes] of parts.entries()) {
    const part = await s3.call("UploadPart", { ...upload, PartNumber: index + 1, Body: streamOf(bytes) });
    expect(part).toEqual({ ETag: `"${hashOf("md5", bytes)}"`, ServerSideEncryption: "AES256" });
    Parts.push({ PartNumber: index + 1, ETag: part.ETag! });
  }
  const complete = await s3.call("CompleteMultipartUpload", { ...upload, MultipartUpload: { Parts } });
  const md5s = Buffer.concat(parts.map((bytes) => createHash("md5").update(bytes).digest()));
  expect(complete).toMatchObject({ ETag: `"${hashOf("md5", md5s)}-3"`, ServerSideEncryption: "AES256" });
  expect((await get(s3)).equals(whole)).toBe(true);
  const edge = 5 * 2 ** 20;
  expect((await get(s3, { Range: `bytes=${edge - 2}-${edge + 2}` })).equals(whole.subarray(edge - 2, edge + 3))).toBe(
    true,
  );
  expect((await get(s3, { PartNumber: 3 })).toString()).toBe("end");
  expect((await onDisk(s3)).includes(parts[0].subarray(0, 64))).toBe(false);
  const file = join(folder, "joined");
  await jobStorage(s3.objects).download(account, Bucket, Key, file);
  expect((await readFile(file)).equals(whole)).toBe(true);
});

test("a copy is encrypted as its own request asks, whatever the source has", async () => {
  await using s3 = await withBucket();
  const words = "plain words";
  await s3.call("PutObject", { Bucket, Key, Body: streamOf(words), ServerSideEncryption: "AES256" });
  const CopySource = `${Bucket}/${Key}`;
  expect(await s3.call("CopyObject", { Bucket, Key: "plain", CopySource })).not.toHaveProperty("ServerSideEncryption");
  expect((await onDisk(s3)).includes(words)).toBe(true);
  const copied = await s3.call("CopyObject", {
    Bucket,
    Key: "kms",
    CopySource: `${Bucket}/plain`,
    ServerSideEncryption: "aws:kms",
  });
  expect(copied).toMatchObject({ ServerSideEncryption: "aws:kms" });
  expect((await get(s3, { Key: "kms" })).toString()).toBe(words);
  const back = await s3.call("CopyObject", { Bucket, Key: "back", CopySource: `${Bucket}/kms` });
  expect(back.CopyObjectResult!.ETag).toBe(`"${hashOf("md5", words)}"`);
  // To encrypt an object is a change of it.
  await s3.call("CopyObject", { Bucket, Key: "plain", CopySource: `${Bucket}/plain`, ServerSideEncryption: "AES256" });
  expect((await get(s3, { Key: "plain" })).toString()).toBe(words);
});

test("a blob that somebody changed is an error and not wrong bytes", async () => {
  await using s3 = await withBucket();
  await s3.call("PutObject", { Bucket, Key, Body: streamOf("small"), ServerSideEncryption: "AES256" });
  const [id] = await s3.blobIds();
  const file = await open(s3.blobs.path(id), "r+");
  await file.write(Buffer.from([0]), 0, 1, 34);
  await file.close();
  await expect(get(s3)).rejects.toThrow("does not authenticate");
});

test("an upload that breaks off while it is encrypted leaves nothing", async () => {
  await using s3 = await withBucket();
  const controller = new AbortController();
  async function* silent() {
    yield randomBytes(100_000);
    setImmediate(() => controller.abort(new Error("client closed the connection")));
    await new Promise(() => {});
  }
  await expect(
    s3.call(
      "PutObject",
      { Bucket, Key, Body: silent(), ServerSideEncryption: "AES256" },
      { signal: controller.signal },
    ),
  ).rejects.toThrow("client closed the connection");
  expect(await s3.blobIds()).toEqual([]);
  expect(await s3.temporaryFiles()).toEqual([]);
});
