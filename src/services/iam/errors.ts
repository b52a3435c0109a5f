/** The refusals of IAM, in AWS's words. */
import { AwsError } from "../../protocol/aws-error.ts";

export function noSuchEntity(message: string): AwsError {
  return new AwsError("NoSuchEntityException", message, { status: 404 });
}

export function entityExists(message: string): AwsError {
  return new AwsError("EntityAlreadyExistsException", message, { status: 409 });
}

export function deleteConflict(message: string): AwsError {
  return new AwsError("DeleteConflictException", message, { status: 409 });
}

export function limitExceeded(message: string): AwsError {
  return new AwsError("LimitExceededException", message, { status: 409 });
}

export function quotaExceeded(quota: string, limit: number): AwsError {
  return limitExceeded(`Cannot exceed quota for ${quota}: ${limit}`);
}

export function invalidInput(message: string): AwsError {
  return new AwsError("InvalidInputException", message);
}

/** Query services spell this code without `Exception`. */
export function validationError(message: string): AwsError {
  return new AwsError("ValidationError", message);
}

export function unmodifiable(message: string): AwsError {
  return new AwsError("UnmodifiableEntityException", message);
}

export function malformedPolicy(message: string): AwsError {
  return new AwsError("MalformedPolicyDocumentException", message);
}
