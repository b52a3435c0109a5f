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
  codes: usize;
}

@unmanaged
class TransposeArguments {
  columnCodes: usize;
  nRows: u32;
  nColumns: u32;
  rowsPerTask: u32;
  rowCodes: usize;
}

export function encodeColumns8(args: EncodeArguments, task: u32, thread: u32): void {
  encodeColumns<u8>(args, task);
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

// @ts-ignore: decorator
@inline
function transposeCodes<T>(args: TransposeArguments, task: u32): void {
  const nRows = args.nRows;
  const nColumns = args.nColumns;
  const begin = task * args.rowsPerTask;
  const end = min(nRows, begin + args.rowsPerTask);
  for (let column: u32 = 0; column < nColumns; column++) {
    const source = args.columnCodes + (<usize>column) * nRows * sizeof<T>();
    let target = args.rowCodes + ((<usize>begin) * nColumns + column) * sizeof<T>();
    for (let row = begin; row < end; row++) {
      store<T>(target, load<T>(source + row * sizeof<T>()));
      target += nColumns * sizeof<T>();
    }
  }
}
