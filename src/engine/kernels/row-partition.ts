/**
 * Splits segments of a list of row numbers in two, keeping the order of rows on each side.
 *
 * Blocks are split independently into work areas (`splitRows8`, `splitRows16`, or `sampleRows` by chance); when the
 * counts of all blocks are known, the caller fills in the targets and `placeRows` moves the rows there.
 */
import { Struct } from "../struct.ts";

/** All four kernels: one task per record of `tasks`. */
export const partitionArguments = new Struct({
  /** u8 or u16 (nFeatures, nRows). */
  columnCodes: "u32",
  nRows: "u32",
  /** IN of `splitRows8` and `splitRows16`: u32 (nRows). `sampleRows` takes position for row number. */
  source: "u32",
  /** OUT of `placeRows`: u32 (nRows); may be `source`. */
  rows: "u32",
  /** u32 (nRows), work areas: rows of each side, from the begin of their block on. */
  lefts: "u32",
  rights: "u32",
  tasks: "u32",
  /** `sampleRows`: a row goes left when the hash of (seed, stream, row) is below the threshold. */
  seed: "u32",
  stream: "u32",
  threshold: "f64",
});

export const partitionTask = new Struct({
  begin: "u32",
  end: "u32",
  feature: "u32",
  /** Codes up to this one go left. */
  lastLeft: "i32",
  missingCode: "u32",
  /** 1: rows with the missing code go left. */
  missingLeft: "u32",
  /** OUT of the split, IN of `placeRows`: rows that go left. */
  nLeft: "u32",
  /** IN of `placeRows`: where the block's left and right rows go in `rows`. */
  leftTarget: "u32",
  rightTarget: "u32",
});
