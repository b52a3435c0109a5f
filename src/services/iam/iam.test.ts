import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { AwsError } from "../../protocol/aws-error.ts";
import type { IAMOperations } from "../../protocol/generated/iam.ts";
import type { Handler, RequestContext } from "../../protocol/service.ts";
import { SqliteRecordStore } from "../../storage/sqlite-record-store.ts";
import { ManualClock } from "../../util/clock.ts";
import { ensureDefaultRole, iamService, type IamService } from "./index.ts";

const accountId = "123456789012";
const trust = JSON.stringify({
  Version: "2012-10-17",
  Statement: [{ Effect: "Allow", Principal: { Service: "sagemaker.amazonaws.com" }, Action: "sts:AssumeRole" }],
});
const everything = '{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"*","Resource":"*"}}';
const fullAccess = "arn:aws:iam::aws:policy/AmazonSageMakerFullAccess";
const s3Access = "arn:aws:iam::aws:policy/service-role/S3Access";

let directory: string;
let records: SqliteRecordStore;
let clock: ManualClock;
let iam: IamService;

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), "sagebrush-iam-"));
  clock = new ManualClock(Date.UTC(2026, 0, 1, 0, 0, 0, 750));
  records = new SqliteRecordStore({ file: join(directory, "records.db"), reserveBytes: 0 });
  iam = iamService({ records });
});
afterEach(async () => {
  await records.close();
  rmSync(directory, { recursive: true, force: true });
});

async function call<Name extends keyof IAMOperations>(
  operation: Name,
  input: IAMOperations[Name]["input"],
  account = accountId,
): Promise<IAMOperations[Name]["output"]> {
  const principal = {
    kind: "root",
    accountId: account,
    arn: `arn:aws:iam::${account}:root`,
    userId: account,
    accessKeyId: "AKIA",
  } as const;
  const context: RequestContext = {
    requestId: "request-1",
    service: "iam",
    operation,
    accountId: account,
    region: "us-east-1",
    principal,
    clock,
    signal: new AbortController().signal,
    headers: {},
    baseUrl: "http://127.0.0.1:7243",
    setHeader: () => {},
    authorize: () => Promise.resolve(),
  };
  const handle = iam.operations[operation].handle as Handler<unknown, IAMOperations[Name]["output"]>;
  return handle(input, context);
}

async function refusal(promise: Promise<unknown>): Promise<AwsError> {
  const error = await promise.then(
    () => undefined,
    (thrown: unknown) => thrown,
  );
  expect(error).toBeInstanceOf(AwsError);
  return error as AwsError;
}

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
    expect((await call("GetRole", { RoleName: "Trainer" })).Role).toEqual(made);
  });

  test("have a path, an hour and no description unless given", async () => {
    const { Role: made } = await create("Plain");
    expect(made).toMatchObject({ Path: "/", Arn: `arn:aws:iam::${accountId}:role/Plain`, MaxSessionDuration: 3600 });
    expect(made).not.toHaveProperty("Description");
    expect(made).not.toHaveProperty("Tags");
  });

  test("have names that are taken whatever their case, and found by their exact name", async () => {
    await create("Trainer");
    const taken = await refusal(create("TRAINER"));
    expect(taken).toMatchObject({
      code: "EntityAlreadyExistsException",
      status: 409,
      message: "Role with name TRAINER already exists.",
    });
    const missing = await refusal(call("GetRole", { RoleName: "trainer" }));
    expect(missing).toMatchObject({
      code: "NoSuchEntityException",
      status: 404,
      message: "The role with name trainer cannot be found.",
    });
  });

  test("belong to their account", async () => {
    await create("Trainer");
    expect((await refusal(call("GetRole", { RoleName: "Trainer" }, "999999999999"))).code).toBe(
      "NoSuchEntityException",
    );
    expect(await iam.findRole("999999999999", "Trainer")).toBeUndefined();
    expect(await iam.findRole(accountId, "Trainer")).toMatchObject({ arn: `arn:aws:iam::${accountId}:role/Trainer` });
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
    const error = await refusal(call("ListRoles", { Marker: "made up" }));
    expect(error).toMatchObject({ code: "ValidationError", message: "Invalid Marker." });
  });

  test("are listed in full when there are more than the store gives at once", async () => {
    await records.write(
      Array.from({ length: 1203 }, (_, index) => {
        const roleName = `role-${String(index).padStart(4, "0")}`;
        return {
          op: "insert" as const,
          key: { accountId, region: "aws-global", family: "iam-role", name: roleName },
          body: {
            path: index % 600 === 599 ? "/rare/" : "/",
            roleName,
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
    expect((await refusal(call("UpdateRole", { RoleName: "Nobody" }))).code).toBe("NoSuchEntityException");
  });

  test("are deleted when they have no policies", async () => {
    await create("Trainer", { Tags: [{ Key: "team", Value: "ml" }] });
    await call("AttachRolePolicy", { RoleName: "Trainer", PolicyArn: fullAccess });
    await call("PutRolePolicy", { RoleName: "Trainer", PolicyName: "p", PolicyDocument: everything });
    expect(await refusal(call("DeleteRole", { RoleName: "Trainer" }))).toMatchObject({
      code: "DeleteConflictException",
      status: 409,
      message: "Cannot delete entity, must detach all policies first.",
    });
    await call("DetachRolePolicy", { RoleName: "Trainer", PolicyArn: fullAccess });
    expect((await refusal(call("DeleteRole", { RoleName: "Trainer" }))).message).toBe(
      "Cannot delete entity, must delete policies first.",
    );
    await call("DeleteRolePolicy", { RoleName: "Trainer", PolicyName: "p" });
    await call("DeleteRole", { RoleName: "Trainer" });
    expect((await refusal(call("DeleteRole", { RoleName: "Trainer" }))).status).toBe(404);
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

describe("policies", () => {
  beforeEach(() => create("Trainer"));

  test("of AWS are attached by ARN, once, and listed by name", async () => {
    for (const PolicyArn of [s3Access, fullAccess, fullAccess]) {
      await call("AttachRolePolicy", { RoleName: "Trainer", PolicyArn });
    }
    expect(await call("ListAttachedRolePolicies", { RoleName: "Trainer" })).toEqual({
      AttachedPolicies: [
        { PolicyName: "AmazonSageMakerFullAccess", PolicyArn: fullAccess },
        { PolicyName: "S3Access", PolicyArn: s3Access },
      ],
      IsTruncated: false,
    });
    const input = { RoleName: "Trainer", PathPrefix: "/service-role/" };
    expect((await call("ListAttachedRolePolicies", input)).AttachedPolicies).toHaveLength(1);
    const page = await call("ListAttachedRolePolicies", { RoleName: "Trainer", MaxItems: 1 });
    expect(page).toMatchObject({ IsTruncated: true });
    expect(await call("ListAttachedRolePolicies", { RoleName: "Trainer", Marker: page.Marker! })).toMatchObject({
      AttachedPolicies: [{ PolicyName: "S3Access" }],
      IsTruncated: false,
    });
  });

  test("that do not exist cannot be attached or detached", async () => {
    const attach = (PolicyArn: string) => refusal(call("AttachRolePolicy", { RoleName: "Trainer", PolicyArn }));
    const own = `arn:aws:iam::${accountId}:policy/Mine`;
    expect(await attach(own)).toMatchObject({
      code: "NoSuchEntityException",
      message: `Policy ${own} does not exist or is not attachable.`,
    });
    expect(await attach("arn:aws:s3:::not-a-policy")).toMatchObject({
      code: "InvalidInputException",
      message: "ARN arn:aws:s3:::not-a-policy is not valid.",
    });
    const detach = await refusal(call("DetachRolePolicy", { RoleName: "Trainer", PolicyArn: fullAccess }));
    expect(detach.message).toBe(`Policy ${fullAccess} was not found.`);
  });

  test("are limited to ten that are attached", async () => {
    const arn = (index: number) => `arn:aws:iam::aws:policy/P${index}`;
    for (let index = 1; index <= 10; index += 1) {
      await call("AttachRolePolicy", { RoleName: "Trainer", PolicyArn: arn(index) });
    }
    const error = await refusal(call("AttachRolePolicy", { RoleName: "Trainer", PolicyArn: arn(11) }));
    expect(error).toMatchObject({
      code: "LimitExceededException",
      status: 409,
      message: "Cannot exceed quota for PoliciesPerRole: 10",
    });
  });

  test("of the role itself are stored, returned percent-encoded, replaced and deleted", async () => {
    await call("PutRolePolicy", { RoleName: "Trainer", PolicyName: "p", PolicyDocument: everything });
    const found = await call("GetRolePolicy", { RoleName: "Trainer", PolicyName: "p" });
    expect(found).toMatchObject({ RoleName: "Trainer", PolicyName: "p" });
    // RFC 3986: `*` is escaped too, which encodeURIComponent alone would not do.
    expect(found.PolicyDocument).toBe(
      "%7B%22Version%22%3A%222012-10-17%22%2C%22Statement%22%3A%7B%22Effect%22%3A%22Allow%22%2C%22Action%22%3A%22%2A%22%2C%22Resource%22%3A%22%2A%22%7D%7D",
    );
    await call("DeleteRolePolicy", { RoleName: "Trainer", PolicyName: "p" });
    for (const gone of [
      call("GetRolePolicy", { RoleName: "Trainer", PolicyName: "p" }),
      call("DeleteRolePolicy", { RoleName: "Trainer", PolicyName: "p" }),
      call("GetRolePolicy", { RoleName: "Trainer", PolicyName: "constructor" }),
    ]) {
      expect(await refusal(gone)).toMatchObject({ code: "NoSuchEntityException", status: 404 });
    }
  });

  test("of the role itself are limited to 10,240 characters without white space", async () => {
    const statement = { Effect: "Allow", Action: "s3:GetObject", Resource: `arn:aws:s3:::${"x".repeat(10_000)}` };
    const document = JSON.stringify({ Version: "2012-10-17", Statement: [statement] }, undefined, 200);
    await call("PutRolePolicy", { RoleName: "Trainer", PolicyName: "p", PolicyDocument: document });
    const error = await refusal(
      call("PutRolePolicy", { RoleName: "Trainer", PolicyName: "q", PolicyDocument: document }),
    );
    expect(error.message).toBe("Maximum policy size of 10240 bytes exceeded for role Trainer");
  });
});

describe("a policy document is refused when", () => {
  const statement = { Effect: "Allow", Principal: { AWS: "*" }, Action: "sts:AssumeRole" };
  const trustOf = (change: object, document: object = {}) =>
    JSON.stringify({ Version: "2012-10-17", Statement: [{ ...statement, ...change }], ...document });

  test.each([
    ["it is no JSON", "SageMakerRole", "This policy contains invalid Json"],
    ["it is no object", "[]", "Syntax errors in policy."],
    ["it has no statement", '{"Version":"2012-10-17","Statement":[]}', "Syntax errors in policy."],
    ["its version is unknown", trustOf({}, { Version: "2024-01-01" }), "Syntax errors in policy."],
    ["it has a member of its own", trustOf({}, { Name: "x" }), "Syntax errors in policy."],
    ["a statement has a member of its own", trustOf({ Principle: "x" }), "Syntax errors in policy."],
    ["a statement names a resource", trustOf({ Resource: "*" }), "Has prohibited field Resource"],
    ["nobody is trusted", trustOf({ Principal: undefined }), "Missing required field Principal"],
    ["nothing is allowed", trustOf({ Action: undefined }), "Missing required field Action"],
    ["it says neither Allow nor Deny", trustOf({ Effect: "Maybe" }), "Invalid effect: Maybe"],
    ["it has no effect", trustOf({ Effect: undefined }), "Missing required field Effect"],
    [
      "it is about something else than assuming roles",
      trustOf({ Action: ["sts:AssumeRole", "s3:GetObject"] }),
      "AssumeRole policy may only specify STS AssumeRole actions.",
    ],
  ])("%s", async (_, document, message) => {
    const error = await refusal(create("Trainer", { AssumeRolePolicyDocument: document }));
    expect(error).toMatchObject({ code: "MalformedPolicyDocumentException", status: 400, message });
    expect((await refusal(call("GetRole", { RoleName: "Trainer" }))).status).toBe(404);
  });

  test.each([
    ["it has a principal", { Principal: "*" }, "Policy document should not specify a principal."],
    ["it has no resource", { Resource: undefined }, "Policy statement must contain resources."],
    ["it has no action", { Action: [] }, "Policy statement must contain actions."],
    [
      "an action has no service",
      { Action: "GetObject" },
      "Actions/Conditions must be prefaced by a vendor, e.g., iam, sdb, ec2, etc.",
    ],
  ])("it says what a role may do and %s", async (_, change, message) => {
    await create("Trainer");
    const PolicyDocument = JSON.stringify({
      Statement: { Effect: "Allow", Action: "s3:*", Resource: "*", ...change },
    });
    const error = await refusal(call("PutRolePolicy", { RoleName: "Trainer", PolicyName: "p", PolicyDocument }));
    expect(error).toMatchObject({ code: "MalformedPolicyDocumentException", message });
  });

  test("it is a trust policy of more than 2,048 characters", async () => {
    const document = trustOf({ Sid: "x".repeat(2048) });
    const error = await refusal(create("Trainer", { AssumeRolePolicyDocument: document }));
    expect(error).toMatchObject({
      code: "LimitExceededException",
      message: "Cannot exceed quota for ACLSizePerRole: 2048",
    });
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
    const full = await refusal(call("TagRole", { RoleName: "Trainer", Tags: [{ Key: "more", Value: "" }] }));
    expect(full.code).toBe("LimitExceededException");
    const twice = [
      { Key: "Team", Value: "1" },
      { Key: "team", Value: "2" },
    ];
    expect(await refusal(call("TagRole", { RoleName: "Trainer", Tags: twice }))).toMatchObject({
      code: "InvalidInputException",
      message: "Duplicate tag keys found. Please note that Tag keys are case insensitive.",
    });
  });
});

test("the default execution role is made once and trusts SageMaker", async () => {
  const arn = await ensureDefaultRole(records, accountId, clock);
  expect(arn).toBe(`arn:aws:iam::${accountId}:role/service-role/SagebrushExecutionRole`);
  const { Role: role } = await call("GetRole", { RoleName: "SagebrushExecutionRole" });
  expect(await ensureDefaultRole(records, accountId, clock)).toBe(arn);
  expect((await call("GetRole", { RoleName: "SagebrushExecutionRole" })).Role).toEqual(role);
  expect(JSON.parse(decodeURIComponent(role.AssumeRolePolicyDocument!))).toMatchObject({
    Statement: [{ Effect: "Allow", Principal: { Service: "sagemaker.amazonaws.com" }, Action: "sts:AssumeRole" }],
  });
  const { AttachedPolicies } = await call("ListAttachedRolePolicies", { RoleName: "SagebrushExecutionRole" });
  expect(AttachedPolicies).toEqual([{ PolicyName: "AmazonSageMakerFullAccess", PolicyArn: fullAccess }]);
});
