/** Rows of an evaluation set and their margins, kept up to date tree by tree. */
import type { KernelPool } from "../../../engine/kernel-pool.ts";
import { addTreeArguments } from "../../../engine/kernels/tree-margins.ts";
import type { FeatureMatrix } from "../dataset.ts";
import type { BinnedMatrix } from "./binned-matrix.ts";
import type { TreeBuilder } from "./tree-builder.ts";
import { writeWalkNodes } from "./walk-nodes.ts";

const ROWS_PER_TASK = 4096;

/** Writes the margins that every row starts from, shape (nGroups), into all rows, shape (nRows, nGroups). */
export function repeat(start: Float32Array, margins: Float32Array): void {
  if (start.length === 1) margins.fill(start[0]);
  else for (let at = 0; at < margins.length; at += start.length) margins.set(start, at);
}

export class EvaluationRows {
  /** shape (nRows, nGroups) */
  readonly margins: Float32Array;
  readonly #pool: KernelPool;
  readonly #values: number;
  readonly #marginsAddress: number;
  readonly #nRows: number;
  readonly #nFeatures: number;
  readonly #nGroups: number;

  /**
   * @param nFeatures features of the training set; columns beyond them cannot matter, missing ones are missing values
   * @param start margins that every row starts from, shape (nGroups)
   */
  constructor(pool: KernelPool, features: FeatureMatrix, nFeatures: number, start: Float32Array) {
    const { memory } = pool;
    const nGroups = start.length;
    const { nRows } = features;
    this.#pool = pool;
    this.#nRows = nRows;
    this.#nFeatures = nFeatures;
    this.#nGroups = nGroups;
    this.#values = memory.allocate(4 * nRows * nFeatures);
    this.#marginsAddress = memory.allocate(4 * nRows * nGroups);
    this.margins = memory.f32(this.#marginsAddress, nRows * nGroups);
    repeat(start, this.margins);
    const target = memory.f32(this.#values, nRows * nFeatures);
    if (features.kind === "dense" && features.nFeatures === nFeatures) target.set(features.values);
    else fillRows(target.fill(NaN), features, nFeatures);
  }

  /** Adds a new tree's values. */
  add(tree: TreeBuilder, matrix: BinnedMatrix, group: number): void {
    const { memory } = this.#pool;
    const mark = memory.mark();
    const nodes = writeWalkNodes(memory, tree, matrix);
    const address = memory.allocate(addTreeArguments.size);
    addTreeArguments.write(memory, address, {
      nodes,
      values: this.#values,
      nRows: this.#nRows,
      nFeatures: this.#nFeatures,
      rowsPerTask: ROWS_PER_TASK,
      margins: this.#marginsAddress,
      nGroups: this.#nGroups,
      group,
    });
    this.#pool.run("addTree", address, Math.ceil(this.#nRows / ROWS_PER_TASK));
    memory.release(mark);
  }
}

function fillRows(target: Float32Array, features: FeatureMatrix, nFeatures: number): void {
  if (features.kind === "dense") {
    const shared = Math.min(nFeatures, features.nFeatures);
    for (let row = 0; row < features.nRows; row += 1) {
      const begin = row * features.nFeatures;
      target.set(features.values.subarray(begin, begin + shared), row * nFeatures);
    }
    return;
  }
  for (let row = 0; row < features.nRows; row += 1) {
    for (let at = features.rowStart[row]; at < features.rowStart[row + 1]; at += 1) {
      const column = features.columns[at];
      if (column < nFeatures) target[row * nFeatures + column] = features.values[at];
    }
  }
}
