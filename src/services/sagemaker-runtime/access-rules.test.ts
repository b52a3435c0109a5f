import { expect, test } from "vitest";
import { sagemakerRuntimeAccessRules } from "./access-rules.ts";

const context = {
  accountId: "123456789012",
  region: "eu-west-1",
  headers: {},
  principal: { kind: "user", accountId: "123456789012", arn: "a", userId: "u", accessKeyId: "k" },
} as const;
const arn = (resource: string) => `arn:aws:sagemaker:eu-west-1:123456789012:${resource}`;

test("invoking is an action on the endpoint, which a policy may hold to a model", async () => {
  expect(await sagemakerRuntimeAccessRules("InvokeEndpoint", { EndpointName: "e" }, context)).toEqual([
    { action: "sagemaker:InvokeEndpoint", resource: arn("endpoint/e"), conditions: {} },
  ]);
  expect(
    await sagemakerRuntimeAccessRules("InvokeEndpoint", { EndpointName: "e", TargetModel: "m.tar.gz" }, context),
  ).toMatchObject([{ conditions: { "sagemaker:TargetModel": "m.tar.gz" } }]);
});

test("an inference component is a resource of its own", async () => {
  const input = { EndpointName: "e", InferenceComponentName: "c" };
  const accesses = await sagemakerRuntimeAccessRules("InvokeEndpointWithResponseStream", input, context);
  expect(accesses.map(({ action, resource }) => [action, resource])).toEqual([
    ["sagemaker:InvokeEndpointWithResponseStream", arn("endpoint/e")],
    ["sagemaker:InvokeEndpointWithResponseStream", arn("inference-component/c")],
  ]);
});

test("without a name it is about everything", async () => {
  expect(await sagemakerRuntimeAccessRules("InvokeEndpointAsync", {}, context)).toMatchObject([{ resource: "*" }]);
});
