import {
  appendFileSync,
  cpSync,
  existsSync,
  mkdtempSync,
  readFileSync,
  readdirSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { StorageFull } from "../../../storage/record-store.ts";
import { SmallDisk } from "../../../../tests/support/small-disk.ts";
import type { Clock } from "../../../util/clock.ts";
import { evaluateStatistic, parseStatistic } from "../statistics/statistic.ts";
import { Summary } from "../statistics/summary.ts";
import type { Point } from "./hot-window.ts";
import { MetricStore, type MetricLimits, type NewPoint } from "./metric-store.ts";

const space = { accountId: "000000000000", region: "us-east-1" };
const minute = 60_000;
const hour = 60 * minute;
const day = 24 * hour;
/** A Thursday, the beginning of an hour, a day and a partition of every tier. */
const start = Math.floor(Date.UTC(2026, 0, 1) / (35 * day)) * 35 * day;

/** Moves only when it is set; what is scheduled never comes by itself. */
class SetClock implements Clock {
  time = start;
  now() {
    return this.time;
  }
  schedule() {
    return () => {};
  }
}

let root: string;
let directory: string;
let clock: SetClock;
let open: MetricStore[];
let problems: string[];

beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), "metric-store-"));
  directory = join(root, "metrics");
  clock = new SetClock();
  open = [];
  problems = [];
});

afterEach(async () => {
  for (const store of open) await store.close();
  rmSync(root, { recursive: true, force: true });
});

async function openStore(limits: Partial<MetricLimits> = {}, folder = directory): Promise<MetricStore> {
  const store = await MetricStore.open({ directory: folder, clock, report: (what) => problems.push(what), limits });
  open.push(store);
  return store;
}

/** What a server finds that starts after this one was killed. */
async function afterKill(limits: Partial<MetricLimits> = {}): Promise<MetricStore> {
  const copy = mkdtempSync(join(root, "copy-"));
  cpSync(directory, copy, { recursive: true });
  return openStore(limits, copy);
}

function metric(name: string, dimensions: [string, string][] = []) {
  return { namespace: "Test", name, dimensions };
}

function point(name: string, timestamp: number, values: number | number[], more: Partial<NewPoint> = {}): NewPoint {
  const summary = new Summary();
  for (const value of [values].flat()) summary.add(value);
  return { metric: metric(name), unit: "None", timestamp, highResolution: false, summary, ...more };
}

const everything = { from: 0, to: start + 1000 * day };

async function read(
  store: MetricStore,
  name: string,
  periodMs: number,
  range: { from: number; to: number } = everything,
) {
  const byUnit = await store.read(space, metric(name), { ...range, periodMs });
  return [...byUnit.values()].flat().map(([at, { count, sum, min, max }]: Point) => [at - start, count, sum, min, max]);
}

test("values of one minute are one point, whatever request brought them", async () => {
  const store = await openStore();
  await store.write(space, [point("m", start + 1000, [1, 4]), point("m", start + 59_999, 10)]);
  await store.write(space, [point("m", start + 2000, 5), point("m", start + minute, 7)]);
  expect(await read(store, "m", minute)).toEqual([
    [0, 4, 20, 1, 10],
    [minute, 1, 7, 7, 7],
  ]);
  expect(await read(store, "m", 5 * minute)).toEqual([[0, 5, 27, 1, 10]]);
  expect(await read(store, "unknown", minute)).toEqual([]);
  const others = await store.read({ ...space, region: "eu-west-1" }, metric("m"), { ...everything, periodMs: minute });
  expect(others.size).toBe(0);
});

test("periods begin at the given moment", async () => {
  const store = await openStore();
  await store.write(space, [point("m", start + 2 * minute, 1), point("m", start + 6 * minute, 2)]);
  const found = await store.read(space, metric("m"), {
    ...everything,
    periodMs: 5 * minute,
    origin: start + 2 * minute,
  });
  expect(found.get("None")!.map(([at, { sum }]) => [at - start, sum])).toEqual([[2 * minute, 3]]);
});

test("values of different units are kept apart, and metrics by their dimensions", async () => {
  const store = await openStore();
  const dimensions: [string, string][] = [["Host", "a"]];
  await store.write(space, [
    point("m", start, 1, { unit: "Seconds" }),
    point("m", start, 2, { unit: "Bytes" }),
    point("m", start, 3, { metric: metric("m", dimensions) }),
  ]);
  const range = { ...everything, periodMs: minute };
  const found = await store.read(space, metric("m"), range);
  expect([...found].map(([unit, points]) => [unit, points[0][1].sum])).toEqual([
    ["Seconds", 1],
    ["Bytes", 2],
  ]);
  expect([...(await store.read(space, metric("m"), range, "Bytes")).keys()]).toEqual(["Bytes"]);
  expect((await store.read(space, metric("m", dimensions), range)).get("None")![0][1].sum).toBe(3);
  expect([...store.metrics(space, { namespace: "Test", name: "m" })].map((each) => each.dimensions)).toEqual([
    [],
    dimensions,
  ]);
});

test("a write that was told to be kept is there after a kill", async () => {
  const store = await openStore();
  await store.write(space, [point("m", start, [1, 2, 3]), point("n", start, 9)]);
  const next = await afterKill();
  expect(await read(next, "m", minute)).toEqual([[0, 3, 6, 1, 3]]);
  const summary = (await next.read(space, metric("m"), { ...everything, periodMs: minute })).get("None")![0][1];
  expect(evaluateStatistic(parseStatistic("p50")!, summary)).toBe(2);
  await next.write(space, [point("m", start, 4), point("new", start, 1)]);
  expect(await read(next, "m", minute)).toEqual([[0, 4, 10, 1, 4]]);
  expect([...next.metrics(space)].map(({ name }) => name)).toEqual(["m", "n", "new"]);
});

test("a torn tail is cut off, and nothing before it is lost", async () => {
  const store = await openStore();
  await store.write(space, [point("m", start, 1)]);
  await store.close();
  const journal = join(directory, "journal-1");
  appendFileSync(journal, Buffer.from([200, 0, 0, 0, 1, 2, 3, 4, 5]));
  appendFileSync(join(directory, "series"), "x");
  const next = await openStore();
  expect(await read(next, "m", minute)).toEqual([[0, 1, 1, 1, 1]]);
  await next.write(space, [point("m", start, 2)]);
  expect(await read(await afterKill(), "m", minute)).toEqual([[0, 2, 3, 1, 2]]);
});

test("a batch whose checksum is wrong is not read", async () => {
  const store = await openStore();
  await store.write(space, [point("m", start, 1)]);
  await store.write(space, [point("m", start, 2)]);
  await store.close();
  const journal = join(directory, "journal-1");
  const bytes = readFileSync(journal);
  bytes[bytes.length - 1] ^= 1;
  writeFileSync(journal, bytes);
  expect(await read(await openStore(), "m", minute)).toEqual([[0, 1, 1, 1, 1]]);
});

test("what is in blocks adds up with what is in memory, before and after a kill", async () => {
  const store = await openStore({ hotCells: 1 });
  const wide = Array.from({ length: 300 }, (_, index) => index + 1);
  await store.write(space, [point("m", start, wide), point("n", start + day, 5)]);
  await store.maintain();
  await store.write(space, [point("m", start + 1000, 1000), point("m", start + minute, 7)]);
  expect(readdirSync(directory).filter((name) => name.startsWith("block-"))).toHaveLength(2);
  for (const each of [store, await afterKill()]) {
    expect(await read(each, "m", minute)).toEqual([
      [0, 301, 46_150, 1, 1000],
      [minute, 1, 7, 7, 7],
    ]);
    expect(await read(each, "m", minute, { from: start + minute, to: start + day })).toEqual([[minute, 1, 7, 7, 7]]);
    expect(await read(each, "n", minute)).toEqual([[day, 1, 5, 5, 5]]);
    const summary = (await each.read(space, metric("m"), { ...everything, periodMs: minute })).get("None")![0][1];
    expect(Math.abs(evaluateStatistic(parseStatistic("p50")!, summary)! - 151)).toBeLessThan(1.6);
  }
});

test("many small blocks of a partition become one", async () => {
  const store = await openStore({ hotCells: 1 });
  for (let round = 0; round < 9; round += 1) {
    await store.write(space, [point("m", start + round * minute, 1), point("m", start, round)]);
    await store.maintain();
  }
  expect(readdirSync(directory).filter((name) => name.startsWith("block-")).length).toBeLessThanOrEqual(3);
  expect((await read(store, "m", hour))[0].slice(1, 3)).toEqual([18, 9 + 36]);
  expect((await read(await afterKill(), "m", hour))[0].slice(1, 3)).toEqual([18, 9 + 36]);
});

test("high-resolution data is kept by the second, and by the minute after three hours", async () => {
  const store = await openStore();
  const fine = { highResolution: true };
  await store.write(space, [
    point("m", start + 1500, 1, fine),
    point("m", start + 2500, 3, fine),
    point("m", start + 2600, 4, fine),
  ]);
  expect(await read(store, "m", 1000)).toEqual([
    [1000, 1, 1, 1, 1],
    [2000, 2, 7, 3, 4],
  ]);
  clock.time = start + 4 * hour + 1;
  // One more is late: it is too old to be kept by the second.
  await store.write(space, [point("m", start + 3500, 2, fine)]);
  await store.maintain();
  expect(await read(store, "m", 1000)).toEqual([[0, 4, 10, 1, 4]]);
});

test("data grows coarser with its age: minutes, five minutes, hours, gone", async () => {
  const store = await openStore();
  for (let index = 0; index < 120; index += 1) await store.write(space, [point("m", start + index * minute, index)]);
  const counts = async () => (await read(store, "m", minute)).length;
  const total = async () => (await read(store, "m", day))[0];
  const sum = (119 * 120) / 2;
  clock.time = start + 15 * day;
  await store.maintain();
  expect(await counts()).toBe(120);
  clock.time = start + 16 * day;
  await store.maintain();
  expect(await counts()).toBe(24);
  expect((await read(store, "m", 5 * minute))[1]).toEqual([5 * minute, 5, 5 + 6 + 7 + 8 + 9, 5, 9]);
  expect(await total()).toEqual([0, 120, sum, 0, 119]);
  clock.time = start + 70 * day;
  await store.maintain();
  expect(await counts()).toBe(2);
  expect(await total()).toEqual([0, 120, sum, 0, 119]);
  clock.time = start + (455 + 34) * day;
  await store.maintain();
  expect(await counts()).toBe(2);
  clock.time = start + (455 + 35) * day + 3 * hour;
  await store.maintain();
  expect(await counts()).toBe(0);
  expect([...store.metrics(space)]).toEqual([]);
  expect(readdirSync(directory).filter((name) => name.startsWith("block-"))).toEqual([]);
});

test("above its limit on disk, the oldest data grows coarser before its time", async () => {
  const store = await openStore({ hotCells: 1, blockBytes: 1500 });
  for (let index = 0; index < 300; index += 1) await store.write(space, [point("m", start + index * minute, 1)]);
  await store.maintain();
  const points = await read(store, "m", minute);
  expect(points.length).toBeLessThan(100);
  expect(points.reduce((total, [, count]) => total + count, 0)).toBe(300);
});

test("above its limit of series, those without data for longest are forgotten", async () => {
  const store = await openStore({ series: 10 });
  for (let index = 0; index < 20; index += 1) await store.write(space, [point(`m${index}`, start + index * minute, 1)]);
  await store.maintain();
  const names = ["m11", "m12", "m13", "m14", "m15", "m16", "m17", "m18", "m19"];
  expect([...store.metrics(space)].map(({ name }) => name)).toEqual(names);
  await store.write(space, [point("later", start, 1)]);
  const next = await afterKill();
  expect([...next.metrics(space)].map(({ name }) => name)).toEqual([...names, "later"]);
  expect(await read(next, "later", minute)).toEqual([[0, 1, 1, 1, 1]]);
});

test("files that a crash left between two states do not count", async () => {
  const store = await openStore({ hotCells: 1 });
  await store.write(space, [point("m", start, 1)]);
  await store.maintain();
  await store.close();
  const block = readdirSync(directory).find((name) => name.startsWith("block-"))!;
  // Written, but not in the manifest: the crash came first.
  cpSync(join(directory, block), join(directory, "block-77"));
  writeFileSync(join(directory, "manifest.new"), "{");
  const next = await openStore();
  expect(await read(next, "m", minute)).toEqual([[0, 1, 1, 1, 1]]);
  expect(existsSync(join(directory, "block-77"))).toBe(false);
});

test("a damaged block is set aside and reported, and the others are read", async () => {
  const store = await openStore({ hotCells: 1 });
  await store.write(space, [point("m", start, 1), point("m", start + day, 2)]);
  await store.maintain();
  await store.close();
  const [block] = readdirSync(directory).filter((name) => name.startsWith("block-"));
  writeFileSync(join(directory, block), readFileSync(join(directory, block)).subarray(0, 30));
  const next = await openStore();
  expect((await read(next, "m", minute)).length).toBe(1);
  expect(problems).toHaveLength(1);
  expect(problems[0]).toContain(`${block}.damaged`);
});

test("readers are not disturbed while blocks are merged", async () => {
  const store = await openStore({ hotCells: 1 });
  const sums: number[] = [];
  for (let round = 0; round < 30; round += 1) {
    await store.write(space, [point("m", start, 1)]);
    const reads = [read(store, "m", hour), read(store, "m", hour)];
    const maintained = store.maintain();
    for (const points of await Promise.all([...reads, read(store, "m", hour)])) sums.push(points[0][2] - round - 1);
    await maintained;
  }
  expect(new Set(sums)).toEqual(new Set([0]));
});

test("metrics of the platform are kept together and need no waiting", async () => {
  const store = await openStore();
  const datum = { namespace: "/aws/sagemaker/TrainingJobs", name: "loss", dimensions: { B: "2", A: "1" } };
  store.put(space, [{ ...datum, timestamp: start, value: 0.5 }]);
  store.put(space, [{ ...datum, timestamp: start + 1, value: [[1, 3]], unit: "None" }]);
  await store.flush();
  const [found] = store.metrics(space);
  expect(found.dimensions).toEqual([
    ["A", "1"],
    ["B", "2"],
  ]);
  const points = await store.read(space, found, { ...everything, periodMs: minute });
  expect(points.get("None")![0][1]).toMatchObject({ count: 4, sum: 3.5 });
  expect((await (await afterKill()).read(space, found, { ...everything, periodMs: minute })).size).toBe(1);
});

const disk = SmallDisk.mount(2);

test.skipIf(disk === undefined)(
  "on a full disk a write is refused whole, and works again when there is room",
  async () => {
    const small = disk!;
    try {
      const store = await openStore({}, join(small.path, "metrics"));
      await store.write(space, [point("m", start, 1)]);
      small.fill();
      const many = Array.from({ length: 3000 }, (_, index) => point(`m${index}`, start, index));
      await expect(store.write(space, many)).rejects.toThrow(StorageFull);
      expect([...store.metrics(space)].map(({ name }) => name)).toEqual(["m"]);
      small.empty();
      await store.write(space, [point("m", start, 2)]);
      expect(await read(store, "m", minute)).toEqual([[0, 2, 3, 1, 2]]);
      await store.close();
      expect(await read(await openStore({}, join(small.path, "metrics")), "m", minute)).toEqual([[0, 2, 3, 1, 2]]);
      for (const each of open.splice(0)) await each.close();
    } finally {
      small.unmount();
    }
  },
);
