/**
 * Walks the trees of a booster. At load all trees are packed into three arrays with siblings side by side, so that a
 * step costs one comparison and two neighbouring reads; all arithmetic is float32 in tree order, as in XGBoost.
 */
import type { Booster } from "./booster.ts";
import type { FeatureMatrix } from "./dataset.ts";
import { baseMargin, objectiveNamed, outputsOf, type Objective } from "./objectives.ts";

/** Rows that walk a tree together before the next tree is fetched. */
const blockRows = 64;
const leaf = -1;

export class Predictor {
  readonly objective: Objective;
  readonly nFeatures: number;
  readonly nGroups: number;
  readonly #base: Float32Array;
  /** First node of each tree. */
  readonly #roots: Int32Array;
  readonly #treeGroup: Int32Array;
  /** Feature * 2 + (1 when missing goes left); `leaf` at leaves. */
  readonly #split: Int32Array;
  /** Left child; the right one follows it. */
  readonly #child: Int32Array;
  /** Threshold of a split, value of a leaf. */
  readonly #value: Float32Array;
  /** One row with every feature, for rows that come sparse or short. */
  readonly #row: Float32Array;

  constructor(booster: Booster) {
    const objective = objectiveNamed(booster.objective);
    if (objective === undefined) throw new Error(`no objective ${booster.objective}`);
    this.objective = objective;
    this.nFeatures = booster.nFeatures;
    this.nGroups = booster.nGroups;
    this.#base =
      booster.groupBaseMargin ?? new Float32Array(booster.nGroups).fill(baseMargin(objective, booster.baseScore));
    const trees = booster.trees.slice(0, servedTrees(booster));
    this.#treeGroup = booster.treeGroup;
    this.#roots = new Int32Array(trees.length);
    const nNodes = trees.reduce((sum, tree) => sum + tree.leftChild.length, 0);
    this.#split = new Int32Array(nNodes).fill(leaf);
    this.#child = new Int32Array(nNodes);
    this.#value = new Float32Array(nNodes);
    this.#row = new Float32Array(booster.nFeatures).fill(NaN);

    let next = 0;
    for (const [at, tree] of trees.entries()) {
      this.#roots[at] = next;
      // Pairs of (node of the tree, its packed place), the root first.
      const open = [0, next];
      next += 1;
      for (let take = 0; take < open.length; take += 2) {
        const [node, place] = [open[take], open[take + 1]];
        this.#value[place] = tree.splitCondition[node];
        if (tree.leftChild[node] === -1) continue;
        this.#split[place] = tree.splitFeature[node] * 2 + tree.defaultLeft[node];
        this.#child[place] = next;
        open.push(tree.leftChild[node], next, tree.rightChild[node], next + 1);
        next += 2;
      }
    }
  }

  /**
   * Sums of leaf values.
   *
   * @param features may have fewer columns than the model; the others are missing
   * @returns shape (nRows, nGroups), row-major
   * @throws RangeError when it has more columns
   */
  margins(features: FeatureMatrix): Float32Array {
    const { nRows, nFeatures } = features;
    if (nFeatures > this.nFeatures) {
      throw new RangeError(`the model has ${this.nFeatures} features, but the rows have ${nFeatures}`);
    }
    const margins = new Float32Array(nRows * this.nGroups);
    for (let at = 0; at < margins.length; at += 1) margins[at] = this.#base[at % this.nGroups];
    if (features.kind === "dense" && nFeatures === this.nFeatures) {
      for (let first = 0; first < nRows; first += blockRows) {
        this.#addTrees(
          features.values,
          first * nFeatures,
          nFeatures,
          margins,
          first,
          Math.min(first + blockRows, nRows),
        );
      }
      return margins;
    }
    const row = this.#row;
    for (let at = 0; at < nRows; at += 1) {
      if (features.kind === "dense") {
        row.set(features.values.subarray(at * nFeatures, (at + 1) * nFeatures));
        this.#addTrees(row, 0, 0, margins, at, at + 1);
        continue;
      }
      const { rowStart, columns, values } = features;
      for (let entry = rowStart[at]; entry < rowStart[at + 1]; entry += 1) row[columns[entry]] = values[entry];
      this.#addTrees(row, 0, 0, margins, at, at + 1);
      for (let entry = rowStart[at]; entry < rowStart[at + 1]; entry += 1) row[columns[entry]] = NaN;
    }
    row.fill(NaN, 0, nFeatures);
    return margins;
  }

  /** What XGBoost's `predict` answers: shape (nRows, width), width 1 or the number of classes. */
  outputs(features: FeatureMatrix): Float32Array {
    return outputsOf(this.objective, this.margins(features), this.nGroups);
  }

  /**
   * Adds every tree to the margins of the rows `firstRow` to `endRow`.
   *
   * @param start where the values of `firstRow` begin
   * @param stride values per row
   */
  #addTrees(
    values: Float32Array,
    start: number,
    stride: number,
    margins: Float32Array,
    firstRow: number,
    endRow: number,
  ): void {
    const [split, child, value, roots, treeGroup, nGroups] = [
      this.#split,
      this.#child,
      this.#value,
      this.#roots,
      this.#treeGroup,
      this.nGroups,
    ];
    for (let tree = 0; tree < roots.length; tree += 1) {
      const root = roots[tree];
      let out = firstRow * nGroups + treeGroup[tree];
      let from = start;
      for (let row = firstRow; row < endRow; row += 1) {
        let node = root;
        for (let code = split[node]; code >= 0; code = split[node]) {
          const x = values[from + (code >> 1)];
          // NaN compares false with everything, itself included.
          if (x < value[node]) node = child[node];
          else node = child[node] + (x >= value[node] ? 1 : 1 - (code & 1));
        }
        // Storing into the array rounds each partial sum to float32.
        margins[out] += value[node];
        out += nGroups;
        from += stride;
      }
    }
  }
}

/**
 * Trees that a prediction uses. XGBoost 1.x keeps the rounds after the best one in the file and remembers the best in
 * `best_ntree_limit` (trees of one output); the SageMaker container predicts with those.
 */
function servedTrees({ trees, nGroups, attributes }: Booster): number {
  const limit = Number(attributes.best_ntree_limit ?? 0);
  return Number.isInteger(limit) && limit > 0 ? Math.min(trees.length, limit * nGroups) : trees.length;
}
