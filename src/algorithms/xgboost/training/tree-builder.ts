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
  split?: Split;
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
    this.nodes.push({ left: -1, right: -1, parent: NO_PARENT, sumHessian, weight });
    return 0;
  }

  /** Turns a leaf into a split with two leaves; the left child's number is returned, the right child's follows it. */
  expand(node: number, split: Split, sides: readonly [SideSums, SideSums]): number {
    const left = this.nodes.length;
    Object.assign(this.nodes[node], { split, left, right: left + 1 });
    for (const { sumHessian, weight } of sides)
      this.nodes.push({ left: -1, right: -1, parent: node, sumHessian, weight });
    return left;
  }

  /** What a row in the node gets while the node is a leaf; single precision. */
  leafValue(node: number): number {
    return Math.fround(this.nodes[node].weight * this.#eta);
  }

  build(): RegressionTree {
    const { nodes } = this;
    return {
      leftChild: Int32Array.from(nodes, ({ left }) => left),
      rightChild: Int32Array.from(nodes, ({ right }) => right),
      parent: Int32Array.from(nodes, ({ parent }) => parent),
      splitFeature: Int32Array.from(nodes, ({ split }) => split?.feature ?? 0),
      splitCondition: Float32Array.from(nodes, ({ split }, node) => split?.threshold ?? this.leafValue(node)),
      defaultLeft: Uint8Array.from(nodes, ({ split }) => (split?.missingLeft ? 1 : 0)),
      lossChange: Float32Array.from(nodes, ({ split }) => split?.gain ?? 0),
      sumHessian: Float32Array.from(nodes, ({ sumHessian }) => sumHessian),
      baseWeight: Float32Array.from(nodes, ({ weight }) => weight),
    };
  }
}

export interface SideSums {
  readonly sumHessian: number;
  readonly weight: number;
}
