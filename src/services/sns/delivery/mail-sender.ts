/**
 * Mail, delivered as files: `<data directory>/mail/<subscription>/<time>-<message>.eml`, which any mail program opens.
 *
 * Folder and file are named by ids of ours. A subscription keeps its newest 1,000 mails.
 */
import { mkdir, open, readdir, rename, rm } from "node:fs/promises";
import { join } from "node:path";
import type { Signer } from "../signing.ts";
import { confirmUrl, envelope, unsubscribeUrl } from "./envelope.ts";
import { mailRetryPolicy, type RetryPolicy } from "./retry-policy.ts";
import { textFor, type Outgoing, type Sender } from "./sender.ts";

const maxMails = 1000;
/** Characters of a line of mail. Source: RFC 5322, 2.1.1. */
const maxLine = 998;
const maxEncodedWord = 45;

export interface MailSenderOptions {
  /** `<data directory>/mail`; made with the first mail. */
  readonly directory: string;
  readonly signer: Signer;
  readonly baseUrl: () => string;
}

export class MailSender implements Sender {
  readonly #options: MailSenderOptions;

  constructor(options: MailSenderOptions) {
    this.#options = options;
  }

  retryPolicy(): RetryPolicy {
    return mailRetryPolicy;
  }

  async send(outgoing: Outgoing): Promise<void> {
    const { messageId, message, subscription } = outgoing;
    const folder = join(this.#options.directory, subscription.id);
    await mkdir(folder, { recursive: true, mode: 0o700 });
    const time = new Date(message.timestamp).toISOString().replaceAll(":", "-");
    await writeFile(folder, `${time}-${messageId}.eml`, mail(outgoing, await this.#text(outgoing)));
    await dropOldest(folder);
  }

  async #text(outgoing: Outgoing): Promise<string> {
    const { message, messageId, subscription, protocol } = outgoing;
    const baseUrl = this.#options.baseUrl();
    const text = textFor(message, protocol);
    if (protocol === "email-json") {
      const { signer } = this.#options;
      return JSON.stringify(await envelope({ message, messageId, subscription, text, baseUrl, signer }), null, 2);
    }
    if (message.type === "Notification") {
      return `${text}\n\n--\nTo stop receiving notifications from this topic, open\n${unsubscribeUrl(baseUrl, subscription)}\n`;
    }
    return `${text}\n\n${confirmUrl(baseUrl, message.topicArn, message.token ?? "")}\n`;
  }
}

const subjects = {
  Notification: "AWS Notification Message",
  SubscriptionConfirmation: "AWS Notification - Subscription Confirmation",
  UnsubscribeConfirmation: "AWS Notification - Unsubscribe Confirmation",
} as const;

function mail({ messageId, message, endpoint, displayName }: Outgoing, text: string): string {
  const body = text.replace(/\r\n|\r|\n/g, "\r\n");
  // Long lines do not travel as they are.
  const isLong = body.split("\r\n").some((line) => Buffer.byteLength(line) > maxLine);
  const headers: Record<string, string> = {
    From: `${encodedText(displayName === "" ? "AWS Notifications" : displayName)} <no-reply@sns.amazonaws.com>`,
    To: endpoint,
    Subject: encodedText(message.subject ?? subjects[message.type]),
    Date: new Date(message.timestamp).toUTCString().replace("GMT", "+0000"),
    "Message-ID": `<${messageId}@sns.amazonaws.com>`,
    "X-Amz-Sns-Message-Type": message.type,
    "X-Amz-Sns-Topic-Arn": message.topicArn,
    "MIME-Version": "1.0",
    "Content-Type": "text/plain; charset=UTF-8",
    "Content-Transfer-Encoding": isLong ? "base64" : "8bit",
  };
  const head = Object.entries(headers).map(([name, value]) => `${name}: ${value}\r\n`);
  return `${head.join("")}\r\n${isLong ? wrappedBase64(body) : body}`;
}

/** A header's text: as it is where it is plain, else in encoded words. Source: RFC 2047. */
function encodedText(text: string): string {
  if (/^[A-Za-z0-9 !'*+,./:;?_-]*$/.test(text)) return /^[A-Za-z0-9 _-]*$/.test(text) ? text : `"${text}"`;
  const words: string[] = [];
  let word = "";
  for (const character of text) {
    if (Buffer.byteLength(word + character) > maxEncodedWord) {
      words.push(word);
      word = "";
    }
    word += character;
  }
  words.push(word);
  return words.map((each) => `=?UTF-8?B?${Buffer.from(each).toString("base64")}?=`).join("\r\n ");
}

function wrappedBase64(text: string): string {
  return Buffer.from(text).toString("base64").replace(/.{76}/g, "$&\r\n");
}

/** The mail appears whole or not at all; the same mail twice is one file. */
async function writeFile(folder: string, name: string, text: string): Promise<void> {
  const temporary = join(folder, `${name}.tmp`);
  try {
    const file = await open(temporary, "w", 0o600);
    try {
      await file.writeFile(text);
      await file.sync();
    } finally {
      await file.close();
    }
    await rename(temporary, join(folder, name));
  } catch (error) {
    await rm(temporary, { force: true });
    throw error;
  }
}

async function dropOldest(folder: string): Promise<void> {
  const names = (await readdir(folder)).toSorted();
  for (const name of names.slice(0, Math.max(0, names.length - maxMails)))
    await rm(join(folder, name), { force: true });
}
