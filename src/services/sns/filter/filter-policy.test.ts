import { describe, expect, test } from "vitest";
import type { MessageAttribute } from "../records.ts";
import { compileFilterPolicy, type FilterScope } from "./filter-policy.ts";

function byAttributes(policy: object, attributes: Record<string, MessageAttribute>): boolean {
  return compileFilterPolicy(JSON.stringify(policy), "MessageAttributes").accepts({ body: "x", attributes });
}

function byBody(policy: object, body: unknown): boolean {
  const text = typeof body === "string" ? body : JSON.stringify(body);
  return compileFilterPolicy(JSON.stringify(policy), "MessageBody").accepts({ body: text });
}

function mistake(policy: unknown, scope: FilterScope = "MessageBody"): string {
  try {
    compileFilterPolicy(typeof policy === "string" ? policy : JSON.stringify(policy), scope);
  } catch (error) {
    return (error as Error).message;
  }
  return "none";
}

const text = (value: string): MessageAttribute => ({ type: "String", value });
const number = (value: string): MessageAttribute => ({ type: "Number", value });
const list = (...values: unknown[]): MessageAttribute => ({ type: "String.Array", value: JSON.stringify(values) });

describe("by message attributes", () => {
  test("all keys must match, of the values of a key one", () => {
    const policy = { store: ["example_corp"], event: ["order_placed", "order_cancelled"] };
    expect(byAttributes(policy, { store: text("example_corp"), event: text("order_cancelled") })).toBe(true);
    expect(byAttributes(policy, { store: text("example_corp"), event: text("order_shipped") })).toBe(false);
    expect(byAttributes(policy, { store: text("example_corp") })).toBe(false);
    expect(byAttributes(policy, {})).toBe(false);
    expect(byAttributes({}, {})).toBe(true);
  });

  test("a number matches as a number, a text as a text", () => {
    expect(byAttributes({ n: [301.5] }, { n: number("3.015e2") })).toBe(true);
    expect(byAttributes({ n: [301.5] }, { n: text("301.5") })).toBe(false);
    expect(byAttributes({ n: ["301.5"] }, { n: number("301.5") })).toBe(false);
  });

  test("of an array one element suffices, of whatever type it is", () => {
    const interests = list("rugby", "football", 5, true, null);
    for (const wanted of ["football", 5, true, null])
      expect(byAttributes({ i: [wanted] }, { i: interests })).toBe(true);
    expect(byAttributes({ i: ["tennis"] }, { i: interests })).toBe(false);
    expect(byAttributes({ i: [{ "anything-but": ["rugby", "tennis"] }] }, { i: list("rugby", "baseball") })).toBe(true);
    expect(byAttributes({ i: [{ "anything-but": ["rugby", "tennis"] }] }, { i: list("rugby") })).toBe(false);
  });

  test("binary attributes are not looked at", () => {
    const binary = { type: "Binary", value: "YQ==" };
    expect(byAttributes({ b: ["YQ=="] }, { b: binary })).toBe(false);
    expect(byAttributes({ b: [{ exists: true }] }, { b: binary })).toBe(false);
  });

  test("existence is asked for and against", () => {
    expect(byAttributes({ a: [{ exists: true }] }, { a: text("") })).toBe(true);
    expect(byAttributes({ a: [{ exists: true }] }, {})).toBe(false);
    expect(byAttributes({ a: [{ exists: false }] }, {})).toBe(true);
    expect(byAttributes({ a: [{ exists: false }] }, { a: text("x") })).toBe(false);
    expect(byAttributes({ a: ["x", { exists: false }] }, { a: text("x") })).toBe(true);
  });

  test("names that every object has mean nothing special", () => {
    expect(byAttributes({ toString: [{ exists: true }] }, {})).toBe(false);
    expect(byAttributes({ constructor: ["x"] }, { constructor: text("x") })).toBe(true);
  });
});

describe("conditions", () => {
  test.each<[string, unknown, unknown, boolean]>([
    ["prefix", { prefix: "bas" }, "baseball", true],
    ["prefix elsewhere", { prefix: "ball" }, "baseball", false],
    ["suffix", { suffix: "ball" }, "baseball", true],
    ["case", { "equals-ignore-case": "TENNIS" }, "Tennis", true],
    ["other text in any case", { "equals-ignore-case": "tennis" }, "tennis!", false],
    ["wildcard in the middle", { wildcard: "a*c*e" }, "abbcdde", true],
    ["wildcard at both ends", { wildcard: "*ell*" }, "hello", true],
    ["wildcard that would overlap", { wildcard: "ab*ba" }, "aba", false],
    ["wildcard without a star", { wildcard: "abc" }, "abcd", false],
    ["escaped star", { wildcard: "a\\*b" }, "a*b", true],
    ["escaped star is only itself", { wildcard: "a\\*b" }, "axb", false],
    ["anything but a text", { "anything-but": "rugby" }, "tennis", true],
    ["anything but that text", { "anything-but": "rugby" }, "rugby", false],
    ["anything but numbers", { "anything-but": [100, 500] }, 100, false],
    ["anything but other numbers", { "anything-but": [100, 500] }, 101, true],
    ["anything but a prefix", { "anything-but": { prefix: "order-" } }, "order-x", false],
    ["anything but prefixes", { "anything-but": { prefix: ["order-", "data-"] } }, "data-x", false],
    ["anything but a suffix", { "anything-but": { suffix: "ball" } }, "rugby", true],
    ["anything but a wildcard", { "anything-but": { wildcard: "*ball" } }, "baseball", false],
    ["address in a block", { cidr: "10.0.0.0/24" }, "10.0.0.255", true],
    ["address out of a block", { cidr: "10.0.0.0/24" }, "10.0.1.0", false],
    ["address of version 6", { cidr: "2001:db8::/32" }, "2001:db8:1::1", true],
    ["no address", { cidr: "10.0.0.0/24" }, "ten", false],
    ["equal number", { numeric: ["=", 3.1] }, 3.1, true],
    ["five places", { numeric: ["=", 0.3] }, 0.1 + 0.2, true],
    ["above", { numeric: [">", 0] }, 0, false],
    ["lower end of a range", { numeric: [">=", 0, "<", 10] }, 0, true],
    ["upper end of a range", { numeric: [">=", 0, "<", 10] }, 10, false],
    ["text is no number", { numeric: ["=", 3] }, "3", false],
    ["null", null, null, true],
    ["false is not null", null, false, false],
    ["true", true, true, true],
  ])("%s", (_, condition, value, expected) => {
    expect(byBody({ key: [condition] }, { key: value })).toBe(expected);
  });
});

describe("by message body", () => {
  test("nested keys match at their places", () => {
    const policy = {
      Records: { s3: { object: { key: [{ prefix: "auto-" }] } }, eventName: [{ prefix: "ObjectCreated:" }] },
    };
    const record = (key: string, eventName: string) => ({ s3: { object: { key } }, eventName });
    expect(byBody(policy, { Records: [record("auto-1", "ObjectCreated:Put")] })).toBe(true);
    expect(byBody(policy, { Records: [record("manual-1", "ObjectCreated:Put")] })).toBe(false);
    // One record has the key and another the event: no record has both.
    expect(byBody(policy, { Records: [record("auto-1", "x"), record("manual", "ObjectCreated:Put")] })).toBe(false);
    expect(byBody(policy, { other: 1 })).toBe(false);
  });

  test("what is no JSON object is not delivered", () => {
    expect(byBody({ a: [{ exists: false }] }, "plain text")).toBe(false);
    expect(byBody({ a: [{ exists: false }] }, "[1]")).toBe(false);
    expect(byBody({ a: [{ exists: false }] }, {})).toBe(true);
  });

  test("existence is about leaves: an object is none", () => {
    expect(byBody({ a: [{ exists: true }] }, { a: { b: 1 } })).toBe(false);
    expect(byBody({ a: { b: [{ exists: true }] } }, { a: { b: 1 } })).toBe(true);
  });

  test("$or takes one of several policies, at any level", () => {
    const policy = { source: ["aws"], $or: [{ metric: ["cpu"] }, { space: ["ec2"], load: [{ numeric: [">", 5] }] }] };
    expect(byBody(policy, { source: "aws", metric: "cpu" })).toBe(true);
    expect(byBody(policy, { source: "aws", space: "ec2", load: 6 })).toBe(true);
    expect(byBody(policy, { source: "aws", space: "ec2", load: 5 })).toBe(false);
    expect(byBody(policy, { source: "x", metric: "cpu" })).toBe(false);
    const nested = { detail: { $or: [{ a: [1] }, { b: [2] }] } };
    expect(byBody(nested, { detail: { b: 2 } })).toBe(true);
    expect(byBody(nested, { b: 2 })).toBe(false);
    // With operators in it, it is a key like any other.
    expect(byBody({ $or: [{ prefix: "a" }, { prefix: "b" }] }, { $or: "bc" })).toBe(true);
  });
});

describe("mistakes are told in AWS's words", () => {
  test.each<[unknown, string]>([
    ["{", "failed to parse JSON."],
    ["[]", "Filter policy must be an object"],
    [{ key: "value" }, '"key" must be an object or an array'],
    [{ key: [] }, "Empty arrays are not allowed"],
    [{ key: {} }, "Empty objects are not allowed"],
    [{ key: [["x"]] }, "Match value must be String, number, true, false, or null"],
    [{ key: [{ like: "x" }] }, "Unrecognized match type like"],
    [{ key: [{ prefix: "a", suffix: "b" }] }, "Only one key allowed in match expression"],
    [{ key: [{ prefix: 5 }] }, "prefix match pattern must be a string"],
    [{ key: [{ exists: "yes" }] }, "exists match pattern must be either true or false."],
    [{ key: [{ numeric: ["=", "5"] }] }, "Value of = must be numeric"],
    [{ key: [{ numeric: ["==", 5] }] }, 'Unrecognized numeric range operator: "=="'],
    [{ key: [{ numeric: [">", 5, "<", 1] }] }, "Bottom must be less than top"],
    [{ key: [{ numeric: ["<", 5, ">", 1] }] }, "Bad numeric range operator: <"],
    [{ key: [{ numeric: [">", 5, "<", 9, "="] }] }, "Too many elements in numeric expression"],
    [{ key: [{ numeric: [] }] }, "Invalid member in numeric match: ]"],
    [{ key: [2e9] }, "Match value 2000000000 must be smaller than 1.0E9"],
    [{ key: [{ wildcard: "a**b" }] }, "Consecutive wildcard characters are not allowed"],
    [{ key: [{ cidr: "10.0.0.0/33" }] }, "Malformed CIDR, must be an address and the bits of its mask: 10.0.0.0/33"],
    [{ a: [1], b: [1], c: [1], d: [1], e: [1], f: [1] }, "Filter policy can not have more than 5 keys"],
    [{ a: [...Array(151).keys()] }, "Filter policy is too complex"],
  ])("%j", (policy, message) => {
    expect(mistake(policy)).toBe(message);
  });

  test("combinations multiply, each by its depth", () => {
    const values = (count: number) => [...Array(count).keys()];
    expect(mistake({ a: values(3), b: values(10), c: values(5) })).toBe("none");
    expect(mistake({ a: values(3), b: values(10), c: values(6) })).toBe("Filter policy is too complex");
    // 4 x 3rd level, 1 x 3rd level, 2 x 2nd level: 12 x 3 x 4 = 144
    expect(mistake({ a: { b: { c: values(4), d: values(1) }, e: values(2) } })).toBe("none");
    expect(mistake({ a: { b: { c: values(5), d: values(1) }, e: values(2) } })).toBe("Filter policy is too complex");
  });

  test("attributes have no levels", () => {
    expect(mistake({ a: { b: [1] } }, "MessageAttributes")).toBe(
      "Filter policy scope MessageAttributes does not support nested filter policy",
    );
  });

  test("a policy nested without end is refused", () => {
    let policy: unknown = ["x"];
    for (let level = 0; level < 1000; level += 1) policy = { a: policy };
    expect(mistake(policy)).toContain("nested deeper");
  });
});
