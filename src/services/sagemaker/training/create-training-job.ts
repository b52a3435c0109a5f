/** From a CreateTrainingJob request to a job that may start: every rule that the service description cannot say. */
import { randomUUID } from "node:crypto";
import type { Algorithm, TrainingRequestFacts } from "../../../algorithms/algorithm.ts";
import type { ImageReference } from "../../../algorithms/registry.ts";
import { type ObjectStorage, parseS3Uri } from "../../../jobs/ports.ts";
import { validationError } from "../../../protocol/aws-error.ts";
import type { Channel, CreateTrainingJobRequest } from "../../../protocol/generated/sagemaker.ts";
import { requireAssumableRole } from "../execution-role.ts";
import type { RoleDirectory } from "../ports.ts";
import type { AlgorithmDirectory } from "./algorithm-directory.ts";
import { refuseProfiler } from "./refusals.ts";
import { messages, runIdPrefix, type TrainingJob } from "./training-job-record.ts";

export interface TrainingRequestRules {
  readonly algorithms: AlgorithmDirectory;
  readonly objects: ObjectStorage;
  readonly roles: RoleDirectory;
}

/** One day; what SageMaker takes when a request names no stopping condition. */
const defaultMaxRuntimeSeconds = 86_400;
/** 28 days, the limit of SageMaker. */
const maxMaxRuntimeSeconds = 2_419_200;

/** Variables that would change the program that runs an algorithm instead of telling the algorithm something. */
const loaderVariable = /^(NODE_|LD_|DYLD_|OPENSSL_|SAGEBRUSH_|ML_ROOT$|PATH$)/;

/**
 * Checks a request and makes the job's first state of it.
 * @throws AwsError ValidationException naming what is wrong, all problems of the algorithm's inputs at once
 */
export async function acceptTrainingJob(
  request: CreateTrainingJobRequest,
  caller: { readonly accountId: string; readonly at: number },
  rules: TrainingRequestRules,
): Promise<TrainingJob> {
  refuseProfiler(request);
  refuseOwnMetrics(request);
  const { image, algorithm } = await algorithmOf(request, rules.algorithms);
  checkResources(request);
  checkChannels(request.InputDataConfig ?? []);
  checkEnvironment(request.Environment ?? {});
  checkAlgorithmInputs(request, algorithm, image);
  await checkOutput(request, caller.accountId, rules.objects);
  await requireAssumableRole(rules.roles, caller.accountId, request.RoleArn);

  const { Tags: _tags, ...kept } = request;
  return {
    request: {
      ...kept,
      StoppingCondition: { ...kept.StoppingCondition, MaxRuntimeInSeconds: maxRuntimeSeconds(request) },
    },
    status: "InProgress",
    phase: "waiting",
    transitions: [{ status: "Starting", startTime: caller.at, message: messages.starting }],
    runId: `${runIdPrefix}${randomUUID()}`,
    notes: harmlessNotes(request),
  };
}

export function maxRuntimeSeconds(request: CreateTrainingJobRequest): number {
  return request.StoppingCondition?.MaxRuntimeInSeconds ?? defaultMaxRuntimeSeconds;
}

async function algorithmOf(
  request: CreateTrainingJobRequest,
  algorithms: AlgorithmDirectory,
): Promise<{ algorithm: Algorithm; image: ImageReference }> {
  const uri = request.AlgorithmSpecification?.TrainingImage;
  if (!uri)
    throw validationError("AlgorithmSpecification.TrainingImage is required: name the image of a built-in algorithm.");
  const found = await algorithms(uri);
  if (found === undefined) {
    throw validationError(
      `AlgorithmSpecification.TrainingImage "${uri}" is not supported by Sagebrush: it names no built-in algorithm that runs here, and images of your own are not run. An XGBoost image such as 683313688378.dkr.ecr.us-east-1.amazonaws.com/sagemaker-xgboost:1.7-1 (of any region) is.`,
    );
  }
  return found;
}

function checkResources(request: CreateTrainingJobRequest): void {
  const resources = request.ResourceConfig;
  if (!resources?.InstanceType) throw validationError("ResourceConfig.InstanceType is required, e.g. ml.m5.large.");
  if (resources.InstanceCount !== 1) {
    throw validationError(`ResourceConfig.InstanceCount must be 1, got ${resources.InstanceCount ?? "none"}.`);
  }
  const runtime = maxRuntimeSeconds(request);
  if (runtime > maxMaxRuntimeSeconds) {
    throw validationError(
      `StoppingCondition.MaxRuntimeInSeconds must be <= ${maxMaxRuntimeSeconds} (28 days), got ${runtime}.`,
    );
  }
}

function checkChannels(channels: readonly Channel[]): void {
  const names = new Set<string>();
  for (const channel of channels) {
    const name = channel.ChannelName;
    // A channel is a folder; a manifest lies beside it.
    if (name === "." || name === "..") throw validationError(`InputDataConfig: "${name}" cannot name a channel.`);
    const source = channel.DataSource.S3DataSource;
    if (source === undefined)
      throw validationError(`InputDataConfig: channel ${name} needs a DataSource.S3DataSource.`);
    if (parseS3Uri(source.S3Uri) === undefined) {
      throw validationError(
        `InputDataConfig: the S3Uri of channel ${name} must begin with s3://, got "${source.S3Uri}".`,
      );
    }
    for (const taken of source.S3DataType === "ManifestFile" ? [name, `${name}-manifest`] : [name]) {
      if (names.has(taken))
        throw validationError(`InputDataConfig: two channels need the name "${taken}"; names must be unique.`);
      names.add(taken);
    }
  }
}

function checkEnvironment(environment: Readonly<Record<string, string>>): void {
  const name = Object.keys(environment).find((each) => loaderVariable.test(each));
  if (name === undefined) return;
  throw validationError(
    `Environment.${name} is not supported by Sagebrush: it would change the program that runs the algorithm; choose another name.`,
  );
}

function checkAlgorithmInputs(request: CreateTrainingJobRequest, algorithm: Algorithm, image: ImageReference): void {
  const defaultMode = request.AlgorithmSpecification!.TrainingInputMode;
  const channels: Record<string, { contentType?: string; inputMode: string }> = {};
  for (const channel of request.InputDataConfig ?? []) {
    channels[channel.ChannelName] = {
      inputMode: channel.InputMode ?? defaultMode,
      ...(channel.ContentType !== undefined && { contentType: channel.ContentType }),
    };
  }
  const facts: TrainingRequestFacts = {
    hyperparameters: request.HyperParameters ?? {},
    channels,
    imageTag: image.tag,
    instanceCount: 1,
  };
  const problems = algorithm.validate(facts);
  if (problems.length === 0) return;
  const heading =
    problems.length === 1 ? "1 validation error detected" : `${problems.length} validation errors detected`;
  throw validationError(`${heading}: ${problems.join("; ")}`);
}

/** The metrics of a built-in algorithm are known; AWS's wording. */
function refuseOwnMetrics({ AlgorithmSpecification }: CreateTrainingJobRequest): void {
  if ((AlgorithmSpecification?.MetricDefinitions ?? []).length === 0) return;
  throw validationError(
    "You can't override the metric definitions for Amazon SageMaker algorithms. Please retry the request without specifying metric definitions.",
  );
}

async function checkOutput(
  request: CreateTrainingJobRequest,
  accountId: string,
  objects: ObjectStorage,
): Promise<void> {
  const path = request.OutputDataConfig.S3OutputPath;
  const location = parseS3Uri(path);
  if (location === undefined) {
    throw validationError(`OutputDataConfig.S3OutputPath must begin with s3://, got "${path}".`);
  }
  if (!(await objects.bucketExists(accountId, location.bucket))) {
    throw validationError(
      `OutputDataConfig.S3OutputPath: the bucket "${location.bucket}" does not exist; create it first.`,
    );
  }
}

/** Parameters that clients send by default, that ask for nothing, and whose other forms are refused. */
function harmlessNotes(request: CreateTrainingJobRequest): string[] {
  return request.DebugHookConfig
    ? ["Sagebrush: DebugHookConfig names no collections and Debugger does not run here, so no tensors are saved"]
    : [];
}
