/** Percentiles and counts of distinct values in bounded memory: exact while there are few values, near enough then. */
import { createHash } from "node:crypto";

/** Percentiles with a relative error of at most 0.5 percent. Source: C. Masson et al., "DDSketch", VLDB 2019. */
export class Percentiles {
  #values: number[] | undefined = [];
  readonly #positive = new Map<number, number>();
  readonly #negative = new Map<number, number>();
  #zeros = 0;
  #count = 0;

  static readonly #exactUpTo = 1000;
  static readonly #gamma = Math.log(1.01);

  add(value: number): void {
    this.#count += 1;
    if (this.#values === undefined) this.#put(value);
    else if (this.#values.push(value) > Percentiles.#exactUpTo) {
      for (const each of this.#values) this.#put(each);
      this.#values = undefined;
    }
  }

  /** @param percent 0..100; undefined when there are no values */
  at(percent: number): number | undefined {
    if (this.#count === 0) return undefined;
    const rank = Math.max(0, Math.ceil((percent / 100) * this.#count) - 1);
    if (this.#values !== undefined) return this.#values.sort((a, b) => a - b)[rank];
    let seen = 0;
    for (const [bucket, count] of [...this.#negative].sort((a, b) => b[0] - a[0])) {
      seen += count;
      if (seen > rank) return -middle(bucket, Percentiles.#gamma);
    }
    seen += this.#zeros;
    if (seen > rank) return 0;
    for (const [bucket, count] of [...this.#positive].sort((a, b) => a[0] - b[0])) {
      seen += count;
      if (seen > rank) return middle(bucket, Percentiles.#gamma);
    }
    return undefined;
  }

  #put(value: number): void {
    if (value === 0) {
      this.#zeros += 1;
      return;
    }
    const buckets = value > 0 ? this.#positive : this.#negative;
    const bucket = Math.ceil(Math.log(Math.abs(value)) / Percentiles.#gamma);
    buckets.set(bucket, (buckets.get(bucket) ?? 0) + 1);
  }
}

/** The value in a bucket that is at most 0.5 percent from both of its ends. */
function middle(bucket: number, gamma: number): number {
  return (2 * Math.exp(gamma * bucket)) / (Math.exp(gamma) + 1);
}

/**
 * How many values are distinct, with a standard error of 1.6 percent when there are many.
 * Source: P. Flajolet et al., "HyperLogLog", AofA 2007.
 */
export class DistinctValues {
  #values: Set<string> | undefined = new Set();
  #registers: Uint8Array | undefined;

  static readonly #exactUpTo = 2000;
  static readonly #bits = 12;

  add(value: string): void {
    if (this.#values === undefined) {
      this.#put(value);
      return;
    }
    this.#values.add(value.length > 100 ? createHash("sha256").update(value).digest("base64") : value);
    if (this.#values.size <= DistinctValues.#exactUpTo) return;
    const known = this.#values;
    this.#values = undefined;
    this.#registers = new Uint8Array(1 << DistinctValues.#bits);
    for (const each of known) this.#put(each, true);
  }

  get count(): number {
    if (this.#values !== undefined) return this.#values.size;
    const registers = this.#registers!;
    const size = registers.length;
    let sum = 0;
    let empty = 0;
    for (const register of registers) {
      sum += 2 ** -register;
      if (register === 0) empty += 1;
    }
    const estimate = ((0.7213 / (1 + 1.079 / size)) * size * size) / sum;
    return Math.round(estimate <= 2.5 * size && empty > 0 ? size * Math.log(size / empty) : estimate);
  }

  /** @param isShort whether a long value was already replaced by its digest */
  #put(value: string, isShort = false): void {
    const short = !isShort && value.length > 100 ? createHash("sha256").update(value).digest("base64") : value;
    const digest = createHash("md5").update(short).digest();
    const register = digest.readUInt16BE(0) >>> (16 - DistinctValues.#bits);
    const rank = Math.clz32(digest.readUInt32BE(2)) + 1;
    const registers = this.#registers!;
    if (rank > registers[register]) registers[register] = rank;
  }
}
