// Contract: ../gradient-histogram.ts. Plain twin: ../reference/gradient-histogram.ts.

@unmanaged
class Arguments {
  rowCodes: usize;
  rowBytes: u32;
  nFeatures: u32;
  slotOffsets: usize;
  pairs: usize;
  rows: usize;
  tasks: usize;
  partials: usize;
  histogramBytes: u32;
  nSets: u32;
  touched: usize;
}

export function histogram8(args: Arguments, task: u32, thread: u32): void {
  histogram<u8>(args, task, thread);
}

export function histogram16(args: Arguments, task: u32, thread: u32): void {
  histogram<u16>(args, task, thread);
}

// Rows of a set lie scattered in memory. Touching a group of them first lets their cache misses overlap; otherwise the
// processor sees no further than the next two rows and waits for nearly every one.
const GROUP: u32 = 32;

// @ts-ignore: decorator
@inline
function histogram<T>(args: Arguments, task: u32, thread: u32): void {
  const record = args.tasks + 12 * task;
  const begin = load<u32>(record);
  const end = load<u32>(record, 4);
  const set = load<u32>(record, 8);
  const target = args.partials + (thread * args.nSets + set) * args.histogramBytes;
  const touched = args.touched + 4 * (thread * args.nSets + set);
  if (load<u32>(touched) == 0) memory.fill(target, 0, args.histogramBytes);
  const nFeatures = args.nFeatures;
  const rows = args.rows;
  const rowCodes = args.rowCodes;
  const rowBytes = args.rowBytes;
  const pairs = args.pairs;
  const offsets = args.slotOffsets;
  const lastCode = (nFeatures - 1) * sizeof<T>();
  let sum: u32 = 0;
  for (let group = begin; group < end; group += GROUP) {
    const groupEnd = min(group + GROUP, end);
    if (rows == 0) {
      let position = group;
      for (; position + 1 < groupEnd; position += 2) {
        addTwo<T>(target, offsets, nFeatures, rowCodes, rowBytes, pairs, position, position + 1);
      }
      if (position < groupEnd) addOne<T>(target, offsets, nFeatures, rowCodes + position * rowBytes, pairs + 8 * position);
      continue;
    }
    for (let position = group; position < groupEnd; position++) {
      const row = load<u32>(rows + 4 * position);
      const codes = rowCodes + row * rowBytes;
      sum += load<u8>(codes) + load<u8>(codes + lastCode) + load<u8>(pairs + 8 * row);
    }
    let position = group;
    for (; position + 1 < groupEnd; position += 2) {
      const first = load<u32>(rows + 4 * position);
      const second = load<u32>(rows + 4 * position, 4);
      addTwo<T>(target, offsets, nFeatures, rowCodes, rowBytes, pairs, first, second);
    }
    if (position < groupEnd) {
      const row = load<u32>(rows + 4 * position);
      addOne<T>(target, offsets, nFeatures, rowCodes + row * rowBytes, pairs + 8 * row);
    }
  }
  // The sum goes where only "not zero" matters, so that the touching loads are not removed as useless.
  store<u32>(touched, sum | 1);
}

// Two rows at a time share the look-up of each feature's place.
// @ts-ignore: decorator
@inline
function addTwo<T>(
  target: usize, offsets: usize, nFeatures: u32, rowCodes: usize, rowBytes: u32, pairs: usize, first: u32, second: u32,
): void {
  const firstPair = f64x2.promote_low_f32x4(v128.load64_zero(pairs + 8 * first));
  const secondPair = f64x2.promote_low_f32x4(v128.load64_zero(pairs + 8 * second));
  let firstCode = rowCodes + first * rowBytes;
  let secondCode = rowCodes + second * rowBytes;
  let offset = offsets;
  const stop = firstCode + (nFeatures & ~3) * sizeof<T>();
  while (firstCode < stop) {
    let slots = target + load<u32>(offset);
    add(slots + 16 * <usize>load<T>(firstCode), firstPair);
    add(slots + 16 * <usize>load<T>(secondCode), secondPair);
    slots = target + load<u32>(offset, 4);
    add(slots + 16 * <usize>load<T>(firstCode, sizeof<T>()), firstPair);
    add(slots + 16 * <usize>load<T>(secondCode, sizeof<T>()), secondPair);
    slots = target + load<u32>(offset, 8);
    add(slots + 16 * <usize>load<T>(firstCode, 2 * sizeof<T>()), firstPair);
    add(slots + 16 * <usize>load<T>(secondCode, 2 * sizeof<T>()), secondPair);
    slots = target + load<u32>(offset, 12);
    add(slots + 16 * <usize>load<T>(firstCode, 3 * sizeof<T>()), firstPair);
    add(slots + 16 * <usize>load<T>(secondCode, 3 * sizeof<T>()), secondPair);
    firstCode += 4 * sizeof<T>();
    secondCode += 4 * sizeof<T>();
    offset += 16;
  }
  for (let rest = nFeatures & 3; rest != 0; rest--) {
    const slots = target + load<u32>(offset);
    add(slots + 16 * <usize>load<T>(firstCode), firstPair);
    add(slots + 16 * <usize>load<T>(secondCode), secondPair);
    firstCode += sizeof<T>();
    secondCode += sizeof<T>();
    offset += 4;
  }
}

// @ts-ignore: decorator
@inline
function addOne<T>(target: usize, offsets: usize, nFeatures: u32, codes: usize, pairAddress: usize): void {
  const pair = f64x2.promote_low_f32x4(v128.load64_zero(pairAddress));
  for (let feature: u32 = 0; feature < nFeatures; feature++) {
    add(target + load<u32>(offsets + 4 * feature) + 16 * <usize>load<T>(codes + feature * sizeof<T>()), pair);
  }
}

// @ts-ignore: decorator
@inline
function add(slot: usize, pair: v128): void {
  v128.store(slot, f64x2.add(v128.load(slot), pair));
}
