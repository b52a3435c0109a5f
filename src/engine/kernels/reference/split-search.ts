/** Plain twin of assembly/split-search.ts. */
import type { SharedMemory } from "../../shared-memory.ts";
import { splitCandidate, splitSearchArguments, splitSearchSet } from "../split-search.ts";

const f32 = Math.fround;

export interface GainParameters {
  readonly lambda: number;
  readonly alpha: number;
  readonly minChildWeight: number;
  /** 0: no cap. */
  readonly maxDeltaStep: number;
}

/** G shrunk towards 0 by alpha. */
function shrink(gradient: number, alpha: number): number {
  if (gradient > alpha) return gradient - alpha;
  return gradient < -alpha ? gradient + alpha : 0;
}

/** Weight of a leaf with these sums, before the learning rate; 0 below the least hessian; single precision. */
export function leafWeight(parameters: GainParameters, gradient: number, hessian: number): number {
  const { lambda, alpha, minChildWeight, maxDeltaStep } = parameters;
  if (hessian <= 0 || hessian < minChildWeight) return 0;
  const weight = -shrink(gradient, alpha) / (hessian + lambda);
  return f32(maxDeltaStep !== 0 && Math.abs(weight) > maxDeltaStep ? Math.sign(weight) * maxDeltaStep : weight);
}

/** What one side of a split (or an unsplit node) contributes to the gain; single precision. */
export function sideGain(parameters: GainParameters, gradient: number, hessian: number): number {
  if (hessian <= 0) return 0;
  const { lambda, alpha, maxDeltaStep } = parameters;
  if (maxDeltaStep === 0) return f32(f32(shrink(gradient, alpha) ** 2) / f32(hessian + lambda));
  const w = leafWeight(parameters, gradient, hessian);
  const linear = f32(f32(2 * f32(gradient)) * w);
  const quadratic = f32(f32(f32(hessian) + lambda) * f32(w * w));
  // The original leaves the L1 term out of a capped weight's gain; so do we, or trees would differ.
  return -f32(linear + quadratic);
}

export function searchSplits(memory: SharedMemory, address: number, task: number): void {
  const args = splitSearchArguments.read(memory, address);
  const setNumber = Math.floor(task / args.nChunks);
  const set = splitSearchSet.read(memory, args.sets, setNumber);
  const first = (task % args.nChunks) * args.featuresPerChunk;
  const features = Array.from(
    { length: Math.min(args.featuresPerChunk, args.nFeatures - first) },
    (_, index) => first + index,
  );
  const offsets = memory.u32(args.slotOffsets, args.nFeatures + 1);
  const begin = offsets[first];
  const length = (offsets[first + features.length] - begin) / 8;

  if (set.merge !== 0) {
    const built = memory.f64(set.built + begin, length).fill(0);
    for (let thread = 0; thread < args.nThreads; thread += 1) {
      const at = thread * args.nSets + setNumber;
      if (memory.u32(args.touched + 4 * at, 1)[0] === 0) continue;
      memory.f64(args.partials + at * args.histogramBytes + begin, length).forEach((sum, i) => {
        built[i] += sum;
      });
    }
    if (set.sibling !== 0) {
      const sibling = memory.f64(set.sibling + begin, length);
      built.forEach((sum, i) => {
        sibling[i] -= sum;
      });
    }
  }
  const search = (
    side: number,
    histogram: number,
    allowed: number,
    gradient: number,
    hessian: number,
    nodeGain: number,
  ) => {
    const mask = allowed === 0 ? undefined : memory.u8(allowed, args.nFeatures);
    const candidates = features
      .filter((feature) => mask === undefined || mask[feature] !== 0)
      .flatMap((feature) => splitsOf(memory, args, histogram, feature, gradient, hessian, nodeGain));
    const none = { gain: 0, feature: 0, lastLeft: 0, missingLeft: 0, leftGradient: 0, leftHessian: 0 };
    const best = candidates.reduce((a, b) => (b.gain > a.gain && Number.isFinite(b.gain) ? b : a), none);
    splitCandidate.write(memory, args.candidates, best, 2 * task + side);
  };
  if (set.searchBuilt !== 0)
    search(0, set.built, set.builtFeatures, set.builtGradient, set.builtHessian, set.builtGain);
  if (set.searchSibling !== 0) {
    search(1, set.sibling, set.siblingFeatures, set.siblingGradient, set.siblingHessian, set.siblingGain);
  }
}

type Candidate = ReturnType<typeof splitCandidate.read>;

/** Every admissible split of a feature: missing values right, then missing values left. */
function splitsOf(
  memory: SharedMemory,
  args: ReturnType<typeof splitSearchArguments.read>,
  histogram: number,
  feature: number,
  gradient: number,
  hessian: number,
  nodeGain: number,
): Candidate[] {
  const [offset, end] = memory.u32(args.slotOffsets + 4 * feature, 2);
  const nBins = memory.u32(args.binCounts + 4 * feature, 1)[0];
  const slots = memory.f64(histogram + offset, (end - offset) / 8);
  const found: Candidate[] = [];
  const consider = (lastLeft: number, missingLeft: number, leftGradient: number, leftHessian: number) => {
    if (leftHessian < args.minChildWeight || hessian - leftHessian < args.minChildWeight) return;
    const both = f32(
      sideGain(args, leftGradient, leftHessian) + sideGain(args, gradient - leftGradient, hessian - leftHessian),
    );
    found.push({ gain: f32(both - nodeGain), feature, lastLeft, missingLeft, leftGradient, leftHessian });
  };
  let [sumGradient, sumHessian] = [0, 0];
  for (let bin = 0; bin < nBins; bin += 1) {
    sumGradient += slots[2 * bin];
    sumHessian += slots[2 * bin + 1];
    consider(bin, 0, sumGradient, sumHessian);
  }
  const missing = slots.subarray(2 * nBins);
  if (missing.every((sum) => sum === 0)) return found;
  [sumGradient, sumHessian] = [0, 0];
  for (let bin = nBins - 1; bin >= 0; bin -= 1) {
    sumGradient += slots[2 * bin];
    sumHessian += slots[2 * bin + 1];
    consider(bin - 1, 1, gradient - sumGradient, hessian - sumHessian);
  }
  return found;
}
