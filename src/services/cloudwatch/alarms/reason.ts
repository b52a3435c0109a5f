/** Why an alarm is in its state, in the words of CloudWatch. */
import type { StateValue } from "../../../protocol/generated/cloudwatch.ts";
import type { MetricAlarmConfiguration } from "./alarm-record.ts";
import { comparisons, type Verdict } from "./threshold.ts";

/** The value of one period; absent when there was no data. */
export interface Reading {
  /** Beginning of the period, ms since the epoch. */
  readonly at: number;
  readonly value: number | undefined;
  readonly sampleCount?: number;
}

/** @param readings the range, the oldest first */
export function stateReason(
  configuration: MetricAlarmConfiguration,
  readings: readonly Reading[],
  verdict: Verdict,
  from: StateValue,
  to: StateValue,
): string {
  const {
    evaluationPeriods,
    datapointsToAlarm = evaluationPeriods,
    comparison,
    threshold,
    treatMissingData,
  } = configuration;
  const { evaluated, filled } = verdict;
  if (to === "INSUFFICIENT_DATA") {
    return `Insufficient Data: ${count(evaluationPeriods, "datapoint")} ${evaluationPeriods === 1 ? "was" : "were"} unknown.`;
  }
  const treated = `${count(filled, "missing datapoint")} ${filled === 1 ? "was" : "were"} treated as [${treatMissingData === "breaching" ? "Breaching" : "NonBreaching"}]`;
  if (evaluated.length === 0) {
    return `Threshold Crossed: no datapoints were received for ${count(filled, "period")} and ${treated}.`;
  }
  const { holds, words } = comparisons[comparison];
  const values = evaluated.map((place) => readings[place]).toReversed();
  const crossing = values.filter(({ value }) => holds(value!, threshold) === (to === "ALARM"));
  const points = `[${crossing.map(({ at, value }) => `${javaDouble(value!)} (${shortTime(at)})`).join(", ")}]`;
  const verb = crossing.length === 1 ? "was" : "were";
  const not = to === "ALARM" ? "" : "not ";
  const crossed = `${verb} ${not}${words} the threshold (${javaDouble(threshold)})`;
  if (filled > 0 && crossing.length === 0) {
    return `Threshold Crossed: no datapoints of ${values.length} ${crossed} and ${treated}.`;
  }
  if (filled > 0) {
    return `Threshold Crossed: ${crossing.length} out of the last ${count(values.length, "datapoint")} ${points} ${crossed} and ${treated}.`;
  }
  const needed = to === "ALARM" ? datapointsToAlarm : evaluationPeriods - datapointsToAlarm + 1;
  return `Threshold Crossed: ${crossing.length} out of the last ${values.length} datapoints ${points} ${crossed} (minimum ${count(needed, "datapoint")} for ${from} -> ${to} transition).`;
}

/** @param now when the data was read, ms since the epoch */
export function stateReasonData(
  configuration: MetricAlarmConfiguration,
  readings: readonly Reading[],
  verdict: Verdict,
  now: number,
): string {
  const { watched, period, threshold } = configuration;
  const metric = "metric" in watched ? watched.metric : undefined;
  const evaluated = verdict.evaluated.map((place) => readings[place]);
  return JSON.stringify({
    version: "1.0",
    queryDate: isoTime(now),
    startDate: isoTime((evaluated[0] ?? readings[0]).at),
    ...(metric?.unit === undefined ? {} : { unit: metric.unit }),
    ...(metric === undefined ? {} : { statistic: metric.extendedStatistic ?? metric.statistic }),
    period,
    recentDatapoints: evaluated.map(({ value }) => value),
    threshold,
    evaluatedDatapoints: evaluated.toReversed().map(({ at, value, sampleCount }) => ({
      timestamp: isoTime(at),
      ...(sampleCount === undefined ? {} : { sampleCount }),
      value,
    })),
  });
}

function count(number: number, noun: string): string {
  return `${number} ${noun}${number === 1 ? "" : "s"}`;
}

/** A number as Java writes a double: `5.0`, `1.0E7`. */
export function javaDouble(value: number): string {
  const size = Math.abs(value);
  if (value === 0 || (size >= 1e-3 && size < 1e7)) {
    const text = String(value);
    return text.includes(".") ? text : `${text}.0`;
  }
  const [digits, exponent] = value.toExponential().split("e");
  return `${digits.includes(".") ? digits : `${digits}.0`}E${Number(exponent)}`;
}

/** `21/11/26 10:11:00`, UTC. */
function shortTime(at: number): string {
  const [, year, month, day, time] = /^\d\d(\d\d)-(\d\d)-(\d\d)T(.{8})/.exec(new Date(at).toISOString())!;
  return `${day}/${month}/${year} ${time}`;
}

/** `2026-11-21T10:11:00.000+0000` */
export function isoTime(at: number): string {
  return new Date(at).toISOString().replace("Z", "+0000");
}

/** `Saturday 21 November, 2026 10:11:00 UTC` */
export function longTime(at: number): string {
  const date = new Date(at);
  const part = (options: Intl.DateTimeFormatOptions) =>
    new Intl.DateTimeFormat("en-US", { ...options, timeZone: "UTC" }).format(date);
  const day = String(date.getUTCDate()).padStart(2, "0");
  return `${part({ weekday: "long" })} ${day} ${part({ month: "long" })}, ${date.getUTCFullYear()} ${date.toISOString().slice(11, 19)} UTC`;
}
