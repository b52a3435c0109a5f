import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { createServer, request as httpRequest, type IncomingMessage, type Server } from "node:http";
import { connect as connectTcp, createServer as createTcpServer, type AddressInfo, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { connect as connectTls } from "node:tls";
import { afterEach, beforeEach, expect, test } from "vitest";
import { CertificateAuthority } from "./certificate-authority.ts";
import { credentialsPath, MetadataService } from "./metadata-service.ts";
import { startProxy, type RunningProxy } from "./proxy-server.ts";

interface Seen {
  readonly method: string;
  readonly url: string;
  readonly host: string;
  readonly body: string;
  readonly headers: readonly string[];
}

let folder: string;
let target: Server;
let seen: Seen[];
let authority: CertificateAuthority;
let metadata: MetadataService;
let sessions: number;
let lifeMs: number;
let proxy: RunningProxy;

const portOf = (server: { address(): unknown }) => (server.address() as AddressInfo).port;

beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), "sagebrush-proxy-"));
  seen = [];
  sessions = 0;
  lifeMs = 3_600_000;
  target = createServer((request, response) => {
    let body = "";
    request.on("data", (chunk) => (body += String(chunk)));
    request.on("end", () => {
      const { method, url, headers, rawHeaders } = request;
      seen.push({ method: method!, url: url!, host: headers.host!, body, headers: rawHeaders });
      response.writeHead(207, { "x-from": "sagebrush" }).end(`answer to ${url}`);
    });
  });
  target.listen(0, "127.0.0.1");
  await once(target, "listening");
  authority = await CertificateAuthority.open(folder);
  metadata = new MetadataService({
    region: "eu-west-1",
    accountId: "000000000000",
    roleName: "Role",
    roleArn: "arn:aws:iam::000000000000:role/Role",
    openSession: () => {
      sessions += 1;
      return Promise.resolve({
        accessKeyId: `ASIA${sessions}`,
        secretAccessKey: "secret",
        sessionToken: "token",
        expiresAt: Date.now() + lifeMs,
      });
    },
  });
  proxy = await startProxy({ target: `http://127.0.0.1:${portOf(target)}`, authority, metadata });
});

afterEach(async () => {
  await proxy.close();
  target.closeAllConnections();
  target.close();
  rmSync(folder, { recursive: true, force: true });
});

/** Asks the proxy for a tunnel, as clients do before TLS. */
async function tunnelTo(authorityOfHost: string, port = proxy.port): Promise<Socket> {
  const socket = connectTcp(port, "127.0.0.1");
  socket.write(`CONNECT ${authorityOfHost} HTTP/1.1\r\nHost: ${authorityOfHost}\r\n\r\n`);
  const [head] = (await once(socket, "data")) as [Buffer];
  expect(head.toString()).toMatch(/^HTTP\/1\.1 200/);
  return socket;
}

/** Reads an HTTP/1.1 answer to its end; the request says `Connection: close`. */
async function textOf(socket: Socket): Promise<string> {
  let text = "";
  for await (const chunk of socket) text += String(chunk);
  return text;
}

async function get(url: string, headers: Record<string, string> = {}, method = "GET") {
  const outgoing = httpRequest({
    host: "127.0.0.1",
    port: proxy.port,
    method,
    path: url,
    headers: { host: url.startsWith("http") ? new URL(url).host : "127.0.0.1", ...headers },
  });
  outgoing.end();
  const [response] = (await once(outgoing, "response")) as [IncomingMessage];
  let text = "";
  for await (const chunk of response) text += String(chunk);
  return { status: response.statusCode, text };
}

test("an HTTPS request to AWS is answered by the server, with the host and every header as they were", async () => {
  const secured = connectTls({
    socket: await tunnelTo("my-bucket.s3.amazonaws.com:443"),
    servername: "my-bucket.s3.amazonaws.com",
    ca: authority.pem,
  });
  secured.write(
    "PUT /a%20b?x=1&y HTTP/1.1\r\nHost: my-bucket.s3.amazonaws.com\r\nX-Amz-Date: d\r\nAuthorization: AWS4 x\r\nContent-Length: 5\r\nConnection: close\r\n\r\nhello",
  );
  const answer = await textOf(secured);
  expect(answer).toMatch(/^HTTP\/1\.1 207 /);
  expect(answer).toContain("answer to /a%20b?x=1&y");
  expect(seen).toHaveLength(1);
  expect(seen[0]).toMatchObject({
    method: "PUT",
    url: "/a%20b?x=1&y",
    host: "my-bucket.s3.amazonaws.com",
    body: "hello",
  });
  expect(seen[0].headers.slice(0, 8)).toEqual([
    "Host",
    "my-bucket.s3.amazonaws.com",
    "X-Amz-Date",
    "d",
    "Authorization",
    "AWS4 x",
    "Content-Length",
    "5",
  ]);
  expect(proxy.traffic.redirected).toEqual([{ host: "my-bucket.s3.amazonaws.com", count: 1 }]);
});

test("TLS without a tunnel is taken by the name that the client asks for, and only for AWS's names", async () => {
  const secured = connectTls({
    host: "127.0.0.1",
    port: proxy.port,
    servername: "sts.us-east-1.amazonaws.com",
    ca: authority.pem,
  });
  secured.write("GET / HTTP/1.1\r\nHost: sts.us-east-1.amazonaws.com\r\nConnection: close\r\n\r\n");
  expect(await textOf(secured)).toContain("answer to /");
  const other = connectTls({ host: "127.0.0.1", port: proxy.port, servername: "example.com", ca: authority.pem });
  await expect(once(other, "secureConnect")).rejects.toThrow(/disconnected|ECONNRESET/);
});

test("a client that says no name in TLS gets the certificate of the tunnel's host", async () => {
  const secured = connectTls({
    socket: await tunnelTo("s3.amazonaws.com:443"),
    ca: authority.pem,
    checkServerIdentity: (_, certificate) => {
      expect(certificate.subjectaltname).toBe("DNS:s3.amazonaws.com");
      return undefined;
    },
  });
  await once(secured, "secureConnect");
  expect(secured.authorized).toBe(true);
  secured.destroy();
});

test("other hosts are passed through byte for byte, and counted", async () => {
  const echo = createTcpServer((socket) => socket.pipe(socket));
  echo.listen(0, "127.0.0.1");
  await once(echo, "listening");
  const socket = await tunnelTo(`127.0.0.1:${portOf(echo)}`);
  const noise = Buffer.from([0x16, 0x03, 0x01, 0, 255, 10, 13]);
  socket.write(noise);
  const [back] = (await once(socket, "data")) as [Buffer];
  expect(back).toEqual(noise);
  socket.destroy();
  echo.close();
  expect(proxy.traffic.passed).toEqual([{ host: "127.0.0.1", count: 1 }]);
  expect(seen).toEqual([]);
});

test("a plain request through the proxy goes to AWS's stand-in or to where it was meant for", async () => {
  const outside = createServer((request, response) => response.end(`outside ${request.url} ${request.headers.host}`));
  outside.listen(0, "127.0.0.1");
  await once(outside, "listening");
  const elsewhere = await get(`http://127.0.0.1:${portOf(outside)}/x?y=1`);
  expect(elsewhere.text).toBe(`outside /x?y=1 127.0.0.1:${portOf(outside)}`);
  outside.close();
  const here = await get("http://s3.amazonaws.com/bucket/key");
  expect(here).toEqual({ status: 207, text: "answer to /bucket/key" });
  expect(seen.map(({ host }) => host)).toEqual(["s3.amazonaws.com"]);
});

test("a request for nobody in particular is one for the server: AWS_ENDPOINT_URL", async () => {
  expect(await get("/", { host: `127.0.0.1:${proxy.port}` })).toEqual({ status: 207, text: "answer to /" });
  expect(proxy.traffic.redirected).toEqual([{ host: "AWS_ENDPOINT_URL", count: 1 }]);
});

test("a user's own proxy is asked for other hosts and never for AWS's", async () => {
  const asked: string[] = [];
  const upstream = createServer();
  upstream.on("connect", (request: IncomingMessage, socket: Socket) => {
    asked.push(`${request.url} ${request.headers["proxy-authorization"]}`);
    socket.end("HTTP/1.1 200 OK\r\n\r\nfrom upstream");
  });
  upstream.listen(0, "127.0.0.1");
  await once(upstream, "listening");
  const chained = await startProxy({
    target: `http://127.0.0.1:${portOf(target)}`,
    authority,
    metadata,
    upstream: { host: "127.0.0.1", port: portOf(upstream), authorization: "Basic abc" },
  });
  const socket = await tunnelTo("example.com:443", chained.port);
  await once(socket, "close");
  const secured = connectTls({
    socket: await tunnelTo("iam.amazonaws.com:443", chained.port),
    servername: "iam.amazonaws.com",
    ca: authority.pem,
  });
  await once(secured, "secureConnect");
  secured.destroy();
  expect(asked).toEqual(["example.com:443 Basic abc"]);
  await chained.close();
  upstream.close();
});

test("the instance metadata service hands out credentials of the role and renews them before they end", async () => {
  const base = "http://169.254.169.254/latest";
  const token = await get(`${base}/api/token`, { "x-aws-ec2-metadata-token-ttl-seconds": "60" }, "PUT");
  expect(token.text).toMatch(/^[\w-]{50,}$/);
  expect((await get(`${base}/meta-data/placement/region`)).text).toBe("eu-west-1");
  expect((await get(`${base}/meta-data/iam/security-credentials/`)).text).toBe("Role");
  const credentials = async () =>
    JSON.parse((await get(`${base}/meta-data/iam/security-credentials/Role`)).text) as Record<string, string>;
  expect(await credentials()).toMatchObject({ Code: "Success", AccessKeyId: "ASIA1", Token: "token" });
  expect((await credentials())["AccessKeyId"]).toBe("ASIA1");
  expect((await get(`${base}/meta-data/iam/security-credentials/Other`)).status).toBe(404);
  expect((await get(`${base}/user-data`)).status).toBe(404);
});

test("credentials that are about to end are renewed for whoever asks next", async () => {
  lifeMs = 10 * 60_000;
  const url = "http://169.254.170.2/v2/credentials/anything";
  expect(JSON.parse((await get(url)).text)).toMatchObject({ AccessKeyId: "ASIA1", RoleArn: expect.any(String) });
  expect(JSON.parse((await get(url)).text)).toMatchObject({ AccessKeyId: "ASIA2" });
});

test("the credentials of the run are for those who know its token", async () => {
  const asks = (authorization: string) => get(credentialsPath, { authorization });
  expect((await asks("guess")).status).toBe(403);
  expect((await get(credentialsPath)).status).toBe(403);
  expect(JSON.parse((await asks(metadata.authorizationToken)).text)).toMatchObject({ AccessKeyId: "ASIA1" });
});

test("credentials are not for pages of a browser, nor for names that DNS points here", async () => {
  const path = "/latest/meta-data/iam/security-credentials/Role";
  expect((await get(path, { host: "localhost" })).text).toContain("ASIA1");
  expect((await get(path, { host: "localhost", origin: "http://evil.example" })).status).toBe(403);
  expect((await get(path, { host: "localhost", "sec-fetch-site": "same-origin" })).status).toBe(403);
  // The server answers these, which knows no such path and asks for signatures.
  for (const host of ["rebound.evil.example", "169.254.170.2.evil.example", `evil.example:${proxy.port}`]) {
    expect(await get(path, { host })).toEqual({ status: 207, text: `answer to ${path}` });
  }
  expect(sessions).toBe(1);
});

test("programs of other users get nothing", async () => {
  const own: unknown[] = [];
  const strict = await startProxy({
    target: `http://127.0.0.1:${portOf(target)}`,
    authority,
    metadata,
    isOwn: (connection) => {
      own.push(connection.remotePort);
      return Promise.resolve(false);
    },
  });
  const socket = connectTcp(strict.port, "127.0.0.1");
  socket.write("GET http://169.254.169.254/latest/meta-data/iam/security-credentials/Role HTTP/1.1\r\n\r\n");
  expect(await textOf(socket)).toMatch(/^HTTP\/1\.1 403 Forbidden\r\n/);
  expect(own).toHaveLength(1);
  expect([sessions, seen]).toEqual([0, []]);
  await strict.close();
});

test("no request hides in the body of another", async () => {
  const hidden = "DELETE /hidden HTTP/1.1\r\nHost: s3.amazonaws.com\r\n\r\n";
  const head = `GET /seen HTTP/1.1\r\nHost: s3.amazonaws.com\r\nContent-Length: ${hidden.length}\r\n`;
  const named = connectTcp(proxy.port, "127.0.0.1");
  named.write(`${head}Connection: close, content-length\r\n\r\n${hidden}`);
  expect(await textOf(named)).toMatch(/^HTTP\/1\.1 207/);
  // Two lengths are none: the connection is hung up on.
  const twice = connectTcp(proxy.port, "127.0.0.1");
  twice.on("error", () => {});
  twice.write(`${head}Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n${hidden}`);
  expect(await textOf(twice).catch(() => "")).toBe("");
  // One more request on the connection to the server shows what is left on it.
  await get("http://s3.amazonaws.com/next");
  expect(seen.map(({ url, body }) => [url, body])).toEqual([
    ["/seen", hidden],
    ["/next", ""],
  ]);
});

test("a server that went away is told by 502, with what to do", async () => {
  target.closeAllConnections();
  target.close();
  await once(target, "close");
  const answer = await get("http://s3.amazonaws.com/");
  expect(answer.status).toBe(502);
  expect(answer.text).toContain("sagebrush status");
});

test("rubbish is hung up on", async () => {
  for (const bytes of [
    "\r\n\r\n\r\n",
    "CONNECT a b c\r\n\r\n",
    "\u0001\u0002\u0003",
    "CONNECT host:99999 HTTP/1.1\r\n\r\n",
  ]) {
    const socket = connectTcp(proxy.port, "127.0.0.1");
    socket.on("error", () => {});
    socket.end(bytes);
    socket.resume();
    await once(socket, "close");
  }
  expect((await get("http://s3.amazonaws.com/")).status).toBe(207);
});
