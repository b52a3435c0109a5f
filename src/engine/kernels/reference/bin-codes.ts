/** Plain twin of assembly/bin-codes.ts. */
import type { SharedMemory } from "../../shared-memory.ts";
import { encodeColumnsArguments, transposeCodesArguments } from "../bin-codes.ts";

export function encodeColumns8(memory: SharedMemory, address: number, task: number): void {
  encodeColumns(memory, address, task, (at, length) => memory.u8(at, length));
}

export function encodeColumns16(memory: SharedMemory, address: number, task: number): void {
  encodeColumns(memory, address, task, (at, length) => memory.u16(at, length));
}

export function transposeCodes8(memory: SharedMemory, address: number, task: number): void {
  transposeCodes(memory, address, task, (at, length) => memory.u8(at, length));
}

export function transposeCodes16(memory: SharedMemory, address: number, task: number): void {
  transposeCodes(memory, address, task, (at, length) => memory.u16(at, length));
}

type View = (address: number, length: number) => Uint8Array | Uint16Array;

function encodeColumns(memory: SharedMemory, address: number, task: number, view: View): void {
  const args = encodeColumnsArguments.read(memory, address);
  const { nRows } = args;
  const column = Math.floor(task / args.nBlocks);
  const block = task % args.nBlocks;
  const count = memory.u32(args.cutCounts, column + 1)[column];
  const cuts = memory.f32(args.cuts + 4 * column * args.maxBins, count);
  const bytes = view(args.codes, 1).BYTES_PER_ELEMENT;
  const codes = view(args.codes + column * nRows * bytes, nRows);
  const codeOf = (value: number) =>
    Number.isNaN(value) ? count : Math.min(count - 1, cuts.filter((cut) => cut <= value).length);
  if (args.columnStart !== 0) {
    if (block !== 0) return;
    codes.fill(count);
    const [begin, end] = memory.u32(args.columnStart + 4 * column, 2);
    const rows = memory.u32(args.columnRows + 4 * begin, end - begin);
    memory.f32(args.columns + 4 * begin, end - begin).forEach((value, i) => {
      codes[rows[i]] = codeOf(value);
    });
    return;
  }
  const begin = block * args.rowsPerTask;
  const end = Math.min(nRows, begin + args.rowsPerTask);
  const values = memory.f32(args.columns + 4 * column * nRows, nRows);
  for (let row = begin; row < end; row += 1) codes[row] = codeOf(values[row]);
}

function transposeCodes(memory: SharedMemory, address: number, task: number, view: View): void {
  const args = transposeCodesArguments.read(memory, address);
  const { nRows, nColumns } = args;
  const source = view(args.columnCodes, nRows * nColumns);
  const end = Math.min(nRows, (task + 1) * args.rowsPerTask);
  for (let row = task * args.rowsPerTask; row < end; row += 1) {
    const target = view(args.rowCodes + row * args.rowBytes, nColumns);
    for (let column = 0; column < nColumns; column += 1) target[column] = source[column * nRows + row];
  }
}
