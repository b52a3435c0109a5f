/** The examples of the user guide's page on filter patterns, and what is refused. */
import { expect, test } from "vitest";
import { compileFilterPattern } from "./filter-pattern.ts";

const matches = (pattern: string, message: string) => compileFilterPattern(pattern).matches(message);
const matching = (pattern: string, messages: readonly string[]) =>
  messages.filter((message) => matches(pattern, message));

const errors = [
  "[ERROR 400] BAD REQUEST",
  "[ERROR 401] UNAUTHORIZED REQUEST",
  "[ERROR 419] MISSING ARGUMENTS",
  "[ERROR 420] INVALID ARGUMENTS",
  "[SUCCESS 200] AUTHORIZED REQUEST",
];

test.each([
  ["", [0, 1, 2, 3, 4]],
  ["ERROR", [0, 1, 2, 3]],
  ["ERROR ARGUMENTS", [2, 3]],
  ["?ERROR ?ARGUMENTS", [0, 1, 2, 3]],
  ['"BAD REQUEST"', [0]],
  ["ERROR -ARGUMENTS", [0, 1]],
  ['ERROR -"BAD REQUEST"', [1, 2, 3]],
  ["%AUTHORIZED%", [1, 4]],
  ["%^.ERROR\\s4[02]0%", [0, 3]],
  // Beside other terms those with a question mark have no say.
  ["ARGUMENTS ?BAD", [2, 3]],
])("the text pattern %s", (pattern, expected) => {
  expect(matching(pattern, errors)).toEqual(expected.map((at) => errors[at]));
});

test("regular expressions know the operators of the guide", () => {
  expect(matches("%^[hc]at%", "cat and dog")).toBe(true);
  expect(matches("%^[hc]at%", "a cat")).toBe(false);
  expect(matches("%colou?r%", "color")).toBe(true);
  expect(matches("%a{3,5}%", "aa")).toBe(false);
  expect(matches("%gray|grey%", "grey")).toBe(true);
  expect(matches("%10\\.10\\.0\\.1%", "10.10.0.1")).toBe(true);
  expect(matches("%10\\.10\\.0\\.1%", "10x10.0.1")).toBe(false);
  expect(matches("%\\x5F%", "a_b")).toBe(true);
  expect(matches("%rmse:[0-9.]+%", "train-rmse:2.25")).toBe(true);
});

const apache = '127.0.0.1 Prod frank [10/Oct/2000:13:25:15 -0700] "GET /index.html HTTP/1.0" 404 1534';

test.each([
  ["[ip, server, username, timestamp, request, status_code, bytes]", true],
  ["[ip, server, username, timestamp, request, status_code, bytes > 1000]", true],
  ["[ip, server, username, timestamp, request, status_code, bytes > 2e3]", false],
  ["[ip, server, username, timestamp, request =*.html*, status_code = 4*, bytes]", true],
  ["[ip, server, username, timestamp, request, status_code = 404 || status_code = 410, bytes]", true],
  ["[ip, server, username, timestamp, request, status_code >= 500 || status_code < 400, bytes]", false],
  ["[..., bytes]", true],
  ["[..., status_code = 404, bytes]", true],
  ["[..., status_code = 500, bytes]", false],
  ["[ip = 127.*, ...]", true],
  ["[ip, ..., status_code != 404, bytes]", false],
  ["[ip = %127\\.0\\.0\\.[1-3]%, ...]", true],
  ["[ip, server, rest]", true],
  ["[ip, server]", true],
  ["[ip, server = Prod]", false],
  ['[ip, server, username, timestamp = "10/Oct/2000:13:25:15 -0700", ...]', true],
  ["[a, b, c, d, e, f, g, h]", false],
  ["[]", true],
])("the space-delimited pattern %s", (pattern, expected) => {
  expect(matches(pattern, apache)).toBe(expected);
});

test("the first word is, or is not, one of several", () => {
  const lines = ["ERROR WARN message", "ERROR message", "WARN message", "INFO message"];
  expect(matching("[w1=ERROR, w2]", lines)).toEqual(["ERROR WARN message", "ERROR message"]);
  expect(matching("[w1=ERROR || w1=%WARN%, w2]", lines)).toEqual(lines.slice(0, 3));
  expect(matching("[w1!=ERROR && w1!=WARN, w2]", lines)).toEqual(["INFO message"]);
});

const trail = JSON.stringify({
  eventType: "UpdateTrail",
  sourceIPAddress: "111.111.111.111",
  arrayKey: ["value", "another value"],
  objectList: [
    { name: "a", id: 1 },
    { name: "b", id: 2 },
  ],
  SomeObject: null,
  ThisFlag: true,
  latency: 50,
  errorCode: 400,
  cluster: { name: "c" },
  "detail-type": "Job",
  user: { id: "xabcx" },
});

test.each([
  ['{ $.eventType = "UpdateTrail" }', true],
  ["{ $.eventType = UpdateTrail }", true],
  ['{ $.eventType = "*Trail" }', true],
  ["{ $.sourceIPAddress != 123.123.* }", true],
  ['{ $.arrayKey[0] = "value" }', true],
  ['{ $.arrayKey[1] = "value" }', false],
  ['{ $.arrayKey[*] = "another*" }', true],
  ["{ $.objectList[1].id = 2 }", true],
  ["{ $.objectList[*].id = 2 }", true],
  ["{ $.objectList[2].id = 2 }", false],
  ["{ $.SomeObject IS NULL }", true],
  ["{ $.eventType IS NULL }", false],
  ["{ $.SomeOtherObject NOT EXISTS }", true],
  ["{ $.SomeObject NOT EXISTS }", false],
  ["{ $.ThisFlag IS TRUE }", true],
  ["{ $.ThisFlag IS FALSE }", false],
  ["{ $.latency = * }", true],
  ["{ $.nothing = * }", false],
  ["{ $.cluster = * }", true],
  ["{ $.nothing != x }", false],
  ["{ $.latency > 4.9e1 && $.latency <= 50 }", true],
  ["{ $.errorCode = 4* }", true],
  ["{ $.detail-type = Job }", true],
  ["{ $.eventType = %Update[A-Z]% }", true],
  ['{ ($.eventType = "X" && $.latency > 100) || $.user.id = *abc* }', true],
  ['{ $.eventType = "UpdateTrail" && ($.latency > 100 || $.latency < 10) }', false],
])("the JSON pattern %s", (pattern, expected) => {
  expect(matches(pattern, trail)).toBe(expected);
  expect(matches(pattern, "no JSON")).toBe(false);
});

test("values are taken out of what matches", () => {
  const space = compileFilterPattern("[ip, ..., status, bytes]");
  expect(space.extract(apache)).toEqual({ $ip: "127.0.0.1", $status: "404", $bytes: "1534" });
  expect(space.valueOf(apache, "$bytes")).toBe("1534");
  const json = compileFilterPattern("{ $.latency = * }");
  expect(json.extract(trail)).toEqual({ "$.latency": "50" });
  expect(json.valueOf(trail, "$.objectList[1].name")).toBe("b");
  expect(json.valueOf(trail, "$.none")).toBeUndefined();
});

test.each([
  ["Status: timeout", "Invalid character(s) in term ':'"],
  ["a (b", "Invalid character(s) in term '('"],
  ['"open', "a quote is not closed"],
  ["%(a+)+$%", "Invalid character(s) in term '('"],
  ["%something!%", "Invalid character(s) in term '!'"],
  ["%[a%", "missing closing ']'"],
  ["%a% %b% %c%", "at most 2 regular expressions"],
  ["[a, b", "it ends too early"],
  ["[a, ..., b, ...]", "may occur once"],
  ["[a, a]", "occurs twice"],
  ["[a > x, b]", "> compares numbers only"],
  ["[a=1 AND b=2]", "Invalid character(s) in term 'A'"],
  ['{ $."sc-status" = 5 }', "Invalid character(s) in term '$'"],
  ["{ $.a EXISTS }", "Invalid character(s) in term 'E'"],
  ["{ $.a == 1 }", "Invalid character(s) in term '='"],
  ["{ $.a = 1", "it ends too early"],
  ["{ $.a = 1 } x", "Invalid character(s) in term 'x'"],
  [`{ ${"(".repeat(60)}$.a = 1${")".repeat(60)} }`, "too many parentheses"],
])("%s is refused", (pattern, message) => {
  expect(() => compileFilterPattern(pattern)).toThrow(message);
});
