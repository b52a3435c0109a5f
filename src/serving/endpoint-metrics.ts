/**
 * The metrics of endpoints, as the serving contract has them (section 14): what became of requests, how long models took,
 * and what their replicas use of the machine.
 *
 * Requests are only counted while they run; what was counted is told every ten seconds.
 */
import type { ComputeBackend } from "../compute/compute-backend.ts";
import { UsageMeter } from "../compute/usage-meter.ts";
import { type MetricDatum, type MetricSink, usageData } from "../jobs/ports.ts";
import type { Clock } from "../util/clock.ts";
import type { EndpointRouter, VariantActivity } from "./endpoint-router.ts";

const intervalMs = 10_000;
const invocations = "AWS/SageMaker";
const instances = "/aws/sagemaker/Endpoints";

export interface EndpointMetricsOptions {
  readonly router: EndpointRouter;
  readonly compute: Pick<ComputeBackend, "usage">;
  readonly metrics: MetricSink;
  readonly clock: Clock;
  /** A folder on the disk that replicas write to. */
  readonly directory: string;
  /** A failure behind the scenes that changes nothing for clients but must not be silent. */
  readonly report: (what: string, error: unknown) => void;
}

export class EndpointMetrics {
  readonly #options: EndpointMetricsOptions;
  readonly #meter: UsageMeter;
  #cancel: () => void = () => {};
  #telling: Promise<void> = Promise.resolve();
  #closed = false;

  constructor(options: EndpointMetricsOptions) {
    this.#options = options;
    this.#meter = new UsageMeter(options.compute, options.directory);
    this.#schedule();
  }

  /** Tells what happened since the last time. */
  async tell(): Promise<void> {
    const { router, metrics, clock } = this.#options;
    const timestamp = clock.now();
    const activities = router.takeActivity();
    for (const activity of activities) metrics.put(activity.endpoint, invocationData(activity, timestamp));
    for (const activity of activities) metrics.put(activity.endpoint, await this.#instanceData(activity, timestamp));
    this.#meter.keepOnly(new Set(activities.flatMap(({ replicas }) => replicas)));
  }

  /** Tells what is left and stops. */
  async close(): Promise<void> {
    this.#closed = true;
    this.#cancel();
    await this.#telling;
    await this.#tell();
  }

  #schedule(): void {
    this.#cancel = this.#options.clock.schedule(intervalMs, () => {
      this.#telling = this.#tell().then(() => {
        if (!this.#closed) this.#schedule();
      });
    });
  }

  async #tell(): Promise<void> {
    try {
      await this.tell();
    } catch (error) {
      this.#options.report("the metrics of endpoints of ten seconds are lost", error);
    }
  }

  async #instanceData({ endpoint, variantName, replicas }: VariantActivity, timestamp: number): Promise<MetricDatum[]> {
    const dimensions = { EndpointName: endpoint.endpointName, VariantName: variantName };
    const shares = await Promise.all(replicas.map((id) => this.#meter.look(id)));
    return shares.flatMap((share) =>
      share === undefined ? [] : usageData(share, { namespace: instances, dimensions, timestamp }),
    );
  }
}

/** Errors are told as 0 for every request that went well, so that their average is the error rate. */
function invocationData(activity: VariantActivity, timestamp: number): MetricDatum[] {
  const { endpoint, variantName, replicas, concurrent, invocations: count } = activity;
  const dimensions = { EndpointName: endpoint.endpointName, VariantName: variantName };
  const datum = (name: string, value: MetricDatum["value"], unit?: string): MetricDatum => ({
    namespace: invocations,
    name,
    dimensions,
    timestamp,
    value,
    ...(unit === undefined ? {} : { unit }),
  });
  const load = replicas.length === 0 ? [] : [datum("ConcurrentRequestsPerModel", concurrent / replicas.length)];
  if (count === 0) return load;
  return [
    ...load,
    datum("Invocations", [[1, count]]),
    datum("InvocationsPerInstance", [[1 / Math.max(1, replicas.length), count]]),
    datum("Invocation4XXErrors", occurrences(activity.invocation4XXErrors, count)),
    datum("Invocation5XXErrors", occurrences(activity.invocation5XXErrors, count)),
    datum("InvocationModelErrors", occurrences(activity.invocationModelErrors, count)),
    datum("ModelLatency", activity.modelLatencies, "Microseconds"),
    datum("OverheadLatency", activity.overheadLatencies, "Microseconds"),
  ];
}

function occurrences(errors: number, count: number): (readonly [number, number])[] {
  return (
    [
      [0, count - errors],
      [1, errors],
    ] as const
  ).filter(([, times]) => times > 0);
}
