/**
 * What has to happen to an endpoint in each state that does not last, until it is in one that does.
 *
 * Every step may run twice: the fleet takes over what runs already, and stopping what is gone does nothing.
 */
import type { EndpointStatus } from "../../../protocol/generated/sagemaker.ts";
import type { EndpointFleet } from "../../../serving/endpoint-fleet.ts";
import { deploymentOf, reached, unchanged } from "./endpoint-record.ts";
import type { EndpointBody, EndpointGeneration, EndpointRecord } from "./endpoint-record.ts";

/** Characters that FailureReason may have. */
const maxFailureReason = 1024;

export interface EndpointState {
  readonly status: EndpointStatus;
  readonly body: EndpointBody;
}

type Step = (record: EndpointRecord, fleet: EndpointFleet, signal: AbortSignal) => Promise<EndpointState | undefined>;

/** Steps by state. The result is the state to write; undefined means that the endpoint is gone. */
export const endpointSteps: Readonly<Partial<Record<EndpointStatus, Step>>> = {
  async Creating(record, fleet, signal) {
    const { generation } = record.body;
    const failureReason = await bringUp(record, generation, fleet, signal);
    if (failureReason === undefined) {
      fleet.route(deploymentOf(record, generation));
      return { status: "InService", body: { generation: reached(generation) } };
    }
    await stopAll(record, [generation], fleet, signal);
    return { status: "Failed", body: { generation, failureReason } };
  },

  async Updating(record, fleet, signal) {
    const { generation, pending } = record.body;
    if (pending === undefined) return rescale(record, generation, fleet, signal);
    // After a restart in the middle of an update the old generation has to serve again meanwhile.
    await fleet.start(deploymentOf(record, generation));
    fleet.route(deploymentOf(record, generation));
    const failureReason = await bringUp(record, pending, fleet, signal);
    if (failureReason !== undefined) {
      await stopAll(record, [pending], fleet, signal);
      return { status: "InService", body: { generation, failureReason } };
    }
    fleet.route(deploymentOf(record, pending));
    await stopAll(record, [generation], fleet, signal);
    return { status: "InService", body: { generation: reached(pending) } };
  },

  async Deleting(record, fleet, signal) {
    const { generation, pending } = record.body;
    fleet.unroute({ accountId: record.accountId, region: record.region, endpointName: record.name });
    await stopAll(record, pending === undefined ? [generation] : [generation, pending], fleet, signal);
    return undefined;
  },
};

/** UpdateEndpointWeightsAndCapacities: the same generation with other numbers. */
async function rescale(
  record: EndpointRecord,
  generation: EndpointGeneration,
  fleet: EndpointFleet,
  signal: AbortSignal,
): Promise<EndpointState> {
  // After a restart in the middle it serves with its old weights meanwhile.
  fleet.route(deploymentOf(record, unchanged(generation)));
  const failureReason = await bringUp(record, generation, fleet, signal);
  const settled = failureReason === undefined ? reached(generation) : unchanged(generation);
  if (failureReason !== undefined) await fleet.start(deploymentOf(record, settled));
  fleet.route(deploymentOf(record, settled));
  return {
    status: "InService",
    body: { generation: settled, ...(failureReason === undefined ? {} : { failureReason }) },
  };
}

/** Starts a generation and waits for it; why it failed, or undefined when it serves. */
async function bringUp(
  record: EndpointRecord,
  generation: EndpointGeneration,
  fleet: EndpointFleet,
  signal: AbortSignal,
): Promise<string | undefined> {
  const deployment = deploymentOf(record, generation);
  await fleet.start(deployment);
  try {
    await fleet.ready(deployment, signal);
    return undefined;
  } catch (error) {
    // The server goes: the endpoint is as far as it was.
    if (signal.aborted) throw error;
    return failureReasonOf(error);
  }
}

/** Stops generations; leaves when the server goes, and they end by themselves or in the next server's hands. */
async function stopAll(
  record: EndpointRecord,
  generations: readonly EndpointGeneration[],
  fleet: EndpointFleet,
  signal: AbortSignal,
): Promise<void> {
  signal.throwIfAborted();
  let leave: () => void = () => undefined;
  const left = new Promise<void>((resolve) => {
    leave = resolve;
  });
  signal.addEventListener("abort", leave, { once: true });
  const stopped = Promise.all(generations.map((generation) => fleet.stop(deploymentOf(record, generation))));
  // Nobody waits for it once the step has left.
  stopped.catch(() => undefined);
  await Promise.race([stopped, left]).finally(() => signal.removeEventListener("abort", leave));
  signal.throwIfAborted();
}

/** An error in the length that FailureReason may have. */
export function failureReasonOf(error: unknown): string {
  return (error instanceof Error ? error.message : String(error)).slice(0, maxFailureReason);
}
