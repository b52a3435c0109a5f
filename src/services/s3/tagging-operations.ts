/** Tags of objects and their versions. */
import type { S3Operations } from "../../protocol/generated/s3.ts";
import type { OperationTable } from "../../protocol/service.ts";
import { actorOf, usableBucket } from "./access.ts";
import { verifyBufferedBody } from "./checksums.ts";
import { checkKey } from "./names.ts";
import type { ObjectStore } from "./object-store.ts";
import { orHidden } from "./permissions.ts";
import { checksumAlgorithmRefusal } from "./refusals.ts";
import { checkedObjectTags, checkVersionId, versionMember } from "./requests.ts";
import { tagSetOf } from "./settings/tag-set.ts";

export function taggingOperations(objects: ObjectStore): OperationTable<S3Operations> {
  return {
    GetObjectTagging: {
      async handle({ Bucket, Key, VersionId, ExpectedBucketOwner }, context) {
        const bucket = await usableBucket(objects, context, Bucket, ExpectedBucketOwner);
        checkKey(Key);
        checkVersionId(VersionId);
        const object = await orHidden(objects, bucket, context, objects.readable(bucket, Key, VersionId));
        return { TagSet: tagSetOf(object.tags ?? {}), ...versionMember(bucket, object.versionId) };
      },
    },

    PutObjectTagging: {
      refuses: [checksumAlgorithmRefusal],
      verifyBody: verifyBufferedBody,
      async handle({ Bucket, Key, VersionId, Tagging, ExpectedBucketOwner }, context) {
        const bucket = await usableBucket(objects, context, Bucket, ExpectedBucketOwner);
        checkKey(Key);
        checkVersionId(VersionId);
        const { tags } = checkedObjectTags(Tagging.TagSet);
        const object = await objects.amend(bucket, Key, {
          versionId: VersionId,
          change: () => ({ tags }),
          actor: actorOf(context),
          event: "ObjectTagging:Put",
        });
        return versionMember(bucket, object.versionId);
      },
    },

    DeleteObjectTagging: {
      async handle({ Bucket, Key, VersionId, ExpectedBucketOwner }, context) {
        const bucket = await usableBucket(objects, context, Bucket, ExpectedBucketOwner);
        checkKey(Key);
        checkVersionId(VersionId);
        const object = await objects.amend(bucket, Key, {
          versionId: VersionId,
          change: () => ({ tags: undefined }),
          actor: actorOf(context),
          event: "ObjectTagging:Delete",
        });
        return versionMember(bucket, object.versionId);
      },
    },
  };
}
