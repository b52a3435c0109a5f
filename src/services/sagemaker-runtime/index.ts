/**
 * Amazon SageMaker Runtime: InvokeEndpoint.
 *
 * The service translates between AWS's shapes and the router; what a model answers other than 2xx becomes ModelError
 * (424) whatever its status (serving contract, section 3).
 */
import { AwsError } from "../../protocol/aws-error.ts";
import type { InvokeEndpointInput, SageMakerRuntimeOperations } from "../../protocol/generated/sagemaker-runtime.ts";
import { formatArn } from "../../resources/arn.ts";
import { defineService } from "../../protocol/service.ts";
import type { Refusal, RequestContext, Service } from "../../protocol/service.ts";
import { NoAnswer, NotRouted, invocationTimeoutMs, maxResponseBytes } from "../../serving/endpoint-router.ts";
import { sagemakerRuntimeAccessRules } from "./access-rules.ts";
import type { EndpointKey, EndpointRouter, InvocationResponse, RoutingProblem } from "../../serving/endpoint-router.ts";

/** Bytes of a model's error text that are passed on. */
const maxErrorText = 8_192;

const refusals: readonly Refusal[] = [
  { parameter: "TargetModel", because: "endpoints serve one model per variant; multi-model endpoints are not served" },
  { parameter: "TargetContainerHostname", because: "models have one container; several containers are not served" },
  { parameter: "InferenceComponentName", because: "inference components are not served" },
  { parameter: "EnableExplanations", because: "online explanations are not served" },
  { parameter: "SessionId", because: "the models served here keep no sessions" },
];

export interface SageMakerRuntimeDependencies {
  readonly router: EndpointRouter;
}

export function sagemakerRuntimeService({ router }: SageMakerRuntimeDependencies): Service {
  return defineService<SageMakerRuntimeOperations>(
    "sagemaker-runtime",
    {
      InvokeEndpoint: {
        refuses: refusals,
        async handle(input, context) {
          const key = { accountId: context.accountId, region: context.region, endpointName: input.EndpointName };
          const response = await answer(router, key, input, context.signal);
          if (response.status < 200 || response.status > 299)
            throw modelError(key, response.status, textOf(response.body));
          return {
            Body: response.body,
            ContentType: header(response, "content-type"),
            InvokedProductionVariant: response.variant,
            CustomAttributes: header(response, "x-amzn-sagemaker-custom-attributes"),
          };
        },
      },
    },
    { validationCode: "ValidationError", accesses: sagemakerRuntimeAccessRules },
  );
}

async function answer(
  router: EndpointRouter,
  key: EndpointKey,
  input: InvokeEndpointInput,
  signal: RequestContext["signal"],
): Promise<InvocationResponse> {
  try {
    return await router.invoke(key, {
      body: input.Body,
      headers: containerHeaders(input),
      targetVariant: input.TargetVariant,
      signal,
    });
  } catch (error) {
    if (error instanceof NotRouted) throw notRouted[error.problem](key, input.TargetVariant);
    if (error instanceof NoAnswer) throw modelError(key, 0, noAnswer[error.reason], error);
    throw error;
  }
}

/** The headers a container sees; every other header of the client stays outside (serving contract, section 1). */
function containerHeaders(input: InvokeEndpointInput): Record<string, string> {
  const headers: Record<string, string> = {};
  if (input.ContentType !== undefined) headers["content-type"] = input.ContentType;
  if (input.Accept !== undefined) headers.accept = input.Accept;
  if (input.CustomAttributes !== undefined) headers["x-amzn-sagemaker-custom-attributes"] = input.CustomAttributes;
  if (input.InferenceId !== undefined) headers["x-amzn-sagemaker-inference-id"] = input.InferenceId;
  return headers;
}

const notRouted: Readonly<Record<RoutingProblem, (key: EndpointKey, targetVariant: string | undefined) => AwsError>> = {
  "no-endpoint": ({ accountId, endpointName }) =>
    new AwsError("ValidationError", `Endpoint ${endpointName} of account ${accountId} not found.`),
  "no-variant": ({ endpointName }, targetVariant) =>
    new AwsError("ValidationError", `Variant ${targetVariant} not found for endpoint ${endpointName}.`),
  "no-traffic": ({ endpointName }) =>
    new AwsError(
      "ValidationError",
      `All variants of endpoint ${endpointName} have weight 0, so none takes traffic; name one with TargetVariant or give one a weight.`,
    ),
  "no-replica": ({ endpointName }) =>
    new AwsError(
      "ServiceUnavailable",
      `Endpoint ${endpointName} has no healthy instance at the moment; its log is in /aws/sagemaker/Endpoints/${endpointName}.`,
      { status: 503 },
    ),
  overloaded: ({ endpointName }) =>
    new AwsError("ServiceUnavailable", `Endpoint ${endpointName} has too many requests waiting; try again later.`, {
      status: 503,
    }),
};

const noAnswer: Readonly<Record<NoAnswer["reason"], string>> = {
  timeout:
    "Your invocation timed out while waiting for a response from container primary. Review the latency metrics for each container in Amazon CloudWatch, resolve the issue, and try again.",
  "replica-died": "An error occurred while handling request as the model process exited.",
  "too-large": `The response of container primary is larger than ${maxResponseBytes} bytes.`,
  "hung-up": `The client closed the connection before container primary answered within ${invocationTimeoutMs / 1000} seconds.`,
};

/** @param status what the container answered; 0 when it did not answer */
function modelError(
  { accountId, region, endpointName }: EndpointKey,
  status: number,
  text: string,
  cause?: unknown,
): AwsError {
  const isClientError = status >= 400 && status < 500;
  const group = `/aws/sagemaker/Endpoints/${endpointName}`;
  const logs = `https://${region}.console.aws.amazon.com/cloudwatch/home?region=${region}#logEventViewer:group=${group}`;
  return new AwsError(
    "ModelError",
    `Received ${isClientError ? "client" : "server"} error (${status}) from primary with message "${text}". See ${logs} in account ${accountId} for more information.`,
    {
      status: 424,
      cause,
      members: {
        ErrorCode: isClientError ? "CLIENT_ERROR_FROM_MODEL" : "INTERNAL_FAILURE_FROM_MODEL",
        LogStreamArn: formatArn({ service: "logs", region, accountId, resource: `log-group:${group}` }),
        OriginalMessage: text,
        OriginalStatusCode: status,
      },
    },
  );
}

function header({ headers }: InvocationResponse, name: string): string | undefined {
  const value = headers[name];
  return Array.isArray(value) ? value.join(", ") : value;
}

function textOf(body: Uint8Array): string {
  return Buffer.from(body.buffer, body.byteOffset, Math.min(body.byteLength, maxErrorText)).toString("utf8");
}
