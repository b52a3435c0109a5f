/** An endpoint as it is stored: what it should serve, what it serves, and how the fleet and clients see that. */
import type {
  EndpointStatus,
  ProductionVariantInstanceType,
  ProductionVariantSummary,
} from "../../../protocol/generated/sagemaker.ts";
import type { Deployment } from "../../../serving/endpoint-fleet.ts";
import type { RoutingStrategy } from "../../../serving/endpoint-router.ts";
import type { ModelData } from "../../../serving/model-artifact.ts";
import type { StoredRecord } from "../../../storage/record-store.ts";

/**
 * A variant with all it needs of its model: an endpoint goes on when its model or its configuration is deleted, as on
 * AWS.
 */
export interface DeployedVariant {
  readonly name: string;
  readonly modelName: string;
  readonly image: string;
  readonly environment: Readonly<Record<string, string>>;
  readonly modelData: ModelData;
  /** The model's execution role. */
  readonly roleArn?: string;
  readonly instanceType: ProductionVariantInstanceType;
  readonly currentWeight: number;
  readonly desiredWeight: number;
  readonly currentInstanceCount: number;
  readonly desiredInstanceCount: number;
  readonly routing: RoutingStrategy;
  readonly startupTimeoutSeconds: number;
  readonly volumeSizeInGB: number;
  /** ms since the epoch */
  readonly resolvedAt: number;
}

/** One generation of an endpoint. */
export interface EndpointGeneration {
  /** Id of the fleet's deployment. */
  readonly id: string;
  readonly endpointConfigName: string;
  readonly variants: readonly DeployedVariant[];
}

export interface EndpointBody {
  /** What serves, or is to serve while the endpoint is being created. */
  readonly generation: EndpointGeneration;
  /** What is to take its place (UpdateEndpoint). */
  readonly pending?: EndpointGeneration;
  readonly failureReason?: string;
}

export type EndpointRecord = StoredRecord<EndpointBody>;

/** The states in which something is on its way; such an endpoint can neither be updated nor deleted. */
export const inProgress: readonly EndpointStatus[] = ["Creating", "Updating"];

/** The generation as the fleet runs it: with the counts and weights that are wanted. */
export function deploymentOf({ accountId, region, name }: EndpointRecord, generation: EndpointGeneration): Deployment {
  return {
    id: generation.id,
    endpoint: { accountId, region, endpointName: name },
    variants: generation.variants.map((variant) => ({
      name: variant.name,
      image: variant.image,
      environment: variant.environment,
      modelData: variant.modelData,
      roleArn: variant.roleArn,
      weight: variant.desiredWeight,
      instanceCount: variant.desiredInstanceCount,
      routing: variant.routing,
      startupTimeoutMs: variant.startupTimeoutSeconds * 1000,
      maxModelBytes: variant.volumeSizeInGB * 1024 ** 3,
    })),
  };
}

/** The same generation with everything that was wanted reached. */
export function reached(generation: EndpointGeneration): EndpointGeneration {
  return {
    ...generation,
    variants: generation.variants.map((variant) => ({
      ...variant,
      currentWeight: variant.desiredWeight,
      currentInstanceCount: variant.desiredInstanceCount,
    })),
  };
}

/** The same generation with wishes that could not be reached given up. */
export function unchanged(generation: EndpointGeneration): EndpointGeneration {
  return {
    ...generation,
    variants: generation.variants.map((variant) => ({
      ...variant,
      desiredWeight: variant.currentWeight,
      desiredInstanceCount: variant.currentInstanceCount,
    })),
  };
}

/** Variants as DescribeEndpoint shows them. */
export function variantSummaries(generation: EndpointGeneration, status: string): ProductionVariantSummary[] {
  return generation.variants.map((variant) => ({
    VariantName: variant.name,
    DeployedImages: [
      { SpecifiedImage: variant.image, ResolvedImage: variant.image, ResolutionTime: new Date(variant.resolvedAt) },
    ],
    CurrentWeight: variant.currentWeight,
    DesiredWeight: variant.desiredWeight,
    CurrentInstanceCount: variant.currentInstanceCount,
    DesiredInstanceCount: variant.desiredInstanceCount,
    ...(status === "Creating" || status === "Updating" || status === "Deleting"
      ? { VariantStatus: [{ Status: status }] }
      : {}),
    ...(variant.routing === "RANDOM" ? {} : { RoutingConfig: { RoutingStrategy: variant.routing } }),
  }));
}
