/** What several operations read out of their input in the same way. */
import type { StorageClass } from "../../protocol/generated/s3.ts";
import type { RequestContext } from "../../protocol/service.ts";
import { parseContentMd5, promisedChecksum, type ChecksumMembers, type PromisedBody } from "./checksums.ts";
import type { ReadConditions } from "./conditions.ts";
import { invalidArgument } from "./errors.ts";
import { checkKey, checkedMetadata, checkedStorageClass, storedContentEncoding } from "./names.ts";
import type { ObjectDescription, ObjectHeaders } from "./records.ts";
import { entityTooLarge, maxBodyBytes } from "./store-core.ts";

interface DescriptionMembers {
  readonly ContentType?: string;
  readonly ContentEncoding?: string;
  readonly ContentLanguage?: string;
  readonly ContentDisposition?: string;
  readonly CacheControl?: string;
  readonly Expires?: Date;
  readonly Metadata?: Readonly<Record<string, string>>;
  readonly StorageClass?: StorageClass;
}

/** @throws AwsError MetadataTooLarge, InvalidStorageClass */
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
  };
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
 * `x-amz-copy-source`: `bucket/key` or `/bucket/key`, percent-encoded, perhaps with `?versionId=null`.
 * @throws AwsError InvalidArgument, KeyTooLongError
 */
export function parseCopySource(header: string): { bucket: string; key: string } {
  const refuse = (message: string) => invalidArgument("x-amz-copy-source", header, message);
  if (header.startsWith("arn:"))
    throw refuse("Access points are not supported by Sagebrush: name the bucket and the key");
  const [path, query] = splitOnce(header.replace(/^\//, ""), "?");
  if (query !== undefined) {
    const [name, value] = splitOnce(query, "=");
    if (name !== "versionId")
      throw refuse("Copy Source must mention the source bucket and key: sourcebucket/sourcekey");
    checkVersionId(value);
  }
  const [bucket, key] = splitOnce(decoded(path, refuse), "/");
  if (bucket === "" || key === undefined || key === "") {
    throw refuse("Copy Source must mention the source bucket and key: sourcebucket/sourcekey");
  }
  checkKey(key);
  return { bucket, key };
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

/** Objects without versions have one, called `null`. @throws AwsError InvalidArgument for any other */
export function checkVersionId(versionId: string | undefined): void {
  if (versionId === undefined || versionId === "null") return;
  throw invalidArgument("versionId", versionId, "Invalid version id specified");
}

/** The body of a request that has none. */
export async function* noBody(): AsyncGenerator<Uint8Array> {}
