/** What S3 needs of neighbouring services; the server wires them. */

/** Who S3 is when it uses another service. */
export const servicePrincipal = "s3.amazonaws.com";

/** Topics, as notifications use them. */
export interface TopicPublisher {
  /**
   * Hands a message to the topic's subscribers; resolves when it is durably theirs.
   * @param space account and region of the bucket
   * @throws AwsError when the topic is gone or does not let S3 publish: trying again does not help
   */
  publish(
    space: { readonly accountId: string; readonly region: string },
    topicArn: string,
    message: { readonly subject: string; readonly body: string },
  ): Promise<void>;
  /**
   * Whether the topic exists and its policy lets a service publish for a source.
   * @param servicePrincipal `s3.amazonaws.com`
   * @param sourceArn the bucket's
   * @param sourceAccount that of the bucket's owner
   * @throws AwsError when the ARN is no topic's
   */
  topicAllows(topicArn: string, servicePrincipal: string, sourceArn: string, sourceAccount: string): Promise<boolean>;
}
