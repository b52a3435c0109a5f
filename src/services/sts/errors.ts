/** Errors of STS that have no shape in the description. */
import { AwsError } from "../../protocol/aws-error.ts";
import type { Principal } from "../../protocol/service.ts";

/** Query services spell this code without `Exception`. */
export function validationError(message: string): AwsError {
  return new AwsError("ValidationError", message);
}

export function invalidParameter(message: string): AwsError {
  return new AwsError("InvalidParameterValue", message);
}

export function accessDenied(message: string): AwsError {
  return new AwsError("AccessDenied", message, { status: 403 });
}

/** Also for a role that does not exist: nobody learns which roles there are. */
export function mayNotAssume(principal: Principal, roleArn: string): AwsError {
  return accessDenied(`User: ${principal.arn} is not authorized to perform: sts:AssumeRole on resource: ${roleArn}`);
}
