/** What SageMaker needs of neighbouring services; the server wires it. */

/** Roles, as the platform may act under them; STS knows. */
export interface RoleDirectory {
  /** Whether the account has the role and its trust policy lets `sagemaker.amazonaws.com` assume it. */
  isAssumable(accountId: string, roleArn: string): Promise<boolean>;
}
