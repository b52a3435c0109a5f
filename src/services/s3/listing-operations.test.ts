import { expect, test } from "vitest";
import { account, openS3, streamOf, type S3Fixture } from "../../../tests/support/s3.ts";
import { canonicalUserId } from "./owner.ts";

const Bucket = "the-bucket";

async function withObjects(...keys: string[]): Promise<S3Fixture> {
  const s3 = await openS3();
  await s3.call("CreateBucket", { Bucket });
  for (const Key of keys) await s3.call("PutObject", { Bucket, Key, Body: streamOf(Key) });
  return s3;
}

test("ListObjectsV2 pages through keys and common prefixes", async () => {
  await using s3 = await withObjects("a", "b/1", "b/2", "c", "d/1");
  const first = await s3.call("ListObjectsV2", { Bucket, Delimiter: "/", MaxKeys: 2 });
  expect(first).toMatchObject({
    Name: Bucket,
    Prefix: "",
    Delimiter: "/",
    MaxKeys: 2,
    KeyCount: 2,
    IsTruncated: true,
    Contents: [{ Key: "a", Size: 1, ETag: '"0cc175b9c0f1b6a831c399e269772661"', StorageClass: "STANDARD" }],
    CommonPrefixes: [{ Prefix: "b/" }],
  });
  expect(first.Contents![0]).not.toHaveProperty("Owner");
  const second = await s3.call("ListObjectsV2", {
    Bucket,
    Delimiter: "/",
    ContinuationToken: first.NextContinuationToken!,
  });
  expect(second.Contents!.map(({ Key }) => Key)).toEqual(["c"]);
  expect(second).toMatchObject({ CommonPrefixes: [{ Prefix: "d/" }], IsTruncated: false, KeyCount: 2 });
  expect(second).not.toHaveProperty("NextContinuationToken");
});

test("ListObjectsV2 begins after a key, tells owners when asked, and caps the page", async () => {
  await using s3 = await withObjects("a", "b", "c");
  const listing = await s3.call("ListObjectsV2", { Bucket, StartAfter: "a", FetchOwner: true, MaxKeys: 5000 });
  expect(listing).toMatchObject({ StartAfter: "a", MaxKeys: 1000 });
  expect(listing.Contents).toMatchObject([
    { Key: "b", Owner: { ID: canonicalUserId(account) } },
    { Key: "c", Owner: { ID: canonicalUserId(account) } },
  ]);
});

test("ListObjects gives a marker of the next page only with a delimiter", async () => {
  await using s3 = await withObjects("a", "b/1", "b/2", "c");
  const plain = await s3.call("ListObjects", { Bucket, MaxKeys: 2 });
  expect(plain).toMatchObject({ IsTruncated: true, Marker: "" });
  expect(plain).not.toHaveProperty("NextMarker");
  expect(plain.Contents![0].Owner).toEqual({ ID: canonicalUserId(account) });
  const rolled = await s3.call("ListObjects", { Bucket, Delimiter: "/", MaxKeys: 2 });
  expect(rolled).toMatchObject({ NextMarker: "b/", CommonPrefixes: [{ Prefix: "b/" }] });
  const rest = await s3.call("ListObjects", { Bucket, Delimiter: "/", Marker: "b/" });
  expect(rest.Contents!.map(({ Key }) => Key)).toEqual(["c"]);
});

test("encoding-type=url encodes keys, prefixes and markers but not slashes", async () => {
  await using s3 = await withObjects("p q/한+\u0001");
  const listing = await s3.call("ListObjectsV2", { Bucket, EncodingType: "url", Prefix: "p q/", StartAfter: "p " });
  expect(listing).toMatchObject({
    EncodingType: "url",
    Prefix: "p%20q/",
    StartAfter: "p%20",
    Contents: [{ Key: "p%20q/%ED%95%9C%2B%01" }],
  });
  await expect(s3.call("ListObjectsV2", { Bucket, EncodingType: "xml" as "url" })).rejects.toMatchObject({
    code: "InvalidArgument",
    members: { ArgumentName: "encoding-type", ArgumentValue: "xml" },
  });
});

test("wrong page sizes and tokens are named", async () => {
  await using s3 = await withObjects("a");
  await expect(s3.call("ListObjectsV2", { Bucket, MaxKeys: -1 })).rejects.toMatchObject({
    code: "InvalidArgument",
    message: "Argument maxKeys must be an integer between 0 and 2147483647",
  });
  for (const ContinuationToken of ["", "nonsense", "MTph!"]) {
    await expect(s3.call("ListObjectsV2", { Bucket, ContinuationToken })).rejects.toMatchObject({
      code: "InvalidArgument",
      message: "The continuation token provided is incorrect",
    });
  }
  expect(await s3.call("ListObjectsV2", { Bucket, MaxKeys: 0 })).toMatchObject({ KeyCount: 0, IsTruncated: false });
});

test("unfinished uploads are listed by key and by time, rolled up and paged", async () => {
  await using s3 = await withObjects();
  const begin = async (Key: string) => {
    await s3.clock.advance(1000);
    return (await s3.call("CreateMultipartUpload", { Bucket, Key })).UploadId!;
  };
  const [b1, a, b2, folder] = [await begin("b"), await begin("a"), await begin("b"), await begin("c/1")];
  await begin("c/2");
  const all = await s3.call("ListMultipartUploads", { Bucket });
  expect(all.Uploads!.slice(0, 4).map(({ Key, UploadId }) => [Key, UploadId])).toEqual([
    ["a", a],
    ["b", b1],
    ["b", b2],
    ["c/1", folder],
  ]);
  expect(all.Uploads![0]).toMatchObject({ StorageClass: "STANDARD", Owner: { ID: canonicalUserId(account) } });

  const first = await s3.call("ListMultipartUploads", { Bucket, MaxUploads: 2, Delimiter: "/" });
  expect(first).toMatchObject({ IsTruncated: true, NextKeyMarker: "b", NextUploadIdMarker: b1 });
  const second = await s3.call("ListMultipartUploads", { Bucket, Delimiter: "/", KeyMarker: "b", UploadIdMarker: b1 });
  expect(second.Uploads!.map(({ UploadId }) => UploadId)).toEqual([b2]);
  expect(second.CommonPrefixes).toEqual([{ Prefix: "c/" }]);
  const afterKey = await s3.call("ListMultipartUploads", { Bucket, KeyMarker: "b" });
  expect(afterKey.Uploads!.map(({ Key }) => Key)).toEqual(["c/1", "c/2"]);
  const prefixed = await s3.call("ListMultipartUploads", { Bucket, Prefix: "c/" });
  expect(prefixed.Uploads).toHaveLength(2);
});
