/** GetMetricStatistics: one metric, several statistics. */
import type {
  Datapoint,
  GetMetricStatisticsInput,
  GetMetricStatisticsOutput,
  StandardUnit,
  Statistic,
} from "../../../protocol/generated/cloudwatch.ts";
import { invalidCombination, invalidValue, missingParameter } from "../errors.ts";
import { evaluateStatistic, isExtended, parseStatistic } from "../statistics/statistic.ts";
import type { Summary } from "../statistics/summary.ts";
import type { MetricSpace } from "../store/metric-index.ts";
import type { MetricStore } from "../store/metric-store.ts";
import { checkDimensions, checkName, checkNamespace } from "./metric-names.ts";
import { isPeriod, roundedStart } from "./periods.ts";
import { checkUnit } from "./units.ts";

const maxDatapoints = 1440;
const maxExtended = 10;

export async function getMetricStatistics(
  store: MetricStore,
  space: MetricSpace,
  input: GetMetricStatisticsInput,
  now: number,
): Promise<GetMetricStatisticsOutput> {
  const metric = {
    namespace: checkNamespace(input.Namespace),
    name: checkName(input.MetricName, "MetricName"),
    dimensions: checkDimensions(input.Dimensions, "Dimensions"),
  };
  const { from, to, periodMs } = checkRange(input, now);
  const statistics = checkStatistics(input);
  const unit = checkUnit(input.Unit, "Unit");
  const found = await store.read(space, metric, { from, to, periodMs, origin: from }, unit);
  const Datapoints = [...found].flatMap(([ofUnit, points]) =>
    points.flatMap(([start, summary]) => datapoint(start, summary, statistics, ofUnit as StandardUnit)),
  );
  return { Label: metric.name, Datapoints };
}

function checkRange(input: GetMetricStatisticsInput, now: number): { from: number; to: number; periodMs: number } {
  for (const member of ["StartTime", "EndTime", "Period"] as const) {
    if (input[member] === undefined) throw missingParameter(member);
  }
  const { StartTime, EndTime, Period } = input;
  if (StartTime.getTime() >= EndTime.getTime()) {
    throw invalidCombination("The parameter StartTime must be less than the parameter EndTime.");
  }
  if (!isPeriod(Period)) throw invalidValue("The parameter Period must be 1, 5, 10, 30, or a multiple of 60.");
  const periodMs = Period * 1000;
  const from = roundedStart(StartTime.getTime(), periodMs, now);
  const to = EndTime.getTime();
  const count = Math.ceil((to - from) / periodMs);
  if (count > maxDatapoints) {
    throw invalidCombination(
      `You have requested up to ${count} datapoints, which exceeds the limit of ${maxDatapoints}. You may reduce the datapoints requested by increasing Period, or decreasing the time range.`,
    );
  }
  return { from, to, periodMs };
}

interface Statistics {
  readonly simple: readonly Statistic[];
  readonly extended: readonly string[];
}

function checkStatistics({ Statistics = [], ExtendedStatistics = [] }: GetMetricStatisticsInput): Statistics {
  if (Statistics.length === 0 && ExtendedStatistics.length === 0) {
    throw invalidCombination("At least one of the parameters Statistics and ExtendedStatistics must be specified.");
  }
  for (const [index, name] of Statistics.entries()) {
    const statistic = parseStatistic(name);
    if (statistic === undefined || isExtended(statistic)) {
      throw invalidValue(
        `The parameter Statistics.member.${index + 1} must be a value in the set [ SampleCount, Average, Sum, Minimum, Maximum ].`,
      );
    }
  }
  if (ExtendedStatistics.length > maxExtended) {
    throw invalidValue(`The collection ExtendedStatistics must not have a size greater than ${maxExtended}.`);
  }
  for (const [index, name] of ExtendedStatistics.entries()) {
    const statistic = parseStatistic(name);
    if (statistic === undefined || !isExtended(statistic)) {
      throw invalidValue(`The value ${name} for parameter ExtendedStatistics.member.${index + 1} is not supported.`);
    }
  }
  return { simple: Statistics, extended: ExtendedStatistics };
}

/** Nothing when only extended statistics are asked for and none can be told. */
function datapoint(start: number, summary: Summary, { simple, extended }: Statistics, unit: StandardUnit): Datapoint[] {
  const told = extended.flatMap((name) => {
    const value = evaluateStatistic(parseStatistic(name)!, summary);
    return value === undefined ? [] : [[name, value] as const];
  });
  if (simple.length === 0 && told.length === 0) return [];
  const values = simple.map((name) => [name, evaluateStatistic(parseStatistic(name)!, summary)]);
  return [
    {
      Timestamp: new Date(start),
      ...Object.fromEntries(values),
      Unit: unit,
      ...(told.length === 0 ? {} : { ExtendedStatistics: Object.fromEntries(told) }),
    },
  ];
}
