/**
 * What S3 keeps as records, and under which keys.
 *
 * | Record           | Space (account, region, family)       | Name                                     |
 * |------------------|---------------------------------------|------------------------------------------|
 * | bucket           | `*`, `*`, `s3-bucket`                 | bucket name: unique in the whole server  |
 * | object           | owner, bucket's region, `s3-object`   | `<bucket>/<key>`                         |
 * | multipart upload | owner, bucket's region, `s3-upload`   | `<bucket>/<key>` U+0001 `<upload id>`    |
 * | uploaded part    | owner, bucket's region, `s3-part`     | `<bucket>/<upload id>/<part, 5 digits>`  |
 *
 * Bucket names hold no `/`, so names of different buckets never mix. Names are ordered by their UTF-8 bytes, which is
 * the order in which S3 lists keys; uploads of one key follow by their id, which begins with the time.
 */
import type { ChecksumType, StorageClass } from "../../protocol/generated/s3.ts";
import type { RecordKey } from "../../storage/record-store.ts";
import type { ChecksumName, StoredChecksum } from "./checksums.ts";
import type { BucketSettings } from "./settings/bucket-settings.ts";

export interface Bucket {
  readonly name: string;
  /** The owner. */
  readonly accountId: string;
  readonly region: string;
  /** ms since the epoch */
  readonly createdAt: number;
  readonly settings: BucketSettings;
}

export interface BucketBody {
  readonly accountId: string;
  readonly region: string;
  readonly settings?: BucketSettings;
}

/** What a client says about an object besides its bytes, and gets back with them. */
export interface ObjectHeaders {
  readonly contentType?: string;
  readonly contentEncoding?: string;
  readonly contentLanguage?: string;
  readonly contentDisposition?: string;
  readonly cacheControl?: string;
  /** ms since the epoch */
  readonly expires?: number;
}

/** Everything of an object that a client chooses. */
export interface ObjectDescription {
  readonly headers: ObjectHeaders;
  /** `x-amz-meta-…` without that prefix, lower-cased. */
  readonly metadata: Readonly<Record<string, string>>;
  readonly storageClass: StorageClass;
}

export interface ObjectBody extends ObjectDescription {
  readonly blobId: string;
  /** Bytes. */
  readonly size: number;
  /** Without quotes: MD5 in hex, or `<MD5 of MD5s>-<parts>`. */
  readonly etag: string;
  readonly checksum?: StoredChecksum;
  /** Sizes of the parts it was uploaded in, as runs `[count, bytes]`. */
  readonly parts?: readonly (readonly [count: number, bytes: number])[];
}

/** An object as it is stored now. */
export interface StoredObject extends ObjectBody {
  readonly key: string;
  /** ms since the epoch, whole seconds: HTTP dates have no finer ones. */
  readonly lastModified: number;
}

export interface UploadBody extends ObjectDescription {
  readonly checksumAlgorithm?: ChecksumName;
  readonly checksumType?: ChecksumType;
  /** ARN of who began it. */
  readonly initiator: string;
}

export interface Upload extends UploadBody {
  readonly key: string;
  readonly uploadId: string;
  /** ms since the epoch */
  readonly initiated: number;
}

export interface PartBody {
  readonly blobId: string;
  readonly size: number;
  readonly etag: string;
  readonly checksum?: StoredChecksum;
}

export interface UploadedPart extends PartBody {
  readonly partNumber: number;
  /** ms since the epoch, whole seconds */
  readonly lastModified: number;
}

/** Account and region of the bucket's records. */
export interface BucketSpace {
  readonly accountId: string;
  readonly region: string;
}

export const bucketSpace = { accountId: "*", region: "*", family: "s3-bucket" } as const;

/** Less than all that begins an upload id and greater than nothing that a sensible key holds. */
const uploadSeparator = "\u0001";

export function bucketKey(name: string): RecordKey {
  return { ...bucketSpace, name };
}

function key(bucket: Bucket, family: string, name: string): RecordKey {
  return { accountId: bucket.accountId, region: bucket.region, family, name: `${bucket.name}/${name}` };
}

export function objectKey(bucket: Bucket, objectName: string): RecordKey {
  return key(bucket, "s3-object", objectName);
}

export function uploadName(objectName: string, uploadId: string): string {
  return objectName + uploadSeparator + uploadId;
}

export function uploadKey(bucket: Bucket, objectName: string, uploadId: string): RecordKey {
  return key(bucket, "s3-upload", uploadName(objectName, uploadId));
}

/** The least name after all uploads of an object key. */
export function afterUploadsOf(objectName: string): string {
  return `${objectName}\u0002`;
}

export function parseUploadName(name: string): { key: string; uploadId: string } {
  const at = name.lastIndexOf(uploadSeparator);
  return { key: name.slice(0, at), uploadId: name.slice(at + 1) };
}

export function partName(uploadId: string, partNumber: number): string {
  return `${uploadId}/${String(partNumber).padStart(5, "0")}`;
}

export function partKey(bucket: Bucket, uploadId: string, partNumber: number): RecordKey {
  return key(bucket, "s3-part", partName(uploadId, partNumber));
}

export function parsePartNumber(name: string): number {
  return Number(name.slice(name.lastIndexOf("/") + 1));
}
