// Contract: ../row-partition.ts. Plain twin: ../reference/row-partition.ts.
import { hash3 } from "./_hash";

@unmanaged
class Arguments {
  columnCodes: usize;
  nRows: u32;
  rows: usize;
  lefts: usize;
  rights: usize;
  tasks: usize;
  seed: u32;
  stream: u32;
  threshold: f64;
}

@unmanaged
class Task {
  begin: u32;
  end: u32;
  feature: u32;
  lastLeft: i32;
  missingCode: u32;
  missingLeft: u32;
  nLeft: u32;
  leftTarget: u32;
  rightTarget: u32;
}

export function splitRows8(args: Arguments, task: u32, thread: u32): void {
  splitRows<u8>(args, task);
}

export function splitRows16(args: Arguments, task: u32, thread: u32): void {
  splitRows<u16>(args, task);
}

// Both sides are written for every row and only the right cursor moves: no branch to mispredict.
// @ts-ignore: decorator
@inline
function splitRows<T>(args: Arguments, number: u32): void {
  const task = changetype<Task>(args.tasks + number * offsetof<Task>());
  const codes = args.columnCodes + (<usize>task.feature) * args.nRows * sizeof<T>();
  const lastLeft = task.lastLeft;
  const missingCode = <i32>task.missingCode;
  const missingLeft = task.missingLeft;
  let left = args.lefts + 4 * task.begin;
  let right = args.rights + 4 * task.begin;
  const firstLeft = left;
  const end = args.rows + 4 * task.end;
  for (let at = args.rows + 4 * task.begin; at < end; at += 4) {
    const row = load<u32>(at);
    const code = <i32>load<T>(codes + row * sizeof<T>());
    const goesLeft = u32(code <= lastLeft) | (u32(code == missingCode) & missingLeft);
    store<u32>(left, row);
    store<u32>(right, row);
    left += goesLeft << 2;
    right += (goesLeft ^ 1) << 2;
  }
  task.nLeft = <u32>(left - firstLeft) >>> 2;
}

export function sampleRows(args: Arguments, number: u32, thread: u32): void {
  const task = changetype<Task>(args.tasks + number * offsetof<Task>());
  let left = args.lefts + 4 * task.begin;
  let right = args.rights + 4 * task.begin;
  const firstLeft = left;
  const end = task.end;
  for (let row = task.begin; row < end; row++) {
    const goesLeft = u32(<f64>hash3(args.seed, args.stream, row) < args.threshold);
    store<u32>(left, row);
    store<u32>(right, row);
    left += goesLeft << 2;
    right += (goesLeft ^ 1) << 2;
  }
  task.nLeft = <u32>(left - firstLeft) >>> 2;
}

export function placeRows(args: Arguments, number: u32, thread: u32): void {
  const task = changetype<Task>(args.tasks + number * offsetof<Task>());
  const nLeft = task.nLeft;
  memory.copy(args.rows + 4 * task.leftTarget, args.lefts + 4 * task.begin, 4 * nLeft);
  memory.copy(args.rows + 4 * task.rightTarget, args.rights + 4 * task.begin, 4 * (task.end - task.begin - nLeft));
}
