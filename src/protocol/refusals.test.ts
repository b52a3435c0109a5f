import { expect, test } from "vitest";
import { compileRefusals } from "./refusals.ts";

const table = compileRefusals([
  { parameter: "VpcConfig", because: "jobs have no network of their own" },
  { parameter: "AlgorithmSpecification.TrainingInputMode", values: ["Pipe"], because: "channels are files" },
  { parameter: "InputDataConfig[].ShuffleConfig.Seed", because: "files are not shuffled" },
]);

test("a parameter refused whatever its value is named with the reason", () => {
  expect(table.check({ VpcConfig: {} })).toBe(
    "VpcConfig is not supported by Sagebrush: jobs have no network of their own.",
  );
});

test("a parameter refused for some values passes with others", () => {
  expect(table.check({ AlgorithmSpecification: { TrainingInputMode: "File" } })).toBeUndefined();
  expect(table.check({ AlgorithmSpecification: { TrainingInputMode: "Pipe" } })).toBe(
    "AlgorithmSpecification.TrainingInputMode=Pipe is not supported by Sagebrush: channels are files.",
  );
});

test("a parameter of which some values alone are supported", () => {
  const one = compileRefusals([{ parameter: "Count", except: [1], because: "a job has one host" }]);
  expect(one.check({ Count: 1 })).toBeUndefined();
  expect(one.check({})).toBeUndefined();
  expect(one.check({ Count: 2 })).toBe("Count=2 is not supported by Sagebrush: a job has one host.");
});

test("every element of a list is looked at", () => {
  expect(table.check({ InputDataConfig: [{}, { ShuffleConfig: { Seed: 0 } }] })).toContain(
    "InputDataConfig[].ShuffleConfig.Seed",
  );
  expect(table.check({ InputDataConfig: [{}, {}] })).toBeUndefined();
});

test("input of an unexpected form is not refused here", () => {
  expect(table.check({ AlgorithmSpecification: "text", InputDataConfig: {} })).toBeUndefined();
  expect(table.check(undefined)).toBeUndefined();
});
