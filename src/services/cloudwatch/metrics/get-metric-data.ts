/** GetMetricData: many metrics and expressions over them, page by page. */
import type {
  GetMetricDataInput,
  GetMetricDataOutput,
  MetricDataResult,
} from "../../../protocol/generated/cloudwatch.ts";
import { AwsError } from "../../../protocol/aws-error.ts";
import { decodePaginationToken, encodePaginationToken } from "../../../resources/pagination-token.ts";
import { invalidNextToken, validationError } from "../errors.ts";
import { compileQueries, QueryEvaluation, type CompiledQuery } from "../math/metric-queries.ts";
import type { TimeSeries, Value } from "../math/value.ts";
import type { MetricSpace } from "../store/metric-index.ts";
import type { MetricStore } from "../store/metric-store.ts";
import { floorTo } from "../store/tiers.ts";
import { renderLabel } from "./labels.ts";
import { roundedStart } from "./periods.ts";

const maxQueries = 500;
const maxDatapoints = 100_800;

/** One result before it is cut into pages. */
interface WholeResult {
  readonly id: string;
  readonly label: string;
  readonly points: readonly (readonly [at: number, value: number])[];
}

export async function getMetricData(
  store: MetricStore,
  space: MetricSpace,
  input: GetMetricDataInput,
  now: number,
): Promise<GetMetricDataOutput> {
  const { StartTime, EndTime, NextToken, ScanBy, MaxDatapoints = maxDatapoints } = input;
  if (StartTime.getTime() >= EndTime.getTime()) {
    throw validationError("The parameter EndTime must be greater than StartTime");
  }
  if (MaxDatapoints < 1 || MaxDatapoints > maxDatapoints) {
    throw validationError(`The parameter MaxDatapoints must be between 1 and ${maxDatapoints}.`);
  }
  const queries = checkQueries(input);
  const query = [input.MetricDataQueries, StartTime.getTime(), EndTime.getTime(), ScanBy, MaxDatapoints];
  const start = NextToken === undefined ? 0 : positionOf(NextToken, query);

  const results = await wholeResults(store, space, queries, input, now);
  if (ScanBy !== "TimestampAscending") for (const [index, each] of results.entries()) results[index] = reversed(each);
  const { page, next } = pageOf(results, start, MaxDatapoints);
  return {
    MetricDataResults: page,
    Messages: [],
    ...(next === undefined ? {} : { NextToken: encodePaginationToken(query, [next]) }),
  };
}

function checkQueries({ MetricDataQueries }: GetMetricDataInput): CompiledQuery[] {
  if (MetricDataQueries.length === 0) throw validationError("The parameter MetricDataQueries is required.");
  if (MetricDataQueries.length > maxQueries) {
    throw validationError(`The collection MetricDataQueries must not have a size greater than ${maxQueries}.`);
  }
  const queries = compileQueries(MetricDataQueries, "MetricDataQueries");
  if (!queries.some(({ returned }) => returned)) {
    throw validationError("At least one of the MetricDataQueries must have the parameter ReturnData set to true.");
  }
  return queries;
}

function positionOf(token: string, query: unknown): number {
  try {
    return decodePaginationToken(token, query, ["number"])[0] as number;
  } catch (error) {
    throw error instanceof AwsError ? invalidNextToken() : error;
  }
}

async function wholeResults(
  store: MetricStore,
  space: MetricSpace,
  queries: readonly CompiledQuery[],
  { StartTime, EndTime }: GetMetricDataInput,
  now: number,
): Promise<WholeResult[]> {
  // Periods are whole at their beginning, so the longest of them says where reading starts.
  const periods = queries.flatMap(({ source }) => ("metric" in source ? [source.metric.periodMs] : []));
  const longest = Math.max(...periods, 1000);
  const rounded = roundedStart(StartTime.getTime(), longest, now);
  const from = floorTo(rounded, longest);
  const evaluation = new QueryEvaluation(store, space, queries, { from, to: EndTime.getTime(), now });
  const results: WholeResult[] = [];
  for (const { id, label, returned } of queries) {
    if (!returned) continue;
    const value = await evaluation.valueOf(id);
    for (const series of seriesOf(value, id)) {
      const template =
        value.kind === "list" && label !== undefined && !label.includes("${") ? `${label} ${series.label}` : label;
      // Shorter periods that were over before the range began came along with the longest.
      const points = [...series.points].filter(([at]) => at >= floorTo(rounded, series.periodMs));
      results.push({ id, label: renderLabel(template ?? series.label, series), points });
    }
  }
  return results;
}

/** An expression may give several series, or none; a number is no result. */
function seriesOf(value: Value, id: string): readonly TimeSeries[] {
  if (value.kind === "list") return value.items;
  if (value.kind === "series")
    return [value.series.metric === undefined ? { ...value.series, label: id } : value.series];
  throw validationError(
    `Error in expression '${id}': It must return a time series; TIME_SERIES makes one of a number, and ReturnData false hides it.`,
  );
}

function reversed(result: WholeResult): WholeResult {
  return { ...result, points: result.points.toReversed() };
}

/** The data points from `start` on, counted through all results. */
function pageOf(
  results: readonly WholeResult[],
  start: number,
  length: number,
): { page: MetricDataResult[]; next: number | undefined } {
  const end = start + length;
  const page: MetricDataResult[] = [];
  let before = 0;
  for (const { id, label, points } of results) {
    const shown = points.slice(Math.max(0, start - before), Math.max(0, end - before));
    const ends = before + points.length;
    // A result without data is told of once, on the first page.
    if (shown.length > 0 || (points.length === 0 && start === 0)) {
      page.push({
        Id: id,
        Label: label,
        Timestamps: shown.map(([at]) => new Date(at)),
        Values: shown.map(([, value]) => value),
        StatusCode: points.length > 0 && ends > end ? "PartialData" : "Complete",
      });
    }
    before = ends;
  }
  return { page, next: before > end ? end : undefined };
}
