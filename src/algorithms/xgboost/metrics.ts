/**
 * Evaluation metrics by the names of `eval_metric`.
 *
 * Two families, as in the SageMaker container: XGBoost's own metrics, weighted, on what `predict` answers; and the
 * container's (accuracy, f1, …), which follow scikit-learn, ignore weights and compare margins with 0.
 * Formulas: XGBoost `src/metric/`, scikit-learn `metrics`.
 */
import { argsortDescending } from "./argsort.ts";
import { argmax, type Objective } from "./objectives.ts";

/** What a metric looks at; all arrays of one data set. */
export interface Evaluation {
  /** shape (nRows) */
  readonly labels: Float32Array;
  /** shape (nRows); absent means 1 */
  readonly weights?: Float32Array;
  /** shape (nRows, nGroups): probabilities for classes, else what `predict` answers */
  readonly outputs: Float32Array;
  /** shape (nRows, nGroups): sums of leaf values */
  readonly margins: Float32Array;
  readonly nGroups: number;
}

export interface Metric {
  /** As it appears in the log. */
  readonly name: string;
  readonly direction: "maximize" | "minimize";
  /** `library`: XGBoost's own, reported first; `container`: added by SageMaker. */
  readonly origin: "library" | "container";
  evaluate(evaluation: Evaluation): number;
}

type Scope = "one-output" | "binary" | "classes" | "two-classes" | "multiclass";

interface MetricEntry {
  readonly direction: Metric["direction"];
  readonly origin: Metric["origin"];
  readonly scope: Scope;
  readonly evaluate: (evaluation: Evaluation) => number;
}

/** Smallest probability inside a logarithm, as in XGBoost. */
const epsilon = 1e-16;

const library = (direction: Metric["direction"], scope: Scope, evaluate: MetricEntry["evaluate"]): MetricEntry => ({
  direction,
  origin: "library",
  scope,
  evaluate,
});
const container = (direction: Metric["direction"], scope: Scope, evaluate: MetricEntry["evaluate"]): MetricEntry => ({
  direction,
  origin: "container",
  scope,
  evaluate,
});

const metrics: Readonly<Record<string, MetricEntry>> = {
  rmse: library("minimize", "one-output", (e) => Math.sqrt(weightedMean(e, (y, p) => (y - p) ** 2))),
  mae: library("minimize", "one-output", (e) => weightedMean(e, (y, p) => Math.abs(y - p))),
  mape: library("minimize", "one-output", (e) => weightedMean(e, (y, p) => Math.abs((y - p) / y))),
  rmsle: library("minimize", "one-output", (e) =>
    Math.sqrt(weightedMean(e, (y, p) => (Math.log1p(y) - Math.log1p(p)) ** 2)),
  ),
  logloss: library("minimize", "one-output", (e) => weightedMean(e, logLoss)),
  error: library("minimize", "one-output", (e) => errorAbove(e, 0.5)),
  auc: library("maximize", "binary", rocAuc),
  aucpr: library("maximize", "binary", prAuc),
  merror: library("minimize", "multiclass", (e) =>
    weightedMeanOfRows(e, (row, label) => Number(argmax(e.outputs, row * e.nGroups, e.nGroups) !== label)),
  ),
  mlogloss: library("minimize", "multiclass", (e) =>
    weightedMeanOfRows(e, (row, label) => -Math.log(Math.max(e.outputs[row * e.nGroups + label], epsilon))),
  ),
  mse: container("minimize", "one-output", (e) => weightedMean(unweighted(e), (y, p) => (y - p) ** 2)),
  r2: container("maximize", "one-output", r2),
  accuracy: container("maximize", "classes", (e) => {
    const { right, total } = confusion(e);
    return right / total;
  }),
  balanced_accuracy: container("maximize", "classes", (e) =>
    mean(
      confusion(e)
        .classes.filter((c) => c.actual > 0)
        .map((c) => c.hits / c.actual),
    ),
  ),
  f1: container("maximize", "classes", (e) => mean(confusion(e).classes.map(f1Of))),
  f1_macro: container("maximize", "classes", (e) => mean(confusion(e).classes.map(f1Of))),
  f1_binary: container("maximize", "two-classes", (e) => f1Of(positives(e))),
  precision: container("maximize", "two-classes", (e) => precisionOf(positives(e))),
  precision_macro: container("maximize", "classes", (e) => mean(confusion(e).classes.map(precisionOf))),
  precision_micro: container("maximize", "classes", (e) => {
    // Every row is predicted exactly once, so pooled precision and recall are both the accuracy.
    const { right, total } = confusion(e);
    return right / total;
  }),
  recall: container("maximize", "two-classes", (e) => recallOf(positives(e))),
  recall_macro: container("maximize", "classes", (e) => mean(confusion(e).classes.map(recallOf))),
  recall_micro: container("maximize", "classes", (e) => {
    const { right, total } = confusion(e);
    return right / total;
  }),
};

/** Metrics that SageMaker lists and Sagebrush refuses, with the reason. */
const refusedMetrics: Readonly<Record<string, { readonly direction: Metric["direction"]; readonly because: string }>> =
  {
    map: {
      direction: "maximize",
      because: "it ranks within query groups, and the rank:* objectives are not supported",
    },
    ndcg: {
      direction: "maximize",
      because: "it ranks within query groups, and the rank:* objectives are not supported",
    },
    "aft-nloglik": { direction: "minimize", because: "it belongs to survival:aft, which is not supported" },
    "cox-nloglik": { direction: "minimize", because: "it belongs to survival:cox, which is not supported" },
    "interval-regression-accuracy": {
      direction: "minimize",
      because: "it belongs to survival:aft, which is not supported",
    },
    "gamma-deviance": { direction: "minimize", because: "it belongs to reg:gamma, which is not supported" },
    "gamma-nloglik": { direction: "minimize", because: "it belongs to reg:gamma, which is not supported" },
    mphe: { direction: "minimize", because: "it belongs to reg:pseudohubererror, which is not supported" },
    "poisson-nloglik": { direction: "minimize", because: "it belongs to count:poisson, which is not supported" },
    "tweedie-nloglik": { direction: "minimize", because: "it belongs to reg:tweedie, which is not supported" },
  };

/** Every metric that SageMaker's XGBoost names, for the metric definitions of a job. */
export const metricNames: readonly string[] = [...Object.keys(metrics), ...Object.keys(refusedMetrics)].sort();

const scopeRules: Readonly<
  Record<Scope, { readonly fits: (objective: Objective, nClasses: number) => boolean; readonly rule: string }>
> = {
  "one-output": {
    fits: ({ task }) => task !== "multiclass",
    rule: "needs one output per row, so it does not go with multi:* objectives",
  },
  binary: { fits: ({ task }) => task === "binary", rule: "can only be applied for binary classification (binary:*)" },
  classes: {
    fits: ({ name, task }) => task !== "regression" || name === "reg:logistic",
    rule: "compares classes, so it needs a binary:* or multi:* objective",
  },
  "two-classes": {
    fits: ({ name, task }, nClasses) =>
      task === "binary" || name === "reg:logistic" || (task === "multiclass" && nClasses === 2),
    rule: "looks at the positive class of two; with more classes use its _macro form",
  },
  multiclass: { fits: ({ task }) => task === "multiclass", rule: "needs a multi:* objective" },
};

/**
 * The metric of that name for an objective, or a sentence that says why there is none.
 *
 * @param name a metric's name; `error@t` sets the threshold of `error`
 * @param nClasses `num_class`, 1 without it
 */
export function metricNamed(name: string, objective: Objective, nClasses: number): Metric | string {
  const [base, parameter] = splitParameter(name);
  if (Object.hasOwn(refusedMetrics, base))
    return `eval_metric ${base} is not supported by Sagebrush: ${refusedMetrics[base].because}.`;
  if (!Object.hasOwn(metrics, base))
    return `eval_metric ${JSON.stringify(name.slice(0, 60))} is unknown to XGBoost. Known: ${metricNames.join(", ")}.`;
  const { direction, origin, scope, evaluate } = metrics[base];
  const { fits, rule } = scopeRules[scope];
  if (!fits(objective, nClasses)) return `eval_metric ${base} with objective ${objective.name}: ${base} ${rule}.`;
  if (parameter === undefined) return { name: base, direction, origin, evaluate };
  const threshold = parameter.trim() === "" ? NaN : Number(parameter);
  if (base !== "error") return `eval_metric ${name}: only error takes a threshold (error@0.7).`;
  if (!Number.isFinite(threshold)) return `eval_metric ${name}: the threshold after @ must be a number.`;
  // XGBoost leaves the default threshold out of the name.
  const shownName = Math.fround(threshold) === 0.5 ? "error" : `error@${threshold}`;
  return {
    name: shownName,
    direction,
    origin,
    evaluate: (evaluation) => errorAbove(evaluation, Math.fround(threshold)),
  };
}

function splitParameter(name: string): readonly [base: string, parameter: string | undefined] {
  const at = name.indexOf("@");
  return at === -1 ? [name, undefined] : [name.slice(0, at), name.slice(at + 1)];
}

function weightedMean(
  { labels, weights, outputs }: Evaluation,
  loss: (label: number, output: number) => number,
): number {
  let sum = 0;
  let total = 0;
  for (let row = 0; row < labels.length; row += 1) {
    const weight = weights === undefined ? 1 : weights[row];
    sum += weight * loss(labels[row], outputs[row]);
    total += weight;
  }
  return total === 0 ? sum : sum / total;
}

function weightedMeanOfRows({ labels, weights }: Evaluation, loss: (row: number, label: number) => number): number {
  let sum = 0;
  let total = 0;
  for (let row = 0; row < labels.length; row += 1) {
    const weight = weights === undefined ? 1 : weights[row];
    sum += weight * loss(row, labels[row]);
    total += weight;
  }
  return sum / total;
}

function unweighted({ labels, outputs, margins, nGroups }: Evaluation): Evaluation {
  return { labels, outputs, margins, nGroups };
}

function logLoss(label: number, probability: number): number {
  const positive = label === 0 ? 0 : -label * Math.log(Math.max(probability, epsilon));
  const negative = label === 1 ? 0 : -(1 - label) * Math.log(Math.max(1 - probability, epsilon));
  return positive + negative;
}

function errorAbove(evaluation: Evaluation, threshold: number): number {
  return weightedMean(evaluation, (label, output) => (output > threshold ? 1 - label : label));
}

/**
 * Walks the rows from the highest output down and calls `step` once per distinct output with the weights of false
 * and true positives before and after its rows; rows that tie count together.
 *
 * @returns the total weight of negatives and of positives
 */
function overThresholds(
  { labels, weights, outputs }: Evaluation,
  step: (fpBefore: number, fp: number, tpBefore: number, tp: number) => void,
): readonly [negatives: number, positives: number] {
  const order = argsortDescending(outputs);
  let [fp, tp, fpBefore, tpBefore] = [0, 0, 0, 0];
  for (let at = 0; at < order.length; at += 1) {
    const row = order[at];
    if (at > 0 && outputs[row] !== outputs[order[at - 1]]) {
      step(fpBefore, fp, tpBefore, tp);
      [fpBefore, tpBefore] = [fp, tp];
    }
    const weight = weights === undefined ? 1 : weights[row];
    fp += (1 - labels[row]) * weight;
    tp += labels[row] * weight;
  }
  step(fpBefore, fp, tpBefore, tp);
  return [fp, tp];
}

/** Area under the ROC curve by trapezoids; NaN when only one class is present. */
function rocAuc(evaluation: Evaluation): number {
  let area = 0;
  const [negatives, positiveWeight] = overThresholds(evaluation, (fpBefore, fp, tpBefore, tp) => {
    area += ((tp + tpBefore) * (fp - fpBefore)) / 2;
  });
  return negatives > 0 && positiveWeight > 0 ? area / (negatives * positiveWeight) : NaN;
}

/**
 * Area under the precision-recall curve with the non-linear interpolation of Keilwagen, Grosse and Grau,
 * "Area under Precision-Recall Curves for Weighted and Unweighted Data" (PLoS ONE 9(3), 2014), as XGBoost does.
 */
function prAuc(evaluation: Evaluation): number {
  const { labels, weights } = evaluation;
  let total = 0;
  for (let row = 0; row < labels.length; row += 1) total += labels[row] * (weights === undefined ? 1 : weights[row]);
  let area = 0;
  const [negatives, positiveWeight] = overThresholds(evaluation, (fpBefore, fp, tpBefore, tp) => {
    const gained = tp - tpBefore;
    if (gained === 0) return;
    // Between two thresholds fp grows linearly in tp: fp = h * tp + b * total.
    const h = (fp - fpBefore) / gained;
    const a = 1 + h;
    const b = (fpBefore - h * tpBefore) / total;
    const [from, to] = [tpBefore / total, tp / total];
    area += b === 0 ? (to - from) / a : (to - from - (b / a) * (Math.log(a * to + b) - Math.log(a * from + b))) / a;
  });
  return negatives > 0 && positiveWeight > 0 ? area : NaN;
}

function r2({ labels, outputs }: Evaluation): number {
  const average = mean(labels);
  let residual = 0;
  let total = 0;
  for (let row = 0; row < labels.length; row += 1) {
    residual += (labels[row] - outputs[row]) ** 2;
    total += (labels[row] - average) ** 2;
  }
  // scikit-learn's convention for constant labels: 1 when they are met exactly, else 0.
  if (total === 0) return residual === 0 ? 1 : 0;
  return 1 - residual / total;
}

interface ClassCounts {
  actual: number;
  predicted: number;
  hits: number;
}

/** Counts per class that is a label or is predicted, in class order. */
function confusion({ labels, margins, nGroups }: Evaluation): { classes: ClassCounts[]; right: number; total: number } {
  const counts = Array.from({ length: Math.max(nGroups, 2) }, (): ClassCounts => ({
    actual: 0,
    predicted: 0,
    hits: 0,
  }));
  let right = 0;
  for (let row = 0; row < labels.length; row += 1) {
    const predicted = nGroups > 1 ? argmax(margins, row * nGroups, nGroups) : Number(margins[row] > 0);
    const actual = labels[row];
    counts[actual].actual += 1;
    counts[predicted].predicted += 1;
    if (predicted === actual) {
      counts[actual].hits += 1;
      right += 1;
    }
  }
  return { classes: counts.filter(({ actual, predicted }) => actual + predicted > 0), right, total: labels.length };
}

/** Counts of class 1. */
function positives({ labels, margins, nGroups }: Evaluation): ClassCounts {
  const counts: ClassCounts = { actual: 0, predicted: 0, hits: 0 };
  for (let row = 0; row < labels.length; row += 1) {
    const predicted = nGroups > 1 ? argmax(margins, row * nGroups, nGroups) : Number(margins[row] > 0);
    counts.actual += Number(labels[row] === 1);
    counts.predicted += predicted;
    counts.hits += Number(predicted === 1 && labels[row] === 1);
  }
  return counts;
}

// Without any row to divide by, scikit-learn answers 0.
const ratio = (part: number, whole: number) => (whole === 0 ? 0 : part / whole);
const precisionOf = ({ hits, predicted }: ClassCounts) => ratio(hits, predicted);
const recallOf = ({ hits, actual }: ClassCounts) => ratio(hits, actual);
const f1Of = ({ hits, actual, predicted }: ClassCounts) => ratio(2 * hits, actual + predicted);

function mean(values: ArrayLike<number>): number {
  let sum = 0;
  for (let at = 0; at < values.length; at += 1) sum += values[at];
  return values.length === 0 ? 0 : sum / values.length;
}

/** Whether the metric compares classes, so that labels must be whole numbers. */
export function needsClassLabels(name: string): boolean {
  const entry = metrics[name];
  return (
    entry !== undefined && entry.origin === "container" && (entry.scope === "classes" || entry.scope === "two-classes")
  );
}
