/** An alarm as it is stored: what it watches, what it does, and its state. */
import type {
  ComparisonOperator,
  Dimension,
  MetricDataQuery,
  StandardUnit,
  StateValue,
  Statistic,
} from "../../../protocol/generated/cloudwatch.ts";
import type { StoredRecord } from "../../../storage/record-store.ts";

/** What missing data counts as. */
export type MissingDataTreatment = "missing" | "ignore" | "breaching" | "notBreaching";

/** Comparisons with a number; those with a band need an anomaly detector. */
export type ThresholdComparison = Extract<
  ComparisonOperator,
  "GreaterThanOrEqualToThreshold" | "GreaterThanThreshold" | "LessThanThreshold" | "LessThanOrEqualToThreshold"
>;

export interface AlarmActions {
  readonly actionsEnabled: boolean;
  /** Topics that are told when the alarm enters the state. */
  readonly actions: Readonly<Record<StateValue, readonly string[]>>;
}

/** One metric with a statistic. */
export interface WatchedMetric {
  readonly namespace: string;
  readonly name: string;
  readonly dimensions: readonly Dimension[];
  readonly statistic?: Statistic;
  readonly extendedStatistic?: string;
  readonly unit?: StandardUnit;
}

export interface MetricAlarmConfiguration extends AlarmActions {
  readonly kind: "metric";
  readonly description?: string;
  readonly watched: { readonly metric: WatchedMetric } | { readonly queries: readonly MetricDataQuery[] };
  /** Seconds */
  readonly period: number;
  readonly evaluationPeriods: number;
  /** How many of them must breach; all unless given. */
  readonly datapointsToAlarm?: number;
  readonly threshold: number;
  readonly comparison: ThresholdComparison;
  /** `missing` unless given. */
  readonly treatMissingData?: MissingDataTreatment;
  readonly lowSampleCountPercentile?: "evaluate" | "ignore";
}

export interface CompositeAlarmConfiguration extends AlarmActions {
  readonly kind: "composite";
  readonly description?: string;
  readonly rule: string;
}

export type AlarmConfiguration = MetricAlarmConfiguration | CompositeAlarmConfiguration;

export interface AlarmState {
  readonly value: StateValue;
  readonly reason: string;
  /** JSON */
  readonly reasonData?: string;
  /** ms since the epoch, of the last change of anything in here. */
  readonly updatedAt: number;
  /** ms since the epoch, of the last change of the value. */
  readonly transitionedAt: number;
}

export interface Alarm<Configuration extends AlarmConfiguration = AlarmConfiguration> {
  readonly configuration: Configuration;
  /** ms since the epoch */
  readonly configuredAt: number;
  readonly state: AlarmState;
}

/** The status of the record is the value of the state. */
export type AlarmRecord<Configuration extends AlarmConfiguration = AlarmConfiguration> = StoredRecord<
  Alarm<Configuration>
>;

export type MetricAlarmRecord = AlarmRecord<MetricAlarmConfiguration>;
export type CompositeAlarmRecord = AlarmRecord<CompositeAlarmConfiguration>;

export const initialReason = "Unchecked: Initial alarm creation";

export function isMetricAlarm(record: AlarmRecord): record is MetricAlarmRecord {
  return record.body.configuration.kind === "metric";
}

export function isCompositeAlarm(record: AlarmRecord): record is CompositeAlarmRecord {
  return record.body.configuration.kind === "composite";
}
