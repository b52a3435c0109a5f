/** A metric filter ready to use: what events of a group say to a metric. */
import { selectorOf } from "../patterns/json-pattern.ts";
import { compileFilterPattern, type FilterPattern } from "../patterns/filter-pattern.ts";
import { numberOf } from "../patterns/pattern-values.ts";
import type { EventPair } from "../events/batch-line.ts";
import type { MetricDatum } from "../ports.ts";

export interface MetricTransformationBody {
  readonly metricName: string;
  readonly metricNamespace: string;
  /** A number, `$.selector` or `$field`. */
  readonly metricValue: string;
  readonly defaultValue?: number;
  /** Names to `$.selector` or `$field`. */
  readonly dimensions?: Readonly<Record<string, string>>;
  readonly unit?: string;
}

export interface MetricFilterBody {
  readonly filterName: string;
  readonly logGroupName: string;
  readonly filterPattern: string;
  readonly transformation: MetricTransformationBody;
}

/** Metrics of filters have one value a minute and set of dimensions. */
export const minuteMs = 60_000;

export interface CompiledMetricFilter {
  readonly id: string;
  readonly transformation: MetricTransformationBody;
  /** One datum for each minute and set of dimensions; none when nothing matched. */
  readonly measure: (events: readonly EventPair[]) => readonly MetricDatum[];
}

export function compileMetricFilter({
  filterName,
  filterPattern,
  transformation,
}: MetricFilterBody): CompiledMetricFilter {
  const pattern = compileFilterPattern(filterPattern);
  return { id: filterName, transformation, measure: (events) => measure(pattern, transformation, events) };
}

/** Whether a text refers to a field of events. */
export function isReference(text: string): boolean {
  return selectorOf(text) !== undefined || /^\$[\p{L}\p{N}_-]+$/u.test(text);
}

function measure(
  pattern: FilterPattern,
  transformation: MetricTransformationBody,
  events: readonly EventPair[],
): readonly MetricDatum[] {
  const found = new Map<string, { readonly datum: MetricDatum; readonly counts: Map<number, number> }>();
  for (const [timestamp, message] of events) {
    if (!pattern.matches(message)) continue;
    const value = valueOf(pattern, message, transformation.metricValue);
    const dimensions = dimensionsOf(pattern, message, transformation.dimensions ?? {});
    // An event without the number, or without a dimension, says nothing to the metric.
    if (value === undefined || dimensions === undefined) continue;
    const minute = Math.floor(timestamp / minuteMs) * minuteMs;
    const key = JSON.stringify([minute, dimensions]);
    let entry = found.get(key);
    if (entry === undefined) {
      entry = { datum: datumOf(transformation, minute, 0, dimensions), counts: new Map() };
      found.set(key, entry);
    }
    entry.counts.set(value, (entry.counts.get(value) ?? 0) + 1);
  }
  return [...found.values()].map(({ datum, counts }) => ({ ...datum, value: [...counts] }));
}

export function datumOf(
  { metricNamespace, metricName, unit }: MetricTransformationBody,
  timestamp: number,
  value: number,
  dimensions: Readonly<Record<string, string>> = {},
): MetricDatum {
  return {
    namespace: metricNamespace,
    name: metricName,
    dimensions,
    ...(unit === undefined ? {} : { unit }),
    timestamp,
    value,
  };
}

function valueOf(pattern: FilterPattern, message: string, metricValue: string): number | undefined {
  const text = isReference(metricValue) ? pattern.valueOf(message, metricValue) : metricValue;
  return text === undefined ? undefined : numberOf(text.trim());
}

function dimensionsOf(
  pattern: FilterPattern,
  message: string,
  wanted: Readonly<Record<string, string>>,
): Readonly<Record<string, string>> | undefined {
  const dimensions: Record<string, string> = {};
  for (const [name, reference] of Object.entries(wanted)) {
    const value = pattern.valueOf(message, reference);
    if (value === undefined || value === "") return undefined;
    dimensions[name] = value;
  }
  return dimensions;
}
