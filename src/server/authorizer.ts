/**
 * Asks the policies whether a caller may do what a request is about to do, and words the refusal as AWS does.
 */
import { evaluate } from "../authorization/evaluate.ts";
import type { CallerPolicies, Decision, PolicyType } from "../authorization/decision.ts";
import type { Access } from "../protocol/access.ts";
import { AwsError } from "../protocol/aws-error.ts";
import type { Principal } from "../protocol/service.ts";
import type { DeniedAccess } from "../services/sts/authorization-message.ts";
import type { ProtocolName } from "../protocol/service-model.ts";

/** Whose policies speak for a principal; IAM knows. */
export interface PolicySource {
  /** Synchronous when it is known without waiting. Nothing for a principal that is gone. */
  policiesOf(principal: Principal): CallerPolicies | Promise<CallerPolicies>;
}

/** What policies may ask about a request. */
export type RequestFacts = Readonly<Record<string, string | readonly string[]>>;

/** Seals why a call was denied, for administrators to open: STS's DecodeAuthorizationMessage. */
export interface MessageSeal {
  encode(denied: DeniedAccess): string;
}

/** Header in which every denied caller gets the sealed reason. */
export const messageHeader = "x-sagebrush-authorization-message";

export class Authorizer {
  readonly #source: PolicySource;
  readonly #seal: MessageSeal | undefined;

  /** @param seal without one, callers are not given the sealed reason */
  constructor(source: PolicySource, seal?: MessageSeal) {
    this.#source = source;
    this.#seal = seal;
  }

  /**
   * @param facts made only when a policy has to be looked at
   * @param deniedCode of services that have a word of their own for it
   * @throws AwsError AccessDenied for the first access that is not allowed
   */
  async authorize(
    principal: Principal,
    accesses: readonly Access[],
    facts: () => RequestFacts,
    protocol: ProtocolName,
    deniedCode?: string,
  ): Promise<void> {
    let policies: CallerPolicies | undefined;
    let known: RequestFacts | undefined;
    for (const access of accesses) {
      if (isRootAtHome(principal, access)) continue;
      policies ??= await this.#source.policiesOf(principal);
      known ??= facts();
      const decision = evaluate({ principal, policies, access, facts: known });
      if (decision.effect === "allow") continue;
      const headers = this.#sealed(principal, access, decision, known);
      throw accessDenied(principal, access, decision, { protocol, deniedCode, headers });
    }
  }

  /** The header with the sealed reason; none for strangers, whom the owner's policies do not concern. */
  #sealed(principal: Principal, access: Access, decision: Denial, facts: RequestFacts): Record<string, string> {
    if (this.#seal === undefined || isStranger(principal, access)) return {};
    const { action, resource } = access;
    const explicitDeny = decision.effect === "explicit-deny";
    const matched = explicitDeny ? decision.matched : [];
    const conditions = { ...facts, ...access.conditions };
    return { [messageHeader]: this.#seal.encode({ principal, action, resource, explicitDeny, matched, conditions }) };
  }
}

type Denial = Exclude<Decision, { effect: "allow" }>;

/** Whoever is not of the account that owns a resource. */
function isStranger(principal: Principal, { owner }: Access): boolean {
  return principal.kind === "anonymous" || (owner ?? principal.accountId) !== principal.accountId;
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
  access: Access,
  decision: Denial,
  answer: { protocol: ProtocolName; deniedCode: string | undefined; headers: Record<string, string> },
): AwsError {
  const { protocol, deniedCode, headers } = answer;
  const { action, resource } = access;
  const isXml = protocol === "rest-xml";
  if (isXml && isStranger(principal, access)) return new AwsError("AccessDenied", "Access Denied", { status: 403 });
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
  const message = `User: ${who} is not authorized to perform: ${action}${on} ${why}`;
  return new AwsError(deniedCode ?? code, message, { status, headers });
}
