/**
 * The body behind a verified request: plain, hashed, or in aws-chunked framing.
 *
 * Bytes are handed on as they arrive and judged when their chunk, or the whole body, is complete. The iteration ends
 * with an error when the body is not what was signed, so a reader must not make anything of it durable before the end.
 * Sources: AWS, "Signature calculations: transferring payload in multiple chunks" and "… including trailing headers".
 */
import { createHash, type Hash, hash, timingSafeEqual } from "node:crypto";
import { authError } from "./auth-errors.ts";
import type { SigningKey } from "./signing-key.ts";

/** What the signature promises about the body; `decodePayload` holds it to that. */
export type PayloadExpectation =
  /** The body must have this SHA-256. */
  | { readonly kind: "sha256"; readonly hex: string }
  /** The client chose not to sign the body. */
  | { readonly kind: "unsigned" }
  /** The body was part of the verification. */
  | { readonly kind: "checked" }
  /** aws-chunked, every chunk signed. */
  | {
      readonly kind: "chunked-signed";
      readonly seedSignature: string;
      readonly signingKey: SigningKey;
      readonly scope: string;
      readonly timestamp: string;
      readonly trailer: boolean;
      readonly decodedLength: number;
      readonly trailerNames: readonly string[];
    }
  /** aws-chunked, unsigned, with a checksum behind the body. */
  | {
      readonly kind: "chunked-unsigned";
      readonly trailer: true;
      readonly decodedLength: number;
      readonly trailerNames: readonly string[];
    };

/** The SHA-256 of no bytes. */
const sha256OfNothing = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

/** `<16 digits>;chunk-signature=<64 digits>` and some room. */
const maxChunkHeaderLength = 256;
const maxTrailerLength = 8192;
/** Chunks but the last have at least this many bytes. */
const minChunkLength = 8192;

export interface DecodedPayload {
  readonly body: AsyncIterable<Uint8Array>;
  /**
   * Headers that came behind the body, names lower-cased; empty when there are none.
   * @throws Error when the body has not been read to its end
   */
  trailers(): Readonly<Record<string, string>>;
}

/**
 * @param source the body as it comes from the connection; boundaries of its pieces mean nothing
 * @param options.decodedLength the number of bytes that the body must have; aws-chunked bodies bring their own
 * @returns a body to be read once
 */
export function decodePayload(
  payload: PayloadExpectation,
  source: AsyncIterable<Uint8Array>,
  options: { readonly decodedLength?: number } = {},
): DecodedPayload {
  let trailers: Readonly<Record<string, string>> | undefined;
  const atEnd = (found: Readonly<Record<string, string>>) => {
    trailers = found;
  };
  const { decodedLength } = options;
  const chunked = payload.kind === "chunked-signed" || payload.kind === "chunked-unsigned";
  const body = chunked
    ? decodeChunks(payload, source, decodedLength ?? payload.decodedLength, atEnd)
    : checkBody(payload, source, decodedLength, atEnd);
  return {
    body,
    trailers: () => {
      if (trailers === undefined) throw new Error("trailers are known only after the body has been read to its end");
      return trailers;
    },
  };
}

export type Chunked = Extract<PayloadExpectation, { kind: "chunked-signed" | "chunked-unsigned" }>;
type AtEnd = (trailers: Readonly<Record<string, string>>) => void;

async function* checkBody(
  payload: Exclude<PayloadExpectation, Chunked>,
  source: AsyncIterable<Uint8Array>,
  expected: number | undefined,
  atEnd: AtEnd,
): AsyncGenerator<Uint8Array> {
  const digest = payload.kind === "sha256" ? createHash("sha256") : undefined;
  let received = 0;
  for await (const piece of source) {
    received += piece.length;
    if (expected !== undefined && received > expected) throw incomplete(expected, received);
    digest?.update(piece);
    yield piece;
  }
  if (expected !== undefined && received !== expected) throw incomplete(expected, received);
  if (digest !== undefined && payload.kind === "sha256") requireHash(payload.hex, digest.digest("hex"));
  atEnd({});
}

/** Holds a body that is all here to what was signed. @throws AwsError when it is another */
export function checkWhole(payload: Exclude<PayloadExpectation, Chunked>, body: Uint8Array): void {
  if (payload.kind === "sha256") requireHash(payload.hex, hash("sha256", body));
}

function requireHash(claimed: string, computed: string): void {
  if (computed === claimed) return;
  throw authError(
    "s3",
    "bodyHashDiffers",
    {},
    { ClientComputedContentSHA256: claimed, S3ComputedContentSHA256: computed },
  );
}

async function* decodeChunks(
  payload: Chunked,
  source: AsyncIterable<Uint8Array>,
  expected: number,
  atEnd: AtEnd,
): AsyncGenerator<Uint8Array> {
  const reader = new ByteReader(source);
  const signatures = payload.kind === "chunked-signed" ? new ChunkSignatures(payload) : undefined;
  try {
    let received = 0;
    let previousLength = minChunkLength;
    for (let number = 1; ; number += 1) {
      const header = await reader.line(maxChunkHeaderLength);
      const { length, signature } = readChunkHeader(header, number, signatures !== undefined);
      if (length > 0 && previousLength < minChunkLength) {
        throw authError("s3", "chunkTooSmall", {}, { Chunk: String(number), BadChunkSize: String(previousLength) });
      }
      received += length;
      if (received > expected) throw incomplete(expected, received);
      let digest: Hash | undefined;
      if (signatures !== undefined && length > 0) digest = createHash("sha256");
      for (let left = length; left > 0;) {
        const piece = await reader.some(left);
        if (piece === undefined) throw incomplete(expected, received - left);
        digest?.update(piece);
        left -= piece.length;
        yield piece;
      }
      signatures?.check(digest?.digest("hex") ?? sha256OfNothing, signature);
      if (length === 0) break;
      if ((await reader.line(2)) !== "") throw malformed(`chunk ${number} is not followed by a line end`);
      previousLength = length;
    }
    if (received !== expected) throw incomplete(expected, received);
    const trailers = await readTrailers(reader);
    signatures?.checkTrailers(trailers);
    const names = [...trailers.keys()].filter((name) => name !== trailerSignature);
    if (names.length !== payload.trailerNames.length || names.some((name) => !payload.trailerNames.includes(name))) {
      throw authError("s3", "trailerMalformed");
    }
    atEnd(Object.fromEntries(names.map((name) => [name, trailers.get(name)!])));
  } finally {
    await reader.close();
  }
}

const trailerSignature = "x-amz-trailer-signature";

function readChunkHeader(line: string | undefined, number: number, signed: boolean) {
  const parts = /^([0-9A-Fa-f]{1,13})(?:;chunk-signature=([0-9a-f]{64}))?$/.exec(line ?? "");
  if (line === undefined) throw malformed(`it ended before chunk ${number}`);
  if (parts === null || signed !== (parts[2] !== undefined)) throw malformed(`chunk ${number} has a malformed header`);
  return { length: Number.parseInt(parts[1], 16), signature: parts[2] };
}

/** Reads `name:value` lines to the end of the body; in their order, since that is how they are signed. */
async function readTrailers(reader: ByteReader): Promise<Map<string, string>> {
  const trailers = new Map<string, string>();
  let length = 0;
  for (;;) {
    const line = await reader.line(maxTrailerLength, { lastMayEndBare: true });
    if (line === undefined) return trailers;
    length += line.length + 2;
    if (length > maxTrailerLength) throw authError("s3", "trailerMalformed");
    // Signers differ in where they put empty lines around the trailer's own signature.
    if (line === "") continue;
    const colon = line.indexOf(":");
    const name = line.slice(0, colon).trim().toLowerCase();
    if (colon < 1 || trailers.has(name)) throw authError("s3", "trailerMalformed");
    trailers.set(name, line.slice(colon + 1).trim());
  }
}

/** The chain of signatures over the chunks of a body, each covering the one before. */
class ChunkSignatures {
  readonly #payload: Extract<PayloadExpectation, { kind: "chunked-signed" }>;
  #previous: string;

  constructor(payload: Extract<PayloadExpectation, { kind: "chunked-signed" }>) {
    this.#payload = payload;
    this.#previous = payload.seedSignature;
  }

  check(chunkSha256: string, signature: string): void {
    const { timestamp, scope } = this.#payload;
    this.#compare(
      `AWS4-HMAC-SHA256-PAYLOAD\n${timestamp}\n${scope}\n${this.#previous}\n${sha256OfNothing}\n${chunkSha256}`,
      signature,
    );
  }

  checkTrailers(trailers: ReadonlyMap<string, string>): void {
    const { timestamp, scope, trailer } = this.#payload;
    const signature = trailers.get(trailerSignature);
    if (!trailer) {
      if (trailers.size > 0) throw authError("s3", "trailerMalformed");
      return;
    }
    if (signature === undefined || !/^[0-9a-f]{64}$/.test(signature)) throw authError("s3", "trailerMalformed");
    let text = "";
    for (const [name, value] of trailers) if (name !== trailerSignature) text += `${name}:${value}\n`;
    const digest = hash("sha256", Buffer.from(text, "latin1"), "hex");
    this.#compare(`AWS4-HMAC-SHA256-TRAILER\n${timestamp}\n${scope}\n${this.#previous}\n${digest}`, signature);
  }

  #compare(stringToSign: string, signature: string): void {
    const expected = this.#payload.signingKey.sign(stringToSign);
    if (!timingSafeEqual(Buffer.from(expected, "latin1"), Buffer.from(signature, "latin1"))) {
      throw authError("s3", "mismatch", {}, { StringToSign: stringToSign, SignatureProvided: signature });
    }
    this.#previous = expected;
  }
}

function incomplete(expected: number, provided: number) {
  const members = { NumberBytesExpected: String(expected), NumberBytesProvided: String(provided) };
  return authError("s3", "bodyIncomplete", {}, members);
}

function malformed(problem: string) {
  return authError("s3", "bodyMalformed", { problem });
}

/** Lines and runs of bytes out of pieces that end anywhere. */
class ByteReader {
  readonly #pieces: AsyncIterator<Uint8Array>;
  #piece: Uint8Array = new Uint8Array(0);
  #at = 0;

  constructor(source: AsyncIterable<Uint8Array>) {
    this.#pieces = source[Symbol.asyncIterator]();
  }

  /** false at the end of the source */
  async #fill(): Promise<boolean> {
    while (this.#at === this.#piece.length) {
      const next = await this.#pieces.next();
      if (next.done) return false;
      this.#piece = next.value;
      this.#at = 0;
    }
    return true;
  }

  /** Between 1 and `limit` bytes, whatever is there; undefined at the end. Not a copy. */
  async some(limit: number): Promise<Uint8Array | undefined> {
    if (!(await this.#fill())) return undefined;
    const from = this.#at;
    this.#at = Math.min(this.#piece.length, from + limit);
    return this.#piece.subarray(from, this.#at);
  }

  /**
   * The next line without its end (`\n` or `\r\n`); undefined when the source has ended.
   * @param limit most bytes of the line, its end included
   */
  async line(limit: number, options: { lastMayEndBare?: boolean } = {}): Promise<string | undefined> {
    let text = "";
    while (await this.#fill()) {
      const end = this.#piece.indexOf(0x0a, this.#at);
      const until = end === -1 ? this.#piece.length : end;
      if (text.length + until - this.#at > limit) throw malformed(`a line has more than ${limit} bytes`);
      text += Buffer.from(this.#piece.buffer, this.#piece.byteOffset + this.#at, until - this.#at).toString("latin1");
      this.#at = end === -1 ? until : until + 1;
      if (end !== -1) return text.endsWith("\r") ? text.slice(0, -1) : text;
    }
    if (text === "") return undefined;
    if (options.lastMayEndBare) return text.endsWith("\r") ? text.slice(0, -1) : text;
    throw malformed("it ended inside a line");
  }

  /** Lets the source go when the reader stops early. */
  async close(): Promise<void> {
    await this.#pieces.return?.();
  }
}
