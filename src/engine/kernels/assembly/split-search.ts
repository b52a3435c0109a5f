// Contract and source: ../split-search.ts. Plain twin: ../reference/split-search.ts.

@unmanaged
class Arguments {
  sets: usize;
  nFeatures: u32;
  featuresPerChunk: u32;
  nChunks: u32;
  slotOffsets: usize;
  binCounts: usize;
  partials: usize;
  histogramBytes: u32;
  nThreads: u32;
  nSets: u32;
  touched: usize;
  candidates: usize;
  lambda: f32;
  alpha: f32;
  minChildWeight: f32;
  maxDeltaStep: f32;
}

@unmanaged
class SearchSet {
  merge: u32;
  built: usize;
  sibling: usize;
  searchBuilt: u32;
  searchSibling: u32;
  builtFeatures: usize;
  siblingFeatures: usize;
  builtGradient: f64;
  builtHessian: f64;
  siblingGradient: f64;
  siblingHessian: f64;
  builtGain: f32;
  siblingGain: f32;
}

@unmanaged
class Candidate {
  gain: f32;
  feature: u32;
  lastLeft: i32;
  missingLeft: u32;
  leftGradient: f64;
  leftHessian: f64;
}

export function searchSplits(args: Arguments, task: u32, thread: u32): void {
  const setNumber = task / args.nChunks;
  const chunk = task % args.nChunks;
  const set = changetype<SearchSet>(args.sets + setNumber * offsetof<SearchSet>());
  const firstFeature = chunk * args.featuresPerChunk;
  const endFeature = min(args.nFeatures, firstFeature + args.featuresPerChunk);
  const begin = load<u32>(args.slotOffsets + 4 * firstFeature);
  const end = load<u32>(args.slotOffsets + 4 * endFeature);

  if (set.merge != 0) {
    const built = set.built;
    memory.fill(built + begin, 0, end - begin);
    for (let t: u32 = 0; t < args.nThreads; t++) {
      const at = t * args.nSets + setNumber;
      if (load<u32>(args.touched + 4 * at) == 0) continue;
      const partial = args.partials + at * args.histogramBytes;
      for (let slot = begin; slot < end; slot += 16) {
        v128.store(built + slot, f64x2.add(v128.load(built + slot), v128.load(partial + slot)));
      }
    }
    const sibling = set.sibling;
    if (sibling != 0) {
      for (let slot = begin; slot < end; slot += 16) {
        v128.store(sibling + slot, f64x2.sub(v128.load(sibling + slot), v128.load(built + slot)));
      }
    }
  }
  const candidate = changetype<Candidate>(args.candidates + 2 * task * offsetof<Candidate>());
  if (set.searchBuilt != 0) {
    search(args, set.built, set.builtFeatures, firstFeature, endFeature, set.builtGradient, set.builtHessian, set.builtGain, candidate);
  }
  if (set.searchSibling != 0) {
    const other = changetype<Candidate>(changetype<usize>(candidate) + offsetof<Candidate>());
    search(args, set.sibling, set.siblingFeatures, firstFeature, endFeature, set.siblingGradient, set.siblingHessian, set.siblingGain, other);
  }
}

function search(
  args: Arguments, histogram: usize, allowed: usize, firstFeature: u32, endFeature: u32,
  gradient: f64, hessian: f64, nodeGain: f32, best: Candidate,
): void {
  best.gain = 0;
  best.feature = 0;
  best.lastLeft = 0;
  best.missingLeft = 0;
  best.leftGradient = 0;
  best.leftHessian = 0;
  // The plain formula can take both sides in one vector; L1 and capped steps, and sides without hessian, cannot occur.
  const plain = args.alpha == 0 && args.maxDeltaStep == 0 && args.minChildWeight > 0;
  for (let feature = firstFeature; feature < endFeature; feature++) {
    if (allowed != 0 && load<u8>(allowed + feature) == 0) continue;
    const offset = load<u32>(args.slotOffsets + 4 * feature);
    const slots = histogram + offset;
    const nBins = <i32>load<u32>(args.binCounts + 4 * feature);
    if (plain) scan<bool>(args, slots, 0, 1, nBins, feature, gradient, hessian, nodeGain, best);
    else scan<i32>(args, slots, 0, 1, nBins, feature, gradient, hessian, nodeGain, best);

    const hasSlotOfMissing = load<u32>(args.slotOffsets + 4 * feature + 4) - offset > 16 * <u32>nBins;
    if (!hasSlotOfMissing || !v128.any_true(v128.load(slots + 16 * nBins))) continue;
    if (plain) scan<bool>(args, slots, nBins - 1, -1, nBins, feature, gradient, hessian, nodeGain, best);
    else scan<i32>(args, slots, nBins - 1, -1, nBins, feature, gradient, hessian, nodeGain, best);
  }
}

// Walks the bins of a feature. Upwards the bins passed go left and missing values right; downwards the bins passed go
// right and missing values left. T is bool for the plain formula.
// @ts-ignore: decorator
@inline
function scan<T>(
  args: Arguments, slots: usize, first: i32, step: i32, count: i32, feature: u32,
  gradient: f64, hessian: f64, nodeGain: f32, best: Candidate,
): void {
  const total = f64x2.replace_lane(f64x2.splat(gradient), 1, hessian);
  const lambda = f64x2.splat(<f64>args.lambda);
  const least = <f64>args.minChildWeight;
  let bestGain = best.gain;
  let passed = f64x2.splat(0);
  let slot = slots + 16 * first;
  for (let i = 0; i < count; i++) {
    const bin = v128.load(slot);
    slot += 16 * step;
    // An empty bin splits the rows as the bin before it does.
    if (!v128.any_true(bin)) continue;
    passed = f64x2.add(passed, bin);
    const others = f64x2.sub(total, passed);
    if (f64x2.extract_lane(passed, 1) < least) continue;
    if (f64x2.extract_lane(others, 1) < least) break;
    let gain: f32;
    if (isBoolean<T>()) {
      const gradients = v128.shuffle<i64>(passed, others, 0, 2);
      const hessians = v128.shuffle<i64>(passed, others, 1, 3);
      const squares = f32x4.demote_f64x2_zero(f64x2.mul(gradients, gradients));
      const sides = f32x4.div(squares, f32x4.demote_f64x2_zero(f64x2.add(hessians, lambda)));
      gain = f32x4.extract_lane(sides, 0) + f32x4.extract_lane(sides, 1) - nodeGain;
    } else {
      gain =
        sideGain(args, f64x2.extract_lane(passed, 0), f64x2.extract_lane(passed, 1)) +
        sideGain(args, f64x2.extract_lane(others, 0), f64x2.extract_lane(others, 1)) -
        nodeGain;
    }
    if (gain > bestGain && gain < f32.POSITIVE_INFINITY) {
      const bin = first + i * step;
      const left = step > 0 ? passed : others;
      bestGain = gain;
      best.gain = gain;
      best.feature = feature;
      best.lastLeft = step > 0 ? bin : bin - 1;
      best.missingLeft = u32(step < 0);
      best.leftGradient = f64x2.extract_lane(left, 0);
      best.leftHessian = f64x2.extract_lane(left, 1);
    }
  }
}

// @ts-ignore: decorator
@inline
function sideGain(args: Arguments, gradient: f64, hessian: f64): f32 {
  if (hessian <= 0) return 0;
  const alpha = <f64>args.alpha;
  const shrunk = gradient > alpha ? gradient - alpha : gradient < -alpha ? gradient + alpha : 0;
  const cap = args.maxDeltaStep;
  if (cap == 0) return <f32>(shrunk * shrunk) / <f32>(hessian + <f64>args.lambda);
  let weight = hessian < <f64>args.minChildWeight ? 0 : -shrunk / (hessian + <f64>args.lambda);
  if (abs(weight) > <f64>cap) weight = copysign<f64>(<f64>cap, weight);
  const w = <f32>weight;
  // The original leaves the L1 term out of a capped weight's gain; so do we, or trees would differ.
  return -(<f32>2 * <f32>gradient * w + (<f32>hessian + args.lambda) * (w * w));
}
