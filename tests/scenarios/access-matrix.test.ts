/**
 * Who may not call what: every operation of every service, called without credentials, with an unknown key, a wrong secret,
 * an expired token, by a user without policies, by one whom a policy denies everything, and by the root user of another
 * account. The operations come from the descriptions, so a new service or operation is in here without being written down.
 */
import { createHash } from "node:crypto";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import {
  CloudWatchLogsClient,
  CreateLogGroupCommand,
  CreateLogStreamCommand,
  PutLogEventsCommand,
} from "@aws-sdk/client-cloudwatch-logs";
import {
  CreateAccessKeyCommand,
  CreateRoleCommand,
  CreateUserCommand,
  GetRoleCommand,
  IAMClient,
  PutUserPolicyCommand,
} from "@aws-sdk/client-iam";
import { CreateBucketCommand, GetObjectCommand, PutObjectCommand, S3Client } from "@aws-sdk/client-s3";
import { CloudWatchClient, PutMetricAlarmCommand, PutMetricDataCommand } from "@aws-sdk/client-cloudwatch";
import { CreateTopicCommand, SNSClient } from "@aws-sdk/client-sns";
import { CreateQueueCommand, SendMessageCommand, SQSClient } from "@aws-sdk/client-sqs";
import { CreateModelCommand, DescribeModelCommand, SageMakerClient } from "@aws-sdk/client-sagemaker";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { ClientCredentials } from "../../src/protocol/client/signer.ts";
import type { ProtocolName } from "../../src/protocol/service-model.ts";
import { readConfig } from "../../src/server/config.ts";
import { startServer, type RunningServer } from "../../src/server/start-server.ts";
import { readRootCredentials } from "../../src/services/sts/root-credentials.ts";
import { TemporaryCredentials } from "../../src/services/sts/temporary-credentials.ts";
import { SqliteRecordStore } from "../../src/storage/sqlite-record-store.ts";
import { ManualClock } from "../../src/util/clock.ts";
import { type Answer, errorCode, send, ServiceRequests, type Values } from "../support/operation-requests.ts";
import { defaultRole, xgboostImage } from "../support/training.ts";

const account = "000000000000";
const otherAccount = "111122223333";
/** Stands in everything that the first account has, and must never be told to anybody else. */
const secret = "what-only-the-first-account-knows";

/** What the first account has. */
const bucket = "matrix-bucket";
const key = "folder/matrix";
const logGroup = "/matrix/group";
const modelArn = `arn:aws:sagemaker:us-east-1:${account}:model/matrix`;

/** Members by name, so that requests are about what the first account has. */
const values: Values = {
  AlarmName: "matrix",
  AssumeRolePolicyDocument: JSON.stringify({
    Version: "2012-10-17",
    Statement: [{ Effect: "Allow", Principal: { AWS: otherAccount }, Action: "sts:AssumeRole" }],
  }),
  AttributeName: "DisplayName",
  Bucket: bucket,
  CopySource: `${bucket}/${key}`,
  ExecutionRoleArn: defaultRole,
  Key: key,
  PolicyArn: `arn:aws:iam::${account}:policy/matrix`,
  PolicyDocument: JSON.stringify({
    Version: "2012-10-17",
    Statement: [{ Effect: "Allow", Action: "s3:*", Resource: "*" }],
  }),
  QueueUrl: `http://127.0.0.1:7243/${account}/matrix`,
  ResourceARN: modelArn,
  ResourceArn: modelArn,
  RoleArn: defaultRole,
  RoleSessionName: "matrix",
  TopicArn: `arn:aws:sns:us-east-1:${account}:matrix`,
  logGroupName: logGroup,
  logStreamName: "matrix",
  roleArn: defaultRole,
  uploadId: "matrix",
};

/** How an error reads in the style of a protocol: its code, and the status it comes with. */
type Expected = Readonly<Partial<Record<ProtocolName, readonly [code: string, status: number]>>>;

const errors = {
  unsigned: {
    "rest-xml": ["AccessDenied", 403],
    "rest-json": ["MissingAuthenticationTokenException", 403],
    json: ["MissingAuthenticationTokenException", 400],
    query: ["MissingAuthenticationToken", 403],
  },
  unknownKey: {
    "rest-xml": ["InvalidAccessKeyId", 403],
    "rest-json": ["UnrecognizedClientException", 403],
    json: ["UnrecognizedClientException", 400],
    query: ["InvalidClientTokenId", 403],
  },
  wrongSecret: {
    "rest-xml": ["SignatureDoesNotMatch", 403],
    "rest-json": ["InvalidSignatureException", 403],
    json: ["InvalidSignatureException", 400],
    query: ["SignatureDoesNotMatch", 403],
  },
  expiredToken: {
    "rest-xml": ["ExpiredToken", 400],
    "rest-json": ["ExpiredTokenException", 403],
    json: ["ExpiredTokenException", 400],
    query: ["ExpiredToken", 403],
  },
  denied: {
    "rest-xml": ["AccessDenied", 403],
    "rest-json": ["AccessDeniedException", 403],
    json: ["AccessDeniedException", 400],
    query: ["AccessDenied", 403],
  },
  skewed: {
    "rest-xml": ["RequestTimeTooSkewed", 403],
    "smithy-rpc-v2-cbor": ["InvalidSignatureException", 400],
    "rest-json": ["InvalidSignatureException", 403],
    json: ["InvalidSignatureException", 400],
    query: ["SignatureDoesNotMatch", 403],
  },
} as const satisfies Readonly<Record<string, Expected>>;

/** Operations that every user may call, and why. An entry that does not hold any more fails the test. */
const openToUsers: Readonly<Record<string, string>> = {
  "sts:GetCallerIdentity": "everybody may ask who it is; no policy can say otherwise",
  "sts:GetSessionToken": "authenticates the caller; no policy can say otherwise",
  "s3:DeleteObjects": "answers each key by itself",
  "sns:ConfirmSubscription": "the token in it is the permission; links in mails have no signature",
};

const directory = await mkdtemp(join(tmpdir(), "sagebrush-matrix-"));
const expired = await issueInThePast(directory);
// Tests are made for what it serves, so it runs before there are tests.
const server: RunningServer = await startServer(
  readConfig({ port: "0", dataDir: directory, otherAccounts: otherAccount }, {}),
);
const root: ClientCredentials = readRootCredentials(directory)!;
const otherRoot: ClientCredentials = readRootCredentials(directory, otherAccount)!;
let plainUser: ClientCredentials;
let deniedUser: ClientCredentials;

beforeAll(fillFirstAccount);

afterAll(async () => {
  await server.close();
  await rm(directory, { recursive: true, force: true });
});

/** Temporary credentials of the root user that ended an hour ago. */
async function issueInThePast(dataDirectory: string): Promise<ClientCredentials> {
  const records = new SqliteRecordStore({ file: join(dataDirectory, "sagebrush.db") });
  const temporary = new TemporaryCredentials({ records, clock: new ManualClock(Date.now() - 2 * 3_600_000) });
  const arn = `arn:aws:iam::${account}:root`;
  const credential = await temporary.issue({ kind: "root", accountId: account, arn, userId: account }, 3600, {
    by: "test",
    call: "issue",
  });
  await records.close();
  return credential;
}

function clientOptions() {
  return { endpoint: server.url, region: "us-east-1", credentials: root, maxAttempts: 1, forcePathStyle: true };
}

function offers(service: string, operation?: string): boolean {
  const found = server.services.find(({ description }) => description === service);
  return found !== undefined && (operation === undefined || Object.hasOwn(found.operations, operation));
}

/** Fills the first account by service: what requests are about, and more that is called by the secret. */
const fillings: Readonly<Record<string, () => Promise<unknown>>> = {
  async s3() {
    const s3 = new S3Client(clientOptions());
    for (const Bucket of [bucket, secret]) {
      await s3.send(new CreateBucketCommand({ Bucket }));
      await s3.send(new PutObjectCommand({ Bucket, Key: key, Body: secret, Metadata: { note: secret } }));
    }
  },
  async logs() {
    const logs = new CloudWatchLogsClient(clientOptions());
    for (const logGroupName of [logGroup, secret]) {
      await logs.send(new CreateLogGroupCommand({ logGroupName }));
      await logs.send(new CreateLogStreamCommand({ logGroupName, logStreamName: "matrix" }));
      const logEvents = [{ timestamp: Date.now(), message: secret }];
      await logs.send(new PutLogEventsCommand({ logGroupName, logStreamName: "matrix", logEvents }));
    }
  },
  async iam() {
    const iam = new IAMClient(clientOptions());
    const trust = {
      Version: "2012-10-17",
      Statement: [{ Effect: "Allow", Principal: { AWS: account }, Action: "sts:AssumeRole" }],
    };
    for (const RoleName of ["matrix", secret]) {
      const AssumeRolePolicyDocument = JSON.stringify(trust);
      await iam.send(new CreateRoleCommand({ RoleName, Description: secret, AssumeRolePolicyDocument }));
    }
    plainUser = await newUser(iam, "matrix-plain");
    deniedUser = await newUser(iam, "matrix-denied", [
      { Effect: "Allow", Action: "*", Resource: "*" },
      { Effect: "Deny", Action: "*", Resource: "*" },
    ]);
  },
  async sagemaker() {
    const sagemaker = new SageMakerClient(clientOptions());
    const Image = xgboostImage;
    const PrimaryContainer = { Image, ModelDataUrl: `s3://${bucket}/${key}`, Environment: { note: secret } };
    const Tags = [{ Key: "note", Value: secret }];
    for (const ModelName of ["matrix", secret])
      await sagemaker.send(
        new CreateModelCommand({ ModelName, ExecutionRoleArn: defaultRole, PrimaryContainer, Tags }),
      );
  },
  async cloudwatch() {
    const cloudwatch = new CloudWatchClient(clientOptions());
    const data = { Namespace: secret, MetricData: [{ MetricName: secret, Value: 1 }] };
    await cloudwatch.send(new PutMetricDataCommand(data));
    if (!offers("cloudwatch", "PutMetricAlarm")) return;
    const metric = { Namespace: secret, MetricName: secret, Statistic: "Sum", Period: 60 } as const;
    const rule = { EvaluationPeriods: 1, Threshold: 1, ComparisonOperator: "GreaterThanThreshold" } as const;
    for (const AlarmName of ["matrix", secret])
      await cloudwatch.send(new PutMetricAlarmCommand({ AlarmName, AlarmDescription: secret, ...metric, ...rule }));
  },
  async sqs() {
    const sqs = new SQSClient(clientOptions());
    for (const QueueName of ["matrix", secret]) {
      const { QueueUrl } = await sqs.send(new CreateQueueCommand({ QueueName, tags: { note: secret } }));
      await sqs.send(new SendMessageCommand({ QueueUrl, MessageBody: secret }));
    }
  },
  async sns() {
    const sns = new SNSClient(clientOptions());
    for (const Name of ["matrix", secret])
      await sns.send(new CreateTopicCommand({ Name, Attributes: { DisplayName: secret } }));
  },
};

async function fillFirstAccount(): Promise<void> {
  for (const [service, fill] of Object.entries(fillings)) if (offers(service)) await fill();
}

async function newUser(iam: IAMClient, UserName: string, statements?: readonly object[]): Promise<ClientCredentials> {
  await iam.send(new CreateUserCommand({ UserName }));
  if (statements !== undefined) {
    const PolicyDocument = JSON.stringify({ Version: "2012-10-17", Statement: statements });
    await iam.send(new PutUserPolicyCommand({ UserName, PolicyName: "p", PolicyDocument }));
  }
  const { AccessKey } = await iam.send(new CreateAccessKeyCommand({ UserName }));
  return { accessKeyId: AccessKey!.AccessKeyId!, secretAccessKey: AccessKey!.SecretAccessKey! };
}

describe.each(server.services)("$description", ({ description, deniedCode }) => {
  const requests = new ServiceRequests(description, values);
  const denied: Expected = deniedCode === undefined ? errors.denied : { [requests.protocol]: [deniedCode, 403] };

  /** Calls every operation and tells which were not answered with this error. */
  async function others(
    credentials: ClientCredentials | undefined,
    expected: Expected,
    alsoRight: (answer: Answer, operation: string) => boolean = () => true,
  ): Promise<string[]> {
    const wrong: string[] = [];
    for (const operation of requests.operations) {
      const answer = await send(server.handler, requests.signingName, requests.request(operation), credentials);
      const right = isError(answer, requests, operation, expected) && alsoRight(answer, operation);
      if (!right) wrong.push(`${operation}: ${answer.status} ${answer.text.slice(0, 200)}`);
    }
    return wrong;
  }

  const open = new Set(
    Object.keys(openToUsers)
      .filter((name) => name.startsWith(`${description}:`))
      .map((name) => name.slice(description.length + 1)),
  );
  const names = (wrong: readonly string[]) => wrong.map((text) => text.split(":")[0]).sort();
  test("without credentials nothing is answered", async () => {
    expect(names(await others(undefined, errors.unsigned)).filter((name) => !open.has(name))).toEqual([]);
  });

  test("an unknown key opens nothing", async () => {
    const unknown = { accessKeyId: "AKIAUNKNOWNUNKNOWN12", secretAccessKey: "x".repeat(40) };
    expect(await others(unknown, errors.unknownKey)).toEqual([]);
  });

  test("a wrong secret opens nothing", async () => {
    const wrong = {
      ...root,
      secretAccessKey: root.secretAccessKey.replace(/.$/, (last) => (last === "A" ? "B" : "A")),
    };
    expect(await others(wrong, errors.wrongSecret)).toEqual([]);
  });

  test("an expired token opens nothing", async () => {
    expect(await others(expired, errors.expiredToken)).toEqual([]);
  });

  const isHead = (operation: string) => requests.request(operation).method === "HEAD";

  test("a user without policies may do nothing, and is told who may not do what", async () => {
    const told = ({ text }: Answer, operation: string) =>
      isHead(operation) ||
      /User: arn:aws:iam::000000000000:user\/matrix-plain is not authorized to perform: [a-z0-9-]+:\w+/.test(text);
    const wrong = await others(plainUser, denied, told);
    expect(wrong.filter((text) => !open.has(names([text])[0]))).toEqual([]);
    expect(names(wrong)).toEqual([...open].sort());
  });

  test("what a policy denies is denied, whatever else allows it", async () => {
    const told = ({ text }: Answer, operation: string) =>
      isHead(operation) || text.includes("with an explicit deny in an identity-based policy");
    const wrong = await others(deniedUser, denied, told);
    expect(names(wrong)).toEqual([...open].sort());
  });

  test("another account's root user learns nothing of the first account", async () => {
    const wrong: string[] = [];
    for (const operation of requests.operations) {
      const answer = await send(server.handler, requests.signingName, requests.request(operation), otherRoot);
      const told = answer.text.includes(secret) || JSON.stringify(answer.headers).includes(secret);
      const failed = answer.status >= 500 && answer.status !== 501;
      if (told || failed) wrong.push(`${operation}: ${answer.status} ${answer.text.slice(0, 200)}`);
    }
    expect(wrong).toEqual([]);
  });
});

test("DeleteObjects, which answers each key by itself, deletes none for whom may not", async () => {
  const body = `<Delete><Object><Key>${key}</Key></Object></Delete>`;
  const md5 = createHash("md5").update(body).digest("base64");
  const headers = { "content-md5": md5 };
  const request = { method: "POST", path: `/${bucket}`, query: "delete=", headers, body };
  for (const credentials of [undefined, plainUser, deniedUser, otherRoot]) {
    const answer = await send(server.handler, "s3", request, credentials);
    expect(answer.text).toContain("<Code>AccessDenied</Code>");
    expect(answer.text).not.toContain("<Deleted>");
  }
});

test("what other accounts tried has changed nothing in the first account", async () => {
  const s3 = new S3Client(clientOptions());
  const object = await s3.send(new GetObjectCommand({ Bucket: bucket, Key: key }));
  expect(await object.Body!.transformToString()).toBe(secret);
  const model = await new SageMakerClient(clientOptions()).send(new DescribeModelCommand({ ModelName: "matrix" }));
  expect(model.PrimaryContainer!.Environment).toEqual({ note: secret });
  const role = await new IAMClient(clientOptions()).send(new GetRoleCommand({ RoleName: "matrix" }));
  expect(role.Role!.Description).toBe(secret);
});

const oneOfEach: readonly (readonly [protocol: ProtocolName, service: string, operation: string])[] = [
  ["json", "sagemaker", "ListModels"],
  ["rest-json", "sagemaker-runtime", "InvokeEndpoint"],
  ["rest-xml", "s3", "GetObject"],
  ["query", "sts", "GetCallerIdentity"],
  ["smithy-rpc-v2-cbor", "cloudwatch", "ListMetrics"],
];

test.each(oneOfEach)(
  "%s: a request that was signed 20 minutes ago, or will be, is refused",
  async (protocol, service, operation) => {
    const requests = new ServiceRequests(service, values, protocol);
    for (const minutes of [-20, 20]) {
      const now = Date.now() + minutes * 60_000;
      const answer = await send(server.handler, requests.signingName, requests.request(operation), root, now);
      expect(isError(answer, requests, operation, errors.skewed), answer.text).toBe(true);
    }
  },
);

/** The answer is this error. One to a HEAD request has no body, so that only its status tells. */
function isError(answer: Answer, requests: ServiceRequests, operation: string, expected: Expected): boolean {
  const [code, status] = expected[requests.protocol]!;
  if (answer.status !== status) return false;
  return requests.request(operation).method === "HEAD" || errorCode(answer) === code;
}
