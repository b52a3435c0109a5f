// Plays the AWS SDK for JavaScript in the protocol it is told: puts values, reads them, asks for what is wrong.
import { AwsSmithyRpcV2CborProtocol } from "@aws-sdk/core/protocols";
import {
  CloudWatchClient,
  DescribeAlarmsCommand,
  GetMetricDataCommand,
  GetMetricStatisticsCommand,
  ListMetricsCommand,
  PutMetricAlarmCommand,
  PutMetricDataCommand,
  SetAlarmStateCommand,
} from "@aws-sdk/client-cloudwatch";

const [namespace, protocol] = process.argv.slice(2);
const client = new CloudWatchClient({
  endpoint: process.env.AWS_ENDPOINT_URL,
  region: process.env.AWS_REGION,
  ...(protocol === "cbor" ? { protocol: AwsSmithyRpcV2CborProtocol } : {}),
  // In CBOR the SDK announces the length before compression, and then sends less.
  disableRequestCompression: protocol === "cbor",
});
const sent = [];
client.middlewareStack.add(
  (next) => async (call) => {
    const { headers, path } = call.request;
    sent.push({ type: headers["content-type"], path, encoding: headers["content-encoding"] });
    return next(call);
  },
  { step: "finalizeRequest", priority: "low" },
);
const refusal = async (command) => {
  try {
    await client.send(command);
    return undefined;
  } catch (error) {
    return { name: error.name, message: error.message, status: error.$metadata.httpStatusCode };
  }
};

const now = new Date(Math.floor(Date.now() / 60_000) * 60_000 - 120_000);
// Large enough to be compressed.
const MetricData = Array.from({ length: 150 }, (_, index) => ({
  MetricName: `m${index}`,
  Timestamp: now,
  Values: [1, 2, 3.5],
  Counts: [1, 2, 1],
  Unit: "Milliseconds",
  Dimensions: [{ Name: "Host", Value: "a" }],
}));
await client.send(new PutMetricDataCommand({ Namespace: namespace, MetricData }));
const metric = { Namespace: namespace, MetricName: "m7", Dimensions: [{ Name: "Host", Value: "a" }] };
const range = { StartTime: new Date(now.getTime() - 60_000), EndTime: new Date(now.getTime() + 120_000) };
const statistics = await client.send(
  new GetMetricStatisticsCommand({ ...metric, ...range, Period: 60, Statistics: ["Sum", "SampleCount"] }),
);
const data = await client.send(
  new GetMetricDataCommand({
    ...range,
    MetricDataQueries: [
      { Id: "m1", MetricStat: { Metric: metric, Period: 60, Stat: "p50" }, ReturnData: false },
      { Id: "e1", Expression: "m1 * 10", Label: "ten" },
    ],
  }),
);
const listed = await client.send(new ListMetricsCommand({ Namespace: namespace }));
const alarm = {
  AlarmName: `${namespace}-alarm`,
  EvaluationPeriods: 1,
  Threshold: 1,
  ComparisonOperator: "GreaterThanThreshold",
};
await client.send(
  new PutMetricAlarmCommand({ ...alarm, Namespace: namespace, MetricName: "m7", Statistic: "Sum", Period: 60 }),
);
const { MetricAlarms } = await client.send(new DescribeAlarmsCommand({ AlarmNames: [alarm.AlarmName] }));
console.log(
  JSON.stringify({
    sent,
    listed: listed.Metrics.length,
    time: now.getTime(),
    statistics: statistics.Datapoints.map(({ Timestamp, Sum, SampleCount, Unit }) => [
      Timestamp.getTime(),
      Sum,
      SampleCount,
      Unit,
    ]),
    data: data.MetricDataResults.map(({ Id, Label, Values, StatusCode }) => [Id, Label, Values, StatusCode]),
    alarm: MetricAlarms.map(({ StateValue, Threshold }) => [StateValue, Threshold]),
    value: await refusal(
      new PutMetricDataCommand({ Namespace: namespace, MetricData: [{ MetricName: "m", Value: Number.NaN }] }),
    ),
    combination: await refusal(new PutMetricDataCommand({ Namespace: namespace, MetricData: [{ MetricName: "m" }] })),
    missing: await refusal(new SetAlarmStateCommand({ AlarmName: "none", StateValue: "OK", StateReason: "x" })),
  }),
);
