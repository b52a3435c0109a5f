/**
 * Rubbish and attacks, byte by byte. Each gets an answer of the 400s, or a closed connection where the bytes are no HTTP;
 * never a fault of the server's, never silence, and the next honest request is answered.
 */
import { createHash } from "node:crypto";
import { connect } from "node:net";
import { CreateBucketCommand, ListBucketsCommand, ListObjectsV2Command, PutObjectCommand } from "@aws-sdk/client-s3";
import { ListModelsCommand } from "@aws-sdk/client-sagemaker";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type RawRequest, sendRaw, signedRaw } from "../support/raw-http.ts";
import { eventually, ServerProcess } from "../support/server-process.ts";
import { clientsOf } from "../support/training.ts";

const server = new ServerProcess();
let clients: ReturnType<typeof clientsOf>;
const mebibyte = 2 ** 20;
const deep = 100_000;

beforeAll(async () => {
  await server.start();
  clients = clientsOf(server);
  await clients.s3.send(new CreateBucketCommand({ Bucket: "bucket" }));
  await clients.s3.send(new PutObjectCommand({ Bucket: "bucket", Key: "key", Body: "value" }));
}, 60_000);

afterAll(async () => {
  await server.remove();
});

/**
 * Sends rubbish and then asks honestly.
 * @returns `refused` for an answer of the 400s, `closed` for the end of the connection, or what was said instead
 */
async function outcomeOf(pieces: readonly (string | Buffer)[]): Promise<string> {
  const { status, text } = await sendRaw(server.url, pieces);
  const { Contents } = await clients.s3.send(new ListObjectsV2Command({ Bucket: "bucket" }));
  const { Models } = await clients.sagemaker.send(new ListModelsCommand({}));
  const left = JSON.stringify([Contents!.map(({ Key }) => Key), Models]);
  if (left !== '[["key"],[]]') return `left ${left}: ${text}`;
  if (/root:|lollol/.test(text)) return `told: ${text}`;
  if (status === undefined && text === "") return "closed";
  return status !== undefined && status >= 400 && status < 500 ? "refused" : text.slice(0, 1000);
}

const outcomeOfSigned = async (request: RawRequest) => outcomeOf([await signedRaw(server, request)]);

const temporaryFiles = () => server.files().filter((file) => file.includes("/tmp/"));

const head = (...lines: string[]) => `${lines.join("\r\n")}\r\n\r\n`;
const host = "Host: 127.0.0.1";

describe("what is no HTTP, or not quite", () => {
  test.each<[name: string, pieces: string[]]>([
    ["nothing at all", []],
    ["half a request line", ["GET /buck"]],
    ["half the headers", ["GET /bucket HTTP/1.1\r\nHost: 127.0"]],
    ["HTTP 0.9", ["GET /\r\n\r\n"]],
    ["the preface of HTTP/2", ["PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"]],
    ["a TLS hello", ["\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", "\x00".repeat(500)]],
    ["an unknown method", [head("FROB / HTTP/1.1", host)]],
    ["a method that connects", [head("CONNECT example.com:443 HTTP/1.1", "Host: example.com:443")]],
    ["an asterisk", [head("OPTIONS * HTTP/1.1", host, "Connection: close")]],
    ["an absolute target", [head("GET http://example.com/bucket HTTP/1.1", "Host: example.com", "Connection: close")]],
    [
      "another protocol asked for",
      [head("GET /bucket/key HTTP/1.1", host, "Connection: Upgrade", "Upgrade: websocket")],
    ],
    ["an expectation nobody knows", [head("GET /bucket HTTP/1.1", host, "Expect: wonders", "Connection: close")]],
    ["no Host", [head("GET /bucket/key HTTP/1.1", "Connection: close")]],
    ["two Hosts", [head("GET /bucket/key HTTP/1.1", host, "Host: example.com", "Connection: close")]],
    ["a Host that is none", [head("GET /bucket/key HTTP/1.1", "Host: a b/../c", "Connection: close")]],
    ["a space before a colon", [head("GET /bucket HTTP/1.1", "Host : 127.0.0.1", "Connection: close")]],
    ["a folded header", [head("GET /bucket HTTP/1.1", host, "X-A: b", " c", "Connection: close")]],
    ["a header of a NUL", [head("GET /bucket HTTP/1.1", host, "X-A: b\0c", "Connection: close")]],
    ["a path of a NUL", [head("GET /buc\0ket HTTP/1.1", host, "Connection: close")]],
    ["a path that is not ASCII", [head("GET /b\xffcket HTTP/1.1", host, "Connection: close")]],
    ["lines ended by half", ["GET /bucket HTTP/1.1\nHost: 127.0.0.1\n\n"]],
    ["a header of a mebibyte", [head("GET / HTTP/1.1", host, `X-A: ${"a".repeat(mebibyte)}`)]],
    ["ten thousand headers", [head("GET / HTTP/1.1", host, ...Array.from({ length: 10_000 }, (_, i) => `X-${i}: 1`))]],
    ["a path of a mebibyte", [head(`GET /${"a".repeat(mebibyte)} HTTP/1.1`, host)]],
    ["a negative length", [head("PUT /bucket/a HTTP/1.1", host, "Content-Length: -1"), "x"]],
    ["a length beyond all numbers", [head("PUT /bucket/a HTTP/1.1", host, `Content-Length: ${"9".repeat(40)}`), "x"]],
    ["a length in hexadecimal", [head("PUT /bucket/a HTTP/1.1", host, "Content-Length: 0x10"), "x".repeat(16)]],
    ["two lengths", [head("PUT /bucket/a HTTP/1.1", host, "Content-Length: 1", "Content-Length: 2"), "xy"]],
    ["two lengths in one", [head("PUT /bucket/a HTTP/1.1", host, "Content-Length: 1, 2"), "xy"]],
    [
      "a length and chunks",
      [head("PUT /bucket/a HTTP/1.1", host, "Content-Length: 4", "Transfer-Encoding: chunked"), "0\r\n\r\n"],
    ],
    ["an encoding nobody knows", [head("PUT /bucket/a HTTP/1.1", host, "Transfer-Encoding: xchunked"), "0\r\n\r\n"]],
    [
      "chunked that is not last",
      [head("PUT /bucket/a HTTP/1.1", host, "Transfer-Encoding: chunked, identity"), "0\r\n\r\n"],
    ],
    [
      "a chunk beyond all numbers",
      [head("PUT /bucket/a HTTP/1.1", host, "Transfer-Encoding: chunked"), `${"F".repeat(17)}\r\nx\r\n0\r\n\r\n`],
    ],
    [
      "a chunk of no number",
      [head("PUT /bucket/a HTTP/1.1", host, "Transfer-Encoding: chunked"), "ten\r\nx\r\n0\r\n\r\n"],
    ],
    ["a chunk that never comes", [head("POST / HTTP/1.1", host, "Transfer-Encoding: chunked"), "A\r\nabc"]],
    [
      "a chunk with a long extension",
      [head("POST / HTTP/1.1", host, "Transfer-Encoding: chunked"), `1;${"a".repeat(mebibyte)}\r\nx\r\n0\r\n\r\n`],
    ],
    [
      "trailers without end",
      [head("POST / HTTP/1.1", host, "Transfer-Encoding: chunked"), "0\r\n", "X-A: b\r\n".repeat(100_000)],
    ],
    [
      "a second request smuggled in",
      [head("POST / HTTP/1.1", host, "Content-Length: 0", "Connection: close"), head("GET /bucket/key HTTP/1.1", host)],
    ],
  ])("%s", async (_, pieces) => {
    expect(["refused", "closed"]).toContain(await outcomeOf(pieces));
  });

  test("headers that dribble in hold up nobody, and are answered when they are all there", async () => {
    const dribble = sendRaw(
      server.url,
      head("GET /bucket/key HTTP/1.1", host, "Connection: close").split(/(?=.)/s),
      10,
    );
    expect((await clients.s3.send(new ListBucketsCommand({}))).Buckets).toHaveLength(1);
    expect((await dribble).status).toBe(403);
  });

  test("a hundred connections that say nothing hold up nobody", async () => {
    const { port } = new URL(server.url);
    const silent = Array.from({ length: 100 }, () => connect(Number(port), "127.0.0.1").on("error", () => {}));
    expect((await clients.s3.send(new ListBucketsCommand({}))).Buckets).toHaveLength(1);
    for (const socket of silent) socket.destroy();
  });
});

describe("paths that want to be somewhere else", () => {
  test.each([
    "/bucket/../../etc/passwd",
    "/bucket/../../../../../../etc/passwd",
    "/../etc/passwd",
    "/bucket/%2e%2e/%2e%2e/etc/passwd",
    "/bucket/..%2f..%2fetc%2fpasswd",
    "/bucket/..%5c..%5cetc",
    "/%2e%2e/key",
    "/bucket%2fkey",
    "/bucket/key%00.txt",
    "/bucket/%00",
    "/bucket/%ff%fe",
    "/bucket/%c0%ae%c0%ae/passwd",
    "/bucket/%",
    "/bucket/%zz",
    "/bucket/%u0041",
    "//bucket/key",
    "/./bucket/key",
    "/__proto__/key",
    "/constructor/prototype",
    `/bucket/${"a".repeat(2000)}`,
    "/_sagebrush/../bucket/key",
    "/_sagebrush/health/../../key",
  ])("GET %s", async (path) => {
    expect(await outcomeOfSigned({ method: "GET", path, service: "s3" })).toBe("refused");
    expect(await outcomeOf([head(`GET ${path} HTTP/1.1`, host, "Connection: close")])).toBe("refused");
  });

  test("a key of dots that is written is a name like any other, and no file", async () => {
    const path = "/bucket/%2e%2e/%2e%2e/%2e%2e/sagebrush-escaped";
    const send = async (method: string, body: string) =>
      (await sendRaw(server.url, [await signedRaw(server, { method, path, body, service: "s3" })])).status;
    expect(await send("PUT", "x")).toBe(200);
    expect(server.files().filter((file) => file.includes("escaped"))).toEqual([]);
    expect(await send("DELETE", "")).toBe(204);
  });
});

const nested = (open: string, close: string) => open.repeat(deep) + close.repeat(deep);

describe("bodies of XML", () => {
  const bomb = `<?xml version="1.0"?><!DOCTYPE Delete [<!ENTITY a0 "lol">${Array.from(
    { length: 12 },
    (_, level) => `<!ENTITY a${level + 1} "${`&a${level};`.repeat(10)}">`,
  ).join("")}]>`;
  const external = `<?xml version="1.0"?><!DOCTYPE Delete [<!ENTITY x SYSTEM "file:///etc/passwd">]>`;
  const requests = {
    DeleteObjects: (inner: string, prolog = "") => ({
      query: "delete=",
      body: `${prolog}<Delete>${inner}</Delete>`,
    }),
    CompleteMultipartUpload: (inner: string, prolog = "") => ({
      query: "uploadId=abc",
      body: `${prolog}<CompleteMultipartUpload>${inner}</CompleteMultipartUpload>`,
    }),
  };
  const bodies: [name: string, inner: string, prolog?: string][] = [
    ["a billion laughs", "<Object><Key>&a12;</Key></Object>", bomb],
    ["a file as an entity", "<Object><Key>&x;</Key></Object>", external],
    ["an entity nobody defined", "<Object><Key>&nbsp;</Key></Object>"],
    ["a hundred thousand levels", nested("<a>", "</a>")],
    ["a hundred thousand levels without end", "<a>".repeat(deep)],
    ["no end", "<Object><Key>"],
    ["the wrong end", "<Object></Key>"],
    ["a character that XML has not", "<Object><Key>&#0;</Key></Object>"],
    ["a number beyond Unicode", "<Object><Key>&#x7fffffff;</Key></Object>"],
    ["elements of Object", "<__proto__><polluted>1</polluted></__proto__><constructor/>"],
    ["bytes that are not UTF-8", "\xff\xfe<Object><Key>a</Key></Object>"],
    ["a comment without end", "<!-- "],
    ["a CDATA without end", "<![CDATA[ "],
    ["nothing of what is asked for", ""],
  ];
  const cases = Object.keys(requests).flatMap((operation) =>
    bodies.map(([name, inner, prolog]) => [operation as keyof typeof requests, name, inner, prolog] as const),
  );
  test.each(cases)("%s with %s", async (operation, _, inner, prolog) => {
    const { query, body } = requests[operation](inner, prolog);
    const path = operation === "DeleteObjects" ? "/bucket" : "/bucket/key";
    const bytes = Buffer.from(body, "latin1");
    const headers = { "content-md5": createHash("md5").update(bytes).digest("base64") };
    const request: RawRequest = { method: "POST", path, query, headers, body: bytes, service: "s3" };
    expect(await outcomeOfSigned(request)).toBe("refused");
  });
});

describe("bodies of JSON, forms and CBOR", () => {
  const json = (
    body: string | Buffer,
    target = "SageMaker.CreateModel",
    more: Partial<RawRequest> = {},
  ): RawRequest => ({
    method: "POST",
    path: "/",
    headers: { "content-type": "application/x-amz-json-1.1", "x-amz-target": target },
    body,
    service: "sagemaker",
    ...more,
  });
  const form = (body: string): RawRequest => ({
    method: "POST",
    path: "/",
    headers: { "content-type": "application/x-www-form-urlencoded" },
    body,
    service: "sts",
  });
  const cbor = (body: Buffer): RawRequest => ({
    method: "POST",
    path: "/service/GraniteServiceVersion20100801/operation/PutMetricData",
    headers: { "content-type": "application/cbor", "smithy-protocol": "rpc-v2-cbor" },
    body,
    service: "sagemaker",
  });
  test.each<[name: string, request: RawRequest]>([
    ["no JSON", json("{")],
    ["a number", json("42")],
    ["a list", json("[]")],
    ["a text", json('"x"')],
    ["two values", json("{} {}")],
    ["NaN", json('{"ModelName": NaN}')],
    ["a byte order mark", json("\ufeff{}")],
    ["bytes that are not UTF-8", json(Buffer.from('{"ModelName": "\xff\xfe"}', "latin1"))],
    ["half a surrogate pair", json('{"ModelName": "\\ud800"}')],
    ["lists in lists", json(`{"Containers": ${nested("[", "]")}}`)],
    ["lists in lists without end", json(`{"Containers": ${"[".repeat(deep)}`)],
    ["objects in objects", json(`{"PrimaryContainer": ${'{"a":'.repeat(deep)}1${"}".repeat(deep)}}`)],
    ["unknown objects in objects", json(`{"Unknown": ${'{"a":'.repeat(deep)}1${"}".repeat(deep)}}`)],
    ["__proto__ as the input", json('{"__proto__": {"ModelName": "polluted"}}')],
    ["__proto__ as a map's key", json('{"ModelName": "a b", "PrimaryContainer": {"Environment": {"__proto__": "x"}}}')],
    ["constructor as the input", json('{"constructor": {"prototype": {"ModelName": "polluted"}}}')],
    ["a map where a text belongs", json('{"ModelName": {"toString": "x"}}')],
    ["a number beyond all", json('{"MaxResults": 1e400}', "SageMaker.ListModels")],
    ["a number of a million digits", json(`{"MaxResults": ${"9".repeat(mebibyte)}}`, "SageMaker.ListModels")],
    ["a fraction of a page", json('{"MaxResults": 1.5}', "SageMaker.ListModels")],
    ["a token that is none", json('{"NextToken": "AAAA"}', "SageMaker.ListModels")],
    ["a token of an object", json('{"NextToken": "eyJfX3Byb3RvX18iOnt9fQ=="}', "SageMaker.ListModels")],
    ["nine mebibytes", json(`{"ModelName": "${"a".repeat(9 * mebibyte)}"}`)],
    ["an operation of every object", json("{}", "SageMaker.constructor")],
    ["an operation called __proto__", json("{}", "SageMaker.__proto__")],
    ["an operation without a name", json("{}", "SageMaker.")],
    ["a service called __proto__", json("{}", "__proto__.ListModels")],
    ["a target of dots", json("{}", "...")],
    ["a form without an action", form("Version=2011-06-15")],
    ["an action of every object", form("Action=constructor&Version=2011-06-15")],
    ["an action called __proto__", form("Action=__proto__")],
    ["a form of nonsense", form("%%%=%zz&Action=%")],
    ["a form with a list of two billion", form("Action=AssumeRole&PolicyArns.member.2147483647.arn=x")],
    ["a form with members of members", form(`Action=AssumeRole&Tags${".member.1".repeat(10_000)}=x`)],
    ["a form with __proto__", form("Action=AssumeRole&__proto__.member.1=x&Tags.__proto__.Key=x")],
    ["CBOR cut off", cbor(Buffer.from([0xbf, 0x69, 0x4e]))],
    ["CBOR of endless lists", cbor(Buffer.alloc(deep, 0x9f))],
    [
      "an endpoint called __proto__",
      { method: "POST", path: "/endpoints/__proto__/invocations", body: "1", service: "sagemaker" },
    ],
    ["an endpoint of dots", { method: "POST", path: "/endpoints/%2e%2e/invocations", body: "1", service: "sagemaker" }],
    [
      "a log stream of dots",
      json('{"logGroupName": "../../etc", "logStreamName": "passwd"}', "Logs_20140328.GetLogEvents", {
        service: "logs",
      }),
    ],
  ])("%s", async (_, request) => {
    expect(await outcomeOfSigned(request)).toBe("refused");
  });

  test("a body shorter than its length is nobody's request", async () => {
    const cut = json("{}", "SageMaker.ListModels", { contentLength: "100" });
    expect(["refused", "closed"]).toContain(await outcomeOfSigned(cut));
  });

  test("members that no description has are passed over, and change nothing", async () => {
    const answer = await sendRaw(server.url, [
      await signedRaw(
        server,
        json('{"__proto__": {"MaxResults": 0}, "constructor": 1, "Unknown": [[]]}', "SageMaker.ListModels"),
      ),
    ]);
    expect(answer.status).toBe(200);
  });
});

describe("bodies of S3 that are not what their headers say", () => {
  const streaming = (body: string, decodedLength: string, more: Record<string, string> = {}): RawRequest => ({
    method: "PUT",
    path: "/bucket/lie",
    headers: {
      "content-encoding": "aws-chunked",
      "x-amz-content-sha256": "STREAMING-UNSIGNED-PAYLOAD-TRAILER",
      "x-amz-decoded-content-length": decodedLength,
      "x-amz-trailer": "x-amz-checksum-crc32",
      ...more,
    },
    body,
    service: "s3",
  });
  // CRC-32 of "hello", as published with every implementation: 0x3610a686.
  const trailer = "x-amz-checksum-crc32:NhCmhg==\r\n\r\n";
  const put = (more: Partial<RawRequest>): RawRequest => ({
    method: "PUT",
    path: "/bucket/lie",
    body: "hello",
    service: "s3",
    ...more,
  });

  test("the truth is taken", async () => {
    const honest = await signedRaw(server, streaming(`5\r\nhello\r\n0\r\n${trailer}`, "5"));
    expect((await sendRaw(server.url, [honest])).status).toBe(200);
    expect((await sendRaw(server.url, [await signedRaw(server, put({ method: "DELETE", body: "" }))])).status).toBe(
      204,
    );
  });

  test("a body shorter than its length is no object", async () => {
    expect(["refused", "closed"]).toContain(await outcomeOfSigned(put({ contentLength: "1000" })));
    // The server learns of the hang-up when the client already has its back turned.
    expect(await eventually(temporaryFiles, (files) => files.length === 0, 5000)).toEqual([]);
  });

  test.each<[name: string, request: RawRequest]>([
    ["more than was announced", streaming(`5\r\nhello\r\n0\r\n${trailer}`, "4")],
    ["less than was announced", streaming(`5\r\nhello\r\n0\r\n${trailer}`, "6")],
    ["an announcement that is no number", streaming(`5\r\nhello\r\n0\r\n${trailer}`, "five")],
    ["a negative announcement", streaming(`5\r\nhello\r\n0\r\n${trailer}`, "-5")],
    ["an announcement beyond all numbers", streaming(`5\r\nhello\r\n0\r\n${trailer}`, "9".repeat(30))],
    ["a chunk longer than it says", streaming(`4\r\nhello\r\n0\r\n${trailer}`, "5")],
    ["a chunk shorter than it says", streaming(`6\r\nhello\r\n0\r\n${trailer}`, "5")],
    ["a chunk beyond all numbers", streaming(`FFFFFFFFFFFFFFFFF\r\nhello\r\n0\r\n${trailer}`, "5")],
    ["a negative chunk", streaming(`-5\r\nhello\r\n0\r\n${trailer}`, "5")],
    ["a chunk of no number", streaming(`five\r\nhello\r\n0\r\n${trailer}`, "5")],
    ["a chunk whose size never ends", streaming("5".repeat(mebibyte), "5")],
    ["no last chunk", streaming("5\r\nhello\r\n", "5")],
    ["no trailer", streaming("5\r\nhello\r\n0\r\n\r\n", "5")],
    ["a wrong checksum", streaming("5\r\nhello\r\n0\r\nx-amz-checksum-crc32:AAAAAA==\r\n\r\n", "5")],
    ["another trailer", streaming("5\r\nhello\r\n0\r\nx-amz-checksum-sha1:AAAA\r\n\r\n", "5")],
    ["trailers without end", streaming(`5\r\nhello\r\n0\r\n${"a:b\r\n".repeat(200_000)}`, "5")],
    ["no framing at all", streaming("hello", "5")],
    ["no length", put({ contentLength: null })],
    ["another body than was signed", put({ headers: { "x-amz-content-sha256": "0".repeat(64) } })],
    ["a hash that is none", put({ headers: { "x-amz-content-sha256": "yes" } })],
    ["another checksum", put({ headers: { "x-amz-checksum-crc32": "AAAAAA==" } })],
    ["a checksum that is none", put({ headers: { "x-amz-checksum-crc32": "?" } })],
    ["another MD5", put({ headers: { "content-md5": createHash("md5").update("other").digest("base64") } })],
    ["an MD5 that is none", put({ headers: { "content-md5": "?" } })],
    ["metadata of three mebibytes", put({ headers: { "x-amz-meta-a": "a".repeat(3000) } })],
    ["a part of no number", put({ query: "partNumber=abc&uploadId=x" })],
    ["a part beyond all", put({ query: "partNumber=99999999999&uploadId=x" })],
    ["a copy of nowhere", put({ headers: { "x-amz-copy-source": "../../etc/passwd" }, body: "" })],
    [
      "a range that is none",
      put({ method: "GET", path: "/bucket/key", headers: { range: "bytes=9-1" }, body: "", query: "partNumber=0" }),
    ],
  ])("%s", async (_, request) => {
    expect(await outcomeOfSigned(request)).toBe("refused");
    expect(temporaryFiles()).toEqual([]);
  });
});

test("nothing of all this was a fault of the server's", () => {
  expect(server.problems).toBe("");
});
