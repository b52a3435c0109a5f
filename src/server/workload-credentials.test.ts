import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterEach, beforeEach, expect, test } from "vitest";
import { LocalProcessBackend } from "../compute/local-process/local-process-backend.ts";
import type { HttpResponse } from "../protocol/http-message.ts";
import { AuthorizationMessages } from "../services/sts/authorization-message.ts";
import { stsService, type StsService } from "../services/sts/index.ts";
import { SqliteRecordStore } from "../storage/sqlite-record-store.ts";
import { ManualClock } from "../util/clock.ts";
import { Authorizer } from "./authorizer.ts";
import { listen, type HttpListener } from "./http-server.ts";
import { RequestHandler } from "./request-handler.ts";
import { ContainerCredentials, credentialsPath } from "./workload-credentials.ts";

const accountId = "123456789012";
const roleArn = `arn:aws:iam::${accountId}:role/team/Trainer`;
const script = fileURLToPath(new URL("../../tests/support/workloads/who-am-i.mjs", import.meta.url));
const minute = 60_000;

let directory: string;
let records: SqliteRecordStore;
let compute: LocalProcessBackend;
let clock: ManualClock;
let sts: StsService;
let listener: HttpListener;
let credentials: ContainerCredentials;
let trusted: string;

const open = (key = Buffer.alloc(32, 1)) =>
  new ContainerCredentials({ key, sts, compute, clock, baseUrl: () => listener.url });

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), "sagebrush-credentials-"));
  records = new SqliteRecordStore({ file: join(directory, "records.db"), reserveBytes: 0 });
  compute = new LocalProcessBackend(directory);
  // The SDK signs with the time of this machine.
  clock = new ManualClock(Date.now());
  trusted = "sagemaker.amazonaws.com";
  sts = stsService({
    records,
    identities: {
      findRole: async (_account, roleName) => ({
        arn: roleArn,
        roleName,
        roleId: "AROAEXAMPLEEXAMPLE123",
        maxSessionDuration: 3600,
        trustPolicy: JSON.stringify({
          Statement: [{ Effect: "Allow", Principal: { Service: trusted }, Action: "sts:AssumeRole" }],
        }),
      }),
      findAccessKey: () => undefined,
      managedPolicy: () => Promise.resolve(undefined),
    },
    roots: new Map([[accountId, { accessKeyId: "AKIAEXAMPLEEXAMPLE12", secretAccessKey: "s".repeat(40) }]]),
    messages: new AuthorizationMessages(Buffer.alloc(32)),
    clock,
  });
  credentials = open();
  const handler = new RequestHandler({
    services: [sts],
    lookup: sts.lookup,
    authorizer: new Authorizer({ policiesOf: () => ({ identity: [] }) }),
    clock,
    auth: "on",
    accountId,
    region: "us-east-1",
    baseUrl: () => listener.url,
    onFault: (error) => expect.unreachable(String(error)),
  });
  listener = await listen({
    host: "127.0.0.1",
    port: 0,
    handle: (request) => handler.handle(request),
    routes: { [credentialsPath]: (method, headers) => credentials.answer(method, headers) },
    onFault: (error) => expect.unreachable(String(error)),
  });
});

afterEach(async () => {
  for (const id of await compute.list()) await compute.remove(id);
  await compute.close();
  await listener.close();
  await records.close();
  await rm(directory, { recursive: true, force: true });
});

const environment = (workloadId = "job-1") =>
  credentials.environment({ workloadId, region: "eu-west-1", roleArn, sessionName: "SageMaker" });

async function launch(id: string, ...more: string[]): Promise<void> {
  const command: [string, ...string[]] = [process.execPath, "--no-warnings", script, ...more];
  await compute.launch({ id, command, env: environment(id), cwd: directory, stopGraceMs: 1000 });
}

async function ask(token = environment()["AWS_CONTAINER_AUTHORIZATION_TOKEN"], method = "GET", more = {}) {
  const answer = await credentials.answer(method, { host: "127.0.0.1:1", authorization: token, ...more });
  return Object.assign(bodyOf(answer), { status: answer.status });
}

function bodyOf({ body }: HttpResponse): Record<string, string> {
  return JSON.parse(body as string) as Record<string, string>;
}

test("a workload's SDK finds the role's credentials by itself, and the secrets stay out of its log", async () => {
  await launch("job-1");
  const lines: string[] = [];
  for await (const { text } of compute.logs("job-1", 0)) lines.push(text);
  expect(lines).toEqual([`I am arn:aws:sts::${accountId}:assumed-role/Trainer/SageMaker`]);
  expect((await compute.exited("job-1")).exitCode).toBe(0);
});

test("credentials last an hour, are shared, and are renewed when 15 minutes are left", async () => {
  await launch("job-1", "--stay");
  const first = await ask();
  expect(first).toEqual({
    status: 200,
    AccessKeyId: expect.stringMatching(/^ASIA/),
    SecretAccessKey: expect.any(String),
    Token: expect.any(String),
    Expiration: new Date(Math.ceil(clock.now() / 1000 + 3600) * 1000).toISOString().replace(".000", ""),
    RoleArn: roleArn,
  });
  await clock.advance(44 * minute);
  expect(await ask()).toEqual(first);
  await clock.advance(2 * minute);
  const second = await ask();
  expect(second.AccessKeyId).not.toBe(first.AccessKeyId);
  expect((await sts.lookup(second.AccessKeyId))!.principal).toMatchObject({
    kind: "assumed-role",
    arn: `arn:aws:sts::${accountId}:assumed-role/Trainer/SageMaker`,
    session: { issuerArn: roleArn },
  });
});

test("a token is good after a restart of the server, and of no other server", async () => {
  await launch("job-1", "--stay");
  const token = environment()["AWS_CONTAINER_AUTHORIZATION_TOKEN"];
  credentials = open();
  expect((await ask(token)).status).toBe(200);
  credentials = open(Buffer.alloc(32, 2));
  expect(await ask(token)).toMatchObject({ status: 401, code: "InvalidToken" });
});

test("a token is good only while its workload runs", async () => {
  const token = environment()["AWS_CONTAINER_AUTHORIZATION_TOKEN"];
  expect(await ask(token)).toMatchObject({ status: 403, code: "ExpiredToken" });
  await launch("job-1", "--stay");
  expect((await ask(token)).status).toBe(200);
  await compute.stop("job-1", 0);
  await compute.exited("job-1");
  expect(await ask(token)).toEqual({
    status: 403,
    code: "ExpiredToken",
    message: "The workload job-1 does not run any more.",
  });
});

test("nothing is given without the whole token, to pages, to other names of this machine, or by another method", async () => {
  await launch("job-1", "--stay");
  const token = environment()["AWS_CONTAINER_AUTHORIZATION_TOKEN"];
  const [claims, mac] = token.split(".");
  const otherRole = Buffer.from(JSON.stringify(["job-1", `${roleArn}-other`, "SageMaker"])).toString("base64url");
  for (const wrong of [
    "",
    ".",
    claims,
    `${claims}.`,
    `.${mac}`,
    `${otherRole}.${mac}`,
    `${token}A`,
    "x".repeat(5000),
  ]) {
    expect(await ask(wrong)).toMatchObject({ status: 401, code: "InvalidToken" });
  }
  expect(await ask(token, "POST")).toMatchObject({ status: 405 });
  expect(await ask(token, "GET", { origin: "http://evil.example" })).toMatchObject({ status: 403 });
  expect(await ask(token, "GET", { host: "evil.example" })).toMatchObject({ status: 403 });
  expect((await ask(token)).status).toBe(200);
});

test("a role that does not trust SageMaker any more gives nothing", async () => {
  await launch("job-1", "--stay");
  trusted = "lambda.amazonaws.com";
  expect(await ask()).toEqual({
    status: 403,
    code: "AccessDenied",
    message: `User: sagemaker.amazonaws.com is not authorized to perform: sts:AssumeRole on resource: ${roleArn}`,
  });
});

test("over HTTP, the path answers with the JSON that SDKs read", async () => {
  await launch("job-1", "--stay");
  const headers = { authorization: environment()["AWS_CONTAINER_AUTHORIZATION_TOKEN"] };
  const answer = await fetch(`${listener.url}${credentialsPath}`, { headers });
  expect(answer.status).toBe(200);
  expect(answer.headers.get("content-type")).toBe("application/json");
  expect(answer.headers.get("cache-control")).toBe("no-store");
  expect(Object.keys((await answer.json()) as object)).toEqual([
    "AccessKeyId",
    "SecretAccessKey",
    "Token",
    "Expiration",
    "RoleArn",
  ]);
  expect((await fetch(`${listener.url}${credentialsPath}`)).status).toBe(401);
});
