/** Receipt handles: opaque to clients, they name a message and which of its receipts it was. */
import { sqsError } from "./errors.ts";

export interface Receipt {
  /** Under which the queue's messages were kept. */
  readonly contents: string;
  readonly messageId: string;
  /** The message's count of receipts at that time. */
  readonly receiveCount: number;
}

export function receiptHandle({ contents, messageId, receiveCount }: Receipt): string {
  return Buffer.from(`${contents} ${messageId} ${receiveCount}`).toString("base64");
}

/** @throws AwsError ReceiptHandleIsInvalid when it is none of ours */
export function parseReceiptHandle(handle: string): Receipt {
  const text = handle.length <= 1024 ? Buffer.from(handle, "base64").toString("latin1") : "";
  const parts = /^([0-9a-f-]{36}) ([0-9a-f-]{36}) (\d{1,9})$/.exec(text);
  if (parts === null) {
    throw sqsError(
      "ReceiptHandleIsInvalid",
      `The input receipt handle "${handle.slice(0, 256)}" is not a valid receipt handle.`,
    );
  }
  return { contents: parts[1], messageId: parts[2], receiveCount: Number(parts[3]) };
}
