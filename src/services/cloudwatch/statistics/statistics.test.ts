import { expect, test } from "vitest";
import { Distribution, bucketError, maxExactValues } from "./distribution.ts";
import { evaluateStatistic, parseStatistic } from "./statistic.ts";
import { Summary } from "./summary.ts";

function summaryOf(...values: number[]): Summary {
  const made = new Summary();
  for (const value of values) made.add(value);
  return made;
}

function statistic(text: string, summary: Summary): number | undefined {
  return evaluateStatistic(parseStatistic(text)!, summary);
}

test("the simple statistics of 1, 2, 2, 7", () => {
  const summary = summaryOf(1, 2, 2, 7);
  expect(statistic("SampleCount", summary)).toBe(4);
  expect(statistic("Sum", summary)).toBe(12);
  expect(statistic("Average", summary)).toBe(3);
  expect(statistic("Minimum", summary)).toBe(1);
  expect(statistic("Maximum", summary)).toBe(7);
});

test("a percentile is the smallest value that this share of the values does not exceed", () => {
  const summary = summaryOf(10, 20, 30, 40, 50, 60, 70, 80, 90, 100);
  expect(statistic("p0", summary)).toBe(10);
  expect(statistic("p10", summary)).toBe(10);
  expect(statistic("p10.1", summary)).toBe(20);
  expect(statistic("p50", summary)).toBe(50);
  expect(statistic("p90", summary)).toBe(90);
  expect(statistic("p99.9", summary)).toBe(100);
  expect(statistic("p100", summary)).toBe(100);
});

test("trimmed statistics keep the values between two percentages", () => {
  const summary = summaryOf(10, 20, 30, 40, 50, 60, 70, 80, 90, 100);
  expect(statistic("tm90", summary)).toBe(50);
  expect(statistic("TM(10%:90%)", summary)).toBe(55);
  expect(statistic("TC(10%:90%)", summary)).toBe(8);
  expect(statistic("TS(80%:)", summary)).toBe(190);
  // 10 counts as 20, 100 as 90.
  expect(statistic("WM(10%:90%)", summary)).toBe(55);
  expect(statistic("wm90", summary)).toBe((450 + 90) / 10);
  // A quarter of ten is two and a half values: half of 30, 40 to 70, half of 80.
  expect(statistic("IQM", summary)).toBe((15 + 40 + 50 + 60 + 70 + 40) / 5);
});

test("ranges of values exclude the lower bound and include the upper", () => {
  const summary = summaryOf(100, 150, 200, 1000, 1001);
  expect(statistic("TM(150:1000)", summary)).toBe(600);
  expect(statistic("PR(:150)", summary)).toBe(40);
  expect(statistic("PR(150:)", summary)).toBe(60);
  expect(statistic("TC(5000:)", summary)).toBe(0);
  expect(statistic("TM(5000:)", summary)).toBeUndefined();
});

test("what is no statistic is not parsed", () => {
  for (const text of [
    "",
    "avg",
    "p101",
    "p",
    "TM(90%:10%)",
    "TM(10%:90)",
    "PR(10%:90%)",
    "TM(:)",
    "tm(10%:90%)",
    "p-1",
  ])
    expect(parseStatistic(text), text).toBeUndefined();
});

test("there are no percentiles of negative values, nor of statistic sets of several values", () => {
  expect(statistic("p50", summaryOf(-1, 1))).toBeUndefined();
  expect(statistic("p50", Summary.ofStatistics(3, 6, 1, 3))).toBeUndefined();
  const mixed = summaryOf(1, 2);
  mixed.merge(Summary.ofStatistics(3, 6, 1, 3));
  expect(statistic("p50", mixed)).toBeUndefined();
  expect(statistic("Sum", mixed)).toBe(9);
  expect(statistic("p50", Summary.ofStatistics(3, 6, 2, 2))).toBe(2);
});

test("summaries add up to the summary of all values, in any order", () => {
  const parts = [summaryOf(5), summaryOf(5, 5), summaryOf(1, 9), new Summary()];
  for (const order of [parts, parts.toReversed()]) {
    const all = new Summary();
    for (const part of order) all.merge(part);
    expect([all.count, all.sum, all.min, all.max]).toEqual([5, 25, 1, 9]);
    expect(all.values()).toEqual([
      [1, 1],
      [5, 3],
      [9, 1],
    ]);
  }
  expect(parts[0].values()).toEqual([[5, 1]]);
});

test("beyond the values that are kept exactly, percentiles are within one percent", () => {
  const summary = new Summary();
  const all: number[] = [];
  // 5,000 values from 1 to 10,000, spread evenly over the logarithm, with some zeros.
  for (let index = 0; index < 5000; index += 1) all.push(10 ** ((4 * index) / 4999));
  for (let index = 0; index < 50; index += 1) all.push(0);
  for (const value of all) summary.add(value);
  expect(summary.distribution!.exact).toBe(false);
  all.sort((a, b) => a - b);
  for (const percent of [1, 10, 50, 90, 99, 99.9]) {
    const exact = all[Math.ceil((percent / 100) * all.length) - 1];
    const found = statistic(`p${percent}`, summary)!;
    expect(Math.abs(found - exact) / exact, `p${percent}`).toBeLessThanOrEqual(bucketError * 1.0001);
  }
  expect(statistic("p0", summary)).toBe(0);
  expect(statistic("p100", summary)).toBe(10_000);
});

test("a distribution stays exact up to its limit, merges, and gives up on negative values beyond", () => {
  const low = new Distribution();
  for (let value = 1; value <= maxExactValues; value += 1) expect(low.add(value, 1)).toBe(true);
  expect(low.exact).toBe(true);
  const high = new Distribution();
  for (let value = 301; value <= 600; value += 1) high.add(value, 2);
  expect(low.merge(high)).toBe(true);
  expect(low.exact).toBe(false);
  expect(low.values().reduce((total, [, count]) => total + count, 0)).toBe(200 + 600);
  const negative = new Distribution();
  for (let value = -100; value < 100; value += 1) expect(negative.add(value, 1)).toBe(true);
  expect(negative.add(1000, 1)).toBe(false);
});

test("however far the values spread, the number of buckets is limited", () => {
  const wide = new Distribution();
  for (let step = 0; step < 6000; step += 1) wide.add(10 ** (step / 10 - 300), 1);
  expect(wide.size).toBeLessThanOrEqual(2048);
  const values = wide.values();
  expect(values.reduce((total, [, count]) => total + count, 0)).toBe(6000);
  expect(values.at(-1)![0]).toBeGreaterThan(10 ** 299);
});
