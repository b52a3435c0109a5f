/** Stored alarms in the shapes of the API. */
import type { CompositeAlarm, MetricAlarm } from "../../../protocol/generated/cloudwatch.ts";
import type { AlarmRecord, CompositeAlarmRecord, MetricAlarmRecord } from "./alarm-record.ts";

export function metricAlarmShape(record: MetricAlarmRecord): MetricAlarm {
  const { configuration } = record.body;
  const { watched } = configuration;
  return {
    ...commonShape(record),
    ...("metric" in watched
      ? {
          MetricName: watched.metric.name,
          Namespace: watched.metric.namespace,
          ...given("Statistic", watched.metric.statistic),
          ...given("ExtendedStatistic", watched.metric.extendedStatistic),
          Dimensions: [...watched.metric.dimensions],
          Period: configuration.period,
          ...given("Unit", watched.metric.unit),
        }
      : { Metrics: [...watched.queries], Dimensions: [] }),
    EvaluationPeriods: configuration.evaluationPeriods,
    ...given("DatapointsToAlarm", configuration.datapointsToAlarm),
    Threshold: configuration.threshold,
    ComparisonOperator: configuration.comparison,
    ...given("TreatMissingData", configuration.treatMissingData),
    ...given("EvaluateLowSampleCountPercentile", configuration.lowSampleCountPercentile),
  };
}

export function compositeAlarmShape(record: CompositeAlarmRecord): CompositeAlarm {
  return { ...commonShape(record), AlarmRule: record.body.configuration.rule };
}

/** The members that every kind of alarm has. */
function commonShape({ name, arn, body: { configuration, configuredAt, state } }: AlarmRecord) {
  const { actions, actionsEnabled, description } = configuration;
  return {
    AlarmName: name,
    AlarmArn: arn!,
    ...given("AlarmDescription", description),
    AlarmConfigurationUpdatedTimestamp: new Date(configuredAt),
    ActionsEnabled: actionsEnabled,
    OKActions: [...actions.OK],
    AlarmActions: [...actions.ALARM],
    InsufficientDataActions: [...actions.INSUFFICIENT_DATA],
    StateValue: state.value,
    StateReason: state.reason,
    ...given("StateReasonData", state.reasonData),
    StateUpdatedTimestamp: new Date(state.updatedAt),
    StateTransitionedTimestamp: new Date(state.transitionedAt),
  };
}

function given<Name extends string, Value>(name: Name, value: Value | undefined): { [Key in Name]?: Value } {
  return (value === undefined ? {} : { [name]: value }) as { [Key in Name]?: Value };
}
