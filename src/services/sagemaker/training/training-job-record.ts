/** A training job as it is stored: the request, where it stands, and what came of it. */
import type {
  CreateTrainingJobRequest,
  SecondaryStatus,
  TrainingJobStatus,
} from "../../../protocol/generated/sagemaker.ts";
import type { JobOutcome } from "../../../jobs/job-runner.ts";
import type { StoredRecord } from "../../../storage/record-store.ts";

/** States in which something is still to be done. */
export const unsettledStatuses: readonly TrainingJobStatus[] = ["InProgress", "Stopping"];

export type TrainingJobRecord = StoredRecord<TrainingJob>;

/** Begins the id of every training job's workload and folder. */
export const runIdPrefix = "training-";

export interface Transition {
  readonly status: SecondaryStatus;
  /** ms since the epoch */
  readonly startTime: number;
  readonly endTime?: number;
  readonly message: string;
}

/** How far the work has come, whatever the user is told meanwhile (a stop is told at once). */
export type Phase = "waiting" | "downloading" | "training" | "uploading" | "ended";

export interface TrainingJob {
  /** As accepted, with defaults filled in and without tags. */
  readonly request: CreateTrainingJobRequest;
  readonly status: TrainingJobStatus;
  readonly phase: Phase;
  readonly transitions: readonly Transition[];
  /** Names the workload; never used twice. */
  readonly runId: string;
  /** What the platform says at the beginning of the log. */
  readonly notes: readonly string[];
  readonly logStream?: string;
  readonly trainingStartTime?: number;
  readonly trainingEndTime?: number;
  readonly outcome?: JobOutcome;
  readonly failureReason?: string;
  readonly modelArtifacts?: string;
}

/** What a job says of itself at each secondary status; the wording is the service's. */
export const messages = {
  starting: "Starting the training job",
  preparing: "Preparing the instances for training",
  downloadingData: "Downloading input data",
  downloadingImage: "Downloading the training image",
  training: "Training image download completed. Training in progress.",
  uploading: "Uploading generated training model",
  completed: "Training job completed",
  failed: "Training job failed",
  stopping: "Stopping the training job",
  stopped: "Training job stopped",
  maxRuntimeExceeded: "Training job runtime exceeded MaxRuntimeInSeconds provided",
} as const;

/** Closes the open transition and opens the next. */
export function enter(job: TrainingJob, status: SecondaryStatus, message: string, at: number): TrainingJob {
  const closed = job.transitions.map((transition, index) =>
    index === job.transitions.length - 1 && transition.endTime === undefined
      ? { ...transition, endTime: at }
      : transition,
  );
  return { ...job, transitions: [...closed, { status, startTime: at, message }] };
}

/** Changes the message of the open transition in place, as the service does. */
export function say(job: TrainingJob, message: string): TrainingJob {
  const open = job.transitions.at(-1)!;
  return { ...job, transitions: [...job.transitions.slice(0, -1), { ...open, message }] };
}

export function secondaryStatus(job: TrainingJob): SecondaryStatus {
  return job.transitions.at(-1)!.status;
}

const ends = {
  Completed: ["Completed", messages.completed],
  Failed: ["Failed", messages.failed],
  Stopped: ["Stopped", messages.stopped],
  MaxRuntimeExceeded: ["Stopped", messages.maxRuntimeExceeded],
} as const satisfies Partial<Record<SecondaryStatus, readonly [TrainingJobStatus, string]>>;

/** Ends a job. The last transition is closed as soon as it is opened. */
export function end(job: TrainingJob, as: keyof typeof ends, at: number, more: Partial<TrainingJob> = {}): TrainingJob {
  const [status, message] = ends[as];
  const ended = enter(job, as, message, at);
  const last = { ...ended.transitions.at(-1)!, endTime: at };
  return {
    ...ended,
    ...more,
    status,
    phase: "ended",
    transitions: [...ended.transitions.slice(0, -1), last],
    ...(job.trainingStartTime !== undefined && { trainingEndTime: at }),
  };
}

/** Tells the user that the job is being stopped; what runs is stopped by the reconciler. */
export function beginStopping(job: TrainingJob, at: number): TrainingJob {
  return { ...enter(job, "Stopping", messages.stopping, at), status: "Stopping" };
}
