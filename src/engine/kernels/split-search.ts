/**
 * Finishes histograms and finds the best split of each: for every feature and bin, how much the loss falls when rows
 * of lower bins go left, with missing values on either side.
 *
 * A set is built from rows (sum of the threads' partials); its sibling is what remains of their parent, whose
 * histogram it overwrites. The gain of a split is G_l^2/(H_l+lambda) + G_r^2/(H_r+lambda) - G^2/(H+lambda), with G
 * shrunk by alpha; sums are double, each quotient is rounded to single, as the original does, so that ties fall alike.
 *
 * Source: Chen, Guestrin, "XGBoost: A Scalable Tree Boosting System", KDD 2016, eq. 7 and algorithm 3.
 */
import { Struct } from "../struct.ts";

/** `searchSplits`: task = set * nChunks + chunk of features. */
export const splitSearchArguments = new Struct({
  sets: "u32",
  nFeatures: "u32",
  featuresPerChunk: "u32",
  nChunks: "u32",
  /** u32 (nFeatures + 1): byte offset of the feature's first slot; the end at last. */
  slotOffsets: "u32",
  /** u32 (nFeatures): bins without the slot of missing values, which follows them where there is one. */
  binCounts: "u32",
  /** As in `histogramArguments`. */
  partials: "u32",
  histogramBytes: "u32",
  nThreads: "u32",
  nSets: "u32",
  touched: "u32",
  /** OUT `splitCandidate` (nSets, nChunks, 2): of the built histogram and of the sibling. */
  candidates: "u32",
  lambda: "f32",
  alpha: "f32",
  minChildWeight: "f32",
  /** 0: no cap. */
  maxDeltaStep: "f32",
});

export const splitSearchSet = new Struct({
  /** 1: sum the partials into `built` and take them from `sibling`. */
  merge: "u32",
  /** Address of the histogram of the rows that were summed. */
  built: "u32",
  /** Address of the parent's histogram, which becomes the sibling's; 0: none. */
  sibling: "u32",
  searchBuilt: "u32",
  searchSibling: "u32",
  /** u8 (nFeatures): 1 for features that may be split on; 0: all may. */
  builtFeatures: "u32",
  siblingFeatures: "u32",
  builtGradient: "f64",
  builtHessian: "f64",
  siblingGradient: "f64",
  siblingHessian: "f64",
  /** Gain term of the unsplit node. */
  builtGain: "f32",
  siblingGain: "f32",
});

export const splitCandidate = new Struct({
  /** 0: no split lowers the loss. */
  gain: "f32",
  feature: "u32",
  /** Bins up to this one go left; -1: only missing values do. */
  lastLeft: "i32",
  missingLeft: "u32",
  leftGradient: "f64",
  leftHessian: "f64",
});
