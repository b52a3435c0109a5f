/** Request bodies as the codecs need them: whole, or as a stream. */
import { gunzipSync } from "node:zlib";
import type { CompiledOperation } from "../compiled-service.ts";
import type { HttpRequest } from "../http-message.ts";
import type { ShapeReference } from "../service-model.ts";
import { Malformed } from "./malformed.ts";

/** Largest body that a compressed request may unfold to. */
const maxInflatedBytes = 64 * 1024 * 1024;

const inputStreams = new WeakMap<CompiledOperation, boolean>();

/**
 * Whether the operation takes its body as a stream (PutObject). For all others the caller collects the body
 * before it decodes.
 */
export function hasStreamingInput(operation: CompiledOperation): boolean {
  let streams = inputStreams.get(operation);
  if (streams === undefined) {
    streams = streamingPayload(operation, operation.model.input) !== undefined;
    inputStreams.set(operation, streams);
  }
  return streams;
}

/** The member of the input or output that is a stream of bytes, if any. */
export function streamingPayload(
  operation: CompiledOperation,
  structure: ShapeReference | undefined,
): string | undefined {
  if (structure === undefined) return undefined;
  const { payload, members } = operation.service.shape(structure.shape);
  if (payload === undefined || members === undefined) return undefined;
  const reference = members[payload];
  const shape = operation.service.shape(reference.shape);
  return shape.type === "blob" && (shape.streaming || reference.streaming) ? payload : undefined;
}

/** The whole body; gunzipped where the operation allows compressed requests and this one is. */
export function wholeBody(operation: CompiledOperation, request: Pick<HttpRequest, "headers" | "body">): Uint8Array {
  if (!(request.body instanceof Uint8Array)) {
    throw new TypeError(`${operation.name} does not stream its input: collect the body before decoding it`);
  }
  if (operation.model.requestcompression === undefined) return request.body;
  if (!/(^|,)\s*gzip\s*$/.test(request.headers["content-encoding"] ?? "")) return request.body;
  try {
    return gunzipSync(request.body, { maxOutputLength: maxInflatedBytes });
  } catch (error) {
    throw new Malformed(`The gzip body cannot be read: ${(error as Error).message}`);
  }
}

/** A body as a stream, whichever form it came in. */
export function bodyStream(body: HttpRequest["body"]): AsyncIterable<Uint8Array> {
  return body instanceof Uint8Array ? once(body) : body;
}

async function* once(bytes: Uint8Array): AsyncGenerator<Uint8Array> {
  if (bytes.byteLength > 0) yield bytes;
}
