/** Plain twin of assembly/quantile-cuts.ts. */
import type { SharedMemory } from "../../shared-memory.ts";
import { OVERSAMPLING, quantileCutsArguments } from "../quantile-cuts.ts";
import { hash3 } from "./hash.ts";

const f32 = Math.fround;

export function quantileCuts(memory: SharedMemory, address: number, column: number): void {
  const args = quantileCutsArguments.read(memory, address);
  const { nRows, maxBins, sampleEvery } = args;
  const sparse = args.columnStart !== 0;
  const [begin, end] = sparse ? memory.u32(args.columnStart + 4 * column, 2) : [column * nRows, (column + 1) * nRows];
  const weights = args.weights === 0 ? undefined : memory.f32(args.weights, nRows);
  const samples: { value: number; weight: number }[] = [];
  let present = 0;
  let infinite = 0;
  memory.f32(args.columns + 4 * begin, end - begin).forEach((value, i) => {
    if (Number.isNaN(value)) return;
    if (!Number.isFinite(value)) {
      infinite += 1;
      return;
    }
    present += 1;
    const row = sparse ? memory.u32(args.columnRows + 4 * (begin + i), 1)[0] : i;
    if (
      sampleEvery > 1 &&
      hash3(sampleEvery, column, Math.floor(row / sampleEvery)) % sampleEvery !== row % sampleEvery
    )
      return;
    const weight = weights?.[row] ?? 1;
    if (weight !== 0) samples.push({ value: value + 0, weight });
  });
  memory.u32(args.missingCounts, column + 1)[column] = nRows - present - infinite;
  memory.u32(args.infiniteCounts, column + 1)[column] = infinite;

  samples.sort((a, b) => a.value - b.value);
  const values: number[] = [];
  // ranks[k] and ranks[k + 1] are the weight below and up to value k.
  const ranks = [0];
  let rank = 0;
  for (const { value, weight } of samples) {
    rank += weight;
    if (values.length > 0 && values[values.length - 1] === value) ranks[ranks.length - 1] = rank;
    else {
      values.push(value);
      ranks.push(rank);
    }
  }

  const cuts = memory.f32(args.cuts + 4 * column * maxBins, maxBins);
  const minimums = memory.f32(args.minimums, column + 1);
  const cutCounts = memory.u32(args.cutCounts, column + 1);
  if (values.length === 0) {
    cuts[0] = 3e-5;
    minimums[column] = 1e-5;
    cutCounts[column] = 1;
    return;
  }
  const all = values.map((_, index) => index);
  const coarse = prune(ranks, all, Math.min(samples.length, OVERSAMPLING * maxBins));
  const most = Math.min(samples.length, maxBins);
  const fine = prune(ranks, coarse, most + 1);
  const nInner = Math.min(fine.length, most);
  for (let k = 1; k < nInner; k += 1) cuts[k - 1] = values[fine[k]];
  const smallest = values[0];
  const largest = values[fine[fine.length - 1]];
  cuts[nInner - 1] = f32(largest + f32(Math.abs(largest) + f32(1e-5)));
  minimums[column] = f32(f32(smallest - Math.abs(smallest)) - f32(1e-5));
  cutCounts[column] = nInner;
}

/** Keeps at most `maxSize` entries: the ends, and between them those whose middle rank is closest to evenly spaced ones. */
function prune(ranks: readonly number[], source: readonly number[], maxSize: number): readonly number[] {
  const n = source.length;
  if (n <= maxSize) return source;
  const lower = (i: number) => f32(ranks[source[i]]);
  const upper = (i: number) => f32(ranks[source[i] + 1]);
  const begin = upper(0);
  const range = f32(lower(n - 1) - begin);
  const steps = maxSize - 1;
  const kept = [0];
  let i = 1;
  for (let k = 1; k < steps; k += 1) {
    const twice = f32(2 * f32(f32(f32(k * range) / steps) + begin));
    while (i < n - 1 && twice >= f32(upper(i + 1) + lower(i + 1))) i += 1;
    if (i === n - 1) break;
    const nearest = twice < f32(upper(i) + lower(i + 1)) ? i : i + 1;
    if (nearest !== kept[kept.length - 1]) kept.push(nearest);
  }
  if (kept[kept.length - 1] !== n - 1) kept.push(n - 1);
  return kept.map((index) => source[index]);
}
