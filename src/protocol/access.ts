/** One thing that a request does to one resource, as policies see it. */

export interface Access {
  /** `<prefix>:<Action>`, e.g. `s3:GetObject`, `iam:PassRole`. */
  readonly action: string;
  /** ARN, or `*` where the action has no resource. */
  readonly resource: string;
  /** The condition keys of this access beside the global ones, e.g. `{ "s3:prefix": "a/", "iam:PassedToService": "sagemaker.amazonaws.com" }`. */
  readonly conditions?: Readonly<Record<string, string | readonly string[]>>;
  /** Account that owns the resource; the caller's own unless given. Nobody else may use it without a grant of its own. */
  readonly owner?: string;
  /** The resource's own policy, JSON: a bucket policy, a trust policy, a topic policy. */
  readonly policy?: string;
  /** Granted by the resource by other means than a policy, e.g. an access control list. */
  readonly granted?: boolean;
  /**
   * What the resource's policy says must be said by it, even within the account: a role may be assumed only by whom its
   * trust policy names. Elsewhere the identity's own policies suffice within an account.
   */
  readonly policyRequired?: boolean;
}
