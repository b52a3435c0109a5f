/** Plain twin of assembly/quantile-cuts.ts. */
import type { SharedMemory } from "../../shared-memory.ts";
import { OVERSAMPLING, quantileCutsArguments, sketchSize } from "../quantile-cuts.ts";

const f32 = Math.fround;

/** A value, the weight certainly below it, the weight certainly not above it, its own weight. */
interface Entry {
  readonly value: number;
  readonly least: number;
  readonly greatest: number;
  readonly weight: number;
}

type Summary = readonly Entry[];

export function quantileCuts(memory: SharedMemory, address: number, column: number): void {
  const args = quantileCutsArguments.read(memory, address);
  const { nRows, maxBins } = args;
  const sparse = args.columnStart !== 0;
  const [begin, end] = sparse ? memory.u32(args.columnStart + 4 * column, 2) : [column * nRows, (column + 1) * nRows];
  const all = memory.f32(args.columns + 4 * begin, end - begin);
  const weights = args.weights === 0 ? undefined : memory.f32(args.weights, nRows);
  const rowOf = (i: number) => (sparse ? memory.u32(args.columnRows + 4 * (begin + i), 1)[0] : i);
  const n = all.filter((value) => Number.isFinite(value)).length;
  const infinite = all.filter((value) => Math.abs(value) === Infinity).length;
  memory.u32(args.missingCounts, column + 1)[column] = nRows - n - infinite;
  memory.u32(args.infiniteCounts, column + 1)[column] = infinite;

  const cuts = memory.f32(args.cuts + 4 * column * maxBins, maxBins);
  const minimums = memory.f32(args.minimums, column + 1);
  const cutCounts = memory.u32(args.cutCounts, column + 1);
  const values: { value: number; weight: number }[] = [];
  all.forEach((value, i) => {
    const weight = weights?.[rowOf(i)] ?? 1;
    if (Number.isFinite(value) && weight !== 0) values.push({ value: value + 0, weight });
  });
  if (values.length === 0) {
    cuts[0] = 3e-5;
    minimums[column] = 1e-5;
    cutCounts[column] = 1;
    return;
  }
  const sketched = sketch(values, sketchSize(n, maxBins).limit);
  const mostCuts = Math.min(n, maxBins);
  const summary = prune(prune(sketched, Math.min(n, OVERSAMPLING * maxBins)), mostCuts + 1);
  const nCuts = Math.min(summary.length, mostCuts);
  for (let k = 1; k < nCuts; k += 1) cuts[k - 1] = summary[k].value;
  const smallest = summary[0].value;
  const largest = summary[summary.length - 1].value;
  cuts[nCuts - 1] = f32(largest + f32(Math.abs(largest) + f32(1e-5)));
  minimums[column] = f32(f32(smallest - Math.abs(smallest)) - f32(1e-5));
  cutCounts[column] = nCuts;
}

/** A summary of at most `limit` entries of values in row order. */
function sketch(values: readonly { value: number; weight: number }[], limit: number): Summary {
  const levels: Summary[] = [];
  let queue: { value: number; weight: number }[] = [];
  for (const { value, weight } of values) {
    const last = queue.at(-1);
    if (last?.value === value) last.weight = f32(last.weight + weight);
    else {
      if (queue.length === 2 * limit) {
        pushUp(levels, summarize(queue), limit);
        queue = [];
      }
      queue.push({ value, weight });
    }
  }
  return levels.reduce(
    (summary, level) => (level.length === 0 ? summary : prune(combine(summary, level), limit)),
    prune(summarize(queue), limit),
  );
}

function summarize(queue: readonly { value: number; weight: number }[]): Summary {
  const summary: Entry[] = [];
  let rank = 0;
  const sorted = queue.toSorted((a, b) => a.value - b.value);
  for (let i = 0; i < sorted.length;) {
    const { value } = sorted[i];
    let { weight } = sorted[i];
    for (i += 1; i < sorted.length && sorted[i].value === value; i += 1) weight = f32(weight + sorted[i].weight);
    summary.push({ value, least: rank, greatest: f32(rank + weight), weight });
    rank = f32(rank + weight);
  }
  return summary;
}

/** Carries a new summary into the levels, like one into a binary counter. */
function pushUp(levels: Summary[], summary: Summary, limit: number): void {
  let current = summary;
  for (let l = 0; ; l += 1) {
    const level = levels[l] ?? [];
    if (level.length === 0) {
      levels[l] = prune(current, limit);
      return;
    }
    current = combine(prune(current, limit), level);
    levels[l] = current.length <= limit ? current : [];
    if (current.length <= limit) return;
  }
}

/** Keeps at most `maxSize` entries: the ends, and between them those whose middle rank is closest to evenly spaced ones. */
function prune(source: Summary, maxSize: number): Summary {
  const n = source.length;
  if (n <= maxSize) return source;
  const begin = source[0].greatest;
  const range = f32(source[n - 1].least - begin);
  const steps = maxSize - 1;
  const kept = [0];
  let i = 1;
  for (let k = 1; k < steps; k += 1) {
    const twice = f32(2 * f32(f32(f32(k * range) / steps) + begin));
    while (i < n - 1 && twice >= f32(source[i + 1].greatest + source[i + 1].least)) i += 1;
    if (i === n - 1) break;
    const [here, next] = [source[i], source[i + 1]];
    const middle = f32(f32(here.least + here.weight) + f32(next.greatest - next.weight));
    const nearest = twice < middle ? i : i + 1;
    if (nearest !== kept.at(-1)) kept.push(nearest);
  }
  if (kept.at(-1) !== n - 1) kept.push(n - 1);
  return kept.map((index) => source[index]);
}

/** Merges two summaries: ranks grow by what the other summary knows of the place where an entry comes to stand. */
function combine(a: Summary, b: Summary): Summary {
  const after = (entry: Entry | undefined) => (entry === undefined ? 0 : f32(entry.least + entry.weight));
  const merged: Entry[] = [];
  let [i, j] = [0, 0];
  while (i < a.length || j < b.length) {
    const [fromA, fromB]: readonly (Entry | undefined)[] = [a[i], b[j]];
    if (fromA !== undefined && fromB !== undefined && fromA.value === fromB.value) {
      const { value } = fromA;
      const [least, greatest] = [f32(fromA.least + fromB.least), f32(fromA.greatest + fromB.greatest)];
      merged.push({ value, least, greatest, weight: f32(fromA.weight + fromB.weight) });
      i += 1;
      j += 1;
      continue;
    }
    const takeA = fromB === undefined || (fromA !== undefined && fromA.value < fromB.value);
    const taken = takeA ? a[i] : b[j];
    const [other, place] = takeA ? [b, j] : [a, i];
    const next = other[place];
    const above = next === undefined ? other[other.length - 1].greatest : f32(next.greatest - next.weight);
    merged.push({ ...taken, least: f32(taken.least + after(other[place - 1])), greatest: f32(taken.greatest + above) });
    if (takeA) i += 1;
    else j += 1;
  }
  // Rounding must not let ranks fall, or an entry's range be narrower than its weight.
  let [least, greatest] = [0, 0];
  return merged.map((entry) => {
    least = Math.max(entry.least, least);
    greatest = Math.max(entry.greatest, greatest, f32(least + entry.weight));
    return { ...entry, least, greatest };
  });
}
