import { crc32 } from "node:zlib";
import { expect, test } from "vitest";
import { compileRefusals } from "../../protocol/refusals.ts";
import { bytesOf, hashOf, openS3, streamOf, type CallOptions, type S3Fixture } from "../../../tests/support/s3.ts";
import { s3Service } from "./index.ts";

const Bucket = "the-bucket";

async function withBucket(): Promise<S3Fixture> {
  const s3 = await openS3();
  await s3.call("CreateBucket", { Bucket });
  return s3;
}

function crcOf(text: string | Uint8Array): string {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(crc32(text));
  return bytes.toString("base64");
}

async function get(s3: S3Fixture, Key: string, more: object = {}, options: CallOptions = {}) {
  let status = 200;
  const output = await s3.call(
    "GetObject",
    { Bucket, Key, ...more },
    { ...options, onStatus: (set) => (status = set) },
  );
  return { ...output, status, text: (await bytesOf(output.Body)).toString() };
}

test("what is put comes back with its headers and metadata", async () => {
  await using s3 = await withBucket();
  const expires = new Date(Date.UTC(2030, 0, 1));
  const stored = await s3.call("PutObject", {
    Bucket,
    Key: "a/한글 +.txt",
    Body: streamOf("hello"),
    ContentType: "text/plain",
    ContentEncoding: "gzip,aws-chunked",
    ContentLanguage: "ko",
    ContentDisposition: "inline",
    CacheControl: "no-store",
    Expires: expires,
    Metadata: { Owner: "kim" },
    StorageClass: "STANDARD_IA",
  });
  expect(stored).toEqual({ ETag: '"5d41402abc4b2a76b9719d911017c592"' });
  const { Body, text, ...output } = await get(s3, "a/한글 +.txt");
  expect(Body).toBeInstanceOf(Uint8Array);
  expect(text).toBe("hello");
  expect(output).toMatchObject({
    status: 200,
    AcceptRanges: "bytes",
    ContentLength: 5,
    ETag: '"5d41402abc4b2a76b9719d911017c592"',
    LastModified: new Date(s3.clock.now()),
    ContentType: "text/plain",
    ContentEncoding: "gzip",
    ContentLanguage: "ko",
    ContentDisposition: "inline",
    CacheControl: "no-store",
    Expires: expires,
    Metadata: { owner: "kim" },
    StorageClass: "STANDARD_IA",
  });
  expect(await s3.call("HeadObject", { Bucket, Key: "a/한글 +.txt" })).toMatchObject({
    ContentLength: 5,
    ContentType: "text/plain",
  });
});

test("an object without a type is a stream of bytes, and STANDARD is not mentioned", async () => {
  await using s3 = await withBucket();
  await s3.call("PutObject", { Bucket, Key: "k" });
  expect(await get(s3, "k")).toMatchObject({
    text: "",
    ContentLength: 0,
    ContentType: "binary/octet-stream",
    StorageClass: undefined,
    ETag: '"d41d8cd98f00b204e9800998ecf8427e"',
  });
});

test("a large object flows as a stream, whole and in ranges", async () => {
  await using s3 = await withBucket();
  const body = Buffer.alloc(3_000_000, "0123456789");
  await s3.call("PutObject", { Bucket, Key: "big", Body: streamOf(body) });
  const { Body } = await s3.call("GetObject", { Bucket, Key: "big" });
  expect(Body).not.toBeInstanceOf(Uint8Array);
  expect((await bytesOf(Body)).equals(body)).toBe(true);
  const range = await s3.call("GetObject", { Bucket, Key: "big", Range: "bytes=1000001-1999999" });
  expect(range).toMatchObject({ ContentLength: 999_999, ContentRange: "bytes 1000001-1999999/3000000" });
  expect((await bytesOf(range.Body)).equals(body.subarray(1_000_001, 2_000_000))).toBe(true);
});

test("a range is partial content, also on HEAD, and an impossible one says the size", async () => {
  await using s3 = await withBucket();
  await s3.call("PutObject", { Bucket, Key: "k", Body: streamOf("0123456789") });
  expect(await get(s3, "k", { Range: "bytes=2-4" })).toMatchObject({
    status: 206,
    text: "234",
    ContentLength: 3,
    ContentRange: "bytes 2-4/10",
  });
  let status = 200;
  await s3.call("HeadObject", { Bucket, Key: "k", Range: "bytes=0-" }, { onStatus: (set) => (status = set) });
  expect(status).toBe(206);
  await expect(get(s3, "k", { Range: "bytes=10-" })).rejects.toMatchObject({
    code: "InvalidRange",
    status: 416,
    members: { ActualObjectSize: 10 },
  });
  expect(await get(s3, "k", { Range: "bytes=2-4" }, { headers: { "if-range": '"other"' } })).toMatchObject({
    status: 200,
    text: "0123456789",
  });
});

test("conditional reads answer 304 with the tag and 412", async () => {
  await using s3 = await withBucket();
  const { ETag } = await s3.call("PutObject", { Bucket, Key: "k", Body: streamOf("x") });
  await expect(get(s3, "k", { IfNoneMatch: ETag })).rejects.toMatchObject({
    code: "NotModified",
    status: 304,
    headers: { etag: ETag, "last-modified": "Thu, 01 Jan 2026 00:00:00 GMT" },
  });
  await expect(get(s3, "k", { IfMatch: '"other"' })).rejects.toMatchObject({ code: "PreconditionFailed", status: 412 });
});

test("the response can be asked to carry other headers", async () => {
  await using s3 = await withBucket();
  await s3.call("PutObject", { Bucket, Key: "k", Body: streamOf("x"), ContentType: "text/plain" });
  expect(
    await get(s3, "k", { ResponseContentType: "text/csv", ResponseContentDisposition: 'attachment; filename="x.csv"' }),
  ).toMatchObject({ ContentType: "text/csv", ContentDisposition: 'attachment; filename="x.csv"' });
});

test("missing things are named", async () => {
  await using s3 = await withBucket();
  await expect(get(s3, "none")).rejects.toMatchObject({
    code: "NoSuchKey",
    status: 404,
    message: "The specified key does not exist.",
    members: { Key: "none" },
  });
  await expect(s3.call("HeadObject", { Bucket: "no-such-bucket", Key: "k" })).rejects.toMatchObject({
    code: "NoSuchBucket",
  });
  await expect(get(s3, "k", { VersionId: "3sL4kqtJlcpXroDTDmJ" })).rejects.toMatchObject({
    code: "InvalidArgument",
    message: "Invalid version id specified",
  });
});

test("a checksum in a header is checked, kept and told to those who ask", async () => {
  await using s3 = await withBucket();
  const value = crcOf("hello");
  expect(
    await s3.call("PutObject", {
      Bucket,
      Key: "k",
      Body: streamOf("hello"),
      ChecksumAlgorithm: "CRC32",
      ChecksumCRC32: value,
    }),
  ).toMatchObject({ ChecksumCRC32: value, ChecksumType: "FULL_OBJECT" });
  expect(await get(s3, "k", { ChecksumMode: "ENABLED" })).toMatchObject({
    ChecksumCRC32: value,
    ChecksumType: "FULL_OBJECT",
  });
  expect(await get(s3, "k")).not.toHaveProperty("ChecksumCRC32");
  expect(await get(s3, "k", { ChecksumMode: "ENABLED", Range: "bytes=0-1" })).not.toHaveProperty("ChecksumCRC32");
  await expect(
    s3.call("PutObject", { Bucket, Key: "k", Body: streamOf("other"), ChecksumCRC32: value }),
  ).rejects.toMatchObject({ code: "BadDigest", status: 400 });
  expect((await get(s3, "k")).text).toBe("hello");
  expect(await s3.blobIds()).toHaveLength(1);
});

test("a checksum in a trailer is checked as today's clients send it", async () => {
  await using s3 = await withBucket();
  const headers = {
    "x-amz-content-sha256": "STREAMING-UNSIGNED-PAYLOAD-TRAILER",
    "x-amz-trailer": "x-amz-checksum-crc32",
    "x-amz-decoded-content-length": "5",
  };
  const send = (trailer: string) =>
    s3.call(
      "PutObject",
      { Bucket, Key: "k", Body: streamOf("hello"), ChecksumAlgorithm: "CRC32", ContentLength: 55 },
      { headers, trailers: { "x-amz-checksum-crc32": trailer } },
    );
  await expect(send(crcOf("hello"))).resolves.toMatchObject({ ChecksumCRC32: crcOf("hello") });
  await expect(send(crcOf("hellO"))).rejects.toMatchObject({ code: "BadDigest" });
});

test("a body of another length or MD5 than announced is refused", async () => {
  await using s3 = await withBucket();
  const put = (more: object) => s3.call("PutObject", { Bucket, Key: "k", Body: streamOf("hello"), ...more });
  await expect(put({ ContentLength: 6 })).rejects.toMatchObject({ code: "IncompleteBody" });
  await expect(put({ ContentMD5: hashOf("md5", "other", "base64") })).rejects.toMatchObject({
    code: "BadDigest",
    message: "The Content-MD5 you specified did not match what we received.",
  });
  await expect(put({ ContentMD5: "nonsense" })).rejects.toMatchObject({ code: "InvalidDigest" });
  await expect(put({ ContentLength: 5 * 2 ** 30 + 1 })).rejects.toMatchObject({
    code: "EntityTooLarge",
    members: { ProposedSize: 5 * 2 ** 30 + 1, MaxSizeAllowed: 5 * 2 ** 30 },
  });
  expect(await s3.blobIds()).toEqual([]);
  await expect(put({ ContentMD5: hashOf("md5", "hello", "base64"), ContentLength: 5 })).resolves.toBeDefined();
});

test("conditional writes make and replace exactly what they mean", async () => {
  await using s3 = await withBucket();
  const put = (text: string, more: object) => s3.call("PutObject", { Bucket, Key: "k", Body: streamOf(text), ...more });
  await expect(put("x", { IfMatch: '"any"' })).rejects.toMatchObject({ code: "NoSuchKey" });
  const { ETag } = await put("one", { IfNoneMatch: "*" });
  await expect(put("two", { IfNoneMatch: "*" })).rejects.toMatchObject({
    code: "PreconditionFailed",
    members: { Condition: "If-None-Match" },
  });
  await put("two", { IfMatch: ETag });
  await expect(put("three", { IfMatch: ETag })).rejects.toMatchObject({ code: "PreconditionFailed" });
  await expect(put("x", { IfNoneMatch: '"tag"' })).rejects.toMatchObject({ code: "NotImplemented", status: 501 });
  expect((await get(s3, "k")).text).toBe("two");
});

test("a copy has the bytes and by default the description of its source", async () => {
  await using s3 = await withBucket();
  await s3.call("CreateBucket", { Bucket: "second-bucket" });
  await s3.call("PutObject", {
    Bucket,
    Key: "a b",
    Body: streamOf("body"),
    ContentType: "text/csv",
    Metadata: { m: "1" },
    ChecksumCRC32: crcOf("body"),
  });
  const { CopyObjectResult } = await s3.call("CopyObject", {
    Bucket: "second-bucket",
    Key: "copy",
    CopySource: "/the-bucket/a%20b",
    ContentType: "ignored/type",
  });
  expect(CopyObjectResult).toEqual({
    ETag: `"${hashOf("md5", "body")}"`,
    LastModified: new Date(s3.clock.now()),
    ChecksumCRC32: crcOf("body"),
    ChecksumType: "FULL_OBJECT",
  });
  const copy = await s3.call("GetObject", { Bucket: "second-bucket", Key: "copy" });
  expect(copy).toMatchObject({ ContentType: "text/csv", Metadata: { m: "1" } });
  expect((await bytesOf(copy.Body)).toString()).toBe("body");
  await s3.call("DeleteObject", { Bucket, Key: "a b" });
  expect((await bytesOf((await s3.call("GetObject", { Bucket: "second-bucket", Key: "copy" })).Body)).toString()).toBe(
    "body",
  );
});

test("a copy can be described anew and get a checksum of another kind", async () => {
  await using s3 = await withBucket();
  await s3.call("PutObject", {
    Bucket,
    Key: "k",
    Body: streamOf("body"),
    ContentType: "text/csv",
    Metadata: { m: "1" },
  });
  const copy = (more: object) => s3.call("CopyObject", { Bucket, Key: "k", CopySource: "the-bucket/k", ...more });
  await expect(copy({})).rejects.toMatchObject({
    code: "InvalidRequest",
    message: expect.stringContaining("to itself"),
  });
  const { CopyObjectResult } = await copy({
    MetadataDirective: "REPLACE",
    ContentType: "text/plain",
    Metadata: { n: "2" },
    ChecksumAlgorithm: "SHA256",
  });
  expect(CopyObjectResult).toMatchObject({ ChecksumSHA256: hashOf("sha256", "body", "base64") });
  expect(await get(s3, "k")).toMatchObject({ ContentType: "text/plain", Metadata: { n: "2" }, text: "body" });
  expect(await s3.blobIds()).toHaveLength(1);
});

test("a copy looks at the conditions of its source and of its target", async () => {
  await using s3 = await withBucket();
  const { ETag } = await s3.call("PutObject", { Bucket, Key: "k", Body: streamOf("body") });
  const copy = (more: object) => s3.call("CopyObject", { Bucket, Key: "copy", CopySource: "the-bucket/k", ...more });
  await expect(copy({ CopySourceIfNoneMatch: ETag })).rejects.toMatchObject({ code: "PreconditionFailed" });
  await expect(copy({ CopySource: "the-bucket/none" })).rejects.toMatchObject({
    code: "NoSuchKey",
    members: { Key: "none" },
  });
  await copy({ CopySourceIfMatch: ETag, IfNoneMatch: "*" });
  await expect(copy({ IfNoneMatch: "*" })).rejects.toMatchObject({ code: "PreconditionFailed" });
  expect(await s3.blobIds()).toHaveLength(2);
});

test("deleting is idempotent and can be conditional", async () => {
  await using s3 = await withBucket();
  const { ETag } = await s3.call("PutObject", { Bucket, Key: "k", Body: streamOf("x") });
  await expect(s3.call("DeleteObject", { Bucket, Key: "k", IfMatch: '"other"' })).rejects.toMatchObject({
    status: 412,
  });
  await s3.call("DeleteObject", { Bucket, Key: "k", IfMatch: ETag! });
  await s3.call("DeleteObject", { Bucket, Key: "k" });
  await expect(get(s3, "k")).rejects.toMatchObject({ code: "NoSuchKey" });
});

test("many objects are deleted in one call, each with its own outcome", async () => {
  await using s3 = await withBucket();
  for (const Key of ["a", "b", "c"]) await s3.call("PutObject", { Bucket, Key, Body: streamOf(Key) });
  const Objects = [{ Key: "a" }, { Key: "never-there" }, { Key: "b", ETag: '"other"' }, { Key: "c", VersionId: "v9" }];
  expect(await s3.call("DeleteObjects", { Bucket, Delete: { Objects } })).toEqual({
    Deleted: [{ Key: "a" }, { Key: "never-there" }],
    Errors: [
      {
        Key: "b",
        Code: "PreconditionFailed",
        Message: "At least one of the pre-conditions you specified did not hold",
      },
      { Key: "c", VersionId: "v9", Code: "InvalidArgument", Message: "Invalid version id specified" },
    ],
  });
  expect(await s3.call("DeleteObjects", { Bucket, Delete: { Objects: [{ Key: "b" }], Quiet: true } })).toEqual({
    Deleted: [],
    Errors: [],
  });
  const tooMany = Array.from({ length: 1001 }, (_, index) => ({ Key: String(index) }));
  await expect(s3.call("DeleteObjects", { Bucket, Delete: { Objects: tooMany } })).rejects.toMatchObject({
    code: "MalformedXML",
  });
});

test("deleting many needs a digest of the body", async () => {
  await using s3 = await withBucket();
  const { verifyBody } = s3Service(s3).operations["DeleteObjects"];
  const body = Buffer.from("<Delete/>");
  expect(() => verifyBody!({}, body)).toThrow(
    "Missing required header for this request: Content-MD5 OR x-amz-checksum-*",
  );
  expect(() => verifyBody!({ "x-amz-checksum-crc32": crcOf(body) }, body)).not.toThrow();
  expect(() => verifyBody!({ "x-amz-checksum-crc32": crcOf("x") }, body)).toThrow("CRC32");
});

test.each([
  ["PutObject", { ServerSideEncryption: "aws:kms:dsse" }, "ServerSideEncryption=aws:kms:dsse"],
  ["PutObject", { SSECustomerKey: "x" }, "SSECustomerKey"],
  ["PutObject", { StorageClass: "GLACIER" }, "StorageClass=GLACIER"],
  ["PutObject", { ObjectLockMode: "GOVERNANCE" }, "ObjectLockMode"],
  ["PutObject", { ChecksumXXHASH64: "x" }, "ChecksumXXHASH64"],
  ["PutObject", { ACL: "private", StorageClass: "STANDARD" }, undefined],
  ["PutObject", { ACL: "bucket-owner-full-control" }, undefined],
  ["CreateBucket", { ObjectLockEnabledForBucket: true }, "ObjectLockEnabledForBucket=true"],
  ["CreateBucket", { ObjectLockEnabledForBucket: false }, undefined],
  [
    "CompleteMultipartUpload",
    { MultipartUpload: { Parts: [{ ChecksumMD5: "x" }] } },
    "MultipartUpload.Parts[].ChecksumMD5",
  ],
] as const)("%s with %o is refused by the name %s", async (operation, input, named) => {
  await using s3 = await openS3();
  const { refuses } = s3Service(s3).operations[operation];
  const message = compileRefusals(refuses).check(input);
  if (named === undefined) expect(message).toBeUndefined();
  else
    expect(message).toMatch(
      new RegExp(`^${named.replaceAll(/[[\].]/g, String.raw`\$&`)} is not supported by Sagebrush: `),
    );
});
