import { afterEach, beforeEach, describe, expect, test } from "vitest";
import type { IAMOperations } from "../../protocol/generated/iam.ts";
import { accountId, everything, IamBench, rootOf, trust } from "../../../tests/support/iam.ts";

const fullAccess = "arn:aws:iam::aws:policy/AmazonSageMakerFullAccess";

let bench: IamBench;

beforeEach(() => {
  bench = new IamBench();
});
afterEach(() => bench.close());

const call: IamBench["call"] = (...request) => bench.call(...request);
const refusal: IamBench["refusal"] = (...request) => bench.refusal(...request);

const create = (RoleName: string, more: Partial<IAMOperations["CreateRole"]["input"]> = {}) =>
  call("CreateRole", { RoleName, AssumeRolePolicyDocument: trust, ...more });

describe("roles", () => {
  test("are made with what was given and what AWS adds, and found again", async () => {
    const { Role: made } = await create("Trainer", {
      Path: "/team/",
      Description: "trains",
      MaxSessionDuration: 7200,
      Tags: [{ Key: "team", Value: "ml" }],
    });
    expect(made).toEqual({
      Path: "/team/",
      RoleName: "Trainer",
      RoleId: expect.stringMatching(/^AROA[A-Z2-7]{17}$/),
      Arn: `arn:aws:iam::${accountId}:role/team/Trainer`,
      CreateDate: new Date(Date.UTC(2026, 0, 1)),
      AssumeRolePolicyDocument: expect.any(String),
      Description: "trains",
      MaxSessionDuration: 7200,
      Tags: [{ Key: "team", Value: "ml" }],
    });
    // Percent-encoded, as IAM answers it; clients decode it or not.
    expect(made.AssumeRolePolicyDocument).not.toMatch(/["{ ]/);
    expect(decodeURIComponent(made.AssumeRolePolicyDocument!)).toBe(trust);
    expect((await call("GetRole", { RoleName: "Trainer" })).Role).toEqual({ ...made, RoleLastUsed: {} });
  });

  test("have a path, an hour and no description unless given", async () => {
    const { Role: made } = await create("Plain");
    expect(made).toMatchObject({ Path: "/", Arn: `arn:aws:iam::${accountId}:role/Plain`, MaxSessionDuration: 3600 });
    expect(made).not.toHaveProperty("Description");
    expect(made).not.toHaveProperty("Tags");
  });

  test("have names that are taken whatever their case, and found by their exact name", async () => {
    await create("Trainer");
    const taken = await refusal("CreateRole", { RoleName: "TRAINER", AssumeRolePolicyDocument: trust });
    expect(taken).toMatchObject({
      code: "EntityAlreadyExistsException",
      status: 409,
      message: "Role with name TRAINER already exists.",
    });
    const missing = await refusal("GetRole", { RoleName: "trainer" });
    expect(missing).toMatchObject({
      code: "NoSuchEntityException",
      status: 404,
      message: "The role with name trainer cannot be found.",
    });
  });

  test("belong to their account", async () => {
    await create("Trainer");
    expect((await refusal("GetRole", { RoleName: "Trainer" }, rootOf("999999999999"))).code).toBe(
      "NoSuchEntityException",
    );
    expect(await bench.iam.findRole("999999999999", "Trainer")).toBeUndefined();
    expect(await bench.iam.findRole(accountId, "Trainer")).toMatchObject({
      arn: `arn:aws:iam::${accountId}:role/Trainer`,
    });
  });

  test("are listed by name, by path and page by page", async () => {
    for (const name of ["b", "A", "d", "c", "e"]) await create(name, { Path: name < "c" ? "/x/" : "/x/y/" });
    const names = async (input: IAMOperations["ListRoles"]["input"]) => {
      const { Roles, IsTruncated, Marker } = await call("ListRoles", input);
      return { names: Roles.map(({ RoleName }) => RoleName), IsTruncated, Marker };
    };
    expect(await names({})).toEqual({ names: ["A", "b", "c", "d", "e"], IsTruncated: false, Marker: undefined });
    expect((await names({ PathPrefix: "/x/y/" })).names).toEqual(["c", "d", "e"]);
    const first = await names({ MaxItems: 2 });
    expect(first).toMatchObject({ names: ["A", "b"], IsTruncated: true });
    const second = await names({ MaxItems: 3, Marker: first.Marker! });
    expect(second).toEqual({ names: ["c", "d", "e"], IsTruncated: false, Marker: undefined });
    const within = await names({ MaxItems: 1, PathPrefix: "/x/y/" });
    expect(within).toMatchObject({ names: ["c"], IsTruncated: true });
    expect((await names({ PathPrefix: "/x/y/", Marker: within.Marker! })).names).toEqual(["d", "e"]);
    const error = await refusal("ListRoles", { Marker: "made up" });
    expect(error).toMatchObject({ code: "ValidationError", message: "Invalid Marker." });
  });

  test("are listed in full when there are more than the store gives at once", async () => {
    await bench.records.write(
      Array.from({ length: 1203 }, (_, index) => {
        const roleName = `role-${String(index).padStart(4, "0")}`;
        return {
          op: "insert" as const,
          key: { accountId, region: "aws-global", family: "iam-role", name: roleName },
          body: {
            path: index % 600 === 599 ? "/rare/" : "/",
            name: roleName,
            id: roleName,
            arn: roleName,
            createdAt: 0,
            trustPolicy: trust,
            attachedPolicies: [],
            inlinePolicies: {},
          },
        };
      }),
      { actor: { by: "test", call: "test" }, at: 0 },
    );
    expect((await call("ListRoles", { MaxItems: 1000 })).Roles).toHaveLength(1000);
    const rare = await call("ListRoles", { PathPrefix: "/rare/", MaxItems: 1 });
    expect(rare).toMatchObject({ IsTruncated: true });
    const next = await call("ListRoles", { PathPrefix: "/rare/", Marker: rare.Marker! });
    expect(next.Roles.map(({ RoleName }) => RoleName)).toEqual(["role-1199"]);
  });

  test("are changed in description, duration and trust", async () => {
    await create("Trainer", { Description: "before" });
    await call("UpdateRole", { RoleName: "Trainer", MaxSessionDuration: 43_200 });
    const other = trust.replace("sagemaker", "lambda");
    await call("UpdateAssumeRolePolicy", { RoleName: "Trainer", PolicyDocument: other });
    const { Role: role } = await call("GetRole", { RoleName: "Trainer" });
    expect(role).toMatchObject({ Description: "before", MaxSessionDuration: 43_200 });
    expect(decodeURIComponent(role.AssumeRolePolicyDocument!)).toBe(other);
    expect((await refusal("UpdateRole", { RoleName: "Nobody" })).code).toBe("NoSuchEntityException");
  });

  test("are deleted when they have no policies", async () => {
    await create("Trainer", { Tags: [{ Key: "team", Value: "ml" }] });
    await call("AttachRolePolicy", { RoleName: "Trainer", PolicyArn: fullAccess });
    await call("PutRolePolicy", { RoleName: "Trainer", PolicyName: "p", PolicyDocument: everything });
    expect(await refusal("DeleteRole", { RoleName: "Trainer" })).toMatchObject({
      code: "DeleteConflictException",
      status: 409,
      message: "Cannot delete entity, must detach all policies first.",
    });
    await call("DetachRolePolicy", { RoleName: "Trainer", PolicyArn: fullAccess });
    expect((await refusal("DeleteRole", { RoleName: "Trainer" })).message).toBe(
      "Cannot delete entity, must delete policies first.",
    );
    await call("DeleteRolePolicy", { RoleName: "Trainer", PolicyName: "p" });
    await call("DeleteRole", { RoleName: "Trainer" });
    expect((await refusal("DeleteRole", { RoleName: "Trainer" })).status).toBe(404);
    // A new role of the same name starts without the tags of the old one.
    await create("Trainer");
    expect(await call("ListRoleTags", { RoleName: "Trainer" })).toEqual({ Tags: [], IsTruncated: false });
  });

  test("keep every change when several arrive at once", async () => {
    await create("Trainer");
    const names = ["a", "b", "c", "d"];
    await Promise.all(
      names.map((PolicyName) => call("PutRolePolicy", { RoleName: "Trainer", PolicyName, PolicyDocument: everything })),
    );
    expect((await call("ListRolePolicies", { RoleName: "Trainer" })).PolicyNames).toEqual(names);
  });
});

describe("tags of a role", () => {
  test("are added, replaced, removed and listed by key", async () => {
    await create("Trainer", { Tags: [{ Key: "a", Value: "1" }] });
    await call("TagRole", {
      RoleName: "Trainer",
      Tags: [
        { Key: "b", Value: "2" },
        { Key: "a", Value: "3" },
      ],
    });
    const both = [
      { Key: "a", Value: "3" },
      { Key: "b", Value: "2" },
    ];
    expect((await call("ListRoleTags", { RoleName: "Trainer" })).Tags).toEqual(both);
    expect((await call("GetRole", { RoleName: "Trainer" })).Role.Tags).toEqual(both);
    await call("UntagRole", { RoleName: "Trainer", TagKeys: ["a", "absent"] });
    expect((await call("ListRoleTags", { RoleName: "Trainer" })).Tags).toEqual([{ Key: "b", Value: "2" }]);
  });

  test("are at most fifty, each key once", async () => {
    const tags = (count: number) => Array.from({ length: count }, (_, n) => ({ Key: `k${n}`, Value: "" }));
    await create("Trainer", { Tags: tags(50) });
    await call("TagRole", { RoleName: "Trainer", Tags: tags(50) });
    const full = await refusal("TagRole", { RoleName: "Trainer", Tags: [{ Key: "more", Value: "" }] });
    expect(full.code).toBe("LimitExceededException");
    const twice = [
      { Key: "Team", Value: "1" },
      { Key: "team", Value: "2" },
    ];
    expect(await refusal("TagRole", { RoleName: "Trainer", Tags: twice })).toMatchObject({
      code: "InvalidInputException",
      message: "Duplicate tag keys found. Please note that Tag keys are case insensitive.",
    });
  });
});

test("tag keys that differ in case only are one key, and the last spelling stays", async () => {
  await create("Trainer", { Tags: [{ Key: "Team", Value: "1" }] });
  await call("TagRole", { RoleName: "Trainer", Tags: [{ Key: "team", Value: "2" }] });
  expect((await call("ListRoleTags", { RoleName: "Trainer" })).Tags).toEqual([{ Key: "team", Value: "2" }]);
  await call("UntagRole", { RoleName: "Trainer", TagKeys: ["TEAM"] });
  expect((await call("ListRoleTags", { RoleName: "Trainer" })).Tags).toEqual([]);
});

describe("roles that belong to a service", () => {
  const notebooks = "AWSServiceRoleForAmazonSageMakerNotebooks";

  test("are made for SageMaker's services, once, with the policy that AWS gives them", async () => {
    const { Role: role } = await call("CreateServiceLinkedRole", { AWSServiceName: "sagemaker.amazonaws.com" });
    expect(role).toMatchObject({
      RoleName: notebooks,
      Arn: `arn:aws:iam::${accountId}:role/aws-service-role/sagemaker.amazonaws.com/${notebooks}`,
    });
    const { AttachedPolicies } = await call("ListAttachedRolePolicies", { RoleName: notebooks });
    expect(AttachedPolicies).toEqual([
      {
        PolicyName: "AmazonSageMakerNotebooksServiceRolePolicy",
        PolicyArn: "arn:aws:iam::aws:policy/aws-service-role/AmazonSageMakerNotebooksServiceRolePolicy",
      },
    ]);
    const again = await refusal("CreateServiceLinkedRole", { AWSServiceName: "sagemaker.amazonaws.com" });
    expect(again.message).toContain(`Service role name ${notebooks} has been taken in this account`);
    const other = await refusal("CreateServiceLinkedRole", { AWSServiceName: "lex.amazonaws.com" });
    expect(other.message).toContain("Service-linked roles of lex.amazonaws.com are not supported by Sagebrush");
  });

  test("are changed by nobody and deleted in their own way", async () => {
    await call("CreateServiceLinkedRole", { AWSServiceName: "sagemaker.amazonaws.com" });
    for (const error of [
      await refusal("UpdateRole", { RoleName: notebooks }),
      await refusal("AttachRolePolicy", { RoleName: notebooks, PolicyArn: fullAccess }),
      await refusal("DeleteRole", { RoleName: notebooks }),
    ]) {
      expect(error).toMatchObject({ code: "UnmodifiableEntityException", status: 400 });
      expect(error.message).toContain(`protected role '${notebooks}'`);
    }
    const { DeletionTaskId } = await call("DeleteServiceLinkedRole", { RoleName: notebooks });
    expect(await call("GetServiceLinkedRoleDeletionStatus", { DeletionTaskId })).toEqual({ Status: "SUCCEEDED" });
    expect((await refusal("GetRole", { RoleName: notebooks })).status).toBe(404);
  });
});

test("roles of a data directory from before there were users are the roles they were", async () => {
  await bench.records.write(
    [
      {
        op: "insert",
        key: { accountId, region: "aws-global", family: "iam-role", name: "old" },
        arn: `arn:aws:iam::${accountId}:role/Old`,
        body: {
          path: "/",
          roleName: "Old",
          roleId: "AROAOLDOLDOLDOLDOLDOL",
          arn: `arn:aws:iam::${accountId}:role/Old`,
          createdAt: 0,
          trustPolicy: trust,
          maxSessionDuration: 3600,
          attachedPolicies: [fullAccess],
          inlinePolicies: {},
        },
      },
    ],
    { actor: { by: "test", call: "test" }, at: 0 },
  );
  expect((await call("GetRole", { RoleName: "Old" })).Role).toMatchObject({
    RoleName: "Old",
    RoleId: "AROAOLDOLDOLDOLDOLDOL",
  });
  await call("UpdateRole", { RoleName: "Old", MaxSessionDuration: 7200 });
  expect(await bench.iam.findRole(accountId, "Old")).toMatchObject({
    roleId: "AROAOLDOLDOLDOLDOLDOL",
    maxSessionDuration: 7200,
  });
});
