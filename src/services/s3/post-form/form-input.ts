/** Form fields as parameters of PutObject. */
import type { PutObjectRequest } from "../../../protocol/generated/s3.ts";
import { readXml } from "../../../protocol/codec/xml-reader.ts";
import { invalidArgument, s3Error } from "../errors.ts";
import type { FormFields } from "./post-policy.ts";

/** Fields that are parameters as they are. */
const parameters: Readonly<Record<string, keyof PutObjectRequest>> = {
  acl: "ACL",
  "cache-control": "CacheControl",
  "content-disposition": "ContentDisposition",
  "content-encoding": "ContentEncoding",
  "content-language": "ContentLanguage",
  "content-md5": "ContentMD5",
  "content-type": "ContentType",
  "x-amz-checksum-crc32": "ChecksumCRC32",
  "x-amz-checksum-crc32c": "ChecksumCRC32C",
  "x-amz-checksum-crc64nvme": "ChecksumCRC64NVME",
  "x-amz-checksum-sha1": "ChecksumSHA1",
  "x-amz-checksum-sha256": "ChecksumSHA256",
  "x-amz-server-side-encryption": "ServerSideEncryption",
  "x-amz-server-side-encryption-aws-kms-key-id": "SSEKMSKeyId",
  "x-amz-server-side-encryption-context": "SSEKMSEncryptionContext",
  "x-amz-server-side-encryption-customer-algorithm": "SSECustomerAlgorithm",
  "x-amz-server-side-encryption-customer-key": "SSECustomerKey",
  "x-amz-server-side-encryption-customer-key-md5": "SSECustomerKeyMD5",
  "x-amz-storage-class": "StorageClass",
  "x-amz-object-lock-mode": "ObjectLockMode",
  "x-amz-object-lock-legal-hold": "ObjectLockLegalHoldStatus",
  "x-amz-website-redirect-location": "WebsiteRedirectLocation",
};

const metadataPrefix = "x-amz-meta-";

/** @throws AwsError InvalidArgument, MalformedXML */
export function putInputOf(bucket: string, key: string, fields: FormFields): PutObjectRequest {
  const input: Record<string, unknown> = { Bucket: bucket, Key: key };
  const metadata: Record<string, string> = {};
  for (const [name, value] of fields) {
    if (Object.hasOwn(parameters, name)) input[parameters[name]] = asHeader(name, value);
    else if (name.startsWith(metadataPrefix)) metadata[name.slice(metadataPrefix.length)] = asHeader(name, value);
  }
  const expires = fields.get("expires");
  if (expires !== undefined) {
    const time = Date.parse(expires);
    if (Number.isNaN(time)) throw invalidArgument("Expires", expires, "The Expires field is no date");
    input["Expires"] = new Date(time);
  }
  const bucketKey = fields.get("x-amz-server-side-encryption-bucket-key-enabled");
  if (bucketKey !== undefined) input["BucketKeyEnabled"] = bucketKey === "true";
  const tagging = fields.get("tagging");
  if (tagging !== undefined) input["Tagging"] = taggingQuery(tagging);
  if (Object.keys(metadata).length > 0) input["Metadata"] = metadata;
  return input as unknown as PutObjectRequest;
}

/** What a name of a header is made of. Source: RFC 9110, 5.6.2. */
const headerName = /^[\w!#$%&'*+.^`|~-]+$/;

/**
 * The value of a field as if a header had brought it, one character per byte: whoever reads the object gets it in one.
 * @throws AwsError InvalidArgument for what no header can be
 */
function asHeader(name: string, value: string): string {
  if (!headerName.test(name) || /[\x00-\x08\x0a-\x1f\x7f]/.test(value)) {
    throw invalidArgument(name, "", "A field that is told in a header cannot have such characters");
  }
  return Buffer.from(value, "utf8").toString("latin1");
}

/** `<Tagging><TagSet><Tag><Key>a</Key><Value>b</Value></Tag></TagSet></Tagging>` as `a=b`. @throws AwsError MalformedXML */
function taggingQuery(xml: string): string {
  let tags;
  try {
    tags = readXml(xml).children.flatMap((set) => set.children);
  } catch {
    throw s3Error("MalformedXML");
  }
  const query = new URLSearchParams();
  for (const { children } of tags) {
    const [key, value] = ["Key", "Value"].map((name) => children.find((child) => child.name === name)?.text);
    if (key === undefined || value === undefined) throw s3Error("MalformedXML");
    query.append(key, value);
  }
  return query.toString();
}
