import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { accountId, everything, IamBench, rootOf, trust } from "../../../tests/support/iam.ts";

const admin = "arn:aws:iam::aws:policy/AdministratorAccess";
let bench: IamBench;
const call: IamBench["call"] = (...request) => bench.call(...request);
const refusal: IamBench["refusal"] = (...request) => bench.refusal(...request);

beforeEach(() => {
  bench = new IamBench();
});
afterEach(() => bench.close());

test("an account has one alias, which no other account has", async () => {
  expect(await call("ListAccountAliases", {})).toEqual({ AccountAliases: [], IsTruncated: false });
  await call("CreateAccountAlias", { AccountAlias: "acme" });
  await call("CreateAccountAlias", { AccountAlias: "acme-labs" });
  expect((await call("ListAccountAliases", {})).AccountAliases).toEqual(["acme-labs"]);
  const other = rootOf("999999999999");
  expect(await refusal("CreateAccountAlias", { AccountAlias: "acme-labs" }, other)).toMatchObject({
    code: "EntityAlreadyExistsException",
    message: "The account alias acme-labs already exists.",
  });
  expect((await refusal("DeleteAccountAlias", { AccountAlias: "acme" })).status).toBe(404);
  await call("DeleteAccountAlias", { AccountAlias: "acme-labs" });
  await call("CreateAccountAlias", { AccountAlias: "acme-labs" }, other);
});

test("the summary counts what there is, also after deletions and a restart", async () => {
  await bench.user("ann");
  await call("CreateUser", { UserName: "ben" });
  await call("CreateGroup", { GroupName: "team" });
  await call("CreatePolicy", { PolicyName: "P", PolicyDocument: everything });
  const summary = async () => (await call("GetAccountSummary", {})).SummaryMap;
  const expected = { Users: 2, Groups: 1, Roles: 0, Policies: 1, AccessKeys: 1, UsersQuota: 5000 };
  expect(await summary()).toMatchObject(expected);
  await call("DeleteUser", { UserName: "ben" });
  await call("CreateRole", { RoleName: "R", AssumeRolePolicyDocument: trust });
  expect(await summary()).toMatchObject({ ...expected, Users: 1, Roles: 1 });
  await bench.reopen();
  expect(await summary()).toMatchObject({ ...expected, Users: 1, Roles: 1 });
  expect((await call("GetAccountSummary", {}, rootOf("999999999999"))).SummaryMap).toMatchObject({ Users: 0 });
});

test("an account has at most as many groups as its quota says", async () => {
  for (let index = 0; index < 300; index += 1) await call("CreateGroup", { GroupName: `g${index}` });
  expect(await refusal("CreateGroup", { GroupName: "more" })).toMatchObject({
    code: "LimitExceededException",
    message: "Cannot exceed quota for GroupsPerAccount: 300",
  });
  await call("DeleteGroup", { GroupName: "g7" });
  await call("CreateGroup", { GroupName: "more" });
});

describe("GetAccountAuthorizationDetails", () => {
  beforeEach(async () => {
    await call("CreateGroup", { GroupName: "team" });
    await bench.user("ann", everything);
    await call("AddUserToGroup", { GroupName: "team", UserName: "ann" });
    await call("CreateUser", { UserName: "ben" });
    await call("CreateRole", { RoleName: "R", AssumeRolePolicyDocument: trust });
    await call("AttachRolePolicy", { RoleName: "R", PolicyArn: admin });
    await call("CreatePolicy", { PolicyName: "P", PolicyDocument: everything });
  });

  test("tells everything at once", async () => {
    const details = await call("GetAccountAuthorizationDetails", {});
    expect(details.UserDetailList).toMatchObject([
      {
        UserName: "ann",
        Arn: `arn:aws:iam::${accountId}:user/ann`,
        GroupList: ["team"],
        UserPolicyList: [{ PolicyName: "own" }],
        AttachedManagedPolicies: [],
      },
      { UserName: "ben" },
    ]);
    expect(decodeURIComponent(details.UserDetailList![0].UserPolicyList![0].PolicyDocument!)).toBe(everything);
    expect(details.GroupDetailList).toMatchObject([{ GroupName: "team" }]);
    expect(details.RoleDetailList).toMatchObject([
      { RoleName: "R", AttachedManagedPolicies: [{ PolicyArn: admin }], InstanceProfileList: [] },
    ]);
    // Of AWS's policies those that are in use.
    expect(details.Policies!.map(({ PolicyName }) => PolicyName)).toEqual(["P", "AdministratorAccess"]);
    expect(details.Policies![1]).toMatchObject({ AttachmentCount: 1, PolicyVersionList: [{ VersionId: "v1" }] });
    expect(JSON.stringify(details)).not.toContain("Secret");
  });

  test("tells only what is asked for, and page by page", async () => {
    const roles = await call("GetAccountAuthorizationDetails", { Filter: ["Role"] });
    expect([roles.UserDetailList, roles.RoleDetailList, roles.Policies]).toEqual([[], [expect.anything()], []]);
    const seen: string[] = [];
    let Marker: string | undefined;
    do {
      const page = await call("GetAccountAuthorizationDetails", {
        MaxItems: 2,
        ...(Marker === undefined ? {} : { Marker }),
      });
      const { UserDetailList: users, GroupDetailList: groups, RoleDetailList: of, Policies: policies } = page;
      seen.push(
        ...users!.map(({ UserName }) => UserName!),
        ...groups!.map(({ GroupName }) => GroupName!),
        ...of!.map(({ RoleName }) => RoleName!),
        ...policies!.map(({ PolicyName }) => PolicyName!),
      );
      Marker = page.Marker;
    } while (Marker !== undefined);
    expect(seen).toEqual(["ann", "ben", "team", "R", "P", "AdministratorAccess"]);
  });
});
