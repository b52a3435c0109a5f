/** Parameters that operations on objects share and S3 of Sagebrush does not support. */
import type { Refusal } from "../../protocol/service.ts";
import { checksumNames, unsupportedChecksums } from "./checksums.ts";

const noCustomerKeys = "objects are encrypted with keys of this server, by AES256 or aws:kms";

function all(parameters: readonly string[], because: string): Refusal[] {
  return parameters.map((parameter) => ({ parameter, because }));
}

const customerKeys = all(["SSECustomerAlgorithm", "SSECustomerKey", "SSECustomerKeyMD5"], noCustomerKeys);

const encryption: readonly Refusal[] = [
  {
    parameter: "ServerSideEncryption",
    values: ["aws:kms:dsse", "aws:fsx", "aws:backup"],
    because: "objects are encrypted once, by AES256 or aws:kms",
  },
  ...customerKeys,
];

const objectLock = all(
  ["ObjectLockMode", "ObjectLockRetainUntilDate", "ObjectLockLegalHoldStatus"],
  "objects cannot be locked",
);

const storageClass: Refusal = {
  parameter: "StorageClass",
  values: [
    "GLACIER",
    "DEEP_ARCHIVE",
    "GLACIER_IR",
    "OUTPOSTS",
    "SNOW",
    "EXPRESS_ONEZONE",
    "FSX_OPENZFS",
    "FSX_ONTAP",
    "AWS_BACKUP_WARM",
    "AWS_BACKUP_LOW_COST_WARM",
  ],
  because: "there is one disk and no archive, only classes that behave like STANDARD are kept",
};

const noSuchChecksum = `the checksums are ${checksumNames.join(", ")}`;

export const checksumAlgorithmRefusal: Refusal = {
  parameter: "ChecksumAlgorithm",
  values: unsupportedChecksums,
  because: noSuchChecksum,
};

/** Checksum values of algorithms that are not computed. @param path e.g. `MultipartUpload.Parts[].` */
export function checksumValueRefusals(path = ""): Refusal[] {
  return all(
    unsupportedChecksums.map((name) => `${path}Checksum${name}`),
    noSuchChecksum,
  );
}

/** Of the bytes of an object or a part. */
export const bodyRefusals: readonly Refusal[] = [checksumAlgorithmRefusal, ...checksumValueRefusals(), ...customerKeys];

/** Of whatever makes an object. */
export const objectRefusals: readonly Refusal[] = [...encryption, ...objectLock, storageClass];

export const readRefusals: readonly Refusal[] = customerKeys;

export const copySourceRefusals = all(
  ["CopySourceSSECustomerAlgorithm", "CopySourceSSECustomerKey", "CopySourceSSECustomerKeyMD5"],
  noCustomerKeys,
);

export const bucketRefusals: readonly Refusal[] = [
  { parameter: "ObjectLockEnabledForBucket", values: [true], because: "objects cannot be locked" },
  {
    parameter: "BucketNamespace",
    values: ["account-regional"],
    because: "bucket names are unique in the whole server",
  },
  { parameter: "CreateBucketConfiguration.Location", because: "there are no directory buckets" },
  { parameter: "CreateBucketConfiguration.Bucket", because: "there are no directory buckets" },
];

export const deleteRefusals: readonly Refusal[] = [
  { parameter: "MFA", because: "users have no devices that could confirm a delete" },
  { parameter: "BypassGovernanceRetention", values: [true], because: "objects cannot be locked" },
];
