import {
  appendFileSync,
  existsSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { LogFile } from "./log-file.ts";
import type { StoredEvent } from "./stored-event.ts";

let directory: string;
let path: string;
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), "sagebrush-log-file-"));
  path = join(directory, "stream");
});
afterEach(() => rmSync(directory, { recursive: true }));

const everything = { limit: 1_000_000, maxBytes: Infinity };
const messages = (events: readonly StoredEvent[]) => events.map(({ message }) => message);
const read = async (log: LogFile) => messages(await log.page(everything));

test("a torn last line is cut off and events that came out of order are read in order", async () => {
  const written = await LogFile.open(path);
  await written.append(
    [
      [20, "late"],
      [30, "last"],
    ],
    1,
    7,
  );
  await written.append([[10, "early"]], 2);
  await written.close();
  appendFileSync(path, '{"n":1,"a":40,"z":40,"b":4,"i":3,"e":[[40,"half');
  const log = await LogFile.open(path);
  expect(log.summary).toEqual({
    count: 3,
    received: 3,
    oldest: 10,
    newest: 30,
    lastIngestionTime: 2,
    storedBytes: 4 + 4 + 5 + 3 * 26,
    sourceOffset: 7,
  });
  await log.append([[50, "new"]], 4);
  expect(await read(log)).toEqual(["early", "late", "last", "new"]);
  await log.close();
  expect(await read(await LogFile.open(path))).toEqual(["early", "late", "last", "new"]);
});

test("files of earlier versions, whose lines have no front, are read and gone on with", async () => {
  writeFileSync(path, '{"i":5,"e":[[1,"one"],[2,"zwei ä"]],"o":9}\n{"i":6,"e":[[3,"three"]],"o":12}\n');
  const log = await LogFile.open(path);
  expect(log.summary).toMatchObject({ count: 3, oldest: 1, newest: 3, lastIngestionTime: 6, sourceOffset: 12 });
  expect(log.summary.storedBytes).toBe(3 + 7 + 5 + 3 * 26);
  await log.append([[4, "four"]], 7, 20);
  await log.close();
  const again = await LogFile.open(path);
  expect(await read(again)).toEqual(["one", "zwei ä", "three", "four"]);
  expect(again.sourceOffset).toBe(20);
});

test("a batch of a source is kept once, and its events never go back in time", async () => {
  const log = await LogFile.open(path);
  expect(await log.append([[10, "one"]], 1, 10)).toEqual([[10, "one"]]);
  expect(await log.append([[10, "one"]], 1, 10)).toEqual([]);
  // The clock was set back.
  expect(
    await log.append(
      [
        [5, "two"],
        [6, "three"],
      ],
      2,
      20,
    ),
  ).toEqual([
    [10, "two"],
    [10, "three"],
  ]);
  expect(await log.append([], 3, 25)).toEqual([]);
  expect(log.sourceOffset).toBe(25);
  expect(await read(log)).toEqual(["one", "two", "three"]);
  await log.close();
});

test("batches that arrive together are all kept, in the order in which they came", async () => {
  const log = await LogFile.open(path);
  await Promise.all(Array.from({ length: 50 }, (_, batch) => log.append([[1, `batch ${batch}`]], 1)));
  expect(await read(log)).toEqual(Array.from({ length: 50 }, (_, batch) => `batch ${batch}`));
  await log.close();
});

/** A stream of many small segments: twenty events of 100 bytes each. */
async function longStream(count: number, timestamp: (at: number) => number = (at) => at): Promise<LogFile> {
  const log = await LogFile.open(path, { segmentBytes: 2000 });
  for (let at = 0; at < count; at += 5) {
    const batch = Array.from(
      { length: 5 },
      (_, place) => [timestamp(at + place), `${at + place} `.padEnd(100, ".")] as const,
    );
    await log.append(batch, 7);
  }
  return log;
}

const numbers = (events: readonly StoredEvent[]) => events.map(({ message }) => Number.parseInt(message));
const upTo = (count: number, from = 0) => Array.from({ length: count - from }, (_, at) => from + at);

test("a long stream is many segments, which are read as one, forward, backward and between times", async () => {
  const log = await longStream(200);
  expect(readdirSync(`${path}.d`).length).toBeGreaterThan(5);
  expect(statSync(path).size).toBeLessThan(3000);
  expect(numbers(await log.page(everything))).toEqual(upTo(200));
  expect(numbers(await log.page({ ...everything, limit: 7, backward: true }))).toEqual(upTo(200, 193));
  const window = { from: { timestamp: 50, sequence: 0 }, to: { timestamp: 150, sequence: 0 } };
  expect(numbers(await log.page({ ...everything, ...window }))).toEqual(upTo(150, 50));
  expect(numbers(await log.page({ ...everything, ...window, limit: 3 }))).toEqual([50, 51, 52]);
  expect(numbers(await log.page({ ...everything, ...window, limit: 3, backward: true }))).toEqual([147, 148, 149]);
  const scanned: number[] = [];
  for await (const block of log.blocks(window)) scanned.push(...numbers(block));
  expect(scanned).toEqual(upTo(150, 50));
  await log.close();
});

test("a page ends before it has too many bytes, and always has an event", async () => {
  const log = await longStream(100);
  // 100 bytes and 26 for each.
  expect(numbers(await log.page({ limit: 100, maxBytes: 3 * 126 + 50 }))).toEqual([0, 1, 2]);
  expect(numbers(await log.page({ limit: 100, maxBytes: 3 * 126 + 50, backward: true }))).toEqual([97, 98, 99]);
  expect(numbers(await log.page({ limit: 100, maxBytes: 1 }))).toEqual([0]);
  await log.close();
});

test("events of any order are read in order of time, page by page, also after a restart", async () => {
  // A permutation of 0 to 199 that jumps about: 67 and 200 have no common divisor.
  await (await longStream(200, (at) => (at * 67) % 200)).close();
  const log = await LogFile.open(path, { segmentBytes: 2000 });
  const times: number[] = [];
  for (let from = { timestamp: 0, sequence: 0 }; ;) {
    const page = await log.page({ from, limit: 9, maxBytes: 5000 });
    if (page.length === 0) break;
    times.push(...page.map(({ timestamp }) => timestamp));
    const { timestamp, sequence } = page.at(-1)!;
    from = { timestamp, sequence: sequence + 1 };
  }
  expect(times).toEqual(upTo(200));
  const back = await log.page({ ...everything, to: { timestamp: 20, sequence: 0 }, limit: 5, backward: true });
  expect(back.map(({ timestamp }) => timestamp)).toEqual([15, 16, 17, 18, 19]);
});

test("tiny batches of two times in turn make no index without bounds, and are all there", async () => {
  const log = await LogFile.open(path);
  const appended: Promise<unknown>[] = [];
  for (let at = 0; at < 6000; at += 1) appended.push(log.append([[at % 2 === 0 ? at : 1_000_000 + at, `${at}`]], 1));
  await Promise.all(appended);
  const events = await log.page({ ...everything, to: { timestamp: 1_000_000, sequence: 0 } });
  expect(numbers(events)).toEqual(Array.from({ length: 3000 }, (_, at) => 2 * at));
  await log.close();
  expect((await LogFile.open(path)).summary).toMatchObject({ count: 6000, oldest: 0, newest: 1_005_999 });
});

test("what is older than a time goes in whole segments; sequences and the source's place stay", async () => {
  const log = await longStream(200);
  const before = log.summary;
  await log.expire(120);
  const { count, oldest, newest, received, storedBytes } = log.summary;
  expect([newest, received]).toEqual([199, 200]);
  expect(oldest).toBeGreaterThan(80);
  expect(oldest).toBeLessThanOrEqual(120);
  expect(count).toBe(200 - oldest!);
  expect(storedBytes).toBe((before.storedBytes / 200) * count);
  expect(existsSync(path)).toBe(false);
  const [first] = await log.page({ ...everything, limit: 1 });
  expect(first).toMatchObject({ timestamp: oldest, sequence: oldest });
  await log.close();

  const again = await LogFile.open(path);
  expect(again.summary).toEqual(log.summary);
  await again.append([[500, "500"]], 8, 77);
  await again.expire(1000);
  expect(again.summary).toMatchObject({ count: 0, storedBytes: 0, received: 201, sourceOffset: 77 });
  expect(await again.page(everything)).toEqual([]);
  await again.close();
  const empty = await LogFile.open(path);
  expect(await empty.append([[501, "again"]], 9, 77)).toEqual([]);
  await empty.append([[501, "501"]], 9, 78);
  expect(await empty.page(everything)).toMatchObject([{ timestamp: 501, sequence: 201 }]);
  await empty.close();
  await LogFile.remove(path);
  expect(readdirSync(directory)).toEqual([]);
});

test("a segment whose first line was not written whole is as if it had not been begun", async () => {
  await (await longStream(40)).close();
  const numbersOfSegments = readdirSync(`${path}.d`).map(Number);
  const next = join(`${path}.d`, String(Math.max(...numbersOfSegments) + 1));
  writeFileSync(next, '{"s":{"sequence":40,"sour');
  const log = await LogFile.open(path, { segmentBytes: 2000 });
  expect(existsSync(next)).toBe(false);
  expect(numbers(await log.page(everything))).toEqual(upTo(40));
  await log.append([[40, "40"]], 1);
  expect(log.summary.received).toBe(41);
  await log.close();
});

test("a line longer than what is read at once is indexed", async () => {
  const log = await LogFile.open(path);
  const long = "ä\n".repeat(400_000);
  await log.append([[1, long]], 1);
  await log.append([[2, "short"]], 1);
  await log.close();
  const again = await LogFile.open(path);
  expect(again.summary).toMatchObject({ count: 2, storedBytes: Buffer.byteLength(long) + 5 + 2 * 26 });
  expect(messages(await again.page(everything))).toEqual([long, "short"]);
  expect(readFileSync(path, "utf8").split("\n")).toHaveLength(3);
});
