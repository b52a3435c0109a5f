/**
 * The loopback proxy of `sagebrush run`.
 *
 * One port for everything: it is an HTTP proxy (CONNECT and absolute URLs), a TLS server for connections that were bent
 * here without a proxy's handshake, and, for plain requests, a front of Sagebrush itself. What is meant for AWS is
 * answered by Sagebrush, host name and signature untouched; everything else is passed through unread.
 */
import { once } from "node:events";
import { Agent, createServer, request as httpRequest, type IncomingMessage, type ServerResponse } from "node:http";
import { connect as connectTcp, createServer as createTcpServer, type AddressInfo, type Socket } from "node:net";
import { pipeline } from "node:stream/promises";
import { TLSSocket } from "node:tls";
import {
  containerCredentialsHosts,
  instanceMetadataHosts,
  isLoopbackHost,
  isRedirected,
  splitAuthority,
} from "./aws-hosts.ts";
import type { CertificateAuthority } from "./certificate-authority.ts";
import { MetadataService, metadataPaths } from "./metadata-service.ts";
import { type Connection, isOwnPeer } from "./peer.ts";
import { Traffic } from "./traffic.ts";

export interface ProxyOptions {
  /** Where Sagebrush answers, e.g. `http://127.0.0.1:7243`. */
  readonly target: string;
  readonly authority: CertificateAuthority;
  readonly metadata: MetadataService;
  /** The proxy that the user has for everything else, if any. */
  readonly upstream?: { readonly host: string; readonly port: number; readonly authorization?: string } | undefined;
  /** Whether a client is a program of this user; by default the system is asked. */
  readonly isOwn?: (connection: Connection) => Promise<boolean>;
}

export interface RunningProxy {
  /** `http://127.0.0.1:<port>` */
  readonly url: string;
  readonly port: number;
  readonly traffic: Traffic;
  close(): Promise<void>;
}

const connectTimeoutMs = 30_000;
/** Headers that concern one connection only. Source: RFC 9110, 7.6.1. */
const hopHeaders = new Set(["connection", "proxy-connection", "proxy-authorization", "keep-alive", "te", "upgrade"]);
/** What says where a request ends and whom it is for is never of one connection only, whatever its sender says. */
const endToEndHeaders = new Set(["content-length", "transfer-encoding", "host"]);
/** First byte of a TLS connection: a handshake record. */
const tlsHandshake = 0x16;

export async function startProxy(options: ProxyOptions): Promise<RunningProxy> {
  const traffic = new Traffic();
  const agent = new Agent({ keepAlive: true });
  const sockets = new Set<Socket>();
  const keep = (socket: Socket) => {
    sockets.add(socket);
    // HTTP, TLS and two pipelines listen to one socket, each to several events.
    socket.setMaxListeners(30);
    socket.on("close", () => sockets.delete(socket));
    // A client that hangs up is no news.
    socket.on("error", () => socket.destroy());
  };

  const http = createServer({ maxHeaderSize: 64 * 1024, requestTimeout: 0, keepAliveTimeout: 65_000 });
  const onRequest = (request: IncomingMessage, response: ServerResponse) => {
    serve(request, response).catch((error: unknown) => fail(response, error));
  };
  http.on("request", onRequest);
  http.on("checkContinue", (request: IncomingMessage, response: ServerResponse) => {
    response.writeContinue();
    onRequest(request, response);
  });
  http.on("connect", (request: IncomingMessage, socket: Socket, head: Buffer) => {
    tunnel(request, socket, head).catch(() => socket.destroy());
  });
  http.on("clientError", (_error, socket) => socket.destroy());

  /** Answers one request: by whose host it is, or, without one of AWS's, as Sagebrush under another port. */
  async function serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const target = targetOf(request);
    if (target === undefined) {
      response.writeHead(400, { "content-type": "text/plain" }).end("The request names no host.\n");
      return;
    }
    const { host, port, path, absolute } = target;
    if (absolute && !isRedirected(host)) {
      traffic.pass(host);
      await forwardOutside(request, response, host, port, path);
      return;
    }
    const isMetadata =
      instanceMetadataHosts.includes(host) ||
      containerCredentialsHosts.includes(host) ||
      // A name that DNS points here, or a page of a browser, is no program that runs under this proxy.
      (!absolute && isLoopbackHost(host) && metadataPaths.test(path));
    if (isMetadata) {
      if (request.headers.origin !== undefined || request.headers["sec-fetch-site"] !== undefined) {
        response.writeHead(403, { "content-type": "text/plain" }).end("Credentials are not for web pages.\n");
        return;
      }
      traffic.redirect(`${host} (credentials and instance data)`);
      await options.metadata.answer(request, response, path);
      return;
    }
    traffic.redirect(isRedirected(host) ? host : "AWS_ENDPOINT_URL");
    await forward(request, response, new URL(options.target), path);
  }

  async function forward(request: IncomingMessage, response: ServerResponse, to: URL, path: string): Promise<void> {
    const outgoing = httpRequest({
      agent,
      host: to.hostname,
      port: to.port,
      method: request.method,
      path,
      headers: forwardedHeaders(request),
      setHost: false,
    });
    await exchange(request, response, outgoing);
  }

  async function forwardOutside(
    request: IncomingMessage,
    response: ServerResponse,
    host: string,
    port: number,
    path: string,
  ): Promise<void> {
    const { upstream } = options;
    const headers = forwardedHeaders(request);
    if (upstream?.authorization !== undefined) headers.push("proxy-authorization", upstream.authorization);
    const outgoing = httpRequest({
      host: upstream?.host ?? host.replace(/^\[|\]$/g, ""),
      port: upstream?.port ?? port,
      method: request.method,
      path: upstream === undefined ? path : request.url,
      headers,
      setHost: false,
    });
    await exchange(request, response, outgoing);
  }

  /** CONNECT: AWS's hosts get a certificate of ours, all others their own connection. */
  async function tunnel(request: IncomingMessage, socket: Socket, head: Buffer): Promise<void> {
    const target = splitAuthority(request.url ?? "", 443);
    if (target === undefined) {
      socket.end("HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\n");
      return;
    }
    if (isRedirected(target.host)) {
      socket.write("HTTP/1.1 200 Connection Established\r\n\r\n");
      if (head.length > 0) socket.unshift(head);
      await acceptEither(socket, target.host);
      return;
    }
    traffic.pass(target.host);
    await passThrough(socket, head, target.host, target.port);
  }

  /** Takes a connection that is TLS or plain HTTP, whichever its first byte says. */
  async function acceptEither(socket: Socket, host: string | undefined): Promise<void> {
    const first = await firstByte(socket);
    if (first === undefined) return;
    if (first !== tlsHandshake) {
      http.emit("connection", socket);
      return;
    }
    const secured = new TLSSocket(socket, {
      isServer: true,
      ALPNProtocols: ["http/1.1"],
      // Old clients do not say which host they want; then it is the one of the CONNECT.
      ...(host === undefined ? {} : { secureContext: await options.authority.contextFor(host) }),
      SNICallback: (name, done) => {
        if (!isRedirected(name) && name !== host) {
          done(new Error(`${name} is not one of AWS's hosts`));
          return;
        }
        options.authority.contextFor(name.toLowerCase()).then(
          (context) => done(null, context),
          (error: Error) => done(error),
        );
      },
    });
    keep(secured);
    http.emit("connection", secured);
  }

  async function passThrough(socket: Socket, head: Buffer, host: string, port: number): Promise<void> {
    const { upstream } = options;
    const outside = connectTcp({
      host: upstream?.host ?? host.replace(/^\[|\]$/g, ""),
      port: upstream?.port ?? port,
      timeout: connectTimeoutMs,
    });
    keep(outside);
    try {
      await once(outside, "connect");
    } catch (error) {
      socket.end(`HTTP/1.1 502 Bad Gateway\r\nConnection: close\r\n\r\n${host}: ${(error as Error).message}\n`);
      return;
    }
    outside.setTimeout(0);
    if (upstream === undefined) socket.write("HTTP/1.1 200 Connection Established\r\n\r\n");
    else {
      const authorization =
        upstream.authorization === undefined ? "" : `Proxy-Authorization: ${upstream.authorization}\r\n`;
      outside.write(`CONNECT ${host}:${port} HTTP/1.1\r\nHost: ${host}:${port}\r\n${authorization}\r\n`);
    }
    if (head.length > 0) outside.write(head);
    await Promise.allSettled([pipeline(socket, outside), pipeline(outside, socket)]);
  }

  /** Programs of other users reach this port, too, but nothing that it has is theirs. */
  async function accept(socket: Socket): Promise<void> {
    if (await (options.isOwn ?? isOwnPeer)(socket)) await acceptEither(socket, undefined);
    else socket.end("HTTP/1.1 403 Forbidden\r\nConnection: close\r\n\r\nThis proxy is for programs of its own user.\n");
  }

  const listener = createTcpServer((socket) => {
    keep(socket);
    accept(socket).catch(() => socket.destroy());
  });
  listener.listen(0, "127.0.0.1");
  await once(listener, "listening");
  const { port } = listener.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${port}`,
    port,
    traffic,
    async close() {
      const closed = once(listener, "close");
      listener.close();
      for (const socket of sockets) socket.destroy();
      agent.destroy();
      await closed;
    },
  };
}

interface RequestTarget {
  readonly host: string;
  readonly port: number;
  readonly path: string;
  /** `GET http://host/path`, as clients ask a proxy, or a request on a connection that was meant for AWS. */
  readonly absolute: boolean;
}

function targetOf(request: IncomingMessage): RequestTarget | undefined {
  const url = request.url ?? "/";
  const secured = request.socket instanceof TLSSocket;
  if (/^https?:\/\//i.test(url)) {
    const match = /^https?:\/\/([^/?#]*)(.*)$/is.exec(url)!;
    const authority = splitAuthority(match[1].replace(/^.*@/, ""), url.toLowerCase().startsWith("https") ? 443 : 80);
    const path = match[2].startsWith("/") ? match[2] : `/${match[2]}`;
    return authority && { ...authority, path, absolute: true };
  }
  const authority = splitAuthority(request.headers.host ?? "", secured ? 443 : 80);
  return authority && { ...authority, path: url, absolute: secured || isRedirected(authority.host) };
}

/** Names and values in turn as they came, so that signatures over them still hold. */
function forwardedHeaders({ rawHeaders, headers }: IncomingMessage): string[] {
  const named = new Set((headers.connection ?? "").toLowerCase().split(/\s*,\s*/));
  const kept: string[] = [];
  for (let at = 0; at < rawHeaders.length; at += 2) {
    const name = rawHeaders[at].toLowerCase();
    // The client has its 100-continue already.
    const hop = hopHeaders.has(name) || (named.has(name) && !endToEndHeaders.has(name));
    if (hop || name === "expect") continue;
    kept.push(rawHeaders[at], rawHeaders[at + 1]);
  }
  return kept;
}

async function exchange(
  request: IncomingMessage,
  response: ServerResponse,
  outgoing: ReturnType<typeof httpRequest>,
): Promise<void> {
  const answered = once(outgoing, "response") as Promise<[IncomingMessage]>;
  response.on("close", () => {
    if (!response.writableFinished) outgoing.destroy();
  });
  // The answer may come before the body was sent, and then nobody wants the rest.
  const sent = pipeline(request, outgoing).catch((error: unknown) => error);
  const [answer] = await answered;
  const headers = answer.rawHeaders.filter((_, index, all) => !hopHeaders.has(all[index - (index % 2)].toLowerCase()));
  response.writeHead(answer.statusCode ?? 502, answer.statusMessage, headers);
  await pipeline(answer, response);
  await sent;
}

function fail(response: ServerResponse, error: unknown): void {
  if (response.headersSent || response.destroyed) {
    response.destroy();
    return;
  }
  const { code, message } = error as NodeJS.ErrnoException;
  const text =
    code === "ECONNREFUSED" ? "Sagebrush does not answer; is the server still running? (`sagebrush status`)" : message;
  response.writeHead(502, { "content-type": "text/plain" }).end(`${text}\n`);
}

/** Waits for the first byte of a connection and puts it back; undefined when the connection ends before. */
async function firstByte(socket: Socket): Promise<number | undefined> {
  for (;;) {
    const chunk = socket.read() as Buffer | null;
    if (chunk !== null && chunk.length > 0) {
      socket.unshift(chunk);
      return chunk[0];
    }
    if (socket.readableEnded || socket.destroyed) return undefined;
    const more = await Promise.race([
      once(socket, "readable").then(() => true),
      once(socket, "end").then(() => false),
      once(socket, "close").then(() => false),
    ]);
    if (!more) return undefined;
  }
}
