/**
 * When a metric alarm changes its state: M out of N data points, and what missing ones count as.
 *
 * More periods are looked at than are needed, so that a missing point may be made up for by an older one. When still too
 * few are there, the treatment decides. Source: CloudWatch User Guide, "Configuring how CloudWatch alarms treat missing
 * data", with its tables as tests.
 */
import type { StateValue } from "../../../protocol/generated/cloudwatch.ts";
import type { MissingDataTreatment, ThresholdComparison } from "./alarm-record.ts";

/** Periods looked at beyond those that are needed: five for three, as in the guide's tables. */
const spareRange = 2;

export function rangeLength(evaluationPeriods: number): number {
  return evaluationPeriods + spareRange;
}

export const comparisons: Readonly<
  Record<ThresholdComparison, { readonly holds: (value: number, threshold: number) => boolean; readonly words: string }>
> = {
  GreaterThanOrEqualToThreshold: { holds: (a, b) => a >= b, words: "greater than or equal to" },
  GreaterThanThreshold: { holds: (a, b) => a > b, words: "greater than" },
  LessThanThreshold: { holds: (a, b) => a < b, words: "less than" },
  LessThanOrEqualToThreshold: { holds: (a, b) => a <= b, words: "less than or equal to" },
};

export interface Rule {
  readonly evaluationPeriods: number;
  readonly datapointsToAlarm: number;
  readonly treatMissingData: MissingDataTreatment;
}

export interface Verdict {
  /** undefined: the alarm stays in the state it is in. */
  readonly state: StateValue | undefined;
  /** Places in the range of the points that were looked at, the oldest first. */
  readonly evaluated: readonly number[];
  /** Missing points that were taken for breaching or not. */
  readonly filled: number;
}

/**
 * @param breaches per period of the range, the oldest first, whether its value breaches; undefined where there is none
 */
export function judge(breaches: readonly (boolean | undefined)[], rule: Rule): Verdict {
  const { evaluationPeriods, datapointsToAlarm, treatMissingData } = rule;
  const present = breaches.flatMap((breach, place) => (breach === undefined ? [] : [place]));
  const evaluated = present.slice(-evaluationPeriods);
  const missing = evaluationPeriods - evaluated.length;
  const breaching = evaluated.filter((place) => breaches[place]).length;
  const verdict = (state: StateValue | undefined, filled = 0): Verdict => ({ state, evaluated, filled });
  const isAlarm = (count: number): StateValue => (count >= datapointsToAlarm ? "ALARM" : "OK");

  if (missing === 0) return verdict(isAlarm(breaching));
  switch (treatMissingData) {
    case "breaching":
      return verdict(isAlarm(breaching + missing), missing);
    case "notBreaching":
      return verdict(isAlarm(breaching), missing);
    case "ignore":
    case "missing":
      break;
  }
  if (evaluated.length === 0) return verdict(treatMissingData === "ignore" ? undefined : "INSUFFICIENT_DATA");
  if (breaching >= datapointsToAlarm) return verdict("ALARM");
  if (breaching < evaluated.length) return verdict("OK");
  // All that is there breaches, but there are too few of them. An alarm that waited for more would never go off for data
  // that comes rarely; one that did not wait would go off at once. It goes off when the oldest is old enough.
  const age = breaches.length - evaluated[0];
  return verdict(treatMissingData === "missing" && age >= datapointsToAlarm ? "ALARM" : undefined);
}
