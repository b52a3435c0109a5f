import { expect, test } from "vitest";
import { judge, rangeLength } from "./threshold.ts";

/** `0` is within the threshold, `X` breaches it, `-` is missing; the oldest first. */
function judged(
  points: string,
  datapointsToAlarm: number,
  treatMissingData: "missing" | "ignore" | "breaching" | "notBreaching",
) {
  const breaches = points.split(" ").map((point) => (point === "-" ? undefined : point === "X"));
  expect(breaches).toHaveLength(rangeLength(3));
  return judge(breaches, { evaluationPeriods: 3, datapointsToAlarm, treatMissingData }).state ?? "retain";
}

const treatments = ["missing", "ignore", "breaching", "notBreaching"] as const;

// The two tables of the guide: points, then the state for missing, ignore, breaching, notBreaching.
test.each([
  ["0 - X - X", ["OK", "OK", "OK", "OK"]],
  ["0 - - - -", ["OK", "OK", "OK", "OK"]],
  ["- - - - -", ["INSUFFICIENT_DATA", "retain", "ALARM", "OK"]],
  ["0 X X - X", ["ALARM", "ALARM", "ALARM", "ALARM"]],
  ["- - X - -", ["ALARM", "retain", "ALARM", "OK"]],
])("3 out of 3: %s", (points, states) => {
  expect(treatments.map((treatment) => judged(points, 3, treatment))).toEqual(states);
});

test.each([
  ["0 - X - X", ["ALARM", "ALARM", "ALARM", "ALARM"]],
  ["0 0 X 0 X", ["ALARM", "ALARM", "ALARM", "ALARM"]],
  ["0 - X - -", ["OK", "OK", "ALARM", "OK"]],
  ["- - - - 0", ["OK", "OK", "ALARM", "OK"]],
  ["- - - X -", ["ALARM", "retain", "ALARM", "OK"]],
])("2 out of 3: %s", (points, states) => {
  expect(treatments.map((treatment) => judged(points, 2, treatment))).toEqual(states);
});

test("an alarm does not go off prematurely for the first breaching point after none", () => {
  expect(judged("- - - - X", 3, "missing")).toBe("retain");
  expect(judged("- - - X -", 3, "missing")).toBe("retain");
  expect(judged("- - - - X", 2, "missing")).toBe("retain");
  // One is enough when one is asked for.
  expect(judged("- - - - X", 1, "missing")).toBe("ALARM");
});

test("one period of one: the newest point that is there decides", () => {
  const rule = { evaluationPeriods: 1, datapointsToAlarm: 1, treatMissingData: "missing" } as const;
  expect(judge([undefined, false, true], rule)).toEqual({ state: "ALARM", evaluated: [2], filled: 0 });
  expect(judge([true, false, undefined], rule)).toEqual({ state: "OK", evaluated: [1], filled: 0 });
  expect(judge([undefined, undefined, undefined], { ...rule, treatMissingData: "breaching" })).toEqual({
    state: "ALARM",
    evaluated: [],
    filled: 1,
  });
});
