// Contract: ../gradient-pairs.ts. Plain twin: ../reference/gradient-pairs.ts.
import { exp2lanes } from "./_exp";

@unmanaged
class GradientArguments {
  margins: usize;
  labels: usize;
  weights: usize;
  nRows: u32;
  nGroups: u32;
  rowsPerTask: u32;
  positiveWeight: f32;
  pairs: usize;
  maxima: usize;
}

@unmanaged
class RoundArguments {
  pairs: usize;
  nPairs: u32;
  pairsPerTask: u32;
  gradientAnchor: f64;
  hessianAnchor: f64;
}

const TINY: f32 = 1e-16;

export function squaredErrorGradients(args: GradientArguments, task: u32, thread: u32): void {
  const begin = task * args.rowsPerTask;
  const end = min(args.nRows, begin + args.rowsPerTask);
  let greatestGradient: f32 = 0;
  let greatestHessian: f32 = 0;
  for (let row = begin; row < end; row++) {
    const label = load<f32>(args.labels + 4 * row);
    const weight = rowWeight(args, row, label);
    const gradient = (load<f32>(args.margins + 4 * row) - label) * weight;
    store<f32>(args.pairs + 8 * row, gradient);
    store<f32>(args.pairs + 8 * row, weight, 4);
    greatestGradient = max(greatestGradient, abs(gradient));
    greatestHessian = max(greatestHessian, weight);
  }
  store<f32>(args.maxima + 8 * task, greatestGradient);
  store<f32>(args.maxima + 8 * task, greatestHessian, 4);
}

export function logisticGradients(args: GradientArguments, task: u32, thread: u32): void {
  const begin = task * args.rowsPerTask;
  const end = min(args.nRows, begin + args.rowsPerTask);
  const whole = begin + ((end - begin) & ~3);
  let greatest = f32x4.splat(0);
  for (let row = begin; row < whole; row += 4) {
    const weights = args.weights != 0 ? v128.load(args.weights + 4 * row) : f32x4.splat(1);
    greatest = logisticOfFour(v128.load(args.margins + 4 * row), v128.load(args.labels + 4 * row), weights, args, row, 4, greatest);
  }
  if (whole < end) {
    let margins = f32x4.splat(0);
    let labels = f32x4.splat(0);
    let weights = f32x4.splat(1);
    // Lanes beyond the end must repeat a row, not add one to the maxima.
    for (let lane: u32 = 0; lane < 4; lane++) {
      const row = min(whole + lane, end - 1);
      margins = withLane(margins, lane, load<f32>(args.margins + 4 * row));
      labels = withLane(labels, lane, load<f32>(args.labels + 4 * row));
      if (args.weights != 0) weights = withLane(weights, lane, load<f32>(args.weights + 4 * row));
    }
    greatest = logisticOfFour(margins, labels, weights, args, whole, end - whole, greatest);
  }
  store<f32>(args.maxima + 8 * task, max(f32x4.extract_lane(greatest, 0), f32x4.extract_lane(greatest, 2)));
  store<f32>(args.maxima + 8 * task, max(f32x4.extract_lane(greatest, 1), f32x4.extract_lane(greatest, 3)), 4);
}

// @ts-ignore: decorator
@inline
function withLane(vector: v128, lane: u32, value: f32): v128 {
  if (lane == 0) return f32x4.replace_lane(vector, 0, value);
  if (lane == 1) return f32x4.replace_lane(vector, 1, value);
  if (lane == 2) return f32x4.replace_lane(vector, 2, value);
  return f32x4.replace_lane(vector, 3, value);
}

// Returns the running maxima as (gradient, hessian, gradient, hessian).
// @ts-ignore: decorator
@inline
function logisticOfFour(margins: v128, labels: v128, weightsIn: v128, args: GradientArguments, row: u32, count: u32, greatest: v128): v128 {
  const one = f32x4.splat(1);
  const weights = v128.bitselect(f32x4.mul(weightsIn, f32x4.splat(args.positiveWeight)), weightsIn, f32x4.eq(labels, one));
  // Beyond 88.7 the exponential would overflow single precision.
  const x = f32x4.min(f32x4.neg(margins), f32x4.splat(88.7));
  const low = f32x4.demote_f64x2_zero(exp2lanes(f64x2.promote_low_f32x4(x)));
  const high = f32x4.demote_f64x2_zero(exp2lanes(f64x2.promote_low_f32x4(v128.shuffle<i32>(x, x, 2, 3, 2, 3))));
  const exponentials = v128.shuffle<i32>(low, high, 0, 1, 4, 5);
  const p = f32x4.div(one, f32x4.add(exponentials, one));
  const gradients = f32x4.mul(f32x4.sub(p, labels), weights);
  const hessians = f32x4.mul(f32x4.max(f32x4.mul(p, f32x4.sub(one, p)), f32x4.splat(TINY)), weights);
  const first = v128.shuffle<i32>(gradients, hessians, 0, 4, 1, 5);
  const second = v128.shuffle<i32>(gradients, hessians, 2, 6, 3, 7);
  const target = args.pairs + 8 * row;
  if (count == 4) {
    v128.store(target, first);
    v128.store(target, second, 16);
  } else {
    v128.store64_lane(target, first, 0);
    if (count > 1) v128.store64_lane(target, first, 1, 8);
    if (count > 2) v128.store64_lane(target, second, 0, 16);
  }
  return f32x4.max(greatest, f32x4.max(f32x4.abs(first), f32x4.abs(second)));
}

export function softmaxGradients(args: GradientArguments, task: u32, thread: u32): void {
  const begin = task * args.rowsPerTask;
  const end = min(args.nRows, begin + args.rowsPerTask);
  const nGroups = args.nGroups;
  const groupBytes = 8 * args.nRows;
  let greatestGradient: f32 = 0;
  let greatestHessian: f32 = 0;
  for (let row = begin; row < end; row++) {
    const margins = args.margins + 4 * row * nGroups;
    let highest: f32 = 0;
    for (let k: u32 = 0; k < nGroups; k++) highest = max(highest, load<f32>(margins + 4 * k));
    // The exponentials wait in the places of the gradients until their sum is known.
    const targets = args.pairs + 8 * row;
    let sum: f64 = 0;
    for (let k: u32 = 0; k < nGroups; k += 2) {
      const exponentials = exponentialsOfTwo(margins, k, nGroups, highest);
      const first = f32x4.extract_lane(exponentials, 0);
      sum += <f64>first;
      store<f32>(targets + k * groupBytes, first);
      if (k + 1 == nGroups) break;
      const second = f32x4.extract_lane(exponentials, 1);
      sum += <f64>second;
      store<f32>(targets + (k + 1) * groupBytes, second);
    }
    const total = <f32>sum;
    const label = <u32>load<f32>(args.labels + 4 * row);
    const weight: f32 = args.weights != 0 ? load<f32>(args.weights + 4 * row) : 1;
    for (let k: u32 = 0; k < nGroups; k++) {
      const target = targets + k * groupBytes;
      const p = load<f32>(target) / total;
      const hessian = max<f32>(<f32>2 * p * (<f32>1 - p) * weight, TINY);
      const gradient = (k == label ? p - <f32>1 : p) * weight;
      store<f32>(target, gradient);
      store<f32>(target, hessian, 4);
      greatestGradient = max(greatestGradient, abs(gradient));
      greatestHessian = max(greatestHessian, hessian);
    }
  }
  store<f32>(args.maxima + 8 * task, greatestGradient);
  store<f32>(args.maxima + 8 * task, greatestHessian, 4);
}

// @ts-ignore: decorator
@inline
function exponentialsOfTwo(margins: usize, k: u32, nGroups: u32, highest: f32): v128 {
  const a = <f64>max<f32>(load<f32>(margins + 4 * k) - highest, -104);
  const b = k + 1 < nGroups ? <f64>max<f32>(load<f32>(margins + 4 * k, 4) - highest, -104) : a;
  return f32x4.demote_f64x2_zero(exp2lanes(f64x2.replace_lane(f64x2.splat(a), 1, b)));
}

export function roundPairs(args: RoundArguments, task: u32, thread: u32): void {
  const begin = args.pairs + 8 * task * args.pairsPerTask;
  const end = args.pairs + 8 * min(args.nPairs, (task + 1) * args.pairsPerTask);
  const anchor = f64x2.replace_lane(f64x2.splat(args.gradientAnchor), 1, args.hessianAnchor);
  for (let at = begin; at < end; at += 8) {
    const pair = f64x2.promote_low_f32x4(v128.load64_zero(at));
    const rounded = f64x2.sub(f64x2.add(pair, anchor), anchor);
    v128.store64_lane(at, f32x4.demote_f64x2_zero(rounded), 0);
  }
}

// @ts-ignore: decorator
@inline
function rowWeight(args: GradientArguments, row: u32, label: f32): f32 {
  const weight: f32 = args.weights != 0 ? load<f32>(args.weights + 4 * row) : 1;
  return label == 1 ? weight * args.positiveWeight : weight;
}
