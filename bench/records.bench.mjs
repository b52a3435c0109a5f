// The stores alone: reads, pages and durable writes of records with few and many of them, and blobs.
// Reference in the same run: an append with fdatasync to a plain file, which is what any durable write costs at least.
import { closeSync, fdatasyncSync, openSync, writeSync } from "node:fs";
import { open } from "node:fs/promises";
import { join } from "node:path";
import { FileBlobStore } from "../dist/storage/file-blob-store.js";
import { SqliteRecordStore } from "../dist/storage/sqlite-record-store.js";
import { report, temporaryDirectory } from "./lib.mjs";

const few = 1_000;
const many = 100_000;
const space = { accountId: "000000000000", region: "us-east-1", family: "training-job" };
const statuses = ["Completed", "Completed", "Completed", "Failed", "Stopped"];
const actor = { by: "arn:aws:iam::000000000000:root", call: "sagemaker:CreateTrainingJob" };
/** About as long as a training job's record. */
const body = {
  request: { text: "x".repeat(1_000) },
  transitions: Array.from({ length: 5 }, (_, at) => ({ status: "Training", at })),
};

const directory = temporaryDirectory("records");
const key = (index) => ({ ...space, name: `job-${index}` });
const insert = (index) => ({
  op: "insert",
  key: key(index),
  arn: `arn:aws:sagemaker:us-east-1:000000000000:training-job/job-${index}`,
  status: statuses[index % statuses.length],
  body,
});

/** Calls per second of `work(index)` with so many at a time. */
async function rate(count, work, concurrency = 1) {
  let next = 0;
  const before = performance.now();
  await Promise.all(
    Array.from({ length: concurrency }, async () => {
      while (next < count) await work(next++);
    }),
  );
  return (count / (performance.now() - before)) * 1000;
}

const rows = {};
function note(what, size, value) {
  rows[what] = { ...rows[what], [size]: Math.round(value) };
}

for (const size of [few, many]) {
  const store = new SqliteRecordStore({ file: join(directory, `records-${size}.db`) });
  for (let start = 0; start < size; start += 1_000) {
    const changes = Array.from({ length: 1_000 }, (_, offset) => insert(start + offset));
    await store.write(changes, { actor, at: 1e12 + start });
  }
  const column = `${size} records`;
  const someone = (index) => (index * 7919) % size;
  await rate(20_000, (index) => store.get(key(someone(index))));
  note("get/s", column, await rate(50_000, (index) => store.get(key(someone(index)))));
  for (const orderBy of ["createdAt", "updatedAt", "name", "status"]) {
    const query = { ...space, orderBy, descending: true, limit: 10 };
    note(`first page of 10 by ${orderBy}/s`, column, await rate(2_000, () => store.list(query)));
  }
  let after;
  for (let page = 0; page < size / 1_000 / 2; page += 1)
    after = (await store.list({ ...space, limit: 1000, after })).next;
  note("page of 10 in the middle/s", column, await rate(2_000, () => store.list({ ...space, limit: 10, after })));
  note(
    "page of 10 of one status/s",
    column,
    await rate(2_000, () => store.list({ ...space, limit: 10, status: "Completed", descending: true })),
  );
  let number = size;
  const write = () => store.write([insert(number++)], { actor, at: 2e12 });
  note("durable insert/s, 1 writer", column, await rate(1_000, write));
  note("durable insert/s, 64 writers", column, await rate(10_000, write, 64));
  await store.close();
}

const file = openSync(join(directory, "reference"), "w");
const line = Buffer.alloc(4096, "x");
note(
  "reference: 4 KiB append + fdatasync/s",
  "any",
  await rate(1_000, () => {
    writeSync(file, line);
    fdatasyncSync(file);
  }),
);
closeSync(file);
report("records", rows);

const blobs = await FileBlobStore.open(join(directory, "blobs"));
async function* content(bytes) {
  const chunk = new Uint8Array(Math.min(bytes, 65_536));
  for (let left = bytes; left > 0; left -= chunk.byteLength) yield chunk;
}
const plain = await open(join(directory, "plain"), "w");
const chunk = new Uint8Array(2 ** 20);
const before = performance.now();
for (let written = 0; written < 256; written += 1) await plain.write(chunk);
await plain.datasync();
const plainRate = (256 / (performance.now() - before)) * 1000;
await plain.close();
const speeds = {
  "4 KiB durable writes/s, 1 at a time": await rate(500, () => blobs.write(content(4096))),
  "4 KiB durable writes/s, 16 at a time": await rate(4_000, () => blobs.write(content(4096)), 16),
  "1 MiB blobs, MiB/s, 4 at a time": await rate(200, () => blobs.write(content(2 ** 20)), 4),
  "64 MiB blobs, MiB/s": 64 * (await rate(4, () => blobs.write(content(2 ** 26)))),
  "reference: one plain file of 256 MiB, MiB/s": plainRate,
};
report(
  "blobs",
  Object.entries(speeds).map(([what, speed]) => ({ what, speed: Math.round(speed) })),
);
