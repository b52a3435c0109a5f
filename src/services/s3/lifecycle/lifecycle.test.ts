/** Lifecycle rules on real stores and a clock that is moved by hand. It begins at 2026-01-01 00:00:00 UTC. */
import { expect, test } from "vitest";
import type { LifecycleRule } from "../../../protocol/generated/s3.ts";
import { openS3, setOnBucket, streamOf, type S3Fixture } from "../../../../tests/support/s3.ts";
import { afterDays, lifecycleRules } from "./rules.ts";
import { carryOut, startLifecycle } from "./worker.ts";

const Bucket = "the-bucket";
const hour = 3_600_000;
const day = 24 * hour;
const never = new AbortController().signal;

async function withRules(...Rules: LifecycleRule[]): Promise<S3Fixture> {
  const s3 = await openS3();
  await s3.call("CreateBucket", { Bucket });
  await setOnBucket(s3, Bucket, { lifecycle: { Rules } });
  return s3;
}

const rule = (more: Partial<LifecycleRule>): LifecycleRule => ({ ID: "r", Status: "Enabled", Filter: {}, ...more });
const put = (s3: S3Fixture, Key: string, more: object = {}) =>
  s3.call("PutObject", { Bucket, Key, Body: streamOf("x"), ...more });
const run = (s3: S3Fixture) => carryOut(s3.objects, s3.clock.now(), never);

async function keys(s3: S3Fixture): Promise<string[]> {
  return (await s3.call("ListObjectsV2", { Bucket })).Contents!.map(({ Key }) => Key!);
}

async function versions(s3: S3Fixture): Promise<string[]> {
  const { Versions, DeleteMarkers } = await s3.call("ListObjectVersions", { Bucket });
  return [...Versions!.map(({ Key }) => Key!), ...DeleteMarkers!.map(({ Key }) => `${Key} marker`)].toSorted();
}

test("an object expires at the midnight after its days", () => {
  // The example of the S3 User Guide: created on 2014-01-15 at 10:30, three days.
  expect(afterDays(Date.UTC(2014, 0, 15, 10, 30), 3)).toBe(Date.UTC(2014, 0, 19));
  expect(afterDays(Date.UTC(2014, 0, 15, 23, 59, 59), 1)).toBe(Date.UTC(2014, 0, 17));
  expect(afterDays(5, undefined)).toBeUndefined();
});

test.each([
  [{ Filter: { Prefix: "logs/" } }, ["logs/a", "logs/big", "logs/tagged"]],
  [{ Prefix: "logs/b" }, ["logs/big"]],
  [{ Filter: { Tag: { Key: "keep", Value: "no" } } }, ["logs/tagged", "tagged"]],
  [{ Filter: { ObjectSizeGreaterThan: 100 } }, ["logs/big"]],
  [{ Filter: { ObjectSizeLessThan: 5, Prefix: "logs/" } }, ["logs/a"]],
  [
    { Filter: { And: { Prefix: "logs/", Tags: [{ Key: "keep", Value: "no" }], ObjectSizeLessThan: 100 } } },
    ["logs/tagged"],
  ],
  [{ Status: "Disabled" as const }, []],
  [{}, ["a", "logs/a", "logs/big", "logs/tagged", "tagged"]],
])("the rule %o selects %j", async (filter, selected) => {
  const { Filter = "Prefix" in filter ? undefined : {} } = filter as LifecycleRule;
  await using s3 = await withRules({ ...rule({ Expiration: { Days: 1 } }), Filter, ...filter } as LifecycleRule);
  const all = ["a", "logs/a", "logs/big", "logs/tagged", "tagged"];
  for (const Key of all) {
    await put(s3, Key, {
      ...(Key.endsWith("tagged") && { Tagging: "keep=no", Body: streamOf("1234567") }),
      ...(Key === "logs/big" && { Body: streamOf("x".repeat(101)) }),
      ...(Key === "a" && { Body: streamOf("123456") }),
    });
  }
  await s3.clock.advance(2 * day - 1);
  expect(await run(s3)).toBe(0);
  await s3.clock.advance(1);
  expect(await run(s3)).toBe(selected.length);
  expect(await keys(s3)).toEqual(all.filter((key) => !(selected as string[]).includes(key)));
  expect(await s3.blobIds()).toHaveLength(all.length - selected.length);
});

test("a date ends everything that is there then", async () => {
  await using s3 = await withRules(rule({ Expiration: { Date: new Date(Date.UTC(2026, 0, 3)) } }));
  await put(s3, "k");
  await s3.clock.advance(2 * day - 1);
  expect(await run(s3)).toBe(0);
  await s3.clock.advance(1);
  expect(await run(s3)).toBe(1);
});

test("with versions an object expires behind a marker, and older versions are removed by their own rule", async () => {
  await using s3 = await withRules(
    rule({ Expiration: { Days: 1 }, NoncurrentVersionExpiration: { NoncurrentDays: 2 } }),
  );
  await setOnBucket(s3, Bucket, { versioning: "Enabled" });
  await put(s3, "k");
  await s3.clock.advance(2 * day);
  expect(await run(s3)).toBe(1);
  expect(await versions(s3)).toEqual(["k", "k marker"]);
  // It became an older version on the third day; two days later, at midnight, it goes.
  await s3.clock.advance(3 * day - 1);
  expect(await run(s3)).toBe(0);
  await s3.clock.advance(1);
  expect(await run(s3)).toBe(1);
  expect(await versions(s3)).toEqual(["k marker"]);
  // The marker hides nothing any more and is old enough.
  expect(await run(s3)).toBe(1);
  expect(await versions(s3)).toEqual([]);
  expect(await s3.blobIds()).toEqual([]);
});

test("the newest of the older versions are kept as many as the rule says", async () => {
  await using s3 = await withRules(
    rule({ NoncurrentVersionExpiration: { NoncurrentDays: 1, NewerNoncurrentVersions: 2 } }),
  );
  await setOnBucket(s3, Bucket, { versioning: "Enabled" });
  const ids: string[] = [];
  for (let version = 0; version < 6; version += 1) {
    ids.push((await put(s3, "k")).VersionId!);
    await s3.clock.advance(hour);
  }
  await put(s3, "other");
  await s3.clock.advance(3 * day);
  expect(await run(s3)).toBe(3);
  const { Versions } = await s3.call("ListObjectVersions", { Bucket, Prefix: "k" });
  expect(Versions!.map(({ VersionId }) => VersionId)).toEqual(ids.slice(3).toReversed());
});

test("a marker is removed only when nothing is behind it, and only if a rule says so", async () => {
  await using s3 = await withRules(rule({ Expiration: { ExpiredObjectDeleteMarker: true } }));
  await setOnBucket(s3, Bucket, { versioning: "Enabled" });
  await put(s3, "hidden");
  await s3.call("DeleteObject", { Bucket, Key: "hidden" });
  await s3.call("DeleteObject", { Bucket, Key: "lone" });
  await s3.call("DeleteObject", { Bucket, Key: "two" });
  await s3.call("DeleteObject", { Bucket, Key: "two" });
  expect(await run(s3)).toBe(1);
  expect(await versions(s3)).toEqual(["hidden", "hidden marker", "two marker", "two marker"]);
});

test("an upload that nobody finishes is aborted with its parts, and says when", async () => {
  await using s3 = await withRules(
    rule({ ID: "parts", Filter: { Prefix: "up/" }, AbortIncompleteMultipartUpload: { DaysAfterInitiation: 7 } }),
  );
  const upload = await s3.call("CreateMultipartUpload", { Bucket, Key: "up/a" });
  expect(upload).toMatchObject({ AbortDate: new Date(Date.UTC(2026, 0, 9)), AbortRuleId: "parts" });
  await s3.call("CreateMultipartUpload", { Bucket, Key: "else" });
  const part = { Bucket, Key: "up/a", UploadId: upload.UploadId!, PartNumber: 1 };
  await s3.call("UploadPart", { ...part, Body: streamOf("x") });
  await s3.clock.advance(8 * day);
  expect(await run(s3)).toBe(1);
  expect((await s3.call("ListMultipartUploads", { Bucket })).Uploads!.map(({ Key }) => Key)).toEqual(["else"]);
  expect(await s3.blobIds()).toEqual([]);
});

test("answers tell when an object expires and by which rule", async () => {
  await using s3 = await withRules(
    rule({ ID: "late", Expiration: { Days: 10 } }),
    rule({ ID: "soon & first", Filter: { Prefix: "k" }, Expiration: { Days: 3 } }),
  );
  const Expiration = 'expiry-date="Mon, 05 Jan 2026 00:00:00 GMT", rule-id="soon%20%26%20first"';
  expect(await put(s3, "k")).toMatchObject({ Expiration });
  expect(await s3.call("HeadObject", { Bucket, Key: "k" })).toMatchObject({ Expiration });
  expect(await put(s3, "other")).toMatchObject({ Expiration: expect.stringContaining("12 Jan 2026") });
});

test("more objects than a page holds all expire", async () => {
  await using s3 = await withRules(rule({ Expiration: { Days: 1 } }));
  const body = { headers: {}, metadata: {}, storageClass: "STANDARD", size: 1, etag: "e" };
  const space = { accountId: "111122223333", region: "us-east-1", family: "s3-object" };
  const changes = Array.from({ length: 2100 }, (_, index) => ({
    op: "put" as const,
    key: { ...space, name: `${Bucket}/k${String(index).padStart(5, "0")}` },
    body: { ...body, blobId: index.toString(16).padStart(32, "0") },
  }));
  await s3.records.write(changes, { actor: { by: "t", call: "t" }, at: s3.clock.now(), history: false });
  await s3.clock.advance(2 * day);
  expect(await run(s3)).toBe(2100);
  expect(await keys(s3)).toEqual([]);
});

test("what was replaced while a run looked at it is not ended", async () => {
  await using s3 = await withRules();
  await put(s3, "k");
  const before = (await s3.objects.object((await s3.objects.bucket(Bucket))!, "k"))!;
  await s3.clock.advance(5000);
  await put(s3, "k");
  const bucket = (await s3.objects.bucket(Bucket))!;
  const { versionId, lastModified } = before;
  const actor = { by: "t", call: "t" };
  expect(await s3.objects.expire(bucket, "k", { versionId, lastModified, as: "object", actor })).toBe(false);
  expect(await keys(s3)).toEqual(["k"]);
});

test("rules are carried out after the start, at midnight, and soon after they were set", async () => {
  await using s3 = await withRules(rule({ Expiration: { Days: 1 } }));
  const problems: unknown[] = [];
  await put(s3, "old");
  await s3.clock.advance(2 * day + hour);
  const report = (problem: string, cause: unknown) => void problems.push(problem, cause);
  const lifecycle = startLifecycle({ objects: s3.objects, clock: s3.clock, report });
  const left = async () => {
    await s3.clock.advance(60_000);
    await new Promise((resolve) => setTimeout(resolve, 50));
    return keys(s3);
  };
  expect(await left()).toEqual([]);
  await put(s3, "k");
  await s3.clock.advance(day);
  expect(await left()).toEqual(["k"]);
  await s3.clock.advance(day);
  expect(await left()).toEqual([]);
  await setOnBucket(s3, Bucket, {
    lifecycle: { Rules: [rule({ Expiration: { Date: new Date(Date.UTC(2026, 0, 2)) } })] },
  });
  await put(s3, "now");
  expect(await left()).toEqual(["now"]);
  lifecycle.changed();
  lifecycle.changed();
  expect(await left()).toEqual([]);
  await lifecycle.stop();
  await put(s3, "after");
  await s3.clock.advance(2 * day);
  expect(await left()).toEqual(["after"]);
  expect(problems).toEqual([]);
});

test("rules of several prefixes are looked for under what they have in common", () => {
  const rules = (...prefixes: string[]) =>
    lifecycleRules({
      lifecycle: { Rules: prefixes.map((Prefix) => rule({ Filter: { Prefix }, Expiration: { Days: 1 } })) },
    })?.prefix;
  expect(rules("logs/a", "logs/b")).toBe("logs/");
  expect(rules("logs/", "")).toBe("");
  expect(rules("😀", "😁")).toBe("");
  expect(rules()).toBeUndefined();
});
