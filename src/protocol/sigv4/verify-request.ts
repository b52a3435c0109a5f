/**
 * Decides who signed a request: AWS Signature Version 4 in the Authorization header or in the query, and Signature
 * Version 2 in the query of S3 requests. Everything else is refused by name.
 *
 * A signature may be used again while it is valid, as with AWS: it says who asks for what, not how often.
 */
import { hash, timingSafeEqual } from "node:crypto";
import type { Clock } from "../../util/clock.ts";
import type { ProtocolName } from "../service-model.ts";
import { authError, errorStyleOf, type ErrorStyle } from "./auth-errors.ts";
import { canonicalRequest, wireBytes } from "./canonical-request.ts";
import type { Credential, CredentialLookup, RequestHead } from "./credential.ts";
import { identifyCredentialScope } from "./identify-scope.ts";
import { readVersion2Claim, signVersion2 } from "./presigned-version-2.ts";
import { algorithm, mechanismOf, readHeaderClaim, readQueryClaim, type SignatureClaim } from "./signature-claim.ts";
import type { PayloadExpectation } from "./payload.ts";
import { queryParameters } from "./query-parameters.ts";
import { type SigningKey, SigningKeyCache } from "./signing-key.ts";
import { formatServerTime, formatTimestamp } from "./timestamp.ts";

export interface VerifiedRequest {
  readonly credential: Credential;
  readonly region: string;
  /** The signing name in the credential scope. */
  readonly service: string;
  readonly payload: PayloadExpectation;
  /** Milliseconds since the epoch; of a Signature Version 2, which does not say, the time of verification. */
  readonly signedAt: number;
}

export interface VerifyOptions {
  readonly lookup: CredentialLookup;
  readonly clock: Clock;
  /** Hexadecimal SHA-256 of the whole body; called only when the signature depends on it. */
  readonly bodySha256: () => Promise<string>;
  /** Of the service that will answer: how errors read, and with "rest-xml" the rules of S3; guessed when absent. */
  readonly protocol?: ProtocolName;
  /**
   * Signing name of the service that will answer. Give it whenever it is known: without it, a request signed for one
   * service under that service's rules would be taken by another.
   */
  readonly service?: string;
  /** How far the time of signing may be from now, either way; 15 minutes as AWS has it. */
  readonly maxSkewMs?: number;
  /** The bucket of a virtual-host style request, which Signature Version 2 signs. */
  readonly bucket?: string;
}

const defaultSkewMs = 15 * 60_000;
const signingKeys = new SigningKeyCache();

/**
 * Verifies the signature of a request.
 * @throws AwsError with the code, status and wording that AWS has for each condition (`auth-errors.ts`)
 */
export async function verifyRequest(head: RequestHead, options: VerifyOptions): Promise<VerifiedRequest> {
  const style = options.protocol === undefined ? guessStyle(head) : errorStyleOf(options.protocol);
  const mechanism = mechanismOf(head, style);
  if (mechanism === "none") throw authError(style, "unsigned");
  if (mechanism === "query-version-2") return verifyVersion2(head, style, options);

  const claim = mechanism === "header" ? readHeaderClaim(head, style) : readQueryClaim(head, style);
  if (options.service !== undefined && claim.service !== options.service) {
    throw authError(style, "wrongService", { service: claim.service, expected: options.service });
  }
  checkTime(claim, style, options.clock.now(), options.maxSkewMs ?? defaultSkewMs);
  const credential = await findCredential(claim, style, options);

  const payloadHash = style === "s3" ? declaredPayloadHash(head, claim, style) : await options.bodySha256();
  const key = signingKeys.get(credential, claim.scope);
  checkSignature(head, claim, payloadHash, key, style);
  return {
    credential,
    region: claim.region,
    service: claim.service,
    payload: style === "s3" ? payloadExpectation(head, claim, payloadHash, key, style) : { kind: "checked" },
    signedAt: claim.signedAt,
  };
}

function guessStyle(head: RequestHead): ErrorStyle {
  if (identifyCredentialScope(head)?.service === "s3") return "s3";
  const form = head.headers["content-type"]?.startsWith("application/x-www-form-urlencoded") === true;
  return form || /(?:^|&)Action=/.test(head.query) ? "query" : "json";
}

function checkTime(claim: SignatureClaim, style: ErrorStyle, now: number, maxSkewMs: number): void {
  const { presigned, signedAt, expiresInSeconds } = claim;
  const lifeMs = expiresInSeconds === undefined ? maxSkewMs : expiresInSeconds * 1000;
  const expired = now > signedAt + lifeMs;
  if (!expired && signedAt <= now + maxSkewMs) return;
  const facts = {
    timestamp: claim.timestamp,
    now: formatTimestamp(now),
    earliest: formatTimestamp(now - lifeMs),
    latest: formatTimestamp(now + maxSkewMs),
    window: inWords(expired ? lifeMs : maxSkewMs),
  };
  const ServerTime = formatServerTime(now);
  if (presigned) {
    throw authError(style, expired ? "presignedExpired" : "presignedEarly", facts, {
      ...(expired ? { "X-Amz-Expires": String(lifeMs / 1000) } : { "X-Amz-Date": claim.timestamp }),
      Expires: formatServerTime(signedAt + lifeMs),
      ServerTime,
    });
  }
  throw authError(style, expired ? "expired" : "early", facts, {
    RequestTime: claim.timestamp,
    ServerTime,
    MaxAllowedSkewMilliseconds: String(maxSkewMs),
  });
}

/** `15 min`, `30 s`: how AWS writes a window of time, without the full stop. */
function inWords(ms: number): string {
  return ms % 60_000 === 0 ? `${ms / 60_000} min` : `${Math.round(ms / 1000)} s`;
}

interface Claimant {
  readonly accessKeyId: string;
  readonly sessionToken: string | undefined;
}

async function findCredential(claim: Claimant, style: ErrorStyle, options: VerifyOptions): Promise<Credential> {
  const found = options.lookup(claim.accessKeyId);
  // Waiting for what is there already would cost a turn of the event queue per request.
  const credential = found instanceof Promise ? await found : found;
  const members = { AWSAccessKeyId: claim.accessKeyId };
  if (credential === undefined) throw authError(style, "unknownKey", {}, members);
  if (credential.sessionToken !== undefined && claim.sessionToken === undefined) {
    throw authError(style, "unknownKey", {}, members);
  }
  if (!sameText(credential.sessionToken ?? "", claim.sessionToken ?? "")) {
    throw authError(style, "wrongToken", {}, { "Token-0": claim.sessionToken ?? "" });
  }
  if (credential.expiresAt !== undefined && credential.expiresAt <= options.clock.now()) {
    throw authError(style, "expiredToken", {}, { "Token-0": claim.sessionToken ?? "" });
  }
  return credential;
}

/** Compares in a time that depends only on the lengths. */
function sameText(a: string, b: string): boolean {
  const [left, right] = [Buffer.from(a, "latin1"), Buffer.from(b, "latin1")];
  return a.length === b.length && timingSafeEqual(left, right);
}

function checkSignature(
  head: RequestHead,
  claim: SignatureClaim,
  payloadHash: string,
  key: SigningKey,
  style: ErrorStyle,
): void {
  const canonicalOptions = {
    signedHeaders: claim.signedHeaders,
    payloadHash,
    literalPath: style === "s3",
    ...(claim.presigned ? { withoutParameter: "X-Amz-Signature" } : {}),
  };
  const canonical = canonicalRequest(head, canonicalOptions);
  const stringToSign = stringToSignOf(canonical, claim);
  if (sameText(key.sign(stringToSign), claim.signature)) return;

  // A client that sends a header twice signs "a,b"; node:http gives us "a, b", as if it had been sent once.
  const rejoined = canonicalRequest(head, { ...canonicalOptions, joinRepeatedHeaders: true });
  if (rejoined !== canonical && sameText(key.sign(stringToSignOf(rejoined, claim)), claim.signature)) return;

  const explanation =
    `\n\nThe Canonical String for this request should have been\n'${canonical}'` +
    `\n\nThe String-to-Sign should have been\n'${stringToSign}'\n`;
  throw authError(
    style,
    "mismatch",
    { explanation },
    {
      AWSAccessKeyId: claim.accessKeyId,
      StringToSign: stringToSign,
      SignatureProvided: claim.signature,
      CanonicalRequest: canonical,
    },
  );
}

function stringToSignOf(canonical: string, claim: SignatureClaim): string {
  const ascii = /^[\x00-\x7f]*$/.test(canonical);
  const digest = hash("sha256", ascii ? canonical : wireBytes(canonical), "hex");
  return `${algorithm}\n${claim.timestamp}\n${claim.scope}\n${digest}`;
}

/** What an S3 request gives as the hash of its body. */
function declaredPayloadHash(head: RequestHead, claim: SignatureClaim, style: ErrorStyle): string {
  const header = head.headers["x-amz-content-sha256"];
  if (!claim.presigned) {
    if (header === undefined) throw authError(style, "noContentHash");
    return header;
  }
  // In a presigned request the body is unsigned unless whoever signed it said otherwise.
  const signed = `;${claim.signedHeaders};`.includes(";x-amz-content-sha256;");
  if (header !== undefined && signed) return header;
  return queryParameters(head.query).get("X-Amz-Content-Sha256") ?? "UNSIGNED-PAYLOAD";
}

function payloadExpectation(
  head: RequestHead,
  claim: SignatureClaim,
  payloadHash: string,
  signingKey: SigningKey,
  style: ErrorStyle,
): PayloadExpectation {
  const chunks = () => ({
    decodedLength: readDecodedLength(head, style),
    trailerNames: (head.headers["x-amz-trailer"] ?? "")
      .split(",")
      .map((name) => name.trim().toLowerCase())
      .filter((name) => name !== ""),
  });
  switch (payloadHash) {
    case "UNSIGNED-PAYLOAD":
      return { kind: "unsigned" };
    case "STREAMING-UNSIGNED-PAYLOAD-TRAILER":
      return { kind: "chunked-unsigned", trailer: true, ...chunks() };
    case "STREAMING-AWS4-HMAC-SHA256-PAYLOAD":
    case "STREAMING-AWS4-HMAC-SHA256-PAYLOAD-TRAILER": {
      const { signature: seedSignature, scope, timestamp } = claim;
      const trailer = payloadHash.endsWith("-TRAILER");
      return { kind: "chunked-signed", seedSignature, signingKey, scope, timestamp, trailer, ...chunks() };
    }
    default:
      if (!/^[0-9a-f]{64}$/.test(payloadHash)) throw authError(style, "unknownContentHash");
      return { kind: "sha256", hex: payloadHash };
  }
}

function readDecodedLength(head: RequestHead, style: ErrorStyle): number {
  const text = head.headers["x-amz-decoded-content-length"];
  if (text === undefined || !/^\d{1,15}$/.test(text)) {
    throw authError(style, "noDecodedLength", { length: text === undefined ? "absent" : `"${text}"` });
  }
  return Number(text);
}

async function verifyVersion2(head: RequestHead, style: ErrorStyle, options: VerifyOptions): Promise<VerifiedRequest> {
  const claim = readVersion2Claim(head, style, options.bucket);
  if (options.service !== undefined && options.service !== "s3") {
    throw authError(style, "wrongService", { service: "s3", expected: options.service });
  }
  const now = options.clock.now();
  if (now > claim.expiresAt) {
    const members = { Expires: formatServerTime(claim.expiresAt), ServerTime: formatServerTime(now) };
    throw authError(style, "presignedExpired", {}, members);
  }
  const credential = await findCredential(claim, style, options);
  if (!sameText(signVersion2(credential.secretAccessKey, claim.stringToSign), claim.signature)) {
    throw authError(
      style,
      "mismatch",
      {},
      {
        AWSAccessKeyId: claim.accessKeyId,
        StringToSign: claim.stringToSign,
        SignatureProvided: claim.signature,
      },
    );
  }
  return { credential, region: "us-east-1", service: "s3", payload: { kind: "unsigned" }, signedAt: now };
}
