/**
 * A set of metric queries, as GetMetricData and alarms have them: metrics with a statistic, and expressions over them.
 *
 * Every metric is read once, and every expression evaluated once, when something asks for it.
 */
import type { MetricDataQuery } from "../../../protocol/generated/cloudwatch.ts";
import { validationError } from "../errors.ts";
import { checkDimensions, checkName, checkNamespace } from "../metrics/metric-names.ts";
import { isPeriod } from "../metrics/periods.ts";
import { checkUnit } from "../metrics/units.ts";
import { evaluateStatistic, parseStatistic } from "../statistics/statistic.ts";
import { Summary } from "../statistics/summary.ts";
import { addTo } from "../store/compaction.ts";
import type { MetricName, MetricSpace } from "../store/metric-index.ts";
import type { MetricStore } from "../store/metric-store.ts";
import { evaluateExpression } from "./evaluate.ts";
import { ExpressionError, parseExpression, referencesOf, type Expression } from "./expression.ts";
import { compileSearch } from "./search.ts";
import { one, type Span, type TimeSeries, type Value } from "./value.ts";

/** SEARCH finds at most this many; CloudWatch's own limit. */
const maxSearchResults = 100;
const searchedForMs = 14 * 24 * 3_600_000;

export interface MetricReading extends MetricName {
  readonly stat: string;
  readonly periodMs: number;
  readonly unit?: string;
}

export interface CompiledQuery {
  readonly id: string;
  readonly label?: string;
  readonly returned: boolean;
  /** Of an expression that says one, ms. */
  readonly periodMs?: number;
  readonly source: { readonly metric: MetricReading } | { readonly expression: Expression };
}

/**
 * Checks queries and parses their expressions.
 * @param parameter the list's place in the input, e.g. `MetricDataQueries`
 * @throws AwsError ValidationError
 */
export function compileQueries(queries: readonly MetricDataQuery[], parameter: string): CompiledQuery[] {
  const compiled = queries.map((query, index) => compileQuery(query, `${parameter}.member.${index + 1}`));
  const ids = new Set(compiled.map(({ id }) => id));
  if (ids.size < compiled.length) throw validationError(`The values for parameter id in ${parameter} are not unique.`);
  checkReferences(compiled, ids);
  return compiled;
}

function compileQuery(query: MetricDataQuery, parameter: string): CompiledQuery {
  const { Id, MetricStat, Expression: text, Label, Period, ReturnData } = query;
  if (!/^[a-z][a-zA-Z0-9_]*$/.test(Id)) {
    throw validationError(
      `The value ${Id} for parameter ${parameter}.Id is not matching the expected pattern ^[a-z][a-zA-Z0-9_]*$.`,
    );
  }
  if (MetricStat !== undefined && text !== undefined) {
    throw validationError(
      `The parameters ${parameter}.MetricStat and ${parameter}.Expression are mutually exclusive and you have specified both.`,
    );
  }
  if (Period !== undefined) checkPeriod(Period, `${parameter}.Period`);
  const common = {
    id: Id,
    ...(Label === undefined ? {} : { label: Label }),
    returned: ReturnData ?? true,
    ...(Period === undefined ? {} : { periodMs: Period * 1000 }),
  };
  if (MetricStat !== undefined) {
    return { ...common, source: { metric: metricReading(MetricStat, `${parameter}.MetricStat`) } };
  }
  if (text === undefined) {
    throw validationError(
      `At least one of the parameters ${parameter}.MetricStat and ${parameter}.Expression must be specified.`,
    );
  }
  return { ...common, source: { expression: compileText(Id, text) } };
}

function metricReading(stat: NonNullable<MetricDataQuery["MetricStat"]>, parameter: string): MetricReading {
  const { Metric, Period, Stat, Unit } = stat;
  checkPeriod(Period, `${parameter}.Period`);
  if (parseStatistic(Stat) === undefined) {
    throw validationError(`The value ${Stat} for parameter ${parameter}.Stat is not supported.`);
  }
  const unit = asValidationError(() => checkUnit(Unit, `${parameter}.Unit`));
  return asValidationError(() => ({
    namespace: checkNamespace(Metric.Namespace, `${parameter}.Metric.Namespace`),
    name: checkName(Metric.MetricName, `${parameter}.Metric.MetricName`),
    dimensions: checkDimensions(Metric.Dimensions, `${parameter}.Metric.Dimensions`),
    stat: Stat,
    periodMs: Period * 1000,
    ...(unit === undefined ? {} : { unit }),
  }));
}

function checkPeriod(seconds: number, parameter: string): void {
  if (isPeriod(seconds)) return;
  throw validationError(`The parameter ${parameter} must be 1, 5, 10, 30, or a multiple of 60.`);
}

/** The operations of 2010 and the later ones share these checks, but not the codes. */
function asValidationError<Result>(check: () => Result): Result {
  try {
    return check();
  } catch (error) {
    throw validationError((error as Error).message);
  }
}

function compileText(id: string, text: string): Expression {
  if (/^\s*select\b/i.test(text)) {
    throw validationError(
      `Error in expression '${id}': Metrics Insights queries (SELECT) are not supported by Sagebrush: use SEARCH or metric math`,
    );
  }
  return inExpression(id, () => parseExpression(text));
}

/** Expressions may use what stands before or behind them, but not themselves. */
function checkReferences(queries: readonly CompiledQuery[], ids: ReadonlySet<string>): void {
  const references = new Map<string, Set<string>>();
  for (const { id, source } of queries) {
    if (!("expression" in source)) continue;
    const used = new Set([...referencesOf(source.expression)].filter((each) => /^[a-z]/.test(each)));
    const unknown = [...used].filter((each) => !ids.has(each));
    if (unknown.length > 0) {
      throw validationError(`Error in expression '${id}': The following ids were not found: ${unknown.join(", ")}`);
    }
    references.set(id, used);
  }
  const settled = new Set<string>();
  const visit = (id: string, path: readonly string[]): void => {
    if (settled.has(id)) return;
    if (path.includes(id)) throw validationError(`Error in expression '${id}': It refers to itself`);
    for (const next of references.get(id) ?? []) visit(next, [...path, id]);
    settled.add(id);
  };
  for (const id of references.keys()) visit(id, []);
}

function inExpression<Result>(id: string, work: () => Result): Result {
  try {
    return work();
  } catch (error) {
    throw expressionFault(id, error);
  }
}

function expressionFault(id: string, error: unknown): unknown {
  return error instanceof ExpressionError ? validationError(`Error in expression '${id}': ${error.message}`) : error;
}

export interface QueryRange {
  /** ms since the epoch; data of [from, to). */
  readonly from: number;
  readonly to: number;
  /** A moment at which a period begins; the epoch by default. */
  readonly origin?: number;
  /** ms since the epoch: which metrics SEARCH takes for alive. */
  readonly now: number;
}

/** What a metric has in a stretch of time, all units together, as summaries by the beginning of the period. */
export async function readSummaries(
  store: MetricStore,
  space: MetricSpace,
  { unit, periodMs, ...metric }: Omit<MetricReading, "stat">,
  { from, to, origin }: QueryRange,
): Promise<ReadonlyMap<number, Summary>> {
  const found = await store.read(
    space,
    metric,
    { from, to, periodMs, ...(origin === undefined ? {} : { origin }) },
    unit,
  );
  const merged = new Map<number, Summary>();
  for (const points of found.values()) for (const [start, summary] of points) addTo(merged, start, summary);
  return found.size < 2 ? merged : new Map([...merged].sort((a, b) => a[0] - b[0]));
}

/** Evaluates the queries of one request. */
export class QueryEvaluation {
  readonly #store: MetricStore;
  readonly #space: MetricSpace;
  readonly #queries: ReadonlyMap<string, CompiledQuery>;
  readonly #range: QueryRange;
  readonly #values = new Map<string, Promise<Value>>();
  readonly #periodMs: number;

  constructor(store: MetricStore, space: MetricSpace, queries: readonly CompiledQuery[], range: QueryRange) {
    this.#store = store;
    this.#space = space;
    this.#queries = new Map(queries.map((query) => [query.id, query]));
    this.#range = range;
    const periods = queries.flatMap(({ source }) => ("metric" in source ? [source.metric.periodMs] : []));
    this.#periodMs = Math.min(...periods, Number.MAX_SAFE_INTEGER);
  }

  /** @throws AwsError ValidationError for a mistake that shows only with the data */
  async valueOf(id: string): Promise<Value> {
    let value = this.#values.get(id);
    if (value === undefined) {
      value = this.#evaluate(this.#queries.get(id)!);
      this.#values.set(id, value);
    }
    return value;
  }

  async #evaluate({ id, label, periodMs, source }: CompiledQuery): Promise<Value> {
    if ("metric" in source) return one(await this.#read(source.metric, label ?? source.metric.name));
    try {
      return await evaluateExpression(source.expression, {
        span: this.#span(periodMs),
        resolve: (other) => this.valueOf(other),
        metrics: (part) => this.#metrics(part),
        search: (text, stat, seconds) => this.#search(text, stat, seconds),
      });
    } catch (error) {
      throw expressionFault(id, error);
    }
  }

  #span(periodMs: number | undefined): Span {
    const found = periodMs ?? (this.#periodMs === Number.MAX_SAFE_INTEGER ? 300_000 : this.#periodMs);
    return { from: this.#range.from, to: this.#range.to, periodMs: found };
  }

  async #read(metric: MetricReading, label: string): Promise<TimeSeries> {
    const { stat, periodMs } = metric;
    const statistic = parseStatistic(stat)!;
    const points = new Map<number, number>();
    for (const [start, summary] of await readSummaries(this.#store, this.#space, metric, this.#range)) {
      const value = evaluateStatistic(statistic, summary);
      if (value !== undefined) points.set(start, value);
    }
    const { namespace, name, dimensions } = metric;
    return { label, periodMs, points, metric: { namespace, name, dimensions, stat } };
  }

  async #metrics(part: string | undefined): Promise<readonly TimeSeries[]> {
    const found: TimeSeries[] = [];
    for (const { id, source } of this.#queries.values()) {
      if (!("metric" in source) || (part !== undefined && !id.includes(part))) continue;
      const value = await this.valueOf(id);
      if (value.kind === "series") found.push(value.series);
    }
    return found;
  }

  async #search(text: string, stat: string, seconds: number | undefined): Promise<readonly TimeSeries[]> {
    if (parseStatistic(stat) === undefined) throw new ExpressionError(`${stat} is no statistic`);
    if (seconds !== undefined && !isPeriod(seconds)) throw new ExpressionError(`${seconds} is no period`);
    const matches = compileSearch(text);
    const periodMs = seconds === undefined ? this.#span(undefined).periodMs : seconds * 1000;
    const found: TimeSeries[] = [];
    for (const metric of this.#store.metrics(this.#space)) {
      if (metric.lastStart < this.#range.now - searchedForMs || !matches(metric)) continue;
      if (found.length === maxSearchResults) break;
      const { namespace, name, dimensions } = metric;
      const label = [name, ...dimensions.map(([, value]) => value)].join(" ");
      found.push(await this.#read({ namespace, name, dimensions, stat, periodMs }, label));
    }
    return found;
  }
}
