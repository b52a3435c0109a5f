/**
 * The promise "what is acknowledged is durable": the server is killed with SIGKILL at random moments while jobs are
 * created and objects are written. Afterwards every acknowledged one is there and ends as it should, and nothing is left.
 */
import { createHash } from "node:crypto";
import { existsSync } from "node:fs";
import {
  GetObjectCommand,
  CreateBucketCommand,
  ListObjectsV2Command,
  PutObjectCommand,
  S3Client,
} from "@aws-sdk/client-s3";
import {
  CreateTrainingJobCommand,
  ListTrainingJobsCommand,
  DescribeTrainingJobCommand,
  SageMakerClient,
} from "@aws-sdk/client-sagemaker";
import { afterAll, beforeAll, expect, test } from "vitest";
import { eventually, processesOf, ServerProcess } from "../support/server-process.ts";

const jobCount = 200;
const objectCount = 500;
const kills = 6;

const server = new ServerProcess();
const image = "683313688378.dkr.ecr.us-east-1.amazonaws.com/sagemaker-xgboost:1.7-1";

beforeAll(async () => {
  await server.start();
}, 60_000);

afterAll(async () => {
  await server.remove();
});

/** Content that its own key determines, so that a mixed-up body is found. */
function content(key: string): Buffer {
  const size = 1 + (createHash("md5").update(key).digest().readUInt16LE(0) % 20_000);
  return Buffer.alloc(size, key);
}

test("200 jobs and 500 objects survive kill -9 at random moments", { timeout: 400_000 }, async () => {
  const s3 = new S3Client(server.clientOptions);
  const sagemaker = new SageMakerClient(server.clientOptions);
  await s3.send(new CreateBucketCommand({ Bucket: "crash" }));
  const rows = Array.from({ length: 60 }, (_, row) => `${row % 7},${row % 5},${row % 3}\n`).join("");
  await s3.send(new PutObjectCommand({ Bucket: "crash", Key: "train/data.csv", Body: rows }));

  const acknowledgedJobs = new Set<string>();
  const acknowledgedObjects = new Set<string>();
  /** Until the server has said yes; a dropped connection or a refused one means: ask again after the restart. */
  const insist = async (attempt: () => Promise<unknown>, settled: (error: Error) => boolean) => {
    for (let tries = 0; tries < 400; tries += 1) {
      try {
        await attempt();
        return;
      } catch (error) {
        if (settled(error as Error)) return;
        const { name, $metadata } = error as Error & { $metadata?: { httpStatusCode?: number } };
        if ($metadata?.httpStatusCode !== undefined) throw new Error(`the server said ${name}`, { cause: error });
        await new Promise((resolve) => setTimeout(resolve, 50));
      }
    }
    throw new Error("the server did not come back");
  };

  let finishedWriting = false;
  const queue = [
    ...Array.from({ length: objectCount }, (_, index) => `object-${index}`),
    ...Array.from({ length: jobCount }, (_, index) => `job-${index}`),
  ].sort((a, b) => createHash("md5").update(a).digest("hex").localeCompare(createHash("md5").update(b).digest("hex")));
  const worker = async () => {
    for (let name = queue.pop(); name !== undefined; name = queue.pop()) {
      const each = name;
      if (each.startsWith("object-")) {
        await insist(
          () => s3.send(new PutObjectCommand({ Bucket: "crash", Key: `objects/${each}`, Body: content(each) })),
          () => false,
        );
        acknowledgedObjects.add(each);
      } else {
        await insist(
          () =>
            sagemaker.send(
              new CreateTrainingJobCommand({
                TrainingJobName: each,
                AlgorithmSpecification: { TrainingImage: image, TrainingInputMode: "File" },
                RoleArn: "arn:aws:iam::000000000000:role/service-role/SagebrushExecutionRole",
                HyperParameters: { objective: "reg:squarederror", num_round: "3", nthread: "1" },
                InputDataConfig: [
                  {
                    ChannelName: "train",
                    ContentType: "text/csv",
                    DataSource: { S3DataSource: { S3DataType: "S3Prefix", S3Uri: "s3://crash/train/" } },
                  },
                ],
                OutputDataConfig: { S3OutputPath: "s3://crash/output" },
                ResourceConfig: { InstanceType: "ml.m5.large", InstanceCount: 1, VolumeSizeInGB: 1 },
                StoppingCondition: { MaxRuntimeInSeconds: 300 },
              }),
            ),
          // Created before the answer was lost: as good as acknowledged.
          (error) => error.name === "ResourceInUse",
        );
        acknowledgedJobs.add(each);
      }
    }
  };
  const killer = async () => {
    for (let round = 0; round < kills && !finishedWriting; round += 1) {
      await new Promise((resolve) => setTimeout(resolve, 300 + Math.random() * 1500));
      await server.kill();
      await server.start();
    }
  };
  await Promise.all([
    Promise.all([worker(), worker(), worker(), worker()]).then(() => (finishedWriting = true)),
    killer(),
  ]);
  // Once more with jobs in every stage.
  await server.kill();
  await server.start();
  expect(acknowledgedJobs.size).toBe(jobCount);
  expect(acknowledgedObjects.size).toBe(objectCount);

  for (const key of acknowledgedObjects) {
    const answer = await s3.send(new GetObjectCommand({ Bucket: "crash", Key: `objects/${key}` }));
    expect(Buffer.from(await answer.Body!.transformToByteArray()).equals(content(key)), key).toBe(true);
  }

  await eventually(
    async () =>
      (await sagemaker.send(new ListTrainingJobsCommand({ StatusEquals: "InProgress", MaxResults: 100 })))
        .TrainingJobSummaries!.length,
    (running) => running === 0,
    300_000,
  );
  const outputs = new Set<string>();
  let ContinuationToken: string | undefined;
  do {
    const page = await s3.send(new ListObjectsV2Command({ Bucket: "crash", Prefix: "output/", ContinuationToken }));
    for (const { Key } of page.Contents ?? []) outputs.add(Key!);
    ContinuationToken = page.NextContinuationToken;
  } while (ContinuationToken !== undefined);
  for (const name of acknowledgedJobs) {
    const job = await sagemaker.send(new DescribeTrainingJobCommand({ TrainingJobName: name }));
    expect(`${name} ${job.TrainingJobStatus} ${job.FailureReason ?? ""}`.trim()).toBe(`${name} Completed`);
    expect(outputs.has(`output/${name}/output/model.tar.gz`), name).toBe(true);
    expect(job.FinalMetricDataList!.map(({ MetricName }) => MetricName)).toEqual(["train:rmse"]);
  }

  if (existsSync("/proc/self")) {
    // The server itself is all that is left of everything that ran.
    const left = await eventually(
      () => processesOf(server.directory).filter(({ pid }) => pid !== server.pid),
      (processes) => processes.length === 0,
      20_000,
    );
    expect(left).toEqual([]);
  }
  const leftovers = await eventually(
    () => server.files().filter((file) => /(^|\/)(tmp|workloads)\//.test(file)),
    (files) => files.length === 0,
    20_000,
  );
  expect(leftovers).toEqual([]);
});
