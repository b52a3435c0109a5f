/** What is checked before a job starts. */
import type { TrainingRequestFacts } from "../algorithm.ts";
import { channelProblems } from "./channels.ts";
import { readSettings } from "./hyperparameters.ts";
import { imageVersion } from "./image-version.ts";

/** Every problem of a request in people's words; an empty list means that it may start. */
export function validateTraining({
  imageTag,
  instanceCount,
  hyperparameters,
  channels,
}: TrainingRequestFacts): readonly string[] {
  const version = imageVersion(imageTag);
  return [
    ...(typeof version === "string" ? [version] : []),
    ...(instanceCount > 1
      ? [
          `InstanceCount ${instanceCount} is not supported by Sagebrush: XGBoost trains on one instance with all its threads.`,
        ]
      : []),
    ...readSettings(hyperparameters).problems,
    ...channelProblems(channels),
  ];
}
