import { AwsError } from "../../protocol/aws-error.ts";

export function invalidParameter(message: string, cause?: unknown): AwsError {
  return new AwsError("InvalidParameterException", message, { cause });
}
