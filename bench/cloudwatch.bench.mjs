// PutMetricData in the sizes that clients send, signed and durable; then what reading costs, and the server's memory.
// A point is one value of one metric. References in the same run: as many bytes posted to a bare node:http echo, and as
// many appended to a file with an fdatasync each.
import { spawn } from "node:child_process";
import {
  closeSync,
  fdatasyncSync,
  mkdtempSync,
  openSync,
  readFileSync,
  readdirSync,
  statSync,
  writeSync,
} from "node:fs";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { load, report, sign, startServer, temporaryDirectory } from "./lib.mjs";

const seconds = Number(process.env.BENCH_SECONDS ?? 4);
const connections = 8;
const directory = temporaryDirectory("cloudwatch");
const server = await startServer(directory);

const request = (operation, input, compressed = false) =>
  sign(server, "cloudwatch", {
    method: "POST",
    path: "/",
    headers: {
      "content-type": "application/x-amz-json-1.0",
      "x-amz-target": `GraniteServiceVersion20100801.${operation}`,
      ...(compressed ? { "content-encoding": "gzip" } : {}),
    },
    body: compressed ? gzipSync(JSON.stringify(input)) : JSON.stringify(input),
  });

const now = () => Date.now() / 1000;
const dimensions = [
  { Name: "EndpointName", Value: "churn" },
  { Name: "VariantName", Value: "AllTraffic" },
];
/** A request of one client: its own metrics, values that differ. */
const batch = (client, metrics, values) => ({
  Namespace: "Bench",
  MetricData: Array.from({ length: metrics }, (_, metric) => ({
    MetricName: `client-${client}-metric-${metric}`,
    Dimensions: dimensions,
    Timestamp: now(),
    Unit: "Milliseconds",
    ...(values === 1
      ? { Value: Math.random() * 100 }
      : { Values: Array.from({ length: values }, () => Math.round(Math.random() * 1e5) / 1e3) }),
  })),
});
const requests = (metrics, values, compressed) =>
  Promise.all(
    Array.from({ length: 64 }, (_, index) =>
      request("PutMetricData", batch(index % connections, metrics, values), compressed),
    ),
  );

const rows = [];
for (const [what, metrics, values, compressed] of [
  ["1 value", 1, 1],
  ["20 metrics, a value each", 20, 1],
  ["150 metrics, a value each", 150, 1],
  ["150 metrics, a value each, gzip", 150, 1, true],
  ["1,000 metrics, a value each, gzip", 1000, 1, true],
  ["7 metrics of 150 values", 7, 150],
]) {
  const all = await requests(metrics, values, compressed);
  const bytes = all[0].body.length;
  const { perSecond, p50, p99 } = await load(all, { connections, seconds });
  rows.push({
    request: what,
    bytes,
    "requests/s": Math.round(perSecond),
    "points/s": Math.round(perSecond * metrics * values),
    "p50 ms": p50,
    "p99 ms": p99,
    "echo/s": Math.round(await echo(all[0])),
    "fdatasync/s": Math.round(appends(bytes)),
  });
}
report("PutMetricData, 8 connections, signed, durable when answered", rows);

const reads = [];
const range = { StartTime: now() - 3600, EndTime: now() + 60 };
const metric = (index) => ({ Namespace: "Bench", MetricName: `client-0-metric-${index}`, Dimensions: dimensions });
for (const [what, operation, input] of [
  [
    "GetMetricStatistics, an hour",
    "GetMetricStatistics",
    { ...metric(0), ...range, Period: 60, Statistics: ["Average", "Maximum"] },
  ],
  ["the same, p99", "GetMetricStatistics", { ...metric(0), ...range, Period: 60, ExtendedStatistics: ["p99"] }],
  [
    "GetMetricData, 20 metrics and their sum",
    "GetMetricData",
    {
      ...range,
      MetricDataQueries: [
        ...Array.from({ length: 20 }, (_, index) => ({
          Id: `m${index}`,
          MetricStat: { Metric: metric(index), Period: 60, Stat: "Average" },
        })),
        { Id: "total", Expression: "SUM(METRICS())" },
      ],
    },
  ],
  ["ListMetrics, a page of 500 of 8,000", "ListMetrics", { Namespace: "Bench" }],
]) {
  const { perSecond, p99 } = await load(await request(operation, input), { connections, seconds });
  reads.push({ read: what, "requests/s": Math.round(perSecond), "p99 ms": p99 });
}
report("Reading", reads);

const rss = Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${server.pid}/status`, "utf8"))[1]) / 1024;
const onDisk = readdirSync(join(directory, "metrics")).reduce(
  (total, file) => total + statSync(join(directory, "metrics", file)).size,
  0,
);
console.log(`resident ${Math.round(rss)} MiB; metrics take ${(onDisk / 2 ** 20).toFixed(1)} MiB on disk`);
await server.stop();

/** Requests of the same size to a server that does nothing but answer. */
async function echo({ body, headers }) {
  const program = `require("node:http").createServer((request, response) => {
    request.resume().on("end", () => response.end("{}"));
  }).listen(0, "127.0.0.1", function () { console.log(this.address().port); });`;
  const child = spawn(process.execPath, ["-e", program], { stdio: ["ignore", "pipe", "inherit"] });
  const port = await new Promise((resolve) => child.stdout.once("data", (text) => resolve(Number(text))));
  const url = `http://127.0.0.1:${port}/`;
  const { host: _host, ...rest } = headers;
  const { perSecond } = await load({ method: "POST", url, body, headers: rest }, { connections, seconds: 2 });
  child.kill();
  return perSecond;
}

function appends(bytes) {
  const file = openSync(join(mkdtempSync(join(directory, "append-")), "file"), "w");
  const content = Buffer.alloc(bytes, 1);
  const before = performance.now();
  let count = 0;
  for (; performance.now() - before < 1000; count += 1) {
    writeSync(file, content);
    fdatasyncSync(file);
  }
  closeSync(file);
  return (count * 1000) / (performance.now() - before);
}
