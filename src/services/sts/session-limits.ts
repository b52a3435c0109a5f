/**
 * What a session is issued with: its policies and tags, checked, and how much of their common space they take.
 *
 * Source: AWS STS API Reference, "AssumeRole" and "GetFederationToken"; IAM User Guide, "Pass session tags in AWS STS".
 */
import { deflateRawSync } from "node:zlib";
import { AwsError } from "../../protocol/aws-error.ts";
import type { PolicyDescriptorType, Tag } from "../../protocol/generated/sts.ts";
import type { Principal, SessionFacts } from "../../protocol/service.ts";
import { checkSessionPolicy } from "./session-policy.ts";
import { invalidParameter, validationError } from "./errors.ts";
import type { IdentityDirectory } from "./ports.ts";

const maxPolicyLength = 2048;
const maxPolicyArns = 10;
const maxTags = 50;
/** Bytes that policies and tags may take together once compressed. AWS does not say how it packs them; this is ours. */
const packedBytes = 2048;

export interface SessionRequest {
  readonly Policy?: string;
  readonly PolicyArns?: readonly PolicyDescriptorType[];
  readonly Tags?: readonly Tag[];
  readonly TransitiveTagKeys?: readonly string[];
}

export interface SessionGrant {
  readonly facts: Pick<SessionFacts, "policies" | "tags" | "transitiveTagKeys">;
  /** Percent of the allowed space; undefined when nothing was asked for. */
  readonly packedPolicySize: number | undefined;
}

/**
 * @param accountId whose managed policies may be named
 * @param caller    whose transitive tags go on in the new session
 * @throws AwsError MalformedPolicyDocument, PackedPolicyTooLarge, ValidationError, InvalidParameterValue
 */
export async function grantOf(
  request: SessionRequest,
  accountId: string,
  caller: Principal,
  directory: IdentityDirectory,
): Promise<SessionGrant> {
  const { tags, transitiveTagKeys } = sessionTags(request, caller);
  const policies = await sessionPolicies(request, accountId, directory);
  const asked = policies.length > 0 || (request.Tags ?? []).length > 0;
  return {
    facts: {
      ...(policies.length > 0 && { policies }),
      ...(Object.keys(tags).length > 0 && { tags }),
      ...(transitiveTagKeys.length > 0 && { transitiveTagKeys }),
    },
    packedPolicySize: asked ? packedSize(policies, tags) : undefined,
  };
}

async function sessionPolicies(
  { Policy, PolicyArns = [] }: SessionRequest,
  accountId: string,
  directory: IdentityDirectory,
): Promise<string[]> {
  if (Policy !== undefined && Policy.length > maxPolicyLength) {
    throw validationError(
      `1 validation error detected: Value at 'policy' failed to satisfy constraint: Member must have length less than or equal to ${maxPolicyLength}`,
    );
  }
  if (PolicyArns.length > maxPolicyArns) {
    throw validationError(
      `1 validation error detected: Value at 'policyArns' failed to satisfy constraint: Member must have length less than or equal to ${maxPolicyArns}`,
    );
  }
  const texts: string[] = [];
  if (Policy !== undefined) {
    checkSessionPolicy(Policy);
    texts.push(Policy);
  }
  for (const { arn = "" } of PolicyArns) {
    const text = await directory.managedPolicy(accountId, arn);
    if (text === undefined)
      throw malformed(`The managed policy ${arn} does not exist or cannot be used in this account.`);
    texts.push(text);
  }
  return texts;
}

function malformed(message: string): AwsError {
  return new AwsError("MalformedPolicyDocumentException", message);
}

/** The tags of the new session: those asked for, and those that the calling session passes on. */
function sessionTags(
  { Tags = [], TransitiveTagKeys = [] }: SessionRequest,
  { session }: Principal,
): { tags: Record<string, string>; transitiveTagKeys: string[] } {
  if (Tags.length > maxTags) throw invalidParameter(`A session can have at most ${maxTags} tags, got ${Tags.length}.`);
  const given = new Map<string, string>();
  for (const { Key } of Tags) {
    const folded = Key.toLowerCase();
    if (folded.startsWith("aws:"))
      throw invalidParameter(`The tag key "${Key}" is reserved: keys must not begin with "aws:".`);
    if (given.has(folded))
      throw invalidParameter("Duplicate tag keys found. Please note that Tag keys are case insensitive.");
    given.set(folded, Key);
  }
  for (const key of TransitiveTagKeys) {
    if (!given.has(key.toLowerCase())) {
      throw invalidParameter("The specified transitive tag key must be included in the requested tags.");
    }
  }
  const passedOn = session?.transitiveTagKeys ?? [];
  for (const key of passedOn) {
    if (given.has(key.toLowerCase())) {
      throw invalidParameter(
        "One of the specified transitive tag keys can't be set because it conflicts with a transitive tag key from the calling session.",
      );
    }
  }
  return {
    // Own properties, even where a key is called like one of every object.
    tags: Object.fromEntries([
      ...passedOn.map((key) => [key, session?.tags?.[key] ?? ""]),
      ...Tags.map(({ Key, Value }) => [Key, Value]),
    ]) as Record<string, string>,
    transitiveTagKeys: [...passedOn, ...TransitiveTagKeys.map((key) => given.get(key.toLowerCase())!)],
  };
}

/** @throws AwsError PackedPolicyTooLarge */
function packedSize(policies: readonly string[], tags: Readonly<Record<string, string>>): number {
  const packed = deflateRawSync(JSON.stringify([policies.map((text) => JSON.parse(text) as unknown), tags])).length;
  const percent = Math.ceil((packed * 100) / packedBytes);
  if (percent > 100) {
    throw new AwsError(
      "PackedPolicyTooLargeException",
      `Packed policy consumes ${percent}% of allotted space, please use smaller policy.`,
    );
  }
  return percent;
}
