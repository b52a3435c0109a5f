/** Training jobs: created and stopped by writing what is wanted; training-job-steps.ts makes it so. */
import { builtInAlgorithm } from "../../../algorithms/registry.ts";
import { AwsError, validationError } from "../../../protocol/aws-error.ts";
import type { DescribeTrainingJobResponse, SageMakerOperations } from "../../../protocol/generated/sagemaker.ts";
import type { JobRunner } from "../../../jobs/job-runner.ts";
import type { OperationTable } from "../../../protocol/service.ts";
import { commonFilters, ResourceFamily } from "../../../resources/resource-family.ts";
import type { ResourceFacts, ResourceFamilyOptions } from "../../../resources/resource-family.ts";
import { metricDefinitionsOf, type AlgorithmDirectory } from "./algorithm-directory.ts";
import { acceptTrainingJob, type TrainingRequestRules } from "./create-training-job.ts";
import { describeTrainingJob, summariseTrainingJob } from "./describe-training-job.ts";
import { createTrainingJobRefusals } from "./refusals.ts";
import { beginStopping, type TrainingJob, type TrainingJobRecord } from "./training-job-record.ts";

export type TrainingJobFamily = ResourceFamily<TrainingJob>;

const facts: ResourceFacts = {
  family: "training-job",
  service: "sagemaker",
  notFound: { code: "ValidationException", message: () => "Requested resource not found." },
  alreadyExists: {
    code: "ResourceInUse",
    message: ({ arn }) =>
      `Training job names must be unique within an AWS account and region, and a training job with this name already exists (${arn})`,
  },
  list: {
    filters: { ...commonFilters, StatusEquals: "status" },
    sortBy: { Name: "name", CreationTime: "createdAt", Status: "status" },
    defaultSortBy: "CreationTime",
    defaultSortOrder: "Descending",
  },
};

export function trainingJobFamily(options: ResourceFamilyOptions): TrainingJobFamily {
  return new ResourceFamily<TrainingJob>(facts, options);
}

export interface TrainingJobDependencies extends Omit<TrainingRequestRules, "algorithms"> {
  readonly trainingJobs: TrainingJobFamily;
  /** Knows what running jobs have measured. */
  readonly runner: Pick<JobRunner, "metricsOf">;
  /** Default: the built-in algorithms. */
  readonly algorithms?: AlgorithmDirectory;
}

type Operations = Pick<
  SageMakerOperations,
  "CreateTrainingJob" | "DescribeTrainingJob" | "ListTrainingJobs" | "StopTrainingJob" | "DeleteTrainingJob"
>;

export function trainingJobOperations({
  trainingJobs,
  runner,
  algorithms = builtInAlgorithm,
  objects,
  roles,
}: TrainingJobDependencies): OperationTable<Operations> {
  const rules: TrainingRequestRules = { algorithms, objects, roles };
  /** Clients poll jobs; while a shared record lasts the answer is the same, and is written once because it is frozen. */
  const described = new WeakMap<TrainingJobRecord, DescribeTrainingJobResponse>();
  return {
    CreateTrainingJob: {
      refuses: createTrainingJobRefusals,
      async handle(input, context) {
        const at = context.clock.now();
        const body = await acceptTrainingJob(input, { accountId: context.accountId, at }, rules);
        const { TrainingJobName: name, Tags: tags } = input;
        const record = await trainingJobs.create(context, { name, body, status: body.status, tags });
        return { TrainingJobArn: record.arn! };
      },
    },
    DescribeTrainingJob: {
      async handle(input, context) {
        const record = await trainingJobs.require(context, input.TrainingJobName);
        const known = described.get(record);
        if (known !== undefined) return known;
        const image = await algorithms(record.body.request.AlgorithmSpecification!.TrainingImage!);
        const definitions = image === undefined ? [] : metricDefinitionsOf(image.algorithm);
        const live = record.body.outcome === undefined ? runner.metricsOf(record.body.runId) : undefined;
        const metrics = live ?? record.body.outcome?.metrics ?? [];
        const description = describeTrainingJob(record, definitions, metrics);
        // While it trains, its metrics change and its record does not.
        if (live === undefined && Object.isFrozen(record)) described.set(record, Object.freeze(description));
        return description;
      },
    },
    ListTrainingJobs: {
      refuses: [
        { parameter: "WarmPoolStatusEquals", because: "there are no warm pools" },
        { parameter: "TrainingPlanArnEquals", because: "there are no training plans" },
      ],
      async handle(input, context) {
        const { items, NextToken } = await trainingJobs.list(context, input);
        return { TrainingJobSummaries: items.map(summariseTrainingJob), NextToken };
      },
    },
    StopTrainingJob: {
      async handle(input, context) {
        await trainingJobs.update(context, input.TrainingJobName, ({ body }) => {
          // Asking twice changes nothing.
          if (body.status === "Stopping") return undefined;
          if (body.status !== "InProgress") {
            throw validationError(`The request was rejected because the training job is in status ${body.status}.`);
          }
          const stopping = beginStopping(body, context.clock.now());
          return { body: stopping, status: stopping.status };
        });
      },
    },
    DeleteTrainingJob: {
      // What it put into S3 and into its log stays.
      async handle(input, context) {
        await trainingJobs.delete(context, input.TrainingJobName, ({ body, arn }) => {
          if (body.phase === "ended") return;
          throw new AwsError(
            "ResourceInUse",
            `Training job ${arn} is in status ${body.status}; stop it and wait until it has ended.`,
          );
        });
      },
    },
  };
}
