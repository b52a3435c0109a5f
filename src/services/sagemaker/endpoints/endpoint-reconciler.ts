/** Drives endpoints to states that last, and brings the ones in service back after a restart of the server. */
import type { EndpointStatus } from "../../../protocol/generated/sagemaker.ts";
import type { Reconciler } from "../../../resources/reconciler.ts";
import type { EndpointFleet } from "../../../serving/endpoint-fleet.ts";
import type { RecordStore } from "../../../storage/record-store.ts";
import { deploymentOf } from "./endpoint-record.ts";
import type { EndpointBody } from "./endpoint-record.ts";
import { endpointSteps, failureReasonOf } from "./endpoint-steps.ts";

export function endpointReconciler(fleet: EndpointFleet): Reconciler<EndpointBody> {
  return {
    family: "endpoint",
    unsettled: Object.keys(endpointSteps),
    async step(record, context) {
      const step = endpointSteps[record.status as EndpointStatus]!;
      const next = await step(record, fleet, context.signal);
      if (next === undefined) await context.remove(record.status);
      else await context.update(next, record.status);
    },
    async giveUp(record, error, context) {
      const { generation, pending } = record.body;
      if (pending !== undefined) await fleet.stop(deploymentOf(record, pending));
      const failureReason = failureReasonOf(error);
      // An update that cannot be made leaves the endpoint as it was; anything else has failed for good.
      const status = record.status === "Updating" ? "InService" : "Failed";
      await context.update({ status, body: { generation, failureReason } }, "giveUp");
    },
  };
}

/**
 * Takes over what a server before this one left: replicas of endpoints in service serve on, those of deployments that no
 * record knows are ended and their files removed. To be called before requests are answered and the engine starts.
 */
export async function resumeEndpoints(records: RecordStore, fleet: EndpointFleet): Promise<void> {
  const known = new Set<string>();
  for await (const record of records.scan<EndpointBody>("endpoint")) {
    const { generation, pending } = record.body;
    if (record.status !== "Failed") known.add(generation.id);
    if (pending !== undefined) known.add(pending.id);
    if (record.status !== "InService") continue;
    const deployment = deploymentOf(record, generation);
    await fleet.start(deployment);
    fleet.route(deployment);
  }
  await fleet.sweep(known);
}
