/**
 * Whom a Principal element names.
 * Source: IAM User Guide, "AWS JSON policy elements: Principal" and "AWS JSON policy elements: NotPrincipal".
 */
import type { Principal } from "../protocol/service.ts";
import type { PolicyElement, PrincipalName } from "./policy-document.ts";

/**
 * How an element names a caller, the most direct first: by itself (or as everyone); by the role or user behind its
 * session, whose limits stay; by its account, which must pass the permission on in a policy of its own.
 */
export type Naming = "caller" | "issuer" | "account";

/** @returns undefined when the element does not name the caller */
export function namingOf(names: readonly PrincipalName[], caller: Principal): Naming | undefined {
  let best: Naming | undefined;
  for (const name of names) {
    const naming = namingOfOne(name, caller);
    if (naming === "caller") return naming;
    if (naming === "issuer" || best === undefined) best = naming ?? best;
  }
  return best;
}

function namingOfOne(principal: PrincipalName, caller: Principal): Naming | undefined {
  if (principal.type === "everyone") return "caller";
  const { type, name } = principal;
  if (caller.kind === "service") {
    // Queues and topics that are open to `{ "AWS": "*" }` take what services send, too.
    return (type === "Service" && (name === caller.arn || name === "*")) || (type === "AWS" && name === "*")
      ? "caller"
      : undefined;
  }
  if (type !== "AWS") return undefined;
  if (name === "*") return "caller";
  if (caller.kind === "anonymous") return undefined;
  if (name === caller.accountId || isRootOf(name, caller.accountId)) {
    return caller.kind === "root" ? "caller" : "account";
  }
  if (name === caller.arn) return "caller";
  return name === caller.session?.issuerArn ? "issuer" : undefined;
}

function isRootOf(arn: string, accountId: string): boolean {
  return arn.startsWith("arn:") && arn.endsWith(`:iam::${accountId}:root`);
}

/**
 * Whether a statement with Principal or NotPrincipal is about the caller. NotPrincipal excepts whom it names themselves:
 * naming the account or the role of a caller does not except the caller.
 */
export function appliesTo(element: PolicyElement<PrincipalName>, caller: Principal): Naming | undefined {
  const naming = namingOf(element.values, caller);
  if (!element.negated) return naming;
  return naming === "caller" ? undefined : "caller";
}
