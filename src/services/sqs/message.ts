/** What may be sent, and the digests by which clients check what they sent and got. */
import { createHash } from "node:crypto";
import type { MessageAttributeValue, MessageSystemAttributeValue } from "../../protocol/generated/sqs.ts";
import { missingParameter, sqsError } from "./errors.ts";
import type { MessageAttribute, MessageContent } from "./records.ts";

const maxAttributes = 10;

export interface SentMessage {
  readonly MessageBody: string;
  readonly MessageAttributes?: { readonly [name: string]: MessageAttributeValue };
  readonly MessageSystemAttributes?: { readonly [name: string]: MessageSystemAttributeValue };
}

/** @throws AwsError when it breaks SQS's rules */
export function messageContent(sent: SentMessage, senderId: string): MessageContent {
  const attributes = messageAttributes(sent.MessageAttributes ?? {});
  const trace = messageAttributes(sent.MessageSystemAttributes ?? {})["AWSTraceHeader"];
  if (trace !== undefined && trace.type !== "String") {
    throw sqsError("InvalidParameterValue", "The message system attribute 'AWSTraceHeader' must be of type String.");
  }
  return checkedContent({
    body: sent.MessageBody,
    senderId,
    ...(Object.keys(attributes).length === 0 ? {} : { attributes }),
    ...(trace === undefined ? {} : { traceHeader: trace.value }),
  });
}

/** @throws AwsError when the body is empty or holds what XML cannot */
export function checkedContent(content: MessageContent): MessageContent {
  if (content.body === undefined || content.body === "") throw missingParameter("MessageBody");
  // Source: SQS API, SendMessage: #x9 | #xA | #xD | #x20-#xD7FF | #xE000-#xFFFD | #x10000-#x10FFFF
  if (/[^\t\n\r\x20-\uD7FF\uE000-\uFFFD\u{10000}-\u{10FFFF}]/u.test(content.body)) {
    throw sqsError(
      "InvalidMessageContents",
      "Invalid binary character was found in the message body, the set of allowed characters is #x9 | #xA | #xD | #x20 to #xD7FF | #xE000 to #xFFFD | #x10000 to #x10FFFF",
    );
  }
  const count = Object.keys(content.attributes ?? {}).length;
  if (count > maxAttributes) {
    throw sqsError(
      "InvalidParameterValue",
      `Number of message attributes [${count}] exceeds the allowed maximum [${maxAttributes}].`,
    );
  }
  return content;
}

/** Bytes that count against the limit of a message. */
export function sizeOf({ body, attributes = {} }: MessageContent): number {
  let bytes = Buffer.byteLength(body);
  for (const [name, { type, value }] of Object.entries(attributes)) {
    bytes += Buffer.byteLength(name) + Buffer.byteLength(type) + valueBytes(type, value).length;
  }
  return bytes;
}

export function md5OfBody(body: string): string {
  return createHash("md5").update(body).digest("hex");
}

/**
 * Source: SQS Developer Guide, "Calculating the MD5 message digest for message attributes": by name; of name, type and value
 * the length in 4 bytes and the bytes, before the value a byte that says text (1) or binary (2).
 */
export function md5OfAttributes(attributes: Readonly<Record<string, MessageAttribute>> = {}): string | undefined {
  const names = Object.keys(attributes).toSorted();
  if (names.length === 0) return undefined;
  const digest = createHash("md5");
  for (const name of names) {
    const { type, value } = attributes[name];
    digest.update(withLength(Buffer.from(name))).update(withLength(Buffer.from(type)));
    digest.update(Buffer.from([isBinary(type) ? 2 : 1])).update(withLength(valueBytes(type, value)));
  }
  return digest.digest("hex");
}

export function shownAttribute({ type, value }: MessageAttribute): MessageAttributeValue {
  if (!isBinary(type)) return { DataType: type, StringValue: value };
  return { DataType: type, BinaryValue: new Uint8Array(Buffer.from(value, "base64")) };
}

function withLength(bytes: Buffer): Buffer {
  const length = Buffer.alloc(4);
  length.writeUInt32BE(bytes.length);
  return Buffer.concat([length, bytes]);
}

function isBinary(type: string): boolean {
  return type.startsWith("Binary");
}

function valueBytes(type: string, value: string): Buffer {
  return Buffer.from(value, isBinary(type) ? "base64" : "utf8");
}

function messageAttributes(given: {
  readonly [name: string]: MessageAttributeValue | MessageSystemAttributeValue;
}): Record<string, MessageAttribute> {
  return Object.fromEntries(Object.entries(given).map(([name, value]) => [name, messageAttribute(name, value)]));
}

function messageAttribute(name: string, given: MessageAttributeValue | MessageSystemAttributeValue): MessageAttribute {
  const { DataType: type, StringValue: text, BinaryValue: binary } = given;
  const wrong = (message: string) => sqsError("InvalidParameterValue", message);
  if (name.length > 256 || !/^[A-Za-z0-9_-]+(\.[A-Za-z0-9_-]+)*$/.test(name) || /^(aws|amazon)\./i.test(name)) {
    throw wrong(
      `Message (user) attribute name '${name}' is invalid: it can contain A-Z, a-z, 0-9, underscore, hyphen and single periods between them, at most 256 of them, and must not begin with AWS. or Amazon.`,
    );
  }
  if (given.StringListValues !== undefined || given.BinaryListValues !== undefined) {
    throw sqsError("UnsupportedOperation", "Message attribute list values are not supported.");
  }
  if (type === undefined || type === "") {
    throw wrong(`The message attribute '${name}' must contain a non-empty message attribute type.`);
  }
  const base = /^(String|Number|Binary)(\.[\x21-\x7e]{1,248})?$/.exec(type)?.[1];
  if (base === undefined) {
    throw wrong(
      `The message attribute '${name}' has an invalid message attribute type, the set of supported type prefixes is Binary, Number, and String.`,
    );
  }
  const value = base === "Binary" ? binary && Buffer.from(binary).toString("base64") : text;
  if (value === undefined || value === "") {
    throw wrong(
      `The message attribute '${name}' must contain a non-empty message attribute value for message attribute type '${base}'.`,
    );
  }
  if (base === "Number" && !/^[+-]?(\d{1,64}\.?\d{0,64}|\.\d{1,64})([eE][+-]?\d{1,3})?$/.test(value)) {
    throw wrong(`Can't cast the value of message (user) attribute '${name}' to a number.`);
  }
  return { type, value };
}
