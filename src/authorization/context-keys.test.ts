import { expect, test } from "vitest";
import type { Principal } from "../protocol/service.ts";
import { RequestContext } from "./context-keys.ts";
import type { Question } from "./decision.ts";

const accountId = "123456789012";
const user: Principal = {
  kind: "user",
  accountId,
  arn: `arn:aws:iam::${accountId}:user/staff/Bob`,
  userId: "AIDABOB",
  accessKeyId: "k",
};
const session: Principal = {
  kind: "assumed-role",
  accountId,
  arn: `arn:aws:sts::${accountId}:assumed-role/Audit/app`,
  userId: "AROAAUDIT:app",
  accessKeyId: "k",
  session: {
    issuerArn: `arn:aws:iam::${accountId}:role/team/Audit`,
    tags: { Team: "vision" },
    sourceIdentity: "Diego",
    issuedAt: Date.UTC(2026, 0, 1, 12),
  },
};

const questionOf = (principal: Principal, more: Partial<Question> = {}): Question => ({
  principal,
  policies: { identity: [] },
  access: { action: "s3:GetObject", resource: "*" },
  facts: {},
  ...more,
});

const keys = (
  "aws:PrincipalArn aws:PrincipalAccount aws:PrincipalType aws:PrincipalIsAWSService aws:PrincipalServiceName " +
  "aws:PrincipalServiceNamesList aws:userid aws:username aws:TokenIssueTime aws:SourceIdentity " +
  "aws:MultiFactorAuthPresent aws:ResourceAccount"
).split(" ");

function known(question: Question): Record<string, unknown> {
  const context = new RequestContext(question);
  const entries = keys.map((key) => [key, context.values(key.toLowerCase())]);
  return Object.fromEntries(entries.filter(([, value]) => value !== undefined));
}

// Source: IAM User Guide, "Principal key values" and the availability of each key in "AWS global condition context keys".
test.each<[Principal, Record<string, unknown>]>([
  [
    user,
    {
      "aws:PrincipalArn": user.arn,
      "aws:PrincipalAccount": accountId,
      "aws:PrincipalType": "User",
      "aws:PrincipalIsAWSService": "false",
      "aws:userid": "AIDABOB",
      "aws:username": "Bob",
      "aws:ResourceAccount": accountId,
    },
  ],
  [
    session,
    {
      "aws:PrincipalArn": `arn:aws:iam::${accountId}:role/team/Audit`,
      "aws:PrincipalAccount": accountId,
      "aws:PrincipalType": "AssumedRole",
      "aws:PrincipalIsAWSService": "false",
      "aws:userid": "AROAAUDIT:app",
      "aws:TokenIssueTime": "2026-01-01T12:00:00.000Z",
      "aws:SourceIdentity": "Diego",
      "aws:MultiFactorAuthPresent": "false",
      "aws:ResourceAccount": accountId,
    },
  ],
  [
    { kind: "root", accountId, arn: `arn:aws:iam::${accountId}:root`, userId: accountId, accessKeyId: "k" },
    {
      "aws:PrincipalArn": `arn:aws:iam::${accountId}:root`,
      "aws:PrincipalAccount": accountId,
      "aws:PrincipalType": "Account",
      "aws:PrincipalIsAWSService": "false",
      "aws:userid": accountId,
      "aws:ResourceAccount": accountId,
    },
  ],
  [
    {
      kind: "federated-user",
      accountId,
      arn: `arn:aws:sts::${accountId}:federated-user/Eve`,
      userId: `${accountId}:Eve`,
      accessKeyId: "k",
      session: { issuerArn: user.arn },
    },
    {
      "aws:PrincipalArn": `arn:aws:sts::${accountId}:federated-user/Eve`,
      "aws:PrincipalAccount": accountId,
      "aws:PrincipalType": "FederatedUser",
      "aws:PrincipalIsAWSService": "false",
      "aws:userid": `${accountId}:Eve`,
      "aws:MultiFactorAuthPresent": "false",
      "aws:ResourceAccount": accountId,
    },
  ],
  [
    { kind: "anonymous", accountId: "anonymous", arn: "anonymous", userId: "anonymous", accessKeyId: "anonymous" },
    { "aws:PrincipalType": "Anonymous", "aws:userid": "anonymous" },
  ],
  [
    { kind: "service", accountId: "aws", arn: "s3.amazonaws.com", userId: "s3.amazonaws.com", accessKeyId: "" },
    {
      "aws:PrincipalIsAWSService": "true",
      "aws:PrincipalServiceName": "s3.amazonaws.com",
      "aws:PrincipalServiceNamesList": ["s3.amazonaws.com"],
    },
  ],
])("a request of $kind has these keys", (principal, expected) => {
  expect(known(questionOf(principal))).toEqual(expected);
});

test("the account of the resource is its owner's", () => {
  const access = { action: "s3:GetObject", resource: "*", owner: "999988887777" };
  expect(new RequestContext(questionOf(user, { access })).values("aws:resourceaccount")).toBe("999988887777");
});

test("tags are found in any case, and those of the session win", () => {
  const context = new RequestContext(
    questionOf(session, { policies: { identity: [], tags: { team: "nlp", Cost: "7" } } }),
  );
  expect(context.single("aws:principaltag/team")).toBe("vision");
  expect(context.single("aws:principaltag/cost")).toBe("7");
  expect(context.single("aws:principaltag/constructor")).toBeUndefined();
});

test("facts go before what is derived, and that before what a service says of an access", () => {
  const access = {
    action: "s3:ListBucket",
    resource: "*",
    conditions: { "S3:Prefix": "a/", "aws:username": "root", "aws:PrincipalTag/x": "forged", "aws:TagKeys": ["k"] },
  };
  const context = new RequestContext(
    questionOf(user, { access, facts: { "AWS:SourceIp": "::1", "aws:userid": "other" } }),
  );
  expect(context.values("aws:sourceip")).toBe("::1");
  expect(context.values("aws:userid")).toBe("other");
  expect(context.values("aws:username")).toBe("Bob");
  expect(context.values("aws:principaltag/x")).toBeUndefined();
  expect(context.values("s3:prefix")).toBe("a/");
  expect(context.values("aws:tagkeys")).toEqual(["k"]);
  expect(context.single("aws:tagkeys")).toBeUndefined();
  expect(context.values("constructor")).toBeUndefined();
});
