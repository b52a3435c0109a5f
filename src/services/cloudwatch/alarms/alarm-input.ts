/** The input of PutMetricAlarm and PutCompositeAlarm, checked and brought into our own form. */
import type {
  PutCompositeAlarmInput,
  PutMetricAlarmInput,
  StateValue,
} from "../../../protocol/generated/cloudwatch.ts";
import { parseArn } from "../../../resources/arn.ts";
import { validationError } from "../errors.ts";
import { compileQueries } from "../math/metric-queries.ts";
import { checkDimensions, checkName, checkNamespace } from "../metrics/metric-names.ts";
import { isExtended, parseStatistic } from "../statistics/statistic.ts";
import type { MetricSpace } from "../store/metric-index.ts";
import type {
  AlarmActions,
  CompositeAlarmConfiguration,
  MetricAlarmConfiguration,
  MissingDataTreatment,
  ThresholdComparison,
} from "./alarm-record.ts";
import { alarmsOf, parseAlarmRule } from "./alarm-rule.ts";
import { comparisons } from "./threshold.ts";

const treatments: readonly MissingDataTreatment[] = ["missing", "ignore", "breaching", "notBreaching"];
const day = 86_400;
/** Alarms with periods of an hour or more may look back for a week. */
const week = 7 * day;
const maxChildren = 100;

export function checkAlarmName(name: string): string {
  return asValidation(() => checkName(name, "AlarmName"));
}

export function metricAlarm(space: MetricSpace, input: PutMetricAlarmInput): MetricAlarmConfiguration {
  const { EvaluationPeriods, DatapointsToAlarm, Threshold, TreatMissingData, AlarmDescription } = input;
  if (EvaluationPeriods === undefined) throw validationError("The parameter EvaluationPeriods is required.");
  if (Threshold === undefined) throw validationError("The parameter Threshold is required.");
  if (!Number.isFinite(Threshold)) throw validationError(`The value ${Threshold} for parameter Threshold is invalid.`);
  if (DatapointsToAlarm !== undefined && DatapointsToAlarm > EvaluationPeriods) {
    throw validationError(
      `DatapointsToAlarm (${DatapointsToAlarm}) must be less than or equal to EvaluationPeriods (${EvaluationPeriods})`,
    );
  }
  if (TreatMissingData !== undefined && !treatments.includes(TreatMissingData as MissingDataTreatment)) {
    throw validationError(
      `The value ${TreatMissingData} for parameter TreatMissingData must be a value in the set [ ${treatments.join(", ")} ].`,
    );
  }
  const { watched, period } = input.Metrics === undefined ? watchedMetric(input) : watchedQueries(input);
  const longest = period >= 3600 ? week : day;
  if (period * EvaluationPeriods > longest) {
    throw validationError(
      `Metrics cannot be checked across more than ${longest === day ? "a day" : "seven days"} (EvaluationPeriods * Period must be <= ${longest})`,
    );
  }
  const lowSampleCountPercentile = lowSampleCount(input);
  return {
    kind: "metric",
    ...(AlarmDescription === undefined ? {} : { description: AlarmDescription }),
    ...alarmActions(space, input),
    watched,
    period,
    evaluationPeriods: EvaluationPeriods,
    ...(DatapointsToAlarm === undefined ? {} : { datapointsToAlarm: DatapointsToAlarm }),
    threshold: Threshold,
    comparison: comparisonOf(input),
    ...(TreatMissingData === undefined ? {} : { treatMissingData: TreatMissingData as MissingDataTreatment }),
    ...(lowSampleCountPercentile === undefined ? {} : { lowSampleCountPercentile }),
  };
}

function comparisonOf({ ComparisonOperator }: PutMetricAlarmInput): ThresholdComparison {
  if (ComparisonOperator === undefined) throw validationError("The parameter ComparisonOperator is required.");
  // Comparisons with a band are refused before by name.
  if (Object.hasOwn(comparisons, ComparisonOperator)) return ComparisonOperator as ThresholdComparison;
  throw validationError(`The value ${ComparisonOperator} for parameter ComparisonOperator is invalid.`);
}

type Watched = Pick<MetricAlarmConfiguration, "watched" | "period">;

function watchedMetric(input: PutMetricAlarmInput): Watched {
  const { MetricName, Namespace, Statistic, ExtendedStatistic, Dimensions, Period, Unit } = input;
  if (MetricName === undefined)
    throw validationError("Exactly one of the parameters MetricName and Metrics must be specified.");
  if (Period === undefined) throw validationError("The parameter Period is required.");
  if (![10, 20, 30].includes(Period) && Period % 60 !== 0) {
    throw validationError("Period must be 10, 20, 30 or a multiple of 60");
  }
  if ((Statistic === undefined) === (ExtendedStatistic === undefined)) {
    throw validationError("Exactly one of the parameters Statistic and ExtendedStatistic must be specified.");
  }
  const extended = ExtendedStatistic === undefined ? undefined : parseStatistic(ExtendedStatistic);
  if (ExtendedStatistic !== undefined && (extended === undefined || !isExtended(extended))) {
    throw validationError(`The value ${ExtendedStatistic} for parameter ExtendedStatistic is not supported.`);
  }
  asValidation(() => checkDimensions(Dimensions, "Dimensions"));
  return {
    period: Period,
    watched: {
      metric: {
        namespace: asValidation(() => checkNamespace(Namespace)),
        name: asValidation(() => checkName(MetricName, "MetricName")),
        dimensions: Dimensions ?? [],
        ...(Statistic === undefined ? {} : { statistic: Statistic }),
        ...(ExtendedStatistic === undefined ? {} : { extendedStatistic: ExtendedStatistic }),
        ...(Unit === undefined ? {} : { unit: Unit }),
      },
    },
  };
}

/** The members that describe one metric, which do not go with Metrics. */
const ofOneMetric = [
  "MetricName",
  "Namespace",
  "Statistic",
  "ExtendedStatistic",
  "Dimensions",
  "Period",
  "Unit",
] as const;

function watchedQueries(input: PutMetricAlarmInput): Watched {
  const both = ofOneMetric.find((member) => input[member] !== undefined);
  if (both !== undefined) throw validationError(`The parameters ${both} and Metrics are mutually exclusive.`);
  const queries = input.Metrics!;
  const compiled = compileQueries(queries, "Metrics");
  if (compiled.filter(({ returned }) => returned).length !== 1) {
    throw validationError("Exactly one element of the metrics list should return data.");
  }
  if (queries.some(({ Expression }) => /\bSEARCH\s*\(/i.test(Expression ?? ""))) {
    throw validationError("SEARCH is not supported on Metric Alarms.");
  }
  const periods = compiled.flatMap(({ source, periodMs, returned }) => {
    if ("metric" in source) return [source.metric.periodMs / 1000];
    return returned && periodMs !== undefined ? [periodMs / 1000] : [];
  });
  if (periods.length === 0) throw validationError("At least one element of the metrics list should be a metric.");
  return { period: Math.max(...periods), watched: { queries } };
}

function lowSampleCount(input: PutMetricAlarmInput): "evaluate" | "ignore" | undefined {
  const { EvaluateLowSampleCountPercentile: value, ExtendedStatistic } = input;
  if (value === undefined) return undefined;
  if (value !== "evaluate" && value !== "ignore") {
    throw validationError(`Option ${value} is not supported: EvaluateLowSampleCountPercentile is evaluate or ignore`);
  }
  if (!/^p\d/.test(ExtendedStatistic ?? "")) {
    throw validationError("EvaluateLowSampleCountPercentile is only for alarms on a percentile.");
  }
  return value;
}

export function compositeAlarm(space: MetricSpace, input: PutCompositeAlarmInput): CompositeAlarmConfiguration {
  const { AlarmName, AlarmRule, AlarmDescription } = input;
  const children = alarmsOf(parseAlarmRule(AlarmRule));
  if (children.length > maxChildren) throw validationError(`AlarmRule names more than ${maxChildren} alarms`);
  if (children.includes(AlarmName)) throw validationError(`AlarmRule must not refer to the alarm ${AlarmName} itself`);
  return {
    kind: "composite",
    ...(AlarmDescription === undefined ? {} : { description: AlarmDescription }),
    ...alarmActions(space, input),
    rule: AlarmRule,
  };
}

type ActionMembers = Pick<
  PutMetricAlarmInput,
  "ActionsEnabled" | "AlarmActions" | "OKActions" | "InsufficientDataActions"
>;

function alarmActions({ region }: MetricSpace, input: ActionMembers): AlarmActions {
  const actions: Record<StateValue, readonly string[]> = {
    OK: input.OKActions ?? [],
    ALARM: input.AlarmActions ?? [],
    INSUFFICIENT_DATA: input.InsufficientDataActions ?? [],
  };
  for (const arn of Object.values(actions).flat()) checkAction(arn, region);
  return { actionsEnabled: input.ActionsEnabled ?? true, actions };
}

function checkAction(text: string, region: string): void {
  const arn = parseArn(text);
  if (arn === undefined) throw validationError(`Invalid arn syntax: ${text}`);
  if (arn.service !== "sns") {
    throw validationError(
      `The action ${text} is not supported by Sagebrush: alarms only publish to Amazon SNS topics, there is nothing else they could act on`,
    );
  }
  if (arn.region !== region)
    throw validationError(`Invalid region ${arn.region} specified. Only ${region} is supported.`);
}

function asValidation<Result>(check: () => Result): Result {
  try {
    return check();
  } catch (error) {
    throw validationError((error as Error).message);
  }
}
