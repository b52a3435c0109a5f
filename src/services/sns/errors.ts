/** The errors of SNS, with its codes and its wording. */
import { AwsError } from "../../protocol/aws-error.ts";

/** `Invalid parameter: <what>`, e.g. `TopicArn`, `FilterPolicy: failed to parse JSON.` */
export function invalidParameter(what: string, cause?: unknown): AwsError {
  return new AwsError("InvalidParameterException", `Invalid parameter: ${what}`, { cause });
}

/** Of a message attribute; SNS has a code of its own for these. */
export function invalidValue(message: string): AwsError {
  return new AwsError("InvalidParameterValueException", message);
}

export function topicNotFound(): AwsError {
  return new AwsError("NotFoundException", "Topic does not exist", { status: 404 });
}

export function subscriptionNotFound(): AwsError {
  return new AwsError("NotFoundException", "Subscription does not exist", { status: 404 });
}

/** What Sagebrush does not do although SNS does, by name. */
export function unsupported(what: string, because: string): AwsError {
  return invalidParameter(`${what} is not supported by Sagebrush: ${because}`);
}

/** `because` where nothing is encrypted with keys of KMS. */
export const noKms = "there are no keys of KMS";
/** `because` where FIFO is asked for. */
export const noFifo = "topics are standard topics, not FIFO";
