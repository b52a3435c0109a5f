import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { type CallerPolicies, evaluate } from "../../authorization/index.ts";
import type { Principal } from "../../protocol/service.ts";
import { accountId, allow, document, everything, IamBench, rootOf, trust } from "../../../tests/support/iam.ts";

let bench: IamBench;
const call: IamBench["call"] = (...request) => bench.call(...request);

beforeEach(() => {
  bench = new IamBench();
});
afterEach(() => bench.close());

const deny = (Action: string) => ({ Effect: "Deny", Action, Resource: "*" });

async function may(principal: Principal, action: string, resource = "*"): Promise<boolean> {
  const policies = await bench.iam.policiesOf(principal);
  return evaluate({ principal, policies, access: { action, resource }, facts: {} }).effect === "allow";
}

/** A session of a role, as STS issues it. */
async function sessionOf(roleName: string, more: Partial<Principal["session"]> = {}): Promise<Principal> {
  const role = (await bench.iam.findRole(accountId, roleName))!;
  return {
    kind: "assumed-role",
    accountId,
    arn: `arn:aws:sts::${accountId}:assumed-role/${roleName}/s`,
    userId: `${role.roleId}:s`,
    accessKeyId: "ASIASESSIONSESSION00",
    session: { issuerArn: role.arn, ...more },
  };
}

describe("a user", () => {
  test("may do what its inline, attached and groups' policies allow together, and nothing else", async () => {
    const ann = await bench.user("ann", document(allow("sns:*")));
    await call("CreateGroup", { GroupName: "team" });
    await call("AddUserToGroup", { GroupName: "team", UserName: "ann" });
    await call("PutGroupPolicy", { GroupName: "team", PolicyName: "g", PolicyDocument: document(allow("sqs:*")) });
    await call("AttachGroupPolicy", { GroupName: "team", PolicyArn: "arn:aws:iam::aws:policy/AmazonS3ReadOnlyAccess" });
    await call("CreatePolicy", { PolicyName: "Mine", PolicyDocument: document(allow("logs:*")) });
    await call("AttachUserPolicy", { UserName: "ann", PolicyArn: `arn:aws:iam::${accountId}:policy/Mine` });
    for (const action of ["sns:Publish", "sqs:SendMessage", "s3:GetObject", "logs:PutLogEvents"]) {
      expect(await may(ann, action), action).toBe(true);
    }
    expect(await may(ann, "s3:PutObject")).toBe(false);
  });

  test("may do at once what a change allows, and no more what it takes away", async () => {
    const ann = await bench.user("ann");
    const put = (statement: object) =>
      call("PutUserPolicy", { UserName: "ann", PolicyName: "p", PolicyDocument: document(statement) });
    expect(await may(ann, "s3:GetObject")).toBe(false);
    await put(allow("s3:*"));
    expect(await may(ann, "s3:GetObject")).toBe(true);
    await put(deny("s3:*"));
    expect(await may(ann, "s3:GetObject")).toBe(false);
    // Another version of a policy, and another name of the user.
    await call("DeleteUserPolicy", { UserName: "ann", PolicyName: "p" });
    const PolicyArn = `arn:aws:iam::${accountId}:policy/Mine`;
    await call("CreatePolicy", { PolicyName: "Mine", PolicyDocument: document(allow("sns:*")) });
    await call("AttachUserPolicy", { UserName: "ann", PolicyArn });
    expect(await may(ann, "sns:Publish")).toBe(true);
    await call("CreatePolicyVersion", { PolicyArn, PolicyDocument: document(allow("sqs:*")), SetAsDefault: true });
    expect(await may(ann, "sns:Publish")).toBe(false);
    expect(await may(ann, "sqs:SendMessage")).toBe(true);
  });

  test("stays within its permissions boundary", async () => {
    const ann = await bench.user("ann", everything);
    await call("CreatePolicy", { PolicyName: "Bound", PolicyDocument: document(allow("s3:*")) });
    const PermissionsBoundary = `arn:aws:iam::${accountId}:policy/Bound`;
    await call("PutUserPermissionsBoundary", { UserName: "ann", PermissionsBoundary });
    expect(await may(ann, "s3:GetObject")).toBe(true);
    expect(await may(ann, "sns:Publish")).toBe(false);
  });

  test("is described by its tags", async () => {
    const condition = { StringEquals: { "aws:PrincipalTag/team": "ml" } };
    const ann = await bench.user("ann", document(allow("s3:*", "*", { Condition: condition })));
    expect(await may(ann, "s3:GetObject")).toBe(false);
    await call("TagUser", { UserName: "ann", Tags: [{ Key: "team", Value: "ml" }] });
    expect(await may(ann, "s3:GetObject")).toBe(true);
  });

  test("that is gone may do nothing, nor may another one of its name with the old credential", async () => {
    const ann = await bench.user("ann", everything);
    expect(await may(ann, "s3:GetObject")).toBe(true);
    await call("DeleteAccessKey", { UserName: "ann", AccessKeyId: ann.accessKeyId });
    await call("DeleteUserPolicy", { UserName: "ann", PolicyName: "own" });
    await call("DeleteUser", { UserName: "ann" });
    expect(await may(ann, "s3:GetObject")).toBe(false);
    await bench.user("ann", everything);
    expect(await may(ann, "s3:GetObject")).toBe(false);
  });
});

describe("a session of a role", () => {
  beforeEach(async () => {
    const Tags = [{ Key: "team", Value: "ml" }];
    await call("CreateRole", { RoleName: "R", Path: "/x/", AssumeRolePolicyDocument: trust, Tags });
    const PolicyDocument = document(allow(["s3:*", "sns:*"]));
    await call("PutRolePolicy", { RoleName: "R", PolicyName: "p", PolicyDocument });
  });

  test("may do what the role may", async () => {
    const session = await sessionOf("R");
    expect(await may(session, "s3:GetObject")).toBe(true);
    expect(await may(session, "sqs:SendMessage")).toBe(false);
    expect((await bench.iam.policiesOf(session)).tags).toEqual({ team: "ml" });
  });

  test("may do what its session policies allow, too, and its tags go before those of the role", async () => {
    const session = await sessionOf("R", { policies: [document(allow("s3:Get*"))], tags: { team: "ops", shift: "1" } });
    expect(await may(session, "s3:GetObject")).toBe(true);
    expect(await may(session, "s3:PutObject")).toBe(false);
    expect((await bench.iam.policiesOf(session)).tags).toEqual({ team: "ops", shift: "1" });
    expect(await may(await sessionOf("R", { policies: [] }), "s3:GetObject")).toBe(false);
  });

  test("ends with the role, also when there is another one of its name", async () => {
    const session = await sessionOf("R");
    await call("DeleteRolePolicy", { RoleName: "R", PolicyName: "p" });
    await call("DeleteRole", { RoleName: "R" });
    await call("CreateRole", { RoleName: "R", Path: "/x/", AssumeRolePolicyDocument: trust });
    await call("PutRolePolicy", { RoleName: "R", PolicyName: "p", PolicyDocument: everything });
    expect(await may(session, "s3:GetObject")).toBe(false);
    expect(await may(await sessionOf("R"), "s3:GetObject")).toBe(true);
  });

  test("of a role that was never known may do nothing", async () => {
    const session = await sessionOf("R");
    const unknown: Principal = {
      ...session,
      arn: `arn:aws:sts::${accountId}:assumed-role/Unknown/s`,
      session: { issuerArn: `arn:aws:iam::${accountId}:role/Unknown` },
    };
    expect(await may(unknown, "s3:GetObject")).toBe(false);
  });

  test("of another account's role of the same name may do nothing", async () => {
    const session = await sessionOf("R");
    expect(await may({ ...session, accountId: "999999999999" }, "s3:GetObject")).toBe(false);
  });
});

describe("a federated user", () => {
  const federated = (issuerArn: string, policies: string[], issuedAt = bench.clock.now()): Principal => ({
    kind: "federated-user",
    accountId,
    arn: `arn:aws:sts::${accountId}:federated-user/bob`,
    userId: `${accountId}:bob`,
    accessKeyId: "ASIAFEDERATEDUSER000",
    session: { issuerArn, policies, issuedAt },
  });

  test("may do nothing once its issuer is another user of the same name", async () => {
    const issuer = `arn:aws:iam::${accountId}:user/ann`;
    const ann = await bench.user("ann", everything);
    const bob = federated(issuer, [everything]);
    expect(await may(bob, "s3:GetObject")).toBe(true);
    await call("DeleteAccessKey", { UserName: "ann", AccessKeyId: ann.accessKeyId });
    await call("DeleteUserPolicy", { UserName: "ann", PolicyName: "own" });
    await call("DeleteUser", { UserName: "ann" });
    expect(await may(bob, "s3:GetObject")).toBe(false);
    await bench.clock.advance(1000);
    await bench.user("ann", everything);
    expect(await may(bob, "s3:GetObject")).toBe(false);
    expect(await may(federated(issuer, [everything]), "s3:GetObject")).toBe(true);
  });

  test("may do what both its issuer and its session policies allow", async () => {
    await bench.user("ann", document(allow(["s3:*", "sns:*"])));
    const bob = federated(`arn:aws:iam::${accountId}:user/ann`, [document(allow(["s3:*", "sqs:*"]))]);
    expect(await may(bob, "s3:GetObject")).toBe(true);
    expect(await may(bob, "sns:Publish")).toBe(false);
    expect(await may(bob, "sqs:SendMessage")).toBe(false);
    const byRoot = federated(`arn:aws:iam::${accountId}:root`, [document(allow("sqs:*"))]);
    expect(await may(byRoot, "sqs:SendMessage")).toBe(true);
    expect(await may(byRoot, "s3:GetObject")).toBe(false);
  });
});

test("what was asked before is answered without waiting until something changes", async () => {
  const ann = await bench.user("ann", everything);
  expect(bench.iam.policiesOf(ann)).toBeInstanceOf(Promise);
  await bench.iam.policiesOf(ann);
  const known = bench.iam.policiesOf(ann) as CallerPolicies;
  expect(known.identity).toHaveLength(1);
  expect(bench.iam.policiesOf(ann)).toBe(known);
  // What another account does is nothing to this one, and being used is no change.
  await call("CreateUser", { UserName: "x" }, rootOf("999999999999"));
  bench.iam.noteUse(ann, { at: bench.clock.now(), service: "s3", region: "us-east-1" });
  expect(bench.iam.policiesOf(ann)).toBe(known);
  await call("CreateUser", { UserName: "x" });
  expect(bench.iam.policiesOf(ann)).toBeInstanceOf(Promise);
});

test("nobody's policies speak for root, services and strangers", async () => {
  for (const kind of ["root", "service", "anonymous"] as const) {
    expect(await bench.iam.policiesOf({ ...rootOf(accountId), kind })).toEqual({ identity: [] });
  }
});
