/** Redrive policies of subscriptions: the queue that gets what could not be delivered. */
import { parseArn } from "../../resources/arn.ts";
import { invalidParameter, noFifo, unsupported } from "./errors.ts";
import type { SnsSpace } from "./names.ts";

/** @throws AwsError InvalidParameter unless it names a standard queue of the topic's account and region */
export function checkRedrivePolicy(text: string, topic: SnsSpace): void {
  let policy: unknown;
  try {
    policy = JSON.parse(text);
  } catch (cause) {
    throw invalidParameter("RedrivePolicy: failed to parse JSON.", cause);
  }
  const target = (policy as { deadLetterTargetArn?: unknown } | null)?.deadLetterTargetArn;
  const arn = typeof target === "string" ? parseArn(target) : undefined;
  if (arn?.service !== "sqs") throw invalidParameter("RedrivePolicy: deadLetterTargetArn is an invalid arn");
  if (arn.resource.endsWith(".fifo")) throw unsupported("RedrivePolicy: a FIFO queue", noFifo);
  if (arn.accountId !== topic.accountId || arn.region !== topic.region) {
    throw invalidParameter("RedrivePolicy: must use a dead letter queue in the account and region of the subscription");
  }
}

/** @param text checked when it was set; the ARN of its queue */
export function redriveTarget(text: string | undefined): string | undefined {
  if (text === undefined) return undefined;
  return (JSON.parse(text) as { deadLetterTargetArn: string }).deadLetterTargetArn;
}
