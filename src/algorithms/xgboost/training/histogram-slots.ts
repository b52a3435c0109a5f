/** Places for the histograms of nodes that wait to be expanded. */

export class HistogramSlots {
  readonly #free: number[];
  readonly #base: number;
  readonly #bytes: number;

  /** @param base address of `count` histograms of `bytes` bytes */
  constructor(base: number, bytes: number, count: number) {
    this.#base = base;
    this.#bytes = bytes;
    this.#free = Array.from({ length: count }, (_, index) => count - 1 - index);
  }

  get nFree(): number {
    return this.#free.length;
  }

  address(slot: number): number {
    return this.#base + slot * this.#bytes;
  }

  take(): number {
    const slot = this.#free.pop();
    if (slot === undefined) throw new RangeError("no histogram slot is free");
    return slot;
  }

  /** Takes a slot back from its holder. */
  drop(holder: { slot: number }): void {
    if (holder.slot === -1) return;
    this.#free.push(holder.slot);
    holder.slot = -1;
  }
}
