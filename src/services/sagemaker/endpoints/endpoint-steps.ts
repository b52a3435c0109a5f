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
    await fleet.stop(deploymentOf(record, generation));
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
      await fleet.stop(deploymentOf(record, pending));
      return { status: "InService", body: { generation, failureReason } };
    }
    fleet.route(deploymentOf(record, pending));
    await fleet.stop(deploymentOf(record, generation));
    return { status: "InService", body: { generation: reached(pending) } };
  },

  async Deleting(record, fleet) {
    const { generation, pending } = record.body;
    fleet.unroute({ accountId: record.accountId, region: record.region, endpointName: record.name });
    const generations = pending === undefined ? [generation] : [generation, pending];
    await Promise.all(generations.map((one) => fleet.stop(deploymentOf(record, one))));
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
    return (error instanceof Error ? error.message : String(error)).slice(0, maxFailureReason);
  }
}
