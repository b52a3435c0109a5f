/**
 * Time series of metrics: every value that is put is summed up in the period it belongs to, and kept as finely as its age
 * deserves.
 *
 * Data of clients is durable when `write` resolves; requests that arrive together share one fsync. Data of the platform
 * (`put`) is collected for up to a second, so a server that is killed loses what the last second brought.
 */
import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import type { MetricDatum, MetricSink } from "../../../jobs/ports.ts";
import { StorageFull } from "../../../storage/record-store.ts";
import type { Clock } from "../../../util/clock.ts";
import { Summary } from "../statistics/summary.ts";
import { addTo, nextTask } from "./compaction.ts";
import type { Entry } from "./generation.ts";
import type { Point } from "./hot-window.ts";
import { MetricFiles } from "./metric-files.ts";
import {
  MetricIndex,
  lastStartOf,
  type Metric,
  type MetricName,
  type MetricSpace,
  type Series,
} from "./metric-index.ts";
import { floorTo, highResolutionTier, lastTier, standardTier, tiers } from "./tiers.ts";

export interface MetricLimits {
  /** Numbers held in memory before they become blocks; one takes some 50 to 100 bytes. Default 250,000. */
  readonly hotCells: number;
  /** Bytes of a journal before it becomes blocks. Default 16 MiB. */
  readonly journalBytes: number;
  /** Bytes of all blocks; older data is kept more coarsely, and at last dropped, to stay below. Default 4 GiB. */
  readonly blockBytes: number;
  /** Series; those that had no data for longest are forgotten when there are more. Default 250,000. */
  readonly series: number;
}

const defaultLimits: MetricLimits = {
  hotCells: 250_000,
  journalBytes: 16 * 2 ** 20,
  blockBytes: 4 * 2 ** 30,
  series: 250_000,
};

const maintenanceMs = 60_000;
/** A journal is sealed after this time even when it is small. ms */
const sealAfterMs = 3_600_000;
const platformFlushMs = 1000;
/** Data of the platform that wait to be written; more are dropped, and that is reported. */
const maxPlatformData = 100_000;

/** Values of one metric at one moment. */
export interface NewPoint {
  readonly metric: MetricName;
  readonly unit: string;
  /** ms since the epoch */
  readonly timestamp: number;
  /** Keep it by the second, while it is young. */
  readonly highResolution: boolean;
  /** Becomes the store's own. */
  readonly summary: Summary;
}

/** Which points, and how they are summed up. */
export interface ReadRange {
  /** ms since the epoch; points whose period begins in [from, to). */
  readonly from: number;
  readonly to: number;
  readonly periodMs: number;
  /** A moment at which a period begins; the epoch by default. */
  readonly origin?: number;
}

export interface MetricStoreOptions {
  /** Made when absent. */
  readonly directory: string;
  readonly clock: Clock;
  /** A failure behind the scenes that changes nothing for clients but must not be silent. */
  readonly report: (what: string, error: unknown) => void;
  readonly limits?: Partial<MetricLimits>;
}

export class MetricStore implements MetricSink {
  readonly #clock: Clock;
  readonly #report: (what: string, error: unknown) => void;
  readonly #limits: MetricLimits;
  readonly #index: MetricIndex;
  readonly #files: MetricFiles;
  #maintenance: Promise<void> = Promise.resolve();
  #maintaining = false;
  #currentSince: number;
  #platform: { space: MetricSpace; point: NewPoint }[] = [];
  #dropped = 0;
  #cancelFlush: (() => void) | undefined;
  #flushing: Promise<void> = Promise.resolve();
  #cancelMaintenance: () => void = () => {};
  #closed = false;

  private constructor(options: MetricStoreOptions, index: MetricIndex, files: MetricFiles) {
    this.#clock = options.clock;
    this.#report = options.report;
    this.#limits = { ...defaultLimits, ...options.limits };
    this.#index = index;
    this.#files = files;
    this.#currentSince = options.clock.now();
    for (const block of files.blocks) {
      for (const [place, id] of block.series.entries()) {
        const series = index.byId(id);
        if (series !== undefined) series.lastStart = Math.max(series.lastStart, block.lastStart(place));
      }
    }
    this.#scheduleMaintenance();
  }

  static async open(options: MetricStoreOptions): Promise<MetricStore> {
    const { directory, report } = options;
    await mkdir(directory, { recursive: true, mode: 0o700 });
    const index = await MetricIndex.open(join(directory, "series"));
    try {
      const onEntry = (id: number, start: number) => {
        // A batch whose series were not registered was refused; its numbers are not given to others.
        index.reserveId(id);
        const series = index.byId(id);
        if (series !== undefined) series.lastStart = Math.max(series.lastStart, start);
      };
      return new MetricStore(options, index, await MetricFiles.open(directory, onEntry, report));
    } catch (error) {
      await index.close();
      throw error;
    }
  }

  /**
   * Keeps points durably: all of them, or none.
   * @throws StorageFull
   */
  async write(space: MetricSpace, points: readonly NewPoint[]): Promise<void> {
    if (this.#closed) throw new Error("the metric store is closed");
    await this.#makeRoom();
    const created: Series[] = [];
    const entries = points.map((point) => this.#entry(space, point, created));
    const registered = this.#registered(created, entries);
    await this.#files.current.write(entries, registered);
    for (const { series, start } of entries) {
      const known = this.#index.byId(series);
      if (known !== undefined && start > known.lastStart) known.lastStart = start;
    }
  }

  put(space: MetricSpace, data: readonly MetricDatum[]): void {
    for (const datum of data) {
      if (this.#platform.length >= maxPlatformData) this.#dropped += 1;
      else this.#platform.push({ space, point: pointOf(datum) });
    }
    this.#cancelFlush ??= this.#clock.schedule(platformFlushMs, () => void this.flush());
  }

  /** Writes what `put` has collected. */
  flush(): Promise<void> {
    this.#flushing = this.#flushing.then(() => this.#flush());
    return this.#flushing;
  }

  /**
   * The points of a metric by unit, in time order.
   * @param unit only this one
   */
  async read(
    space: MetricSpace,
    name: MetricName,
    range: ReadRange,
    unit?: string,
  ): Promise<ReadonlyMap<string, readonly Point[]>> {
    const found = new Map<string, readonly Point[]>();
    const metric = this.#index.find(space, name);
    for (const series of metric?.series.values() ?? []) {
      if (unit !== undefined && series.unit !== unit) continue;
      const points = await this.#readSeries(series.id, range);
      if (points.length > 0) found.set(series.unit, points);
    }
    return found;
  }

  /**
   * The metrics of a space, in an order that later metrics do not disturb.
   * @param filter.after goes on behind the metric with this `order`
   */
  *metrics(
    space: MetricSpace,
    filter: { namespace?: string; name?: string; after?: number } = {},
  ): Iterable<MetricName & { readonly order: number; readonly lastStart: number }> {
    const { namespace, name, after = 0 } = filter;
    for (const metric of this.#index.metrics(space, namespace, name)) {
      if (metric.order <= after) continue;
      if (namespace !== undefined && metric.namespace !== namespace) continue;
      if (name !== undefined && metric.name !== name) continue;
      yield { ...nameOf(metric), order: metric.order, lastStart: lastStartOf(metric) };
    }
  }

  /** Seals, merges, rolls up and forgets what is due. Runs by itself once a minute. */
  maintain(): Promise<void> {
    if (!this.#maintaining) {
      this.#maintaining = true;
      this.#maintenance = this.#maintain().finally(() => {
        this.#maintaining = false;
      });
    }
    return this.#maintenance;
  }

  async close(): Promise<void> {
    this.#cancelMaintenance();
    await this.flush();
    this.#closed = true;
    await this.#maintenance.catch(() => undefined); // reported where it was started
    await this.#files.close();
    await this.#index.close();
  }

  async #registered(created: readonly Series[], entries: readonly Entry[]): Promise<void> {
    await this.#index.register(created);
    // Another request made one of these series and was refused.
    if (entries.some(({ series }) => this.#index.byId(series) === undefined)) throw new StorageFull("metrics");
  }

  #entry(space: MetricSpace, point: NewPoint, created: Series[]): Entry {
    const young = point.timestamp > this.#clock.now() - tiers[highResolutionTier].retentionMs;
    const tier = point.highResolution && young ? highResolutionTier : standardTier;
    return {
      series: this.#index.resolve(space, point.metric, point.unit, created).id,
      tier,
      start: floorTo(point.timestamp, tiers[tier].resolutionMs),
      summary: point.summary,
    };
  }

  async #readSeries(series: number, { from, to, periodMs, origin = 0 }: ReadRange): Promise<readonly Point[]> {
    const byPeriod = new Map<number, Summary>();
    const add = (start: number, summary: Summary) => {
      if (start >= from && start < to) addTo(byPeriod, origin + floorTo(start - origin, periodMs), summary);
    };
    // Taken at once: later changes of the files concern none of these.
    const { windows, blocks } = this.#files.sources();
    const reading = blocks
      .filter((block) => block.facts.partition < to && block.end > from)
      .map((block) =>
        block.while(async () => {
          for (const [start, summary] of await block.points(series)) add(start, summary);
        }),
      );
    for (const window of windows) {
      for (const tier of [highResolutionTier, standardTier]) {
        for (const [start, summary] of window.points(series, tier, from, to)) add(start, summary);
      }
    }
    await Promise.all(reading);
    return [...byPeriod].sort((a, b) => a[0] - b[0]);
  }

  /** What does not fit into memory waits until blocks were made of what is there. */
  async #makeRoom(): Promise<void> {
    const { window, bytes } = this.#files.current;
    const { hotCells, journalBytes } = this.#limits;
    if (window.cells < hotCells && bytes < journalBytes) return;
    const maintained = this.maintain();
    if (window.cells < 2 * hotCells) {
      maintained.catch((error: unknown) => this.#report("metrics could not be put in order", error));
      return;
    }
    await maintained;
  }

  async #maintain(): Promise<void> {
    const { current } = this.#files;
    const { hotCells, journalBytes, blockBytes } = this.#limits;
    const now = this.#clock.now();
    const full = current.window.cells >= hotCells || current.bytes >= journalBytes;
    if (full || (current.window.cells > 0 && now - this.#currentSince >= sealAfterMs)) {
      await this.#files.rotate();
      this.#currentSince = now;
    }
    await this.#files.seal();
    for (;;) {
      const facts = this.#files.blocks.map((block) => block.facts);
      const task = nextTask(facts, now, blockBytes);
      if (task === undefined) break;
      await this.#files.run(task, (series) => this.#index.byId(series) !== undefined);
    }
    await this.#forget(now);
  }

  /** Series without data, and beyond the limit those that had none for longest. */
  async #forget(now: number): Promise<void> {
    const { retentionMs, partitionMs } = tiers[lastTier];
    const gone = now - retentionMs - partitionMs;
    const limit = this.#limits.series;
    const all = [...this.#index.all()];
    const empty = all.filter(({ lastStart }) => lastStart < gone);
    // A register is written anew for several at once.
    const worthwhile = empty.length * 10 > all.length;
    if (all.length <= limit) {
      if (worthwhile) await this.#index.forget(empty);
      return;
    }
    const byAge = all.sort((a, b) => a.lastStart - b.lastStart);
    await this.#index.forget(byAge.slice(0, all.length - Math.floor(limit * 0.9)));
  }

  #scheduleMaintenance(): void {
    this.#cancelMaintenance = this.#clock.schedule(maintenanceMs, () => {
      this.maintain().catch((error: unknown) => {
        this.#report("metrics could not be put in order; the next minute tries again", error);
      });
      this.#scheduleMaintenance();
    });
  }

  async #flush(): Promise<void> {
    this.#cancelFlush?.();
    this.#cancelFlush = undefined;
    const waiting = this.#platform;
    this.#platform = [];
    if (this.#dropped > 0) {
      this.#report(`${this.#dropped} values of metrics were dropped, because too many came at once`, undefined);
      this.#dropped = 0;
    }
    const bySpace = new Map<string, { space: MetricSpace; points: NewPoint[] }>();
    for (const { space, point } of waiting) {
      const key = `${space.accountId} ${space.region}`;
      const group = bySpace.get(key) ?? { space, points: [] };
      bySpace.set(key, group);
      group.points.push(point);
    }
    for (const { space, points } of bySpace.values()) {
      try {
        await this.write(space, points);
      } catch (error) {
        this.#report(`${points.length} values of metrics of the platform were lost`, error);
      }
    }
  }
}

function nameOf({ namespace, name, dimensions }: Metric): MetricName {
  return { namespace, name, dimensions };
}

function pointOf({ namespace, name, dimensions, unit, timestamp, value }: MetricDatum): NewPoint {
  const summary = new Summary();
  if (typeof value === "number") summary.add(value);
  else for (const [each, count] of value) summary.add(each, count);
  return {
    metric: { namespace, name, dimensions: sortedDimensions(Object.entries(dimensions)) },
    unit: unit ?? "None",
    timestamp,
    highResolution: false,
    summary,
  };
}

/** Dimensions in the order of their names, by which metrics are told apart. */
export function sortedDimensions(dimensions: readonly (readonly [string, string])[]): [string, string][] {
  return dimensions
    .map(([name, value]): [string, string] => [name, value])
    .sort(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0));
}
