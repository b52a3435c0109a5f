import { expect, test } from "vitest";
import { asInCloudWatch, compileRegex, MetricSearch, requiredText } from "./metrics.ts";

const lines = (...texts: string[]) => texts.map((text, index) => ({ text, timestamp: 1000 + index }));

test("the last value of the first group counts", () => {
  const search = new MetricSearch([{ name: "loss", regex: "loss=(.*?);" }]);
  search.search(lines("loss=0.5; acc=1;", "nothing", "loss=-2.5e-1;"));
  expect(search.final).toEqual([{ name: "loss", value: -0.25, timestamp: 1002 }]);
});

test("a batch tells every value that it brings, with the line it is in", () => {
  const search = new MetricSearch([
    { name: "loss", regex: "loss=(\\S+)" },
    { name: "acc", regex: "acc=(\\S+)" },
  ]);
  expect(search.search(lines("loss=2 acc=0.1", "epoch", "loss=1 acc=high")).found).toEqual([
    { name: "loss", value: 2, timestamp: 1000, line: 0 },
    { name: "acc", value: 0.1, timestamp: 1000, line: 0 },
    { name: "loss", value: 1, timestamp: 1002, line: 2 },
  ]);
});

test("values stay over batches, and what is no number does not count", () => {
  const search = new MetricSearch([{ name: "m", regex: "m=(\\S+)" }]);
  search.search(lines("m=1"));
  search.search(lines("m=nan", "m=one", "m=Infinity"));
  expect(search.final).toEqual([{ name: "m", value: 1, timestamp: 1000 }]);
});

test("a tab is found as #011 and as itself", () => {
  const search = new MetricSearch([
    { name: "validation:rmse", regex: ".*\\[[0-9]+\\].*#011validation-rmse:(\\S+)" },
    { name: "train:rmse", regex: "\\ttrain-rmse:([0-9.]+)" },
    { name: "either", regex: "train-rmse:([0-9.]+)" },
  ]);
  search.search(lines("[9]\ttrain-rmse:1.5\tvalidation-rmse:2.5"));
  expect(search.final.map(({ name, value }) => [name, value])).toEqual([
    ["validation:rmse", 2.5],
    ["train:rmse", 1.5],
    ["either", 1.5],
  ]);
  expect(asInCloudWatch("[0]\ta\tb")).toBe("[0]#011a#011b");
});

test("an expression without a group finds no value", () => {
  const search = new MetricSearch([{ name: "m", regex: "m=\\d+" }]);
  search.search(lines("m=1"));
  expect(search.final).toEqual([]);
});

test("Python's named groups and leading flags are understood", () => {
  expect(compileRegex("(?i)LOSS: (?P<value>\\d+)").exec("loss: 7")?.[1]).toBe("7");
  expect(() => compileRegex("(")).toThrow(SyntaxError);
});

test("an expression that backtracks for ever is given up and does not stop the others", () => {
  const search = new MetricSearch([
    { name: "bad", regex: "^(a+)+$" },
    { name: "good", regex: "ok=(\\d+)" },
  ]);
  const evil = `${"a".repeat(60)}!`;
  expect(search.search(lines(evil, evil, evil, evil, "ok=3"))).toEqual({
    found: [{ name: "good", value: 3, timestamp: 1004, line: 4 }],
    givenUp: ["bad"],
  });
  expect(search.final).toEqual([{ name: "good", value: 3, timestamp: 1004 }]);
  expect(search.search(lines(evil, "ok=4")).givenUp).toEqual([]);
  expect(search.final.map((metric) => metric.value)).toEqual([4]);
});

test.each([
  [String.raw`.*\[[0-9]+\].*#011train-rmse:([-+]?[0-9]*\.?[0-9]+).*`, "#011train-rmse:"],
  ["loss=(.*)", "loss="],
  ["(loss)?=(.*)", "="],
  ["ab?c", "a"],
  ["ab*", "a"],
  ["ab+c", "ab"],
  ["ab{0,2}cde", "cde"],
  ['{"loss": (.*)}', '{"loss": '],
  ["loss|error: (.*)", ""],
  ["(?:loss|error): (.*)", ": "],
  [String.raw`\x41bc\d+xyz\.`, "xyz."],
  ["[loss]+: (.*)", ": "],
  ["(?i)Loss: (.*)", ""],
])("%s is only searched in lines with %j", (source, text) => {
  expect(requiredText(compileRegex(source))).toBe(text);
});
