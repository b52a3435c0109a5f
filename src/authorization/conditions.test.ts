import { describe, expect, test } from "vitest";
import { compileConditions } from "./conditions.ts";

type Facts = Readonly<Record<string, string | readonly string[]>>;

/** Whether one clause holds for a request with these keys. */
function holds(operator: string, key: string, wanted: string | string[], facts: Facts, variables = true): boolean {
  const values = new Map(Object.entries(facts).map(([name, value]) => [name.toLowerCase(), value]));
  return compileConditions(
    [{ operator, key, values: [wanted].flat() }],
    variables,
  )({
    values: (name) => values.get(name),
    single: (name) => {
      const value = values.get(name);
      return typeof value === "string" ? value : undefined;
    },
  });
}

const operators: readonly (readonly [operator: string, wanted: string | string[], value: string, expected: boolean])[] =
  [
    ["StringEquals", "Ana", "Ana", true],
    ["StringEquals", "Ana", "ana", false],
    ["StringEquals", "An*", "Ana", false],
    ["StringEquals", ["Bo", "Ana"], "Ana", true],
    ["StringNotEquals", "Ana", "Ana", false],
    ["StringNotEquals", "Ana", "Bo", true],
    ["StringNotEquals", ["Bo", "Ana"], "Ana", false],
    ["StringNotEquals", ["Bo", "Ana"], "Cy", true],
    ["StringEqualsIgnoreCase", "Ana", "aNA", true],
    ["StringNotEqualsIgnoreCase", "Ana", "aNA", false],
    ["StringLike", "home/*/x?", "home/a/b/xy", true],
    ["StringLike", "home/*", "Home/a", false],
    ["StringLike", ["", "home/"], "", true],
    ["StringNotLike", "home/*", "away/", true],
    ["NumericEquals", "10", "10.0", true],
    ["NumericNotEquals", "10", "10.0", false],
    ["NumericLessThan", "10", "9.99", true],
    ["NumericLessThan", "10", "10", false],
    ["NumericLessThanEquals", "10", "10", true],
    ["NumericGreaterThan", "10", "10", false],
    ["NumericGreaterThan", "10", "11", true],
    ["NumericGreaterThanEquals", "10", "10", true],
    ["NumericLessThan", "10", "few", false],
    ["DateEquals", "2020-01-01T00:00:00Z", "2020-01-01T01:00:00+01:00", true],
    ["DateEquals", "2020-01-01T00:00:00Z", "1577836800", true],
    ["DateNotEquals", "2020-01-01T00:00:00Z", "1577836800", false],
    ["DateLessThan", "2020-01-01T00:00:00Z", "2019-12-31T23:59:59Z", true],
    ["DateLessThan", "2020-01-01T00:00:00Z", "2020-01-01T00:00:00Z", false],
    ["DateLessThanEquals", "2020-01-01T00:00:00Z", "2020-01-01T00:00:00Z", true],
    ["DateGreaterThan", "2020-01-01T00:00:01Z", "2020-01-01T00:00:01Z", false],
    ["DateGreaterThan", "2020-01-01T00:00:01Z", "2020-01-01T00:00:01.001Z", true],
    ["DateGreaterThanEquals", "2020-01-01T00:00:01Z", "2020-01-01T00:00:01Z", true],
    ["Bool", "false", "false", true],
    ["Bool", "False", "false", true],
    ["Bool", "true", "false", false],
    ["BinaryEquals", "QmluYXJ5VmFsdWVJbkJhc2U2NA==", "QmluYXJ5VmFsdWVJbkJhc2U2NA==", true],
    ["BinaryEquals", "QmluYXJ5VmFsdWVJbkJhc2U2NA==", "Qmlu", false],
    ["IpAddress", "203.0.113.0/24", "203.0.113.255", true],
    ["IpAddress", "203.0.113.0/24", "203.0.114.0", false],
    ["IpAddress", ["203.0.113.0/24", "2001:DB8:1234:5678::/64"], "2001:db8:1234:5678::9", true],
    ["NotIpAddress", ["203.0.113.0/24", "198.51.100.0/24"], "198.51.100.3", false],
    ["NotIpAddress", ["203.0.113.0/24", "198.51.100.0/24"], "192.0.2.1", true],
    ["IpAddress", "203.0.113.0/24", "not an address", false],
  ];

test.each(operators)("%s %j of %j: %s", (operator, wanted, value, expected) => {
  expect(holds(operator, "test:key", wanted, { "test:key": value })).toBe(expected);
});

describe("ARNs are compared field by field", () => {
  // The example of the guide: as a text it matches, as an ARN it does not.
  const pattern = "arn:aws:someservice:*:111122223333:finance/*";
  const value = "arn:aws:someservice:us-east-2:999999999999:store/abc:111122223333:finance/document.txt";

  test.each([
    ["StringLike", pattern, value, true],
    ["ArnLike", pattern, value, false],
    ["ArnEquals", pattern, value, false],
    ["ArnNotLike", pattern, value, true],
    ["ArnNotEquals", pattern, value, true],
    ["ArnLike", pattern, "arn:aws:someservice:us-east-2:111122223333:finance/a:b/c", true],
    ["ArnEquals", "arn:aws:sns:*:123456789012:Topic-?", "arn:aws:sns:eu-west-1:123456789012:Topic-1", true],
    ["ArnLike", "arn:aws:sns:eu-west-1:123456789012:topic-1", "arn:aws:sns:eu-west-1:123456789012:Topic-1", false],
  ])("%s %j of %j: %s", (operator, wanted, arn, expected) => {
    expect(holds(operator, "aws:SourceArn", wanted, { "aws:SourceArn": arn })).toBe(expected);
  });
});

test.each([
  ["StringEquals", false],
  ["StringLike", false],
  ["StringNotEquals", true],
  ["StringNotLike", true],
  ["StringNotEqualsIgnoreCase", true],
  ["NumericNotEquals", true],
  ["DateNotEquals", true],
  ["NumericLessThan", false],
  ["Bool", false],
  ["BinaryEquals", false],
  ["IpAddress", false],
  ["NotIpAddress", true],
  ["ArnLike", false],
  ["ArnNotLike", true],
  ["StringEqualsIfExists", true],
  ["StringNotEqualsIfExists", true],
  ["BoolIfExists", true],
  ["ForAllValues:StringEquals", true],
  ["ForAllValues:StringNotEquals", true],
  ["ForAnyValue:StringEquals", false],
  ["ForAnyValue:StringNotEquals", false],
  // Nothing is there that IfExists could be about.
  ["ForAnyValue:StringEqualsIfExists", false],
  ["ForAllValues:StringEqualsIfExists", true],
])("%s of a key that the request does not have: %s", (operator, expected) => {
  expect(holds(operator, "test:key", "1", {})).toBe(expected);
});

test.each([
  ["StringEqualsIfExists", "a", "b", false],
  ["StringEqualsIfExists", "a", "a", true],
  ["StringNotEqualsIfExists", "a", "a", false],
  ["BoolIfExists", "false", "false", true],
])("%s %j of %j, which exists: %s", (operator, wanted, value, expected) => {
  expect(holds(operator, "test:key", wanted, { "test:key": value })).toBe(expected);
});

test("Null asks whether a key is there", () => {
  const there = { "aws:TokenIssueTime": "2020-01-01T00:00:00Z" };
  expect(holds("Null", "aws:TokenIssueTime", "true", there)).toBe(false);
  expect(holds("Null", "aws:TokenIssueTime", "false", there)).toBe(true);
  expect(holds("Null", "aws:TokenIssueTime", "true", {})).toBe(true);
  expect(holds("Null", "aws:TokenIssueTime", "false", {})).toBe(false);
  expect(holds("Null", "aws:TagKeys", "true", { "aws:TagKeys": [] })).toBe(true);
  expect(holds("Null", "s3:prefix", "true", { "s3:prefix": "" })).toBe(false);
});

describe("keys of several values, as the guide's examples have them", () => {
  // Source: IAM User Guide, "Multivalued context key examples".
  test.each([
    ["ForAllValues:StringNotLike", ["key1*"], ["key1:legal"], false],
    ["ForAllValues:StringNotLike", ["key1*"], ["key1:hr", "key1:personnel"], false],
    ["ForAllValues:StringNotLike", ["key1*"], ["key2:audit"], true],
    ["ForAllValues:StringNotLike", ["key1*"], [], true],
    ["ForAllValues:StringEquals", ["ID", "Message", "Tags"], ["Message", "Tags"], true],
    ["ForAllValues:StringEquals", ["ID", "Message", "Tags"], ["Message", "UserName"], false],
    ["ForAnyValue:StringEquals", ["ID", "PostDateTime"], ["PostDateTime", "Message"], true],
    ["ForAnyValue:StringEquals", ["ID", "PostDateTime"], ["UserName"], false],
    ["ForAnyValue:StringNotLike", ["Owner:*", "State:??"], ["Owner:Legal", "State:NY"], false],
    ["ForAnyValue:StringNotLike", ["Owner:*", "State:??"], ["owner:Legal", "Owner:Legal"], true],
    ["ForAnyValue:StringLike", ["Owner:*", "State:??"], ["owner:Mktg", "State:NewYork"], false],
    ["ForAnyValue:StringLike", ["Owner:*", "State:??"], ["Owner:Legal", "owner:Mktg"], true],
    // An empty text is a set without values.
    ["ForAllValues:StringEquals", ["a"], [""], true],
    ["ForAnyValue:StringLike", ["*"], [""], false],
  ])("%s %j of %j: %s", (operator, wanted, values, expected) => {
    expect(holds(operator, "aws:TagKeys", wanted, { "aws:TagKeys": values })).toBe(expected);
  });

  test("without a set operator one value that matches is enough, and for negated ones none may match", () => {
    const facts = { "aws:TagKeys": ["a", "b"] };
    expect(holds("StringEquals", "aws:TagKeys", "b", facts)).toBe(true);
    expect(holds("StringNotEquals", "aws:TagKeys", "b", facts)).toBe(false);
    expect(holds("StringNotEquals", "aws:TagKeys", "c", facts)).toBe(true);
  });
});

describe("variables", () => {
  const facts = {
    "aws:username": "ana",
    "s3:prefix": "home/ana/x",
    "aws:PrincipalTag/team": "a*",
    "aws:TagKeys": ["k"],
  };

  test.each([
    ["StringLike", "s3:prefix", "home/${aws:username}/*", true],
    ["StringEquals", "s3:prefix", "home/${AWS:UserName}/x", true],
    ["StringNotEquals", "s3:prefix", "home/${aws:username}/x", false],
    ["StringEqualsIgnoreCase", "s3:prefix", "HOME/${aws:username}/X", true],
    // What has no value equals nothing, so that what must not be equal is not.
    ["StringEquals", "s3:prefix", "${aws:PrincipalTag/none}", false],
    ["StringNotEquals", "s3:prefix", "${aws:PrincipalTag/none}", true],
    ["StringNotLike", "s3:prefix", "${aws:PrincipalTag/none}*", true],
    ["StringLike", "s3:prefix", "${aws:PrincipalTag/none, 'home'}/*", true],
    // A key of several values has none to put in.
    ["StringEquals", "s3:prefix", "${aws:TagKeys}", false],
    // A star that comes out of a variable is a star.
    ["StringLike", "s3:prefix", "home/${aws:PrincipalTag/team}", false],
  ])("%s %s %j: %s", (operator, key, wanted, expected) => {
    expect(holds(operator, key, wanted, facts)).toBe(expected);
  });

  test("are text in documents of version 2008-10-17", () => {
    expect(holds("StringEquals", "k", "${aws:username}", { ...facts, k: "ana" }, false)).toBe(false);
    expect(holds("StringEquals", "k", "${aws:username}", { ...facts, k: "${aws:username}" }, false)).toBe(true);
  });

  test("are no part of numbers, dates and addresses", () => {
    expect(holds("NumericEquals", "k", "${n}", { k: "1", n: "1" })).toBe(false);
    expect(holds("IpAddress", "k", "${n}", { k: "10.0.0.1", n: "10.0.0.1" })).toBe(false);
    expect(holds("Bool", "k", "${n}", { k: "true", n: "true" })).toBe(true);
  });
});

test("all clauses must hold", () => {
  const request = {
    values: (key: string) => ({ a: "1", b: "2" })[key],
    single: () => undefined,
  };
  const clause = (key: string, value: string) => ({ operator: "StringEquals", key, values: [value] });
  expect(compileConditions([clause("A", "1"), clause("B", "2")], true)(request)).toBe(true);
  expect(compileConditions([clause("A", "1"), clause("B", "3")], true)(request)).toBe(false);
  expect(compileConditions([], true)(request)).toBe(true);
});

test("a clause without values holds for nothing, and its negation for everything", () => {
  expect(holds("StringEquals", "k", [], { k: "1" })).toBe(false);
  expect(holds("StringNotEquals", "k", [], { k: "1" })).toBe(true);
});
