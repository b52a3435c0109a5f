/**
 * The canonical request of Signature Version 4: the one text that client and server derive from the same request.
 *
 * Source: AWS, "Create a signed AWS API request", step "Create a canonical request". Each function has a way for the
 * requests that SDKs really send, which are canonical already, and the full rules for all others.
 */
import type { RequestHead } from "./credential.ts";

/** One byte percent-encoded, for every byte that RFC 3986 does not leave unreserved. */
const escapes: readonly string[] = Array.from({ length: 256 }, (_, byte) => {
  const character = String.fromCharCode(byte);
  return /[A-Za-z0-9\-._~]/.test(character) ? character : `%${byte.toString(16).toUpperCase().padStart(2, "0")}`;
});
const slash = 0x2f;
const percent = 0x25;
const plus = 0x2b;

/** The bytes that arrived: node:http gives one character per byte; text of our own making may have wider characters. */
export function wireBytes(text: string): Buffer {
  return Buffer.from(text, /^[\x00-\xff]*$/.test(text) ? "latin1" : "utf8");
}

/** Percent-encodes everything but unreserved characters and slashes; a `%` becomes `%25`. */
function encodePath(path: string): string {
  if (/^[A-Za-z0-9\-._~/]*$/.test(path)) return path;
  let encoded = "";
  for (const byte of wireBytes(path)) encoded += byte === slash ? "/" : escapes[byte];
  return encoded;
}

/** Encodes what is not encoded, decodes what need not be, and leaves the meaning of every other escape alone. */
function normaliseEscapes(text: string, options: { keep?: number; plusIsSpace: boolean }): string {
  const bytes = wireBytes(text);
  let result = "";
  for (let at = 0; at < bytes.length; at += 1) {
    const byte = bytes[at];
    if (byte === percent) {
      const digits = bytes.toString("latin1", at + 1, at + 3);
      if (/^[0-9A-Fa-f]{2}$/.test(digits)) {
        result += escapes[Number.parseInt(digits, 16)];
        at += 2;
        continue;
      }
    }
    if (byte === options.keep) result += String.fromCharCode(byte);
    else result += byte === plus && options.plusIsSpace ? "%20" : escapes[byte];
  }
  return result;
}

/** Resolves `.` and `..` and drops empty segments, keeping a trailing slash. Source: RFC 3986, section 5.2.4. */
function removeDotSegments(path: string): string {
  if (!path.includes("//") && !path.includes("/.")) return path;
  const segments: string[] = [];
  for (const segment of path.split("/")) {
    if (segment === "..") segments.pop();
    else if (segment !== "" && segment !== ".") segments.push(segment);
  }
  const trailing = segments.length > 0 && path.endsWith("/") ? "/" : "";
  return `/${segments.join("/")}${trailing}`;
}

/**
 * @param literal true for S3, whose paths are object keys: neither normalised nor encoded a second time
 */
export function canonicalPath(path: string, literal: boolean): string {
  if (path === "/" || path === "") return "/";
  if (!literal) return encodePath(removeDotSegments(path));
  if (/^[A-Za-z0-9\-._~/]*$/.test(path)) return path;
  return normaliseEscapes(path, { keep: slash, plusIsSpace: false });
}

/** One name or value of a query, percent-encoded as signatures want it; a `+` is a space, as in HTML forms. */
function canonicalQueryPart(part: string): string {
  return /^[A-Za-z0-9\-._~]*$/.test(part) ? part : normaliseEscapes(part, { plusIsSpace: true });
}

/**
 * @param query as sent, without `?`
 * @param without name of a parameter to leave out: the signature itself in a presigned request
 */
export function canonicalQuery(query: string, without?: string): string {
  if (query === "") return "";
  const pairs: (readonly [name: string, value: string])[] = [];
  for (const parameter of query.split("&")) {
    if (parameter === "") continue;
    const equals = parameter.indexOf("=");
    const name = equals === -1 ? parameter : parameter.slice(0, equals);
    if (name === without) continue;
    pairs.push([canonicalQueryPart(name), equals === -1 ? "" : canonicalQueryPart(parameter.slice(equals + 1))]);
  }
  // Encoded text is ASCII, so comparing strings compares bytes.
  pairs.sort((a, b) => (a[0] < b[0] ? -1 : a[0] > b[0] ? 1 : a[1] < b[1] ? -1 : a[1] > b[1] ? 1 : 0));
  return pairs.map(([name, value]) => `${name}=${value}`).join("&");
}

/** Trimmed, runs of white space inside as one space. */
function canonicalHeaderValue(value: string): string {
  const trimmed = value.trim();
  return trimmed.includes("  ") || trimmed.includes("\t") || trimmed.includes("\n")
    ? trimmed.replace(/\s+/g, " ")
    : trimmed;
}

export interface CanonicalRequestOptions {
  /** Lower-cased names joined with `;`, as the client listed them. */
  readonly signedHeaders: string;
  /** Hexadecimal SHA-256 of the body, or what stands for it. */
  readonly payloadHash: string;
  readonly literalPath: boolean;
  readonly withoutParameter?: string;
  /** How repeated headers are joined; node:http has joined them with `", "` already, clients sign `","`. */
  readonly joinRepeatedHeaders?: boolean;
}

export function canonicalRequest(head: RequestHead, options: CanonicalRequestOptions): string {
  let headers = "";
  for (const name of options.signedHeaders.split(";")) {
    let value = canonicalHeaderValue(Object.hasOwn(head.headers, name) ? head.headers[name] : "");
    if (options.joinRepeatedHeaders) value = value.replaceAll(", ", ",");
    headers += `${name}:${value}\n`;
  }
  const path = canonicalPath(head.path, options.literalPath);
  const query = canonicalQuery(head.query, options.withoutParameter);
  return `${head.method}\n${path}\n${query}\n${headers}\n${options.signedHeaders}\n${options.payloadHash}`;
}
