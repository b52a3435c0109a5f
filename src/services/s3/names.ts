/** What S3 demands of names and descriptions that users choose. */
import type { StorageClass } from "../../protocol/generated/s3.ts";
import { s3Error } from "./errors.ts";

/** UTF-8 bytes */
const maxKeyBytes = 1024;
/** UTF-8 bytes of all names and values together */
const maxMetadataBytes = 2048;

const reservedPrefixes = ["xn--", "sthree-", "amzn-s3-demo-"];
const reservedSuffixes = ["-s3alias", "--ol-s3", ".mrap", "--x-s3", "--table-s3"];

/** Storage classes that differ from STANDARD in price and copies only, which one disk cannot show. */
export const storageClasses: readonly StorageClass[] = [
  "STANDARD",
  "REDUCED_REDUNDANCY",
  "STANDARD_IA",
  "ONEZONE_IA",
  "INTELLIGENT_TIERING",
];

/**
 * Source: Amazon S3 User Guide, "General purpose bucket naming rules".
 * @throws AwsError InvalidBucketName
 */
export function checkBucketName(name: string): void {
  const valid =
    /^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$/.test(name) &&
    !name.includes("..") &&
    !/^\d+\.\d+\.\d+\.\d+$/.test(name) &&
    !reservedPrefixes.some((prefix) => name.startsWith(prefix)) &&
    !reservedSuffixes.some((suffix) => name.endsWith(suffix));
  if (!valid) throw s3Error("InvalidBucketName", { BucketName: name });
}

/** @throws AwsError KeyTooLongError */
export function checkKey(key: string): void {
  const size = Buffer.byteLength(key);
  if (size > maxKeyBytes) throw s3Error("KeyTooLongError", { Size: size, MaxSizeAllowed: maxKeyBytes });
}

/**
 * User metadata with lower-cased names, as headers are.
 * @throws AwsError MetadataTooLarge
 */
export function checkedMetadata(metadata: Readonly<Record<string, string>> | undefined): Record<string, string> {
  const entries = Object.entries(metadata ?? {}).map(([name, value]) => [name.toLowerCase(), value] as const);
  const size = entries.reduce((sum, [name, value]) => sum + Buffer.byteLength(name) + Buffer.byteLength(value), 0);
  if (size > maxMetadataBytes) throw s3Error("MetadataTooLarge", { Size: size, MaxSizeAllowed: maxMetadataBytes });
  return Object.fromEntries(entries);
}

/** @throws AwsError InvalidStorageClass for a class that S3 does not know */
export function checkedStorageClass(storageClass: StorageClass | undefined): StorageClass {
  if (storageClass === undefined) return "STANDARD";
  if (storageClasses.includes(storageClass)) return storageClass;
  throw s3Error("InvalidStorageClass", { StorageClassRequested: storageClass });
}

/** `Content-Encoding` without `aws-chunked`, which was of the transfer and not of the object. */
export function storedContentEncoding(header: string | undefined): string | undefined {
  const codings = (header ?? "")
    .split(",")
    .map((coding) => coding.trim())
    .filter((coding) => coding !== "" && coding.toLowerCase() !== "aws-chunked");
  return codings.length === 0 ? undefined : codings.join(",");
}
