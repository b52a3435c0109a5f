/**
 * The functions of metric math, by name.
 *
 * What sums up (`SUM`, `AVG`, …) makes a number of one series, and one series of several, time by time; as CloudWatch
 * does it, `SUM` and `AVG` of several take a missing value for 0. STDDEV is that of the whole population.
 * Source: CloudWatch User Guide, "Using math expressions with CloudWatch metrics".
 */
import { ExpressionError } from "./expression.ts";
import { checkLength, filled, runningSum, slopes, type SlopeKind } from "./series-functions.ts";
import {
  allTimes,
  mapSeries,
  mapValues,
  one,
  scalar,
  withPoints,
  type Span,
  type TimeSeries,
  type Value,
} from "./value.ts";

export type MathFunction = (parameters: readonly Value[], context: FunctionContext) => Value;

export interface FunctionContext {
  readonly name: string;
  readonly span: Span;
  /** Metrics of the request whose id contains the text, in the request's order. */
  readonly metrics: (idPart: string | undefined) => readonly TimeSeries[];
}

type Reducer = (values: readonly number[]) => number;

const sum: Reducer = (values) => values.reduce((total, value) => total + value, 0);
const average: Reducer = (values) => sum(values) / values.length;
const minimum: Reducer = (values) => values.reduce((least, value) => Math.min(least, value), Number.POSITIVE_INFINITY);
const maximum: Reducer = (values) => values.reduce((most, value) => Math.max(most, value), Number.NEGATIVE_INFINITY);
const deviation: Reducer = (values) => {
  const mean = average(values);
  return Math.sqrt(sum(values.map((value) => (value - mean) ** 2)) / values.length);
};

/** @param missing what a series without a value counts as; without it, it does not count */
function reduce(reducer: Reducer, missing?: number): MathFunction {
  return (parameters, { name }) => {
    const [value] = take(parameters, name, 1, 1);
    if (value.kind === "series")
      return scalar(value.series.points.size === 0 ? 0 : reducer([...value.series.points.values()]));
    const items = listOf(value, name);
    const points = allTimes(items).map((at) => {
      const values = items.flatMap(({ points: each }) => each.get(at) ?? missing ?? []);
      return [at, reducer(values)] as const;
    });
    return one(withPoints({ label: name, periodMs: longestPeriod(items), points: new Map() }, points));
  };
}

function each(change: (value: number, at: number) => number): MathFunction {
  return (parameters, { name }) => {
    const [value] = take(parameters, name, 1, 1);
    return value.kind === "scalar" ? scalar(change(value.value, 0)) : mapValues(value, change, name);
  };
}

/** A function of the time of each value, not of the value. */
function ofTime(change: (date: Date) => number): MathFunction {
  return (parameters, { name }) => mapValues(take(parameters, name, 1, 1)[0], (_, at) => change(new Date(at)), name);
}

function slope(kind: SlopeKind): MathFunction {
  return (parameters, { name }) =>
    mapSeries(take(parameters, name, 1, 1)[0], (series) => withPoints(series, slopes(series.points, kind)), name);
}

const sortKeys: Readonly<Record<string, Reducer>> = { SUM: sum, AVG: average, MIN: minimum, MAX: maximum };

/** `AVG` given as a bare word or as text. */
function wordOf(value: Value | undefined, name: string): string {
  if (value?.kind === "text") return value.text.toUpperCase();
  throw new ExpressionError(`${name} takes a word in this place`);
}

const functions: Readonly<Record<string, MathFunction>> = {
  ABS: each(Math.abs),
  CEIL: each(Math.ceil),
  FLOOR: each(Math.floor),
  LOG: each(Math.log),
  LOG10: each(Math.log10),
  AVG: reduce(average, 0),
  SUM: reduce(sum, 0),
  MIN: reduce(minimum),
  MAX: reduce(maximum),
  STDDEV: reduce(deviation),
  DATAPOINT_COUNT: reduce((values) => values.length),
  DIFF: slope("difference"),
  DIFF_TIME: slope("time"),
  RATE: slope("rate"),
  MINUTE: ofTime((date) => date.getUTCMinutes()),
  HOUR: ofTime((date) => date.getUTCHours()),
  // Monday is 1.
  DAY: ofTime((date) => date.getUTCDay() || 7),
  DATE: ofTime((date) => date.getUTCDate()),
  MONTH: ofTime((date) => date.getUTCMonth() + 1),
  YEAR: ofTime((date) => date.getUTCFullYear()),
  EPOCH: ofTime((date) => date.getTime() / 1000),
  RUNNING_SUM: (parameters, { name }) =>
    mapSeries(take(parameters, name, 1, 1)[0], (series) => withPoints(series, runningSum(series.points)), name),
  PERIOD: (parameters, { name }) => {
    const [value] = take(parameters, name, 1, 1);
    if (value.kind !== "series") throw new ExpressionError(`${name} takes one time series`);
    return scalar(value.series.periodMs / 1000);
  },
  METRICS: (parameters, { name, metrics }) => {
    const [part] = take(parameters, name, 0, 1);
    if (part !== undefined && part.kind !== "text") throw new ExpressionError(`${name} takes a text in quotes`);
    return { kind: "list", items: metrics(part?.text) };
  },
  FILL: (parameters, { name, span }) => {
    const [value, filler] = take(parameters, name, 2, 2);
    return mapSeries(value, (series) => withPoints(series, filled(series, filler, span)), name);
  },
  IF: (parameters, { name, span }) => conditional(take(parameters, name, 2, 3), span),
  FIRST: (parameters, { name }) => pick(take(parameters, name, 1, 1)[0], 0, name),
  LAST: (parameters, { name }) => pick(take(parameters, name, 1, 1)[0], -1, name),
  REMOVE_EMPTY: (parameters, { name }) => ({
    kind: "list",
    items: listOf(take(parameters, name, 1, 1)[0], name).filter(({ points }) => points.size > 0),
  }),
  SLICE: (parameters, { name }) => {
    const [value, from, to] = take(parameters, name, 2, 3);
    const items = listOf(value, name);
    const start = numberOf(from, name);
    if (to !== undefined) return { kind: "list", items: items.slice(start, numberOf(to, name)) };
    return pick(value, start, name);
  },
  SORT: (parameters, { name }) => {
    const [value, by, order, count] = take(parameters, name, 3, 4);
    const key = sortKeys[wordOf(by, name)];
    const direction = { ASC: 1, DESC: -1 }[wordOf(order, name)];
    if (key === undefined || direction === undefined) {
      throw new ExpressionError(`${name} sorts by AVG, MIN, MAX or SUM, in the order ASC or DESC`);
    }
    const ranked = listOf(value, name)
      .filter(({ points }) => points.size > 0)
      .map((series) => ({ series, rank: key([...series.points.values()]) }))
      .sort((a, b) => direction * (a.rank - b.rank));
    const shown = count === undefined ? ranked : ranked.slice(0, numberOf(count, name));
    return { kind: "list", items: shown.map(({ series }) => series) };
  },
  TIME_SERIES: (parameters, { name, span }) => {
    const [value] = take(parameters, name, 1, 1);
    return one(constant(numberOf(value, name), span, name));
  },
};

/** Words that stand for themselves where a function expects them. */
export const bareWords: ReadonlySet<string> = new Set(["ASC", "DESC", "SUM", "AVG", "MIN", "MAX", "REPEAT", "LINEAR"]);

const refused: Readonly<Record<string, string>> = {
  ANOMALY_DETECTION_BAND: "there are no anomaly detectors",
  SERVICE_QUOTA: "there are no service quotas",
  INSIGHT_RULE_METRIC: "there are no insight rules",
  DB_PERF_INSIGHTS: "there are no databases to look into",
  LAMBDA: "there are no connected data sources",
};

/** @throws ExpressionError when there is no such function */
export function callFunction(name: string, parameters: readonly Value[], context: FunctionContext): Value {
  if (Object.hasOwn(refused, name)) {
    throw new ExpressionError(`The function ${name} is not supported by Sagebrush: ${refused[name]}`);
  }
  if (!Object.hasOwn(functions, name)) throw new ExpressionError(`There is no function ${name}`);
  return functions[name](parameters, context);
}

/**
 * Time by time where one of the three is a series: where the condition has no value there is no result.
 */
function conditional([condition, yes, no]: readonly Value[], span: Span): Value {
  if (condition.kind === "scalar") {
    if (condition.value !== 0) return yes;
    return no ?? one({ label: "IF", periodMs: span.periodMs, points: new Map() });
  }
  if (condition.kind !== "series") throw new ExpressionError("IF takes a number or one time series as its condition");
  const valueAt = (value: Value | undefined, at: number): number | undefined => {
    if (value === undefined) return undefined;
    if (value.kind === "scalar") return value.value;
    if (value.kind === "series") return value.series.points.get(at);
    throw new ExpressionError("IF takes numbers and single time series");
  };
  const points = [...condition.series.points].flatMap(([at, truth]) => {
    const value = valueAt(truth === 0 ? no : yes, at);
    return value === undefined ? [] : [[at, value] as const];
  });
  return one(withPoints(condition.series, points));
}

export function constant(value: number, { from, to, periodMs }: Span, label: string): TimeSeries {
  checkLength(from, to, periodMs);
  const points = new Map<number, number>();
  for (let at = Math.ceil(from / periodMs) * periodMs; at < to; at += periodMs) points.set(at, value);
  return { label, periodMs, points };
}

function pick(value: Value, place: number, name: string): Value {
  const found = listOf(value, name).at(place);
  return found === undefined ? { kind: "list", items: [] } : one(found);
}

function take(parameters: readonly Value[], name: string, least: number, most: number): readonly Value[] {
  if (parameters.length >= least && parameters.length <= most) return parameters;
  const wanted = least === most ? String(least) : `${least} to ${most}`;
  throw new ExpressionError(`${name} takes ${wanted} parameters, got ${parameters.length}`);
}

function listOf(value: Value, name: string): readonly TimeSeries[] {
  if (value.kind === "list") return value.items;
  if (value.kind === "series") return [value.series];
  throw new ExpressionError(`${name} takes a time series or an array of them`);
}

function numberOf(value: Value, name: string): number {
  if (value.kind === "scalar") return value.value;
  throw new ExpressionError(`${name} takes a number in this place`);
}

function longestPeriod(series: readonly TimeSeries[]): number {
  return series.reduce((longest, { periodMs }) => Math.max(longest, periodMs), 1000);
}
