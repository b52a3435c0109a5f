import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { requestContext } from "../../../../tests/support/request-context.ts";
import { AwsError } from "../../../protocol/aws-error.ts";
import type { CloudWatchOperations, PutMetricAlarmInput } from "../../../protocol/generated/cloudwatch.ts";
import { SqliteRecordStore } from "../../../storage/sqlite-record-store.ts";
import { ManualClock } from "../../../util/clock.ts";
import { cloudwatchService, type CloudWatchService } from "../index.ts";
import type { TopicPublisher } from "../ports.ts";
import { MetricStore } from "../store/metric-store.ts";

const minute = 60_000;
const start = Date.UTC(2026, 10, 21, 10);
const at = (minutes: number) => new Date(start + minutes * minute);
const topicArn = "arn:aws:sns:us-east-1:000000000000:alerts";
const alarmArn = (name: string) => `arn:aws:cloudwatch:us-east-1:000000000000:alarm:${name}`;

/** A topic that remembers, and may refuse or fail. */
class Topic implements TopicPublisher {
  readonly messages: { subject: string; body: Record<string, unknown> }[] = [];
  allows = true;
  failure: Error | undefined;

  async topicAllows(): Promise<boolean> {
    return this.allows;
  }

  async publish(_space: unknown, _arn: string, { subject, body }: { subject: string; body: string }): Promise<void> {
    if (this.failure !== undefined) throw this.failure;
    this.messages.push({ subject, body: JSON.parse(body) as Record<string, unknown> });
  }
}

let directory: string;
let clock: ManualClock;
let records: SqliteRecordStore;
let metrics: MetricStore;
let topic: Topic;
let service: CloudWatchService;
let problems: string[];

beforeEach(async () => {
  directory = mkdtempSync(join(tmpdir(), "alarms-"));
  clock = new ManualClock(start);
  problems = [];
  topic = new Topic();
  await open();
});

afterEach(async () => {
  await close();
  rmSync(directory, { recursive: true, force: true });
});

async function open(): Promise<void> {
  const report = (what: string) => problems.push(what);
  records = new SqliteRecordStore({ file: join(directory, "records.db"), reserveBytes: 0 });
  metrics = await MetricStore.open({ directory: join(directory, "metrics"), clock, report });
  service = cloudwatchService({ metrics, records, clock, report });
  await service.startAlarms(topic);
}

async function close(): Promise<void> {
  await service.close();
  await metrics.close();
  await records.close();
}

async function call<Operation extends keyof CloudWatchOperations>(
  operation: Operation,
  input: CloudWatchOperations[Operation]["input"],
) {
  const { handle } = service.operations[operation];
  const context = requestContext({ service: "cloudwatch", operation, clock });
  return (await handle(input as never, context)) as CloudWatchOperations[Operation]["output"];
}

async function refusal(work: Promise<unknown>): Promise<string> {
  try {
    await work;
  } catch (error) {
    return `${(error as AwsError).code}: ${(error as AwsError).message}`;
  }
  return "accepted";
}

const alarm = (more: Partial<PutMetricAlarmInput> = {}): PutMetricAlarmInput => ({
  AlarmName: "errors",
  Namespace: "Test",
  MetricName: "m",
  Statistic: "Sum",
  Period: 60,
  EvaluationPeriods: 1,
  Threshold: 10,
  ComparisonOperator: "GreaterThanThreshold",
  AlarmActions: [topicArn],
  ...more,
});

async function put(minutes: number, value: number, more = {}): Promise<void> {
  const datum = { MetricName: "m", Timestamp: at(minutes), Value: value, ...more };
  await call("PutMetricData", { Namespace: "Test", MetricData: [datum] });
}

async function describe(name = "errors") {
  const { MetricAlarms, CompositeAlarms } = await call("DescribeAlarms", {
    AlarmNames: [name],
    AlarmTypes: ["MetricAlarm", "CompositeAlarm"],
  });
  return [...MetricAlarms!, ...CompositeAlarms!][0];
}

async function history(name = "errors") {
  const { AlarmHistoryItems } = await call("DescribeAlarmHistory", { AlarmName: name, ScanBy: "TimestampAscending" });
  return AlarmHistoryItems!.map(({ HistoryItemType, HistorySummary }) => `${HistoryItemType}: ${HistorySummary}`);
}

test("an alarm goes off, says why, tells its topic, and comes back", async () => {
  await call(
    "PutMetricAlarm",
    alarm({ AlarmDescription: "too many", Dimensions: [{ Name: "Host", Value: "a" }], Unit: "Count" }),
  );
  expect(await describe()).toMatchObject({
    AlarmArn: alarmArn("errors"),
    StateValue: "INSUFFICIENT_DATA",
    StateReason: "Unchecked: Initial alarm creation",
    ActionsEnabled: true,
    AlarmActions: [topicArn],
    OKActions: [],
    Dimensions: [{ Name: "Host", Value: "a" }],
  });
  const host = { Dimensions: [{ Name: "Host", Value: "a" }], Unit: "Count" };
  await put(0.5, 8, host);
  await put(0.6, 4.5, host);
  await clock.advance(minute + 3_000);
  const went = await describe();
  expect(went.StateValue).toBe("ALARM");
  expect(went.StateReason).toBe(
    "Threshold Crossed: 1 out of the last 1 datapoints [12.5 (21/11/26 10:00:00)] was greater than the threshold (10.0) (minimum 1 datapoint for INSUFFICIENT_DATA -> ALARM transition).",
  );
  expect(JSON.parse(went.StateReasonData!)).toEqual({
    version: "1.0",
    queryDate: "2026-11-21T10:01:03.000+0000",
    startDate: "2026-11-21T10:00:00.000+0000",
    unit: "Count",
    statistic: "Sum",
    period: 60,
    recentDatapoints: [12.5],
    threshold: 10,
    evaluatedDatapoints: [{ timestamp: "2026-11-21T10:00:00.000+0000", sampleCount: 2, value: 12.5 }],
  });
  expect(topic.messages).toEqual([
    {
      subject: 'ALARM: "errors" in US East (N. Virginia)',
      body: {
        AlarmName: "errors",
        AlarmDescription: "too many",
        AWSAccountId: "000000000000",
        AlarmConfigurationUpdatedTimestamp: "2026-11-21T10:00:00.000+0000",
        NewStateValue: "ALARM",
        NewStateReason: went.StateReason,
        StateChangeTime: "2026-11-21T10:01:03.000+0000",
        Region: "US East (N. Virginia)",
        AlarmArn: alarmArn("errors"),
        OldStateValue: "INSUFFICIENT_DATA",
        OKActions: [],
        AlarmActions: [topicArn],
        InsufficientDataActions: [],
        Trigger: {
          MetricName: "m",
          Namespace: "Test",
          StatisticType: "Statistic",
          Statistic: "SUM",
          Unit: "Count",
          Dimensions: [{ value: "a", name: "Host" }],
          Period: 60,
          EvaluationPeriods: 1,
          ComparisonOperator: "GreaterThanThreshold",
          Threshold: 10,
          TreatMissingData: "missing",
          EvaluateLowSampleCountPercentile: "",
        },
      },
    },
  ]);
  await put(1.5, 1, host);
  await clock.advance(minute);
  const came = await describe();
  expect(came.StateValue).toBe("OK");
  expect(came.StateReason).toBe(
    "Threshold Crossed: 1 out of the last 1 datapoints [1.0 (21/11/26 10:01:00)] was not greater than the threshold (10.0) (minimum 1 datapoint for ALARM -> OK transition).",
  );
  expect(topic.messages).toHaveLength(1);
  expect(await history()).toEqual([
    'ConfigurationUpdate: Alarm "errors" created',
    "StateUpdate: Alarm updated from INSUFFICIENT_DATA to ALARM",
    `Action: Successfully executed action ${topicArn}`,
    "StateUpdate: Alarm updated from ALARM to OK",
  ]);
  // Without data for longer than it looks back, it knows nothing.
  await clock.advance(4 * minute);
  expect(await describe()).toMatchObject({
    StateValue: "INSUFFICIENT_DATA",
    StateReason: "Insufficient Data: 1 datapoint was unknown.",
  });
  expect(problems).toEqual([]);
});

test("two of three data points make an alarm, and the reason names them", async () => {
  await call("PutMetricAlarm", alarm({ EvaluationPeriods: 3, DatapointsToAlarm: 2, AlarmActions: [] }));
  await put(0.5, 11);
  await put(1.5, 1);
  await put(2.5, 12);
  await clock.advance(3 * minute + 3_000);
  expect(await describe()).toMatchObject({
    StateValue: "ALARM",
    StateReason:
      "Threshold Crossed: 2 out of the last 3 datapoints [12.0 (21/11/26 10:02:00), 11.0 (21/11/26 10:00:00)] were greater than the threshold (10.0) (minimum 2 datapoints for OK -> ALARM transition).",
  });
});

test.each([
  [
    "breaching",
    "ALARM",
    "Threshold Crossed: no datapoints were received for 2 periods and 2 missing datapoints were treated as [Breaching].",
  ],
  [
    "notBreaching",
    "OK",
    "Threshold Crossed: no datapoints were received for 2 periods and 2 missing datapoints were treated as [NonBreaching].",
  ],
  ["ignore", "INSUFFICIENT_DATA", "Unchecked: Initial alarm creation"],
  ["missing", "INSUFFICIENT_DATA", "Unchecked: Initial alarm creation"],
])("without any data, %s makes %s", async (TreatMissingData, state, reason) => {
  await call("PutMetricAlarm", alarm({ EvaluationPeriods: 2, TreatMissingData }));
  await clock.advance(minute);
  expect(await describe()).toMatchObject({ StateValue: state, StateReason: reason });
});

test("missing points are named beside those that are there", async () => {
  await call("PutMetricAlarm", alarm({ EvaluationPeriods: 3, TreatMissingData: "breaching" }));
  await put(-1.5, 12);
  await clock.advance(13_000);
  expect(await describe()).toMatchObject({
    StateValue: "ALARM",
    StateReason:
      "Threshold Crossed: 1 out of the last 1 datapoint [12.0 (21/11/26 09:58:00)] was greater than the threshold (10.0) and 2 missing datapoints were treated as [Breaching].",
  });
});

test("alarms on percentiles, on expressions and on periods of ten seconds", async () => {
  const m = { Namespace: "Test", MetricName: "m" };
  await call(
    "PutMetricAlarm",
    alarm({ AlarmName: "p90", Statistic: undefined, ExtendedStatistic: "p90", Threshold: 8.5 }),
  );
  await call(
    "PutMetricAlarm",
    alarm({
      AlarmName: "few",
      Statistic: undefined,
      ExtendedStatistic: "p90",
      EvaluateLowSampleCountPercentile: "ignore",
      Threshold: 8.5,
    }),
  );
  await call("PutMetricAlarm", {
    AlarmName: "math",
    EvaluationPeriods: 1,
    Threshold: 20,
    ComparisonOperator: "GreaterThanOrEqualToThreshold",
    AlarmActions: [topicArn],
    Metrics: [
      { Id: "m1", MetricStat: { Metric: m, Period: 60, Stat: "Maximum" }, ReturnData: false },
      { Id: "e1", Expression: "m1 * 2", Label: "Twice" },
    ],
  });
  await call(
    "PutMetricAlarm",
    alarm({ AlarmName: "fine", MetricName: "fast", Period: 10, TreatMissingData: "notBreaching" }),
  );
  for (let value = 1; value <= 10; value += 1) await put(0.5, value);
  await put(0.75, 11, { MetricName: "fast", StorageResolution: 1 });
  await clock.advance(53_000);
  expect((await describe("fine")).StateValue).toBe("ALARM");
  await clock.advance(10_000);
  expect((await describe("p90")).StateValue).toBe("ALARM");
  // Ten samples are too few for the 90th percentile: it takes a hundred.
  expect((await describe("few")).StateValue).toBe("INSUFFICIENT_DATA");
  const math = await describe("math");
  expect(math).toMatchObject({ StateValue: "ALARM", Metrics: [{ Id: "m1" }, { Id: "e1", Expression: "m1 * 2" }] });
  expect(math.StateReason).toContain("[20.0 (21/11/26 10:00:00)] was greater than or equal to the threshold (20.0)");
  const told = topic.messages.find(({ body }) => body.AlarmName === "math")!;
  expect(told.body.Trigger).toMatchObject({
    Period: 60,
    Metrics: [
      { Id: "m1", MetricStat: { Metric: { MetricName: "m", Dimensions: [] }, Stat: "Maximum" }, ReturnData: false },
      { Id: "e1", Expression: "m1 * 2", Label: "Twice", ReturnData: true },
    ],
  });
  await clock.advance(50_000);
  expect((await describe("fine")).StateValue).toBe("OK");
});

test("a state that is set by hand tells its topics, and the next evaluation sets it right", async () => {
  await call("PutMetricAlarm", alarm({ OKActions: [topicArn] }));
  await put(0.5, 1);
  await clock.advance(minute + 3_000);
  expect((await describe()).StateValue).toBe("OK");
  await call("SetAlarmState", {
    AlarmName: "errors",
    StateValue: "ALARM",
    StateReason: "a drill",
    StateReasonData: '{"drill":true}',
  });
  await clock.advance(0);
  expect(await describe()).toMatchObject({
    StateValue: "ALARM",
    StateReason: "a drill",
    StateReasonData: '{"drill":true}',
  });
  expect(topic.messages.map(({ subject }) => subject.split(":")[0])).toEqual(["OK", "ALARM"]);
  await put(1.5, 1);
  await clock.advance(minute);
  expect((await describe()).StateValue).toBe("OK");
  expect(await refusal(call("SetAlarmState", { AlarmName: "none", StateValue: "OK", StateReason: "" }))).toContain(
    "ResourceNotFound",
  );
  expect(
    await refusal(
      call("SetAlarmState", { AlarmName: "errors", StateValue: "OK", StateReason: "", StateReasonData: "{" }),
    ),
  ).toContain("InvalidFormat");
});

test("actions that are disabled are not executed", async () => {
  await call("PutMetricAlarm", alarm());
  await call("DisableAlarmActions", { AlarmNames: ["errors", "unknown"] });
  await call("SetAlarmState", { AlarmName: "errors", StateValue: "ALARM", StateReason: "x" });
  await clock.advance(0);
  expect(topic.messages).toEqual([]);
  expect((await describe()).ActionsEnabled).toBe(false);
  await call("EnableAlarmActions", { AlarmNames: ["errors"] });
  await call("SetAlarmState", { AlarmName: "errors", StateValue: "OK", StateReason: "x" });
  await call("SetAlarmState", { AlarmName: "errors", StateValue: "ALARM", StateReason: "x" });
  await clock.advance(0);
  expect(topic.messages).toHaveLength(1);
});

test("composite alarms follow their children, through one another, and tell which it was", async () => {
  await call("PutMetricAlarm", alarm({ AlarmName: "a", AlarmActions: [] }));
  await call("PutMetricAlarm", alarm({ AlarmName: "b c", AlarmActions: [] }));
  await call("PutCompositeAlarm", {
    AlarmName: "both",
    AlarmRule: `ALARM(a) AND NOT OK("b c")`,
    AlarmActions: [topicArn],
  });
  await call("PutCompositeAlarm", { AlarmName: "top", AlarmRule: `ALARM(${alarmArn("both")}) OR FALSE` });
  await clock.advance(0);
  expect((await describe("both")).StateValue).toBe("OK");
  await clock.advance(5_000);
  await call("SetAlarmState", { AlarmName: "a", StateValue: "ALARM", StateReason: "x" });
  await clock.advance(0);
  const both = await describe("both");
  expect(both).toMatchObject({
    StateValue: "ALARM",
    AlarmRule: `ALARM(a) AND NOT OK("b c")`,
    StateReason: `${alarmArn("a")} transitioned to ALARM at Saturday 21 November, 2026 10:00:05 UTC`,
  });
  expect((await describe("top")).StateValue).toBe("ALARM");
  expect(topic.messages).toMatchObject([
    {
      subject: 'ALARM: "both" in US East (N. Virginia)',
      body: {
        AlarmRule: `ALARM(a) AND NOT OK("b c")`,
        OldStateValue: "OK",
        TriggeringChildren: [
          { Arn: alarmArn("a"), State: { Value: "ALARM", Timestamp: "2026-11-21T10:00:05.000+0000" } },
          { Arn: alarmArn("b c"), State: { Value: "INSUFFICIENT_DATA" } },
        ],
      },
    },
  ]);
  await call("SetAlarmState", { AlarmName: "b c", StateValue: "OK", StateReason: "x" });
  await clock.advance(0);
  expect((await describe("top")).StateValue).toBe("OK");

  const names = async (input: object) => {
    const found = await call("DescribeAlarms", input);
    return [...found.MetricAlarms!, ...found.CompositeAlarms!].map(({ AlarmName }) => AlarmName);
  };
  expect(await names({ ChildrenOfAlarmName: "both" })).toEqual(["a", "b c"]);
  expect(await names({ ParentsOfAlarmName: "both" })).toEqual(["top"]);
  expect(await names({})).toEqual(["a", "b c"]);
  expect(await names({ AlarmTypes: ["CompositeAlarm"] })).toEqual(["both", "top"]);
  expect(await names({ AlarmTypes: ["CompositeAlarm"], ActionPrefix: "arn:aws:sns:" })).toEqual(["both"]);
  expect(await refusal(call("PutCompositeAlarm", { AlarmName: "x", AlarmRule: "ALARM(nobody)" }))).toContain(
    "there is no alarm nobody",
  );
  expect(await refusal(call("PutCompositeAlarm", { AlarmName: "x", AlarmRule: "ALARM(x)" }))).toContain("itself");
  expect(await refusal(call("PutCompositeAlarm", { AlarmName: "x", AlarmRule: "ALARM(a) AND" }))).toContain(
    "at position 13",
  );
  expect(await refusal(call("PutCompositeAlarm", { AlarmName: "x", AlarmRule: "ALARM(a) & OK(a)" }))).toContain(
    "unexpected '& OK(a)' at position 10",
  );
  expect(await refusal(call("PutMetricAlarm", alarm({ AlarmName: "both" })))).toContain("another kind");
});

test("a message that a crash left unsent is sent by the next server", async () => {
  await call("PutMetricAlarm", alarm());
  topic.failure = new Error("the queue is closed");
  await call("SetAlarmState", { AlarmName: "errors", StateValue: "ALARM", StateReason: "x" });
  await clock.advance(0);
  expect(problems).toEqual([`alarm errors could not tell ${topicArn}; it is tried again`]);
  await close();
  topic.failure = undefined;
  await open();
  expect(topic.messages).toHaveLength(1);
  await clock.advance(30_000);
  expect(topic.messages).toHaveLength(1);
  expect(await history()).toContain(`Action: Successfully executed action ${topicArn}`);
});

test("a topic that is gone or does not let alarms publish fails the action, once", async () => {
  await call("PutMetricAlarm", alarm({ InsufficientDataActions: [topicArn] }));
  topic.failure = new AwsError("NotFound", "Topic does not exist", { status: 404 });
  await call("SetAlarmState", { AlarmName: "errors", StateValue: "ALARM", StateReason: "x" });
  await clock.advance(0);
  topic.failure = undefined;
  topic.allows = false;
  await clock.advance(30_000);
  await call("SetAlarmState", { AlarmName: "errors", StateValue: "INSUFFICIENT_DATA", StateReason: "x" });
  await clock.advance(0);
  expect(topic.messages).toEqual([]);
  expect((await history()).filter((item) => item.startsWith("Action"))).toEqual([
    `Action: Failed to execute action ${topicArn}. Received error: "Topic does not exist"`,
    `Action: Failed to execute action ${topicArn}. Received error: "CloudWatch Alarms is not authorized to perform: SNS:Publish on resource: ${topicArn} because no resource-based policy allows the SNS:Publish action"`,
  ]);
});

test("another configuration keeps the state, and deleting keeps the history", async () => {
  await call("PutMetricAlarm", alarm({ Tags: [{ Key: "Team", Value: "red" }] }));
  await call("SetAlarmState", { AlarmName: "errors", StateValue: "ALARM", StateReason: "x" });
  await call("PutMetricAlarm", alarm({ Threshold: 99, Tags: [{ Key: "Team", Value: "blue" }] }));
  expect(await describe()).toMatchObject({ StateValue: "ALARM", Threshold: 99 });
  const ResourceARN = alarmArn("errors");
  // Tags are those of the first time.
  expect((await call("ListTagsForResource", { ResourceARN })).Tags).toEqual([{ Key: "Team", Value: "red" }]);
  await call("TagResource", { ResourceARN, Tags: [{ Key: "Stage", Value: "test" }] });
  await call("UntagResource", { ResourceARN, TagKeys: ["Team"] });
  expect((await call("ListTagsForResource", { ResourceARN })).Tags).toEqual([{ Key: "Stage", Value: "test" }]);
  expect(await refusal(call("DeleteAlarms", { AlarmNames: ["errors", "none"] }))).toBe(
    "ResourceNotFound: There is no alarm none",
  );
  expect(await describe()).toBeDefined();
  await call("DeleteAlarms", { AlarmNames: ["errors"] });
  expect(await describe()).toBeUndefined();
  expect(await refusal(call("ListTagsForResource", { ResourceARN }))).toContain("ResourceNotFoundException");
  expect(await history()).toContain('ConfigurationUpdate: Alarm "errors" deleted');
  await close();
  clock = new ManualClock(start + 30 * 24 * 60 * minute);
  await open();
  await clock.advance(20_000);
  expect(await history()).toEqual([]);
});

test("DescribeAlarms and the history go on page by page", async () => {
  for (const name of ["a1", "a2", "a3", "b1"]) await call("PutMetricAlarm", alarm({ AlarmName: name }));
  const first = await call("DescribeAlarms", { AlarmNamePrefix: "a", MaxRecords: 2 });
  expect(first.MetricAlarms!.map(({ AlarmName }) => AlarmName)).toEqual(["a1", "a2"]);
  const second = await call("DescribeAlarms", { AlarmNamePrefix: "a", MaxRecords: 2, NextToken: first.NextToken });
  expect(second.MetricAlarms!.map(({ AlarmName }) => AlarmName)).toEqual(["a3"]);
  expect(second.NextToken).toBeUndefined();
  expect(await refusal(call("DescribeAlarms", { AlarmNamePrefix: "b", NextToken: first.NextToken }))).toContain(
    "InvalidNextToken",
  );
  await call("SetAlarmState", { AlarmName: "a2", StateValue: "ALARM", StateReason: "x" });
  expect(
    (await call("DescribeAlarms", { StateValue: "ALARM" })).MetricAlarms!.map(({ AlarmName }) => AlarmName),
  ).toEqual(["a2"]);
  const seen: string[] = [];
  let NextToken: string | undefined;
  do {
    const page = await call("DescribeAlarmHistory", {
      HistoryItemType: "ConfigurationUpdate",
      MaxRecords: 3,
      NextToken,
    });
    seen.push(...page.AlarmHistoryItems!.map(({ AlarmName }) => AlarmName!));
    NextToken = page.NextToken;
  } while (NextToken !== undefined);
  expect(seen.toSorted()).toEqual(["a1", "a2", "a3", "b1"]);
  const forMetric = { Namespace: "Test", MetricName: "m" };
  expect((await call("DescribeAlarmsForMetric", forMetric)).MetricAlarms).toHaveLength(4);
  expect((await call("DescribeAlarmsForMetric", { ...forMetric, Statistic: "Average" })).MetricAlarms).toEqual([]);
  expect(
    (await call("DescribeAlarmsForMetric", { ...forMetric, Dimensions: [{ Name: "x", Value: "y" }] })).MetricAlarms,
  ).toEqual([]);
});

test.each<[string, Partial<PutMetricAlarmInput>, string]>([
  ["a period of its own kind", { Period: 61 }, "Period must be 10, 20, 30 or a multiple of 60"],
  [
    "looking back more than a day",
    { Period: 60, EvaluationPeriods: 1441 },
    "(EvaluationPeriods * Period must be <= 86400)",
  ],
  [
    "looking back more than a week",
    { Period: 3600, EvaluationPeriods: 169 },
    "(EvaluationPeriods * Period must be <= 604800)",
  ],
  [
    "more data points than periods",
    { DatapointsToAlarm: 2 },
    "DatapointsToAlarm (2) must be less than or equal to EvaluationPeriods (1)",
  ],
  ["two statistics", { ExtendedStatistic: "p90" }, "Exactly one of the parameters Statistic and ExtendedStatistic"],
  ["no statistic", { Statistic: undefined }, "Exactly one of the parameters Statistic and ExtendedStatistic"],
  ["an unknown treatment", { TreatMissingData: "guess" }, "TreatMissingData must be a value in the set"],
  ["no threshold", { Threshold: undefined }, "The parameter Threshold is required."],
  ["an action that is no ARN", { AlarmActions: ["mail me"] }, "Invalid arn syntax: mail me"],
  ["an action on a machine", { AlarmActions: ["arn:aws:automate:us-east-1:ec2:stop"] }, "Invalid arn syntax"],
  [
    "an action that scales",
    { OKActions: ["arn:aws:autoscaling:us-east-1:000000000000:scalingPolicy:x"] },
    "is not supported by Sagebrush: alarms only publish to Amazon SNS topics",
  ],
  [
    "a topic elsewhere",
    { AlarmActions: ["arn:aws:sns:eu-west-1:000000000000:t"] },
    "Invalid region eu-west-1 specified. Only us-east-1 is supported.",
  ],
  ["a name with a line feed", { AlarmName: "a\nb" }, "must not contain control characters"],
  [
    "one metric and many",
    { Metrics: [{ Id: "m1", Expression: "1" }] },
    "The parameters MetricName and Metrics are mutually exclusive.",
  ],
])("PutMetricAlarm refuses %s", async (_what, more, message) => {
  const refused = await refusal(call("PutMetricAlarm", alarm(more)));
  expect(refused).toContain("ValidationError: ");
  expect(refused).toContain(message);
});

test("PutMetricAlarm refuses lists of metrics that return nothing, too much, or a search", async () => {
  const math = (Metrics: PutMetricAlarmInput["Metrics"]) =>
    refusal(
      call("PutMetricAlarm", {
        AlarmName: "x",
        EvaluationPeriods: 1,
        Threshold: 1,
        ComparisonOperator: "LessThanThreshold",
        Metrics,
      }),
    );
  const m1 = { Id: "m1", MetricStat: { Metric: { Namespace: "Test", MetricName: "m" }, Period: 60, Stat: "Sum" } };
  expect(await math([m1])).toBe("accepted");
  expect(await math([m1, { Id: "e1", Expression: "m1" }])).toContain(
    "Exactly one element of the metrics list should return data.",
  );
  expect(await math([{ Id: "e1", Expression: "SUM(SEARCH('a', 'Sum', 60))" }])).toContain("SEARCH is not supported");
  expect(await math([{ Id: "e1", Expression: "1 + 1" }])).toContain("At least one element");
});
