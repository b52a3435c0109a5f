/** Entry of a kernel worker thread. */
import { workerData } from "node:worker_threads";
import { instantiateKernels } from "../kernel-modules.ts";
import { serveKernels } from "../kernel-worker.ts";
import type { KernelWorkerData } from "./open-kernel-pool.ts";

const { start, modules } = workerData as KernelWorkerData;
serveKernels(start, instantiateKernels(modules, start.memory));
