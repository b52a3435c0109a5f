/** The errors of SQS: the shapes of its description, and beside them the codes by which older clients know them. */
import { AwsError } from "../../protocol/aws-error.ts";

/**
 * Codes of the query protocol. Clients that ask for them (`x-amzn-query-mode`) show their users these.
 * Source: Amazon SQS API reference, "Common errors" and the errors of its operations.
 */
const queryCodes: Readonly<Record<string, string>> = {
  BatchEntryIdsNotDistinct: "AWS.SimpleQueueService.BatchEntryIdsNotDistinct",
  BatchRequestTooLong: "AWS.SimpleQueueService.BatchRequestTooLong",
  EmptyBatchRequest: "AWS.SimpleQueueService.EmptyBatchRequest",
  InvalidBatchEntryId: "AWS.SimpleQueueService.InvalidBatchEntryId",
  PurgeQueueInProgress: "AWS.SimpleQueueService.PurgeQueueInProgress",
  QueueDoesNotExist: "AWS.SimpleQueueService.NonExistentQueue",
  QueueNameExists: "QueueAlreadyExists",
  TooManyEntriesInBatchRequest: "AWS.SimpleQueueService.TooManyEntriesInBatchRequest",
  UnsupportedOperation: "AWS.SimpleQueueService.UnsupportedOperation",
};

/** @param code a shape of the description, or one that SQS uses without describing it, e.g. `InvalidParameterValue` */
export function sqsError(code: string, message: string, status = 400): AwsError {
  return new AwsError(code, message, {
    status,
    headers: { "x-amzn-query-error": `${queryCodes[code] ?? code};Sender` },
  });
}

export function queueDoesNotExist(): AwsError {
  return sqsError("QueueDoesNotExist", "The specified queue does not exist.");
}

/** `Value 11 for parameter MaxNumberOfMessages is invalid. Reason: …` */
export function invalidParameter(name: string, value: unknown, reason: string): AwsError {
  const shown = String(value).slice(0, 256);
  return sqsError("InvalidParameterValue", `Value ${shown} for parameter ${name} is invalid. Reason: ${reason}`);
}

export function missingParameter(name: string): AwsError {
  return sqsError("MissingParameter", `The request must contain the parameter ${name}.`);
}

/** What Sagebrush does not do although SQS does, by name. */
export function unsupported(what: string, because: string): AwsError {
  return sqsError("UnsupportedOperation", `${what} is not supported by Sagebrush: ${because}`);
}

export const noFifo = "queues are standard queues, not FIFO";
