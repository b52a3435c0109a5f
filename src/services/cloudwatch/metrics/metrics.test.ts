import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { requestContext } from "../../../../tests/support/request-context.ts";
import type {
  CloudWatchOperations,
  GetMetricStatisticsInput,
  MetricDataQuery,
  MetricDatum,
} from "../../../protocol/generated/cloudwatch.ts";
import { ManualClock } from "../../../util/clock.ts";
import { MetricStore } from "../store/metric-store.ts";
import { metricOperations } from "./metric-operations.ts";

const start = Date.UTC(2026, 0, 5, 12);
const minute = 60_000;
const at = (minutes: number) => new Date(start + minutes * minute);

let directory: string;
let store: MetricStore;
let clock: ManualClock;

beforeEach(async () => {
  directory = mkdtempSync(join(tmpdir(), "metrics-"));
  clock = new ManualClock(start + 30 * minute);
  store = await MetricStore.open({ directory, clock, report: () => expect.unreachable() });
});

afterEach(async () => {
  await store.close();
  rmSync(directory, { recursive: true, force: true });
});

type Name = "PutMetricData" | "GetMetricData" | "GetMetricStatistics" | "ListMetrics";

async function call<Operation extends Name>(operation: Operation, input: CloudWatchOperations[Operation]["input"]) {
  const { handle } = metricOperations(store)[operation]!;
  const context = requestContext({ service: "cloudwatch", operation, clock });
  return (await handle(input as never, context)) as CloudWatchOperations[Operation]["output"];
}

const put = (...MetricData: MetricDatum[]) => call("PutMetricData", { Namespace: "Test", MetricData });

async function refusal(work: Promise<unknown>): Promise<string> {
  try {
    await work;
  } catch (error) {
    const { code, message } = error as { code: string; message: string };
    return `${code}: ${message}`;
  }
  return "accepted";
}

test.each<[string, Partial<MetricDatum>, string]>([
  ["no value", {}, "InvalidParameterCombinationException: At least one of the parameters MetricData.member.1.Value,"],
  [
    "two ways to give values",
    { Value: 1, Values: [1] },
    "InvalidParameterCombinationException: The parameters MetricData.member.1.Value and MetricData.member.1.Values are mutually exclusive and you have specified both.",
  ],
  [
    "no number",
    { Value: Number.NaN },
    "InvalidParameterValueException: The value NaN for parameter MetricData.member.1.Value is invalid.",
  ],
  [
    "infinity",
    { Values: [1, Number.POSITIVE_INFINITY] },
    "InvalidParameterValueException: The value Infinity for parameter MetricData.member.1.Values.member.2 is invalid.",
  ],
  [
    "too large a number",
    { Value: 2 ** 361 },
    "InvalidParameterValueException: The value 4.6970851655476665e+108 for parameter MetricData.member.1.Value must be between -2^360 and 2^360.",
  ],
  [
    "counts of another length",
    { Values: [1, 2], Counts: [1] },
    "InvalidParameterValueException: The parameters MetricData.member.1.Values and MetricData.member.1.Counts must be of the same size.",
  ],
  [
    "a count of zero",
    { Values: [1], Counts: [0] },
    "InvalidParameterValueException: The parameter MetricData.member.1.Counts.member.1 must be greater than 0.",
  ],
  [
    "151 values",
    { Values: Array.from({ length: 151 }, () => 1) },
    "InvalidParameterValueException: The collection MetricData.member.1.Values must not have a size greater than 150.",
  ],
  [
    "a time too far ahead",
    { Value: 1, Timestamp: at(30 + 121) },
    "InvalidParameterValueException: The parameter MetricData.member.1.Timestamp must specify a time no more than two hours in the future.",
  ],
  [
    "a time too long ago",
    { Value: 1, Timestamp: at(29 - 14 * 24 * 60) },
    "InvalidParameterValueException: The parameter MetricData.member.1.Timestamp must specify a time within the past two weeks.",
  ],
  [
    "an unknown unit",
    { Value: 1, Unit: "Furlongs" as never },
    "InvalidParameterValueException: The parameter MetricData.member.1.Unit must be a value in the set [ Seconds, Microseconds, Milliseconds, Bytes, ",
  ],
  [
    "an unknown resolution",
    { Value: 1, StorageResolution: 5 },
    "InvalidParameterValueException: The parameter MetricData.member.1.StorageResolution must be a value in the set [ 1, 60 ].",
  ],
  [
    "no name",
    { MetricName: undefined as never, Value: 1 },
    "MissingRequiredParameterException: The parameter MetricData.member.1.MetricName is required.",
  ],
  [
    "a name too long",
    { MetricName: "m".repeat(256), Value: 1 },
    "InvalidParameterValueException: The parameter MetricData.member.1.MetricName must be shorter than 256 characters.",
  ],
  [
    "31 dimensions",
    { Value: 1, Dimensions: Array.from({ length: 31 }, (_, index) => ({ Name: `d${index}`, Value: "v" })) },
    "InvalidParameterValueException: The collection MetricData.member.1.Dimensions must not have a size greater than 30.",
  ],
  [
    "a dimension twice",
    {
      Value: 1,
      Dimensions: [
        { Name: "d", Value: "v" },
        { Name: "d", Value: "w" },
      ],
    },
    "InvalidParameterValueException: The parameter MetricData.member.1.Dimensions has the dimension d more than once.",
  ],
  [
    "a statistic set upside down",
    { StatisticValues: { SampleCount: 2, Sum: 3, Minimum: 2, Maximum: 1 } },
    "InvalidParameterCombinationException: The parameter MetricData.member.1.StatisticValues.Maximum must be greater than or equal to",
  ],
])("PutMetricData refuses %s", async (_what, datum, message) => {
  expect(await refusal(put({ MetricName: "m", ...datum }))).toContain(message);
  expect((await call("ListMetrics", {})).Metrics).toEqual([]);
});

test("PutMetricData refuses what is wrong with the whole request, and keeps nothing of it", async () => {
  expect(
    await refusal(call("PutMetricData", { Namespace: "AWS/SageMaker", MetricData: [{ MetricName: "m", Value: 1 }] })),
  ).toBe("InvalidParameterValueException: The value AWS/SageMaker for parameter Namespace is invalid.");
  expect(await refusal(call("PutMetricData", { Namespace: "Test" }))).toBe(
    "MissingRequiredParameterException: The parameter MetricData is required.",
  );
  expect(await refusal(call("PutMetricData", {} as never))).toBe(
    "MissingRequiredParameterException: The parameter Namespace is required.",
  );
  const many = Array.from({ length: 1001 }, (_, index) => ({ MetricName: `m${index}`, Value: 1 }));
  expect(await refusal(put(...many))).toBe(
    "InvalidParameterValueException: The collection MetricData must not have a size greater than 1000.",
  );
  await put(...many.slice(1));
  expect(await refusal(put({ MetricName: "good", Value: 1 }, { MetricName: "bad" }))).toContain(
    "MetricData.member.2.Value",
  );
  expect((await call("ListMetrics", { MetricName: "good" })).Metrics).toEqual([]);
});

const statistics = (more: Partial<GetMetricStatisticsInput> = {}) =>
  call("GetMetricStatistics", {
    Namespace: "Test",
    MetricName: "m",
    StartTime: at(0),
    EndTime: at(10),
    Period: 60,
    Statistics: ["Sum"],
    ...more,
  });

test("GetMetricStatistics sums up values, counts and statistic sets", async () => {
  await put(
    { MetricName: "m", Timestamp: at(0), Values: [1, 2, 10], Counts: [5, 2, 1], Unit: "Seconds" },
    {
      MetricName: "m",
      Timestamp: at(1),
      StatisticValues: { SampleCount: 4, Sum: 20, Minimum: 2, Maximum: 9 },
      Unit: "Seconds",
    },
    { MetricName: "m", Timestamp: at(1.5), Value: 1, Unit: "Seconds" },
  );
  const all = ["SampleCount", "Average", "Sum", "Minimum", "Maximum"] as const;
  expect(await statistics({ Statistics: [...all] })).toEqual({
    Label: "m",
    Datapoints: [
      { Timestamp: at(0), SampleCount: 8, Average: 19 / 8, Sum: 19, Minimum: 1, Maximum: 10, Unit: "Seconds" },
      { Timestamp: at(1), SampleCount: 5, Average: 4.2, Sum: 21, Minimum: 1, Maximum: 9, Unit: "Seconds" },
    ],
  });
  // The second minute has values that nobody knows, so it has no percentiles.
  expect(await statistics({ Statistics: undefined, ExtendedStatistics: ["p50", "p90", "tm75"] })).toEqual({
    Label: "m",
    Datapoints: [{ Timestamp: at(0), ExtendedStatistics: { p50: 1, p90: 10, tm75: 7 / 6 }, Unit: "Seconds" }],
  });
  expect((await statistics({ Period: 300 })).Datapoints).toEqual([{ Timestamp: at(0), Sum: 40, Unit: "Seconds" }]);
  // Periods begin where the request does.
  expect((await statistics({ StartTime: at(1), Period: 300 })).Datapoints).toEqual([
    { Timestamp: at(1), Sum: 21, Unit: "Seconds" },
  ]);
  expect((await statistics({ EndTime: at(1) })).Datapoints).toHaveLength(1);
  expect((await statistics({ Unit: "Bytes" })).Datapoints).toEqual([]);
  expect(await statistics({ MetricName: "unknown" })).toEqual({ Label: "unknown", Datapoints: [] });
});

test("GetMetricStatistics refuses impossible ranges, periods and statistics", async () => {
  expect(await refusal(statistics({ StartTime: at(-1440), EndTime: at(1), Period: 60 }))).toBe(
    "InvalidParameterCombinationException: You have requested up to 1441 datapoints, which exceeds the limit of 1440. You may reduce the datapoints requested by increasing Period, or decreasing the time range.",
  );
  expect(await refusal(statistics({ StartTime: at(-1440), EndTime: at(0), Period: 60 }))).toBe("accepted");
  expect(await refusal(statistics({ EndTime: at(0) }))).toContain("must be less than the parameter EndTime");
  expect(await refusal(statistics({ Period: 61 }))).toContain(
    "The parameter Period must be 1, 5, 10, 30, or a multiple of 60.",
  );
  expect(await refusal(statistics({ Statistics: [] }))).toContain("InvalidParameterCombinationException");
  expect(await refusal(statistics({ Statistics: ["Median" as never] }))).toContain("Statistics.member.1");
  expect(await refusal(statistics({ ExtendedStatistics: ["p101"] }))).toContain("ExtendedStatistics.member.1");
  expect(await refusal(statistics({ Period: undefined as never }))).toBe(
    "MissingRequiredParameterException: The parameter Period is required.",
  );
});

test("ListMetrics filters by name, namespace and dimensions, and goes on page by page", async () => {
  const dimension = (Name: string, Value: string) => ({ Name, Value });
  await put(
    { MetricName: "a", Value: 1, Dimensions: [dimension("Host", "1"), dimension("App", "x")] },
    { MetricName: "a", Value: 1, Dimensions: [dimension("Host", "2")] },
    { MetricName: "b", Value: 1 },
  );
  const names = async (input: CloudWatchOperations["ListMetrics"]["input"]) =>
    (await call("ListMetrics", input)).Metrics!.map(({ MetricName, Dimensions }) =>
      [MetricName, ...Dimensions!.map(({ Name, Value }) => `${Name}=${Value}`)].join(" "),
    );
  expect(await names({})).toEqual(["a App=x Host=1", "a Host=2", "b"]);
  expect(await names({ Namespace: "Test", MetricName: "b" })).toEqual(["b"]);
  expect(await names({ Namespace: "Other" })).toEqual([]);
  expect(await names({ Dimensions: [{ Name: "Host" }] })).toEqual(["a App=x Host=1", "a Host=2"]);
  expect(await names({ Dimensions: [dimension("Host", "2")] })).toEqual(["a Host=2"]);
  await put(...Array.from({ length: 900 }, (_, index) => ({ MetricName: `n${index}`, Value: 1 })));
  const first = await call("ListMetrics", {});
  expect(first.Metrics).toHaveLength(500);
  const second = await call("ListMetrics", { NextToken: first.NextToken });
  expect(second.Metrics).toHaveLength(403);
  expect(second.NextToken).toBeUndefined();
  expect(second.Metrics!.at(-1)!.MetricName).toBe("n899");
  expect(await refusal(call("ListMetrics", { Namespace: "Test", NextToken: first.NextToken }))).toContain(
    "NextToken is invalid",
  );
});

test("ListMetrics shows what had data within two weeks, or within three hours", async () => {
  await put({ MetricName: "old", Value: 1, Timestamp: at(30 - 4 * 60) }, { MetricName: "new", Value: 1 });
  const names = async (input: CloudWatchOperations["ListMetrics"]["input"]) =>
    (await call("ListMetrics", input)).Metrics!.map(({ MetricName }) => MetricName);
  expect(await names({})).toEqual(["old", "new"]);
  expect(await names({ RecentlyActive: "PT3H" })).toEqual(["new"]);
  const later = new ManualClock(clock.now() + 14 * 24 * 60 * minute - 4 * 60 * minute + 5 * minute);
  clock = later;
  expect(await names({})).toEqual(["new"]);
});

function stat(Id: string, MetricName = "m", more: Partial<MetricDataQuery> = {}): MetricDataQuery {
  return { Id, MetricStat: { Metric: { Namespace: "Test", MetricName }, Period: 60, Stat: "Sum" }, ...more };
}

const data = (MetricDataQueries: MetricDataQuery[], more = {}) =>
  call("GetMetricData", {
    MetricDataQueries,
    StartTime: at(0),
    EndTime: at(10),
    ScanBy: "TimestampAscending",
    ...more,
  });

test("GetMetricData gives values newest first, and lists metrics that nobody knows", async () => {
  await put({ MetricName: "m", Timestamp: at(1), Value: 3 }, { MetricName: "m", Timestamp: at(2), Value: 4 });
  expect(
    await call("GetMetricData", {
      MetricDataQueries: [stat("m1"), stat("m2", "unknown")],
      StartTime: at(0),
      EndTime: at(10),
    }),
  ).toEqual({
    MetricDataResults: [
      { Id: "m1", Label: "m", Timestamps: [at(2), at(1)], Values: [4, 3], StatusCode: "Complete" },
      { Id: "m2", Label: "unknown", Timestamps: [], Values: [], StatusCode: "Complete" },
    ],
    Messages: [],
  });
  // A period that began before the range is whole.
  const hour = { ...stat("m1"), MetricStat: { ...stat("m1").MetricStat!, Period: 3600 } };
  const whole = await data([hour], { StartTime: at(2), EndTime: at(61) });
  expect(whole.MetricDataResults).toMatchObject([{ Timestamps: [at(0)], Values: [7] }]);
});

test("GetMetricData goes on page by page through all results", async () => {
  for (let index = 0; index < 5; index += 1) {
    await put(
      { MetricName: "m", Timestamp: at(index), Value: index },
      { MetricName: "n", Timestamp: at(index), Value: 10 + index },
    );
  }
  const pages: [string, number[], string][][] = [];
  let NextToken: string | undefined;
  do {
    const page = await data([stat("m1"), stat("e1", "none"), stat("n1", "n")], { MaxDatapoints: 4, NextToken });
    pages.push(page.MetricDataResults!.map(({ Id, Values, StatusCode }) => [Id!, Values!, StatusCode!]));
    NextToken = page.NextToken;
  } while (NextToken !== undefined);
  expect(pages).toEqual([
    [
      ["m1", [0, 1, 2, 3], "PartialData"],
      ["e1", [], "Complete"],
    ],
    [
      ["m1", [4], "Complete"],
      ["n1", [10, 11, 12], "PartialData"],
    ],
    [["n1", [13, 14], "Complete"]],
  ]);
  expect(await refusal(data([stat("m1")], { NextToken: "nonsense" }))).toContain("InvalidNextToken");
});

test("labels show values of what they label", async () => {
  await put({ MetricName: "m", Timestamp: at(1), Value: 3 }, { MetricName: "m", Timestamp: at(2), Value: 4 });
  const label = "${PROP('MetricName')} max ${MAX} avg ${AVG} last ${LAST} at ${LAST_TIME} ${UNKNOWN}";
  const { MetricDataResults } = await data([{ ...stat("m1"), Label: label }]);
  expect(MetricDataResults![0].Label).toBe("m max 4 avg 3.5 last 4 at 2026-01-05T12:02:00.000Z ${UNKNOWN}");
});

test("GetMetricData refuses queries that cannot be answered, by name", async () => {
  const expression = (Expression: string) => data([stat("m1"), { Id: "e1", Expression }]);
  expect(await refusal(data([stat("M1")]))).toContain(
    "MetricDataQueries.member.1.Id is not matching the expected pattern",
  );
  expect(await refusal(data([stat("m1"), stat("m1")]))).toContain("are not unique");
  expect(await refusal(data([{ Id: "m1" }]))).toContain("ValidationError: At least one of the parameters");
  expect(await refusal(data([{ ...stat("m1"), Expression: "m1" }]))).toContain("mutually exclusive");
  expect(await refusal(data([{ ...stat("m1"), ReturnData: false }]))).toContain("ReturnData");
  expect(await refusal(data([stat("m1")], { EndTime: at(0) }))).toBe(
    "ValidationError: The parameter EndTime must be greater than StartTime",
  );
  expect(await refusal(expression("m1 +"))).toBe(
    "ValidationError: Error in expression 'e1': Unexpected end of the expression",
  );
  expect(await refusal(expression("m2 + 1"))).toContain("ids were not found: m2");
  expect(await refusal(expression("e1 + 1"))).toContain("refers to itself");
  expect(await refusal(expression("AVG(m1)"))).toContain("must return a time series");
  expect(await refusal(expression("ANOMALY_DETECTION_BAND(m1, 2)"))).toContain(
    "not supported by Sagebrush: there are no anomaly detectors",
  );
  expect(await refusal(expression('SELECT AVG(m) FROM "Test"'))).toContain(
    "Metrics Insights queries (SELECT) are not supported",
  );
  expect(await refusal(expression("NOSUCH(m1)"))).toContain("There is no function NOSUCH");
  expect(await refusal(expression(`${"(".repeat(60)}m1${")".repeat(60)}`))).toContain("nested deeper");
});
