/**
 * What endpoints get: the JSON of notifications and confirmations, signed.
 *
 * Source: Amazon SNS Developer Guide, "Parsing message formats" and "Verifying the signatures of Amazon SNS messages".
 */
import { subscriptionArn, type SubscriptionId } from "../names.ts";
import type { MessageBody } from "../records.ts";
import type { Signer } from "../signing.ts";

/** Where the server serves its certificate. */
export const certificatePath = "/_sagebrush/sns/certificate.pem";

export interface EnvelopeFacts {
  readonly messageId: string;
  readonly message: MessageBody;
  readonly subscription: SubscriptionId;
  /** The text for the endpoint's protocol. */
  readonly text: string;
  readonly baseUrl: string;
  /** Not in JSON for queues whose owner wants the message alone, nor in mail. */
  readonly signer: Signer;
}

/** The members that are signed, in the order of their names, where the message has them. */
const signedMembers: Readonly<Record<MessageBody["type"], readonly string[]>> = {
  Notification: ["Message", "MessageId", "Subject", "Timestamp", "TopicArn", "Type"],
  SubscriptionConfirmation: ["Message", "MessageId", "SubscribeURL", "Timestamp", "Token", "TopicArn", "Type"],
  UnsubscribeConfirmation: ["Message", "MessageId", "SubscribeURL", "Timestamp", "Token", "TopicArn", "Type"],
};

/** The members of the JSON in AWS's order. */
export async function envelope(facts: EnvelopeFacts): Promise<Record<string, unknown>> {
  const { message, messageId, subscription, text, baseUrl, signer } = facts;
  const { type, topicArn, subject, token, signatureVersion } = message;
  const base: Record<string, string> = {
    Type: type,
    MessageId: messageId,
    ...(token === undefined ? {} : { Token: token }),
    TopicArn: topicArn,
    ...(subject === undefined ? {} : { Subject: subject }),
    Message: text,
    ...(token === undefined ? {} : { SubscribeURL: confirmUrl(baseUrl, topicArn, token) }),
    Timestamp: new Date(message.timestamp).toISOString(),
  };
  const attributes = Object.entries(message.attributes ?? {}).map(([name, { type: Type, value: Value }]) => [
    name,
    { Type, Value },
  ]);
  return {
    ...base,
    SignatureVersion: signatureVersion,
    Signature: await signer.sign(stringToSign(type, base), signatureVersion),
    SigningCertURL: `${baseUrl}${certificatePath}`,
    ...(type === "Notification" ? { UnsubscribeURL: unsubscribeUrl(baseUrl, subscription) } : {}),
    ...(attributes.length === 0 ? {} : { MessageAttributes: Object.fromEntries(attributes) as unknown }),
  };
}

function stringToSign(type: MessageBody["type"], members: Readonly<Record<string, string>>): string {
  return signedMembers[type]
    .filter((name) => members[name] !== undefined)
    .map((name) => `${name}\n${members[name]}\n`)
    .join("");
}

export function confirmUrl(baseUrl: string, topicArn: string, token: string): string {
  return `${baseUrl}/?Action=ConfirmSubscription&TopicArn=${encodeURIComponent(topicArn)}&Token=${token}`;
}

export function unsubscribeUrl(baseUrl: string, subscription: SubscriptionId): string {
  return `${baseUrl}/?Action=Unsubscribe&SubscriptionArn=${encodeURIComponent(subscriptionArn(subscription))}`;
}
