import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { AwsError } from "../../protocol/aws-error.ts";
import type { STSOperations } from "../../protocol/generated/sts.ts";
import type { Handler, Principal, RequestContext } from "../../protocol/service.ts";
import { SqliteRecordStore } from "../../storage/sqlite-record-store.ts";
import { ManualClock } from "../../util/clock.ts";
import { ensureDefaultRole, iamService } from "../iam/index.ts";
import { stsService, type StsService } from "./index.ts";

const accountId = "123456789012";
const root = { accessKeyId: "AKIAEXAMPLEEXAMPLE12", secretAccessKey: "s".repeat(40) };
const day = 24 * 3_600_000;

let directory: string;
let records: SqliteRecordStore;
let clock: ManualClock;
let sts: StsService;
let roleArn: string;

function open() {
  records = new SqliteRecordStore({ file: join(directory, "records.db"), reserveBytes: 0 });
  sts = stsService({ records, roles: iamService({ records }), accountId, root, clock });
}

beforeEach(async () => {
  directory = mkdtempSync(join(tmpdir(), "sagebrush-sts-"));
  clock = new ManualClock(Date.UTC(2026, 0, 1));
  open();
  roleArn = await ensureDefaultRole(records, accountId, clock);
});
afterEach(async () => {
  await records.close();
  rmSync(directory, { recursive: true, force: true });
});

async function principalOf(accessKeyId: string): Promise<Principal> {
  return (await sts.lookup(accessKeyId))!.principal;
}

async function call<Name extends keyof STSOperations>(
  operation: Name,
  input: STSOperations[Name]["input"],
  accessKeyId = root.accessKeyId,
): Promise<STSOperations[Name]["output"]> {
  const context: RequestContext = {
    requestId: "request-1",
    service: "sts",
    operation,
    accountId,
    region: "us-east-1",
    principal: await principalOf(accessKeyId),
    clock,
    signal: new AbortController().signal,
    headers: {},
    baseUrl: "http://127.0.0.1:7243",
    setHeader: () => {},
    authorize: () => Promise.resolve(),
  };
  const handle = sts.operations[operation].handle as Handler<unknown, STSOperations[Name]["output"]>;
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

describe("GetCallerIdentity", () => {
  test("tells the root user its account", async () => {
    expect(await call("GetCallerIdentity", {})).toEqual({
      UserId: accountId,
      Account: accountId,
      Arn: `arn:aws:iam::${accountId}:root`,
    });
  });
});

describe("AssumeRole", () => {
  test("gives credentials of an hour that are looked up as the role's session", async () => {
    const answer = await call("AssumeRole", { RoleArn: roleArn, RoleSessionName: "job-1" });
    const { AccessKeyId, SecretAccessKey, SessionToken, Expiration } = answer.Credentials!;
    expect(AccessKeyId).toMatch(/^ASIA[A-Z2-7]{16}$/);
    expect(SecretAccessKey).toHaveLength(40);
    expect(SessionToken.length).toBeGreaterThanOrEqual(100);
    expect(Expiration).toEqual(new Date(clock.now() + 3_600_000));
    const arn = `arn:aws:sts::${accountId}:assumed-role/SagebrushExecutionRole/job-1`;
    expect(answer.AssumedRoleUser).toEqual({
      Arn: arn,
      AssumedRoleId: expect.stringMatching(/^AROA[A-Z2-7]{17}:job-1$/),
    });
    expect(await sts.lookup(AccessKeyId)).toEqual({
      accessKeyId: AccessKeyId,
      secretAccessKey: SecretAccessKey,
      sessionToken: SessionToken,
      expiresAt: Expiration.getTime(),
      principal: {
        kind: "assumed-role",
        accountId,
        arn,
        userId: answer.AssumedRoleUser!.AssumedRoleId,
        accessKeyId: AccessKeyId,
      },
    });
    expect(await call("GetCallerIdentity", {}, AccessKeyId)).toEqual({
      UserId: answer.AssumedRoleUser!.AssumedRoleId,
      Account: accountId,
      Arn: arn,
    });
  });

  test("gives credentials that survive a restart, and leaves no secret in the history", async () => {
    const { Credentials: given } = await call("AssumeRole", { RoleArn: roleArn, RoleSessionName: "job-1" });
    const before = await sts.lookup(given!.AccessKeyId);
    await records.close();
    open();
    expect(await sts.lookup(given!.AccessKeyId)).toEqual(before);
    const key = { accountId, region: "aws-global", family: "sts-credential", name: given!.AccessKeyId };
    expect(await records.get(key)).toBeDefined();
    expect(await records.history(key)).toEqual([]);
  });

  test("accepts a role that is not known here from the root user, with the same id every time", async () => {
    const input = { RoleArn: `arn:aws:iam::${accountId}:role/team/Unknown`, RoleSessionName: "me" };
    const [first, second] = [await call("AssumeRole", input), await call("AssumeRole", input)];
    expect(first.AssumedRoleUser).toEqual({
      Arn: `arn:aws:sts::${accountId}:assumed-role/Unknown/me`,
      AssumedRoleId: expect.stringMatching(/^AROA[A-Z2-7]{17}:me$/),
    });
    expect(second.AssumedRoleUser).toEqual(first.AssumedRoleUser);
    expect(second.Credentials!.AccessKeyId).not.toBe(first.Credentials!.AccessKeyId);
  });

  test("refuses unknown roles to everyone else, and roles of other accounts to all", async () => {
    const session = await call("AssumeRole", { RoleArn: roleArn, RoleSessionName: "job-1" });
    const unknown = `arn:aws:iam::${accountId}:role/Unknown`;
    const error = await refusal(
      call("AssumeRole", { RoleArn: unknown, RoleSessionName: "x1" }, session.Credentials!.AccessKeyId),
    );
    expect(error).toMatchObject({
      code: "AccessDenied",
      status: 403,
      message: `User: arn:aws:sts::${accountId}:assumed-role/SagebrushExecutionRole/job-1 is not authorized to perform: sts:AssumeRole on resource: ${unknown}`,
    });
    const foreign = "arn:aws:iam::999999999999:role/Role";
    const other = await refusal(call("AssumeRole", { RoleArn: foreign, RoleSessionName: "x1" }));
    expect(other.message).toBe(
      `User: arn:aws:iam::${accountId}:root is not authorized to perform: sts:AssumeRole on resource: ${foreign}`,
    );
  });

  test("refuses an ARN that is not one of a role", async () => {
    for (const RoleArn of [
      `arn:aws:iam::${accountId}:user/someone`,
      "arn:aws:iam::12:role/Role",
      `arn:aws:iam::${accountId}:role/`,
      `arn:aws:iam::${accountId}:role/a b/Role`,
    ]) {
      const error = await refusal(call("AssumeRole", { RoleArn, RoleSessionName: "x1" }));
      expect(error).toMatchObject({ code: "ValidationError", status: 400, message: `${RoleArn} is invalid` });
    }
  });

  test("refuses a session longer than the role allows, and a chained one longer than an hour", async () => {
    const long = { RoleArn: roleArn, RoleSessionName: "x1", DurationSeconds: 3601 };
    expect((await refusal(call("AssumeRole", long))).message).toBe(
      "The requested DurationSeconds exceeds the MaxSessionDuration set for this role.",
    );
    const { Credentials: given } = await call("AssumeRole", { ...long, DurationSeconds: 900 });
    expect(given!.Expiration.getTime() - clock.now()).toBe(900_000);
    const chained = await refusal(call("AssumeRole", long, given!.AccessKeyId));
    expect(chained).toMatchObject({
      code: "ValidationError",
      message: "The requested DurationSeconds exceeds the 1 hour session limit for roles assumed by role chaining.",
    });
  });

  test("declares the parameters that it would have to ignore", () => {
    const refused = sts.operations["AssumeRole"].refuses!.map(({ parameter }) => parameter);
    expect(refused).toEqual([
      "Policy",
      "PolicyArns",
      "Tags",
      "TransitiveTagKeys",
      "ExternalId",
      "SerialNumber",
      "TokenCode",
      "SourceIdentity",
      "ProvidedContexts",
    ]);
  });
});

describe("GetSessionToken", () => {
  test("gives the root user another key to itself, for an hour at most", async () => {
    const { Credentials: given } = await call("GetSessionToken", {});
    expect(given!.Expiration).toEqual(new Date(clock.now() + 3_600_000));
    expect(await principalOf(given!.AccessKeyId)).toMatchObject({
      kind: "root",
      arn: `arn:aws:iam::${accountId}:root`,
    });
    const short = await call("GetSessionToken", { DurationSeconds: 900 });
    expect(short.Credentials!.Expiration).toEqual(new Date(clock.now() + 900_000));
  });

  test("is refused to temporary credentials", async () => {
    const { Credentials: given } = await call("GetSessionToken", {});
    const error = await refusal(call("GetSessionToken", {}, given!.AccessKeyId));
    expect(error).toMatchObject({
      code: "AccessDenied",
      message: "Cannot call GetSessionToken with session credentials",
    });
  });
});

describe("the lookup of credentials", () => {
  test("knows the root key without waiting, and no key that was not issued", async () => {
    expect(sts.lookup(root.accessKeyId)).toMatchObject({ accessKeyId: root.accessKeyId });
    expect(sts.lookup("AKIAUNKNOWN")).toBeUndefined();
    expect(await sts.lookup("ASIAUNKNOWN")).toBeUndefined();
  });

  test("keeps expired credentials for some days, so that they are told from unknown ones, then forgets them", async () => {
    const { Credentials: given } = await call("GetSessionToken", {});
    const key = { accountId, region: "aws-global", family: "sts-credential", name: given!.AccessKeyId };
    await clock.advance(2 * day);
    await call("GetSessionToken", {});
    expect(await records.get(key)).toBeDefined();
    expect((await sts.lookup(given!.AccessKeyId))!.expiresAt).toBeLessThan(clock.now());
    await clock.advance(2 * day);
    await call("GetSessionToken", {});
    expect(await records.get(key)).toBeUndefined();
  });
});

test("the platform opens sessions for its own work, also of roles of other accounts", async () => {
  const actor = { by: "sagebrush:training-job", call: "launch" };
  const credential = await sts.issueRoleSession({
    roleArn: "arn:aws:iam::999999999999:role/Elsewhere",
    sessionName: "SageMaker",
    durationSeconds: 43_200,
    actor,
  });
  expect(credential.principal.arn).toBe(`arn:aws:sts::${accountId}:assumed-role/Elsewhere/SageMaker`);
  expect(credential.expiresAt).toBe(clock.now() + 43_200_000);
  expect(await sts.lookup(credential.accessKeyId)).toEqual(credential);
  const known = await sts.issueRoleSession({ roleArn, sessionName: "SageMaker", durationSeconds: 900, actor });
  expect(known.principal.userId).toBe(
    `${(await iamService({ records }).findRole(accountId, "SagebrushExecutionRole"))!.roleId}:SageMaker`,
  );
});
