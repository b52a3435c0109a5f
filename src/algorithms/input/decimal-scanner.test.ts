import { expect, test } from "vitest";
import { DecimalScanner, numberOfText } from "./decimal-scanner.ts";

const encoder = new TextEncoder();

/** The scanner's answer, and what it leaves unread. */
function scan(text: string): { value: number; rest: string } {
  const scanner = new DecimalScanner(encoder.encode(`${text}\n`));
  const value = scanner.decimal();
  return { value, rest: text.slice(scanner.at) };
}

test.each([
  ["0", 0],
  ["-0", -0],
  ["42", 42],
  ["+3.5", 3.5],
  [".25", 0.25],
  ["7.", 7],
  ["1e3", 1000],
  ["-2.5E-3", Math.fround(-0.0025)],
  ["0.1", Math.fround(0.1)],
  ["3.141592653589793", Math.fround(Math.PI)],
  ["-5.961064129345728", Math.fround(-5.961064129345728)],
])("%s is read to its end", (text, expected) => {
  expect(scan(text)).toEqual({ value: expected, rest: "" });
});

test.each(["", "abc", "-", ".", "e5", "1e", "1e+", "nan"])("%j is left for the slow path", (text) => {
  expect(scan(text)).toEqual({ value: NaN, rest: text });
});

test("reading stops at the first byte that is no part of the number", () => {
  expect(scan("1.5,2")).toEqual({ value: 1.5, rest: ",2" });
  expect(scan("12abc")).toEqual({ value: 12, rest: "abc" });
});

test("random decimals are the float32 nearest to the double, or are left for the slow path", () => {
  // A linear congruential generator: the same numbers in every run.
  let state = 12345;
  const random = () => (state = (Math.imul(state, 1103515245) + 12345) >>> 0) / 2 ** 32;
  let left = 0;
  for (let round = 0; round < 20_000; round += 1) {
    const value = (random() - 0.5) * 10 ** Math.floor(random() * 13 - 4);
    const text = [String(value), value.toFixed(6), value.toExponential(12), value.toPrecision(9)][round % 4];
    const { value: read, rest } = scan(text);
    if (rest === text) left += 1;
    else expect([text, read]).toEqual([text, Math.fround(Number(text))]);
  }
  expect(left).toBeLessThan(500);
});

test("a decimal next to the middle of two float32 values is not guessed", () => {
  // 1 + 2^-24 is exactly in the middle between 1 and the next float32.
  for (const text of ["1.000000059604644775390625", "1.0000000596046447", "1.00000005960464484"]) {
    const { value, rest } = scan(text);
    expect(rest === text ? numberOfText(text) : value).toBe(Math.fround(Number(text)));
  }
});

test("fields as people write them", () => {
  expect(numberOfText("  7 ")).toBe(7);
  expect(numberOfText('"1.5"')).toBe(1.5);
  expect(numberOfText("' 2 '")).toBe(2);
  expect(numberOfText("")).toBeNaN();
  expect(numberOfText('""')).toBeNaN();
  expect(numberOfText("NaN")).toBeNaN();
  for (const text of ["abc", "1,5", "inf", "1e39", "0x10", "1 2", "12abc"]) expect(numberOfText(text)).toBeUndefined();
});
