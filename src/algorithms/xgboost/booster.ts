/**
 * A boosted ensemble in memory: what training produces, what files hold, what prediction walks.
 *
 * Field meanings follow XGBoost's own model schema, so that files interchange without loss.
 */

/** One regression tree as parallel arrays; node 0 is the root. */
export interface RegressionTree {
  /** -1 for a leaf. */
  readonly leftChild: Int32Array;
  readonly rightChild: Int32Array;
  /** 2^31-1 for the root, as XGBoost writes it. */
  readonly parent: Int32Array;
  readonly splitFeature: Int32Array;
  /** A row goes left when value < splitCondition; at a leaf this holds the leaf's value (already shrunk by eta). */
  readonly splitCondition: Float32Array;
  /** 1: rows whose value is missing go left. */
  readonly defaultLeft: Uint8Array;
  /** Gain of the split; 0 at leaves. */
  readonly lossChange: Float32Array;
  /** Sum of hessians of the rows in the node. */
  readonly sumHessian: Float32Array;
  /** Weight the node would have as a leaf, before eta. */
  readonly baseWeight: Float32Array;
}

export interface Booster {
  /** XGBoost's name, e.g. `binary:logistic`. */
  readonly objective: string;
  readonly nFeatures: number;
  /** Outputs per row: number of classes for `multi:*`, else 1. */
  readonly nGroups: number;
  /** Global bias in the objective's output space (a probability for logistic objectives), as `base_score`. */
  readonly baseScore: number;
  /**
   * Bias per output group as a margin, shape (nGroups); absent means that every group starts from `baseScore`.
   * XGBoost 3.1 and later keep one per class.
   */
  readonly groupBaseMargin?: Float32Array;
  readonly trees: readonly RegressionTree[];
  /** Output group of each tree. */
  readonly treeGroup: Int32Array;
  /** Trees per boosting round and group (`num_parallel_tree`). */
  readonly nParallelTrees: number;
  /** `best_iteration`, `best_score`, … as XGBoost stores them. */
  readonly attributes: Readonly<Record<string, string>>;
  /** Parameters of the objective that a model file keeps, e.g. `scale_pos_weight`. */
  readonly objectiveParameters: Readonly<Record<string, string>>;
}
