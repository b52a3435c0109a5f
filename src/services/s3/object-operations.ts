/** Operations on objects and their versions: put, get, head, copy. */
import type {
  GetObjectOutput,
  GetObjectRequest,
  HeadObjectOutput,
  HeadObjectRequest,
  S3Operations,
} from "../../protocol/generated/s3.ts";
import type { OperationTable, RequestContext } from "../../protocol/service.ts";
import { actorOf, usableBucket } from "./access.ts";
import { checksumMembers, isChecksumName } from "./checksums.ts";
import { checkWriteConditions, evaluateRead, quote, rangeStillHolds } from "./conditions.ts";
import { attributeOperations } from "./attribute-operations.ts";
import { deleteOperations } from "./delete-operations.ts";
import { encryptionMembers } from "./encryption/object-encryption.ts";
import { invalidArgument, invalidRequest, s3Error } from "./errors.ts";
import { checkedStorageClass, checkKey } from "./names.ts";
import type { ObjectStore } from "./object-store.ts";
import { orHidden } from "./permissions.ts";
import { parseRange, partsCount, rangeOfPart, type ByteRange } from "./ranges.ts";
import type { Bucket, ObjectDescription, StoredObject } from "./records.ts";
import {
  bodyRefusals,
  checksumAlgorithmRefusal,
  copySourceRefusals,
  objectRefusals,
  readRefusals,
} from "./refusals.ts";
import {
  checkVersionId,
  copySourceConditions,
  descriptionOf,
  expirationMember,
  listOf,
  newObject,
  noBody,
  parseCopySource,
  promisedBody,
  redirectOf,
  taggingOf,
  versionMember,
} from "./requests.ts";
import { taggingOperations } from "./tagging-operations.ts";

export function objectOperations(objects: ObjectStore): OperationTable<S3Operations> {
  return {
    ...deleteOperations(objects),
    ...taggingOperations(objects),
    ...attributeOperations(objects),

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
          description: newObject(input, bucket, context),
          promised: promisedBody(input, context),
          conditions,
          encryption: input,
          // Forms of browsers come here, too (post-form/).
          event: context.operation === "PostObject" ? "ObjectCreated:Post" : "ObjectCreated:Put",
          actor: actorOf(context),
          signal: context.signal,
        });
        return {
          ETag: quote(object.etag),
          ...checksumMembers(object.checksum),
          ...versionMember(bucket, object.versionId),
          ...encryptionMembers(object.encryption),
          ...expirationMember(bucket, object),
          ...(input.SSEKMSEncryptionContext !== undefined && {
            SSEKMSEncryptionContext: input.SSEKMSEncryptionContext,
          }),
        };
      },
    },

    GetObject: {
      refuses: readRefusals,
      async handle(input, context) {
        const bucket = await usableBucket(objects, context, input.Bucket, input.ExpectedBucketOwner);
        checkReadable(input, context);
        const use = async (object: StoredObject) => {
          const view = { ...viewOf(bucket, object, input, context), ...(await partChecksum(objects, object, input)) };
          return { view, body: await objects.body(object, view.range) };
        };
        const { view, body } = await orHidden(
          objects,
          bucket,
          context,
          objects.reading(bucket, input.Key, use, input.VersionId),
        );
        return answer({ ...view, Body: body }, context);
      },
    },

    HeadObject: {
      refuses: readRefusals,
      async handle(input, context) {
        const bucket = await usableBucket(objects, context, input.Bucket, input.ExpectedBucketOwner);
        checkReadable(input, context);
        const use = async (object: StoredObject) => ({
          ...viewOf(bucket, object, input, context),
          ...(await partChecksum(objects, object, input)),
        });
        const reading = objects.reading(bucket, input.Key, use, input.VersionId);
        return answer(await orHidden(objects, bucket, context, reading), context);
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
        const { TaggingDirective: tagging = "COPY" } = input;
        if (tagging !== "COPY" && tagging !== "REPLACE") {
          throw invalidArgument("x-amz-tagging-directive", tagging, "Unknown tagging directive.");
        }
        const replacement = directive === "REPLACE" ? descriptionOf(input) : undefined;
        const list = listOf(input, bucket, context);
        const storageClass = checkedStorageClass(input.StorageClass);
        const redirect = redirectOf(input.WebsiteRedirectLocation);
        const newTags = taggingOf(input.Tagging);
        const toItself =
          sourceBucket.name === bucket.name && source.key === input.Key && source.versionId === undefined;
        const description = (object: StoredObject): ObjectDescription => {
          const tags = tagging === "REPLACE" ? newTags : object.tags && { tags: object.tags };
          const { tags: _tags, ...replaced } = replacement ?? {};
          if (replacement !== undefined) return { ...(replaced as ObjectDescription), ...tags, ...list };
          if (
            toItself &&
            algorithm === undefined &&
            tagging === "COPY" &&
            input.ServerSideEncryption === undefined &&
            redirect.redirect === undefined &&
            (input.StorageClass ?? object.storageClass) === object.storageClass
          ) {
            throw invalidRequest(
              "This copy request is illegal because it is trying to copy an object to itself without changing the object's metadata, storage class, website redirect location or encryption attributes.",
            );
          }
          return { headers: object.headers, metadata: object.metadata, storageClass, ...tags, ...redirect, ...list };
        };
        const copying = objects.copy(
          { ...source, bucket: sourceBucket },
          { bucket, key: input.Key },
          {
            sourceConditions: copySourceConditions(input),
            conditions,
            description,
            encryption: input,
            algorithm: isChecksumName(algorithm) ? algorithm : undefined,
            actor: actorOf(context),
            signal: context.signal,
          },
        );
        const { copy, source: copied } = await orHidden(objects, sourceBucket, context, copying);
        return {
          CopyObjectResult: {
            ETag: quote(copy.etag),
            LastModified: new Date(copy.lastModified),
            ...checksumMembers(copy.checksum),
          },
          CopySourceVersionId: versionMember(sourceBucket, copied.versionId).VersionId,
          ...versionMember(bucket, copy.versionId),
          ...encryptionMembers(copy.encryption),
          ...expirationMember(bucket, copy),
        };
      },
    },
  };
}

type ReadRequest = GetObjectRequest | HeadObjectRequest;
type View = Omit<GetObjectOutput & HeadObjectOutput, "Body"> & { readonly range?: ByteRange | undefined };

const overrides = [
  "ResponseCacheControl",
  "ResponseContentDisposition",
  "ResponseContentEncoding",
  "ResponseContentLanguage",
  "ResponseContentType",
  "ResponseExpires",
] as const;

/** @throws AwsError InvalidArgument, InvalidRequest, KeyTooLongError */
function checkReadable(input: ReadRequest, { principal }: RequestContext): void {
  const { Key, VersionId, Range, PartNumber } = input;
  checkKey(Key);
  checkVersionId(VersionId);
  if (Range !== undefined && PartNumber !== undefined) {
    throw invalidRequest("Cannot specify both Range header and partNumber query parameter");
  }
  // Whoever makes others see something else than what is stored must say who he is.
  if (principal.kind === "anonymous" && overrides.some((name) => input[name] !== undefined)) {
    throw invalidRequest("Request specific response headers cannot be used for anonymous GET requests.");
  }
}

/**
 * What an object looks like to a request: all of it, a range, or a part.
 * @throws AwsError NotModified, PreconditionFailed, InvalidRange, InvalidPartNumber
 */
function viewOf(bucket: Bucket, object: StoredObject, input: ReadRequest, context: RequestContext): View {
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
    TagCount: object.tags && Object.keys(object.tags).length,
    WebsiteRedirectLocation: object.redirect,
    ...encryptionMembers(object.encryption),
    // Older versions are removed by other rules, of which readers are not told.
    ...(input.VersionId === undefined ? expirationMember(bucket, object) : {}),
    ...versionMember(bucket, object.versionId),
    // The checksum is that of the whole: beside other bytes it would make clients discard good data.
    ...(whole && input.ChecksumMode === "ENABLED" ? checksumMembers(object.checksum) : {}),
  };
}

/** The checksum of the one part that a request asks for. */
async function partChecksum(
  objects: ObjectStore,
  object: StoredObject,
  { PartNumber: number, ChecksumMode }: ReadRequest,
): Promise<Partial<View>> {
  const { checksum } = object;
  if (number === undefined || ChecksumMode !== "ENABLED" || checksum === undefined) return {};
  if (object.joined === undefined) return checksumMembers(checksum);
  // Parts are counted as they lie in the object, whatever numbers they were uploaded under.
  const [, , , , value] = (await objects.parts(object))[number - 1];
  return value === undefined ? {} : { [`Checksum${checksum.algorithm}`]: value, ChecksumType: checksum.type };
}

/** A range is "206 Partial Content", also when it covers everything. */
function answer<Output extends View>({ range, ...output }: Output, context: RequestContext): Omit<Output, "range"> {
  if (range !== undefined) context.setStatus?.(206);
  return output;
}
