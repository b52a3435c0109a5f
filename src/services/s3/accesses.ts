/**
 * One action on a bucket or object, with all that its owner has said about it: the bucket's policy, the lists of bucket
 * and object, and the public access block.
 */
import type { Access } from "../../protocol/access.ts";
import { AwsError } from "../../protocol/aws-error.ts";
import type { Permission } from "../../protocol/generated/s3.ts";
import type { Principal, RequestContext } from "../../protocol/service.ts";
import { conditionsOf } from "./access-conditions.ts";
import type { BucketFinder } from "./access.ts";
import { bucketArn, objectArn } from "./arns.ts";
import { canonicalUserId } from "./owner.ts";
import type { Bucket, StoredObject } from "./records.ts";
import { isGranted } from "./settings/acl.ts";
import { ownershipOf } from "./settings/bucket-settings.ts";
import { isPublicPolicy } from "./settings/public-access.ts";

export interface ObjectFinder extends BucketFinder {
  object(bucket: Bucket, key: string): Promise<StoredObject | undefined>;
  /** @throws AwsError NoSuchKey, NoSuchVersion, MethodNotAllowed */
  readable(bucket: Bucket, key: string, versionId?: string): Promise<StoredObject>;
}

export interface AccessTarget {
  /** Of the bucket. */
  readonly name: string;
  /** Absent when there is none of that name. */
  readonly bucket: Bucket | undefined;
  readonly key?: string;
  readonly versionId?: string;
}

export interface AccessContext extends Pick<RequestContext, "principal" | "headers"> {
  /** Of the operation: parameters are condition keys. */
  readonly input: Readonly<Record<string, unknown>>;
}

/** Permissions of a bucket's list, by what they let one do. */
const bucketPermissions: Readonly<Record<string, Permission>> = {
  "s3:ListBucket": "READ",
  "s3:ListBucketVersions": "READ",
  "s3:ListBucketMultipartUploads": "READ",
  "s3:PutObject": "WRITE",
  "s3:DeleteObject": "WRITE",
  "s3:AbortMultipartUpload": "WRITE",
  "s3:GetBucketAcl": "READ_ACP",
  "s3:PutBucketAcl": "WRITE_ACP",
};

/** Permissions of an object's list. */
const objectPermissions: Readonly<Record<string, Permission>> = {
  "s3:GetObject": "READ",
  "s3:GetObjectVersion": "READ",
  "s3:GetObjectTorrent": "READ",
  "s3:GetObjectAcl": "READ_ACP",
  "s3:GetObjectVersionAcl": "READ_ACP",
  "s3:PutObjectAcl": "WRITE_ACP",
  "s3:PutObjectVersionAcl": "WRITE_ACP",
};

/** What may depend on the tags that an object has. */
const tagActions: ReadonlySet<string> = new Set([
  "s3:DeleteObjectTagging",
  "s3:DeleteObjectVersionTagging",
  "s3:GetObject",
  "s3:GetObjectAcl",
  "s3:GetObjectTagging",
  "s3:GetObjectVersion",
  "s3:GetObjectVersionAcl",
  "s3:GetObjectVersionTagging",
  "s3:PutObjectAcl",
  "s3:PutObjectTagging",
  "s3:PutObjectVersionAcl",
  "s3:PutObjectVersionTagging",
]);

/** The account's root user keeps these whatever the policy says, so that nobody locks himself out. */
const policyActions: ReadonlySet<string> = new Set([
  "s3:GetBucketPolicy",
  "s3:PutBucketPolicy",
  "s3:DeleteBucketPolicy",
]);

/**
 * An action on a bucket or object, ready to be decided on. It reads nothing for the root user where there are neither
 * policy nor lists; an object is looked at where lists have a say, or where a policy may ask for the object's tags.
 */
export async function accessTo(
  objects: ObjectFinder,
  action: string,
  target: AccessTarget,
  context: AccessContext,
): Promise<Access> {
  const { name, bucket, key } = target;
  const resource = key === undefined ? bucketArn(name) : objectArn(name, key);
  if (bucket === undefined) return lazily({ action, resource }, () => conditionsOf(context, target));

  const { principal } = context;
  const policy = policyFor(bucket, action, principal);
  const listsCount = ownershipOf(bucket.settings) !== "BucketOwnerEnforced";
  const looks = listsCount || (tagActions.has(action) && mayAskForTags(policy, principal));
  const object = looks && key !== undefined ? await existing(objects, bucket, key, target.versionId) : undefined;
  const byList = listsCount ? listsSay(action, bucket, object, principal) : undefined;
  return lazily(
    {
      action,
      resource,
      owner: byList?.owner ?? bucket.accountId,
      ...(policy === undefined ? {} : { policy }),
      // Whom the dropped policy may have denied gets nothing from the lists either.
      ...(byList?.granted === true && !isRestricted(bucket, principal) ? { granted: true } : {}),
    },
    () => conditionsOf(context, target, object),
  );
}

/** Most accesses are the root user's, about which nobody asks: conditions are made when a policy is looked at. */
function lazily(access: Access, conditions: () => Access["conditions"]): Access {
  let made: Access["conditions"];
  return {
    ...access,
    get conditions() {
      return (made ??= conditions());
    },
  };
}

/** The root user has no policies of its own that could ask; of others' policies nothing is known here. */
function mayAskForTags(policy: string | undefined, { kind, session }: Principal): boolean {
  if (policy?.includes("s3:ExistingObjectTag/") === true) return true;
  return kind !== "anonymous" && (kind !== "root" || session?.policies !== undefined);
}

/** The bucket's policy as far as it counts for the caller. */
function policyFor({ accountId, settings }: Bucket, action: string, principal: Principal): string | undefined {
  const { policy } = settings;
  if (policy === undefined) return undefined;
  if (principal.accountId === accountId) {
    return principal.kind === "root" && policyActions.has(action) ? undefined : policy;
  }
  return isRestricted({ accountId, settings }, principal) ? undefined : policy;
}

/** RestrictPublicBuckets: a public policy counts for nobody but the account itself; strangers have nothing then. */
function isRestricted({ accountId, settings }: Pick<Bucket, "accountId" | "settings">, principal: Principal): boolean {
  const { policy, publicAccessBlock } = settings;
  if (principal.accountId === accountId || publicAccessBlock?.RestrictPublicBuckets !== true) return false;
  return policy !== undefined && isPublicPolicy(policy);
}

/**
 * What the lists of bucket and object say where they have a say. The owner of an object is who wrote it; the bucket's
 * policy counts for such objects too, as the bucket's owner means it.
 */
function listsSay(
  action: string,
  bucket: Bucket,
  object: StoredObject | undefined,
  principal: Principal,
): { readonly owner: string; readonly granted: boolean } {
  const grantedBy = (permission: Permission | undefined, acl = bucket.settings.acl) =>
    permission !== undefined && acl !== undefined && isGranted(acl, permission, bucket, principal);
  if (object?.acl === undefined || !Object.hasOwn(objectPermissions, action)) {
    return { owner: bucket.accountId, granted: grantedBy(bucketPermissions[action]) };
  }
  const owner = object.acl.Owner?.ID;
  return {
    owner: owner === canonicalUserId(principal.accountId) ? principal.accountId : ownerName(owner, bucket),
    granted: grantedBy(objectPermissions[action], object.acl),
  };
}

/** The account of a canonical id that is not the caller's; of a stranger the id itself, which is no account's. */
function ownerName(canonicalId: string | undefined, bucket: Bucket): string {
  return canonicalId === undefined || canonicalId === canonicalUserId(bucket.accountId)
    ? bucket.accountId
    : canonicalId;
}

/** An object, or one version of it, for those who decide by it. */
export async function existing(
  objects: ObjectFinder,
  bucket: Bucket,
  key: string,
  versionId: string | undefined,
): Promise<StoredObject | undefined> {
  if (versionId === undefined) return objects.object(bucket, key);
  try {
    return await objects.readable(bucket, key, versionId);
  } catch (error) {
    // That there is no such version is for the handler to say, to those who may ask.
    if (error instanceof AwsError) return undefined;
    throw error;
  }
}
