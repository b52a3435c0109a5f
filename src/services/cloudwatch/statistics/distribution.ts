/**
 * Which values occurred how often, for percentiles: exactly while the values are few, in logarithmic buckets after that.
 *
 * Up to 200 different values are kept as they are. More go into buckets whose bounds grow by 2 %, so that a value read
 * back is within 1 % of the one that was put in. Buckets hold positive numbers and zero only: CloudWatch has no
 * percentiles for metrics with negative values, so a distribution with some of those is given up when it would need them.
 *
 * Source: C. Masson, J. Rim, H. Lee, "DDSketch: a fast and fully-mergeable quantile sketch with relative-error
 * guarantees", PVLDB 12(12), 2019.
 */

/** A value and how often it occurred; counts need not be whole. */
export type Weighted = readonly [value: number, count: number];

export const maxExactValues = 200;
/** Relative error of a bucket's value. */
export const bucketError = 0.01;
const growth = (1 + bucketError) / (1 - bucketError);
const logGrowth = Math.log(growth);
/** 1,536 buckets span 13 powers of ten; values below those may join the lowest bucket that is kept. */
const maxBuckets = 2048;
/** Room is made for several at once, because it takes a look at all of them. */
const bucketsAfterCollapse = 1536;

export class Distribution {
  /** value to count while exact, else bucket to count */
  #counts = new Map<number, number>();
  #exact = true;
  /** Zero has no logarithm. */
  #zeros = 0;

  /** Buckets as they were stored; see `buckets`. */
  static fromBuckets(zeros: number, buckets: Iterable<Weighted>): Distribution {
    const made = new Distribution();
    made.#exact = false;
    made.#zeros = zeros;
    for (const [bucket, count] of buckets) made.#counts.set(bucket, count);
    return made;
  }

  get exact(): boolean {
    return this.#exact;
  }

  /** How many numbers this takes to keep. */
  get size(): number {
    return this.#counts.size;
  }

  get zeros(): number {
    return this.#zeros;
  }

  /** Bucket numbers and counts of a distribution that is no longer exact; values and counts of one that is. */
  get cells(): Iterable<Weighted> {
    return this.#counts;
  }

  /** @returns false when the value can only be kept in a bucket and has none, being negative: nothing is left to ask then */
  add(value: number, count: number): boolean {
    if (this.#exact) {
      this.#counts.set(value, (this.#counts.get(value) ?? 0) + count);
      return this.#counts.size <= maxExactValues || this.#degrade();
    }
    if (value < 0) return false;
    this.#addToBucket(value, count);
    this.#collapse();
    return true;
  }

  /** Adds all of another distribution. @returns as `add` */
  merge(other: Distribution): boolean {
    if (other.#exact) {
      for (const [value, count] of other.#counts) if (!this.add(value, count)) return false;
      return true;
    }
    if (this.#exact && !this.#degrade()) return false;
    this.#zeros += other.#zeros;
    for (const [bucket, count] of other.#counts) this.#counts.set(bucket, (this.#counts.get(bucket) ?? 0) + count);
    this.#collapse();
    return true;
  }

  clone(): Distribution {
    const copy = new Distribution();
    copy.#counts = new Map(this.#counts);
    copy.#exact = this.#exact;
    copy.#zeros = this.#zeros;
    return copy;
  }

  /** Values in ascending order; those of buckets are in the middle of theirs, as the relative error sees it. */
  values(): Weighted[] {
    const cells = [...this.#counts].sort((a, b) => a[0] - b[0]);
    if (this.#exact) return cells;
    const values = cells.map(([bucket, count]): Weighted => [(2 * growth ** bucket) / (growth + 1), count]);
    return this.#zeros > 0 ? [[0, this.#zeros], ...values] : values;
  }

  #addToBucket(value: number, count: number): void {
    if (value === 0) {
      this.#zeros += count;
      return;
    }
    const bucket = Math.ceil(Math.log(value) / logGrowth);
    this.#counts.set(bucket, (this.#counts.get(bucket) ?? 0) + count);
  }

  #degrade(): boolean {
    const exact = this.#counts;
    for (const value of exact.keys()) if (value < 0) return false;
    this.#exact = false;
    this.#counts = new Map();
    for (const [value, count] of exact) this.#addToBucket(value, count);
    this.#collapse();
    return true;
  }

  /** High percentiles are what people ask for, so precision is given up at the low end. */
  #collapse(): void {
    if (this.#counts.size <= maxBuckets) return;
    const cells = [...this.#counts].sort((a, b) => b[0] - a[0]);
    const kept = new Map(cells.slice(0, bucketsAfterCollapse));
    const lowest = cells[bucketsAfterCollapse - 1][0];
    for (const [, count] of cells.slice(bucketsAfterCollapse)) kept.set(lowest, kept.get(lowest)! + count);
    this.#counts = kept;
  }
}
