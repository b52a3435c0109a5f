/** A map that keeps its most recently used entries and drops the others. */
export class RecentlyUsed<Key, Value> {
  readonly #capacity: number;
  /** In the order of use, the oldest first: a Map keeps the order of insertion. */
  readonly #entries = new Map<Key, Value>();

  /** @param capacity entries kept, at least 1 */
  constructor(capacity: number) {
    this.#capacity = capacity;
  }

  get(key: Key): Value | undefined {
    const value = this.#entries.get(key);
    if (value === undefined) return undefined;
    this.#entries.delete(key);
    this.#entries.set(key, value);
    return value;
  }

  set(key: Key, value: Value): void {
    this.#entries.delete(key);
    this.#entries.set(key, value);
    if (this.#entries.size <= this.#capacity) return;
    for (const oldest of this.#entries.keys()) {
      this.#entries.delete(oldest);
      return;
    }
  }

  delete(key: Key): void {
    this.#entries.delete(key);
  }
}
