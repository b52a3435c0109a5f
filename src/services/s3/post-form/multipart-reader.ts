/**
 * Reads multipart/form-data as it arrives: small parts whole, a large one as a stream, nothing twice.
 *
 * Strict where leniency would let two readers see two forms: every part has one Content-Disposition with a name, lines
 * end with CRLF, the boundary is what the header says. Source: RFC 7578 and RFC 2046 section 5.1.
 */
import { s3Error } from "../errors.ts";

/** Bytes of the headers of one part. */
const maxPartHeaders = 8 * 1024;
const crlf = Buffer.from("\r\n");
const headerEnd = Buffer.from("\r\n\r\n");

export interface FormPart {
  /** The name of the field. */
  readonly name: string;
  /** Present on files, perhaps empty; as sent, paths and all. */
  readonly filename: string | undefined;
  readonly contentType: string | undefined;
  /** To be read to its end before the next part. */
  readonly body: AsyncIterable<Uint8Array>;
}

/** @returns the boundary of a `multipart/form-data` header; undefined for any other */
export function boundaryOf(contentType: string | undefined): string | undefined {
  if (contentType === undefined || !/^multipart\/form-data\s*(;|$)/i.test(contentType)) return undefined;
  const match = /;\s*boundary=(?:"([^"]{1,70})"|([^\s;"]{1,70}))\s*(?:;|$)/i.exec(contentType);
  return match?.[1] ?? match?.[2];
}

export class MultipartReader {
  readonly #source: AsyncIterator<Uint8Array>;
  /** CRLF and the boundary: what ends a body. */
  readonly #delimiter: Buffer;
  /** What arrived and was not looked at; the first delimiter may lack its CRLF, so one is put in front. */
  #pending: Buffer = crlf;
  #isEnded = false;

  constructor(source: AsyncIterable<Uint8Array>, boundary: string) {
    this.#source = source[Symbol.asyncIterator]();
    this.#delimiter = Buffer.from(`\r\n--${boundary}`, "latin1");
  }

  /** The parts in their order. @throws AwsError MalformedPOSTRequest */
  async *parts(): AsyncGenerator<FormPart> {
    // What stands before the first boundary is for nobody.
    for await (const _ of this.#untilDelimiter()) continue;
    while (await this.#anotherPart()) {
      const head = await this.#partHead();
      let isRead = false;
      const untilDelimiter = this.#untilDelimiter();
      const body = (async function* () {
        yield* untilDelimiter;
        isRead = true;
      })();
      yield { ...head, body };
      if (!isRead) throw new Error("a part of a form was not read to its end");
    }
  }

  /** Everything up to the next delimiter, which is taken too. */
  async *#untilDelimiter(): AsyncGenerator<Uint8Array> {
    const delimiter = this.#delimiter;
    for (;;) {
      const at = this.#pending.indexOf(delimiter);
      if (at !== -1) {
        const body = this.#pending.subarray(0, at);
        this.#pending = this.#pending.subarray(at + delimiter.length);
        if (body.length > 0) yield body;
        return;
      }
      // The end of what is here may be the beginning of a delimiter.
      const safe = this.#pending.length - (delimiter.length - 1);
      if (safe > 0) {
        const body = this.#pending.subarray(0, safe);
        this.#pending = this.#pending.subarray(safe);
        yield body;
      }
      await this.#more();
    }
  }

  /** After a delimiter: CRLF and another part, or `--` and the end. */
  async #anotherPart(): Promise<boolean> {
    while (this.#pending.length < 2) await this.#more();
    const next = this.#pending.toString("latin1", 0, 2);
    if (next === "--") return false;
    if (next !== "\r\n") throw malformed("a boundary is followed by something else than a line end");
    // The CRLF stays: a part without headers begins with the empty line after them.
    return true;
  }

  async #partHead(): Promise<Omit<FormPart, "body">> {
    let end: number;
    while ((end = this.#pending.indexOf(headerEnd)) === -1 && this.#pending.length <= maxPartHeaders)
      await this.#more();
    if (end === -1 || end > maxPartHeaders) {
      throw malformed(`the headers of a part have more than ${maxPartHeaders} bytes`);
    }
    const lines = this.#pending
      .toString("utf8", 0, end)
      .split("\r\n")
      .filter((line) => line !== "");
    this.#pending = this.#pending.subarray(end + headerEnd.length);
    const headers = new Map<string, string>();
    for (const line of lines) {
      const colon = line.indexOf(":");
      const name = line.slice(0, Math.max(0, colon)).trim().toLowerCase();
      if (name === "" || headers.has(name)) throw malformed("the headers of a part are not well-formed");
      headers.set(name, line.slice(colon + 1).trim());
    }
    const { name, filename } = dispositionOf(headers.get("content-disposition") ?? "");
    if (name === undefined) throw malformed("a part has no name");
    return { name, filename, contentType: headers.get("content-type") };
  }

  /** @throws AwsError MalformedPOSTRequest when the form ends before its last boundary */
  async #more(): Promise<void> {
    const { done, value } = this.#isEnded ? { done: true, value: undefined } : await this.#source.next();
    if (done === true || value === undefined) {
      this.#isEnded = true;
      throw malformed("it ends before its last boundary");
    }
    this.#pending =
      this.#pending.length === 0
        ? Buffer.from(value.buffer, value.byteOffset, value.length)
        : Buffer.concat([this.#pending, value]);
  }
}

/** `form-data; name="key"; filename="a.txt"`; `\"` and `%22` both stand for a quote, as browsers differ. */
function dispositionOf(header: string): { name: string | undefined; filename: string | undefined } {
  if (!/^form-data\s*(;|$)/i.test(header)) return { name: undefined, filename: undefined };
  const parameters = new Map<string, string>();
  for (const [, name, quoted, plain] of header.matchAll(/;\s*([\w*-]+)=(?:"((?:[^"\\]|\\.)*)"|([^\s;"]+))/g)) {
    const value = quoted === undefined ? plain : quoted.replace(/\\(["\\])/g, "$1").replaceAll("%22", '"');
    parameters.set(name.toLowerCase(), value);
  }
  return {
    name: parameters.get("name"),
    filename: parameters.get("filename") ?? extended(parameters.get("filename*")),
  };
}

/** `utf-8''na%C3%AFve.txt`, RFC 8187. */
function extended(value: string | undefined): string | undefined {
  const encoded = /^utf-8'[^']*'(.*)$/i.exec(value ?? "")?.[1];
  if (encoded === undefined) return undefined;
  try {
    return decodeURIComponent(encoded);
  } catch {
    return undefined;
  }
}

function malformed(why: string) {
  return s3Error(
    "MalformedPOSTRequest",
    {},
    { message: `The body of your POST request is not well-formed multipart/form-data: ${why}.` },
  );
}
