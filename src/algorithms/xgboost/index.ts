/** SageMaker's XGBoost: gradient-boosted trees on tables. README.md says what is supported. */
import type { Algorithm } from "../algorithm.ts";
import { channels } from "./channels.ts";
import { hyperparameters } from "./hyperparameters.ts";
import { imageVersions } from "./image-version.ts";
import { metricNames } from "./metrics.ts";
import { loadModel } from "./model.ts";
import { validateTraining } from "./validation.ts";

export const xgboost: Algorithm = {
  name: "xgboost",
  title: "XGBoost",
  hyperparameters,
  channels,
  imageTags: imageVersions.map(({ tag }) => tag),
  metricDefinitions: metricNames.flatMap((name) => ["train", "validation"].map((data) => metricDefinition(data, name))),
  validate: validateTraining,
  // Endpoints never need the training engine, so only training loads it.
  train: async (context) => (await import("./train.ts")).train(context),
  load: loadModel,
};

/**
 * CloudWatch shows the tab of the log line as `#011`.
 * Source: AlgorithmSpecification.MetricDefinitions as DescribeTrainingJob shows it for jobs of the service's XGBoost.
 */
function metricDefinition(data: string, metric: string): { name: string; regex: string } {
  return {
    name: `${data}:${metric}`,
    regex: `.*\\[[0-9]+\\].*#011${data}-${metric}:([-+]?[0-9]*\\.?[0-9]+(?:[eE][-+]?[0-9]+)?).*`,
  };
}
