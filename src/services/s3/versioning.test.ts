/** Versions of objects, as the S3 User Guide ("How S3 Versioning works") describes them. */
import { expect, test } from "vitest";
import type { S3Operations } from "../../protocol/generated/s3.ts";
import { bytesOf, openS3, setOnBucket, streamOf, type S3Fixture } from "../../../tests/support/s3.ts";
import { isVersionId, VersionPlaces } from "./version-places.ts";

const Bucket = "the-bucket";

async function withBucket(versioning?: "Enabled" | "Suspended"): Promise<S3Fixture> {
  const s3 = await openS3();
  await s3.call("CreateBucket", { Bucket });
  if (versioning !== undefined) await setOnBucket(s3, Bucket, { versioning });
  return s3;
}

const versioning = (s3: S3Fixture, status: "Enabled" | "Suspended") => setOnBucket(s3, Bucket, { versioning: status });

async function put(s3: S3Fixture, Key: string, text: string): Promise<string | undefined> {
  await s3.clock.advance(1000);
  return (await s3.call("PutObject", { Bucket, Key, Body: streamOf(text) })).VersionId;
}

async function get(s3: S3Fixture, Key: string, VersionId?: string): Promise<string> {
  const { Body } = await s3.call("GetObject", { Bucket, Key, ...(VersionId !== undefined && { VersionId }) });
  return (await bytesOf(Body)).toString();
}

const remove = (s3: S3Fixture, Key: string, VersionId?: string) =>
  s3.call("DeleteObject", { Bucket, Key, ...(VersionId !== undefined && { VersionId }) });

/** Every version of the bucket as `<key> <id> [marker] [latest]`, by key, the newest first. */
async function versions(s3: S3Fixture, more: Partial<S3Operations["ListObjectVersions"]["input"]> = {}) {
  const page = await s3.call("ListObjectVersions", { Bucket, ...more });
  const rows = [
    ...page.Versions!.map((each) => ({ ...each, marker: "" })),
    ...page.DeleteMarkers!.map((each) => ({ ...each, marker: " marker" })),
  ].toSorted((a, b) => Number(b.LastModified!) - Number(a.LastModified!));
  return rows
    .toSorted((a, b) => Buffer.compare(Buffer.from(a.Key!), Buffer.from(b.Key!)))
    .map(({ Key, VersionId, IsLatest, marker }) => `${Key} ${VersionId}${marker}${IsLatest ? " latest" : ""}`);
}

test("a put keeps what it replaces, and each version is read by its id", async () => {
  await using s3 = await withBucket("Enabled");
  const first = (await put(s3, "k", "one"))!;
  const second = (await put(s3, "k", "two"))!;
  expect(isVersionId(first)).toBe(true);
  expect(encodeURIComponent(first)).toBe(first);
  expect(await get(s3, "k")).toBe("two");
  expect(await get(s3, "k", first)).toBe("one");
  expect(await get(s3, "k", second)).toBe("two");
  expect(await s3.call("GetObject", { Bucket, Key: "k" })).toMatchObject({ VersionId: second });
  expect(await s3.call("HeadObject", { Bucket, Key: "k", VersionId: first })).toMatchObject({
    VersionId: first,
    ContentLength: 3,
    LastModified: new Date(Date.UTC(2026, 0, 1, 0, 0, 1)),
  });
  expect(await versions(s3)).toEqual([`k ${second} latest`, `k ${first}`]);
  expect(await s3.call("ListObjectsV2", { Bucket })).toMatchObject({ KeyCount: 1, Contents: [{ Size: 3 }] });
});

test("a bucket without versions says nothing of them, and its objects are the version null", async () => {
  await using s3 = await withBucket();
  expect(await s3.call("PutObject", { Bucket, Key: "k", Body: streamOf("x") })).not.toHaveProperty("VersionId");
  expect(await s3.call("GetObject", { Bucket, Key: "k", VersionId: "null" })).not.toHaveProperty("VersionId");
  expect(await versions(s3)).toEqual(["k null latest"]);
  expect(await remove(s3, "k", "null")).toEqual({ VersionId: "null" });
  expect(await versions(s3)).toEqual([]);
  expect(await s3.blobIds()).toEqual([]);
});

test("a delete hides the object behind a marker, whose removal brings it back", async () => {
  await using s3 = await withBucket("Enabled");
  const only = await put(s3, "k", "one");
  await s3.clock.advance(1000);
  const deleted = await remove(s3, "k");
  const marker = deleted.VersionId!;
  expect(deleted).toEqual({ DeleteMarker: true, VersionId: marker });
  await expect(get(s3, "k")).rejects.toMatchObject({
    code: "NoSuchKey",
    headers: { "x-amz-delete-marker": "true", "x-amz-version-id": marker },
  });
  await expect(get(s3, "k", marker)).rejects.toMatchObject({
    code: "MethodNotAllowed",
    status: 405,
    headers: { "x-amz-delete-marker": "true", "last-modified": "Thu, 01 Jan 2026 00:00:02 GMT", allow: "DELETE" },
  });
  expect(await get(s3, "k", only)).toBe("one");
  expect((await s3.call("ListObjectsV2", { Bucket })).KeyCount).toBe(0);
  expect(await versions(s3)).toEqual([`k ${marker} marker latest`, `k ${only}`]);
  expect(await remove(s3, "k", marker)).toEqual({ DeleteMarker: true, VersionId: marker });
  expect(await get(s3, "k")).toBe("one");
  expect(await versions(s3)).toEqual([`k ${only} latest`]);
});

test("every delete makes a marker, also of a key that never was", async () => {
  await using s3 = await withBucket("Enabled");
  const first = (await remove(s3, "none")).VersionId!;
  await s3.clock.advance(1000);
  const second = (await remove(s3, "none")).VersionId!;
  expect(await versions(s3)).toEqual([`none ${second} marker latest`, `none ${first} marker`]);
  await remove(s3, "none", second);
  await expect(get(s3, "none")).rejects.toMatchObject({ headers: { "x-amz-version-id": first } });
  await expect(s3.call("DeleteBucket", { Bucket })).rejects.toMatchObject({ code: "BucketNotEmpty" });
  await remove(s3, "none", first);
  await s3.call("DeleteBucket", { Bucket });
});

test("removing the newest version uncovers the one before, removing an older one changes nothing else", async () => {
  await using s3 = await withBucket("Enabled");
  const [a, b, c] = [await put(s3, "k", "a"), await put(s3, "k", "b"), await put(s3, "k", "c")];
  expect(await remove(s3, "k", b)).toEqual({ VersionId: b });
  expect(await get(s3, "k")).toBe("c");
  expect(await remove(s3, "k", c)).toEqual({ VersionId: c });
  expect(await get(s3, "k")).toBe("a");
  expect(await s3.call("GetObject", { Bucket, Key: "k" })).toMatchObject({
    VersionId: a,
    LastModified: new Date(Date.UTC(2026, 0, 1, 0, 0, 1)),
  });
  expect(await s3.blobIds()).toHaveLength(1);
  // Once more, of a version that is gone: as a delete of anything that is not there.
  expect(await remove(s3, "k", c)).toEqual({ VersionId: c });
  await expect(get(s3, "k", c)).rejects.toMatchObject({ code: "NoSuchVersion", status: 404 });
  await expect(get(s3, "k", "so-long")).rejects.toMatchObject({ code: "InvalidArgument", status: 400 });
});

test("what was there before versions is the version null", async () => {
  await using s3 = await withBucket();
  await put(s3, "k", "before");
  await versioning(s3, "Enabled");
  expect(await s3.call("HeadObject", { Bucket, Key: "k" })).toMatchObject({ VersionId: "null" });
  const next = await put(s3, "k", "after");
  expect(await versions(s3)).toEqual([`k ${next} latest`, "k null"]);
  expect(await get(s3, "k", "null")).toBe("before");
  await remove(s3, "k", next);
  expect(await get(s3, "k")).toBe("before");
  expect(await versions(s3)).toEqual(["k null latest"]);
});

test("while versions are suspended there is one version null, wherever it stands", async () => {
  await using s3 = await withBucket();
  await put(s3, "k", "null one");
  await versioning(s3, "Enabled");
  const kept = await put(s3, "k", "kept");
  await versioning(s3, "Suspended");
  // The older version null goes, the newest version stays as an older one.
  expect(await put(s3, "k", "null two")).toBe("null");
  expect(await versions(s3)).toEqual(["k null latest", `k ${kept}`]);
  expect(await put(s3, "k", "null three")).toBe("null");
  expect(await get(s3, "k")).toBe("null three");
  expect(await get(s3, "k", kept)).toBe("kept");
  expect(await s3.blobIds()).toHaveLength(2);
  // A delete replaces the version null by a marker null.
  await s3.clock.advance(1000);
  expect(await remove(s3, "k")).toEqual({ DeleteMarker: true, VersionId: "null" });
  expect(await versions(s3)).toEqual(["k null marker latest", `k ${kept}`]);
  await s3.clock.advance(1000);
  expect(await remove(s3, "k")).toEqual({ DeleteMarker: true, VersionId: "null" });
  expect(await versions(s3)).toEqual(["k null marker latest", `k ${kept}`]);
  // And a put replaces the marker.
  expect(await put(s3, "k", "null four")).toBe("null");
  expect(await versions(s3)).toEqual(["k null latest", `k ${kept}`]);
  await versioning(s3, "Enabled");
  const last = await put(s3, "k", "last");
  expect(await versions(s3)).toEqual([`k ${last} latest`, "k null", `k ${kept}`]);
  expect(await get(s3, "k", "null")).toBe("null four");
  expect(await remove(s3, "k", "null")).toEqual({ VersionId: "null" });
  expect(await versions(s3)).toEqual([`k ${last} latest`, `k ${kept}`]);
});

test("versions are listed in pages of any size, rolled up and behind any marker", async () => {
  await using s3 = await withBucket("Enabled");
  const keys = ["a", "a\u0001b", "b/1", "b/2", "c"];
  for (let round = 0; round < 3; round += 1) for (const key of keys) await put(s3, key, `${key} ${round}`);
  await s3.clock.advance(1000);
  await remove(s3, "c");
  const all = await versions(s3);
  expect(all).toHaveLength(16);
  expect(all.filter((row) => row.endsWith("latest"))).toHaveLength(5);
  for (const MaxKeys of [1, 2, 3, 5, 7, 1000]) {
    const rows: string[] = [];
    let marker: Partial<S3Operations["ListObjectVersions"]["input"]> | undefined = {};
    for (let pages = 0; marker !== undefined && pages < 20; pages += 1) {
      const page: S3Operations["ListObjectVersions"]["output"] = await s3.call("ListObjectVersions", {
        Bucket,
        MaxKeys,
        ...marker,
      });
      rows.push(...(await versions(s3, { MaxKeys, ...marker })));
      marker =
        page.IsTruncated === true
          ? { KeyMarker: page.NextKeyMarker!, VersionIdMarker: page.NextVersionIdMarker! }
          : undefined;
    }
    expect(rows).toEqual(all);
  }
  const rolled = await s3.call("ListObjectVersions", { Bucket, Delimiter: "/" });
  expect(rolled.CommonPrefixes).toEqual([{ Prefix: "b/" }]);
  expect(rolled.Versions).toHaveLength(9);
  expect(rolled.DeleteMarkers).toMatchObject([{ Key: "c", IsLatest: true }]);
  expect(await versions(s3, { KeyMarker: "b/1" })).toEqual(all.filter((row) => /^(b\/2|c) /.test(row)));
  expect(await versions(s3, { Prefix: "a\u0001" })).toEqual(all.filter((row) => row.startsWith("a\u0001")));
  await expect(versions(s3, { VersionIdMarker: "null" })).rejects.toMatchObject({ code: "InvalidArgument" });
});

test("a page that begins behind the version null knows what is the latest", async () => {
  await using s3 = await withBucket();
  await put(s3, "k", "null");
  await versioning(s3, "Enabled");
  const second = await put(s3, "k", "two");
  expect(await versions(s3, { KeyMarker: "k", VersionIdMarker: second! })).toEqual(["k null"]);
  expect(await versions(s3, { KeyMarker: "k", VersionIdMarker: "null" })).toEqual([]);
  await remove(s3, "k", second);
  const marker = (await remove(s3, "k")).VersionId;
  // Its predecessors' place is still before it.
  expect(await versions(s3, { KeyMarker: "k", VersionIdMarker: marker! })).toEqual(["k null"]);
});

test("many versions of a million-version bucket's kind are listed a thousand at a time", async () => {
  await using s3 = await withBucket("Enabled");
  const body = { headers: {}, metadata: {}, storageClass: "STANDARD", blobId: "0".repeat(32), size: 1, etag: "e" };
  const places = new VersionPlaces();
  const space = { accountId: "111122223333", region: "us-east-1" };
  const record = (family: string, name: string) => {
    const place = places.next(0);
    return {
      op: "put" as const,
      key: { ...space, family, name: `${Bucket}/${name}${family === "s3-version" ? `\u0001\u0001${place}` : ""}` },
      body: { ...body, place },
    };
  };
  const changes = Array.from({ length: 1200 }, (_, index) => `k${String(index).padStart(4, "0")}`).flatMap((name) => [
    record("s3-version", name),
    record("s3-object", name),
  ]);
  await s3.records.write(changes, { actor: { by: "t", call: "t" }, at: 0, history: false });
  const seen = new Set<string>();
  let marker: Partial<S3Operations["ListObjectVersions"]["input"]> = {};
  const sizes: number[] = [];
  for (;;) {
    const page = await s3.call("ListObjectVersions", { Bucket, ...marker });
    sizes.push(page.Versions!.length);
    for (const { Key, VersionId } of page.Versions!) seen.add(`${Key} ${VersionId}`);
    if (page.IsTruncated !== true) break;
    marker = { KeyMarker: page.NextKeyMarker!, VersionIdMarker: page.NextVersionIdMarker! };
  }
  expect(sizes).toEqual([1000, 1000, 400]);
  expect(seen.size).toBe(2400);
});

test("a copy of an older version makes it the newest, and says what it copied", async () => {
  await using s3 = await withBucket("Enabled");
  const old = await put(s3, "k", "old");
  await put(s3, "k", "new");
  await s3.clock.advance(1000);
  const copied = await s3.call("CopyObject", { Bucket, Key: "k", CopySource: `${Bucket}/k?versionId=${old}` });
  expect(copied).toMatchObject({ CopySourceVersionId: old });
  expect(await get(s3, "k")).toBe("old");
  expect(await get(s3, "k", copied.VersionId)).toBe("old");
  expect(await versions(s3)).toHaveLength(3);
  const marker = (await remove(s3, "k")).VersionId;
  await expect(
    s3.call("CopyObject", { Bucket, Key: "x", CopySource: `${Bucket}/k?versionId=${marker}` }),
  ).rejects.toMatchObject({ code: "InvalidRequest" });
  await expect(s3.call("CopyObject", { Bucket, Key: "x", CopySource: `${Bucket}/k` })).rejects.toMatchObject({
    code: "NoSuchKey",
  });
});

test("DeleteObjects makes markers and removes versions, each reported for its key", async () => {
  await using s3 = await withBucket("Enabled");
  const [a, b] = [await put(s3, "a", "1"), await put(s3, "b", "2")];
  const { Deleted, Errors } = await s3.call("DeleteObjects", {
    Bucket,
    Delete: { Objects: [{ Key: "a" }, { Key: "b", VersionId: b! }, { Key: "c", VersionId: "bad id" }] },
  });
  const marker = Deleted!.find(({ Key }) => Key === "a")!;
  expect(marker).toEqual({ Key: "a", DeleteMarker: true, DeleteMarkerVersionId: expect.any(String) });
  expect(Deleted).toContainEqual({ Key: "b", VersionId: b });
  expect(Errors).toMatchObject([{ Key: "c", Code: "InvalidArgument", VersionId: "bad id" }]);
  expect(await versions(s3)).toEqual([`a ${marker.DeleteMarkerVersionId} marker latest`, `a ${a}`].toSorted());
});

test("writers of one key at the same time leave one version each, in one order", async () => {
  await using s3 = await withBucket("Enabled");
  const ids = await Promise.all(
    Array.from({ length: 20 }, async (_, index) => ({
      text: `writer ${index}`,
      id: (await s3.call("PutObject", { Bucket, Key: "k", Body: streamOf(`writer ${index}`) })).VersionId!,
    })),
  );
  const listed = (await s3.call("ListObjectVersions", { Bucket })).Versions!;
  expect(listed.map(({ VersionId }) => VersionId)).toEqual(ids.map(({ id }) => id).toSorted());
  expect(listed.filter(({ IsLatest }) => IsLatest)).toEqual([listed[0]]);
  for (const { text, id } of ids) expect(await get(s3, "k", id)).toBe(text);
  expect(await get(s3, "k")).toBe(ids.find(({ id }) => id === listed[0].VersionId)!.text);
});

test("versions stay in order when the clock goes back over a restart", async () => {
  const first = await withBucket("Enabled");
  await first.clock.advance(86_400_000);
  const older = await put(first, "k", "older");
  await using second = await first.reopen();
  const newer = await put(second, "k", "newer");
  const { Versions } = await second.call("ListObjectVersions", { Bucket });
  expect(Versions!.map(({ VersionId }) => VersionId)).toEqual([newer, older]);
  expect(await get(second, "k")).toBe("newer");
});

test("places go backwards even when a thousand fall into one millisecond", () => {
  const places = new VersionPlaces();
  const given = Array.from({ length: 3000 }, () => places.next(1_700_000_000_000));
  expect(given).toEqual(given.toSorted().toReversed());
  expect(new Set(given).size).toBe(3000);
  expect(places.next(1_600_000_000_000) < given.at(-1)!).toBe(true);
  expect(given.every(isVersionId)).toBe(true);
});
