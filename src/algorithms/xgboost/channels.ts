/** The channels of a training job: what they may hold, and how they are read. */
import { ClientError, type ChannelDefinition, type TrainingRequestFacts } from "../algorithm.ts";
import { channelFiles } from "../input/channel-files.ts";
import { parseContentType } from "../input/content-type.ts";
import { readCsv } from "../input/csv-reader.ts";
import { readLibsvm } from "../input/libsvm-reader.ts";
import type { Dataset, FeatureMatrix } from "./dataset.ts";

export type DataFormat = "csv" | "libsvm";

const formats: Readonly<Record<string, DataFormat | "parquet" | "recordio-protobuf">> = {
  csv: "csv",
  "text/csv": "csv",
  libsvm: "libsvm",
  "text/libsvm": "libsvm",
  "text/x-libsvm": "libsvm",
  parquet: "parquet",
  "application/x-parquet": "parquet",
  "recordio-protobuf": "recordio-protobuf",
  "application/x-recordio-protobuf": "recordio-protobuf",
};

const contentTypes = Object.keys(formats).filter((name) => ["csv", "libsvm"].includes(formats[name]));

export const channels: readonly ChannelDefinition[] = [
  { name: "train", required: true, contentTypes, inputModes: ["File", "FastFile"] },
  { name: "validation", required: false, contentTypes, inputModes: ["File", "FastFile"] },
];

/** Everything that is wrong with a job's channels before their data is read. */
export function channelProblems(given: TrainingRequestFacts["channels"]): readonly string[] {
  if (Object.hasOwn(given, "code")) {
    return ["Channel code: script mode (your own training script in the XGBoost image) is not supported by Sagebrush."];
  }
  const problems: string[] = [];
  if (!Object.hasOwn(given, "train")) problems.push("Channel train is required: it holds the rows to learn from.");
  for (const [name, { contentType, inputMode }] of Object.entries(given)) {
    const definition = channels.find((channel) => channel.name === name);
    if (definition === undefined) {
      problems.push(
        `Channel ${JSON.stringify(name)} is unknown to XGBoost; it takes ${channels.map((channel) => channel.name).join(" and ")}.`,
      );
      continue;
    }
    const format = dataFormat(name, contentType);
    if (typeof format !== "string") problems.push(format.problem);
    if (!definition.inputModes.some((mode) => mode === inputMode)) {
      problems.push(`Channel ${name}: input mode ${inputMode} is not supported by Sagebrush; use File or FastFile.`);
    }
  }
  if (problems.length === 0 && Object.hasOwn(given, "validation")) {
    const [train, validation] = [given.train.contentType, given.validation.contentType];
    if (dataFormat("train", train) !== dataFormat("validation", validation)) {
      problems.push(
        `Channels train (${train ?? "libsvm by default"}) and validation (${validation ?? "libsvm by default"}) must have the same content type.`,
      );
    }
  }
  return problems;
}

/** libsvm is what SageMaker takes a channel without a content type for. */
function dataFormat(channel: string, contentType: string | undefined): DataFormat | { readonly problem: string } {
  if (contentType === undefined || contentType === "") return "libsvm";
  const { mediaType, parameters } = parseContentType(contentType);
  const shown = contentType.slice(0, 100);
  if (!Object.hasOwn(formats, mediaType)) {
    return {
      problem: `Channel ${channel}: ${shown} is not an accepted ContentType: ${Object.keys(formats).join(", ")}.`,
    };
  }
  const format = formats[mediaType];
  if (format === "parquet" || format === "recordio-protobuf") {
    return {
      problem: `Channel ${channel}: content type ${shown} is not supported by Sagebrush; convert the data to text/csv or text/libsvm.`,
    };
  }
  const labelSize = parameters.get("label_size");
  if (format === "csv" && labelSize !== undefined && labelSize !== "1") {
    return {
      problem: `Channel ${channel}: ${shown} is not an accepted csv ContentType. Optional parameter label_size must be equal to 1.`,
    };
  }
  return format;
}

export interface ChannelReading {
  readonly dataset: Dataset;
  /** Things the user may want to know, one line each. */
  readonly notes: readonly string[];
}

/**
 * Reads a channel whose definition has been checked.
 *
 * @param hasWeights `csv_weights`
 * @throws ClientError for anything wrong in the data; see `readCsv` and `readLibsvm`
 */
export async function readChannel(
  name: string,
  channel: { readonly directory: string; readonly contentType?: string },
  hasWeights: boolean,
): Promise<ChannelReading> {
  const { files, skippedFolders } = await channelFiles(channel.directory);
  if (files.length === 0)
    throw new ClientError(`The ${name} channel has no files; names that start with . or _ do not count.`);
  const notes = skippedFolders.map(
    (folder) => `Folder ${name}/${folder} lies too deep and is not read; channels are read to a depth of 3 folders.`,
  );
  if (dataFormat(name, channel.contentType) === "csv") {
    const { labels, weights, ...features } = await readCsv(name, files, { hasLabels: true, hasWeights });
    return { dataset: { features: { kind: "dense", ...features }, labels, weights }, notes };
  }
  const { labels, weights, ...features } = await readLibsvm(name, files);
  return { dataset: { features: { kind: "sparse", ...features }, labels, weights }, notes };
}

/**
 * Train and validation data with the same number of features: rows of libsvm data simply miss the features that only
 * the other channel has.
 *
 * @throws ClientError when CSV channels differ in their columns
 */
export function withEqualFeatures(train: Dataset, validation: Dataset): readonly [train: Dataset, validation: Dataset] {
  const [a, b] = [train.features, validation.features];
  if (a.kind === "dense" || b.kind === "dense") {
    if (a.nFeatures === b.nFeatures) return [train, validation];
    throw new ClientError(
      `The validation channel has ${b.nFeatures} feature columns, but the train channel has ${a.nFeatures}.`,
    );
  }
  const nFeatures = Math.max(a.nFeatures, b.nFeatures);
  const widened = (dataset: Dataset, features: FeatureMatrix): Dataset => ({
    ...dataset,
    features: { ...features, nFeatures },
  });
  return [widened(train, a), widened(validation, b)];
}
