import { expect, test } from "vitest";
import { MemoryMetrics } from "../jobs/ports.contract.ts";
import { ManualClock } from "../util/clock.ts";
import { EndpointMetrics } from "./endpoint-metrics.ts";
import { EndpointRouter, type RoutedReplica } from "./endpoint-router.ts";

const key = { accountId: "000000000000", region: "eu-west-1", endpointName: "scores" };

/** A replica that answers with these statuses, one after another. */
function replica(id: string, statuses: number[]): RoutedReplica {
  const dispatch = (_: unknown, handler: Record<string, (...all: unknown[]) => void>) => {
    handler.onRequestStart({ abort: () => {} });
    handler.onResponseStart({}, statuses.shift(), {});
    handler.onResponseEnd({}, {});
    return true;
  };
  return { id, pool: { dispatch } as never, outstanding: 0, doubt: () => {} };
}

function place(options: { usage?: (id: string) => { cpuMs: number; memoryBytes: number } | undefined } = {}) {
  const clock = new ManualClock();
  const sink = new MemoryMetrics();
  const router = new EndpointRouter(clock, () => 0);
  const metrics = new EndpointMetrics({
    router,
    compute: { usage: async (id) => options.usage?.(id) },
    metrics: sink,
    clock,
    directory: ".",
    report: (what) => expect.unreachable(what),
  });
  const serve = (replicas: RoutedReplica[], name = "AllTraffic") =>
    router.set(key, [{ name, weight: 1, routing: "LEAST_OUTSTANDING_REQUESTS", replicas: () => replicas }]);
  const ask = () => router.invoke(key, { body: new Uint8Array(), headers: {} });
  return { clock, sink, router, metrics, serve, ask };
}

test("requests of ten seconds are told together, errors as their rate", async () => {
  const { clock, sink, serve, ask, metrics } = place();
  serve([replica("a", [200, 200, 404, 500]), replica("b", [])]);
  for (let left = 4; left > 0; left -= 1) await ask();
  expect(sink.data).toEqual([]);
  await clock.advance(10_000);
  expect(sink.values("Invocations")).toEqual([[[1, 4]]]);
  expect(sink.values("InvocationsPerInstance")).toEqual([[[0.5, 4]]]);
  expect(sink.values("Invocation4XXErrors")).toEqual([
    [
      [0, 3],
      [1, 1],
    ],
  ]);
  expect(sink.values("Invocation5XXErrors")).toEqual([
    [
      [0, 3],
      [1, 1],
    ],
  ]);
  expect(sink.values("InvocationModelErrors")).toEqual([
    [
      [0, 2],
      [1, 2],
    ],
  ]);
  expect(sink.values("ConcurrentRequestsPerModel")).toEqual([0]);
  for (const name of ["ModelLatency", "OverheadLatency"]) {
    const datum = sink.data.find((each) => each.name === name)!;
    expect(datum).toMatchObject({
      namespace: "AWS/SageMaker",
      space: "000000000000 eu-west-1",
      dimensions: { EndpointName: "scores", VariantName: "AllTraffic" },
      unit: "Microseconds",
      timestamp: clock.now(),
    });
    expect((datum.value as [number, number][]).reduce((total, [, count]) => total + count, 0)).toBe(4);
  }
  await clock.advance(10_000);
  // Nothing happened, so nothing more is said of requests.
  expect(sink.values("Invocations")).toHaveLength(1);
  await metrics.close();
});

test("what an endpoint did before it was deleted is told, and a variant that stays goes on", async () => {
  const { sink, router, serve, ask, metrics } = place();
  serve([replica("a", [200, 200, 200])], "one");
  await ask();
  serve([replica("a", [200])], "one");
  await ask();
  serve([replica("b", [200])], "two");
  router.delete(key);
  await metrics.tell();
  expect(
    sink.data
      .filter(({ name }) => name === "Invocations")
      .map(({ dimensions, value }) => [dimensions.VariantName, value]),
  ).toEqual([["one", [[1, 2]]]]);
  await metrics.close();
});

test("replicas tell what they use of the machine, from the second look on", async () => {
  let cpuMs = 0;
  const { sink, serve, metrics } = place({ usage: () => ({ cpuMs: (cpuMs += 1000), memoryBytes: 1 }) });
  serve([replica("a", []), replica("b", [])]);
  await metrics.tell();
  expect(sink.values("CPUUtilization")).toEqual([]);
  await metrics.tell();
  expect(sink.values("CPUUtilization")).toHaveLength(2);
  expect(sink.values("CPUUtilization")[0]).toBeGreaterThan(100);
  expect(sink.data.find(({ name }) => name === "DiskUtilization")).toMatchObject({
    namespace: "/aws/sagemaker/Endpoints",
    dimensions: { EndpointName: "scores", VariantName: "AllTraffic" },
    unit: "Percent",
  });
  await metrics.close();
});
