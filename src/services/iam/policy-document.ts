/**
 * The grammar of policy documents, as far as AWS checks it when a document is stored.
 * Source: AWS, "IAM JSON policy reference"; the wording is that of IAM's answers.
 */
import { AwsError } from "../../protocol/aws-error.ts";

/** "trust": who may assume a role; "identity": what a role may do. */
export type PolicyKind = "trust" | "identity";

const versions: readonly unknown[] = ["2008-10-17", "2012-10-17"];
const documentMembers = new Set(["Version", "Id", "Statement"]);
const statementMembers = new Set([
  "Sid",
  "Effect",
  "Principal",
  "NotPrincipal",
  "Action",
  "NotAction",
  "Resource",
  "NotResource",
  "Condition",
]);

function malformed(message: string): AwsError {
  return new AwsError("MalformedPolicyDocumentException", message);
}

/** @throws AwsError MalformedPolicyDocument, naming the first rule that the document breaks */
export function checkPolicyDocument(text: string, kind: PolicyKind): void {
  let document: unknown;
  try {
    document = JSON.parse(text);
  } catch {
    throw malformed("This policy contains invalid Json");
  }
  if (!isObject(document)) throw malformed("Syntax errors in policy.");
  const unknown = Object.keys(document).some((name) => !documentMembers.has(name));
  const badVersion = document["Version"] !== undefined && !versions.includes(document["Version"]);
  const statements = [document["Statement"]].flat();
  if (unknown || badVersion || statements.length === 0) throw malformed("Syntax errors in policy.");
  for (const statement of statements) checkStatement(statement, kind);
}

function checkStatement(statement: unknown, kind: PolicyKind): void {
  if (!isObject(statement)) throw malformed("Syntax errors in policy.");
  const has = (name: string) => statement[name] !== undefined;
  if (Object.keys(statement).some((name) => !statementMembers.has(name))) throw malformed("Syntax errors in policy.");
  if (!has("Effect")) throw malformed("Missing required field Effect");
  if (!["Allow", "Deny"].includes(statement["Effect"] as string)) {
    throw malformed(`Invalid effect: ${JSON.stringify(statement["Effect"]).replaceAll('"', "")}`);
  }
  const actions = listOf(statement["Action"] ?? statement["NotAction"]);
  if (kind === "trust") {
    for (const name of ["Resource", "NotResource"]) if (has(name)) throw malformed(`Has prohibited field ${name}`);
    if (!has("Principal") && !has("NotPrincipal")) throw malformed("Missing required field Principal");
    if (actions === undefined) throw malformed("Missing required field Action");
    if (actions.some((action) => !/^(sts:.+|\*)$/i.test(action))) {
      throw malformed("AssumeRole policy may only specify STS AssumeRole actions.");
    }
    return;
  }
  if (has("Principal") || has("NotPrincipal")) throw malformed("Policy document should not specify a principal.");
  if (actions === undefined) throw malformed("Policy statement must contain actions.");
  if (actions.some((action) => !/^(\*|[^:\s]+:\S+)$/.test(action))) {
    throw malformed("Actions/Conditions must be prefaced by a vendor, e.g., iam, sdb, ec2, etc.");
  }
  if (listOf(statement["Resource"] ?? statement["NotResource"]) === undefined) {
    throw malformed("Policy statement must contain resources.");
  }
}

/** One text or a list of texts, at least one; undefined for anything else. */
function listOf(value: unknown): string[] | undefined {
  const list = [value].flat();
  return list.length > 0 && list.every((item) => typeof item === "string") ? list : undefined;
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** Documents are answered percent-encoded (RFC 3986); SDKs for Python decode them, others hand them on. */
export function encodePolicyDocument(text: string): string {
  return encodeURIComponent(text).replace(
    /[!'()*]/g,
    (character) => `%${character.charCodeAt(0).toString(16).toUpperCase()}`,
  );
}
