/** What expressions of metric math are made of: scalars, time series, lists of time series, text. */
import type { MetricName } from "../store/metric-index.ts";
import { ExpressionError } from "./expression.ts";

/** Values by the beginning of their periods, ms since the epoch, in ascending order. */
export type Points = ReadonlyMap<number, number>;

export interface TimeSeries {
  readonly label: string;
  readonly periodMs: number;
  readonly points: Points;
  /** The metric it is, when it is one. */
  readonly metric?: MetricName & { readonly stat: string };
}

export type Value =
  | { readonly kind: "scalar"; readonly value: number }
  | { readonly kind: "series"; readonly series: TimeSeries }
  | { readonly kind: "list"; readonly items: readonly TimeSeries[] }
  | { readonly kind: "text"; readonly text: string };

/** The stretch of time that a request asks for: what FILL fills and TIME_SERIES draws. */
export interface Span {
  readonly from: number;
  readonly to: number;
  /** The period of results that have none of their own, ms. */
  readonly periodMs: number;
}

export function scalar(value: number): Value {
  return { kind: "scalar", value };
}

export function one(series: TimeSeries): Value {
  return { kind: "series", series };
}

/** A series with other points; what is no number, as one divided by zero, is no point. */
export function withPoints(series: TimeSeries, points: Iterable<readonly [number, number]>): TimeSeries {
  const kept = new Map<number, number>();
  for (const [at, value] of points) if (Number.isFinite(value)) kept.set(at, value);
  return { label: series.label, periodMs: series.periodMs, points: kept };
}

/** Applies a function to each value of one or of many series. */
export function mapValues(value: Value, change: (value: number, at: number) => number, what: string): Value {
  return mapSeries(
    value,
    (series) =>
      withPoints(
        series,
        [...series.points].map(([at, each]) => [at, change(each, at)] as const),
      ),
    what,
  );
}

export function mapSeries(value: Value, change: (series: TimeSeries) => TimeSeries, what: string): Value {
  if (value.kind === "series") return one(change(value.series));
  if (value.kind === "list") return { kind: "list", items: value.items.map(change) };
  throw new ExpressionError(`${what} takes a time series or an array of them`);
}

/** Beginnings of all periods in which one of the series has a value. */
export function allTimes(series: readonly TimeSeries[]): number[] {
  const times = new Set<number>();
  for (const { points } of series) for (const at of points.keys()) times.add(at);
  return [...times].sort((a, b) => a - b);
}

/** Applies an operator to two values, time by time; where one side has no value there is none. */
export function combine(left: Value, right: Value, operate: (a: number, b: number) => number): Value {
  if (left.kind === "text" || right.kind === "text") throw new ExpressionError("Text cannot be calculated with");
  if (left.kind === "list" && right.kind === "list") {
    throw new ExpressionError("An operator takes at most one array of time series");
  }
  if (left.kind === "list") {
    return { kind: "list", items: left.items.map((item) => combineSeries(one(item), right, operate)) };
  }
  if (right.kind === "list") {
    return { kind: "list", items: right.items.map((item) => combineSeries(left, one(item), operate)) };
  }
  if (left.kind === "scalar" && right.kind === "scalar") return scalar(operate(left.value, right.value));
  return one(combineSeries(left, right, operate));
}

function combineSeries(left: Value, right: Value, operate: (a: number, b: number) => number): TimeSeries {
  if (left.kind === "series" && right.kind === "series") {
    const other = right.series.points;
    const points = [...left.series.points].flatMap(([at, value]) => {
      const second = other.get(at);
      return second === undefined ? [] : [[at, operate(value, second)] as const];
    });
    const periodMs = Math.max(left.series.periodMs, right.series.periodMs);
    return withPoints({ ...left.series, periodMs }, points);
  }
  if (left.kind === "series" && right.kind === "scalar") {
    return withPoints(
      left.series,
      [...left.series.points].map(([at, value]) => [at, operate(value, right.value)] as const),
    );
  }
  if (left.kind === "scalar" && right.kind === "series") {
    return withPoints(
      right.series,
      [...right.series.points].map(([at, value]) => [at, operate(left.value, value)] as const),
    );
  }
  throw new ExpressionError("An operator takes numbers and time series");
}
