/** What the tagging API needs of its neighbours; wired in the server. */
import type { AccessRules } from "../../protocol/service.ts";

export interface Owner {
  readonly accountId: string;
  readonly region: string;
}

/** S3's answer to "whose bucket is this?": the ARN of a bucket says neither account nor region. */
export interface BucketOwners {
  /** undefined when there is no such bucket */
  ownerOf(bucket: string): Promise<Owner | undefined>;
}

/** The services whose resources have tags, as those who decide who may tag what. */
export interface ServiceRules {
  /**
   * @param service as in ARNs, e.g. `sagemaker`
   * @returns undefined for a service that is not served
   */
  rulesOf(service: string): AccessRules | undefined;
}
