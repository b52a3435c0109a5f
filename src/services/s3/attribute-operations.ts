/** GetObjectAttributes: what HEAD says of an object and its parts, in one answer. */
import type { GetObjectAttributesParts, ObjectAttributes, S3Operations } from "../../protocol/generated/s3.ts";
import type { OperationTable } from "../../protocol/service.ts";
import { usableBucket } from "./access.ts";
import { checksumMembers } from "./checksums.ts";
import { invalidArgument } from "./errors.ts";
import { pageSize } from "./listing-operations.ts";
import { checkKey } from "./names.ts";
import type { ObjectStore } from "./object-store.ts";
import { orHidden } from "./permissions.ts";
import type { StoredObject } from "./records.ts";
import { readRefusals } from "./refusals.ts";
import { checkVersionId, versionMember } from "./requests.ts";

const attributes: readonly ObjectAttributes[] = ["ETag", "Checksum", "ObjectParts", "StorageClass", "ObjectSize"];

export function attributeOperations(objects: ObjectStore): OperationTable<S3Operations> {
  return {
    GetObjectAttributes: {
      refuses: readRefusals,
      async handle(input, context) {
        const bucket = await usableBucket(objects, context, input.Bucket, input.ExpectedBucketOwner);
        checkKey(input.Key);
        checkVersionId(input.VersionId);
        const asked = new Set(input.ObjectAttributes);
        const unknown = [...asked].find((attribute) => !attributes.includes(attribute));
        if (unknown !== undefined) {
          throw invalidArgument("x-amz-object-attributes", unknown, "Invalid attribute name specified.");
        }
        const after = markerOf(input.PartNumberMarker);
        const limit = pageSize("x-amz-max-parts", input.MaxParts);
        const use = async (object: StoredObject) => ({
          LastModified: new Date(object.lastModified),
          ...versionMember(bucket, object.versionId),
          ...(asked.has("ETag") && { ETag: object.etag }),
          ...(asked.has("Checksum") && object.checksum && { Checksum: checksumMembers(object.checksum) }),
          ...(asked.has("ObjectParts") &&
            object.joined !== undefined && { ObjectParts: await partsOf(objects, object, after, limit) }),
          ...(asked.has("StorageClass") && { StorageClass: object.storageClass }),
          ...(asked.has("ObjectSize") && { ObjectSize: object.size }),
        });
        const reading = objects.reading(bucket, input.Key, use, input.VersionId);
        return orHidden(objects, bucket, context, reading);
      },
    },
  };
}

/** A page of the parts; those without checksums are only counted, as AWS does. */
async function partsOf(
  objects: ObjectStore,
  object: StoredObject,
  after: number,
  limit: number,
): Promise<GetObjectAttributesParts> {
  const all = await objects.parts(object);
  const { checksum } = object;
  if (checksum === undefined) return { TotalPartsCount: all.length };
  const following = all.filter(([number]) => number > after);
  const page = following.slice(0, limit);
  return {
    TotalPartsCount: all.length,
    PartNumberMarker: after,
    NextPartNumberMarker: page.at(-1)?.[0] ?? 0,
    MaxParts: limit,
    IsTruncated: following.length > page.length,
    Parts: page.map(([PartNumber, , Size, , value]) => ({
      PartNumber,
      Size,
      ...(value !== undefined && { [`Checksum${checksum.algorithm}`]: value }),
    })),
  };
}

/** @throws AwsError InvalidArgument */
function markerOf(marker = 0): number {
  if (Number.isInteger(marker) && marker >= 0 && marker <= 2 ** 31 - 1) return marker;
  throw invalidArgument(
    "part-number-marker",
    marker,
    "Argument part-number-marker must be an integer between 0 and 2147483647",
  );
}
