/** A queue by priority: adding and taking the first cost the logarithm of its size. */
export class BinaryHeap<Item> {
  /** Nobody comes before its parent. */
  readonly #items: Item[] = [];
  readonly #compare: (one: Item, other: Item) => number;

  /** @param compare negative when `one` comes before `other`; equals leave in any order */
  constructor(compare: (one: Item, other: Item) => number) {
    this.#compare = compare;
  }

  get size(): number {
    return this.#items.length;
  }

  get first(): Item | undefined {
    return this.#items[0];
  }

  push(item: Item): void {
    const items = this.#items;
    let at = items.push(item) - 1;
    while (at > 0) {
      const parent = (at - 1) >> 1;
      if (this.#compare(items[parent], items[at]) <= 0) break;
      [items[parent], items[at]] = [items[at], items[parent]];
      at = parent;
    }
  }

  /** Drops every item that is not to be kept. */
  keep(wanted: (item: Item) => boolean): void {
    const kept = this.#items.filter(wanted).sort(this.#compare);
    // What is sorted is a heap.
    this.#items.length = 0;
    for (const item of kept) this.#items.push(item);
  }

  /** Takes the first out. */
  shift(): Item | undefined {
    const items = this.#items;
    const first = items[0];
    const last = items.pop();
    if (last === undefined || items.length === 0) return first;
    items[0] = last;
    let at = 0;
    for (;;) {
      let least = at;
      for (const child of [2 * at + 1, 2 * at + 2]) {
        if (child < items.length && this.#compare(items[child], items[least]) < 0) least = child;
      }
      if (least === at) return first;
      [items[at], items[least]] = [items[least], items[at]];
      at = least;
    }
  }
}
