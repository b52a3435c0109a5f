/**
 * A full disk costs the request or the job that needs the space, with a message that says so, and nothing else: what
 * was there stays, the server goes on, and deleting something makes room.
 */
import { randomFillSync } from "node:crypto";
import { existsSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import {
  AbortMultipartUploadCommand,
  CompleteMultipartUploadCommand,
  CopyObjectCommand,
  CreateBucketCommand,
  CreateMultipartUploadCommand,
  DeleteObjectCommand,
  GetObjectCommand,
  HeadObjectCommand,
  ListBucketsCommand,
  ListMultipartUploadsCommand,
  ListObjectsV2Command,
  ListPartsCommand,
  PutObjectCommand,
  S3Client,
  UploadPartCommand,
} from "@aws-sdk/client-s3";
import {
  CreateTrainingJobCommand,
  type CreateTrainingJobCommandInput,
  DescribeTrainingJobCommand,
  ListTrainingJobsCommand,
} from "@aws-sdk/client-sagemaker";
import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import { eventually, processesOf, ServerProcess } from "../support/server-process.ts";
import { SmallDisk } from "../support/small-disk.ts";
import { classifierJob, clientsOf, separableCsv, untilTrained } from "../support/training.ts";

const disk = SmallDisk.mount(64);
const mebibyte = 2 ** 20;
const bucket = "full";

/** What a client is told; 507 is none of the codes that clients try again. */
const full = { name: "InsufficientStorage" };
const endless = { objective: "binary:logistic", num_round: "100000", nthread: "1" };

/** Bytes that no file system packs. */
function noise(size: number): Buffer {
  return randomFillSync(Buffer.alloc(size));
}

describe.skipIf(disk === undefined)("on a disk of 64 MiB", () => {
  // The body of a skipped block runs, too.
  const server = new ServerProcess([], join(disk?.path ?? tmpdir(), "data"));
  let clients: ReturnType<typeof clientsOf>;

  beforeAll(async () => {
    await server.start();
    clients = clientsOf(server);
    await clients.s3.send(new CreateBucketCommand({ Bucket: bucket }));
    await put("train/rows.csv", separableCsv);
  }, 60_000);

  afterEach(() => {
    disk!.empty();
  });

  afterAll(async () => {
    try {
      await server.stop();
    } finally {
      disk!.unmount();
    }
  });

  const put = (Key: string, Body: string | Buffer) =>
    clients.s3.send(new PutObjectCommand({ Bucket: bucket, Key, Body }));
  const keys = async () => {
    const { Contents } = await clients.s3.send(new ListObjectsV2Command({ Bucket: bucket }));
    return (Contents ?? []).map(({ Key }) => Key!);
  };
  const content = async (Key: string) => {
    const { Body } = await clients.s3.send(new GetObjectCommand({ Bucket: bucket, Key }));
    return Buffer.from(await Body!.transformToByteArray());
  };
  const train = (name: string, prefix: string, more: Partial<CreateTrainingJobCommandInput> = {}) =>
    clients.sagemaker.send(
      new CreateTrainingJobCommand({ ...classifierJob(name, { bucket, channels: { train: prefix } }), ...more }),
    );
  const describeJob = (TrainingJobName: string) =>
    clients.sagemaker.send(new DescribeTrainingJobCommand({ TrainingJobName }));
  const ended = (name: string) =>
    eventually(
      () => describeJob(name),
      (job) => job.TrainingJobStatus !== "InProgress",
      20_000,
    );
  /** What is half done: temporary blobs, and folders of jobs that ended. */
  const leftovers = () => server.files().filter((file) => /(^|\/)(tmp|jobs|workloads)\//.test(file));

  test("an upload that does not fit is refused once, and leaves the old object and nothing else", async () => {
    const old = noise(mebibyte);
    await put("kept", old);
    const before = disk!.freeBytes;
    // A client that would try again if that could help.
    const persistent = new S3Client({ ...server.clientOptions, maxAttempts: 3 });
    for (const Key of ["kept", "new"]) {
      const refused = persistent.send(new PutObjectCommand({ Bucket: bucket, Key, Body: noise(70 * mebibyte) }));
      // Others are served meanwhile.
      expect((await clients.s3.send(new ListBucketsCommand({}))).Buckets).toHaveLength(1);
      await expect(refused).rejects.toMatchObject({
        ...full,
        $metadata: { httpStatusCode: 507, attempts: 1 },
        message: expect.stringMatching(
          /^no space left on the disk of the data directory .*; free some space/,
        ) as string,
      });
    }
    expect((await content("kept")).equals(old)).toBe(true);
    expect(await keys()).toEqual(["kept", "train/rows.csv"]);
    expect(leftovers()).toEqual([]);
    expect(disk!.freeBytes).toBeGreaterThan(before - mebibyte / 4);
  });

  test("a part that does not fit costs only itself, and those that are there are joined without room for a copy", async () => {
    const { s3 } = clients;
    const upload = { Bucket: bucket, Key: "parts" };
    const { UploadId } = await s3.send(new CreateMultipartUploadCommand(upload));
    const part = (PartNumber: number, size: number) =>
      s3.send(new UploadPartCommand({ ...upload, UploadId, PartNumber, Body: noise(size) }));
    await part(1, 15 * mebibyte);
    await part(2, 15 * mebibyte);
    await expect(part(3, 45 * mebibyte)).rejects.toMatchObject(full);
    const { Parts } = await s3.send(new ListPartsCommand({ ...upload, UploadId }));
    expect(Parts!.map(({ PartNumber, Size }) => [PartNumber, Size])).toEqual([
      [1, 15 * mebibyte],
      [2, 15 * mebibyte],
    ]);
    const MultipartUpload = { Parts: Parts!.map(({ ETag, PartNumber }) => ({ ETag, PartNumber })) };
    await s3.send(new CompleteMultipartUploadCommand({ ...upload, UploadId, MultipartUpload }));
    expect(await content("parts")).toHaveLength(30 * mebibyte);
    await s3.send(new DeleteObjectCommand(upload));
    const another = (await s3.send(new CreateMultipartUploadCommand(upload))).UploadId;
    await s3.send(new UploadPartCommand({ ...upload, UploadId: another, PartNumber: 1, Body: noise(30 * mebibyte) }));
    await s3.send(new AbortMultipartUploadCommand({ ...upload, UploadId: another }));
    expect((await s3.send(new ListMultipartUploadsCommand({ Bucket: bucket }))).Uploads).toBeUndefined();
    expect(leftovers()).toEqual([]);
    await put("parts", noise(30 * mebibyte));
    await s3.send(new DeleteObjectCommand(upload));
  });

  test("on a disk without a free byte reading and deleting work, and writing is refused without a trace", async () => {
    const { s3, sagemaker } = clients;
    await put("first", noise(mebibyte));
    await put("second", noise(mebibyte));
    disk!.fill();
    await expect(put("tiny", "x")).rejects.toMatchObject(full);
    await expect(
      s3.send(new CopyObjectCommand({ Bucket: bucket, Key: "copy", CopySource: `${bucket}/first` })),
    ).rejects.toMatchObject(full);
    await expect(s3.send(new CreateBucketCommand({ Bucket: "another" }))).rejects.toMatchObject(full);
    await expect(train("never", "train/")).rejects.toMatchObject({
      ...full,
      message: expect.stringContaining("no space left on the disk of the data directory") as string,
    });
    await expect(describeJob("never")).rejects.toMatchObject({ message: "Requested resource not found." });
    expect((await sagemaker.send(new ListTrainingJobsCommand({}))).TrainingJobSummaries).toEqual([]);
    expect((await content("train/rows.csv")).toString()).toBe(separableCsv);
    expect(await keys()).toEqual(["first", "kept", "second", "train/rows.csv"]);

    await s3.send(new DeleteObjectCommand({ Bucket: bucket, Key: "first" }));
    const again = noise(mebibyte / 2);
    await put("again", again);
    expect((await content("again")).equals(again)).toBe(true);
    for (const Key of ["again", "second"]) await s3.send(new DeleteObjectCommand({ Bucket: bucket, Key }));
    expect(leftovers()).toEqual([]);
  });

  test("a server starts on a full disk, knows everything, and deletes", async () => {
    const { s3 } = clients;
    for (const end of ["stop", "kill"] as const) {
      await put("ballast", noise(mebibyte));
      disk!.fill();
      await server[end]();
      disk!.fill();
      await server.start();
      expect((await content("train/rows.csv")).toString()).toBe(separableCsv);
      await expect(describeJob("never")).rejects.toMatchObject({ message: "Requested resource not found." });
      await s3.send(new DeleteObjectCommand({ Bucket: bucket, Key: "ballast" }));
      await put("small", noise(mebibyte / 2));
      disk!.empty();
      await s3.send(new DeleteObjectCommand({ Bucket: bucket, Key: "small" }));
    }
    // Somebody made room: the next start finds its reserve and its place in the command line's file again.
    await server.stop();
    await server.start();
    expect(server.files()).toContain("server.json");
    expect(server.files()).toContain("sagebrush.reserve");
  });

  test("a job whose data does not fit fails with that reason, and gives back what it took", async () => {
    for (let file = 0; file < 12; file += 1) await put(`many/${file}.csv`, noise(mebibyte));
    disk!.fill(4 * mebibyte);
    await train("too-much-data", "many/");
    const job = await ended("too-much-data");
    expect([job.TrainingJobStatus, job.FailureReason]).toEqual([
      "Failed",
      "InternalServerError: Preparing the job failed: no space left on the disk of the data directory; free some space and create the job again under another name",
    ]);
    expect(job.SecondaryStatusTransitions!.map(({ Status }) => Status)).toEqual(["Starting", "Downloading", "Failed"]);
    await eventually(leftovers, (files) => files.length === 0, 10_000);
    expect(disk!.freeBytes).toBeGreaterThan(3 * mebibyte);
    for (let file = 0; file < 12; file += 1)
      await clients.s3.send(new DeleteObjectCommand({ Bucket: bucket, Key: `many/${file}.csv` }));
  });

  test("a job under which the disk fills up while it trains fails with that reason", async () => {
    // However far the process has come when it happens: not yet started, starting, or at work.
    disk!.fill(2 * mebibyte);
    await train("no-room-to-train", "train/", { HyperParameters: { ...endless } });
    await eventually(
      () => describeJob("no-room-to-train"),
      (job) => job.SecondaryStatus === "Training",
    );
    disk!.fill();
    const job = await ended("no-room-to-train");
    expect(job.TrainingJobStatus).toBe("Failed");
    expect(job.FailureReason).toMatch(
      /^InternalServerError: no space left on the disk of the data directory while (training|starting the job) \(.*ENOSPC.*\); free some space and create the job again under another name(, exit code: 1)?$/,
    );
    expect(job.ModelArtifacts).toBeUndefined();
    await eventually(leftovers, (files) => files.length === 0, 10_000);
  });

  test("a job whose model finds no room in S3 fails with that reason, and no part of it is there", async () => {
    const { s3 } = clients;
    // Labels without reason make deep trees, so a model much larger than its log.
    const rows = Array.from(
      { length: 2000 },
      (_, row) => `${((row * 48271) % 2147483647) % 2},${row % 97},${row % 89}\n`,
    );
    await put("noisy/rows.csv", rows.join(""));
    const plain = {
      HyperParameters: { ...endless, num_round: "300" },
      OutputDataConfig: { S3OutputPath: `s3://${bucket}/plain`, CompressionType: "NONE" as const },
    };
    await train("fits", "noisy/", plain);
    await untilTrained(clients.sagemaker, "fits");
    const Key = "plain/fits/output/model/xgboost-model";
    const { ContentLength: modelBytes } = await s3.send(new HeadObjectCommand({ Bucket: bucket, Key }));
    // Room for the model that the algorithm writes, and not for its copy in S3.
    expect(modelBytes).toBeGreaterThan(mebibyte / 2);
    disk!.fill(1.6 * modelBytes!);
    await train("no-room-for-model", "noisy/", plain);
    const job = await ended("no-room-for-model");
    expect([job.TrainingJobStatus, job.FailureReason]).toEqual([
      "Failed",
      "InternalServerError: Uploading the artifacts failed: no space left on the disk of the data directory; free some space and create the job again under another name",
    ]);
    expect((await keys()).filter((key) => key.includes("no-room-for-model"))).toEqual([]);
    await eventually(leftovers, (files) => files.length === 0, 10_000);
  });

  test("when there is room again the next job succeeds", async () => {
    await train("room-again", "train/");
    await untilTrained(clients.sagemaker, "room-again");
    expect((await describeJob("room-again")).TrainingJobStatus).toBe("Completed");
    expect(leftovers()).toEqual([]);
    if (existsSync("/proc/self")) expect(processesOf(server.directory).map(({ pid }) => pid)).toEqual([server.pid]);
    // Nothing of all this was a fault of the server's own.
    expect(
      server.problems.split("\n").filter((line) => /InternalFailure|Error:/.test(line) && !/ENOSPC/.test(line)),
    ).toEqual([]);
  });
});
