import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { requestContext } from "../../../tests/support/request-context.ts";
import { compilePolicy } from "../../authorization/index.ts";
import { AwsError } from "../../protocol/aws-error.ts";
import type { STSOperations } from "../../protocol/generated/sts.ts";
import type { Handler, Principal, RequestContext } from "../../protocol/service.ts";
import type { Credential } from "../../protocol/sigv4/credential.ts";
import { Authorizer } from "../../server/authorizer.ts";
import { SqliteRecordStore } from "../../storage/sqlite-record-store.ts";
import { ManualClock } from "../../util/clock.ts";
import { AuthorizationMessages } from "./authorization-message.ts";
import { stsService, type StsService } from "./index.ts";
import type { AssumableRole } from "./ports.ts";

const accountId = "123456789012";
const otherAccount = "210987654321";
const root = { accessKeyId: "AKIAEXAMPLEEXAMPLE12", secretAccessKey: "s".repeat(40) };
const otherRoot = { accessKeyId: "AKIAEXAMPLEEXAMPLE34", secretAccessKey: "o".repeat(40) };
const day = 24 * 3_600_000;

interface Statement {
  readonly Effect: "Allow" | "Deny";
  readonly Principal?: unknown;
  readonly Action: string | readonly string[];
  readonly Resource?: string;
  readonly Condition?: unknown;
}
const policy = (...statements: readonly Statement[]) =>
  JSON.stringify({ Version: "2012-10-17", Statement: statements });
const allow = (action: string | readonly string[], resource = "*"): Statement => ({
  Effect: "Allow",
  Action: action,
  Resource: resource,
});
const trust = (principal: unknown, action: string | readonly string[] = "sts:AssumeRole", condition?: unknown) =>
  policy({
    Effect: "Allow",
    Principal: principal,
    Action: action,
    ...(condition !== undefined && { Condition: condition }),
  });
const all = ["sts:AssumeRole", "sts:TagSession", "sts:SetSourceIdentity"];

let directory: string;
let records: SqliteRecordStore;
let clock: ManualClock;
let sts: StsService;
let messages: AuthorizationMessages;
let authorizer: Authorizer;
/** Roles by account and name. */
let roles: Map<string, AssumableRole>;
/** Identity policies by ARN of user or role. */
let policies: Map<string, string>;
let userKeys: Map<string, Credential>;

function addRole(name: string, trustPolicy: string, more: Partial<AssumableRole> & { account?: string } = {}): string {
  const { account = accountId, ...facts } = more;
  const arn = `arn:aws:iam::${account}:role/${name}`;
  const roleId = `AROA${name.toUpperCase().replace(/\W/g, "").padEnd(17, "A").slice(0, 17)}`;
  roles.set(`${account}/${name.slice(name.lastIndexOf("/") + 1)}`, {
    arn,
    roleName: name.slice(name.lastIndexOf("/") + 1),
    roleId,
    maxSessionDuration: 3600,
    trustPolicy,
    ...facts,
  });
  return arn;
}

/** A user with a key; may do what the policy says. */
function addUser(name: string, text?: string, account = accountId): string {
  const accessKeyId = `AKIA${name.toUpperCase().padEnd(16, "A")}`;
  const arn = `arn:aws:iam::${account}:user/${name}`;
  const principal: Principal = { kind: "user", accountId: account, arn, userId: `AIDA${name}`, accessKeyId };
  userKeys.set(accessKeyId, { accessKeyId, secretAccessKey: "u".repeat(40), principal });
  if (text !== undefined) policies.set(arn, text);
  return accessKeyId;
}

function open() {
  records = new SqliteRecordStore({ file: join(directory, "records.db"), reserveBytes: 0 });
  messages = new AuthorizationMessages(Buffer.alloc(32, 7));
  sts = stsService({
    records,
    identities: {
      findRole: async (account, name) => roles.get(`${account}/${name}`),
      findAccessKey: (id) => userKeys.get(id),
      managedPolicy: async (_account, arn) =>
        arn === "arn:aws:iam::aws:policy/AmazonS3ReadOnlyAccess" ? policy(allow("s3:Get*")) : undefined,
    },
    roots: new Map([
      [accountId, root],
      [otherAccount, otherRoot],
    ]),
    messages,
    clock,
  });
  authorizer = new Authorizer(
    {
      policiesOf: ({ arn, session }) => {
        const text = policies.get(session?.issuerArn ?? arn);
        return { identity: text === undefined ? [] : [compilePolicy(text, "inline")] };
      },
    },
    messages,
  );
}

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), "sagebrush-sts-"));
  clock = new ManualClock(Date.UTC(2026, 0, 1));
  [roles, policies, userKeys] = [new Map(), new Map(), new Map()];
  open();
});
afterEach(async () => {
  await records.close();
  rmSync(directory, { recursive: true, force: true });
});

async function principalOf(accessKeyId: string): Promise<Principal> {
  return (await sts.lookup(accessKeyId))!.principal;
}

/** As the server does: authorized first, then handled. */
async function call<Name extends keyof STSOperations>(
  operation: Name,
  input: STSOperations[Name]["input"],
  accessKeyId = root.accessKeyId,
): Promise<STSOperations[Name]["output"]> {
  const principal = await principalOf(accessKeyId);
  const context: RequestContext = requestContext({
    service: "sts",
    operation,
    accountId: principal.accountId,
    principal,
    clock,
  });
  const accesses = await sts.accesses!(operation, (input ?? {}) as Record<string, unknown>, context);
  await authorizer.authorize(principal, accesses, () => ({}), "query");
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

const assume = (RoleArn: string, more: object = {}, key?: string) =>
  call("AssumeRole", { RoleArn, RoleSessionName: "me", ...more }, key);

describe("GetCallerIdentity", () => {
  test("tells everybody who they are, also users whom a policy denies everything", async () => {
    expect(await call("GetCallerIdentity", {})).toEqual({
      UserId: accountId,
      Account: accountId,
      Arn: `arn:aws:iam::${accountId}:root`,
    });
    const denied = addUser("denied", policy({ Effect: "Deny", Action: "*", Resource: "*" }));
    expect(await call("GetCallerIdentity", {}, denied)).toMatchObject({ Arn: `arn:aws:iam::${accountId}:user/denied` });
    expect(await call("GetCallerIdentity", {}, otherRoot.accessKeyId)).toMatchObject({ Account: otherAccount });
  });
});

describe("AssumeRole", () => {
  test("gives credentials of an hour that are looked up as the role's session", async () => {
    const roleArn = addRole("team/Trainer", trust({ AWS: accountId }));
    const answer = await assume(roleArn, { RoleSessionName: "job-1" });
    const { AccessKeyId, SecretAccessKey, SessionToken, Expiration } = answer.Credentials!;
    expect(AccessKeyId).toMatch(/^ASIA[A-Z2-7]{16}$/);
    expect(SecretAccessKey).toHaveLength(40);
    expect(SessionToken.length).toBeGreaterThanOrEqual(100);
    expect(Expiration).toEqual(new Date(clock.now() + 3_600_000));
    const arn = `arn:aws:sts::${accountId}:assumed-role/Trainer/job-1`;
    expect(answer.AssumedRoleUser).toEqual({ Arn: arn, AssumedRoleId: expect.stringMatching(/^AROA\w{17}:job-1$/) });
    expect(answer.PackedPolicySize).toBeUndefined();
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
        session: { issuerArn: roleArn, issuedAt: clock.now() },
      },
    });
    expect(await call("GetCallerIdentity", {}, AccessKeyId)).toMatchObject({ Account: accountId, Arn: arn });
  });

  test("gives credentials that survive a restart, and leaves no secret in the history", async () => {
    const { Credentials: given } = await assume(addRole("Trainer", trust({ AWS: "*" })));
    const before = await sts.lookup(given!.AccessKeyId);
    await records.close();
    open();
    expect(await sts.lookup(given!.AccessKeyId)).toEqual(before);
    const key = { accountId: "", region: "aws-global", family: "sts-credential", name: given!.AccessKeyId };
    expect(await records.get(key)).toBeDefined();
    expect(await records.history(key)).toEqual([]);
  });

  test("is refused to whom the trust policy does not name, the root user too", async () => {
    const roleArn = addRole("Service", trust({ Service: "sagemaker.amazonaws.com" }));
    const user = addUser("admin", policy(allow("*")));
    for (const [key, who] of [
      [root.accessKeyId, "root"],
      [user, "user/admin"],
    ] as const) {
      expect(await refusal(assume(roleArn, {}, key))).toMatchObject({
        code: "AccessDenied",
        status: 403,
        message: `User: arn:aws:iam::${accountId}:${who} is not authorized to perform: sts:AssumeRole on resource: ${roleArn} because no resource-based policy allows the sts:AssumeRole action`,
      });
    }
  });

  test("a trust policy that names the account leaves it to the user's policies, one that names the user does not", async () => {
    const byAccount = addRole("ByAccount", trust({ AWS: `arn:aws:iam::${accountId}:root` }));
    const user = addUser("bob");
    expect((await refusal(assume(byAccount, {}, user))).message).toContain("no identity-based policy allows");
    const byName = addRole("ByName", trust({ AWS: `arn:aws:iam::${accountId}:user/bob` }));
    expect((await assume(byName, {}, user)).AssumedRoleUser!.Arn).toContain("assumed-role/ByName/me");
    policies.set(`arn:aws:iam::${accountId}:user/bob`, policy(allow("sts:AssumeRole", byAccount)));
    expect((await assume(byAccount, {}, user)).AssumedRoleUser!.Arn).toContain("assumed-role/ByAccount/me");
  });

  test("crosses accounts where both sides allow it, and the session is of the role's account", async () => {
    const roleArn = addRole("Shared", trust({ AWS: otherAccount }));
    expect((await refusal(assume(roleArn))).message).toContain("no resource-based policy allows");
    const answer = await assume(roleArn, {}, otherRoot.accessKeyId);
    expect(await principalOf(answer.Credentials!.AccessKeyId)).toMatchObject({
      accountId,
      arn: `arn:aws:sts::${accountId}:assumed-role/Shared/me`,
    });
    const stranger = addUser("stranger", undefined, otherAccount);
    expect((await refusal(assume(roleArn, {}, stranger))).message).toContain("no identity-based policy allows");
    policies.set(`arn:aws:iam::${otherAccount}:user/stranger`, policy(allow("sts:AssumeRole", roleArn)));
    expect((await assume(roleArn, {}, stranger)).AssumedRoleUser!.Arn).toContain(`${accountId}:assumed-role/Shared/me`);
  });

  test("tells nobody which roles there are: one that does not exist is refused like one that is not allowed", async () => {
    addRole("team/Known", trust({ AWS: "*" }));
    for (const unknown of [
      `arn:aws:iam::${accountId}:role/Unknown`,
      // Another path is another role.
      `arn:aws:iam::${accountId}:role/Known`,
      "arn:aws:iam::999999999999:role/Role",
    ]) {
      expect(await refusal(assume(unknown))).toMatchObject({
        code: "AccessDenied",
        status: 403,
        message: `User: arn:aws:iam::${accountId}:root is not authorized to perform: sts:AssumeRole on resource: ${unknown}`,
      });
    }
  });

  test("refuses an ARN that is not one of a role", async () => {
    for (const RoleArn of [
      `arn:aws:iam::${accountId}:user/someone`,
      "arn:aws:iam::12:role/Role",
      `arn:aws:iam::${accountId}:role/`,
      `arn:aws:iam::${accountId}:role/a b/Role`,
    ]) {
      const error = await refusal(assume(RoleArn));
      expect(error).toMatchObject({ code: "ValidationError", status: 400, message: `${RoleArn} is invalid` });
    }
  });

  test("refuses a session longer than the role allows, and a chained one longer than an hour", async () => {
    const short = addRole("Short", trust({ AWS: accountId }));
    expect((await refusal(assume(short, { DurationSeconds: 3601 }))).message).toBe(
      "The requested DurationSeconds exceeds the MaxSessionDuration set for this role.",
    );
    const long = addRole("Long", trust({ AWS: "*" }), { maxSessionDuration: 43_200 });
    const { Credentials: given } = await assume(long, { DurationSeconds: 43_200 });
    expect(given!.Expiration.getTime() - clock.now()).toBe(43_200_000);
    expect(await refusal(assume(long, { DurationSeconds: 3601 }, given!.AccessKeyId))).toMatchObject({
      code: "ValidationError",
      message: "The requested DurationSeconds exceeds the 1 hour session limit for roles assumed by role chaining.",
    });
    const chained = await assume(long, { DurationSeconds: 3600 }, given!.AccessKeyId);
    expect(chained.Credentials!.Expiration.getTime() - clock.now()).toBe(3_600_000);
  });

  test("an external id is what the trust policy says it must be", async () => {
    const condition = { StringEquals: { "sts:ExternalId": "secret-word" } };
    const roleArn = addRole("Partner", trust({ AWS: otherAccount }, "sts:AssumeRole", condition));
    const key = otherRoot.accessKeyId;
    expect((await refusal(assume(roleArn, {}, key))).code).toBe("AccessDenied");
    expect((await refusal(assume(roleArn, { ExternalId: "guess" }, key))).code).toBe("AccessDenied");
    expect((await assume(roleArn, { ExternalId: "secret-word" }, key)).Credentials).toBeDefined();
  });

  test("the session's name can be held to a rule", async () => {
    const condition = { StringLike: { "sts:RoleSessionName": "nightly-*" } };
    const roleArn = addRole("Nightly", trust({ AWS: accountId }, "sts:AssumeRole", condition));
    expect((await refusal(assume(roleArn, { RoleSessionName: "daily-1" }))).code).toBe("AccessDenied");
    expect((await assume(roleArn, { RoleSessionName: "nightly-1" })).AssumedRoleUser!.Arn).toContain("/nightly-1");
  });

  test("MFA devices and context providers are refused by name, for there are none", () => {
    expect(sts.operations["AssumeRole"].refuses!.map(({ parameter }) => parameter)).toEqual([
      "SerialNumber",
      "TokenCode",
      "ProvidedContexts",
    ]);
  });
});

describe("session policies", () => {
  let roleArn: string;
  beforeEach(() => {
    roleArn = addRole("Trainer", trust({ AWS: accountId }));
    policies.set(roleArn, policy(allow("*")));
  });
  const may = async (key: string, action: string) => {
    const principal = await principalOf(key);
    const question = authorizer.authorize(principal, [{ action, resource: "*" }], () => ({}), "query");
    return question.then(
      () => true,
      (error: unknown) => (error as AwsError).message,
    );
  };

  test("narrow what the role may do, inline and managed ones together", async () => {
    const answer = await assume(roleArn, {
      Policy: policy(allow("logs:*")),
      PolicyArns: [{ arn: "arn:aws:iam::aws:policy/AmazonS3ReadOnlyAccess" }],
    });
    const key = answer.Credentials!.AccessKeyId;
    expect(await may(key, "logs:PutLogEvents")).toBe(true);
    expect(await may(key, "s3:GetObject")).toBe(true);
    expect(await may(key, "s3:PutObject")).toBe(
      `User: arn:aws:sts::${accountId}:assumed-role/Trainer/me is not authorized to perform: s3:PutObject because no session policy allows the s3:PutObject action`,
    );
    expect(answer.PackedPolicySize).toBeGreaterThan(0);
    expect(answer.PackedPolicySize).toBeLessThan(20);
  });

  test("are refused when malformed, unknown or too large", async () => {
    expect(await refusal(assume(roleArn, { Policy: '{"Version": "2012-10-17", "Statement": [{]}' }))).toMatchObject({
      code: "MalformedPolicyDocumentException",
      message: expect.stringContaining("line 1, column 42"),
    });
    const unknown = "arn:aws:iam::aws:policy/NoSuchPolicy";
    expect((await refusal(assume(roleArn, { PolicyArns: [{ arn: unknown }] }))).message).toContain(unknown);
    expect((await refusal(assume(roleArn, { Policy: policy(allow(`s3:${"x".repeat(2048)}`)) }))).message).toBe(
      "1 validation error detected: Value at 'policy' failed to satisfy constraint: Member must have length less than or equal to 2048",
    );
    const arns = Array.from({ length: 11 }, () => ({ arn: unknown }));
    expect((await refusal(assume(roleArn, { PolicyArns: arns }))).code).toBe("ValidationError");
  });
});

describe("session tags", () => {
  const tag = (Key: string, Value: string) => ({ Key, Value });

  test("need the consent of the trust policy, which may look at them", async () => {
    const Tags = [tag("Team", "red")];
    const plain = addRole("Plain", trust({ AWS: accountId }));
    expect((await refusal(assume(plain, { Tags }))).message).toContain(`perform: sts:TagSession on resource: ${plain}`);
    const condition = { StringEquals: { "aws:RequestTag/Team": "red" } };
    const tagged = addRole("Tagged", trust({ AWS: accountId }, all, condition));
    expect((await refusal(assume(tagged, { Tags: [tag("Team", "blue")] }))).code).toBe("AccessDenied");
    const { Credentials: given, PackedPolicySize } = await assume(tagged, { Tags });
    expect((await principalOf(given!.AccessKeyId)).session!.tags).toEqual({ Team: "red" });
    expect(PackedPolicySize).toBeGreaterThan(0);
  });

  test("transitive ones go on to the next role and cannot be changed there", async () => {
    const roleArn = addRole("Open", trust({ AWS: "*" }, all));
    const first = await assume(roleArn, {
      Tags: [tag("Team", "red"), tag("Own", "1")],
      TransitiveTagKeys: ["team"],
    });
    const key = first.Credentials!.AccessKeyId;
    const second = await assume(roleArn, { Tags: [tag("More", "2")] }, key);
    expect((await principalOf(second.Credentials!.AccessKeyId)).session).toMatchObject({
      tags: { Team: "red", More: "2" },
      transitiveTagKeys: ["Team"],
    });
    expect((await refusal(assume(roleArn, { Tags: [tag("TEAM", "blue")] }, key))).message).toContain(
      "conflicts with a transitive tag key from the calling session",
    );
    const untagged = addRole("Untagged", trust({ AWS: "*" }));
    expect((await refusal(assume(untagged, {}, key))).message).toContain("sts:TagSession");
  });

  test("keep the rules of tags", async () => {
    const roleArn = addRole("Open", trust({ AWS: "*" }, all));
    const twice = await refusal(assume(roleArn, { Tags: [tag("a", "1"), tag("A", "2")] }));
    expect(twice).toMatchObject({
      code: "InvalidParameterValue",
      message: "Duplicate tag keys found. Please note that Tag keys are case insensitive.",
    });
    expect((await refusal(assume(roleArn, { Tags: [tag("aws:x", "1")] }))).message).toContain("reserved");
    expect((await refusal(assume(roleArn, { TransitiveTagKeys: ["x"] }))).message).toContain("must be included");
    const many = Array.from({ length: 51 }, (_, index) => tag(`k${index}`, ""));
    expect((await refusal(assume(roleArn, { Tags: many }))).message).toContain("at most 50 tags, got 51");
    // Random text does not compress: 50 values of 128 characters need more than the allowed 2048 bytes.
    const long = Array.from({ length: 50 }, (_, index) => tag(`k${index}`, randomLetters(128, index)));
    expect(await refusal(assume(roleArn, { Tags: long }))).toMatchObject({
      code: "PackedPolicyTooLargeException",
      message: expect.stringMatching(/^Packed policy consumes \d{3}% of allotted space, please use smaller policy\.$/),
    });
  });
});

/** Letters of a linear congruential generator, so that they do not compress. */
function randomLetters(length: number, seed: number): string {
  let state = seed + 1;
  return Array.from({ length }, () => {
    state = (state * 1_103_515_245 + 12_345) % 2_147_483_648;
    return String.fromCharCode(97 + (Math.floor(state / 65_536) % 26));
  }).join("");
}

describe("the source identity", () => {
  test("needs consent, is told, and goes on from session to session unchanged", async () => {
    const plain = addRole("Plain", trust({ AWS: accountId }));
    expect((await refusal(assume(plain, { SourceIdentity: "alice" }))).message).toContain("sts:SetSourceIdentity");
    const roleArn = addRole("Open", trust({ AWS: "*" }, all));
    const first = await assume(roleArn, { SourceIdentity: "alice" });
    expect(first.SourceIdentity).toBe("alice");
    const key = first.Credentials!.AccessKeyId;
    const second = await assume(roleArn, {}, key);
    expect(second.SourceIdentity).toBe("alice");
    expect((await principalOf(second.Credentials!.AccessKeyId)).session!.sourceIdentity).toBe("alice");
    expect((await refusal(assume(roleArn, { SourceIdentity: "bob" }, key))).message).toContain("cannot be changed");
  });
});

describe("GetSessionToken", () => {
  test("gives the root user another key to itself, for an hour at most", async () => {
    const { Credentials: given } = await call("GetSessionToken", {});
    expect(given!.Expiration).toEqual(new Date(clock.now() + 3_600_000));
    expect(await principalOf(given!.AccessKeyId)).toMatchObject({
      kind: "root",
      arn: `arn:aws:iam::${accountId}:root`,
      session: { issuerArn: `arn:aws:iam::${accountId}:root`, issuedAt: clock.now() },
    });
    const short = await call("GetSessionToken", { DurationSeconds: 900 });
    expect(short.Credentials!.Expiration).toEqual(new Date(clock.now() + 900_000));
  });

  test("gives a user twelve hours, whatever its policies say", async () => {
    const user = addUser("bob", policy({ Effect: "Deny", Action: "sts:*", Resource: "*" }));
    const { Credentials: given } = await call("GetSessionToken", {}, user);
    expect(given!.Expiration).toEqual(new Date(clock.now() + 12 * 3_600_000));
    expect(await principalOf(given!.AccessKeyId)).toMatchObject({
      kind: "user",
      arn: `arn:aws:iam::${accountId}:user/bob`,
    });
  });

  test("is refused to temporary credentials, and so is GetFederationToken", async () => {
    const { Credentials: given } = await call("GetSessionToken", {});
    const key = given!.AccessKeyId;
    expect(await refusal(call("GetSessionToken", {}, key))).toMatchObject({
      code: "AccessDenied",
      message: "Cannot call GetSessionToken with session credentials",
    });
    expect((await refusal(call("GetFederationToken", { Name: "x1" }, key))).message).toBe(
      "Cannot call GetFederationToken with session credentials",
    );
  });
});

describe("GetFederationToken", () => {
  const may = async (key: string, access: { action: string; resource: string; policy?: string }) => {
    const question = authorizer.authorize(await principalOf(key), [access], () => ({}), "query");
    return question.then(
      () => true,
      () => false,
    );
  };
  const get = { action: "s3:GetObject", resource: "arn:aws:s3:::b/k" };

  test("gives what both the session policy and the user's policies allow", async () => {
    const user = addUser("broker", policy(allow(["sts:GetFederationToken", "s3:GetObject"])));
    const Policy = policy(allow("s3:*"));
    const answer = await call("GetFederationToken", { Name: "guest", Policy }, user);
    const arn = `arn:aws:sts::${accountId}:federated-user/guest`;
    expect(answer.FederatedUser).toEqual({ Arn: arn, FederatedUserId: `${accountId}:guest` });
    const key = answer.Credentials!.AccessKeyId;
    expect(await call("GetCallerIdentity", {}, key)).toMatchObject({ Arn: arn });
    expect(await may(key, get)).toBe(true);
    expect(await may(key, { ...get, action: "s3:PutObject" })).toBe(false);
    expect((await refusal(assume(addRole("Open", trust({ AWS: "*" })), {}, key))).message).toBe(
      "Cannot call AssumeRole with federation token credentials",
    );
  });

  test("without a policy it gives nothing but what a resource grants the federated user by name", async () => {
    const answer = await call("GetFederationToken", { Name: "guest" });
    const key = answer.Credentials!.AccessKeyId;
    expect(answer.Credentials!.Expiration).toEqual(new Date(clock.now() + 3_600_000));
    expect(await may(key, get)).toBe(false);
    const granting = policy({ ...allow("s3:*"), Principal: { AWS: `arn:aws:sts::${accountId}:federated-user/guest` } });
    expect(await may(key, { ...get, policy: granting })).toBe(true);
  });

  test("needs the permission, and another one for tags", async () => {
    const user = addUser("plain");
    expect((await refusal(call("GetFederationToken", { Name: "guest" }, user))).message).toContain(
      `perform: sts:GetFederationToken on resource: arn:aws:sts::${accountId}:federated-user/guest`,
    );
    const broker = addUser("broker", policy(allow("sts:GetFederationToken")));
    const Tags = [{ Key: "Team", Value: "red" }];
    expect((await refusal(call("GetFederationToken", { Name: "guest", Tags }, broker))).message).toContain(
      "sts:TagSession",
    );
  });
});

describe("DecodeAuthorizationMessage", () => {
  test("opens the message of a denied call, for callers of its account who may", async () => {
    const user = addUser("bob");
    const error = await refusal(call("GetAccessKeyInfo", { AccessKeyId: root.accessKeyId }, user));
    const EncodedMessage = error.headers["x-sagebrush-authorization-message"];
    expect(EncodedMessage).toMatch(/^[\w-]{100,4096}$/);
    const { DecodedMessage } = await call("DecodeAuthorizationMessage", { EncodedMessage });
    expect(JSON.parse(DecodedMessage!)).toMatchObject({
      allowed: false,
      explicitDeny: false,
      context: {
        principal: { id: "AIDAbob", arn: `arn:aws:iam::${accountId}:user/bob` },
        action: "sts:GetAccessKeyInfo",
        resource: "*",
      },
    });
    expect((await refusal(call("DecodeAuthorizationMessage", { EncodedMessage }, user))).code).toBe("AccessDenied");
    expect((await refusal(call("DecodeAuthorizationMessage", { EncodedMessage }, otherRoot.accessKeyId))).code).toBe(
      "InvalidAuthorizationMessageException",
    );
    const changed = `${EncodedMessage.slice(0, -1)}${EncodedMessage.endsWith("A") ? "B" : "A"}`;
    for (const wrong of [changed, "x", "AQ", EncodedMessage.slice(0, 40)]) {
      const refused = await refusal(call("DecodeAuthorizationMessage", { EncodedMessage: wrong }));
      expect(refused.code).toBe("InvalidAuthorizationMessageException");
    }
  });
});

describe("the lookup of credentials", () => {
  test("knows root keys and users' keys without waiting, and no key that was not issued", async () => {
    expect(sts.lookup(root.accessKeyId)).toMatchObject({ accessKeyId: root.accessKeyId });
    expect(sts.lookup(otherRoot.accessKeyId)).toMatchObject({ principal: { accountId: otherAccount } });
    expect(sts.lookup(addUser("bob"))).toMatchObject({ principal: { kind: "user" } });
    expect(sts.lookup("AKIAUNKNOWN")).toBeUndefined();
    expect(await sts.lookup("ASIAUNKNOWN")).toBeUndefined();
  });

  test("does not know keys of accounts that this server is not", () => {
    expect(sts.lookup(addUser("old", undefined, "999999999999"))).toBeUndefined();
  });

  test("GetAccessKeyInfo tells the account of a key", async () => {
    const user = addUser("bob", undefined, otherAccount);
    expect(await call("GetAccessKeyInfo", { AccessKeyId: user })).toEqual({ Account: otherAccount });
    expect((await refusal(call("GetAccessKeyInfo", { AccessKeyId: "AKIAUNKNOWNUNKNOWN12" }))).code).toBe(
      "ValidationError",
    );
  });

  test("keeps expired credentials for some days, so that they are told from unknown ones, then forgets them", async () => {
    const { Credentials: given } = await call("GetSessionToken", {});
    const key = { accountId: "", region: "aws-global", family: "sts-credential", name: given!.AccessKeyId };
    await clock.advance(2 * day);
    await call("GetSessionToken", {});
    expect(await records.get(key)).toBeDefined();
    expect((await sts.lookup(given!.AccessKeyId))!.expiresAt).toBeLessThan(clock.now());
    await clock.advance(2 * day);
    await call("GetSessionToken", {});
    expect(await records.get(key)).toBeUndefined();
  });
});

describe("sessions of the platform", () => {
  const actor = { by: "sagebrush:test", call: "launch" };
  const service = "sagemaker.amazonaws.com";

  test("are opened for roles that trust the service", async () => {
    const roleArn = addRole("Trainer", trust({ Service: service }));
    expect(await sts.isAssumableBy(roleArn, service)).toBe(true);
    const credential = await sts.issueServiceSession({ roleArn, sessionName: "SageMaker", service }, 3600, actor);
    expect(credential.principal.arn).toBe(`arn:aws:sts::${accountId}:assumed-role/Trainer/SageMaker`);
    expect(await sts.lookup(credential.accessKeyId)).toEqual(credential);
  });

  test("are refused for roles that do not, for other services, and for roles that are not there", async () => {
    const people = addRole("People", trust({ AWS: accountId }));
    const other = addRole("Lambda", trust({ Service: "lambda.amazonaws.com" }));
    const foreign = trust({ Service: service }, "sts:AssumeRole", {
      StringEquals: { "aws:SourceAccount": otherAccount },
    });
    for (const roleArn of [people, other, addRole("Foreign", foreign), `arn:aws:iam::${accountId}:role/None`]) {
      expect(await sts.isAssumableBy(roleArn, service)).toBe(false);
      const refused = sts.issueServiceSession({ roleArn, sessionName: "SageMaker", service }, 3600, actor);
      expect((await refusal(refused)).message).toBe(
        `User: ${service} is not authorized to perform: sts:AssumeRole on resource: ${roleArn}`,
      );
    }
  });
});
