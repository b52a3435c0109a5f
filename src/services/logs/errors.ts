/** The errors of CloudWatch Logs, in its words. */
import { AwsError } from "../../protocol/aws-error.ts";

export function invalid(message: string, cause?: unknown): AwsError {
  return new AwsError("InvalidParameterException", message, cause === undefined ? {} : { cause });
}

export function groupMissing(): AwsError {
  return new AwsError("ResourceNotFoundException", "The specified log group does not exist.");
}

export function streamMissing(): AwsError {
  return new AwsError("ResourceNotFoundException", "The specified log stream does not exist.");
}

export function alreadyExists(what: string, cause: unknown): AwsError {
  return new AwsError("ResourceAlreadyExistsException", `The specified ${what} already exists`, { cause });
}

export function limitExceeded(message: string): AwsError {
  return new AwsError("LimitExceededException", message);
}
