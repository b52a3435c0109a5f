/**
 * What is kept of the values of one metric in one period. Summaries add up in any order, so that late data, roll-ups and
 * longer periods are all the same operation.
 */
import { Distribution, type Weighted } from "./distribution.ts";

export class Summary {
  count = 0;
  sum = 0;
  min = Number.POSITIVE_INFINITY;
  max = Number.NEGATIVE_INFINITY;
  /** Whether it is known which values occurred; unknown when a client sent a statistic set of several values. */
  known = true;
  /** Absent while all values are the same, and when they are not known. */
  distribution: Distribution | undefined;

  static of(value: number, count = 1): Summary {
    const made = new Summary();
    made.add(value, count);
    return made;
  }

  /** Of a statistic set; its values are known only when they must all be the same. */
  static ofStatistics(count: number, sum: number, min: number, max: number): Summary {
    const made = new Summary();
    made.count = count;
    made.sum = sum;
    made.min = min;
    made.max = max;
    made.known = min === max;
    return made;
  }

  add(value: number, count = 1): void {
    if (this.known && this.count > 0 && (value !== this.min || this.min !== this.max)) {
      this.distribution ??= single(this.min, this.count);
      if (!this.distribution.add(value, count)) this.#forget();
    }
    this.#total(count, value * count, value, value);
  }

  /** Adds all of another summary, which stays as it is. */
  merge(other: Summary): void {
    if (other.count === 0) return;
    if (!other.known) this.#forget();
    if (this.known) {
      if (this.count === 0) this.distribution = other.distribution?.clone();
      else if (other.distribution !== undefined) {
        this.distribution ??= single(this.min, this.count);
        if (!this.distribution.merge(other.distribution)) this.#forget();
      } else if (other.min !== this.min || this.min !== this.max) {
        this.distribution ??= single(this.min, this.count);
        if (!this.distribution.add(other.min, other.count)) this.#forget();
      }
    }
    this.#total(other.count, other.sum, other.min, other.max);
  }

  clone(): Summary {
    const copy = new Summary();
    copy.merge(this);
    return copy;
  }

  /** How many numbers this takes to keep. */
  get size(): number {
    return 1 + (this.distribution?.size ?? 0);
  }

  /** The values in ascending order with their counts; undefined when they are not known. */
  values(): readonly Weighted[] | undefined {
    if (!this.known) return undefined;
    if (this.distribution === undefined) return this.count === 0 ? [] : [[this.min, this.count]];
    // The middle of an outermost bucket may lie outside of what occurred.
    return this.distribution
      .values()
      .map(([value, count]) => [Math.min(Math.max(value, this.min), this.max), count] as const);
  }

  #total(count: number, sum: number, min: number, max: number): void {
    this.count += count;
    this.sum += sum;
    if (min < this.min) this.min = min;
    if (max > this.max) this.max = max;
  }

  #forget(): void {
    this.known = false;
    this.distribution = undefined;
  }
}

function single(value: number, count: number): Distribution {
  const made = new Distribution();
  made.add(value, count);
  return made;
}
