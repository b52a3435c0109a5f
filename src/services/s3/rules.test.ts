/** Ranges, conditions and names: rules without storage. */
import { expect, test } from "vitest";
import { evaluateCopySource, evaluateRead, evaluateWrite, etagMatches, rangeStillHolds } from "./conditions.ts";
import { checkBucketName, checkedMetadata, checkKey, storedContentEncoding } from "./names.ts";
import { parseCopySourceRange, parseRange, rangeOfPart, runsOfSizes } from "./ranges.ts";
import type { ObjectBody } from "./records.ts";
import { parseCopySource } from "./requests.ts";

test.each([
  ["bytes=0-0", { start: 0, end: 0 }],
  ["bytes=2-5", { start: 2, end: 5 }],
  ["bytes=7-", { start: 7, end: 9 }],
  ["bytes=8-100", { start: 8, end: 9 }],
  ["bytes=-3", { start: 7, end: 9 }],
  ["bytes=-100", { start: 0, end: 9 }],
  ["Bytes = 1 - 2", { start: 1, end: 2 }],
])("%s of ten bytes", (header, range) => {
  expect(parseRange(header, 10)).toEqual(range);
});

test.each([undefined, "", "bytes=", "bytes=-", "bytes=5-4", "items=0-1", "bytes=0-1,3-4", "bytes=a-b"])(
  "the range %s is ignored",
  (header) => {
    expect(parseRange(header, 10)).toBeUndefined();
  },
);

test.each([
  ["bytes=10-", 10],
  ["bytes=10-20", 10],
  ["bytes=-0", 10],
  ["bytes=0-", 0],
  ["bytes=-1", 0],
])("%s of %i bytes cannot be satisfied", (header, size) => {
  expect(() => parseRange(header, size)).toThrow(
    expect.objectContaining({
      code: "InvalidRange",
      status: 416,
      members: { RangeRequested: header, ActualObjectSize: size },
      headers: { "content-range": `bytes */${size}` },
    }),
  );
});

test("parts of an object are found by their number", () => {
  const parts = runsOfSizes([5, 5, 5, 2]);
  expect(parts).toEqual([
    [3, 5],
    [1, 2],
  ]);
  const object = { size: 17, parts } as unknown as ObjectBody;
  expect(rangeOfPart(object, 1)).toEqual({ start: 0, end: 4 });
  expect(rangeOfPart(object, 3)).toEqual({ start: 10, end: 14 });
  expect(rangeOfPart(object, 4)).toEqual({ start: 15, end: 16 });
  expect(() => rangeOfPart(object, 5)).toThrow(expect.objectContaining({ code: "InvalidPartNumber", status: 416 }));
  expect(() => rangeOfPart(object, 0)).toThrow("Part number must be an integer between 1 and 10000, inclusive");
  const single = { size: 3 } as unknown as ObjectBody;
  expect(rangeOfPart(single, 1)).toEqual({ start: 0, end: 2 });
  expect(rangeOfPart({ size: 0 } as unknown as ObjectBody, 1)).toBeUndefined();
});

test("the range of a copied part is exact", () => {
  expect(parseCopySourceRange("bytes=0-9", 10)).toEqual({ start: 0, end: 9 });
  expect(parseCopySourceRange(undefined, 10)).toBeUndefined();
  expect(() => parseCopySourceRange("bytes=0-", 10)).toThrow("must be of the form bytes=first-last");
  expect(() => parseCopySourceRange("bytes=0-10", 10)).toThrow(
    "Range specified is not valid for source object of size: 10",
  );
});

const noon = Date.UTC(2026, 0, 1, 12);
const object = { etag: "abc", lastModified: noon };
const before = new Date(noon - 1000);
const after = new Date(noon + 1000);
const same = new Date(noon);

test.each([
  [{}, true],
  [{ ifMatch: '"abc"' }, true],
  [{ ifMatch: '"x", "abc"' }, true],
  [{ ifMatch: "*" }, true],
  [{ ifMatch: '"x"' }, "fails"],
  [{ ifUnmodifiedSince: same }, true],
  [{ ifUnmodifiedSince: before }, "fails"],
  // The tag decides over the date.
  [{ ifMatch: '"abc"', ifUnmodifiedSince: before }, true],
  [{ ifNoneMatch: '"abc"' }, false],
  [{ ifNoneMatch: "abc" }, false],
  [{ ifNoneMatch: '"x"' }, true],
  [{ ifModifiedSince: before }, true],
  [{ ifModifiedSince: same }, false],
  [{ ifModifiedSince: after }, false],
  [{ ifNoneMatch: '"x"', ifModifiedSince: after }, true],
  [{ ifNoneMatch: '"abc"', ifModifiedSince: before }, false],
] as const)("reading under %o", (conditions, outcome) => {
  if (outcome === "fails") expect(() => evaluateRead(object, conditions)).toThrow("At least one of the pre-conditions");
  else expect(evaluateRead(object, conditions)).toBe(outcome);
});

test("the source of a copy fails where a read would say 'not modified'", () => {
  expect(() => evaluateCopySource(object, { ifNoneMatch: '"abc"' })).toThrow(
    expect.objectContaining({ status: 412, members: { Condition: "x-amz-copy-source-if-none-match" } }),
  );
  expect(() => evaluateCopySource(object, { ifModifiedSince: after })).toThrow(
    expect.objectContaining({ status: 412 }),
  );
  expect(() => evaluateCopySource(object, { ifMatch: '"abc"' })).not.toThrow();
});

test("writes look at what they replace", () => {
  expect(() => evaluateWrite("k", undefined, { ifNoneMatch: "*" })).not.toThrow();
  expect(() => evaluateWrite("k", object, { ifNoneMatch: "*" })).toThrow(expect.objectContaining({ status: 412 }));
  expect(() => evaluateWrite("k", object, { ifMatch: '"abc"' })).not.toThrow();
  expect(() => evaluateWrite("k", object, { ifMatch: '"x"' })).toThrow(expect.objectContaining({ status: 412 }));
  expect(() => evaluateWrite("k", undefined, { ifMatch: '"x"' })).toThrow(
    expect.objectContaining({ code: "NoSuchKey", members: { Key: "k" } }),
  );
});

test("If-Range holds for the same tag or no newer date", () => {
  expect(rangeStillHolds(undefined, object)).toBe(true);
  expect(rangeStillHolds('"abc"', object)).toBe(true);
  expect(rangeStillHolds('"x"', object)).toBe(false);
  expect(rangeStillHolds(same.toUTCString(), object)).toBe(true);
  expect(rangeStillHolds(before.toUTCString(), object)).toBe(false);
  expect(etagMatches('W/"abc"', "abc")).toBe(true);
});

test.each(["abc", "my-bucket.1", "a".repeat(63), "192.168.1.x"])("%s is a bucket name", (name) => {
  expect(() => checkBucketName(name)).not.toThrow();
});

test.each([
  "ab",
  "a".repeat(64),
  "Upper",
  "under_score",
  "-start",
  "end-",
  ".start",
  "two..dots",
  "192.168.1.1",
  "xn--name",
  "name-s3alias",
  "name--x-s3",
  "a/b",
])("%s is no bucket name", (name) => {
  expect(() => checkBucketName(name)).toThrow("The specified bucket is not valid.");
});

test("keys have at most 1,024 bytes of UTF-8", () => {
  expect(() => checkKey("한".repeat(341))).not.toThrow();
  expect(() => checkKey("한".repeat(342))).toThrow(
    expect.objectContaining({ code: "KeyTooLongError", members: { Size: 1026, MaxSizeAllowed: 1024 } }),
  );
  checkKey("a\0b");
});

test("user metadata has at most 2,048 bytes, and names are lower-cased", () => {
  expect(checkedMetadata({ Owner: "Kim" })).toEqual({ owner: "Kim" });
  expect(checkedMetadata({ k: "v".repeat(2047) })).toEqual({ k: "v".repeat(2047) });
  expect(() => checkedMetadata({ k: "v".repeat(2048) })).toThrow(
    expect.objectContaining({ code: "MetadataTooLarge", members: { Size: 2049, MaxSizeAllowed: 2048 } }),
  );
});

test("aws-chunked is not part of the stored encoding", () => {
  expect(storedContentEncoding("aws-chunked")).toBeUndefined();
  expect(storedContentEncoding("gzip, aws-chunked")).toBe("gzip");
  expect(storedContentEncoding("aws-chunked,gzip")).toBe("gzip");
  expect(storedContentEncoding(undefined)).toBeUndefined();
});

test("a copy source is a bucket and a percent-encoded key", () => {
  expect(parseCopySource("/my-bucket/a%20b/%ED%95%9C+c")).toEqual({ bucket: "my-bucket", key: "a b/한+c" });
  expect(parseCopySource("my-bucket/a%3Fb?versionId=null")).toEqual({
    bucket: "my-bucket",
    key: "a?b",
    versionId: "null",
  });
  expect(() => parseCopySource("my-bucket")).toThrow("sourcebucket/sourcekey");
  expect(() => parseCopySource("my-bucket/%zz")).toThrow("Invalid copy source encoding.");
  expect(() => parseCopySource("my-bucket/k?versionId=abc")).toThrow("Invalid version id specified");
  expect(() => parseCopySource("arn:aws:s3:us-east-1:1:accesspoint/x/object/k")).toThrow("Access points");
});
