/**
 * An S3 elsewhere as jobs and endpoints see it: inputs come from it and outputs go to it, this server's own store is not
 * asked. Any S3 will do that knows ListObjectsV2, ranges and uploads in parts.
 */
import { XMLParser } from "fast-xml-parser";
import { open, rm } from "node:fs/promises";
import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import type { ReadableStream as WebStream } from "node:stream/web";
import type { ObjectEntry, ObjectStorage } from "../../../jobs/ports.ts";
import { AwsError } from "../../../protocol/aws-error.ts";
import {
  AwsClientError,
  createSignedFetch,
  encodeComponent,
  type ClientCredentials,
  type ClientRequest,
  type SignedFetch,
} from "../../../protocol/client/index.ts";
import { noSuchBucket, noSuchKey } from "../errors.ts";

export interface OutsideS3 {
  /** e.g. `https://s3.eu-west-1.amazonaws.com`, `http://127.0.0.1:9000`; buckets are named in the path. */
  readonly endpoint: string;
  readonly region: string;
  readonly credentials: ClientCredentials;
  /** The global one when absent. */
  readonly fetch?: typeof globalThis.fetch;
  /** Waits this long before the second attempt, twice as long before the third, and so on; ms. */
  readonly retryDelayMs?: number;
}

/** Uploads are cut into parts of this size, and what is smaller goes in one request; bytes. */
const partBytes = 16 * 2 ** 20;
/** Parts have numbers up to 10,000, so larger objects need larger parts: 16 MiB grow as the number does. */
const growEvery = 1000;
const attempts = 4;
const defaultRetryDelayMs = 250;
/** Codes that another attempt may get over. */
const passing = new Set(["SlowDown", "ServiceUnavailable", "InternalError", "RequestTimeout", "OperationAborted"]);

const xml = new XMLParser({
  ignoreAttributes: true,
  parseTagValue: false,
  trimValues: false,
  isArray: (name) => name === "Contents",
});

/** The errors are those of S3: NoSuchBucket, NoSuchKey, AccessDenied and what else the other side says. */
export function outsideStorage(options: OutsideS3): ObjectStorage {
  const attempted = withAttempts(
    createSignedFetch({ ...options, service: "s3" }),
    options.retryDelayMs ?? defaultRetryDelayMs,
  );
  const send: SignedFetch = async (request) => {
    try {
      return await attempted(request);
    } catch (error) {
      if (error instanceof AwsClientError || request.signal?.aborted === true) throw error;
      const { message, cause } = error as Error;
      throw new AwsError(
        "ServiceUnavailable",
        `The S3 at ${options.endpoint} (SAGEBRUSH_S3_ENDPOINT) cannot be reached: ${cause instanceof Error ? cause.message : message}; see that it runs and try again`,
        { status: 503, cause: error },
      );
    }
  };

  async function stat(bucket: string, key: string): Promise<ObjectEntry | undefined> {
    try {
      const { headers } = await send({ method: "HEAD", path: pathOf(bucket, key) });
      return { key, size: Number(headers.get("content-length")), etag: unquoted(headers.get("etag")) };
    } catch (error) {
      // Answers to HEAD have no body, so the status is all there is.
      if (isStatus(error, 404)) return undefined;
      throw understood(error, bucket, key);
    }
  }

  /** One request for bytes from `start` on, of the object that has this ETag, if one is known. */
  async function get(bucket: string, key: string, start: number, etag: string | undefined, signal?: AbortSignal) {
    const headers: Record<string, string> = {};
    if (start > 0) headers["range"] = `bytes=${start}-`;
    if (etag !== undefined) headers["if-match"] = etag;
    try {
      return await send({ method: "GET", path: pathOf(bucket, key), headers, ...(signal && { signal }) });
    } catch (error) {
      throw understood(error, bucket, key);
    }
  }

  /** The bytes of an object; a connection that breaks is taken up where it broke. */
  async function* bytes(bucket: string, key: string, signal?: AbortSignal): AsyncGenerator<Uint8Array> {
    let position = 0;
    let etag: string | undefined;
    let size = Number.POSITIVE_INFINITY;
    for (let broken = 0; ;) {
      const response = await get(bucket, key, position, etag, signal);
      if (etag === undefined) {
        etag = response.headers.get("etag") ?? undefined;
        size = Number(response.headers.get("content-length") ?? Number.NaN);
      }
      try {
        for await (const chunk of Readable.fromWeb(response.body as WebStream<Uint8Array>)) {
          position += (chunk as Uint8Array).length;
          yield chunk as Uint8Array;
        }
        // A proxy on the way may end an answer early without an error.
        if (Number.isNaN(size) || position === size) return;
        throw new Error(`s3://${bucket}/${key} ended at byte ${position} of ${size}`);
      } catch (error) {
        broken += 1;
        if (broken >= attempts || signal?.aborted === true || etag === undefined || Number.isNaN(size)) throw error;
      }
    }
  }

  async function putWhole(bucket: string, key: string, body: Uint8Array, headers: Record<string, string>) {
    await send({ method: "PUT", path: pathOf(bucket, key), headers, body });
  }

  async function putInParts(
    bucket: string,
    key: string,
    parts: AsyncIterable<Uint8Array>,
    headers: Record<string, string>,
  ): Promise<void> {
    const path = pathOf(bucket, key);
    const created = await send({ method: "POST", path, query: { uploads: "" }, headers });
    const uploadId = textAt(await created.text(), "InitiateMultipartUploadResult", "UploadId");
    try {
      const done: string[] = [];
      for await (const body of parts) {
        const partNumber = String(done.length + 1);
        const { headers: answer } = await send({ method: "PUT", path, query: { partNumber, uploadId }, body });
        const etag = answer.get("etag") ?? "";
        done.push(`<Part><PartNumber>${partNumber}</PartNumber><ETag>${escapeXml(etag)}</ETag></Part>`);
      }
      const completed = await send({
        method: "POST",
        path,
        query: { uploadId },
        body: `<CompleteMultipartUpload>${done.join("")}</CompleteMultipartUpload>`,
      });
      // S3 begins this answer before it knows how it ends.
      const text = await completed.text();
      if (/<Error>/.test(text)) {
        throw new AwsError(textAt(text, "Error", "Code"), textAt(text, "Error", "Message"), { status: 500 });
      }
    } catch (error) {
      await send({ method: "DELETE", path, query: { uploadId } }).catch((failed: unknown) => {
        throw new AggregateError(
          [error, failed],
          `s3://${bucket}/${key} could not be uploaded, nor its parts be removed`,
        );
      });
      throw error;
    }
  }

  return {
    async bucketExists(_accountId, bucket) {
      try {
        await send({ method: "HEAD", path: pathOf(bucket) });
        return true;
      } catch (error) {
        if (isStatus(error, 404)) return false;
        // It is there, if not for us; what is done with it says why.
        if (isStatus(error, 403)) return true;
        throw understood(error, bucket, "");
      }
    },

    async *list(_accountId, bucket, prefix) {
      let token: string | undefined;
      do {
        const query = { "list-type": "2", prefix, "encoding-type": "url", "continuation-token": token };
        let text: string;
        try {
          text = await (await send({ method: "GET", path: pathOf(bucket), query })).text();
        } catch (error) {
          throw understood(error, bucket, prefix);
        }
        const { ListBucketResult: page } = xml.parse(text) as { ListBucketResult?: ListPage };
        if (page === undefined) throw new Error(`the S3 at ${options.endpoint} answered a list with something else`);
        for (const { Key, Size, ETag } of page.Contents ?? []) {
          yield { key: decodeURIComponent(Key.replaceAll("+", " ")), size: Number(Size), etag: unquoted(ETag) };
        }
        token = page.IsTruncated === "true" ? page.NextContinuationToken : undefined;
      } while (token !== undefined);
    },

    stat: (_accountId, bucket, key) => stat(bucket, key),

    async download(_accountId, bucket, key, file, signal) {
      signal?.throwIfAborted();
      const handle = await open(file, "wx", 0o600);
      try {
        await pipeline(bytes(bucket, key, signal), handle.createWriteStream());
      } catch (error) {
        await rm(file, { force: true });
        throw error;
      } finally {
        await handle.close();
      }
    },

    async read(_accountId, bucket, key) {
      const source = bytes(bucket, key);
      // An object that is not there is told at once, not to whoever reads.
      const first = await source.next();
      return Readable.from(resumed(first, source), { objectMode: false });
    },

    async upload(_accountId, bucket, key, source, { contentType, metadata = {} } = {}) {
      const headers: Record<string, string> = contentType === undefined ? {} : { "content-type": contentType };
      for (const [name, value] of Object.entries(metadata)) headers[`x-amz-meta-${name}`] = value;
      const parts = inParts(source);
      try {
        const first = await parts.next();
        if (first.done === true) return await putWhole(bucket, key, new Uint8Array(0), headers);
        const second = await parts.next();
        if (second.done === true) return await putWhole(bucket, key, first.value, headers);
        await putInParts(bucket, key, resumed(first, resumed(second, parts)), headers);
      } catch (error) {
        throw understood(error, bucket, key);
      }
    },
  };
}

interface ListPage {
  readonly Contents?: readonly { readonly Key: string; readonly Size: string; readonly ETag?: string }[];
  readonly IsTruncated?: string;
  readonly NextContinuationToken?: string;
}

/** @throws Error for keys that an HTTP client would change on the way */
function pathOf(bucket: string, key?: string): string {
  const encoded = (text: string) => text.split("/").map(encodeComponent).join("/");
  return key === undefined ? `/${encoded(bucket)}` : `/${encoded(bucket)}/${encoded(key)}`;
}

/** Attempts again what the other side, or the way there, failed at; requests here have bodies that can be sent twice. */
function withAttempts(fetch: SignedFetch, delayMs: number): SignedFetch {
  return async (request: ClientRequest) => {
    for (let attempt = 1; ; attempt += 1) {
      try {
        return await fetch(request);
      } catch (error) {
        const final = error instanceof AwsClientError && error.status < 500 && !passing.has(error.code);
        if (final || attempt >= attempts || request.signal?.aborted === true) throw error;
        await new Promise((resolve) => setTimeout(resolve, delayMs * 2 ** (attempt - 1)));
      }
    }
  };
}

/** A stream in pieces of the size of a part; the last one may be smaller. */
async function* inParts(source: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  let count = 0;
  let held: Uint8Array[] = [];
  let size = 0;
  for await (const chunk of source) {
    for (let at = 0; at < chunk.length;) {
      const wanted = partBytes * (1 + Math.floor(count / growEvery));
      const piece = chunk.subarray(at, at + wanted - size);
      held.push(piece);
      size += piece.length;
      at += piece.length;
      if (size < wanted) continue;
      yield Buffer.concat(held);
      count += 1;
      held = [];
      size = 0;
    }
  }
  if (size > 0) yield Buffer.concat(held);
}

async function* resumed<Item>(first: IteratorResult<Item>, rest: AsyncGenerator<Item>): AsyncGenerator<Item> {
  if (first.done !== true) {
    yield first.value;
    yield* rest;
  }
}

/** The errors that jobs know; others as the other side words them. */
function understood(error: unknown, bucket: string, key: string): unknown {
  if (!(error instanceof AwsClientError)) return error;
  if (error.code === "NoSuchBucket") return noSuchBucket(bucket);
  if (error.code === "NoSuchKey" || error.status === 404) return noSuchKey(key);
  return new AwsError(error.code, error.message, { status: error.status, cause: error });
}

function isStatus(error: unknown, status: number): boolean {
  return error instanceof AwsClientError && error.status === status;
}

function textAt(text: string, root: string, name: string): string {
  const value = (xml.parse(text) as Record<string, Record<string, unknown> | undefined>)[root]?.[name];
  if (typeof value !== "string") throw new Error(`the answer of the outside S3 has no ${name}`);
  return value;
}

function unquoted(etag: string | null | undefined): string {
  return (etag ?? "").replaceAll('"', "");
}

function escapeXml(text: string): string {
  return text.replace(/[&<>"]/g, (character) => `&#${character.charCodeAt(0)};`);
}
