/**
 * Bin numbers ("codes") of every value, by column and by row.
 *
 * The code of v is the number of cuts <= v, at most count - 1; a missing value has the code count. Columns serve the
 * partition of rows, which asks for one feature of many rows; rows serve the histogram, which asks for all features.
 */
import { Struct } from "../struct.ts";

/** `encodeColumns8`, `encodeColumns16`: task = column * nBlocks + block of rows. */
export const encodeColumnsArguments = new Struct({
  /** As in `quantileCutsArguments`. A sparse column is encoded whole by its block 0. */
  columns: "u32",
  nRows: "u32",
  columnStart: "u32",
  columnRows: "u32",
  /** f32 (nColumns, maxBins), ascending within the first `cutCounts` of each column. */
  cuts: "u32",
  cutCounts: "u32",
  maxBins: "u32",
  rowsPerTask: "u32",
  nBlocks: "u32",
  /** Work area of `ENCODE_SCRATCH_BYTES` for each thread; 8-bit codes only. */
  scratch: "u32",
  /** OUT u8 or u16 (nColumns, nRows). */
  codes: "u32",
});

/** `transposeCodes8`, `transposeCodes16`: task = block of rows. */
export const transposeCodesArguments = new Struct({
  /** (nColumns, nRows). */
  columnCodes: "u32",
  nRows: "u32",
  nColumns: "u32",
  rowsPerTask: "u32",
  /** OUT (nRows, nColumns). */
  rowCodes: "u32",
  /** Bytes from one row's codes to the next's. */
  rowBytes: "u32",
});

/** 256 cuts and the last of each 16 of them. */
export const ENCODE_SCRATCH_BYTES = 4 * (256 + 16);
