/** Names, URLs and ARNs of queues. */
import { formatArn } from "../../resources/arn.ts";
import { invalidParameter, missingParameter, noFifo, sqsError, unsupported } from "./errors.ts";

export interface QueueId {
  readonly accountId: string;
  readonly region: string;
  readonly name: string;
}

/** @throws AwsError InvalidParameterValue; FIFO queues are refused by name */
export function checkQueueName(name: string | undefined): void {
  if (name === undefined || name === "") throw missingParameter("QueueName");
  if (/^[\w-]{1,75}\.fifo$/.test(name)) throw unsupported(`QueueName ${name}`, noFifo);
  if (/^[A-Za-z0-9_-]{1,80}$/.test(name)) return;
  throw invalidParameter(
    "QueueName",
    name,
    "Can only include alphanumeric characters, hyphens, or underscores. 1 to 80 in length",
  );
}

export function queueArn({ accountId, region, name }: QueueId): string {
  return formatArn({ service: "sqs", region, accountId, resource: name });
}

export function queueUrl(baseUrl: string, { accountId, name }: QueueId): string {
  return `${baseUrl}/${accountId}/${name}`;
}

/**
 * The queue of a request's URL. Only its path counts, so that the URL of any address of the server, or of AWS, means the same queue.
 * @throws AwsError MissingParameter, InvalidAddress
 */
export function parseQueueUrl(url: string | undefined, region: string): QueueId {
  if (url === undefined || url === "") throw missingParameter("QueueUrl");
  const parts = /^(?:https?:\/\/[^/?#]{1,255}\/)?(\d{12})\/([A-Za-z0-9_-]{1,80})\/?$/.exec(url);
  if (parts === null) {
    throw sqsError("InvalidAddress", `The address ${url.slice(0, 256)} is not valid for this endpoint.`, 404);
  }
  return { accountId: parts[1], region, name: parts[2] };
}
