/** The aggregate functions of stats, by their names in lower case. */
import { DistinctValues, Percentiles } from "./sketches.ts";
import { compareValues, numberOf, Time, textOf, type Value } from "./values.ts";

export interface Aggregate {
  /** @param args of the event; none for count(*) */
  add(args: readonly Value[], timestamp: number): void;
  readonly result: Value;
}

interface AggregateDefinition {
  /** Least and most arguments. */
  readonly arity: readonly [number, number];
  readonly start: (args: readonly Value[]) => Aggregate;
}

/** Count, mean and squared distance from it. Source: B. P. Welford, Technometrics 4(3), 1962. */
class Moments implements Aggregate {
  readonly #result: (moments: Moments) => Value;
  count = 0;
  sum = 0;
  #mean = 0;
  #squares = 0;

  constructor(result: (moments: Moments) => Value) {
    this.#result = result;
  }

  add([value]: readonly Value[]): void {
    const number = numberOf(value);
    if (number === undefined) return;
    this.count += 1;
    this.sum += number;
    const distance = number - this.#mean;
    this.#mean += distance / this.count;
    this.#squares += distance * (number - this.#mean);
  }

  /** Of the values as a sample. */
  get deviation(): number {
    return this.count < 2 ? 0 : Math.sqrt(this.#squares / (this.count - 1));
  }

  get result(): Value {
    return this.count === 0 ? undefined : this.#result(this);
  }
}

/** The value that wins against all others. */
class Winner implements Aggregate {
  readonly #wins: (challenger: Value, holder: Value) => boolean;
  result: Value = undefined;

  constructor(wins: (challenger: Value, holder: Value) => boolean) {
    this.#wins = wins;
  }

  add([value]: readonly Value[]): void {
    if (value !== undefined && (this.result === undefined || this.#wins(value, this.result))) this.result = value;
  }
}

/** The value of the event with the first or last time. */
class AtTime implements Aggregate {
  readonly #latest: boolean;
  #time: number | undefined;
  result: Value = undefined;

  constructor(latest: boolean) {
    this.#latest = latest;
  }

  add([value]: readonly Value[], timestamp: number): void {
    if (value === undefined) return;
    if (this.#time !== undefined && (this.#latest ? timestamp < this.#time : timestamp >= this.#time)) return;
    this.#time = timestamp;
    this.result = value;
  }
}

class Count implements Aggregate {
  #count = 0;

  add(args: readonly Value[]): void {
    if (args.length === 0 || args[0] !== undefined) this.#count += 1;
  }

  get result(): Value {
    return this.#count;
  }
}

class Distinct implements Aggregate {
  readonly #values = new DistinctValues();

  add([value]: readonly Value[]): void {
    const text = textOf(value);
    if (text !== undefined) this.#values.add(text);
  }

  get result(): Value {
    return this.#values.count;
  }
}

class Percentile implements Aggregate {
  readonly #percent: number;
  readonly #values = new Percentiles();

  constructor(percent: number) {
    this.#percent = percent;
  }

  add([value]: readonly Value[]): void {
    const number = numberOf(value);
    if (number !== undefined && Number.isFinite(number)) this.#values.add(number);
  }

  get result(): Value {
    return this.#values.at(this.#percent);
  }
}

const byText = (a: Value, b: Value) => {
  const [left, right] = [textOf(a) ?? "", textOf(b) ?? ""];
  return left < right ? -1 : left > right ? 1 : 0;
};
/** Numbers and times only. */
const isOrdered = (value: Value) => value instanceof Time || numberOf(value) !== undefined;

export const aggregates: Readonly<Record<string, AggregateDefinition>> = {
  count: { arity: [0, 1], start: () => new Count() },
  count_distinct: { arity: [1, 1], start: () => new Distinct() },
  sum: { arity: [1, 1], start: () => new Moments(({ sum }) => sum) },
  avg: { arity: [1, 1], start: () => new Moments(({ sum, count }) => sum / count) },
  stddev: { arity: [1, 1], start: () => new Moments(({ deviation }) => deviation) },
  min: { arity: [1, 1], start: () => new Winner((a, b) => isOrdered(a) && compareValues(a, b) < 0) },
  max: { arity: [1, 1], start: () => new Winner((a, b) => isOrdered(a) && compareValues(a, b) > 0) },
  pct: { arity: [2, 2], start: ([, percent]) => new Percentile(numberOf(percent)!) },
  median: { arity: [1, 1], start: () => new Percentile(50) },
  earliest: { arity: [1, 1], start: () => new AtTime(false) },
  latest: { arity: [1, 1], start: () => new AtTime(true) },
  sortsfirst: { arity: [1, 1], start: () => new Winner((a, b) => byText(a, b) < 0) },
  sortslast: { arity: [1, 1], start: () => new Winner((a, b) => byText(a, b) > 0) },
};
