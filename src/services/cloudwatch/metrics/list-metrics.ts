/** ListMetrics: which metrics had data lately. */
import type { DimensionFilter, ListMetricsInput, ListMetricsOutput } from "../../../protocol/generated/cloudwatch.ts";
import { AwsError } from "../../../protocol/aws-error.ts";
import { decodePaginationToken, encodePaginationToken } from "../../../resources/pagination-token.ts";
import { invalidValue } from "../errors.ts";
import type { Dimensions, MetricSpace } from "../store/metric-index.ts";
import type { MetricStore } from "../store/metric-store.ts";
import { checkName, checkNamespace } from "./metric-names.ts";

const pageLength = 500;
/** Metrics without data for this long are not listed. */
const shownForMs = 14 * 24 * 3_600_000;
const recentMs = 3 * 3_600_000;
const maxFilters = 10;

export function listMetrics(
  store: MetricStore,
  space: MetricSpace,
  input: ListMetricsInput,
  now: number,
): ListMetricsOutput {
  const { Namespace, MetricName, Dimensions: filters = [], RecentlyActive, NextToken } = input;
  if (Namespace !== undefined) checkNamespace(Namespace);
  if (MetricName !== undefined) checkName(MetricName, "MetricName");
  if (RecentlyActive !== undefined && RecentlyActive !== "PT3H") {
    throw invalidValue("The parameter RecentlyActive must be a value in the set [ PT3H ].");
  }
  if (filters.length > maxFilters) {
    throw invalidValue(`The collection Dimensions must not have a size greater than ${maxFilters}.`);
  }
  for (const [index, { Name }] of filters.entries()) checkName(Name, `Dimensions.member.${index + 1}.Name`);
  const query = [space.accountId, space.region, Namespace, MetricName, filters, RecentlyActive];
  const after = NextToken === undefined ? 0 : positionOf(NextToken, query);
  const oldest = now - (RecentlyActive === undefined ? shownForMs : recentMs);

  const Metrics = [];
  let last = after;
  for (const metric of store.metrics(space, { namespace: Namespace, name: MetricName, after })) {
    // The period that holds this moment may have data behind it.
    if (metric.lastStart + 60_000 <= oldest || !fits(metric.dimensions, filters)) continue;
    if (Metrics.length === pageLength) return { Metrics, NextToken: encodePaginationToken(query, [last]) };
    Metrics.push({
      Namespace: metric.namespace,
      MetricName: metric.name,
      Dimensions: metric.dimensions.map(([Name, Value]) => ({ Name, Value })),
    });
    last = metric.order;
  }
  return { Metrics };
}

function positionOf(token: string, query: unknown): number {
  try {
    return decodePaginationToken(token, query, ["number"])[0] as number;
  } catch (error) {
    if (error instanceof AwsError) throw invalidValue("The parameter NextToken is invalid.");
    throw error;
  }
}

/** A filter without a value asks that there is such a dimension. */
function fits(dimensions: Dimensions, filters: readonly DimensionFilter[]): boolean {
  return filters.every(({ Name, Value }) =>
    dimensions.some(([name, value]) => name === Name && (Value === undefined || value === Value)),
  );
}
