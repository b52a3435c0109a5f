import { crc32 } from "node:zlib";
import { expect, test } from "vitest";
import type { CompletedPart } from "../../protocol/generated/s3.ts";
import { bytesOf, hashOf, openS3, streamOf, type S3Fixture } from "../../../tests/support/s3.ts";

const Bucket = "the-bucket";
const Key = "big";
const fiveMiB = 5 * 2 ** 20;

async function withBucket(): Promise<S3Fixture> {
  const s3 = await openS3();
  await s3.call("CreateBucket", { Bucket });
  return s3;
}

async function begin(s3: S3Fixture, more: object = {}): Promise<string> {
  return (await s3.call("CreateMultipartUpload", { Bucket, Key, ...more })).UploadId!;
}

async function part(s3: S3Fixture, UploadId: string, PartNumber: number, body: string | Uint8Array, more: object = {}) {
  const output = await s3.call("UploadPart", { Bucket, Key, UploadId, PartNumber, Body: streamOf(body), ...more });
  const { ETag, ChecksumCRC32, ChecksumSHA256 } = output;
  return { PartNumber, ETag, ...(ChecksumCRC32 && { ChecksumCRC32 }), ...(ChecksumSHA256 && { ChecksumSHA256 }) };
}

const complete = (s3: S3Fixture, UploadId: string, Parts: CompletedPart[], more: object = {}) =>
  s3.call("CompleteMultipartUpload", { Bucket, Key, UploadId, MultipartUpload: { Parts }, ...more });

function crcOf(bytes: string | Uint8Array): string {
  const crc = Buffer.alloc(4);
  crc.writeUInt32BE(crc32(bytes));
  return crc.toString("base64");
}

test("parts become one object with the tag of their tags", async () => {
  await using s3 = await withBucket();
  const UploadId = await begin(s3, { ContentType: "text/plain", Metadata: { m: "1" } });
  const first = Buffer.alloc(fiveMiB, "a");
  const parts = [await part(s3, UploadId, 2, first), await part(s3, UploadId, 7, "the end")];
  await part(s3, UploadId, 9, "not named in the end");
  const etag = `"${hashOf("md5", Buffer.from(hashOf("md5", first) + hashOf("md5", "the end"), "hex"))}-2"`;
  expect(await complete(s3, UploadId, parts)).toEqual({
    Location: "http://127.0.0.1:7243/the-bucket/big",
    Bucket,
    Key,
    ETag: etag,
  });
  const object = await s3.call("GetObject", { Bucket, Key });
  expect(object).toMatchObject({
    ETag: etag,
    ContentType: "text/plain",
    Metadata: { m: "1" },
    ContentLength: fiveMiB + 7,
  });
  expect((await bytesOf(object.Body)).equals(Buffer.concat([first, Buffer.from("the end")]))).toBe(true);
  // The parts stay where they are.
  expect(await s3.blobIds()).toHaveLength(2);
  await expect(s3.call("ListParts", { Bucket, Key, UploadId })).rejects.toMatchObject({ code: "NoSuchUpload" });
});

test("single parts of an object can be read again", async () => {
  await using s3 = await withBucket();
  const UploadId = await begin(s3);
  const parts = [await part(s3, UploadId, 1, Buffer.alloc(fiveMiB, "a")), await part(s3, UploadId, 2, "end")];
  await complete(s3, UploadId, parts);
  const second = await s3.call("GetObject", { Bucket, Key, PartNumber: 2 });
  expect(second).toMatchObject({ PartsCount: 2, ContentRange: `bytes ${fiveMiB}-${fiveMiB + 2}/${fiveMiB + 3}` });
  expect((await bytesOf(second.Body)).toString()).toBe("end");
  expect(await s3.call("HeadObject", { Bucket, Key, PartNumber: 1 })).toMatchObject({ ContentLength: fiveMiB });
  await expect(s3.call("HeadObject", { Bucket, Key, PartNumber: 3 })).rejects.toMatchObject({
    code: "InvalidPartNumber",
  });
  await expect(s3.call("HeadObject", { Bucket, Key, PartNumber: 1, Range: "bytes=0-1" })).rejects.toMatchObject({
    code: "InvalidRequest",
  });
});

test("a part sent twice counts as sent last", async () => {
  await using s3 = await withBucket();
  const UploadId = await begin(s3);
  const old = await part(s3, UploadId, 1, "old");
  const now = await part(s3, UploadId, 1, "new");
  expect(await s3.blobIds()).toHaveLength(1);
  await expect(complete(s3, UploadId, [old])).rejects.toMatchObject({
    code: "InvalidPart",
    members: { PartNumber: 1 },
  });
  await complete(s3, UploadId, [now]);
  expect((await bytesOf((await s3.call("GetObject", { Bucket, Key })).Body)).toString()).toBe("new");
});

test("wrong lists of parts are refused and the upload goes on", async () => {
  await using s3 = await withBucket();
  const UploadId = await begin(s3);
  const small = await part(s3, UploadId, 1, "small");
  const last = await part(s3, UploadId, 2, "last");
  await expect(complete(s3, UploadId, [small, last])).rejects.toMatchObject({
    code: "EntityTooSmall",
    message: "Your proposed upload is smaller than the minimum allowed size",
    members: { ProposedSize: 5, MinSizeAllowed: fiveMiB, PartNumber: 1 },
  });
  await expect(complete(s3, UploadId, [last, small])).rejects.toMatchObject({ code: "InvalidPartOrder" });
  await expect(complete(s3, UploadId, [small, small])).rejects.toMatchObject({ code: "InvalidPartOrder" });
  await expect(complete(s3, UploadId, [{ ...small, PartNumber: 3 }])).rejects.toMatchObject({ code: "InvalidPart" });
  await expect(complete(s3, UploadId, [])).rejects.toMatchObject({ code: "MalformedXML" });
  await expect(complete(s3, UploadId, [{ PartNumber: 1 }])).rejects.toMatchObject({ code: "MalformedXML" });
  await expect(complete(s3, UploadId, [last], { MpuObjectSize: 5 })).rejects.toMatchObject({ code: "InvalidRequest" });
  await expect(part(s3, UploadId, 10_001, "x")).rejects.toMatchObject({
    code: "InvalidArgument",
    message: "Part number must be an integer between 1 and 10000, inclusive",
  });
  await complete(s3, UploadId, [last], { MpuObjectSize: 4 });
});

test("an aborted upload is gone with its bytes", async () => {
  await using s3 = await withBucket();
  const UploadId = await begin(s3);
  const uploaded = await part(s3, UploadId, 1, "x");
  await s3.call("AbortMultipartUpload", { Bucket, Key, UploadId });
  expect(await s3.blobIds()).toEqual([]);
  const gone = { code: "NoSuchUpload", status: 404, members: { UploadId } };
  await expect(s3.call("AbortMultipartUpload", { Bucket, Key, UploadId })).rejects.toMatchObject(gone);
  await expect(part(s3, UploadId, 2, "x")).rejects.toMatchObject(gone);
  await expect(complete(s3, UploadId, [uploaded])).rejects.toMatchObject(gone);
  expect(await s3.blobIds()).toEqual([]);
});

test("an upload id is good for its own key only", async () => {
  await using s3 = await withBucket();
  const UploadId = await begin(s3);
  const elsewhere = { Bucket, Key: "other", UploadId, PartNumber: 1, Body: streamOf("x") };
  await expect(s3.call("UploadPart", elsewhere)).rejects.toMatchObject({ code: "NoSuchUpload" });
});

test("aborting, completing and uploading at once ends in one consistent state", async () => {
  await using s3 = await withBucket();
  for (let round = 0; round < 10; round += 1) {
    const UploadId = await begin(s3);
    const uploaded = await part(s3, UploadId, 1, `round ${round}`);
    const [completed, aborted] = await Promise.allSettled([
      complete(s3, UploadId, [uploaded]),
      s3.call("AbortMultipartUpload", { Bucket, Key, UploadId }),
      part(s3, UploadId, 2, "late"),
    ]);
    expect([completed.status, aborted.status].toSorted()).toEqual(["fulfilled", "rejected"]);
    await s3.call("DeleteObject", { Bucket, Key });
    expect(await s3.blobIds()).toEqual([]);
    expect((await s3.call("ListMultipartUploads", { Bucket })).Uploads).toEqual([]);
  }
});

test("a composite checksum is the checksum of the parts' checksums", async () => {
  await using s3 = await withBucket();
  const UploadId = await begin(s3, { ChecksumAlgorithm: "SHA256" });
  const first = Buffer.alloc(fiveMiB, "a");
  // The first part brings its checksum, that of the second is computed here.
  const parts = [
    await part(s3, UploadId, 1, first, { ChecksumSHA256: hashOf("sha256", first, "base64") }),
    await part(s3, UploadId, 2, "end"),
  ];
  expect(parts[1].ChecksumSHA256).toBe(hashOf("sha256", "end", "base64"));
  const digests = Buffer.from(hashOf("sha256", first) + hashOf("sha256", "end"), "hex");
  const value = `${hashOf("sha256", digests, "base64")}-2`;
  const missing = parts.map(({ PartNumber, ETag }) => ({ PartNumber, ETag }));
  await expect(complete(s3, UploadId, missing)).rejects.toMatchObject({
    code: "InvalidRequest",
    message: expect.stringContaining("It was missing for part 1 in the request."),
  });
  const wrong = [parts[0], { ...parts[1], ChecksumSHA256: hashOf("sha256", "x", "base64") }];
  await expect(complete(s3, UploadId, wrong)).rejects.toMatchObject({ code: "InvalidPart" });
  await expect(
    complete(s3, UploadId, parts, { ChecksumSHA256: hashOf("sha256", "x", "base64") }),
  ).rejects.toMatchObject({
    code: "BadDigest",
  });
  expect(await complete(s3, UploadId, parts, { ChecksumSHA256: value.slice(0, -2) })).toMatchObject({
    ChecksumSHA256: value,
    ChecksumType: "COMPOSITE",
  });
  expect(await s3.call("HeadObject", { Bucket, Key, ChecksumMode: "ENABLED" })).toMatchObject({
    ChecksumSHA256: value,
  });
});

test("a checksum of the whole object is that of its bytes", async () => {
  await using s3 = await withBucket();
  const UploadId = await begin(s3, { ChecksumAlgorithm: "CRC32", ChecksumType: "FULL_OBJECT" });
  const first = Buffer.alloc(fiveMiB, "abc");
  const parts = [await part(s3, UploadId, 1, first), await part(s3, UploadId, 2, "end")];
  const value = crcOf(Buffer.concat([first, Buffer.from("end")]));
  const claims = { ChecksumCRC32: value, ChecksumType: "FULL_OBJECT" };
  await expect(complete(s3, UploadId, parts, { ...claims, ChecksumCRC32: crcOf("x") })).rejects.toMatchObject({
    code: "BadDigest",
  });
  await expect(complete(s3, UploadId, parts, { ChecksumType: "COMPOSITE" })).rejects.toMatchObject({
    code: "InvalidRequest",
  });
  expect(await complete(s3, UploadId, parts, claims)).toMatchObject({
    ChecksumCRC32: value,
    ChecksumType: "FULL_OBJECT",
  });
});

test.each([
  [{ ChecksumType: "FULL_OBJECT" }, "can only be used with"],
  [
    { ChecksumAlgorithm: "SHA256", ChecksumType: "FULL_OBJECT" },
    "FULL_OBJECT checksum type cannot be used with the sha256",
  ],
  [
    { ChecksumAlgorithm: "CRC64NVME", ChecksumType: "COMPOSITE" },
    "COMPOSITE checksum type cannot be used with the crc64nvme",
  ],
])("an upload with %o is refused", async (input, message) => {
  await using s3 = await withBucket();
  await expect(begin(s3, input)).rejects.toMatchObject({
    code: "InvalidRequest",
    message: expect.stringContaining(message),
  });
});

test("a part with a checksum of another kind than the upload's is refused", async () => {
  await using s3 = await withBucket();
  const UploadId = await begin(s3, { ChecksumAlgorithm: "CRC32C" });
  await expect(part(s3, UploadId, 1, "x", { ChecksumCRC32: crcOf("x") })).rejects.toMatchObject({
    code: "InvalidRequest",
    message: "Checksum Type mismatch occurred, expected checksum Type: crc32c, actual checksum Type: crc32",
  });
});

test("parts are listed by number and by page", async () => {
  await using s3 = await withBucket();
  const UploadId = await begin(s3, { ChecksumAlgorithm: "CRC32" });
  for (const number of [10, 2, 1]) await part(s3, UploadId, number, `part ${number}`);
  const first = await s3.call("ListParts", { Bucket, Key, UploadId, MaxParts: 2 });
  expect(first).toMatchObject({ IsTruncated: true, NextPartNumberMarker: 2, MaxParts: 2, ChecksumAlgorithm: "CRC32" });
  expect(first.Parts).toMatchObject([
    { PartNumber: 1, Size: 6, ETag: `"${hashOf("md5", "part 1")}"`, ChecksumCRC32: crcOf("part 1") },
    { PartNumber: 2 },
  ]);
  const second = await s3.call("ListParts", { Bucket, Key, UploadId, PartNumberMarker: 2 });
  expect(second).toMatchObject({ IsTruncated: false, PartNumberMarker: 2 });
  expect(second.Parts!.map(({ PartNumber }) => PartNumber)).toEqual([10]);
});

test("parts are copied out of objects, whole or in a range", async () => {
  await using s3 = await withBucket();
  const source = Buffer.alloc(fiveMiB + 10, "0123456789");
  await s3.call("PutObject", { Bucket, Key: "source", Body: streamOf(source) });
  const UploadId = await begin(s3, { ChecksumAlgorithm: "CRC32" });
  const copy = (PartNumber: number, more: object) =>
    s3.call("UploadPartCopy", { Bucket, Key, UploadId, PartNumber, CopySource: "the-bucket/source", ...more });
  const whole = (await copy(1, {})).CopyPartResult!;
  const range = (await copy(2, { CopySourceRange: "bytes=3-5" })).CopyPartResult!;
  expect(whole).toMatchObject({ ETag: `"${hashOf("md5", source)}"`, ChecksumCRC32: crcOf(source) });
  expect(range).toMatchObject({ ETag: `"${hashOf("md5", "345")}"` });
  await expect(copy(3, { CopySourceRange: `bytes=0-${fiveMiB + 10}` })).rejects.toMatchObject({
    code: "InvalidArgument",
  });
  await expect(copy(3, { CopySourceIfMatch: '"other"' })).rejects.toMatchObject({ code: "PreconditionFailed" });
  await complete(s3, UploadId, [
    { PartNumber: 1, ETag: whole.ETag!, ChecksumCRC32: whole.ChecksumCRC32! },
    { PartNumber: 2, ETag: range.ETag!, ChecksumCRC32: range.ChecksumCRC32! },
  ]);
  const body = await bytesOf((await s3.call("GetObject", { Bucket, Key })).Body);
  expect(body.equals(Buffer.concat([source, Buffer.from("345")]))).toBe(true);
});

test("a copy of an object made of parts has the tag of its bytes", async () => {
  await using s3 = await withBucket();
  const UploadId = await begin(s3, { ChecksumAlgorithm: "CRC32" });
  await complete(s3, UploadId, [await part(s3, UploadId, 1, "body")]);
  const { CopyObjectResult } = await s3.call("CopyObject", { Bucket, Key: "copy", CopySource: `the-bucket/${Key}` });
  expect(CopyObjectResult).toMatchObject({
    ETag: `"${hashOf("md5", "body")}"`,
    ChecksumCRC32: crcOf("body"),
    ChecksumType: "FULL_OBJECT",
  });
});

test("an upload outlives a restart", async () => {
  const before = await withBucket();
  const UploadId = await begin(before);
  const uploaded = await part(before, UploadId, 1, "x");
  await using after = await before.reopen();
  await complete(after, UploadId, [uploaded], { IfNoneMatch: "*" });
  expect(await after.call("HeadObject", { Bucket, Key })).toMatchObject({ ContentLength: 1 });
  const second = await begin(after);
  const again = await part(after, second, 1, "y");
  await expect(complete(after, second, [again], { IfNoneMatch: "*" })).rejects.toMatchObject({
    code: "PreconditionFailed",
  });
});
