import { afterEach, beforeEach, expect, test } from "vitest";
import { accountId, everything, IamBench } from "../../../tests/support/iam.ts";

let bench: IamBench;
const call: IamBench["call"] = (...request) => bench.call(...request);
const refusal: IamBench["refusal"] = (...request) => bench.refusal(...request);

beforeEach(async () => {
  bench = new IamBench();
  for (const UserName of ["ann", "ben", "cid"]) await call("CreateUser", { UserName });
  await call("CreateGroup", { GroupName: "team", Path: "/x/" });
});
afterEach(() => bench.close());

test("a group has members, page by page, and a user has groups", async () => {
  for (const UserName of ["cid", "ann", "ann"]) await call("AddUserToGroup", { GroupName: "team", UserName });
  const { Group, Users } = await call("GetGroup", { GroupName: "team" });
  expect(Group).toEqual({
    Path: "/x/",
    GroupName: "team",
    GroupId: expect.stringMatching(/^AGPA[A-Z2-7]{17}$/),
    Arn: `arn:aws:iam::${accountId}:group/x/team`,
    CreateDate: new Date(Date.UTC(2026, 0, 1)),
  });
  expect(Users.map(({ UserName }) => UserName)).toEqual(["ann", "cid"]);
  const page = await call("GetGroup", { GroupName: "team", MaxItems: 1 });
  expect(page).toMatchObject({ Users: [{ UserName: "ann" }], IsTruncated: true });
  expect(await call("GetGroup", { GroupName: "team", Marker: page.Marker! })).toMatchObject({
    Users: [{ UserName: "cid" }],
    IsTruncated: false,
  });
  expect((await call("ListGroupsForUser", { UserName: "ann" })).Groups).toEqual([Group]);
  expect((await call("ListGroupsForUser", { UserName: "ben" })).Groups).toEqual([]);
  await call("RemoveUserFromGroup", { GroupName: "team", UserName: "ann" });
  expect((await call("GetGroup", { GroupName: "team" })).Users).toMatchObject([{ UserName: "cid" }]);
});

test("a group that gets another name keeps its members and policies", async () => {
  await call("AddUserToGroup", { GroupName: "team", UserName: "ann" });
  await call("PutGroupPolicy", { GroupName: "team", PolicyName: "p", PolicyDocument: everything });
  await call("UpdateGroup", { GroupName: "team", NewGroupName: "crew", NewPath: "/y/" });
  expect((await refusal("GetGroup", { GroupName: "team" })).message).toBe("The group with name team cannot be found.");
  expect(await call("GetGroup", { GroupName: "crew" })).toMatchObject({
    Group: { Arn: `arn:aws:iam::${accountId}:group/y/crew` },
    Users: [{ UserName: "ann" }],
  });
  expect((await call("ListGroupPolicies", { GroupName: "crew" })).PolicyNames).toEqual(["p"]);
  expect((await call("ListGroups", {})).Groups.map(({ GroupName }) => GroupName)).toEqual(["crew"]);
});

test("a group is deleted when it has neither policies nor members", async () => {
  await call("PutGroupPolicy", { GroupName: "team", PolicyName: "p", PolicyDocument: everything });
  await call("AddUserToGroup", { GroupName: "team", UserName: "ann" });
  const conflict = async () => (await refusal("DeleteGroup", { GroupName: "team" })).message;
  expect(await conflict()).toBe("Cannot delete entity, must delete policies first.");
  await call("DeleteGroupPolicy", { GroupName: "team", PolicyName: "p" });
  expect(await conflict()).toBe("Cannot delete entity, must remove users from group first.");
  await call("RemoveUserFromGroup", { GroupName: "team", UserName: "ann" });
  await call("DeleteGroup", { GroupName: "team" });
  expect((await call("ListGroups", {})).Groups).toEqual([]);
});

test("a user is in at most ten groups", async () => {
  for (let index = 0; index <= 10; index += 1) await call("CreateGroup", { GroupName: `g${index}` });
  for (let index = 0; index < 10; index += 1) await call("AddUserToGroup", { GroupName: `g${index}`, UserName: "ann" });
  expect(await refusal("AddUserToGroup", { GroupName: "g10", UserName: "ann" })).toMatchObject({
    code: "LimitExceededException",
    message: "Cannot exceed quota for GroupsPerUser: 10",
  });
  expect((await call("ListGroupsForUser", { UserName: "ann", MaxItems: 3 })).Groups).toHaveLength(3);
});

test("what is not there is named", async () => {
  expect((await refusal("AddUserToGroup", { GroupName: "none", UserName: "ann" })).message).toBe(
    "The group with name none cannot be found.",
  );
  expect((await refusal("AddUserToGroup", { GroupName: "team", UserName: "none" })).message).toBe(
    "The user with name none cannot be found.",
  );
});

test("who is no member is removed without a word, as on AWS", async () => {
  await call("RemoveUserFromGroup", { GroupName: "team", UserName: "ann" });
  expect((await call("GetGroup", { GroupName: "team" })).Users).toEqual([]);
});
