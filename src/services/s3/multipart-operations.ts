/** Operations on uploads in parts. */
import type { ChecksumType, CompletedPart, Part, S3Operations } from "../../protocol/generated/s3.ts";
import type { OperationTable } from "../../protocol/service.ts";
import { actorOf, usableBucket } from "./access.ts";
import {
  checksumAlgorithms,
  checksumMembers,
  checksumNames,
  isChecksumName,
  type ChecksumMembers,
  type ChecksumName,
} from "./checksums.ts";
import { checkWriteConditions, quote } from "./conditions.ts";
import { encryptionMembers } from "./encryption/object-encryption.ts";
import { invalidArgument, invalidRequest, s3Error } from "./errors.ts";
import { pageSize } from "./listing-operations.ts";
import type { ClaimedPart } from "./multipart-claims.ts";
import { checkKey } from "./names.ts";
import type { ObjectStore } from "./object-store.ts";
import { initiatorOf, ownerOf } from "./owner.ts";
import type { UploadedPart } from "./records.ts";
import {
  bodyRefusals,
  checksumAlgorithmRefusal,
  checksumValueRefusals,
  copySourceRefusals,
  objectRefusals,
  readRefusals,
} from "./refusals.ts";
import { orHidden } from "./permissions.ts";
import {
  abortMembers,
  copySourceConditions,
  expirationMember,
  newObject,
  noBody,
  parseCopySource,
  promisedBody,
  versionMember,
} from "./requests.ts";

export function multipartOperations(objects: ObjectStore): OperationTable<S3Operations> {
  const { uploads } = objects;
  return {
    CreateMultipartUpload: {
      refuses: [...objectRefusals, checksumAlgorithmRefusal],
      async handle(input, context) {
        const bucket = await usableBucket(objects, context, input.Bucket, input.ExpectedBucketOwner);
        checkKey(input.Key);
        const checksum = checksumOfUpload(input.ChecksumAlgorithm, input.ChecksumType);
        const body = { ...newObject(input, bucket, context), ...checksum, initiator: context.principal.arn };
        const upload = await uploads.create(bucket, input.Key, body, actorOf(context), input);
        return {
          Bucket: input.Bucket,
          Key: input.Key,
          UploadId: upload.uploadId,
          ChecksumAlgorithm: checksum?.checksumAlgorithm,
          ChecksumType: checksum?.checksumType,
          ...encryptionMembers(upload.encryption),
          ...abortMembers(bucket, upload),
        };
      },
    },

    UploadPart: {
      refuses: bodyRefusals,
      async handle(input, context) {
        const bucket = await usableBucket(objects, context, input.Bucket, input.ExpectedBucketOwner);
        const reference = { bucket, key: input.Key, uploadId: input.UploadId };
        const { part, upload } = await uploads.putPart(reference, input.PartNumber, input.Body ?? noBody(), {
          promised: promisedBody(input, context),
          actor: actorOf(context),
          signal: context.signal,
        });
        return { ETag: quote(part.etag), ...partChecksum(part), ...encryptionMembers(upload.encryption) };
      },
    },

    UploadPartCopy: {
      refuses: [...readRefusals, ...copySourceRefusals],
      async handle(input, context) {
        const bucket = await usableBucket(objects, context, input.Bucket, input.ExpectedBucketOwner);
        const source = parseCopySource(input.CopySource);
        const sourceBucket = await usableBucket(objects, context, source.bucket, input.ExpectedSourceBucketOwner);
        const reference = { bucket, key: input.Key, uploadId: input.UploadId };
        const copying = uploads.copyPart(
          reference,
          input.PartNumber,
          { ...source, bucket: sourceBucket },
          {
            range: input.CopySourceRange,
            sourceConditions: copySourceConditions(input),
            actor: actorOf(context),
            signal: context.signal,
          },
        );
        const { part, upload, source: copied } = await orHidden(objects, sourceBucket, context, copying);
        return {
          CopySourceVersionId: versionMember(sourceBucket, copied.versionId).VersionId,
          CopyPartResult: { ETag: quote(part.etag), LastModified: new Date(part.lastModified), ...partChecksum(part) },
          ...encryptionMembers(upload.encryption),
        };
      },
    },

    CompleteMultipartUpload: {
      refuses: [...readRefusals, ...checksumValueRefusals(), ...checksumValueRefusals("MultipartUpload.Parts[].")],
      async handle(input, context) {
        const bucket = await usableBucket(objects, context, input.Bucket, input.ExpectedBucketOwner);
        const conditions = { ifMatch: input.IfMatch, ifNoneMatch: input.IfNoneMatch };
        checkWriteConditions(conditions);
        const reference = { bucket, key: input.Key, uploadId: input.UploadId };
        const object = await uploads.complete(reference, {
          parts: (input.MultipartUpload?.Parts ?? []).map(claimedPart),
          conditions,
          claimed: { checksum: claimedChecksum(input), checksumType: input.ChecksumType, size: input.MpuObjectSize },
          actor: actorOf(context),
        });
        const path = [input.Bucket, ...input.Key.split("/")].map(encodeURIComponent).join("/");
        return {
          Location: `${context.baseUrl}/${path}`,
          Bucket: input.Bucket,
          Key: input.Key,
          ETag: quote(object.etag),
          ...checksumMembers(object.checksum),
          ...versionMember(bucket, object.versionId),
          ...encryptionMembers(object.encryption),
          ...expirationMember(bucket, object),
        };
      },
    },

    AbortMultipartUpload: {
      refuses: [{ parameter: "IfMatchInitiatedTime", because: "only directory buckets have this condition" }],
      async handle(input, context) {
        const bucket = await usableBucket(objects, context, input.Bucket, input.ExpectedBucketOwner);
        await uploads.abort({ bucket, key: input.Key, uploadId: input.UploadId }, actorOf(context));
        return {};
      },
    },

    ListParts: {
      refuses: readRefusals,
      async handle(input, context) {
        const bucket = await usableBucket(objects, context, input.Bucket, input.ExpectedBucketOwner);
        const { PartNumberMarker: marker = 0 } = input;
        if (!Number.isInteger(marker) || marker < 0 || marker > 2 ** 31 - 1) {
          throw invalidArgument(
            "part-number-marker",
            marker,
            "Argument part-number-marker must be an integer between 0 and 2147483647",
          );
        }
        const limit = pageSize("max-parts", input.MaxParts);
        const upload = await uploads.get({ bucket, key: input.Key, uploadId: input.UploadId });
        const { parts, truncated } =
          limit === 0
            ? { parts: [], truncated: false }
            : await uploads.listParts(bucket, input.UploadId, { after: marker, limit });
        return {
          Bucket: input.Bucket,
          Key: input.Key,
          UploadId: input.UploadId,
          PartNumberMarker: marker,
          NextPartNumberMarker: parts.at(-1)?.partNumber ?? 0,
          MaxParts: limit,
          IsTruncated: truncated,
          Parts: parts.map((part): Part => ({
            PartNumber: part.partNumber,
            LastModified: new Date(part.lastModified),
            ETag: quote(part.etag),
            Size: part.size,
            ...partChecksum(part),
          })),
          Initiator: initiatorOf(upload.initiator),
          Owner: ownerOf(bucket.accountId),
          StorageClass: upload.storageClass,
          ChecksumAlgorithm: upload.checksumAlgorithm,
          ChecksumType: upload.checksumType,
          ...abortMembers(bucket, upload),
        };
      },
    },
  };
}

/** Parts tell their checksum without a type: only wholes have one. */
function partChecksum({ checksum }: UploadedPart): ChecksumMembers {
  return checksum === undefined ? {} : { [`Checksum${checksum.algorithm}`]: checksum.value };
}

/** @throws AwsError MalformedXML when number or ETag is missing */
function claimedPart(part: CompletedPart): ClaimedPart {
  if (part.PartNumber === undefined || part.ETag === undefined) throw s3Error("MalformedXML");
  const checksums: Partial<Record<ChecksumName, string>> = {};
  for (const name of checksumNames) {
    const value = part[`Checksum${name}`];
    if (value !== undefined) checksums[name] = value;
  }
  return { partNumber: part.PartNumber, etag: part.ETag, checksums };
}

/** @throws AwsError InvalidRequest */
function claimedChecksum(input: ChecksumMembers): { algorithm: ChecksumName; value: string } | undefined {
  const [algorithm, second] = checksumNames.filter((name) => input[`Checksum${name}`] !== undefined);
  if (second !== undefined) {
    throw invalidRequest("Expecting a single x-amz-checksum- header. Multiple checksum Types are not allowed.");
  }
  return algorithm && { algorithm, value: input[`Checksum${algorithm}`]! };
}

/**
 * Algorithm and kind of an upload's checksum: of the whole bytes where parts can be joined and it is asked for
 * (CRC64NVME knows nothing else), else of the checksums of the parts.
 * @throws AwsError InvalidRequest
 */
function checksumOfUpload(
  algorithm: string | undefined,
  type: ChecksumType | undefined,
): { checksumAlgorithm: ChecksumName; checksumType: ChecksumType } | undefined {
  if (algorithm === undefined) {
    if (type === undefined) return undefined;
    throw invalidRequest("The x-amz-checksum-type header can only be used with the x-amz-checksum-algorithm header.");
  }
  if (!isChecksumName(algorithm)) {
    throw invalidRequest(
      "Checksum algorithm provided is unsupported. Please try again with any of the valid types: [CRC32, CRC32C, CRC64NVME, SHA1, SHA256]",
    );
  }
  const checksumType = type ?? (algorithm === "CRC64NVME" ? "FULL_OBJECT" : "COMPOSITE");
  const possible =
    checksumType === "COMPOSITE"
      ? algorithm !== "CRC64NVME"
      : checksumType === "FULL_OBJECT" && checksumAlgorithms[algorithm].join !== undefined;
  if (!possible) {
    throw invalidRequest(
      `The ${checksumType} checksum type cannot be used with the ${algorithm.toLowerCase()} checksum algorithm.`,
    );
  }
  return { checksumAlgorithm: algorithm, checksumType };
}
