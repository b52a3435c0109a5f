// Contract and source: ../quantile-cuts.ts. Plain twin: ../reference/quantile-cuts.ts.
import { hash3 } from "./_hash";

@unmanaged
class Arguments {
  columns: usize;
  nRows: u32;
  columnStart: usize;
  columnRows: usize;
  weights: usize;
  maxBins: u32;
  sampleEvery: u32;
  scratch: usize;
  scratchBytes: u32;
  cuts: usize;
  cutCounts: usize;
  minimums: usize;
  missingCounts: usize;
  infiniteCounts: usize;
}

const RADIX_BITS: u32 = 11;
const RADIX_BUCKETS: u32 = 1 << RADIX_BITS;
const OVERSAMPLING: u32 = 8;

export function quantileCuts(args: Arguments, column: u32, thread: u32): void {
  const nRows = args.nRows;
  const maxBins = args.maxBins;
  const weighted = args.weights != 0;
  const ranks = args.scratch + thread * args.scratchBytes;
  let keys = ranks + 8 * (nRows + 1);
  let keysOther = keys + 4 * nRows;
  let weights = keysOther + 4 * nRows;
  let weightsOther = weights + 4 * nRows;
  const counts = weightsOther + 4 * nRows;
  const coarse = counts + 3 * 4 * RADIX_BUCKETS;
  const fine = coarse + 4 * OVERSAMPLING * maxBins;

  // Gather the column as unsigned keys that sort like the numbers.
  const sparse = args.columnStart != 0;
  const begin = sparse ? load<u32>(args.columnStart + 4 * column) : column * nRows;
  const end = sparse ? load<u32>(args.columnStart + 4 * column + 4) : begin + nRows;
  const every = args.sampleEvery;
  let n: u32 = 0;
  let present: u32 = 0;
  let infinite: u32 = 0;
  for (let i = begin; i < end; i++) {
    // Adding zero turns -0 into +0: one value, one key.
    const value = load<f32>(args.columns + 4 * (<usize>i)) + 0;
    if (value != value) continue;
    if (abs(value) == f32.POSITIVE_INFINITY) {
      infinite++;
      continue;
    }
    present++;
    const row = sparse ? load<u32>(args.columnRows + 4 * i) : i - begin;
    if (every > 1 && hash3(every, column, row / every) % every != row % every) continue;
    if (weighted) {
      const weight = load<f32>(args.weights + 4 * row);
      if (weight == 0) continue;
      store<f32>(weights + 4 * n, weight);
    }
    const bits = reinterpret<u32>(value);
    store<u32>(keys + 4 * n, bits ^ (<u32>(<i32>bits >> 31) | 0x80000000));
    n++;
  }
  store<u32>(args.missingCounts + 4 * column, nRows - present - infinite);
  store<u32>(args.infiniteCounts + 4 * column, infinite);

  // Sort: three passes of a least-significant-digit radix sort; all digits are counted in one reading.
  memory.fill(counts, 0, 3 * 4 * RADIX_BUCKETS);
  for (let i: u32 = 0; i < n; i++) {
    const key = load<u32>(keys + 4 * i);
    for (let digit: u32 = 0; digit < 3; digit++) {
      const bucket = counts + 4 * (digit * RADIX_BUCKETS + ((key >>> (digit * RADIX_BITS)) & (RADIX_BUCKETS - 1)));
      store<u32>(bucket, load<u32>(bucket) + 1);
    }
  }
  for (let digit: u32 = 0; digit < 3; digit++) {
    const table = counts + 4 * digit * RADIX_BUCKETS;
    const shift = digit * RADIX_BITS;
    // All keys alike in this digit: nothing to move.
    if (n > 0 && load<u32>(table + 4 * ((load<u32>(keys) >>> shift) & (RADIX_BUCKETS - 1))) == n) continue;
    let position: u32 = 0;
    for (let bucket: u32 = 0; bucket < RADIX_BUCKETS; bucket++) {
      const count = load<u32>(table + 4 * bucket);
      store<u32>(table + 4 * bucket, position);
      position += count;
    }
    for (let i: u32 = 0; i < n; i++) {
      const key = load<u32>(keys + 4 * i);
      const slot = table + 4 * ((key >>> shift) & (RADIX_BUCKETS - 1));
      const target = load<u32>(slot);
      store<u32>(slot, target + 1);
      store<u32>(keysOther + 4 * target, key);
      if (weighted) store<f32>(weightsOther + 4 * target, load<f32>(weights + 4 * i));
    }
    const other = keysOther;
    keysOther = keys;
    keys = other;
    const otherWeights = weightsOther;
    weightsOther = weights;
    weights = otherWeights;
  }

  // Reduce to distinct values; ranks[k] and ranks[k + 1] are the weight below and up to value k.
  const values = keys;
  let nDistinct: u32 = 0;
  let rank: f64 = 0;
  store<f64>(ranks, 0);
  for (let i: u32 = 0; i < n; ) {
    const key = load<u32>(keys + 4 * i);
    do {
      rank += weighted ? <f64>load<f32>(weights + 4 * i) : 1.0;
      i++;
    } while (i < n && load<u32>(keys + 4 * i) == key);
    const bits = key ^ (key >>> 31 != 0 ? 0x80000000 : 0xffffffff);
    store<u32>(values + 4 * nDistinct, bits);
    nDistinct++;
    store<f64>(ranks + 8 * nDistinct, rank);
  }

  const columnCuts = args.cuts + 4 * (<usize>column) * maxBins;
  if (nDistinct == 0) {
    store<f32>(columnCuts, 3e-5);
    store<f32>(args.minimums + 4 * column, 1e-5);
    store<u32>(args.cutCounts + 4 * column, 1);
    return;
  }
  const nCoarse = prune(ranks, 0, nDistinct, coarse, min(n, OVERSAMPLING * maxBins));
  const most = min(n, maxBins);
  const nFine = prune(ranks, coarse, nCoarse, fine, most + 1);
  const nInner = min(nFine, most);
  for (let k: u32 = 1; k < nInner; k++) {
    store<f32>(columnCuts + 4 * (k - 1), load<f32>(values + 4 * load<u32>(fine + 4 * k)));
  }
  const smallest = load<f32>(values);
  const largest = load<f32>(values + 4 * load<u32>(fine + 4 * (nFine - 1)));
  store<f32>(columnCuts + 4 * (nInner - 1), largest + (abs(largest) + <f32>1e-5));
  store<f32>(args.minimums + 4 * column, smallest - abs(smallest) - <f32>1e-5);
  store<u32>(args.cutCounts + 4 * column, nInner);
}

// Keeps at most maxSize of n summary entries: the ends, and between them those whose middle rank is closest to evenly
// spaced ones. Ranks are compared in single precision, as the original does, so that the same entries are kept.
function prune(ranks: usize, source: usize, n: u32, target: usize, maxSize: u32): u32 {
  if (n <= maxSize) {
    for (let i: u32 = 0; i < n; i++) store<u32>(target + 4 * i, entry(source, i));
    return n;
  }
  const first = entry(source, 0);
  const last = entry(source, n - 1);
  const begin = upper(ranks, first);
  const range = lower(ranks, last) - begin;
  const steps = maxSize - 1;
  store<u32>(target, first);
  let size: u32 = 1;
  let i: u32 = 1;
  let kept: u32 = 0;
  for (let k: u32 = 1; k < steps; k++) {
    const twice = <f32>2 * ((<f32>k * range) / <f32>steps + begin);
    while (i < n - 1 && twice >= upper(ranks, entry(source, i + 1)) + lower(ranks, entry(source, i + 1))) i++;
    if (i == n - 1) break;
    const nearest = twice < upper(ranks, entry(source, i)) + lower(ranks, entry(source, i + 1)) ? i : i + 1;
    if (nearest != kept) {
      store<u32>(target + 4 * size, entry(source, nearest));
      size++;
      kept = nearest;
    }
  }
  if (kept != n - 1) {
    store<u32>(target + 4 * size, last);
    size++;
  }
  return size;
}

// @ts-ignore: decorator
@inline
function entry(list: usize, i: u32): u32 {
  return list == 0 ? i : load<u32>(list + 4 * i);
}

// @ts-ignore: decorator
@inline
function lower(ranks: usize, value: u32): f32 {
  return <f32>load<f64>(ranks + 8 * value);
}

// @ts-ignore: decorator
@inline
function upper(ranks: usize, value: u32): f32 {
  return <f32>load<f64>(ranks + 8 * value, 8);
}
