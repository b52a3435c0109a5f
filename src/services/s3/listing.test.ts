import { expect, test } from "vitest";
import { account, openS3, streamOf } from "../../../tests/support/s3.ts";
import { listEntries, startAfter, type ListingEntry, type ListingRow, type Start } from "./listing.ts";

const byBytes = (a: string, b: string) => Buffer.compare(Buffer.from(a), Buffer.from(b));

/** What a list is by definition: all keys, rolled up, after the marker, cut. */
function naive(keys: readonly string[], prefix: string, delimiter: string, marker: string, maxEntries: number) {
  const entries = new Set<string>();
  for (const key of keys.filter((each) => each.startsWith(prefix)).toSorted(byBytes)) {
    const at = delimiter === "" ? -1 : key.indexOf(delimiter, prefix.length);
    entries.add(at === -1 ? `key ${key}` : `all ${key.slice(0, at + delimiter.length)}`);
  }
  // A key and a common prefix of one name cannot both be there: the key itself would be rolled up.
  const after = [...entries]
    .filter((entry) => byBytes(entry.slice(4), marker) > 0)
    .toSorted((a, b) => byBytes(a.slice(4), b.slice(4)));
  return { entries: after.slice(0, maxEntries), truncated: maxEntries > 0 && after.length > maxEntries };
}

const shown = (entries: readonly ListingEntry<ListingRow>[]) =>
  entries.map((entry) => ("row" in entry ? `key ${entry.row.key}` : `all ${entry.commonPrefix}`));

/** A sorted table with the reads that it served. */
function table(keys: readonly string[]) {
  const sorted = keys.toSorted(byBytes);
  let rowsRead = 0;
  return {
    get rowsRead() {
      return rowsRead;
    },
    read: (prefix: string) => async (start: Start, limit: number) => {
      const rows = sorted
        .filter((key) => key.startsWith(prefix))
        .filter((key) => start.after === undefined || byBytes(key, start.after) > 0)
        .filter((key) => start.from === undefined || byBytes(key, start.from) >= 0)
        .slice(0, limit)
        .map((key) => ({ name: key, key }));
      rowsRead += rows.length;
      return rows;
    },
  };
}

/** Park and Miller's generator: the same keys in every run. */
function random(seed: number) {
  let state = seed;
  return (below: number) => {
    state = (state * 48271) % 2147483647;
    return state % below;
  };
}

// U+FFFD is less than U+1F600 in bytes and greater in UTF-16; U+D7FF has no successor but U+E000.
const alphabet = ["a", "b", "/", "/", "-", "한", "\uFFFD", "\u{1F600}", "\u{10FFFF}", "\uD7FF", " ", "+"];

function randomKeys(pick: (below: number) => number, count: number): string[] {
  const keys = new Set<string>();
  while (keys.size < count) {
    let key = "";
    for (let left = 1 + pick(6); left > 0; left -= 1) key += alphabet[pick(alphabet.length)];
    keys.add(key);
  }
  return [...keys];
}

function someQuery(pick: (below: number) => number, keys: readonly string[]) {
  const piece = () => Array.from(keys[pick(keys.length)]);
  const prefix =
    pick(3) === 0
      ? piece()
          .slice(0, 1 + pick(3))
          .join("")
      : "";
  const delimiter = ["", "/", "/", "a", "한", "//", "\u{10FFFF}", "-/"][pick(8)];
  const marker =
    pick(3) === 0
      ? piece()
          .slice(0, 1 + pick(5))
          .join("")
      : "";
  return { prefix, delimiter, marker, maxEntries: 1 + pick(7) };
}

test("lists agree with their definition, page by page, for random keys, prefixes, delimiters and markers", async () => {
  const pick = random(20260101);
  for (let round = 0; round < 300; round += 1) {
    const keys = randomKeys(pick, 1 + pick(60));
    const { prefix, delimiter, marker, maxEntries } = someQuery(pick, keys);
    const source = table(keys);
    let position = marker;
    for (let page = 0; page < 80; page += 1) {
      const expected = naive(keys, prefix, delimiter, position, maxEntries);
      const start = startAfter(position, prefix, delimiter);
      const listing = await listEntries(source.read(prefix), { prefix, delimiter, start, maxEntries });
      const what = JSON.stringify({ keys, prefix, delimiter, position, maxEntries });
      expect(shown(listing.entries), what).toEqual(expected.entries);
      expect(listing.truncated, what).toBe(expected.truncated);
      if (!listing.truncated) break;
      position = expected.entries.at(-1)!.slice(4);
    }
  }
});

test("lists of real objects agree with their definition", async () => {
  await using s3 = await openS3();
  const actor = { by: "test", call: "s3:PutObject" };
  const { bucket } = await s3.objects.createBucket("the-bucket", { accountId: account, region: "us-east-1" }, actor);
  const { bucket: neighbour } = await s3.objects.createBucket(
    "the-bucket-2",
    { accountId: account, region: "us-east-1" },
    actor,
  );
  const pick = random(7);
  const keys = [...randomKeys(pick, 120), "/", "//", "a//b", "a/", "a", "\u{1F600}/x", "\uFFFD/x"];
  const description = { headers: {}, metadata: {}, storageClass: "STANDARD" } as const;
  await Promise.all(keys.map((key) => s3.objects.put(bucket, key, streamOf(key), { description, actor })));
  await s3.objects.put(neighbour, "elsewhere", streamOf("x"), { description, actor });
  for (let round = 0; round < 60; round += 1) {
    const { prefix, delimiter, marker, maxEntries } = someQuery(pick, keys);
    const expected = naive([...new Set(keys)], prefix, delimiter, marker, maxEntries);
    const listing = await s3.objects.list(bucket, {
      prefix,
      delimiter,
      start: startAfter(marker, prefix, delimiter),
      maxEntries,
    });
    const what = JSON.stringify({ prefix, delimiter, marker, maxEntries });
    expect(shown(listing.entries), what).toEqual(expected.entries);
    expect(listing.truncated, what).toBe(expected.truncated);
  }
});

test("a page costs what it shows, not what its common prefixes hide", async () => {
  const keys = Array.from({ length: 20_000 }, (_, index) => `folder-${String(index % 10)}/${index}`);
  const source = table(keys);
  const listing = await listEntries(source.read(""), { prefix: "", delimiter: "/", start: {}, maxEntries: 1000 });
  expect(shown(listing.entries)).toEqual(Array.from({ length: 10 }, (_, index) => `all folder-${index}/`));
  expect(source.rowsRead).toBeLessThan(200);
});

test("no entries are a page without more", async () => {
  const source = table(["a"]);
  const listing = await listEntries(source.read(""), { prefix: "", delimiter: "", start: {}, maxEntries: 0 });
  expect(listing).toEqual({ entries: [], truncated: false });
  expect(source.rowsRead).toBe(0);
});
