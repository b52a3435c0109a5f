/** What the tagging API needs of its neighbours; wired in the server. */

export interface Owner {
  readonly accountId: string;
  readonly region: string;
}

/** S3's answer to "whose bucket is this?": the ARN of a bucket says neither account nor region. */
export interface BucketOwners {
  /** undefined when there is no such bucket */
  ownerOf(bucket: string): Promise<Owner | undefined>;
}
