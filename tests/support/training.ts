/** Small training jobs for stories: data whose answer is known, requests, and the SDK's clients for them. */
import { CloudWatchLogsClient } from "@aws-sdk/client-cloudwatch-logs";
import { S3Client } from "@aws-sdk/client-s3";
import {
  SageMakerClient,
  type CreateTrainingJobCommandInput,
  waitUntilTrainingJobCompletedOrStopped,
} from "@aws-sdk/client-sagemaker";
import { SageMakerRuntimeClient } from "@aws-sdk/client-sagemaker-runtime";
import type { ServerProcess } from "./server-process.ts";

export const xgboostImage = "683313688378.dkr.ecr.us-east-1.amazonaws.com/sagemaker-xgboost:1.7-1";
export const defaultRole = "arn:aws:iam::000000000000:role/service-role/SagebrushExecutionRole";

/** The SDK's own waiters, looking every 50 to 200 ms instead of every 30 s. */
export const soon = { minDelay: 0.05, maxDelay: 0.2, maxWaitTime: 60 };

export function clientsOf(server: ServerProcess) {
  return {
    s3: new S3Client(server.clientOptions),
    sagemaker: new SageMakerClient(server.clientOptions),
    runtime: new SageMakerRuntimeClient(server.clientOptions),
    logs: new CloudWatchLogsClient(server.clientOptions),
  };
}

/** Rows of label, a, b: the label is 1 where a is 5 or more; b says nothing. */
export const separableRows: readonly (readonly [label: number, a: number, b: number])[] = Array.from(
  { length: 200 },
  (_, row) => [row % 10 >= 5 ? 1 : 0, row % 10, row % 7],
);

export const separableCsv = separableRows.map((row) => `${row.join(",")}\n`).join("");

export const separableLibsvm = separableRows.map(([label, a, b]) => `${label} 0:${a} 1:${b}\n`).join("");

export interface JobParts {
  readonly bucket: string;
  /** Channel to prefix. */
  readonly channels: Readonly<Record<string, string>>;
  readonly contentType?: string;
  readonly hyperparameters?: Readonly<Record<string, string>>;
}

/** A classifier of few rounds; the model goes to `s3://<bucket>/output/<name>/output/model.tar.gz`. */
export function classifierJob(name: string, parts: JobParts): CreateTrainingJobCommandInput {
  return {
    TrainingJobName: name,
    AlgorithmSpecification: { TrainingImage: xgboostImage, TrainingInputMode: "File" },
    RoleArn: defaultRole,
    HyperParameters: { objective: "binary:logistic", num_round: "10", nthread: "1", ...parts.hyperparameters },
    InputDataConfig: Object.entries(parts.channels).map(([ChannelName, prefix]) => ({
      ChannelName,
      ContentType: parts.contentType ?? "text/csv",
      DataSource: { S3DataSource: { S3DataType: "S3Prefix", S3Uri: `s3://${parts.bucket}/${prefix}` } },
    })),
    OutputDataConfig: { S3OutputPath: `s3://${parts.bucket}/output` },
    ResourceConfig: { InstanceType: "ml.m5.large", InstanceCount: 1, VolumeSizeInGB: 1 },
    StoppingCondition: { MaxRuntimeInSeconds: 300 },
  };
}

/** Waits with the SDK's waiter, which gives up at a failed job. */
export async function untilTrained(client: SageMakerClient, name: string): Promise<void> {
  await waitUntilTrainingJobCompletedOrStopped({ client, ...soon }, { TrainingJobName: name });
}
