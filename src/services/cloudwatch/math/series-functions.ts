/** Functions that look along one time series. */
import { ExpressionError } from "./expression.ts";
import type { Points, Span, TimeSeries, Value } from "./value.ts";

type Pair = readonly [at: number, value: number];

export type SlopeKind = "difference" | "time" | "rate";

const slopeOf: Readonly<Record<SlopeKind, (change: number, seconds: number) => number>> = {
  difference: (change) => change,
  time: (_, seconds) => seconds,
  rate: (change, seconds) => change / seconds,
};

/** From each value to the next; the first has none. */
export function slopes(points: Points, kind: SlopeKind): Pair[] {
  const all = [...points];
  return all
    .slice(1)
    .map(([at, value], index) => [at, slopeOf[kind](value - all[index][1], (at - all[index][0]) / 1000)]);
}

export function runningSum(points: Points): Pair[] {
  let total = 0;
  return [...points].map(([at, value]) => [at, (total += value)]);
}

/** Values for the periods that have none: a number, the last one (REPEAT), or on the line between neighbours (LINEAR). */
export function filled(series: TimeSeries, filler: Value, { from, to }: Span): Pair[] {
  const { points, periodMs } = series;
  const known = [...points];
  const first = known[0]?.[0] ?? Math.ceil(from / periodMs) * periodMs;
  // The grid of the series goes through its values, wherever its periods begin.
  const start = first - Math.max(0, Math.floor((first - from) / periodMs)) * periodMs;
  checkLength(from, to, periodMs);
  const fill = fillerOf(filler, known);
  const result: Pair[] = [];
  for (let at = start; at < to; at += periodMs) {
    const value = points.get(at) ?? fill(at);
    if (value !== undefined) result.push([at, value]);
  }
  return result;
}

function fillerOf(filler: Value, known: readonly Pair[]): (at: number) => number | undefined {
  if (filler.kind === "scalar") return () => filler.value;
  if (filler.kind === "series") return (at) => filler.series.points.get(at);
  if (filler.kind !== "text") throw new ExpressionError("FILL takes a number, a time series, REPEAT or LINEAR");
  // Asked in ascending order, so the place only moves forward.
  let next = 0;
  const neighbours = (at: number): [Pair | undefined, Pair | undefined] => {
    while (next < known.length && known[next][0] < at) next += 1;
    return [known[next - 1], known[next]];
  };
  if (filler.text === "REPEAT") return (at) => neighbours(at)[0]?.[1];
  if (filler.text !== "LINEAR") throw new ExpressionError("FILL takes a number, a time series, REPEAT or LINEAR");
  return (at) => {
    const [before, after] = neighbours(at);
    if (before === undefined || after === undefined) return undefined;
    return before[1] + ((after[1] - before[1]) * (at - before[0])) / (after[0] - before[0]);
  };
}

/** No result may have more points than a request may return. */
const maxPoints = 100_800;

/** @throws ExpressionError when a series with a value in every period would be too long */
export function checkLength(from: number, to: number, periodMs: number): void {
  const count = Math.ceil((to - from) / periodMs);
  if (count <= maxPoints) return;
  throw new ExpressionError(
    `It would have ${count} data points, at most ${maxPoints} are possible; use a longer Period`,
  );
}
