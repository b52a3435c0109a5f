/**
 * Runs kernels on several threads over one shared memory.
 *
 * A job is a kernel, the address of its arguments and a number of independent tasks. The calling thread and the
 * workers draw task numbers from one counter until none is left, so that a thread that the system runs late costs
 * nothing: the others take its share. Between jobs workers sleep in `Atomics.wait`; the caller never waits for a
 * worker that has not begun. A kernel must give the same bytes whichever thread runs which task.
 */
import type { SharedMemory } from "./shared-memory.ts";

/** @param thread 0 is the caller; for memory that each thread has for itself */
export type Kernel = (argumentsAddress: number, task: number, thread: number) => void;
export type KernelTable = Readonly<Record<string, Kernel>>;

/** Where the threads meet: one block of 32-bit words, then the text of the first failure. */
export const control = {
  /** Number of the job that may be entered; 0: none. */
  open: 0,
  /** Workers inside a job. */
  active: 1,
  nextTask: 2,
  nTasks: 3,
  kernel: 4,
  arguments: 5,
  /** Rises with every finished task: proof of life. */
  finished: 6,
  /** Length of the failure text; 0: no failure. */
  failureLength: 7,
  /** 1: workers leave. */
  shutdown: 8,
  /** Rises with every job, to wake sleepers. */
  bell: 9,
  words: 16,
  failureBytes: 1024,
} as const;

export const controlBytes = control.words * 4 + control.failureBytes;

/** A kernel failed in some thread; the data it was working on is in an undefined state. */
export class KernelError extends Error {
  constructor(message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = "KernelError";
  }
}

/** A thread as the pool sees it. */
export interface KernelWorker {
  /** Resolves when the thread has ended, with the reason when it ended on its own. */
  readonly ended: Promise<string | undefined>;
  terminate(): Promise<void>;
}

/** What a worker needs to take part in jobs; the kernel names fix the numbers by which jobs name kernels. */
export interface WorkerStart {
  readonly memory: WebAssembly.Memory;
  readonly controlAddress: number;
  readonly kernelNames: readonly string[];
  readonly thread: number;
}

export interface KernelPoolOptions {
  readonly memory: SharedMemory;
  readonly kernels: KernelTable;
  /** At least 1. With 1 there are no workers and the caller does everything. */
  readonly nThreads: number;
  /** Needed when `nThreads` is above 1. */
  readonly startWorker?: (start: WorkerStart) => KernelWorker;
  /** A job in which no task finishes for this long has lost a worker. */
  readonly stallTimeoutMs?: number;
}

/** Rounds of polling before a thread sleeps: some ten microseconds, the order of one wake-up. */
export const SPIN_ROUNDS = 2000;

export class KernelPool {
  readonly memory: SharedMemory;
  readonly nThreads: number;
  readonly #kernels: KernelTable;
  readonly #numberOf: ReadonlyMap<string, number>;
  readonly #workers: readonly KernelWorker[];
  readonly #words: Int32Array;
  readonly #failureText: Uint8Array;
  readonly #stallTimeoutMs: number;
  #jobs = 0;
  #broken: string | undefined;
  #closed = false;

  constructor(options: KernelPoolOptions) {
    const { memory, kernels, nThreads, startWorker } = options;
    if (!Number.isInteger(nThreads) || nThreads < 1) throw new RangeError(`nThreads must be >= 1, got ${nThreads}`);
    if (nThreads > 1 && startWorker === undefined) throw new RangeError(`${nThreads} threads need startWorker`);
    const kernelNames = Object.keys(kernels).toSorted();
    const controlAddress = memory.allocateZeroed(controlBytes);
    this.memory = memory;
    this.nThreads = nThreads;
    this.#kernels = kernels;
    this.#numberOf = new Map(kernelNames.map((name, number) => [name, number]));
    this.#words = memory.i32(controlAddress, control.words);
    this.#failureText = memory.u8(controlAddress + control.words * 4, control.failureBytes);
    this.#stallTimeoutMs = options.stallTimeoutMs ?? 120_000;
    this.#workers = Array.from({ length: nThreads - 1 }, (_, index) =>
      startWorker!({ memory: memory.webAssemblyMemory, controlAddress, kernelNames, thread: index + 1 }),
    );
    for (const worker of this.#workers) {
      void worker.ended.then((reason) => {
        if (!this.#closed) this.#broken ??= `a kernel worker ended unexpectedly: ${reason ?? "no reason given"}`;
      });
    }
  }

  /**
   * Runs tasks 0 to nTasks - 1 of a kernel and returns when all are done.
   * @param parallel false keeps the work on the calling thread: quicker when it is small
   * @throws KernelError when the kernel trapped in any thread, or a worker was lost; the pool is of no use afterwards
   */
  run(name: string, argumentsAddress: number, nTasks: number, parallel = true): void {
    if (this.#closed) throw new KernelError(`kernel ${name}: the pool is closed`);
    if (this.#broken !== undefined) throw new KernelError(`kernel ${name}: ${this.#broken}`);
    const kernel = this.#kernels[name];
    if (kernel === undefined) throw new KernelError(`kernel ${name}: no such kernel`);
    if (!parallel || nTasks <= 1 || this.#workers.length === 0) {
      try {
        for (let task = 0; task < nTasks; task += 1) kernel(argumentsAddress, task, 0);
      } catch (cause) {
        throw this.#break(`kernel ${name}: ${messageOf(cause)}`, cause);
      }
      return;
    }
    const words = this.#words;
    this.#jobs = (this.#jobs % 0x3fffffff) + 1;
    words[control.kernel] = this.#numberOf.get(name)!;
    words[control.arguments] = argumentsAddress | 0;
    words[control.nTasks] = nTasks;
    words[control.nextTask] = 0;
    Atomics.store(words, control.open, this.#jobs);
    Atomics.add(words, control.bell, 1);
    Atomics.notify(words, control.bell);
    try {
      drawTasks(words, kernel, nTasks, argumentsAddress, 0);
    } catch (cause) {
      // Nobody draws a further task; whoever is inside finishes the one it has.
      Atomics.store(words, control.nextTask, nTasks);
      this.#leave(name);
      throw this.#break(`kernel ${name}: ${messageOf(cause)}`, cause);
    }
    this.#leave(name);
    const failureLength = Atomics.load(words, control.failureLength);
    if (failureLength > 0) {
      // TextDecoder refuses shared memory, hence the copy.
      const text = new TextDecoder().decode(this.#failureText.slice(0, failureLength));
      throw this.#break(`kernel ${name}: ${text}`);
    }
  }

  /** Ends the workers and waits until they are gone. */
  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    Atomics.store(this.#words, control.shutdown, 1);
    Atomics.add(this.#words, control.bell, 1);
    Atomics.notify(this.#words, control.bell);
    await Promise.all(this.#workers.map((worker) => worker.terminate()));
  }

  /** Closes the job and waits for the workers inside it. */
  #leave(name: string): void {
    const words = this.#words;
    Atomics.store(words, control.open, 0);
    for (let round = 0; round < SPIN_ROUNDS; round += 1) {
      if (Atomics.load(words, control.active) === 0) return;
    }
    let finished = -1;
    for (;;) {
      const active = Atomics.load(words, control.active);
      if (active === 0) return;
      const now = Atomics.load(words, control.finished);
      const outcome = Atomics.wait(words, control.active, active, this.#stallTimeoutMs);
      if (outcome === "timed-out" && now === finished) {
        throw this.#break(`kernel ${name}: no task finished in ${this.#stallTimeoutMs} ms; a worker thread was lost`);
      }
      finished = now;
    }
  }

  #break(message: string, cause?: unknown): KernelError {
    this.#broken ??= `an earlier kernel failed (${message})`;
    return new KernelError(message, cause === undefined ? undefined : { cause });
  }
}

/** Draws and runs tasks until there are none. */
export function drawTasks(
  words: Int32Array,
  kernel: Kernel,
  nTasks: number,
  argumentsAddress: number,
  thread: number,
): void {
  for (;;) {
    const task = Atomics.add(words, control.nextTask, 1);
    if (task >= nTasks) return;
    kernel(argumentsAddress, task, thread);
    Atomics.add(words, control.finished, 1);
  }
}

export function messageOf(cause: unknown): string {
  return cause instanceof Error ? cause.message : String(cause);
}
