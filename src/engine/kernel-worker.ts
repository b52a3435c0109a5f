/** The life of one worker thread of a kernel pool; see kernel-pool.ts for the protocol. */
import { control, drawTasks, messageOf, SPIN_ROUNDS } from "./kernel-pool.ts";
import type { KernelTable, WorkerStart } from "./kernel-pool.ts";

/** Serves jobs until the pool shuts down. Blocks its thread; a failing kernel is reported to the caller of the job. */
export function serveKernels(start: WorkerStart, kernels: KernelTable): void {
  const words = new Int32Array(start.memory.buffer, start.controlAddress, control.words);
  const failureText = new Uint8Array(
    start.memory.buffer,
    start.controlAddress + control.words * 4,
    control.failureBytes,
  );
  for (;;) {
    const bell = Atomics.load(words, control.bell);
    if (Atomics.load(words, control.shutdown) !== 0) return;
    // Entering is announced before the job is looked at, and the caller closes the job before it looks for workers
    // inside: whichever comes first, either the caller waits for us or we find the job closed.
    Atomics.add(words, control.active, 1);
    if (Atomics.load(words, control.open) !== 0) {
      try {
        const kernel = kernels[start.kernelNames[words[control.kernel]]];
        drawTasks(words, kernel, words[control.nTasks], words[control.arguments], start.thread);
      } catch (cause) {
        report(words, failureText, messageOf(cause));
      }
    }
    if (Atomics.sub(words, control.active, 1) === 1) Atomics.notify(words, control.active);
    awaitBell(words, bell);
  }
}

function awaitBell(words: Int32Array, bell: number): void {
  for (let round = 0; round < SPIN_ROUNDS; round += 1) {
    if (Atomics.load(words, control.bell) !== bell) return;
  }
  Atomics.wait(words, control.bell, bell);
}

function report(words: Int32Array, failureText: Uint8Array, message: string): void {
  // Stop the others from drawing tasks; the job has failed.
  Atomics.store(words, control.nextTask, words[control.nTasks]);
  // encodeInto refuses shared memory, hence the copy.
  const text = new TextEncoder().encode(message).subarray(0, failureText.length);
  failureText.set(text);
  Atomics.compareExchange(words, control.failureLength, 0, Math.max(1, text.length));
}
