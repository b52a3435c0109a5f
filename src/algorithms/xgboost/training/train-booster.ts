/** Gradient boosting: trees fitted one after the other to the gradients of the loss. */
import { openKernelPool } from "../../../engine/node/open-kernel-pool.ts";
import type { KernelPool } from "../../../engine/kernel-pool.ts";
import { OutOfKernelMemoryError } from "../../../engine/shared-memory.ts";
import { ClientError } from "../../algorithm.ts";
import type { Booster, RegressionTree } from "../booster.ts";
import type { Dataset } from "../dataset.ts";
import { baseMargin, objectiveNamed } from "../objectives.ts";
import { binFeatures, copyIn } from "./binned-matrix.ts";
import { EvaluationRows, repeat } from "./evaluation-rows.ts";
import { Loss } from "./loss.ts";
import { groupsOf } from "./parameters.ts";
import type { TrainingParameters } from "./parameters.ts";
import { TreeGrower } from "./tree-grower.ts";

export type { TrainingObjective, TrainingParameters } from "./parameters.ts";

/** State after a round; the arrays change in the next one. */
export interface RoundEvaluation {
  /** From 0. */
  readonly round: number;
  /** Sums of base score and leaf values, shape (nRows, nGroups), row-major. */
  readonly margins: { readonly train: Float32Array; readonly sets: readonly Float32Array[] };
}

export interface TrainingHooks {
  afterRound(evaluation: RoundEvaluation): "continue" | "stop";
  /** When it fires, training ends after the current round. */
  readonly signal?: AbortSignal;
}

/** Codes of 16 bits, one of them for missing values. */
const MOST_BINS = 65_535;

/** Files of engine/kernels/assembly. */
const KERNEL_MODULES = [
  "bin-codes",
  "gradient-histogram",
  "gradient-pairs",
  "quantile-cuts",
  "row-partition",
  "split-search",
  "tree-margins",
] as const;

/**
 * Trains a booster of regression trees by XGBoost's `hist` method.
 *
 * The result depends on the data, the parameters and the seed alone: not on `nThreads`, not on the machine.
 *
 * @param dataset labels are class numbers 0 … numClass - 1 for `multi:*`, in [0, 1] for logistic objectives; the
 *   caller has checked that. Not modified.
 * @param evaluationSets their margins are kept up to date for `hooks.afterRound`; only features are read
 * @returns all trees of the rounds that were run; fewer than `numRound` when a hook or the signal ended training
 * @throws ClientError when a feature value is infinite, or the data need more than 4 GiB: about 8 bytes for each cell of
 *   the training set and 4 for each of the evaluation sets, sparse or dense
 * Source: Chen, Guestrin, "XGBoost: A Scalable Tree Boosting System", KDD 2016.
 */
export async function trainBooster(
  dataset: Dataset,
  evaluationSets: readonly Dataset[],
  parameters: TrainingParameters,
  hooks: TrainingHooks,
): Promise<Booster> {
  const { nRows, nFeatures } = dataset.features;
  if (nRows === 0 || nFeatures === 0)
    throw new RangeError(`training needs rows and features, got ${nRows} x ${nFeatures}`);
  const { maxBin } = parameters;
  if (!(maxBin >= 2 && maxBin <= MOST_BINS)) throw new RangeError(`maxBin must be 2 to ${MOST_BINS}, got ${maxBin}`);
  // One thread per few thousand rows is all that can be of use; threads cost a start.
  const useful = Math.max(1, Math.ceil((nRows * nFeatures) / 16_384));
  const pool = await openKernelPool(KERNEL_MODULES, Math.min(parameters.nThreads, useful));
  try {
    return await trainOn(pool, dataset, evaluationSets, parameters, hooks);
  } catch (cause) {
    if (!(cause instanceof OutOfKernelMemoryError)) throw cause;
    throw new ClientError(`training data of ${nRows} rows x ${nFeatures} features are too large: ${cause.message}`, {
      cause,
    });
  } finally {
    await pool.close();
  }
}

/** As `trainBooster`, on a pool that has all kernels; what it allocates stays in the pool's memory. */
export async function trainOn(
  pool: KernelPool,
  dataset: Dataset,
  evaluationSets: readonly Dataset[],
  parameters: TrainingParameters,
  hooks: TrainingHooks,
): Promise<Booster> {
  const { memory } = pool;
  const { nRows, nFeatures } = dataset.features;
  const objective = objectiveNamed(parameters.objective)!;
  const nGroups = groupsOf(parameters);
  const { groupBaseMargin } = parameters;
  const start = groupBaseMargin ?? new Float32Array(nGroups).fill(baseMargin(objective, parameters.baseScore));

  const matrix = binFeatures(pool, dataset.features, dataset.weights, parameters.maxBin);
  const margins = memory.allocate(4 * nRows * nGroups);
  repeat(start, memory.f32(margins, nRows * nGroups));
  const labels = copyIn(memory, dataset.labels);
  const weights = dataset.weights === undefined ? 0 : copyIn(memory, dataset.weights);
  const loss = new Loss(pool, parameters, { margins, labels, weights, nRows, nGroups });
  const sets = evaluationSets.map(({ features }) => new EvaluationRows(pool, features, nFeatures, start));
  const grower = new TreeGrower(pool, matrix, parameters);

  const trees: RegressionTree[] = [];
  const treeGroup: number[] = [];
  const train = memory.f32(margins, nRows * nGroups);
  for (let round = 0; round < parameters.numRound; round += 1) {
    loss.update();
    for (let group = 0; group < nGroups; group += 1) {
      for (let parallel = 0; parallel < parameters.numParallelTree; parallel += 1) {
        const tree = grower.grow(loss.pairsOf(group), { address: margins, nGroups, group }, trees.length);
        for (const set of sets) set.add(tree, matrix, group);
        trees.push(tree.build());
        treeGroup.push(group);
      }
    }
    if (hooks.afterRound({ round, margins: { train, sets: sets.map((set) => set.margins) } }) === "stop") break;
    // Signals and messages of the process are delivered between rounds.
    await new Promise((resolve) => setImmediate(resolve));
    if (hooks.signal?.aborted) break;
  }
  return {
    objective: objective.name,
    nFeatures,
    nGroups,
    baseScore: parameters.baseScore,
    ...(groupBaseMargin !== undefined && { groupBaseMargin }),
    trees,
    treeGroup: Int32Array.from(treeGroup),
    nParallelTrees: parameters.numParallelTree,
    attributes: {},
    objectiveParameters:
      nGroups > 1
        ? { num_class: String(parameters.numClass) }
        : { scale_pos_weight: String(parameters.scalePosWeight) },
  };
}
