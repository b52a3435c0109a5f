import { mkdtemp, rm } from "node:fs/promises";
import { createServer } from "node:net";
import type { Server } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Pool } from "undici";
import { afterEach, beforeEach, expect, test } from "vitest";
import type { LoadedModel } from "../algorithms/algorithm.ts";
import { ManualClock, SystemClock } from "../util/clock.ts";
import { EndpointRouter, NotRouted } from "./endpoint-router.ts";
import type { RoutedReplica, RoutedVariant } from "./endpoint-router.ts";
import { serveModel } from "./model-server/serve-model.ts";

const key = { accountId: "000000000000", region: "us-east-1", endpointName: "e" };
let directory: string;
let undo: (() => Promise<unknown>)[];

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), "sagebrush-router-"));
  undo = [];
});

afterEach(async () => {
  for (const step of undo.reverse()) await step();
  await rm(directory, { recursive: true, force: true });
});

interface TestReplica extends RoutedReplica {
  doubted: number;
}

function replicaAt(socketPath: string): TestReplica {
  const pool = new Pool("http://replica", { socketPath, connections: 8 });
  undo.push(() => pool.destroy());
  const replica: TestReplica = {
    id: "replica",
    pool,
    outstanding: 0,
    doubted: 0,
    doubt: () => {
      replica.doubted += 1;
    },
  };
  return replica;
}

/** A replica of a real model server whose model answers with this text, or as `predict` says. */
async function replica(name: string, predict?: LoadedModel["predict"]): Promise<TestReplica> {
  const socketPath = join(directory, name);
  const model: LoadedModel = { predict: predict ?? (() => ({ body: name, contentType: "text/plain" })) };
  const server = await serveModel(model, socketPath, () => undefined);
  undo.push(() => server.drain(0));
  return replicaAt(socketPath);
}

const variant = (name: string, weight: number, replicas: readonly RoutedReplica[]): RoutedVariant => ({
  name,
  weight,
  routing: "RANDOM",
  replicas: () => replicas,
});

async function ask(router: EndpointRouter, targetVariant?: string): Promise<string> {
  const response = await router.invoke(key, { body: Buffer.from("x"), headers: {}, targetVariant });
  return `${response.variant}:${response.status}:${Buffer.from(response.body).toString()}`;
}

test("traffic is shared by weight; weight 0 gets none and a target variant overrides it", async () => {
  let point = 0;
  const router = new EndpointRouter(new SystemClock(), () => point);
  router.set(key, [
    variant("a", 1, [await replica("ra")]),
    variant("zero", 0, [await replica("rz")]),
    variant("b", 3, [await replica("rb")]),
  ]);
  const counts: Record<string, number> = {};
  for (let step = 0; step < 100; step += 1) {
    point = step / 100;
    const [name] = (await ask(router)).split(":");
    counts[name] = (counts[name] ?? 0) + 1;
  }
  expect(counts).toEqual({ a: 25, b: 75 });
  point = 1 - Number.EPSILON;
  expect(await ask(router)).toBe("b:200:rb");
  expect(await ask(router, "zero")).toBe("zero:200:rz");
  await expect(ask(router, "none")).rejects.toMatchObject({ problem: "no-variant" });
});

test("an endpoint without traffic and an unknown endpoint say so", async () => {
  const router = new EndpointRouter(new SystemClock());
  await expect(ask(router)).rejects.toMatchObject({ problem: "no-endpoint" });
  router.set(key, [variant("a", 0, [await replica("ra")])]);
  await expect(ask(router)).rejects.toMatchObject({ problem: "no-traffic" });
});

test("least outstanding requests goes to the idle replica", async () => {
  let release: () => void = () => undefined;
  const gate = new Promise<void>((resolve) => {
    release = resolve;
  });
  const busy = await replica("busy", async () => (await gate, { body: "busy", contentType: "text/plain" }));
  const idle = await replica("idle");
  const router = new EndpointRouter(new SystemClock(), () => 0);
  router.set(key, [{ ...variant("a", 1, [busy, idle]), routing: "LEAST_OUTSTANDING_REQUESTS" }]);
  const first = ask(router);
  await new Promise((resolve) => setTimeout(resolve, 20));
  expect(await ask(router)).toBe("a:200:idle");
  release();
  expect(await first).toBe("a:200:busy");
});

test("statuses of the model are handed on and counted", async () => {
  const router = new EndpointRouter(new SystemClock());
  router.set(key, [variant("a", 1, [await replica("bug", () => Promise.reject(new Error("bug")))])]);
  expect(await ask(router)).toBe("a:500:bug");
  router.set(key, [variant("a", 1, [await replica("fine")])]);
  expect(await ask(router)).toBe("a:200:fine");
  const [metrics] = router.metrics();
  expect(metrics).toMatchObject({ variantName: "a", instances: 1, invocations: 2 });
  expect(metrics).toMatchObject({ invocation4XXErrors: 0, invocation5XXErrors: 1, invocationModelErrors: 1 });
  expect(metrics.modelLatencyMicros.count).toBe(2);
  expect(metrics.modelLatencyMicros.sum).toBeGreaterThan(0);
});

test("a request that was not sent goes to another replica, and the broken one is doubted", async () => {
  const gone = replicaAt(join(directory, "nobody-listens"));
  const fine = await replica("fine");
  let all: RoutedReplica[] = [gone, fine];
  gone.doubt = () => {
    all = [fine];
  };
  const router = new EndpointRouter(new SystemClock(), () => 0);
  router.set(key, [{ ...variant("a", 1, []), replicas: () => all }]);
  expect(await ask(router)).toBe("a:200:fine");
});

test("a request that may have reached a replica that died is not sent again", async () => {
  let connections = 0;
  const server: Server = createServer((socket) => {
    connections += 1;
    socket.once("data", () => socket.destroy());
  });
  await new Promise<void>((resolve) => server.listen(join(directory, "dying"), resolve));
  undo.push(() => new Promise((resolve) => server.close(resolve)));
  const dying = replicaAt(join(directory, "dying"));
  const router = new EndpointRouter(new SystemClock(), () => 0);
  router.set(key, [variant("a", 1, [dying, await replica("fine")])]);
  await expect(ask(router)).rejects.toMatchObject({ name: "NoAnswer", reason: "replica-died" });
  expect(connections).toBe(1);
  expect(dying.doubted).toBe(1);
});

test("a model gets 60 seconds", async () => {
  const clock = new ManualClock();
  const router = new EndpointRouter(clock);
  router.set(key, [variant("a", 1, [await replica("hanging", () => new Promise(() => undefined))])]);
  const asked = ask(router);
  const outcome = asked.catch((error: unknown) => error);
  await new Promise((resolve) => setTimeout(resolve, 20));
  await clock.advance(59_999);
  expect(await Promise.race([outcome, Promise.resolve("still waiting")])).toBe("still waiting");
  await clock.advance(1);
  expect(await outcome).toMatchObject({ name: "NoAnswer", reason: "timeout" });
  expect(router.metrics()[0]).toMatchObject({ invocations: 1, invocation5XXErrors: 1 });
});

test("without a replica a request waits for the next one, at most ten seconds", async () => {
  const clock = new ManualClock();
  const router = new EndpointRouter(clock);
  let all: RoutedReplica[] = [];
  router.set(key, [{ ...variant("a", 1, []), replicas: () => all }]);
  const lucky = ask(router);
  await clock.advance(9_000);
  all = [await replica("late")];
  router.replicasChanged(key);
  expect(await lucky).toBe("a:200:late");
  all = [];
  const unlucky = ask(router).catch((error: unknown) => error);
  await clock.advance(10_000);
  expect(await unlucky).toEqual(new NotRouted("no-replica"));
});

test("a client that hangs up frees the replica and is not counted as an error", async () => {
  const slow = await replica("slow", () => new Promise(() => undefined));
  const router = new EndpointRouter(new SystemClock());
  router.set(key, [variant("a", 1, [slow])]);
  const client = new AbortController();
  const asked = router.invoke(key, { body: Buffer.from("x"), headers: {}, signal: client.signal });
  const outcome = asked.catch((error: unknown) => error);
  await new Promise((resolve) => setTimeout(resolve, 20));
  expect(slow.outstanding).toBe(1);
  client.abort();
  expect(await outcome).toMatchObject({ name: "NoAnswer", reason: "hung-up" });
  expect(slow.outstanding).toBe(0);
  expect(router.metrics()[0].invocation5XXErrors).toBe(0);
});

test("endpoints of other accounts and regions are other endpoints", async () => {
  const router = new EndpointRouter(new SystemClock());
  router.set(key, [variant("a", 1, [await replica("mine")])]);
  for (const other of [{ accountId: "111111111111" }, { region: "eu-west-1" }, { endpointName: "f" }]) {
    const asked = router.invoke({ ...key, ...other }, { body: Buffer.from("x"), headers: {} });
    await expect(asked).rejects.toMatchObject({ problem: "no-endpoint" });
  }
});
