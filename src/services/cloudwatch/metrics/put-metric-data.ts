/** PutMetricData: what a request says, checked and summed up per metric and period. */
import type { MetricDatum, PutMetricDataInput } from "../../../protocol/generated/cloudwatch.ts";
import { invalidCombination, invalidValue, missingParameter } from "../errors.ts";
import { Summary } from "../statistics/summary.ts";
import type { NewPoint } from "../store/metric-store.ts";
import { checkDimensions, checkName, checkNamespace } from "./metric-names.ts";
import { checkUnit } from "./units.ts";

const maxData = 1000;
const maxValues = 150;
const maxAgeMs = 14 * 24 * 3_600_000;
const maxFutureMs = 2 * 3_600_000;
/** The documented range of values. */
const largestValue = 2 ** 360;

/**
 * @param now ms since the epoch; the time of data that have none
 * @throws AwsError InvalidParameterValue, InvalidParameterCombination, MissingParameter for the first mistake
 */
export function pointsOf(input: PutMetricDataInput, now: number): NewPoint[] {
  const namespace = checkNamespace(input.Namespace);
  // These are the platform's own, as they are AWS's there.
  if (namespace.startsWith("AWS/")) throw invalidValue(`The value ${namespace} for parameter Namespace is invalid.`);
  const data = input.MetricData ?? [];
  if (data.length === 0) throw missingParameter("MetricData");
  if (data.length > maxData)
    throw invalidValue(`The collection MetricData must not have a size greater than ${maxData}.`);
  return data.map((datum, index) => pointOf(namespace, datum, `MetricData.member.${index + 1}`, now));
}

function pointOf(namespace: string, datum: MetricDatum, parameter: string, now: number): NewPoint {
  return {
    metric: {
      namespace,
      name: checkName(datum.MetricName, `${parameter}.MetricName`),
      dimensions: checkDimensions(datum.Dimensions, `${parameter}.Dimensions`),
    },
    unit: checkUnit(datum.Unit, `${parameter}.Unit`) ?? "None",
    timestamp: checkTimestamp(datum.Timestamp, `${parameter}.Timestamp`, now),
    highResolution: checkResolution(datum.StorageResolution, `${parameter}.StorageResolution`),
    summary: summaryOf(datum, parameter),
  };
}

function checkTimestamp(timestamp: Date | undefined, parameter: string, now: number): number {
  if (timestamp === undefined) return now;
  const at = timestamp.getTime();
  if (at > now + maxFutureMs) {
    throw invalidValue(`The parameter ${parameter} must specify a time no more than two hours in the future.`);
  }
  if (at < now - maxAgeMs)
    throw invalidValue(`The parameter ${parameter} must specify a time within the past two weeks.`);
  return at;
}

function checkResolution(resolution: number | undefined, parameter: string): boolean {
  if (resolution === undefined || resolution === 60) return false;
  if (resolution === 1) return true;
  throw invalidValue(`The parameter ${parameter} must be a value in the set [ 1, 60 ].`);
}

/** The three ways to give values exclude each other. */
function summaryOf(datum: MetricDatum, parameter: string): Summary {
  const given = (["Value", "Values", "StatisticValues"] as const).filter((member) => datum[member] !== undefined);
  if (given.length === 0) {
    throw invalidCombination(
      `At least one of the parameters ${parameter}.Value, ${parameter}.Values and ${parameter}.StatisticValues must be specified.`,
    );
  }
  if (given.length > 1) {
    throw invalidCombination(
      `The parameters ${given.map((member) => `${parameter}.${member}`).join(" and ")} are mutually exclusive and you have specified both.`,
    );
  }
  if (datum.Counts !== undefined && datum.Values === undefined) {
    throw invalidCombination(`The parameter ${parameter}.Counts must be specified together with ${parameter}.Values.`);
  }
  if (datum.Value !== undefined) return Summary.of(checkValue(datum.Value, `${parameter}.Value`));
  if (datum.Values !== undefined) return summaryOfValues(datum.Values, datum.Counts, parameter);
  return summaryOfStatistics(datum.StatisticValues!, `${parameter}.StatisticValues`);
}

function summaryOfValues(values: readonly number[], counts: readonly number[] | undefined, parameter: string): Summary {
  if (values.length === 0) throw invalidValue(`The collection ${parameter}.Values must not be empty.`);
  for (const [member, list] of [["Values", values] as const, ["Counts", counts ?? []] as const]) {
    if (list.length > maxValues) {
      throw invalidValue(`The collection ${parameter}.${member} must not have a size greater than ${maxValues}.`);
    }
  }
  if (counts !== undefined && counts.length !== values.length) {
    throw invalidValue(`The parameters ${parameter}.Values and ${parameter}.Counts must be of the same size.`);
  }
  const summary = new Summary();
  for (const [index, value] of values.entries()) {
    const count = counts === undefined ? 1 : checkCount(counts[index], `${parameter}.Counts.member.${index + 1}`);
    summary.add(checkValue(value, `${parameter}.Values.member.${index + 1}`), count);
  }
  return summary;
}

function summaryOfStatistics(set: NonNullable<MetricDatum["StatisticValues"]>, parameter: string): Summary {
  const [count, sum, min, max] = (["SampleCount", "Sum", "Minimum", "Maximum"] as const).map((member) => {
    const value: number | undefined = set[member];
    if (value === undefined) throw missingParameter(`${parameter}.${member}`);
    return checkValue(value, `${parameter}.${member}`);
  });
  checkCount(count, `${parameter}.SampleCount`);
  if (min > max) {
    throw invalidCombination(
      `The parameter ${parameter}.Maximum must be greater than or equal to the parameter ${parameter}.Minimum.`,
    );
  }
  return Summary.ofStatistics(count, sum, min, max);
}

function checkCount(count: number, parameter: string): number {
  if (!(checkValue(count, parameter) > 0)) throw invalidValue(`The parameter ${parameter} must be greater than 0.`);
  return count;
}

function checkValue(value: number, parameter: string): number {
  if (!Number.isFinite(value)) throw invalidValue(`The value ${value} for parameter ${parameter} is invalid.`);
  if (Math.abs(value) > largestValue) {
    throw invalidValue(`The value ${value} for parameter ${parameter} must be between -2^360 and 2^360.`);
  }
  return value;
}
