// Contract: ../row-partition.ts. Plain twin: ../reference/row-partition.ts.
import { hash3 } from "./_hash";

@unmanaged
class Arguments {
  columnCodes: usize;
  nRows: u32;
  source: usize;
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

// Both sides are written for every row and only one cursor moves: no branch to mispredict. The codes that go right are
// a range, whichever side missing values take, so one unsigned comparison decides.
// @ts-ignore: decorator
@inline
function splitRows<T>(args: Arguments, number: u32): void {
  const task = changetype<Task>(args.tasks + number * offsetof<Task>());
  const codes = args.columnCodes + (<usize>task.feature) * args.nRows * sizeof<T>();
  const firstRight = <u32>(task.lastLeft + 1);
  const nRight = task.missingCode + 1 - task.missingLeft - firstRight;
  const lefts = args.lefts + 4 * task.begin;
  const rights = args.rights + 4 * task.begin;
  const rows = args.source + 4 * task.begin;
  const end: u32 = (task.end - task.begin) << 2;
  let right: u32 = 0;
  for (let at: u32 = 0; at < end; at += 4) {
    const row = load<u32>(rows + at);
    const goesRight = u32(<u32>load<T>(codes + row * sizeof<T>()) - firstRight < nRight);
    store<u32>(lefts + (at - right), row);
    store<u32>(rights + right, row);
    right += goesRight << 2;
  }
  task.nLeft = (end - right) >>> 2;
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
