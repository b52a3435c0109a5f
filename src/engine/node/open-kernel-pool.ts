/** Kernel pools in Node: kernels from disk, workers from `node:worker_threads`. */
import { Worker } from "node:worker_threads";
import { entryPoint } from "../../util/entry-point.ts";
import { instantiateKernels } from "../kernel-modules.ts";
import { KernelPool } from "../kernel-pool.ts";
import type { KernelWorker, WorkerStart } from "../kernel-pool.ts";
import { SharedMemory } from "../shared-memory.ts";
import { compileKernelModules } from "./kernel-files.ts";

/** `workerData` of kernel-worker-main.ts. */
export interface KernelWorkerData {
  readonly start: WorkerStart;
  readonly modules: readonly WebAssembly.Module[];
}

/**
 * Opens a pool over a memory of its own; close it when done.
 * @param moduleNames files of `kernels/assembly` without extension
 * @param nThreads the calling thread is one of them
 */
export async function openKernelPool(moduleNames: readonly string[], nThreads: number): Promise<KernelPool> {
  const modules = await compileKernelModules(moduleNames);
  const memory = new SharedMemory();
  const kernels = instantiateKernels(modules, memory.webAssemblyMemory);
  return new KernelPool({ memory, kernels, nThreads, startWorker: (start) => startWorker({ start, modules }) });
}

function startWorker(workerData: KernelWorkerData): KernelWorker {
  const worker = new Worker(entryPoint(import.meta.url, "./kernel-worker-main.ts"), { workerData });
  // The pool lives as long as its owner; a sleeping worker must not keep the process up.
  worker.unref();
  const ended = new Promise<string | undefined>((resolve) => {
    worker.once("error", (error) => resolve(error instanceof Error ? error.message : String(error)));
    worker.once("exit", (code) => resolve(code === 0 ? undefined : `exit code ${code}`));
  });
  return {
    ended,
    terminate: async () => {
      await worker.terminate();
    },
  };
}
