import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { accountId, everything, IamBench, rootOf } from "../../../tests/support/iam.ts";

let bench: IamBench;
const call: IamBench["call"] = (...request) => bench.call(...request);
const refusal: IamBench["refusal"] = (...request) => bench.refusal(...request);

beforeEach(() => {
  bench = new IamBench();
});
afterEach(() => bench.close());

describe("users", () => {
  test("are made with what was given and what AWS adds, and found again", async () => {
    const Tags = [{ Key: "team", Value: "ml" }];
    const { User: made } = await call("CreateUser", { UserName: "ann", Path: "/team/", Tags });
    expect(made).toEqual({
      Path: "/team/",
      UserName: "ann",
      UserId: expect.stringMatching(/^AIDA[A-Z2-7]{17}$/),
      Arn: `arn:aws:iam::${accountId}:user/team/ann`,
      CreateDate: new Date(Date.UTC(2026, 0, 1)),
      Tags,
    });
    expect((await call("GetUser", { UserName: "ann" })).User).toEqual(made);
    expect(await bench.iam.findUser(accountId, "ann")).toMatchObject({ arn: made!.Arn, tags: { team: "ml" } });
    expect(await refusal("CreateUser", { UserName: "Ann" })).toMatchObject({
      code: "EntityAlreadyExistsException",
      message: "User with name Ann already exists.",
    });
    expect(await refusal("GetUser", { UserName: "ben" })).toMatchObject({
      code: "NoSuchEntityException",
      message: "The user with name ben cannot be found.",
    });
    expect((await refusal("GetUser", { UserName: "ann" }, rootOf("999999999999"))).status).toBe(404);
  });

  test("are the caller when nobody is named", async () => {
    const ann = await bench.user("ann");
    expect((await call("GetUser", {}, ann)).User.UserName).toBe("ann");
    expect((await call("GetUser", {})).User).toEqual({ UserId: accountId, Arn: `arn:aws:iam::${accountId}:root` });
    const session = { ...ann, kind: "assumed-role", arn: `arn:aws:sts::${accountId}:assumed-role/R/s` } as const;
    expect(await refusal("GetUser", {}, session)).toMatchObject({
      code: "ValidationError",
      message: "Must specify userName when calling with non-User credentials",
    });
  });

  test("are listed by path and page by page", async () => {
    for (const name of ["c", "A", "b"]) await call("CreateUser", { UserName: name, Path: name === "b" ? "/x/" : "/" });
    const first = await call("ListUsers", { MaxItems: 2 });
    expect(first.Users.map(({ UserName }) => UserName)).toEqual(["A", "b"]);
    const second = await call("ListUsers", { MaxItems: 2, Marker: first.Marker! });
    expect(second).toMatchObject({ Users: [{ UserName: "c" }], IsTruncated: false });
    expect((await call("ListUsers", { PathPrefix: "/x/" })).Users).toHaveLength(1);
  });

  test("get another name and path, and keep their id, tags, policies, groups and keys", async () => {
    const before = await bench.user("ann", everything);
    await call("TagUser", { UserName: "ann", Tags: [{ Key: "team", Value: "ml" }] });
    await call("CreateGroup", { GroupName: "team" });
    await call("AddUserToGroup", { GroupName: "team", UserName: "ann" });
    await call("UpdateUser", { UserName: "ann", NewUserName: "anna", NewPath: "/team/" });
    expect((await refusal("GetUser", { UserName: "ann" })).status).toBe(404);
    const { User: user } = await call("GetUser", { UserName: "anna" });
    const arn = `arn:aws:iam::${accountId}:user/team/anna`;
    expect(user).toMatchObject({ Arn: arn, UserId: before.userId, Tags: [{ Key: "team", Value: "ml" }] });
    expect((await call("ListUserPolicies", { UserName: "anna" })).PolicyNames).toEqual(["own"]);
    expect((await call("ListGroupsForUser", { UserName: "anna" })).Groups).toMatchObject([{ GroupName: "team" }]);
    const credential = await bench.iam.findAccessKey(before.accessKeyId);
    expect(credential!.principal).toMatchObject({ arn, userId: before.userId });
    // Only the case changes: the name is not taken by the user itself.
    await call("UpdateUser", { UserName: "anna", NewUserName: "Anna" });
    await call("CreateUser", { UserName: "ben" });
    expect((await refusal("UpdateUser", { UserName: "ben", NewUserName: "ANNA" })).code).toBe(
      "EntityAlreadyExistsException",
    );
  });

  test("are deleted when nothing hangs on them", async () => {
    const { accessKeyId } = await bench.user("ann", everything);
    await call("CreateGroup", { GroupName: "team" });
    await call("AddUserToGroup", { GroupName: "team", UserName: "ann" });
    const conflict = async () => (await refusal("DeleteUser", { UserName: "ann" })).message;
    expect(await conflict()).toBe("Cannot delete entity, must delete policies first.");
    await call("DeleteUserPolicy", { UserName: "ann", PolicyName: "own" });
    expect(await conflict()).toBe("Cannot delete entity, must delete access keys first.");
    await call("DeleteAccessKey", { UserName: "ann", AccessKeyId: accessKeyId });
    expect(await conflict()).toBe("Cannot delete entity, must remove users from group first.");
    await call("RemoveUserFromGroup", { GroupName: "team", UserName: "ann" });
    await call("DeleteUser", { UserName: "ann" });
    expect((await refusal("DeleteUser", { UserName: "ann" })).status).toBe(404);
  });
});

describe("access keys", () => {
  test("are shown with their secret once, and at most two per user", async () => {
    await call("CreateUser", { UserName: "ann" });
    const { AccessKey: first } = await call("CreateAccessKey", { UserName: "ann" });
    expect(first).toMatchObject({ UserName: "ann", Status: "Active", CreateDate: new Date(Date.UTC(2026, 0, 1)) });
    expect(first.AccessKeyId).toMatch(/^AKIA[A-Z2-7]{16}$/);
    expect(first.SecretAccessKey).toMatch(/^[A-Za-z0-9+/]{40}$/);
    await call("CreateAccessKey", { UserName: "ann" });
    expect(await refusal("CreateAccessKey", { UserName: "ann" })).toMatchObject({
      code: "LimitExceededException",
      message: "Cannot exceed quota for AccessKeysPerUser: 2",
    });
    const { AccessKeyMetadata: listed } = await call("ListAccessKeys", { UserName: "ann" });
    expect(listed).toHaveLength(2);
    expect(JSON.stringify(listed)).not.toContain("Secret");
  });

  test("leave no secret in the history table", async () => {
    const { accessKeyId } = await bench.user("ann");
    const secret = (await bench.iam.findAccessKey(accessKeyId))!.secretAccessKey;
    const space = { accountId: "all", region: "aws-global", name: accessKeyId };
    const key = { ...space, family: "iam-access-key" };
    const secretKey = { ...space, family: "iam-access-key-secret" };
    const user = { accountId, region: "aws-global", family: "iam-user", name: "ann" };
    expect((await bench.records.get<{ secretAccessKey: string }>(secretKey))!.body.secretAccessKey).toBe(secret);
    expect(await bench.records.history(secretKey)).toEqual([]);
    for (const each of [key, user]) {
      const history = await bench.records.history(each);
      expect(history.length).toBeGreaterThan(0);
      expect(JSON.stringify(history)).not.toContain(secret);
    }
    await call("DeleteAccessKey", { UserName: "ann", AccessKeyId: accessKeyId });
    expect(await bench.records.get(secretKey)).toBeUndefined();
  });

  test("are found as credentials while they are active, at once when they are known, also after a restart", async () => {
    const ann = await bench.user("ann");
    const { accessKeyId } = ann;
    expect(ann).toEqual({
      kind: "user",
      accountId,
      arn: `arn:aws:iam::${accountId}:user/ann`,
      userId: expect.stringMatching(/^AIDA/),
      accessKeyId,
    });
    expect(bench.iam.findAccessKey(accessKeyId)).toMatchObject({ principal: ann });
    const status = (Status: "Active" | "Inactive") =>
      call("UpdateAccessKey", { UserName: "ann", AccessKeyId: accessKeyId, Status });
    await status("Inactive");
    expect(await bench.iam.findAccessKey(accessKeyId)).toBeUndefined();
    expect((await call("ListAccessKeys", { UserName: "ann" })).AccessKeyMetadata).toMatchObject([
      { AccessKeyId: accessKeyId, Status: "Inactive" },
    ]);
    await status("Active");
    await bench.reopen();
    expect(await bench.iam.findAccessKey(accessKeyId)).toMatchObject({ principal: ann });
    await call("DeleteAccessKey", { UserName: "ann", AccessKeyId: accessKeyId });
    expect(await bench.iam.findAccessKey(accessKeyId)).toBeUndefined();
    expect(bench.iam.findAccessKey("ASIASOMETHINGELSE000")).toBeUndefined();
    expect(await bench.iam.findAccessKey("AKIANOBODYSKEY000000")).toBeUndefined();
  });

  test("are those of the user that is named, or of the caller", async () => {
    const ann = await bench.user("ann");
    const ben = await bench.user("ben");
    expect((await call("ListAccessKeys", {}, ann)).AccessKeyMetadata).toMatchObject([{ UserName: "ann" }]);
    for (const operation of ["DeleteAccessKey", "UpdateAccessKey"] as const) {
      const input = { UserName: "ann", AccessKeyId: ben.accessKeyId, Status: "Inactive" as const };
      expect(await refusal(operation, input)).toMatchObject({
        code: "NoSuchEntityException",
        message: `The Access Key with id ${ben.accessKeyId} cannot be found.`,
      });
    }
    await call("DeleteAccessKey", { AccessKeyId: ben.accessKeyId }, ben);
    expect((await call("ListAccessKeys", { UserName: "ben" })).AccessKeyMetadata).toEqual([]);
    // The root user's own key, which is not in IAM.
    expect((await call("ListAccessKeys", {})).AccessKeyMetadata).toEqual([
      { AccessKeyId: "AKIAROOTROOTROOTROOT", Status: "Active" },
    ]);
  });

  test("tell when, where and for what they were last used", async () => {
    const { accessKeyId, ...ann } = await bench.user("ann");
    const lastUse = async () => (await call("GetAccessKeyLastUsed", { AccessKeyId: accessKeyId })).AccessKeyLastUsed;
    expect(await lastUse()).toEqual({ ServiceName: "N/A", Region: "N/A" });
    const at = bench.clock.now();
    bench.iam.noteUse({ ...ann, accessKeyId }, { at, service: "s3", region: "eu-west-1" });
    bench.iam.noteUse({ ...ann, accessKeyId }, { at: at + 1000, service: "sagemaker", region: "eu-west-1" });
    const expected = { LastUsedDate: new Date(at + 1000), ServiceName: "sagemaker", Region: "eu-west-1" };
    expect(await lastUse()).toEqual(expected);
    await bench.reopen();
    expect(await lastUse()).toEqual(expected);
    const foreign = await refusal("GetAccessKeyLastUsed", { AccessKeyId: accessKeyId }, rootOf("999999999999"));
    expect(foreign.code).toBe("NoSuchEntityException");
  });
});
