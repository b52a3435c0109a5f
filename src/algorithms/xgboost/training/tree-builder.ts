/** A regression tree while it grows: nodes are numbered as they appear, as XGBoost numbers them. */
import type { RegressionTree } from "../booster.ts";

/** A split as decided: on codes for the training rows, on values for all others. */
export interface Split {
  readonly feature: number;
  /** Codes up to this one go left. */
  readonly lastLeft: number;
  readonly threshold: number;
  readonly missingLeft: boolean;
  readonly gain: number;
}

export interface TreeNode {
  /** Undefined for a leaf. */
  split: Split | undefined;
  left: number;
  right: number;
  readonly parent: number;
  readonly sumHessian: number;
  /** Weight as a leaf before the learning rate. */
  readonly weight: number;
}

const NO_PARENT = 2 ** 31 - 1;

export class TreeBuilder {
  readonly nodes: TreeNode[] = [];
  readonly #eta: number;

  /** @param eta factor on every leaf value */
  constructor(eta: number) {
    this.#eta = Math.fround(eta);
  }

  addRoot(sumHessian: number, weight: number): number {
    this.nodes.push({ split: undefined, left: -1, right: -1, parent: NO_PARENT, sumHessian, weight });
    return 0;
  }

  /** Turns a leaf into a split with two leaves; the left child's number is returned, the right child's follows it. */
  expand(node: number, split: Split, sides: readonly [SideSums, SideSums]): number {
    const left = this.nodes.length;
    const expanded = this.nodes[node];
    expanded.split = split;
    expanded.left = left;
    expanded.right = left + 1;
    for (const { sumHessian, weight } of sides) {
      this.nodes.push({ split: undefined, left: -1, right: -1, parent: node, sumHessian, weight });
    }
    return left;
  }

  /** What a row in the node gets while the node is a leaf; single precision. */
  leafValue(node: number): number {
    return Math.fround(this.nodes[node].weight * this.#eta);
  }

  build(): RegressionTree {
    const n = this.nodes.length;
    const tree = {
      leftChild: new Int32Array(n),
      rightChild: new Int32Array(n),
      parent: new Int32Array(n),
      splitFeature: new Int32Array(n),
      splitCondition: new Float32Array(n),
      defaultLeft: new Uint8Array(n),
      lossChange: new Float32Array(n),
      sumHessian: new Float32Array(n),
      baseWeight: new Float32Array(n),
    };
    for (let node = 0; node < n; node += 1) {
      const { split, left, right, parent, sumHessian, weight } = this.nodes[node];
      tree.leftChild[node] = left;
      tree.rightChild[node] = right;
      tree.parent[node] = parent;
      tree.sumHessian[node] = sumHessian;
      tree.baseWeight[node] = weight;
      if (split === undefined) tree.splitCondition[node] = this.leafValue(node);
      else {
        tree.splitFeature[node] = split.feature;
        tree.splitCondition[node] = split.threshold;
        tree.defaultLeft[node] = split.missingLeft ? 1 : 0;
        tree.lossChange[node] = split.gain;
      }
    }
    return tree;
  }
}

export interface SideSums {
  readonly sumHessian: number;
  readonly weight: number;
}
