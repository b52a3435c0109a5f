/** Conditional requests: RFC 9110 section 13 with the precedence that the S3 API reference states. */
import { noSuchKey, s3Error } from "./errors.ts";

/** What conditions look at. */
export interface ObjectState {
  /** Without quotes. */
  readonly etag: string;
  /** ms since the epoch, whole seconds */
  readonly lastModified: number;
}

export interface ReadConditions {
  readonly ifMatch?: string | undefined;
  readonly ifNoneMatch?: string | undefined;
  readonly ifModifiedSince?: Date | undefined;
  readonly ifUnmodifiedSince?: Date | undefined;
}

/** @param prefix begins the header names in errors: `x-amz-copy-source-` for the source of a copy */
function failed(prefix: string, condition: string) {
  return s3Error("PreconditionFailed", { Condition: prefix === "" ? condition : prefix + condition.toLowerCase() });
}

/**
 * Whether a read may go on. If-Match decides over If-Unmodified-Since, If-None-Match over If-Modified-Since.
 * @returns false when the client has the object already (304)
 * @throws AwsError PreconditionFailed
 */
export function evaluateRead(object: ObjectState, conditions: ReadConditions, prefix = ""): boolean {
  const { ifMatch, ifNoneMatch, ifModifiedSince, ifUnmodifiedSince } = conditions;
  if (ifMatch !== undefined) {
    if (!etagMatches(ifMatch, object.etag)) throw failed(prefix, "If-Match");
  } else if (ifUnmodifiedSince !== undefined && object.lastModified > ifUnmodifiedSince.getTime()) {
    throw failed(prefix, "If-Unmodified-Since");
  }
  if (ifNoneMatch !== undefined) return !etagMatches(ifNoneMatch, object.etag);
  return ifModifiedSince === undefined || object.lastModified > ifModifiedSince.getTime();
}

/**
 * The same for the source of a copy, where "nothing new" fails too.
 * @throws AwsError PreconditionFailed
 */
export function evaluateCopySource(object: ObjectState, conditions: ReadConditions): void {
  const prefix = "x-amz-copy-source-";
  if (evaluateRead(object, conditions, prefix)) return;
  throw failed(prefix, conditions.ifNoneMatch === undefined ? "If-Modified-Since" : "If-None-Match");
}

/** What must hold of the object that a write replaces. */
export interface WriteConditions {
  readonly ifMatch?: string | undefined;
  readonly ifNoneMatch?: string | undefined;
}

/** Refuses the forms that S3 has not: If-None-Match with anything but `*`, and both at once. @throws AwsError NotImplemented */
export function checkWriteConditions({ ifMatch, ifNoneMatch }: WriteConditions): void {
  if (ifNoneMatch !== undefined && (ifNoneMatch.trim() !== "*" || ifMatch !== undefined)) {
    throw s3Error("NotImplemented", { Header: "If-None-Match" });
  }
}

/**
 * @param object what is there now
 * @param heldBefore the conditions held when the write began
 * @throws AwsError PreconditionFailed; NoSuchKey when If-Match finds nothing, or ConditionalRequestConflict when what it
 *   found was deleted since
 */
export function evaluateWrite(
  key: string,
  object: ObjectState | undefined,
  { ifMatch, ifNoneMatch }: WriteConditions,
  heldBefore = false,
): void {
  if (ifNoneMatch !== undefined && object !== undefined) throw failed("", "If-None-Match");
  if (ifMatch === undefined) return;
  if (object === undefined) throw heldBefore ? s3Error("ConditionalRequestConflict", { Key: key }) : noSuchKey(key);
  if (!etagMatches(ifMatch, object.etag)) throw failed("", "If-Match");
}

/**
 * Whether an If-Range header still holds; when not, the Range beside it is ignored.
 * @param header an ETag or an HTTP date
 */
export function rangeStillHolds(header: string | undefined, object: ObjectState): boolean {
  if (header === undefined) return true;
  const date = Date.parse(header);
  if (header.includes('"') || Number.isNaN(date)) return etagMatches(header, object.etag);
  return object.lastModified <= date;
}

/** @param header `*`, or ETags with or without quotes, separated by commas */
export function etagMatches(header: string, etag: string): boolean {
  return header
    .split(",")
    .map((candidate) => candidate.trim())
    .some((candidate) => candidate === "*" || unquote(candidate) === etag);
}

export function unquote(etag: string): string {
  return etag.trim().replace(/^W\//, "").replaceAll('"', "");
}

export function quote(etag: string): string {
  return `"${etag}"`;
}
