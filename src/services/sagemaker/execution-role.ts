/** The role under which a job or a model does its work. */
import { validationError } from "../../protocol/aws-error.ts";
import type { RoleDirectory } from "./ports.ts";

/** The service that acts under roles of SageMaker, as trust policies and `iam:PassedToService` name it. */
export const sagemakerPrincipal = "sagemaker.amazonaws.com";

/** @throws AwsError ValidationException when SageMaker could not act under the role */
export async function requireAssumableRole(roles: RoleDirectory, accountId: string, roleArn: string): Promise<void> {
  if (await roles.isAssumable(accountId, roleArn)) return;
  throw validationError(
    `Could not assume role ${roleArn}. Please ensure that the role exists and allows principal '${sagemakerPrincipal}' to assume the role.`,
  );
}
