/**
 * The statistics of CloudWatch: the five simple ones, percentiles, and trimmed statistics.
 *
 *     p99.9       the value that 99.9 % of the values do not exceed (nearest rank)
 *     tm90        mean of the lowest 90 %;            TM(10%:90%), TM(150:1000)
 *     wm, tc, ts  winsorized mean, count, sum of the same ranges
 *     PR(:300)    percentage of the values that are at most 300
 *     IQM         TM(25%:75%)
 *
 * Ranges of values exclude their lower bound and include the upper.
 * Source: CloudWatch User Guide, "CloudWatch statistics definitions".
 */
import type { Weighted } from "./distribution.ts";
import type { Summary } from "./summary.ts";

export type SimpleStatistic = "SampleCount" | "Average" | "Sum" | "Minimum" | "Maximum";

interface Range {
  readonly from: number;
  readonly to: number;
  /** Whether the bounds are percentages of the number of values, else values. */
  readonly percent: boolean;
}

type TrimmedKind = "tm" | "wm" | "tc" | "ts" | "pr";

export type StatisticKind =
  | { readonly kind: "simple"; readonly name: SimpleStatistic }
  | { readonly kind: "percentile"; readonly percent: number }
  | { readonly kind: TrimmedKind; readonly range: Range };

const simple: Readonly<Record<SimpleStatistic, (summary: Summary) => number>> = {
  SampleCount: ({ count }) => count,
  Average: ({ sum, count }) => sum / count,
  Sum: ({ sum }) => sum,
  Minimum: ({ min }) => min,
  Maximum: ({ max }) => max,
};

const number = String.raw`-?\d{1,15}(?:\.\d{1,10})?`;
const shortForm = /^(p|tm|wm|tc|ts)(\d{1,3}(?:\.\d{1,10})?)$/;
const longForm = new RegExp(String.raw`^(TM|WM|TC|TS|PR)\((${number})?(%)?:(${number})?(%)?\)$`);

/** @returns undefined when it is none */
export function parseStatistic(text: string): StatisticKind | undefined {
  if (Object.hasOwn(simple, text)) return { kind: "simple", name: text as SimpleStatistic };
  if (text === "IQM") return { kind: "tm", range: { from: 25, to: 75, percent: true } };
  const short = shortForm.exec(text);
  if (short !== null) {
    const percent = Number(short[2]);
    if (percent > 100) return undefined;
    if (short[1] === "p") return { kind: "percentile", percent };
    return { kind: short[1] as TrimmedKind, range: { from: 0, to: percent, percent: true } };
  }
  const long = longForm.exec(text);
  if (long === null) return undefined;
  const kind = long[1].toLowerCase() as TrimmedKind;
  const range = rangeOf(long[2], long[3], long[4], long[5]);
  if (range === undefined || (kind === "pr" && range.percent)) return undefined;
  return { kind, range };
}

function rangeOf(
  from: string | undefined,
  fromSign: string | undefined,
  to: string | undefined,
  toSign: string | undefined,
): Range | undefined {
  if (from === undefined && (to === undefined || fromSign !== undefined)) return undefined;
  if (to === undefined && toSign !== undefined) return undefined;
  const percent = (fromSign ?? toSign) !== undefined;
  if (from !== undefined && to !== undefined && fromSign !== toSign) return undefined;
  const low = from === undefined ? (percent ? 0 : Number.NEGATIVE_INFINITY) : Number(from);
  const high = to === undefined ? (percent ? 100 : Number.POSITIVE_INFINITY) : Number(to);
  if (low >= high || (percent && (low < 0 || high > 100))) return undefined;
  return { from: low, to: high, percent };
}

/** Whether it needs to know the values, not only their sum, count and extremes. */
export function isExtended(statistic: StatisticKind): boolean {
  return statistic.kind !== "simple";
}

/**
 * @returns undefined when the summary cannot say: it is empty, its values are not known, or some are negative, for which
 * CloudWatch has no extended statistics
 */
export function evaluateStatistic(statistic: StatisticKind, summary: Summary): number | undefined {
  if (summary.count === 0) return undefined;
  if (statistic.kind === "simple") return simple[statistic.name](summary);
  const values = summary.min < 0 ? undefined : summary.values();
  if (values === undefined) return undefined;
  if (statistic.kind === "percentile") {
    return statistic.percent === 100 ? summary.max : percentile(values, summary.count, statistic.percent);
  }
  return trimmed(statistic.kind, values, summary.count, statistic.range);
}

/** The smallest value that at least `percent` % of all values do not exceed. */
function percentile(values: readonly Weighted[], count: number, percent: number): number {
  // Sums of counts are inexact: a rank that is reached but for rounding is reached.
  const rank = (percent / 100) * count - count * 1e-12;
  let below = 0;
  for (const [value, occurrences] of values) {
    below += occurrences;
    if (below >= rank) return value;
  }
  return values.at(-1)![0];
}

function trimmed(kind: TrimmedKind, values: readonly Weighted[], count: number, range: Range): number | undefined {
  const kept = range.percent ? keepRanks(values, count, range) : keepValues(values, range);
  const keptCount = kept.reduce((total, [, occurrences]) => total + occurrences, 0);
  const keptSum = kept.reduce((total, [value, occurrences]) => total + value * occurrences, 0);
  switch (kind) {
    case "tc":
      return keptCount;
    case "ts":
      return keptSum;
    case "pr":
      return (keptCount / count) * 100;
    case "tm":
      return keptCount === 0 ? undefined : keptSum / keptCount;
    case "wm":
      return winsorizedMean(values, kept, count, keptSum);
  }
}

/** What lies between two percentages of all values in their order; a value on a border counts in part. */
function keepRanks(values: readonly Weighted[], count: number, { from, to }: Range): Weighted[] {
  const low = (from / 100) * count;
  const high = (to / 100) * count;
  const kept: Weighted[] = [];
  let below = 0;
  for (const [value, occurrences] of values) {
    const inside = Math.min(below + occurrences, high) - Math.max(below, low);
    if (inside > count * 1e-12) kept.push([value, inside]);
    below += occurrences;
  }
  return kept;
}

function keepValues(values: readonly Weighted[], { from, to }: Range): Weighted[] {
  return values.filter(([value]) => value > from && value <= to);
}

/** What is outside counts as the nearest value inside. */
function winsorizedMean(
  values: readonly Weighted[],
  kept: readonly Weighted[],
  count: number,
  keptSum: number,
): number | undefined {
  if (kept.length === 0) return undefined;
  const lowest = kept[0][0];
  const highest = kept.at(-1)![0];
  const keptCount = kept.reduce((total, [, occurrences]) => total + occurrences, 0);
  const below = values.reduce((total, [value, occurrences]) => (value < lowest ? total + occurrences : total), 0);
  const keptOfLowest = kept[0][1];
  const allOfLowest = values.find(([value]) => value === lowest)![1];
  const under = below + (kept.length > 1 ? allOfLowest - keptOfLowest : 0);
  const over = Math.max(0, count - keptCount - under);
  return (keptSum + under * lowest + over * highest) / count;
}
