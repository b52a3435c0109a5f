/** What is to be done with blocks as time goes by: merged when there are many, rolled up when they are old. */
import type { Block, BlockFacts } from "./block.ts";
import type { Point, SeriesPoints } from "./hot-window.ts";
import { Summary } from "../statistics/summary.ts";
import { floorTo, lastTier, partitionOf, tiers } from "./tiers.ts";

/** Blocks to be replaced by one; without a target they are deleted. */
export interface Task {
  readonly sources: readonly BlockFacts[];
  readonly target?: { readonly tier: number; readonly partition: number };
}

/** As many blocks of about the same size become one, so that every point is rewritten a few times only. */
const mergeWidth = 8;

/**
 * The next thing to do.
 * @param maxBytes when all blocks take more, the oldest of the finest tier are rolled up before their time
 */
export function nextTask(blocks: readonly BlockFacts[], now: number, maxBytes: number): Task | undefined {
  return tooOld(blocks, now) ?? tooMany(blocks) ?? tooLarge(blocks, maxBytes);
}

function tooOld(blocks: readonly BlockFacts[], now: number): Task | undefined {
  const old = blocks.find(({ tier, partition }) => {
    const { partitionMs, retentionMs } = tiers[tier];
    return partition + partitionMs + retentionMs <= now;
  });
  return old && rollUp(blocks, old);
}

function tooMany(blocks: readonly BlockFacts[]): Task | undefined {
  const groups = new Map<string, BlockFacts[]>();
  for (const block of blocks) {
    const sizeClass = Math.floor(Math.log(Math.max(block.points, 1)) / Math.log(mergeWidth));
    const key = `${block.tier} ${block.partition} ${sizeClass}`;
    const group = groups.get(key) ?? [];
    group.push(block);
    groups.set(key, group);
    if (group.length >= mergeWidth) return { sources: group, target: block };
  }
  return undefined;
}

function tooLarge(blocks: readonly BlockFacts[], maxBytes: number): Task | undefined {
  if (blocks.reduce((total, { bytes }) => total + bytes, 0) <= maxBytes) return undefined;
  const oldest = [...blocks].sort((a, b) => a.tier - b.tier || a.partition - b.partition)[0];
  return rollUp(blocks, oldest);
}

/** All of a partition goes into the next tier, or away from the last. */
function rollUp(blocks: readonly BlockFacts[], { tier, partition }: BlockFacts): Task {
  const sources = blocks.filter((block) => block.tier === tier && block.partition === partition);
  if (tier === lastTier) return { sources };
  return { sources, target: { tier: tier + 1, partition: partitionOf(tier + 1, partition) } };
}

/**
 * The points of several blocks as those of one, in the resolution of `tier`.
 * @param isKnown series that were forgotten are left out
 */
export async function* merged(
  sources: readonly Block[],
  tier: number,
  isKnown: (series: number) => boolean,
): AsyncGenerator<SeriesPoints> {
  const { resolutionMs } = tiers[tier];
  const all = new Set(sources.flatMap((source) => [...source.series]));
  for (const series of [...all].sort((a, b) => a - b)) {
    if (!isKnown(series)) continue;
    const byTime = new Map<number, Summary>();
    for (const source of sources) {
      for (const [start, summary] of await source.points(series)) {
        addTo(byTime, floorTo(start, resolutionMs), summary);
      }
    }
    const points: Point[] = [...byTime].sort((a, b) => a[0] - b[0]);
    if (points.length > 0) yield { series, points };
  }
}

/** Adds a summary, which stays as it is, to the one of a period. */
export function addTo(byTime: Map<number, Summary>, start: number, summary: Summary): void {
  let sum = byTime.get(start);
  if (sum === undefined) byTime.set(start, (sum = new Summary()));
  sum.merge(summary);
}
