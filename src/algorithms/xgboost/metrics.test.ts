import { expect, test } from "vitest";
import { argsortDescending } from "./argsort.ts";
import { metricNamed, type Evaluation } from "./metrics.ts";
import { objectiveNamed, outputsOf, probabilitiesOf, type Objective } from "./objectives.ts";

function objective(name: string): Objective {
  const found = objectiveNamed(name);
  if (found === undefined) throw new Error(name);
  return found;
}

/** The metric of rows with these outputs; margins are the outputs' logits for logistic objectives. */
function score(
  metric: string,
  labels: number[],
  outputs: number[],
  weights?: number[],
  objectiveName = "binary:logistic",
): number {
  const found = metricNamed(metric, objective(objectiveName), 1);
  if (typeof found === "string") throw new Error(found);
  const evaluation: Evaluation = {
    labels: Float32Array.from(labels),
    outputs: Float32Array.from(outputs),
    margins: Float32Array.from(outputs, (p) => (objectiveName === "binary:logistic" ? Math.log(p / (1 - p)) : p)),
    weights: weights && Float32Array.from(weights),
    nGroups: 1,
  };
  return found.evaluate(evaluation);
}

function classScore(metric: string, labels: number[], margins: number[][], weights?: number[]): number {
  const nGroups = margins[0].length;
  const found = metricNamed(metric, objective("multi:softprob"), nGroups);
  if (typeof found === "string") throw new Error(found);
  const flat = Float32Array.from(margins.flat());
  return found.evaluate({
    labels: Float32Array.from(labels),
    margins: flat,
    outputs: probabilitiesOf(flat, nGroups),
    weights: weights && Float32Array.from(weights),
    nGroups,
  });
}

test("errors of regression, worked by hand: residuals 1, -2, 0 and weights 1, 1, 2", () => {
  const given = [[1, 2, 4], [0, 4, 4], [1, 1, 2], "reg:squarederror"] as const;
  const of = (metric: string) => score(metric, [...given[0]], [...given[1]], [...given[2]], given[3]);
  expect(of("rmse")).toBeCloseTo(Math.sqrt(5 / 4), 6);
  expect(of("mae")).toBeCloseTo(3 / 4, 6);
  expect(of("mape")).toBeCloseTo((1 + 1) / 4, 6);
  // The container's metrics ignore weights.
  expect(of("mse")).toBeCloseTo(5 / 3, 6);
  // Labels 1, 2, 4 lie around 7/3 with squares 16/9 + 1/9 + 25/9.
  expect(of("r2")).toBeCloseTo(1 - 5 / (42 / 9), 6);
});

test("rmsle compares logarithms", () => {
  expect(score("rmsle", [0, Math.E - 1], [0, 0], undefined, "reg:squarederror")).toBeCloseTo(Math.sqrt(0.5), 6);
});

test("logloss is the mean negative log likelihood, bounded where a probability is 0", () => {
  expect(score("logloss", [1, 0], [0.5, 0.25])).toBeCloseTo((Math.log(2) - Math.log(0.75)) / 2, 6);
  expect(score("logloss", [1], [0])).toBeCloseTo(-Math.log(1e-16), 4);
  expect(score("logloss", [0.5], [0.5])).toBeCloseTo(Math.log(2), 6);
});

test("error counts outputs on the wrong side of the threshold", () => {
  expect(score("error", [1, 1, 0, 0], [0.6, 0.4, 0.5, 0.6])).toBe(0.5);
  expect(score("error@0.55", [1, 1, 0, 0], [0.6, 0.4, 0.5, 0.6])).toBe(0.5);
  expect(score("error@0.7", [1, 1, 0, 0], [0.6, 0.4, 0.5, 0.6], [3, 1, 1, 1])).toBeCloseTo(4 / 6, 6);
});

test("auc is the share of correctly ordered pairs, a tie counting half", () => {
  // Pairs (positive, negative): 0.8 beats both, 0.4 ties one and beats the other.
  expect(score("auc", [1, 0, 1, 0], [0.8, 0.4, 0.4, 0.1])).toBeCloseTo(3.5 / 4, 9);
  expect(score("auc", [1, 0], [0.5, 0.5])).toBe(0.5);
  expect(score("auc", [1, 0, 0], [0.5, 0.9, 0.1], [2, 1, 3])).toBeCloseTo(3 / 4, 9);
  expect(score("auc", [1, 1], [0.5, 0.9])).toBeNaN();
});

test("aucpr of a perfect ranking is 1, of constant outputs the share of positives", () => {
  expect(score("aucpr", [1, 1, 0, 0], [0.9, 0.8, 0.2, 0.1])).toBeCloseTo(1, 9);
  expect(score("aucpr", [1, 0, 0, 0], [0.5, 0.5, 0.5, 0.5])).toBeCloseTo(0.25, 9);
  expect(score("aucpr", [0, 0], [0.5, 0.9])).toBeNaN();
});

test("classification of two classes, worked by hand: 2 hits, 1 false alarm, 1 miss, 2 rejections", () => {
  const of = (metric: string) => score(metric, [1, 1, 1, 0, 0, 0], [0.9, 0.8, 0.1, 0.7, 0.2, 0.3]);
  expect(of("accuracy")).toBeCloseTo(4 / 6, 9);
  expect(of("balanced_accuracy")).toBeCloseTo(2 / 3, 9);
  expect(of("precision")).toBeCloseTo(2 / 3, 9);
  expect(of("recall")).toBeCloseTo(2 / 3, 9);
  expect(of("f1_binary")).toBeCloseTo(2 / 3, 9);
  expect(of("f1")).toBeCloseTo(2 / 3, 9);
});

test("classification of three classes, worked by hand", () => {
  // Labels 0 0 1 2, predicted 0 1 1 1: class 0 hits 1 of 2 and is right 1 of 1; class 1: 1 of 1, 1 of 3; class 2: 0 of 1.
  const margins = [
    [3, 1, 1],
    [0, 2, 1],
    [0, 2, 1],
    [0, 2, 1],
  ];
  const of = (metric: string) => classScore(metric, [0, 0, 1, 2], margins);
  expect(of("accuracy")).toBe(0.5);
  expect(of("merror")).toBe(0.5);
  expect(of("balanced_accuracy")).toBeCloseTo((0.5 + 1 + 0) / 3, 9);
  expect(of("precision_macro")).toBeCloseTo((1 + 1 / 3 + 0) / 3, 9);
  expect(of("recall_macro")).toBeCloseTo((0.5 + 1 + 0) / 3, 9);
  expect(of("f1_macro")).toBeCloseTo((2 / 3 + 1 / 2 + 0) / 3, 9);
  expect(of("precision_micro")).toBe(0.5);
  expect(of("recall_micro")).toBe(0.5);
});

test("mlogloss looks at the probability of the right class, with weights", () => {
  const margins = [
    [0, 0],
    [Math.log(3), 0],
  ];
  expect(classScore("mlogloss", [0, 0], margins, [1, 3])).toBeCloseTo((Math.log(2) + 3 * Math.log(4 / 3)) / 4, 6);
});

test.each([
  ["auc", "reg:squarederror", "can only be applied for binary classification"],
  ["auc", "multi:softprob", "can only be applied for binary classification"],
  ["rmse", "multi:softmax", "needs one output per row"],
  ["merror", "binary:logistic", "needs a multi:* objective"],
  ["accuracy", "reg:squarederror", "compares classes"],
  ["f1_binary", "multi:softmax", "positive class of two"],
  ["ndcg@5", "binary:logistic", "not supported by Sagebrush"],
  ["tweedie-nloglik@1.5", "reg:squarederror", "belongs to reg:tweedie"],
  ["foo", "binary:logistic", "unknown to XGBoost"],
  ["toString", "binary:logistic", "unknown to XGBoost"],
  ["error@x", "binary:logistic", "must be a number"],
  ["error@", "binary:logistic", "must be a number"],
  ["auc@3", "binary:logistic", "only error takes a threshold"],
])("%s with %s is refused", (metric, name, reason) => {
  expect(metricNamed(metric, objective(name), 3)).toContain(reason);
});

test("the default threshold does not show in the name", () => {
  expect(metricNamed("error@0.5", objective("binary:logistic"), 1)).toMatchObject({ name: "error" });
  expect(metricNamed("error@0.7", objective("binary:logistic"), 1)).toMatchObject({ name: "error@0.7" });
});

test("rows are ordered from the highest value down, ties in their order, zeros alike", () => {
  expect([...argsortDescending(Float32Array.of(-1, 0, 5, -0, 5, -100, 1e-40))]).toEqual([2, 4, 6, 1, 3, 0, 5]);
  expect([...argsortDescending(new Float32Array(0))]).toEqual([]);
});

test("outputs by objective", () => {
  const margins = Float32Array.of(0, Math.log(3));
  expect(outputsOf(objective("reg:squarederror"), margins, 1)).toBe(margins);
  expect(outputsOf(objective("binary:logistic"), margins, 1)[1]).toBeCloseTo(0.75, 6);
  expect([...outputsOf(objective("multi:softmax"), Float32Array.of(1, 3, 2, 7, 7, 0), 3)]).toEqual([1, 0]);
  const probabilities = outputsOf(objective("multi:softprob"), margins, 2);
  expect(probabilities[0]).toBeCloseTo(0.25, 6);
  expect([...margins]).toEqual([0, Math.fround(Math.log(3))]);
  expect([...probabilitiesOf(Float32Array.of(1000, 0), 2)]).toEqual([1, 0]);
});
