/**
 * Sums of gradient pairs for every bin of every feature, for many sets of rows at once.
 *
 * Each thread sums into histograms of its own (`partials`); who wants the sums adds them over the threads. Pairs are
 * rounded so that additions are exact (gradient-pairs.ts), so neither the cut into tasks nor their order matters.
 */
import { Struct } from "../struct.ts";

/** `histogram8`, `histogram16` by the width of the codes: one task per record of `tasks`. */
export const histogramArguments = new Struct({
  /** u8 or u16 (nRows, nFeatures). */
  rowCodes: "u32",
  /** Bytes from one row's codes to the next's. */
  rowBytes: "u32",
  nFeatures: "u32",
  /** u32 (nFeatures): byte offset of the feature's first slot in a histogram; a slot is two f64. */
  slotOffsets: "u32",
  /** f32 (nRows, 2). */
  pairs: "u32",
  /** u32: row numbers, which tasks name by position; 0: position is row number. */
  rows: "u32",
  tasks: "u32",
  /** f64 (nThreads, nSets, nSlots, 2). */
  partials: "u32",
  histogramBytes: "u32",
  nSets: "u32",
  /** u32 (nThreads, nSets): zero before the job; set where a thread has summed something. */
  touched: "u32",
});

/** Rows at positions begin … end - 1 belong to `set`. */
export const histogramTask = new Struct({ begin: "u32", end: "u32", set: "u32" });
