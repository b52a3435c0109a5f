/** Adds what a tree says to the running sum (margin) of each row. */
import { Struct } from "../struct.ts";

/** One node as the kernels walk it; node 0 is the root. */
export const walkNode = new Struct({
  /** A leaf's value, or the threshold: a value below it goes left. */
  threshold: "f32",
  feature: "u32",
  /** 0: this is a leaf. */
  left: "u32",
  right: "u32",
  missingLeft: "u32",
  /** The same decision on codes: up to `lastLeft` left; `missingCode` by `missingLeft`. */
  lastLeft: "i32",
  missingCode: "u32",
});

/** `addLeafValues`: one task per record of `tasks`: all rows of a segment are in one leaf. */
export const leafValuesArguments = new Struct({
  rows: "u32",
  tasks: "u32",
  /** f32 (nRows, nGroups); one group is added to. */
  margins: "u32",
  nGroups: "u32",
  group: "u32",
});

export const leafValuesTask = new Struct({ begin: "u32", end: "u32", value: "f32" });

/**
 * `addSplitValues8`, `addSplitValues16`: one task per record of `tasks`: all rows of a segment are in one node whose
 * two children are leaves.
 */
export const splitValuesArguments = new Struct({
  /** u8 or u16 (nFeatures, nRows). */
  columnCodes: "u32",
  nRows: "u32",
  rows: "u32",
  tasks: "u32",
  margins: "u32",
  nGroups: "u32",
  group: "u32",
});

export const splitValuesTask = new Struct({
  begin: "u32",
  end: "u32",
  feature: "u32",
  lastLeft: "i32",
  missingCode: "u32",
  missingLeft: "u32",
  leftValue: "f32",
  rightValue: "f32",
});

/** `addTree`: rows walk the tree by their values; task = block of rows. */
export const addTreeArguments = new Struct({
  nodes: "u32",
  /** f32 (nRows, nFeatures); NaN is missing. */
  values: "u32",
  nRows: "u32",
  nFeatures: "u32",
  rowsPerTask: "u32",
  margins: "u32",
  nGroups: "u32",
  group: "u32",
});

/** `addTreeByCodes8`, `addTreeByCodes16`: listed rows walk by their codes; task = block of the list. */
export const addTreeByCodesArguments = new Struct({
  nodes: "u32",
  /** u8 or u16 (nFeatures, nRows). */
  columnCodes: "u32",
  nRows: "u32",
  /** u32 (nListed). */
  rows: "u32",
  nListed: "u32",
  rowsPerTask: "u32",
  margins: "u32",
  nGroups: "u32",
  group: "u32",
});
