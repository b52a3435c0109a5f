/** Access control lists of buckets. */
import type { S3Operations } from "../../../protocol/generated/s3.ts";
import type { OperationTable } from "../../../protocol/service.ts";
import { verifyBufferedBody } from "../checksums.ts";
import { canonicalUserId } from "../owner.ts";
import { aclOf, isOwnersAlone, ownersAlone, requireOwnersAlone, requireUnblocked } from "./acl.ts";
import { ownershipOf } from "./bucket-settings.ts";
import { s3Error } from "../errors.ts";
import type { SettingsStore } from "./settings-store.ts";

export function bucketAclOperations(store: SettingsStore): OperationTable<S3Operations> {
  return {
    GetBucketAcl: {
      async handle(input, context) {
        const { accountId, settings } = await store.bucket(input, context);
        return settings.acl ?? ownersAlone(canonicalUserId(accountId));
      },
    },

    PutBucketAcl: {
      verifyBody: verifyBufferedBody,
      async handle(input, context) {
        await store.change(input, context, (bucket) => {
          const owner = canonicalUserId(bucket.accountId);
          const acl = aclOf(input, owner, owner);
          if (acl === undefined) throw s3Error("MissingSecurityHeader");
          if (ownershipOf(bucket.settings) === "BucketOwnerEnforced") requireOwnersAlone(acl);
          requireUnblocked(acl, bucket, context.principal, "s3:PutBucketAcl");
          // Absent is what is also there after a list that grants the owner everything and others nothing.
          const isDefault = isOwnersAlone(acl) && acl.Grants?.some((grant) => grant.Permission === "FULL_CONTROL");
          return { acl: isDefault === true ? undefined : acl };
        });
      },
    },
  };
}
