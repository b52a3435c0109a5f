/** Carries a workload's log lines into CloudWatch Logs, in batches, each line once even over restarts. */
import type { ComputeBackend, WorkloadLogLine } from "../compute/compute-backend.ts";
import type { LogSink, LogStreamKey } from "../jobs/ports.ts";
import { StorageFull } from "../storage/record-store.ts";

const maxBatch = 500;

/**
 * Pumps until the workload has exited and all is delivered, or until `signal` aborts.
 * While one batch is being stored the next one gathers, so a chatty model costs few writes.
 */
export async function pumpLogs(
  backend: ComputeBackend,
  workloadId: string,
  sink: LogSink,
  key: LogStreamKey,
  signal: AbortSignal,
): Promise<void> {
  let gathered: WorkloadLogLine[] = [];
  let storing: Promise<void> | undefined;
  let failure: Error | undefined;
  /** Lines that found no room on the disk since the last one that did. */
  let lost = 0;

  const store = async () => {
    while (gathered.length > 0) {
      const batch = gathered;
      gathered = [];
      const events = batch.map(({ timestamp, text }) => ({ timestamp, message: text }));
      if (lost > 0) {
        const message = `Sagebrush: ${lost} log lines were lost because the disk was full.`;
        events.unshift({ timestamp: events[0].timestamp, message });
      }
      try {
        await sink.append(key, events, batch[batch.length - 1].offset);
        lost = 0;
      } catch (error) {
        // A model serves on while the disk is full; its log says later what is missing.
        if (!(error instanceof StorageFull)) throw error;
        lost += batch.length;
      }
    }
  };
  for await (const line of backend.logs(workloadId, await sink.sourceOffset(key), signal)) {
    gathered.push(line);
    storing ??= store()
      .catch((error: unknown) => {
        failure = error instanceof Error ? error : new Error("the log could not be stored", { cause: error });
      })
      .finally(() => {
        storing = undefined;
      });
    if (gathered.length >= maxBatch) await storing;
    if (failure !== undefined) break;
  }
  await storing;
  if (failure === undefined) await store();
  else throw failure;
}

/** The last lines of an exited workload, oldest first. */
export async function lastLogLines(
  backend: ComputeBackend,
  workloadId: string,
  count: number,
  signal?: AbortSignal,
): Promise<readonly string[]> {
  const lines: string[] = [];
  for await (const { text } of backend.logs(workloadId, 0, signal)) {
    if (text.trim() === "") continue;
    lines.push(text);
    if (lines.length > count) lines.shift();
  }
  return lines;
}
