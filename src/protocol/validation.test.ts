import { expect, test } from "vitest";
import { AwsError } from "./aws-error.ts";
import { CompiledService } from "./compiled-service.ts";
import { loadServiceModel } from "./service-models.ts";
import type { ServiceModel, ShapeModel } from "./service-model.ts";
import { validateInput, type ValidationOptions } from "./validation.ts";

/** A service with one operation whose input has the given members. */
function operationOf(
  members: Record<string, ShapeModel>,
  required: string[] = [],
  shapes: Record<string, ShapeModel> = {},
  metadata = {},
) {
  const model: ServiceModel = {
    version: "2.0",
    metadata: { apiVersion: "2020-01-01", endpointPrefix: "test", protocol: "json", serviceId: "Test", ...metadata },
    operations: { Do: { name: "Do", http: { method: "POST", requestUri: "/" }, input: { shape: "DoRequest" } } },
    shapes: {
      DoRequest: {
        type: "structure",
        required,
        members: Object.fromEntries(Object.keys(members).map((name) => [name, { shape: `${name}Shape` }])),
      },
      ...Object.fromEntries(Object.entries(members).map(([name, shape]) => [`${name}Shape`, shape])),
      ...shapes,
    },
  };
  return new CompiledService("test", model).operation("Do")!;
}

function violations(
  operation: ReturnType<typeof operationOf>,
  input: Record<string, unknown>,
  options?: ValidationOptions,
): string {
  try {
    validateInput(operation, input, options);
  } catch (error) {
    expect(error).toBeInstanceOf(AwsError);
    expect((error as AwsError).status).toBe(400);
    return (error as AwsError).message;
  }
  return "";
}

const createTrainingJob = loadServiceModel("sagemaker").operation("CreateTrainingJob")!;

function trainingJob(changes: Record<string, unknown> = {}): Record<string, unknown> {
  return {
    TrainingJobName: "job-1",
    AlgorithmSpecification: {
      TrainingImage: "683313688378.dkr.ecr.us-east-1.amazonaws.com/sagemaker-xgboost:1.7-1",
      TrainingInputMode: "File",
    },
    RoleArn: "arn:aws:iam::000000000000:role/service-role/Training",
    OutputDataConfig: { S3OutputPath: "s3://bucket/out" },
    ResourceConfig: { InstanceType: "ml.m5.large", InstanceCount: 1, VolumeSizeInGB: 10 },
    StoppingCondition: { MaxRuntimeInSeconds: 3600 },
    ...changes,
  };
}

test("a complete training job keeps every constraint", () => {
  expect(violations(createTrainingJob, trainingJob())).toBe("");
});

test("a name with an underscore is answered with the pattern, word for word as AWS does", () => {
  expect(violations(createTrainingJob, trainingJob({ TrainingJobName: "my_job" }))).toBe(
    "1 validation error detected: Value 'my_job' at 'trainingJobName' failed to satisfy constraint: Member must satisfy regular expression pattern: [a-zA-Z0-9](-*[a-zA-Z0-9]){0,62}",
  );
});

test("several violations are reported together, with nested paths counted from one", () => {
  const message = violations(
    createTrainingJob,
    trainingJob({
      TrainingJobName: "x".repeat(64),
      RoleArn: undefined,
      ResourceConfig: { InstanceType: "ml.m5.large", InstanceCount: -1, VolumeSizeInGB: 10 },
      InputDataConfig: [
        { ChannelName: "train", DataSource: { S3DataSource: { S3DataType: "S3Prefix", S3Uri: "s3://bucket/in" } } },
        { ChannelName: "no spaces", DataSource: { S3DataSource: { S3DataType: "Prefix", S3Uri: "s3://bucket/in" } } },
      ],
    }),
  );
  expect(message).toContain("5 validation errors detected: ");
  expect(message).toContain(
    `Value '${"x".repeat(64)}' at 'trainingJobName' failed to satisfy constraint: Member must have length less than or equal to 63; `,
  );
  expect(message).toContain("Value null at 'roleArn' failed to satisfy constraint: Member must not be null");
  expect(message).toContain(
    "Value '-1' at 'resourceConfig.instanceCount' failed to satisfy constraint: Member must have value greater than or equal to 0",
  );
  expect(message).toContain(
    "Value 'no spaces' at 'inputDataConfig.2.member.channelName' failed to satisfy constraint: Member must satisfy regular expression pattern: [A-Za-z0-9\\.\\-_]+",
  );
  expect(message).toMatch(
    /Value 'Prefix' at 'inputDataConfig\.2\.member\.dataSource\.s3DataSource\.s3DataType' failed to satisfy constraint: Member must satisfy enum value set: \[ManifestFile, S3Prefix, /,
  );
});

test("scalars in lists and maps are reported at the collection with all rules of their elements", () => {
  const operation = operationOf(
    {
      Names: { type: "list", member: { shape: "Name" }, max: 3 },
      Tags: { type: "map", key: { shape: "Name" }, value: { shape: "Text" } },
    },
    [],
    { Name: { type: "string", min: 1, max: 4, pattern: "[a-z]+" }, Text: { type: "string", max: 2 } },
  );
  const rules =
    "[Member must have length less than or equal to 4, Member must have length greater than or equal to 1, Member must satisfy regular expression pattern: [a-z]+]";
  expect(violations(operation, { Names: ["ok", "NO"] })).toBe(
    `1 validation error detected: Value '[ok, NO]' at 'names' failed to satisfy constraint: Member must satisfy constraint: ${rules}`,
  );
  expect(violations(operation, { Names: ["a", "b", "c", "d"] })).toBe(
    "1 validation error detected: Value '[a, b, c, d]' at 'names' failed to satisfy constraint: Member must have length less than or equal to 3",
  );
  expect(violations(operation, { Tags: { K: "abc" } })).toBe(
    `2 validation errors detected: Value '{K=abc}' at 'tags' failed to satisfy constraint: Map keys must satisfy constraint: ${rules}; ` +
      "Value '{K=abc}' at 'tags' failed to satisfy constraint: Map value must satisfy constraint: [Member must have length less than or equal to 2]",
  );
});

test("a null element of a list or map is a violation", () => {
  const operation = operationOf(
    {
      Names: { type: "list", member: { shape: "Text" } },
      Tags: { type: "map", key: { shape: "Text" }, value: { shape: "Text" } },
    },
    [],
    { Text: { type: "string" } },
  );
  expect(violations(operation, { Names: ["a", null] })).toContain(
    "Value '[a, null]' at 'names' failed to satisfy constraint: Member must satisfy constraint: [Member must not be null]",
  );
  expect(violations(operation, { Tags: { a: null } })).toContain(
    "Value '{a=null}' at 'tags' failed to satisfy constraint: Map value must satisfy constraint: [Member must not be null]",
  );
});

test("structures in a map are named by their key", () => {
  const operation = operationOf({ Items: { type: "map", key: { shape: "Text" }, value: { shape: "Item" } } }, [], {
    Text: { type: "string" },
    Item: { type: "structure", required: ["Name"], members: { Name: { shape: "Text" } } },
  });
  expect(violations(operation, { Items: { one: {} } })).toBe(
    "1 validation error detected: Value null at 'items.one.member.name' failed to satisfy constraint: Member must not be null",
  );
});

test("length counts characters, not UTF-16 units, and bytes of blobs", () => {
  const operation = operationOf({ Text: { type: "string", min: 2, max: 2 }, Data: { type: "blob", max: 3 } });
  expect(violations(operation, { Text: "😹😹" })).toBe("");
  expect(violations(operation, { Text: "😹" })).toContain("greater than or equal to 2");
  expect(violations(operation, { Text: "abc" })).toContain("Value 'abc' at 'text'");
  expect(violations(operation, { Data: new Uint8Array(4) })).toBe(
    "1 validation error detected: Value at 'data' failed to satisfy constraint: Member must have length less than or equal to 3",
  );
});

test("bounds of decimals are written as decimals, and NaN keeps no bound", () => {
  const operation = operationOf({ Rate: { type: "double", min: 0, max: 1 } });
  expect(violations(operation, { Rate: 0.5 })).toBe("");
  expect(violations(operation, { Rate: 1.5 })).toContain(
    "Value '1.5' at 'rate' failed to satisfy constraint: Member must have value less than or equal to 1.0",
  );
  expect(violations(operation, { Rate: NaN })).toContain("2 validation errors");
});

test("a union has exactly one member", () => {
  const operation = operationOf(
    { Choice: { type: "structure", union: true, members: { A: { shape: "Text" }, B: { shape: "Text" } } } },
    [],
    { Text: { type: "string" } },
  );
  const broken =
    "1 validation error detected: Value at 'choice' failed to satisfy constraint: Member must have exactly one of its members set: [A, B]";
  expect(violations(operation, { Choice: { A: "x" } })).toBe("");
  expect(violations(operation, { Choice: {} })).toBe(broken);
  expect(violations(operation, { Choice: { A: "x", B: "y" } })).toBe(broken);
});

test("secrets are never repeated, long values are cut, and endless violations are counted", () => {
  const operation = operationOf(
    {
      Secret: { type: "string", max: 3, sensitive: true },
      Text: { type: "string", max: 3 },
      Items: { type: "list", member: { shape: "Item" } },
    },
    [],
    { Item: { type: "structure", required: ["Name"], members: { Name: { shape: "SecretShape" } } } },
  );
  expect(violations(operation, { Secret: "hunter2" })).toBe(
    "1 validation error detected: Value at 'secret' failed to satisfy constraint: Member must have length less than or equal to 3",
  );
  expect(violations(operation, { Text: "x".repeat(5000) }).length).toBeLessThan(1300);
  const many = violations(operation, { Items: Array.from({ length: 5000 }, () => ({})) });
  expect(many).toContain("5000 validation errors detected: Value null at 'items.1.member.name'");
  expect(many.endsWith("; and 4900 more")).toBe(true);
});

test("a recursive shape is checked at every level", () => {
  const operation = operationOf(
    {
      Node: {
        type: "structure",
        required: ["Name"],
        members: { Name: { shape: "Text" }, Next: { shape: "NodeShape" } },
      },
    },
    [],
    {
      Text: { type: "string" },
    },
  );
  expect(violations(operation, { Node: { Name: "a", Next: { Name: "b", Next: {} } } })).toBe(
    "1 validation error detected: Value null at 'node.next.next.name' failed to satisfy constraint: Member must not be null",
  );
});

test("a service may enforce fewer kinds and answer with a code of its own", () => {
  const operation = operationOf({ Name: { type: "string", pattern: "[a-z]+" }, Other: { type: "string" } }, ["Other"]);
  expect(violations(operation, { Name: "A" }, { kinds: ["required"] })).toBe(
    "1 validation error detected: Value null at 'other' failed to satisfy constraint: Member must not be null",
  );
  expect(() => validateInput(operation, { Name: "A" }, { code: "ValidationError" })).toThrow(
    expect.objectContaining({ code: "ValidationError" }),
  );
});

test("of S3's constraints only required members are enforced by default", () => {
  const copy = loadServiceModel("s3").operation("CopyObject")!;
  expect(violations(copy, { Bucket: "b", Key: "k", CopySource: "no-slash", StorageClass: "NONSENSE" })).toBe("");
  expect(violations(copy, { Bucket: "b", CopySource: "a/b" })).toContain("Value null at 'key'");
});

test("an operation without input has nothing to violate", () => {
  const service = new CompiledService("test", {
    version: "2.0",
    metadata: { apiVersion: "2020-01-01", endpointPrefix: "test", protocol: "json", serviceId: "Test" },
    operations: { Ping: { name: "Ping", http: { method: "POST", requestUri: "/" } } },
    shapes: {},
  });
  expect(violations(service.operation("Ping")!, {})).toBe("");
});
