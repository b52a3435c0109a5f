/**
 * Data of jobs and endpoints in an S3 elsewhere; the elsewhere is a second server. The first one never holds an object.
 */
import {
  CreateBucketCommand,
  GetObjectCommand,
  ListBucketsCommand,
  PutObjectCommand,
  S3Client,
} from "@aws-sdk/client-s3";
import {
  CreateEndpointCommand,
  CreateEndpointConfigCommand,
  CreateModelCommand,
  CreateTrainingJobCommand,
  DescribeTrainingJobCommand,
  waitUntilEndpointInService,
} from "@aws-sdk/client-sagemaker";
import { InvokeEndpointCommand } from "@aws-sdk/client-sagemaker-runtime";
import { afterAll, beforeAll, expect, test } from "vitest";
import { ServerProcess } from "../support/server-process.ts";
import {
  classifierJob,
  clientsOf,
  defaultRole,
  separableCsv,
  soon,
  untilTrained,
  xgboostImage,
} from "../support/training.ts";

const outside = new ServerProcess();
let server: ServerProcess;
let elsewhere: S3Client;
const bucket = "outside";

beforeAll(async () => {
  await outside.start();
  const { accessKeyId, secretAccessKey } = outside.credentials;
  server = new ServerProcess([], undefined, {
    SAGEBRUSH_S3_ENDPOINT: outside.url,
    SAGEBRUSH_S3_ACCESS_KEY_ID: accessKeyId,
    SAGEBRUSH_S3_SECRET_ACCESS_KEY: secretAccessKey,
  });
  await server.start();
  elsewhere = new S3Client(outside.clientOptions);
  await elsewhere.send(new CreateBucketCommand({ Bucket: bucket }));
  await elsewhere.send(new PutObjectCommand({ Bucket: bucket, Key: "train/a b+ü.csv", Body: separableCsv }));
});

afterAll(async () => {
  await server.remove();
  await outside.remove();
});

test("a job reads its data from the outside S3 and writes its model there, and an endpoint fetches it", async () => {
  const { sagemaker, runtime, s3 } = clientsOf(server);
  await sagemaker.send(new CreateTrainingJobCommand(classifierJob("far", { bucket, channels: { train: "train/" } })));
  await untilTrained(sagemaker, "far");
  const { ModelArtifacts } = await sagemaker.send(new DescribeTrainingJobCommand({ TrainingJobName: "far" }));
  const model = ModelArtifacts!.S3ModelArtifacts!;
  expect(model).toBe(`s3://${bucket}/output/far/output/model.tar.gz`);
  const stored = await elsewhere.send(new GetObjectCommand({ Bucket: bucket, Key: "output/far/output/model.tar.gz" }));
  expect((await stored.Body!.transformToByteArray()).length).toBeGreaterThan(500);
  // The server's own S3 knows nothing of it.
  expect((await s3.send(new ListBucketsCommand({}))).Buckets ?? []).toEqual([]);

  await sagemaker.send(
    new CreateModelCommand({
      ModelName: "far",
      ExecutionRoleArn: defaultRole,
      PrimaryContainer: { Image: xgboostImage, ModelDataUrl: model },
    }),
  );
  await sagemaker.send(
    new CreateEndpointConfigCommand({
      EndpointConfigName: "far",
      ProductionVariants: [
        { VariantName: "AllTraffic", ModelName: "far", InitialInstanceCount: 1, InstanceType: "ml.m5.large" },
      ],
    }),
  );
  await sagemaker.send(new CreateEndpointCommand({ EndpointName: "far", EndpointConfigName: "far" }));
  await waitUntilEndpointInService({ client: sagemaker, ...soon }, { EndpointName: "far" });
  const { Body } = await runtime.send(
    new InvokeEndpointCommand({ EndpointName: "far", ContentType: "text/csv", Body: "9,1\n1,1\n" }),
  );
  const scores = Buffer.from(Body).toString().trim().split(/[\n,]/).map(Number);
  expect(scores.map(Math.round)).toEqual([1, 0]);
});

test("without its outside S3 the server says which one it misses", async () => {
  const { sagemaker } = clientsOf(server);
  await outside.kill();
  const request = new CreateTrainingJobCommand(classifierJob("gone", { bucket, channels: { train: "train/" } }));
  await expect(sagemaker.send(request)).rejects.toMatchObject({
    name: "ServiceUnavailable",
    message: expect.stringContaining(`The S3 at ${outside.url} (SAGEBRUSH_S3_ENDPOINT) cannot be reached`) as string,
  });
});
