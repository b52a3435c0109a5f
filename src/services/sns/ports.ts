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
   * @throws QueueRefused when sending again cannot help
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

/** The queue does not exist, does not take the message, or its policy does not let the sender in. */
export class QueueRefused extends Error {
  /** SQS's code for it, e.g. `AWS.SimpleQueueService.NonExistentQueue`. */
  readonly code: string;

  constructor(code: string, message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = "QueueRefused";
    this.code = code;
  }
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
