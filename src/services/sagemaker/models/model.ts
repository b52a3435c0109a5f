/** Models: an image of a built-in algorithm with the artifact that it serves. */
import type { ObjectStorage, StorageOfRole } from "../../../jobs/ports.ts";
import { AwsError, validationError } from "../../../protocol/aws-error.ts";
import type {
  ContainerDefinition,
  CreateModelInput,
  DescribeModelOutput,
  SageMakerOperations,
} from "../../../protocol/generated/sagemaker.ts";
import type { OperationTable, RequestContext } from "../../../protocol/service.ts";
import { commonFilters, ResourceFamily } from "../../../resources/resource-family.ts";
import type { ResourceFacts, ResourceFamilyOptions } from "../../../resources/resource-family.ts";
import type { ModelData } from "../../../serving/model-artifact.ts";
import type { StoredRecord } from "../../../storage/record-store.ts";
import { requireAssumableRole, sagemakerPrincipal } from "../execution-role.ts";
import type { RoleDirectory } from "../ports.ts";
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
  readonly storageOf: StorageOfRole;
  readonly roles: RoleDirectory;
}

type Operations = Pick<SageMakerOperations, "CreateModel" | "DescribeModel" | "ListModels" | "DeleteModel">;

export function modelOperations({ models, storageOf, roles }: ModelDependencies): OperationTable<Operations> {
  return {
    CreateModel: {
      refuses: modelRefusals,
      async handle(input, context) {
        const container = onlyContainer(input);
        const { modelData } = await servable(container);
        const { ExecutionRoleArn: roleArn } = input;
        if (roleArn !== undefined) await requireAssumableRole(roles, context.accountId, roleArn);
        else if (context.principal.kind !== "root") {
          throw validationError(
            "ExecutionRoleArn is required: without it the model data would be read with the rights of the account, which only its root user has.",
          );
        }
        await requireModelData(storageOf, roleArn, modelData, context);
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

/** @throws AwsError ValidationException when there is nothing at the model's location, or the role may not read it */
async function requireModelData(
  storageOf: StorageOfRole,
  roleArn: string | undefined,
  data: ModelData,
  { accountId, region }: Pick<RequestContext, "accountId" | "region">,
): Promise<void> {
  const url = `s3://${data.bucket}/${data.kind === "archive" ? data.key : data.prefix}`;
  let found: boolean;
  try {
    found = await isThere(storageOf({ accountId, region, roleArn }), accountId, data);
  } catch (error) {
    if (!(error instanceof AwsError && error.code === "AccessDenied")) throw error;
    throw validationError(
      `Could not access model data at ${url}. Please ensure that the role "${roleArn ?? ""}" exists and that its trust relationship policy allows the action "sts:AssumeRole" for the service principal "${sagemakerPrincipal}". Also ensure that the role has "s3:GetObject" permissions and that the object is located in ${region}.`,
    );
  }
  if (!found) throw validationError(`Could not find model data at ${url}.`);
}

async function isThere(objects: ObjectStorage, accountId: string, data: ModelData): Promise<boolean> {
  if (data.kind === "archive") return (await objects.stat(accountId, data.bucket, data.key)) !== undefined;
  for await (const _ of objects.list(accountId, data.bucket, data.prefix)) return true;
  return false;
}
