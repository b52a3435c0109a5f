/**
 * The condition keys of S3 that a request has values for.
 *
 * Source: Service Authorization Reference, "Condition keys for Amazon S3".
 */
import type { Access } from "../../protocol/access.ts";
import type { AccessContext, AccessTarget } from "./accesses.ts";
import type { StoredObject } from "./records.ts";

/** Parameters that are condition keys as they are. */
const parameters: readonly (readonly [member: string, key: string])[] = [
  ["Prefix", "s3:prefix"],
  ["Delimiter", "s3:delimiter"],
  ["MaxKeys", "s3:max-keys"],
  ["ACL", "s3:x-amz-acl"],
  ["GrantFullControl", "s3:x-amz-grant-full-control"],
  ["GrantRead", "s3:x-amz-grant-read"],
  ["GrantReadACP", "s3:x-amz-grant-read-acp"],
  ["GrantWrite", "s3:x-amz-grant-write"],
  ["GrantWriteACP", "s3:x-amz-grant-write-acp"],
  ["ObjectOwnership", "s3:x-amz-object-ownership"],
  ["ServerSideEncryption", "s3:x-amz-server-side-encryption"],
  ["SSEKMSKeyId", "s3:x-amz-server-side-encryption-aws-kms-key-id"],
  ["SSECustomerAlgorithm", "s3:x-amz-server-side-encryption-customer-algorithm"],
  ["StorageClass", "s3:x-amz-storage-class"],
  ["WebsiteRedirectLocation", "s3:x-amz-website-redirect-location"],
  ["CopySource", "s3:x-amz-copy-source"],
  ["MetadataDirective", "s3:x-amz-metadata-directive"],
  ["IfMatch", "s3:if-match"],
  ["IfNoneMatch", "s3:if-none-match"],
];

export function conditionsOf(
  { input, headers }: AccessContext,
  { bucket, versionId }: AccessTarget,
  object?: StoredObject,
): Access["conditions"] {
  const conditions: Record<string, string | readonly string[]> = {};
  for (const [member, key] of parameters) {
    const value = input[member];
    if (typeof value === "string" || typeof value === "number") conditions[key] = String(value);
  }
  if (versionId !== undefined) conditions["s3:VersionId"] = versionId;
  if (bucket !== undefined) conditions["s3:ResourceAccount"] = bucket.accountId;
  const { LocationConstraint: region, Tags: newTags } = objectOf(input["CreateBucketConfiguration"]);
  if (typeof region === "string") conditions["s3:LocationConstraint"] = region;
  const contentHash = headers["x-amz-content-sha256"];
  if (contentHash !== undefined) conditions["s3:x-amz-content-sha256"] = contentHash;
  conditions["s3:signatureversion"] = signatureVersion(headers);
  for (const [key, value] of Object.entries(object?.tags ?? {})) conditions[`s3:ExistingObjectTag/${key}`] = value;
  addTags(conditions, "s3:RequestObjectTag", requestTags(input));
  addTags(conditions, "aws:RequestTag", tagList(newTags));
  return conditions;
}

/** Everything but presigned Signature Version 2 is Version 4. */
function signatureVersion(headers: AccessContext["headers"]): string {
  return headers["authorization"]?.startsWith("AWS ") === true ? "AWS" : "AWS4-HMAC-SHA256";
}

/** The tags that a request gives to an object: in a header as a query, or in the body as a list. */
function requestTags(input: AccessContext["input"]): readonly (readonly [key: string, value: string])[] {
  const { Tagging: tagging } = input;
  if (typeof tagging === "string") return [...new URLSearchParams(tagging)];
  return tagList(objectOf(tagging)["TagSet"]);
}

function tagList(list: unknown): readonly (readonly [key: string, value: string])[] {
  if (!Array.isArray(list)) return [];
  const text = (value: unknown) => (typeof value === "string" ? value : "");
  return list.map(objectOf).map(({ Key, Value }) => [text(Key), text(Value)] as const);
}

function addTags(
  conditions: Record<string, string | readonly string[]>,
  name: string,
  tags: readonly (readonly [key: string, value: string])[],
): void {
  if (tags.length === 0) return;
  for (const [key, value] of tags) conditions[`${name}/${key}`] = value;
  const keys = name === "aws:RequestTag" ? "aws:TagKeys" : `${name}Keys`;
  conditions[keys] = tags.map(([key]) => key);
}

function objectOf(value: unknown): Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null ? (value as Readonly<Record<string, unknown>>) : {};
}
