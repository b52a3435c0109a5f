/** Which features a node may split on: a sample of the tree's, of that one of the level's, of that one of the node's. */
import { hash3 } from "../../../engine/kernels/reference/hash.ts";
import type { TrainingParameters } from "./parameters.ts";

export class ColumnSampler {
  readonly #parameters: TrainingParameters;
  readonly #tree: number;
  readonly #ofTree: readonly number[];
  readonly #ofLevels = new Map<number, readonly number[]>();
  readonly #nFeatures: number;

  /** @param tree number of the tree in the ensemble; samples differ between trees and depend on nothing else */
  constructor(parameters: TrainingParameters, nFeatures: number, tree: number) {
    this.#parameters = parameters;
    this.#nFeatures = nFeatures;
    this.#tree = tree;
    const all = Array.from({ length: nFeatures }, (_, feature) => feature);
    this.#ofTree = this.#sample(all, parameters.colsampleByTree, 0);
  }

  /** u8 (nFeatures), 1 for features that the node may use; undefined: it may use all. */
  mask(depth: number, node: number): Uint8Array | undefined {
    const { colsampleByTree, colsampleByLevel, colsampleByNode } = this.#parameters;
    if (colsampleByTree === 1 && colsampleByLevel === 1 && colsampleByNode === 1) return undefined;
    let ofLevel = this.#ofLevels.get(depth);
    if (ofLevel === undefined) {
      ofLevel = this.#sample(this.#ofTree, colsampleByLevel, 0x10000000 + depth);
      this.#ofLevels.set(depth, ofLevel);
    }
    const mask = new Uint8Array(this.#nFeatures);
    for (const feature of this.#sample(ofLevel, colsampleByNode, 0x20000000 + node)) mask[feature] = 1;
    return mask;
  }

  /** max(1, floor(fraction * n)) of the features, drawn without replacement: those of lowest hash. */
  #sample(features: readonly number[], fraction: number, stream: number): readonly number[] {
    if (fraction === 1) return features;
    const size = Math.max(1, Math.floor(Math.fround(fraction) * features.length));
    const seed = hash3(this.#parameters.seed >>> 0, this.#tree, 0xc01);
    return features
      .map((feature) => ({ feature, key: hash3(seed, stream, feature) }))
      .toSorted((a, b) => a.key - b.key || a.feature - b.feature)
      .slice(0, size)
      .map(({ feature }) => feature);
  }
}
