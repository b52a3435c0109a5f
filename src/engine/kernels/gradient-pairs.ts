/**
 * First and second derivatives of a loss at the current predictions, as single-precision pairs (gradient, hessian).
 *
 * Sums of pairs must not depend on the order of summation, or the model would depend on the number of threads. So
 * every derivative is rounded to a multiple of a power of two that is so large that all sums fit the 53 bits of a
 * double: then double additions are exact. For a million rows the step is 2^-32 of the greatest magnitude.
 *
 * `exp` is computed in double precision (relative error below 1e-9) and rounded once to single.
 */
import { Struct } from "../struct.ts";

/** `squaredErrorGradients`, `logisticGradients`, `softmaxGradients`: task = block of rows. */
export const gradientArguments = new Struct({
  /** f32 (nRows, nGroups). */
  margins: "u32",
  /** f32 (nRows); a class number for softmax. */
  labels: "u32",
  /** f32 (nRows), or 0. */
  weights: "u32",
  nRows: "u32",
  /** Above 1 for softmax only. */
  nGroups: "u32",
  rowsPerTask: "u32",
  /** Factor on the weight of rows with label 1; not used by softmax. */
  positiveWeight: "f32",
  /** OUT f32 (nGroups, nRows, 2). */
  pairs: "u32",
  /** OUT f32 (nTasks, 2): greatest |gradient| and hessian of the block. */
  maxima: "u32",
});

/** `roundPairs`: task = block of pairs. In place. */
export const roundPairsArguments = new Struct({
  pairs: "u32",
  nPairs: "u32",
  pairsPerTask: "u32",
  /** 1.5 * 2^52 times the step: adding and subtracting it rounds to a multiple of the step, ties to even. */
  gradientAnchor: "f64",
  hessianAnchor: "f64",
});

/**
 * The anchor that rounds values of magnitude up to `greatest` such that sums of `count` of them are exact.
 * @returns 0 when there is nothing to round
 */
export function roundingAnchor(greatest: number, count: number): number {
  if (!(greatest > 0) || !Number.isFinite(greatest)) return 0;
  const magnitudeBits = 52 - Math.ceil(Math.log2(count + 1));
  // Powers of two are exact; log2 may be a hair off just at one, hence the correction.
  let exponent = Math.ceil(Math.log2(greatest));
  if (2 ** exponent < greatest) exponent += 1;
  const step = 2 ** (exponent - magnitudeBits);
  return 1.5 * 2 ** 52 * step;
}

export const LOG2_E = 1.4426950408889634;
/** ln 2 in two parts; the first has zeros at the end, so that multiples up to 2^11 of it are exact. */
export const LN2_HIGH = 0.6931471803691238;
export const LN2_LOW = 1.9082149292705877e-10;
/** Taylor coefficients 1/k!, k = 8 … 0; the remainder at |r| <= ln(2)/2 is 2e-10. */
export const EXP_COEFFICIENTS = [1 / 40320, 1 / 5040, 1 / 720, 1 / 120, 1 / 24, 1 / 6, 1 / 2, 1, 1] as const;
