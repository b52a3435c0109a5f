/** Endpoints: created, updated, scaled and deleted by writing what is wanted; endpoint-steps.ts makes it so. */
import { validationError } from "../../../protocol/aws-error.ts";
import type {
  DescribeEndpointOutput,
  DesiredWeightAndCapacity,
  EndpointStatus,
  SageMakerOperations,
} from "../../../protocol/generated/sagemaker.ts";
import type { OperationTable, Refusal } from "../../../protocol/service.ts";
import { commonFilters, ResourceFamily } from "../../../resources/resource-family.ts";
import type { Caller, ResourceFacts, ResourceFamilyOptions } from "../../../resources/resource-family.ts";
import { servable } from "../models/container.ts";
import type { ServableModel } from "../models/container.ts";
import type { ModelFamily } from "../models/model.ts";
import { endpointConfigOperations } from "./endpoint-config.ts";
import type { EndpointConfigFamily } from "./endpoint-config.ts";
import { inProgress, variantSummaries } from "./endpoint-record.ts";
import type { EndpointBody, EndpointGeneration, EndpointRecord } from "./endpoint-record.ts";
import { checkInstanceCount, newGeneration } from "./production-variants.ts";

export type EndpointFamily = ResourceFamily<EndpointBody>;

const facts: ResourceFacts = {
  family: "endpoint",
  service: "sagemaker",
  notFound: { code: "ValidationException", message: ({ arn }) => `Could not find endpoint "${arn}".` },
  alreadyExists: {
    code: "ValidationException",
    message: ({ arn }) => `Cannot create already existing endpoint "${arn}".`,
  },
  list: {
    filters: { ...commonFilters, StatusEquals: "status" },
    sortBy: { Name: "name", CreationTime: "createdAt", Status: "status" },
    defaultSortBy: "CreationTime",
    defaultSortOrder: "Descending",
  },
};

export function endpointFamily(options: ResourceFamilyOptions): EndpointFamily {
  return new ResourceFamily<EndpointBody>(facts, options);
}

export interface EndpointDependencies {
  readonly models: ModelFamily;
  readonly configs: EndpointConfigFamily;
  readonly endpoints: EndpointFamily;
}

type Operations = Pick<
  SageMakerOperations,
  | "CreateEndpointConfig"
  | "DescribeEndpointConfig"
  | "ListEndpointConfigs"
  | "DeleteEndpointConfig"
  | "CreateEndpoint"
  | "DescribeEndpoint"
  | "ListEndpoints"
  | "UpdateEndpoint"
  | "UpdateEndpointWeightsAndCapacities"
  | "DeleteEndpoint"
>;

const allAtOnce: Refusal = {
  parameter: "DeploymentConfig",
  because: "an update brings up all new instances, moves the traffic at once and then ends the old ones",
};

/** EndpointConfig and Endpoint operations. */
export function endpointOperations({ models, configs, endpoints }: EndpointDependencies): OperationTable<Operations> {
  /** A generation of the configuration of a name, with the models as they are now. */
  const generationOf = async (caller: Caller, endpointConfigName: string): Promise<EndpointGeneration> => {
    const { body } = await configs.require(caller, endpointConfigName);
    const found = new Map<string, ServableModel & { readonly roleArn?: string }>();
    for (const { ModelName } of body.variants) {
      if (found.has(ModelName)) continue;
      const { container, executionRoleArn: roleArn } = (await models.require(caller, ModelName)).body;
      found.set(ModelName, { ...(await servable(container)), roleArn });
    }
    return newGeneration(endpointConfigName, body.variants, found, caller.clock.now());
  };

  return {
    ...endpointConfigOperations(configs, models),

    CreateEndpoint: {
      refuses: [allAtOnce],
      async handle(input, context) {
        const generation = await generationOf(context, input.EndpointConfigName);
        const { arn } = await endpoints.create(context, {
          name: input.EndpointName,
          status: "Creating",
          body: { generation },
          tags: input.Tags,
        });
        return { EndpointArn: arn! };
      },
    },

    DescribeEndpoint: {
      handle: async (input, context) => description(await endpoints.require(context, input.EndpointName)),
    },

    ListEndpoints: {
      async handle(input, context) {
        const { items, NextToken } = await endpoints.list(context, input);
        return {
          Endpoints: items.map(({ name, arn, createdAt, updatedAt, status }) => ({
            EndpointName: name,
            EndpointArn: arn!,
            CreationTime: new Date(createdAt),
            LastModifiedTime: new Date(updatedAt),
            EndpointStatus: status as EndpointStatus,
          })),
          NextToken,
        };
      },
    },

    UpdateEndpoint: {
      refuses: [
        allAtOnce,
        {
          parameter: "RetainAllVariantProperties",
          values: [true],
          because: "an update takes weights and instance counts from the new configuration",
        },
        {
          parameter: "ExcludeRetainedVariantProperties",
          because: "an update takes weights and instance counts from the new configuration",
        },
        {
          parameter: "RetainDeploymentConfig",
          values: [true],
          because: "there is no deployment configuration to keep",
        },
      ],
      async handle(input, context) {
        await endpoints.require(context, input.EndpointName);
        const pending = await generationOf(context, input.EndpointConfigName);
        const { arn } = await endpoints.update(context, input.EndpointName, (record) => {
          requireInService(record);
          return { status: "Updating", body: { generation: record.body.generation, pending } };
        });
        return { EndpointArn: arn! };
      },
    },

    UpdateEndpointWeightsAndCapacities: {
      refuses: [
        {
          parameter: "DesiredWeightsAndCapacities[].ServerlessUpdateConfig",
          because: "variants run on instances, none is serverless",
        },
      ],
      async handle(input, context) {
        const { arn } = await endpoints.update(context, input.EndpointName, (record) => {
          requireInService(record);
          const generation = withWishes(record, input.DesiredWeightsAndCapacities);
          return { status: "Updating", body: { generation } };
        });
        return { EndpointArn: arn! };
      },
    },

    DeleteEndpoint: {
      async handle(input, context) {
        await endpoints.update(context, input.EndpointName, (record) => {
          refuseInProgress(record);
          return record.status === "Deleting" ? undefined : { status: "Deleting", body: record.body };
        });
      },
    },
  };
}

function refuseInProgress(record: EndpointRecord): void {
  if (inProgress.some((status) => status === record.status)) {
    throw validationError(`Cannot update in-progress endpoint "${record.arn}".`);
  }
}

function requireInService(record: EndpointRecord): void {
  refuseInProgress(record);
  if (record.status !== "InService") {
    throw validationError(
      `Cannot update endpoint "${record.arn}": it is ${record.status}, and only an endpoint that is InService can be updated.`,
    );
  }
}

/** The generation with other weights and instance counts wanted. */
function withWishes(record: EndpointRecord, wishes: readonly DesiredWeightAndCapacity[]): EndpointGeneration {
  const { generation } = record.body;
  const byName = new Map(wishes.map((wish) => [wish.VariantName, wish]));
  for (const [name, { DesiredInstanceCount: count }] of byName) {
    if (!generation.variants.some((variant) => variant.name === name)) {
      throw validationError(`Could not find variant "${name}" of endpoint "${record.arn}".`);
    }
    if (count === undefined) continue;
    if (count < 1)
      throw validationError(`Variant "${name}" needs at least one instance, got DesiredInstanceCount ${count}.`);
    checkInstanceCount(name, count);
  }
  return {
    ...generation,
    variants: generation.variants.map((variant) => ({
      ...variant,
      desiredWeight: byName.get(variant.name)?.DesiredWeight ?? variant.desiredWeight,
      desiredInstanceCount: byName.get(variant.name)?.DesiredInstanceCount ?? variant.desiredInstanceCount,
    })),
  };
}

function description({ name, arn, status, createdAt, updatedAt, body }: EndpointRecord): DescribeEndpointOutput {
  const { generation, pending, failureReason } = body;
  return {
    EndpointName: name,
    EndpointArn: arn!,
    EndpointConfigName: generation.endpointConfigName,
    // A failed endpoint never had instances to show.
    ...(status === "Failed" ? {} : { ProductionVariants: variantSummaries(generation, status) }),
    EndpointStatus: status as EndpointStatus,
    FailureReason: failureReason,
    CreationTime: new Date(createdAt),
    LastModifiedTime: new Date(updatedAt),
    ...(pending === undefined
      ? {}
      : {
          PendingDeploymentSummary: {
            EndpointConfigName: pending.endpointConfigName,
            ProductionVariants: variantSummaries(pending, "Creating"),
          },
        }),
  };
}
