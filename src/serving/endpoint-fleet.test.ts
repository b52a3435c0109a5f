import { readdir } from "node:fs/promises";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { StartFailed } from "./replica-set.ts";
import { Place, archive, endpoint, eventually } from "../../tests/support/serving/place.ts";

let place: Place;

beforeEach(async () => {
  place = await Place.make();
});

afterEach(async () => {
  await place.end();
});

const alive = (pid: number): boolean => {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
};

test("a deployment answers with the model of its artifact and logs under its variant", async () => {
  await place.deploy([await place.variant("AllTraffic", 3)]);
  expect(await place.ask("14")).toEqual({ status: 200, text: "42", variant: "AllTraffic" });
  const [[name, { events }]] = await eventually(() => {
    const streams = [...place.logs.streams];
    return streams.length === 1 && streams[0][1].events.length > 0 ? streams : undefined;
  });
  expect(name).toMatch(/^\/aws\/sagemaker\/Endpoints\/scores:AllTraffic\/i-[0-9a-f]{17}$/);
  expect(events.map(({ message }) => message)).toEqual(["model with weight 3 in service"]);
  expect(place.problems).toEqual([]);
});

test("the model's Environment reaches the model and not its process", async () => {
  await place.deploy([await place.variant("v", 1, { environment: { NODE_OPTIONS: "--no-such-option", A: "b" } })]);
  expect(JSON.parse((await place.ask("environment")).text)).toEqual({ NODE_OPTIONS: "--no-such-option", A: "b" });
});

test("a killed replica comes back by itself and requests wait for it", async () => {
  await place.deploy([await place.variant("v", 2)]);
  const first = Number((await place.ask("pid")).text);
  process.kill(first, "SIGKILL");
  await eventually(() => !alive(first));
  // A request on a connection whose end has not been noticed yet may have reached the model, so it would fail.
  await new Promise((resolve) => setTimeout(resolve, 20));
  expect((await place.ask("21")).text).toBe("42");
  expect(Number((await place.ask("pid")).text)).not.toBe(first);
  await eventually(async () => (await place.backend.list()).length === 1);
  expect(place.problems).toEqual([]);
});

test("a request that a dying replica took is not asked twice", async () => {
  await place.deploy([await place.variant("v", 2)]);
  await expect(place.ask("die")).rejects.toMatchObject({ name: "NoAnswer", reason: "replica-died", variant: "v" });
  expect((await place.ask("21")).text).toBe("42");
});

test("a restarted server takes over the running replicas", async () => {
  const deployment = await place.deploy([await place.variant("v", 2, { instanceCount: 2 })]);
  const ids = [...(await place.backend.list())].sort();
  const pid = (await place.ask("pid")).text;
  await place.restart();
  place.storage.objects.clear();
  await place.fleet.start(deployment);
  place.fleet.route(deployment);
  await place.fleet.ready(deployment, AbortSignal.timeout(20_000));
  expect([...(await place.backend.list())].sort()).toEqual(ids);
  const pids = new Set<string>();
  for (let turn = 0; turn < 50; turn += 1) pids.add((await place.ask("pid")).text);
  expect(pids).toContain(pid);
  expect(pids.size).toBe(2);
  expect(place.problems).toEqual([]);
});

test("an orderly end leaves no process, and the next server starts the replicas again without S3", async () => {
  const deployment = await place.deploy([await place.variant("v", 2)]);
  const pid = Number((await place.ask("pid")).text);
  await place.fleet.end();
  expect(alive(pid)).toBe(false);
  expect(await place.backend.list()).toEqual([]);
  await place.restart();
  place.storage.objects.clear();
  await place.fleet.start(deployment);
  place.fleet.route(deployment);
  await place.fleet.ready(deployment, AbortSignal.timeout(20_000));
  expect((await place.ask("21")).text).toBe("42");
  expect(place.problems).toEqual([]);
});

test("stopping answers what is in work and leaves no process, workload, file or socket", async () => {
  const deployment = await place.deploy([await place.variant("v", 2, { instanceCount: 2 })]);
  const pid = Number((await place.ask("pid")).text);
  const slow = place.ask("slow");
  await new Promise((resolve) => setTimeout(resolve, 100));
  place.fleet.unroute(endpoint);
  await place.fleet.stop(deployment);
  expect((await slow).text).toBe("slow");
  expect(alive(pid)).toBe(false);
  expect(await place.backend.list()).toEqual([]);
  expect(await readdir(join(place.directory, "endpoints"))).toEqual([]);
  expect(await readdir(place.sockets)).toEqual([]);
  await expect(place.ask("1")).rejects.toMatchObject({ problem: "no-endpoint" });
  expect(place.problems).toEqual([]);
});

test("a replica set grows and shrinks", async () => {
  const variant = await place.variant("v", 2);
  const deployment = await place.deploy([variant]);
  const three = { ...deployment, variants: [{ ...variant, instanceCount: 3 }] };
  await place.fleet.start(three);
  await place.fleet.ready(three, AbortSignal.timeout(20_000));
  expect(place.router.metrics()[0].instances).toBe(3);
  await place.fleet.start(deployment);
  expect(place.router.metrics()[0].instances).toBe(1);
  expect(await place.backend.list()).toHaveLength(1);
});

test("a sweep ends the replicas and removes the files of deployments that nobody knows", async () => {
  const deployment = await place.deploy([await place.variant("v", 2)]);
  const pid = Number((await place.ask("pid")).text);
  await place.restart();
  await place.fleet.sweep(new Set([deployment.id]));
  expect(alive(pid)).toBe(true);
  await place.fleet.sweep(new Set());
  expect(alive(pid)).toBe(false);
  expect(await place.backend.list()).toEqual([]);
  expect(await readdir(join(place.directory, "endpoints"))).toEqual([]);
});

test("a model that cannot be loaded fails the start with what the process said", async () => {
  const variant = await place.variant("v", 2);
  place.storage.put("models", "v/model.tar.gz", await archive({ "other.json": "{}" }));
  const failed = place.deploy([variant]);
  await expect(failed).rejects.toThrow(StartFailed);
  await expect(failed).rejects.toThrow(
    /^The primary container for production variant v did not pass the ping health check\. Please check CloudWatch logs for this endpoint\. The process exited with code 1\. Its last lines: the model cannot be served: ENOENT.*model\.json/,
  );
});

test("a model that is not in S3 fails the start by name", async () => {
  const variant = await place.variant("v", 2);
  place.storage.objects.clear();
  await expect(place.deploy([variant])).rejects.toThrow("Could not find model data at s3://models/v/model.tar.gz.");
  expect(await place.backend.list()).toEqual([]);
});
