/** A job's metrics on their way to CloudWatch: what its lines say, and what its host does. */
import { UsageMeter } from "../compute/usage-meter.ts";
import type { ComputeBackend } from "../compute/compute-backend.ts";
import { type Clock, sleep } from "../util/clock.ts";
import type { Metric } from "./metrics.ts";
import { type MetricDatum, type MetricSink, usageData } from "./ports.ts";

/** Where the metrics of a job appear. */
export interface JobMonitoring {
  /** e.g. `/aws/sagemaker/TrainingJobs` */
  readonly namespace: string;
  /** Of metrics found in lines, e.g. `{ TrainingJobName: "…" }`. */
  readonly dimensions: Readonly<Record<string, string>>;
  /** Dimension `Host` of what the machine tells, e.g. `<job>/algo-1`. */
  readonly host: string;
}

/** Short jobs are seen too; after that, six times a minute. ms */
const firstIntervalMs = 1000;
const intervalMs = 10_000;

export class MetricReport {
  readonly #sink: MetricSink;
  readonly #space: { readonly accountId: string; readonly region: string };
  readonly #monitoring: JobMonitoring;

  constructor(
    sink: MetricSink,
    { accountId, region }: { readonly accountId: string; readonly region: string },
    monitoring: JobMonitoring,
  ) {
    this.#sink = sink;
    this.#space = { accountId, region };
    this.#monitoring = monitoring;
  }

  /** Values found in lines, with the times of the lines. */
  found(metrics: readonly Metric[]): void {
    const { namespace, dimensions } = this.#monitoring;
    this.#put(metrics.map(({ name, value, timestamp }) => ({ namespace, name, dimensions, timestamp, value })));
  }

  /**
   * Tells of the host until the signal aborts.
   * @param folder on the disk that the workload writes to
   */
  async sampleHost(
    workload: { readonly compute: Pick<ComputeBackend, "usage">; readonly id: string; readonly folder: string },
    clock: Clock,
    signal: AbortSignal,
  ): Promise<void> {
    const { namespace, host } = this.#monitoring;
    const meter = new UsageMeter(workload.compute, workload.folder);
    let wait = firstIntervalMs;
    while (!signal.aborted) {
      const share = await meter.look(workload.id);
      if (share !== undefined) {
        this.#put(usageData(share, { namespace, dimensions: { Host: host }, timestamp: clock.now() }));
        // A workload that was not running yet at the first look is looked at again as soon.
        wait = intervalMs;
      }
      await sleep(clock, wait, signal).catch(() => undefined); // the signal is looked at next
    }
  }

  #put(data: readonly MetricDatum[]): void {
    if (data.length > 0) this.#sink.put(this.#space, data);
  }
}
