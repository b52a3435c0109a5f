/**
 * What each kind of policy may and must say, beyond the form that all have; the words are those of the services.
 *
 * Sources: IAM User Guide, "IAM JSON policy elements reference" and "Policy grammar notes"; S3 User Guide, "Bucket policies".
 */
import { invalidConditionValue } from "./conditions.ts";
import type { PolicyDocument, PrincipalName, Statement } from "./policy-document.ts";

/** "identity": what a user, group or role may do; "trust": who may assume a role; "resource": of a bucket, topic or queue. */
export type PolicyKind = "identity" | "trust" | "resource";

/** Refuses what lies below the statement: `["Action", 1]`. */
export type Refuse = (steps: readonly (string | number)[], message: string) => never;

/** Words for mistakes of form. */
interface Wording {
  readonly json: string;
  readonly syntax: string;
  readonly version: string;
  readonly noStatement: string;
  readonly member: (name: string) => string;
  readonly operator: (name: string) => string;
  readonly principal: (written: string) => string;
}

const syntaxErrors = "Syntax errors in policy.";
const iamWording: Wording = {
  json: "This policy contains invalid Json",
  syntax: syntaxErrors,
  version: syntaxErrors,
  noStatement: syntaxErrors,
  member: () => syntaxErrors,
  operator: () => syntaxErrors,
  principal: (written) => `Invalid principal in policy: ${written}`,
};
const resourceWording: Wording = {
  json: "Policies must be valid JSON and the first byte must be '{'",
  syntax: "Could not parse the policy: a value is not of the form that the policy language asks for",
  version: "The policy must contain a valid version string",
  noStatement: "Could not parse the policy: Statement is empty!",
  member: (name) => `Unknown field ${name}`,
  operator: (name) => `Invalid Condition type : ${name}`,
  principal: () => "Invalid principal in policy",
};

export function wordingOf(kind: PolicyKind | undefined): Wording {
  return kind === "resource" ? resourceWording : iamWording;
}

/** @param refuse called for the first rule that a statement, given by its index, breaks */
export function checkRules(
  { statements }: PolicyDocument,
  kind: PolicyKind,
  refuse: (index: number, ...mistake: Parameters<Refuse>) => never,
): void {
  const sids = new Set<string>();
  statements.forEach((statement, index) => {
    const refuseHere: Refuse = (steps, message) => refuse(index, steps, message);
    kindRules[kind](statement, refuseHere);
    checkSid(statement, sids, kind, refuseHere);
    for (const { operator, key, values } of statement.conditions) {
      const wrong = values.findIndex((value) => invalidConditionValue(operator, value));
      if (wrong !== -1) refuseHere(["Condition", operator, key, wrong], failedParsing[kind]);
    }
  });
}

const failedParsing: Readonly<Record<PolicyKind, string>> = {
  identity: "The policy failed legacy parsing",
  trust: "The policy failed legacy parsing",
  resource: resourceWording.syntax,
};

const kindRules: Readonly<Record<PolicyKind, (statement: Statement, refuse: Refuse) => void>> = {
  identity(statement: Statement, refuse: Refuse) {
    const { principals } = statement;
    if (principals !== undefined)
      refuse([named("Principal", principals)], "Policy document should not specify a principal.");
    if (isMissing(statement.actions)) refuse(["Action"], "Policy statement must contain actions.");
    checkEach(statement, "Action", vendorMistake, refuse);
    if (isMissing(statement.resources)) refuse(["Resource"], "Policy statement must contain resources.");
    checkEach(statement, "Resource", resourceMistake, refuse);
  },

  trust(statement: Statement, refuse: Refuse) {
    const { principals, resources } = statement;
    if (resources !== undefined)
      refuse([named("Resource", resources)], `Has prohibited field ${named("Resource", resources)}`);
    if (principals === undefined) refuse([], "Missing required field Principal");
    if (principals.negated) refuse(["NotPrincipal"], "Has prohibited field NotPrincipal");
    if (principals.values.length === 0) refuse(["Principal"], "Missing required field Principal cannot be empty!");
    checkPrincipals(statement, refuse, true);
    if (isMissing(statement.actions)) refuse(["Action"], "Missing required field Action");
    const message = "AssumeRole policy may only specify STS AssumeRole actions.";
    checkEach(statement, "Action", (action) => (/^(?:sts:.+|\*)$/i.test(action) ? undefined : message), refuse);
  },

  resource(statement: Statement, refuse: Refuse) {
    const { principals } = statement;
    if (principals === undefined) refuse([], "Missing required field Principal");
    if (principals.values.length === 0) {
      refuse([named("Principal", principals)], "Missing required field Principal cannot be empty!");
    }
    if (principals.negated && statement.effect === "Allow") {
      refuse(["NotPrincipal"], "Allow with NotPrincipal is not allowed.");
    }
    checkPrincipals(statement, refuse, false);
    if (isMissing(statement.actions)) refuse(["Action"], "Missing required field Action");
    const invalidAction = (action: string) =>
      vendorMistake(action) === undefined ? undefined : "Policy has invalid action";
    checkEach(statement, "Action", invalidAction, refuse);
    if (isMissing(statement.resources)) refuse(["Resource"], "Missing required field Resource");
    const invalidResource = (arn: string) =>
      resourceMistake(arn) === undefined ? undefined : "Policy has invalid resource";
    checkEach(statement, "Resource", invalidResource, refuse);
  },
};

function isMissing(element: Statement["actions"]): element is undefined {
  return element === undefined || element.values.length === 0;
}

function named(name: string, element: { readonly negated: boolean }): string {
  return element.negated ? `Not${name}` : name;
}

function checkEach(
  statement: Statement,
  name: "Action" | "Resource",
  mistakeOf: (value: string) => string | undefined,
  refuse: Refuse,
): void {
  const element = name === "Action" ? statement.actions : statement.resources;
  element?.values.forEach((value, index) => {
    const mistake = mistakeOf(value);
    if (mistake !== undefined) refuse([named(name, element), index], mistake);
  });
}

/** Sids are unique within a document; where IAM stores it, they are letters and digits. Empty ones do not count. */
function checkSid({ sid }: Statement, seen: Set<string>, kind: PolicyKind, refuse: Refuse): void {
  if (sid === undefined || sid === "") return;
  if (kind !== "resource" && !/^[0-9A-Za-z]*$/.test(sid)) {
    const rule = "Check that your input satisfies the regular expression [0-9A-Za-z]*";
    refuse(["Sid"], `Statement IDs (SID) must be alpha-numeric. ${rule}`);
  }
  if (seen.has(sid)) refuse(["Sid"], "Statement IDs (SID) in a single policy must be unique.");
  seen.add(sid);
}

const vendorPrefix = "Actions/Conditions must be prefaced by a vendor, e.g., iam, sdb, ec2, etc.";

function vendorMistake(action: string): string | undefined {
  if (action === "*") return undefined;
  const [vendor, name, ...more] = action.split(":");
  if (vendor === "" || name === undefined || name === "") return vendorPrefix;
  if (more.length > 0) return "Actions/Condition can contain only one colon.";
  if (vendor !== "*" && /[^a-zA-Z0-9.-]/.test(vendor)) return `Vendor ${vendor} is not valid`;
  return undefined;
}

/** Services whose resources are the same in every region. */
const regionless: Readonly<Record<string, (arn: string) => string>> = {
  iam: (arn) => `IAM resource ${arn} cannot contain region information.`,
  s3: (arn) => `Resource ${arn} can not contain region information.`,
};

function resourceMistake(arn: string): string | undefined {
  if (arn === "*") return undefined;
  if (!arn.includes(":")) return `Resource ${arn} must be in ARN format or "*".`;
  const [, partition, service, region, ...rest] = arn.split(":");
  if (!/^(?:aws(?:-[a-z-]+)?|[a-z-]*[*?][a-z*?-]*)$/.test(partition)) {
    const parts = [service, region, rest[0], rest.slice(1).join(":")].map((part) =>
      part === undefined || part === "" ? "*" : part,
    );
    return `Partition "${partition}" is not valid for resource "arn:${partition}:${parts.join(":")}".`;
  }
  if (service === undefined) return "Resource vendor must be fully qualified and cannot contain regexes.";
  // Fields may be left out at the end, but not in the middle.
  if (service === "" || (rest.length < 2 && arn.includes("::"))) return "The policy failed legacy parsing";
  if (region !== undefined && region !== "" && !/^[*?]+$/.test(region) && Object.hasOwn(regionless, service)) {
    return regionless[service](arn);
  }
  return undefined;
}

const account = /^[0-9]{12}$/;
const principalArn =
  /^arn:aws[a-z-]*:(?:iam::[0-9]{12}:(?:root|(?:user|role)\/[^*?\s]+)|sts::[0-9]{12}:(?:assumed-role\/[^*?\s/]+\/[^*?\s/]+|federated-user\/[^*?\s/]+))$/;
const servicePrincipal = /^(?:\*|[a-zA-Z0-9-]+(?:\.[a-zA-Z0-9-]+)+)$/;
const canonicalUser = /^[0-9a-f]{64}$/;

function checkPrincipals({ principals }: Statement, refuse: Refuse, isTrust: boolean): void {
  const seen = new Map<string, number>();
  for (const principal of principals?.values ?? []) {
    if (principal.type === "everyone") continue;
    const { type, name } = principal;
    const index = seen.get(type) ?? 0;
    seen.set(type, index + 1);
    if (isPrincipal(principal, isTrust)) continue;
    const who = isTrust ? `: "${type.toUpperCase()}":"${name}"` : "";
    refuse([named("Principal", principals!), type, index], `Invalid principal in policy${who}`);
  }
}

function isPrincipal(principal: Exclude<PrincipalName, { type: "everyone" }>, isTrust: boolean): boolean {
  const { name } = principal;
  switch (principal.type) {
    case "AWS":
      return name === "*" || account.test(name) || principalArn.test(name);
    case "Service":
      return servicePrincipal.test(name);
    case "Federated":
      return name !== "";
    case "CanonicalUser":
      return !isTrust && canonicalUser.test(name);
  }
}
