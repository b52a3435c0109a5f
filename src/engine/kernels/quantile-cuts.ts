/**
 * Cut points that divide each column of numbers into at most `maxBins` bins of about equal weight.
 *
 * Bin k holds the values v with cut[k - 1] <= v < cut[k]; the last cut lies above every value. A column with at most
 * `maxBins` distinct values is cut at each of them. One with more is reduced twice, to 8 * maxBins and then to
 * maxBins + 1 values whose ranks are closest to evenly spaced, as in the pruning of a weighted quantile summary.
 *
 * Source: Chen, Guestrin, "XGBoost: A Scalable Tree Boosting System", KDD 2016, appendix A (prune operation).
 * Here the summary that is pruned is exact: the column is sorted.
 */
import { Struct } from "../struct.ts";

/** `quantileCuts`: one task per column. */
export const quantileCutsArguments = new Struct({
  /** f32: dense columns one after the other, (nColumns, nRows); or the values of all sparse columns. */
  columns: "u32",
  nRows: "u32",
  /** u32 (nColumns + 1), first value of each sparse column; 0: dense. */
  columnStart: "u32",
  /** u32, row of each sparse value. */
  columnRows: "u32",
  /** f32 (nRows), at least 0; 0: every row weighs 1. */
  weights: "u32",
  maxBins: "u32",
  /** Of each run of this many rows one, drawn by hash, is used; 1: all. */
  sampleEvery: "u32",
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
  /** OUT u32 (nColumns): infinite values. */
  infiniteCounts: "u32",
});

export const RADIX_BITS = 11;
export const RADIX_BUCKETS = 1 << RADIX_BITS;
/** A column is first reduced to this many values per bin. */
export const OVERSAMPLING = 8;

export function quantileCutsScratchBytes(nRows: number, maxBins: number): number {
  const sortBuffers = 4 * 4 * nRows;
  const ranks = 8 * (nRows + 1);
  const lists = 4 * (OVERSAMPLING * maxBins + maxBins + 2);
  return Math.ceil((sortBuffers + ranks + lists + 3 * 4 * RADIX_BUCKETS) / 64) * 64;
}
