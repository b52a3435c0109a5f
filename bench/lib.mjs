// What the benches share: a server of their own, signed requests to replay, load, and a table of results.
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { cpus, tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import autocannon from "autocannon";
import { Pool } from "undici";
import { createClient, createSignedFetch } from "../dist/protocol/client/index.js";

export const root = join(dirname(fileURLToPath(import.meta.url)), "..");
export const role = "arn:aws:iam::000000000000:role/service-role/SagebrushExecutionRole";
export const image = "683313688378.dkr.ecr.us-east-1.amazonaws.com/sagemaker-xgboost:1.7-1";

export function machine() {
  return `${cpus().length} x ${cpus()[0].model}, Node ${process.version}, ${new Date().toISOString().slice(0, 10)}`;
}

export function temporaryDirectory(name) {
  const directory = mkdtempSync(join(tmpdir(), `sagebrush-bench-${name}-`));
  process.on("exit", () => rmSync(directory, { recursive: true, force: true }));
  return directory;
}

/** Starts `sagebrush up` on a free port; resolves when it answers. */
export async function startServer(directory, flags = []) {
  const before = performance.now();
  const child = spawn(
    process.execPath,
    [join(root, "dist/cli/main.js"), "up", "--json", "--port", "0", "--data-dir", directory, ...flags],
    {
      stdio: ["ignore", "pipe", "inherit"],
    },
  );
  // A bench that fails leaves no server behind.
  process.once("exit", () => child.kill("SIGKILL"));
  let text = "";
  for await (const chunk of child.stdout) {
    text += chunk;
    if (text.includes("\n}\n")) break;
  }
  if (!text.includes("\n}\n")) throw new Error("the server ended before it was ready");
  const { url } = JSON.parse(text);
  const health = await fetch(`${url}/_sagebrush/health`);
  if (!health.ok) throw new Error(`the health check answered ${health.status}`);
  const startMs = performance.now() - before;
  const { accessKeyId, secretAccessKey } = JSON.parse(readFileSync(join(directory, "root-credentials.json"), "utf8"));
  return {
    url,
    startMs,
    pid: child.pid,
    credentials: { accessKeyId, secretAccessKey },
    async stop() {
      child.kill("SIGTERM");
      if (child.exitCode === null) await once(child, "exit");
    },
  };
}

/** Signs a request without sending it: a signature holds for 15 minutes, so load generators may replay it. */
export async function sign(server, service, request, region = "us-east-1") {
  let captured;
  const signedFetch = createSignedFetch({
    endpoint: server.url,
    region,
    service,
    credentials: server.credentials,
    fetch: async (url, init) => {
      captured = {
        url: String(url instanceof Request ? url.url : url),
        headers: Object.fromEntries(new Headers((url instanceof Request ? url : init).headers)),
      };
      return new Response("{}");
    },
  });
  await signedFetch(request);
  return { ...captured, method: request.method, body: request.body };
}

export function signJson(server, target, input) {
  return sign(server, target.startsWith("Logs") ? "logs" : "sagemaker", {
    method: "POST",
    path: "/",
    headers: { "content-type": "application/x-amz-json-1.1", "x-amz-target": target },
    body: JSON.stringify(input),
  });
}

/** Closed-loop load: every connection sends the next of the requests (or the one again) as soon as it was answered. */
export async function load(request, { connections = 16, seconds = 5 } = {}) {
  const requests = [request]
    .flat()
    .map(({ method, headers, body, url }) => ({ method, headers, body, path: new URL(url).pathname }));
  const { origin } = new URL([request].flat()[0].url);
  let connection = 0;
  // Each connection begins elsewhere in the list, so that they do not all ask for the same thing at the same time.
  const setupClient = (client) => {
    const from = Math.floor((connection++ * requests.length) / connections);
    client.setRequests([...requests.slice(from), ...requests.slice(0, from)]);
  };
  const result = await autocannon({ url: origin, requests, connections, duration: seconds, setupClient });
  if (result.non2xx > 0 || result.errors > 0)
    throw new Error(`${result.non2xx} answers were no success, ${result.errors} failed`);
  return { perSecond: result.requests.average, p50: result.latency.p50, p99: result.latency.p99 };
}

/**
 * Open-loop load: requests are due at an even pace, whether or not those before them were answered, and a latency counts
 * from when its request was due. That is what users at that rate would see.
 */
export async function openLoop(request, { rate, seconds = 5, connections = 32 }) {
  const { origin, pathname } = new URL(request.url);
  const pool = new Pool(origin, { connections, pipelining: 1 });
  const { host: _host, ...headers } = request.headers;
  const total = Math.round(rate * seconds);
  const latencies = [];
  let failed = 0;
  const send = async (due) => {
    const answer = await pool.request({ path: pathname, method: request.method, headers, body: request.body });
    await answer.body.dump();
    if (answer.statusCode > 299) failed += 1;
    latencies.push(performance.now() - due);
  };
  const start = performance.now();
  const running = [];
  for (let sent = 0; sent < total;) {
    const due = Math.min(total, Math.floor(((performance.now() - start) / 1000) * rate) + 1);
    for (; sent < due; sent += 1) running.push(send(start + (sent / rate) * 1000));
    await new Promise((resolve) => setTimeout(resolve, 1));
  }
  await Promise.all(running);
  await pool.close();
  if (failed > 0) throw new Error(`${failed} answers were no success`);
  return {
    perSecond: total / ((performance.now() - start) / 1000),
    p50: percentile(latencies, 0.5),
    p99: percentile(latencies, 0.99),
  };
}

/** One request after the other on Node's own client: for servers that close connections, which throws other generators off. */
export async function oneByOne(request, { seconds = 5 } = {}) {
  const latencies = [];
  const { host: _host, ...headers } = request.headers;
  const start = performance.now();
  while (performance.now() - start < seconds * 1000) {
    const before = performance.now();
    const answer = await fetch(request.url, { method: request.method, headers, body: request.body });
    await answer.arrayBuffer();
    if (!answer.ok) throw new Error(`answered ${answer.status}`);
    latencies.push(performance.now() - before);
  }
  return { perSecond: (latencies.length * 1000) / (performance.now() - start), p99: percentile(latencies, 0.99) };
}

/** Clients of our own for a server. */
export function clients(server) {
  const common = { endpoint: server.url, region: "us-east-1", credentials: server.credentials };
  return {
    sagemaker: createClient({ ...common, service: "sagemaker" }),
    logs: createClient({ ...common, service: "logs" }),
    s3: createSignedFetch({ ...common, service: "s3" }),
  };
}

/** A CreateTrainingJob request for the data in s3://bench/train/. */
export function trainingRequest(name, hyperparameters) {
  const source = { S3DataType: "S3Prefix", S3Uri: "s3://bench/train/" };
  return {
    TrainingJobName: name,
    AlgorithmSpecification: { TrainingImage: image, TrainingInputMode: "File" },
    RoleArn: role,
    HyperParameters: hyperparameters,
    InputDataConfig: [{ ChannelName: "train", ContentType: "text/csv", DataSource: { S3DataSource: source } }],
    OutputDataConfig: { S3OutputPath: "s3://bench/output" },
    ResourceConfig: { InstanceType: "ml.m5.large", InstanceCount: 1, VolumeSizeInGB: 10 },
    StoppingCondition: { MaxRuntimeInSeconds: 600 },
  };
}

export function median(values) {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.floor(sorted.length / 2)];
}

export function percentile(values, share) {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.ceil(share * sorted.length) - 1)];
}

export function report(title, rows) {
  console.log(`\n${title}  (${machine()})`);
  console.table(rows);
}
