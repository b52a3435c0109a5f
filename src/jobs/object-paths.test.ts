import { expect, test } from "vitest";
import { ClientError } from "../algorithms/algorithm.ts";
import { pathOfObject } from "./object-paths.ts";

test.each([
  ["data/train.csv", "data/train.csv", ["train.csv"]],
  ["data/train/a.csv", "data/train/", ["a.csv"]],
  ["data/train/deep/a.csv", "data/train/", ["deep", "a.csv"]],
  // A prefix is a string, not a folder: its last "/" is where paths begin.
  ["data/train-2/a.csv", "data/tr", ["train-2", "a.csv"]],
  ["a.csv", "", ["a.csv"]],
  ["folder/", "", ["folder", ""]],
  ["data/train/ ☃ .csv", "data/train/", [" ☃ .csv"]],
])("the object %j under the prefix %j lies at %j", (key, prefix, path) => {
  expect(pathOfObject(key, prefix)).toEqual(path);
});

test("the marker of the prefix's own folder is no file", () => {
  expect(pathOfObject("data/train/", "data/train/")).toBeUndefined();
});

test.each([
  ["../up.csv", ""],
  ["a/../../up.csv", ""],
  ["./here.csv", ""],
  ["/etc/passwd", ""],
  ["a//b.csv", ""],
  ["data//etc/passwd", "data/"],
  ["nul\0.csv", ""],
  [`${"é".repeat(128)}.csv`, ""],
])("the object key %j is refused by name", (key, prefix) => {
  expect(() => pathOfObject(key, prefix)).toThrow(ClientError);
  expect(() => pathOfObject(key, prefix)).toThrow(JSON.stringify(key).slice(0, 100));
});
