import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as realTime } from "node:timers/promises";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import type { RecordKey, StoredRecord, WriteOptions } from "../storage/record-store.ts";
import { SqliteRecordStore } from "../storage/sqlite-record-store.ts";
import { ManualClock } from "../util/clock.ts";
import { ReconcilerEngine, type Reconciler, type StepContext } from "./reconciler.ts";

interface Job {
  readonly progress: number;
}

let folder: string;
let records: SqliteRecordStore;
let clock: ManualClock;
let engine: ReconcilerEngine;
let logged: string[];

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "sagebrush-reconciler-"));
  records = new SqliteRecordStore({ file: join(folder, "records.db"), reserveBytes: 0 });
  clock = new ManualClock(0);
  logged = [];
  engine = newEngine();
});
afterEach(async () => {
  await engine.stop();
  await records.close();
  rmSync(folder, { recursive: true, force: true });
});

function newEngine(): ReconcilerEngine {
  return new ReconcilerEngine({ records, clock, log: (what, error) => logged.push(`${what}: ${String(error)}`) });
}

function key(name: string): RecordKey {
  return { accountId: "000000000000", region: "us-east-1", family: "job", name };
}

function user(): WriteOptions {
  return { actor: { by: "user", call: "sagemaker:CreateJob" }, at: clock.now() };
}

async function create(name: string, status = "InProgress"): Promise<void> {
  await records.write([{ op: "insert", key: key(name), arn: `arn:${name}`, status, body: { progress: 0 } }], user());
  engine.notify(key(name));
}

async function stateOf(name: string): Promise<string | undefined> {
  const record = await records.get<Job>(key(name));
  return record && `${record.status} ${record.body.progress}`;
}

/** A reconciler of `job` that does what `step` says; giving up marks the job as failed. */
function jobs(step: Reconciler<Job>["step"], more: Partial<Reconciler<Job>> = {}): Reconciler<Job> {
  return {
    family: "job",
    unsettled: ["InProgress", "Stopping"],
    step,
    async giveUp(record, _error, context) {
      await context.update({ body: record.body, status: "Failed" });
    },
    ...more,
  };
}

/** Counts to three, one durable step after the other. */
const counting = jobs(async (record, context) => {
  const progress = record.body.progress + 1;
  await context.update({ body: { progress }, status: progress === 3 ? "Completed" : "InProgress" }, "count");
});

async function run(reconciler: Reconciler<Job>): Promise<void> {
  engine.add(reconciler);
  await engine.start();
}

test("a created record is driven to a state that lasts, and each step is in its history", async () => {
  await run(counting);
  await create("a");
  await engine.idle();
  expect(await stateOf("a")).toBe("Completed 3");
  const history = await records.history(key("a"));
  expect(history.map(({ actor }) => `${actor.by} ${actor.call}`)).toEqual([
    "user sagemaker:CreateJob",
    "sagebrush:job count",
    "sagebrush:job count",
    "sagebrush:job count",
  ]);
});

test("starting goes on with what an earlier server left unsettled, and only with that", async () => {
  await create("left", "InProgress");
  await create("settled", "Completed");
  await run(counting);
  await engine.idle();
  expect(await stateOf("left")).toBe("Completed 3");
  expect(await stateOf("settled")).toBe("Completed 0");
});

test("steps of one record never overlap, steps of several do, within the bound", async () => {
  const running = new Set<string>();
  let most = 0;
  const slow = jobs(
    async (record, context) => {
      expect(running.has(record.name)).toBe(false);
      running.add(record.name);
      most = Math.max(most, running.size);
      await realTime(5);
      running.delete(record.name);
      await counting.step(record, context);
    },
    { concurrency: 3 },
  );
  await run(slow);
  await Promise.all(
    Array.from({ length: 8 }, async (_, index) => {
      await create(`job-${index}`);
      engine.notify(key(`job-${index}`));
    }),
  );
  await engine.idle();
  expect(most).toBe(3);
  expect(await stateOf("job-7")).toBe("Completed 3");
});

test("a step that fails is tried again after 1, 2, 4 … seconds, and logged", async () => {
  const attempts: number[] = [];
  await run(
    jobs(async (record, context) => {
      attempts.push(clock.now());
      if (attempts.length <= 3) throw new Error("disk went away");
      await context.update({ body: record.body, status: "Completed" });
    }),
  );
  await create("a");
  await clock.advance(999);
  expect(attempts).toEqual([0]);
  await clock.advance(20_000);
  expect(attempts).toEqual([0, 1000, 3000, 7000]);
  expect(await stateOf("a")).toBe("Completed 0");
  expect(logged[0]).toBe('a step of job "a" failed (1 of 10), next in 1000 ms: Error: disk went away');
  expect(logged).toHaveLength(3);
});

test("after the last attempt the reconciler gives up with the error", async () => {
  const errors: unknown[] = [];
  let attempts = 0;
  await run(
    jobs(
      async () => {
        attempts += 1;
        throw new Error(`attempt ${attempts}`);
      },
      {
        maxAttempts: 3,
        async giveUp(record, error, context) {
          errors.push(error);
          // Giving up may fail, too; it is repeated.
          if (errors.length === 1) throw new Error("no room to give up");
          await context.update({ body: record.body, status: "Failed" });
        },
      },
    ),
  );
  await create("a");
  await clock.advance(600_000);
  expect(await stateOf("a")).toBe("Failed 0");
  expect(attempts).toBe(3);
  expect(errors.map(String)).toEqual(["Error: attempt 3", "Error: no room to give up"]);
});

test("waits between attempts grow to a minute and no further", async () => {
  const attempts: number[] = [];
  await run(
    jobs(
      async () => {
        attempts.push(clock.now());
        throw new Error("no");
      },
      { maxAttempts: 9 },
    ),
  );
  await create("a");
  await clock.advance(3_600_000);
  const gaps = attempts.slice(1).map((at, index) => (at - attempts[index]) / 1000);
  expect(gaps).toEqual([1, 2, 4, 8, 16, 32, 60, 60]);
});

test("a step that met somebody else's write begins anew at once, and that is no failure", async () => {
  let steps = 0;
  await run(
    jobs(
      async (record, context) => {
        steps += 1;
        if (steps === 1) {
          await records.write([{ op: "update", key: key("a"), body: { progress: 10 } }], user());
        }
        await context.update({ body: { progress: record.body.progress + 1 }, status: "Completed" });
      },
      { maxAttempts: 1 },
    ),
  );
  await create("a");
  await engine.idle();
  expect(await stateOf("a")).toBe("Completed 11");
  expect(logged).toEqual([]);
});

test("a waiting step hears that somebody else wrote its record, and not of its own writes", async () => {
  const heard: string[] = [];
  await run(
    jobs(async (record, context) => {
      if (record.status === "Stopping") {
        await context.update({ body: record.body, status: "Stopped" });
        return;
      }
      await context.update({ body: { progress: 1 } });
      engine.notify(key("a"));
      const changed = context.changed().then(() => heard.push("changed"));
      await realTime(20);
      heard.push("still waiting");
      await changed;
    }),
  );
  await create("a");
  await vi.waitFor(() => expect(heard).toEqual(["still waiting"]));
  await records.write([{ op: "update", key: key("a"), status: "Stopping", body: { progress: 2 } }], user());
  engine.notify(key("a"));
  await engine.idle();
  expect(heard).toEqual(["still waiting", "changed"]);
  expect(await stateOf("a")).toBe("Stopped 2");
});

test("a change that came before the step asked is heard at once, and so are deletion and replacement", async () => {
  let heard = 0;
  await run(
    jobs(async (record, context) => {
      const options = user();
      if (record.name === "changed") {
        await records.write([{ op: "update", key: key("changed"), status: "Completed", body: record.body }], options);
      } else {
        await records.write([{ op: "delete", key: key(record.name) }], options);
      }
      if (record.name === "replaced") {
        await records.write([{ op: "insert", key: key("replaced"), status: "Completed", body: record.body }], {
          ...options,
          at: 5,
        });
      }
      await context.changed();
      heard += 1;
    }),
  );
  for (const name of ["changed", "deleted", "replaced"]) await create(name);
  await engine.idle();
  expect(heard).toBe(3);
});

test("somebody's write ends the wait for the next attempt", async () => {
  await run(
    jobs(async (record, context) => {
      if (record.status !== "Stopping") throw new Error("cannot start");
      await context.update({ body: record.body, status: "Stopped" });
    }),
  );
  await create("a");
  await clock.advance(10);
  await records.write([{ op: "update", key: key("a"), status: "Stopping", body: { progress: 0 } }], user());
  engine.notify(key("a"));
  await engine.idle();
  expect(await stateOf("a")).toBe("Stopped 0");
  expect(clock.now()).toBe(10);
});

test("a step that writes nothing is not run again at once", async () => {
  let steps = 0;
  await run(
    jobs(async () => {
      steps += 1;
    }),
  );
  await create("a");
  await clock.advance(500);
  expect(steps).toBe(1);
  await clock.advance(3000);
  expect(steps).toBe(3);
  expect(await stateOf("a")).toBe("InProgress 0");
});

test("revise builds on what others wrote meanwhile", async () => {
  await run(
    jobs(async (_record, context) => {
      await records.write([{ op: "update", key: key("a"), body: { progress: 10 } }], user());
      await context.revise(({ body }) => ({ body: { progress: body.progress + 1 }, status: "Completed" }));
    }),
  );
  await create("a");
  await engine.idle();
  expect(await stateOf("a")).toBe("Completed 11");
});

test("a step can remove its record with its tags", async () => {
  await run(jobs((_record, context) => context.remove("delete")));
  await records.write([{ op: "tag", arn: "arn:a", tags: { k: "v" } }], user());
  await create("a");
  await engine.idle();
  expect(await stateOf("a")).toBeUndefined();
  expect(await records.tags("arn:a")).toEqual({});
});

test("stopping tells every step, waits until they left, and starts no other", async () => {
  const left: string[] = [];
  const contexts: StepContext<Job>[] = [];
  await run(
    jobs(async (record, context) => {
      contexts.push(context);
      try {
        await context.changed();
      } finally {
        await realTime(5);
        left.push(record.name);
      }
    }),
  );
  await create("a");
  await create("b");
  await clock.advance(0);
  await engine.stop();
  expect(left.sort()).toEqual(["a", "b"]);
  expect(contexts.every(({ signal }) => signal.aborted)).toBe(true);
  await create("late");
  await engine.idle();
  expect(contexts).toHaveLength(2);
  expect(logged).toEqual([]);
});

test("stopping does not wait for the next attempt", async () => {
  await run(
    jobs(async () => {
      throw new Error("no");
    }),
  );
  await create("a");
  await clock.advance(0);
  await engine.stop();
  expect(logged).toHaveLength(1);
  expect(await stateOf("a")).toBe("InProgress 0");
});

test("another engine goes on where a stopped one left", async () => {
  const half = jobs(async (record, context) => {
    if (record.body.progress === 1) await context.changed();
    await counting.step(record, context);
  });
  await run(half);
  await create("a");
  await clock.advance(0);
  await engine.stop();
  expect(await stateOf("a")).toBe("InProgress 1");
  engine = newEngine();
  await run(counting);
  await engine.idle();
  expect(await stateOf("a")).toBe("Completed 3");
});

test("records of families without a reconciler are left alone", async () => {
  await run(counting);
  const other = { ...key("a"), family: "model" };
  const [record] = await records.write([{ op: "insert", key: other, status: "InProgress", body: 1 }], user());
  engine.notify(record as StoredRecord);
  await engine.idle();
  expect(await records.get(other)).toMatchObject({ revision: 1 });
});
