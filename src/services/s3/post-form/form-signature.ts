/**
 * Who signed the policy of a form: Signature Version 4 or Version 2, in fields of the form.
 *
 * Source: Amazon S3 API Reference, "Authenticating requests in browser-based uploads using POST".
 */
import { createHmac, timingSafeEqual } from "node:crypto";
import type { Principal } from "../../../protocol/service.ts";
import type { Credential, CredentialLookup } from "../../../protocol/sigv4/index.ts";
import { signVersion2 } from "../../../protocol/sigv4/presigned-version-2.ts";
import { invalidArgument, s3Error } from "../errors.ts";
import type { FormFields } from "./post-policy.ts";

interface FormClaim {
  readonly accessKeyId: string;
  readonly signature: string;
  readonly sign: (secret: string) => string;
}

/**
 * The signer of a form; undefined when nobody signed it.
 * @throws AwsError InvalidArgument for an incomplete signature, InvalidAccessKeyId, InvalidToken, ExpiredToken,
 * SignatureDoesNotMatch
 */
export async function signerOf(
  fields: FormFields,
  lookup: CredentialLookup,
  now: number,
): Promise<Principal | undefined> {
  const policy = fields.get("policy");
  const claim =
    fields.has("x-amz-algorithm") || fields.has("x-amz-signature")
      ? version4(fields, policy)
      : version2(fields, policy);
  if (claim === undefined) {
    if (policy === undefined) return undefined;
    throw missing("AWSAccessKeyId");
  }
  const credential = await lookup(claim.accessKeyId);
  if (credential === undefined) {
    throw s3Error("InvalidAccessKeyId", { AWSAccessKeyId: claim.accessKeyId });
  }
  requireSession(credential, fields.get("x-amz-security-token"), now);
  if (!isSame(claim.sign(credential.secretAccessKey), claim.signature)) {
    throw s3Error("SignatureDoesNotMatch", {
      AWSAccessKeyId: claim.accessKeyId,
      StringToSign: policy,
      SignatureProvided: claim.signature,
    });
  }
  return credential.principal;
}

function version4(fields: FormFields, policy: string | undefined): FormClaim {
  const [algorithm, scope, signature, date] = [
    "X-Amz-Algorithm",
    "X-Amz-Credential",
    "X-Amz-Signature",
    "X-Amz-Date",
  ].map((name) => required(fields, name));
  if (policy === undefined) throw missing("policy");
  if (algorithm !== "AWS4-HMAC-SHA256") {
    throw invalidArgument("X-Amz-Algorithm", algorithm, 'X-Amz-Algorithm only supports "AWS4-HMAC-SHA256"');
  }
  const parts = /^([\w+=,.@-]{1,128})\/(\d{8})\/([a-z0-9-]{1,64})\/s3\/aws4_request$/.exec(scope);
  if (parts === null) {
    throw invalidArgument(
      "X-Amz-Credential",
      scope,
      'the Credential is mal-formed; expecting "<YOUR-AKID>/YYYYMMDD/REGION/s3/aws4_request".',
    );
  }
  const [, accessKeyId, day, region] = parts;
  if (!/^\d{8}T\d{6}Z$/.test(date) || !date.startsWith(day)) {
    throw invalidArgument(
      "X-Amz-Date",
      date,
      "X-Amz-Date must be in the ISO8601 Long Format \"yyyyMMdd'T'HHmmss'Z'\" and of the day of the Credential",
    );
  }
  const sign = (secret: string) => {
    let key = Buffer.from(`AWS4${secret}`);
    for (const part of [day, region, "s3", "aws4_request"]) key = createHmac("sha256", key).update(part).digest();
    return createHmac("sha256", key).update(policy).digest("hex");
  };
  return { accessKeyId, signature, sign };
}

function version2(fields: FormFields, policy: string | undefined): FormClaim | undefined {
  if (!fields.has("awsaccesskeyid") && !fields.has("signature")) return undefined;
  const accessKeyId = required(fields, "AWSAccessKeyId");
  const signature = required(fields, "Signature");
  if (policy === undefined) throw missing("policy");
  return { accessKeyId, signature, sign: (secret) => signVersion2(secret, policy) };
}

function required(fields: FormFields, name: string): string {
  const value = fields.get(name.toLowerCase());
  if (value === undefined || value === "") throw missing(name);
  return value;
}

function missing(name: string) {
  return invalidArgument(
    name,
    "",
    `Bucket POST must contain a field named '${name}'.  If it is specified, please check the order of the fields.`,
  );
}

/** Temporary credentials count with their token, and until they expire. */
function requireSession({ sessionToken, expiresAt }: Credential, token: string | undefined, now: number): void {
  if (!isSame(sessionToken ?? "", token ?? "")) {
    throw s3Error("InvalidToken", { "Token-0": token ?? "" });
  }
  if (expiresAt !== undefined && expiresAt <= now) throw s3Error("ExpiredToken", { "Token-0": token ?? "" });
}

/** In a time that depends on the lengths alone. */
function isSame(a: string, b: string): boolean {
  const [left, right] = [Buffer.from(a), Buffer.from(b)];
  return left.length === right.length && timingSafeEqual(left, right);
}
