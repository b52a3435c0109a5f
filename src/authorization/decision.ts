/**
 * Whether a caller may do something: the question and the answer of policy evaluation.
 *
 * Source: IAM User Guide, "Policy evaluation logic" and "Cross-account policy evaluation logic".
 */
import type { Access } from "../protocol/access.ts";
import type { Principal } from "../protocol/service.ts";
import type { Policy } from "./policy.ts";

/** The policies that speak for a caller. */
export interface CallerPolicies {
  /** Inline and attached policies of the user, its groups, or the role. */
  readonly identity: readonly Policy[];
  /** Permissions boundary of the user or role. */
  readonly boundary?: Policy;
  /** Session policies; absent when the session has none. */
  readonly session?: readonly Policy[];
  /** Tags of the user or role (and of the session, which win): `aws:PrincipalTag/<key>`. */
  readonly tags?: Readonly<Record<string, string>>;
}

export interface Question {
  readonly principal: Principal;
  readonly policies: CallerPolicies;
  readonly access: Access;
  /** Global condition keys of the request, e.g. `aws:SourceIp`, `aws:CurrentTime`, `aws:SecureTransport`, `aws:RequestedRegion`; those of the principal are derived, unless given. */
  readonly facts: Readonly<Record<string, string | readonly string[]>>;
  /** Whether every statement that matches is wanted, as simulations tell them; else one that allows is enough of each type. */
  readonly explain?: boolean;
}

export type PolicyType = "identity-based" | "resource-based" | "permissions boundary" | "session";

export type Decision =
  | { readonly effect: "allow"; readonly matched: readonly MatchedStatement[] }
  /** A statement denies it. */
  | { readonly effect: "explicit-deny"; readonly type: PolicyType; readonly matched: readonly MatchedStatement[] }
  /** No statement of this type of policy allows it. */
  | { readonly effect: "implicit-deny"; readonly type: PolicyType };

export interface MatchedStatement {
  readonly type: PolicyType;
  /** Which policy: its name as given to `compilePolicy`. */
  readonly policy: string;
  /** Place in the document's list. */
  readonly statement: number;
}
