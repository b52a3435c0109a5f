/** Endpoint configurations: which models an endpoint serves, on how many instances, with which share of the traffic. */
import type { SageMakerOperations } from "../../../protocol/generated/sagemaker.ts";
import type { OperationTable } from "../../../protocol/service.ts";
import { commonFilters, ResourceFamily } from "../../../resources/resource-family.ts";
import type { ResourceFacts, ResourceFamilyOptions } from "../../../resources/resource-family.ts";
import type { ModelFamily } from "../models/model.ts";
import { completeVariants, endpointConfigRefusals } from "./production-variants.ts";
import type { CompleteVariant } from "./production-variants.ts";

export interface EndpointConfigBody {
  readonly variants: readonly CompleteVariant[];
}

export type EndpointConfigFamily = ResourceFamily<EndpointConfigBody>;

const facts: ResourceFacts = {
  family: "endpoint-config",
  service: "sagemaker",
  notFound: { code: "ValidationException", message: ({ arn }) => `Could not find endpoint configuration "${arn}".` },
  alreadyExists: {
    code: "ValidationException",
    message: ({ arn }) => `Cannot create already existing endpoint configuration "${arn}".`,
  },
  list: {
    filters: commonFilters,
    sortBy: { Name: "name", CreationTime: "createdAt" },
    defaultSortBy: "CreationTime",
    defaultSortOrder: "Descending",
  },
};

export function endpointConfigFamily(options: ResourceFamilyOptions): EndpointConfigFamily {
  return new ResourceFamily<EndpointConfigBody>(facts, options);
}

type Operations = Pick<
  SageMakerOperations,
  "CreateEndpointConfig" | "DescribeEndpointConfig" | "ListEndpointConfigs" | "DeleteEndpointConfig"
>;

export function endpointConfigOperations(
  configs: EndpointConfigFamily,
  models: ModelFamily,
): OperationTable<Operations> {
  return {
    CreateEndpointConfig: {
      refuses: endpointConfigRefusals,
      async handle(input, context) {
        const variants = completeVariants(input.ProductionVariants);
        for (const { ModelName } of variants) await models.require(context, ModelName);
        const { arn } = await configs.create(context, {
          name: input.EndpointConfigName,
          body: { variants },
          tags: input.Tags,
        });
        return { EndpointConfigArn: arn! };
      },
    },
    DescribeEndpointConfig: {
      async handle(input, context) {
        const { name, arn, createdAt, body } = await configs.require(context, input.EndpointConfigName);
        return {
          EndpointConfigName: name,
          EndpointConfigArn: arn!,
          ProductionVariants: [...body.variants],
          CreationTime: new Date(createdAt),
          EnableNetworkIsolation: false,
        };
      },
    },
    ListEndpointConfigs: {
      async handle(input, context) {
        const { items, NextToken } = await configs.list(context, input);
        return {
          EndpointConfigs: items.map(({ name, arn, createdAt }) => ({
            EndpointConfigName: name,
            EndpointConfigArn: arn!,
            CreationTime: new Date(createdAt),
          })),
          NextToken,
        };
      },
    },
    DeleteEndpointConfig: {
      // Endpoints made from it have a copy.
      async handle(input, context) {
        await configs.delete(context, input.EndpointConfigName);
      },
    },
  };
}
