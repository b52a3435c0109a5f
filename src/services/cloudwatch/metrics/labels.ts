/**
 * Labels with values in them: `Errors [max: ${MAX}]`.
 *
 * Source: CloudWatch User Guide, "Using dynamic labels".
 */
import type { TimeSeries } from "../math/value.ts";

type Extract = (values: readonly number[], times: readonly number[]) => number | string;

const highest = (values: readonly number[]) => values.reduce((most, value) => Math.max(most, value));
const lowest = (values: readonly number[]) => values.reduce((least, value) => Math.min(least, value));
const total = (values: readonly number[]) => values.reduce((sum, value) => sum + value, 0);
const time = (at: number) => new Date(at).toISOString();

const dynamic: Readonly<Record<string, Extract>> = {
  AVG: (values) => total(values) / values.length,
  SUM: total,
  MIN: lowest,
  MAX: highest,
  FIRST: (values) => values[0],
  LAST: (values) => values.at(-1)!,
  DATAPOINT_COUNT: (values) => values.length,
  FIRST_TIME: (_, times) => time(times[0]),
  LAST_TIME: (_, times) => time(times.at(-1)!),
  MIN_TIME: (values, times) => time(times[values.indexOf(lowest(values))]),
  MAX_TIME: (values, times) => time(times[values.indexOf(highest(values))]),
};

/** @param template what the client wrote; without variables it is the label */
export function renderLabel(template: string, series: TimeSeries): string {
  return template.replaceAll(/\$\{([A-Z_]+)(?:\('([^']*)'\))?\}/g, (whole, name: string, property?: string) => {
    if (name === "LABEL") return series.label;
    if (name === "PROP") return propertyOf(series, property ?? "") ?? whole;
    if (!Object.hasOwn(dynamic, name)) return whole;
    if (series.points.size === 0) return name === "DATAPOINT_COUNT" ? "0" : "--";
    const value = dynamic[name]([...series.points.values()], [...series.points.keys()]);
    return typeof value === "number" ? String(Number(value.toFixed(3))) : value;
  });
}

function propertyOf({ metric, periodMs }: TimeSeries, property: string): string | undefined {
  if (metric === undefined) return undefined;
  if (property.startsWith("Dim.")) return metric.dimensions.find(([name]) => name === property.slice(4))?.[1];
  const properties: Readonly<Record<string, string>> = {
    Namespace: metric.namespace,
    MetricName: metric.name,
    Stat: metric.stat,
    Period: String(periodMs / 1000),
  };
  return Object.hasOwn(properties, property) ? properties[property] : undefined;
}
