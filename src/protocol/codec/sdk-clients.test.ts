/**
 * The AWS SDK for JavaScript as judge: what its clients send must decode to what they were given, and what we encode
 * must reach their caller unchanged. The clients run against the codecs in process, without sockets.
 */
import { Readable } from "node:stream";
import { CloudWatchLogsClient, GetLogEventsCommand, StartLiveTailCommand } from "@aws-sdk/client-cloudwatch-logs";
import {
  CreateRoleCommand,
  GetRoleCommand,
  IAMClient,
  NoSuchEntityException,
  TagRoleCommand,
} from "@aws-sdk/client-iam";
import {
  CompleteMultipartUploadCommand,
  CopyObjectCommand,
  DeleteObjectsCommand,
  GetBucketAclCommand,
  GetBucketLocationCommand,
  GetObjectCommand,
  HeadObjectCommand,
  ListBucketsCommand,
  ListObjectsV2Command,
  ListObjectVersionsCommand,
  NoSuchKey,
  PutBucketLifecycleConfigurationCommand,
  PutObjectCommand,
  PutObjectTaggingCommand,
  S3Client,
  SelectObjectContentCommand,
  UploadPartCommand,
  UploadPartCopyCommand,
} from "@aws-sdk/client-s3";
import {
  CreateTrainingJobCommand,
  DescribeTrainingJobCommand,
  ResourceNotFound,
  SageMakerClient,
} from "@aws-sdk/client-sagemaker";
import {
  InvokeEndpointCommand,
  InvokeEndpointWithResponseStreamCommand,
  ModelError,
  ModelStreamError,
  SageMakerRuntimeClient,
} from "@aws-sdk/client-sagemaker-runtime";
import { AssumeRoleCommand, GetCallerIdentityCommand, STSClient } from "@aws-sdk/client-sts";
import { expect, test } from "vitest";
import { AwsError } from "../aws-error.ts";
import type { HttpRequest } from "../http-message.ts";
import type { ProtocolName } from "../service-model.ts";
import { loadServiceModel } from "../service-models.ts";
import { hasStreamingInput } from "./body.ts";
import type { Structure } from "./codec.ts";
import { createCodec } from "./index.ts";

const ids = { requestId: "5b7a0d0e-1f5b-4d5e-9f43-1c1b7a3d2f10", hostId: "host-id" };

interface ClientRequest {
  readonly method: string;
  readonly path: string;
  readonly query?: Record<string, string | string[] | null>;
  readonly headers: Record<string, string>;
  readonly body?: string | Uint8Array | Readable;
}

/** What an operation answers: an output, or an error to throw. */
type Answer = (input: Structure, operation: string) => Structure | AwsError | undefined;

/** Client settings under which every request goes to the codec of `description` and is answered by `answer`. */
function inProcess(description: string, protocol: ProtocolName, answer: Answer) {
  const codec = createCodec(loadServiceModel(description), protocol);
  const handle = async (request: ClientRequest) => {
    const message: HttpRequest = {
      method: request.method,
      path: request.path,
      query: queryText(request.query ?? {}),
      headers: Object.fromEntries(Object.entries(request.headers).map(([name, value]) => [name.toLowerCase(), value])),
      body: await bytes(request.body),
    };
    const operation = codec.resolveOperation(message);
    if (operation === undefined) throw new Error(`no operation for ${message.method} ${message.path}?${message.query}`);
    const input = codec.decode(operation, message);
    if (hasStreamingInput(operation)) await readStreams(input);
    const result = answer(input, operation.name);
    const response =
      result instanceof AwsError ? codec.encodeError(operation, result, ids) : codec.encode(operation, result, ids);
    const body =
      typeof response.body === "string"
        ? [Buffer.from(response.body)]
        : response.body instanceof Uint8Array
          ? [response.body]
          : (response.body ?? []);
    return { response: { statusCode: response.status, headers: response.headers, body: Readable.from(body) } };
  };
  return {
    region: "us-east-1",
    credentials: { accessKeyId: "AKIDEXAMPLE", secretAccessKey: "secret" },
    endpoint: "http://127.0.0.1:7243",
    forcePathStyle: true,
    maxAttempts: 1,
    requestHandler: { handle, metadata: { handlerProtocol: "http/1.1" } } as never,
  };
}

function queryText(query: Record<string, string | string[] | null>): string {
  const escape = encodeURIComponent;
  return Object.entries(query)
    .flatMap(([name, value]) =>
      value === null ? [escape(name)] : [value].flat().map((item) => `${escape(name)}=${escape(item)}`),
    )
    .join("&");
}

async function bytes(body: ClientRequest["body"]): Promise<Uint8Array> {
  if (body === undefined) return new Uint8Array(0);
  if (typeof body === "string") return Buffer.from(body);
  if (body instanceof Uint8Array) return body;
  return Buffer.concat((await body.toArray()) as Uint8Array[]);
}

/** Replaces a streaming payload by its bytes as text, so that it can be compared. */
async function readStreams(input: Structure): Promise<void> {
  for (const [name, value] of Object.entries(input)) {
    if (typeof value !== "object" || value === null || !(Symbol.asyncIterator in value)) continue;
    const chunks: Uint8Array[] = [];
    for await (const chunk of value as AsyncIterable<Uint8Array>) chunks.push(chunk);
    input[name] = Buffer.concat(chunks).toString("utf8");
  }
}

/** Remembers the last input, and answers with `result`. */
function recorder(result?: Structure | AwsError) {
  const seen: { operation?: string; input?: Structure } = {};
  const answer: Answer = (input, operation) => {
    Object.assign(seen, { operation, input });
    return result;
  };
  return { seen, answer };
}

test("awsJson1.1: a training job arrives as it was given, and is described as it was stored", async () => {
  const input = {
    TrainingJobName: "job-1",
    AlgorithmSpecification: {
      TrainingImage: "683313688378.dkr.ecr.us-east-1.amazonaws.com/sagemaker-xgboost:1.7-1",
      TrainingInputMode: "File" as const,
    },
    RoleArn: "arn:aws:iam::000000000000:role/Training",
    HyperParameters: { num_round: "10", constructor: "x", 한글: "값" },
    InputDataConfig: [
      { ChannelName: "train", DataSource: { S3DataSource: { S3DataType: "S3Prefix" as const, S3Uri: "s3://b/in" } } },
    ],
    OutputDataConfig: { S3OutputPath: "s3://b/out" },
    ResourceConfig: { InstanceType: "ml.m5.large" as const, InstanceCount: 1, VolumeSizeInGB: 10 },
    StoppingCondition: { MaxRuntimeInSeconds: 3600 },
    EnableManagedSpotTraining: false,
  };
  const created = recorder({ TrainingJobArn: "arn:aws:sagemaker:us-east-1:000000000000:training-job/job-1" });
  await new SageMakerClient(inProcess("sagemaker", "json", created.answer)).send(new CreateTrainingJobCommand(input));
  expect(created.seen).toEqual({ operation: "CreateTrainingJob", input });

  const description = {
    ...input,
    TrainingJobArn: "arn:aws:sagemaker:us-east-1:000000000000:training-job/job-1",
    ModelArtifacts: { S3ModelArtifacts: "s3://b/out/job-1/output/model.tar.gz" },
    TrainingJobStatus: "Completed" as const,
    SecondaryStatus: "Completed" as const,
    CreationTime: new Date(1_700_000_000_123),
    FinalMetricDataList: [{ MetricName: "validation:rmse", Value: 1.25, Timestamp: new Date(1_700_000_001_000) }],
    FailureReason: undefined,
  };
  const described = await new SageMakerClient(inProcess("sagemaker", "json", () => description)).send(
    new DescribeTrainingJobCommand({ TrainingJobName: "job-1" }),
  );
  expect(described).toEqual({
    ...description,
    $metadata: expect.objectContaining({ httpStatusCode: 200, requestId: ids.requestId }),
  });
});

test("awsJson1.1: errors reach the caller with their class, message and status, modelled or not", async () => {
  const failing = (error: AwsError) =>
    new SageMakerClient(inProcess("sagemaker", "json", () => error)).send(
      new DescribeTrainingJobCommand({ TrainingJobName: "x" }),
    );
  await expect(failing(new AwsError("ResourceNotFound", "Requested resource not found."))).rejects.toThrow(
    ResourceNotFound,
  );
  await expect(failing(new AwsError("ValidationException", "1 validation error detected: …"))).rejects.toMatchObject({
    name: "ValidationException",
    message: "1 validation error detected: …",
    $metadata: { httpStatusCode: 400, requestId: ids.requestId },
  });
});

test("awsJson1.1: log events keep their milliseconds, and a live tail streams", async () => {
  const events = [{ timestamp: 1_700_000_000_123, message: "[0]\ttrain-rmse:1.5", ingestionTime: 1_700_000_000_200 }];
  const { seen, answer } = recorder({ events, nextForwardToken: "f/1" });
  const input = {
    logGroupName: "/aws/sagemaker/TrainingJobs",
    logStreamName: "job-1/algo-1-1700000000",
    startFromHead: true,
  };
  const output = await new CloudWatchLogsClient(inProcess("logs", "json", answer)).send(new GetLogEventsCommand(input));
  expect(seen.input).toEqual(input);
  expect(output.events).toEqual(events);

  async function* tail() {
    yield { sessionStart: { sessionId: "s-1" } };
    yield { sessionUpdate: { sessionResults: [{ message: "hello", timestamp: 1 }] } };
  }
  const live = await new CloudWatchLogsClient({
    ...inProcess("logs", "json", () => ({ responseStream: tail() })),
    disableHostPrefix: true,
  }).send(new StartLiveTailCommand({ logGroupIdentifiers: ["arn:aws:logs:us-east-1:000000000000:log-group:g"] }));
  const received = [];
  for await (const event of live.responseStream!) received.push(event);
  expect(received).toMatchObject([
    { sessionStart: { sessionId: "s-1" } },
    { sessionUpdate: { sessionResults: [{ message: "hello", timestamp: 1 }] } },
  ]);
});

test("restJson1: an invocation carries its body and headers both ways", async () => {
  const { seen, answer } = recorder({
    Body: Buffer.from("0.5\n"),
    ContentType: "text/csv; charset=utf-8",
    InvokedProductionVariant: "AllTraffic",
  });
  const output = await new SageMakerRuntimeClient(inProcess("sagemaker-runtime", "rest-json", answer)).send(
    new InvokeEndpointCommand({ EndpointName: "abalone", Body: "1,2,3", ContentType: "text/csv", TargetVariant: "a" }),
  );
  expect(seen.operation).toBe("InvokeEndpoint");
  expect(seen.input).toMatchObject({ EndpointName: "abalone", ContentType: "text/csv", TargetVariant: "a" });
  expect(Buffer.from(seen.input!["Body"] as Uint8Array).toString()).toBe("1,2,3");
  expect(Buffer.from(output.Body).toString()).toBe("0.5\n");
  expect(output).toMatchObject({ ContentType: "text/csv; charset=utf-8", InvokedProductionVariant: "AllTraffic" });
});

test("restJson1: a model error carries what the container said", async () => {
  const error = new AwsError("ModelError", "Received client error (415)", {
    members: { OriginalStatusCode: 415, OriginalMessage: "no such type", LogStreamArn: "arn:aws:logs:…" },
  });
  const client = new SageMakerRuntimeClient(inProcess("sagemaker-runtime", "rest-json", () => error));
  const failure: unknown = await client
    .send(new InvokeEndpointCommand({ EndpointName: "e", Body: "x" }))
    .catch((reason: unknown) => reason);
  expect(failure).toBeInstanceOf(ModelError);
  expect(failure).toMatchObject({
    OriginalStatusCode: 415,
    OriginalMessage: "no such type",
    $metadata: { httpStatusCode: 424 },
  });
});

test("event streams: parts arrive one by one, and an error in the middle ends the stream as its class", async () => {
  async function* parts() {
    yield { PayloadPart: { Bytes: Buffer.from("one") } };
    yield { PayloadPart: { Bytes: Buffer.from("two") } };
    throw new AwsError("ModelStreamError", "the container died", {
      members: { ErrorCode: "ModelInvocationTimeExceeded" },
    });
  }
  const client = new SageMakerRuntimeClient(
    inProcess("sagemaker-runtime", "rest-json", () => ({ Body: parts(), ContentType: "text/plain" })),
  );
  const output = await client.send(new InvokeEndpointWithResponseStreamCommand({ EndpointName: "e", Body: "x" }));
  const received: string[] = [];
  const reading = (async () => {
    for await (const event of output.Body!) received.push(Buffer.from(event.PayloadPart!.Bytes!).toString());
  })();
  const failure: unknown = await reading.catch((reason: unknown) => reason);
  expect(received).toEqual(["one", "two"]);
  expect(failure).toBeInstanceOf(ModelStreamError);
  expect(failure).toMatchObject({ message: "the container died", ErrorCode: "ModelInvocationTimeExceeded" });
});

test("awsQuery: lists of structures arrive, nested output and timestamps come back, errors keep their class", async () => {
  const tagged = recorder({});
  await new IAMClient(inProcess("iam", "query", tagged.answer)).send(
    new TagRoleCommand({
      RoleName: "r",
      Tags: [
        { Key: "a", Value: "1" },
        { Key: "b & <c>", Value: "" },
      ],
    }),
  );
  expect(tagged.seen).toEqual({
    operation: "TagRole",
    input: {
      RoleName: "r",
      Tags: [
        { Key: "a", Value: "1" },
        { Key: "b & <c>", Value: "" },
      ],
    },
  });

  const Role = {
    Path: "/",
    RoleName: "r",
    RoleId: "AROAEXAMPLE",
    Arn: "arn:aws:iam::000000000000:role/r",
    CreateDate: new Date(1_700_000_000_000),
    AssumeRolePolicyDocument: encodeURIComponent('{"Version":"2012-10-17"}'),
    Tags: [{ Key: "a", Value: '<&">' }],
  };
  const created = await new IAMClient(inProcess("iam", "query", () => ({ Role }))).send(
    new CreateRoleCommand({ RoleName: "r", AssumeRolePolicyDocument: "{}" }),
  );
  expect(created.Role).toEqual(Role);

  const missing = new IAMClient(
    inProcess(
      "iam",
      "query",
      () => new AwsError("NoSuchEntityException", "The role with name r cannot be found.", { status: 404 }),
    ),
  );
  const failure: unknown = await missing.send(new GetRoleCommand({ RoleName: "r" })).catch((reason: unknown) => reason);
  expect(failure).toBeInstanceOf(NoSuchEntityException);
  expect(failure).toMatchObject({
    message: "The role with name r cannot be found.",
    $metadata: { httpStatusCode: 404, requestId: ids.requestId },
  });
});

test("awsQuery: STS answers who is asking and hands out credentials", async () => {
  const identity = { Account: "000000000000", Arn: "arn:aws:iam::000000000000:root", UserId: "000000000000" };
  expect(
    await new STSClient(inProcess("sts", "query", () => identity)).send(new GetCallerIdentityCommand({})),
  ).toMatchObject(identity);
  const { seen, answer } = recorder({
    Credentials: {
      AccessKeyId: "ASIA",
      SecretAccessKey: "s",
      SessionToken: "t/+=",
      Expiration: new Date(1_700_000_000_000),
    },
  });
  const input = { RoleArn: "arn:aws:iam::000000000000:role/r", RoleSessionName: "s", DurationSeconds: 900 };
  const output = await new STSClient(inProcess("sts", "query", answer)).send(new AssumeRoleCommand(input));
  expect(seen.input).toEqual(input);
  expect(output.Credentials).toEqual({
    AccessKeyId: "ASIA",
    SecretAccessKey: "s",
    SessionToken: "t/+=",
    Expiration: new Date(1_700_000_000_000),
  });
});

const s3 = (answer: Answer) =>
  new S3Client({
    ...inProcess("s3", "rest-xml", answer),
    requestChecksumCalculation: "WHEN_REQUIRED",
    responseChecksumValidation: "WHEN_REQUIRED",
  });

test("S3: operations that share a method and path are told apart", async () => {
  // The copies insist on a result; the others have no such member.
  const { seen, answer } = recorder({ CopyObjectResult: { ETag: '"e"' }, CopyPartResult: { ETag: '"e"' } });
  const client = s3(answer);
  const target = { Bucket: "b", Key: "dir/a b+ü.txt" };
  await client.send(
    new PutObjectCommand({ ...target, Body: "hello", Metadata: { Author: "me" }, ContentType: "text/plain" }),
  );
  expect(seen).toMatchObject({
    operation: "PutObject",
    input: { ...target, Body: "hello", Metadata: { author: "me" }, ContentType: "text/plain" },
  });
  await client.send(new CopyObjectCommand({ ...target, CopySource: "b/from" }));
  expect(seen).toMatchObject({ operation: "CopyObject", input: { ...target, CopySource: "b/from" } });
  await client.send(new UploadPartCommand({ ...target, PartNumber: 2, UploadId: "u", Body: "part" }));
  expect(seen).toMatchObject({
    operation: "UploadPart",
    input: { ...target, PartNumber: 2, UploadId: "u", Body: "part" },
  });
  await client.send(new UploadPartCopyCommand({ ...target, PartNumber: 2, UploadId: "u", CopySource: "b/from" }));
  expect(seen).toMatchObject({ operation: "UploadPartCopy", input: { ...target, PartNumber: 2, UploadId: "u" } });
  await client.send(new ListObjectsV2Command({ Bucket: "b", Prefix: "dir/", Delimiter: "/", MaxKeys: 3 }));
  expect(seen).toEqual({
    operation: "ListObjectsV2",
    input: { Bucket: "b", Prefix: "dir/", Delimiter: "/", MaxKeys: 3 },
  });
  await client.send(new ListObjectVersionsCommand({ Bucket: "b" }));
  expect(seen.operation).toBe("ListObjectVersions");
  await client.send(new ListBucketsCommand({}));
  expect(seen).toEqual({ operation: "ListBuckets", input: {} });
  await client.send(new PutObjectTaggingCommand({ ...target, Tagging: { TagSet: [{ Key: "k", Value: " v\n" }] } }));
  expect(seen).toMatchObject({
    operation: "PutObjectTagging",
    input: { ...target, Tagging: { TagSet: [{ Key: "k", Value: " v\n" }] } },
  });
});

test("S3: XML bodies arrive with every structure, list and special character", async () => {
  const { seen, answer } = recorder({});
  const client = s3(answer);
  const Parts = [
    { ETag: '"e1"', PartNumber: 1 },
    { ETag: '"e2"', PartNumber: 2, ChecksumCRC32: "AAAAAA==" },
  ];
  await client.send(
    new CompleteMultipartUploadCommand({ Bucket: "b", Key: "k", UploadId: "u", MultipartUpload: { Parts } }),
  );
  expect(seen).toMatchObject({
    operation: "CompleteMultipartUpload",
    input: { UploadId: "u", MultipartUpload: { Parts } },
  });
  const Objects = [{ Key: "a&<b>\r\n'\"" }, { Key: " x ", VersionId: "v" }];
  await client.send(new DeleteObjectsCommand({ Bucket: "b", Delete: { Objects, Quiet: true } }));
  expect(seen).toMatchObject({ operation: "DeleteObjects", input: { Delete: { Objects, Quiet: true } } });
  const Rules = [
    {
      ID: "r",
      Status: "Enabled" as const,
      Filter: {
        And: {
          Prefix: "p",
          Tags: [
            { Key: "a", Value: "b" },
            { Key: "c", Value: "d" },
          ],
        },
      },
      Expiration: { Days: 1 },
    },
  ];
  await client.send(new PutBucketLifecycleConfigurationCommand({ Bucket: "b", LifecycleConfiguration: { Rules } }));
  expect(seen).toMatchObject({
    operation: "PutBucketLifecycleConfiguration",
    input: { LifecycleConfiguration: { Rules } },
  });
});

test("S3: answers reach the caller: lists, locations without a wrapper, grantees, bodies and metadata", async () => {
  const listing = {
    Name: "b",
    Prefix: "",
    KeyCount: 2,
    MaxKeys: 1000,
    IsTruncated: false,
    Contents: [
      { Key: "a&<b>\u0001", LastModified: new Date(1_700_000_000_000), ETag: '"e"', Size: 3, StorageClass: "STANDARD" },
    ],
    CommonPrefixes: [{ Prefix: "dir/" }],
  };
  expect(await s3(() => listing).send(new ListObjectsV2Command({ Bucket: "b" }))).toMatchObject(listing);
  expect(
    await s3(() => ({ LocationConstraint: "eu-west-1" })).send(new GetBucketLocationCommand({ Bucket: "b" })),
  ).toMatchObject({ LocationConstraint: "eu-west-1" });
  const acl = {
    Owner: { ID: "o" },
    Grants: [{ Grantee: { Type: "CanonicalUser" as const, ID: "o" }, Permission: "FULL_CONTROL" as const }],
  };
  expect(await s3(() => acl).send(new GetBucketAclCommand({ Bucket: "b" }))).toMatchObject(acl);
  const object = {
    Body: Buffer.from("hello"),
    ContentLength: 5,
    ContentType: "text/plain",
    ETag: '"e"',
    LastModified: new Date(1_700_000_000_000),
    Metadata: { author: "me" },
  };
  const got = await s3(() => object).send(new GetObjectCommand({ Bucket: "b", Key: "k" }));
  expect(await got.Body!.transformToString()).toBe("hello");
  expect(got).toMatchObject({ ...object, Body: expect.anything() });
  expect(
    await s3(() => ({ ...object, Body: undefined })).send(new HeadObjectCommand({ Bucket: "b", Key: "k" })),
  ).toMatchObject({ ContentLength: 5, Metadata: { author: "me" } });
});

test("S3: errors reach the caller with class, code, message and both ids; HEAD without a body", async () => {
  const failing = s3(
    () => new AwsError("NoSuchKey", "The specified key does not exist.", { status: 404, members: { Key: "k" } }),
  );
  const failure: unknown = await failing
    .send(new GetObjectCommand({ Bucket: "b", Key: "k" }))
    .catch((reason: unknown) => reason);
  expect(failure).toBeInstanceOf(NoSuchKey);
  expect(failure).toMatchObject({
    Code: "NoSuchKey",
    message: "The specified key does not exist.",
    Key: "k",
    $metadata: { httpStatusCode: 404, requestId: ids.requestId, extendedRequestId: ids.hostId },
  });
  await expect(failing.send(new HeadObjectCommand({ Bucket: "b", Key: "k" }))).rejects.toMatchObject({
    name: "NotFound",
  });
  const unmodelled = s3(() => new AwsError("InvalidBucketName", "The specified bucket is not valid."));
  await expect(unmodelled.send(new GetBucketAclCommand({ Bucket: "b" }))).rejects.toMatchObject({
    name: "InvalidBucketName",
    message: "The specified bucket is not valid.",
  });
});

test("S3: select results stream as events", async () => {
  async function* events() {
    yield { Records: { Payload: Buffer.from("a,b\n") } };
    yield { Stats: { Details: { BytesScanned: 4, BytesProcessed: 4, BytesReturned: 4 } } };
    yield { End: {} };
  }
  const output = await s3(() => ({ Payload: events() })).send(
    new SelectObjectContentCommand({
      Bucket: "b",
      Key: "k",
      Expression: "SELECT 1",
      ExpressionType: "SQL",
      InputSerialization: { CSV: {} },
      OutputSerialization: { CSV: {} },
    }),
  );
  const received = [];
  for await (const event of output.Payload!) received.push(event);
  expect(received).toHaveLength(3);
  expect(Buffer.from(received[0].Records!.Payload!).toString()).toBe("a,b\n");
  expect(received[1].Stats).toEqual({ Details: { BytesScanned: 4, BytesProcessed: 4, BytesReturned: 4 } });
  expect(received[2].End).toEqual({});
});
