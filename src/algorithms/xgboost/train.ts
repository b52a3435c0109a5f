/** A training job from its directories to the model file. */
import { join } from "node:path";
import { OutOfKernelMemoryError } from "../../engine/shared-memory.ts";
import { ClientError, type TrainingContext } from "../algorithm.ts";
import type { Booster } from "./booster.ts";
import { readChannel, withEqualFeatures } from "./channels.ts";
import type { Dataset } from "./dataset.ts";
import { EarlyStopping } from "./early-stopping.ts";
import { readSettings, type XgboostSettings } from "./hyperparameters.ts";
import { imageVersion, type ImageVersion } from "./image-version.ts";
import { checkLabels, estimateBaseScore, estimateClassMargins } from "./labels.ts";
import type { Evaluation } from "./metrics.ts";
import { writeModelFile } from "./model-file/index.ts";
import { outputsOf, probabilitiesOf } from "./objectives.ts";
import { pythonFloat } from "./python-text.ts";
import type { TrainingParameters } from "./training/parameters.ts";
import { trainBooster } from "./training/train-booster.ts";
import { validateTraining } from "./validation.ts";

const modelName = "xgboost-model";

/**
 * Trains and writes `xgboost-model`.
 *
 * @throws ClientError when the request or the data is wrong
 */
export async function train(context: TrainingContext): Promise<void> {
  const { version, settings } = checkedRequest(context);
  if (settings.saysRegLinear) context.log("reg:linear is now deprecated in favor of reg:squarederror.");
  const [trainSet, validationSet] = await readData(context, settings);
  const stopping = earlyStopping(context, settings, validationSet !== undefined);
  const evaluationSets = validationSet === undefined ? [] : [validationSet];
  let lastRound = -1;

  const booster = await boosterOf(trainSet, evaluationSets, trainingParameters(context, settings, version, trainSet), {
    afterRound({ round, margins }) {
      lastRound = round;
      const scores = [
        ...scoresOf("train", trainSet, margins.train, settings),
        ...evaluationSets.flatMap((dataset, at) => scoresOf("validation", dataset, margins.sets[at], settings)),
      ];
      context.log(`[${round}]${scores.map(({ name, value }) => `\t${name}:${logged(value)}`).join("")}`);
      if (context.signal.aborted) return "stop";
      const watched = scores.find(({ name }) => name === `validation-${settings.watchedMetric}`);
      return watched !== undefined && stopping?.shouldStop(round, watched.value) === true ? "stop" : "continue";
    },
    signal: context.signal,
  });

  if (context.signal.aborted && !settings.values.flag("save_model_on_termination")) {
    context.log(`Stopped after ${lastRound + 1} rounds; no model is kept, because save_model_on_termination is false.`);
    return;
  }
  const kept = keptRounds(booster, stopping, lastRound, version);
  await writeModelFile(join(context.modelDirectory, modelName), kept, version);
}

/** `trainBooster`; data that does not fit in memory is the user's to make smaller. */
async function boosterOf(...given: Parameters<typeof trainBooster>): Promise<Booster> {
  try {
    return await trainBooster(...given);
  } catch (cause) {
    if (!(cause instanceof OutOfKernelMemoryError)) throw cause;
    throw new ClientError(`The training data does not fit in memory: ${cause.message}`, { cause });
  }
}

function checkedRequest(context: TrainingContext): { version: ImageVersion; settings: XgboostSettings } {
  const problems = validateTraining({
    imageTag: context.imageTag,
    hyperparameters: context.hyperparameters,
    instanceCount: context.hosts.length,
    channels: Object.fromEntries(
      Object.entries(context.channels).map(([name, { contentType }]) => [name, { contentType, inputMode: "File" }]),
    ),
  });
  const version = imageVersion(context.imageTag);
  const { settings } = readSettings(context.hyperparameters);
  if (problems.length > 0 || settings === undefined || typeof version === "string")
    throw new ClientError(problems.join("\n"));
  return { version, settings };
}

async function readData(context: TrainingContext, settings: XgboostSettings): Promise<readonly [Dataset, Dataset?]> {
  const read = async (name: string) => {
    const { dataset, notes } = await readChannel(
      name,
      context.channels[name],
      settings.values.number("csv_weights") === 1,
    );
    const remarks = checkLabels(name, dataset, settings.objective, settings.nGroups, settings.metrics);
    for (const note of [...notes, ...remarks]) context.log(note);
    return dataset;
  };
  const trainSet = await read("train");
  if (!Object.hasOwn(context.channels, "validation")) {
    context.log(`Train matrix has ${trainSet.features.nRows} rows and ${trainSet.features.nFeatures} columns`);
    return [trainSet];
  }
  const [train, validation] = withEqualFeatures(trainSet, await read("validation"));
  context.log(`Train matrix has ${train.features.nRows} rows and ${train.features.nFeatures} columns`);
  context.log(`Validation matrix has ${validation.features.nRows} rows`);
  return [train, validation];
}

/** Early stopping acts only with a validation channel and a metric that the job names. */
function earlyStopping(
  context: TrainingContext,
  { values, metrics, watchedMetric }: XgboostSettings,
  hasValidation: boolean,
): EarlyStopping | undefined {
  const patience = values.optionalNumber("early_stopping_rounds");
  if (patience === undefined) return undefined;
  const metric = metrics.find(({ name }) => name === watchedMetric);
  if (metric !== undefined && hasValidation) return new EarlyStopping(metric.direction, patience);
  const missing = hasValidation ? "eval_metric is not set" : "there is no validation channel";
  context.log(`early_stopping_rounds has no effect: ${missing}.`);
  return undefined;
}

function trainingParameters(
  context: TrainingContext,
  settings: XgboostSettings,
  version: ImageVersion,
  trainSet: Dataset,
): TrainingParameters {
  const { values, objective, nGroups } = settings;
  const scalePosWeight = values.number("scale_pos_weight");
  const asked = values.optionalNumber("base_score");
  const startsFromClasses = asked === undefined && objective.task === "multiclass" && version.estimatesClassScores;
  const unset = version.estimatesBaseScore ? estimateBaseScore(trainSet, objective, scalePosWeight) : 0.5;
  return {
    objective: objective.name,
    numRound: values.number("num_round"),
    numClass: nGroups,
    eta: values.number("eta"),
    gamma: values.number("gamma"),
    maxDepth: values.number("max_depth"),
    minChildWeight: values.number("min_child_weight"),
    maxDeltaStep: values.number("max_delta_step"),
    subsample: values.number("subsample"),
    colsampleByTree: values.number("colsample_bytree"),
    colsampleByLevel: values.number("colsample_bylevel"),
    colsampleByNode: values.number("colsample_bynode"),
    lambda: values.number("lambda"),
    alpha: values.number("alpha"),
    scalePosWeight,
    growPolicy: values.text("grow_policy") === "lossguide" ? "lossguide" : "depthwise",
    maxLeaves: values.number("max_leaves"),
    maxBin: values.number("max_bin"),
    baseScore: asked ?? unset,
    ...(startsFromClasses && { groupBaseMargin: estimateClassMargins(trainSet, nGroups) }),
    seed: values.number("seed"),
    nThreads: Math.min(values.optionalNumber("nthread") ?? context.threads, context.threads),
    numParallelTree: values.number("num_parallel_tree"),
  };
}

interface Score {
  /** `<data>-<metric>` as in the log */
  readonly name: string;
  readonly value: number;
}

function scoresOf(
  data: string,
  { labels, weights }: Dataset,
  margins: Float32Array,
  settings: XgboostSettings,
): readonly Score[] {
  const { objective, nGroups, metrics } = settings;
  // Metrics of classes look at probabilities, whether the objective answers them or not.
  const outputs =
    objective.task === "multiclass" ? probabilitiesOf(margins, nGroups) : outputsOf(objective, margins, nGroups);
  const evaluation: Evaluation = { labels, weights, outputs, margins, nGroups };
  return metrics.map((metric) => ({ name: `${data}-${metric.name}`, value: metric.evaluate(evaluation) }));
}

function logged(value: number): string {
  return Number.isFinite(value) ? value.toFixed(5) : pythonFloat(value);
}

/**
 * The booster as the container saves it: cut after the best round when early stopping watches, with the attributes
 * that the library of that version leaves in the file.
 */
function keptRounds(
  booster: Booster,
  stopping: EarlyStopping | undefined,
  lastRound: number,
  { library }: ImageVersion,
): Booster {
  const bestRound = stopping?.bestRound ?? lastRound;
  const nTrees = Math.min(booster.trees.length, (bestRound + 1) * booster.nGroups * booster.nParallelTrees);
  const best: Record<string, string> =
    stopping === undefined ? {} : { best_iteration: String(bestRound), best_score: pythonFloat(stopping.bestScore) };
  // Python packages before 2.0 always note where prediction ends, in trees of one output.
  const limit: Record<string, string> =
    library[0] < 2
      ? { best_iteration: String(bestRound), best_ntree_limit: String((bestRound + 1) * booster.nParallelTrees) }
      : {};
  return {
    ...booster,
    trees: booster.trees.slice(0, nTrees),
    treeGroup: booster.treeGroup.slice(0, nTrees),
    attributes: { ...booster.attributes, ...best, ...limit },
  };
}
