/** What STS needs of IAM; wired in the server. */

export interface AssumableRole {
  /** `arn:aws:iam::<account>:role/<path><name>` */
  readonly arn: string;
  readonly roleName: string;
  /** `AROA…` */
  readonly roleId: string;
  /** Seconds, 3600 to 43200. */
  readonly maxSessionDuration: number;
}

export interface RoleDirectory {
  /** undefined when the account has no role of this name */
  findRole(accountId: string, roleName: string): Promise<AssumableRole | undefined>;
}
