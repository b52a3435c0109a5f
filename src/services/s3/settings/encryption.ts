/** Default encryption of buckets as it is set. */
import type { ServerSideEncryptionConfiguration } from "../../../protocol/generated/s3.ts";
import type { Refusal } from "../../../protocol/service.ts";
import { invalidArgument, s3Error } from "../errors.ts";

const byDefault = "ServerSideEncryptionConfiguration.Rules[].ApplyServerSideEncryptionByDefault";

export const encryptionRefusals: readonly Refusal[] = [
  {
    parameter: `${byDefault}.SSEAlgorithm`,
    values: ["aws:kms:dsse", "aws:fsx", "aws:backup"],
    because: "objects are encrypted once, with AES256 or aws:kms",
  },
];

/**
 * @throws AwsError MalformedXML, InvalidArgument, NotImplemented for a key of the customer's own
 */
export function checkedEncryption(configuration: ServerSideEncryptionConfiguration): ServerSideEncryptionConfiguration {
  const rules = configuration.Rules ?? [];
  const rule = rules[0];
  if (rules.length !== 1) throw s3Error("MalformedXML");
  const { SSEAlgorithm: algorithm, KMSMasterKeyID: key } = rule.ApplyServerSideEncryptionByDefault ?? {};
  if (algorithm !== undefined && algorithm !== "AES256" && algorithm !== "aws:kms") throw s3Error("MalformedXML");
  if (key !== undefined && algorithm !== "aws:kms") {
    throw invalidArgument(
      "KMSMasterKeyID",
      key,
      "a KMSMasterKeyID is not applicable if the default sse algorithm is not aws:kms or aws:kms:dsse",
    );
  }
  if (key !== undefined && !isManagedKey(key)) {
    const message = `The key ${key} is not supported by Sagebrush: there is no KMS, aws:kms uses the key alias/aws/s3`;
    throw s3Error("NotImplemented", {}, { message });
  }
  return configuration;
}

/** The key that S3 has of its own in every account. */
export function isManagedKey(key: string): boolean {
  return /^(arn:aws[a-z-]*:kms:[a-z0-9-]+:\d{12}:)?(alias\/)?aws\/s3$/.test(key);
}
