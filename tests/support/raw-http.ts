/** HTTP byte by byte, for requests that no HTTP library would send. */
import { createHash, createHmac } from "node:crypto";
import { once } from "node:events";
import { connect } from "node:net";
import { SignatureV4 } from "@smithy/signature-v4";
import type { ServerProcess } from "./server-process.ts";

/** What came back before the connection ended. */
export interface RawAnswer {
  /** Of the first response; undefined when the connection was closed without one. */
  readonly status: number | undefined;
  readonly text: string;
}

/** A server that neither answers nor closes for this long hangs. ms */
const patienceMs = 10_000;
/** After this long without an answer the client says that nothing more comes. ms */
const silenceMs = 200;

/**
 * Sends pieces as they are, `pauseMs` apart, and reads until the server has closed. The client closes its side when the
 * head of an answer is there, or when none comes because the server waits for more.
 * @throws Error when the server does not close either
 */
export async function sendRaw(url: string, pieces: readonly (string | Buffer)[], pauseMs = 0): Promise<RawAnswer> {
  const { hostname, port } = new URL(url);
  const socket = connect({ host: hostname, port: Number(port), allowHalfOpen: true });
  let text = "";
  let answered: () => void = () => {};
  const hasAnswer = new Promise<void>((resolve) => (answered = resolve));
  socket.on("data", (chunk) => {
    text += chunk.toString("latin1");
    if (text.includes("\r\n\r\n")) answered();
  });
  // A server may close while we still send.
  socket.on("error", answered);
  const closed = new Promise<void>((resolve) => socket.on("close", resolve));
  const pause = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));
  await once(socket, "connect");
  for (const piece of pieces) {
    if (socket.destroyed) break;
    const flowing = socket.write(typeof piece === "string" ? Buffer.from(piece, "latin1") : piece);
    if (!flowing) await Promise.race([new Promise((resolve) => socket.once("drain", resolve)), closed]);
    if (pauseMs > 0) await pause(pauseMs);
  }
  await Promise.race([hasAnswer, closed, pause(silenceMs)]);
  socket.end();
  let hangs = false;
  const timer = setTimeout(() => {
    hangs = true;
    socket.destroy();
  }, patienceMs);
  await closed;
  clearTimeout(timer);
  if (hangs) throw new Error(`the server did not close within ${patienceMs} ms; it said: ${text.slice(0, 500)}`);
  const status = /^HTTP\/1\.1 (\d{3}) /.exec(text)?.[1];
  return { status: status === undefined ? undefined : Number(status), text };
}

export interface RawRequest {
  readonly method: string;
  /** Sent and signed as it is. */
  readonly path: string;
  readonly query?: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string | Buffer;
  readonly service: "s3" | "sagemaker" | "logs" | "sts";
  /** Instead of the body's length; null sends none. */
  readonly contentLength?: string | null;
  /** Headers that the signature does not know of. */
  readonly unsigned?: Readonly<Record<string, string>>;
}

/** SHA-256 in the form that Smithy's signer asks for. */
class Sha256 {
  readonly #hash;
  constructor(secret?: string | ArrayBuffer | ArrayBufferView) {
    this.#hash = secret === undefined ? createHash("sha256") : createHmac("sha256", bytesOf(secret));
  }
  update(data: string | ArrayBuffer | ArrayBufferView): void {
    this.#hash.update(bytesOf(data));
  }
  async digest(): Promise<Uint8Array> {
    return this.#hash.digest();
  }
}

function bytesOf(data: string | ArrayBuffer | ArrayBufferView): Buffer {
  if (typeof data === "string") return Buffer.from(data);
  return ArrayBuffer.isView(data) ? Buffer.from(data.buffer, data.byteOffset, data.byteLength) : Buffer.from(data);
}

/** The path as it is signed: what needs no percent-encoding has none. */
function canonical(path: string): string {
  return path.replace(/%[0-9a-fA-F]{2}/g, (code) => {
    const character = String.fromCharCode(Number.parseInt(code.slice(1), 16));
    return /[A-Za-z0-9._~-]/.test(character) ? character : code.toUpperCase();
  });
}

/** A request with a signature that is right, whatever else is wrong with it. */
export async function signedRaw(server: ServerProcess, request: RawRequest): Promise<Buffer> {
  const { method, path, query = "", headers = {}, body = "", service } = request;
  const { host, hostname, port } = new URL(server.url);
  const bytes = Buffer.from(body);
  const signer = new SignatureV4({
    service,
    region: "us-east-1",
    credentials: server.credentials,
    sha256: Sha256,
    uriEscapePath: service !== "s3",
  });
  const payload = createHash("sha256").update(bytes).digest("hex");
  const signed = await signer.sign({
    method,
    protocol: "http:",
    hostname,
    port: Number(port),
    path: canonical(path),
    query: Object.fromEntries(new URLSearchParams(query)),
    headers: { host, ...(service === "s3" && { "x-amz-content-sha256": payload }), ...headers },
    body: bytes,
  });
  const lines = [
    `${method} ${path}${query === "" ? "" : `?${query}`} HTTP/1.1`,
    ...Object.entries({ ...signed.headers, ...request.unsigned }).map(([name, value]) => `${name}: ${value}`),
    ...(request.contentLength === null ? [] : [`content-length: ${request.contentLength ?? bytes.length}`]),
    "connection: close",
  ];
  return Buffer.concat([Buffer.from(`${lines.join("\r\n")}\r\n\r\n`, "latin1"), bytes]);
}
