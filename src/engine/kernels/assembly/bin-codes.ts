// Contract: ../bin-codes.ts. Plain twin: ../reference/bin-codes.ts.

@unmanaged
class EncodeArguments {
  columns: usize;
  nRows: u32;
  columnStart: usize;
  columnRows: usize;
  cuts: usize;
  cutCounts: usize;
  maxBins: u32;
  rowsPerTask: u32;
  nBlocks: u32;
  scratch: usize;
  codes: usize;
}

@unmanaged
class TransposeArguments {
  columnCodes: usize;
  nRows: u32;
  nColumns: u32;
  rowsPerTask: u32;
  rowCodes: usize;
  rowBytes: u32;
}

export function encodeColumns8(args: EncodeArguments, task: u32, thread: u32): void {
  if (args.columnStart == 0) encodeDense8(args, task, thread);
  else encodeColumns<u8>(args, task);
}

export function encodeColumns16(args: EncodeArguments, task: u32, thread: u32): void {
  encodeColumns<u16>(args, task);
}

export function transposeCodes8(args: TransposeArguments, task: u32, thread: u32): void {
  transposeCodes<u8>(args, task);
}

export function transposeCodes16(args: TransposeArguments, task: u32, thread: u32): void {
  transposeCodes<u16>(args, task);
}

// @ts-ignore: decorator
@inline
function encodeColumns<T>(args: EncodeArguments, task: u32): void {
  const nRows = args.nRows;
  const column = task / args.nBlocks;
  const block = task % args.nBlocks;
  const cuts = args.cuts + 4 * (<usize>column) * args.maxBins;
  const count = load<u32>(args.cutCounts + 4 * column);
  const codes = args.codes + (<usize>column) * nRows * sizeof<T>();
  if (args.columnStart != 0) {
    if (block != 0) return;
    for (let row: u32 = 0; row < nRows; row++) store<T>(codes + row * sizeof<T>(), <T>count);
    const end = load<u32>(args.columnStart + 4 * column + 4);
    for (let i = load<u32>(args.columnStart + 4 * column); i < end; i++) {
      const row = load<u32>(args.columnRows + 4 * i);
      store<T>(codes + row * sizeof<T>(), <T>codeOf(load<f32>(args.columns + 4 * i), cuts, count));
    }
    return;
  }
  const begin = block * args.rowsPerTask;
  const end = min(nRows, begin + args.rowsPerTask);
  const values = args.columns + 4 * (<usize>column) * nRows;
  for (let row = begin; row < end; row++) {
    store<T>(codes + row * sizeof<T>(), <T>codeOf(load<f32>(values + 4 * row), cuts, count));
  }
}

// Branch-free binary search: the comparisons are unpredictable, so a mispredicted branch would cost more than a step.
// @ts-ignore: decorator
@inline
function codeOf(value: f32, cuts: usize, count: u32): u32 {
  let position: u32 = 0;
  let length = count;
  while (length > 1) {
    const half = length >>> 1;
    position += half & (0 - u32(load<f32>(cuts + 4 * (position + half - 1)) <= value));
    length -= half;
  }
  position += u32(load<f32>(cuts + 4 * position) <= value);
  return value != value ? count : min(position, count - 1);
}

// Up to 256 cuts as 16 groups of 16: counting the groups that lie wholly below the value finds the group, counting in
// it finds the cut. Two rounds of vector comparisons take a third of the time of the eight steps of a binary search.
function encodeDense8(args: EncodeArguments, task: u32, thread: u32): void {
  const nRows = args.nRows;
  const column = task / args.nBlocks;
  const count = load<u32>(args.cutCounts + 4 * column);
  const source = args.cuts + 4 * (<usize>column) * args.maxBins;
  const cuts = args.scratch + thread * (4 * 272);
  for (let k: u32 = 0; k < 256; k++) store<f32>(cuts + 4 * k, k < count ? load<f32>(source + 4 * k) : f32.POSITIVE_INFINITY);
  const lasts = cuts + 4 * 256;
  for (let group: u32 = 0; group < 16; group++) store<f32>(lasts + 4 * group, load<f32>(cuts + 64 * group, 60));
  const lasts0 = v128.load(lasts);
  const lasts1 = v128.load(lasts, 16);
  const lasts2 = v128.load(lasts, 32);
  const lasts3 = v128.load(lasts, 48);
  const codes = args.codes + (<usize>column) * nRows;
  const values = args.columns + 4 * (<usize>column) * nRows;
  const begin = (task % args.nBlocks) * args.rowsPerTask;
  const end = min(nRows, begin + args.rowsPerTask);
  const most = count - 1;
  for (let row = begin; row < end; row++) {
    const value = load<f32>(values + 4 * row);
    const wide = f32x4.splat(value);
    const group = min<u32>(15, countAtMost(lasts0, lasts1, lasts2, lasts3, wide));
    const at = cuts + 64 * group;
    const inGroup = countAtMost(v128.load(at), v128.load(at, 16), v128.load(at, 32), v128.load(at, 48), wide);
    const code = min(16 * group + inGroup, most);
    store<u8>(codes + row, <u8>(value != value ? count : code));
  }
}

// How many of 16 numbers are at most the value: each comparison gives -1 where it holds.
// @ts-ignore: decorator
@inline
function countAtMost(a: v128, b: v128, c: v128, d: v128, value: v128): u32 {
  const ab = i16x8.narrow_i32x4_s(f32x4.le(a, value), f32x4.le(b, value));
  const cd = i16x8.narrow_i32x4_s(f32x4.le(c, value), f32x4.le(d, value));
  return popcnt<u32>(i8x16.bitmask(i8x16.narrow_i16x8_s(ab, cd)));
}

// @ts-ignore: decorator
@inline
function transposeCodes<T>(args: TransposeArguments, task: u32): void {
  const nRows = args.nRows;
  const nColumns = args.nColumns;
  const begin = task * args.rowsPerTask;
  const end = min(nRows, begin + args.rowsPerTask);
  for (let column: u32 = 0; column < nColumns; column++) {
    const source = args.columnCodes + (<usize>column) * nRows * sizeof<T>();
    let target = args.rowCodes + begin * args.rowBytes + column * sizeof<T>();
    for (let row = begin; row < end; row++) {
      store<T>(target, load<T>(source + row * sizeof<T>()));
      target += args.rowBytes;
    }
  }
}
