/** What training knows of algorithms: which one an image names, and the metrics that it reports. */
import type { Algorithm } from "../../../algorithms/algorithm.ts";
import type { ImageReference } from "../../../algorithms/registry.ts";
import type { MetricDefinition } from "../../../protocol/generated/sagemaker.ts";

/** Which algorithm an image URI names. */
export type AlgorithmDirectory = (
  imageUri: string,
) => Promise<{ readonly algorithm: Algorithm; readonly image: ImageReference } | undefined>;

const inApiShape = new WeakMap<Algorithm, readonly MetricDefinition[]>();

/**
 * The metrics of an algorithm as DescribeTrainingJob shows them. They are the same for each of its jobs, so no job's
 * record repeats them; frozen, so that the codec writes them once.
 */
export function metricDefinitionsOf(algorithm: Algorithm): readonly MetricDefinition[] {
  let definitions = inApiShape.get(algorithm);
  if (definitions === undefined) {
    definitions = Object.freeze(algorithm.metricDefinitions.map(({ name, regex }) => ({ Name: name, Regex: regex })));
    inApiShape.set(algorithm, definitions);
  }
  return definitions;
}
