/** The points that are in the journal and not yet in a block: in memory, by series, tier and period. */
import type { Summary } from "../statistics/summary.ts";
import { partitionOf } from "./tiers.ts";

/** A summary and the beginning of its period, ms since the epoch. */
export type Point = readonly [start: number, summary: Summary];

/** The points of one series, in time order. */
export interface SeriesPoints {
  readonly series: number;
  readonly points: readonly Point[];
}

export class HotWindow {
  /** Per tier that data begins in: series to period to summary. */
  readonly #tiers: readonly Map<number, Map<number, Summary>>[] = [new Map(), new Map()];
  #cells = 0;

  /** How many numbers this holds: what its memory is measured by. */
  get cells(): number {
    return this.#cells;
  }

  /** @param summary becomes the window's own */
  add(series: number, tier: number, start: number, summary: Summary): void {
    const byTime = this.#tiers[tier].get(series) ?? new Map<number, Summary>();
    if (byTime.size === 0) this.#tiers[tier].set(series, byTime);
    const known = byTime.get(start);
    if (known === undefined) {
      byTime.set(start, summary);
      this.#cells += summary.size;
      return;
    }
    this.#cells -= known.size;
    known.merge(summary);
    this.#cells += known.size;
  }

  /** The points of a series whose periods begin in [from, to), in no order. */
  *points(series: number, tier: number, from: number, to: number): Iterable<Point> {
    const byTime = this.#tiers[tier]?.get(series);
    if (byTime === undefined) return;
    for (const [start, summary] of byTime) if (start >= from && start < to) yield [start, summary];
  }

  /** The partitions that points lie in, each as `[tier, beginning]`. */
  partitions(): (readonly [tier: number, start: number])[] {
    return this.#tiers.flatMap((bySeries, tier) => {
      const starts = new Set<number>();
      for (const byTime of bySeries.values()) for (const start of byTime.keys()) starts.add(partitionOf(tier, start));
      return [...starts].map((start) => [tier, start] as const);
    });
  }

  /** The points of one partition, ordered by series. */
  *partition(tier: number, partition: number): Iterable<SeriesPoints> {
    const bySeries = this.#tiers[tier];
    for (const series of [...bySeries.keys()].sort((a, b) => a - b)) {
      const points = [...bySeries.get(series)!].filter(([start]) => partitionOf(tier, start) === partition);
      if (points.length > 0) yield { series, points: points.sort((a, b) => a[0] - b[0]) };
    }
  }
}
