import { readdir } from "node:fs/promises";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { Place, archive, eventually } from "../../../../tests/support/serving/place.ts";
import type {
  CreateEndpointConfigInput,
  DescribeEndpointOutput,
  ProductionVariant,
  SageMakerOperations,
} from "../../../protocol/generated/sagemaker.ts";
import { defineService } from "../../../protocol/service.ts";
import { ReconcilerEngine } from "../../../resources/reconciler.ts";
import { Authorizer } from "../../../server/authorizer.ts";
import { RequestHandler } from "../../../server/request-handler.ts";
import { SqliteRecordStore } from "../../../storage/sqlite-record-store.ts";
import { sagemakerRuntimeService } from "../../sagemaker-runtime/index.ts";
import { modelFamily, modelOperations } from "../models/model.ts";
import { endpointConfigFamily } from "./endpoint-config.ts";
import { endpointReconciler, resumeEndpoints } from "./endpoint-reconciler.ts";
import { endpointFamily, endpointOperations } from "./endpoint.ts";

const image = "683313688378.dkr.ecr.us-east-1.amazonaws.com/sagemaker-xgboost:1.7-1";
const arn = (resource: string) => `arn:aws:sagemaker:us-east-1:000000000000:${resource}`;

let place: Place;
let records: SqliteRecordStore;
let engine: ReconcilerEngine;
let handler: RequestHandler;
let problems: unknown[];

/** What a server does when it starts, on the place's directory. */
async function start(): Promise<void> {
  records = new SqliteRecordStore({ file: join(place.directory, "records.db"), reserveBytes: 0 });
  engine = new ReconcilerEngine({ records, clock: place.clock, log: (what, error) => problems.push([what, error]) });
  const options = { records, notify: engine.notify.bind(engine) };
  const models = modelFamily(options);
  const configs = endpointConfigFamily(options);
  const endpoints = endpointFamily(options);
  engine.add(endpointReconciler(place.fleet));
  handler = new RequestHandler({
    services: [
      defineService<SageMakerOperations>("sagemaker", {
        ...modelOperations({ models, storageOf: () => place.storage, roles: { isAssumable: async () => true } }),
        ...endpointOperations({ models, configs, endpoints }),
      }),
      sagemakerRuntimeService({ router: place.router }),
    ],
    lookup: () => undefined,
    authorizer: new Authorizer({ policiesOf: () => ({ identity: [] }) }),
    clock: place.clock,
    auth: "off",
    accountId: "000000000000",
    region: "us-east-1",
    baseUrl: () => "http://127.0.0.1:7243",
    onFault: (error) => problems.push(error),
  });
  await resumeEndpoints(records, place.fleet);
  await engine.start();
}

async function stop(): Promise<void> {
  await engine.stop();
  await place.fleet.close();
  await records.close();
}

beforeEach(async () => {
  problems = [];
  place = await Place.make();
  await start();
});

afterEach(async () => {
  await stop();
  await place.end();
});

async function send(headers: Record<string, string>, path: string, body: string) {
  const bytes = Buffer.from(body);
  const scope =
    "AWS4-HMAC-SHA256 Credential=x/20260101/us-east-1/sagemaker/aws4_request, SignedHeaders=host, Signature=x";
  const response = await handler.handle({
    method: "POST",
    path,
    query: "",
    headers: { host: "127.0.0.1:7243", authorization: scope, ...headers },
    readBody: async () => bytes,
    streamBody: async function* () {
      yield bytes;
    },
    address: "127.0.0.1",
    signal: new AbortController().signal,
  });
  return { status: response.status, text: Buffer.from(response.body as Uint8Array | string).toString() };
}

/** An operation on the wire: its answer, or its error as `code: message`. */
async function call<Name extends keyof SageMakerOperations>(
  operation: Name,
  input: SageMakerOperations[Name]["input"],
): Promise<SageMakerOperations[Name]["output"]> {
  const headers = { "content-type": "application/x-amz-json-1.1", "x-amz-target": `SageMaker.${operation}` };
  const { status, text } = await send(headers, "/", JSON.stringify(input));
  const answer = text === "" ? {} : (JSON.parse(text) as Record<string, string>);
  if (status !== 200) throw new Error(`${answer.__type}: ${answer.message ?? answer.Message}`);
  return answer as SageMakerOperations[Name]["output"];
}

const invoke = (body: string, more: Record<string, string> = {}, endpoint = "scores") =>
  send({ "content-type": "text/csv", ...more }, `/endpoints/${endpoint}/invocations`, body);

async function createModel(name: string, weight: number): Promise<void> {
  place.storage.put("models", `${name}/model.tar.gz`, await archive({ "model.json": JSON.stringify({ weight }) }));
  await call("CreateModel", {
    ModelName: name,
    PrimaryContainer: { Image: image, ModelDataUrl: `s3://models/${name}/model.tar.gz` },
  });
}

const variant = (name: string, model: string, more: Partial<ProductionVariant> = {}): ProductionVariant => ({
  VariantName: name,
  ModelName: model,
  InstanceType: "ml.m5.large",
  InitialInstanceCount: 1,
  ...more,
});

async function createConfig(
  name: string,
  variants: ProductionVariant[],
  more: Partial<CreateEndpointConfigInput> = {},
): Promise<void> {
  await call("CreateEndpointConfig", { EndpointConfigName: name, ProductionVariants: variants, ...more });
}

const describe = (name = "scores") => call("DescribeEndpoint", { EndpointName: name });

function settled(name = "scores"): Promise<DescribeEndpointOutput> {
  return eventually(async () => {
    const now = await describe(name);
    return ["Creating", "Updating"].includes(now.EndpointStatus) ? undefined : now;
  });
}

/** A model, its configuration and an endpoint in service. */
async function deploy(weight = 2): Promise<void> {
  await createModel("m", weight);
  await createConfig("c", [variant("AllTraffic", "m")]);
  await call("CreateEndpoint", { EndpointName: "scores", EndpointConfigName: "c" });
  expect((await settled()).EndpointStatus).toBe("InService");
}

test("an endpoint is created, answers, and is described as AWS does", async () => {
  await createModel("m", 2);
  await createConfig("c", [
    variant("AllTraffic", "m", { RoutingConfig: { RoutingStrategy: "LEAST_OUTSTANDING_REQUESTS" } }),
  ]);
  expect(await call("CreateEndpoint", { EndpointName: "scores", EndpointConfigName: "c" })).toEqual({
    EndpointArn: arn("endpoint/scores"),
  });
  expect(await describe()).toMatchObject({
    EndpointStatus: "Creating",
    ProductionVariants: [{ CurrentInstanceCount: 0, DesiredInstanceCount: 1, VariantStatus: [{ Status: "Creating" }] }],
  });
  expect(await settled()).toEqual({
    EndpointName: "scores",
    EndpointArn: arn("endpoint/scores"),
    EndpointConfigName: "c",
    ProductionVariants: [
      {
        VariantName: "AllTraffic",
        DeployedImages: [{ SpecifiedImage: image, ResolvedImage: image, ResolutionTime: expect.any(Number) }],
        CurrentWeight: 1,
        DesiredWeight: 1,
        CurrentInstanceCount: 1,
        DesiredInstanceCount: 1,
        RoutingConfig: { RoutingStrategy: "LEAST_OUTSTANDING_REQUESTS" },
      },
    ],
    EndpointStatus: "InService",
    CreationTime: expect.any(Number),
    LastModifiedTime: expect.any(Number),
  });
  expect(await invoke("21")).toEqual({ status: 200, text: "42" });
  expect(problems).toEqual([]);
});

test("deleting ends the process, removes every file and frees the name", async () => {
  await deploy();
  const pid = Number((await invoke("pid")).text);
  await call("DeleteEndpoint", { EndpointName: "scores" });
  await eventually(() =>
    describe().then(
      () => false,
      () => true,
    ),
  );
  await expect(describe()).rejects.toThrow(`ValidationException: Could not find endpoint "${arn("endpoint/scores")}".`);
  expect(() => process.kill(pid, 0)).toThrow("ESRCH");
  expect(await place.backend.list()).toEqual([]);
  expect(await readdir(join(place.directory, "endpoints"))).toEqual([]);
  expect(await readdir(place.sockets)).toEqual([]);
  expect((await invoke("1")).text).toContain("Endpoint scores of account 000000000000 not found.");
  await call("CreateEndpoint", { EndpointName: "scores", EndpointConfigName: "c" });
  expect((await settled()).EndpointStatus).toBe("InService");
  expect(problems).toEqual([]);
});

test("an endpoint goes on when its model and configuration are deleted, over a restart too", async () => {
  await deploy();
  const pid = (await invoke("pid")).text;
  await call("DeleteModel", { ModelName: "m" });
  await call("DeleteEndpointConfig", { EndpointConfigName: "c" });
  await stop();
  await place.restart();
  await start();
  expect((await describe()).EndpointStatus).toBe("InService");
  expect((await invoke("pid")).text).toBe(pid);
  expect(problems).toEqual([]);
});

test("a server that went while creating and deleting goes on with both", async () => {
  await createModel("m", 2);
  await createConfig("c", [variant("AllTraffic", "m")]);
  await call("CreateEndpoint", { EndpointName: "scores", EndpointConfigName: "c" });
  await stop();
  await place.restart();
  await start();
  expect((await settled()).EndpointStatus).toBe("InService");
  expect((await invoke("21")).text).toBe("42");
  void invoke("slow");
  await call("DeleteEndpoint", { EndpointName: "scores" });
  await stop();
  await place.restart();
  await start();
  await eventually(() =>
    describe().then(
      () => false,
      () => true,
    ),
  );
  expect(await place.backend.list()).toEqual([]);
  expect(await readdir(place.sockets).catch(() => [])).toEqual([]);
});

test("an artifact that is no tar fails the endpoint in AWS's words, and then it can only be deleted", async () => {
  await createModel("m", 2);
  place.storage.put("models", "m/model.tar.gz", Buffer.from("not a tar"));
  await createConfig("c", [variant("AllTraffic", "m")]);
  await call("CreateEndpoint", { EndpointName: "scores", EndpointConfigName: "c" });
  const failed = await settled();
  expect(failed.EndpointStatus).toBe("Failed");
  expect(failed.FailureReason).toMatch(
    /^Failed to extract model data archive from URL "s3:\/\/models\/m\/model\.tar\.gz"\. Please ensure that the object located at the URL is a valid tar\.gz archive\./,
  );
  await expect(call("UpdateEndpoint", { EndpointName: "scores", EndpointConfigName: "c" })).rejects.toThrow(
    "it is Failed, and only an endpoint that is InService can be updated",
  );
  await call("DeleteEndpoint", { EndpointName: "scores" });
  await eventually(() =>
    describe().then(
      () => false,
      () => true,
    ),
  );
});

test("an artifact without the model, and one that is gone, fail with the reason", async () => {
  await createModel("m", 2);
  await createConfig("c", [variant("AllTraffic", "m")]);
  place.storage.put("models", "m/model.tar.gz", await archive({ "readme.txt": "no model here" }));
  await call("CreateEndpoint", { EndpointName: "without", EndpointConfigName: "c" });
  expect((await settled("without")).FailureReason).toMatch(/did not pass the ping health check.*model\.json/);
  place.storage.objects.clear();
  await call("CreateEndpoint", { EndpointName: "gone", EndpointConfigName: "c" });
  expect((await settled("gone")).FailureReason).toBe("Could not find model data at s3://models/m/model.tar.gz.");
});

test("traffic is shared by weight and weights can be changed in service", async () => {
  await createModel("two", 2);
  await createModel("three", 3);
  await createConfig("c", [
    variant("a", "two", { InitialVariantWeight: 1 }),
    variant("b", "three", { InitialVariantWeight: 0 }),
  ]);
  await call("CreateEndpoint", { EndpointName: "scores", EndpointConfigName: "c" });
  await settled();
  expect((await invoke("10")).text).toBe("20");
  expect((await invoke("10", { "x-amzn-sagemaker-target-variant": "b" })).text).toBe("30");
  await call("UpdateEndpointWeightsAndCapacities", {
    EndpointName: "scores",
    DesiredWeightsAndCapacities: [
      { VariantName: "a", DesiredWeight: 0 },
      { VariantName: "b", DesiredWeight: 5, DesiredInstanceCount: 2 },
    ],
  });
  expect(await settled()).toMatchObject({
    EndpointStatus: "InService",
    ProductionVariants: [
      { VariantName: "a", CurrentWeight: 0, CurrentInstanceCount: 1 },
      { VariantName: "b", CurrentWeight: 5, CurrentInstanceCount: 2 },
    ],
  });
  expect((await invoke("10")).text).toBe("30");
  expect(await place.backend.list()).toHaveLength(3);
  await expect(
    call("UpdateEndpointWeightsAndCapacities", {
      EndpointName: "scores",
      DesiredWeightsAndCapacities: [{ VariantName: "c", DesiredWeight: 1 }],
    }),
  ).rejects.toThrow(`Could not find variant "c" of endpoint "${arn("endpoint/scores")}".`);
});

test("an update answers without a gap, and one that fails leaves the endpoint as it was", async () => {
  await deploy(2);
  await createModel("better", 3);
  await createConfig("c2", [variant("AllTraffic", "better")]);
  const answers = new Set<string>();
  let updating = true;
  const client = (async () => {
    while (updating) {
      const { status, text } = await invoke("10");
      answers.add(`${status} ${text}`);
    }
  })();
  await call("UpdateEndpoint", { EndpointName: "scores", EndpointConfigName: "c2" });
  expect(await describe()).toMatchObject({
    EndpointConfigName: "c",
    EndpointStatus: "Updating",
    PendingDeploymentSummary: { EndpointConfigName: "c2" },
  });
  expect(await settled()).toMatchObject({ EndpointConfigName: "c2", EndpointStatus: "InService" });
  updating = false;
  await client;
  expect([...answers].sort()).toEqual(["200 20", "200 30"]);
  expect(await place.backend.list()).toHaveLength(1);

  place.storage.put("models", "m/model.tar.gz", Buffer.from("broken"));
  await call("UpdateEndpoint", { EndpointName: "scores", EndpointConfigName: "c" });
  const kept = await settled();
  expect(kept).toMatchObject({ EndpointConfigName: "c2", EndpointStatus: "InService" });
  expect(kept.FailureReason).toContain("valid tar.gz archive");
  expect((await invoke("10")).text).toBe("30");
  expect(await place.backend.list()).toHaveLength(1);
  expect(problems).toEqual([]);
});

test("an endpoint in progress can be neither updated nor deleted", async () => {
  await createModel("m", 2);
  await createConfig("c", [variant("AllTraffic", "m")]);
  await call("CreateEndpoint", { EndpointName: "scores", EndpointConfigName: "c" });
  const message = `ValidationException: Cannot update in-progress endpoint "${arn("endpoint/scores")}".`;
  await expect(call("DeleteEndpoint", { EndpointName: "scores" })).rejects.toThrow(message);
  await expect(call("UpdateEndpoint", { EndpointName: "scores", EndpointConfigName: "c" })).rejects.toThrow(message);
  await settled();
});

test("names in use and names of nothing have AWS's words", async () => {
  await deploy();
  const again = `ValidationException: Cannot create already existing`;
  await expect(createModel("m", 1)).rejects.toThrow(`${again} model "${arn("model/m")}".`);
  await expect(createConfig("c", [variant("AllTraffic", "m")])).rejects.toThrow(
    `${again} endpoint configuration "${arn("endpoint-config/c")}".`,
  );
  await expect(call("CreateEndpoint", { EndpointName: "scores", EndpointConfigName: "c" })).rejects.toThrow(
    `${again} endpoint "${arn("endpoint/scores")}".`,
  );
  const missing = "ValidationException: Could not find";
  const noModel = `${missing} model "${arn("model/x")}".`;
  await expect(call("DescribeModel", { ModelName: "x" })).rejects.toThrow(noModel);
  await expect(call("DeleteModel", { ModelName: "x" })).rejects.toThrow(noModel);
  await expect(createConfig("c2", [variant("AllTraffic", "x")])).rejects.toThrow(noModel);
  const noConfig = `${missing} endpoint configuration "${arn("endpoint-config/x")}".`;
  await expect(call("DescribeEndpointConfig", { EndpointConfigName: "x" })).rejects.toThrow(noConfig);
  await expect(call("DeleteEndpointConfig", { EndpointConfigName: "x" })).rejects.toThrow(noConfig);
  await expect(call("CreateEndpoint", { EndpointName: "e", EndpointConfigName: "x" })).rejects.toThrow(noConfig);
  const noEndpoint = `${missing} endpoint "${arn("endpoint/x")}".`;
  await expect(describe("x")).rejects.toThrow(noEndpoint);
  await expect(call("DeleteEndpoint", { EndpointName: "x" })).rejects.toThrow(noEndpoint);
});

test("models and configurations are described with their defaults and listed newest first", async () => {
  await createModel("m1", 1);
  await createModel("m2", 1);
  expect(await call("DescribeModel", { ModelName: "m1" })).toEqual({
    ModelName: "m1",
    PrimaryContainer: {
      Image: image,
      ModelDataUrl: "s3://models/m1/model.tar.gz",
      Mode: "SingleModel",
      Environment: {},
    },
    CreationTime: expect.any(Number),
    ModelArn: arn("model/m1"),
    EnableNetworkIsolation: false,
  });
  const first = await call("ListModels", { MaxResults: 1 });
  expect(first.Models.map(({ ModelName }) => ModelName)).toEqual(["m2"]);
  const second = await call("ListModels", { MaxResults: 1, NextToken: first.NextToken });
  expect(second.Models.map(({ ModelName }) => ModelName)).toEqual(["m1"]);
  expect(second.NextToken).toBeUndefined();

  await createConfig("c", [variant("v", "m1")]);
  expect(await call("DescribeEndpointConfig", { EndpointConfigName: "c" })).toMatchObject({
    EndpointConfigArn: arn("endpoint-config/c"),
    ProductionVariants: [{ VariantName: "v", ModelName: "m1", InitialInstanceCount: 1, InitialVariantWeight: 1 }],
  });
  expect((await call("ListEndpointConfigs", { NameContains: "c" })).EndpointConfigs).toHaveLength(1);
});

test("endpoints are listed by status", async () => {
  await deploy();
  const list = async (StatusEquals: "InService" | "Failed") =>
    (await call("ListEndpoints", { StatusEquals })).Endpoints.map(({ EndpointName }) => EndpointName);
  expect(await list("InService")).toEqual(["scores"]);
  expect(await list("Failed")).toEqual([]);
});

test("what cannot be served is refused by name before anything is made", async () => {
  const container = { Image: image, ModelDataUrl: "s3://models/m/model.tar.gz" };
  const model = (more: object) => call("CreateModel", { ModelName: "m", PrimaryContainer: { ...container, ...more } });
  await expect(model({ Image: "me.dkr.ecr.us-east-1.amazonaws.com/my-image:1" })).rejects.toThrow(
    'Image "me.dkr.ecr.us-east-1.amazonaws.com/my-image:1" is not supported by Sagebrush: only images of built-in algorithms are served',
  );
  await expect(model({ Image: image.replace("1.7-1", "0.1-1") })).rejects.toThrow('not for "0.1-1"');
  await expect(model({ Mode: "MultiModel" })).rejects.toThrow(
    "PrimaryContainer.Mode=MultiModel is not supported by Sagebrush",
  );
  await expect(model({ ModelDataUrl: undefined })).rejects.toThrow(
    "give the S3 location of its model.tar.gz as ModelDataUrl",
  );
  await expect(model({ ModelDataUrl: "https://example.com/m.tar.gz" })).rejects.toThrow("must be an S3 URI");
  await expect(model({})).rejects.toThrow(
    "ValidationException: Could not find model data at s3://models/m/model.tar.gz.",
  );
  await expect(call("CreateModel", { ModelName: "m", Containers: [container, container] })).rejects.toThrow(
    "Containers with more than one element is not supported by Sagebrush",
  );
  await expect(
    call("CreateModel", { ModelName: "m", PrimaryContainer: container, EnableNetworkIsolation: true }),
  ).rejects.toThrow("EnableNetworkIsolation=true is not supported by Sagebrush");

  await createModel("m", 1);
  const capture = {
    InitialSamplingPercentage: 100,
    DestinationS3Uri: "s3://b/c",
    CaptureOptions: [{ CaptureMode: "Input" as const }],
  };
  await expect(createConfig("c", [variant("v", "m")], { DataCaptureConfig: capture })).rejects.toThrow(
    "DataCaptureConfig is not supported by Sagebrush",
  );
  const serverless = { ServerlessConfig: { MemorySizeInMB: 1024, MaxConcurrency: 1 } };
  await expect(createConfig("c", [variant("v", "m", serverless)])).rejects.toThrow(
    "ProductionVariants[].ServerlessConfig is not supported by Sagebrush",
  );
  await expect(createConfig("c", [variant("v", "m"), variant("v", "m")])).rejects.toThrow('got "v" twice');
  await expect(createConfig("c", [variant("v", "m", { InitialInstanceCount: 11 })])).rejects.toThrow(
    'ResourceLimitExceeded: A variant has at most 10 instances on this machine; variant "v" asks for 11.',
  );
  expect(await call("ListEndpointConfigs", {})).toEqual({ EndpointConfigs: [] });
});
