/**
 * Which metrics there are: in memory, and in a register on disk that says what the numbers of series in blocks and
 * journal mean.
 *
 * A metric is a namespace, a name and dimensions; values of different units are kept apart, each as a series.
 */
import { rename } from "node:fs/promises";
import { open } from "node:fs/promises";
import { FrameLog, frame } from "./frame-log.ts";

export interface MetricSpace {
  readonly accountId: string;
  readonly region: string;
}

/** Name and value, in the order of names. */
export type Dimensions = readonly (readonly [name: string, value: string])[];

export interface MetricName {
  readonly namespace: string;
  readonly name: string;
  readonly dimensions: Dimensions;
}

export interface Series {
  /** Never used twice while a file may know it. */
  readonly id: number;
  readonly unit: string;
  readonly metric: Metric;
  /** Beginning of the newest period with data, ms since the epoch; 0 before there was any. */
  lastStart: number;
}

export interface Metric extends MetricName {
  readonly space: MetricSpace;
  /** Grows from one metric to the next in lists, so that they go on after it. */
  readonly order: number;
  /** By unit. */
  readonly series: Map<string, Series>;
}

type Row = [
  id: number,
  accountId: string,
  region: string,
  namespace: string,
  name: string,
  dimensions: string[],
  unit: string,
];

/** Rows in one frame of a register that is rewritten. */
const rowsPerFrame = 1000;

export class MetricIndex {
  readonly #path: string;
  readonly #register: { log: FrameLog };
  /** By space. */
  readonly #spaces = new Map<string, Space>();
  readonly #byId = new Map<number, Series>();
  #nextId = 1;

  private constructor(path: string, register: FrameLog, rows: readonly Row[]) {
    this.#path = path;
    this.#register = { log: register };
    for (const row of rows) {
      const [id, accountId, region, namespace, name, flat, unit] = row;
      const dimensions = pairs(flat);
      this.reserveId(id - 1);
      this.#insert(id, this.#metric({ accountId, region }, { namespace, name, dimensions }), unit);
    }
  }

  static async open(path: string): Promise<MetricIndex> {
    const rows: Row[] = [];
    const log = await FrameLog.open(path, (payload) => rows.push(...(JSON.parse(payload.toString("utf8")) as Row[])));
    return new MetricIndex(path, log, rows);
  }

  /** How many series there are. */
  get size(): number {
    return this.#byId.size;
  }

  byId(id: number): Series | undefined {
    return this.#byId.get(id);
  }

  /** Makes sure that an id that a file names is not given to another series. */
  reserveId(id: number): void {
    this.#nextId = Math.max(this.#nextId, id + 1);
  }

  find(space: MetricSpace, metric: MetricName): Metric | undefined {
    return this.#spaces.get(spaceKey(space))?.metrics.get(metricKey(metric));
  }

  /**
   * The series of a metric and unit, made when it is new.
   * @param created gets the series that were made; they must be registered before anything is told to be kept
   */
  resolve(space: MetricSpace, name: MetricName, unit: string, created: Series[]): Series {
    const metric = this.#metric(space, name);
    const known = metric.series.get(unit);
    if (known !== undefined) return known;
    const series = this.#insert(this.#nextId, metric, unit);
    created.push(series);
    return series;
  }

  /** Resolves when these series, and all that were given before, are registered durably. @throws StorageFull */
  async register(created: readonly Series[]): Promise<void> {
    if (created.length === 0) return this.#register.log.settled();
    try {
      await this.#register.log.append(Buffer.from(JSON.stringify(created.map(rowOf))));
    } catch (error) {
      this.#remove(created);
      throw error;
    }
  }

  /** The metrics of a space in the order in which they were first seen, narrowed where that is cheap. */
  metrics(space: MetricSpace, namespace?: string, name?: string): Iterable<Metric> {
    const found = this.#spaces.get(spaceKey(space));
    if (found === undefined) return [];
    if (namespace === undefined || name === undefined) return found.metrics.values();
    return found.byName.get(nameKey(namespace, name)) ?? [];
  }

  /** Forgets series and writes the register anew without them. */
  async forget(series: readonly Series[]): Promise<void> {
    this.#remove(series);
    const rows = [...this.#byId.values()].map(rowOf);
    const temporary = `${this.#path}.new`;
    const file = await open(temporary, "w", 0o600);
    try {
      for (let start = 0; start < rows.length; start += rowsPerFrame) {
        await file.write(frame(Buffer.from(JSON.stringify(rows.slice(start, start + rowsPerFrame)))));
      }
      await file.sync();
    } finally {
      await file.close();
    }
    await this.#register.log.close();
    await rename(temporary, this.#path);
    this.#register.log = await FrameLog.open(this.#path, () => {});
  }

  all(): Iterable<Series> {
    return this.#byId.values();
  }

  async close(): Promise<void> {
    await this.#register.log.close();
  }

  #metric(space: MetricSpace, { namespace, name, dimensions }: MetricName): Metric {
    const key = spaceKey(space);
    let found = this.#spaces.get(key);
    if (found === undefined) {
      found = {
        space: { accountId: space.accountId, region: space.region },
        metrics: new Map(),
        byName: new Map(),
      };
      this.#spaces.set(key, found);
    }
    const ofMetric = metricKey({ namespace, name, dimensions });
    const known = found.metrics.get(ofMetric);
    if (known !== undefined) return known;
    const metric: Metric = { space: found.space, order: this.#nextId, namespace, name, dimensions, series: new Map() };
    found.metrics.set(ofMetric, metric);
    const ofName = nameKey(namespace, name);
    const named = found.byName.get(ofName) ?? new Set<Metric>();
    if (named.size === 0) found.byName.set(ofName, named);
    named.add(metric);
    return metric;
  }

  #insert(id: number, metric: Metric, unit: string): Series {
    const series: Series = { id, unit, metric, lastStart: 0 };
    metric.series.set(unit, series);
    this.#byId.set(id, series);
    this.reserveId(id);
    return series;
  }

  #remove(series: readonly Series[]): void {
    for (const { id, unit, metric } of series) {
      this.#byId.delete(id);
      metric.series.delete(unit);
      if (metric.series.size > 0) continue;
      const space = this.#spaces.get(spaceKey(metric.space))!;
      space.metrics.delete(metricKey(metric));
      const ofName = nameKey(metric.namespace, metric.name);
      const named = space.byName.get(ofName)!;
      named.delete(metric);
      if (named.size === 0) space.byName.delete(ofName);
    }
  }
}

interface Space {
  readonly space: MetricSpace;
  readonly metrics: Map<string, Metric>;
  readonly byName: Map<string, Set<Metric>>;
}

/** Beginning of the newest period with data in any unit, ms since the epoch. */
export function lastStartOf(metric: Metric): number {
  let last = 0;
  for (const series of metric.series.values()) last = Math.max(last, series.lastStart);
  return last;
}

function rowOf({ id, unit, metric }: Series): Row {
  const { space, namespace, name, dimensions } = metric;
  return [id, space.accountId, space.region, namespace, name, dimensions.flat(), unit];
}

function pairs(flat: readonly string[]): [string, string][] {
  return Array.from({ length: flat.length / 2 }, (_, index) => [flat[2 * index], flat[2 * index + 1]]);
}

// Neither accounts nor regions hold a space, and no part of a metric's name may hold a NUL.
function spaceKey({ accountId, region }: MetricSpace): string {
  return `${accountId} ${region}`;
}

function nameKey(namespace: string, name: string): string {
  return `${namespace}\0${name}`;
}

function metricKey({ namespace, name, dimensions }: MetricName): string {
  let key = nameKey(namespace, name);
  for (const [dimension, value] of dimensions) key += `\0${dimension}\0${value}`;
  return key;
}
