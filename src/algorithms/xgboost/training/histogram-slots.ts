/** Places for the histograms of nodes that wait to be expanded. */

export class HistogramSlots {
  readonly #free: number[] = [];
  readonly #count: number;
  readonly #base: number;
  readonly #bytes: number;

  /** @param base address of `count` histograms of `bytes` bytes */
  constructor(base: number, bytes: number, count: number) {
    this.#base = base;
    this.#bytes = bytes;
    this.#count = count;
    this.reset();
  }

  /** All slots are free again; what their last holders believe no longer counts. */
  reset(): void {
    const count = this.#count;
    this.#free.length = count;
    for (let i = 0; i < count; i += 1) this.#free[i] = count - 1 - i;
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
