import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { accountId, allow, document, everything, IamBench, rootOf, trust } from "../../../tests/support/iam.ts";

const admin = "arn:aws:iam::aws:policy/AdministratorAccess";
const own = (name: string) => `arn:aws:iam::${accountId}:policy/${name}`;

let bench: IamBench;
const call: IamBench["call"] = (...request) => bench.call(...request);
const refusal: IamBench["refusal"] = (...request) => bench.refusal(...request);
const create = (PolicyName: string, PolicyDocument = everything) =>
  call("CreatePolicy", { PolicyName, PolicyDocument });

beforeEach(() => {
  bench = new IamBench();
});
afterEach(() => bench.close());

describe("managed policies", () => {
  test("are made with a first version, and found with their text", async () => {
    const input = { PolicyName: "Mine", Path: "/team/", PolicyDocument: everything, Description: "all" };
    const { Policy: made } = await call("CreatePolicy", { ...input, Tags: [{ Key: "a", Value: "1" }] });
    expect(made).toEqual({
      PolicyName: "Mine",
      PolicyId: expect.stringMatching(/^ANPA[A-Z2-7]{17}$/),
      Arn: own("team/Mine"),
      Path: "/team/",
      DefaultVersionId: "v1",
      AttachmentCount: 0,
      PermissionsBoundaryUsageCount: 0,
      IsAttachable: true,
      Description: "all",
      CreateDate: new Date(Date.UTC(2026, 0, 1)),
      UpdateDate: new Date(Date.UTC(2026, 0, 1)),
      Tags: [{ Key: "a", Value: "1" }],
    });
    const { Arn } = made!;
    expect((await call("GetPolicy", { PolicyArn: Arn! })).Policy).toEqual(made);
    const { PolicyVersion } = await call("GetPolicyVersion", { PolicyArn: Arn!, VersionId: "v1" });
    expect(decodeURIComponent(PolicyVersion!.Document!)).toBe(everything);
    expect(await bench.iam.managedPolicy(accountId, Arn!)).toBe(everything);
    expect(await bench.iam.managedPolicy("999999999999", Arn!)).toBeUndefined();
    expect((await refusal("CreatePolicy", { ...input, PolicyName: "MINE" })).message).toBe(
      "A policy called MINE already exists. Duplicate names are not allowed.",
    );
    expect(await refusal("GetPolicy", { PolicyArn: own("Mine") })).toMatchObject({
      code: "NoSuchEntityException",
      message: `Policy ${own("Mine")} was not found.`,
    });
    expect((await refusal("GetPolicy", { PolicyArn: Arn! }, rootOf("999999999999"))).status).toBe(404);
  });

  test("have at most 6,144 characters, white space not counted", async () => {
    const length = document(allow("s3:GetObject", "arn:aws:s3:::")).length;
    const text = (more: number) => document(allow("s3:GetObject", `arn:aws:s3:::${"x".repeat(6144 - length + more)}`));
    await create("Full", text(0));
    expect((await refusal("CreatePolicy", { PolicyName: "p", PolicyDocument: text(1) })).message).toBe(
      "Cannot exceed quota for PolicySize: 6144",
    );
  });

  test("have up to five versions, numbered anew each time, one of which counts", async () => {
    await create("Mine");
    const PolicyArn = own("Mine");
    const add = (SetAsDefault?: boolean) =>
      call("CreatePolicyVersion", {
        PolicyArn,
        PolicyDocument: document(allow("s3:*")),
        ...(SetAsDefault === undefined ? {} : { SetAsDefault }),
      });
    expect((await add()).PolicyVersion).toMatchObject({ VersionId: "v2", IsDefaultVersion: false });
    expect((await add(true)).PolicyVersion).toMatchObject({ VersionId: "v3", IsDefaultVersion: true });
    expect((await call("GetPolicy", { PolicyArn })).Policy).toMatchObject({ DefaultVersionId: "v3" });
    await add();
    await add();
    expect(await refusal("CreatePolicyVersion", { PolicyArn, PolicyDocument: everything })).toMatchObject({
      code: "LimitExceededException",
      message:
        "A managed policy can have up to 5 versions. Before you create a new version, you must delete an existing version.",
    });
    expect((await refusal("DeletePolicyVersion", { PolicyArn, VersionId: "v3" })).message).toBe(
      "Cannot delete the default version of a policy.",
    );
    await call("SetDefaultPolicyVersion", { PolicyArn, VersionId: "v1" });
    await call("DeletePolicyVersion", { PolicyArn, VersionId: "v5" });
    await add();
    const { Versions } = await call("ListPolicyVersions", { PolicyArn });
    expect(Versions!.map(({ VersionId, IsDefaultVersion }) => [VersionId, IsDefaultVersion])).toEqual([
      ["v6", false],
      ["v4", false],
      ["v3", false],
      ["v2", false],
      ["v1", true],
    ]);
    expect((await refusal("GetPolicyVersion", { PolicyArn, VersionId: "v5" })).message).toBe(
      `Policy ${PolicyArn} version v5 does not exist or is not attachable.`,
    );
  });

  test("are deleted when nobody uses them and one version is left", async () => {
    await create("Mine");
    const PolicyArn = own("Mine");
    await call("CreatePolicyVersion", { PolicyArn, PolicyDocument: everything });
    await call("CreateUser", { UserName: "ann", PermissionsBoundary: PolicyArn });
    expect(await refusal("DeletePolicy", { PolicyArn })).toMatchObject({
      code: "DeleteConflictException",
      message: "Cannot delete a policy attached to entities.",
    });
    await call("DeleteUserPermissionsBoundary", { UserName: "ann" });
    expect((await refusal("DeletePolicy", { PolicyArn })).message).toContain("has more than one version");
    await call("DeletePolicyVersion", { PolicyArn, VersionId: "v2" });
    await call("DeletePolicy", { PolicyArn });
    expect((await refusal("GetPolicy", { PolicyArn })).status).toBe(404);
  });

  test("count who uses them, and name them", async () => {
    await create("Mine");
    const PolicyArn = own("Mine");
    await call("CreateUser", { UserName: "ann", Path: "/x/" });
    await call("CreateGroup", { GroupName: "team" });
    await call("CreateRole", { RoleName: "R", AssumeRolePolicyDocument: trust, PermissionsBoundary: PolicyArn });
    await call("AttachUserPolicy", { UserName: "ann", PolicyArn });
    await call("AttachGroupPolicy", { GroupName: "team", PolicyArn });
    expect((await call("GetPolicy", { PolicyArn })).Policy).toMatchObject({
      AttachmentCount: 2,
      PermissionsBoundaryUsageCount: 1,
    });
    const entities = async (more: object) => {
      const found = await call("ListEntitiesForPolicy", { PolicyArn, ...more });
      return [...found.PolicyGroups!, ...found.PolicyRoles!, ...found.PolicyUsers!].map(
        (entity) => Object.values(entity)[0] as string,
      );
    };
    expect(await entities({})).toEqual(["team", "R", "ann"]);
    expect(await entities({ EntityFilter: "User" })).toEqual(["ann"]);
    expect(await entities({ PathPrefix: "/x/" })).toEqual(["ann"]);
    expect(await entities({ PolicyUsageFilter: "PermissionsBoundary" })).toEqual(["R"]);
    const page = await call("ListEntitiesForPolicy", { PolicyArn, MaxItems: 2 });
    expect(page.IsTruncated).toBe(true);
    expect((await call("ListEntitiesForPolicy", { PolicyArn, Marker: page.Marker! })).PolicyUsers).toHaveLength(1);
  });

  test("carry tags", async () => {
    await create("Mine");
    await call("TagPolicy", { PolicyArn: own("Mine"), Tags: [{ Key: "a", Value: "1" }] });
    expect((await call("ListPolicyTags", { PolicyArn: own("Mine") })).Tags).toEqual([{ Key: "a", Value: "1" }]);
    await call("UntagPolicy", { PolicyArn: own("Mine"), TagKeys: ["a"] });
    expect((await call("ListPolicyTags", { PolicyArn: own("Mine") })).Tags).toEqual([]);
  });
});

describe("lists of policies", () => {
  const names = async (input: Parameters<typeof call<"ListPolicies">>[1]) =>
    (await call("ListPolicies", { MaxItems: 1000, ...input })).Policies!.map(({ PolicyName }) => PolicyName);

  test("are of the account, of AWS or of both, those of the account first", async () => {
    await create("Mine");
    const aws = await names({ Scope: "AWS" });
    expect(aws).toContain("AmazonSageMakerFullAccess");
    expect(await names({ Scope: "Local" })).toEqual(["Mine"]);
    expect(await names({})).toEqual(["Mine", ...aws]);
    expect(await names({ PathPrefix: "/job-function/" })).toEqual(["DataScientist"]);
    const page = await call("ListPolicies", { MaxItems: 2 });
    const rest = await call("ListPolicies", { MaxItems: 1000, Marker: page.Marker! });
    expect([...page.Policies!, ...rest.Policies!].map(({ PolicyName }) => PolicyName)).toEqual(["Mine", ...aws]);
  });

  test("are of what is attached, or used as a boundary", async () => {
    await create("Mine");
    await call("CreateUser", { UserName: "ann", PermissionsBoundary: own("Mine") });
    await call("AttachUserPolicy", { UserName: "ann", PolicyArn: admin });
    expect(await names({ OnlyAttached: true })).toEqual(["AdministratorAccess"]);
    expect(await names({ PolicyUsageFilter: "PermissionsPolicy" })).toEqual(["AdministratorAccess"]);
    expect(await names({ PolicyUsageFilter: "PermissionsBoundary" })).toEqual(["Mine"]);
  });
});

test("the policies of AWS cannot be changed", async () => {
  const change = [
    refusal("CreatePolicyVersion", { PolicyArn: admin, PolicyDocument: everything }),
    refusal("DeletePolicy", { PolicyArn: admin }),
    refusal("TagPolicy", { PolicyArn: admin, Tags: [] }),
  ];
  for (const error of await Promise.all(change)) {
    expect(error).toMatchObject({ code: "AccessDenied", status: 403 });
    expect(error.message).toBe(`Policy ${admin} is managed by AWS and cannot be changed.`);
  }
});
