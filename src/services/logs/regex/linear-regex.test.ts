import { expect, test } from "vitest";
import { LinearRegex } from "./linear-regex.ts";

/** Expressions with texts for which the platform's own engine, which goes back and tries, is the judge. */
const cases: readonly (readonly [source: string, ...texts: string[]])[] = [
  ["a*b", "b", "aab", "c", ""],
  ["^$", "", "x"],
  ["^a|b$", "ab", "cb", "ca"],
  ["(a+)+$", "aaaa", "aaab"],
  ["[^a-c]+", "abc", "abd"],
  ["[]a]", "a"],
  ["(\\d{1,3})\\.(\\d+)", "1.2", "1234.5x"],
  ["\\bfoo\\b", "a foo b", "afoo"],
  ["(a|ab)(c|bcd)(d*)", "abcd"],
  ["a.*?b", "aXbYb"],
  ["", "", "x"],
  ["x?", "y"],
  ["(?:ab){2,3}", "abab", "ab"],
  ["\\s+$", "a  ", "a"],
  ["a{0}b", "b"],
  ["(?<level>[A-Z]+) (?<rest>.*)", "INFO all is well", "nothing"],
  ["(a)|(b)", "b"],
  ["[\\d.-]+", "x-1.5"],
  ["\\x41\\u00e9", "Aé"],
  ["%?a/b#c", "a/b#c"],
];

test.each(cases)("%s finds what it finds elsewhere", (source, ...texts) => {
  // "[]" is an empty class in JavaScript and a bracket elsewhere.
  const judge = source.replace("[]a]", "[\\]a]");
  const regex = new LinearRegex(source);
  for (const text of texts) {
    const expected = new RegExp(judge).exec(text);
    expect(regex.test(text)).toBe(expected !== null);
    expect(regex.exec(text)).toEqual(expected === null ? undefined : [...expected]);
    expect(regex.replaceAll(text, "-")).toBe(text.replace(new RegExp(judge, "g"), "-"));
  }
});

test("random expressions over a small alphabet agree with the platform's engine", () => {
  let seed = 7;
  const random = (below: number) => {
    seed = (seed * 1103515245 + 12345) % 2 ** 31;
    return Math.floor((seed / 2 ** 31) * below);
  };
  const pick = (choices: readonly string[]) => choices[random(choices.length)];
  const expression = (depth: number): string => {
    const kind = depth === 0 ? 0 : random(5);
    if (kind === 1) return `${expression(depth - 1)}|${expression(depth - 1)}`;
    if (kind === 2) return `(${expression(depth - 1)})${pick(["", "*", "+", "?", "{1,2}"])}`;
    if (kind >= 3) return expression(depth - 1) + expression(depth - 1);
    return pick(["a", "b", "[ab]", "[^a]", ".", "\\w", "^a", "b$", "a?", "b+"]);
  };
  for (let round = 0; round < 400; round += 1) {
    const source = expression(3);
    const regex = new LinearRegex(source);
    const text = Array.from({ length: random(8) }, () => pick(["a", "b", "c", "-"])).join("");
    // Engines differ in the groups of empty rounds, never in whether and where a match lies.
    const expected = new RegExp(source).exec(text);
    expect([source, text, regex.test(text)]).toEqual([source, text, expected !== null]);
    expect([source, text, regex.exec(text)?.[0]]).toEqual([source, text, expected?.[0]]);
  }
});

test("an expression that takes other engines the age of the universe is answered", () => {
  const text = `${"a".repeat(20_000)}!`;
  expect(new LinearRegex("(a+)+$").test(text)).toBe(false);
  expect(new LinearRegex("(a|aa)*b").test(text)).toBe(false);
  expect(new LinearRegex("(a*)*(a*)*c").exec(text.slice(-2000))).toBeUndefined();
});

test("case is ignored with (?i) and a dot takes ends of lines with (?s)", () => {
  expect(new LinearRegex("(?i)error [a-c]").test("ERROR B")).toBe(true);
  expect(new LinearRegex("(?s)a.b").test("a\nb")).toBe(true);
  expect(new LinearRegex("a.b").test("a\nb")).toBe(false);
});

test.each([
  ["(a", "missing closing ')'"],
  ["a)", "unmatched closing ')'"],
  ["[a", "missing closing ']'"],
  ["*a", "nothing to repeat"],
  ["a{3,1}", "out of order"],
  ["a{1,5000}", "at most 1000 rounds"],
  ["(?=a)b", "lookaround is not supported"],
  ["(a)\\1", "backreferences are not supported"],
  ["((((a{90}){90}){90}){90})", "too large"],
  ["(?m)a", "flags m are not supported"],
])("%s is refused: %s", (source, message) => {
  expect(() => new LinearRegex(source)).toThrow(message);
});
