/** What CloudWatch needs of SNS; wired in the server. */
import type { MetricSpace } from "./store/metric-index.ts";

/** Publishes to topics in the name of CloudWatch. */
export interface TopicPublisher {
  /**
   * Resolves when the message is kept durably.
   * @param space of the alarm
   * @throws AwsError when the topic is not there or may not be published to
   */
  publish(
    space: MetricSpace,
    topicArn: string,
    message: {
      /** At most 100 characters. */
      readonly subject: string;
      /** JSON */
      readonly body: string;
    },
  ): Promise<void>;
  /**
   * Whether the topic exists and its policy lets a service publish for a source.
   * @param servicePrincipal `cloudwatch.amazonaws.com`
   * @param sourceArn the alarm's
   * @param sourceAccount the alarm's
   * @throws AwsError when the ARN is no topic's
   */
  topicAllows(topicArn: string, servicePrincipal: string, sourceArn: string, sourceAccount: string): Promise<boolean>;
}
