/**
 * The evaluation of policies: explicit deny first, then who must allow.
 *
 * Within an account the identity's own policies suffice, inside the limits of its boundary and its session; or the
 * resource's policy, the more freely the more directly it names the caller. Across accounts both sides must allow.
 * Sources: IAM User Guide, "Policy evaluation logic", "Cross-account policy evaluation logic" and "Permissions
 * boundaries for IAM entities".
 */
import { RequestContext } from "./context-keys.ts";
import type { Decision, MatchedStatement, PolicyType, Question } from "./decision.ts";
import type { PolicyElement, PrincipalName } from "./policy-document.ts";
import { compiledPolicy, type Policy } from "./policy.ts";
import { appliesTo, type Naming } from "./principals.ts";

/** What the policies of one type say. */
interface Votes {
  readonly allows: readonly MatchedStatement[];
  readonly denies: readonly MatchedStatement[];
  /** Of a resource's policy: how the most direct of the statements that allow it names the caller. */
  readonly naming: Naming | undefined;
}

/** @returns allow only when every type of policy that has a say allows it and none denies it */
export function evaluate(question: Question): Decision {
  const { principal, policies, access } = question;
  const context = new RequestContext(question);
  const sessionPolicies =
    policies.session ??
    principal.session?.policies?.map((text, index) => compiledPolicy(text, `session policy ${index + 1}`));
  const identity = vote(policies.identity, "identity-based", question, context);
  const boundary = policies.boundary && vote([policies.boundary], "permissions boundary", question, context);
  const session = sessionPolicies && vote(sessionPolicies, "session", question, context);
  const resource =
    access.policy === undefined
      ? noVotes
      : vote([compiledPolicy(access.policy, access.resource)], "resource-based", question, context);

  const denies = [identity, boundary, session, isRescue(question) ? noVotes : resource].flatMap(
    (votes) => votes?.denies ?? [],
  );
  if (denies.length > 0) return { effect: "explicit-deny", type: denies[0].type, matched: denies };

  const missing = missingAllow(question, {
    identity: identity.allows.length > 0,
    boundary: boundary === undefined || boundary.allows.length > 0,
    session: session === undefined ? principal.kind !== "federated-user" : session.allows.length > 0,
    naming: resource.naming,
  });
  if (missing !== undefined) return { effect: "implicit-deny", type: missing };
  const matched = [identity, boundary, session, resource].flatMap((votes) => votes?.allows ?? []);
  return { effect: "allow", matched };
}

const noVotes: Votes = { allows: [], denies: [], naming: undefined };

function vote(policies: readonly Policy[], type: PolicyType, question: Question, context: RequestContext): Votes {
  const allows: MatchedStatement[] = [];
  const denies: MatchedStatement[] = [];
  let best: Naming | undefined;
  const { explain = false, access } = question;
  const { action, resource } = access;
  for (const policy of policies) {
    for (const statement of policy.statementsFor(action)) {
      if (statement.effect === "Allow" && !explain && isSettled(type, allows, best)) continue;
      let naming: Naming | undefined;
      if (type === "resource-based") {
        naming = statement.principals && namingIn(statement.principals, statement.effect, question);
        if (naming === undefined) continue;
      }
      if (!statement.matchesResource(resource, context)) continue;
      if (!statement.conditionsHold(context)) continue;
      const matched: MatchedStatement = { type, policy: policy.name, statement: statement.index };
      if (statement.effect === "Deny") denies.push(matched);
      else {
        allows.push(matched);
        best = moreDirect(best, naming);
      }
    }
  }
  return { allows, denies, naming: best };
}

/** Whether no further statement that allows could change the decision. */
function isSettled(type: PolicyType, allows: readonly MatchedStatement[], naming: Naming | undefined): boolean {
  return type === "resource-based" ? naming === "caller" : allows.length > 0;
}

/**
 * A Deny with NotPrincipal always meets callers that have a permissions boundary.
 * Source: IAM User Guide, "AWS JSON policy elements: NotPrincipal", key points.
 */
function namingIn(
  principals: PolicyElement<PrincipalName>,
  effect: "Allow" | "Deny",
  { principal, policies }: Question,
): Naming | undefined {
  if (principals.negated && effect === "Deny" && policies.boundary !== undefined) return "caller";
  return appliesTo(principals, principal);
}

const directness: readonly (Naming | undefined)[] = [undefined, "account", "issuer", "caller"];

function moreDirect(one: Naming | undefined, other: Naming | undefined): Naming | undefined {
  return directness.indexOf(one) > directness.indexOf(other) ? one : other;
}

/** Which types of policy allow it; those that the caller does not have count as allowing. */
interface Allowed {
  readonly identity: boolean;
  readonly boundary: boolean;
  readonly session: boolean;
  readonly naming: Naming | undefined;
}

/** @returns the first type of policy whose allow is missing; undefined when none is */
function missingAllow(question: Question, allowed: Allowed): PolicyType | undefined {
  const { principal, access } = question;
  const { naming } = allowed;
  const isGranted = naming !== undefined || (access.granted === true && access.policyRequired !== true);
  if (principal.kind === "anonymous" || principal.kind === "service") return isGranted ? undefined : "resource-based";

  const limit = !allowed.boundary ? "permissions boundary" : !allowed.session ? "session" : undefined;
  const ownSide = allowed.identity || isRoot(question) ? limit : "identity-based";
  if ((access.owner ?? principal.accountId) !== principal.accountId) {
    return ownSide ?? (isGranted ? undefined : "resource-based");
  }
  if (naming === "caller") return undefined;
  if (naming === "issuer") return limit;
  if (access.policyRequired === true && naming === undefined) return "resource-based";
  return ownSide;
}

/** The root user, or somebody it has federated: only the session limits what they may do. */
function isRoot({ principal }: Question): boolean {
  return (
    principal.kind === "root" ||
    (principal.kind === "federated-user" && principal.session?.issuerArn.endsWith(":root") === true)
  );
}

/** What the root user may always do to its own bucket, so that no bucket policy can lock everybody out. */
const rescueActions = new Set(["s3:getbucketpolicy", "s3:putbucketpolicy", "s3:deletebucketpolicy"]);

/** Whether it is one of these, done by the root user who owns the bucket. */
function isRescue({ principal, access }: Question): boolean {
  const isOwner = principal.kind === "root" && (access.owner ?? principal.accountId) === principal.accountId;
  return isOwner && rescueActions.has(access.action.toLowerCase());
}
