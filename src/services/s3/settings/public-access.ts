/**
 * What "public" means, and what a public access block makes of it.
 *
 * Source: Amazon S3 User Guide, "Blocking public access to your Amazon S3 storage", section 'The meaning of "public"'.
 */
import { parsePolicyDocument, type ConditionClause, type Statement } from "../../../authorization/index.ts";
import { AwsError } from "../../../protocol/aws-error.ts";
import type { AccessControlPolicy } from "../../../protocol/generated/s3.ts";
import type { Principal } from "../../../protocol/service.ts";
import { RecentlyUsed } from "../../../util/recently-used.ts";

export const allUsers = "http://acs.amazonaws.com/groups/global/AllUsers";
export const authenticatedUsers = "http://acs.amazonaws.com/groups/global/AuthenticatedUsers";

/** Whether a list grants anything to everybody, or to everybody with an account. */
export function isPublicAcl(acl: AccessControlPolicy): boolean {
  return (acl.Grants ?? []).some(({ Grantee: grantee }) => isPublicGroup(grantee?.URI));
}

export function isPublicGroup(uri: string | undefined): boolean {
  return uri === allUsers || uri === authenticatedUsers;
}

/** Every request in a bucket asks, and policies change rarely. */
const judged = new RecentlyUsed<string, { readonly isPublic: boolean }>(1000);

/** @param policy a document that was accepted */
export function isPublicPolicy(policy: string): boolean {
  let judgement = judged.get(policy);
  if (judgement === undefined) {
    judgement = { isPublic: parsePolicyDocument(policy).statements.some(isPublicStatement) };
    judged.set(policy, judgement);
  }
  return judgement.isPublic;
}

function isPublicStatement({ effect, principals, conditions }: Statement): boolean {
  if (effect !== "Allow") return false;
  const anybody =
    principals === undefined ||
    principals.negated ||
    principals.values.some((each) => each.type === "everyone" || (each.type === "AWS" && each.name.includes("*")));
  return anybody && !conditions.some(narrows);
}

/** Keys that say who calls, when they are held to fixed values. */
const callerKeys: ReadonlySet<string> = new Set([
  "aws:sourcearn",
  "aws:sourcevpc",
  "aws:sourcevpce",
  "aws:sourceowner",
  "aws:sourceaccount",
  "aws:sourceorgid",
  "aws:principalarn",
  "aws:principalaccount",
  "aws:principalorgid",
  "aws:principalorgpaths",
  "aws:userid",
  "s3:x-amz-server-side-encryption-aws-kms-key-id",
  "s3:dataaccesspointarn",
  "s3:dataaccesspointaccount",
]);

const positiveOperators = /^(foranyvalue:)?(stringequals|stringequalsignorecase|stringlike|arnequals|arnlike)$/;

function narrows({ operator, key, values }: ConditionClause): boolean {
  const name = key.toLowerCase();
  const test = operator.toLowerCase();
  if (name === "aws:sourceip") return test === "ipaddress" && values.every(isNarrowRange);
  return callerKeys.has(name) && positiveOperators.test(test) && values.every((value) => !/[*?]|\$\{/.test(value));
}

/** A range of addresses is public when it is as wide as the world: `/0` to `/7`, or `/0` to `/31` of IPv6. */
function isNarrowRange(range: string): boolean {
  const [address, bits] = range.split("/");
  if (bits === undefined) return true;
  return Number(bits) >= (address.includes(":") ? 32 : 8);
}

/** The refusal of something public by a public access block, in AWS's words. */
export function blockedByPublicAccessBlock(
  principal: Principal,
  action: string,
  resource: string,
  setting: "BlockPublicPolicy" | "BlockPublicAcls",
): AwsError {
  const what = setting === "BlockPublicPolicy" ? "public policies" : "public access control lists (ACLs)";
  return new AwsError(
    "AccessDenied",
    `User: ${principal.arn} is not authorized to perform: ${action} on resource: "${resource}" because ${what} are blocked by the ${setting} block public access setting.`,
    { status: 403 },
  );
}
