import { afterEach, beforeEach, expect, test } from "vitest";
import type { MetricTransformation } from "../../../protocol/generated/logs.ts";
import { ManualClock } from "../../../util/clock.ts";
import { logsService } from "../index.ts";
import { openLogs, type LogsUnderTest } from "../logs.contract.ts";
import type { MetricDatum } from "../ports.ts";

let under: LogsUnderTest;
let put: MetricDatum[];
const clock = new ManualClock();
const call: LogsUnderTest["call"] = (...request) => under.call(...request);

beforeEach(async () => {
  put = [];
  const sink = { put: (_space: unknown, data: readonly MetricDatum[]) => void put.push(...data) };
  under = await openLogs({ metrics: { sink, clock } }, undefined, clock);
  await call("CreateLogGroup", { logGroupName: "g" });
});
afterEach(() => under.close());

const filter = (pattern: string, transformation: Partial<MetricTransformation>, filterName = "f") =>
  call("PutMetricFilter", {
    logGroupName: "g",
    filterName,
    filterPattern: pattern,
    metricTransformations: [{ metricName: "m", metricNamespace: "n", metricValue: "1", ...transformation }],
  });

/** What was measured, when the events have gone their way. */
async function measured(events: readonly (readonly [number, string])[]): Promise<MetricDatum[]> {
  await under.write("g", "s", events);
  for (let turn = 0; turn < 20 && put.length === 0; turn += 1) await new Promise((resolve) => setTimeout(resolve, 5));
  return put.splice(0);
}

const datum = { namespace: "n", name: "m", dimensions: {} };

test("events that match are counted by the minute", async () => {
  await filter("ERROR", { unit: "Count" });
  expect(
    await measured([
      [60_000, "ERROR 1"],
      [61_000, "fine"],
      [119_999, "ERROR 2"],
      [120_000, "ERROR 3"],
    ]),
  ).toEqual([
    { ...datum, unit: "Count", timestamp: 60_000, value: [[1, 2]] },
    { ...datum, unit: "Count", timestamp: 120_000, value: [[1, 1]] },
  ]);
});

test("values and dimensions come out of the events", async () => {
  await filter("{ $.latency = * }", { metricValue: "$.latency", dimensions: { Path: "$.path" } });
  const event = (latency: unknown, path?: string) => JSON.stringify({ latency, path });
  expect(
    await measured([
      [0, event(1.5, "/a")],
      [1, event(1.5, "/a")],
      [2, event(7, "/b")],
      [3, event("no number", "/a")],
      [4, event(9)],
    ]),
  ).toEqual([
    { ...datum, dimensions: { Path: "/a" }, timestamp: 0, value: [[1.5, 2]] },
    { ...datum, dimensions: { Path: "/b" }, timestamp: 0, value: [[7, 1]] },
  ]);
});

test("a minute with events of which none matches has the default value", async () => {
  await filter("ERROR", { defaultValue: 0 });
  await under.clock.advance(60_000 - (under.clock.now() % 60_000));
  const start = under.clock.now();
  await under.write("g", "s", [[start, "fine"]]);
  await under.clock.advance(60_000);
  expect(put.splice(0)).toEqual([{ ...datum, timestamp: start, value: 0 }]);
  await under.write("g", "s", [[start + 60_000, "ERROR"]]);
  await under.clock.advance(60_000);
  expect(put.splice(0)).toEqual([{ ...datum, timestamp: start + 60_000, value: [[1, 1]] }]);
});

test("filters are listed by group, prefix and metric, replaced and deleted", async () => {
  await filter("a", {}, "one");
  await filter("b", { metricName: "other" }, "two");
  await filter("c", {}, "two");
  const names = async (input: Parameters<typeof call<"DescribeMetricFilters">>[1]) =>
    (await call("DescribeMetricFilters", input)).metricFilters!.map(({ filterName, filterPattern }) => [
      filterName,
      filterPattern,
    ]);
  expect(await names({ logGroupName: "g" })).toEqual([
    ["one", "a"],
    ["two", "c"],
  ]);
  expect(await names({ filterNamePrefix: "t" })).toEqual([["two", "c"]]);
  expect(await names({ metricName: "other", metricNamespace: "n" })).toEqual([]);
  const first = await call("DescribeMetricFilters", { limit: 1 });
  expect(first.metricFilters).toMatchObject([
    { filterName: "one", logGroupName: "g", metricTransformations: [{ metricValue: "1" }] },
  ]);
  expect((await call("DescribeMetricFilters", { limit: 1, nextToken: first.nextToken! })).metricFilters).toMatchObject([
    { filterName: "two" },
  ]);
  expect((await call("DescribeLogGroups", {})).logGroups).toMatchObject([{ metricFilterCount: 2 }]);
  await call("DeleteMetricFilter", { logGroupName: "g", filterName: "one" });
  await expect(call("DeleteMetricFilter", { logGroupName: "g", filterName: "one" })).rejects.toMatchObject({
    code: "ResourceNotFoundException",
  });
  await call("DeleteLogGroup", { logGroupName: "g" });
  expect(await names({})).toEqual([]);
});

test.each([
  ["{", {}, "Invalid filter pattern"],
  ["a", { metricValue: "many" }, "neither a number nor a field"],
  ["a", { dimensions: { A: "x" } }, "must be a field such as $.user"],
  ["a", { dimensions: { A: "$.a" }, defaultValue: 0 }, "mutually exclusive"],
  ["a", { dimensions: { A: "$.a", B: "$.b", C: "$.c", D: "$.d" } }, "at most 3 dimensions"],
])("%s with %j is refused", async (pattern, transformation, message) => {
  await expect(filter(pattern, transformation)).rejects.toMatchObject({
    code: "InvalidParameterException",
    message: expect.stringContaining(message) as string,
  });
});

test("a pattern is tried on messages", async () => {
  const answer = await call("TestMetricFilter", {
    filterPattern: "[ip, ..., status = 4*, bytes]",
    logEventMessages: ["1.2.3.4 - [a b] 404 12", "1.2.3.4 - 200 12", "::1 418 7"],
  });
  expect(answer.matches).toEqual([
    {
      eventNumber: 1,
      eventMessage: "1.2.3.4 - [a b] 404 12",
      extractedValues: { $ip: "1.2.3.4", $status: "404", $bytes: "12" },
    },
    { eventNumber: 3, eventMessage: "::1 418 7", extractedValues: { $ip: "::1", $status: "418", $bytes: "7" } },
  ]);
});

test("without CloudWatch there are no metric filters to make, and the server refuses them by name", () => {
  const { operations } = logsService({ records: under.records, logs: under.logs });
  expect(Object.keys(operations)).not.toContain("PutMetricFilter");
  expect(Object.keys(operations)).toContain("TestMetricFilter");
});
