/**
 * The condition keys of a request: what its server, its service and its principal say of it.
 * Source: IAM User Guide, "AWS global condition context keys" and "Principal key values".
 */
import type { Principal } from "../protocol/service.ts";
import type { ConditionSource } from "./conditions.ts";
import type { Question } from "./decision.ts";

type Value = string | readonly string[] | undefined;

/** Keys of the principal and the resource, in lower case. Keys of tags are beside the table. */
const derivedKeys: Readonly<Record<string, (question: Question) => Value>> = {
  "aws:principalarn": ({ principal }) => principalArn(principal),
  "aws:principalaccount": ({ principal }) => (isIdentity(principal) ? principal.accountId : undefined),
  "aws:principaltype": ({ principal }) => principalTypes[principal.kind],
  "aws:principalisawsservice": ({ principal }) =>
    principal.kind === "anonymous" ? undefined : String(principal.kind === "service"),
  "aws:principalservicename": ({ principal }) => (principal.kind === "service" ? principal.arn : undefined),
  "aws:principalservicenameslist": ({ principal }) => (principal.kind === "service" ? [principal.arn] : undefined),
  "aws:userid": ({ principal }) => (principal.kind === "service" ? undefined : principal.userId),
  "aws:username": ({ principal }) =>
    principal.kind === "user" ? principal.arn.slice(principal.arn.lastIndexOf("/") + 1) : undefined,
  "aws:tokenissuetime": ({ principal }) => {
    const issuedAt = principal.session?.issuedAt;
    return issuedAt === undefined ? undefined : new Date(issuedAt).toISOString();
  },
  "aws:sourceidentity": ({ principal }) => principal.session?.sourceIdentity,
  // There are no second factors here. As in AWS, only temporary credentials say so; long-term ones lack the key.
  "aws:multifactorauthpresent": ({ principal }) => (principal.session === undefined ? undefined : "false"),
  "aws:resourceaccount": ({ principal, access }) =>
    access.owner ?? (isIdentity(principal) ? principal.accountId : undefined),
};

const principalTypes: Readonly<Record<Principal["kind"], string | undefined>> = {
  root: "Account",
  user: "User",
  "assumed-role": "AssumedRole",
  "federated-user": "FederatedUser",
  service: undefined,
  anonymous: "Anonymous",
};

const principalTag = "aws:principaltag/";

function isIdentity({ kind }: Principal): boolean {
  return kind !== "anonymous" && kind !== "service";
}

/** The role of a session, not the session. */
function principalArn(principal: Principal): string | undefined {
  if (!isIdentity(principal)) return undefined;
  return principal.kind === "assumed-role" ? (principal.session?.issuerArn ?? principal.arn) : principal.arn;
}

/**
 * The keys of one question, found in any case. Facts of the request go before what is derived, so that a simulation can
 * ask about another caller; what a service says of its access comes last.
 */
export class RequestContext implements ConditionSource {
  readonly #question: Question;
  readonly #found = new Map<string, Value>();
  #conditions: ReadonlyMap<string, string | readonly string[]> | undefined;
  #tags: ReadonlyMap<string, string> | undefined;

  constructor(question: Question) {
    this.#question = question;
  }

  values(key: string): Value {
    // Statements ask for the same keys again and again.
    let value = this.#found.get(key);
    if (value === undefined && !this.#found.has(key)) {
      value = this.#find(key);
      this.#found.set(key, value);
    }
    return value;
  }

  #find(key: string): Value {
    const fact = lowered(this.#question.facts).get(key);
    if (fact !== undefined) return fact;
    if (Object.hasOwn(derivedKeys, key)) return derivedKeys[key](this.#question);
    if (key.startsWith(principalTag)) return this.#tag(key.slice(principalTag.length));
    const { conditions } = this.#question.access;
    if (conditions === undefined) return undefined;
    this.#conditions ??= lowerCase(conditions);
    return this.#conditions.get(key);
  }

  single(key: string): string | undefined {
    const value = this.values(key);
    return typeof value === "string" ? value : undefined;
  }

  #tag(key: string): string | undefined {
    const { principal, policies } = this.#question;
    this.#tags ??= new Map([...lowerCase(policies.tags ?? {}), ...lowerCase(principal.session?.tags ?? {})]);
    return this.#tags.get(key);
  }
}

/** One request asks about several accesses with the same facts. */
const loweredFacts = new WeakMap<Question["facts"], ReadonlyMap<string, string | readonly string[]>>();

function lowered(facts: Question["facts"]): ReadonlyMap<string, string | readonly string[]> {
  let map = loweredFacts.get(facts);
  if (map === undefined) {
    map = lowerCase(facts);
    loweredFacts.set(facts, map);
  }
  return map;
}

function lowerCase<Kind>(record: Readonly<Record<string, Kind>>): Map<string, Kind> {
  return new Map(Object.entries(record).map(([key, value]) => [key.toLowerCase(), value]));
}
