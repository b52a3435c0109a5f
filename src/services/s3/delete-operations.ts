/** DeleteObject and DeleteObjects. */
import type {
  DeletedObject,
  Error as ErrorEntry,
  ObjectIdentifier,
  S3Operations,
} from "../../protocol/generated/s3.ts";
import { AwsError } from "../../protocol/aws-error.ts";
import type { OperationTable } from "../../protocol/service.ts";
import { actorOf, usableBucket } from "./access.ts";
import { verifyBufferedBody } from "./checksums.ts";
import { invalidRequest, s3Error } from "./errors.ts";
import { checkKey } from "./names.ts";
import type { Deletion } from "./object-requests.ts";
import type { ObjectStore } from "./object-store.ts";
import { authorizeDelete } from "./permissions.ts";
import { checksumAlgorithmRefusal, deleteRefusals } from "./refusals.ts";
import { checkVersionId } from "./requests.ts";

const maxDeletedObjects = 1000;
const directoryOnly = "only directory buckets have this condition";

export function deleteOperations(objects: ObjectStore): OperationTable<S3Operations> {
  return {
    DeleteObject: {
      refuses: [
        ...deleteRefusals,
        { parameter: "IfMatchLastModifiedTime", because: directoryOnly },
        { parameter: "IfMatchSize", because: directoryOnly },
      ],
      async handle(input, context) {
        const bucket = await usableBucket(objects, context, input.Bucket, input.ExpectedBucketOwner);
        checkKey(input.Key);
        checkVersionId(input.VersionId);
        const { marker, versionId } = await objects.delete(bucket, input.Key, {
          conditions: { ifMatch: input.IfMatch },
          actor: actorOf(context),
          versionId: input.VersionId,
        });
        return { ...(versionId !== undefined && { VersionId: versionId }), ...(marker && { DeleteMarker: true }) };
      },
    },

    DeleteObjects: {
      refuses: [
        ...deleteRefusals,
        checksumAlgorithmRefusal,
        { parameter: "Delete.Objects[].LastModifiedTime", because: directoryOnly },
        { parameter: "Delete.Objects[].Size", because: directoryOnly },
      ],
      verifyBody(headers, body) {
        const digests = Object.keys(headers).filter(
          (name) => name === "content-md5" || name.startsWith("x-amz-checksum-"),
        );
        if (digests.length === 0) {
          throw invalidRequest("Missing required header for this request: Content-MD5 OR x-amz-checksum-*");
        }
        verifyBufferedBody(headers, body);
      },
      async handle(input, context) {
        const bucket = await usableBucket(objects, context, input.Bucket, input.ExpectedBucketOwner);
        const wanted = input.Delete.Objects;
        if (wanted.length === 0 || wanted.length > maxDeletedObjects) throw s3Error("MalformedXML");
        const actor = actorOf(context);
        const remove = async ({ Key, VersionId, ETag }: ObjectIdentifier): Promise<DeletedObject | ErrorEntry> => {
          try {
            checkKey(Key);
            checkVersionId(VersionId);
            await authorizeDelete(objects, bucket, { key: Key, versionId: VersionId }, context);
            const conditions = { ifMatch: ETag };
            return deletedEntry(
              Key,
              VersionId,
              await objects.delete(bucket, Key, { conditions, actor, versionId: VersionId }),
            );
          } catch (error) {
            if (!(error instanceof AwsError)) throw error;
            return { Key, Code: error.code, Message: error.message, ...(VersionId !== undefined && { VersionId }) };
          }
        };
        // Side by side, so that they share commits.
        const outcomes = await Promise.all(wanted.map(remove));
        return {
          Deleted: input.Delete.Quiet === true ? [] : outcomes.filter((outcome) => !("Code" in outcome)),
          Errors: outcomes.filter((outcome) => "Code" in outcome),
        };
      },
    },
  };
}

/** A marker that was removed is told by its own id, one that was made by the id it got. */
function deletedEntry(Key: string, VersionId: string | undefined, { marker, versionId }: Deletion): DeletedObject {
  return {
    Key,
    ...(VersionId !== undefined && { VersionId }),
    ...(marker && { DeleteMarker: true, DeleteMarkerVersionId: versionId! }),
  };
}
