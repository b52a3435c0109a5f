import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { accountId, allow, document, everything, IamBench, trust } from "../../../tests/support/iam.ts";

const fullAccess = "arn:aws:iam::aws:policy/AmazonSageMakerFullAccess";
const logging = "arn:aws:iam::aws:policy/service-role/AWSLambdaBasicExecutionRole";
const boundary = "arn:aws:iam::aws:policy/PowerUserAccess";

let bench: IamBench;
const call: IamBench["call"] = (...request) => bench.call(...request);
const refusal: IamBench["refusal"] = (...request) => bench.refusal(...request);

beforeEach(async () => {
  bench = new IamBench();
  await call("CreateRole", { RoleName: "Trainer", AssumeRolePolicyDocument: trust });
  await call("CreateUser", { UserName: "ann" });
  await call("CreateGroup", { GroupName: "team" });
});
afterEach(() => bench.close());

describe("managed policies", () => {
  test("are attached by ARN, once, and listed by name", async () => {
    for (const PolicyArn of [logging, fullAccess, fullAccess]) {
      await call("AttachRolePolicy", { RoleName: "Trainer", PolicyArn });
    }
    expect(await call("ListAttachedRolePolicies", { RoleName: "Trainer" })).toEqual({
      AttachedPolicies: [
        { PolicyName: "AWSLambdaBasicExecutionRole", PolicyArn: logging },
        { PolicyName: "AmazonSageMakerFullAccess", PolicyArn: fullAccess },
      ],
      IsTruncated: false,
    });
    const input = { RoleName: "Trainer", PathPrefix: "/service-role/" };
    expect((await call("ListAttachedRolePolicies", input)).AttachedPolicies).toHaveLength(1);
    const page = await call("ListAttachedRolePolicies", { RoleName: "Trainer", MaxItems: 1 });
    expect(page).toMatchObject({ IsTruncated: true });
    expect(await call("ListAttachedRolePolicies", { RoleName: "Trainer", Marker: page.Marker! })).toMatchObject({
      AttachedPolicies: [{ PolicyName: "AmazonSageMakerFullAccess" }],
      IsTruncated: false,
    });
  });

  test("are attached to users and groups as to roles, and detached", async () => {
    await call("AttachUserPolicy", { UserName: "ann", PolicyArn: fullAccess });
    await call("AttachGroupPolicy", { GroupName: "team", PolicyArn: fullAccess });
    const attached = [{ PolicyName: "AmazonSageMakerFullAccess", PolicyArn: fullAccess }];
    expect((await call("ListAttachedUserPolicies", { UserName: "ann" })).AttachedPolicies).toEqual(attached);
    expect((await call("ListAttachedGroupPolicies", { GroupName: "team" })).AttachedPolicies).toEqual(attached);
    await call("DetachUserPolicy", { UserName: "ann", PolicyArn: fullAccess });
    await call("DetachGroupPolicy", { GroupName: "team", PolicyArn: fullAccess });
    expect((await call("ListAttachedUserPolicies", { UserName: "ann" })).AttachedPolicies).toEqual([]);
    expect((await call("ListAttachedGroupPolicies", { GroupName: "team" })).AttachedPolicies).toEqual([]);
  });

  test("that do not exist cannot be attached or detached", async () => {
    const own = `arn:aws:iam::${accountId}:policy/Mine`;
    expect(await refusal("AttachRolePolicy", { RoleName: "Trainer", PolicyArn: own })).toMatchObject({
      code: "NoSuchEntityException",
      message: `Policy ${own} does not exist or is not attachable.`,
    });
    const noArn = await refusal("AttachRolePolicy", { RoleName: "Trainer", PolicyArn: "arn:aws:s3:::not-a-policy" });
    expect(noArn).toMatchObject({
      code: "InvalidInputException",
      message: "ARN arn:aws:s3:::not-a-policy is not valid.",
    });
    const detach = await refusal("DetachRolePolicy", { RoleName: "Trainer", PolicyArn: fullAccess });
    expect(detach.message).toBe(`Policy ${fullAccess} was not found.`);
  });

  test("of AWS that are not here are refused with what may have been meant", async () => {
    const wrong = "arn:aws:iam::aws:policy/SageMakerFullAccess";
    const error = await refusal("AttachRolePolicy", { RoleName: "Trainer", PolicyArn: wrong });
    expect(error).toMatchObject({ code: "NoSuchEntityException", status: 404 });
    expect(error.message).toMatch(
      /^Policy arn:aws:iam::aws:policy\/SageMakerFullAccess does not exist or is not attachable\. Sagebrush has \d+ of AWS's policies/,
    );
    expect(error.message).toContain(fullAccess);
    const forServices = "arn:aws:iam::aws:policy/aws-service-role/AmazonSageMakerNotebooksServiceRolePolicy";
    expect(await refusal("AttachRolePolicy", { RoleName: "Trainer", PolicyArn: forServices })).toMatchObject({
      code: "PolicyNotAttachableException",
      message: "Cannot attach a Service Role Policy to a Customer Role.",
    });
  });

  test("are limited to ten that are attached", async () => {
    const arns: string[] = [];
    for (let index = 1; index <= 11; index += 1) {
      const { Policy } = await call("CreatePolicy", { PolicyName: `P${index}`, PolicyDocument: everything });
      arns.push(Policy!.Arn!);
    }
    for (const PolicyArn of arns.slice(0, 10)) await call("AttachRolePolicy", { RoleName: "Trainer", PolicyArn });
    expect(await refusal("AttachRolePolicy", { RoleName: "Trainer", PolicyArn: arns[10] })).toMatchObject({
      code: "LimitExceededException",
      status: 409,
      message: "Cannot exceed quota for PoliciesPerRole: 10",
    });
  });
});

describe("inline policies", () => {
  test("are stored, returned percent-encoded, replaced and deleted", async () => {
    await call("PutRolePolicy", { RoleName: "Trainer", PolicyName: "p", PolicyDocument: document(allow("s3:Get*")) });
    await call("PutRolePolicy", {
      RoleName: "Trainer",
      PolicyName: "p",
      PolicyDocument: '{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"*","Resource":"*"}}',
    });
    const found = await call("GetRolePolicy", { RoleName: "Trainer", PolicyName: "p" });
    expect(found).toMatchObject({ RoleName: "Trainer", PolicyName: "p" });
    // RFC 3986: `*` is escaped too, which encodeURIComponent alone would not do.
    expect(found.PolicyDocument).toBe(
      "%7B%22Version%22%3A%222012-10-17%22%2C%22Statement%22%3A%7B%22Effect%22%3A%22Allow%22%2C%22Action%22%3A%22%2A%22%2C%22Resource%22%3A%22%2A%22%7D%7D",
    );
    await call("DeleteRolePolicy", { RoleName: "Trainer", PolicyName: "p" });
    for (const name of ["p", "constructor", "__proto__"]) {
      for (const operation of ["GetRolePolicy", "DeleteRolePolicy"] as const) {
        expect(await refusal(operation, { RoleName: "Trainer", PolicyName: name })).toMatchObject({
          code: "NoSuchEntityException",
          status: 404,
          message: `The role policy with name ${name} cannot be found.`,
        });
      }
    }
  });

  test("may have the name of a member that every object has", async () => {
    const input = { UserName: "ann", PolicyName: "__proto__" };
    await call("PutUserPolicy", { ...input, PolicyDocument: everything });
    await bench.reopen();
    expect((await call("ListUserPolicies", { UserName: "ann" })).PolicyNames).toEqual(["__proto__"]);
    expect(decodeURIComponent((await call("GetUserPolicy", input)).PolicyDocument)).toBe(everything);
    await call("DeleteUserPolicy", input);
    expect((await call("ListUserPolicies", { UserName: "ann" })).PolicyNames).toEqual([]);
  });

  test("belong to users and groups, too", async () => {
    await call("PutUserPolicy", { UserName: "ann", PolicyName: "u", PolicyDocument: everything });
    await call("PutGroupPolicy", { GroupName: "team", PolicyName: "g", PolicyDocument: everything });
    expect(await call("GetUserPolicy", { UserName: "ann", PolicyName: "u" })).toMatchObject({ UserName: "ann" });
    expect(await call("GetGroupPolicy", { GroupName: "team", PolicyName: "g" })).toMatchObject({ GroupName: "team" });
    expect((await call("ListGroupPolicies", { GroupName: "team" })).PolicyNames).toEqual(["g"]);
    await call("DeleteGroupPolicy", { GroupName: "team", PolicyName: "g" });
    expect((await refusal("GetGroupPolicy", { GroupName: "team", PolicyName: "g" })).message).toBe(
      "The group policy with name g cannot be found.",
    );
  });

  test.each([
    ["user", 2048, "ann"],
    ["group", 5120, "team"],
    ["role", 10_240, "Trainer"],
  ])("of a %s have at most %i characters together, white space not counted", async (noun, limit, name) => {
    const put = (PolicyName: string, PolicyDocument: string) => {
      const input = { PolicyName, PolicyDocument };
      if (noun === "user") return call("PutUserPolicy", { UserName: name, ...input });
      if (noun === "group") return call("PutGroupPolicy", { GroupName: name, ...input });
      return call("PutRolePolicy", { RoleName: name, ...input });
    };
    const length = document(allow("s3:GetObject", "arn:aws:s3:::")).length;
    const full = document(allow("s3:GetObject", `arn:aws:s3:::${"x".repeat(limit - length)}`));
    expect(full).toHaveLength(limit);
    await put("p", JSON.stringify(JSON.parse(full), undefined, 8));
    await put("p", full);
    await expect(put("q", document(allow("s3:*")))).rejects.toMatchObject({
      code: "LimitExceededException",
      message: `Maximum policy size of ${limit} bytes exceeded for ${noun} ${name}`,
    });
  });

  test("keep every change when many arrive at once", async () => {
    const names = Array.from({ length: 30 }, (_, index) => `p${String(index).padStart(2, "0")}`);
    const document = '{"Statement":{"Effect":"Deny","Action":"*","Resource":"*"}}';
    await Promise.all(
      names.map((PolicyName) => call("PutRolePolicy", { RoleName: "Trainer", PolicyName, PolicyDocument: document })),
    );
    expect((await call("ListRolePolicies", { RoleName: "Trainer" })).PolicyNames).toEqual(names);
  });
});

describe("permissions boundaries", () => {
  test("are set when a user or role is made, replaced and taken away", async () => {
    const shown = { PermissionsBoundaryType: "PermissionsBoundaryPolicy", PermissionsBoundaryArn: boundary };
    const made = await call("CreateUser", { UserName: "ben", PermissionsBoundary: boundary });
    expect(made.User!.PermissionsBoundary).toEqual(shown);
    expect((await call("GetUser", { UserName: "ben" })).User.PermissionsBoundary).toEqual(shown);
    await call("PutRolePermissionsBoundary", { RoleName: "Trainer", PermissionsBoundary: boundary });
    expect((await call("GetRole", { RoleName: "Trainer" })).Role.PermissionsBoundary).toEqual(shown);
    await call("PutRolePermissionsBoundary", { RoleName: "Trainer", PermissionsBoundary: fullAccess });
    await call("DeleteRolePermissionsBoundary", { RoleName: "Trainer" });
    await call("DeleteUserPermissionsBoundary", { UserName: "ben" });
    expect((await call("GetRole", { RoleName: "Trainer" })).Role).not.toHaveProperty("PermissionsBoundary");
    expect((await call("GetUser", { UserName: "ben" })).User).not.toHaveProperty("PermissionsBoundary");
  });

  test("are managed policies that exist", async () => {
    const absent = `arn:aws:iam::${accountId}:policy/None`;
    const inputs = [
      refusal("PutUserPermissionsBoundary", { UserName: "ann", PermissionsBoundary: absent }),
      refusal("CreateUser", { UserName: "cid", PermissionsBoundary: absent }),
      refusal("CreateRole", { RoleName: "R", AssumeRolePolicyDocument: trust, PermissionsBoundary: absent }),
    ];
    for (const error of await Promise.all(inputs)) {
      expect(error.message).toBe(`Policy ${absent} does not exist or is not attachable.`);
    }
    expect((await refusal("GetUser", { UserName: "cid" })).status).toBe(404);
  });
});
