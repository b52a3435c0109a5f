// S3: small objects, a large object in parts, lists of a large bucket, memory during a large upload.
// References in the same run: moto's server for small objects (its own environment is made when it is first needed),
// dd with fsync on the same disk for the large one. `node bench/s3.bench.mjs small lists` runs the sections that are named.
import { spawn, spawnSync } from "node:child_process";
import { randomBytes, randomFillSync } from "node:crypto";
import { closeSync, existsSync, openSync, readFileSync, rmSync, writeSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Pool } from "undici";
import { SqliteRecordStore } from "../dist/storage/sqlite-record-store.js";
import { ObjectStore } from "../dist/services/s3/object-store.js";
import { FileBlobStore } from "../dist/storage/file-blob-store.js";
import { clients, median, percentile, report, sign, startServer, temporaryDirectory } from "./lib.mjs";

const mebibyte = 2 ** 20;

/** Closed loop: so many clients, each with a connection of its own, send one request after the other. */
async function closedLoop(requests, { clients: count = 8, seconds = 4 } = {}) {
  const { origin } = new URL(requests[0].url);
  const pool = new Pool(origin, { connections: count, pipelining: 1 });
  const latencies = [];
  let next = 0;
  const until = performance.now() + seconds * 1000;
  const before = performance.now();
  await Promise.all(
    Array.from({ length: count }, async () => {
      while (performance.now() < until) {
        const { url, method, body, headers } = requests[next++ % requests.length];
        const { host: _host, ...sent } = headers;
        const { pathname, search } = new URL(url);
        const start = performance.now();
        const answer = await pool.request({ path: pathname + search, method, headers: sent, body });
        await answer.body.dump();
        if (answer.statusCode > 299) throw new Error(`${method} ${pathname} was answered ${answer.statusCode}`);
        latencies.push(performance.now() - start);
      }
    }),
  );
  const perSecond = (latencies.length * 1000) / (performance.now() - before);
  await pool.close();
  return { perSecond, p50: percentile(latencies, 0.5), p99: percentile(latencies, 0.99) };
}

/** PUT and GET of 1 KiB, 8 clients; in turns with moto, and the better of three rounds of each. */
async function small() {
  const server = await startServer(temporaryDirectory("s3-small"));
  await clients(server).s3({ method: "PUT", path: "/bench" });
  const moto = await startMoto();
  if (moto !== undefined) await fetch(`${moto.url}/bench`, { method: "PUT" });
  const body = randomBytes(1024);
  const requests = async (target, method) =>
    Promise.all(
      Array.from({ length: 2000 }, (_, index) =>
        sign({ url: target.url, credentials: server.credentials }, "s3", {
          method,
          path: `/bench/key-${index}`,
          ...(method === "PUT" && { body }),
        }),
      ),
    );
  const rows = {};
  for (const method of ["PUT", "GET"]) {
    const ours = await requests(server, method);
    const theirs = moto && (await requests(moto, method));
    const figures = { sagebrush: [], moto: [] };
    // What is got has to be put by its own server first; moto keeps it in memory.
    if (method === "GET" && theirs) for (const request of await requests(moto, "PUT")) await put(request);
    if (method === "GET") for (const request of await requests(server, "PUT")) await put(request);
    for (let round = 0; round < 3; round += 1) {
      figures.sagebrush.push(await closedLoop(ours));
      if (theirs) figures.moto.push(await closedLoop(theirs, { seconds: 3 }));
    }
    const best = (list) => list.toSorted((a, b) => b.perSecond - a.perSecond)[0];
    const [ourBest, theirBest] = [best(figures.sagebrush), best(figures.moto)];
    rows[`${method} 1 KiB, 8 clients`] = {
      "sagebrush/s": Math.round(ourBest.perSecond),
      "p99 ms": ourBest.p99.toFixed(1),
      "moto/s": theirBest === undefined ? "absent" : Math.round(theirBest.perSecond),
      ratio: theirBest === undefined ? "-" : (ourBest.perSecond / theirBest.perSecond).toFixed(1),
      aim: "10",
    };
  }
  moto?.stop();
  await server.stop();
  report("small objects, durable; moto keeps them in memory", rows);
}

async function put({ url, headers, body }) {
  const { host: _host, ...sent } = headers;
  const answer = await fetch(url, { method: "PUT", headers: sent, body });
  await answer.arrayBuffer();
  if (!answer.ok) throw new Error(`PUT ${url} was answered ${answer.status}`);
}

/** moto's server in an environment of its own; undefined where there is no Python. */
async function startMoto() {
  const environment = join(tmpdir(), "sagebrush-bench-moto");
  const python = join(environment, "bin", "python");
  if (!existsSync(join(environment, "bin", "moto_server"))) {
    if (spawnSync("python3", ["-m", "venv", environment]).status !== 0) return undefined;
    const installed = spawnSync(python, ["-m", "pip", "install", "-q", "moto[server]>=5,<6"], { stdio: "inherit" });
    if (installed.status !== 0) return undefined;
  }
  const port = 20_000 + Math.floor(Math.random() * 20_000);
  const child = spawn(join(environment, "bin", "moto_server"), ["-p", String(port)], { stdio: "ignore" });
  const url = `http://127.0.0.1:${port}`;
  for (let tries = 0; tries < 200; tries += 1) {
    const answered = await fetch(`${url}/moto-api/`).then(
      () => true,
      () => false,
    );
    if (answered) return { url, stop: () => child.kill() };
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  child.kill();
  throw new Error("moto did not answer within 20 seconds");
}

/** 1 GiB in parts of 16 MiB, four at a time, against dd with fsync; in turns, and the better of three rounds of each. */
async function large() {
  const directory = temporaryDirectory("s3-large");
  const source = join(directory, "source");
  const part = 16 * mebibyte;
  const count = 64;
  writeRandom(source, count);
  const bytes = readFileSync(source);
  const server = await startServer(join(directory, "data"));
  const s3 = clients(server).s3;
  await s3({ method: "PUT", path: "/bench" });
  const figures = { put: [], get: [], dd: [], read: [], sealedPut: [], sealedGet: [] };
  for (let round = 0; round < 3; round += 1) {
    figures.dd.push(dd([`if=${source}`, `of=${join(directory, "copy")}`, "bs=1M", "conv=fsync"]));
    figures.read.push(dd([`if=${join(directory, "copy")}`, "of=/dev/null", "bs=1M"]));
    rmSync(join(directory, "copy"));
    const encryption = { put: {}, sealedPut: { "x-amz-server-side-encryption": "AES256" } };
    for (const [name, headers] of Object.entries(encryption)) {
      const before = performance.now();
      await upload(server, `/bench/${name}`, bytes, part, headers);
      figures[name].push(rate(bytes.length, before));
    }
    for (const [name, key] of [
      ["get", "put"],
      ["sealedGet", "sealedPut"],
    ]) {
      const before = performance.now();
      await download(server, `/bench/${key}`, bytes.length, part);
      figures[name].push(rate(bytes.length, before));
    }
  }
  await server.stop();
  const best = (name) => Math.max(...figures[name]);
  const row = (name) => ({
    "MiB/s": Math.round(best(name)),
    "dd with fsync": Math.round(best("dd")),
    ratio: (best(name) / best("dd")).toFixed(2),
    aim: "0.7",
  });
  report("1 GiB in parts of 16 MiB, 4 at a time", {
    "multipart PUT": row("put"),
    "ranged GET": row("get"),
    "multipart PUT, AES256": { ...row("sealedPut"), aim: "-" },
    "ranged GET, AES256": { ...row("sealedGet"), aim: "-" },
    "dd from the page cache": { "MiB/s": Math.round(best("read")) },
  });
}

function writeRandom(file, blocks) {
  const handle = openSync(file, "w");
  const block = Buffer.alloc(16 * mebibyte);
  for (let index = 0; index < blocks; index += 1) writeSync(handle, randomFillSync(block));
  closeSync(handle);
}

function dd(operands) {
  const before = performance.now();
  const { status, stderr } = spawnSync("dd", operands);
  if (status !== 0) throw new Error(String(stderr));
  return rate(1024 * mebibyte, before);
}

function rate(bytes, before) {
  return bytes / mebibyte / ((performance.now() - before) / 1000);
}

async function upload(server, path, bytes, part, headers = {}) {
  const s3 = clients(server).s3;
  const created = await s3({ method: "POST", path, query: { uploads: "" }, headers });
  const id = /<UploadId>([^<]+)/.exec(await created.text())[1];
  const numbers = Array.from({ length: Math.ceil(bytes.length / part) }, (_, index) => index + 1);
  const pool = new Pool(server.url, { connections: 4, pipelining: 1 });
  const tags = [];
  await inTurns(numbers, 4, async (number) => {
    const query = { partNumber: String(number), uploadId: id };
    // A stream in place of the body makes it unsigned, as clients do over TLS.
    const request = await sign(server, "s3", { method: "PUT", path, query, body: new ReadableStream() });
    const answer = await pool.request({
      ...target(request),
      body: bytes.subarray((number - 1) * part, number * part),
    });
    await answer.body.dump();
    if (answer.statusCode !== 200) throw new Error(`part ${number} was answered ${answer.statusCode}`);
    tags[number - 1] = answer.headers.etag;
  });
  const parts = tags.map((tag, index) => `<Part><PartNumber>${index + 1}</PartNumber><ETag>${tag}</ETag></Part>`);
  const body = `<CompleteMultipartUpload>${parts.join("")}</CompleteMultipartUpload>`;
  const completed = await s3({ method: "POST", path, query: { uploadId: id }, body });
  if (!completed.ok) throw new Error(await completed.text());
  await pool.close();
}

async function download(server, path, size, part) {
  const pool = new Pool(server.url, { connections: 4, pipelining: 1 });
  const starts = Array.from({ length: size / part }, (_, index) => index * part);
  await inTurns(starts, 4, async (start) => {
    const headers = { range: `bytes=${start}-${start + part - 1}` };
    const answer = await pool.request(target(await sign(server, "s3", { method: "GET", path, headers })));
    let got = 0;
    for await (const chunk of answer.body) got += chunk.length;
    if (got !== part) throw new Error(`${got} bytes of the range at ${start}, status ${answer.statusCode}`);
  });
  await pool.close();
}

function target({ url, method, headers: { host: _host, ...headers } }) {
  const { pathname, search } = new URL(url);
  return { path: pathname + search, method, headers };
}

async function inTurns(items, atATime, work) {
  const left = [...items];
  const worker = async () => {
    for (let item = left.shift(); item !== undefined; item = left.shift()) await work(item);
  };
  await Promise.all(Array.from({ length: atATime }, worker));
}

const listed = 1_000_000;

/** Records of a million objects, without their bytes. */
async function fill(directory, blobIdOf) {
  const records = new SqliteRecordStore({ file: join(directory, "sagebrush.db") });
  const actor = { by: "bench", call: "s3:PutObject" };
  const body = (index) => ({
    headers: { contentType: "text/csv" },
    metadata: {},
    storageClass: "STANDARD",
    blobId: blobIdOf(index),
    size: 1000,
    etag: "0123456789abcdef0123456789abcdef",
    checksum: { algorithm: "CRC32", value: "AAAAAA==", type: "FULL_OBJECT" },
  });
  const bucket = { accountId: "000000000000", region: "us-east-1" };
  await records.write(
    [{ op: "insert", key: { accountId: "*", region: "*", family: "s3-bucket", name: "million" }, body: bucket }],
    { actor, at: Date.now() },
  );
  for (let start = 0; start < listed; start += 10_000) {
    const changes = Array.from({ length: 10_000 }, (_, offset) => ({
      op: "put",
      key: { ...bucket, family: "s3-object", name: `million/${keyOf(start + offset)}` },
      body: body(start + offset),
    }));
    await records.write(changes, { actor, at: Date.now(), history: false });
  }
  await records.close();
}

const keyOf = (index) =>
  `folder-${String(Math.floor(index / 1000)).padStart(4, "0")}/object-${String(index).padStart(7, "0")}`;

/** A page of 1,000 keys of a bucket with a million, over HTTP: the first, one in the middle, the last. */
async function lists() {
  const directory = temporaryDirectory("s3-lists");
  await fill(directory, () => "0".repeat(32));
  const server = await startServer(directory);
  const pages = {
    "first page": {},
    "middle page": { "start-after": keyOf(listed / 2) },
    "last page": { "start-after": keyOf(listed - 1001) },
    "1,000 folders of 1,000": { delimiter: "/" },
  };
  const rows = {};
  for (const [name, query] of Object.entries(pages)) {
    const request = await sign(server, "s3", {
      method: "GET",
      path: "/million",
      query: { "list-type": "2", ...query },
    });
    const times = [];
    for (let round = 0; round < 25; round += 1) {
      const before = performance.now();
      const answer = await fetch(request.url, { headers: request.headers });
      const text = await answer.text();
      times.push(performance.now() - before);
      if (!text.includes("<KeyCount>1000</KeyCount>")) throw new Error(text.slice(0, 500));
    }
    rows[name] = {
      "median ms": median(times).toFixed(1),
      "least ms": Math.min(...times).toFixed(1),
      aim: name.includes("folders") ? "-" : "50",
    };
  }
  await server.stop();
  report("ListObjectsV2 of a bucket with 1,000,000 objects", rows);
}

/** Resident memory of the server while 5 GiB are uploaded in parts. */
async function memory() {
  const server = await startServer(temporaryDirectory("s3-memory"));
  await clients(server).s3({ method: "PUT", path: "/bench" });
  const status = (field) =>
    Number(new RegExp(`${field}:\\s+(\\d+)`).exec(readFileSync(`/proc/${server.pid}/status`, "utf8"))[1]) / 1024;
  const before = status("VmRSS");
  const bytes = Buffer.allocUnsafe(1024 * mebibyte);
  randomFillSync(bytes.subarray(0, mebibyte));
  const samples = [];
  const timer = setInterval(() => samples.push(status("VmRSS")), 100);
  for (let round = 0; round < 5; round += 1) await upload(server, `/bench/object-${round}`, bytes, 64 * mebibyte);
  clearInterval(timer);
  report("memory of the server during 5 GiB of uploads in parts of 64 MiB, 4 at a time", {
    "RSS, MiB": {
      before: Math.round(before),
      median: Math.round(median(samples)),
      most: Math.round(Math.max(...samples)),
      aim: "250",
    },
  });
  await server.stop();
}

/** The sweep after a start with a million objects: time, and what it holds. */
async function sweep() {
  const directory = temporaryDirectory("s3-sweep");
  await fill(directory, (index) => index.toString(16).padStart(32, "0"));
  const records = new SqliteRecordStore({ file: join(directory, "sagebrush.db") });
  const blobs = await FileBlobStore.open(join(directory, "blobs"));
  const clock = { now: () => Date.now(), schedule: () => () => {} };
  const objects = new ObjectStore({ records, blobs, clock, keyFile: join(directory, "object-keys.json") });
  globalThis.gc?.();
  // Without the pages of the database file that the kernel maps in.
  const anonymous = () => Number(/RssAnon:\s+(\d+)/.exec(readFileSync("/proc/self/status", "utf8"))[1]) / 1024;
  const before = anonymous();
  let longest = 0;
  let last = performance.now();
  const timer = setInterval(() => {
    longest = Math.max(longest, performance.now() - last);
    last = performance.now();
  }, 1);
  const start = performance.now();
  await objects.sweepOrphans({ olderThanMs: 0 });
  const seconds = (performance.now() - start) / 1000;
  clearInterval(timer);
  await records.close();
  report("sweep of orphans beside 1,000,000 objects", {
    sweep: {
      seconds: seconds.toFixed(1),
      "longest pause of the event loop, ms": Math.round(longest),
      "memory grew, MiB": Math.round(anonymous() - before),
    },
  });
}

const sections = { small, large, lists, memory, sweep };
const named = process.argv.slice(2);
for (const [name, run] of Object.entries(sections)) if (named.length === 0 || named.includes(name)) await run();
