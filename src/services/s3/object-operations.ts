/** Operations on objects: put, get, head, copy, delete. */
import type {
  DeletedObject,
  Error as ErrorEntry,
  GetObjectOutput,
  GetObjectRequest,
  HeadObjectOutput,
  HeadObjectRequest,
  S3Operations,
} from "../../protocol/generated/s3.ts";
import { AwsError } from "../../protocol/aws-error.ts";
import type { OperationTable, RequestContext } from "../../protocol/service.ts";
import { actorOf, usableBucket } from "./access.ts";
import { checksumMembers, isChecksumName, verifyBufferedBody } from "./checksums.ts";
import { checkWriteConditions, evaluateRead, quote, rangeStillHolds } from "./conditions.ts";
import { invalidArgument, invalidRequest, s3Error } from "./errors.ts";
import { checkedStorageClass, checkKey } from "./names.ts";
import type { ObjectStore } from "./object-store.ts";
import { parseRange, partsCount, rangeOfPart, type ByteRange } from "./ranges.ts";
import type { ObjectDescription, StoredObject } from "./records.ts";
import {
  bodyRefusals,
  checksumAlgorithmRefusal,
  copySourceRefusals,
  deleteRefusals,
  objectRefusals,
  readRefusals,
} from "./refusals.ts";
import {
  checkVersionId,
  copySourceConditions,
  descriptionOf,
  noBody,
  parseCopySource,
  promisedBody,
} from "./requests.ts";

const maxDeletedObjects = 1000;

export function objectOperations(objects: ObjectStore): OperationTable<S3Operations> {
  return {
    PutObject: {
      refuses: [
        ...objectRefusals,
        ...bodyRefusals,
        { parameter: "WriteOffsetBytes", because: "there are no directory buckets, objects are replaced as a whole" },
      ],
      async handle(input, context) {
        const bucket = await usableBucket(objects, context, input.Bucket, input.ExpectedBucketOwner);
        checkKey(input.Key);
        const conditions = { ifMatch: input.IfMatch, ifNoneMatch: input.IfNoneMatch };
        checkWriteConditions(conditions);
        const object = await objects.put(bucket, input.Key, input.Body ?? noBody(), {
          description: descriptionOf(input),
          promised: promisedBody(input, context),
          conditions,
          actor: actorOf(context),
          signal: context.signal,
        });
        return { ETag: quote(object.etag), ...checksumMembers(object.checksum) };
      },
    },

    GetObject: {
      refuses: readRefusals,
      async handle(input, context) {
        const bucket = await usableBucket(objects, context, input.Bucket, input.ExpectedBucketOwner);
        checkReadable(input);
        const { view, body } = await objects.reading(bucket, input.Key, async (object) => {
          const view = viewOf(object, input, context);
          return { view, body: await objects.body(object, view.range) };
        });
        return answer({ ...view, Body: body }, context);
      },
    },

    HeadObject: {
      refuses: readRefusals,
      async handle(input, context) {
        const bucket = await usableBucket(objects, context, input.Bucket, input.ExpectedBucketOwner);
        checkReadable(input);
        return answer(
          await objects.reading(bucket, input.Key, async (object) => viewOf(object, input, context)),
          context,
        );
      },
    },

    CopyObject: {
      refuses: [...objectRefusals, ...copySourceRefusals, checksumAlgorithmRefusal],
      async handle(input, context) {
        const bucket = await usableBucket(objects, context, input.Bucket, input.ExpectedBucketOwner);
        checkKey(input.Key);
        const conditions = { ifMatch: input.IfMatch, ifNoneMatch: input.IfNoneMatch };
        checkWriteConditions(conditions);
        const source = parseCopySource(input.CopySource);
        const sourceBucket = await usableBucket(objects, context, source.bucket, input.ExpectedSourceBucketOwner);
        const { MetadataDirective: directive = "COPY", ChecksumAlgorithm: algorithm } = input;
        if (directive !== "COPY" && directive !== "REPLACE") {
          throw invalidArgument("x-amz-metadata-directive", directive, "Unknown metadata directive.");
        }
        const replacement = directive === "REPLACE" ? descriptionOf(input) : undefined;
        const storageClass = checkedStorageClass(input.StorageClass);
        const toItself = sourceBucket.name === bucket.name && source.key === input.Key;
        const description = (object: StoredObject): ObjectDescription => {
          if (replacement !== undefined) return replacement;
          if (
            toItself &&
            algorithm === undefined &&
            (input.StorageClass ?? object.storageClass) === object.storageClass
          ) {
            throw invalidRequest(
              "This copy request is illegal because it is trying to copy an object to itself without changing the object's metadata, storage class, website redirect location or encryption attributes.",
            );
          }
          return { headers: object.headers, metadata: object.metadata, storageClass };
        };
        const object = await objects.copy(
          { bucket: sourceBucket, key: source.key },
          { bucket, key: input.Key },
          {
            sourceConditions: copySourceConditions(input),
            conditions,
            description,
            algorithm: isChecksumName(algorithm) ? algorithm : undefined,
            actor: actorOf(context),
            signal: context.signal,
          },
        );
        return {
          CopyObjectResult: {
            ETag: quote(object.etag),
            LastModified: new Date(object.lastModified),
            ...checksumMembers(object.checksum),
          },
        };
      },
    },

    DeleteObject: {
      refuses: [
        ...deleteRefusals,
        { parameter: "IfMatchLastModifiedTime", because: "only directory buckets have this condition" },
        { parameter: "IfMatchSize", because: "only directory buckets have this condition" },
      ],
      async handle(input, context) {
        const bucket = await usableBucket(objects, context, input.Bucket, input.ExpectedBucketOwner);
        checkKey(input.Key);
        checkVersionId(input.VersionId);
        await objects.delete(bucket, input.Key, { conditions: { ifMatch: input.IfMatch }, actor: actorOf(context) });
        return {};
      },
    },

    DeleteObjects: {
      refuses: [
        ...deleteRefusals,
        checksumAlgorithmRefusal,
        { parameter: "Delete.Objects[].LastModifiedTime", because: "only directory buckets have this condition" },
        { parameter: "Delete.Objects[].Size", because: "only directory buckets have this condition" },
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
        // Side by side, so that they share commits.
        const failures = await Promise.all(
          wanted.map(async ({ Key, VersionId, ETag }): Promise<ErrorEntry | undefined> => {
            try {
              checkKey(Key);
              checkVersionId(VersionId);
              await objects.delete(bucket, Key, { conditions: { ifMatch: ETag }, actor });
              return undefined;
            } catch (error) {
              if (!(error instanceof AwsError)) throw error;
              return {
                Key,
                Code: error.code,
                Message: error.message,
                ...(VersionId === undefined ? {} : { VersionId }),
              };
            }
          }),
        );
        const deleted = wanted.flatMap(({ Key, VersionId }, index): DeletedObject[] =>
          failures[index] === undefined ? [{ Key, ...(VersionId === undefined ? {} : { VersionId }) }] : [],
        );
        return {
          Deleted: input.Delete.Quiet === true ? [] : deleted,
          Errors: failures.filter((failure) => failure !== undefined),
        };
      },
    },
  };
}

type ReadRequest = GetObjectRequest | HeadObjectRequest;
type View = Omit<GetObjectOutput & HeadObjectOutput, "Body"> & { readonly range?: ByteRange | undefined };

/** @throws AwsError InvalidArgument, InvalidRequest, KeyTooLongError */
function checkReadable({ Key, VersionId, Range, PartNumber }: ReadRequest): void {
  checkKey(Key);
  checkVersionId(VersionId);
  if (Range !== undefined && PartNumber !== undefined) {
    throw invalidRequest("Cannot specify both Range header and partNumber query parameter");
  }
}

/**
 * What an object looks like to a request: all of it, a range, or a part.
 * @throws AwsError NotModified, PreconditionFailed, InvalidRange, InvalidPartNumber
 */
function viewOf(object: StoredObject, input: ReadRequest, context: RequestContext): View {
  const lastModified = new Date(object.lastModified);
  const fresh = evaluateRead(object, {
    ifMatch: input.IfMatch,
    ifNoneMatch: input.IfNoneMatch,
    ifModifiedSince: input.IfModifiedSince,
    ifUnmodifiedSince: input.IfUnmodifiedSince,
  });
  if (!fresh) {
    throw s3Error(
      "NotModified",
      {},
      { headers: { etag: quote(object.etag), "last-modified": lastModified.toUTCString() } },
    );
  }
  const asked = rangeStillHolds(context.headers["if-range"], object) ? parseRange(input.Range, object.size) : undefined;
  const range = input.PartNumber === undefined ? asked : rangeOfPart(object, input.PartNumber);
  const { headers, metadata, size } = object;
  const whole = range === undefined && input.PartNumber === undefined;
  const expires = input.ResponseExpires?.getTime() ?? headers.expires;
  return {
    range,
    AcceptRanges: "bytes",
    LastModified: lastModified,
    ETag: quote(object.etag),
    ContentLength: range === undefined ? size : range.end - range.start + 1,
    ContentRange: range && `bytes ${range.start}-${range.end}/${size}`,
    ContentType: input.ResponseContentType ?? headers.contentType ?? "binary/octet-stream",
    ContentEncoding: input.ResponseContentEncoding ?? headers.contentEncoding,
    ContentLanguage: input.ResponseContentLanguage ?? headers.contentLanguage,
    ContentDisposition: input.ResponseContentDisposition ?? headers.contentDisposition,
    CacheControl: input.ResponseCacheControl ?? headers.cacheControl,
    Expires: expires === undefined ? undefined : new Date(expires),
    Metadata: { ...metadata },
    StorageClass: object.storageClass === "STANDARD" ? undefined : object.storageClass,
    PartsCount: input.PartNumber === undefined ? undefined : partsCount(object),
    // The checksum is that of the whole: beside other bytes it would make clients discard good data.
    ...(whole && input.ChecksumMode === "ENABLED" ? checksumMembers(object.checksum) : {}),
  };
}

/** A range is "206 Partial Content", also when it covers everything. */
function answer<Output extends View>({ range, ...output }: Output, context: RequestContext): Omit<Output, "range"> {
  if (range !== undefined) context.setStatus?.(206);
  return output;
}
