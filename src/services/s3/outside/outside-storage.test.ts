/** Faults on the way to an S3 elsewhere; that it works with a real one is told by tests/scenarios/outside-s3.test.ts. */
import { createHash, randomBytes } from "node:crypto";
import { once } from "node:events";
import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import type { ObjectStorage } from "../../../jobs/ports.ts";
import { outsideStorage } from "./outside-storage.ts";

type Answer = (request: IncomingMessage, response: ServerResponse, body: Buffer) => void;

let folder: string;
let server: Server;
let storage: ObjectStorage;
let answer: Answer;
let requests: string[];
let signatures: string[];

beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), "sagebrush-outside-"));
  requests = [];
  signatures = [];
  server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on("data", (chunk: Buffer) => chunks.push(chunk));
    request.on("end", () => {
      requests.push(`${request.method} ${request.url} ${request.headers.range ?? ""}`.trim());
      signatures.push(request.headers.authorization ?? "");
      answer(request, response, Buffer.concat(chunks));
    });
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  storage = outsideStorage({
    endpoint: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    region: "eu-west-1",
    credentials: { accessKeyId: "AKID", secretAccessKey: "secret" },
    retryDelayMs: 1,
  });
});

afterEach(() => {
  server.closeAllConnections();
  server.close();
  rmSync(folder, { recursive: true, force: true });
});

async function all<Item>(items: AsyncIterable<Item>): Promise<Item[]> {
  const found: Item[] = [];
  for await (const item of items) found.push(item);
  return found;
}

function error(response: ServerResponse, status: number, code: string): void {
  response.writeHead(status, { "content-type": "application/xml" });
  response.end(`<Error><Code>${code}</Code><Message>because</Message></Error>`);
}

test("a download that breaks off goes on where it broke, of the same object", async () => {
  const bytes = randomBytes(300_000);
  answer = (request, response) => {
    const start = Number(/bytes=(\d+)-/.exec(request.headers.range ?? "")?.[1] ?? 0);
    if (start > 0) expect(request.headers["if-match"]).toBe('"e"');
    response.writeHead(start > 0 ? 206 : 200, { etag: '"e"', "content-length": String(bytes.length - start) });
    if (requests.length > 2) {
      response.end(bytes.subarray(start));
      return;
    }
    response.write(bytes.subarray(start, start + 100_000), () => setTimeout(() => response.destroy(), 20));
  };
  const file = join(folder, "object");
  await storage.download("0", "bucket", "a b/ü", file);
  expect(readFileSync(file).equals(bytes)).toBe(true);
  expect(requests).toHaveLength(3);
  expect(requests[0]).toBe("GET /bucket/a%20b/%C3%BC");
});

test("a download that cannot be had leaves no file, and says S3's own error", async () => {
  answer = (_, response) => error(response, 404, "NoSuchKey");
  const file = join(folder, "object");
  await expect(storage.download("0", "bucket", "k", file)).rejects.toMatchObject({ code: "NoSuchKey" });
  answer = (_, response) => error(response, 403, "AccessDenied");
  await expect(storage.read("0", "bucket", "k")).rejects.toMatchObject({ code: "AccessDenied", message: "because" });
  answer = (_, response) => error(response, 404, "NoSuchBucket");
  await expect(all(storage.list("0", "bucket", ""))).rejects.toMatchObject({ code: "NoSuchBucket" });
  expect(readdirSync(folder)).toEqual([]);
});

test("faults that pass are tried again, others are not, and no more than four times", async () => {
  let left = 2;
  answer = (_, response) => {
    if (left-- > 0) error(response, 503, "SlowDown");
    else response.writeHead(200, { "content-length": "7", etag: '"x"' }).end();
  };
  expect(await storage.stat("0", "bucket", "k")).toEqual({ key: "k", size: 7, etag: "x" });
  expect(requests).toHaveLength(3);
  requests = [];
  answer = (_, response) => error(response, 500, "InternalError");
  await expect(storage.upload("0", "bucket", "k", [Buffer.from("x")] as never)).rejects.toMatchObject({
    code: "InternalError",
  });
  expect(requests).toHaveLength(4);
});

test("an S3 that does not answer is named", async () => {
  server.closeAllConnections();
  server.close();
  await once(server, "close");
  await expect(storage.bucketExists("0", "bucket")).rejects.toMatchObject({
    code: "ServiceUnavailable",
    status: 503,
    message: expect.stringMatching(/^The S3 at http:\/\/127\.0\.0\.1:\d+ .*ECONNREFUSED/) as string,
  });
});

test("what is small is put at once, what is large in parts that come together again", async () => {
  const parts = new Map<string, Buffer>();
  let completed = "";
  answer = (request, response, body) => {
    const url = new URL(request.url!, "http://host");
    if (url.searchParams.has("uploads")) {
      expect(request.headers["x-amz-meta-a"]).toBe("1");
      response.end("<InitiateMultipartUploadResult><UploadId>u&amp;1</UploadId></InitiateMultipartUploadResult>");
    } else if (request.method === "PUT") {
      parts.set(url.searchParams.get("partNumber") ?? "whole", body);
      response.writeHead(200, { etag: `"${createHash("md5").update(body).digest("hex")}"` }).end();
    } else {
      expect(url.searchParams.get("uploadId")).toBe("u&1");
      completed = body.toString();
      response.end("<CompleteMultipartUploadResult/>");
    }
  };
  await storage.upload("0", "bucket", "k", [Buffer.from("ab"), Buffer.from("c")] as never);
  expect(parts.get("whole")).toEqual(Buffer.from("abc"));
  await storage.upload("0", "bucket", "empty", [] as never);
  expect(parts.get("whole")).toEqual(Buffer.alloc(0));
  const large = randomBytes(33 * 2 ** 20 + 5);
  const chunks = Array.from({ length: 34 }, (_, index) => large.subarray(index * 2 ** 20, (index + 1) * 2 ** 20));
  await storage.upload("0", "bucket", "k", chunks as never, { metadata: { a: "1" } });
  const together = Buffer.concat(["1", "2", "3"].map((number) => parts.get(number)!));
  expect(together.equals(large)).toBe(true);
  expect(completed.match(/<PartNumber>/g)).toHaveLength(3);
});

test("an upload in parts that fails is taken back", async () => {
  answer = (request, response) => {
    if (request.method === "POST")
      response.end("<InitiateMultipartUploadResult><UploadId>u</UploadId></InitiateMultipartUploadResult>");
    else if (request.method === "PUT" && request.url!.includes("partNumber=2")) error(response, 400, "EntityTooLarge");
    else response.writeHead(request.method === "DELETE" ? 204 : 200, { etag: '"e"' }).end();
  };
  const chunks = [Buffer.alloc(17 * 2 ** 20), Buffer.alloc(17 * 2 ** 20)];
  await expect(storage.upload("0", "bucket", "k", chunks as never)).rejects.toMatchObject({ code: "EntityTooLarge" });
  expect(requests.at(-1)).toBe("DELETE /bucket/k?uploadId=u");
});

test("a list goes on until its end, with keys as they are", async () => {
  answer = (request, response) => {
    const token = new URL(request.url!, "http://host").searchParams.get("continuation-token");
    const page = (contents: string, rest: string) =>
      response.end(`<ListBucketResult>${contents}${rest}</ListBucketResult>`);
    if (token === null) {
      page(
        "<Contents><Key>p/a%20b%2Bc</Key><Size>1</Size><ETag>&quot;e1&quot;</ETag></Contents>",
        "<IsTruncated>true</IsTruncated><NextContinuationToken>t=1</NextContinuationToken>",
      );
    } else page("<Contents><Key>p/%26+d</Key><Size>2</Size></Contents>", "<IsTruncated>false</IsTruncated>");
  };
  expect(await all(storage.list("0", "bucket", "p/"))).toEqual([
    { key: "p/a b+c", size: 1, etag: "e1" },
    { key: "p/& d", size: 2, etag: "" },
  ]);
  expect(requests[1]).toContain("continuation-token=t%3D1");
  for (const signature of signatures) {
    expect(signature).toMatch(/^AWS4-HMAC-SHA256 Credential=AKID\/\d{8}\/eu-west-1\/s3\//);
  }
});
