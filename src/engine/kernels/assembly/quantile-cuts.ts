// Contract and source: ../quantile-cuts.ts. Plain twin: ../reference/quantile-cuts.ts.

@unmanaged
class Arguments {
  columns: usize;
  nRows: u32;
  columnStart: usize;
  columnRows: usize;
  weights: usize;
  maxBins: u32;
  scratch: usize;
  scratchBytes: u32;
  cuts: usize;
  cutCounts: usize;
  minimums: usize;
  missingCounts: usize;
  infiniteCounts: usize;
}

// Entry of a summary: a value, the weight certainly below it, the weight certainly not above it, its own weight.
@unmanaged
class Entry {
  least: f32;
  greatest: f32;
  weight: f32;
  value: f32;
}

const ENTRY: usize = 16;
const RADIX_BITS: u32 = 11;
const RADIX_BUCKETS: u32 = 1 << RADIX_BITS;
const OVERSAMPLING: u32 = 8;
const MOST_LEVELS: u32 = 40;

// The work areas of the column at hand. Globals are each thread's own; static memory would be everybody's.
let counts: usize = 0;
// Values in the queue: the key in the low half of a word of 64 bits, the weight in the high half.
let queue: usize = 0;
let queueOther: usize = 0;
let levels: usize = 0;
let sizes: usize = 0;
let nLevels: u32 = 0;
let limit: u32 = 0;

export function quantileCuts(args: Arguments, column: u32, thread: u32): void {
  const nRows = args.nRows;
  const maxBins = args.maxBins;
  const sparse = args.columnStart != 0;
  const begin = sparse ? load<u32>(args.columnStart + 4 * column) : column * nRows;
  const end = sparse ? load<u32>(args.columnStart + 4 * column + 4) : begin + nRows;
  let n: u32 = 0;
  let infinite: u32 = 0;
  for (let i = begin; i < end; i++) {
    const magnitude = abs(load<f32>(args.columns + 4 * (<usize>i)));
    n += u32(magnitude < f32.POSITIVE_INFINITY);
    infinite += u32(magnitude == f32.POSITIVE_INFINITY);
  }
  store<u32>(args.missingCounts + 4 * column, nRows - n - infinite);
  store<u32>(args.infiniteCounts + 4 * column, infinite);

  const perLevel = OVERSAMPLING * max<u32>(1, min(maxBins, n));
  let reserved: u32 = 1;
  while ((<u64>min(n, reserved * perLevel + 1) << reserved) < <u64>n) reserved++;
  limit = min(n, reserved * perLevel + 1);
  const queueSize = 2 * limit;
  const most = max(limit, OVERSAMPLING * maxBins + 1);
  counts = args.scratch + thread * args.scratchBytes;
  sizes = counts + 3 * 4 * RADIX_BUCKETS;
  queue = sizes + 4 * MOST_LEVELS;
  queueOther = queue + 8 * queueSize;
  const work = queueOther + 8 * queueSize;
  const merged = work + ENTRY * (queueSize + most);
  const reduced = merged + ENTRY * (queueSize + most);
  levels = reduced + ENTRY * (queueSize + most);
  nLevels = 0;

  let queued: u32 = 0;
  let lastKey: u32 = 0;
  for (let i = begin; i < end; i++) {
    // Adding zero turns -0 into +0: one value, one key.
    const value = load<f32>(args.columns + 4 * (<usize>i)) + 0;
    if (!(abs(value) < f32.POSITIVE_INFINITY)) continue;
    let weight: f32 = 1;
    if (args.weights != 0) {
      const row = sparse ? load<u32>(args.columnRows + 4 * i) : i - begin;
      weight = load<f32>(args.weights + 4 * row);
      if (weight == 0) continue;
    }
    const bits = reinterpret<u32>(value);
    // Unsigned keys that sort like the numbers.
    const key = bits ^ (<u32>(<i32>bits >> 31) | 0x80000000);
    if (queued != 0 && key == lastKey) {
      const last = queue + 8 * (queued - 1);
      store<f32>(last, load<f32>(last, 4) + weight, 4);
      continue;
    }
    if (queued == queueSize) {
      pushUp(work, merged, summarize(queued, work));
      queued = 0;
    }
    store<u32>(queue + 8 * queued, key);
    store<f32>(queue + 8 * queued, weight, 4);
    lastKey = key;
    queued++;
  }

  const columnCuts = args.cuts + 4 * (<usize>column) * maxBins;
  if (queued == 0) {
    store<f32>(columnCuts, 3e-5);
    store<f32>(args.minimums + 4 * column, 1e-5);
    store<u32>(args.cutCounts + 4 * column, 1);
    return;
  }
  let size = summarize(queued, work);
  size = prune(work, size, reduced, limit);
  for (let l: u32 = 1; l < nLevels; l++) {
    const sizeThere = load<u32>(sizes + 4 * l);
    if (sizeThere == 0) continue;
    const both = combine(reduced, size, levels + ENTRY * l * limit, sizeThere, merged);
    size = prune(merged, both, reduced, limit);
  }
  size = prune(reduced, size, merged, min(n, OVERSAMPLING * maxBins));
  const mostCuts = min(n, maxBins);
  size = prune(merged, size, reduced, mostCuts + 1);
  const nCuts = min(size, mostCuts);
  for (let k: u32 = 1; k < nCuts; k++) store<f32>(columnCuts + 4 * (k - 1), at(reduced, k).value);
  const smallest = at(reduced, 0).value;
  const largest = at(reduced, size - 1).value;
  store<f32>(columnCuts + 4 * (nCuts - 1), largest + (abs(largest) + <f32>1e-5));
  store<f32>(args.minimums + 4 * column, smallest - abs(smallest) - <f32>1e-5);
  store<u32>(args.cutCounts + 4 * column, nCuts);
}

// @ts-ignore: decorator
@inline
function at(summary: usize, index: u32): Entry {
  return changetype<Entry>(summary + ENTRY * index);
}

// @ts-ignore: decorator
@inline
function put(summary: usize, index: u32, least: f32, greatest: f32, weight: f32, value: f32): void {
  const entry = at(summary, index);
  entry.least = least;
  entry.greatest = greatest;
  entry.weight = weight;
  entry.value = value;
}

// Sorts the queue and writes one exact entry per distinct value; returns their number.
function summarize(queued: u32, target: usize): u32 {
  sortQueue(queued);
  let size: u32 = 0;
  let rank: f32 = 0;
  for (let i: u32 = 0; i < queued; ) {
    const key = load<u32>(queue + 8 * i);
    let weight = load<f32>(queue + 8 * i, 4);
    i++;
    while (i < queued && load<u32>(queue + 8 * i) == key) {
      weight += load<f32>(queue + 8 * i, 4);
      i++;
    }
    const value = reinterpret<f32>(key ^ (key >>> 31 != 0 ? 0x80000000 : 0xffffffff));
    put(target, size, rank, rank + weight, weight, value);
    size++;
    rank += weight;
  }
  return size;
}

// Three passes of a least-significant-digit radix sort; all digits are counted in one reading.
function sortQueue(n: u32): void {
  memory.fill(counts, 0, 3 * 4 * RADIX_BUCKETS);
  for (let i: u32 = 0; i < n; i++) {
    const key = load<u32>(queue + 8 * i);
    count(key & (RADIX_BUCKETS - 1));
    count(RADIX_BUCKETS + ((key >>> RADIX_BITS) & (RADIX_BUCKETS - 1)));
    count(2 * RADIX_BUCKETS + (key >>> (2 * RADIX_BITS)));
  }
  for (let digit: u32 = 0; digit < 3; digit++) {
    const table = counts + 4 * digit * RADIX_BUCKETS;
    const shift = digit * RADIX_BITS;
    // All keys alike in this digit: nothing to move.
    if (load<u32>(table + 4 * ((load<u32>(queue) >>> shift) & (RADIX_BUCKETS - 1))) == n) continue;
    let position: u32 = 0;
    for (let bucket: u32 = 0; bucket < RADIX_BUCKETS; bucket++) {
      const inBucket = load<u32>(table + 4 * bucket);
      store<u32>(table + 4 * bucket, position);
      position += inBucket;
    }
    for (let i: u32 = 0; i < n; i++) {
      const word = load<u64>(queue + 8 * i);
      const slot = table + 4 * ((<u32>word >>> shift) & (RADIX_BUCKETS - 1));
      const target = load<u32>(slot);
      store<u32>(slot, target + 1);
      store<u64>(queueOther + 8 * target, word);
    }
    const other = queueOther;
    queueOther = queue;
    queue = other;
  }
}

// @ts-ignore: decorator
@inline
function count(bucket: u32): void {
  store<u32>(counts + 4 * bucket, load<u32>(counts + 4 * bucket) + 1);
}

// Carries a new summary into the levels. Level 0 is the place where it is pruned before a merge.
function pushUp(summary: usize, merged: usize, size: u32): void {
  let current = summary;
  for (let l: u32 = 1; ; l++) {
    while (nLevels < l + 1) {
      store<u32>(sizes + 4 * nLevels, 0);
      nLevels++;
    }
    const level = levels + ENTRY * l * limit;
    const sizeThere = load<u32>(sizes + 4 * l);
    if (sizeThere == 0) {
      store<u32>(sizes + 4 * l, prune(current, size, level, limit));
      return;
    }
    const pruned = prune(current, size, levels, limit);
    size = combine(levels, pruned, level, sizeThere, merged);
    current = merged;
    if (size <= limit) {
      memory.copy(level, merged, ENTRY * size);
      store<u32>(sizes + 4 * l, size);
      return;
    }
    store<u32>(sizes + 4 * l, 0);
  }
}

// Keeps at most maxSize entries: the ends, and between them those whose middle rank is closest to evenly spaced ones.
function prune(source: usize, n: u32, target: usize, maxSize: u32): u32 {
  if (n <= maxSize) {
    memory.copy(target, source, ENTRY * n);
    return n;
  }
  const begin = at(source, 0).greatest;
  const range = at(source, n - 1).least - begin;
  const steps = maxSize - 1;
  memory.copy(target, source, ENTRY);
  let size: u32 = 1;
  let i: u32 = 1;
  let kept: u32 = 0;
  for (let k: u32 = 1; k < steps; k++) {
    const twice = <f32>2 * ((<f32>k * range) / <f32>steps + begin);
    while (i < n - 1 && twice >= at(source, i + 1).greatest + at(source, i + 1).least) i++;
    if (i == n - 1) break;
    const here = at(source, i);
    const next = at(source, i + 1);
    const nearest = twice < here.least + here.weight + (next.greatest - next.weight) ? i : i + 1;
    if (nearest != kept) {
      memory.copy(target + ENTRY * size, source + ENTRY * nearest, ENTRY);
      size++;
      kept = nearest;
    }
  }
  if (kept != n - 1) {
    memory.copy(target + ENTRY * size, source + ENTRY * (n - 1), ENTRY);
    size++;
  }
  return size;
}

// Merges two summaries: ranks of an entry grow by what the other summary knows of the place where it comes to stand.
function combine(a: usize, nA: u32, b: usize, nB: u32, target: usize): u32 {
  let i: u32 = 0;
  let j: u32 = 0;
  let size: u32 = 0;
  let belowA: f32 = 0;
  let belowB: f32 = 0;
  const allA = at(a, nA - 1).greatest;
  const allB = at(b, nB - 1).greatest;
  while (i < nA || j < nB) {
    const fromA = at(a, i);
    const fromB = at(b, j);
    if (i < nA && j < nB && fromA.value == fromB.value) {
      put(target, size, fromA.least + fromB.least, fromA.greatest + fromB.greatest, fromA.weight + fromB.weight, fromA.value);
      belowA = fromA.least + fromA.weight;
      belowB = fromB.least + fromB.weight;
      i++;
      j++;
    } else if (j == nB || (i < nA && fromA.value < fromB.value)) {
      const above = j < nB ? fromB.greatest - fromB.weight : allB;
      put(target, size, fromA.least + belowB, fromA.greatest + above, fromA.weight, fromA.value);
      belowA = fromA.least + fromA.weight;
      i++;
    } else {
      const above = i < nA ? fromA.greatest - fromA.weight : allA;
      put(target, size, fromB.least + belowA, fromB.greatest + above, fromB.weight, fromB.value);
      belowB = fromB.least + fromB.weight;
      j++;
    }
    size++;
  }
  // Rounding must not let ranks fall, or an entry's range be narrower than its weight.
  let least: f32 = 0;
  let greatest: f32 = 0;
  for (let k: u32 = 0; k < size; k++) {
    const entry = at(target, k);
    entry.least = max(entry.least, least);
    entry.greatest = max(max(entry.greatest, greatest), entry.least + entry.weight);
    least = entry.least;
    greatest = entry.greatest;
  }
  return size;
}
