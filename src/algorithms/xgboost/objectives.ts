/**
 * The learning tasks that Sagebrush trains and serves: how labels are checked, where a margin (sum of leaf values)
 * becomes an output, and which metric is reported by default. Names and formulas are XGBoost's.
 */

import type { TrainingObjective } from "./training/parameters.ts";

export interface Objective {
  readonly name: TrainingObjective;
  readonly task: "regression" | "binary" | "multiclass";
  /** From margins to what `predict` answers. */
  readonly transform: "identity" | "sigmoid" | "softmax" | "argmax";
  /** Reported when the job names no metric of XGBoost's own. */
  readonly defaultMetric: string;
}

export const objectives: readonly Objective[] = [
  { name: "reg:squarederror", task: "regression", transform: "identity", defaultMetric: "rmse" },
  { name: "reg:logistic", task: "regression", transform: "sigmoid", defaultMetric: "rmse" },
  { name: "binary:logistic", task: "binary", transform: "sigmoid", defaultMetric: "logloss" },
  { name: "multi:softmax", task: "multiclass", transform: "argmax", defaultMetric: "mlogloss" },
  { name: "multi:softprob", task: "multiclass", transform: "softmax", defaultMetric: "mlogloss" },
];

/** The objective of that name; `reg:linear` is the name that `reg:squarederror` had before XGBoost 0.83. */
export function objectiveNamed(name: string): Objective | undefined {
  const current = name === "reg:linear" ? "reg:squarederror" : name;
  return objectives.find((objective) => objective.name === current);
}

/** The logistic function, rounded to float32 as XGBoost's predictor does. */
export function sigmoid(margin: number): number {
  return Math.fround(1 / (1 + Math.exp(-margin)));
}

/** The inverse of the logistic function; 0 and 1 are pulled inside by 1e-6, as XGBoost bounds its intercept. */
export function logit(probability: number): number {
  const bounded = Math.min(Math.max(probability, 1e-6), 1 - 1e-6);
  return -Math.log(1 / bounded - 1);
}

/** Where `base_score`, given in the output space, lies in the margin space. */
export function baseMargin(objective: Objective, baseScore: number): number {
  return Math.fround(objective.transform === "sigmoid" ? logit(baseScore) : baseScore);
}

/**
 * Turns one row of margins into probabilities.
 *
 * @param values IN margins, OUT probabilities; shape (…, nGroups), row-major
 * @param start index of the row's first value
 */
export function softmaxInPlace(values: Float32Array, start: number, nGroups: number): void {
  let largest = -Infinity;
  for (let group = 0; group < nGroups; group += 1) largest = Math.max(largest, values[start + group]);
  let sum = 0;
  for (let group = 0; group < nGroups; group += 1) {
    values[start + group] = Math.exp(values[start + group] - largest);
    sum += values[start + group];
  }
  for (let group = 0; group < nGroups; group += 1) values[start + group] /= sum;
}

/** Index of the largest of `nGroups` values from `start`; the first one wins a tie. */
export function argmax(values: Float32Array, start: number, nGroups: number): number {
  let best = 0;
  for (let group = 1; group < nGroups; group += 1) {
    if (values[start + group] > values[start + best]) best = group;
  }
  return best;
}

/**
 * What `predict` answers for a matrix of margins.
 *
 * @param margins IN shape (nRows, nGroups), row-major
 * @returns shape (nRows, nGroups), or (nRows, 1) for `multi:softmax`, which answers the class
 */
export function outputsOf(objective: Objective, margins: Float32Array, nGroups: number): Float32Array {
  if (objective.transform === "identity") return margins;
  if (objective.transform === "sigmoid") return margins.map(sigmoid);
  const nRows = margins.length / nGroups;
  if (objective.transform === "argmax") {
    return Float32Array.from({ length: nRows }, (_, row) => argmax(margins, row * nGroups, nGroups));
  }
  return probabilitiesOf(margins, nGroups);
}

/** Class probabilities, shape (nRows, nGroups); the margins stay as they are. */
export function probabilitiesOf(margins: Float32Array, nGroups: number): Float32Array {
  const probabilities = margins.slice();
  for (let start = 0; start < probabilities.length; start += nGroups) softmaxInPlace(probabilities, start, nGroups);
  return probabilities;
}
