/** What the tests of training share: a tiny algorithm, a request for it, and a caller. */
import type { Algorithm } from "../../../algorithms/algorithm.ts";
import type { CreateTrainingJobRequest } from "../../../protocol/generated/sagemaker.ts";
import type { Principal } from "../../../protocol/service.ts";
import type { AlgorithmDirectory } from "./algorithm-directory.ts";

/** Knows one hyperparameter, `k`, a whole number. */
export const tinyAlgorithm: Algorithm = {
  name: "tiny",
  title: "Tiny",
  hyperparameters: [],
  channels: [],
  imageTags: ["1"],
  metricDefinitions: [{ name: "train:loss", regex: "#011loss:(\\S+)" }],
  validate: ({ hyperparameters, channels }) => [
    ...(/^\d+$/.test(hyperparameters.k ?? "1") ? [] : [`k must be a whole number, got "${hyperparameters.k}"`]),
    ...(channels.train ? [] : ["the channel train is missing"]),
  ],
  train: () => Promise.reject(new Error("trains in a process of its own")),
  load: () => Promise.reject(new Error("is not served here")),
};

export const tinyImage = "123456789012.dkr.ecr.us-east-1.amazonaws.com/tiny:1";

export const algorithms: AlgorithmDirectory = async (imageUri) =>
  imageUri === tinyImage
    ? { algorithm: tinyAlgorithm, image: { registry: "", repository: "tiny", tag: "1" } }
    : undefined;

export const accountId = "000000000000";
export const roleArn = `arn:aws:iam::${accountId}:role/service-role/Known`;

export function principal(kind: Principal["kind"] = "root"): Principal {
  return { kind, accountId, arn: `arn:aws:iam::${accountId}:root`, userId: accountId, accessKeyId: "AKIA" };
}

export function trainingRequest(more: Partial<CreateTrainingJobRequest> = {}): CreateTrainingJobRequest {
  return {
    TrainingJobName: "job",
    AlgorithmSpecification: { TrainingImage: tinyImage, TrainingInputMode: "File" },
    RoleArn: roleArn,
    HyperParameters: { k: "3" },
    InputDataConfig: [
      {
        ChannelName: "train",
        ContentType: "text/csv",
        DataSource: { S3DataSource: { S3DataType: "S3Prefix", S3Uri: "s3://bucket/train/" } },
      },
    ],
    OutputDataConfig: { S3OutputPath: "s3://bucket/out/" },
    ResourceConfig: { InstanceType: "ml.m5.large", InstanceCount: 1, VolumeSizeInGB: 5 },
    StoppingCondition: { MaxRuntimeInSeconds: 600 },
    ...more,
  };
}
