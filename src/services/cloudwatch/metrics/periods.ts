/** Rules of periods that all reading operations share. */
import { floorTo } from "../store/tiers.ts";

const day = 24 * 3_600_000;

/** @param seconds 1, 5, 10, 30 or a multiple of 60 */
export function isPeriod(seconds: number): boolean {
  return [1, 5, 10, 30].includes(seconds) || (seconds >= 60 && seconds % 60 === 0);
}

/**
 * Where reading begins: the older the data, the coarser.
 * Source: API reference of GetMetricStatistics, "StartTime".
 */
export function roundedStart(start: number, periodMs: number, now: number): number {
  const age = now - start;
  if (age > 63 * day) return floorTo(start, 3_600_000);
  if (age > 15 * day) return floorTo(start, 300_000);
  return floorTo(start, Math.min(periodMs, 60_000));
}
