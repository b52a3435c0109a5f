/** What the trainer needs to know, with XGBoost's names in camel case and XGBoost's meanings. */

export type TrainingObjective =
  | "reg:squarederror"
  | "reg:logistic"
  | "binary:logistic"
  | "multi:softmax"
  | "multi:softprob";

export interface TrainingParameters {
  readonly objective: TrainingObjective;
  readonly numRound: number;
  /** Classes of `multi:*`; not looked at otherwise. */
  readonly numClass: number;
  readonly eta: number;
  readonly gamma: number;
  /** 0: no limit. */
  readonly maxDepth: number;
  readonly minChildWeight: number;
  /** 0: no cap. */
  readonly maxDeltaStep: number;
  readonly subsample: number;
  readonly colsampleByTree: number;
  readonly colsampleByLevel: number;
  readonly colsampleByNode: number;
  readonly lambda: number;
  readonly alpha: number;
  readonly scalePosWeight: number;
  readonly growPolicy: "depthwise" | "lossguide";
  /** 0: no limit. */
  readonly maxLeaves: number;
  /** 2 … 65535. */
  readonly maxBin: number;
  /** In output space: a probability for logistic objectives. */
  readonly baseScore: number;
  /** Where each output group starts, as margins, shape (nGroups); absent means that all start from `baseScore`. */
  readonly groupBaseMargin?: Float32Array;
  readonly seed: number;
  /** At least 1. The model does not depend on it. */
  readonly nThreads: number;
  readonly numParallelTree: number;
}

/** Outputs per row. */
export function groupsOf({ objective, numClass }: TrainingParameters): number {
  return objective.startsWith("multi:") ? numClass : 1;
}
