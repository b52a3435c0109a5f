/** What is said of objects beside their bytes: tags, redirects, attributes, checksums of parts. */
import { createHash } from "node:crypto";
import { expect, test } from "vitest";
import { openS3, setOnBucket, streamOf, type S3Fixture } from "../../../tests/support/s3.ts";

const Bucket = "the-bucket";
const Key = "k";

async function withBucket(): Promise<S3Fixture> {
  const s3 = await openS3();
  await s3.call("CreateBucket", { Bucket });
  return s3;
}

const sha256 = (bytes: Uint8Array | string) => createHash("sha256").update(bytes).digest("base64");

test("tags come with an object, are replaced and removed, and are counted", async () => {
  await using s3 = await withBucket();
  await s3.call("PutObject", { Bucket, Key, Body: streamOf("x"), Tagging: "team=a%20b&empty=" });
  expect(await s3.call("GetObjectTagging", { Bucket, Key })).toEqual({
    TagSet: [
      { Key: "team", Value: "a b" },
      { Key: "empty", Value: "" },
    ],
  });
  expect(await s3.call("GetObject", { Bucket, Key })).toMatchObject({ TagCount: 2 });
  await s3.clock.advance(60_000);
  await s3.call("PutObjectTagging", { Bucket, Key, Tagging: { TagSet: [{ Key: "n", Value: "1" }] } });
  expect(await s3.call("HeadObject", { Bucket, Key })).toMatchObject({
    TagCount: 1,
    LastModified: new Date(Date.UTC(2026, 0, 1)),
  });
  await s3.call("DeleteObjectTagging", { Bucket, Key });
  expect(await s3.call("GetObjectTagging", { Bucket, Key })).toEqual({ TagSet: [] });
  expect((await s3.call("HeadObject", { Bucket, Key })).TagCount).toBeUndefined();
  await expect(s3.call("GetObjectTagging", { Bucket, Key: "none" })).rejects.toMatchObject({ code: "NoSuchKey" });
});

test("tags that S3 does not take are refused", async () => {
  await using s3 = await withBucket();
  await s3.call("PutObject", { Bucket, Key });
  const tagged = (TagSet: { Key: string; Value: string }[]) =>
    s3.call("PutObjectTagging", { Bucket, Key, Tagging: { TagSet } });
  const eleven = Array.from({ length: 11 }, (_, index) => ({ Key: `k${index}`, Value: "" }));
  await expect(tagged(eleven)).rejects.toMatchObject({
    code: "BadRequest",
    message: "Object tags cannot be greater than 10",
  });
  await expect(tagged([{ Key: "k".repeat(129), Value: "" }])).rejects.toMatchObject({ code: "InvalidTag" });
  await expect(tagged([{ Key: "aws:x", Value: "" }])).rejects.toMatchObject({ code: "InvalidTag" });
  await expect(s3.call("PutObject", { Bucket, Key, Tagging: "a=1&a=2" })).rejects.toMatchObject({
    code: "InvalidArgument",
    message: expect.stringContaining("without tag name duplicates"),
  });
});

test("each version has its own tags", async () => {
  await using s3 = await withBucket();
  await s3.call("PutObject", { Bucket, Key, Tagging: "a=0" });
  await setOnBucket(s3, Bucket, { versioning: "Enabled" });
  const { VersionId } = await s3.call("PutObject", { Bucket, Key, Tagging: "a=1" });
  const tags = async (version?: string) =>
    (await s3.call("GetObjectTagging", { Bucket, Key, ...(version && { VersionId: version }) })).TagSet![0]?.Value;
  expect([await tags(), await tags(VersionId), await tags("null")]).toEqual(["1", "1", "0"]);
  const changed = { Bucket, Key, VersionId: "null", Tagging: { TagSet: [{ Key: "a", Value: "2" }] } };
  expect(await s3.call("PutObjectTagging", changed)).toEqual({ VersionId: "null" });
  expect([await tags(), await tags("null")]).toEqual(["1", "2"]);
  // The version null is still found by that name.
  expect(await s3.call("DeleteObject", { Bucket, Key, VersionId: "null" })).toEqual({ VersionId: "null" });
  await expect(tags("null")).rejects.toMatchObject({ code: "NoSuchVersion" });
});

test("a copy takes the tags along unless it is given others; a redirect it does not take", async () => {
  await using s3 = await withBucket();
  await s3.call("PutObject", { Bucket, Key, Tagging: "a=1", WebsiteRedirectLocation: "/elsewhere" });
  expect(await s3.call("HeadObject", { Bucket, Key })).toMatchObject({ WebsiteRedirectLocation: "/elsewhere" });
  const CopySource = `${Bucket}/${Key}`;
  await s3.call("CopyObject", { Bucket, Key: "same", CopySource });
  expect(await s3.call("HeadObject", { Bucket, Key: "same" })).toMatchObject({
    TagCount: 1,
    WebsiteRedirectLocation: undefined,
  });
  await s3.call("CopyObject", { Bucket, Key, CopySource, TaggingDirective: "REPLACE", Tagging: "b=2&c=3" });
  expect(await s3.call("HeadObject", { Bucket, Key })).toMatchObject({ TagCount: 2 });
  await s3.call("CopyObject", { Bucket, Key: "bare", CopySource, MetadataDirective: "REPLACE", ContentType: "a/b" });
  expect(await s3.call("HeadObject", { Bucket, Key: "bare" })).toMatchObject({ TagCount: 2, ContentType: "a/b" });
  await expect(s3.call("PutObject", { Bucket, Key, WebsiteRedirectLocation: "elsewhere" })).rejects.toMatchObject({
    code: "InvalidRedirectLocation",
  });
});

test("an object uploaded in parts tells sizes and checksums of them, in pages", async () => {
  await using s3 = await withBucket();
  const parts = [Buffer.alloc(5 * 2 ** 20, "a"), Buffer.alloc(5 * 2 ** 20, "b"), Buffer.from("end")];
  const { UploadId } = await s3.call("CreateMultipartUpload", {
    Bucket,
    Key,
    ChecksumAlgorithm: "SHA256",
    Tagging: "a=1",
  });
  const numbers = [2, 5, 9];
  const Parts = await Promise.all(
    parts.map(async (bytes, index) => {
      const part = { Bucket, Key, UploadId: UploadId!, PartNumber: numbers[index], Body: streamOf(bytes) };
      const { ETag, ChecksumSHA256 } = await s3.call("UploadPart", part);
      return { PartNumber: numbers[index], ETag: ETag!, ChecksumSHA256: ChecksumSHA256! };
    }),
  );
  await s3.call("CompleteMultipartUpload", { Bucket, Key, UploadId: UploadId!, MultipartUpload: { Parts } });
  const composite = `${sha256(Buffer.concat(parts.map((bytes) => Buffer.from(sha256(bytes), "base64"))))}-3`;
  const ask = (more: object) =>
    s3.call("GetObjectAttributes", { Bucket, Key, ObjectAttributes: ["ObjectParts", "Checksum"], ...more });
  expect(await ask({})).toMatchObject({
    Checksum: { ChecksumSHA256: composite, ChecksumType: "COMPOSITE" },
    ObjectParts: {
      TotalPartsCount: 3,
      IsTruncated: false,
      Parts: parts.map((bytes, index) => ({
        PartNumber: numbers[index],
        Size: bytes.length,
        ChecksumSHA256: sha256(bytes),
      })),
    },
  });
  expect(await ask({ MaxParts: 1, PartNumberMarker: 2 })).toMatchObject({
    ObjectParts: { MaxParts: 1, IsTruncated: true, NextPartNumberMarker: 5, Parts: [{ PartNumber: 5 }] },
  });
  expect(
    await s3.call("GetObjectAttributes", { Bucket, Key, ObjectAttributes: ["ETag", "ObjectSize", "StorageClass"] }),
  ).toEqual({
    LastModified: new Date(s3.clock.now()),
    ETag: expect.stringMatching(/^[0-9a-f]{32}-3$/),
    ObjectSize: 10 * 2 ** 20 + 3,
    StorageClass: "STANDARD",
  });
  await expect(ask({ ObjectAttributes: ["Colour" as never] })).rejects.toMatchObject({ code: "InvalidArgument" });
  // The checksum of one part is that of the bytes that come with it.
  expect(await s3.call("GetObject", { Bucket, Key, PartNumber: 3, ChecksumMode: "ENABLED" })).toMatchObject({
    ContentLength: 3,
    ChecksumSHA256: sha256("end"),
    PartsCount: 3,
    TagCount: 1,
  });
  const head = await s3.call("HeadObject", { Bucket, Key, PartNumber: 3 });
  expect(head).not.toHaveProperty("ChecksumSHA256");
});

test("completing again after a lost answer answers the same, with other parts it does not", async () => {
  await using s3 = await withBucket();
  const { UploadId } = await s3.call("CreateMultipartUpload", { Bucket, Key });
  const upload = { Bucket, Key, UploadId: UploadId! };
  const { ETag } = await s3.call("UploadPart", { ...upload, PartNumber: 1, Body: streamOf("body") });
  const MultipartUpload = { Parts: [{ PartNumber: 1, ETag: ETag! }] };
  const first = await s3.call("CompleteMultipartUpload", { ...upload, MultipartUpload });
  expect(await s3.call("CompleteMultipartUpload", { ...upload, MultipartUpload })).toEqual(first);
  const other = { Parts: [{ PartNumber: 2, ETag: ETag! }] };
  await expect(s3.call("CompleteMultipartUpload", { ...upload, MultipartUpload: other })).rejects.toMatchObject({
    code: "NoSuchUpload",
  });
  await expect(s3.call("AbortMultipartUpload", upload)).rejects.toMatchObject({ code: "NoSuchUpload" });
  await s3.call("DeleteObject", { Bucket, Key });
  await expect(s3.call("CompleteMultipartUpload", { ...upload, MultipartUpload })).rejects.toMatchObject({
    code: "NoSuchUpload",
  });
  expect(await s3.blobIds()).toEqual([]);
});
