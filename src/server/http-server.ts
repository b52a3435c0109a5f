/** The listener: sockets to requests, responses to sockets, and the limits of both. */
import { once } from "node:events";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo, Socket } from "node:net";
import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import type { HttpResponse } from "../protocol/http-message.ts";
import { BodyTooLarge, ClientHungUp, type IncomingRequest } from "./request-handler.ts";

export interface HttpListener {
  readonly url: string;
  /** Stops accepting, lets running requests finish for a moment, then closes what is left. */
  close(): Promise<void>;
}

export interface ListenOptions {
  readonly host: string;
  readonly port: number;
  readonly handle: (request: IncomingRequest) => Promise<HttpResponse>;
  /** Paths of the platform itself, `/_sagebrush/…`: answered without a signature and without reading a body. */
  readonly routes: Readonly<Record<string, PlatformRoute>>;
  /** Told when a response could not be written for a reason other than the client's leaving. */
  readonly onFault: (error: unknown) => void;
}

export type PlatformRoute = (
  method: string,
  headers: IncomingRequest["headers"],
) => HttpResponse | Promise<HttpResponse>;

/** The port is taken, or this user may not listen on it. */
export class PortUnavailable extends Error {
  constructor(host: string, port: number, cause: NodeJS.ErrnoException) {
    const why =
      cause.code === "EADDRINUSE" ? "is in use by another program" : `cannot be listened on: ${cause.message}`;
    super(`port ${port} of ${host} ${why}; choose another with --port, or 0 for any free one`, { cause });
    this.name = "PortUnavailable";
  }
}

/** More than this of a refused body is not waited for; bytes. */
const maxDroppedBody = 64 * 2 ** 20;

/** Running requests get this long to end when the server stops. */
const drainMs = 2000;

export async function listen(options: ListenOptions): Promise<HttpListener> {
  const server = createServer({
    // Presigned URLs with session tokens are long; S3 metadata adds 2 KiB.
    maxHeaderSize: 32 * 1024,
    // A client that dribbles its headers is cut off; bodies may take long, as uploads do.
    headersTimeout: 20_000,
    requestTimeout: 0,
    keepAliveTimeout: 65_000,
    // Two Host headers or a space in a name are an attack, not a client.
    insecureHTTPParser: false,
  });
  const respond = (message: IncomingMessage, response: ServerResponse) => {
    serve(message, response, options).catch((error: unknown) => {
      response.destroy();
      if (!isHangUp(error)) options.onFault(error);
    });
  };
  server.on("request", respond);
  // Clients that send `Expect: 100-continue` wait for this line before they send the body.
  server.on("checkContinue", (message: IncomingMessage, response: ServerResponse) => {
    response.writeContinue();
    respond(message, response);
  });
  server.on("clientError", (error: NodeJS.ErrnoException, socket) => {
    if (socket.writable && error.code !== "ECONNRESET") {
      const status = error.code === "HPE_HEADER_OVERFLOW" ? "431 Request Header Fields Too Large" : "400 Bad Request";
      socket.end(`HTTP/1.1 ${status}\r\nConnection: close\r\nContent-Length: 0\r\n\r\n`);
    } else socket.destroy();
  });

  server.listen(options.port, options.host);
  try {
    await once(server, "listening");
  } catch (error) {
    throw new PortUnavailable(options.host, options.port, error as NodeJS.ErrnoException);
  }
  const { port } = server.address() as AddressInfo;
  const host = options.host.includes(":") ? `[${options.host}]` : options.host;
  return { url: `http://${host}:${port}`, close: () => closeServer(server) };
}

async function closeServer(server: Server): Promise<void> {
  const closed = once(server, "close");
  server.close();
  server.closeIdleConnections();
  const timer = setTimeout(() => server.closeAllConnections(), drainMs);
  await closed;
  clearTimeout(timer);
}

async function serve(message: IncomingMessage, response: ServerResponse, options: ListenOptions): Promise<void> {
  const url = message.url ?? "/";
  const mark = url.indexOf("?");
  const path = mark === -1 ? url : url.slice(0, mark);
  if (Object.hasOwn(options.routes, path)) {
    message.resume();
    const { method = "GET" } = message;
    return write(response, await options.routes[path](method, message.headers as Record<string, string>), method);
  }
  const request: IncomingRequest = {
    method: message.method ?? "GET",
    path,
    query: mark === -1 ? "" : url.slice(mark + 1),
    headers: message.headers as Record<string, string>,
    address: message.socket.remoteAddress ?? "",
    readBody: (limit) => readBody(message, limit),
    streamBody: () => streamBody(message),
    get signal() {
      return hangUpSignal(message.socket);
    },
  };
  const answer = await options.handle(request);
  const unread = !message.complete && !message.readableEnded && !message.destroyed;
  if (unread && Number(message.headers["content-length"] ?? 0) > maxDroppedBody)
    response.setHeader("connection", "close");
  await write(response, answer, request.method, unread ? () => dropRest(message) : undefined);
}

/** @param beforeEnd waited for between the last byte and the end of an answer that is no stream */
async function write(
  response: ServerResponse,
  { status, headers, body }: HttpResponse,
  method: string,
  beforeEnd?: () => Promise<void>,
): Promise<void> {
  if (body === undefined || typeof body === "string" || body instanceof Uint8Array) {
    const size = body === undefined ? 0 : Buffer.byteLength(body);
    // A HEAD response keeps the length its GET would have; 204 and 304 have none.
    if (headers["content-length"] === undefined && status !== 204 && status !== 304)
      headers["content-length"] = String(size);
    response.writeHead(status, headers);
    const content = method === "HEAD" || size === 0 ? undefined : body;
    if (beforeEnd !== undefined) {
      if (content === undefined) response.flushHeaders();
      else response.write(content);
      await beforeEnd();
      response.end();
      return;
    }
    // Most answers are ASCII, which Node writes faster when told so.
    response.end(content, typeof content === "string" && content.length === size ? "latin1" : "utf8");
    return;
  }
  response.writeHead(status, headers);
  if (method === "HEAD") {
    response.end();
    return;
  }
  await pipeline(body instanceof Readable ? body : Readable.from(body), response);
}

/**
 * Reads and drops what nobody read of a body: many clients look at the answer only when they have sent it all, and
 * closing a connection with unread bytes resets it, which can cost the client an answer that was sent already.
 */
function dropRest(message: IncomingMessage): Promise<void> {
  return new Promise((resolve) => {
    let dropped = 0;
    message.on("data", (chunk: Buffer) => {
      dropped += chunk.length;
      if (dropped > maxDroppedBody) message.destroy();
    });
    message.on("close", resolve);
    message.on("end", resolve);
    message.resume();
  });
}

/** The body as it arrives; whoever reads it learns of a hang-up by one error, however Node calls it. */
async function* streamBody(message: IncomingMessage): AsyncGenerator<Uint8Array> {
  try {
    // The message outlives a reader that stops early: its rest is dropped after the answer.
    yield* message.iterator({ destroyOnReturn: false }) as AsyncIterable<Uint8Array>;
  } catch (error) {
    throw isHangUp(error) ? new ClientHungUp({ cause: error }) : error;
  }
}

function readBody(message: IncomingMessage, limit: number): Promise<Uint8Array> {
  const declared = Number(message.headers["content-length"] ?? 0);
  if (declared > limit) return Promise.reject(new BodyTooLarge(limit));
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = [];
    let size = 0;
    message.on("data", (chunk: Buffer) => {
      size += chunk.length;
      if (size > limit) {
        message.pause();
        message.removeAllListeners("data");
        reject(new BodyTooLarge(limit));
        return;
      }
      chunks.push(chunk);
    });
    message.on("end", () => resolve(chunks.length === 1 ? chunks[0] : Buffer.concat(chunks)));
    message.on("error", (error) => reject(isHangUp(error) ? new ClientHungUp({ cause: error }) : error));
    message.on("close", () => {
      if (!message.complete) reject(new ClientHungUp());
    });
  });
}

const signals = new WeakMap<Socket, AbortSignal>();

/**
 * One signal per connection, made on first use: a connection carries one request at a time, so its end is the end of the
 * request that is under way. Those before it are done and do not listen any more.
 */
function hangUpSignal(socket: Socket): AbortSignal {
  let signal = signals.get(socket);
  if (signal === undefined) {
    const controller = new AbortController();
    socket.once("close", () => controller.abort(new ClientHungUp()));
    signal = controller.signal;
    signals.set(socket, signal);
  }
  return signal;
}

function isHangUp(error: unknown): boolean {
  const { code } = error as NodeJS.ErrnoException;
  return (
    error instanceof ClientHungUp || code === "ECONNRESET" || code === "EPIPE" || code === "ERR_STREAM_PREMATURE_CLOSE"
  );
}
