/** The variants of an endpoint configuration: what is refused, which rules they keep, and what they become. */
import { randomBytes } from "node:crypto";
import { AwsError, validationError } from "../../../protocol/aws-error.ts";
import type { ProductionVariant } from "../../../protocol/generated/sagemaker.ts";
import type { Refusal } from "../../../protocol/service.ts";
import type { ServableModel } from "../models/container.ts";
import type { EndpointGeneration } from "./endpoint-record.ts";

/** Replicas of one variant: each is a process of this machine with the whole model in memory. */
export const maxInstances = 10;

/** GET /ping must succeed within this time when the configuration does not say (serving contract, section 1). */
const defaultStartupTimeoutSeconds = 240;
/** What an instance's volume holds when the configuration does not say. */
const defaultVolumeSizeInGB = 30;

const noHardware = "replicas are processes of this machine, whatever the instance type";

export const endpointConfigRefusals: readonly Refusal[] = [
  { parameter: "DataCaptureConfig", because: "requests and responses are not captured" },
  { parameter: "AsyncInferenceConfig", because: "asynchronous inference is not served" },
  { parameter: "ExplainerConfig", because: "online explanations are not served" },
  { parameter: "ShadowProductionVariants", because: "shadow traffic is not served" },
  { parameter: "KmsKeyId", because: "replicas have no encrypted volume of their own" },
  { parameter: "ExecutionRoleArn", because: "inference components are not served; the role is the model's" },
  { parameter: "VpcConfig", because: "replicas run on this machine, outside any VPC" },
  {
    parameter: "EnableNetworkIsolation",
    values: [true],
    because: "the network of a replica is not cut off on this machine",
  },
  { parameter: "MetricsConfig", because: "metrics have one fixed interval" },
  { parameter: "ProductionVariants[].ServerlessConfig", because: "variants run on instances; give InstanceType" },
  { parameter: "ProductionVariants[].InstancePools", because: noHardware },
  { parameter: "ProductionVariants[].VariantInstanceProvisionTimeoutInSeconds", because: noHardware },
  { parameter: "ProductionVariants[].AcceleratorType", because: "there are no elastic inference accelerators" },
  { parameter: "ProductionVariants[].CoreDumpConfig", because: "core dumps are not collected" },
  { parameter: "ProductionVariants[].EnableSSMAccess", values: [true], because: noHardware },
  { parameter: "ProductionVariants[].ManagedInstanceScaling", because: "variants keep their number of instances" },
  { parameter: "ProductionVariants[].InferenceAmiVersion", because: noHardware },
  { parameter: "ProductionVariants[].CapacityReservationConfig", because: noHardware },
];

/** A variant with the members that every one has here. */
export type CompleteVariant = ProductionVariant &
  Required<Pick<ProductionVariant, "ModelName" | "InstanceType" | "InitialInstanceCount" | "InitialVariantWeight">>;

/**
 * The variants of a request with defaults filled in.
 *
 * @throws AwsError ValidationException, or ResourceLimitExceeded for too many instances
 */
export function completeVariants(variants: readonly ProductionVariant[]): readonly CompleteVariant[] {
  const names = new Set<string>();
  return variants.map((variant) => {
    const { VariantName: name, ModelName, InstanceType, InitialInstanceCount } = variant;
    if (names.has(name))
      throw validationError(`Variant names must be unique in ProductionVariants, got "${name}" twice.`);
    names.add(name);
    if (ModelName === undefined) {
      throw validationError(
        `Variant "${name}" without ModelName is not supported by Sagebrush: inference components are not served; name a model.`,
      );
    }
    if (InstanceType === undefined || InitialInstanceCount === undefined) {
      throw validationError(`Variant "${name}" needs InstanceType and InitialInstanceCount.`);
    }
    checkInstanceCount(name, InitialInstanceCount);
    return {
      ...variant,
      ModelName,
      InstanceType,
      InitialInstanceCount,
      InitialVariantWeight: variant.InitialVariantWeight ?? 1,
    };
  });
}

/** @throws AwsError ResourceLimitExceeded */
export function checkInstanceCount(variantName: string, count: number): void {
  if (count > maxInstances) {
    throw new AwsError(
      "ResourceLimitExceeded",
      `A variant has at most ${maxInstances} instances on this machine; variant "${variantName}" asks for ${count}.`,
    );
  }
}

/**
 * A new generation of an endpoint.
 *
 * @param models by name: every model that the variants use
 * @param now    ms since the epoch
 */
export function newGeneration(
  endpointConfigName: string,
  variants: readonly CompleteVariant[],
  models: ReadonlyMap<string, ServableModel & { readonly roleArn?: string }>,
  now: number,
): EndpointGeneration {
  return {
    id: randomBytes(6).toString("hex"),
    endpointConfigName,
    variants: variants.map((variant) => {
      const { image, environment, modelData, roleArn } = models.get(variant.ModelName)!;
      return {
        name: variant.VariantName,
        modelName: variant.ModelName,
        image,
        environment,
        modelData,
        roleArn,
        instanceType: variant.InstanceType,
        // What is wanted; nothing of it is there yet.
        currentWeight: variant.InitialVariantWeight,
        desiredWeight: variant.InitialVariantWeight,
        currentInstanceCount: 0,
        desiredInstanceCount: variant.InitialInstanceCount,
        routing: variant.RoutingConfig?.RoutingStrategy ?? "RANDOM",
        startupTimeoutSeconds: variant.ContainerStartupHealthCheckTimeoutInSeconds ?? defaultStartupTimeoutSeconds,
        volumeSizeInGB: variant.VolumeSizeInGB ?? defaultVolumeSizeInGB,
        resolvedAt: now,
      };
    }),
  };
}
