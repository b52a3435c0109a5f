/**
 * What requests of SageMaker Runtime need to be allowed: invoking the endpoint, and the inference component where one is
 * named. Source: Service Authorization Reference, "Actions, resources, and condition keys for Amazon SageMaker AI".
 */
import type { Access } from "../../protocol/access.ts";
import type { AccessRules } from "../../protocol/service.ts";
import { formatArn } from "../../resources/arn.ts";

export const sagemakerRuntimeAccessRules: AccessRules = (operation, input, { accountId, region }) => {
  const { EndpointName: endpoint, InferenceComponentName: component, TargetModel: model } = input;
  const access = (resource: string): Access => ({
    action: `sagemaker:${operation}`,
    resource,
    conditions: typeof model === "string" ? { "sagemaker:TargetModel": model } : {},
  });
  const arn = (resource: string) => formatArn({ service: "sagemaker", region, accountId, resource });
  return [
    access(typeof endpoint === "string" ? arn(`endpoint/${endpoint}`) : "*"),
    ...(typeof component === "string" ? [access(arn(`inference-component/${component}`))] : []),
  ];
};
