import { spawnSync } from "node:child_process";
import { existsSync } from "node:fs";
import { mkdtemp, readdir, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { afterEach, beforeEach, expect, test } from "vitest";
import { LocalProcessBackend } from "../../../compute/local-process/local-process-backend.ts";
import { Capacity } from "../../../jobs/capacity.ts";
import { JobRunner } from "../../../jobs/job-runner.ts";
import { MemoryLogs, MemoryMetrics, MemoryObjects, noCredentials } from "../../../jobs/ports.contract.ts";
import type {
  CreateTrainingJobRequest,
  DescribeTrainingJobResponse,
  SageMakerOperations,
} from "../../../protocol/generated/sagemaker.ts";
import type { RequestContext } from "../../../protocol/service.ts";
import { type Reconciler, ReconcilerEngine, type StepContext } from "../../../resources/reconciler.ts";
import { StorageFull } from "../../../storage/record-store.ts";
import { SqliteRecordStore } from "../../../storage/sqlite-record-store.ts";
import { SystemClock } from "../../../util/clock.ts";
import { entryPoint } from "../../../util/entry-point.ts";
import type { TrainingJob, TrainingJobRecord } from "./training-job-record.ts";
import { trainingJobReconciler, resumeTrainingJobs } from "./training-job-reconciler.ts";
import { trainingJobFamily, trainingJobOperations } from "./training-job.ts";
import { accountId, algorithms, principal, roleArn, trainingRequest } from "./training.contract.ts";

type Name = "CreateTrainingJob" | "DescribeTrainingJob" | "ListTrainingJobs" | "StopTrainingJob" | "DeleteTrainingJob";

const clock = new SystemClock();
const logStream = { accountId, region: "us-east-1", group: "/aws/sagemaker/TrainingJobs" };

/** A server without sockets on a data directory: what it needs to create jobs and drive them. */
class TestServer {
  readonly #compute: LocalProcessBackend;
  readonly #engine: ReconcilerEngine;
  readonly #records: SqliteRecordStore;
  readonly #operations;
  readonly #capacity: Capacity;
  readonly #reconciler: Reconciler<TrainingJob>;
  readonly runner: JobRunner;
  readonly faults: unknown[] = [];

  constructor(directory: string, slots = 2) {
    this.#records = new SqliteRecordStore({ file: join(directory, "records.db"), reserveBytes: 0 });
    this.#compute = new LocalProcessBackend(directory);
    this.#engine = new ReconcilerEngine({
      records: this.#records,
      clock,
      log: (_what, error) => this.faults.push(error),
    });
    this.runner = new JobRunner({
      compute: this.#compute,
      storageOf: () => objects,
      logs,
      metrics: new MemoryMetrics(),
      clock,
      dataDirectory: directory,
      report: (_what, error) => this.faults.push(error),
    });
    this.#capacity = new Capacity(slots);
    const command: [string, string] = [process.execPath, join(directory, "tiny.mjs")];
    this.#reconciler = trainingJobReconciler({
      runner: this.runner,
      capacity: this.#capacity,
      credentials: noCredentials,
      algorithms,
      command,
    });
    this.#engine.add(this.#reconciler);
    this.#operations = trainingJobOperations({
      trainingJobs: trainingJobFamily({ records: this.#records, notify: (key) => this.#engine.notify(key) }),
      runner: this.runner,
      algorithms,
      objects,
      roles: { isAssumable: async (_account, arn) => arn === roleArn },
    });
  }

  async start(): Promise<this> {
    await resumeTrainingJobs(this.#records, this.runner, this.#capacity);
    await this.#engine.start();
    return this;
  }

  /** As far as a process can do it to itself: no step ends, nothing is written any more; workloads go on. */
  async crash(): Promise<void> {
    await Promise.all([this.#engine.stop(), this.#compute.close()]);
    await this.#records.close();
  }

  /** Lets go of the database while a step hangs. */
  async abandon(): Promise<void> {
    await this.#records.close();
  }

  call<N extends Name>(name: N, input: SageMakerOperations[N]["input"]): Promise<SageMakerOperations[N]["output"]> {
    const context = {
      accountId,
      region: "us-east-1",
      requestId: "r",
      service: "sagemaker",
      operation: name,
      principal: principal(),
      clock,
    } as RequestContext;
    const { handle } = this.#operations[name]!;
    return Promise.resolve((handle as (...call: unknown[]) => unknown)(input, context)) as Promise<
      SageMakerOperations[N]["output"]
    >;
  }

  create(more: Partial<CreateTrainingJobRequest> = {}) {
    return this.call("CreateTrainingJob", trainingRequest(more));
  }

  describe(name = "job"): Promise<DescribeTrainingJobResponse> {
    return this.call("DescribeTrainingJob", { TrainingJobName: name });
  }

  async until(name: string, when: (job: DescribeTrainingJobResponse) => boolean): Promise<DescribeTrainingJobResponse> {
    const deadline = performance.now() + 25_000;
    for (;;) {
      const job = await this.describe(name);
      if (when(job)) return job;
      if (performance.now() > deadline)
        throw new Error(`${name} is still ${job.SecondaryStatus}`, { cause: this.faults[0] });
      await new Promise((resolve) => setTimeout(resolve, 10));
    }
  }

  ended(name = "job"): Promise<DescribeTrainingJobResponse> {
    return this.until(name, (job) => ["Completed", "Failed", "Stopped"].includes(job.TrainingJobStatus));
  }

  /** What the engine does after too many failed steps. */
  async giveUp(name: string, error: Error): Promise<void> {
    const key = { accountId, region: "us-east-1", family: "training-job", name };
    const record = (await this.#records.get<TrainingJob>(key))!;
    await this.#reconciler.giveUp(record, error, {
      clock,
      update: async (change: { body: TrainingJob; status?: string }) => {
        const actor = { by: "test", call: "giveUp" };
        const [written] = await this.#records.write([{ op: "update", key, ...change }], { actor, at: clock.now() });
        return written as TrainingJobRecord;
      },
    } as StepContext<TrainingJob>);
  }

  /** Also waits until what the job used is freed. */
  async idle(): Promise<void> {
    await this.#engine.idle();
  }
}

let directory: string;
let objects: MemoryObjects;
let logs: MemoryLogs;
let server: TestServer;

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), "sagebrush-training-"));
  objects = new MemoryObjects().put("bucket", "train/a.csv", "1,2\n");
  logs = new MemoryLogs();
  await algorithm("context.log('#011loss:0.5');");
  server = await new TestServer(directory).start();
});

afterEach(async () => {
  for (const { TrainingJobName } of (await server.call("ListTrainingJobs", { MaxResults: 100 })).TrainingJobSummaries) {
    await server.call("StopTrainingJob", { TrainingJobName }).catch(() => {});
    await server.ended(TrainingJobName);
  }
  await server.idle();
  await server.crash();
  const left = await leftovers();
  if (left.length > 0) throw new Error(`left behind: ${left.join(", ")}`);
  await rm(directory, { recursive: true });
});

/** Files of jobs and workloads that are still there. */
async function leftovers(): Promise<string[]> {
  const found = ["jobs", "workloads"].map((folder) => readdir(join(directory, folder)).catch(() => []));
  return (await Promise.all(found)).flat();
}

/** Sets what the tiny algorithm does; `go()` waits for the file `go` in the test's directory. */
async function algorithm(train: string): Promise<void> {
  const compiled = (path: string) => JSON.stringify(pathToFileURL(entryPoint(import.meta.url, path)).href);
  await writeFile(
    join(directory, "tiny.mjs"),
    `import { startAlgorithm } from ${compiled("../../../jobs/run-algorithm/start.ts")};
     import { ClientError } from ${compiled("../../../algorithms/algorithm.ts")};
     import { appendFileSync, existsSync, readFileSync, writeFileSync } from "node:fs";
     const go = async (signal) => {
       while (!existsSync(${JSON.stringify(join(directory, "go"))}) && !signal.aborted) await new Promise((resolve) => setTimeout(resolve, 20));
     };
     appendFileSync(${JSON.stringify(join(directory, "runs"))}, process.env.TRAINING_JOB_NAME + "\\n");
     const image = { registry: "", repository: "tiny", tag: "1" };
     await startAlgorithm(async () => ({ image, algorithm: { train: async (context) => { ${train} } } }));`,
  );
}

const waitForGo =
  "context.log('ready'); await go(context.signal); writeFileSync(context.modelDirectory + '/m', 'x'); context.log('#011loss:0.25');";
const go = () => writeFile(join(directory, "go"), "");
const runs = () =>
  spawnSync("sort", [join(directory, "runs")], { encoding: "utf8" })
    .stdout.trim()
    .split("\n");
const steps = (job: DescribeTrainingJobResponse) =>
  job.SecondaryStatusTransitions!.map(({ Status, StatusMessage }) => `${Status} - ${StatusMessage}`);
const messages = async (name = "job") => {
  const stream = [...logs.streams.keys()].find((key) => key.includes(`:${name}/algo-1-`));
  return logs.messages({ ...logStream, stream: stream!.slice(stream!.indexOf(":") + 1) });
};
/** Waits until the algorithm has said that it is ready; then it hears of a stop. */
const ready = (name = "job") =>
  server.until(name, () =>
    [...logs.streams].some(
      ([key, { events }]) => key.includes(`:${name}/`) && events.some(({ message }) => message === "ready"),
    ),
  );
const members = (key: string) =>
  spawnSync("tar", ["-tzf", "-"], { input: objects.objects.get(key)!, encoding: "utf8" })
    .stdout.trim()
    .split("\n")
    .filter(Boolean);

test("a job goes through every step, with the service's words, and leaves model, log and metrics", async () => {
  await algorithm(
    "const rows = readFileSync(context.channels.train.directory + '/a.csv', 'utf8'); context.log('[0]\\tloss:0.5'); context.log('[1]\\tloss:0.25'); writeFileSync(context.modelDirectory + '/m', rows);",
  );
  expect(await server.create()).toEqual({
    TrainingJobArn: `arn:aws:sagemaker:us-east-1:${accountId}:training-job/job`,
  });
  const job = await server.ended();
  expect(job).toMatchObject({ TrainingJobStatus: "Completed", SecondaryStatus: "Completed" });
  expect(steps(job)).toEqual([
    "Starting - Preparing the instances for training",
    "Downloading - Downloading the training image",
    "Training - Training image download completed. Training in progress.",
    "Uploading - Uploading generated training model",
    "Completed - Training job completed",
  ]);
  const transitions = job.SecondaryStatusTransitions!;
  for (const [index, transition] of transitions.entries()) {
    expect(transition.EndTime).toEqual(transitions[index + 1]?.StartTime ?? transition.StartTime);
  }
  expect(job.CreationTime.getTime()).toBeLessThanOrEqual(job.TrainingStartTime!.getTime());
  expect(job.TrainingStartTime!.getTime()).toBeLessThan(job.TrainingEndTime!.getTime());
  expect(job.TrainingTimeInSeconds).toBeGreaterThanOrEqual(1);
  expect(job.BillableTimeInSeconds).toBe(job.TrainingTimeInSeconds);
  expect(job.FinalMetricDataList).toEqual([{ MetricName: "train:loss", Value: 0.25, Timestamp: expect.any(Date) }]);
  expect(job.ModelArtifacts).toEqual({ S3ModelArtifacts: "s3://bucket/out/job/output/model.tar.gz" });
  expect(members("bucket/out/job/output/model.tar.gz")).toEqual(["m"]);
  expect(job.FailureReason).toBeUndefined();
  const lines = await messages();
  expect(lines[0]).toContain("tiny:1 starts training");
  expect(lines.slice(1)).toEqual(["[0]#011loss:0.5", "[1]#011loss:0.25"]);
});

test("a description repeats the request", async () => {
  await server.create({ Environment: { A: "1" }, Tags: [{ Key: "k", Value: "v" }] });
  const job = await server.ended();
  const { Tags: _none, TrainingJobName: _name, ...request } = trainingRequest({ Environment: { A: "1" } });
  expect(job).toMatchObject({
    ...request,
    AlgorithmSpecification: {
      ...request.AlgorithmSpecification,
      MetricDefinitions: [{ Name: "train:loss", Regex: "#011loss:(\\S+)" }],
    },
  });
});

test("the environment of the job is the contract's", async () => {
  await algorithm("context.log('ENV ' + JSON.stringify(process.env));");
  await server.create({ Environment: { MINE: "yes", TRAINING_JOB_NAME: "another" } });
  await server.ended();
  const line = (await messages()).find((each) => each.startsWith("ENV "))!;
  expect(JSON.parse(line.slice(4))).toMatchObject({
    MINE: "yes",
    TRAINING_JOB_NAME: "job",
    TRAINING_JOB_ARN: `arn:aws:sagemaker:us-east-1:${accountId}:training-job/job`,
    AWS_REGION: "us-east-1",
    AWS_DEFAULT_REGION: "us-east-1",
    CURRENT_HOST: "algo-1",
  });
});

test("a name is used once", async () => {
  await server.create();
  await expect(server.create()).rejects.toMatchObject({
    code: "ResourceInUse",
    message: `Training job names must be unique within an AWS account and region, and a training job with this name already exists (arn:aws:sagemaker:us-east-1:${accountId}:training-job/job)`,
  });
});

test("what is not there is not found, with the service's words", async () => {
  for (const name of ["DescribeTrainingJob", "StopTrainingJob", "DeleteTrainingJob"] as const) {
    await expect(server.call(name, { TrainingJobName: "nobody" })).rejects.toMatchObject({
      code: "ValidationException",
      message: "Requested resource not found.",
    });
  }
});

test("the user's mistake fails the job with its reason", async () => {
  await algorithm("throw new ClientError('the label column is text');");
  await server.create();
  const job = await server.ended();
  expect(job).toMatchObject({
    TrainingJobStatus: "Failed",
    FailureReason: "ClientError: the label column is text, exit code: 1",
  });
  expect(steps(job).slice(-2)).toEqual([
    "Uploading - Uploading generated training model",
    "Failed - Training job failed",
  ]);
  expect(job.ModelArtifacts).toBeUndefined();
  expect(members("bucket/out/job/output/output.tar.gz")).toEqual(["failure"]);
});

test("a prefix without objects fails the job while downloading", async () => {
  objects.objects.clear();
  await server.create();
  const job = await server.ended();
  expect(job.FailureReason).toMatch(
    /^ClientError: Data download failed: No S3 objects found under S3 URL "s3:\/\/bucket\/train\/"/,
  );
  expect(job.SecondaryStatusTransitions!.map(({ Status }) => Status)).toEqual(["Starting", "Downloading", "Failed"]);
  expect(job.TrainingStartTime).toBeUndefined();
});

test.each([
  [
    "a full disk",
    new StorageFull("a blob"),
    /^InternalServerError: Uploading the artifacts failed: no space left on the disk.*free some space/,
  ],
  [
    "any other fault",
    new Error("the store is broken"),
    /^InternalServerError: Uploading the artifacts failed: the store is broken/,
  ],
])("%s while uploading fails the job and leaves no model", async (_what, fault, reason) => {
  objects.beforeUpload = () => {
    throw fault;
  };
  await server.create();
  const job = await server.ended();
  expect(job.FailureReason).toMatch(reason);
  expect(job.ModelArtifacts).toBeUndefined();
  expect([...objects.objects.keys()]).toEqual(["bucket/train/a.csv"]);
});

test("a stopped job keeps what it saved, and cannot be stopped again", async () => {
  await algorithm(waitForGo);
  await server.create();
  await ready();
  expect(await server.call("StopTrainingJob", { TrainingJobName: "job" })).toBeUndefined();
  await server.call("StopTrainingJob", { TrainingJobName: "job" });
  const job = await server.ended();
  expect(job).toMatchObject({ TrainingJobStatus: "Stopped", SecondaryStatus: "Stopped" });
  expect(steps(job).slice(-3)).toEqual([
    "Stopping - Stopping the training job",
    "Uploading - Uploading generated training model",
    "Stopped - Training job stopped",
  ]);
  expect(members("bucket/out/job/output/model.tar.gz")).toEqual(["m"]);
  expect(job.ModelArtifacts?.S3ModelArtifacts).toBe("s3://bucket/out/job/output/model.tar.gz");
  await expect(server.call("StopTrainingJob", { TrainingJobName: "job" })).rejects.toMatchObject({
    code: "ValidationException",
    message: "The request was rejected because the training job is in status Stopped.",
  });
});

test("a job stopped before it trains has no artifacts and no training time", async () => {
  let stopped: Promise<unknown> | undefined;
  objects.list = async function* list() {
    stopped ??= server.call("StopTrainingJob", { TrainingJobName: "job" });
    await stopped;
    yield { key: "train/a.csv", size: 4, etag: "" };
  };
  await server.create();
  const job = await server.ended();
  expect(steps(job).slice(-2)).toEqual(["Stopping - Stopping the training job", "Stopped - Training job stopped"]);
  expect(job.ModelArtifacts).toBeUndefined();
  expect(job.TrainingTimeInSeconds).toBeUndefined();
  expect(existsSync(join(directory, "runs"))).toBe(false);
});

test("a job that runs too long is stopped with its artifacts", async () => {
  await algorithm(waitForGo);
  await server.create({ StoppingCondition: { MaxRuntimeInSeconds: 1 } });
  await ready();
  const job = await server.ended();
  expect(job).toMatchObject({ TrainingJobStatus: "Stopped", SecondaryStatus: "MaxRuntimeExceeded" });
  expect(steps(job).slice(-3)).toEqual([
    "Stopping - Stopping the training job",
    "Uploading - Uploading generated training model",
    "MaxRuntimeExceeded - Training job runtime exceeded MaxRuntimeInSeconds provided",
  ]);
  expect(members("bucket/out/job/output/model.tar.gz")).toEqual(["m"]);
});

test("a job that was deleted is gone; one that runs cannot be", async () => {
  await algorithm(waitForGo);
  await server.create();
  await expect(server.call("DeleteTrainingJob", { TrainingJobName: "job" })).rejects.toMatchObject({
    code: "ResourceInUse",
  });
  await go();
  await server.ended();
  await server.call("DeleteTrainingJob", { TrainingJobName: "job" });
  await expect(server.describe()).rejects.toThrow("Requested resource not found.");
  expect(objects.objects.has("bucket/out/job/output/model.tar.gz")).toBe(true);
});

test("jobs beyond the machine's room wait their turn", async () => {
  await algorithm(waitForGo);
  for (const name of ["a", "b", "c"]) await server.create({ TrainingJobName: name });
  await server.until("a", (job) => job.SecondaryStatus === "Training");
  await server.until("b", (job) => job.SecondaryStatus === "Training");
  const waiting = await server.until(
    "c",
    (job) => job.SecondaryStatusTransitions![0].StatusMessage !== "Starting the training job",
  );
  expect(steps(waiting)).toEqual(["Starting - Preparing the instances for training"]);
  await go();
  expect((await server.ended("c")).TrainingJobStatus).toBe("Completed");
});

test("a job that waits can be stopped", async () => {
  await algorithm(waitForGo);
  for (const name of ["a", "b", "c"]) await server.create({ TrainingJobName: name });
  await server.until("c", (job) => job.SecondaryStatusTransitions![0].StatusMessage !== "Starting the training job");
  await server.call("StopTrainingJob", { TrainingJobName: "c" });
  expect((await server.ended("c")).TrainingJobStatus).toBe("Stopped");
  await go();
});

test("lists filter, sort and page", async () => {
  for (const name of ["abc", "abd", "xyz"]) await server.create({ TrainingJobName: name });
  for (const name of ["abc", "abd", "xyz"]) await server.ended(name);
  const names = async (input: SageMakerOperations["ListTrainingJobs"]["input"]) =>
    (await server.call("ListTrainingJobs", input)).TrainingJobSummaries.map((job) => job.TrainingJobName);
  expect(await names({})).toEqual(["xyz", "abd", "abc"]);
  expect(await names({ SortBy: "Name", SortOrder: "Ascending", NameContains: "b" })).toEqual(["abc", "abd"]);
  expect(await names({ StatusEquals: "InProgress" })).toEqual([]);
  const first = await server.call("ListTrainingJobs", { MaxResults: 2 });
  expect(first.TrainingJobSummaries.length).toBe(2);
  expect(first.TrainingJobSummaries[0]).toMatchObject({
    TrainingJobName: "xyz",
    TrainingJobStatus: "Completed",
    SecondaryStatus: "Completed",
    TrainingEndTime: expect.any(Date),
  });
  expect(await names({ MaxResults: 2, NextToken: first.NextToken })).toEqual(["abc"]);
});

test("a restarted server takes over a job that trains", async () => {
  await algorithm(waitForGo);
  await server.create();
  await ready();
  await server.crash();
  await go();
  server = await new TestServer(directory).start();
  const job = await server.ended();
  expect(job).toMatchObject({ TrainingJobStatus: "Completed", FinalMetricDataList: [{ Value: 0.25 }] });
  expect(await messages()).toEqual([expect.stringContaining("starts training"), "ready", "#011loss:0.25"]);
  expect(runs()).toEqual(["job"]);
});

test("a job that was launched just before a crash is not launched again", async () => {
  await algorithm(waitForGo);
  await server.create();
  // The next write of the record, that the job trains, is lost with the server.
  const launch = server.runner.launch.bind(server.runner);
  const launched = new Promise<void>((resolve) => {
    server.runner.launch = async (job) => {
      await launch(job);
      resolve();
      await new Promise(() => {});
    };
  });
  await launched;
  const crashed = server;
  server = await takeOver(crashed);
  expect((await server.describe()).SecondaryStatus).not.toBe("Completed");
  await go();
  expect((await server.ended()).TrainingJobStatus).toBe("Completed");
  expect(runs()).toEqual(["job"]);
});

/** Another server on the directory of one that hangs in a step and so cannot leave in order. */
async function takeOver(hanging: TestServer): Promise<TestServer> {
  void hanging.crash();
  await hanging.abandon();
  return new TestServer(directory).start();
}

test("a stop that the server did not live to carry out is carried out by the next", async () => {
  await algorithm(waitForGo);
  await server.create();
  await ready();
  server.runner.stop = () => new Promise(() => {});
  await server.call("StopTrainingJob", { TrainingJobName: "job" });
  await server.crash();
  server = await new TestServer(directory).start();
  expect((await server.ended()).TrainingJobStatus).toBe("Stopped");
});

test("a job that cannot be carried on fails with the reason, and what runs is ended", async () => {
  await algorithm("context.log('pid ' + process.pid); " + waitForGo);
  await server.create();
  await ready();
  await server.giveUp("job", new Error("the log store is broken"));
  expect(await server.describe()).toMatchObject({
    TrainingJobStatus: "Failed",
    FailureReason: "InternalServerError: The job could not be carried on: the log store is broken",
  });
  const pid = Number((await messages()).find((line) => line.startsWith("pid "))!.slice(4));
  expect(spawnSync("ps", ["-o", "state=", "-p", String(pid)], { encoding: "utf8" }).stdout).not.toMatch(/^[RSD]/);
});

test("what a crash left of a job that has ended is removed at the next start", async () => {
  server.runner.discard = () => new Promise(() => {});
  await server.create();
  await server.ended();
  expect((await leftovers()).length).toBe(2);
  server = await takeOver(server);
  expect(await leftovers()).toEqual([]);
});
