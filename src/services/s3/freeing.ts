/**
 * Frees the bytes of what was replaced or deleted, behind the answer: nobody waits for the file system.
 *
 * The queue is in memory. What a crash leaves in it is named by no record any more, so the sweep of the next start
 * finds it.
 */
import type { BlobStore } from "../../storage/blob-store.ts";

/** Blobs that are removed at the same time. */
const maxWorkers = 4;

export class Freeing {
  readonly #blobs: BlobStore;
  readonly #onProblem: (problem: string, cause: unknown) => void;
  #waiting: string[] = [];
  #workers = 0;
  #idle: (() => void)[] = [];
  /** Readers of objects in parts, which open one blob after the other; by the name of the parts' record. */
  readonly #readers = new Map<string, { count: number; readonly held: string[] }>();

  constructor(blobs: BlobStore, onProblem: (problem: string, cause: unknown) => void) {
    this.#blobs = blobs;
    this.#onProblem = onProblem;
  }

  /**
   * Frees blobs that no record names any more. What was acknowledged does not depend on it, so it never fails.
   * @param joined their parts' record, where they have one: its readers finish first
   */
  add(blobIds: readonly string[], joined?: string): void {
    const readers = joined === undefined ? undefined : this.#readers.get(joined);
    if (readers !== undefined) {
      readers.held.push(...blobIds);
      return;
    }
    for (const id of blobIds) this.#waiting.push(id);
    while (this.#workers < maxWorkers && this.#workers < this.#waiting.length) void this.#work();
  }

  /** Keeps the blobs of an object in parts until the returned function is called. */
  hold(joined: string): () => void {
    const readers = this.#readers.get(joined) ?? { count: 0, held: [] };
    this.#readers.set(joined, readers);
    readers.count += 1;
    return () => {
      readers.count -= 1;
      if (readers.count > 0) return;
      this.#readers.delete(joined);
      this.add(readers.held);
    };
  }

  /** How many blobs wait. */
  get waiting(): number {
    return this.#waiting.length;
  }

  /** Resolves when nothing waits. */
  async idle(): Promise<void> {
    if (this.#workers === 0) return;
    await new Promise<void>((resolve) => this.#idle.push(resolve));
  }

  async #work(): Promise<void> {
    this.#workers += 1;
    for (let id = this.#waiting.pop(); id !== undefined; id = this.#waiting.pop()) {
      try {
        await this.#blobs.delete(id);
      } catch (error) {
        this.#onProblem(`the bytes of a replaced or deleted object (blob ${id}) could not be removed`, error);
      }
    }
    this.#workers -= 1;
    if (this.#workers > 0) return;
    for (const resolve of this.#idle.splice(0)) resolve();
  }
}
