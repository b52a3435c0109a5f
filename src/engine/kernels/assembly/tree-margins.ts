// Contract: ../tree-margins.ts. Plain twin: ../reference/tree-margins.ts.

@unmanaged
class Node {
  threshold: f32;
  feature: u32;
  left: u32;
  right: u32;
  missingLeft: u32;
  lastLeft: i32;
  missingCode: u32;
}

@unmanaged
class LeafArguments {
  rows: usize;
  tasks: usize;
  margins: usize;
  nGroups: u32;
  group: u32;
}

@unmanaged
class SplitArguments {
  columnCodes: usize;
  nRows: u32;
  rows: usize;
  tasks: usize;
  margins: usize;
  nGroups: u32;
  group: u32;
}

@unmanaged
class SplitTask {
  begin: u32;
  end: u32;
  feature: u32;
  lastLeft: i32;
  missingCode: u32;
  missingLeft: u32;
  leftValue: u32;
  rightValue: u32;
}

@unmanaged
class TreeArguments {
  nodes: usize;
  values: usize;
  nRows: u32;
  nFeatures: u32;
  rowsPerTask: u32;
  margins: usize;
  nGroups: u32;
  group: u32;
}

@unmanaged
class CodesArguments {
  nodes: usize;
  columnCodes: usize;
  nRows: u32;
  rows: usize;
  nListed: u32;
  rowsPerTask: u32;
  margins: usize;
  nGroups: u32;
  group: u32;
}

export function addLeafValues(args: LeafArguments, task: u32, thread: u32): void {
  const record = args.tasks + 12 * task;
  const end = args.rows + 4 * load<u32>(record, 4);
  const value = load<f32>(record, 8);
  const margins = args.margins + 4 * args.group;
  const rowBytes = 4 * args.nGroups;
  for (let at = args.rows + 4 * load<u32>(record); at < end; at += 4) {
    const margin = margins + load<u32>(at) * rowBytes;
    store<f32>(margin, load<f32>(margin) + value);
  }
}

export function addSplitValues8(args: SplitArguments, task: u32, thread: u32): void {
  addSplitValues<u8>(args, task);
}

export function addSplitValues16(args: SplitArguments, task: u32, thread: u32): void {
  addSplitValues<u16>(args, task);
}

// The codes that go right are a range, and the value is chosen by bits: no branch to mispredict.
// @ts-ignore: decorator
@inline
function addSplitValues<T>(args: SplitArguments, number: u32): void {
  const task = changetype<SplitTask>(args.tasks + number * offsetof<SplitTask>());
  const codes = args.columnCodes + (<usize>task.feature) * args.nRows * sizeof<T>();
  const firstRight = <u32>(task.lastLeft + 1);
  const nRight = task.missingCode + 1 - task.missingLeft - firstRight;
  const leftBits = task.leftValue;
  const difference = leftBits ^ task.rightValue;
  const margins = args.margins + 4 * args.group;
  const rowBytes = 4 * args.nGroups;
  const end = args.rows + 4 * task.end;
  for (let at = args.rows + 4 * task.begin; at < end; at += 4) {
    const row = load<u32>(at);
    const goesRight = u32(<u32>load<T>(codes + row * sizeof<T>()) - firstRight < nRight);
    const value = reinterpret<f32>(leftBits ^ (difference & (0 - goesRight)));
    const margin = margins + row * rowBytes;
    store<f32>(margin, load<f32>(margin) + value);
  }
}

export function addTree(args: TreeArguments, task: u32, thread: u32): void {
  const begin = task * args.rowsPerTask;
  const end = min(args.nRows, begin + args.rowsPerTask);
  const rowBytes = 4 * args.nFeatures;
  const root = changetype<Node>(args.nodes);
  for (let row = begin; row < end; row++) {
    const values = args.values + row * rowBytes;
    let node = root;
    while (node.left != 0) {
      const value = load<f32>(values + 4 * node.feature);
      const goesLeft = value != value ? node.missingLeft != 0 : value < node.threshold;
      node = changetype<Node>(args.nodes + (goesLeft ? node.left : node.right) * offsetof<Node>());
    }
    const margin = args.margins + 4 * (row * args.nGroups + args.group);
    store<f32>(margin, load<f32>(margin) + node.threshold);
  }
}

export function addTreeByCodes8(args: CodesArguments, task: u32, thread: u32): void {
  addTreeByCodes<u8>(args, task);
}

export function addTreeByCodes16(args: CodesArguments, task: u32, thread: u32): void {
  addTreeByCodes<u16>(args, task);
}

// @ts-ignore: decorator
@inline
function addTreeByCodes<T>(args: CodesArguments, task: u32): void {
  const begin = task * args.rowsPerTask;
  const end = min(args.nListed, begin + args.rowsPerTask);
  for (let position = begin; position < end; position++) {
    const row = load<u32>(args.rows + 4 * position);
    let node = changetype<Node>(args.nodes);
    while (node.left != 0) {
      const code = <i32>load<T>(args.columnCodes + (node.feature * args.nRows + row) * sizeof<T>());
      const goesLeft = code <= node.lastLeft || (code == <i32>node.missingCode && node.missingLeft != 0);
      node = changetype<Node>(args.nodes + (goesLeft ? node.left : node.right) * offsetof<Node>());
    }
    const margin = args.margins + 4 * (row * args.nGroups + args.group);
    store<f32>(margin, load<f32>(margin) + node.threshold);
  }
}
