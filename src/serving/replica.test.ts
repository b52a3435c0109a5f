import { mkdtemp, rm } from "node:fs/promises";
import { createServer } from "node:http";
import type { Server } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { LocalProcessBackend } from "../compute/local-process/local-process-backend.ts";
import { ManualClock } from "../util/clock.ts";
import { Replica, instanceIdOf } from "./replica.ts";
import type { ReplicaEnd } from "./replica.ts";

let directory: string;
let server: Server;
let backend: LocalProcessBackend;
let clock: ManualClock;
let replica: Replica;
let pingStatus: number;
let pings: number;
const never = new Promise<ReplicaEnd>(() => undefined);
const leave = new AbortController();

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), "sagebrush-replica-"));
  pingStatus = 200;
  pings = 0;
  server = createServer((_, response) => {
    pings += 1;
    response.writeHead(pingStatus).end();
  });
  const socketPath = join(directory, "s");
  await new Promise<void>((resolve) => server.listen(socketPath, resolve));
  backend = new LocalProcessBackend(directory);
  clock = new ManualClock();
  replica = new Replica({
    workload: { id: "ep-1", command: ["/bin/sh"], env: {}, cwd: directory, stopGraceMs: 0 },
    socketPath,
    startupTimeoutMs: 1_000,
    backend,
    clock,
  });
});

afterEach(async () => {
  await replica.forget();
  await backend.close();
  await new Promise((resolve) => server.close(resolve));
  await rm(directory, { recursive: true, force: true });
});

/** Moves the clock in steps of a second; after each, a ping that is under way gets its answer. */
async function seconds(count: number): Promise<void> {
  for (let second = 0; second < count; second += 1) {
    await clock.advance(1_000);
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}

test("a replica that is healthy is pinged and kept", async () => {
  let end: ReplicaEnd | undefined;
  void replica.failed(never, () => undefined, leave.signal).then((found) => (end = found));
  await seconds(30);
  expect(end).toBeUndefined();
  expect(pings).toBe(6);
});

test("an idle replica that fails its pings for ten seconds is given up, a busy one after 75", async () => {
  const ends: ReplicaEnd[] = [];
  const watch = () => void replica.failed(never, () => undefined, leave.signal).then((end) => ends.push(end));
  pingStatus = 500;
  watch();
  await seconds(9);
  expect(ends).toEqual([]);
  await seconds(1);
  expect(ends).toEqual([{ kind: "silent", forMs: 10_000 }]);
  replica.outstanding = 1;
  watch();
  await seconds(74);
  expect(ends).toHaveLength(1);
  await seconds(1);
  expect(ends).toHaveLength(2);
});

test("a doubted replica leaves service at once and comes back with the next ping", async () => {
  const seen: boolean[] = [];
  void replica.failed(never, (yes) => seen.push(yes), leave.signal);
  pingStatus = 500;
  replica.doubt();
  replica.doubt();
  expect(seen).toEqual([false]);
  await seconds(1);
  pingStatus = 200;
  await seconds(1);
  expect(seen).toEqual([false, true]);
});

test("a replica that answers no ping in time has not started", async () => {
  pingStatus = 503;
  let end: ReplicaEnd | undefined;
  void replica.healthy(never, leave.signal).then((found) => (end = found));
  for (let turn = 0; turn < 60 && end === undefined; turn += 1) {
    await clock.advance(20);
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
  expect(end).toEqual({ kind: "startup-timeout" });
  expect(clock.now() - Date.UTC(2026, 0, 1)).toBeGreaterThanOrEqual(1_000);
});

test("an instance id is stable and looks like EC2's", () => {
  expect(instanceIdOf("ep-0123456789ab-0-0-abcdef")).toMatch(/^i-[0-9a-f]{17}$/);
  expect(instanceIdOf("a")).toBe(instanceIdOf("a"));
  expect(instanceIdOf("a")).not.toBe(instanceIdOf("b"));
});
