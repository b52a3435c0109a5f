/** What an alarm tells its topics: the subject and the JSON that CloudWatch sends. */
import type { StateValue } from "../../../protocol/generated/cloudwatch.ts";
import type { AlarmRecord, AlarmState, CompositeAlarmRecord, MetricAlarmConfiguration } from "./alarm-record.ts";
import { isCompositeAlarm } from "./alarm-record.ts";
import { isoTime } from "./reason.ts";
import { regionTitle } from "./region-titles.ts";

const maxSubject = 100;

export interface Notification {
  readonly subject: string;
  readonly body: string;
}

/** @param record with its old state */
export function notificationOf(record: AlarmRecord, state: AlarmState): Notification {
  const region = regionTitle(record.region);
  const { configuration } = record.body;
  const message = {
    AlarmName: record.name,
    AlarmDescription: configuration.description ?? null,
    AWSAccountId: record.accountId,
    AlarmConfigurationUpdatedTimestamp: isoTime(record.body.configuredAt),
    NewStateValue: state.value,
    NewStateReason: state.reason,
    StateChangeTime: isoTime(state.transitionedAt),
    Region: region,
    AlarmArn: record.arn,
    OldStateValue: record.body.state.value,
    OKActions: configuration.actions.OK,
    AlarmActions: configuration.actions.ALARM,
    InsufficientDataActions: configuration.actions.INSUFFICIENT_DATA,
    ...(isCompositeAlarm(record)
      ? compositePart(record, state)
      : { Trigger: trigger(configuration as MetricAlarmConfiguration) }),
  };
  return {
    subject: `${state.value}: "${record.name}" in ${region}`.slice(0, maxSubject),
    body: JSON.stringify(message),
  };
}

interface TriggeringAlarm {
  readonly arn: string;
  readonly state: { readonly value: StateValue; readonly timestamp: string };
}

function compositePart(record: CompositeAlarmRecord, state: AlarmState): Record<string, unknown> {
  const { triggeringAlarms = [] } = JSON.parse(state.reasonData ?? "{}") as { triggeringAlarms?: TriggeringAlarm[] };
  return {
    AlarmRule: record.body.configuration.rule,
    TriggeringChildren: triggeringAlarms.map(({ arn, state: { value, timestamp } }) => ({
      Arn: arn,
      State: { Value: value, Timestamp: timestamp },
    })),
  };
}

const statisticWords: Readonly<Record<string, string>> = {
  SampleCount: "SAMPLE_COUNT",
  Average: "AVERAGE",
  Sum: "SUM",
  Minimum: "MINIMUM",
  Maximum: "MAXIMUM",
};

function trigger(configuration: MetricAlarmConfiguration): Record<string, unknown> {
  const { watched, period, evaluationPeriods, datapointsToAlarm, comparison, threshold } = configuration;
  const evaluation = {
    Period: period,
    EvaluationPeriods: evaluationPeriods,
    ...(datapointsToAlarm === undefined ? {} : { DatapointsToAlarm: datapointsToAlarm }),
    ComparisonOperator: comparison,
    Threshold: threshold,
    TreatMissingData: configuration.treatMissingData ?? "missing",
    EvaluateLowSampleCountPercentile: configuration.lowSampleCountPercentile ?? "",
  };
  if ("queries" in watched) {
    return {
      ...evaluation,
      Metrics: watched.queries.map(({ MetricStat, ...query }) => ({
        ...query,
        ...(MetricStat === undefined
          ? {}
          : {
              MetricStat: {
                ...MetricStat,
                Metric: { ...MetricStat.Metric, Dimensions: pairs(MetricStat.Metric.Dimensions ?? []) },
              },
            }),
        ReturnData: query.ReturnData ?? true,
      })),
    };
  }
  const { metric } = watched;
  return {
    MetricName: metric.name,
    Namespace: metric.namespace,
    ...(metric.statistic === undefined
      ? { StatisticType: "ExtendedStatistic", ExtendedStatistic: metric.extendedStatistic }
      : { StatisticType: "Statistic", Statistic: statisticWords[metric.statistic] }),
    Unit: metric.unit ?? null,
    Dimensions: pairs(metric.dimensions),
    ...evaluation,
  };
}

function pairs(
  dimensions: readonly { readonly Name: string; readonly Value: string }[],
): { value: string; name: string }[] {
  return dimensions.map(({ Name, Value }) => ({ value: Value, name: Name }));
}
