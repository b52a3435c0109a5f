/** ListObjects, ListObjectsV2, ListObjectVersions and ListMultipartUploads. */
import type {
  DeleteMarkerEntry,
  EncodingType,
  MultipartUpload,
  Object_,
  ObjectVersion,
  Owner,
  S3Operations,
} from "../../protocol/generated/s3.ts";
import type { OperationTable } from "../../protocol/service.ts";
import { usableBucket } from "./access.ts";
import { quote } from "./conditions.ts";
import { invalidArgument } from "./errors.ts";
import { startAfter, type Listing, type ListingRow, type Start } from "./listing.ts";
import { decodeToken, encodeToken } from "./listing-tokens.ts";
import type { ObjectRow } from "./object-requests.ts";
import type { ObjectStore } from "./object-store.ts";
import { initiatorOf, ownerOf } from "./owner.ts";
import { nextKey, uploadName, type Bucket, type StoredObject, type StoredVersion, type Upload } from "./records.ts";
import { checkVersionId } from "./requests.ts";

const maxPage = 1000;

export function listingOperations(objects: ObjectStore): OperationTable<S3Operations> {
  return {
    ListObjects: {
      async handle(input, context) {
        const bucket = await usableBucket(objects, context, input.Bucket, input.ExpectedBucketOwner);
        const { Prefix: prefix = "", Delimiter: delimiter = "", Marker: marker = "", EncodingType } = input;
        const encode = encoder(EncodingType);
        const maxEntries = pageSize("maxKeys", input.MaxKeys);
        const listing = await objects.list(bucket, {
          prefix,
          delimiter,
          start: startAfter(marker, prefix, delimiter),
          maxEntries,
        });
        const last = lastName(listing);
        return {
          ...entriesOf(listing, encode, { bucket, withOwner: true }),
          Name: input.Bucket,
          Prefix: encode(prefix),
          Marker: encode(marker),
          ...(delimiter === "" ? {} : { Delimiter: encode(delimiter) }),
          MaxKeys: maxEntries,
          IsTruncated: listing.truncated,
          // Without a delimiter the last key is the marker of the next page, and AWS does not repeat it.
          ...(listing.truncated && delimiter !== "" && last !== undefined ? { NextMarker: encode(last) } : {}),
          ...(EncodingType && { EncodingType }),
        };
      },
    },

    ListObjectsV2: {
      async handle(input, context) {
        const bucket = await usableBucket(objects, context, input.Bucket, input.ExpectedBucketOwner);
        const { Prefix: prefix = "", Delimiter: delimiter = "", ContinuationToken, StartAfter, EncodingType } = input;
        const encode = encoder(EncodingType);
        const maxEntries = pageSize("maxKeys", input.MaxKeys);
        const after = ContinuationToken === undefined ? (StartAfter ?? "") : decodeToken(ContinuationToken);
        const listing = await objects.list(bucket, {
          prefix,
          delimiter,
          start: startAfter(after, prefix, delimiter),
          maxEntries,
        });
        const last = lastName(listing);
        return {
          ...entriesOf(listing, encode, { bucket, withOwner: input.FetchOwner === true }),
          Name: input.Bucket,
          Prefix: encode(prefix),
          ...(delimiter === "" ? {} : { Delimiter: encode(delimiter) }),
          MaxKeys: maxEntries,
          KeyCount: listing.entries.length,
          IsTruncated: listing.truncated,
          ...(ContinuationToken === undefined ? {} : { ContinuationToken }),
          ...(listing.truncated && last !== undefined ? { NextContinuationToken: encodeToken(last) } : {}),
          ...(StartAfter === undefined ? {} : { StartAfter: encode(StartAfter) }),
          ...(EncodingType && { EncodingType }),
        };
      },
    },

    ListObjectVersions: {
      async handle(input, context) {
        const bucket = await usableBucket(objects, context, input.Bucket, input.ExpectedBucketOwner);
        const { Prefix: prefix = "", Delimiter: delimiter = "", KeyMarker: keyMarker = "", EncodingType } = input;
        const { VersionIdMarker: versionIdMarker = "" } = input;
        if (versionIdMarker !== "") {
          checkVersionId(versionIdMarker);
          if (keyMarker === "") {
            const message = "A version-id marker cannot be specified without a key marker.";
            throw invalidArgument("version-id-marker", versionIdMarker, message);
          }
        }
        const encode = encoder(EncodingType);
        const maxEntries = pageSize("max-keys", input.MaxKeys);
        const listing = await objects.listVersions(bucket, {
          prefix,
          delimiter,
          keyMarker,
          versionIdMarker,
          maxEntries,
        });
        const last = listing.entries.at(-1);
        const entries = rowsOf(listing).map(({ version, isLatest }) => versionEntry(bucket, version, isLatest, encode));
        return {
          Name: input.Bucket,
          Prefix: encode(prefix),
          KeyMarker: encode(keyMarker),
          VersionIdMarker: versionIdMarker,
          ...(delimiter === "" ? {} : { Delimiter: encode(delimiter) }),
          MaxKeys: maxEntries,
          IsTruncated: listing.truncated,
          ...(listing.truncated && last !== undefined
            ? "row" in last
              ? { NextKeyMarker: encode(last.row.key), NextVersionIdMarker: last.row.version.versionId }
              : { NextKeyMarker: encode(last.commonPrefix) }
            : {}),
          Versions: entries.filter((entry): entry is ObjectVersion => "Size" in entry),
          DeleteMarkers: entries.filter((entry) => !("Size" in entry)),
          CommonPrefixes: commonPrefixesOf(listing, encode),
          ...(EncodingType && { EncodingType }),
        };
      },
    },

    ListMultipartUploads: {
      async handle(input, context) {
        const bucket = await usableBucket(objects, context, input.Bucket, input.ExpectedBucketOwner);
        const { Prefix: prefix = "", Delimiter: delimiter = "", KeyMarker: keyMarker = "", EncodingType } = input;
        // Without a key marker the upload id marker says nothing.
        const uploadIdMarker = keyMarker === "" ? "" : (input.UploadIdMarker ?? "");
        const encode = encoder(EncodingType);
        const maxEntries = pageSize("max-uploads", input.MaxUploads);
        const listing = await objects.uploads.list(bucket, {
          prefix,
          delimiter,
          start: startAfterUpload(keyMarker, uploadIdMarker, prefix, delimiter),
          maxEntries,
        });
        const last = listing.entries.at(-1);
        return {
          Bucket: input.Bucket,
          KeyMarker: encode(keyMarker),
          UploadIdMarker: uploadIdMarker,
          ...(prefix === "" ? {} : { Prefix: encode(prefix) }),
          ...(delimiter === "" ? {} : { Delimiter: encode(delimiter) }),
          MaxUploads: maxEntries,
          IsTruncated: listing.truncated,
          ...(listing.truncated && last !== undefined
            ? "row" in last
              ? { NextKeyMarker: encode(last.row.key), NextUploadIdMarker: last.row.upload.uploadId }
              : { NextKeyMarker: encode(last.commonPrefix), NextUploadIdMarker: "" }
            : {}),
          Uploads: rowsOf(listing).map(({ upload }) => uploadEntry(upload, bucket, encode)),
          CommonPrefixes: commonPrefixesOf(listing, encode),
          ...(EncodingType && { EncodingType }),
        };
      },
    },
  };
}

function startAfterUpload(keyMarker: string, uploadIdMarker: string, prefix: string, delimiter: string): Start {
  const start = startAfter(keyMarker, prefix, delimiter);
  if (keyMarker === "" || start.after === undefined) return start;
  return uploadIdMarker === "" ? { from: nextKey(keyMarker) } : { after: uploadName(keyMarker, uploadIdMarker) };
}

function entriesOf(
  listing: Listing<ObjectRow>,
  encode: (text: string) => string,
  { bucket, withOwner }: { bucket: Bucket; withOwner: boolean },
) {
  const ownerMember = (object: StoredObject) => (withOwner ? { Owner: ownerOfObject(bucket, object) } : {});
  return {
    Contents: rowsOf(listing).map(({ object }): Object_ => ({
      ...objectEntry(object, encode),
      ...ownerMember(object),
    })),
    CommonPrefixes: commonPrefixesOf(listing, encode),
  };
}

function ownerOfObject(bucket: Bucket, { acl }: StoredObject): Owner {
  return acl?.Owner ?? ownerOf(bucket.accountId);
}

function objectEntry(object: StoredObject, encode: (text: string) => string): Object_ {
  const { checksum } = object;
  return {
    Key: encode(object.key),
    LastModified: new Date(object.lastModified),
    ETag: quote(object.etag),
    Size: object.size,
    StorageClass: object.storageClass as Object_["StorageClass"],
    ...(checksum && { ChecksumAlgorithm: [checksum.algorithm], ChecksumType: checksum.type }),
  };
}

function versionEntry(
  bucket: Bucket,
  version: StoredVersion,
  IsLatest: boolean,
  encode: (text: string) => string,
): ObjectVersion | DeleteMarkerEntry {
  const facts = { Key: encode(version.key), VersionId: version.versionId, IsLatest };
  if (version.marker) {
    return { ...facts, LastModified: new Date(version.lastModified), Owner: ownerOf(bucket.accountId) };
  }
  return { ...(objectEntry(version, encode) as ObjectVersion), ...facts, Owner: ownerOfObject(bucket, version) };
}

function uploadEntry(upload: Upload, bucket: Bucket, encode: (text: string) => string): MultipartUpload {
  return {
    Key: encode(upload.key),
    UploadId: upload.uploadId,
    Initiated: new Date(upload.initiated),
    StorageClass: upload.storageClass,
    Owner: ownerOf(bucket.accountId),
    Initiator: initiatorOf(upload.initiator),
    ...(upload.checksumAlgorithm && { ChecksumAlgorithm: upload.checksumAlgorithm }),
    ...(upload.checksumType && { ChecksumType: upload.checksumType }),
  };
}

function rowsOf<Row extends ListingRow>({ entries }: Listing<Row>): Row[] {
  return entries.flatMap((entry) => ("row" in entry ? [entry.row] : []));
}

function commonPrefixesOf(listing: Listing<ListingRow>, encode: (text: string) => string) {
  return listing.entries.flatMap((entry) => ("commonPrefix" in entry ? [{ Prefix: encode(entry.commonPrefix) }] : []));
}

function lastName({ entries }: Listing<ListingRow>): string | undefined {
  const last = entries.at(-1);
  return last && ("row" in last ? last.row.key : last.commonPrefix);
}

/**
 * Entries of a page: at most 1,000, whatever is asked for.
 * @throws AwsError InvalidArgument
 */
export function pageSize(argument: string, asked: number | undefined): number {
  if (asked === undefined) return maxPage;
  if (!Number.isInteger(asked) || asked < 0 || asked > 2 ** 31 - 1) {
    throw invalidArgument(argument, asked, `Argument ${argument} must be an integer between 0 and 2147483647`);
  }
  return Math.min(asked, maxPage);
}

/**
 * `encoding-type=url` for characters that XML 1.0 cannot hold. A space becomes `%20`, which both kinds of decoders
 * understand; slashes stay readable.
 * @throws AwsError InvalidArgument
 */
function encoder(encodingType: EncodingType | undefined): (text: string) => string {
  if (encodingType === undefined) return (text) => text;
  if (encodingType !== "url") {
    throw invalidArgument("encoding-type", encodingType, "Invalid Encoding Method specified in Request");
  }
  return (text) => encodeURIComponent(text).replaceAll("%2F", "/");
}
