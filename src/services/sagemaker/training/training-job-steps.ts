/**
 * The steps of a training job: waiting for a place, downloading, training, uploading. Each says what became of the job;
 * each may be repeated after a crash, because what it has done it finds done.
 */
import { availableParallelism } from "node:os";
import { ClientError } from "../../../algorithms/algorithm.ts";
import { builtInAlgorithm } from "../../../algorithms/registry.ts";
import { outputPrefix } from "../../../jobs/artifacts.ts";
import type { Capacity } from "../../../jobs/capacity.ts";
import type { Channel as JobChannel } from "../../../jobs/channels.ts";
import { clientFailure, platformFailure } from "../../../jobs/failure.ts";
import type { Job, JobOutcome, JobRunner } from "../../../jobs/job-runner.ts";
import { parseS3Uri, type WorkloadCredentials } from "../../../jobs/ports.ts";
import { variables } from "../../../jobs/run-algorithm/run.ts";
import { AwsError } from "../../../protocol/aws-error.ts";
import type { Channel } from "../../../protocol/generated/sagemaker.ts";
import type { StepContext } from "../../../resources/reconciler.ts";
import { StorageFull } from "../../../storage/record-store.ts";
import type { AlgorithmDirectory } from "./algorithm-directory.ts";
import { maxRuntimeSeconds } from "./create-training-job.ts";
import { beginStopping, end, enter, messages, say } from "./training-job-record.ts";
import type { Phase, TrainingJob, TrainingJobRecord } from "./training-job-record.ts";

export interface TrainingSteps {
  readonly runner: JobRunner;
  readonly capacity: Capacity;
  readonly credentials: WorkloadCredentials;
  /** Default: the built-in algorithms. */
  readonly algorithms?: AlgorithmDirectory;
  /** The program that trains. */
  readonly command: readonly [string, ...string[]];
}

/** What a step needs of the engine. */
export type TrainingStepContext = Pick<StepContext<TrainingJob>, "signal" | "clock" | "changed">;

/** What became of a job, to be applied to its record as it is then: the user may have stopped it meanwhile. */
export type Progress = (job: TrainingJob) => TrainingJob;

type Step = (steps: TrainingSteps, record: TrainingJobRecord, context: TrainingStepContext) => Promise<Progress>;

/** A container gets this long between SIGTERM and SIGKILL. ms; the developer guide's 120 seconds. */
const stopGraceMs = 120_000;
const logGroup = "/aws/sagemaker/TrainingJobs";
const host = "algo-1";

/** Steps by phase. Each rejects with the signal's reason when it aborts, and with `Interrupted` when the record changed. */
export const trainingSteps: Readonly<Record<Exclude<Phase, "ended">, Step>> = {
  async waiting({ capacity }, { name, createdAt, body: job }, context) {
    if (job.status === "Stopping") return (now) => end(now, "Stopped", context.clock.now());
    if (!capacity.tryAcquire(job.runId)) {
      if (job.transitions.at(-1)!.message !== messages.preparing) return (now) => say(now, messages.preparing);
      await untilChanged(context, (signal) => capacity.acquire(job.runId, createdAt, signal));
    }
    return (now) => {
      if (now.status === "Stopping") return now;
      const at = context.clock.now();
      const hasData = (now.request.InputDataConfig ?? []).length > 0;
      const message = hasData ? messages.downloadingData : messages.downloadingImage;
      return {
        ...enter(say(now, messages.preparing), "Downloading", message, at),
        phase: "downloading",
        // Fixed before anything is logged, so that a repeated step writes to the same stream.
        logStream: `${name}/${host}-${Math.floor(at / 1000)}`,
      };
    };
  },

  async downloading(steps, record, context) {
    const { body: job } = record;
    const run = await jobOf(steps, record);
    const launched = await steps.runner.isLaunched(job.runId);
    if (!launched && job.status === "Stopping") return (now) => end(now, "Stopped", context.clock.now());
    let trainingStartTime: number;
    try {
      if (!launched) await untilChanged(context, (signal) => steps.runner.prepare(run, signal));
      trainingStartTime = context.clock.now();
      await steps.runner.launch(run);
    } catch (error) {
      if (context.signal.aborted || error instanceof Interrupted) throw error;
      // Before the record says so: on a full disk this makes the room to write it.
      await steps.runner.discard(job.runId);
      const failureReason = failureOf(error, "Preparing the job failed");
      return (now) => end(now, "Failed", context.clock.now(), { failureReason });
    }
    return (now) => {
      const training: TrainingJob = { ...now, phase: "training", trainingStartTime };
      // A stop came between launch and record: the user has seen Stopping already.
      if (now.status === "Stopping") return training;
      return enter(say(training, messages.downloadingImage), "Training", messages.training, trainingStartTime);
    };
  },

  async training(steps, record, context) {
    const { runId, status } = record.body;
    const following = steps.runner.follow(await jobOf(steps, record), context.signal);
    // Only a stop changes the record of a job that trains.
    const stopRequested = status === "Stopping" ? Promise.resolve() : context.changed();
    const stopped = stopRequested.then(() => steps.runner.stop(runId));
    const outcome = await Promise.race([following, stopped.then(() => following)]);
    return (now) => enterUploading({ ...now, phase: "uploading", outcome }, outcome, context.clock.now());
  },

  async uploading(steps, record, context) {
    const outcome = record.body.outcome!;
    const { failureReason } = outcome;
    try {
      const modelArtifacts = await steps.runner.upload(await jobOf(steps, record), outcome);
      return (now) =>
        end(now, endOf(now, outcome), context.clock.now(), {
          ...(modelArtifacts !== undefined && { modelArtifacts }),
          ...(failureReason !== undefined && { failureReason }),
        });
    } catch (error) {
      if (context.signal.aborted) throw error;
      const reason = failureReason ?? failureOf(error, "Uploading the artifacts failed");
      return (now) => end(now, "Failed", context.clock.now(), { failureReason: reason });
    }
  },
};

/** The record was changed while a step was at work: the step begins anew with what the record says now. */
export class Interrupted extends Error {
  constructor() {
    super("the record of the training job was changed");
    this.name = "Interrupted";
  }
}

/** Does some work that is to be left when the record changes. */
async function untilChanged<T>(context: TrainingStepContext, work: (signal: AbortSignal) => Promise<T>): Promise<T> {
  const interruption = new AbortController();
  context.changed().then(
    () => interruption.abort(new Interrupted()),
    // The engine stops; its own signal says so.
    () => {},
  );
  return work(AbortSignal.any([context.signal, interruption.signal]));
}

/** Shows Uploading; a job that ran too long is seen stopping before. */
function enterUploading(job: TrainingJob, { result }: JobOutcome, at: number): TrainingJob {
  const before = result === "max-runtime" && job.status === "InProgress" ? beginStopping(job, at) : job;
  return enter(before, "Uploading", messages.uploading, at);
}

/** What happened counts: a job that failed before the stop reached it has failed. */
function endOf(job: TrainingJob, { result }: JobOutcome): "Completed" | "Failed" | "Stopped" | "MaxRuntimeExceeded" {
  if (result === "failed") return "Failed";
  if (result === "max-runtime") return "MaxRuntimeExceeded";
  return job.status === "Stopping" || result === "stopped" ? "Stopped" : "Completed";
}

function failureOf(error: unknown, what: string): string {
  if (error instanceof ClientError) return clientFailure(error.message);
  const { message, code } = error as NodeJS.ErrnoException;
  if (error instanceof StorageFull || code === "ENOSPC" || code === "EDQUOT") {
    return platformFailure(
      `${what}: no space left on the disk of the data directory; free some space and create the job again under another name`,
    );
  }
  // S3 refuses what the user asked for, e.g. a bucket that was deleted meanwhile.
  if (error instanceof AwsError && error.status < 500) return clientFailure(`${what}: ${error.code}: ${message}`);
  return platformFailure(`${what}: ${message}`);
}

/** What the runner is told of a job. */
async function jobOf(steps: TrainingSteps, record: TrainingJobRecord): Promise<Job> {
  const { request, runId, notes, logStream } = record.body;
  const { algorithms = builtInAlgorithm, credentials } = steps;
  const { RoleArn: roleArn } = request;
  const image = request.AlgorithmSpecification!.TrainingImage!;
  const known = await algorithms(image);
  const output = parseS3Uri(request.OutputDataConfig.S3OutputPath)!;
  return {
    id: runId,
    accountId: record.accountId,
    roleArn,
    hyperparameters: request.HyperParameters ?? {},
    channels: (request.InputDataConfig ?? []).map(channelOf),
    host: { instanceType: request.ResourceConfig!.InstanceType!, currentHost: host, hosts: [host] },
    command: steps.command,
    env: {
      ...request.Environment,
      ...credentials.environment({ workloadId: runId, region: record.region, roleArn, sessionName: "SageMaker" }),
      TRAINING_JOB_NAME: record.name,
      TRAINING_JOB_ARN: record.arn!,
      CURRENT_HOST: host,
      DMLC_INTERFACE: "eth0",
      [variables.image]: image,
      [variables.threads]: String(availableParallelism()),
    },
    maxRuntimeMs: maxRuntimeSeconds(request) * 1000,
    stopGraceMs,
    log: { accountId: record.accountId, region: record.region, group: logGroup, stream: logStream! },
    notes,
    metrics: known?.algorithm.metricDefinitions ?? [],
    monitoring: {
      namespace: "/aws/sagemaker/TrainingJobs",
      dimensions: { TrainingJobName: record.name },
      host: `${record.name}/${host}`,
    },
    output: {
      accountId: record.accountId,
      bucket: output.bucket,
      prefix: outputPrefix(output.key, record.name),
      compression: request.OutputDataConfig.CompressionType ?? "GZIP",
    },
  };
}

function channelOf(channel: Channel): JobChannel {
  const source = channel.DataSource.S3DataSource!;
  return {
    name: channel.ChannelName,
    inputMode: "File",
    distribution: source.S3DataDistributionType ?? "FullyReplicated",
    ...(channel.ContentType !== undefined && { contentType: channel.ContentType }),
    ...(channel.CompressionType !== undefined && { compression: channel.CompressionType }),
    ...(channel.RecordWrapperType !== undefined && { recordWrapper: channel.RecordWrapperType }),
    source: { kind: source.S3DataType === "ManifestFile" ? "manifest" : "prefix", uri: source.S3Uri },
  };
}
