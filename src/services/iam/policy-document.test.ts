import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { IamBench, trust } from "../../../tests/support/iam.ts";

let bench: IamBench;

beforeEach(() => {
  bench = new IamBench();
});
afterEach(() => bench.close());

describe("a policy document is refused when", () => {
  const statement = { Effect: "Allow", Principal: { AWS: "*" }, Action: "sts:AssumeRole" };
  const trustOf = (change: object, document: object = {}) =>
    JSON.stringify({ Version: "2012-10-17", Statement: [{ ...statement, ...change }], ...document });

  test.each([
    ["it is no JSON", "SageMakerRole", "This policy contains invalid Json (line 1, column 1: "],
    ["it is no object", "[]", "Syntax errors in policy. (line 1, column 1)"],
    [
      "it has no statement",
      '{"Version":"2012-10-17","Statement":[]}',
      "Syntax errors in policy. (line 1, column 37, at Statement)",
    ],
    [
      "its version is unknown",
      trustOf({}, { Version: "2024-01-01" }),
      "Syntax errors in policy. (line 1, column 12, at Version)",
    ],
    ["it has a member of its own", trustOf({}, { Name: "x" }), "Syntax errors in policy. (line 1, column "],
    ["a statement has a member of its own", trustOf({ Principle: "x" }), "Syntax errors in policy. (line 1, column "],
    ["a statement names a resource", trustOf({ Resource: "*" }), "Has prohibited field Resource (line 1, column "],
    ["nobody is trusted", trustOf({ Principal: undefined }), "Missing required field Principal (line 1, column "],
    ["nothing is allowed", trustOf({ Action: undefined }), "Missing required field Action (line 1, column "],
    ["it says neither Allow nor Deny", trustOf({ Effect: "Maybe" }), "Invalid effect: Maybe (line 1, column "],
    ["it has no effect", trustOf({ Effect: undefined }), "Missing required field Effect (line 1, column "],
    [
      "it is about something else than assuming roles",
      trustOf({ Action: ["sts:AssumeRole", "s3:GetObject"] }),
      "AssumeRole policy may only specify STS AssumeRole actions. (line 1, column 107, at Statement[0].Action[1])",
    ],
  ])("%s", async (_, document, message) => {
    const error = await bench.refusal("CreateRole", { RoleName: "Trainer", AssumeRolePolicyDocument: document });
    expect(error).toMatchObject({ code: "MalformedPolicyDocumentException", status: 400 });
    expect(error.message.slice(0, message.length)).toBe(message);
    expect((await bench.refusal("GetRole", { RoleName: "Trainer" })).status).toBe(404);
  });

  test.each([
    ["it has a principal", { Principal: "*" }, "Policy document should not specify a principal."],
    ["it has no resource", { Resource: undefined }, "Policy statement must contain resources."],
    ["it has no action", { Action: [] }, "Policy statement must contain actions."],
    [
      "an action has no service",
      { Action: "GetObject" },
      "Actions/Conditions must be prefaced by a vendor, e.g., iam, sdb, ec2, etc.",
    ],
  ])("it says what a role may do and %s", async (_, change, message) => {
    await bench.call("CreateRole", { RoleName: "Trainer", AssumeRolePolicyDocument: trust });
    const PolicyDocument = JSON.stringify({
      Statement: { Effect: "Allow", Action: "s3:*", Resource: "*", ...change },
    });
    const error = await bench.refusal("PutRolePolicy", { RoleName: "Trainer", PolicyName: "p", PolicyDocument });
    expect(error.code).toBe("MalformedPolicyDocumentException");
    expect(error.message.startsWith(`${message} (line 1, column `)).toBe(true);
  });

  test("it has a mistake far down, whose line is told", async () => {
    const text =
      '{\n  "Version": "2012-10-17",\n  "Statement": {\n    "Effect": "Allow",\n    "Action": "S3GetObject",\n    "Resource": "*"\n  }\n}';
    const error = await bench.refusal("CreatePolicy", { PolicyName: "p", PolicyDocument: text });
    expect(error.message).toContain("(line 5, column 15, at Statement.Action)");
  });

  test("it is a trust policy of more than 2,048 characters", async () => {
    const document = trustOf({ Sid: "x".repeat(2048) });
    const error = await bench.refusal("CreateRole", { RoleName: "Trainer", AssumeRolePolicyDocument: document });
    expect(error).toMatchObject({
      code: "LimitExceededException",
      message: "Cannot exceed quota for ACLSizePerRole: 2048",
    });
  });
});
