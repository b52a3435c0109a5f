/** Models: an image of a built-in algorithm with the artifact that it serves. */
import type { ObjectStorage } from "../../../jobs/ports.ts";
import { validationError } from "../../../protocol/aws-error.ts";
import type {
  ContainerDefinition,
  CreateModelInput,
  DescribeModelOutput,
  SageMakerOperations,
} from "../../../protocol/generated/sagemaker.ts";
import type { OperationTable } from "../../../protocol/service.ts";
import { commonFilters, ResourceFamily } from "../../../resources/resource-family.ts";
import type { ResourceFacts, ResourceFamilyOptions } from "../../../resources/resource-family.ts";
import type { ModelData } from "../../../serving/model-artifact.ts";
import type { StoredRecord } from "../../../storage/record-store.ts";
import { modelRefusals, onlyContainer, servable } from "./container.ts";

/** A model as it is stored: the request, its container with defaults filled in. */
export interface ModelBody {
  /** Under which of the two members the container came, and goes out again. */
  readonly form: "PrimaryContainer" | "Containers";
  readonly container: ContainerDefinition;
  readonly executionRoleArn?: string;
}

export type ModelFamily = ResourceFamily<ModelBody>;

const facts: ResourceFacts = {
  family: "model",
  service: "sagemaker",
  notFound: { code: "ValidationException", message: ({ arn }) => `Could not find model "${arn}".` },
  alreadyExists: {
    code: "ValidationException",
    message: ({ arn }) => `Cannot create already existing model "${arn}".`,
  },
  list: {
    filters: commonFilters,
    sortBy: { Name: "name", CreationTime: "createdAt" },
    defaultSortBy: "CreationTime",
    defaultSortOrder: "Descending",
  },
};

export function modelFamily(options: ResourceFamilyOptions): ModelFamily {
  return new ResourceFamily<ModelBody>(facts, options);
}

export interface ModelDependencies {
  readonly models: ModelFamily;
  readonly objects: ObjectStorage;
}

type Operations = Pick<SageMakerOperations, "CreateModel" | "DescribeModel" | "ListModels" | "DeleteModel">;

export function modelOperations({ models, objects }: ModelDependencies): OperationTable<Operations> {
  return {
    CreateModel: {
      refuses: modelRefusals,
      async handle(input, context) {
        const container = onlyContainer(input);
        const { modelData } = await servable(container);
        await requireModelData(objects, context.accountId, modelData);
        const body = bodyOf(input, container);
        const record = await models.create(context, { name: input.ModelName, body, tags: input.Tags });
        return { ModelArn: record.arn! };
      },
    },
    DescribeModel: { handle: async (input, context) => description(await models.require(context, input.ModelName)) },
    ListModels: {
      async handle(input, context) {
        const { items, NextToken } = await models.list(context, input);
        return {
          Models: items.map(({ name, arn, createdAt }) => ({
            ModelName: name,
            ModelArn: arn!,
            CreationTime: new Date(createdAt),
          })),
          NextToken,
        };
      },
    },
    DeleteModel: {
      // Endpoints that serve it have all they need of it.
      async handle(input, context) {
        await models.delete(context, input.ModelName);
      },
    },
  };
}

function bodyOf(input: CreateModelInput, container: ContainerDefinition): ModelBody {
  return {
    form: input.PrimaryContainer === undefined ? "Containers" : "PrimaryContainer",
    container: { ...container, Mode: "SingleModel", Environment: container.Environment ?? {} },
    executionRoleArn: input.ExecutionRoleArn,
  };
}

function description({ name, arn, createdAt, body }: StoredRecord<ModelBody>): DescribeModelOutput {
  return {
    ModelName: name,
    ...(body.form === "PrimaryContainer" ? { PrimaryContainer: body.container } : { Containers: [body.container] }),
    ExecutionRoleArn: body.executionRoleArn,
    CreationTime: new Date(createdAt),
    ModelArn: arn!,
    EnableNetworkIsolation: false,
  };
}

/** @throws AwsError ValidationException when there is nothing at the model's location */
async function requireModelData(objects: ObjectStorage, accountId: string, data: ModelData): Promise<void> {
  if (data.kind === "archive") {
    if ((await objects.stat(accountId, data.bucket, data.key)) !== undefined) return;
    throw validationError(`Could not find model data at s3://${data.bucket}/${data.key}.`);
  }
  for await (const _ of objects.list(accountId, data.bucket, data.prefix)) return;
  throw validationError(`Could not find model data at s3://${data.bucket}/${data.prefix}.`);
}
