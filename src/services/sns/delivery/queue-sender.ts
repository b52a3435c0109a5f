/** Queues: endpoints of the platform, and the places of what could not be delivered. */
import { AwsError } from "../../../protocol/aws-error.ts";
import { parseArn } from "../../../resources/arn.ts";
import type { QueueMessageAttribute, QueueSender } from "../ports.ts";
import type { Signer } from "../signing.ts";
import { envelope } from "./envelope.ts";
import { queueRetryPolicy, type RetryPolicy } from "./retry-policy.ts";
import { DeliveryFailed, textFor, type Outgoing, type Sender } from "./sender.ts";

/** A message of a queue has no more; with more, a raw delivery is given up. Source: SNS, "Raw message delivery". */
const maxRawAttributes = 10;

export interface QueueDeliveryOptions {
  readonly queues: QueueSender;
  readonly signer: Signer;
  readonly baseUrl: () => string;
}

export class QueueDelivery implements Sender {
  readonly #options: QueueDeliveryOptions;

  constructor(options: QueueDeliveryOptions) {
    this.#options = options;
  }

  retryPolicy(): RetryPolicy {
    return queueRetryPolicy;
  }

  async send(outgoing: Outgoing): Promise<void> {
    await this.#send(outgoing.endpoint, outgoing, {});
  }

  /**
   * Puts what could not be delivered into the queue of a redrive policy, with the reason.
   * @throws DeliveryFailed
   */
  async redrive(queueArn: string, outgoing: Outgoing, failure: { code: string; reason: string }): Promise<void> {
    await this.#send(queueArn, outgoing, {
      RequestID: { type: "String", value: outgoing.messageId },
      ErrorCode: { type: "String", value: failure.code },
      ErrorMessage: { type: "String", value: failure.reason },
    });
  }

  async #send(
    queueArn: string,
    outgoing: Outgoing,
    more: Readonly<Record<string, QueueMessageAttribute>>,
  ): Promise<void> {
    const { message, messageId, subscription, attributes } = outgoing;
    const { signer, baseUrl, queues } = this.#options;
    const text = textFor(message, outgoing.protocol);
    const raw = attributes.RawMessageDelivery === "true" && message.type === "Notification";
    const body = raw
      ? text
      : JSON.stringify(await envelope({ message, messageId, subscription, text, baseUrl: baseUrl(), signer }), null, 2);
    const own = raw ? rawAttributes(outgoing) : {};
    const from = { topicArn: message.topicArn, accountId: parseArn(message.topicArn)!.accountId };
    try {
      await queues.send(queueArn, { body, attributes: { ...own, ...more } }, from);
    } catch (error) {
      if (!(error instanceof AwsError)) throw error;
      throw new DeliveryFailed(error.code, error.message, { permanent: true, cause: error });
    }
  }
}

function rawAttributes({ message }: Outgoing): Readonly<Record<string, QueueMessageAttribute>> {
  const { attributes = {} } = message;
  const count = Object.keys(attributes).length;
  if (count > maxRawAttributes) {
    throw new DeliveryFailed(
      "InvalidParameterValue",
      `A raw message has at most ${maxRawAttributes} attributes in a queue, this one has ${count}`,
      { permanent: true },
    );
  }
  return attributes;
}
