/** Plain twin of assembly/row-partition.ts. */
import type { SharedMemory } from "../../shared-memory.ts";
import { partitionArguments, partitionTask } from "../row-partition.ts";
import { hash3 } from "./hash.ts";

export function splitRows8(memory: SharedMemory, address: number, number: number): void {
  splitRows(memory, address, number, (at, length) => memory.u8(at, length));
}

export function splitRows16(memory: SharedMemory, address: number, number: number): void {
  splitRows(memory, address, number, (at, length) => memory.u16(at, length));
}

function splitRows(
  memory: SharedMemory,
  address: number,
  number: number,
  view: (address: number, length: number) => Uint8Array | Uint16Array,
): void {
  const args = partitionArguments.read(memory, address);
  const { begin, end, feature, lastLeft, missingCode, missingLeft } = partitionTask.read(memory, args.tasks, number);
  const bytes = view(args.columnCodes, 1).BYTES_PER_ELEMENT;
  const codes = view(args.columnCodes + feature * args.nRows * bytes, args.nRows);
  const rows = memory.u32(args.source + 4 * begin, end - begin);
  divide(
    memory,
    args,
    number,
    rows,
    (row) => codes[row] <= lastLeft || (codes[row] === missingCode && missingLeft === 1),
  );
}

export function sampleRows(memory: SharedMemory, address: number, number: number): void {
  const args = partitionArguments.read(memory, address);
  const { begin, end } = partitionTask.read(memory, args.tasks, number);
  const rows = Uint32Array.from({ length: end - begin }, (_, index) => begin + index);
  divide(memory, args, number, rows, (row) => hash3(args.seed, args.stream, row) < args.threshold);
}

function divide(
  memory: SharedMemory,
  args: ReturnType<typeof partitionArguments.read>,
  number: number,
  rows: Uint32Array,
  goesLeft: (row: number) => boolean,
): void {
  const task = partitionTask.read(memory, args.tasks, number);
  const lefts = rows.filter((row) => goesLeft(row));
  const rights = rows.filter((row) => !goesLeft(row));
  memory.u32(args.lefts + 4 * task.begin, lefts.length).set(lefts);
  memory.u32(args.rights + 4 * task.begin, rights.length).set(rights);
  partitionTask.write(memory, args.tasks, { ...task, nLeft: lefts.length }, number);
}

export function placeRows(memory: SharedMemory, address: number, number: number): void {
  const args = partitionArguments.read(memory, address);
  const task = partitionTask.read(memory, args.tasks, number);
  const nRight = task.end - task.begin - task.nLeft;
  memory.u32(args.rows + 4 * task.leftTarget, task.nLeft).set(memory.u32(args.lefts + 4 * task.begin, task.nLeft));
  memory.u32(args.rows + 4 * task.rightTarget, nRight).set(memory.u32(args.rights + 4 * task.begin, nRight));
}
