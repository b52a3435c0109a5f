/** The container of a model: which images and artifacts can be served here, and what is refused by name. */
import { builtInAlgorithm } from "../../../algorithms/registry.ts";
import { validationError } from "../../../protocol/aws-error.ts";
import type { ContainerDefinition, CreateModelInput } from "../../../protocol/generated/sagemaker.ts";
import type { Refusal } from "../../../protocol/service.ts";
import { parseS3Uri } from "../../../jobs/ports.ts";
import type { ModelData } from "../../../serving/model-artifact.ts";

/** Members of a container that are refused whichever of the two forms it came in. */
const containerRefusals: readonly (Omit<Refusal, "parameter"> & { readonly member: string })[] = [
  { member: "Mode", values: ["MultiModel"], because: "a container serves one model" },
  { member: "MultiModelConfig", because: "a container serves one model" },
  { member: "ImageConfig", because: "no image is pulled; built-in algorithms run as they are" },
  { member: "ModelPackageName", because: "there is no model registry; name Image and ModelDataUrl" },
  { member: "InferenceSpecificationName", because: "there is no model registry; name Image and ModelDataUrl" },
  { member: "AdditionalModelDataSources", because: "built-in algorithms read one model" },
  { member: "ContainerMetricsConfig", because: "built-in algorithms publish no metrics of their own" },
  { member: "ModelDataSource.S3DataSource.ModelAccessConfig", because: "no gated model is served" },
  { member: "ModelDataSource.S3DataSource.HubAccessConfig", because: "there is no model hub" },
  { member: "ModelDataSource.S3DataSource.ManifestS3Uri", because: "name the model's prefix or archive with S3Uri" },
];

export const modelRefusals: readonly Refusal[] = [
  ...["PrimaryContainer", "Containers[]"].flatMap((container) =>
    containerRefusals.map(({ member, ...rest }) => ({ parameter: `${container}.${member}`, ...rest })),
  ),
  { parameter: "InferenceExecutionConfig", because: "inference pipelines are not served; a model has one container" },
  { parameter: "VpcConfig", because: "models run on this machine, outside any VPC" },
  {
    parameter: "EnableNetworkIsolation",
    values: [true],
    because: "the network of a model's process is not cut off on this machine",
  },
];

/** What a replica needs of a model. */
export interface ServableModel {
  readonly image: string;
  readonly environment: Readonly<Record<string, string>>;
  readonly modelData: ModelData;
}

/**
 * The one container of a CreateModel request.
 *
 * @throws AwsError ValidationException when there is none or more than one
 */
export function onlyContainer(input: Pick<CreateModelInput, "PrimaryContainer" | "Containers">): ContainerDefinition {
  const { PrimaryContainer: primary, Containers: containers = [] } = input;
  if (primary !== undefined && containers.length > 0) {
    throw validationError("Only one of PrimaryContainer and Containers may be given.");
  }
  if (containers.length > 1) {
    throw validationError(
      `Containers with more than one element is not supported by Sagebrush: inference pipelines are not served (got ${containers.length} containers).`,
    );
  }
  const container = primary ?? containers[0];
  if (container === undefined) throw validationError("A model needs a container: give PrimaryContainer.");
  return container;
}

/**
 * What a container serves.
 *
 * @throws AwsError ValidationException naming the image or the location that cannot be served
 */
export async function servable(container: ContainerDefinition): Promise<ServableModel> {
  const { Image: image, Environment: environment = {} } = container;
  if (image === undefined) throw validationError("A model's container needs an Image.");
  const found = await builtInAlgorithm(image);
  if (found === undefined) {
    throw validationError(
      `Image "${image}" is not supported by Sagebrush: only images of built-in algorithms are served, e.g. …/sagemaker-xgboost:1.7-1.`,
    );
  }
  const { algorithm, image: reference } = found;
  // `1.7-1-cpu-py3` is the long form of the tag `1.7-1`.
  if (!algorithm.imageTags.some((tag) => reference.tag === tag || reference.tag === `${tag}-cpu-py3`)) {
    throw validationError(
      `Image "${image}" is not supported by Sagebrush: ${algorithm.title} is served for the tags ${algorithm.imageTags.join(", ")}, not for "${reference.tag}".`,
    );
  }
  return { image, environment, modelData: modelDataOf(container) };
}

function modelDataOf({ ModelDataUrl: url, ModelDataSource: source }: ContainerDefinition): ModelData {
  if (url !== undefined && source !== undefined) {
    throw validationError("Only one of ModelDataUrl and ModelDataSource may be given.");
  }
  const s3 = source?.S3DataSource;
  const location = url ?? s3?.S3Uri;
  if (location === undefined) {
    throw validationError(
      "A built-in algorithm serves a trained model: give the S3 location of its model.tar.gz as ModelDataUrl.",
    );
  }
  const parsed = parseS3Uri(location);
  if (parsed === undefined || parsed.key === "") {
    throw validationError(`Model data must be an S3 URI like s3://bucket/path/model.tar.gz, got "${location}".`);
  }
  const form = s3 === undefined ? "S3Object/Gzip" : `${s3.S3DataType}/${s3.CompressionType}`;
  if (form === "S3Object/Gzip") return { kind: "archive", bucket: parsed.bucket, key: parsed.key };
  if (form === "S3Prefix/None") {
    if (!parsed.key.endsWith("/"))
      throw validationError(`An S3Prefix of a model must end with "/", got "${location}".`);
    return { kind: "prefix", bucket: parsed.bucket, prefix: parsed.key };
  }
  throw validationError(
    `S3DataType=${s3?.S3DataType} with CompressionType=${s3?.CompressionType} is not supported by Sagebrush: models come as S3Object with Gzip or as S3Prefix with None.`,
  );
}
