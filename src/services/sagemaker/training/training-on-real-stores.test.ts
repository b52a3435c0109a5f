/** A training job over the real S3 and Logs, without HTTP: what a client would find in both afterwards. */
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { expect, test } from "vitest";
import { LocalProcessBackend } from "../../../compute/local-process/local-process-backend.ts";
import { Capacity } from "../../../jobs/capacity.ts";
import { JobRunner } from "../../../jobs/job-runner.ts";
import { MemoryMetrics, noCredentials } from "../../../jobs/ports.contract.ts";
import type { RequestContext } from "../../../protocol/service.ts";
import { ReconcilerEngine } from "../../../resources/reconciler.ts";
import { FileBlobStore } from "../../../storage/file-blob-store.ts";
import { SqliteRecordStore } from "../../../storage/sqlite-record-store.ts";
import { SystemClock } from "../../../util/clock.ts";
import { entryPoint } from "../../../util/entry-point.ts";
import { LogStore } from "../../logs/log-store.ts";
import { jobStorage } from "../../s3/job-storage.ts";
import { ObjectStore } from "../../s3/object-store.ts";
import { trainingJobReconciler } from "./training-job-reconciler.ts";
import { trainingJobFamily, trainingJobOperations } from "./training-job.ts";
import { accountId, algorithms, principal, trainingRequest } from "./training.contract.ts";

const clock = new SystemClock();
const actor = { by: "test", call: "test" };
const space = { accountId, region: "us-east-1" };

test("data comes from S3, the model goes there, the log to Logs", async () => {
  const directory = await mkdtemp(join(tmpdir(), "sagebrush-real-"));
  const compiled = (path: string) => JSON.stringify(pathToFileURL(entryPoint(import.meta.url, path)).href);
  const program = join(directory, "tiny.mjs");
  await writeFile(
    program,
    `import { startAlgorithm } from ${compiled("../../../jobs/run-algorithm/start.ts")};
     import { copyFileSync } from "node:fs";
     await startAlgorithm(async () => ({
       image: { registry: "", repository: "tiny", tag: "1" },
       algorithm: {
         train: async (context) => {
           copyFileSync(context.channels.train.directory + "/deep/a.csv", context.modelDirectory + "/copy");
           context.log("[0]\\tloss:0.125");
         },
       },
     }));`,
  );
  for (const folder of ["blobs", "logs"]) await mkdir(join(directory, folder));
  const records = new SqliteRecordStore({ file: join(directory, "records.db"), reserveBytes: 0 });
  const store = new ObjectStore({
    records,
    blobs: await FileBlobStore.open(join(directory, "blobs")),
    clock,
    keyFile: join(directory, "object-keys.json"),
  });
  const objects = jobStorage(store);
  const logs = await LogStore.open(records, join(directory, "logs"), clock);
  const compute = new LocalProcessBackend(directory);
  const faults: unknown[] = [];
  const engine = new ReconcilerEngine({ records, clock, log: (_what, error) => faults.push(error) });
  const runner = new JobRunner({
    compute,
    storageOf: () => objects,
    logs,
    metrics: new MemoryMetrics(),
    clock,
    dataDirectory: directory,
    report: (_what, error) => faults.push(error),
  });
  engine.add(
    trainingJobReconciler({
      runner,
      capacity: new Capacity(1),
      credentials: noCredentials,
      algorithms,
      command: [process.execPath, program],
    }),
  );
  await engine.start();
  await store.createBucket("bucket", space, actor);
  await objects.upload(
    accountId,
    "bucket",
    "train/deep/a.csv",
    (async function* () {
      yield Buffer.from("1,2,3\n");
    })(),
  );

  const family = trainingJobFamily({ records, notify: (key) => engine.notify(key) });
  const operations = trainingJobOperations({
    trainingJobs: family,
    runner,
    algorithms,
    objects,
    roles: { isAssumable: async () => true },
  });
  const context = {
    ...space,
    requestId: "r",
    service: "sagemaker",
    operation: "CreateTrainingJob",
    principal: principal(),
    clock,
  };
  await operations.CreateTrainingJob!.handle(trainingRequest(), context as RequestContext);
  await engine.idle();

  expect(faults).toEqual([]);
  const job = (await family.require(context as RequestContext, "job")).body;
  expect(job).toMatchObject({ status: "Completed", outcome: { metrics: [{ name: "train:loss", value: 0.125 }] } });
  expect((await objects.stat(accountId, "bucket", "out/job/output/model.tar.gz"))?.size).toBeGreaterThan(0);
  const stream = { ...space, group: "/aws/sagemaker/TrainingJobs", stream: job.logStream! };
  expect(await logs.sourceOffset(stream)).toBeGreaterThan(1);

  await engine.stop();
  await compute.close();
  await logs.close();
  await records.close();
  await rm(directory, { recursive: true });
});
