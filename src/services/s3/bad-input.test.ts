/** Odd keys, bodies that are not what they should be, and writers that meet. */
import { createHash } from "node:crypto";
import { expect, test } from "vitest";
import type { ObjectEvent } from "./events.ts";
import { bytesOf, openS3, setOnBucket, streamOf, type S3Fixture } from "../../../tests/support/s3.ts";

const Bucket = "the-bucket";

async function withBucket(): Promise<S3Fixture> {
  const s3 = await openS3();
  await s3.call("CreateBucket", { Bucket });
  return s3;
}

async function text(s3: S3Fixture, Key: string): Promise<string> {
  return (await bytesOf((await s3.call("GetObject", { Bucket, Key })).Body)).toString();
}

const byBytes = (a: string, b: string) => Buffer.compare(Buffer.from(a), Buffer.from(b));

const oddKeys = [
  ".",
  "..",
  "../../../etc/passwd",
  "/",
  "//",
  "///",
  "/leading",
  "trailing/",
  "a//b",
  " ",
  " spaces ",
  "a\0b",
  "a",
  "a\u0001",
  "a\u0001\u0001",
  "a\u0001\u0001b",
  "a\u0002",
  "\0",
  "\u0001",
  "tab\tnew\nline\rreturn",
  "quote\"<>&'`\\",
  "percent%2Fnot%decoded",
  "plus+question?hash#",
  "é",
  "e\u0301",
  "한글",
  "\u{1f600}",
  "\uffff",
  "\u{10ffff}",
  "\u{2f800}",
  "\u{e0001}",
  "\u{f0000}",
  "x".repeat(1024),
  `${"한".repeat(341)}x`,
];

test("any key up to 1,024 bytes is a name and nothing else", async () => {
  await using s3 = await withBucket();
  await Promise.all(oddKeys.map((Key) => s3.call("PutObject", { Bucket, Key, Body: streamOf(`of ${Key}`) })));
  const { Contents } = await s3.call("ListObjectsV2", { Bucket });
  expect(Contents!.map(({ Key }) => Key)).toEqual(oddKeys.toSorted(byBytes));
  for (const key of oddKeys) expect(await text(s3, key)).toBe(`of ${key}`);
  const { Deleted } = await s3.call("DeleteObjects", { Bucket, Delete: { Objects: oddKeys.map((Key) => ({ Key })) } });
  expect(Deleted).toHaveLength(oddKeys.length);
  expect(await s3.blobIds()).toEqual([]);
});

test("odd keys have versions and uploads as others have, in the same order", async () => {
  await using s3 = await withBucket();
  await setOnBucket(s3, Bucket, { versioning: "Enabled" });
  for (const Key of oddKeys) {
    await s3.call("PutObject", { Bucket, Key });
    await s3.call("PutObject", { Bucket, Key, Body: streamOf("x") });
    await s3.call("CreateMultipartUpload", { Bucket, Key });
  }
  const sorted = oddKeys.toSorted(byBytes);
  const listed: [string, number, boolean][] = [];
  let marker: { KeyMarker?: string; VersionIdMarker?: string } = {};
  for (;;) {
    const page = await s3.call("ListObjectVersions", { Bucket, MaxKeys: 7, ...marker });
    listed.push(
      ...page.Versions!.map(({ Key, Size, IsLatest }) => [Key!, Size!, IsLatest!] as [string, number, boolean]),
    );
    if (page.IsTruncated !== true) break;
    marker = { KeyMarker: page.NextKeyMarker!, VersionIdMarker: page.NextVersionIdMarker! };
  }
  expect(listed).toEqual(
    sorted.flatMap((key) => [
      [key, 1, true],
      [key, 0, false],
    ]),
  );
  const uploads: string[] = [];
  let after: { KeyMarker?: string; UploadIdMarker?: string } = {};
  for (;;) {
    const page = await s3.call("ListMultipartUploads", { Bucket, MaxUploads: 5, ...after });
    uploads.push(...page.Uploads!.map(({ Key }) => Key!));
    if (page.IsTruncated !== true) break;
    after = { KeyMarker: page.NextKeyMarker!, UploadIdMarker: page.NextUploadIdMarker! };
  }
  expect(uploads).toEqual(sorted);
});

test("lists under odd prefixes and markers have what begins so and follows", async () => {
  await using s3 = await withBucket();
  for (const Key of oddKeys) await s3.call("PutObject", { Bucket, Key });
  const keys = async (more: object) =>
    (await s3.call("ListObjectsV2", { Bucket, ...more })).Contents!.map(({ Key }) => Key!);
  const sorted = oddKeys.toSorted(byBytes);
  for (const Prefix of ["a", "a\0", "a\u0001", "\0", "/", "//", "\u{1f600}", "x"]) {
    expect(await keys({ Prefix }), JSON.stringify(Prefix)).toEqual(sorted.filter((key) => key.startsWith(Prefix)));
  }
  for (const StartAfter of ["a", "a\0", "a\0b", "a\u0001", "\u{10ffff}", "..", "\uffff"]) {
    const expected = sorted.filter((key) => byBytes(key, StartAfter) > 0);
    expect(await keys({ StartAfter }), JSON.stringify(StartAfter)).toEqual(expected);
  }
});

test("a key of 1,025 bytes is too long, whatever is done with it", async () => {
  await using s3 = await withBucket();
  for (const Key of ["x".repeat(1025), `${"한".repeat(341)}xy`]) {
    await expect(s3.call("PutObject", { Bucket, Key })).rejects.toMatchObject({
      code: "KeyTooLongError",
      status: 400,
      members: { Size: 1025, MaxSizeAllowed: 1024 },
    });
    await expect(s3.call("GetObject", { Bucket, Key })).rejects.toMatchObject({ code: "KeyTooLongError" });
    await expect(s3.call("CreateMultipartUpload", { Bucket, Key })).rejects.toMatchObject({ code: "KeyTooLongError" });
    const { Errors } = await s3.call("DeleteObjects", { Bucket, Delete: { Objects: [{ Key }] } });
    expect(Errors).toMatchObject([{ Code: "KeyTooLongError" }]);
  }
});

test("encoding-type=url lets any key through XML", async () => {
  await using s3 = await withBucket();
  await s3.call("PutObject", { Bucket, Key: "a\0\u0001b c" });
  const { Contents } = await s3.call("ListObjectsV2", { Bucket, EncodingType: "url" });
  expect(Contents![0].Key).toBe("a%00%01b%20c");
});

test("an object that is deleted under a conditional write is a conflict, one that is replaced fails the condition", async () => {
  await using s3 = await withBucket();
  const { ETag } = await s3.call("PutObject", { Bucket, Key: "k", Body: streamOf("one") });
  const during = (meanwhile: () => Promise<unknown>) =>
    s3.call("PutObject", {
      Bucket,
      Key: "k",
      IfMatch: ETag!,
      Body: (async function* () {
        yield Buffer.from("two");
        await meanwhile();
      })(),
    });
  await expect(during(() => s3.call("PutObject", { Bucket, Key: "k", Body: streamOf("other") }))).rejects.toMatchObject(
    {
      code: "PreconditionFailed",
      status: 412,
    },
  );
  await s3.call("PutObject", { Bucket, Key: "k", Body: streamOf("one") });
  await expect(during(() => s3.call("DeleteObject", { Bucket, Key: "k" }))).rejects.toMatchObject({
    code: "ConditionalRequestConflict",
    status: 409,
  });
  await expect(during(() => Promise.resolve())).rejects.toMatchObject({ code: "NoSuchKey", status: 404 });
  expect(await s3.blobIds()).toEqual([]);
});

test("conditional writes look at the object and not at what a delete marker hides", async () => {
  await using s3 = await withBucket();
  await setOnBucket(s3, Bucket, { versioning: "Enabled" });
  await s3.call("PutObject", { Bucket, Key: "k", Body: streamOf("one") });
  await expect(s3.call("PutObject", { Bucket, Key: "k", IfNoneMatch: "*" })).rejects.toMatchObject({ status: 412 });
  await s3.call("DeleteObject", { Bucket, Key: "k" });
  await s3.call("PutObject", { Bucket, Key: "k", IfNoneMatch: "*", Body: streamOf("two") });
  expect(await text(s3, "k")).toBe("two");
});

test("what happens to objects is told in the batch in which it happens", async () => {
  const told: ObjectEvent[] = [];
  let written = 0;
  await using s3 = await openS3({
    events: () => ({
      changesOf(event) {
        told.push(event);
        const name = `${event.name} ${event.key} ${told.length}`;
        return [{ op: "insert", key: { accountId: "a", region: "r", family: "told", name }, body: {} }];
      },
      written: () => (written += 1),
    }),
  });
  await s3.call("CreateBucket", { Bucket });
  const { ETag } = await s3.call("PutObject", { Bucket, Key: "k", Body: streamOf("one") });
  await s3.call("CopyObject", { Bucket, Key: "copy", CopySource: `${Bucket}/k` });
  await s3.call("PutObjectTagging", { Bucket, Key: "k", Tagging: { TagSet: [] } });
  await s3.call("DeleteObjectTagging", { Bucket, Key: "k" });
  await s3.call("DeleteObject", { Bucket, Key: "k" });
  // Nothing was there any more: nothing happened.
  await s3.call("DeleteObject", { Bucket, Key: "k" });
  await setOnBucket(s3, Bucket, { versioning: "Enabled" });
  const { VersionId } = await s3.call("PutObject", { Bucket, Key: "v", Body: streamOf("one") });
  const marker = await s3.call("DeleteObject", { Bucket, Key: "v" });
  await s3.call("DeleteObject", { Bucket, Key: "v", VersionId: VersionId! });
  const { UploadId } = await s3.call("CreateMultipartUpload", { Bucket, Key: "m" });
  const upload = { Bucket, Key: "m", UploadId: UploadId! };
  const part = await s3.call("UploadPart", { ...upload, PartNumber: 1, Body: streamOf("part") });
  const completed = await s3.call("CompleteMultipartUpload", {
    ...upload,
    MultipartUpload: { Parts: [{ PartNumber: 1, ETag: part.ETag! }] },
  });
  const seen = told.map(({ name, key, versionId, size }) => [name, key, versionId, size]);
  expect(seen).toEqual([
    ["ObjectCreated:Put", "k", undefined, 3],
    ["ObjectCreated:Copy", "copy", undefined, 3],
    ["ObjectTagging:Put", "k", undefined, 3],
    ["ObjectTagging:Delete", "k", undefined, 3],
    ["ObjectRemoved:Delete", "k", undefined, undefined],
    ["ObjectCreated:Put", "v", VersionId, 3],
    ["ObjectRemoved:DeleteMarkerCreated", "v", marker.VersionId, undefined],
    ["ObjectRemoved:Delete", "v", VersionId, undefined],
    ["ObjectCreated:CompleteMultipartUpload", "m", completed.VersionId, 4],
  ]);
  expect(`"${told[0].etag}"`).toBe(ETag);
  expect(written).toBe(told.length);
  let kept = 0;
  for await (const _record of s3.records.scan("told")) kept += 1;
  expect(kept).toBe(told.length);
});

test("an event that cannot be kept takes what happened with it", async () => {
  await using s3 = await openS3({
    events: () => ({
      changesOf: () => [
        { op: "update", key: { accountId: "a", region: "r", family: "told", name: "missing" }, body: {} },
      ],
      written: () => {},
    }),
  });
  await s3.call("CreateBucket", { Bucket });
  await expect(s3.call("PutObject", { Bucket, Key: "k", Body: streamOf("one") })).rejects.toThrow("does not exist");
  await expect(text(s3, "k")).rejects.toMatchObject({ code: "NoSuchKey" });
  expect(await s3.blobIds()).toEqual([]);
});

test("completes and aborts of one upload at the same time end in one of the two, whole", async () => {
  await using s3 = await withBucket();
  const md5 = createHash("md5").update(createHash("md5").update("part").digest()).digest("hex");
  for (let round = 0; round < 12; round += 1) {
    const Key = `k${round}`;
    const { UploadId } = await s3.call("CreateMultipartUpload", { Bucket, Key });
    const upload = { Bucket, Key, UploadId: UploadId! };
    const { ETag } = await s3.call("UploadPart", { ...upload, PartNumber: 1, Body: streamOf("part") });
    const MultipartUpload = { Parts: [{ PartNumber: 1, ETag: ETag! }] };
    const completing = () => s3.call("CompleteMultipartUpload", { ...upload, MultipartUpload });
    const aborting = () => s3.call("AbortMultipartUpload", upload);
    // Now the one, now the other is there first.
    const racing = round % 2 === 0 ? [completing(), aborting()] : [aborting(), completing()].toReversed();
    const [complete, abort] = await Promise.allSettled(racing);
    expect([complete.status, abort.status].toSorted()).toEqual(["fulfilled", "rejected"]);
    if (complete.status === "fulfilled") {
      expect(complete.value).toMatchObject({ ETag: `"${md5}-1"` });
      expect(await text(s3, Key)).toBe("part");
      await s3.call("DeleteObject", { Bucket, Key });
    } else {
      expect(complete.reason).toMatchObject({ code: "NoSuchUpload" });
    }
    expect(await s3.blobIds()).toEqual([]);
  }
});
