import { expect, test } from "vitest";
import { MemoryObjects } from "../../../jobs/ports.contract.ts";
import type { Channel, CreateTrainingJobRequest } from "../../../protocol/generated/sagemaker.ts";
import { compileRefusals } from "../../../protocol/refusals.ts";
import { acceptTrainingJob } from "./create-training-job.ts";
import { createTrainingJobRefusals } from "./refusals.ts";
import { accountId, algorithms, roleArn, trainingRequest } from "./training.contract.ts";

const rules = {
  algorithms,
  objects: new MemoryObjects().put("bucket", "train/a.csv", "1"),
  roles: { isAssumable: async (_accountId: string, arn: string) => arn === roleArn },
};
const accept = (more: Partial<CreateTrainingJobRequest> = {}) =>
  acceptTrainingJob(trainingRequest(more), { accountId, at: 1000 }, rules);
const channel = (more: Partial<Channel> = {}, uri = "s3://bucket/train/"): Channel => ({
  ChannelName: "train",
  DataSource: { S3DataSource: { S3DataType: "S3Prefix", S3Uri: uri } },
  ...more,
});

test("an accepted job starts with the service's words", async () => {
  expect(await accept()).toMatchObject({
    status: "InProgress",
    phase: "waiting",
    transitions: [{ status: "Starting", startTime: 1000, message: "Starting the training job" }],
    notes: [],
  });
});

test("a job without a stopping condition may run for a day", async () => {
  const { request } = await accept({ StoppingCondition: undefined });
  expect(request.StoppingCondition).toEqual({ MaxRuntimeInSeconds: 86_400 });
});

test("metrics of one's own are refused in AWS's words, for the algorithm's are known", async () => {
  const spec = trainingRequest().AlgorithmSpecification!;
  await expect(
    accept({ AlgorithmSpecification: { ...spec, MetricDefinitions: [{ Name: "more", Regex: "more=(\\d+)" }] } }),
  ).rejects.toThrow("You can't override the metric definitions for Amazon SageMaker algorithms.");
});

test("several hosts and warm pools are refused by the operation's table", () => {
  const table = compileRefusals(createTrainingJobRefusals);
  const resources = { InstanceType: "ml.m5.large", InstanceCount: 1 };
  expect(table.check({ ResourceConfig: resources })).toBeUndefined();
  expect(table.check({ ResourceConfig: { ...resources, InstanceCount: 2 } })).toContain(
    "ResourceConfig.InstanceCount=2 is not",
  );
  expect(table.check({ ResourceConfig: { ...resources, KeepAlivePeriodInSeconds: 60 } })).toContain(
    "=60 is not supported",
  );
});

test("all problems of the algorithm's inputs are named at once", async () => {
  await expect(
    accept({
      HyperParameters: { k: "many" },
      InputDataConfig: [channel({ ChannelName: "other" })],
    }),
  ).rejects.toThrow('2 validation errors detected: k must be a whole number, got "many"; the channel train is missing');
});

test.each<[string, Partial<CreateTrainingJobRequest>, string]>([
  ["no algorithm", { AlgorithmSpecification: undefined }, "TrainingImage is required"],
  [
    "a custom image",
    { AlgorithmSpecification: { TrainingImage: "me/mine:1", TrainingInputMode: "File" } },
    '"me/mine:1" is not supported by Sagebrush',
  ],
  [
    "no instance type",
    { ResourceConfig: { InstanceCount: 1, VolumeSizeInGB: 1 } },
    "ResourceConfig.InstanceType is required",
  ],
  ["no resources", { ResourceConfig: undefined }, "ResourceConfig.InstanceType is required"],
  ["no host", { ResourceConfig: { InstanceType: "ml.m5.large", InstanceCount: 0 } }, "InstanceCount must be 1, got 0"],
  ["a profiler", { ProfilerConfig: { S3OutputPath: "s3://bucket/p" } }, "ProfilerConfig is not supported"],
  ["29 days", { StoppingCondition: { MaxRuntimeInSeconds: 2_505_600 } }, "must be <= 2419200 (28 days), got 2505600"],
  ["an https source", { InputDataConfig: [channel({}, "https://bucket/train")] }, "must begin with s3://"],
  [
    "a channel without a source",
    { InputDataConfig: [channel({ DataSource: {} })] },
    "channel train needs a DataSource.S3DataSource",
  ],
  ["a channel called ..", { InputDataConfig: [channel({ ChannelName: ".." })] }, '".." cannot name a channel'],
  ["two channels of one name", { InputDataConfig: [channel(), channel()] }, 'two channels need the name "train"'],
  [
    "a channel in the place of a manifest",
    {
      InputDataConfig: [
        channel({ DataSource: { S3DataSource: { S3DataType: "ManifestFile", S3Uri: "s3://bucket/m" } } }),
        channel({ ChannelName: "train-manifest" }),
      ],
    },
    'two channels need the name "train-manifest"',
  ],
  [
    "a bucket that is not there",
    { OutputDataConfig: { S3OutputPath: "s3://nowhere/x" } },
    'the bucket "nowhere" does not exist',
  ],
  ["an https output", { OutputDataConfig: { S3OutputPath: "https://bucket/x" } }, "S3OutputPath must begin with s3://"],
  [
    "a variable that loads code",
    { Environment: { NODE_OPTIONS: "--require /x" } },
    "Environment.NODE_OPTIONS is not supported",
  ],
  ["a variable of the linker", { Environment: { LD_PRELOAD: "/x.so" } }, "Environment.LD_PRELOAD is not supported"],
])("%s is refused by name", async (_what, more, said) => {
  const refused = accept(more);
  await expect(refused).rejects.toMatchObject({ code: "ValidationException" });
  await expect(accept(more)).rejects.toThrow(said);
});

test("what clients send by default passes, and the log says what it does not do", async () => {
  const job = await accept({
    ProfilerConfig: { DisableProfiler: true },
    DebugHookConfig: { S3OutputPath: "s3://bucket/debug", CollectionConfigurations: [] },
    DebugRuleConfigurations: [],
    ProfilerRuleConfigurations: [],
    Environment: { MY_SETTING: "1" },
  });
  expect(job.notes).toEqual([expect.stringContaining("no tensors are saved")]);
});

test("a role that SageMaker cannot assume is refused in AWS's words", async () => {
  const unknown = `${roleArn}-unknown`;
  await expect(accept({ RoleArn: unknown })).rejects.toThrow(
    `Could not assume role ${unknown}. Please ensure that the role exists and allows principal 'sagemaker.amazonaws.com' to assume the role.`,
  );
});

const table = compileRefusals(createTrainingJobRefusals);

test.each<[string, unknown]>([
  ["AlgorithmSpecification.TrainingInputMode=Pipe", { AlgorithmSpecification: { TrainingInputMode: "Pipe" } }],
  ["InputDataConfig[].InputMode=FastFile", { InputDataConfig: [{}, { InputMode: "FastFile" }] }],
  ["VpcConfig", { VpcConfig: { Subnets: ["s"], SecurityGroupIds: ["g"] } }],
  ["EnableManagedSpotTraining=true", { EnableManagedSpotTraining: true }],
  ["DebugRuleConfigurations[]", { DebugRuleConfigurations: [{}] }],
  ["AlgorithmSpecification.ContainerEntrypoint[]", { AlgorithmSpecification: { ContainerEntrypoint: ["/bin/sh"] } }],
])("%s is in the table of refusals", (said, input) => {
  expect(table.check(input)).toMatch(`${said} is not supported by Sagebrush: `);
});

test("an ordinary request and the harmless defaults of clients are not in the table", () => {
  expect(
    table.check(
      trainingRequest({
        EnableManagedSpotTraining: false,
        EnableNetworkIsolation: false,
        EnableInterContainerTrafficEncryption: false,
        DebugRuleConfigurations: [],
        ProfilerConfig: { DisableProfiler: true },
        DebugHookConfig: { S3OutputPath: "s3://b/d", CollectionConfigurations: [] },
      }),
    ),
  ).toBeUndefined();
});
