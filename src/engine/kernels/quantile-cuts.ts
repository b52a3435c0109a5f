/**
 * Cut points that divide each column of numbers into at most `maxBins` bins of about equal weight.
 *
 * Bin k holds the values v with cut[k - 1] <= v < cut[k]; the last cut lies above every value. A column with at most
 * `maxBins` distinct values is cut at each of them. Others go through a weighted quantile sketch: values are taken in
 * row order into a queue; a full queue becomes a summary (value, least and greatest rank, weight); summaries of equal
 * level are merged and pruned like the digits of a binary counter. The last summary is reduced to 8 * maxBins and then
 * to maxBins + 1 entries. Ranks are single precision. All of this is what XGBoost's `hist` does, step by step, so that
 * the same data give the same cuts and hence the same trees.
 *
 * Source: Chen, Guestrin, "XGBoost: A Scalable Tree Boosting System", KDD 2016, appendix A (merge and prune).
 */
import { Struct } from "../struct.ts";

/** `quantileCuts`: one task per column. */
export const quantileCutsArguments = new Struct({
  /** f32: dense columns one after the other, (nColumns, nRows); or the values of all sparse columns. */
  columns: "u32",
  nRows: "u32",
  /** u32 (nColumns + 1), first value of each sparse column; 0: dense. */
  columnStart: "u32",
  /** u32, row of each sparse value, ascending within a column. */
  columnRows: "u32",
  /** f32 (nRows), at least 0; 0: every row weighs 1. */
  weights: "u32",
  maxBins: "u32",
  /** Work area of `quantileCutsScratchBytes` for each thread. */
  scratch: "u32",
  scratchBytes: "u32",
  /** OUT f32 (nColumns, maxBins). */
  cuts: "u32",
  /** OUT u32 (nColumns): cuts of each column, at least 1. */
  cutCounts: "u32",
  /** OUT f32 (nColumns): a value below every value of the column. */
  minimums: "u32",
  /** OUT u32 (nColumns): rows whose value is NaN or absent. */
  missingCounts: "u32",
  /** OUT u32 (nColumns): infinite values; they are left out. */
  infiniteCounts: "u32",
});

/** A summary keeps this many entries per bin and level. */
export const OVERSAMPLING = 8;
const RADIX_BUCKETS = 1 << 11;
const MOST_LEVELS = 40;

/**
 * Size of the sketch of a column.
 *
 * @param n values of the column
 * @returns levels of summaries, and the greatest number of entries of each; the queue holds twice as many values
 */
export function sketchSize(n: number, maxBins: number): { nLevels: number; limit: number } {
  const perLevel = OVERSAMPLING * Math.max(1, Math.min(maxBins, n));
  for (let nLevels = 1; ; nLevels += 1) {
    const limit = Math.min(n, nLevels * perLevel + 1);
    if (2 ** nLevels * limit >= n) return { nLevels, limit };
  }
}

export function quantileCutsScratchBytes(nRows: number, maxBins: number): number {
  const { nLevels, limit } = sketchSize(nRows, maxBins);
  const queue = 2 * limit;
  const most = Math.max(limit, OVERSAMPLING * maxBins + 1);
  const tables = 4 * (3 * RADIX_BUCKETS + MOST_LEVELS);
  // Two sort buffers of keys and weights; three summaries of a whole queue; one for each level.
  return Math.ceil((tables + 16 * queue + 3 * 16 * (queue + most) + 16 * limit * (nLevels + 3)) / 64) * 64;
}
