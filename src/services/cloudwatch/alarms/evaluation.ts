/** Reads what a metric alarm watches and judges it. */
import type { StateValue } from "../../../protocol/generated/cloudwatch.ts";
import { compileQueries, QueryEvaluation, readSummaries, type QueryRange } from "../math/metric-queries.ts";
import { evaluateStatistic, parseStatistic } from "../statistics/statistic.ts";
import type { Summary } from "../statistics/summary.ts";
import type { MetricSpace } from "../store/metric-index.ts";
import { sortedDimensions, type MetricStore } from "../store/metric-store.ts";
import { floorTo } from "../store/tiers.ts";
import type { MetricAlarmConfiguration, MetricAlarmRecord, WatchedMetric } from "./alarm-record.ts";
import { stateReason, stateReasonData, type Reading } from "./reason.ts";
import { comparisons, judge, rangeLength } from "./threshold.ts";

export interface NewState {
  readonly value: StateValue;
  readonly reason: string;
  readonly reasonData?: string;
}

/** How often an alarm is evaluated: its periods end at multiples of this. ms */
export function evaluationIntervalMs({ period }: MetricAlarmConfiguration): number {
  return period < 60 ? 10_000 : 60_000;
}

/**
 * @param now ms since the epoch; the periods judged end at the last whole interval before
 * @returns undefined when the alarm stays in its state
 * @throws AwsError ValidationError when its expression cannot be evaluated over the data
 */
export async function evaluateMetricAlarm(
  store: MetricStore,
  record: MetricAlarmRecord,
  now: number,
): Promise<NewState | undefined> {
  const { configuration, state } = record.body;
  const readings = await read(store, record, configuration, now);
  if (readings === undefined) return undefined;
  const { comparison, threshold, evaluationPeriods, datapointsToAlarm = evaluationPeriods } = configuration;
  const { holds } = comparisons[comparison];
  const verdict = judge(
    readings.map(({ value }) => (value === undefined ? undefined : holds(value, threshold))),
    { evaluationPeriods, datapointsToAlarm, treatMissingData: configuration.treatMissingData ?? "missing" },
  );
  if (verdict.state === undefined || verdict.state === state.value) return undefined;
  return {
    value: verdict.state,
    reason: stateReason(configuration, readings, verdict, state.value, verdict.state),
    reasonData: stateReasonData(configuration, readings, verdict, now),
  };
}

/** The values of the range, the oldest first; undefined when there are too few samples to judge by. */
async function read(
  store: MetricStore,
  space: MetricSpace,
  configuration: MetricAlarmConfiguration,
  now: number,
): Promise<readonly Reading[] | undefined> {
  const { watched, evaluationPeriods } = configuration;
  const periodMs = configuration.period * 1000;
  const to = floorTo(now, evaluationIntervalMs(configuration));
  const length = rangeLength(evaluationPeriods);
  const range: QueryRange = { from: to - length * periodMs, to, origin: to, now };
  const starts = Array.from({ length }, (_, place) => range.from + place * periodMs);
  if ("queries" in watched) return readExpression(store, space, watched.queries, range, starts);
  const { metric } = watched;
  const summaries = await readSummaries(store, space, metricOf(metric, periodMs), range);
  const relevant = starts.slice(-evaluationPeriods).map((at) => summaries.get(at));
  if (configuration.lowSampleCountPercentile === "ignore" && tooFewSamples(metric, relevant)) return undefined;
  const statistic = parseStatistic(metric.extendedStatistic ?? metric.statistic!)!;
  return starts.map((at) => {
    const summary = summaries.get(at);
    const value = summary === undefined ? undefined : evaluateStatistic(statistic, summary);
    return { at, value, ...(summary === undefined ? {} : { sampleCount: summary.count }) };
  });
}

function metricOf({ namespace, name, dimensions, unit }: WatchedMetric, periodMs: number) {
  const pairs = dimensions.map(({ Name, Value }): [string, string] => [Name, Value]);
  return { namespace, name, dimensions: sortedDimensions(pairs), periodMs, ...(unit === undefined ? {} : { unit }) };
}

/** What an alarm's expression returns must be one time series. */
async function readExpression(
  store: MetricStore,
  space: MetricSpace,
  queries: Parameters<typeof compileQueries>[0],
  range: QueryRange,
  starts: readonly number[],
): Promise<readonly Reading[]> {
  const compiled = compileQueries(queries, "Metrics");
  const value = await new QueryEvaluation(store, space, compiled, range).valueOf(
    compiled.find(({ returned }) => returned)!.id,
  );
  const series = value.kind === "series" ? value.series : value.kind === "list" ? value.items[0] : undefined;
  return starts.map((at) => ({ at, value: series?.points.get(at) }));
}

/**
 * Percentiles of few samples say little.
 * Source: CloudWatch User Guide, "Percentile-based alarms and low data samples".
 */
function tooFewSamples({ extendedStatistic }: WatchedMetric, summaries: readonly (Summary | undefined)[]): boolean {
  const statistic = parseStatistic(extendedStatistic ?? "");
  if (statistic?.kind !== "percentile") return false;
  const share = statistic.percent / 100;
  const needed = 10 / (share >= 0.5 ? 1 - share : share);
  const samples = summaries.reduce((total, summary) => total + (summary?.count ?? 0), 0);
  // No data at all is for the treatment of missing data to judge.
  return samples > 0 && samples < needed;
}
