/**
 * How finely data is kept, by its age: every point lies in exactly one tier, and moves to the next when it is too old.
 *
 * Source: CloudWatch User Guide, "Metrics retention".
 */
const hour = 3_600_000;
const day = 24 * hour;

export interface Tier {
  /** Length of the periods whose values are summed up, ms. */
  readonly resolutionMs: number;
  readonly retentionMs: number;
  /** Files hold at most this stretch of time, so that whole files grow too old. A multiple of the finer tier's. */
  readonly partitionMs: number;
}

/** High-resolution data begins in the first tier, all other in the second. */
export const tiers: readonly Tier[] = [
  { resolutionMs: 1000, retentionMs: 3 * hour, partitionMs: hour },
  { resolutionMs: 60_000, retentionMs: 15 * day, partitionMs: day },
  { resolutionMs: 300_000, retentionMs: 63 * day, partitionMs: 7 * day },
  { resolutionMs: hour, retentionMs: 455 * day, partitionMs: 35 * day },
];

export const highResolutionTier = 0;
export const standardTier = 1;
export const lastTier = tiers.length - 1;

/** The beginning of the period that a moment lies in. */
export function floorTo(timestamp: number, length: number): number {
  return Math.floor(timestamp / length) * length;
}

export function partitionOf(tier: number, timestamp: number): number {
  return floorTo(timestamp, tiers[tier].partitionMs);
}
