import { describe, expect, test } from "vitest";
import type { Access } from "../../protocol/access.ts";
import { loadServiceModel } from "../../protocol/service-models.ts";
import type { Principal } from "../../protocol/service.ts";
import { sagemakerAccessRules } from "./access-rules.ts";

const accountId = "123456789012";
const region = "us-east-1";
const roleArn = `arn:aws:iam::${accountId}:role/Trainer`;
const arn = (resource: string) => `arn:aws:sagemaker:${region}:${accountId}:${resource}`;

const principal = (kind: Principal["kind"]): Principal => ({
  kind,
  accountId,
  arn: `arn:aws:iam::${accountId}:${kind}`,
  userId: "x",
  accessKeyId: "AKIA",
});
const tags: Record<string, Record<string, string>> = { [arn("training-job/job")]: { Team: "red" } };
const rules = sagemakerAccessRules({ tagsOf: async (of) => tags[of] ?? {} });
const ask = (operation: string, input: Record<string, unknown> = {}, kind: Principal["kind"] = "user") =>
  rules(operation, input, { accountId, region, principal: principal(kind), headers: {} }) as Promise<Access[]>;

const { model } = loadServiceModel("sagemaker");
const operations = Object.keys(model.operations);

/** An input in which every member is there: names are called like their member, roles are roles, ARNs are of SageMaker. */
function fullInput(shapeName: string, member = "", above: readonly string[] = []): unknown {
  const shape = model.shapes[shapeName];
  switch (shape.type) {
    case "structure":
      if (above.includes(shapeName)) return undefined;
      return Object.fromEntries(
        Object.entries(shape.members ?? {}).map(([name, { shape: of }]) => [
          name,
          fullInput(of, name, [...above, shapeName]),
        ]),
      );
    case "list":
      return [fullInput(shape.member!.shape, member, above)];
    case "map":
      return { key: fullInput(shape.value!.shape, "value", above) };
    case "string":
      if (shapeName === "RoleArn") return `${roleArn}-${member}`;
      return /Arn(List)?$|^ResourceIdentifier$/.test(member) ? arn(`thing/${member}`) : member.toLowerCase();
    case "boolean":
      return true;
    case "timestamp":
      return new Date(0);
    case "blob":
      return new Uint8Array();
    default:
      return 1;
  }
}

const inputOf = (operation: string) => {
  const { input } = model.operations[operation];
  return (input === undefined ? {} : fullInput(input.shape)) as Record<string, unknown>;
};

describe("every operation of the description", () => {
  test("is an action of its own name on a resource, and those about none are known", async () => {
    const aboutNothing: string[] = [];
    for (const operation of operations) {
      const [first, ...more] = await ask(operation, inputOf(operation));
      expect(first.action).toBe(`sagemaker:${operation}`);
      if (first.resource === "*") aboutNothing.push(operation);
      else expect(first.resource, operation).toMatch(/^arn:aws:sagemaker:us-east-1:123456789012:[a-z-]+\/\S+$/);
      for (const { action } of more) {
        expect(["iam:PassRole", "sagemaker:AddTags", `sagemaker:${operation}`]).toContain(action);
      }
    }
    expect(aboutNothing.filter((name) => !/^(List|Search)/.test(name))).toEqual([
      "DescribeJobSchemaVersion",
      "DisableSagemakerServicecatalogPortfolio",
      "EnableSagemakerServicecatalogPortfolio",
      "ExtendTrainingPlan",
      "GetSagemakerServicecatalogPortfolioStatus",
      "GetSearchSuggestions",
      "QueryLineage",
      "RenderUiTemplate",
      "SendPipelineExecutionStepFailure",
      "SendPipelineExecutionStepSuccess",
    ]);
    // Lists that are about one resource, which a policy may name.
    const lists = operations.filter((name) => name.startsWith("List") && !aboutNothing.includes(name));
    expect(lists).toContain("ListTags");
    expect(lists).toContain("ListPipelineExecutions");
    expect(lists).not.toContain("ListTrainingJobs");
  });

  test("hands over every role that its input names, but for those of other accounts", async () => {
    for (const operation of operations) {
      const input = inputOf(operation);
      const named = new Set(JSON.stringify(input).match(/arn:aws:iam::\d+:role\/Trainer-\w+/g) ?? []);
      named.delete(`${roleArn}-AssumableRoleArns`);
      named.delete(`${roleArn}-CrossAccountModelRegisterRoleArn`);
      const passed = (await ask(operation, input)).filter(({ action }) => action === "iam:PassRole");
      expect(new Set(passed.map(({ resource }) => resource)), operation).toEqual(named);
      for (const { conditions } of passed) {
        expect(conditions).toEqual({ "iam:PassedToService": "sagemaker.amazonaws.com" });
      }
    }
  });

  test("needs nothing but its input to be text, numbers and the like, even where all of it is missing or wrong", async () => {
    for (const operation of operations) {
      const [{ resource }] = await ask(operation, {});
      expect(resource === "*" || resource.endsWith("/*"), operation).toBe(true);
      const wrong = Object.fromEntries(Object.keys(inputOf(operation)).map((name) => [name, [{}, null]]));
      expect((await ask(operation, wrong)).length).toBeGreaterThan(0);
    }
  });
});

const request = {
  TrainingJobName: "job",
  RoleArn: roleArn,
  ResourceConfig: { InstanceType: "ml.m5.large", InstanceCount: 1, VolumeKmsKeyId: "volume-key" },
  OutputDataConfig: { S3OutputPath: "s3://b/", KmsKeyId: "output-key" },
  VpcConfig: { Subnets: ["subnet-1", "subnet-2"], SecurityGroupIds: ["sg-1"] },
  EnableNetworkIsolation: false,
  StoppingCondition: { MaxRuntimeInSeconds: 60 },
  HyperParameters: { InstanceType: "ml.p4d.24xlarge", RoleArn: `${roleArn}-not-passed` },
};

test("CreateTrainingJob tells policies what it asks for; hyperparameters are the user's own words", async () => {
  const [create, pass, ...more] = await ask("CreateTrainingJob", request);
  expect(create).toEqual({
    action: "sagemaker:CreateTrainingJob",
    resource: arn("training-job/job"),
    conditions: {
      "sagemaker:InstanceTypes": ["ml.m5.large"],
      "sagemaker:VolumeKmsKey": "volume-key",
      "sagemaker:OutputKmsKey": "output-key",
      "sagemaker:VpcSubnets": ["subnet-1", "subnet-2"],
      "sagemaker:VpcSecurityGroupIds": ["sg-1"],
      "sagemaker:NetworkIsolation": "false",
      "sagemaker:MaxRuntimeInSeconds": "60",
    },
  });
  expect(pass.resource).toBe(roleArn);
  expect(more).toEqual([]);
});

test("creating with tags is tagging, too", async () => {
  const accesses = await ask("CreateModel", { ModelName: "m", Tags: [{ Key: "Team", Value: "red" }] });
  const conditions = { "aws:RequestTag/Team": "red", "aws:TagKeys": ["Team"] };
  expect(accesses).toEqual([
    { action: "sagemaker:CreateModel", resource: arn("model/m"), conditions },
    {
      action: "sagemaker:AddTags",
      resource: arn("model/m"),
      conditions: { ...conditions, "sagemaker:TaggingAction": "CreateModel" },
    },
  ]);
});

test("the tags of a resource are known to policies, unless nobody asks them", async () => {
  const [user] = await ask("DescribeTrainingJob", { TrainingJobName: "job" });
  expect(user.conditions).toEqual({ "aws:ResourceTag/Team": "red", "sagemaker:ResourceTag/Team": "red" });
  const [root] = await ask("DescribeTrainingJob", { TrainingJobName: "job" }, "root");
  expect(root).not.toHaveProperty("conditions");
});

test("an endpoint is created of a configuration, so both must be allowed", async () => {
  const input = { EndpointName: "e", EndpointConfigName: "c" };
  for (const operation of ["CreateEndpoint", "UpdateEndpoint"]) {
    const resources = (await ask(operation, input)).map(({ resource }) => resource);
    expect(resources).toEqual([arn("endpoint/e"), arn("endpoint-config/c")]);
  }
});

test.each([
  ["DescribeUserProfile", { DomainId: "d-1", UserProfileName: "u" }, "user-profile/d-1/u"],
  ["CreateApp", { DomainId: "d-1", SpaceName: "s", AppType: "JupyterLab", AppName: "a" }, "app/d-1/s/JupyterLab/a"],
  ["CreateModelPackage", { ModelPackageGroupName: "g" }, "model-package/g/*"],
  ["DescribeModelPackage", { ModelPackageName: arn("model-package/g/3") }, "model-package/g/3"],
  ["DeleteImageVersion", { ImageName: "i", Version: 2 }, "image-version/i/2"],
  ["DescribeTrial", { TrialName: "t" }, "experiment-trial/t"],
  ["StopPipelineExecution", { PipelineExecutionArn: arn("pipeline/p/execution/x") }, "pipeline/p/execution/x"],
  ["CreateAutoMLJobV2", { AutoMLJobName: "j" }, "automl-job/j"],
])("%s %o is about %s", async (operation, input, resource) => {
  expect((await ask(operation, input)).map((access) => access.resource)).toEqual([arn(resource)]);
});

test("several packages are several resources", async () => {
  const ModelPackageArnList = [arn("model-package/a/1"), arn("model-package/b/2")];
  const accesses = await ask("BatchDescribeModelPackage", { ModelPackageArnList });
  expect(accesses.map(({ resource }) => resource)).toEqual(ModelPackageArnList);
});

test("a resource of another account has that owner, and a role of another account cannot be handed over", async () => {
  const ResourceArn = `arn:aws:sagemaker:${region}:999999999999:model/theirs`;
  expect(await ask("AddTags", { ResourceArn, Tags: [] }, "root")).toMatchObject([
    { resource: ResourceArn, owner: "999999999999" },
  ]);
  await expect(
    ask("CreateModel", { ExecutionRoleArn: "arn:aws:iam::999999999999:role/Theirs" }, "root"),
  ).rejects.toThrow("Cross-account pass role is not allowed");
});

test("the keys of tags that are taken away are conditions", async () => {
  expect(await ask("DeleteTags", { ResourceArn: arn("training-job/job"), TagKeys: ["Team"] })).toMatchObject([
    { action: "sagemaker:DeleteTags", conditions: { "aws:TagKeys": ["Team"], "aws:ResourceTag/Team": "red" } },
  ]);
});
