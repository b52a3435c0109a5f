/** Access control lists of buckets and objects, shown and set. */
import type { AccessControlPolicy, S3Operations } from "../../../protocol/generated/s3.ts";
import type { OperationTable, RequestContext } from "../../../protocol/service.ts";
import { actorOf } from "../access.ts";
import { verifyBufferedBody } from "../checksums.ts";
import { s3Error } from "../errors.ts";
import { checkKey } from "../names.ts";
import type { ObjectStore } from "../object-store.ts";
import { canonicalUserId } from "../owner.ts";
import { orHidden } from "../permissions.ts";
import type { Bucket } from "../records.ts";
import { checkVersionId } from "../requests.ts";
import { aclOf, isOwnersAlone, ownersAlone, requireOwnersAlone, requireUnblocked, type AclRequest } from "./acl.ts";
import { ownershipOf } from "./bucket-settings.ts";
import type { SettingsStore } from "./settings-store.ts";

export function aclOperations(store: SettingsStore, objects: ObjectStore): OperationTable<S3Operations> {
  return {
    GetBucketAcl: {
      async handle(input, context) {
        const bucket = await store.bucket(input, context);
        return bucket.settings.acl ?? ownersAlone(ownerIdOf(bucket));
      },
    },

    PutBucketAcl: {
      verifyBody: verifyBufferedBody,
      handle: (input, context) =>
        store.change(input, context, (bucket) => ({
          acl: newAcl(input, ownerIdOf(bucket), bucket, context, "s3:PutBucketAcl"),
        })),
    },

    GetObjectAcl: {
      async handle(input, context) {
        const bucket = await store.bucket(input, context);
        checkKey(input.Key);
        checkVersionId(input.VersionId);
        const read = objects.readable(bucket, input.Key, input.VersionId);
        const { acl } = await orHidden(objects, bucket, context, read);
        const listsCount = ownershipOf(bucket.settings) !== "BucketOwnerEnforced";
        return (listsCount ? acl : undefined) ?? ownersAlone(ownerIdOf(bucket));
      },
    },

    PutObjectAcl: {
      verifyBody: verifyBufferedBody,
      refuses: [{ parameter: "GrantWrite", because: "objects are written as a whole, by who may write to the bucket" }],
      async handle(input, context) {
        const bucket = await store.bucket(input, context);
        checkKey(input.Key);
        checkVersionId(input.VersionId);
        await objects.amend(bucket, input.Key, {
          versionId: input.VersionId,
          change: ({ acl }) => {
            const owner = acl?.Owner?.ID ?? ownerIdOf(bucket);
            return { acl: newAcl(input, owner, bucket, context, "s3:PutObjectAcl") };
          },
          actor: actorOf(context),
          event: "ObjectAcl:Put",
        });
        return {};
      },
    },
  };
}

function ownerIdOf({ accountId }: Bucket): string {
  return canonicalUserId(accountId);
}

/**
 * @returns undefined for the list that is also meant when there is none
 * @throws AwsError MissingSecurityHeader, AccessControlListNotSupported, AccessDenied, and those of `aclOf`
 */
function newAcl(
  input: AclRequest,
  owner: string,
  bucket: Bucket,
  { principal }: RequestContext,
  action: string,
): AccessControlPolicy | undefined {
  const bucketOwner = ownerIdOf(bucket);
  const acl = aclOf(input, owner, bucketOwner);
  if (acl === undefined) throw s3Error("MissingSecurityHeader");
  if (ownershipOf(bucket.settings) === "BucketOwnerEnforced") {
    requireOwnersAlone(acl);
    return undefined;
  }
  requireUnblocked(acl, bucket, principal, action);
  const hasFullControl = acl.Grants?.some(({ Permission }) => Permission === "FULL_CONTROL") === true;
  return owner === bucketOwner && hasFullControl && isOwnersAlone(acl) ? undefined : acl;
}
