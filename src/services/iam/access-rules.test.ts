import { afterEach, beforeEach, expect, test } from "vitest";
import { loadServiceModel } from "../../protocol/service-models.ts";
import type { Principal } from "../../protocol/service.ts";
import { accountId, everything, IamBench, rootOf, trust } from "../../../tests/support/iam.ts";

const admin = "arn:aws:iam::aws:policy/AdministratorAccess";
const arn = (resource: string) => `arn:aws:iam::${accountId}:${resource}`;

let bench: IamBench;
let ann: Principal;

beforeEach(async () => {
  bench = new IamBench();
  ann = await bench.user("ann");
  const Tags = [{ Key: "team", Value: "ml" }];
  await bench.call("CreateUser", { UserName: "ben", Path: "/x/", Tags, PermissionsBoundary: admin });
  await bench.call("CreateRole", { RoleName: "R", Path: "/y/", AssumeRolePolicyDocument: trust });
  await bench.call("CreateGroup", { GroupName: "team" });
  await bench.call("CreatePolicy", { PolicyName: "P", Path: "/z/", PolicyDocument: everything });
});
afterEach(() => bench.close());

function accesses(operation: string, input: Record<string, unknown>, principal = ann) {
  return bench.iam.accesses!(operation, input, { accountId, region: "us-east-1", principal, headers: {} });
}

test.each([
  ["CreateUser", { UserName: "new", Path: "/x/" }, arn("user/x/new")],
  ["GetUser", { UserName: "ben" }, arn("user/x/ben")],
  ["GetUser", {}, arn("user/ann")],
  ["CreateAccessKey", {}, arn("user/ann")],
  ["DeleteAccessKey", { UserName: "ben", AccessKeyId: "AKIA" }, arn("user/x/ben")],
  ["GetRole", { RoleName: "R" }, arn("role/y/R")],
  ["GetRole", { RoleName: "None" }, arn("role/None")],
  ["PutRolePolicy", { RoleName: "R", PolicyName: "p", PolicyDocument: "{}" }, arn("role/y/R")],
  ["AddUserToGroup", { GroupName: "team", UserName: "ben" }, arn("group/team")],
  ["CreatePolicy", { PolicyName: "Q", Path: "/z/" }, arn("policy/z/Q")],
  ["DeletePolicy", { PolicyArn: arn("policy/z/P") }, arn("policy/z/P")],
  ["GetPolicy", { PolicyArn: admin }, admin],
  ["SimulatePrincipalPolicy", { PolicySourceArn: arn("user/x/ben") }, arn("user/x/ben")],
  ["ListUsers", {}, arn("user/")],
  ["ListRoles", { PathPrefix: "/y/" }, arn("role/y/")],
  ["GetAccountSummary", {}, "*"],
  ["SimulateCustomPolicy", { PolicyInputList: [] }, "*"],
  ["CreateInstanceProfile", { InstanceProfileName: "i" }, arn("instance-profile/i")],
  ["DeleteUser", { UserName: 7 }, "*"],
  [
    "CreateServiceLinkedRole",
    { AWSServiceName: "sagemaker.amazonaws.com" },
    arn("role/aws-service-role/sagemaker.amazonaws.com/AWSServiceRoleForAmazonSageMakerNotebooks"),
  ],
])("%s %o is about %s", async (operation, input, resource) => {
  expect(await accesses(operation, input)).toMatchObject([{ action: `iam:${operation}`, resource }]);
});

test("the owner of an access key is found by the key", async () => {
  const input = { AccessKeyId: ann.accessKeyId };
  expect(await accesses("GetAccessKeyLastUsed", input)).toMatchObject([{ resource: arn("user/ann") }]);
});

test("who renames a user must be allowed to do so to both names", async () => {
  expect(await accesses("UpdateUser", { UserName: "ben", NewUserName: "cid" })).toMatchObject([
    { resource: arn("user/x/ben") },
    { resource: arn("user/x/cid") },
  ]);
});

test("conditions tell the policy, the boundary, and tags asked for and there", async () => {
  const there = { "aws:ResourceTag/team": "ml", "iam:ResourceTag/team": "ml" };
  const conditions = async (operation: string, input: Record<string, unknown>) =>
    (await accesses(operation, input))[0].conditions;
  expect(await conditions("AttachUserPolicy", { UserName: "ben", PolicyArn: admin })).toEqual({
    "iam:PolicyARN": admin,
    "iam:PermissionsBoundary": admin,
    ...there,
  });
  expect(await conditions("CreateRole", { RoleName: "S", PermissionsBoundary: admin })).toEqual({
    "iam:PermissionsBoundary": admin,
  });
  expect(await conditions("TagUser", { UserName: "ben", Tags: [{ Key: "k", Value: "" }] })).toEqual({
    "aws:RequestTag/k": "",
    "aws:TagKeys": ["k"],
    ...there,
  });
  expect(await conditions("UntagUser", { UserName: "ann", TagKeys: ["k"] })).toEqual({ "aws:TagKeys": ["k"] });
});

test("nothing is looked up for the root user, whom nobody asks", async () => {
  expect(await accesses("GetUser", { UserName: "ben" }, rootOf(accountId))).toEqual([
    { action: "iam:GetUser", resource: "*" },
  ]);
});

test("every operation has an access, whatever its input is", async () => {
  const operations = Object.keys(loadServiceModel("iam").model.operations);
  expect(operations.length).toBeGreaterThan(150);
  const odd: Record<string, unknown>[] = [
    {},
    { UserName: 1, RoleName: null, GroupName: [], PolicyArn: {}, Tags: [null, 3, { Key: 1 }], TagKeys: [null] },
    {
      UserName: "",
      PolicySourceArn: "x",
      PolicyArn: "arn:aws:iam::aws:policy/",
      AccessKeyId: "\0",
      AWSServiceName: "__proto__",
    },
    { UserName: "\ud800", RoleName: "a/b:c", PathPrefix: "*" },
  ];
  for (const operation of operations) {
    for (const input of odd) {
      const found = await accesses(operation, input);
      expect(found[0].action).toBe(`iam:${operation}`);
      expect(found[0].resource).toMatch(/^(\*|x|arn:aws:)/);
    }
  }
});
