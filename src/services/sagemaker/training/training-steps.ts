/**
 * The steps of a training job: waiting, downloading, training, uploading, ended. Each takes a job as it is stored and
 * gives the next state to store; each may be repeated after a crash, because what it does it finds done.
 */
import { availableParallelism } from "node:os";
import { ClientError } from "../../../algorithms/algorithm.ts";
import { outputPrefix } from "../../../jobs/artifacts.ts";
import type { Capacity } from "../../../jobs/capacity.ts";
import type { Channel as JobChannel } from "../../../jobs/channels.ts";
import { clientFailure, platformFailure } from "../../../jobs/failure.ts";
import type { Job, JobOutcome, JobRunner } from "../../../jobs/job-runner.ts";
import { parseS3Uri } from "../../../jobs/ports.ts";
import { variables } from "../../../jobs/run-algorithm/run.ts";
import { AwsError } from "../../../protocol/aws-error.ts";
import type { Channel } from "../../../protocol/generated/sagemaker.ts";
import { StorageFull, type StoredRecord } from "../../../storage/record-store.ts";
import { maxRuntimeSeconds } from "./create-training-job.ts";
import { end, enter, messages, type Phase, say, type TrainingJob } from "./training-job.ts";

export interface TrainingSteps {
  readonly runner: JobRunner;
  readonly capacity: Capacity;
  /** The program that trains. */
  readonly command: readonly [string, ...string[]];
}

export interface StepContext {
  /** Aborts when the server ends, and (outside of training) when the job's record changed. */
  readonly signal: AbortSignal;
  /** The clock's time, ms. */
  now(): number;
  /** Resolves when the user has asked to stop the job; never otherwise. */
  readonly stopRequested: Promise<void>;
}

export type TrainingRecord = StoredRecord<TrainingJob>;

/** A container gets this long between SIGTERM and SIGKILL. ms; the developer guide's 120 seconds. */
const stopGraceMs = 120_000;
const logGroup = "/aws/sagemaker/TrainingJobs";
const host = "algo-1";

type Step = (steps: TrainingSteps, record: TrainingRecord, context: StepContext) => Promise<TrainingJob>;

const table: Readonly<Record<Exclude<Phase, "ended">, Step>> = {
  waiting: takeSlot,
  downloading: downloadAndLaunch,
  training: train,
  uploading: upload,
};

/** The next state of a job; the caller stores it. Rejects with the signal's reason when it aborts. */
export async function nextState(
  steps: TrainingSteps,
  record: TrainingRecord,
  context: StepContext,
): Promise<TrainingJob> {
  const { phase, runId } = record.body;
  if (phase === "ended") return record.body;
  // After a restart, jobs that were further than waiting have their slot.
  if (phase !== "waiting") steps.capacity.adopt(runId);
  return table[phase](steps, record, context);
}

/** Frees what an ended job held: its slot, its processes, its files. */
export async function release(steps: TrainingSteps, job: TrainingJob): Promise<void> {
  await steps.runner.discard(job.runId);
  steps.capacity.release(job.runId);
}

async function takeSlot(steps: TrainingSteps, record: TrainingRecord, context: StepContext): Promise<TrainingJob> {
  const job = record.body;
  if (job.status === "Stopping") return end(job, "Stopped", context.now());
  const { runId } = job;
  if (!steps.capacity.tryAcquire(runId)) {
    const prepared = say(job, messages.preparing);
    if (job.transitions.at(-1)!.message !== messages.preparing) return prepared;
    await steps.capacity.acquire(runId, context.signal);
  }
  const at = context.now();
  const first = (job.request.InputDataConfig ?? []).length > 0 ? messages.downloadingData : messages.downloadingImage;
  return {
    ...enter(say(job, messages.preparing), "Downloading", first, at),
    phase: "downloading",
    // Fixed before anything is logged, so that a repeated step writes to the same stream.
    logStream: `${record.name}/${host}-${Math.floor(at / 1000)}`,
  };
}

async function downloadAndLaunch(
  steps: TrainingSteps,
  record: TrainingRecord,
  context: StepContext,
): Promise<TrainingJob> {
  const job = record.body;
  const run = jobOf(steps, record);
  const launched = await steps.runner.isLaunched(job.runId);
  if (!launched && job.status === "Stopping") return end(job, "Stopped", context.now());
  let trainingStartTime: number;
  try {
    if (!launched) await steps.runner.prepare(run, context.signal);
    trainingStartTime = context.now();
    await steps.runner.launch(run);
  } catch (error) {
    if (context.signal.aborted) throw error;
    return end(job, "Failed", context.now(), { failureReason: failureOf(error, "Preparing the job failed") });
  }
  const training: TrainingJob = { ...job, phase: "training", trainingStartTime };
  // A stop came between launch and record: the user has seen Stopping already.
  if (job.status === "Stopping") return training;
  return enter(say(training, messages.downloadingImage), "Training", messages.training, trainingStartTime);
}

async function train(steps: TrainingSteps, record: TrainingRecord, context: StepContext): Promise<TrainingJob> {
  const job = record.body;
  if (job.status === "Stopping") await steps.runner.stop(job.runId);
  const following = steps.runner.follow(jobOf(steps, record), context.signal);
  const stopped = context.stopRequested.then(() => steps.runner.stop(job.runId));
  const outcome = await Promise.race([following, stopped.then(() => following)]);
  return { ...job, phase: "uploading", outcome };
}

async function upload(steps: TrainingSteps, record: TrainingRecord, context: StepContext): Promise<TrainingJob> {
  const job = record.body;
  const outcome = job.outcome!;
  const entered = enterUploading(job, outcome, context.now());
  if (entered !== job) return entered;
  try {
    const modelArtifacts = await steps.runner.upload(jobOf(steps, record), outcome);
    const more = { ...(modelArtifacts !== undefined && { modelArtifacts }) };
    return end(job, endOf(job, outcome), context.now(), {
      ...more,
      ...(outcome.failureReason !== undefined && { failureReason: outcome.failureReason }),
    });
  } catch (error) {
    if (context.signal.aborted) throw error;
    const failureReason = outcome.failureReason ?? failureOf(error, "Uploading the artifacts failed");
    return end(job, "Failed", context.now(), { failureReason });
  }
}

/** Shows Uploading, after Stopping when the job was stopped; gives the job itself when it shows that already. */
function enterUploading(job: TrainingJob, outcome: JobOutcome, at: number): TrainingJob {
  if (job.transitions.at(-1)!.status === "Uploading") return job;
  const overtime = outcome.result === "max-runtime" && job.status === "InProgress";
  const before: TrainingJob = overtime ? { ...enter(job, "Stopping", messages.stopping, at), status: "Stopping" } : job;
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
  const message = (error as Error).message;
  if (error instanceof StorageFull || (error as NodeJS.ErrnoException).code === "ENOSPC") {
    return platformFailure(`${what}: ${message}; free some space and create the job again under another name`);
  }
  // S3 refuses what the user asked for, e.g. a bucket that was deleted meanwhile.
  if (error instanceof AwsError && error.status < 500) return clientFailure(`${what}: ${error.code}: ${message}`);
  return platformFailure(`${what}: ${message}`);
}

/** What the runner is told of a job. */
function jobOf(steps: TrainingSteps, record: TrainingRecord): Job {
  const { request, runId, notes, logStream, metricDefinitions } = record.body;
  const output = parseS3Uri(request.OutputDataConfig.S3OutputPath)!;
  return {
    id: runId,
    accountId: record.accountId,
    hyperparameters: request.HyperParameters ?? {},
    channels: (request.InputDataConfig ?? []).map(channelOf),
    host: { instanceType: request.ResourceConfig!.InstanceType!, currentHost: host, hosts: [host] },
    command: steps.command,
    env: {
      ...request.Environment,
      TRAINING_JOB_NAME: record.name,
      TRAINING_JOB_ARN: record.arn!,
      AWS_REGION: record.region,
      AWS_DEFAULT_REGION: record.region,
      CURRENT_HOST: host,
      DMLC_INTERFACE: "eth0",
      [variables.image]: request.AlgorithmSpecification!.TrainingImage!,
      [variables.threads]: String(availableParallelism()),
    },
    maxRuntimeMs: maxRuntimeSeconds(request) * 1000,
    stopGraceMs,
    log: { accountId: record.accountId, region: record.region, group: logGroup, stream: logStream! },
    notes,
    metrics: metricDefinitions.map(({ Name, Regex }) => ({ name: Name, regex: Regex })),
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
