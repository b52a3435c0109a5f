import { readdirSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { expect, onTestFinished, test } from "vitest";
import { entryPoint } from "../../util/entry-point.ts";
import { control, KernelError, KernelPool } from "../kernel-pool.ts";
import type { WorkerStart } from "../kernel-pool.ts";
import { roundPairsArguments } from "../kernels/gradient-pairs.ts";
import { partitionArguments, partitionTask } from "../kernels/row-partition.ts";
import { SharedMemory } from "../shared-memory.ts";
import { openKernelPool } from "./open-kernel-pool.ts";

async function open(modules: readonly string[], nThreads: number): Promise<KernelPool> {
  const pool = await openKernelPool(modules, nThreads);
  onTestFinished(() => pool.close());
  return pool;
}

/** Rounds n pairs to multiples of 1/4, three pairs a task. */
function roundMany(pool: KernelPool, n: number): Float32Array {
  const { memory } = pool;
  const pairs = memory.allocate(8 * n);
  const values = memory.f32(pairs, 2 * n);
  values.forEach((_, i) => {
    values[i] = i / 16;
  });
  const address = memory.allocate(roundPairsArguments.size);
  const anchor = 1.5 * 2 ** 50;
  roundPairsArguments.write(memory, address, {
    pairs,
    nPairs: n,
    pairsPerTask: 3,
    gradientAnchor: anchor,
    hessianAnchor: anchor,
  });
  pool.run("roundPairs", address, Math.ceil(n / 3));
  return values;
}

test.each([1, 2, 4])("%i threads do every task of many jobs exactly once", async (nThreads) => {
  const pool = await open(["gradient-pairs"], nThreads);
  for (let job = 0; job < 50; job += 1) {
    const rounded = roundMany(pool, 1000);
    expect(rounded.every((value, i) => value === roundHalfToEven(i / 4) / 4)).toBe(true);
  }
});

function roundHalfToEven(x: number): number {
  return x + 1.5 * 2 ** 52 - 1.5 * 2 ** 52;
}

test.each([1, 3])(
  "a kernel that reads outside the memory fails the job and the pool, with %i threads",
  async (nThreads) => {
    const pool = await open(["row-partition"], nThreads);
    const { memory } = pool;
    const address = memory.allocate(partitionArguments.size);
    const tasks = memory.allocate(partitionTask.size * 100);
    const outside = 4_000_000_000;
    for (let i = 0; i < 100; i += 1) {
      partitionTask.write(
        memory,
        tasks,
        {
          begin: 0,
          end: 10,
          feature: 0,
          lastLeft: 0,
          missingCode: 0,
          missingLeft: 0,
          nLeft: 5,
          leftTarget: 0,
          rightTarget: 5,
        },
        i,
      );
    }
    const lists = { source: outside, rows: outside, lefts: outside, rights: outside };
    partitionArguments.write(memory, address, {
      columnCodes: 0,
      nRows: 10,
      ...lists,
      tasks,
      seed: 0,
      stream: 0,
      threshold: 0,
    });
    expect(() => pool.run("placeRows", address, 100)).toThrow(/kernel placeRows: memory access out of bounds/);
    expect(() => pool.run("placeRows", address, 100)).toThrow(/an earlier kernel failed/);
  },
);

test("a kernel that does not exist and a closed pool are refused", async () => {
  const pool = await open(["gradient-pairs"], 2);
  expect(() => pool.run("roundPears", 0, 1)).toThrow("kernel roundPears: no such kernel");
  await pool.close();
  await pool.close();
  expect(() => pool.run("roundPairs", 0, 1)).toThrow("the pool is closed");
});

/** A pool of two threads whose worker is played by `worker`, and a kernel that does nothing. */
function playedPool(worker: (start: WorkerStart) => Promise<string | undefined>): KernelPool {
  return new KernelPool({
    memory: new SharedMemory(),
    kernels: { idle: () => undefined },
    nThreads: 2,
    stallTimeoutMs: 20,
    startWorker: (start) => ({ ended: worker(start), terminate: async () => undefined }),
  });
}

test("a worker that dies inside a job is an error, not a wait without end", () => {
  const pool = playedPool(({ memory, controlAddress }) => {
    // It has entered, and will never leave.
    Atomics.add(new Int32Array(memory.buffer, controlAddress, control.words), control.active, 1);
    return new Promise(() => undefined);
  });
  expect(() => pool.run("idle", 0, 10)).toThrow(KernelError);
  expect(() => pool.run("idle", 0, 10)).toThrow(/no task finished in 20 ms; a worker thread was lost/);
});

test("a worker that ends between jobs is reported by the next job", async () => {
  const pool = playedPool(async () => "out of memory");
  await new Promise((resolve) => setImmediate(resolve));
  expect(() => pool.run("idle", 0, 10)).toThrow("a kernel worker ended unexpectedly: out of memory");
});

test("kernel modules have no static data, which all threads would share at the same address", () => {
  const folder = join(dirname(entryPoint(import.meta.url, "./open-kernel-pool.ts")), "..", "kernels");
  const sources = readdirSync(join(dirname(fileURLToPath(import.meta.url)), "..", "kernels", "assembly"));
  const modules = sources
    .filter((file) => /^[^_].*(?<!\.d)\.ts$/.test(file))
    .map((file) => file.replace(/\.ts$/, ".wasm"));
  expect(modules.length).toBeGreaterThan(0);
  const dataSection = 11;
  for (const file of modules)
    expect([file, sectionsOf(readFileSync(join(folder, file))).includes(dataSection)]).toEqual([file, false]);
});

/** Numbers of the sections of a WebAssembly module: each is a number, a LEB128 length and that many bytes. */
function sectionsOf(bytes: Uint8Array): number[] {
  const sections: number[] = [];
  let at = 8;
  while (at < bytes.length) {
    sections.push(bytes[at]);
    let length = 0;
    let shift = 0;
    do {
      at += 1;
      length += (bytes[at] & 0x7f) * 2 ** shift;
      shift += 7;
    } while (bytes[at] >= 0x80);
    at += 1 + length;
  }
  return sections;
}
