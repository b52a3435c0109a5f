import { expect, test } from "vitest";
import { CompiledService } from "./compiled-service.ts";
import { serviceIndex } from "./generated/service-index.ts";
import { loadServiceModel } from "./service-models.ts";

test("a description is read once", () => {
  expect(loadServiceModel("sts")).toBe(loadServiceModel("sts"));
  expect(loadServiceModel("sts").operation("GetCallerIdentity")).toBe(
    loadServiceModel("sts").operation("GetCallerIdentity"),
  );
});

test("only descriptions can be read", () => {
  expect(() => loadServiceModel("../../../package")).toThrow(
    '"../../../package" is not the name of a service description',
  );
  expect(() => loadServiceModel("no-such-service")).toThrow("ENOENT");
});

test("the index knows how every service is addressed", () => {
  expect(Object.keys(serviceIndex).length).toBeGreaterThan(25);
  expect(serviceIndex["sagemaker"]).toMatchObject({
    targetPrefix: "SageMaker",
    signingName: "sagemaker",
    jsonVersion: "1.1",
    protocols: ["json"],
  });
  expect(serviceIndex["cloudwatch"].protocols).toEqual(["smithy-rpc-v2-cbor", "json", "query"]);
});

test("names from requests reach nothing but the description's own", () => {
  const service = loadServiceModel("sts");
  expect(service.operation("constructor")).toBeUndefined();
  expect(service.errorShape("toString")).toBeUndefined();
  expect(() => service.shape("hasOwnProperty")).toThrow(
    'service description sts: shape "hasOwnProperty" is used but not defined',
  );
});

test("an error shape is found by its name and by its code, and always has a message", () => {
  const iam = loadServiceModel("iam");
  expect(iam.errorShape("NoSuchEntity")?.name).toBe("NoSuchEntityException");
  expect(iam.errorShape("NoSuchEntityException")?.name).toBe("NoSuchEntityException");
  const noSuchKey = loadServiceModel("s3").errorShape("NoSuchKey")!;
  expect(Object.keys(noSuchKey.model.members!)).toEqual(["message"]);
});

test("old descriptions name one protocol", () => {
  const metadata = {
    apiVersion: "2018-11-29",
    endpointPrefix: "gateway",
    protocol: "rest-json",
    serviceId: "Gate Way",
  } as const;
  expect(new CompiledService("gate-way", { version: "2.0", metadata, operations: {}, shapes: {} }).protocols).toEqual([
    "rest-json",
  ]);
});
