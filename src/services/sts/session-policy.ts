/** The grammar of session policies: that of identities' policies. */
import { parsePolicyDocument, PolicySyntaxError } from "../../authorization/index.ts";
import { AwsError } from "../../protocol/aws-error.ts";

/** @throws AwsError MalformedPolicyDocument, with the place of the mistake */
export function checkSessionPolicy(text: string): void {
  try {
    parsePolicyDocument(text, "identity");
  } catch (error) {
    if (!(error instanceof PolicySyntaxError)) throw error;
    throw new AwsError("MalformedPolicyDocumentException", `${error.message} (${error.where})`, { cause: error });
  }
}
