/**
 * What S3 keeps as records, and under which keys.
 *
 * | Record           | Space (account, region, family)       | Name                                     |
 * |------------------|---------------------------------------|------------------------------------------|
 * | bucket           | `*`, `*`, `s3-bucket`                 | bucket name: unique in the whole server  |
 * | object           | owner, bucket's region, `s3-object`   | `<bucket>/<key>`                         |
 * | older version    | owner, bucket's region, `s3-version`  | `<bucket>/<key>` end `<place>`           |
 * | multipart upload | owner, bucket's region, `s3-upload`   | `<bucket>/<key>` end `<upload id>`       |
 * | uploaded part    | owner, bucket's region, `s3-part`     | `<bucket>/<upload id>/<part, 5 digits>`  |
 * | joined parts     | `*`, `*`, `s3-joined`                 | upload id of the object                  |
 *
 * `s3-object` holds what a read without a version finds, whether or not the bucket keeps versions. `s3-version` holds
 * what it does not find: versions that were replaced, and delete markers, also those that are the newest of their key.
 *
 * Bucket names hold no `/`, so names of different buckets never mix. Names are ordered by their UTF-8 bytes, which is
 * the order in which S3 lists keys; of one key, versions follow with the newest first and uploads with the oldest first.
 */
import type { AccessControlPolicy, ChecksumType, StorageClass } from "../../protocol/generated/s3.ts";
import type { RecordKey } from "../../storage/record-store.ts";
import type { ChecksumName, StoredChecksum } from "./checksums.ts";
import type { ObjectEncryption } from "./encryption/object-encryption.ts";
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
  readonly tags?: Readonly<Record<string, string>>;
  /** Where a website sends those who ask for the object. */
  readonly redirect?: string;
  /** Absent: the bucket's owner owns the object and alone has access. */
  readonly acl?: AccessControlPolicy;
}

/** New values of some of them; undefined takes one away. */
export type DescriptionChange = { readonly [Name in keyof ObjectDescription]?: ObjectDescription[Name] | undefined };

/** Which of the versions of its key something is. */
export interface Versioned {
  /**
   * Its place among them and, unless `isNull`, its version id: less than those of all older ones. Absent for what was
   * written before the bucket had versions; that is the oldest.
   */
  readonly place?: string;
  /** Written while versions were suspended, or before there were any: its version id is `null`. */
  readonly isNull?: true;
  /** ms since the epoch: when it was made, where the record was written later for another reason. */
  readonly modified?: number;
}

export interface ObjectBody extends ObjectDescription, Versioned {
  /** Its bytes, unless they are `few` or `joined`. */
  readonly blobId?: string;
  /** Its bytes as they would lie in a blob, base64. */
  readonly few?: string;
  /** Name of the record that lists the blobs of the parts. */
  readonly joined?: string;
  /** Bytes. */
  readonly size: number;
  /** Without quotes: MD5 in hex, random where aws:kms encrypts, or `<MD5 of the parts' tags>-<parts>`. */
  readonly etag: string;
  readonly checksum?: StoredChecksum;
  /** Absent: its bytes are on the disk as they are. */
  readonly encryption?: ObjectEncryption;
  /** Sizes of the parts it was uploaded in, as runs `[count, bytes]`. */
  readonly parts?: readonly (readonly [count: number, bytes: number])[];
}

/** What a delete leaves in a bucket with versions. */
export interface MarkerBody extends Versioned {
  readonly marker: true;
  readonly place: string;
}

export type VersionBody = ObjectBody | MarkerBody;

interface StoredVersionFacts {
  readonly key: string;
  /** `null` without versions. */
  readonly versionId: string;
  /** ms since the epoch, whole seconds: HTTP dates have no finer ones. */
  readonly lastModified: number;
}

/** An object, or an older version of one, as it is stored now. */
export interface StoredObject extends ObjectBody, StoredVersionFacts {
  readonly marker?: undefined;
}

export interface StoredMarker extends MarkerBody, StoredVersionFacts {}

export type StoredVersion = StoredObject | StoredMarker;

/** An object, or a version of one, to copy from. */
export interface CopySource {
  readonly bucket: Bucket;
  readonly key: string;
  readonly versionId?: string | undefined;
}

/** The parts of an object in their order. */
export interface JoinedBody {
  readonly parts: readonly JoinedPart[];
}

/** In few characters: there may be 10,000 of them. Bytes, ETag and checksum are those of `PartBody`. */
export type JoinedPart = readonly [partNumber: number, blobId: string, size: number, etag: string, checksum?: string];

export interface UploadBody extends ObjectDescription {
  readonly checksumAlgorithm?: ChecksumName;
  readonly checksumType?: ChecksumType;
  /** Of all its parts, and of the object that they become. */
  readonly encryption?: ObjectEncryption;
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

/** Follows a key in names that go on behind it: less than whatever goes on with the key. */
const endOfKey = "\u0001\u0001";

export function bucketKey(name: string): RecordKey {
  return { ...bucketSpace, name };
}

/**
 * A key, or the beginning of one, as part of a record's name, in the same order. A database cannot hold U+0000, and
 * U+0001 is what `endOfKey` is made of; both become pairs that are less than any other character.
 */
export function keyName(key: string): string {
  if (!key.includes("\0") && !key.includes("\u0001")) return key;
  return key.replaceAll("\u0001", "\u0001\u0003").replaceAll("\0", "\u0001\u0002");
}

export function parseKeyName(name: string): string {
  if (!name.includes("\u0001")) return name;
  return name.replaceAll("\u0001\u0002", "\0").replaceAll("\u0001\u0003", "\u0001");
}

/** The least key after a key. */
export function nextKey(key: string): string {
  return `${key}\0`;
}

/** A name behind whose key something follows: `<key>` end `<rest>`. */
export function parseNameAfterKey(name: string): { key: string; rest: string } {
  const at = name.lastIndexOf(endOfKey);
  return { key: parseKeyName(name.slice(0, at)), rest: name.slice(at + endOfKey.length) };
}

type Family = "s3-object" | "s3-version" | "s3-upload" | "s3-part";

/** The records of a family in a bucket. @param name their beginning, as `keyName` makes it */
export function within(bucket: Bucket, family: Family, name: string) {
  const { accountId, region } = bucket;
  return { accountId, region, family, orderBy: "name", namePrefix: `${bucket.name}/${name}` } as const;
}

function key(bucket: Bucket, family: Family, name: string): RecordKey {
  return { accountId: bucket.accountId, region: bucket.region, family, name: `${bucket.name}/${name}` };
}

export function objectKey(bucket: Bucket, objectName: string): RecordKey {
  return key(bucket, "s3-object", keyName(objectName));
}

export function versionName(objectName: string, place: string): string {
  return keyName(objectName) + endOfKey + place;
}

export function versionKey(bucket: Bucket, objectName: string, place: string): RecordKey {
  return key(bucket, "s3-version", versionName(objectName, place));
}

export function joinedKey(name: string): RecordKey {
  return { accountId: "*", region: "*", family: "s3-joined", name };
}

export function uploadName(objectName: string, uploadId: string): string {
  return keyName(objectName) + endOfKey + uploadId;
}

export function uploadKey(bucket: Bucket, objectName: string, uploadId: string): RecordKey {
  return key(bucket, "s3-upload", uploadName(objectName, uploadId));
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
