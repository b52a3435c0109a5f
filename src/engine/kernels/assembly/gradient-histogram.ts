// Contract: ../gradient-histogram.ts. Plain twin: ../reference/gradient-histogram.ts.

@unmanaged
class Arguments {
  rowCodes: usize;
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

// @ts-ignore: decorator
@inline
function histogram<T>(args: Arguments, task: u32, thread: u32): void {
  const record = args.tasks + 12 * task;
  const begin = load<u32>(record);
  const end = load<u32>(record, 4);
  const set = load<u32>(record, 8);
  const target = args.partials + (thread * args.nSets + set) * args.histogramBytes;
  const touched = args.touched + 4 * (thread * args.nSets + set);
  if (load<u32>(touched) == 0) {
    memory.fill(target, 0, args.histogramBytes);
    store<u32>(touched, 1);
  }
  const nFeatures = args.nFeatures;
  const rowBytes = nFeatures * sizeof<T>();
  const whole = nFeatures & ~3;
  const rows = args.rows;
  const rowCodes = args.rowCodes;
  const pairs = args.pairs;
  const offsets = args.slotOffsets;
  for (let position = begin; position < end; position++) {
    const row = rows != 0 ? load<u32>(rows + 4 * position) : position;
    const pair = f64x2.promote_low_f32x4(v128.load64_zero(pairs + 8 * row));
    let code = rowCodes + row * rowBytes;
    let offset = offsets;
    const stop = code + whole * sizeof<T>();
    for (; code < stop; code += 4 * sizeof<T>()) {
      add(target + load<u32>(offset) + 16 * <usize>load<T>(code), pair);
      add(target + load<u32>(offset, 4) + 16 * <usize>load<T>(code, sizeof<T>()), pair);
      add(target + load<u32>(offset, 8) + 16 * <usize>load<T>(code, 2 * sizeof<T>()), pair);
      add(target + load<u32>(offset, 12) + 16 * <usize>load<T>(code, 3 * sizeof<T>()), pair);
      offset += 16;
    }
    for (let feature = whole; feature < nFeatures; feature++) {
      add(target + load<u32>(offsets + 4 * feature) + 16 * <usize>load<T>(code), pair);
      code += sizeof<T>();
    }
  }
}

// @ts-ignore: decorator
@inline
function add(slot: usize, pair: v128): void {
  v128.store(slot, f64x2.add(v128.load(slot), pair));
}
