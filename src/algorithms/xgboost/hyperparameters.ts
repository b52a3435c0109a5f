/**
 * The hyperparameters of SageMaker's XGBoost: one declaration each gives validation, the manual and the Studio form.
 */
import type { HyperparameterDefinition } from "../algorithm.ts";
import { readHyperparameters, type HyperparameterValues } from "../hyperparameter-validation.ts";
import { metricNamed, type Metric } from "./metrics.ts";
import { objectiveNamed, objectives, type Objective } from "./objectives.ts";

/** Bin codes have at most 16 bits, and one of them means missing. */
const largestMaxBin = 65_535;

const otherObjectives = [
  "reg:gamma",
  "reg:tweedie",
  "reg:pseudohubererror",
  "reg:squaredlogerror",
  "reg:absoluteerror",
  "binary:logitraw",
  "binary:hinge",
  "count:poisson",
  "rank:pairwise",
  "rank:ndcg",
  "rank:map",
  "survival:aft",
  "survival:cox",
];
const supportedObjectives = objectives.map(({ name }) => name);

const ofDart = "it belongs to booster=dart, and only booster=gbtree is supported.";
const ofLinear = "it belongs to booster=gblinear, and only booster=gbtree is supported.";
const ofUpdate = "trees are grown by tree_method=hist; updaters are not chosen one by one.";
const ofCrossValidation = "cross validation inside a training job is not supported; pass a validation channel.";
const ofSurvival = "it belongs to objective=survival:aft, which is not supported.";

export const hyperparameters: readonly HyperparameterDefinition[] = [
  { name: "num_round", type: "integer", min: 1, required: true, description: "Number of boosting rounds." },
  { name: "num_class", type: "integer", min: 2, description: "Number of classes; needed by multi:* objectives." },
  {
    name: "objective",
    type: "enum",
    values: [...supportedObjectives, "reg:linear", ...otherObjectives],
    default: "reg:squarederror",
    refused: { values: otherObjectives, because: `supported objectives are ${supportedObjectives.join(", ")}.` },
    description: "Learning task. reg:linear is the deprecated name of reg:squarederror.",
  },
  {
    name: "booster",
    type: "enum",
    values: ["gbtree", "gblinear", "dart"],
    default: "gbtree",
    refused: { values: ["gblinear", "dart"], because: "only boosted trees (booster=gbtree) are supported." },
    description: "Kind of booster.",
  },
  {
    name: "eta",
    aliases: ["learning_rate"],
    type: "float",
    min: 0,
    max: 1,
    default: "0.3",
    description: "Shrinkage of each tree's leaf values.",
  },
  {
    name: "gamma",
    aliases: ["min_split_loss"],
    type: "float",
    min: 0,
    default: "0",
    description: "Least gain that justifies a split.",
  },
  {
    name: "max_depth",
    type: "integer",
    min: 0,
    default: "6",
    description: "Greatest depth of a tree; 0 sets no limit.",
  },
  { name: "min_child_weight", type: "float", min: 0, default: "1", description: "Least sum of hessians in a child." },
  {
    name: "max_delta_step",
    type: "float",
    min: 0,
    default: "0",
    description: "Greatest step of a leaf before shrinkage; 0 sets no limit.",
  },
  {
    name: "subsample",
    type: "float",
    min: 0,
    exclusiveMin: true,
    max: 1,
    default: "1",
    description: "Share of rows sampled for each tree.",
  },
  {
    name: "colsample_bytree",
    type: "float",
    min: 0,
    exclusiveMin: true,
    max: 1,
    default: "1",
    description: "Share of columns sampled for each tree.",
  },
  {
    name: "colsample_bylevel",
    type: "float",
    min: 0,
    exclusiveMin: true,
    max: 1,
    default: "1",
    description: "Share of the tree's columns sampled for each level.",
  },
  {
    name: "colsample_bynode",
    type: "float",
    min: 0,
    exclusiveMin: true,
    max: 1,
    default: "1",
    description: "Share of the level's columns sampled for each split.",
  },
  {
    name: "lambda",
    aliases: ["reg_lambda"],
    type: "float",
    min: 0,
    default: "1",
    description: "L2 regularisation of leaf weights.",
  },
  {
    name: "alpha",
    aliases: ["reg_alpha"],
    type: "float",
    min: 0,
    default: "0",
    description: "L1 regularisation of leaf weights.",
  },
  {
    name: "lambda_bias",
    type: "float",
    min: 0,
    max: 1,
    refused: { because: ofLinear },
    description: "L2 regularisation of the bias.",
  },
  {
    name: "tree_method",
    type: "enum",
    values: ["auto", "exact", "approx", "hist", "gpu_hist"],
    default: "auto",
    refused: { values: ["exact", "approx", "gpu_hist"], because: "trees are grown on histograms; use hist or auto." },
    description: "How splits are found; auto means hist.",
  },
  {
    name: "sketch_eps",
    type: "float",
    min: 0,
    exclusiveMin: true,
    max: 1,
    exclusiveMax: true,
    refused: { because: "it belongs to tree_method=approx; set max_bin instead." },
    description: "Accuracy of the approximate sketch.",
  },
  {
    name: "scale_pos_weight",
    type: "float",
    min: 0,
    exclusiveMin: true,
    default: "1",
    description: "Weight of rows with label 1.",
  },
  { name: "updater", type: "list", refused: { because: ofUpdate }, description: "Sequence of tree updaters." },
  {
    name: "dsplit",
    type: "enum",
    values: ["row", "col"],
    refused: { because: "training runs on one instance, so data is not split." },
    description: "How distributed data is split.",
  },
  {
    name: "refresh_leaf",
    type: "integer",
    min: 0,
    max: 1,
    refused: { because: ofUpdate },
    description: "Whether the refresh updater renews leaves.",
  },
  {
    name: "process_type",
    type: "enum",
    values: ["default", "update"],
    default: "default",
    refused: { values: ["update"], because: "only new trees are grown (process_type=default)." },
    description: "Whether to grow new trees or update given ones.",
  },
  {
    name: "grow_policy",
    type: "enum",
    values: ["depthwise", "lossguide"],
    default: "depthwise",
    description: "Which node splits next: the nearest to the root, or the one with the greatest gain.",
  },
  {
    name: "max_leaves",
    type: "integer",
    min: 0,
    default: "0",
    description: "Greatest number of leaves of a tree; 0 sets no limit.",
  },
  {
    name: "max_bin",
    type: "integer",
    min: 2,
    max: largestMaxBin,
    default: "256",
    description: "Greatest number of histogram bins per feature.",
  },
  {
    name: "predictor",
    type: "enum",
    values: ["auto", "cpu_predictor", "gpu_predictor"],
    default: "auto",
    refused: { values: ["gpu_predictor"], because: "predictions run on the CPU." },
    description: "Which predictor to use.",
  },
  {
    name: "monotone_constraints",
    type: "string",
    refused: { because: "constraints on splits are not supported." },
    description: "Direction of each feature's effect.",
  },
  {
    name: "interaction_constraints",
    type: "string",
    refused: { because: "constraints on splits are not supported." },
    description: "Groups of features that may meet in one branch.",
  },
  {
    name: "sample_type",
    type: "enum",
    values: ["uniform", "weighted"],
    refused: { because: ofDart },
    description: "How dropped trees are chosen.",
  },
  {
    name: "normalize_type",
    type: "enum",
    values: ["tree", "forest"],
    refused: { because: ofDart },
    description: "How dropped trees are weighted.",
  },
  {
    name: "rate_drop",
    type: "float",
    min: 0,
    max: 1,
    refused: { because: ofDart },
    description: "Share of trees dropped.",
  },
  {
    name: "one_drop",
    type: "integer",
    min: 0,
    max: 1,
    refused: { because: ofDart },
    description: "Whether at least one tree is dropped.",
  },
  {
    name: "skip_drop",
    type: "float",
    min: 0,
    max: 1,
    refused: { because: ofDart },
    description: "Probability to drop no tree.",
  },
  {
    name: "tweedie_variance_power",
    type: "float",
    min: 1,
    exclusiveMin: true,
    max: 2,
    exclusiveMax: true,
    refused: { because: "it belongs to objective=reg:tweedie, which is not supported." },
    description: "Variance power of the Tweedie distribution.",
  },
  {
    name: "base_score",
    type: "float",
    min: 0,
    description:
      "Prediction before the first tree. Unset: 0.5 with images 1.x, estimated from the labels with images 3.x.",
  },
  {
    name: "eval_metric",
    type: "list",
    description: "Metrics reported after every round; the last one is watched by early stopping.",
  },
  {
    name: "early_stopping_rounds",
    type: "integer",
    min: 1,
    description: "Rounds without improvement on the validation channel after which training stops.",
  },
  {
    name: "csv_weights",
    type: "integer",
    min: 0,
    max: 1,
    default: "0",
    description: "1: the second CSV column holds row weights.",
  },
  { name: "nthread", type: "integer", min: 1, description: "Threads; unset: as many as the job has." },
  {
    name: "verbosity",
    type: "integer",
    min: 0,
    max: 3,
    default: "1",
    description: "How much is logged; metrics are logged at every level.",
  },
  { name: "seed", type: "integer", default: "0", description: "Seed of row and column sampling." },
  { name: "num_parallel_tree", type: "integer", min: 1, default: "1", description: "Trees grown per round and class." },
  {
    name: "deterministic_histogram",
    type: "boolean",
    default: "true",
    description: "Concerns GPU histograms; CPU histograms are always deterministic.",
  },
  {
    name: "single_precision_histogram",
    type: "boolean",
    default: "false",
    refused: { values: ["true", "True"], because: "histograms are summed in double precision." },
    description: "Whether histograms are summed in single precision.",
  },
  {
    name: "sampling_method",
    type: "enum",
    values: ["uniform", "gradient_based"],
    default: "uniform",
    refused: { values: ["gradient_based"], because: "rows are sampled uniformly." },
    description: "How rows are sampled.",
  },
  {
    name: "aft_loss_distribution",
    type: "enum",
    values: ["normal", "logistic", "extreme"],
    refused: { because: ofSurvival },
    description: "Distribution of the survival model's noise.",
  },
  {
    name: "aft_loss_distribution_scale",
    type: "float",
    min: 0,
    refused: { because: ofSurvival },
    description: "Scale of that distribution.",
  },
  {
    name: "prob_buffer_row",
    type: "float",
    min: 1,
    exclusiveMin: true,
    refused: { because: "it concerns GPU memory, and training runs on the CPU." },
    description: "GPU buffer of row probabilities.",
  },
  {
    name: "save_model_on_termination",
    type: "boolean",
    default: "false",
    description: "Whether a stopped job keeps the rounds it has finished.",
  },
  {
    name: "use_dask_gpu_training",
    type: "boolean",
    default: "false",
    refused: { values: ["true", "True"], because: "training runs on the CPU of one instance." },
    description: "Distributed GPU training.",
  },
  {
    name: "_kfold",
    type: "integer",
    min: 2,
    refused: { because: ofCrossValidation },
    description: "Folds of the internal cross validation.",
  },
  {
    name: "_num_cv_round",
    type: "integer",
    min: 1,
    refused: { because: ofCrossValidation },
    description: "Repetitions of the internal cross validation.",
  },
  {
    name: "_tuning_objective_metric",
    type: "string",
    description: "Metric of the tuning job, set by SageMaker, e.g. validation:auc.",
  },
];

/** What a job's hyperparameters mean, typed and checked against each other. */
export interface XgboostSettings {
  readonly values: HyperparameterValues;
  readonly objective: Objective;
  /** The job says reg:linear. */
  readonly saysRegLinear: boolean;
  /** `num_class` for multi:* objectives, else 1. */
  readonly nGroups: number;
  /** In the order of the log: XGBoost's own first, then the container's. */
  readonly metrics: readonly Metric[];
  /** Name of the metric that early stopping watches; undefined when early stopping is off. */
  readonly watchedMetric: string | undefined;
}

export interface SettingsReading {
  readonly problems: readonly string[];
  /** Absent when there are problems. */
  readonly settings?: XgboostSettings;
}

/** Reads a job's hyperparameters; every problem is reported, not only the first. */
export function readSettings(given: Readonly<Record<string, string>>): SettingsReading {
  const script = Object.keys(given).find((name) => name.startsWith("sagemaker_"));
  if (script !== undefined) {
    return {
      problems: [
        `${script}: script mode (your own training script in the XGBoost image) is not supported by Sagebrush.`,
      ],
    };
  }
  const { problems: found, values } = readHyperparameters("XGBoost", hyperparameters, given);
  const problems = [...found];
  const objectiveName = values.optionalText("objective");
  const objective = objectiveName === undefined ? undefined : objectiveNamed(objectiveName);
  if (objective === undefined) return { problems };

  const nClasses = values.optionalNumber("num_class");
  if (objective.task === "multiclass" && nClasses === undefined && given.num_class === undefined) {
    problems.push(`num_class is required with objective ${objective.name}: it says how many classes there are.`);
  }
  problems.push(...baseScoreProblems(objective, values), ...growthProblems(values));
  const nGroups = objective.task === "multiclass" ? (nClasses ?? 2) : 1;

  const { listed, watched, problem } = listedMetrics(values);
  if (problem !== undefined) problems.push(problem);
  const read = listed.map((name) => metricNamed(name, objective, nGroups));
  problems.push(...read.filter((metric) => typeof metric === "string"));
  if (problems.length > 0) return { problems };

  const known = read.filter((metric) => typeof metric !== "string");
  return {
    problems,
    settings: {
      values,
      objective,
      saysRegLinear: objectiveName === "reg:linear",
      nGroups,
      metrics: inLogOrder(known, objective, nGroups),
      watchedMetric:
        values.optionalNumber("early_stopping_rounds") === undefined
          ? undefined
          : known[listed.indexOf(watched ?? "")]?.name,
    },
  };
}

/** `eval_metric` and the tuning job's metric; the one that early stopping watches is the last of them. */
function listedMetrics(values: HyperparameterValues): {
  listed: readonly string[];
  watched?: string;
  problem?: string;
} {
  const listed = [...new Set(values.list("eval_metric"))];
  const tuning = values.optionalText("_tuning_objective_metric");
  if (tuning === undefined) return { listed, watched: listed.at(-1) };
  const match = /^validation:(.+)$/.exec(tuning);
  if (match === null)
    return {
      listed,
      problem: `_tuning_objective_metric must be validation:<metric>, got ${JSON.stringify(tuning.slice(0, 60))}.`,
    };
  return { listed: [...new Set([...listed, match[1]])].sort(), watched: match[1] };
}

/** XGBoost reports its own metrics before those that the container adds, and its default when it has none. */
function inLogOrder(listed: readonly Metric[], objective: Objective, nGroups: number): readonly Metric[] {
  const own = listed.filter(({ origin }) => origin === "library");
  const added = listed.filter(({ origin }) => origin === "container");
  if (own.length > 0) return [...own, ...added];
  const standard = metricNamed(objective.defaultMetric, objective, nGroups);
  if (typeof standard === "string") throw new Error(`default metric of ${objective.name}: ${standard}`);
  return [standard, ...added];
}

function baseScoreProblems(objective: Objective, values: HyperparameterValues): readonly string[] {
  const baseScore = values.optionalNumber("base_score");
  if (baseScore === undefined || objective.transform !== "sigmoid" || (baseScore > 0 && baseScore < 1)) return [];
  return [`base_score must be > 0 and < 1 with objective ${objective.name} (it is a probability), got ${baseScore}.`];
}

function growthProblems(values: HyperparameterValues): readonly string[] {
  if (values.optionalNumber("max_depth") !== 0 || values.optionalNumber("max_leaves") !== 0) return [];
  return ["max_depth=0 sets no limit on the depth, so max_leaves must be > 0, got 0."];
}
