/**
 * Presigned requests of Signature Version 2, which S3 clients of old still make.
 * Source: AWS, "Signing and authenticating REST requests" (Amazon S3), query string authentication.
 */
import { createHmac } from "node:crypto";
import { authError, type ErrorStyle } from "./auth-errors.ts";
import type { RequestHead } from "./credential.ts";
import { queryParameters } from "./query-parameters.ts";

/** Parameters that name a part of a resource or change a response, and so are signed. */
const signedParameters = new Set([
  "accelerate", "acl", "analytics", "cors", "defaultObjectAcl", "delete", "encryption", "inventory", "legal-hold",
  "lifecycle", "location", "logging", "metrics", "notification", "object-lock", "partNumber", "policy", "policyStatus",
  "publicAccessBlock", "replication", "requestPayment", "response-cache-control", "response-content-disposition",
  "response-content-encoding", "response-content-language", "response-content-type", "response-expires", "restore",
  "retention", "select", "select-type", "storageClass", "tagging", "torrent", "uploadId", "uploads", "versionId",
  "versioning", "versions", "website",
  // Younger than the signature. A URL for a bucket must not become one for these, too.
  "abac", "annotation", "attributes", "intelligent-tiering", "metadataAnnotationTable", "metadataConfiguration",
  "metadataInventoryTable", "metadataJournalTable", "metadataTable", "ownershipControls", "renameObject", "session",
]); // prettier-ignore

export interface Version2Claim {
  readonly accessKeyId: string;
  /** Base64 of an HMAC-SHA-1. */
  readonly signature: string;
  /** Milliseconds since the epoch. */
  readonly expiresAt: number;
  readonly sessionToken: string | undefined;
  readonly stringToSign: string;
}

/** @param bucket of a virtual-host style request, whose path does not name it */
export function readVersion2Claim(head: RequestHead, style: ErrorStyle, bucket: string | undefined): Version2Claim {
  const parameters = queryParameters(head.query);
  const accessKeyId = parameters.get("AWSAccessKeyId");
  const signature = parameters.get("Signature");
  const expires = parameters.get("Expires");
  if (style !== "s3" || !accessKeyId || !signature || !expires) throw authError(style, "version2Incomplete");
  if (!/^\d{1,12}$/.test(expires)) throw authError(style, "version2Expires", { expires });
  const amazonHeaders = amazonHeadersOf(head, parameters);
  // Some signers leave these headers in the URL as well; what is sent counts more.
  const header = (name: string) => head.headers[name] ?? parameters.get(name) ?? "";
  const signedHeaders = [...amazonHeaders.keys()].sort().map((name) => `${name}:${amazonHeaders.get(name)}\n`);
  return {
    accessKeyId,
    signature,
    expiresAt: Number(expires) * 1000,
    sessionToken: amazonHeaders.get("x-amz-security-token"),
    stringToSign:
      `${head.method}\n${header("content-md5")}\n${header("content-type")}\n${expires}\n` +
      signedHeaders.join("") +
      canonicalResource(head, parameters, bucket),
  };
}

/** `x-amz-` headers; a presigned request may carry them as parameters instead. */
function amazonHeadersOf(head: RequestHead, parameters: ReadonlyMap<string, string>): Map<string, string> {
  const found = new Map<string, string>();
  for (const [name, value] of [...Object.entries(head.headers), ...parameters]) {
    const lower = name.toLowerCase();
    if (lower.startsWith("x-amz-")) found.set(lower, value.trim());
  }
  return found;
}

function canonicalResource(head: RequestHead, parameters: ReadonlyMap<string, string>, bucket: string | undefined) {
  const path = bucket === undefined ? head.path : `/${bucket}${head.path}`;
  const signed = [...parameters]
    .filter(([name]) => signedParameters.has(name))
    .sort(([a], [b]) => (a < b ? -1 : 1))
    // A parameter without `=` is signed without one; with an empty value it makes no difference to AWS.
    .map(([name, value]) => (value === "" ? name : `${name}=${value}`));
  return signed.length === 0 ? path : `${path}?${signed.join("&")}`;
}

/** @returns base64 */
export function signVersion2(secretAccessKey: string, stringToSign: string): string {
  return createHmac("sha1", secretAccessKey).update(stringToSign).digest("base64");
}
