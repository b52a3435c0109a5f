// InvokeEndpoint with a small XGBoost model (100 trees of depth 6, one row of CSV), signed, against a bare node:http echo.
import { createServer } from "node:http";
import { once } from "node:events";
import {
  clients,
  image,
  load,
  median,
  openLoop,
  report,
  role,
  sign,
  startServer,
  temporaryDirectory,
  trainingRequest,
} from "./lib.mjs";

/** What an endpoint of a small model must take, requests per second; its latency is judged at half of that. */
const targetRate = 5000;

const server = await startServer(temporaryDirectory("invoke"));
const { sagemaker, s3 } = clients(server);

let seed = 7;
const uniform = () => (seed = (seed * 48271) % 2147483647) / 2147483647;
const rows = Array.from({ length: 5000 }, () => {
  const x = Array.from({ length: 8 }, uniform);
  return [x[0] * 3 + Math.sin(6 * x[1]) + x[2] * x[3] > 2 ? 1 : 0, ...x.map((value) => value.toFixed(4))].join(",");
});
await s3({ method: "PUT", path: "/bench" });
await s3({ method: "PUT", path: "/bench/train/data.csv", body: `${rows.join("\n")}\n` });
await sagemaker.call(
  "CreateTrainingJob",
  trainingRequest("bench", { objective: "binary:logistic", num_round: "100", max_depth: "6" }),
);
async function wait(look, done) {
  for (;;) {
    const seen = await look();
    if (done(seen)) return seen;
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}
const job = await wait(
  () => sagemaker.call("DescribeTrainingJob", { TrainingJobName: "bench" }),
  (each) => each.TrainingJobStatus !== "InProgress",
);
if (job.TrainingJobStatus !== "Completed") throw new Error(job.FailureReason);
await sagemaker.call("CreateModel", {
  ModelName: "bench",
  ExecutionRoleArn: role,
  PrimaryContainer: { Image: image, ModelDataUrl: job.ModelArtifacts.S3ModelArtifacts },
});
await sagemaker.call("CreateEndpointConfig", {
  EndpointConfigName: "bench",
  ProductionVariants: [
    { VariantName: "AllTraffic", ModelName: "bench", InitialInstanceCount: 1, InstanceType: "ml.m5.large" },
  ],
});
const inService = [];
for (let round = 0; round < 5; round += 1) {
  const before = performance.now();
  await sagemaker.call("CreateEndpoint", { EndpointName: `bench-${round}`, EndpointConfigName: "bench" });
  await wait(
    () => sagemaker.call("DescribeEndpoint", { EndpointName: `bench-${round}` }),
    (each) => each.EndpointStatus === "InService",
  );
  inService.push(performance.now() - before);
  if (round > 0) await sagemaker.call("DeleteEndpoint", { EndpointName: `bench-${round}` });
}

const echo = createServer((message, response) => {
  const chunks = [];
  message.on("data", (chunk) => chunks.push(chunk));
  message.on("end", () => response.writeHead(200, { "content-type": "text/csv" }).end(Buffer.concat(chunks)));
}).listen(0, "127.0.0.1");
await once(echo, "listening");

const invoke = await sign(server, "sagemaker-runtime", {
  method: "POST",
  path: "/endpoints/bench-0/invocations",
  headers: { "content-type": "text/csv" },
  body: rows[0].slice(2),
});
const bare = { ...invoke, url: `http://127.0.0.1:${echo.address().port}/` };
await load(invoke, { seconds: 3 }); // warm-up
const ours = [];
const theirs = [];
for (let round = 0; round < 3; round += 1) {
  ours.push(await load(invoke, { seconds: 5 }));
  theirs.push(await load(bare, { seconds: 3 }));
}
const rate = median(ours.map((each) => each.perSecond));
const half = [];
for (let round = 0; round < 3; round += 1) half.push(await openLoop(invoke, { rate: targetRate / 2 }));
report("InvokeEndpoint, 1 row, 100 trees of depth 6, 16 connections", {
  sagebrush: {
    "requests/s": Math.round(rate),
    "p50 ms": median(ours.map((r) => r.p50)),
    "p99 ms": median(ours.map((r) => r.p99)),
    aim: ">= 5,000/s",
  },
  [`sagebrush at an even ${targetRate / 2}/s`]: {
    "requests/s": Math.round(median(half.map((r) => r.perSecond))),
    "p50 ms": median(half.map((r) => r.p50)).toFixed(1),
    "p99 ms": median(half.map((r) => r.p99)).toFixed(1),
    aim: "p99 < 10 ms",
  },
  "bare node:http echo, unsigned": {
    "requests/s": Math.round(median(theirs.map((r) => r.perSecond))),
    "p50 ms": median(theirs.map((r) => r.p50)),
    "p99 ms": median(theirs.map((r) => r.p99)),
    aim: "reference",
  },
});
report("CreateEndpoint to InService", { "ms, median of 5": { sagebrush: Math.round(median(inService)), aim: "1000" } });
echo.close();
await sagemaker.call("DeleteEndpoint", { EndpointName: "bench-0" });
await server.stop();
process.exit(0);
