/** What several operations read out of their input in the same way. */
import type { StorageClass, Tag } from "../../protocol/generated/s3.ts";
import type { RequestContext } from "../../protocol/service.ts";
import { parseContentMd5, promisedChecksum, type ChecksumMembers, type PromisedBody } from "./checksums.ts";
import type { ReadConditions } from "./conditions.ts";
import { invalidArgument, s3Error } from "./errors.ts";
import { checkKey, checkedMetadata, checkedStorageClass, storedContentEncoding } from "./names.ts";
import { expirationHeader, lifecycleRules } from "./lifecycle/rules.ts";
import type { Bucket, ObjectDescription, ObjectHeaders, StoredObject, Upload } from "./records.ts";
import { objectAclOf, type AclRequest } from "./settings/acl.ts";
import { checkedTagSet } from "./settings/tag-set.ts";
import { entityTooLarge, maxBodyBytes } from "./store-core.ts";
import { isVersionId } from "./version-places.ts";

const maxObjectTags = 10;

interface DescriptionMembers {
  readonly ContentType?: string;
  readonly ContentEncoding?: string;
  readonly ContentLanguage?: string;
  readonly ContentDisposition?: string;
  readonly CacheControl?: string;
  readonly Expires?: Date;
  readonly Metadata?: Readonly<Record<string, string>>;
  readonly StorageClass?: StorageClass;
  /** `x-amz-tagging`: tags as a URL's query. */
  readonly Tagging?: string;
  readonly WebsiteRedirectLocation?: string;
}

/** @throws AwsError MetadataTooLarge, InvalidStorageClass, InvalidTag, InvalidRedirectLocation */
export function descriptionOf(input: DescriptionMembers): ObjectDescription {
  const headers: { -readonly [Name in keyof ObjectHeaders]: ObjectHeaders[Name] | undefined } = {
    contentType: input.ContentType,
    contentEncoding: storedContentEncoding(input.ContentEncoding),
    contentLanguage: input.ContentLanguage,
    contentDisposition: input.ContentDisposition,
    cacheControl: input.CacheControl,
    expires: input.Expires?.getTime(),
  };
  return {
    headers: Object.fromEntries(Object.entries(headers).filter(([, value]) => value !== undefined)),
    metadata: checkedMetadata(input.Metadata),
    storageClass: checkedStorageClass(input.StorageClass),
    ...taggingOf(input.Tagging),
    ...redirectOf(input.WebsiteRedirectLocation),
  };
}

/**
 * All that a request says of the object that it makes.
 * @throws AwsError those of `descriptionOf`; AccessControlListNotSupported, InvalidArgument, AccessDenied of lists
 */
export function newObject(
  input: DescriptionMembers & AclRequest,
  bucket: Bucket,
  context: Pick<RequestContext, "principal">,
): ObjectDescription {
  return { ...descriptionOf(input), ...listOf(input, bucket, context) };
}

export function listOf(
  input: AclRequest,
  bucket: Bucket,
  { principal }: Pick<RequestContext, "principal">,
): Pick<ObjectDescription, "acl"> {
  const acl = objectAclOf(input, bucket, principal);
  return acl === undefined ? {} : { acl };
}

/** @throws AwsError InvalidTag, BadRequest for more than ten */
export function checkedObjectTags(tags: readonly Tag[]): Pick<ObjectDescription, "tags"> {
  const set = checkedTagSet(tags, maxObjectTags, "Object");
  return Object.keys(set).length === 0 ? {} : { tags: set };
}

/**
 * The tags of a header `a=1&b=2`.
 * @throws AwsError InvalidArgument, InvalidTag, BadRequest for more than ten
 */
export function taggingOf(header: string | undefined): Pick<ObjectDescription, "tags"> {
  const tags = [...new URLSearchParams(header ?? "")].map(([Key, Value]) => ({ Key, Value }));
  if (new Set(tags.map(({ Key }) => Key)).size < tags.length) {
    throw invalidArgument(
      "x-amz-tagging",
      header,
      "The header 'x-amz-tagging' shall be encoded as UTF-8 then URLEncoded URL query parameters without tag name duplicates.",
    );
  }
  return checkedObjectTags(tags);
}

const maxRedirectBytes = 2048;

/** @throws AwsError InvalidRedirectLocation */
export function redirectOf(location: string | undefined): Pick<ObjectDescription, "redirect"> {
  if (location === undefined) return {};
  const message = /^(\/|https?:\/\/)/.test(location)
    ? `The length of website redirect location cannot exceed ${maxRedirectBytes} characters.`
    : "The website redirect location must have a prefix of 'http://' or 'https://' or '/'.";
  if (!/^(\/|https?:\/\/)/.test(location) || Buffer.byteLength(location) > maxRedirectBytes) {
    throw s3Error("InvalidRedirectLocation", { Location: location }, { message });
  }
  return { redirect: location };
}

/**
 * What a request with a body says of it.
 * @throws AwsError EntityTooLarge, InvalidDigest, InvalidRequest
 */
export function promisedBody(
  input: ChecksumMembers & {
    readonly ChecksumAlgorithm?: string;
    readonly ContentMD5?: string;
    readonly ContentLength?: number;
  },
  { headers, trailers }: Pick<RequestContext, "headers" | "trailers">,
): PromisedBody {
  // Content-Length of an aws-chunked body counts the framing, too.
  const framed = headers["x-amz-content-sha256"]?.startsWith("STREAMING-") ?? false;
  const declared = headers["x-amz-decoded-content-length"];
  const size = declared === undefined ? (framed ? undefined : input.ContentLength) : Number(declared);
  if (size !== undefined && size > maxBodyBytes) throw entityTooLarge(size);
  return { size, md5: parseContentMd5(input.ContentMD5), checksum: promisedChecksum(input, headers, trailers) };
}

interface CopyConditionMembers {
  readonly CopySourceIfMatch?: string;
  readonly CopySourceIfNoneMatch?: string;
  readonly CopySourceIfModifiedSince?: Date;
  readonly CopySourceIfUnmodifiedSince?: Date;
}

export function copySourceConditions(input: CopyConditionMembers): ReadConditions {
  return {
    ifMatch: input.CopySourceIfMatch,
    ifNoneMatch: input.CopySourceIfNoneMatch,
    ifModifiedSince: input.CopySourceIfModifiedSince,
    ifUnmodifiedSince: input.CopySourceIfUnmodifiedSince,
  };
}

/**
 * `x-amz-copy-source`: `bucket/key` or `/bucket/key`, percent-encoded, perhaps with `?versionId=…`.
 * @throws AwsError InvalidArgument, KeyTooLongError
 */
export function parseCopySource(header: string): { bucket: string; key: string; versionId: string | undefined } {
  const refuse = (message: string) => invalidArgument("x-amz-copy-source", header, message);
  if (header.startsWith("arn:"))
    throw refuse("Access points are not supported by Sagebrush: name the bucket and the key");
  const [path, query] = splitOnce(header.replace(/^\//, ""), "?");
  const [name, versionId] = splitOnce(query ?? "", "=");
  if (query !== undefined && (name !== "versionId" || versionId === undefined)) {
    throw refuse("Copy Source must mention the source bucket and key: sourcebucket/sourcekey");
  }
  checkVersionId(versionId);
  const [bucket, key] = splitOnce(decoded(path, refuse), "/");
  if (bucket === "" || key === undefined || key === "") {
    throw refuse("Copy Source must mention the source bucket and key: sourcebucket/sourcekey");
  }
  checkKey(key);
  return { bucket, key, versionId };
}

function decoded(path: string, refuse: (message: string) => Error): string {
  try {
    return decodeURIComponent(path);
  } catch {
    throw refuse("Invalid copy source encoding.");
  }
}

function splitOnce(text: string, separator: string): [string, string | undefined] {
  const at = text.indexOf(separator);
  return at === -1 ? [text, undefined] : [text.slice(0, at), text.slice(at + separator.length)];
}

/** @throws AwsError InvalidArgument for what can be the id of no version */
export function checkVersionId(versionId: string | undefined): void {
  if (versionId === undefined || isVersionId(versionId)) return;
  const message = versionId === "" ? "Version id cannot be the empty string" : "Invalid version id specified";
  throw invalidArgument("versionId", versionId, message);
}

/** What answers say of a version: nothing in a bucket that never had any. */
export function versionMember(bucket: Bucket, versionId: string): { VersionId?: string } {
  return bucket.settings.versioning === undefined ? {} : { VersionId: versionId };
}

/** When an object expires, as its bucket's rules are now. */
export function expirationMember({ settings }: Bucket, object: StoredObject): { Expiration?: string } {
  if (settings.lifecycle === undefined) return {};
  const expiry = lifecycleRules(settings)?.expiryOf(object, object.lastModified);
  return expiry === undefined ? {} : { Expiration: expirationHeader(expiry) };
}

/** When an upload is aborted unless it is completed before. */
export function abortMembers({ settings }: Bucket, upload: Upload): { AbortDate?: Date; AbortRuleId?: string } {
  if (settings.lifecycle === undefined) return {};
  const abort = lifecycleRules(settings)?.abortOf(upload.key, upload.initiated);
  return abort === undefined ? {} : { AbortDate: new Date(abort.at), AbortRuleId: abort.ruleId };
}

/** The body of a request that has none. */
export async function* noBody(): AsyncGenerator<Uint8Array> {}
