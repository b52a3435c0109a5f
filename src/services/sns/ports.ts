/** What SNS needs of its neighbours, and what it offers them; wired in the server. */

/** An attribute of a message in a queue. */
export interface QueueMessageAttribute {
  readonly type: string;
  /** Base64 where the type is Binary. */
  readonly value: string;
}

/** SQS as SNS sees it. */
export interface QueueSender {
  /**
   * Puts a message into a queue, durably. The queue's policy must let `sns.amazonaws.com` send for the topic.
   * @throws AwsError when sending again cannot help: no such queue, not allowed, not taken; anything else when it may
   */
  send(
    queueArn: string,
    message: {
      readonly body: string;
      readonly attributes?: Readonly<Record<string, QueueMessageAttribute>>;
    },
    from: { readonly topicArn: string; readonly accountId: string },
  ): Promise<void>;
}

/** SNS as alarms, bucket notifications and asynchronous inference see it. */
export interface TopicPublisher {
  /**
   * Publishes a message; durable when resolved. Whether the topic lets the caller is `topicAllows`'s to say.
   * @throws AwsError NotFound when there is no such topic, InvalidParameter when the message breaks SNS's rules
   */
  publish(
    space: { readonly accountId: string; readonly region: string },
    topicArn: string,
    message: {
      /** 1 to 100 characters without line breaks */
      readonly subject?: string;
      /** At most 256 KiB with the attributes. */
      readonly body: string;
      /** Values of type String. */
      readonly attributes?: Readonly<Record<string, string>>;
    },
  ): Promise<void>;
  /**
   * Whether a topic's policy lets a service publish for one of its resources; false when there is no such topic.
   * @param servicePrincipal e.g. `s3.amazonaws.com`
   * @param sourceArn for `aws:SourceArn`, e.g. `arn:aws:s3:::bucket`
   * @param sourceAccount for `aws:SourceAccount`
   */
  topicAllows(topicArn: string, servicePrincipal: string, sourceArn: string, sourceAccount: string): Promise<boolean>;
}
