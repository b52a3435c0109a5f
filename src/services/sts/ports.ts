/** What STS needs of IAM; wired in the server. */
import type { CredentialLookup } from "../../protocol/sigv4/credential.ts";

export interface AssumableRole {
  /** `arn:aws:iam::<account>:role/<path><name>` */
  readonly arn: string;
  readonly roleName: string;
  /** `AROA…` */
  readonly roleId: string;
  /** Seconds, 3600 to 43200. */
  readonly maxSessionDuration: number;
  /** JSON: who may assume it. */
  readonly trustPolicy: string;
}

export interface IdentityDirectory {
  /** undefined when the account has no role of this name */
  findRole(accountId: string, roleName: string): Promise<AssumableRole | undefined>;
  /** The access keys of users, `AKIA…`, that are active. Synchronous when it is known without waiting. */
  readonly findAccessKey: CredentialLookup;
  /** JSON of a managed policy that identities of the account may have: one of its own or of AWS; undefined when there is none. */
  managedPolicy(accountId: string, arn: string): Promise<string | undefined>;
}
