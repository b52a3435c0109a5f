/** How many jobs run at a time on this machine: first come, first served. */
export class Capacity {
  readonly slots: number;
  readonly #held = new Set<string>();
  /** By the time since which they wait. */
  readonly #waiting: { id: string; since: number; resolve: () => void }[] = [];

  /** @param slots at least 1 */
  constructor(slots: number) {
    if (!(slots >= 1)) throw new RangeError(`a machine needs room for at least one job, got ${slots}`);
    this.slots = slots;
  }

  /** Takes a slot when there is one now and nobody waits for it; true also when `id` holds one already. */
  tryAcquire(id: string): boolean {
    if (this.#held.has(id)) return true;
    if (this.#held.size >= this.slots || this.#waiting.length > 0) return false;
    this.#held.add(id);
    return true;
  }

  /**
   * Resolves when `id` holds a slot (at once when it does already); rejects when `signal` aborts first.
   * @param since decides who is first; ms since the epoch
   */
  async acquire(id: string, since: number, signal: AbortSignal): Promise<void> {
    signal.throwIfAborted();
    if (this.tryAcquire(id)) return;
    await new Promise<void>((resolve, reject) => {
      const entry = { id, since, resolve };
      const later = this.#waiting.findIndex((other) => other.since > since);
      this.#waiting.splice(later === -1 ? this.#waiting.length : later, 0, entry);
      signal.addEventListener(
        "abort",
        () => {
          const at = this.#waiting.indexOf(entry);
          if (at === -1) return;
          this.#waiting.splice(at, 1);
          reject(signal.reason as Error);
        },
        { once: true },
      );
    });
  }

  /** Takes a slot even when there is none left: for work that runs already, after a restart. */
  adopt(id: string): void {
    this.#held.add(id);
  }

  /** Gives the slot back; nothing happens when `id` holds none. */
  release(id: string): void {
    if (!this.#held.delete(id)) return;
    while (this.#held.size < this.slots) {
      const next = this.#waiting.shift();
      if (next === undefined) return;
      this.#held.add(next.id);
      next.resolve();
    }
  }
}
