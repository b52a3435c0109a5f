/** Plain twin of assembly/gradient-histogram.ts. */
import type { SharedMemory } from "../../shared-memory.ts";
import { histogramArguments, histogramTask } from "../gradient-histogram.ts";

export function histogram8(memory: SharedMemory, address: number, task: number, thread: number): void {
  histogram(memory, address, task, thread, (at, length) => memory.u8(at, length));
}

export function histogram16(memory: SharedMemory, address: number, task: number, thread: number): void {
  histogram(memory, address, task, thread, (at, length) => memory.u16(at, length));
}

type View = (address: number, length: number) => Uint8Array | Uint16Array;

function histogram(memory: SharedMemory, address: number, task: number, thread: number, view: View): void {
  const args = histogramArguments.read(memory, address);
  const { begin, end, set } = histogramTask.read(memory, args.tasks, task);
  const at = thread * args.nSets + set;
  const sums = memory.f64(args.partials + at * args.histogramBytes, args.histogramBytes / 8);
  const touched = memory.u32(args.touched + 4 * at, 1);
  if (touched[0] === 0) {
    sums.fill(0);
    touched[0] = 1;
  }
  const offsets = memory.u32(args.slotOffsets, args.nFeatures);
  for (let position = begin; position < end; position += 1) {
    const row = args.rows === 0 ? position : memory.u32(args.rows + 4 * position, 1)[0];
    const [gradient, hessian] = memory.f32(args.pairs + 8 * row, 2);
    view(args.rowCodes + row * args.rowBytes, args.nFeatures).forEach((code, feature) => {
      const slot = offsets[feature] / 8 + 2 * code;
      sums[slot] += gradient;
      sums[slot + 1] += hessian;
    });
  }
}
