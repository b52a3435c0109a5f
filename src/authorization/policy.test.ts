import { expect, test } from "vitest";
import { evaluate } from "./evaluate.ts";
import { contextKeysOf, missingContextKeys } from "./mentioned-keys.ts";
import { parsePolicyDocument } from "./policy-document.ts";
import { PolicySyntaxError } from "./policy-syntax-error.ts";
import { compiledPolicy, compilePolicy } from "./policy.ts";

const documentOf = (...statements: object[]) => JSON.stringify({ Version: "2012-10-17", Statement: statements });
const indexes = (text: string, action: string) =>
  compilePolicy(text, "p")
    .statementsFor(action)
    .map(({ index }) => index);

test("actions are found in any case, by wildcards and by exclusion", () => {
  const text = documentOf(
    { Effect: "Allow", Action: "s3:GetObject", Resource: "*" },
    { Effect: "Allow", Action: ["S3:get*", "logs:*"], Resource: "*" },
    { Effect: "Deny", NotAction: ["s3:*", "iam:List?sers"], Resource: "*" },
    { Effect: "Allow", Action: "*", Resource: "*" },
    { Effect: "Allow", Action: "*:*Object", Resource: "*" },
    { Effect: "Allow", Action: "s3:GetObjectAcl", Resource: "*" },
  );
  expect(indexes(text, "s3:GetObject")).toEqual([0, 1, 3, 4]);
  expect(indexes(text, "S3:GETOBJECT")).toEqual([0, 1, 3, 4]);
  expect(indexes(text, "iam:ListUsers")).toEqual([3]);
  expect(indexes(text, "iam:ListGroups")).toEqual([2, 3]);
  expect(indexes(text, "logs:PutLogEvents")).toEqual([1, 2, 3]);
});

test("actions without end are asked about without being kept without end", () => {
  const policy = compilePolicy(documentOf({ Effect: "Allow", Action: "s3:a1*", Resource: "*" }), "p");
  const found = Array.from({ length: 1000 }, (_, index) => policy.statementsFor(`s3:A${index}`).length);
  expect(found.filter((count) => count === 1)).toHaveLength(111);
});

test("a document that was parsed can be compiled, one that is none is refused", () => {
  const text = documentOf({ Effect: "Allow", Action: "s3:*", Resource: "*" });
  expect(compilePolicy(parsePolicyDocument(text, "identity"), "mine")).toMatchObject({ name: "mine" });
  expect(() => compilePolicy("{}", "mine")).toThrow(PolicySyntaxError);
});

test("the same text is compiled once, under each name that it has", () => {
  const text = documentOf({ Effect: "Allow", Principal: "*", Action: "s3:*", Resource: "*" });
  const one = compiledPolicy(text, "one");
  const other = compiledPolicy(text, "other");
  expect([one.name, other.name]).toEqual(["one", "other"]);
  expect(other.document).toBe(one.document);
});

test("a statement says where it is in the document", () => {
  const text = `{\n  "Statement": [\n    {"Effect":"Allow"},\n    {\n      "Effect":"Deny"\n    }\n  ]\n}`;
  const policy = compilePolicy(text, "p");
  expect(policy.positionOf(0)).toEqual({ start: { line: 3, column: 5 }, end: { line: 3, column: 23 } });
  expect(policy.positionOf(1)).toEqual({ start: { line: 4, column: 5 }, end: { line: 6, column: 6 } });
});

test("the keys that policies mention are those of conditions and variables, each once", () => {
  const policy = compilePolicy(
    documentOf(
      {
        Effect: "Allow",
        Action: "s3:*",
        Resource: ["arn:aws:s3:::b/${aws:username}/*", "arn:aws:s3:::b/${*}"],
        Condition: {
          StringLike: { "s3:prefix": ["${aws:PrincipalTag/team, 'all'}/*", "x"] },
          Null: { "AWS:UserName": "false" },
        },
      },
      { Effect: "Deny", NotAction: "iam:*", NotResource: "*", Condition: { Bool: { "aws:SecureTransport": "false" } } },
    ),
    "p",
  );
  const old = compilePolicy(
    JSON.stringify({ Statement: { Effect: "Allow", Action: "a:b", Resource: "arn:aws:a:::${aws:userid}" } }),
    "old",
  );
  expect(contextKeysOf([policy, old])).toEqual([
    "aws:username",
    "s3:prefix",
    "aws:PrincipalTag/team",
    "aws:SecureTransport",
  ]);
  const question = {
    principal: {
      kind: "user",
      accountId: "123456789012",
      arn: "arn:aws:iam::123456789012:user/Bob",
      userId: "A",
      accessKeyId: "k",
    },
    policies: { identity: [policy] },
    access: { action: "s3:ListBucket", resource: "arn:aws:s3:::b", conditions: { "s3:prefix": "x" } },
    facts: {},
  } as const;
  expect(missingContextKeys([policy], question)).toEqual(["aws:PrincipalTag/team", "aws:SecureTransport"]);
  expect(evaluate(question).effect).toBe("implicit-deny");
});
