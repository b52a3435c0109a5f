import { expect, test } from "vitest";
import { evaluateExpression } from "./evaluate.ts";
import { parseExpression } from "./expression.ts";
import { compileSearch } from "./search.ts";
import { one, type TimeSeries, type Value } from "./value.ts";

/** 2026-01-05 is a Monday; values at 12:00, 12:01, … */
const start = Date.UTC(2026, 0, 5, 12);
const minute = 60_000;

function series(label: string, values: (number | undefined)[]): TimeSeries {
  const points = new Map<number, number>();
  for (const [index, value] of values.entries()) if (value !== undefined) points.set(start + index * minute, value);
  return { label, periodMs: minute, points };
}

const known: Record<string, TimeSeries> = {
  m1: series("one", [1, 2, 3, 4]),
  m2: series("two", [10, undefined, 30, 0]),
  m3: series("three", [5, 5]),
  errors: series("errors", [0, 1, 0, 2]),
  empty: series("empty", []),
};

async function evaluate(text: string): Promise<Value> {
  return evaluateExpression(parseExpression(text), {
    span: { from: start, to: start + 5 * minute, periodMs: minute },
    resolve: async (id) => one(known[id]),
    metrics: async (part) => Object.entries(known).flatMap(([id, each]) => (id.includes(part ?? "") ? [each] : [])),
    search: async (expression, stat, seconds) => [series(`${expression}|${stat}|${seconds}`, [1])],
  });
}

/** Values of five minutes from 12:00, `.` where there is none. */
function shown(value: Value): unknown {
  const draw = ({ points }: TimeSeries) =>
    Array.from({ length: 5 }, (_, index) => points.get(start + index * minute) ?? ".").join(" ");
  switch (value.kind) {
    case "scalar":
      return value.value;
    case "series":
      return draw(value.series);
    case "list":
      return value.items.map(draw);
    case "text":
      return value.text;
  }
}

test.each<[string, unknown]>([
  ["1 + 2 * 3 ^ 2", 19],
  ["(1 + 2) * 3", 9],
  ["10 - 4 - 3", 3],
  ["-2 ^ 2", -4],
  ["2 * -3", -6],
  ["1e3 / 4", 250],
  ["1 < 2 AND 2 <= 2", 1],
  ["1 > 2 OR 3 != 3", 0],
  ["1 == 1 && 0 || 1", 1],
  ["m1 * 2", "2 4 6 8 ."],
  ["100 - m1", "99 98 97 96 ."],
  // Only where both have a value.
  ["m1 + m2", "11 . 33 4 ."],
  // One divided by zero is no value.
  ["m1 / m2", "0.1 . 0.1 . ."],
  ["m1 > 2", "0 0 1 1 ."],
  ["[m1, m3] * 2", ["2 4 6 8 .", "10 10 . . ."]],
  ["m3 - [m1]", ["4 3 . . ."]],
  ["ABS(1 - m1)", "0 1 2 3 ."],
  ["CEIL(m1 / 2)", "1 1 2 2 ."],
  ["FLOOR(m1 / 2)", "0 1 1 2 ."],
  ["LOG10(m2)", "1 . 1.4771212547196624 . ."],
  ["LOG(m3 / 5)", "0 0 . . ."],
  ["AVG(m1)", 2.5],
  ["SUM(m1)", 10],
  ["MIN(m2)", 0],
  ["MAX(m2)", 30],
  ["STDDEV(m1)", Math.sqrt(1.25)],
  ["DATAPOINT_COUNT(m2)", 3],
  // Sums and averages of several count a missing value as 0; extremes leave it out.
  ["SUM([m1, m2])", "11 2 33 4 ."],
  ["AVG([m1, m2])", "5.5 1 16.5 2 ."],
  ["MIN([m1, m2])", "1 2 3 0 ."],
  ["MAX([m1, m2])", "10 2 30 4 ."],
  ["DATAPOINT_COUNT([m1, m2])", "2 1 2 2 ."],
  ["STDDEV([m1, m2])", "4.5 0 13.5 2 ."],
  ["SUM(METRICS('err'))", "0 1 0 2 ."],
  ['METRICS("m")', ["1 2 3 4 .", "10 . 30 0 .", "5 5 . . .", ". . . . ."]],
  ["DIFF(m1)", ". 1 1 1 ."],
  ["DIFF(m2)", ". . 20 -30 ."],
  ["DIFF_TIME(m2)", ". . 120 60 ."],
  ["RATE(m2)", `. . ${20 / 120} -0.5 .`],
  ["RUNNING_SUM(m1)", "1 3 6 10 ."],
  ["PERIOD(m1)", 60],
  ["FILL(m2, 7)", "10 7 30 0 7"],
  ["FILL(m2, REPEAT)", "10 10 30 0 0"],
  ["FILL(m2, LINEAR)", "10 20 30 0 ."],
  ["FILL(m2, m1)", "10 2 30 0 ."],
  ["FILL(empty, 1)", "1 1 1 1 1"],
  ["IF(m1 > 2, m1, 0)", "0 0 3 4 ."],
  ["IF(m1 > 2, m1)", ". . 3 4 ."],
  ["IF(m1 > 2, m2, m1)", "1 2 30 0 ."],
  ["IF(1, m3, m1)", "5 5 . . ."],
  ["MINUTE(m3)", "0 1 . . ."],
  ["HOUR(m3)", "12 12 . . ."],
  ["DAY(m3)", "1 1 . . ."],
  ["DATE(m3)", "5 5 . . ."],
  ["MONTH(m3)", "1 1 . . ."],
  ["YEAR(m3)", "2026 2026 . . ."],
  ["EPOCH(m3) - 1767614400", "0 60 . . ."],
  ["FIRST([m1, m3])", "1 2 3 4 ."],
  ["LAST([m1, m3])", "5 5 . . ."],
  ["SLICE([m1, m2, m3], 2)", "5 5 . . ."],
  ["SLICE([m1, m2, m3], 0, 2)", ["1 2 3 4 .", "10 . 30 0 ."]],
  ["REMOVE_EMPTY([empty, m3])", ["5 5 . . ."]],
  ["SORT([m1, m3, m2], SUM, DESC)", ["10 . 30 0 .", "1 2 3 4 .", "5 5 . . ."]],
  ["SORT([m1, m2, m3], MAX, ASC, 1)", ["1 2 3 4 ."]],
  ["TIME_SERIES(AVG(m1))", "2.5 2.5 2.5 2.5 2.5"],
  ["SUM(SEARCH('{A,B} x', 'Sum', 300))", "1 . . . ."],
])("%s", async (text, expected) => {
  expect(shown(await evaluate(text))).toEqual(expected);
});

test.each<[string, string]>([
  ["m1 + 'a'", "Text cannot be calculated with"],
  ["[m1] + [m2]", "at most one array"],
  ["ABS()", "ABS takes 1 parameters, got 0"],
  ["FILL(m1, SOMEHOW)", "FILL takes a number, a time series, REPEAT or LINEAR"],
  ["SORT([m1], MEDIAN, ASC)", "SORT sorts by AVG, MIN, MAX or SUM"],
  ["m1 $ 2", "Unexpected character '$' at position 4"],
  ["m1 m2", "Unexpected 'm2'"],
  ["(m1", "Expected ')' but found the end"],
])("%s is a mistake", async (text, message) => {
  // Words that are no ids are looked up; here, as texts.
  known.SOMEHOW = known.m1;
  known.MEDIAN = known.m1;
  const work = async () => evaluate(text.replace(/SOMEHOW|MEDIAN/, "'$&'"));
  await expect(work()).rejects.toThrow(message);
});

const metric = {
  namespace: "AWS/SageMaker",
  name: "CPUUtilization",
  dimensions: [
    ["EndpointName", "churn-Model-2"],
    ["VariantName", "AllTraffic"],
  ] as [string, string][],
};

test.each<[string, boolean]>([
  ["", true],
  ["{AWS/SageMaker,EndpointName,VariantName}", true],
  ["{AWS/SageMaker,VariantName, EndpointName} CPU", true],
  ["{AWS/SageMaker,EndpointName}", false],
  ["{Other,EndpointName,VariantName}", false],
  ["CPU", true],
  ["cpu", true],
  ["Util", false],
  ["utilization churn", true],
  ["model 2", true],
  ["churn-model", true],
  ["CPU AND memory", false],
  ["memory OR CPU", true],
  ["NOT memory", true],
  ["NOT (CPU OR memory)", false],
  ['MetricName="CPUUtilization"', true],
  ['MetricName="CPU"', false],
  ["MetricName=CPU", true],
  ["EndpointName=churn VariantName=all", true],
  ["VariantName=(one OR AllTraffic)", true],
  ['VariantName=("one" OR "two")', false],
  ['Namespace="AWS/SageMaker"', true],
  ['"AllTraffic"', true],
  ['"Traffic"', false],
])("the search %j finds the metric: %s", (text, found) => {
  expect(compileSearch(text)(metric)).toBe(found);
});

test.each(["{A", "a AND", "(a", "a)", "x=", '"open'])("the search %j is a mistake", (text) => {
  expect(() => compileSearch(text)).toThrow("search expression");
});
