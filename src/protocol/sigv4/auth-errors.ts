/**
 * What AWS answers when a request cannot be authenticated: one table, condition by condition.
 *
 * The code differs by family of protocols, because AWS has three front ends: S3's own, the one of the JSON services
 * (codes end in `Exception`; REST services answer 403 where RPC services answer 400) and the one of the query services.
 * Source of codes and wording: AWS, "Common errors", "Troubleshoot signed requests for AWS APIs" and "Error responses"
 * of Amazon S3, and the answers that clients report in public.
 */
import { AwsError } from "../aws-error.ts";
import type { ProtocolName } from "../service-model.ts";

/** Which of AWS's front ends to answer like. */
export type ErrorStyle = "s3" | "json" | "rest-json" | "query";

const styles: Readonly<Record<ProtocolName, ErrorStyle>> = {
  "rest-xml": "s3",
  "rest-json": "rest-json",
  json: "json",
  "smithy-rpc-v2-cbor": "json",
  query: "query",
  ec2: "query",
};

/** The style in which a service of this protocol answers. */
export function errorStyleOf(protocol: ProtocolName): ErrorStyle {
  return styles[protocol];
}

type Coded = readonly [code: string, status: number, message?: string];

interface Condition {
  readonly s3: Coded;
  readonly json: Coded;
  readonly query: Coded;
  /** For the styles without one of their own; `{name}` is a fact of the occurrence. */
  readonly message?: string;
}

const malformedHeader = "The authorization header is malformed; ";
const calculatedDiffers = "The request signature we calculated does not match the signature you provided. ";
const notSupportedMechanism =
  "The authorization mechanism you have provided is not supported. Please use AWS4-HMAC-SHA256.";

const conditions = {
  unsigned: {
    s3: ["AccessDenied", 403, "Access Denied"],
    json: ["MissingAuthenticationTokenException", 400, "Missing Authentication Token"],
    query: ["MissingAuthenticationToken", 403, "Request is missing Authentication Token"],
  },
  severalMechanisms: {
    s3: ["InvalidArgument", 400],
    json: ["IncompleteSignatureException", 400],
    query: ["IncompleteSignature", 400],
    message:
      "Only one auth mechanism allowed; only the X-Amz-Algorithm query parameter, Signature query string parameter or the Authorization header should be specified",
  },
  unknownScheme: {
    s3: ["InvalidArgument", 400, "Unsupported Authorization Type"],
    json: ["IncompleteSignatureException", 400],
    query: ["IncompleteSignature", 400],
    message: "Unsupported AWS 'algorithm': '{algorithm}'.",
  },
  signatureVersion2: {
    s3: ["InvalidRequest", 400, `${notSupportedMechanism} (Signature Version 2 in the Authorization header.)`],
    json: ["IncompleteSignatureException", 400],
    query: ["IncompleteSignature", 400],
    message: "Unsupported AWS 'algorithm': 'AWS' (Signature Version 2). Sign with AWS4-HMAC-SHA256.",
  },
  signatureVersion4A: {
    s3: ["InvalidRequest", 400, `${notSupportedMechanism} (Signature Version 4A, AWS4-ECDSA-P256-SHA256.)`],
    json: ["IncompleteSignatureException", 400],
    query: ["IncompleteSignature", 400],
    message:
      "Unsupported AWS 'algorithm': 'AWS4-ECDSA-P256-SHA256'. Signature Version 4A is not supported by Sagebrush; sign with AWS4-HMAC-SHA256.",
  },
  notKeyValue: {
    s3: ["AuthorizationHeaderMalformed", 400, `${malformedHeader}'{part}' is not a key=value pair.`],
    json: ["IncompleteSignatureException", 400],
    query: ["IncompleteSignature", 400],
    message:
      "'{part}' not a valid key=value pair (missing equal-sign) in Authorization header (hashed with SHA-256 and encoded with Base64): '{digest}'.",
  },
  incomplete: {
    s3: [
      "AuthorizationHeaderMalformed",
      400,
      `${malformedHeader}the authorization header requires three components: Credential, SignedHeaders, and Signature.`,
    ],
    json: ["IncompleteSignatureException", 400],
    query: ["IncompleteSignature", 400],
    message: "{missing} (Hashed with SHA-256 and encoded with Base64) Authorization={digest}",
  },
  malformedCredential: {
    s3: [
      "AuthorizationHeaderMalformed",
      400,
      `${malformedHeader}the Credential is mal-formed; expecting "<YOUR-AKID>/YYYYMMDD/REGION/SERVICE/aws4_request".`,
    ],
    json: ["IncompleteSignatureException", 400],
    query: ["IncompleteSignature", 400],
    message:
      "Credential must have exactly 5 slash-delimited elements, e.g. keyid/date/region/service/term, got '{credential}'",
  },
  malformedQueryCredential: {
    s3: [
      "AuthorizationQueryParametersError",
      400,
      'Error parsing the X-Amz-Credential parameter; the Credential is mal-formed; expecting "<YOUR-AKID>/YYYYMMDD/REGION/SERVICE/aws4_request".',
    ],
    json: ["IncompleteSignatureException", 400],
    query: ["IncompleteSignature", 400],
    message:
      "Credential must have exactly 5 slash-delimited elements, e.g. keyid/date/region/service/term, got '{credential}'",
  },
  wrongTerminator: {
    s3: [
      "AuthorizationHeaderMalformed",
      400,
      `${malformedHeader}incorrect terminal "{terminator}". This endpoint uses "aws4_request".`,
    ],
    json: ["InvalidSignatureException", 400],
    query: ["SignatureDoesNotMatch", 403],
    message: "Credential should be scoped with a valid terminator: 'aws4_request', not '{terminator}'.",
  },
  wrongService: {
    s3: [
      "AuthorizationHeaderMalformed",
      400,
      `${malformedHeader}incorrect service "{service}". This endpoint belongs to "{expected}".`,
    ],
    json: ["InvalidSignatureException", 400],
    query: ["SignatureDoesNotMatch", 403],
    message: "Credential should be scoped to correct service: '{expected}'. ",
  },
  wrongRegion: {
    s3: [
      "AuthorizationHeaderMalformed",
      400,
      `${malformedHeader}the region '{region}' is wrong; expecting '{expected}'`,
    ],
    json: ["InvalidSignatureException", 400],
    query: ["SignatureDoesNotMatch", 403],
    message: "Credential should be scoped to a valid region, not '{region}'. ",
  },
  noDate: {
    s3: ["AccessDenied", 403, "AWS authentication requires a valid Date or x-amz-date header"],
    json: ["IncompleteSignatureException", 400],
    query: ["IncompleteSignature", 400],
    message:
      "Authorization header requires existence of either a 'X-Amz-Date' or a 'Date' header. (Hashed with SHA-256 and encoded with Base64) Authorization={digest}",
  },
  malformedDate: {
    s3: ["AccessDenied", 403, "AWS authentication requires a valid Date or x-amz-date header"],
    json: ["IncompleteSignatureException", 400],
    query: ["IncompleteSignature", 400],
    message: "Date must be in ISO-8601 'basic format'. Got '{date}'. See http://en.wikipedia.org/wiki/ISO_8601",
  },
  scopeDateDiffers: {
    s3: [
      "AuthorizationHeaderMalformed",
      400,
      `${malformedHeader}Invalid credential date "{scopeDate}". This date is not the same as X-Amz-Date: "{requestDate}".`,
    ],
    json: ["InvalidSignatureException", 400],
    query: ["SignatureDoesNotMatch", 403],
    message:
      "Date in Credential scope does not match YYYYMMDD from ISO-8601 version of date from HTTP: '{scopeDate}' != '{requestDate}', from '{timestamp}'.",
  },
  hostNotSigned: {
    s3: ["AccessDenied", 403, "There were headers present in the request which were not signed"],
    json: ["InvalidSignatureException", 400],
    query: ["SignatureDoesNotMatch", 403],
    message: "'Host' or ':authority' must be a 'SignedHeader' in the AWS Authorization.",
  },
  headersNotSigned: {
    s3: ["AccessDenied", 403],
    json: ["InvalidSignatureException", 400],
    query: ["SignatureDoesNotMatch", 403],
    message: "There were headers present in the request which were not signed",
  },
  queryIncomplete: {
    s3: [
      "AuthorizationQueryParametersError",
      400,
      "Query-string authentication version 4 requires the X-Amz-Algorithm, X-Amz-Credential, X-Amz-Signature, X-Amz-Date, X-Amz-SignedHeaders, and X-Amz-Expires parameters.",
    ],
    json: ["IncompleteSignatureException", 400],
    query: ["IncompleteSignature", 400],
    message: "AWS query-string parameters must include {missing}.",
  },
  queryAlgorithm: {
    s3: [
      "AuthorizationQueryParametersError",
      400,
      'X-Amz-Algorithm only supports "AWS4-HMAC-SHA256"; got "{algorithm}"',
    ],
    json: ["IncompleteSignatureException", 400],
    query: ["IncompleteSignature", 400],
    message: "Unsupported AWS 'algorithm': '{algorithm}'.",
  },
  queryDate: {
    s3: [
      "AuthorizationQueryParametersError",
      400,
      "X-Amz-Date must be in the ISO8601 Long Format \"yyyyMMdd'T'HHmmss'Z'\"",
    ],
    json: ["IncompleteSignatureException", 400],
    query: ["IncompleteSignature", 400],
    message: "Date must be in ISO-8601 'basic format'. Got '{date}'. See http://en.wikipedia.org/wiki/ISO_8601",
  },
  expiresNotNumber: {
    s3: ["AuthorizationQueryParametersError", 400],
    json: ["IncompleteSignatureException", 400],
    query: ["IncompleteSignature", 400],
    message: "X-Amz-Expires should be a number",
  },
  expiresNegative: {
    s3: ["AuthorizationQueryParametersError", 400],
    json: ["IncompleteSignatureException", 400],
    query: ["IncompleteSignature", 400],
    message: "X-Amz-Expires must be non-negative",
  },
  expiresTooLong: {
    s3: ["AuthorizationQueryParametersError", 400],
    json: ["IncompleteSignatureException", 400],
    query: ["IncompleteSignature", 400],
    message:
      "X-Amz-Expires must be less than a week (in seconds); that is, the given X-Amz-Expires must be less than 604800 seconds",
  },
  presignedExpired: {
    s3: ["AccessDenied", 403, "Request has expired"],
    json: ["InvalidSignatureException", 400],
    query: ["SignatureDoesNotMatch", 403],
    message: "Signature expired: {timestamp} is now earlier than {earliest} ({now} - {window}.)",
  },
  presignedEarly: {
    s3: ["AccessDenied", 403, "Request is not yet valid"],
    json: ["InvalidSignatureException", 400],
    query: ["SignatureDoesNotMatch", 403],
    message: "Signature not yet current: {timestamp} is still later than {latest} ({now} + {window}.)",
  },
  version2Incomplete: {
    s3: [
      "AccessDenied",
      403,
      "Query-string authentication requires the Signature, Expires and AWSAccessKeyId parameters",
    ],
    json: ["IncompleteSignatureException", 400],
    query: ["IncompleteSignature", 400],
    message: "Signature Version 2 is supported only in presigned requests of S3. Sign with AWS4-HMAC-SHA256.",
  },
  version2Expires: {
    s3: ["AccessDenied", 403, "Invalid date (should be seconds since epoch): {expires}"],
    json: ["IncompleteSignatureException", 400],
    query: ["IncompleteSignature", 400],
    message: "Invalid date (should be seconds since epoch): {expires}",
  },
  expired: {
    s3: ["RequestTimeTooSkewed", 403, "The difference between the request time and the current time is too large."],
    json: ["InvalidSignatureException", 400],
    query: ["SignatureDoesNotMatch", 403],
    message: "Signature expired: {timestamp} is now earlier than {earliest} ({now} - {window}.)",
  },
  early: {
    s3: ["RequestTimeTooSkewed", 403, "The difference between the request time and the current time is too large."],
    json: ["InvalidSignatureException", 400],
    query: ["SignatureDoesNotMatch", 403],
    message: "Signature not yet current: {timestamp} is still later than {latest} ({now} + {window}.)",
  },
  unknownKey: {
    s3: ["InvalidAccessKeyId", 403, "The AWS Access Key Id you provided does not exist in our records."],
    json: ["UnrecognizedClientException", 400],
    query: ["InvalidClientTokenId", 403],
    message: "The security token included in the request is invalid.",
  },
  wrongToken: {
    s3: ["InvalidToken", 400, "The provided token is malformed or otherwise invalid."],
    json: ["UnrecognizedClientException", 400],
    query: ["InvalidClientTokenId", 403],
    message: "The security token included in the request is invalid.",
  },
  expiredToken: {
    s3: ["ExpiredToken", 400, "The provided token has expired."],
    json: ["ExpiredTokenException", 400],
    query: ["ExpiredToken", 403],
    message: "The security token included in the request is expired",
  },
  noContentHash: {
    s3: ["InvalidRequest", 400],
    json: ["InvalidSignatureException", 400],
    query: ["SignatureDoesNotMatch", 403],
    message: "Missing required header for this request: x-amz-content-sha256",
  },
  unknownContentHash: {
    s3: ["InvalidArgument", 400],
    json: ["InvalidSignatureException", 400],
    query: ["SignatureDoesNotMatch", 403],
    message:
      "x-amz-content-sha256 must be UNSIGNED-PAYLOAD, STREAMING-UNSIGNED-PAYLOAD-TRAILER, STREAMING-AWS4-HMAC-SHA256-PAYLOAD, STREAMING-AWS4-HMAC-SHA256-PAYLOAD-TRAILER or a valid sha256 value.",
  },
  noDecodedLength: {
    s3: ["MissingContentLength", 411],
    json: ["InvalidSignatureException", 400],
    query: ["SignatureDoesNotMatch", 403],
    message: "You must provide the Content-Length HTTP header. (x-amz-decoded-content-length: {length})",
  },
  mismatch: {
    s3: ["SignatureDoesNotMatch", 403, `${calculatedDiffers}Check your key and signing method.`],
    json: ["InvalidSignatureException", 400],
    query: ["SignatureDoesNotMatch", 403],
    message: `${calculatedDiffers}Check your AWS Secret Access Key and signing method. Consult the service documentation for details.{explanation}`,
  },
  // The rest happens while a body streams in, which only S3 does.
  bodyHashDiffers: {
    s3: ["XAmzContentSHA256Mismatch", 400],
    json: ["InvalidSignatureException", 400],
    query: ["SignatureDoesNotMatch", 403],
    message: "The provided 'x-amz-content-sha256' header does not match what was computed.",
  },
  bodyIncomplete: {
    s3: ["IncompleteBody", 400],
    json: ["InvalidSignatureException", 400],
    query: ["SignatureDoesNotMatch", 403],
    message: "You did not provide the number of bytes specified by the Content-Length HTTP header",
  },
  bodyMalformed: {
    s3: ["IncompleteBody", 400],
    json: ["InvalidSignatureException", 400],
    query: ["SignatureDoesNotMatch", 403],
    message: "The request body terminated unexpectedly: {problem}",
  },
  chunkTooSmall: {
    s3: ["InvalidChunkSizeError", 403],
    json: ["InvalidSignatureException", 400],
    query: ["SignatureDoesNotMatch", 403],
    message: "Only the last chunk is allowed to have a size less than 8192 bytes",
  },
  trailerMalformed: {
    s3: ["MalformedTrailerError", 400],
    json: ["InvalidSignatureException", 400],
    query: ["SignatureDoesNotMatch", 403],
    message: "The request contained trailing data that was not well-formed or did not conform to our published schema.",
  },
} as const satisfies Readonly<Record<string, Condition>>;

export type AuthCondition = keyof typeof conditions;

/** All conditions, for tests and documentation. */
export const authConditions: Readonly<Record<AuthCondition, Condition>> = conditions;

/**
 * The error with which AWS answers a condition.
 * @param facts  what `{name}` in the message stands for
 * @param members further elements of S3's error document; the other styles have none
 */
export function authError(
  style: ErrorStyle,
  name: AuthCondition,
  facts: Readonly<Record<string, string>> = {},
  members: Record<string, unknown> = {},
): AwsError {
  const condition: Condition = conditions[name];
  const [code, status, ownMessage] = condition[style === "rest-json" ? "json" : style];
  const message = (ownMessage ?? condition.message ?? "").replace(/\{(\w+)\}/g, (_, fact: string) => facts[fact] ?? "");
  return new AwsError(code, message, {
    status: style === "rest-json" ? 403 : status,
    ...(style === "s3" ? { members } : {}),
  });
}
