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
  let bestGain: f32 = 0;
  const least = <f64>args.minChildWeight;
  for (let feature = firstFeature; feature < endFeature; feature++) {
    if (allowed != 0 && load<u8>(allowed + feature) == 0) continue;
    const offset = load<u32>(args.slotOffsets + 4 * feature);
    const slots = histogram + offset;
    const nBins = <i32>load<u32>(args.binCounts + 4 * feature);

    // Missing values right: rows up to bin `bin` left.
    let leftGradient: f64 = 0;
    let leftHessian: f64 = 0;
    for (let bin: i32 = 0; bin < nBins; bin++) {
      const binGradient = load<f64>(slots + 16 * bin);
      const binHessian = load<f64>(slots + 16 * bin, 8);
      // An empty bin splits the rows as the bin before it does.
      if (binHessian == 0 && binGradient == 0) continue;
      leftGradient += binGradient;
      leftHessian += binHessian;
      const rightHessian = hessian - leftHessian;
      if (leftHessian < least) continue;
      if (rightHessian < least) break;
      const gain = sideGain(args, leftGradient, leftHessian) + sideGain(args, gradient - leftGradient, rightHessian) - nodeGain;
      if (gain > bestGain && gain < f32.POSITIVE_INFINITY) {
        bestGain = gain;
        best.gain = gain;
        best.feature = feature;
        best.lastLeft = bin;
        best.missingLeft = 0;
        best.leftGradient = leftGradient;
        best.leftHessian = leftHessian;
      }
    }

    const hasSlotOfMissing = load<u32>(args.slotOffsets + 4 * feature + 4) - offset > 16 * <u32>nBins;
    if (!hasSlotOfMissing) continue;
    if (load<f64>(slots + 16 * nBins) == 0 && load<f64>(slots + 16 * nBins, 8) == 0) continue;
    // Missing values left: rows from bin `bin` on right.
    let rightGradient: f64 = 0;
    let rightHessian: f64 = 0;
    for (let bin = nBins - 1; bin >= 0; bin--) {
      const binGradient = load<f64>(slots + 16 * bin);
      const binHessian = load<f64>(slots + 16 * bin, 8);
      if (binHessian == 0 && binGradient == 0) continue;
      rightGradient += binGradient;
      rightHessian += binHessian;
      leftHessian = hessian - rightHessian;
      leftGradient = gradient - rightGradient;
      if (rightHessian < least) continue;
      if (leftHessian < least) break;
      const gain = sideGain(args, leftGradient, leftHessian) + sideGain(args, rightGradient, rightHessian) - nodeGain;
      if (gain > bestGain && gain < f32.POSITIVE_INFINITY) {
        bestGain = gain;
        best.gain = gain;
        best.feature = feature;
        best.lastLeft = bin - 1;
        best.missingLeft = 1;
        best.leftGradient = leftGradient;
        best.leftHessian = leftHessian;
      }
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
