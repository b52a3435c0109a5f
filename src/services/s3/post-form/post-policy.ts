/**
 * The policy of a form: until when, and with which fields, a browser may upload.
 *
 * Source: Amazon S3 API Reference, "Browser-based uploads using POST": "POST policy".
 */
import type { AwsError } from "../../../protocol/aws-error.ts";
import { s3Error } from "../errors.ts";

/** Form fields by lower-cased name. */
export type FormFields = ReadonlyMap<string, string>;

export interface PostPolicy {
  /** ms since the epoch */
  readonly expiration: number;
  readonly conditions: readonly PostCondition[];
  /** How many bytes the file may have. */
  readonly length: { readonly least: number; readonly most: number } | undefined;
}

interface PostCondition {
  readonly match: "eq" | "starts-with";
  /** Lower-cased, without `$`. */
  readonly field: string;
  readonly value: string;
  /** As it stands in the policy, for the error. */
  readonly text: string;
}

/** Fields that no condition needs to allow. */
const free: ReadonlySet<string> = new Set(["x-amz-signature", "signature", "awsaccesskeyid", "policy", "file"]);

/** @throws AwsError InvalidPolicyDocument */
export function parsePostPolicy(base64: string): PostPolicy {
  let document: unknown;
  try {
    document = JSON.parse(Buffer.from(base64, "base64").toString("utf8"));
  } catch (error) {
    throw invalid("Invalid JSON.", error);
  }
  if (!isRecord(document)) throw invalid("Invalid JSON.");
  const { expiration, conditions } = document;
  if (expiration === undefined) throw invalid("Policy missing expiration.");
  if (conditions === undefined) throw invalid("Policy missing conditions.");
  const time =
    typeof expiration === "string" && /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z$/.test(expiration)
      ? Date.parse(expiration)
      : NaN;
  if (Number.isNaN(time)) throw invalid(`Invalid 'expiration' value: ${JSON.stringify(expiration)}`);
  if (!Array.isArray(conditions)) throw invalid("Invalid 'conditions' value: must be a List.");
  const fields: PostCondition[] = [];
  let length: PostPolicy["length"];
  for (const condition of conditions as unknown[]) {
    const range = lengthRange(condition);
    if (range === undefined) fields.push(...fieldConditions(condition));
    else length = range;
  }
  return { expiration: time, conditions: fields, length };
}

function lengthRange(condition: unknown): PostPolicy["length"] {
  if (!Array.isArray(condition) || String(condition[0]).toLowerCase() !== "content-length-range") return undefined;
  const [least, most] = condition.slice(1).map(Number);
  const valid = condition.length === 3 && Number.isSafeInteger(least) && Number.isSafeInteger(most) && least >= 0;
  if (!valid) throw invalid(`Invalid Condition: ${JSON.stringify(condition)}`);
  return { least, most };
}

/** `{ "acl": "private" }` or `["starts-with", "$key", "user/"]`. */
function fieldConditions(condition: unknown): PostCondition[] {
  if (isRecord(condition)) {
    return Object.entries(condition).map(([name, value]) => {
      if (typeof value !== "string") throw invalid(`Invalid Simple-Condition: value must be a string.`);
      return { match: "eq", field: name.toLowerCase(), value, text: JSON.stringify(["eq", `$${name}`, value]) };
    });
  }
  const [operator, field, value, ...more] = Array.isArray(condition) ? (condition as unknown[]) : [];
  const match = String(operator).toLowerCase();
  const valid = typeof field === "string" && field.startsWith("$") && typeof value === "string" && more.length === 0;
  if (!valid || (match !== "eq" && match !== "starts-with"))
    throw invalid(`Invalid Condition: ${JSON.stringify(condition)}`);
  return [{ match, field: field.slice(1).toLowerCase(), value, text: JSON.stringify(condition) }];
}

/**
 * Holds a form to its policy.
 * @param fields with the bucket under its name, and the key as it will be
 * @throws AwsError AccessDenied, saying which condition failed
 */
export function requirePolicy(policy: PostPolicy, fields: FormFields, now: number): void {
  if (now >= policy.expiration) throw denied("Policy expired.");
  for (const condition of policy.conditions) {
    if (!holds(condition, fields.get(condition.field))) throw denied(`Policy Condition failed: ${condition.text}`);
  }
  const named = new Set(policy.conditions.map(({ field }) => field));
  const extra = [...fields.keys()].filter(
    (name) => !named.has(name) && !free.has(name) && name !== "bucket" && !name.startsWith("x-ignore-"),
  );
  if (extra.length > 0) throw denied(`Extra input fields: ${extra.join(", ")}`);
}

function holds({ match, field, value }: PostCondition, given: string | undefined): boolean {
  if (match === "eq") return given === value;
  if (given === undefined) return value === "";
  // A field with several types is held to the condition type by type.
  const values = field === "content-type" ? given.split(",").map((type) => type.trim()) : [given];
  return values.every((each) => each.startsWith(value));
}

/** The file as it arrives, ending in an error when it has fewer or more bytes than the policy lets it. */
export async function* heldToLength(
  file: AsyncIterable<Uint8Array>,
  length: NonNullable<PostPolicy["length"]>,
): AsyncGenerator<Uint8Array> {
  let size = 0;
  for await (const chunk of file) {
    size += chunk.length;
    if (size > length.most) {
      throw s3Error("EntityTooLarge", { ProposedSize: size, MaxSizeAllowed: length.most });
    }
    yield chunk;
  }
  if (size < length.least) throw s3Error("EntityTooSmall", { ProposedSize: size, MinSizeAllowed: length.least });
}

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function invalid(why: string, cause?: unknown): AwsError {
  const error = s3Error("InvalidPolicyDocument", {}, { message: `Invalid Policy: ${why}` });
  if (cause !== undefined) error.cause = cause;
  return error;
}

function denied(why: string): AwsError {
  return s3Error("AccessDenied", {}, { message: `Invalid according to Policy: ${why}` });
}
