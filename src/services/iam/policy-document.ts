/** Policy documents as IAM takes and gives them; their grammar is that of `authorization/policy-document.ts`. */
import { parsePolicyDocument } from "../../authorization/policy-document.ts";
import type { PolicyKind } from "../../authorization/policy-rules.ts";
import { PolicySyntaxError } from "../../authorization/policy-syntax-error.ts";
import { limitExceeded, malformedPolicy, quotaExceeded } from "./errors.ts";
import { quotas } from "./quotas.ts";

/** @throws AwsError MalformedPolicyDocument: the rule that the document breaks, in AWS's words, and where */
export function checkPolicyDocument(text: string, kind: PolicyKind): void {
  try {
    parsePolicyDocument(text, kind);
  } catch (error) {
    if (error instanceof PolicySyntaxError) throw malformedPolicy(`${error.message} (${error.where})`);
    throw error;
  }
}

/** Length as IAM's quotas count it. */
export function lengthOf(document: string): number {
  return document.replace(/\s/g, "").length;
}

/** @throws AwsError MalformedPolicyDocument, LimitExceeded */
export function checkTrustPolicy(document: string): void {
  checkPolicyDocument(document, "trust");
  if (lengthOf(document) > quotas.trustPolicyLength) throw quotaExceeded("ACLSizePerRole", quotas.trustPolicyLength);
}

/** @throws AwsError MalformedPolicyDocument, LimitExceeded */
export function checkManagedPolicy(document: string): void {
  checkPolicyDocument(document, "identity");
  if (lengthOf(document) > quotas.managedPolicyLength) throw quotaExceeded("PolicySize", quotas.managedPolicyLength);
}

/** @throws AwsError LimitExceeded when the inline policies of an identity are too long together */
export function checkInlineLength(
  documents: readonly string[],
  kind: { readonly noun: string; readonly inlineLength: number },
  name: string,
): void {
  const length = documents.reduce((sum, text) => sum + lengthOf(text), 0);
  if (length > kind.inlineLength) {
    throw limitExceeded(`Maximum policy size of ${kind.inlineLength} bytes exceeded for ${kind.noun} ${name}`);
  }
}

/** Documents are answered percent-encoded (RFC 3986); SDKs for Python decode them, others hand them on. */
export function encodePolicyDocument(text: string): string {
  return encodeURIComponent(text).replace(
    /[!'()*]/g,
    (character) => `%${character.charCodeAt(0).toString(16).toUpperCase()}`,
  );
}
