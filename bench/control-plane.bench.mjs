// Start, idle memory, DescribeTrainingJob and ListTrainingJobs with many jobs, CreateTrainingJob to the first log line.
// Reference in the same run: the bare node:http server of Node with the same load generator, and moto where Python has it.
import { spawn, spawnSync } from "node:child_process";
import { createServer } from "node:http";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { SqliteRecordStore } from "../dist/storage/sqlite-record-store.js";
import {
  clients,
  load,
  median,
  oneByOne,
  percentile,
  report,
  signJson,
  startServer,
  temporaryDirectory,
  trainingRequest,
} from "./lib.mjs";

const quick = { objective: "reg:squarederror", num_round: "5" };
const few = 1_000;
const many = 100_000;

function residentMiB(pid) {
  return Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, "utf8"))[1]) / 1024;
}

async function finished(sagemaker, name) {
  for (;;) {
    const job = await sagemaker.call("DescribeTrainingJob", { TrainingJobName: name });
    if (job.TrainingJobStatus === "Failed") throw new Error(job.FailureReason);
    if (job.TrainingJobStatus !== "InProgress") return job;
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

// Start and idle memory.
const starts = [];
let directory;
let server;
let idle;
for (let round = 0; round < 5; round += 1) {
  directory = temporaryDirectory("control");
  server = await startServer(directory);
  starts.push(server.startMs);
  if (round === 4) {
    await new Promise((resolve) => setTimeout(resolve, 5000));
    idle = residentMiB(server.pid);
  } else await server.stop();
}
const floor = [];
for (let round = 0; round < 5; round += 1) {
  const before = performance.now();
  spawnSync(process.execPath, ["-e", "0"]);
  floor.push(performance.now() - before);
}
report("start and idle memory", {
  "start to first answer, ms (median of 5)": {
    sagebrush: Math.round(median(starts)),
    reference: `${Math.round(median(floor))} (bare node)`,
    aim: "1500",
  },
  "idle RSS, MiB": { sagebrush: Math.round(idle), reference: "-", aim: "150" },
});

// CreateTrainingJob to the first line of the algorithm.
const { sagemaker, logs, s3 } = clients(server);
await s3({ method: "PUT", path: "/bench" });
await s3({
  method: "PUT",
  path: "/bench/train/data.csv",
  body: Array.from({ length: 500 }, (_, i) => `${i % 17},${i % 5},${i % 3}\n`).join(""),
});
const firstLines = [];
const whole = [];
for (let round = 0; round < 40; round += 1) {
  const name = `first-line-${round}`;
  const before = Date.now();
  await sagemaker.call("CreateTrainingJob", trainingRequest(name, quick));
  const job = await finished(sagemaker, name);
  whole.push(new Date(job.TrainingEndTime * 1000).getTime() - before);
  const group = { logGroupName: "/aws/sagemaker/TrainingJobs" };
  const { logStreams } = await logs.call("DescribeLogStreams", { ...group, logStreamNamePrefix: `${name}/` });
  const { events } = await logs.call("GetLogEvents", {
    ...group,
    logStreamName: logStreams[0].logStreamName,
    startFromHead: true,
    limit: 1,
  });
  firstLines.push(events[0].timestamp - before);
}
report("CreateTrainingJob to the first line of the algorithm, 40 jobs one after the other", {
  "first line, ms": { p50: percentile(firstLines, 0.5), p95: percentile(firstLines, 0.95), aim: "p95 < 300" },
  "training ended, ms": { p50: percentile(whole, 0.5), p95: percentile(whole, 0.95), aim: "-" },
});

// Many jobs: real records of a finished job under other names.
await server.stop();
async function seed(from, to) {
  const store = new SqliteRecordStore({ file: join(directory, "sagebrush.db") });
  const key = { accountId: "000000000000", region: "us-east-1", family: "training-job", name: "first-line-0" };
  const model = await store.get(key);
  for (let start = from; start < to; start += 1000) {
    const changes = Array.from({ length: Math.min(1000, to - start) }, (_, index) => {
      const name = `stored-${start + index}`;
      const body = JSON.parse(JSON.stringify(model.body).replaceAll("first-line-0", name));
      return {
        op: "insert",
        key: { ...key, name },
        arn: model.arn.replace("first-line-0", name),
        status: model.status,
        body,
      };
    });
    await store.write(changes, { actor: { by: "bench", call: "seed" }, at: Date.now() + start, history: false });
  }
  await store.close();
}

const echo = createServer((message, response) => {
  const chunks = [];
  message.on("data", (chunk) => chunks.push(chunk));
  message.on("end", () => response.writeHead(200, { "content-type": "application/json" }).end(Buffer.concat(chunks)));
}).listen(0, "127.0.0.1");
await once(echo, "listening");
const echoUrl = `http://127.0.0.1:${echo.address().port}/`;

async function measure(label) {
  server = await startServer(directory);
  const describe = await signJson(server, "SageMaker.DescribeTrainingJob", { TrainingJobName: "stored-500" });
  const list = await signJson(server, "SageMaker.ListTrainingJobs", {
    SortBy: "CreationTime",
    SortOrder: "Descending",
    MaxResults: 10,
  });
  const token = (
    await clients(server).sagemaker.call("ListTrainingJobs", {
      SortBy: "CreationTime",
      SortOrder: "Descending",
      MaxResults: 100,
    })
  ).NextToken;
  const deeper = await signJson(server, "SageMaker.ListTrainingJobs", {
    SortBy: "CreationTime",
    SortOrder: "Descending",
    MaxResults: 100,
    NextToken: token,
  });
  // More jobs than the server keeps in memory, in turn: every one is read from disk and written anew.
  const spread = [];
  for (let job = 0; job < Math.min(label, 10_000); job += 1) {
    spread.push(await signJson(server, "SageMaker.DescribeTrainingJob", { TrainingJobName: `stored-${job}` }));
  }
  await load(describe, { seconds: 2 }); // warm-up
  const rows = {};
  const rounds = [0, 1, 2];
  const rates = { describe: [], "describe, many jobs in turn": [], list: [], deeper: [], echo: [] };
  for (const _ of rounds) {
    rates.describe.push(await load(describe, { seconds: 4 }));
    rates["describe, many jobs in turn"].push(await load(spread, { seconds: 3 }));
    rates.list.push(await load(list, { seconds: 3 }));
    rates.deeper.push(await load(deeper, { seconds: 3 }));
    rates.echo.push(await load({ ...describe, url: echoUrl }, { seconds: 3 }));
  }
  for (const [name, runs] of Object.entries(rates)) {
    rows[name] = {
      "requests/s": Math.round(median(runs.map((r) => r.perSecond))),
      "p50 ms": median(runs.map((r) => r.p50)),
      "p99 ms": median(runs.map((r) => r.p99)),
    };
  }
  await server.stop();
  report(`${label} jobs stored, 16 connections, signed`, rows);
  return rows;
}

await seed(0, few);
const small = await measure(few);
await seed(few, many);
const large = await measure(many);
report("with 100,000 jobs against 1,000 (1.00 is the same speed)", {
  DescribeTrainingJob: {
    ratio: (large.describe["requests/s"] / small.describe["requests/s"]).toFixed(2),
    aim: "8,000/s",
  },
  "ListTrainingJobs, page of 10": {
    ratio: (large.list["requests/s"] / small.list["requests/s"]).toFixed(2),
    aim: "1.0",
  },
  "ListTrainingJobs, page of 100": {
    ratio: (large.deeper["requests/s"] / small.deeper["requests/s"]).toFixed(2),
    aim: "1.0",
  },
});
echo.close();

// moto answers the same call from memory, unsigned and without running anything.
const python = process.env.SAGEBRUSH_BENCH_PYTHON ?? "python3";
if (spawnSync(python, ["-c", "import moto.server"]).status === 0) {
  const port = 20000 + (process.pid % 20000);
  const moto = spawn(python, ["-m", "moto.server", "-H", "127.0.0.1", "-p", String(port)], { stdio: "ignore" });
  const fake = {
    url: `http://127.0.0.1:${port}`,
    credentials: { accessKeyId: "a".repeat(20), secretAccessKey: "b".repeat(40) },
  };
  for (let attempt = 0; attempt < 100; attempt += 1) {
    if (
      await fetch(fake.url).then(
        () => true,
        () => false,
      )
    )
      break;
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  await clients(fake).sagemaker.call("CreateTrainingJob", trainingRequest("stored-500", quick));
  server = await startServer(directory);
  const [ours, theirs] = [[], []];
  const describeOurs = await signJson(server, "SageMaker.DescribeTrainingJob", { TrainingJobName: "stored-500" });
  const describeTheirs = await signJson(fake, "SageMaker.DescribeTrainingJob", { TrainingJobName: "stored-500" });
  for (const _ of [0, 1, 2]) {
    ours.push(await oneByOne(describeOurs, { seconds: 3 }));
    theirs.push(await oneByOne(describeTheirs, { seconds: 3 }));
  }
  moto.kill("SIGTERM");
  await server.stop();
  const [mine, motos] = [ours, theirs].map((runs) => median(runs.map((each) => each.perSecond)));
  report("DescribeTrainingJob, one request after the other: ours with 100,000 jobs on disk, moto with one in memory", {
    "requests/s": { sagebrush: Math.round(mine), moto: Math.round(motos), ratio: (mine / motos).toFixed(1) },
    "p99 ms": {
      sagebrush: median(ours.map((each) => each.p99)).toFixed(1),
      moto: median(theirs.map((each) => each.p99)).toFixed(1),
      ratio: "-",
    },
  });
} else console.log("moto is not installed for", python, "- its row is left out");
process.exit(0);
