/** The errors of CloudWatch. The old operations have codes of their own for mistakes, the later ones say ValidationError. */
import { AwsError } from "../../protocol/aws-error.ts";

export function invalidValue(message: string): AwsError {
  return new AwsError("InvalidParameterValueException", message);
}

export function invalidCombination(message: string): AwsError {
  return new AwsError("InvalidParameterCombinationException", message);
}

export function missingParameter(parameter: string): AwsError {
  return new AwsError("MissingRequiredParameterException", `The parameter ${parameter} is required.`);
}

export function validationError(message: string): AwsError {
  return new AwsError("ValidationError", message);
}

export function invalidNextToken(): AwsError {
  return new AwsError("InvalidNextToken", "The next token specified is invalid.");
}
