/** Verification finds what is damaged and nothing else. */
import { appendFile, open, rm, truncate, unlink } from "node:fs/promises";
import { join } from "node:path";
import { expect, test } from "vitest";
import { account, hashOf, openS3, setOnBucket, streamOf, type S3Fixture } from "../../../tests/support/s3.ts";
import type { Verified } from "./verify.ts";

const Bucket = "the-bucket";
const actor = { by: "test", call: "test" };

async function withBucket(): Promise<S3Fixture> {
  const s3 = await openS3();
  await s3.call("CreateBucket", { Bucket });
  return s3;
}

async function verified(s3: S3Fixture): Promise<Verified[]> {
  const all: Verified[] = [];
  for await (const step of s3.objects.verifyStored()) all.push(step);
  return all;
}

async function problems(s3: S3Fixture): Promise<string[]> {
  return (await verified(s3)).flatMap(({ key, problem }) => (problem === undefined ? [] : [`${key}: ${problem}`]));
}

/** The file of an object that is in one blob. */
async function fileOf(s3: S3Fixture, key: string): Promise<string> {
  return s3.blobs.path((await s3.objects.object((await s3.objects.bucket(Bucket))!, key))!.blobId!);
}

async function flip(file: string, at: number): Promise<void> {
  const handle = await open(file, "r+");
  const { buffer } = await handle.read(Buffer.alloc(1), 0, 1, at);
  await handle.write(Buffer.from([buffer[0] ^ 1]), 0, 1, at);
  await handle.close();
}

test("everything that is stored is read: objects, older versions, parts, encrypted or not", async () => {
  await using s3 = await withBucket();
  await setOnBucket(s3, Bucket, { versioning: "Enabled" });
  const put = (Key: string, more: object = {}) =>
    s3.call("PutObject", { Bucket, Key, Body: streamOf("body"), ...more });
  const { VersionId } = await put("k", { ChecksumSHA256: hashOf("sha256", "body", "base64") });
  await put("k", { ServerSideEncryption: "AES256" });
  await put("empty", { Body: streamOf(""), ServerSideEncryption: "AES256" });
  await put("gone");
  await s3.call("DeleteObject", { Bucket, Key: "gone" });
  await put("kms", { ServerSideEncryption: "aws:kms" });
  for (const encryption of [{}, { ServerSideEncryption: "aws:kms" }, { ServerSideEncryption: "AES256" }] as const) {
    const Key = `joined ${encryption.ServerSideEncryption ?? ""}`;
    const { UploadId } = await s3.call("CreateMultipartUpload", { Bucket, Key, ...encryption });
    const upload = { Bucket, Key, UploadId: UploadId! };
    const { ETag } = await s3.call("UploadPart", { ...upload, PartNumber: 3, Body: streamOf("part") });
    const open = await s3.call("CreateMultipartUpload", { Bucket, Key, ...encryption });
    await s3.call("UploadPart", { Bucket, Key, UploadId: open.UploadId!, PartNumber: 1, Body: streamOf("loose") });
    const MultipartUpload = { Parts: [{ PartNumber: 3, ETag: ETag! }] };
    await s3.call("CompleteMultipartUpload", { ...upload, MultipartUpload });
  }
  const steps = await verified(s3);
  expect(steps.filter(({ problem }) => problem !== undefined)).toEqual([]);
  expect(steps.filter(({ kind }) => kind === "uploaded part")).toHaveLength(3);
  expect(steps.filter(({ kind }) => kind === "object").map(({ key }) => key)).toEqual([
    "empty",
    "joined ",
    "joined AES256",
    "joined aws:kms",
    "k",
    "kms",
  ]);
  expect(steps).toContainEqual({ bucket: Bucket, key: "k", kind: "older version", versionId: VersionId, bytes: 4 });
});

test("bytes that were changed, cut, lengthened or lost are reported with their key", async () => {
  await using s3 = await withBucket();
  const put = (Key: string, more: object = {}) =>
    s3.call("PutObject", { Bucket, Key, Body: streamOf("some body"), ...more });
  for (const key of ["changed", "cut", "fine", "longer", "lost"]) await put(key);
  for (const key of ["sealed changed", "sealed cut", "sealed longer"])
    await put(key, { ServerSideEncryption: "AES256" });
  await flip(await fileOf(s3, "changed"), 2);
  await truncate(await fileOf(s3, "cut"), 3);
  await appendFile(await fileOf(s3, "longer"), "!");
  await unlink(await fileOf(s3, "lost"));
  await flip(await fileOf(s3, "sealed changed"), 33);
  await truncate(await fileOf(s3, "sealed cut"), 40);
  await appendFile(await fileOf(s3, "sealed longer"), "!");
  expect(await problems(s3)).toEqual([
    expect.stringMatching(/^changed: its MD5 should be [0-9a-f]{32} and is [0-9a-f]{32}$/),
    "cut: it should have 9 bytes and has 3",
    "longer: it should have 9 bytes and has 10",
    expect.stringMatching(/^lost: its bytes are missing: blob [0-9a-f]{32} does not exist$/),
    "sealed changed: an encrypted blob is damaged: its chunk 0 does not authenticate",
    "sealed cut: an encrypted blob is damaged: it has 40 bytes instead of 57",
    "sealed longer: an encrypted blob is damaged: it has 58 bytes instead of 57",
  ]);
});

test("a part that is damaged is named", async () => {
  await using s3 = await withBucket();
  const bucket = (await s3.objects.bucket(Bucket))!;
  const description = { headers: {}, metadata: {}, storageClass: "STANDARD", initiator: "me" } as const;
  const { uploadId } = await s3.objects.uploads.create(bucket, "k", description, actor);
  const reference = { bucket, key: "k", uploadId };
  const { part } = await s3.objects.uploads.putPart(reference, 4, streamOf("part"), { promised: {}, actor });
  const parts = [{ partNumber: 4, etag: part.etag, checksums: {} }];
  await s3.objects.uploads.complete(reference, { parts, claimed: {}, actor });
  await flip(s3.blobs.path(part.blobId), 0);
  expect(await problems(s3)).toEqual([expect.stringMatching(/^k: part 4: its MD5 should be/)]);
});

test("without the key ring everything that is encrypted is reported, and nothing else", async () => {
  await using s3 = await withBucket();
  await s3.call("PutObject", { Bucket, Key: "plain", Body: streamOf("x") });
  await s3.call("PutObject", { Bucket, Key: "sealed", Body: streamOf("x"), ServerSideEncryption: "aws:kms" });
  await rm(join(s3.directory, "object-keys.json"));
  await using again = await s3.reopen();
  expect(await problems(again)).toEqual([expect.stringMatching(/^sealed: the master key k1 is not in /)]);
});

test("what is replaced while it is verified is nobody's loss", async () => {
  const during: { read?: () => Promise<unknown> } = {};
  await using s3 = await openS3({
    blobs: (real) => ({
      write: real.write.bind(real),
      concat: real.concat.bind(real),
      path: real.path.bind(real),
      ids: real.ids.bind(real),
      delete: real.delete.bind(real),
      read: async (...call) => {
        await during.read?.();
        return real.read(...call);
      },
    }),
  });
  const bucket = (await s3.objects.createBucket(Bucket, { accountId: account, region: "us-east-1" }, actor)).bucket;
  await s3.call("PutObject", { Bucket, Key: "k", Body: streamOf("x") });
  during.read = async () => {
    await s3.objects.delete(bucket, "k", { actor });
    await s3.objects.freed();
  };
  expect(await verified(s3)).toEqual([]);
});

test("a verification that is no longer wanted ends", async () => {
  await using s3 = await withBucket();
  await s3.call("PutObject", { Bucket, Key: "k", Body: streamOf("x") });
  const stopped = s3.objects.verifyStored(AbortSignal.abort(new Error("stopped")));
  await expect(stopped[Symbol.asyncIterator]().next()).rejects.toThrow("stopped");
});
