/** Drives training jobs to their end, and takes over after a restart of the server. */
import type { Capacity } from "../../../jobs/capacity.ts";
import { platformFailure } from "../../../jobs/failure.ts";
import type { JobRunner } from "../../../jobs/job-runner.ts";
import type { Reconciler } from "../../../resources/reconciler.ts";
import type { RecordStore } from "../../../storage/record-store.ts";
import { end, runIdPrefix, type TrainingJob, unsettledStatuses } from "./training-job-record.ts";
import { Interrupted, type TrainingSteps, trainingSteps } from "./training-job-steps.ts";

const family = "training-job";

export function trainingJobReconciler(steps: TrainingSteps): Reconciler<TrainingJob> {
  return {
    family,
    unsettled: unsettledStatuses,
    // A job that waits for a place holds none of the engine's.
    concurrency: Number.POSITIVE_INFINITY,
    async step(record, context) {
      const { phase } = record.body;
      if (phase === "ended")
        throw new Error(`training job ${record.name} has ended but its status is ${record.status}`);
      let advance;
      try {
        advance = await trainingSteps[phase](steps, record, context);
      } catch (error) {
        if (error instanceof Interrupted) return;
        throw error;
      }
      const { body } = await context.revise((current) => changeOf(advance(current.body)), phase);
      if (body.phase === "ended") await release(steps, body);
    },
    async giveUp(record, error, context) {
      const failureReason = platformFailure(`The job could not be carried on: ${(error as Error).message}`);
      const ended = end(record.body, "Failed", context.clock.now(), { failureReason });
      await context.update(changeOf(ended), "giveUp");
      await release(steps, ended);
    },
  };
}

function changeOf(job: TrainingJob): { body: TrainingJob; status: string } {
  return { body: job, status: job.status };
}

/** Frees what an ended job held: its processes, its files, its place. */
async function release({ runner, capacity }: TrainingSteps, { runId }: TrainingJob): Promise<void> {
  try {
    await runner.discard(runId);
  } finally {
    capacity.release(runId);
  }
}

/**
 * Takes over what a server before this one left: jobs that run keep their places, and what is left of jobs that have
 * ended is removed. To be called before requests are answered and the engine starts.
 */
export async function resumeTrainingJobs(records: RecordStore, runner: JobRunner, capacity: Capacity): Promise<void> {
  const unsettled = await records.listByStatus<TrainingJob>(family, unsettledStatuses);
  for (const { body } of unsettled) if (body.phase !== "waiting") capacity.adopt(body.runId);
  await runner.sweep(runIdPrefix, new Set(unsettled.map(({ body }) => body.runId)));
}
