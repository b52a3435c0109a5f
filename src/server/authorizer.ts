/**
 * Asks the policies whether a caller may do what a request is about to do, and words the refusal as AWS does.
 */
import { evaluate } from "../authorization/evaluate.ts";
import type { CallerPolicies, Decision, PolicyType } from "../authorization/decision.ts";
import type { Access } from "../protocol/access.ts";
import { AwsError } from "../protocol/aws-error.ts";
import type { Principal } from "../protocol/service.ts";
import type { ProtocolName } from "../protocol/service-model.ts";

/** Whose policies speak for a principal; IAM knows. */
export interface PolicySource {
  /** Synchronous when it is known without waiting. Nothing for a principal that is gone. */
  policiesOf(principal: Principal): CallerPolicies | Promise<CallerPolicies>;
}

/** What policies may ask about a request. */
export type RequestFacts = Readonly<Record<string, string | readonly string[]>>;

export class Authorizer {
  readonly #source: PolicySource;

  constructor(source: PolicySource) {
    this.#source = source;
  }

  /**
   * @param facts made only when a policy has to be looked at
   * @throws AwsError AccessDenied for the first access that is not allowed
   */
  async authorize(
    principal: Principal,
    accesses: readonly Access[],
    facts: () => RequestFacts,
    protocol: ProtocolName,
  ): Promise<void> {
    let policies: CallerPolicies | undefined;
    let known: RequestFacts | undefined;
    for (const access of accesses) {
      if (isRootAtHome(principal, access)) continue;
      policies ??= await this.#source.policiesOf(principal);
      known ??= facts();
      const decision = evaluate({ principal, policies, access, facts: known });
      if (decision.effect !== "allow") throw accessDenied(principal, access, decision, protocol);
    }
  }
}

/** The root user may do everything in its account, unless the resource itself has something to say. */
export function isRootAtHome(principal: Principal, access: Access): boolean {
  return (
    principal.kind === "root" &&
    principal.session?.policies === undefined &&
    access.policy === undefined &&
    (access.owner ?? principal.accountId) === principal.accountId
  );
}

const policyNames: Readonly<Record<PolicyType, string>> = {
  "identity-based": "identity-based policy",
  "resource-based": "resource-based policy",
  "permissions boundary": "permissions boundary",
  session: "session policy",
};

/**
 * Who, which action, which resource, and why, in AWS's words. Strangers to a resource are told nothing of it.
 * Source: IAM User Guide, "Troubleshoot access denied error messages".
 */
function accessDenied(
  principal: Principal,
  { action, resource, owner }: Access,
  decision: Exclude<Decision, { effect: "allow" }>,
  protocol: ProtocolName,
): AwsError {
  const isXml = protocol === "rest-xml";
  const stranger = principal.kind === "anonymous" || (owner ?? principal.accountId) !== principal.accountId;
  if (isXml && stranger) return new AwsError("AccessDenied", "Access Denied", { status: 403 });
  const who = principal.kind === "anonymous" ? "anonymous" : principal.arn;
  // Some actions have no resource; AWS leaves it out of the sentence then.
  const on = resource === "*" ? "" : ` on resource: ${isXml ? `"${resource}"` : resource}`;
  const policy = policyNames[decision.type];
  const why =
    decision.effect === "explicit-deny"
      ? `with an explicit deny in ${policy.startsWith("i") ? "an" : "a"} ${policy}`
      : `because no ${policy} allows the ${action} action`;
  const [code, status] =
    isXml || protocol === "query" || protocol === "ec2"
      ? (["AccessDenied", 403] as const)
      : (["AccessDeniedException", protocol === "rest-json" ? 403 : 400] as const);
  return new AwsError(code, `User: ${who} is not authorized to perform: ${action}${on} ${why}`, { status });
}
