/** What labels must look like for an objective, and the bias that they suggest. */
import { ClientError } from "../algorithm.ts";
import type { Dataset } from "./dataset.ts";
import { needsClassLabels, type Metric } from "./metrics.ts";
import { sigmoid, type Objective } from "./objectives.ts";

/**
 * Checks the labels and weights of a channel.
 *
 * @param nClasses `num_class` for multi:* objectives
 * @returns remarks for the log
 * @throws ClientError that names the first row (from 1, in reading order) with an unsuitable label
 */
export function checkLabels(
  channel: string,
  { labels, weights }: Dataset,
  objective: Objective,
  nClasses: number,
  metrics: readonly Metric[],
): readonly string[] {
  const rule = ruleFor(objective, nClasses);
  const wrong = rule === undefined ? -1 : labels.findIndex((label) => !rule.holds(label));
  if (rule !== undefined && wrong !== -1) {
    throw new ClientError(`The ${channel} channel has label ${labels[wrong]} in data row ${wrong + 1}: ${rule.text}.`);
  }
  const comparing = metrics.find(({ name }) => needsClassLabels(name));
  const fraction = comparing === undefined ? -1 : labels.findIndex((label) => label !== 0 && label !== 1);
  if (comparing !== undefined && objective.task !== "multiclass" && fraction !== -1) {
    throw new ClientError(
      `The ${channel} channel has label ${labels[fraction]} in data row ${fraction + 1}: eval_metric ${comparing.name} compares classes, so labels must be 0 or 1.`,
    );
  }
  if (weights?.every((weight) => weight === 0) === true) {
    throw new ClientError(`The ${channel} channel has only rows with weight 0; at least one row must count.`);
  }
  const isOneClass = objective.task !== "regression" && labels.every((label) => label === labels[0]);
  return isOneClass
    ? [`The ${channel} channel has only the class ${labels[0]}; metrics such as auc are not defined on it.`]
    : [];
}

function ruleFor(
  objective: Objective,
  nClasses: number,
): { holds: (label: number) => boolean; text: string } | undefined {
  if (objective.transform === "sigmoid") {
    return {
      holds: (label) => label >= 0 && label <= 1,
      text: `label must be in [0,1] for logistic regression (objective ${objective.name})`,
    };
  }
  if (objective.task === "multiclass") {
    return {
      holds: (label) => Number.isInteger(label) && label >= 0 && label < nClasses,
      text: `label must be in [0, num_class), a whole number from 0 to ${nClasses - 1}`,
    };
  }
  return undefined;
}

/**
 * The `base_score` that XGBoost 2.0 and later estimate when it is unset: the weighted mean of the labels, or, when
 * `scale_pos_weight` shifts them, one Newton step from a margin of 0. Classes start from
 * 0.5, or from `estimateClassMargins`.
 * Source: XGBoost `src/objective/init_estimation.cc` and `regression_obj.cu`.
 */
export function estimateBaseScore({ labels, weights }: Dataset, objective: Objective, scalePosWeight: number): number {
  if (objective.task === "multiclass") return 0.5;
  let sum = 0;
  let total = 0;
  for (let row = 0; row < labels.length; row += 1) {
    const weight = (weights === undefined ? 1 : weights[row]) * (labels[row] === 1 ? scalePosWeight : 1);
    sum += weight * labels[row];
    total += weight;
  }
  const mean = sum / total;
  if (objective.transform !== "sigmoid") return Math.fround(mean);
  // At margin 0 the gradient is 0.5 - label and the hessian 0.25.
  const estimate = scalePosWeight === 1 ? mean : sigmoid((mean - 0.5) / 0.25);
  // With one class only the mean is 0 or 1, whose margin is infinite; XGBoost bounds it by 1e-6.
  return Math.fround(Math.min(Math.max(estimate, 1e-6), 1 - 1e-6));
}

/**
 * The margin per class that XGBoost 3.1 and later start `multi:*` from when `base_score` is unset: the logarithm of each
 * class's share of the weight (plus 1e-6, for classes without rows), less their mean.
 * Source: `base_score` of models that XGBoost 3.2.0 trained.
 *
 * @returns shape (nClasses)
 */
export function estimateClassMargins({ labels, weights }: Dataset, nClasses: number): Float32Array {
  const weightOf = new Float64Array(nClasses);
  let total = 0;
  for (let row = 0; row < labels.length; row += 1) {
    const weight = weights === undefined ? 1 : weights[row];
    weightOf[labels[row]] += weight;
    total += weight;
  }
  const logs = weightOf.map((weight) => Math.log(weight / total + 1e-6));
  const mean = logs.reduce((sum, value) => sum + value, 0) / nClasses;
  return Float32Array.from(logs, (value) => value - mean);
}
