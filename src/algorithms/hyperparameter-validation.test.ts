import { expect, test } from "vitest";
import type { HyperparameterDefinition } from "./algorithm.ts";
import { nearestName, readHyperparameters } from "./hyperparameter-validation.ts";

const table: readonly HyperparameterDefinition[] = [
  { name: "k", type: "integer", min: 1, required: true, description: "Number of clusters." },
  {
    name: "rate",
    aliases: ["learning_rate"],
    type: "float",
    min: 0,
    exclusiveMin: true,
    max: 1,
    default: "0.5",
    description: "Rate.",
  },
  {
    name: "method",
    type: "enum",
    values: ["fast", "exact"],
    default: "fast",
    refused: { values: ["exact"], because: "only fast is here." },
    description: "Method.",
  },
  { name: "metrics", type: "list", description: "Metrics." },
  { name: "keep", type: "boolean", default: "false", description: "Keep." },
  { name: "magic", type: "string", refused: { because: "no magic." }, description: "Magic." },
];
const read = (given: Record<string, string>) => readHyperparameters("Toy", table, given);

test("values are read by type and defaults are filled in", () => {
  const { problems, values } = read({ k: "3", metrics: "a, b" });
  expect(problems).toEqual([]);
  expect(values.number("k")).toBe(3);
  expect(values.number("rate")).toBe(0.5);
  expect(values.text("method")).toBe("fast");
  expect(values.list("metrics")).toEqual(["a", "b"]);
  expect(values.flag("keep")).toBe(false);
  expect(values.isGiven("rate")).toBe(false);
});

test("all problems are reported at once", () => {
  const { problems } = read({ rate: "0", method: "exact", metrix: "a", keep: "yes", magic: "1" });
  expect(problems).toEqual([
    'rate must be a number > 0 and <= 1, got "0".',
    "method=exact is not supported by Sagebrush: only fast is here.",
    'Hyperparameter "metrix" is unknown to Toy. Did you mean "metrics"?',
    'keep must be true or false, got "yes".',
    "magic=1 is not supported by Sagebrush: no magic.",
    "Hyperparameter k is required: Number of clusters.",
  ]);
});

test("an alias counts as the parameter, and both together as a mistake", () => {
  expect(read({ k: "1", learning_rate: "0.1" }).values.number("rate")).toBe(0.1);
  expect(read({ k: "1", learning_rate: "0.1", rate: "0.2" }).problems).toEqual([
    "learning_rate and rate are two names of one hyperparameter; give only one of them.",
  ]);
});

test("a JSON string counts as its content, because SDKs encode strings so", () => {
  const { problems, values } = read({ k: '"7"', method: '"fast"', metrics: '["a","b"]' });
  expect(problems).toEqual([]);
  expect(values.number("k")).toBe(7);
  expect(values.list("metrics")).toEqual(["a", "b"]);
});

test.each(["1.0", "", "1e2", "2147483648", "one", "0x10", "NaN"])("%j is no integer", (k) => {
  expect(read({ k }).problems).toEqual([`k must be an integer >= 1, got ${JSON.stringify(k)}.`]);
});

test.each(["Infinity", "nan", "", "0,5", "1e999", "constructor"])("%j is no number", (rate) => {
  expect(read({ k: "1", rate }).problems).toEqual([`rate must be a number > 0 and <= 1, got ${JSON.stringify(rate)}.`]);
});

test.each(["a,,b", "[1", '{"a":1}'.repeat(0) + ","])("%j is no list", (metrics) => {
  expect(read({ k: "1", metrics }).problems).toHaveLength(1);
});

test("names of Object.prototype are unknown hyperparameters", () => {
  expect(read({ k: "1", constructor: "x" }).problems).toEqual(['Hyperparameter "constructor" is unknown to Toy.']);
  expect(read({ k: "1", keep: "constructor" }).problems).toHaveLength(1);
});

test("the nearest name is suggested only when it is near", () => {
  expect(nearestName("max_dept", ["max_depth", "max_bin"])).toBe("max_depth");
  expect(nearestName("Eta", ["eta", "alpha"])).toBe("eta");
  expect(nearestName("bananas", ["eta", "alpha"])).toBeUndefined();
});
