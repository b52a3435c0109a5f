import { expect, test } from "vitest";
import { equalsMatcher, likeMatcher, parseTemplate, resolveText } from "./variables.ts";

const source = (values: Readonly<Record<string, string>>) => ({ single: (key: string) => values[key] });
const ana = source({ "aws:username": "ana", "aws:principaltag/team": "yellow", "aws:userid": "a*?" });

test.each([
  ["plain", "plain"],
  ["home/${aws:username}/x", "home/ana/x"],
  ["${aws:username}${aws:username}", "anaana"],
  ["${ AWS:UserName }", "ana"],
  ["bucket-${aws:PrincipalTag/team, 'company-wide'}", "bucket-yellow"],
  ["bucket-${aws:PrincipalTag/none, 'company-wide'}", "bucket-company-wide"],
  ["${aws:PrincipalTag/none, ''}", ""],
  ["${aws:PrincipalTag/none}", undefined],
  ["a${*}b${?}c${$}{d}", "a*b?c${d}"],
  // What is no variable is text.
  ["${}", "${}"],
  ["${aws:username", "${aws:username"],
  ["$aws:username}", "$aws:username}"],
  ["${${aws:username}", "${ana"],
  ["${a, b}", "${a, b}"],
  ["", ""],
])("%j says %j", (text, expected) => {
  expect(resolveText(parseTemplate(text, true), ana)).toBe(expected);
});

test("documents of version 2008-10-17 have no variables", () => {
  expect(resolveText(parseTemplate("${aws:username} ${*}", false), ana)).toBe("${aws:username} ${*}");
});

test("only what the policy says is a wildcard, not what a variable brings or an escape stands for", () => {
  const like = (pattern: string, text: string) => likeMatcher(parseTemplate(pattern, true))(text, ana);
  expect(like("home/${aws:username}/*", "home/ana/x/y")).toBe(true);
  expect(like("home/${aws:username}/*", "home/bo/x/y")).toBe(false);
  expect(like("${aws:userid}/*", "a*?/x")).toBe(true);
  expect(like("${aws:userid}/*", "abc/x")).toBe(false);
  expect(like("a${*}b*", "a*bc")).toBe(true);
  expect(like("a${*}b*", "axbc")).toBe(false);
  expect(like("${*}", "x")).toBe(false);
  expect(like("?${?}", "a?")).toBe(true);
  expect(like("", "")).toBe(true);
  expect(like("", "x")).toBe(false);
});

test("one pattern serves callers in turn", () => {
  const like = likeMatcher(parseTemplate("${a}*${b}", true));
  const first = source({ a: "x*", b: "y" });
  const second = source({ a: "x", b: "*y" });
  // Both put in the same characters, but other ones are wildcards.
  expect([like("x*y", first), like("x1*y", first), like("x*1y", first)]).toEqual([true, false, true]);
  expect([like("x*y", second), like("x1*y", second), like("x*1y", second)]).toEqual([true, true, false]);
  expect(like("x*1y", first)).toBe(true);
  expect(like("x*1y", source({ a: "x*" }))).toBe(false);
  expect(like("x*1y", first)).toBe(true);
});

test("an equal text has no wildcards", () => {
  const equals = (pattern: string, text: string) => equalsMatcher(parseTemplate(pattern, true))(text, ana);
  expect(equals("a*", "ab")).toBe(false);
  expect(equals("a*", "a*")).toBe(true);
  expect(equals("a${*}", "a*")).toBe(true);
  expect(equals("${aws:username}", "ana")).toBe(true);
});

test("a long text of braces that open and close nothing is read once", () => {
  const text = "${".repeat(100_000) + "}".repeat(100_000);
  expect(parseTemplate(text, true).parts.length).toBeLessThan(200_001);
  expect(resolveText(parseTemplate("${".repeat(100_000), true), ana)).toBe("${".repeat(100_000));
});
