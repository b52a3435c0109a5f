import { expect, test } from "vitest";
import { EarlyStopping } from "./early-stopping.ts";
import { checkLabels, estimateBaseScore, estimateClassMargins } from "./labels.ts";
import { metricNamed } from "./metrics.ts";
import { objectiveNamed, type Objective } from "./objectives.ts";

function objective(name: string): Objective {
  const found = objectiveNamed(name);
  if (found === undefined) throw new Error(name);
  return found;
}

const rows = (labels: number[], weights?: number[]) => ({
  features: { kind: "dense", nRows: labels.length, nFeatures: 1, values: new Float32Array(labels.length) } as const,
  labels: Float32Array.from(labels),
  weights: weights && Float32Array.from(weights),
});

function check(name: string, labels: number[], metric?: string, weights?: number[]) {
  const task = objective(name);
  const found = metric === undefined ? undefined : metricNamed(metric, task, 3);
  if (typeof found === "string") throw new Error(found);
  return checkLabels("train", rows(labels, weights), task, 3, found === undefined ? [] : [found]);
}

test.each([
  ["binary:logistic", [0, 1, 2], "label 2 in data row 3: label must be in [0,1] for logistic regression"],
  ["binary:logistic", [0, -1], "label -1 in data row 2"],
  ["reg:logistic", [0.5, 1.5], "label 1.5 in data row 2"],
  ["multi:softmax", [0, 1, 3], "label 3 in data row 3: label must be in [0, num_class), a whole number from 0 to 2"],
  ["multi:softprob", [0.5], "label 0.5 in data row 1"],
  ["multi:softprob", [-1], "label -1 in data row 1"],
])("%s does not take labels %j", (name, labels, message) => {
  expect(() => check(name, labels)).toThrow(message);
});

test("metrics of classes need labels 0 and 1", () => {
  expect(() => check("reg:logistic", [0, 0.5], "accuracy")).toThrow(
    "eval_metric accuracy compares classes, so labels must be 0 or 1",
  );
  expect(check("reg:logistic", [0, 0.5], "rmse")).toEqual([]);
});

test("one class only is allowed, with a remark", () => {
  expect(check("binary:logistic", [1, 1])).toEqual([
    "The train channel has only the class 1; metrics such as auc are not defined on it.",
  ]);
  expect(check("reg:squarederror", [7, 7])).toEqual([]);
});

test("rows that all weigh nothing are refused", () => {
  expect(() => check("reg:squarederror", [1, 2], undefined, [0, 0])).toThrow("only rows with weight 0");
});

test("the estimated base score is the weighted mean of the labels", () => {
  expect(estimateBaseScore(rows([1, 2, 6]), objective("reg:squarederror"), 1)).toBe(3);
  expect(estimateBaseScore(rows([1, 3], [3, 1]), objective("reg:squarederror"), 1)).toBe(1.5);
  expect(estimateBaseScore(rows([0, 0, 0, 1]), objective("binary:logistic"), 1)).toBe(0.25);
  expect(estimateBaseScore(rows([0, 1, 2]), objective("multi:softmax"), 1)).toBe(0.5);
  expect(estimateBaseScore(rows([1, 1]), objective("binary:logistic"), 1)).toBeCloseTo(1 - 1e-6, 7);
});

test("with scale_pos_weight it is one Newton step: XGBoost 3.0.5 gives 0.7310586 for labels 0 0 1 with weight 6", () => {
  // Weighted mean 6/8; (0.75 - 0.5) / 0.25 = 1, whose sigmoid is 0.7310586.
  expect(estimateBaseScore(rows([0, 0, 1]), objective("binary:logistic"), 6)).toBeCloseTo(0.7310586, 6);
});

test("early stopping keeps the first best round and waits as long as it was told", () => {
  const stopping = new EarlyStopping("minimize", 2);
  expect([5, 4, 4, 3, 3.5].map((score, round) => stopping.shouldStop(round, score))).toEqual([
    false,
    false,
    false,
    false,
    false,
  ]);
  expect(stopping.shouldStop(5, 3)).toBe(true);
  expect(stopping.bestRound).toBe(3);
  expect(stopping.bestScore).toBe(3);
});

test("a score that is not a number is no improvement", () => {
  const stopping = new EarlyStopping("maximize", 1);
  expect(stopping.shouldStop(0, 0.5)).toBe(false);
  expect(stopping.shouldStop(1, NaN)).toBe(true);
  expect(stopping.bestRound).toBe(0);
});

test("the margins of the classes are those of XGBoost 3.2.0", () => {
  const features = { kind: "dense" as const, nRows: 100, nFeatures: 0, values: new Float32Array() };
  const labels = Float32Array.from({ length: 100 }, (_, row) => (row < 50 ? 0 : row < 80 ? 1 : 2));
  const close = (margins: Float32Array, expected: readonly number[]) =>
    expected.forEach((value, group) => expect(margins[group]).toBeCloseTo(value, 5));
  // base_score of Booster.save_raw("json") for the same labels and weights.
  close(estimateClassMargins({ features, labels }, 3), [0.47570395, -0.03512025, -0.44058383]);
  const weights = Float32Array.from(labels, (label) => (label === 1 ? 2 : 1));
  close(estimateClassMargins({ features, labels, weights }, 3), [0.24465531, 0.42697638, -0.6716316]);
  close(estimateClassMargins({ features, labels: new Float32Array(100) }, 3), [9.210341, -4.6051702, -4.6051702]);
});
