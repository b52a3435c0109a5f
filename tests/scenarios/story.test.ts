/**
 * The main story, as a user of the AWS SDK for JavaScript lives it: data, training, deployment, predictions, accidents,
 * and everything deleted again. Each test is a chapter and builds on those before it.
 */
import { existsSync, readdirSync } from "node:fs";
import {
  DescribeLogStreamsCommand,
  FilterLogEventsCommand,
  GetLogEventsCommand,
} from "@aws-sdk/client-cloudwatch-logs";
import {
  CreateBucketCommand,
  DeleteBucketCommand,
  DeleteObjectsCommand,
  HeadObjectCommand,
  ListBucketsCommand,
  ListObjectsV2Command,
  PutObjectCommand,
} from "@aws-sdk/client-s3";
import {
  AddTagsCommand,
  CreateEndpointCommand,
  CreateEndpointConfigCommand,
  CreateModelCommand,
  CreateTrainingJobCommand,
  DeleteEndpointCommand,
  DeleteEndpointConfigCommand,
  DeleteModelCommand,
  DeleteTagsCommand,
  DeleteTrainingJobCommand,
  DescribeEndpointCommand,
  DescribeTrainingJobCommand,
  ListEndpointConfigsCommand,
  ListEndpointsCommand,
  ListModelsCommand,
  ListTagsCommand,
  ListTrainingJobsCommand,
  UpdateEndpointWeightsAndCapacitiesCommand,
  waitUntilEndpointDeleted,
  waitUntilEndpointInService,
} from "@aws-sdk/client-sagemaker";
import { InvokeEndpointCommand, type InvokeEndpointCommandInput } from "@aws-sdk/client-sagemaker-runtime";
import { afterAll, beforeAll, expect, test } from "vitest";
import { runtimeDirectory } from "../../src/serving/runtime-directory.ts";
import { eventually, processesOf, ServerProcess } from "../support/server-process.ts";
import {
  classifierJob,
  clientsOf,
  defaultRole,
  separableCsv,
  separableLibsvm,
  soon,
  untilTrained,
  xgboostImage,
} from "../support/training.ts";

const server = new ServerProcess();
const bucket = "story";
const endpoint = { EndpointName: "story" };
const logGroupName = "/aws/sagemaker/TrainingJobs";
let clients: ReturnType<typeof clientsOf>;

beforeAll(async () => {
  await server.start();
  clients = clientsOf(server);
  await clients.s3.send(new CreateBucketCommand({ Bucket: bucket }));
  for (const [Key, Body] of [
    ["csv/train/rows.csv", separableCsv],
    ["csv/validation/rows.csv", separableCsv],
    ["libsvm/train/rows.libsvm", separableLibsvm],
  ]) {
    await clients.s3.send(new PutObjectCommand({ Bucket: bucket, Key, Body }));
  }
}, 60_000);

afterAll(async () => {
  await server.remove();
});

async function invoke(request: Partial<InvokeEndpointCommandInput>): Promise<{ text: string; variant: string }> {
  const answer = await clients.runtime.send(
    new InvokeEndpointCommand({ ...endpoint, ContentType: "text/csv", Body: "1,3\n9,3\n", ...request }),
  );
  return { text: answer.Body.transformToString(), variant: answer.InvokedProductionVariant! };
}

/** A row with a = 1 is of class 0, one with a = 9 of class 1. */
function expectRight(scores: readonly number[]): void {
  expect(scores).toHaveLength(2);
  expect(scores[0]).toBeLessThan(0.3);
  expect(scores[1]).toBeGreaterThan(0.7);
}

function numbers(text: string): number[] {
  return text.trim().split(/[\n,]/).map(Number);
}

function replicas(): { pid: number; command: string }[] {
  return processesOf(server.directory).filter(({ command }) => command.includes("model-server"));
}

test("a job on CSV trains, and tells its transitions, metrics, artifacts and log", async () => {
  const { sagemaker, s3, logs } = clients;
  const created = await sagemaker.send(
    new CreateTrainingJobCommand({
      ...classifierJob("on-csv", {
        bucket,
        channels: { train: "csv/train/", validation: "csv/validation/" },
        hyperparameters: { eval_metric: "error" },
      }),
      Tags: [{ Key: "team", Value: "growth" }],
    }),
  );
  expect(created.TrainingJobArn).toBe("arn:aws:sagemaker:us-east-1:000000000000:training-job/on-csv");
  await untilTrained(sagemaker, "on-csv");

  const job = await sagemaker.send(new DescribeTrainingJobCommand({ TrainingJobName: "on-csv" }));
  expect(job.TrainingJobStatus).toBe("Completed");
  expect(job.SecondaryStatusTransitions!.map(({ Status }) => Status)).toEqual([
    "Starting",
    "Downloading",
    "Training",
    "Uploading",
    "Completed",
  ]);
  for (const { StartTime, EndTime } of job.SecondaryStatusTransitions!)
    expect(EndTime!.getTime()).toBeGreaterThanOrEqual(StartTime!.getTime());
  // The classes are separated by one split, so a boosted tree errs nowhere.
  expect(job.FinalMetricDataList!.map(({ MetricName, Value }) => [MetricName, Value])).toEqual(
    expect.arrayContaining([["validation:error", 0]]),
  );
  expect(job.ModelArtifacts!.S3ModelArtifacts).toBe("s3://story/output/on-csv/output/model.tar.gz");
  const model = await s3.send(new HeadObjectCommand({ Bucket: bucket, Key: "output/on-csv/output/model.tar.gz" }));
  expect(model.ContentLength).toBeGreaterThan(100);

  const { logStreams } = await logs.send(
    new DescribeLogStreamsCommand({ logGroupName, logStreamNamePrefix: "on-csv/" }),
  );
  expect(logStreams!.map(({ logStreamName }) => logStreamName)).toEqual([
    expect.stringMatching(/^on-csv\/algo-1-\d+$/),
  ]);
  const { events } = await logs.send(
    new GetLogEventsCommand({ logGroupName, logStreamName: logStreams![0].logStreamName!, startFromHead: true }),
  );
  expect(events!.at(-1)!.message).toContain("validation-error:0.00000");
  const found = await logs.send(
    new FilterLogEventsCommand({ logGroupName, logStreamNamePrefix: "on-csv/", filterPattern: '"[9]"' }),
  );
  expect(found.events!.map(({ message }) => message)).toEqual([expect.stringContaining("[9]#011train-error:0.00000")]);
});

test("a job on libsvm trains", async () => {
  const { sagemaker } = clients;
  await sagemaker.send(
    new CreateTrainingJobCommand(
      classifierJob("on-libsvm", { bucket, channels: { train: "libsvm/train/" }, contentType: "text/libsvm" }),
    ),
  );
  await untilTrained(sagemaker, "on-libsvm");
  const job = await sagemaker.send(new DescribeTrainingJobCommand({ TrainingJobName: "on-libsvm" }));
  expect(job.FinalMetricDataList!.map(({ MetricName }) => MetricName)).toEqual(["train:logloss"]);
});

test("an endpoint of both models answers CSV, libsvm, JSON and JSON lines", async () => {
  const { sagemaker } = clients;
  for (const name of ["on-csv", "on-libsvm"]) {
    await sagemaker.send(
      new CreateModelCommand({
        ModelName: name,
        ExecutionRoleArn: defaultRole,
        PrimaryContainer: { Image: xgboostImage, ModelDataUrl: `s3://${bucket}/output/${name}/output/model.tar.gz` },
      }),
    );
  }
  const variant = (VariantName: string, ModelName: string, InitialVariantWeight: number) => ({
    VariantName,
    ModelName,
    InitialVariantWeight,
    InitialInstanceCount: 1,
    InstanceType: "ml.m5.large" as const,
  });
  await sagemaker.send(
    new CreateEndpointConfigCommand({
      EndpointConfigName: "story",
      ProductionVariants: [variant("first", "on-csv", 1), variant("second", "on-libsvm", 0)],
    }),
  );
  await sagemaker.send(new CreateEndpointCommand({ ...endpoint, EndpointConfigName: "story" }));
  await waitUntilEndpointInService({ client: sagemaker, ...soon }, endpoint);

  const csv = await invoke({});
  expect(csv.variant).toBe("first");
  expectRight(numbers(csv.text));
  expectRight(numbers((await invoke({ ContentType: "text/libsvm", Body: "0:1 1:3\n0:9 1:3\n" })).text));
  const json = JSON.parse((await invoke({ Accept: "application/json" })).text) as { predictions: { score: number }[] };
  expectRight(json.predictions.map(({ score }) => score));
  const lines = (await invoke({ Accept: "application/jsonlines" })).text.trim().split("\n");
  expectRight(lines.map((line) => (JSON.parse(line) as { score: number }).score));
  // The variant without weight answers whoever names it.
  const named = await invoke({ TargetVariant: "second" });
  expect(named.variant).toBe("second");
  expectRight(numbers(named.text));
});

test("new weights move the traffic to the other variant", async () => {
  const { sagemaker } = clients;
  await sagemaker.send(
    new UpdateEndpointWeightsAndCapacitiesCommand({
      ...endpoint,
      DesiredWeightsAndCapacities: [
        { VariantName: "first", DesiredWeight: 0 },
        { VariantName: "second", DesiredWeight: 1 },
      ],
    }),
  );
  await waitUntilEndpointInService({ client: sagemaker, ...soon }, endpoint);
  const { ProductionVariants } = await sagemaker.send(new DescribeEndpointCommand(endpoint));
  expect(ProductionVariants!.map(({ VariantName, CurrentWeight }) => [VariantName, CurrentWeight])).toEqual([
    ["first", 0],
    ["second", 1],
  ]);
  const variants = new Set<string>();
  for (let call = 0; call < 10; call += 1) variants.add((await invoke({})).variant);
  expect([...variants]).toEqual(["second"]);
});

test.skipIf(!existsSync("/proc/self"))("a killed replica is replaced without anybody asking", async () => {
  const before = replicas();
  expect(before).toHaveLength(2);
  for (const { pid } of before) process.kill(pid, "SIGKILL");
  const answer = await eventually(
    () => invoke({}).catch(() => undefined),
    (result) => result !== undefined,
    20_000,
  );
  expectRight(numbers(answer!.text));
  const after = await eventually(replicas, (found) => found.length === 2, 20_000);
  for (const { pid } of after) expect(before.map((each) => each.pid)).not.toContain(pid);
});

test.each([
  ["a crash", "from the replicas that ran on", () => server.kill(), true],
  ["an orderly stop", "from new replicas", () => server.stop(), false],
] as const)("after %s and a restart the endpoint answers, %s", async (_end, _from, end, sameReplicas) => {
  const pids = () => (existsSync("/proc/self") ? replicas().map(({ pid }) => pid) : []);
  const before = pids();
  await end();
  if (!sameReplicas) expect(pids()).toEqual([]);
  await server.start();
  clients = clientsOf(server);
  const { EndpointStatus } = await clients.sagemaker.send(new DescribeEndpointCommand(endpoint));
  expect(EndpointStatus).toBe("InService");
  // A request that finds no replica waits for one.
  const answer = await invoke({});
  expectRight(numbers(answer.text));
  expect(answer.variant).toBe("second");
  if (sameReplicas) expect(pids()).toEqual(before);
});

test("lists and tags know everything that was made", async () => {
  const { sagemaker } = clients;
  const jobs = await sagemaker.send(new ListTrainingJobsCommand({ SortBy: "Name", SortOrder: "Ascending" }));
  expect(jobs.TrainingJobSummaries!.map((job) => [job.TrainingJobName, job.TrainingJobStatus])).toEqual([
    ["on-csv", "Completed"],
    ["on-libsvm", "Completed"],
  ]);
  const models = await sagemaker.send(new ListModelsCommand({ NameContains: "csv" }));
  expect(models.Models!.map(({ ModelName }) => ModelName)).toEqual(["on-csv"]);
  const configs = await sagemaker.send(new ListEndpointConfigsCommand({}));
  expect(configs.EndpointConfigs!.map(({ EndpointConfigName }) => EndpointConfigName)).toEqual(["story"]);
  const endpoints = await sagemaker.send(new ListEndpointsCommand({ StatusEquals: "InService" }));
  expect(endpoints.Endpoints!.map(({ EndpointName }) => EndpointName)).toEqual(["story"]);

  const ResourceArn = jobs.TrainingJobSummaries![0].TrainingJobArn!;
  await sagemaker.send(new AddTagsCommand({ ResourceArn, Tags: [{ Key: "stage", Value: "test" }] }));
  await sagemaker.send(new DeleteTagsCommand({ ResourceArn, TagKeys: ["team"] }));
  expect((await sagemaker.send(new ListTagsCommand({ ResourceArn }))).Tags).toEqual([{ Key: "stage", Value: "test" }]);
});

test("everything is deleted, and no process, file of a workload or socket is left", async () => {
  const { sagemaker, s3 } = clients;
  await sagemaker.send(new DeleteEndpointCommand(endpoint));
  await waitUntilEndpointDeleted({ client: sagemaker, ...soon }, endpoint);
  await sagemaker.send(new DeleteEndpointConfigCommand({ EndpointConfigName: "story" }));
  for (const ModelName of ["on-csv", "on-libsvm"]) await sagemaker.send(new DeleteModelCommand({ ModelName }));
  for (const TrainingJobName of ["on-csv", "on-libsvm"])
    await sagemaker.send(new DeleteTrainingJobCommand({ TrainingJobName }));
  const { Contents } = await s3.send(new ListObjectsV2Command({ Bucket: bucket }));
  const Objects = Contents!.map(({ Key }) => ({ Key: Key! }));
  expect((await s3.send(new DeleteObjectsCommand({ Bucket: bucket, Delete: { Objects } }))).Deleted).toHaveLength(5);
  await s3.send(new DeleteBucketCommand({ Bucket: bucket }));

  expect((await sagemaker.send(new ListTrainingJobsCommand({}))).TrainingJobSummaries).toEqual([]);
  expect((await sagemaker.send(new ListModelsCommand({}))).Models).toEqual([]);
  expect((await sagemaker.send(new ListEndpointConfigsCommand({}))).EndpointConfigs).toEqual([]);
  expect((await sagemaker.send(new ListEndpointsCommand({}))).Endpoints).toEqual([]);
  expect((await s3.send(new ListBucketsCommand({}))).Buckets ?? []).toEqual([]);
  await expect(invoke({})).rejects.toMatchObject({ name: "ValidationError" });

  if (existsSync("/proc/self")) {
    const left = await eventually(
      () => processesOf(server.directory).filter(({ pid }) => pid !== server.pid),
      (processes) => processes.length === 0,
      20_000,
    );
    expect(left).toEqual([]);
  }
  const leftovers = await eventually(
    () => server.files().filter((file) => /^(jobs|workloads|endpoints|blobs)\//.test(file)),
    (files) => files.length === 0,
    20_000,
  );
  expect(leftovers).toEqual([]);
  const sockets = await runtimeDirectory(server.directory);
  expect(readdirSync(sockets)).toEqual([]);
  await server.stop();
  expect(existsSync(sockets)).toBe(false);
  expect(server.problems).toBe("");
});
