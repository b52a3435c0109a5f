import type { RequestHead } from "./credential.ts";
import { decodeQueryPart } from "./query-parameters.ts";

/** Whose key signed for which region and service, for routing. */
export interface CredentialScope {
  readonly accessKeyId: string;
  readonly region: string;
  readonly service: string;
}

/**
 * Reads the credential scope without verifying anything; undefined when the request is unsigned or its credential is
 * unreadable. A Signature Version 2 has no scope: it is S3's, in AWS's first region.
 */
export function identifyCredentialScope(head: RequestHead): CredentialScope | undefined {
  const header = head.headers["authorization"];
  if (header !== undefined) {
    const version2 = /^AWS ([^:\s]+):/.exec(header);
    if (version2 !== null) return { accessKeyId: version2[1], region: "us-east-1", service: "s3" };
    return splitCredential(/\bCredential=([^,\s]+)/.exec(header)?.[1]);
  }
  if (head.query === "") return undefined;
  const version4 = /(?:^|&)X-Amz-Credential=([^&]*)/.exec(head.query);
  if (version4 !== null) return splitCredential(decodeQueryPart(version4[1]));
  const version2 = /(?:^|&)AWSAccessKeyId=([^&]*)/.exec(head.query);
  return version2 === null
    ? undefined
    : { accessKeyId: decodeQueryPart(version2[1]), region: "us-east-1", service: "s3" };
}

function splitCredential(credential: string | undefined): CredentialScope | undefined {
  const parts = credential?.split("/");
  if (parts?.length === 5) return { accessKeyId: parts[0], region: parts[2], service: parts[3] };
  // Signature Version 4A signs for a set of regions, so its scope has none.
  if (parts?.length === 4) return { accessKeyId: parts[0], region: "*", service: parts[2] };
  return undefined;
}
