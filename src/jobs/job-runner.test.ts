import { spawnSync } from "node:child_process";
import { existsSync } from "node:fs";
import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { afterEach, beforeEach, expect, test } from "vitest";
import { LocalProcessBackend } from "../compute/local-process/local-process-backend.ts";
import { StorageFull } from "../storage/record-store.ts";
import { SystemClock } from "../util/clock.ts";
import { entryPoint } from "../util/entry-point.ts";
import { type Job, JobRunner } from "./job-runner.ts";
import { MemoryLogs, MemoryMetrics, MemoryObjects } from "./ports.contract.ts";

let directory: string;
let compute: LocalProcessBackend;
let objects: MemoryObjects;
let logs: MemoryLogs;
let metrics: MemoryMetrics;
let runner: JobRunner;
const never = new AbortController().signal;

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), "sagebrush-jobs-"));
  compute = new LocalProcessBackend(directory);
  objects = new MemoryObjects().put("b", "data/train/a.csv", "1,2\n");
  logs = new MemoryLogs();
  metrics = new MemoryMetrics();
  runner = runnerOn(compute);
});

function runnerOn(backend: LocalProcessBackend): JobRunner {
  return new JobRunner({
    compute: backend,
    storageOf: () => objects,
    logs,
    metrics,
    clock: new SystemClock(),
    dataDirectory: directory,
    report: (what) => expect.unreachable(what),
  });
}

afterEach(async () => {
  await runner.sweep("", new Set());
  await compute.close();
  await rm(directory, { recursive: true });
});

const job = (command: Job["command"], more: Partial<Job> = {}): Job => ({
  id: "training-1",
  accountId: "1",
  roleArn: "arn:aws:iam::000000000001:role/Trainer",
  hyperparameters: { k: "3" },
  channels: [
    {
      name: "train",
      inputMode: "File",
      distribution: "FullyReplicated",
      contentType: "text/csv",
      source: { kind: "prefix", uri: "s3://b/data/train/" },
    },
  ],
  host: { instanceType: "ml.m5.large", currentHost: "algo-1", hosts: ["algo-1"] },
  command,
  env: { SAGEBRUSH_THREADS: "1", SAGEBRUSH_IMAGE: "tiny:1" },
  maxRuntimeMs: 60_000,
  stopGraceMs: 5000,
  log: { accountId: "1", region: "us-east-1", group: "/aws/sagemaker/TrainingJobs", stream: "j/algo-1-1" },
  notes: [],
  metrics: [],
  monitoring: {
    namespace: "/aws/sagemaker/TrainingJobs",
    dimensions: { TrainingJobName: "j" },
    host: "j/algo-1",
  },
  output: { accountId: "1", bucket: "b", prefix: "out/j/output", compression: "GZIP" },
  ...more,
});
const shell = (script: string, more: Partial<Job> = {}) => job(["/bin/sh", "-c", script], more);
const run = async (what: Job) => {
  await runner.prepare(what, never);
  await runner.launch(what);
  return runner.follow(what, never);
};
const members = (key: string) =>
  spawnSync("tar", ["-tzf", "-"], { input: objects.objects.get(key)!, encoding: "utf8" })
    .stdout.trim()
    .split("\n");

test("a job reads its data, writes its model, logs and reports metrics", async () => {
  const what = shell(
    'cat input/data/train/a.csv; printf "[0]\\trmse:1.5\\n[1]\\trmse:0.5\\n"; cp input/config/*.json "$ML_ROOT/model"',
    {
      notes: ["a note"],
      metrics: [{ name: "rmse", regex: "#011rmse:(\\S+)" }],
    },
  );
  const outcome = await run(what);
  expect(outcome).toMatchObject({ result: "succeeded", metrics: [{ name: "rmse", value: 0.5 }] });
  expect(outcome.failureReason).toBeUndefined();
  expect(logs.messages(what.log)).toEqual(["a note", "1,2", "[0]#011rmse:1.5", "[1]#011rmse:0.5"]);

  expect(await runner.upload(what, outcome)).toBe("s3://b/out/j/output/model.tar.gz");
  expect(members("b/out/j/output/model.tar.gz")).toEqual([
    "hyperparameters.json",
    "inputdataconfig.json",
    "resourceconfig.json",
  ]);
  await runner.discard(what.id);
  expect(await readdir(join(directory, "jobs"))).toEqual([]);
  expect(await readdir(join(directory, "workloads"))).toEqual([]);
});

test("a failing job gives its failure text and its output, and no model", async () => {
  const what = shell("echo partial > output/data/part; echo 'ClientError: no label' > output/failure; exit 2");
  const outcome = await run(what);
  expect(outcome).toMatchObject({ result: "failed", failureReason: "ClientError: no label, exit code: 2" });
  expect(await runner.upload(what, outcome)).toBeUndefined();
  expect(members("b/out/j/output/output.tar.gz").sort()).toEqual(["data/part", "failure"]);
  expect(objects.objects.has("b/out/j/output/model.tar.gz")).toBe(false);
});

test("a program that does not exist is the platform's failure, and the log says so once", async () => {
  const what = job(["/no/such/program"]);
  expect(await run(what)).toMatchObject({
    result: "failed",
    failureReason: expect.stringMatching(/^InternalServerError: .*\/no\/such\/program/),
  });
  await runner.follow(what, never);
  expect(logs.messages(what.log)).toEqual([expect.stringMatching(/^Sagebrush: cannot start \/no\/such\/program/)]);
});

test("a job that is stopped keeps what it saved", async () => {
  const what = shell("trap 'echo saved > model/m; exit 0' TERM; echo ready; while :; do sleep 0.05; done");
  await runner.prepare(what, never);
  await runner.launch(what);
  const following = runner.follow(what, never);
  while (logs.messages(what.log).length === 0) await new Promise((resolve) => setTimeout(resolve, 10));
  await runner.stop(what.id);
  const outcome = await following;
  expect(outcome.result).toBe("stopped");
  await runner.upload(what, outcome);
  expect(members("b/out/j/output/model.tar.gz")).toEqual(["m"]);
});

test("a job that runs too long is stopped for that reason", async () => {
  expect(await run(shell("exec sleep 60", { maxRuntimeMs: 100 }))).toMatchObject({ result: "max-runtime" });
});

test("after a restart the log goes on where it was, and metrics from before count", async () => {
  const what = shell("echo first=1; while [ ! -e go ]; do sleep 0.02; done; echo second=2", {
    notes: ["noted"],
    metrics: [
      { name: "first", regex: "first=(\\d)" },
      { name: "second", regex: "second=(\\d)" },
    ],
  });
  await runner.prepare(what, never);
  await runner.launch(what);
  const crash = new AbortController();
  const before = runner.follow(what, crash.signal);
  while (logs.messages(what.log).length < 2) await new Promise((resolve) => setTimeout(resolve, 10));
  crash.abort(new Error("the server was killed"));
  await expect(before).rejects.toThrow("the server was killed");
  await compute.close();

  const secondCompute = new LocalProcessBackend(directory);
  const second = runnerOn(secondCompute);
  expect(await second.isLaunched(what.id)).toBe(true);
  await writeFile(join(directory, "jobs", what.id, "ml", "go"), "");
  const outcome = await second.follow(what, never);
  // Each value was told as a metric once, though all lines were searched twice.
  expect([metrics.values("first"), metrics.values("second")]).toEqual([[1], [2]]);
  expect(outcome.metrics.map(({ name, value }) => [name, value])).toEqual([
    ["first", 1],
    ["second", 2],
  ]);
  expect(logs.messages(what.log)).toEqual(["noted", "first=1", "second=2"]);
  await secondCompute.close();
  compute = new LocalProcessBackend(directory);
  runner = runnerOn(compute);
});

test("metrics of a running job are told as its lines come, with their times, and so is the use of its host", async () => {
  const what = shell(
    "while [ ! -e go ]; do sleep 0.01; done; echo loss=0.5; while [ ! -e end ]; do :; done; echo loss=0.25",
    {
      metrics: [{ name: "loss", regex: "loss=(\\S+)" }],
    },
  );
  const root = join(directory, "jobs", what.id, "ml");
  await runner.prepare(what, never);
  await runner.launch(what);
  const before = Date.now();
  const following = runner.follow(what, never);
  expect(runner.metricsOf(what.id)).toEqual([]);
  await writeFile(join(root, "go"), "");
  const until = async (condition: () => boolean) => {
    for (let left = 1000; !condition() && left > 0; left -= 1) await new Promise((resolve) => setTimeout(resolve, 10));
  };
  await until(() => metrics.values("loss").length > 0);
  expect(runner.metricsOf(what.id)).toMatchObject([{ name: "loss", value: 0.5 }]);
  const [loss] = metrics.data;
  expect(loss).toMatchObject({
    namespace: "/aws/sagemaker/TrainingJobs",
    dimensions: { TrainingJobName: "j" },
    space: "1 us-east-1",
    value: 0.5,
  });
  expect(loss.timestamp).toBeGreaterThanOrEqual(before);
  if (process.platform === "linux") {
    await until(() => metrics.values("DiskUtilization").length > 0);
    const percent = (name: string) => metrics.values(name)[0] as number;
    // The second loop keeps a processor busy.
    expect(percent("CPUUtilization")).toBeGreaterThan(1);
    expect(percent("MemoryUtilization")).toBeGreaterThan(0);
    expect(percent("DiskUtilization")).toBeGreaterThan(0);
    expect(metrics.data.find(({ name }) => name === "CPUUtilization")).toMatchObject({
      dimensions: { Host: "j/algo-1" },
      unit: "Percent",
    });
  }
  await writeFile(join(root, "end"), "");
  await following;
  expect(metrics.values("loss")).toEqual([0.5, 0.25]);
  expect(runner.metricsOf(what.id)).toBeUndefined();
});

test("many lines arrive once each, in order", async () => {
  const script = "for (let i = 0; i < 30000; i++) console.log('row ' + i)";
  const what = job([process.execPath, "-e", script]);
  await run(what);
  await runner.follow(what, never);
  expect(logs.messages(what.log)).toEqual(Array.from({ length: 30000 }, (_, i) => `row ${i}`));
});

test("a log that cannot be written is the caller's to know", async () => {
  logs.append = () => Promise.reject(new Error("the log store is full"));
  const what = shell("echo line");
  await runner.prepare(what, never);
  await runner.launch(what);
  await expect(runner.follow(what, never)).rejects.toThrow("the log store is full");
});

test("a full disk costs lines of the log, and not the job", async () => {
  const append = logs.append.bind(logs);
  let full = true;
  const refused: string[] = [];
  logs.append = async (key, events, offset) => {
    if (full) {
      refused.push(...events.map(({ message }) => message));
      throw new StorageFull("a log stream");
    }
    await append(key, events, offset);
  };
  const what = shell('echo lost; while [ ! -e "$ML_ROOT/go" ]; do sleep 0.05; done; echo "kept rmse:1"', {
    notes: ["a note"],
    metrics: [{ name: "rmse", regex: "rmse:(\\S+)" }],
  });
  await runner.prepare(what, never);
  await runner.launch(what);
  const following = runner.follow(what, never);
  while (!refused.includes("lost")) await new Promise((resolve) => setTimeout(resolve, 20));
  full = false;
  await writeFile(join(directory, "jobs", "training-1", "ml", "go"), "");
  expect(await following).toMatchObject({ result: "succeeded", metrics: [{ name: "rmse", value: 1 }] });
  expect(logs.messages(what.log)).toEqual(["kept rmse:1", "Sagebrush: the disk was full, so 2 lines are missing here"]);
});

test("a sweep removes what ended jobs left and nothing else", async () => {
  for (const id of ["training-old", "training-new", "processing-1"])
    await mkdir(join(directory, "jobs", id), { recursive: true });
  await runner.sweep("training-", new Set(["training-new"]));
  expect((await readdir(join(directory, "jobs"))).sort()).toEqual(["processing-1", "training-new"]);
});

/** A program that runs a tiny algorithm through the compiled workload of built-in algorithms. */
async function tinyAlgorithm(train: string): Promise<Job["command"]> {
  const compiled = (path: string) => JSON.stringify(pathToFileURL(entryPoint(import.meta.url, path)).href);
  const program = join(directory, "tiny.mjs");
  await writeFile(
    program,
    `import { startAlgorithm } from ${compiled("./run-algorithm/start.ts")};
     import { ClientError } from ${compiled("../algorithms/algorithm.ts")};
     import { writeFileSync } from "node:fs";
     const image = { registry: "", repository: "tiny", tag: "1" };
     await startAlgorithm(async () => ({ image, algorithm: { train: async (context) => { ${train} } } }));`,
  );
  return [process.execPath, program];
}

test("a built-in algorithm runs as a workload, its model and exit code come back", async () => {
  const what = job(
    await tinyAlgorithm(
      "context.log('k is ' + context.hyperparameters.k); writeFileSync(context.modelDirectory + '/m', 'x');",
    ),
  );
  const outcome = await run(what);
  expect(outcome.result).toBe("succeeded");
  expect(logs.messages(what.log)).toEqual([expect.stringContaining("tiny:1 starts training"), "k is 3"]);
  expect(existsSync(join(directory, "jobs", what.id, "ml", "model", "m"))).toBe(true);
});

test("a built-in algorithm's ClientError becomes the failure reason", async () => {
  expect(await run(job(await tinyAlgorithm("throw new ClientError('column 3 is text');")))).toMatchObject({
    failureReason: "ClientError: column 3 is text, exit code: 1",
  });
});

test("an error that nobody awaits still leaves a failure file", async () => {
  const train =
    "setTimeout(() => { throw new Error('in a callback'); }, 10); await new Promise(() => setInterval(() => {}, 1000));";
  expect(await run(job(await tinyAlgorithm(train)))).toMatchObject({
    failureReason: "AlgorithmError: in a callback, exit code: 1",
  });
});

test("a built-in algorithm hears of a stop and saves its model", async () => {
  const train =
    "context.log('ready'); const idle = setInterval(() => {}, 1000); await new Promise((resolve) => context.signal.addEventListener('abort', resolve)); clearInterval(idle); writeFileSync(context.modelDirectory + '/m', 'x');";
  const what = job(await tinyAlgorithm(train));
  await runner.prepare(what, never);
  await runner.launch(what);
  const following = runner.follow(what, never);
  while (!logs.messages(what.log).includes("ready")) await new Promise((resolve) => setTimeout(resolve, 10));
  await runner.stop(what.id);
  expect((await following).result).toBe("stopped");
  expect(await readFile(join(directory, "jobs", what.id, "ml", "model", "m"), "utf8")).toBe("x");
});
