/**
 * Access control lists: made from canned names, headers and documents, and what they grant.
 *
 * They have a say only in buckets whose ownership lets them (not BucketOwnerEnforced). A list that is not kept means:
 * the bucket's owner has full control, nobody else has anything.
 * Source: Amazon S3 User Guide, "Access control list (ACL) overview".
 */
import type {
  AccessControlPolicy,
  BucketCannedACL,
  Grant,
  Grantee,
  ObjectCannedACL,
  Permission,
} from "../../../protocol/generated/s3.ts";
import type { Principal } from "../../../protocol/service.ts";
import { invalidArgument, invalidRequest, s3Error } from "../errors.ts";
import { canonicalUserId } from "../owner.ts";
import type { Bucket } from "../records.ts";
import { ownershipOf } from "./bucket-settings.ts";
import {
  allUsers,
  authenticatedUsers,
  blockedByPublicAccessBlock,
  isPublicAcl,
  isPublicGroup,
} from "./public-access.ts";

const logDelivery = "http://acs.amazonaws.com/groups/s3/LogDelivery";
const groups: readonly string[] = [allUsers, authenticatedUsers, logDelivery];
const permissions: readonly string[] = ["FULL_CONTROL", "READ", "WRITE", "READ_ACP", "WRITE_ACP"];
const maxGrants = 100;

/** How a request says who gets what: one of the three. */
export interface AclRequest {
  readonly ACL?: BucketCannedACL | ObjectCannedACL;
  readonly AccessControlPolicy?: AccessControlPolicy;
  readonly GrantFullControl?: string;
  readonly GrantRead?: string;
  readonly GrantReadACP?: string;
  readonly GrantWrite?: string;
  readonly GrantWriteACP?: string;
}

const grantHeaders = [
  ["GrantFullControl", "FULL_CONTROL"],
  ["GrantRead", "READ"],
  ["GrantReadACP", "READ_ACP"],
  ["GrantWrite", "WRITE"],
  ["GrantWriteACP", "WRITE_ACP"],
] as const;

export function asksForAcl(input: AclRequest): boolean {
  return input.ACL !== undefined || hasGrantHeaders(input);
}

function hasGrantHeaders(input: AclRequest): boolean {
  return grantHeaders.some(([member]) => input[member] !== undefined);
}

/**
 * The list of a new object.
 * @returns undefined for the bucket owner's alone, which needs no list
 * @throws AwsError AccessControlListNotSupported, InvalidArgument, InvalidRequest, AccessDenied
 */
export function objectAclOf(input: AclRequest, bucket: Bucket, principal: Principal): AccessControlPolicy | undefined {
  const bucketOwner = canonicalUserId(bucket.accountId);
  const ownership = ownershipOf(bucket.settings);
  const writer = canonicalUserId(principal.accountId);
  const given = ownership === "BucketOwnerPreferred" && input.ACL === "bucket-owner-full-control";
  const owner = ownership === "BucketOwnerEnforced" || given ? bucketOwner : writer;
  const acl = aclOf(input, owner, bucketOwner) ?? cannedAcl("private", owner, bucketOwner);
  if (ownership === "BucketOwnerEnforced") {
    requireOwnersAlone(acl);
    return undefined;
  }
  requireUnblocked(acl, bucket, principal, "s3:PutObject");
  return owner === bucketOwner && isOwnersAlone(acl) ? undefined : acl;
}

/**
 * The list that a request describes for what `owner` owns; undefined when it describes none.
 * @throws AwsError InvalidArgument, InvalidRequest, MalformedACLError
 */
export function aclOf(input: AclRequest, owner: string, bucketOwner: string): AccessControlPolicy | undefined {
  const ways = [input.ACL, input.AccessControlPolicy, hasGrantHeaders(input) || undefined];
  if (ways.filter((way) => way !== undefined).length > 1) {
    throw invalidRequest(
      input.AccessControlPolicy === undefined
        ? "Specifying both Canned ACLs and Header Grants is not allowed"
        : "This request does not support content",
    );
  }
  if (input.ACL !== undefined) return cannedAcl(input.ACL, owner, bucketOwner);
  if (input.AccessControlPolicy !== undefined) return checkedAcl(input.AccessControlPolicy, owner);
  if (!hasGrantHeaders(input)) return undefined;
  return grantsBy(
    owner,
    grantHeaders.flatMap(([member, permission]) =>
      granteesOf(input[member] ?? "").map((Grantee) => ({ Grantee, Permission: permission })),
    ),
  );
}

/** The list of a bucket or object that has none of its own. */
export function ownersAlone(owner: string): AccessControlPolicy {
  return grantsBy(owner, [grantTo({ Type: "CanonicalUser", ID: owner }, "FULL_CONTROL")]);
}

function cannedAcl(name: BucketCannedACL | ObjectCannedACL, owner: string, bucketOwner: string): AccessControlPolicy {
  const toGroup = (uri: string, permission: Permission) => grantTo({ Type: "Group", URI: uri }, permission);
  const toBucketOwner = (permission: Permission) =>
    owner === bucketOwner ? [] : [grantTo({ Type: "CanonicalUser", ID: bucketOwner }, permission)];
  const canned: Readonly<Record<string, readonly Grant[]>> = {
    private: [],
    "public-read": [toGroup(allUsers, "READ")],
    "public-read-write": [toGroup(allUsers, "READ"), toGroup(allUsers, "WRITE")],
    "authenticated-read": [toGroup(authenticatedUsers, "READ")],
    // Names EC2, of which there is none here.
    "aws-exec-read": [],
    "bucket-owner-read": toBucketOwner("READ"),
    "bucket-owner-full-control": toBucketOwner("FULL_CONTROL"),
    "log-delivery-write": [toGroup(logDelivery, "WRITE"), toGroup(logDelivery, "READ_ACP")],
  };
  if (!Object.hasOwn(canned, name)) throw invalidArgument("x-amz-acl", name, "Invalid canned ACL");
  const { Grants: owners = [] } = ownersAlone(owner);
  return grantsBy(owner, [...owners, ...canned[name]]);
}

function grantsBy(owner: string, grants: readonly Grant[]): AccessControlPolicy {
  return { Owner: { ID: owner }, Grants: [...grants] };
}

function grantTo(grantee: Grantee, permission: Permission): Grant {
  return { Grantee: grantee, Permission: permission };
}

/** A document of a client; the owner of what it is for cannot be changed by it. */
function checkedAcl({ Owner, Grants = [] }: AccessControlPolicy, owner: string): AccessControlPolicy {
  if (Owner?.ID === undefined || Grants.length > maxGrants) throw s3Error("MalformedACLError");
  if (Owner.ID !== owner) throw s3Error("AccessDenied");
  return grantsBy(
    owner,
    Grants.map(({ Grantee: grantee, Permission: permission }) => {
      if (grantee === undefined || permission === undefined || !permissions.includes(permission)) {
        throw s3Error("MalformedACLError");
      }
      return grantTo(checkedGrantee(grantee), permission);
    }),
  );
}

/** `id="…", uri="…"`: the value of a grant header. @throws AwsError InvalidArgument */
function granteesOf(header: string): Grantee[] {
  return header
    .split(",")
    .map((part) => part.trim())
    .filter((part) => part !== "")
    .map((part) => {
      const match = /^(id|uri|emailAddress)\s*=\s*"?([^"]*)"?$/i.exec(part);
      if (match === null) throw invalidArgument("x-amz-grant", part, "Argument format not recognized");
      const [, kind, value] = match;
      if (kind.toLowerCase() === "id") return checkedGrantee({ Type: "CanonicalUser", ID: value });
      if (kind.toLowerCase() === "uri") return checkedGrantee({ Type: "Group", URI: value });
      return checkedGrantee({ Type: "AmazonCustomerByEmail", EmailAddress: value });
    });
}

/** @throws AwsError InvalidArgument */
function checkedGrantee({ Type, ID, URI, EmailAddress }: Grantee): Grantee {
  if (EmailAddress !== undefined || Type === "AmazonCustomerByEmail") {
    throw invalidArgument(
      "EmailAddress",
      EmailAddress,
      "Accounts of Sagebrush have no e-mail addresses: name the canonical user id",
    );
  }
  if (URI !== undefined) {
    if (groups.includes(URI)) return { Type: "Group", URI };
    throw invalidArgument("Group/URI", URI, "Invalid group uri");
  }
  if (ID !== undefined && /^[0-9a-f]{64}$/.test(ID)) return { Type: "CanonicalUser", ID };
  throw invalidArgument("CanonicalUser/ID", ID, "Invalid id");
}

/** Whether a list says nothing that its absence does not say. */
export function isOwnersAlone({ Owner, Grants = [] }: AccessControlPolicy): boolean {
  return Grants.every(({ Grantee: grantee }) => grantee?.ID !== undefined && grantee.ID === Owner?.ID);
}

/** @throws AwsError AccessControlListNotSupported for a list that grants anything to others */
export function requireOwnersAlone(acl: AccessControlPolicy): void {
  if (!isOwnersAlone(acl)) throw s3Error("AccessControlListNotSupported");
}

/** @throws AwsError AccessDenied when the list is public and the bucket blocks public lists */
export function requireUnblocked(acl: AccessControlPolicy, bucket: Bucket, principal: Principal, action: string): void {
  if (bucket.settings.publicAccessBlock?.BlockPublicAcls !== true || !isPublicAcl(acl)) return;
  throw blockedByPublicAccessBlock(principal, action, `arn:aws:s3:::${bucket.name}`, "BlockPublicAcls");
}

/** Whether a list of this bucket grants a permission to the caller. */
export function isGranted(
  acl: AccessControlPolicy,
  permission: Permission,
  { settings }: Bucket,
  { kind, accountId }: Pick<Principal, "kind" | "accountId">,
): boolean {
  const ignoresPublic = settings.publicAccessBlock?.IgnorePublicAcls === true;
  const caller = canonicalUserId(accountId);
  return (acl.Grants ?? []).some(({ Grantee: grantee, Permission: given }) => {
    if (given !== permission && given !== "FULL_CONTROL") return false;
    if (grantee?.ID !== undefined) return grantee.ID === caller;
    if (ignoresPublic && isPublicGroup(grantee?.URI)) return false;
    return grantee?.URI === allUsers || (grantee?.URI === authenticatedUsers && kind !== "anonymous");
  });
}
