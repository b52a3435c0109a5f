import { afterEach, beforeEach, describe, expect, test } from "vitest";
import type { SimulateCustomPolicyRequest } from "../../protocol/generated/iam.ts";
import { accountId, allow, document, everything, IamBench, trust } from "../../../tests/support/iam.ts";

let bench: IamBench;
const call: IamBench["call"] = (...request) => bench.call(...request);
const refusal: IamBench["refusal"] = (...request) => bench.refusal(...request);

beforeEach(() => {
  bench = new IamBench();
});
afterEach(() => bench.close());

const deny = (Action: string, Resource: string) => ({ Effect: "Deny", Action, Resource });
const custom = async (
  PolicyInputList: string[],
  ActionNames: string[],
  more: Partial<SimulateCustomPolicyRequest> = {},
) => (await call("SimulateCustomPolicy", { PolicyInputList, ActionNames, ...more })).EvaluationResults!;

describe("SimulateCustomPolicy", () => {
  test("decides every action on every resource, and says which statements did", async () => {
    const policy = [
      "{",
      '  "Version": "2012-10-17",',
      '  "Statement": [',
      '    { "Effect": "Allow", "Action": "s3:*", "Resource": "*" },',
      '    { "Effect": "Deny", "Action": "s3:PutObject", "Resource": "arn:aws:s3:::b/secret" }',
      "  ]",
      "}",
    ].join("\n");
    const results = await custom([document(allow("sns:*")), policy], ["s3:PutObject", "sqs:SendMessage"], {
      ResourceArns: ["arn:aws:s3:::b/k", "arn:aws:s3:::b/secret"],
    });
    const statement = (Line: number, end: number) => ({
      SourcePolicyId: "PolicyInputList.2",
      SourcePolicyType: "none",
      StartPosition: { Line, Column: 5 },
      EndPosition: { Line, Column: end },
    });
    expect(results).toEqual([
      {
        EvalActionName: "s3:PutObject",
        EvalResourceName: "arn:aws:s3:::b/k",
        EvalDecision: "allowed",
        MatchedStatements: [statement(4, 61)],
        MissingContextValues: [],
      },
      {
        EvalActionName: "s3:PutObject",
        EvalResourceName: "arn:aws:s3:::b/secret",
        EvalDecision: "explicitDeny",
        MatchedStatements: [statement(5, 88)],
        MissingContextValues: [],
      },
      {
        EvalActionName: "sqs:SendMessage",
        EvalResourceName: "arn:aws:s3:::b/k",
        EvalDecision: "implicitDeny",
        MatchedStatements: [],
        MissingContextValues: [],
      },
      expect.objectContaining({ EvalActionName: "sqs:SendMessage", EvalResourceName: "arn:aws:s3:::b/secret" }),
    ]);
  });

  test("knows the context that it is given, and names what it would need", async () => {
    const policy = document(
      allow("s3:*", "arn:aws:s3:::${aws:username}/*", {
        Condition: { IpAddress: { "aws:SourceIp": "10.0.0.0/8" }, NumericLessThan: { "s3:max-keys": "10" } },
      }),
    );
    const ask = async (more: Partial<SimulateCustomPolicyRequest>) =>
      (await custom([policy], ["s3:GetObject"], { ResourceArns: ["arn:aws:s3:::ann/k"], ...more }))[0];
    const caller = { CallerArn: `arn:aws:iam::${accountId}:user/ann` };
    expect(await ask(caller)).toMatchObject({
      EvalDecision: "implicitDeny",
      MissingContextValues: ["aws:SourceIp", "s3:max-keys"],
    });
    const ContextEntries = [
      { ContextKeyName: "aws:SourceIp", ContextKeyValues: ["10.1.2.3"], ContextKeyType: "ip" as const },
      { ContextKeyName: "s3:max-keys", ContextKeyValues: ["9"], ContextKeyType: "numeric" as const },
    ];
    expect(await ask({ ...caller, ContextEntries })).toMatchObject({
      EvalDecision: "allowed",
      MissingContextValues: [],
    });
    const two = [{ ContextKeyName: "s3:max-keys", ContextKeyValues: ["1", "2"], ContextKeyType: "numeric" as const }];
    const error = await refusal("SimulateCustomPolicy", {
      PolicyInputList: [policy],
      ActionNames: ["s3:GetObject"],
      ContextEntries: two,
    });
    expect(error.message).toBe("The context key s3:max-keys of type numeric needs one value, got 2.");
  });

  test("stays within a boundary and says what the boundary allows", async () => {
    const results = await custom([everything], ["s3:GetObject", "sns:Publish"], {
      PermissionsBoundaryPolicyInputList: [document(allow("s3:*"))],
    });
    expect(results).toMatchObject([
      { EvalDecision: "allowed", PermissionsBoundaryDecisionDetail: { AllowedByPermissionsBoundary: true } },
      { EvalDecision: "implicitDeny", PermissionsBoundaryDecisionDetail: { AllowedByPermissionsBoundary: false } },
    ]);
    expect(results[0].MatchedStatements!.map(({ SourcePolicyId }) => SourcePolicyId)).toEqual([
      "PolicyInputList.1",
      "PermissionsBoundaryPolicyInputList.1",
    ]);
  });

  test("asks the resource's policy, too, and across accounts both sides", async () => {
    const CallerArn = `arn:aws:iam::${accountId}:user/ann`;
    const ResourcePolicy = document({
      Effect: "Allow",
      Principal: { AWS: CallerArn },
      Action: "s3:GetObject",
      Resource: "arn:aws:s3:::b/*",
    });
    const ask = async (policy: string, more: Partial<SimulateCustomPolicyRequest> = {}) =>
      (
        await custom([policy], ["s3:GetObject"], {
          ResourceArns: ["arn:aws:s3:::b/k"],
          ResourcePolicy,
          CallerArn,
          ...more,
        })
      )[0];
    expect(await ask(document(allow("sns:*")))).toMatchObject({
      EvalDecision: "allowed",
      MatchedStatements: [{ SourcePolicyId: "ResourcePolicy", SourcePolicyType: "resource" }],
    });
    const ResourceOwner = "arn:aws:iam::999999999999:root";
    expect(await ask(document(allow("sns:*")), { ResourceOwner })).toMatchObject({
      EvalDecision: "implicitDeny",
      EvalDecisionDetails: { "IAM Policy": "implicitDeny", "Resource Policy": "allowed" },
    });
    expect(await ask(everything, { ResourceOwner })).toMatchObject({
      EvalDecision: "allowed",
      EvalDecisionDetails: { "IAM Policy": "allowed", "Resource Policy": "allowed" },
    });
    const nobody = await refusal("SimulateCustomPolicy", {
      PolicyInputList: [everything],
      ActionNames: ["s3:GetObject"],
      ResourcePolicy,
    });
    expect(nobody.message).toContain("CallerArn is required with ResourcePolicy");
  });

  test("answers page by page", async () => {
    const input = {
      PolicyInputList: [everything],
      ActionNames: ["s3:A", "s3:B"],
      ResourceArns: ["arn:aws:s3:::1", "arn:aws:s3:::2", "arn:aws:s3:::3"],
      MaxItems: 4,
    };
    const first = await call("SimulateCustomPolicy", input);
    expect(first).toMatchObject({ IsTruncated: true });
    const second = await call("SimulateCustomPolicy", { ...input, Marker: first.Marker! });
    expect(second.IsTruncated).toBe(false);
    const asked = [...first.EvaluationResults!, ...second.EvaluationResults!];
    expect(asked.map(({ EvalActionName, EvalResourceName }) => `${EvalActionName} ${EvalResourceName}`)).toEqual(
      ["s3:A", "s3:B"].flatMap((action) => input.ResourceArns.map((arn) => `${action} ${arn}`)),
    );
    expect((await refusal("SimulateCustomPolicy", { ...input, Marker: "eHl6" })).message).toBe("Invalid Marker.");
  });

  test("refuses what is no policy, no action and no caller", async () => {
    const refused = async (input: Partial<SimulateCustomPolicyRequest>) =>
      (await refusal("SimulateCustomPolicy", { PolicyInputList: [everything], ActionNames: ["s3:*"], ...input }))
        .message;
    expect(await refused({ PolicyInputList: ["{"] })).toContain("This policy contains invalid Json (line 1, column 2");
    expect(await refused({ ActionNames: ["GetObject"] })).toBe(
      "Invalid action: GetObject is not of the form service:Operation.",
    );
    expect(await refused({ CallerArn: "arn:aws:iam::1:role/R" })).toContain("is not the ARN of a user");
  });
});

describe("SimulatePrincipalPolicy", () => {
  const source = `arn:aws:iam::${accountId}:user/ann`;

  test("asks all policies of a user and its groups, and further ones", async () => {
    await call("CreateUser", { UserName: "ann" });
    await call("CreateGroup", { GroupName: "team" });
    await call("AddUserToGroup", { GroupName: "team", UserName: "ann" });
    await call("PutUserPolicy", { UserName: "ann", PolicyName: "u", PolicyDocument: document(allow("sns:*")) });
    await call("PutGroupPolicy", { GroupName: "team", PolicyName: "g", PolicyDocument: document(allow("sqs:*")) });
    await call("AttachUserPolicy", { UserName: "ann", PolicyArn: "arn:aws:iam::aws:policy/AmazonS3ReadOnlyAccess" });
    await call("CreatePolicy", {
      PolicyName: "Mine",
      PolicyDocument: document(deny("s3:Get*", "arn:aws:s3:::secret/*")),
    });
    await call("AttachGroupPolicy", { GroupName: "team", PolicyArn: `arn:aws:iam::${accountId}:policy/Mine` });
    const { EvaluationResults } = await call("SimulatePrincipalPolicy", {
      PolicySourceArn: source,
      ActionNames: ["sns:Publish", "sqs:SendMessage", "s3:GetObject", "logs:GetLogEvents", "ecr:PutImage"],
      ResourceArns: ["arn:aws:s3:::secret/k"],
      PolicyInputList: [document(allow("logs:*"))],
    });
    const told = EvaluationResults!.map(({ EvalDecision, MatchedStatements }) => [
      EvalDecision,
      ...MatchedStatements!.map(({ SourcePolicyId, SourcePolicyType }) => `${SourcePolicyId} ${SourcePolicyType}`),
    ]);
    expect(told).toEqual([
      ["allowed", "u user"],
      ["allowed", "g group"],
      ["explicitDeny", "Mine user-managed"],
      ["allowed", "PolicyInputList.1 none"],
      ["implicitDeny"],
    ]);
  });

  test("asks the policies of a role and its boundary", async () => {
    const PermissionsBoundary = "arn:aws:iam::aws:policy/AmazonS3FullAccess";
    await call("CreateRole", { RoleName: "R", AssumeRolePolicyDocument: trust, PermissionsBoundary });
    await call("AttachRolePolicy", { RoleName: "R", PolicyArn: "arn:aws:iam::aws:policy/AdministratorAccess" });
    const { EvaluationResults } = await call("SimulatePrincipalPolicy", {
      PolicySourceArn: `arn:aws:iam::${accountId}:role/R`,
      ActionNames: ["s3:GetObject", "sns:Publish"],
    });
    expect(EvaluationResults).toMatchObject([
      {
        EvalDecision: "allowed",
        EvalResourceName: "*",
        MatchedStatements: [
          { SourcePolicyId: "AdministratorAccess", SourcePolicyType: "aws-managed" },
          { SourcePolicyId: "AmazonS3FullAccess" },
        ],
      },
      { EvalDecision: "implicitDeny", PermissionsBoundaryDecisionDetail: { AllowedByPermissionsBoundary: false } },
    ]);
  });

  test("refuses a source that is nobody", async () => {
    const ask = (PolicySourceArn: string) =>
      refusal("SimulatePrincipalPolicy", { PolicySourceArn, ActionNames: ["s3:GetObject"] });
    expect(await ask(source)).toMatchObject({ code: "NoSuchEntityException" });
    expect(await ask("arn:aws:iam::999999999999:user/ann")).toMatchObject({ code: "InvalidInputException" });
  });
});

test("the context keys of policies are listed", async () => {
  const policy = document(
    allow("s3:*", "arn:aws:s3:::b/${aws:username}/*", {
      Condition: { StringLike: { "s3:prefix": "${aws:userid}/*" } },
    }),
  );
  expect(await call("GetContextKeysForCustomPolicy", { PolicyInputList: [policy] })).toEqual({
    ContextKeyNames: ["aws:username", "s3:prefix", "aws:userid"],
  });
  await bench.user("ann", policy);
  const PolicySourceArn = `arn:aws:iam::${accountId}:user/ann`;
  expect((await call("GetContextKeysForPrincipalPolicy", { PolicySourceArn })).ContextKeyNames).toContain("s3:prefix");
});
