/** Plain twin of assembly/tree-margins.ts. */
import type { SharedMemory } from "../../shared-memory.ts";
import {
  addTreeArguments,
  addTreeByCodesArguments,
  leafValuesArguments,
  leafValuesTask,
  splitValuesArguments,
  splitValuesTask,
  walkNode,
} from "../tree-margins.ts";

export function addLeafValues(memory: SharedMemory, address: number, task: number): void {
  const args = leafValuesArguments.read(memory, address);
  const { begin, end, value } = leafValuesTask.read(memory, args.tasks, task);
  for (const row of memory.u32(args.rows + 4 * begin, end - begin)) add(memory, args, row, value);
}

export function addSplitValues8(memory: SharedMemory, address: number, task: number): void {
  addSplitValues(memory, address, task, (at, length) => memory.u8(at, length));
}

export function addSplitValues16(memory: SharedMemory, address: number, task: number): void {
  addSplitValues(memory, address, task, (at, length) => memory.u16(at, length));
}

function addSplitValues(
  memory: SharedMemory,
  address: number,
  task: number,
  view: (address: number, length: number) => Uint8Array | Uint16Array,
): void {
  const args = splitValuesArguments.read(memory, address);
  const record = splitValuesTask.read(memory, args.tasks, task);
  const { begin, end, feature, lastLeft, missingCode, missingLeft, leftValue, rightValue } = record;
  const bytes = view(args.columnCodes, 1).BYTES_PER_ELEMENT;
  const codes = view(args.columnCodes + feature * args.nRows * bytes, args.nRows);
  for (const row of memory.u32(args.rows + 4 * begin, end - begin)) {
    const goesLeft = codes[row] <= lastLeft || (codes[row] === missingCode && missingLeft === 1);
    add(memory, args, row, goesLeft ? leftValue : rightValue);
  }
}

export function addTree(memory: SharedMemory, address: number, task: number): void {
  const args = addTreeArguments.read(memory, address);
  const end = Math.min(args.nRows, (task + 1) * args.rowsPerTask);
  for (let row = task * args.rowsPerTask; row < end; row += 1) {
    const values = memory.f32(args.values + 4 * row * args.nFeatures, args.nFeatures);
    const leaf = walk(memory, args.nodes, ({ feature, threshold, missingLeft }) =>
      Number.isNaN(values[feature]) ? missingLeft !== 0 : values[feature] < threshold,
    );
    add(memory, args, row, leaf);
  }
}

export function addTreeByCodes8(memory: SharedMemory, address: number, task: number): void {
  addTreeByCodes(memory, address, task, (at, length) => memory.u8(at, length));
}

export function addTreeByCodes16(memory: SharedMemory, address: number, task: number): void {
  addTreeByCodes(memory, address, task, (at, length) => memory.u16(at, length));
}

function addTreeByCodes(
  memory: SharedMemory,
  address: number,
  task: number,
  view: (address: number, length: number) => Uint8Array | Uint16Array,
): void {
  const args = addTreeByCodesArguments.read(memory, address);
  const bytes = view(args.columnCodes, 1).BYTES_PER_ELEMENT;
  const end = Math.min(args.nListed, (task + 1) * args.rowsPerTask);
  for (const row of memory.u32(args.rows, end).subarray(task * args.rowsPerTask)) {
    const leaf = walk(memory, args.nodes, ({ feature, lastLeft, missingCode, missingLeft }) => {
      const code = view(args.columnCodes + (feature * args.nRows + row) * bytes, 1)[0];
      return code <= lastLeft || (code === missingCode && missingLeft !== 0);
    });
    add(memory, args, row, leaf);
  }
}

/** Value of the leaf that the decisions lead to. */
function walk(
  memory: SharedMemory,
  nodes: number,
  goesLeft: (node: ReturnType<typeof walkNode.read>) => boolean,
): number {
  let node = walkNode.read(memory, nodes, 0);
  while (node.left !== 0) node = walkNode.read(memory, nodes, goesLeft(node) ? node.left : node.right);
  return node.threshold;
}

function add(
  memory: SharedMemory,
  args: { margins: number; nGroups: number; group: number },
  row: number,
  value: number,
): void {
  memory.f32(args.margins + 4 * (row * args.nGroups + args.group), 1)[0] += value;
}
