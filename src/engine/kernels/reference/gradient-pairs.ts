/** Plain twin of assembly/gradient-pairs.ts: the same operations in the same order, hence the same bits. */
import type { SharedMemory } from "../../shared-memory.ts";
import {
  EXP_COEFFICIENTS,
  gradientArguments,
  LN2_HIGH,
  LN2_LOW,
  LOG2_E,
  roundPairsArguments,
} from "../gradient-pairs.ts";

const f32 = Math.fround;
const TINY = f32(1e-16);
const MAGIC = 1.5 * 2 ** 52;

/** exp to a relative error of 1e-9, rounded to single precision. */
export function expSingle(x: number): number {
  const n = x * LOG2_E + MAGIC - MAGIC;
  const r = x - n * LN2_HIGH - n * LN2_LOW;
  let p = 0;
  for (const coefficient of EXP_COEFFICIENTS) p = p * r + coefficient;
  return f32(p * 2 ** n);
}

type RowGradients = (
  args: ReturnType<typeof gradientArguments.read>,
  row: number,
  views: Views,
) => readonly (readonly [number, number])[];

interface Views {
  readonly margins: Float32Array;
  readonly labels: Float32Array;
  readonly weights: Float32Array | undefined;
}

export function squaredErrorGradients(memory: SharedMemory, address: number, task: number): void {
  gradients(memory, address, task, (args, row, { margins, labels, weights }) => {
    const weight = rowWeight(weights?.[row], labels[row], args.positiveWeight);
    return [[f32(f32(margins[row] - labels[row]) * weight), weight]];
  });
}

export function logisticGradients(memory: SharedMemory, address: number, task: number): void {
  gradients(memory, address, task, (args, row, { margins, labels, weights }) => {
    const weight = rowWeight(weights?.[row], labels[row], args.positiveWeight);
    const p = f32(1 / f32(expSingle(Math.min(-margins[row], f32(88.7))) + 1));
    const hessian = Math.max(f32(p * f32(1 - p)), TINY);
    return [[f32(f32(p - labels[row]) * weight), f32(hessian * weight)]];
  });
}

export function softmaxGradients(memory: SharedMemory, address: number, task: number): void {
  gradients(memory, address, task, (args, row, { margins, labels, weights }) => {
    const point = [...margins.subarray(row * args.nGroups, (row + 1) * args.nGroups)];
    const highest = Math.max(0, ...point);
    const exponentials = point.map((margin) => expSingle(Math.max(f32(margin - highest), -104)));
    const total = f32(exponentials.reduce((sum, value) => sum + value, 0));
    const weight = weights?.[row] ?? 1;
    return exponentials.map((value, k) => {
      const p = f32(value / total);
      const hessian = Math.max(f32(f32(f32(2 * p) * f32(1 - p)) * weight), TINY);
      return [f32((k === labels[row] ? f32(p - 1) : p) * weight), hessian] as const;
    });
  });
}

export function roundPairs(memory: SharedMemory, address: number, task: number): void {
  const args = roundPairsArguments.read(memory, address);
  const end = Math.min(args.nPairs, (task + 1) * args.pairsPerTask);
  const pairs = memory.f32(args.pairs, 2 * args.nPairs);
  for (let i = task * args.pairsPerTask; i < end; i += 1) {
    pairs[2 * i] = pairs[2 * i] + args.gradientAnchor - args.gradientAnchor;
    pairs[2 * i + 1] = pairs[2 * i + 1] + args.hessianAnchor - args.hessianAnchor;
  }
}

function gradients(memory: SharedMemory, address: number, task: number, of: RowGradients): void {
  const args = gradientArguments.read(memory, address);
  const { nRows, nGroups } = args;
  const views = {
    margins: memory.f32(args.margins, nRows * nGroups),
    labels: memory.f32(args.labels, nRows),
    weights: args.weights === 0 ? undefined : memory.f32(args.weights, nRows),
  };
  const pairs = memory.f32(args.pairs, 2 * nRows * nGroups);
  const maxima = memory.f32(args.maxima + 8 * task, 2);
  maxima.fill(0);
  const end = Math.min(nRows, (task + 1) * args.rowsPerTask);
  for (let row = task * args.rowsPerTask; row < end; row += 1) {
    of(args, row, views).forEach(([gradient, hessian], group) => {
      pairs.set([gradient, hessian], 2 * (group * nRows + row));
      maxima[0] = Math.max(maxima[0], Math.abs(gradient));
      maxima[1] = Math.max(maxima[1], hessian);
    });
  }
}

function rowWeight(weight = 1, label: number, positiveWeight: number): number {
  return label === 1 ? f32(weight * positiveWeight) : weight;
}
