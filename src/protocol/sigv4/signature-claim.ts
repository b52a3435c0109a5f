/** What a request says about its signature, read from the Authorization header or the query, before any of it is believed. */
import { hash } from "node:crypto";
import { authError, type ErrorStyle } from "./auth-errors.ts";
import type { RequestHead } from "./credential.ts";
import { queryParameters } from "./query-parameters.ts";
import { formatTimestamp, parseTimestamp } from "./timestamp.ts";

export const algorithm = "AWS4-HMAC-SHA256";
const asymmetricAlgorithm = "AWS4-ECDSA-P256-SHA256";
/** Longest life of a presigned request: seven days, in seconds. */
export const maxPresignedSeconds = 604_800;

/** A Signature Version 4 as claimed by a request. */
export interface SignatureClaim {
  /** true when the signature is in the query, which is then valid for `expiresInSeconds`. */
  readonly presigned: boolean;
  readonly accessKeyId: string;
  readonly region: string;
  readonly service: string;
  /** `YYYYMMDD/region/service/aws4_request` */
  readonly scope: string;
  /** Lower-cased names joined with `;`, as sent. */
  readonly signedHeaders: string;
  readonly signature: string;
  /** `YYYYMMDDTHHMMSSZ` */
  readonly timestamp: string;
  /** The same in milliseconds since the epoch. */
  readonly signedAt: number;
  /** Only on presigned requests that give it. */
  readonly expiresInSeconds: number | undefined;
  readonly sessionToken: string | undefined;
}

/** How a request is signed. */
export type Mechanism = "header" | "query" | "query-version-2" | "none";

/** @throws AwsError when the request carries two signatures */
export function mechanismOf(head: RequestHead, style: ErrorStyle): Mechanism {
  const header = head.headers["authorization"] !== undefined;
  if (head.query === "") return header ? "header" : "none";
  const version4 = /(?:^|&)X-Amz-(?:Algorithm|Credential|Signature)=/.test(head.query);
  const version2 = !version4 && /(?:^|&)(?:AWSAccessKeyId|Signature)=/.test(head.query);
  // Other services have parameters of their own called Signature.
  if (header && (version4 || (version2 && style === "s3"))) throw authError(style, "severalMechanisms");
  if (header) return "header";
  return version4 ? "query" : version2 ? "query-version-2" : "none";
}

/** Whether a request carries no signature at all, in whatever form. */
export function isUnsigned(head: RequestHead): boolean {
  return head.headers["authorization"] === undefined && mechanismOf(head, "s3") === "none";
}

interface Credential {
  readonly accessKeyId: string;
  readonly date: string;
  readonly region: string;
  readonly service: string;
  readonly scope: string;
}

function readCredential(
  text: string,
  style: ErrorStyle,
  malformed: "malformedCredential" | "malformedQueryCredential",
) {
  const parts = text.split("/");
  // Region and service become part of the text to sign and of cache keys, hence the narrow alphabet.
  const wellFormed =
    parts.length === 5 &&
    parts[0].length >= 1 &&
    parts[0].length <= 128 &&
    /^\d{8}$/.test(parts[1]) &&
    /^[A-Za-z0-9_-]{1,64}$/.test(parts[2]) &&
    /^[A-Za-z0-9_.-]{1,64}$/.test(parts[3]);
  if (!wellFormed) throw authError(style, malformed, { credential: text });
  const [accessKeyId, date, region, service, terminator] = parts;
  if (terminator !== "aws4_request") throw authError(style, "wrongTerminator", { terminator });
  return { accessKeyId, date, region, service, scope: text.slice(accessKeyId.length + 1) } satisfies Credential;
}

/** What AWS shows of an Authorization header that it refuses: never the header itself, it may hold a good signature. */
function digestOf(header: string): string {
  return `'${hash("sha256", header, "base64")}'`;
}

/** Reads `AWS4-HMAC-SHA256 Credential=…, SignedHeaders=…, Signature=…`. */
export function readHeaderClaim(head: RequestHead, style: ErrorStyle): SignatureClaim {
  const header = head.headers["authorization"].trim();
  if (!header.startsWith(`${algorithm} `)) {
    const scheme = header.split(" ", 1)[0];
    if (scheme === asymmetricAlgorithm) throw authError(style, "signatureVersion4A");
    if (scheme === "AWS") throw authError(style, "signatureVersion2");
    if (scheme !== algorithm) throw authError(style, "unknownScheme", { algorithm: scheme.slice(0, 64) });
  }
  let credentialText: string | undefined;
  let signedHeaders: string | undefined;
  let signature: string | undefined;
  for (const piece of header.slice(algorithm.length).split(",")) {
    const part = piece.trim();
    if (part === "") continue;
    const equals = part.indexOf("=");
    if (equals === -1) {
      throw authError(style, "notKeyValue", { part, digest: hash("sha256", header, "base64") });
    }
    const value = part.slice(equals + 1);
    if (part.startsWith("Credential=")) credentialText = value;
    else if (part.startsWith("SignedHeaders=")) signedHeaders = value;
    else if (part.startsWith("Signature=")) signature = value;
  }
  const dated = head.headers["x-amz-date"] ?? head.headers["date"];
  if (!credentialText || !signedHeaders || !signature) {
    const missing = [
      credentialText ? "" : "Authorization header requires 'Credential' parameter.",
      signature ? "" : "Authorization header requires 'Signature' parameter.",
      signedHeaders ? "" : "Authorization header requires 'SignedHeaders' parameter.",
      dated === undefined ? "Authorization header requires existence of either a 'X-Amz-Date' or a 'Date' header." : "",
    ];
    throw authError(style, "incomplete", { missing: missing.filter(Boolean).join(" "), digest: digestOf(header) });
  }
  if (dated === undefined) throw authError(style, "noDate", { digest: digestOf(header) });
  const credential = readCredential(credentialText, style, "malformedCredential");
  const { timestamp, signedAt } = readDate(dated, style);
  checkScopeDate(credential, timestamp, style);
  checkSignedHeaders(head, signedHeaders, style);
  return {
    presigned: false,
    accessKeyId: credential.accessKeyId,
    region: credential.region,
    service: credential.service,
    scope: credential.scope,
    signedHeaders,
    signature,
    timestamp,
    signedAt,
    expiresInSeconds: undefined,
    sessionToken: head.headers["x-amz-security-token"],
  };
}

/** The time of signing, from `X-Amz-Date` or any form of `Date` that HTTP allows. */
function readDate(text: string, style: ErrorStyle): { timestamp: string; signedAt: number } {
  const basic = parseTimestamp(text);
  if (basic !== undefined) return { timestamp: text, signedAt: basic };
  // Date.parse alone would also take a bare number or a local time.
  const http = /^[A-Z][a-z]{2}, .* GMT$/.test(text) || /^\d{4}-\d{2}-\d{2}T.*Z$/.test(text) ? Date.parse(text) : NaN;
  if (Number.isNaN(http)) throw authError(style, "malformedDate", { date: text });
  return { timestamp: formatTimestamp(http), signedAt: http };
}

function checkScopeDate(credential: Credential, timestamp: string, style: ErrorStyle): void {
  const requestDate = timestamp.slice(0, 8);
  if (credential.date === requestDate) return;
  throw authError(style, "scopeDateDiffers", { scopeDate: credential.date, requestDate, timestamp });
}

/** AWS requires the host everywhere, and S3 every header of its own that it would act on. */
function checkSignedHeaders(head: RequestHead, signedHeaders: string, style: ErrorStyle): void {
  const names = `;${signedHeaders};`;
  if (!names.includes(";host;")) throw authError(style, "hostNotSigned", {}, { HeadersNotSigned: "host" });
  if (style !== "s3") return;
  const unsigned: string[] = [];
  for (const name in head.headers) {
    // The body's hash is a line of the canonical request, so a signature covers it anyway.
    if (!name.startsWith("x-amz-") || name === "x-amz-content-sha256") continue;
    if (!names.includes(`;${name};`)) unsigned.push(name);
  }
  if (unsigned.length === 0) return;
  throw authError(style, "headersNotSigned", {}, { HeadersNotSigned: unsigned.join(", ") });
}

/** Reads the `X-Amz-…` parameters of a presigned request. */
export function readQueryClaim(head: RequestHead, style: ErrorStyle): SignatureClaim {
  const parameters = queryParameters(head.query);
  const used = parameters.get("X-Amz-Algorithm");
  if (used === asymmetricAlgorithm) throw authError(style, "signatureVersion4A");
  const required = ["X-Amz-Algorithm", "X-Amz-Credential", "X-Amz-Signature", "X-Amz-Date", "X-Amz-SignedHeaders"];
  // Only S3 insists on a lifetime; without one the other services allow the usual skew.
  if (style === "s3") required.push("X-Amz-Expires");
  const missing = required.filter((name) => !parameters.get(name));
  if (missing.length > 0) throw authError(style, "queryIncomplete", { missing: missing.join(", ") });
  if (used !== algorithm) throw authError(style, "queryAlgorithm", { algorithm: used!.slice(0, 64) });

  const credential = readCredential(parameters.get("X-Amz-Credential")!, style, "malformedQueryCredential");
  const timestamp = parameters.get("X-Amz-Date")!;
  const signedAt = parseTimestamp(timestamp);
  if (signedAt === undefined) throw authError(style, "queryDate", { date: timestamp });
  checkScopeDate(credential, timestamp, style);
  const signedHeaders = parameters.get("X-Amz-SignedHeaders")!;
  checkSignedHeaders(head, signedHeaders, style);
  return {
    presigned: true,
    accessKeyId: credential.accessKeyId,
    region: credential.region,
    service: credential.service,
    scope: credential.scope,
    signedHeaders,
    signature: parameters.get("X-Amz-Signature")!,
    timestamp,
    signedAt,
    expiresInSeconds: readExpires(parameters.get("X-Amz-Expires"), style),
    sessionToken: parameters.get("X-Amz-Security-Token"),
  };
}

function readExpires(text: string | undefined, style: ErrorStyle): number | undefined {
  if (text === undefined) return undefined;
  if (!/^-?\d{1,15}$/.test(text)) throw authError(style, "expiresNotNumber");
  const seconds = Number(text);
  if (seconds < 0) throw authError(style, "expiresNegative");
  if (seconds > maxPresignedSeconds) throw authError(style, "expiresTooLong");
  return seconds;
}
