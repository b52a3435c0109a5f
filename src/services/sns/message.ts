/** What may be published: the rules of messages, subjects and attributes, and the message that comes of an input. */
import type { MessageAttributeValue } from "../../protocol/generated/sns.ts";
import { invalidParameter, invalidValue } from "./errors.ts";
import type { MessageAttribute, MessageBody } from "./records.ts";

/** Bytes of body and attributes together. */
export const maxMessageBytes = 256 * 1024;
const maxSubjectLength = 100;
const maxAttributeNameLength = 256;

/** The members that Publish and an entry of PublishBatch share. */
export interface PublishedMessage {
  readonly Message: string;
  readonly Subject?: string;
  readonly MessageStructure?: string;
  readonly MessageAttributes?: { readonly [name: string]: MessageAttributeValue };
}

/** What a message holds, without what its topic adds. */
export type MessageContent = Pick<MessageBody, "subject" | "texts" | "attributes"> & {
  /** Bytes that count against the limit. */
  readonly size: number;
};

/** @throws AwsError InvalidParameter, ParameterValueInvalid */
export function messageContent(input: PublishedMessage): MessageContent {
  const { Message, Subject, MessageStructure } = input;
  if (Message === "") throw invalidParameter("Empty message");
  if (Subject !== undefined) checkSubject(Subject);
  if (MessageStructure !== undefined && MessageStructure !== "" && MessageStructure !== "json") {
    throw invalidParameter("MessageStructure");
  }
  const attributes = messageAttributes(input.MessageAttributes ?? {});
  const size = Buffer.byteLength(Message) + sizeOf(attributes);
  if (size > maxMessageBytes) throw invalidParameter("Message too long");
  return {
    texts: MessageStructure === "json" ? textsByProtocol(Message) : { default: Message },
    size,
    ...(Subject === undefined ? {} : { subject: Subject }),
    ...(Object.keys(attributes).length === 0 ? {} : { attributes }),
  };
}

function checkSubject(subject: string): void {
  if (subject === "" || subject.length > maxSubjectLength || /[\p{Cc}\u2028\u2029]/u.test(subject)) {
    throw invalidParameter("Subject");
  }
}

function textsByProtocol(message: string): MessageBody["texts"] {
  let parsed: unknown;
  try {
    parsed = JSON.parse(message);
  } catch (cause) {
    throw invalidParameter("Message Structure - JSON message body failed to parse", cause);
  }
  if (typeof parsed !== "object" || parsed === null || Array.isArray(parsed)) {
    throw invalidParameter("Message Structure - JSON message body failed to parse");
  }
  // Values that are no text are left out, as SNS leaves them out.
  const texts = Object.fromEntries(
    Object.entries(parsed).filter((entry): entry is [string, string] => typeof entry[1] === "string"),
  );
  const { default: byDefault } = texts;
  if (byDefault === undefined) {
    throw invalidParameter("Message Structure - No default entry in JSON message body");
  }
  return { ...texts, default: byDefault };
}

function messageAttributes(given: {
  readonly [name: string]: MessageAttributeValue;
}): Record<string, MessageAttribute> {
  return Object.fromEntries(
    Object.entries(given).map(([name, value]) => {
      checkAttributeName(name);
      return [name, messageAttribute(name, value)];
    }),
  );
}

function checkAttributeName(name: string): void {
  const bad =
    name.length > maxAttributeNameLength ||
    !/^[A-Za-z0-9_-]+(\.[A-Za-z0-9_-]+)*$/.test(name) ||
    /^(aws|amazon)\./i.test(name);
  if (!bad) return;
  throw invalidValue(
    `The message attribute name '${name}' is invalid. Attribute name can contain A-Z, a-z, 0-9, '_', '-' and single '.' ` +
      `between them, at most ${maxAttributeNameLength} of them, and does not begin with 'AWS.' or 'Amazon.'.`,
  );
}

function messageAttribute(
  name: string,
  { DataType: type, StringValue, BinaryValue }: MessageAttributeValue,
): MessageAttribute {
  if (type === undefined || type === "") {
    throw invalidValue(`The message attribute '${name}' must contain non-empty message attribute type.`);
  }
  if (type === "Binary") {
    if (BinaryValue === undefined || BinaryValue.length === 0) throw emptyValue(name, type);
    return { type, value: Buffer.from(BinaryValue).toString("base64") };
  }
  if (type !== "String" && type !== "String.Array" && type !== "Number") {
    throw invalidValue(
      `The message attribute '${name}' has an invalid message attribute type, the set of supported type prefixes is Binary, Number, and String.`,
    );
  }
  if (StringValue === undefined || StringValue === "") throw emptyValue(name, type);
  if (type === "Number" && !isNumber(StringValue)) {
    throw invalidValue(`Could not cast message attribute '${name}' value to number.`);
  }
  if (type === "String.Array" && !isJsonArray(StringValue)) {
    throw invalidValue(`Message attribute '${name}' is not a valid array of JSON.`);
  }
  return { type, value: StringValue };
}

function emptyValue(name: string, type: string) {
  return invalidValue(
    `The message attribute '${name}' must contain non-empty message attribute value for message attribute type '${type}'.`,
  );
}

function isNumber(text: string): boolean {
  return /^[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d{1,3})?$/.test(text);
}

function isJsonArray(text: string): boolean {
  try {
    return Array.isArray(JSON.parse(text));
  } catch {
    return false;
  }
}

function sizeOf(attributes: Readonly<Record<string, MessageAttribute>>): number {
  let bytes = 0;
  for (const [name, { type, value }] of Object.entries(attributes)) {
    const content = type === "Binary" ? Buffer.byteLength(value, "base64") : Buffer.byteLength(value);
    bytes += Buffer.byteLength(name) + Buffer.byteLength(type) + content;
  }
  return bytes;
}
