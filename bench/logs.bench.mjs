// A job that prints 100 MB of short lines: how fast its lines reach CloudWatch Logs through the job's own pipeline, and
// what other requests feel of it. Then reading it back, searching it, and describing a group of thousands of streams.
// Reference in the same run: writing as many bytes to a file with an fdatasync per batch.
import { closeSync, fdatasyncSync, mkdirSync, openSync, readFileSync, writeFileSync, writeSync } from "node:fs";
import { join } from "node:path";
import { monitorEventLoopDelay } from "node:perf_hooks";
import { Worker } from "node:worker_threads";
import { LocalProcessBackend } from "../dist/compute/local-process/local-process-backend.js";
import { JobRunner } from "../dist/jobs/job-runner.js";
import { Authorizer } from "../dist/server/authorizer.js";
import { listen } from "../dist/server/http-server.js";
import { RequestHandler } from "../dist/server/request-handler.js";
import { logsService } from "../dist/services/logs/index.js";
import { LogStore } from "../dist/services/logs/log-store.js";
import { SqliteRecordStore } from "../dist/storage/sqlite-record-store.js";
import { SystemClock } from "../dist/util/clock.js";
import { percentile, report, temporaryDirectory } from "./lib.mjs";

const megabytes = Number(process.env.BENCH_LOG_MB ?? 100);
const lineBytes = 100;
const lines = megabytes * 10_000;
const accountId = "000000000000";
const space = { accountId, region: "us-east-1" };
const residentMiB = () => Number(/VmRSS:\s+(\d+)/.exec(readFileSync("/proc/self/status", "utf8"))[1]) / 1024;

const directory = temporaryDirectory("logs");
mkdirSync(join(directory, "logs"));
const clock = new SystemClock();
const records = new SqliteRecordStore({ file: join(directory, "records.db") });
const logs = await LogStore.open(records, join(directory, "logs"), clock);
const compute = new LocalProcessBackend(directory);
const runner = new JobRunner({
  compute,
  storageOf: () => ({}),
  logs,
  metrics: { put() {} },
  clock,
  dataDirectory: directory,
  report: console.error,
});
const handler = new RequestHandler({
  services: [logsService({ records, logs })],
  lookup: async () => undefined,
  authorizer: new Authorizer({ policiesOf: () => ({ identity: [] }) }),
  clock,
  auth: "off",
  accountId,
  region: space.region,
  baseUrl: () => "http://127.0.0.1",
  onFault: (error) => console.error(error),
});
const listener = await listen({
  host: "127.0.0.1",
  port: 0,
  handle: (request) => handler.handle(request),
  onFault: console.error,
});

const target = (operation) => ({
  "content-type": "application/x-amz-json-1.1",
  "x-amz-target": `Logs_20140328.${operation}`,
});
async function call(operation, input) {
  const answer = await fetch(listener.url, { method: "POST", headers: target(operation), body: JSON.stringify(input) });
  if (!answer.ok) throw new Error(`${operation}: ${answer.status} ${await answer.text()}`);
  return answer.json();
}

/** Latencies of a request that is sent again and again, from a thread of its own, until `stop`. */
function probe(operation, input) {
  const worker = new Worker(
    `const { parentPort, workerData: { url, init } } = require("node:worker_threads");
     const latencies = [];
     let running = true;
     parentPort.on("message", () => { running = false; });
     (async () => {
       while (running) {
         const before = performance.now();
         await (await fetch(url, init)).arrayBuffer();
         latencies.push(performance.now() - before);
         await new Promise((resolve) => setTimeout(resolve, 5));
       }
       parentPort.postMessage(latencies);
       parentPort.close();
     })();`,
    {
      eval: true,
      workerData: {
        url: listener.url,
        init: { method: "POST", headers: target(operation), body: JSON.stringify(input) },
      },
    },
  );
  return {
    stop: () =>
      new Promise((resolve) => {
        worker.once("message", resolve);
        worker.postMessage("stop");
      }),
  };
}

const program = join(directory, "print.mjs");
writeFileSync(
  program,
  `const line = (at) => \`\${String(at).padStart(9, "0")} INFO step loss=\`.padEnd(${lineBytes - 1}, "x") + "\\n";
   for (let from = 0; from < ${lines}; from += 1000) {
     let text = "";
     for (let at = from; at < from + 1000; at += 1) text += line(at);
     if (!process.stdout.write(text)) await new Promise((resolve) => process.stdout.once("drain", resolve));
   }`,
);
const job = {
  id: "bench-logs",
  accountId,
  hyperparameters: {},
  channels: [],
  host: { instanceType: "ml.m5.large", currentHost: "algo-1", hosts: ["algo-1"] },
  command: [process.execPath, program],
  env: {},
  maxRuntimeMs: 600_000,
  stopGraceMs: 1000,
  log: { ...space, group: "/aws/sagemaker/TrainingJobs", stream: "bench/algo-1" },
  notes: [],
  metrics: [],
  monitoring: { namespace: "bench", dimensions: {}, host: "bench/algo-1" },
  output: {},
};

await logs.append(job.log, []);
await logs.append({ ...space, group: "probe", stream: "s" }, [{ timestamp: Date.now(), message: "x" }]);
const idleProbe = probe("DescribeLogStreams", { logGroupName: "probe" });
await new Promise((resolve) => setTimeout(resolve, 2000));
const idle = await idleProbe.stop();
const idleRss = residentMiB();

mkdirSync(join(directory, "jobs", job.id, "ml"), { recursive: true });
let peak = 0;
const sampling = setInterval(() => (peak = Math.max(peak, residentMiB())), 50);
const delay = monitorEventLoopDelay({ resolution: 5 });
const busyProbe = probe("DescribeLogStreams", { logGroupName: "probe" });
delay.enable();
const before = performance.now();
await runner.launch(job);
const outcome = await runner.follow(job, new AbortController().signal);
const seconds = (performance.now() - before) / 1000;
delay.disable();
const busy = await busyProbe.stop();
clearInterval(sampling);
if (outcome.result !== "succeeded") throw new Error(`the job ${outcome.result}: ${outcome.failureReason}`);

const plain = openSync(join(directory, "plain"), "w");
const batch = Buffer.alloc(1000 * lineBytes, "x");
const plainBefore = performance.now();
for (let written = 0; written < lines; written += 1000) {
  writeSync(plain, batch);
  fdatasyncSync(plain);
}
const plainSeconds = (performance.now() - plainBefore) / 1000;
closeSync(plain);

// Every line once, in order.
const readBefore = performance.now();
let expected = 0;
for (let nextToken; ;) {
  const page = await call("GetLogEvents", {
    logGroupName: job.log.group,
    logStreamName: job.log.stream,
    startFromHead: true,
    nextToken,
  });
  for (const { message } of page.events) {
    if (Number(message.slice(0, 9)) !== expected) throw new Error(`line ${expected} is missing: ${message}`);
    expected += 1;
  }
  if (page.events.length === 0) break;
  nextToken = page.nextForwardToken;
}
if (expected !== lines) throw new Error(`${expected} of ${lines} lines were read`);
const readSeconds = (performance.now() - readBefore) / 1000;

async function search(filterPattern) {
  const from = performance.now();
  const calls = [];
  let found = 0;
  for (let nextToken; ;) {
    const one = performance.now();
    const page = await call("FilterLogEvents", { logGroupName: job.log.group, filterPattern, nextToken });
    calls.push(performance.now() - one);
    found += page.events.length;
    if (page.nextToken === undefined) break;
    nextToken = page.nextToken;
  }
  return { seconds: (performance.now() - from) / 1000, longest: Math.max(...calls), found };
}
const term = await search(`"${String(lines - 5).padStart(9, "0")}"`);
const regex = await search("%step\\sloss=y+%");

const queryBefore = performance.now();
const { queryId } = await call("StartQuery", {
  logGroupName: job.log.group,
  startTime: 0,
  endTime: Math.ceil(Date.now() / 1000) + 1,
  queryString: "filter @message like /INFO/ | stats count(*) by bin(1m)",
});
let query;
do {
  await new Promise((resolve) => setTimeout(resolve, 50));
  query = await call("GetQueryResults", { queryId });
} while (query.status === "Running" || query.status === "Scheduled");
if (query.status !== "Complete") throw new Error(`the query ended as ${query.status}`);
const querySeconds = (performance.now() - queryBefore) / 1000;

const streams = 5000;
for (let at = 0; at < streams; at += 1) {
  await logs.append({ ...space, group: "many", stream: `s${at}` }, [{ timestamp: 1_000_000 + at, message: "x" }]);
}
const describe = async (input) => {
  const from = performance.now();
  await call("DescribeLogStreams", { logGroupName: "many", ...input });
  return performance.now() - from;
};
await describe({});
const byName = [];
const byTime = [];
for (let round = 0; round < 50; round += 1) {
  byName.push(await describe({}));
  byTime.push(await describe({ orderBy: "LastEventTime", descending: true }));
}

const ms = (value) => Number(value.toFixed(1));
report(`a job that prints ${megabytes} MB, lines of ${lineBytes} bytes`, {
  "lines to Logs, per second": {
    sagebrush: Math.round(lines / seconds),
    reference: `${Math.round(lines / plainSeconds)} (plain file)`,
  },
  "RSS at its highest, MiB": { sagebrush: Math.round(peak), reference: `${Math.round(idleRss)} (before)` },
  "Describe beside it, p50 / p99 / longest, ms": {
    sagebrush: `${ms(percentile(busy, 0.5))} / ${ms(percentile(busy, 0.99))} / ${ms(Math.max(...busy))}`,
    reference: `${ms(percentile(idle, 0.5))} / ${ms(percentile(idle, 0.99))} / ${ms(Math.max(...idle))} (idle)`,
  },
  "event loop held up, p99 / longest, ms": { sagebrush: `${ms(delay.percentile(99) / 1e6)} / ${ms(delay.max / 1e6)}` },
  "GetLogEvents of all, MB/s": { sagebrush: ms(megabytes / readSeconds) },
  "FilterLogEvents for one line, s / longest call, ms": { sagebrush: `${ms(term.seconds)} / ${ms(term.longest)}` },
  "the same with a regular expression": { sagebrush: `${ms(regex.seconds)} / ${ms(regex.longest)}` },
  "Insights count, s": { sagebrush: ms(querySeconds) },
  [`DescribeLogStreams of ${streams}, by name, ms`]: { sagebrush: ms(percentile(byName, 0.5)) },
  [`DescribeLogStreams of ${streams}, by last event, ms`]: { sagebrush: ms(percentile(byTime, 0.5)) },
});
await listener.close();
await logs.close();
await compute.close();
await records.close();
