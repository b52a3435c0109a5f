import { describe, expect, test } from "vitest";
import { parsePolicyDocument } from "./policy-document.ts";
import type { PolicyKind } from "./policy-rules.ts";
import { PolicySyntaxError } from "./policy-syntax-error.ts";

function refusal(text: string, kind?: PolicyKind): PolicySyntaxError {
  try {
    parsePolicyDocument(text, kind);
  } catch (error) {
    if (error instanceof PolicySyntaxError) return error;
    throw error;
  }
  throw new Error(`${text} was accepted`);
}

const identity = { Effect: "Allow", Action: "s3:GetObject", Resource: "arn:aws:s3:::bucket/*" };
const trust = { Effect: "Allow", Principal: { Service: "sagemaker.amazonaws.com" }, Action: "sts:AssumeRole" };
const resource = { ...identity, Principal: "*" };
const base: Readonly<Record<PolicyKind, object>> = { identity, trust, resource };

/** A document whose only statement differs from a good one of its kind. */
function documentOf(kind: PolicyKind, change: object): string {
  return JSON.stringify({ Version: "2012-10-17", Statement: [{ ...base[kind], ...change }] });
}

test("a document is read with all its elements", () => {
  const text = `{
  "Version": "2012-10-17",
  "Id": "Mine",
  "Statement": [
    { "Sid": "1", "Effect": "Deny", "NotPrincipal": { "AWS": ["123456789012", "*"], "Service": "s3.amazonaws.com" },
      "NotAction": "s3:*", "NotResource": ["*"],
      "Condition": { "NumericLessThan": { "s3:max-keys": [10, "20"] }, "Bool": { "aws:SecureTransport": false } } },
    { "Effect": "Allow", "Principal": "*", "Action": ["a:B", "c:D"], "Resource": [] }
  ]
}`;
  expect(parsePolicyDocument(text)).toEqual({
    version: "2012-10-17",
    id: "Mine",
    statements: [
      {
        sid: "1",
        effect: "Deny",
        principals: {
          negated: true,
          values: [
            { type: "AWS", name: "123456789012" },
            { type: "AWS", name: "*" },
            { type: "Service", name: "s3.amazonaws.com" },
          ],
        },
        actions: { negated: true, values: ["s3:*"] },
        resources: { negated: true, values: ["*"] },
        conditions: [
          { operator: "NumericLessThan", key: "s3:max-keys", values: ["10", "20"] },
          { operator: "Bool", key: "aws:SecureTransport", values: ["false"] },
        ],
        start: { line: 5, column: 5 },
        end: { line: 7, column: 116 },
      },
      {
        effect: "Allow",
        principals: { negated: false, values: [{ type: "everyone" }] },
        actions: { negated: false, values: ["a:B", "c:D"] },
        resources: { negated: false, values: [] },
        conditions: [],
        start: { line: 8, column: 5 },
        end: { line: 8, column: 86 },
      },
    ],
  });
});

test("without a version it is of the older one; a single statement needs no list", () => {
  const { version, statements } = parsePolicyDocument(JSON.stringify({ Statement: identity }), "identity");
  expect(version).toBe("2008-10-17");
  expect(statements).toHaveLength(1);
});

test.each<[PolicyKind, object]>([
  ["identity", { Action: "*", Resource: "*" }],
  [
    "identity",
    {
      Action: ["iam:*", "s3-outposts:Get?", "*:*"],
      Resource: ["*", "arn:aws:sqs", "arn:aws:iam::*:user/${aws:username}"],
    },
  ],
  ["identity", { Resource: "arn:aws-us-gov:s3:::b" }],
  ["identity", { Resource: "arn:*:s3:::b" }],
  ["identity", { Sid: "", Condition: {} }],
  [
    "identity",
    { Condition: { "ForAllValues:StringLikeIfExists": { "aws:TagKeys": ["a*"] }, DateLessThan: { a: "2030" } } },
  ],
  // Whoever asks for nothing under an unknown name does no harm; IAM lets it pass, too.
  ["identity", { Condition: { Whatever: {} } }],
  ["identity", { Condition: { Bool: { a: "${b}" }, Null: { c: [true, "FALSE"] } } }],
  ["trust", { Principal: "*" }],
  [
    "trust",
    {
      Principal: { AWS: ["123456789012", "arn:aws:iam::123456789012:role/a/b", "*"], Federated: "graph.facebook.com" },
    },
  ],
  [
    "trust",
    {
      Principal: { AWS: "arn:aws:sts::123456789012:assumed-role/Role/me@example.com" },
      Action: ["sts:AssumeRole", "sts:TagSession"],
    },
  ],
  ["resource", { Sid: "Not only letters", Principal: { CanonicalUser: "0123456789abcdef".repeat(4) } }],
  ["resource", { Effect: "Deny", Principal: undefined, NotPrincipal: { AWS: "arn:aws:iam::123456789012:root" } }],
])("%s policies may have %j", (kind, change) => {
  expect(parsePolicyDocument(documentOf(kind, change), kind).statements).toHaveLength(1);
});

describe("what is wrong is told in the service's words and with its place", () => {
  test.each<[PolicyKind, object, string, string]>([
    ["identity", { Principal: "*" }, "Policy document should not specify a principal.", "Statement[0].Principal"],
    ["identity", { NotPrincipal: "*" }, "Policy document should not specify a principal.", "Statement[0].NotPrincipal"],
    ["identity", { Action: undefined }, "Policy statement must contain actions.", "Statement[0]"],
    ["identity", { Action: [] }, "Policy statement must contain actions.", "Statement[0].Action"],
    ["identity", { Resource: undefined }, "Policy statement must contain resources.", "Statement[0]"],
    ["identity", { Resource: [] }, "Policy statement must contain resources.", "Statement[0].Resource"],
    [
      "identity",
      { Action: ["s3:GetObject", "GetObject"] },
      "Actions/Conditions must be prefaced by a vendor, e.g., iam, sdb, ec2, etc.",
      "Statement[0].Action[1]",
    ],
    [
      "identity",
      { Action: undefined, NotAction: "" },
      "Actions/Conditions must be prefaced by a vendor, e.g., iam, sdb, ec2, etc.",
      "Statement[0].NotAction",
    ],
    ["identity", { Action: "a a:ListBucket" }, "Vendor a a is not valid", "Statement[0].Action"],
    ["identity", { Action: "s3:List:Bucket" }, "Actions/Condition can contain only one colon.", "Statement[0].Action"],
    [
      "identity",
      { Resource: ["*", "invalid resource"] },
      'Resource invalid resource must be in ARN format or "*".',
      "Statement[0].Resource[1]",
    ],
    ["identity", { Resource: "" }, 'Resource  must be in ARN format or "*".', "Statement[0].Resource"],
    [
      "identity",
      { Resource: "a:bsdfdsafsad" },
      'Partition "bsdfdsafsad" is not valid for resource "arn:bsdfdsafsad:*:*:*:*".',
      "Statement[0].Resource",
    ],
    [
      "identity",
      { Resource: "a:b:cadfsdf" },
      'Partition "b" is not valid for resource "arn:b:cadfsdf:*:*:*".',
      "Statement[0].Resource",
    ],
    [
      "identity",
      { Resource: "a:b:c:d:e:f:g:h" },
      'Partition "b" is not valid for resource "arn:b:c:d:e:f:g:h".',
      "Statement[0].Resource",
    ],
    [
      "identity",
      { Resource: "arn:aws" },
      "Resource vendor must be fully qualified and cannot contain regexes.",
      "Statement[0].Resource",
    ],
    [
      "identity",
      { Resource: "arn:aws:s3::example_bucket" },
      "The policy failed legacy parsing",
      "Statement[0].Resource",
    ],
    [
      "identity",
      { Resource: "arn:aws:iam:us-east-1::user/a" },
      "IAM resource arn:aws:iam:us-east-1::user/a cannot contain region information.",
      "Statement[0].Resource",
    ],
    [
      "identity",
      { Resource: "arn:aws:s3:us-east-1::b" },
      "Resource arn:aws:s3:us-east-1::b can not contain region information.",
      "Statement[0].Resource",
    ],
    [
      "identity",
      { Sid: "not alphanumeric" },
      "Statement IDs (SID) must be alpha-numeric. Check that your input satisfies the regular expression [0-9A-Za-z]*",
      "Statement[0].Sid",
    ],
    ["identity", { Effect: "denY" }, "Invalid effect: denY", "Statement[0].Effect"],
    ["identity", { Effect: ["Allow"] }, 'Invalid effect: ["Allow"]', "Statement[0].Effect"],
    ["identity", { Effect: undefined }, "Missing required field Effect", "Statement[0]"],
    ["identity", { NotAction: "s3:*" }, "Syntax errors in policy.", "Statement[0].NotAction"],
    ["identity", { NotResource: [] }, "Syntax errors in policy.", "Statement[0].NotResource"],
    ["identity", { Action: [["a:b"]] }, "Syntax errors in policy.", "Statement[0].Action[0]"],
    ["identity", { Resource: ["*", {}] }, "Syntax errors in policy.", "Statement[0].Resource[1]"],
    ["identity", { Sid: 1 }, "Syntax errors in policy.", "Statement[0].Sid"],
    ["identity", { Principle: "*" }, "Syntax errors in policy.", "Statement[0].Principle"],
    ["identity", { Condition: [] }, "Syntax errors in policy.", "Statement[0].Condition"],
    [
      "identity",
      { Condition: { StringEquals: "b" } },
      "Syntax errors in policy.",
      "Statement[0].Condition.StringEquals",
    ],
    [
      "identity",
      { Condition: { StringEqual: { "aws:username": "a" } } },
      "Syntax errors in policy.",
      "Statement[0].Condition.StringEqual",
    ],
    [
      "identity",
      { Condition: { "ForAnyValue::StringEquals": { a: "a" } } },
      "Syntax errors in policy.",
      "Statement[0].Condition.ForAnyValue::StringEquals",
    ],
    [
      "identity",
      { Condition: { NullIfExists: { a: "true" } } },
      "Syntax errors in policy.",
      "Statement[0].Condition.NullIfExists",
    ],
    [
      "identity",
      { Condition: { StringEquals: { a: ["b", null] } } },
      "Syntax errors in policy.",
      "Statement[0].Condition.StringEquals.a[1]",
    ],
    [
      "identity",
      { Condition: { DateLessThan: { "aws:CurrentTime": ["2020-01-01", "tomorrow"] } } },
      "The policy failed legacy parsing",
      "Statement[0].Condition.DateLessThan.aws:CurrentTime[1]",
    ],
    [
      "identity",
      { Condition: { IpAddress: { "aws:SourceIp": "10.0.0.0/40" } } },
      "The policy failed legacy parsing",
      "Statement[0].Condition.IpAddress.aws:SourceIp",
    ],
    [
      "identity",
      { Condition: { Null: { a: "maybe" } } },
      "The policy failed legacy parsing",
      "Statement[0].Condition.Null.a",
    ],
    ["trust", { Resource: "*" }, "Has prohibited field Resource", "Statement[0].Resource"],
    ["trust", { NotResource: "*" }, "Has prohibited field NotResource", "Statement[0].NotResource"],
    ["trust", { Principal: undefined }, "Missing required field Principal", "Statement[0]"],
    [
      "trust",
      { Principal: undefined, NotPrincipal: { AWS: "123456789012" } },
      "Has prohibited field NotPrincipal",
      "Statement[0].NotPrincipal",
    ],
    ["trust", { Principal: {} }, "Missing required field Principal cannot be empty!", "Statement[0].Principal"],
    [
      "trust",
      { Principal: { AWS: ["123456789012", "ana"] } },
      'Invalid principal in policy: "AWS":"ana"',
      "Statement[0].Principal.AWS[1]",
    ],
    [
      "trust",
      { Principal: { AWS: "arn:aws:iam::123456789012:user/*" } },
      'Invalid principal in policy: "AWS":"arn:aws:iam::123456789012:user/*"',
      "Statement[0].Principal.AWS",
    ],
    [
      "trust",
      { Principal: { AWS: "*", Service: "sagemaker" } },
      'Invalid principal in policy: "SERVICE":"sagemaker"',
      "Statement[0].Principal.Service",
    ],
    ["trust", { Principal: "ana" }, 'Invalid principal in policy: "ana"', "Statement[0].Principal"],
    ["trust", { Principal: { User: "ana" } }, "Syntax errors in policy.", "Statement[0].Principal.User"],
    ["trust", { Action: undefined }, "Missing required field Action", "Statement[0]"],
    [
      "trust",
      { Action: ["sts:AssumeRole", "s3:GetObject"] },
      "AssumeRole policy may only specify STS AssumeRole actions.",
      "Statement[0].Action[1]",
    ],
    ["resource", { Principal: undefined }, "Missing required field Principal", "Statement[0]"],
    [
      "resource",
      { Principal: { AWS: "arn:aws:iam::1:root" } },
      "Invalid principal in policy",
      "Statement[0].Principal.AWS",
    ],
    [
      "resource",
      { Principal: undefined, NotPrincipal: "*" },
      "Allow with NotPrincipal is not allowed.",
      "Statement[0].NotPrincipal",
    ],
    ["resource", { Action: "GetObject" }, "Policy has invalid action", "Statement[0].Action"],
    ["resource", { Action: undefined }, "Missing required field Action", "Statement[0]"],
    ["resource", { Resource: undefined }, "Missing required field Resource", "Statement[0]"],
    ["resource", { Resource: "bucket" }, "Policy has invalid resource", "Statement[0].Resource"],
    ["resource", { Principle: "*" }, "Unknown field Principle", "Statement[0].Principle"],
    [
      "resource",
      { Condition: { StringEqual: { a: "b" } } },
      "Invalid Condition type : StringEqual",
      "Statement[0].Condition.StringEqual",
    ],
    ["resource", { Effect: "Maybe" }, "Invalid effect: Maybe", "Statement[0].Effect"],
  ])("%s %j: %s", (kind, change, message, path) => {
    expect(refusal(documentOf(kind, change), kind)).toMatchObject({ message, path, line: 1 });
  });

  test.each<[string, PolicyKind | undefined, string, string, number, number]>([
    ["SageMakerRole", "identity", "This policy contains invalid Json", "", 1, 1],
    ["SageMakerRole", "resource", "Policies must be valid JSON and the first byte must be '{'", "", 1, 1],
    ["", "trust", "This policy contains invalid Json", "", 1, 1],
    ['{\n  "Version": "2012-10-17",\n  "Statement": [],\n}', "identity", "This policy contains invalid Json", "", 4, 1],
    ["[]", "trust", "Syntax errors in policy.", "", 1, 1],
    ['{"Version":"2012-10-17"}', "identity", "Syntax errors in policy.", "", 1, 1],
    ['{"Version":"2012-10-17"}', "resource", "Could not parse the policy: Statement is empty!", "", 1, 1],
    ['{"Version":"2012-10-17",\n"Statement":[]}', "identity", "Syntax errors in policy.", "Statement", 2, 13],
    ['{"Version":"2012-10-17","Statement":["a"]}', "identity", "Syntax errors in policy.", "Statement[0]", 1, 38],
    ['{"Version":"2024-01-01","Statement":{}}', "identity", "Syntax errors in policy.", "Version", 1, 12],
    [
      '{"Version":"2024-01-01","Statement":{}}',
      "resource",
      "The policy must contain a valid version string",
      "Version",
      1,
      12,
    ],
    ['{"Id":{},"Statement":{"Effect":"Allow"}}', "identity", "Syntax errors in policy.", "Id", 1, 7],
    ['{"Statement":{"Effect":"Allow",\n "Effect":"Deny"}}', undefined, "Syntax errors in policy.", "", 2, 2],
    ['{"Statement":{"Effect":"Allow"},\n\n  "Name":"x"}', undefined, "Syntax errors in policy.", "Name", 3, 3],
    [
      '{"Statement":{"Effect":"Allow",\n "Resource":"*"}}',
      "identity",
      "Policy statement must contain actions.",
      "Statement",
      1,
      14,
    ],
  ])("%j as %s: %s", (text, kind, message, path, line, column) => {
    expect(refusal(text, kind)).toMatchObject({ name: "PolicySyntaxError", message, path, line, column });
  });
});

test("what the reader of JSON expected is there for people", () => {
  expect(refusal('{"Version": 2012-10-17}', "identity").where).toBe('line 1, column 17: expected "," or "}", got "-"');
  expect(refusal(documentOf("identity", { Action: ["s3:*", "x"] }), "identity").where).toBe(
    "line 1, column 73, at Statement[0].Action[1]",
  );
});

test("a Sid may not come twice, an empty one may", () => {
  const documentWith = (...sids: string[]) =>
    JSON.stringify({ Statement: sids.map((Sid) => ({ ...identity, Sid })) }, undefined, 1);
  expect(parsePolicyDocument(documentWith("a", "b", "", ""), "identity").statements).toHaveLength(4);
  expect(refusal(documentWith("a", "b", "a"), "identity")).toMatchObject({
    message: "Statement IDs (SID) in a single policy must be unique.",
    path: "Statement[2].Sid",
    line: 19,
  });
});

test("names that every object has are no members of a policy", () => {
  for (const name of ["constructor", "__proto__", "toString"]) {
    expect(refusal(`{"Statement":{"Effect":"Allow","${name}":"x"}}`)).toMatchObject({ path: `Statement.${name}` });
    expect(refusal(`{"Statement":{"Effect":"Allow","Condition":{"${name}":{"a":"b"}}}}`)).toMatchObject({
      path: `Statement.Condition.${name}`,
    });
  }
});

test("size and depth have limits", () => {
  expect(refusal(`{"Id":"${"x".repeat(131_072)}"}`)).toMatchObject({
    message: "The policy has 131081 characters; the longest that can be read has 131072.",
  });
  expect(refusal(`{"Statement":${"[".repeat(1000)}`)).toMatchObject({ message: "Syntax errors in policy." });
});

test("a document full of the shortest statements is read in one pass", () => {
  const statements = Array.from({ length: 1400 }, (_, index) => ({ ...identity, Sid: `s${index}` }));
  const { statements: read } = parsePolicyDocument(JSON.stringify({ Statement: statements }, undefined, 0), "identity");
  expect(read).toHaveLength(1400);
  expect(read[1399].sid).toBe("s1399");
});

test("whatever is done to a document, it is read or refused with a place in it, and as JSON just when it is none", () => {
  const good = documentOf("identity", {
    Sid: "a",
    Condition: { NumericLessThan: { "s3:max-keys": [10, "2\\u0030"] } },
  });
  const pieces = ['"', "{", "}", "[", "]", ",", ":", "0", "\\", "\n", "e", "null", "\u{1f600}", ""];
  // Source of the constants: Knuth, "The Art of Computer Programming" 2, 3.3.4, Numerical Recipes' generator.
  let state = 1;
  const next = (below: number) => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return Math.floor((state / 2 ** 32) * below);
  };
  let refused = 0;
  for (let round = 0; round < 5000; round += 1) {
    const at = next(good.length);
    const text = good.slice(0, at) + pieces[next(pieces.length)] + good.slice(at + next(3));
    try {
      parsePolicyDocument(text, "identity");
      expect(JSON.parse(text)).toHaveProperty("Statement");
    } catch (error) {
      if (!(error instanceof PolicySyntaxError)) throw error;
      refused += 1;
      expect(error.line).toBeGreaterThanOrEqual(1);
      expect(error.column).toBeLessThanOrEqual(text.length + 1);
      expect([text, error.message === "This policy contains invalid Json"]).toEqual([text, !isJson(text)]);
    }
  }
  expect(refused).toBeGreaterThan(2000);
  expect(refused).toBeLessThan(5000);
});

function isJson(text: string): boolean {
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
}
