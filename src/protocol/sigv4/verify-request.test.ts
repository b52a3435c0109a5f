import { createHash, createHmac } from "node:crypto";
import { SignatureV4 } from "@smithy/signature-v4";
import { describe, expect, test } from "vitest";
import { ManualClock } from "../../util/clock.ts";
import { AwsError } from "../aws-error.ts";
import type { Credential, RequestHead } from "./credential.ts";
import { identifyCredentialScope } from "./identify-scope.ts";
import { parseTimestamp } from "./timestamp.ts";
import { verifyRequest, type VerifyOptions } from "./verify-request.ts";

const secretAccessKey = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY";
const principal = {
  kind: "root",
  accountId: "000000000000",
  arn: "arn:aws:iam::000000000000:root",
  userId: "000000000000",
  accessKeyId: "AKIDEXAMPLE",
} as const;
const permanent: Credential = { accessKeyId: "AKIDEXAMPLE", secretAccessKey, principal };
const temporary: Credential = {
  accessKeyId: "ASIDEXAMPLE",
  secretAccessKey,
  sessionToken: "a/session+token==",
  expiresAt: Date.UTC(2026, 0, 2, 4),
  principal,
};
const signedAt = Date.UTC(2026, 0, 2, 3, 4, 5);
const sha256 = (data: string) => createHash("sha256").update(data).digest("hex");

function lookup(accessKeyId: string): Credential | undefined {
  return [permanent, temporary].find((credential) => credential.accessKeyId === accessKeyId);
}

function request(method: string, url: string, headers: Record<string, string> = {}): RequestHead {
  const [path, query = ""] = url.replace(/^http:\/\/[^/]*/, "").split("?", 2);
  const lower = Object.entries(headers).map(([name, value]) => [name.toLowerCase(), value]);
  return { method, path, query, headers: { host: "127.0.0.1:7243", ...Object.fromEntries(lower) } };
}

function verify(head: RequestHead, options: Partial<VerifyOptions> & { body?: string; at?: number } = {}) {
  const { body = "", at = signedAt, ...rest } = options;
  return verifyRequest(head, {
    lookup,
    clock: new ManualClock(at),
    bodySha256: async () => sha256(body),
    ...rest,
  });
}

async function refusal(promise: Promise<unknown>): Promise<AwsError> {
  const error = await promise.then(
    () => undefined,
    (thrown: unknown) => thrown,
  );
  expect(error).toBeInstanceOf(AwsError);
  return error as AwsError;
}

describe("requests signed by botocore 1.43 at 2026-01-02T03:04:05Z", () => {
  const json = request("POST", "/", {
    "Content-Type": "application/x-amz-json-1.1",
    "X-Amz-Target": "SageMaker.ListEndpoints",
    "X-Amz-Date": "20260102T030405Z",
    "X-Amz-Security-Token": "a/session+token==",
    Authorization:
      "AWS4-HMAC-SHA256 Credential=ASIDEXAMPLE/20260102/eu-west-3/sagemaker/aws4_request, SignedHeaders=content-type;host;x-amz-date;x-amz-security-token;x-amz-target, Signature=a9c39a579a9a723a5753c4a0560932d7b05bd48e4610bd6e7ea57c39b6f1fd4c",
  });

  test("a JSON call with temporary credentials is accepted", async () => {
    const verified = await verify(json, { body: '{"MaxResults":10}', protocol: "json", service: "sagemaker" });
    expect(verified).toEqual({
      credential: temporary,
      region: "eu-west-3",
      service: "sagemaker",
      payload: { kind: "checked" },
      signedAt,
    });
  });

  test("the same call with another body is refused", async () => {
    const error = await refusal(verify(json, { body: '{"MaxResults":11}', protocol: "json" }));
    expect(error.code).toBe("InvalidSignatureException");
    expect(error.status).toBe(400);
    expect(error.message).toMatch(
      /^The request signature we calculated does not match the signature you provided\. Check your AWS Secret Access Key and signing method\. Consult the service documentation for details\.\n\nThe Canonical String for this request should have been\n'POST\n\/\n\ncontent-type:/,
    );
  });

  test("a path with an escape is encoded a second time", async () => {
    const head = request("POST", "/endpoints/a%20b/invocations", {
      "Content-Type": "text/csv",
      "X-Amz-Date": "20260102T030405Z",
      Authorization:
        "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20260102/eu-west-3/sagemaker/aws4_request, SignedHeaders=content-type;host;x-amz-date, Signature=f0addb3753ada93fb79ebb84f3a33d99d3194f71c497022452a1e7101999b7cd",
    });
    await expect(verify(head, { body: "1,2", protocol: "rest-json" })).resolves.toMatchObject({ service: "sagemaker" });
  });

  test("an S3 path is signed as it is, dots, slashes and escapes included, and its body is left for later", async () => {
    const head = request("PUT", "/bucket/a%20b//..%2Fc%28d%29~e", {
      "Content-Type": "text/plain",
      "x-amz-meta-a": "x   y",
      "X-Amz-Date": "20260102T030405Z",
      "X-Amz-Content-SHA256": "2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824",
      Authorization:
        "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20260102/eu-west-3/s3/aws4_request, SignedHeaders=content-type;host;x-amz-content-sha256;x-amz-date;x-amz-meta-a, Signature=a1aedc4b3b02885a40bc926d327b10aa6a286e555abdd0d4d5bfe8d5fb326058",
    });
    const bodySha256 = () => Promise.reject(new Error("the body must not be read to verify an S3 request"));
    const { payload } = await verify(head, { protocol: "rest-xml", service: "s3", bodySha256 });
    expect(payload).toEqual({ kind: "sha256", hex: sha256("hello") });
  });

  test("query parameters are signed in their order by name", async () => {
    const head = request("GET", "/bucket?list-type=2&prefix=a%2Fb%20c&delimiter=%2F", {
      "X-Amz-Date": "20260102T030405Z",
      "X-Amz-Content-SHA256": "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
      Authorization:
        "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20260102/eu-west-3/s3/aws4_request, SignedHeaders=host;x-amz-content-sha256;x-amz-date, Signature=06249571123bd2ea0ed2d6c36716b9f834db41be53cb87beb4d1674439d9e82c",
    });
    await expect(verify(head)).resolves.toMatchObject({ region: "eu-west-3", service: "s3" });
  });

  const presigned =
    "/bucket/key%20one?versionId=null&X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential=ASIDEXAMPLE%2F20260102%2Feu-west-3%2Fs3%2Faws4_request&X-Amz-Date=20260102T030405Z&X-Amz-Expires=300&X-Amz-SignedHeaders=host&X-Amz-Security-Token=a%2Fsession%2Btoken%3D%3D&X-Amz-Signature=e16f5da9d9db0d41091fd0dc254ef4755011416eac52ecbd3aba9ad96b9e5ab5";

  test("a presigned S3 request is accepted until it expires, whatever its body", async () => {
    const { payload, credential } = await verify(request("GET", presigned), { at: signedAt + 300_000 });
    expect(payload).toEqual({ kind: "unsigned" });
    expect(credential).toBe(temporary);
  });

  test("a presigned S3 request is refused a second after it expired, with the times", async () => {
    const error = await refusal(verify(request("GET", presigned), { at: signedAt + 301_000 }));
    expect(error).toMatchObject({
      code: "AccessDenied",
      status: 403,
      message: "Request has expired",
      members: { "X-Amz-Expires": "300", Expires: "2026-01-02T03:09:05Z", ServerTime: "2026-01-02T03:09:06Z" },
    });
  });

  test("a presigned S3 request of the future is refused", async () => {
    const error = await refusal(verify(request("GET", presigned), { at: signedAt - 16 * 60_000 }));
    expect(error).toMatchObject({ code: "AccessDenied", status: 403, message: "Request is not yet valid" });
  });

  test("a presigned S3 request is not good for another method, key or parameter", async () => {
    for (const head of [
      request("PUT", presigned),
      request("GET", presigned.replace("key%20one", "key%20two")),
      request("GET", presigned.replace("versionId=null", "versionId=1")),
      request("GET", `${presigned}&acl`),
      request("GET", presigned.replace("Expires=300", "Expires=301")),
    ]) {
      expect((await refusal(verify(head))).code).toBe("SignatureDoesNotMatch");
    }
  });

  test("a presigned STS request is accepted", async () => {
    const head = request(
      "GET",
      "/?Action=GetCallerIdentity&Version=2011-06-15&X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential=AKIDEXAMPLE%2F20260102%2Fus-east-1%2Fsts%2Faws4_request&X-Amz-Date=20260102T030405Z&X-Amz-Expires=60&X-Amz-SignedHeaders=host&X-Amz-Signature=c216be659fabf0c3a91567c4ccbe6a6a3e1ce8c4a261095cd5ddc817b8aabc28",
    );
    await expect(verify(head, { protocol: "query" })).resolves.toMatchObject({ service: "sts", region: "us-east-1" });
    const expired = await refusal(verify(head, { protocol: "query", at: signedAt + 61_000 }));
    expect(expired).toMatchObject({
      code: "SignatureDoesNotMatch",
      status: 403,
      message: "Signature expired: 20260102T030405Z is now earlier than 20260102T030406Z (20260102T030506Z - 1 min.)",
    });
  });

  test("Signature Version 2 in a query is accepted from S3 clients, with a session token and overrides", async () => {
    const url =
      "/bucket/key%20one?response-content-type=text%2Fplain&versionId=v1&AWSAccessKeyId=ASIDEXAMPLE&Signature=qtRZppi7nqGjlcP619LnGlBYKDE%3D&x-amz-security-token=a%2Fsession%2Btoken%3D%3D&Expires=1767323345";
    await expect(verify(request("GET", url))).resolves.toMatchObject({
      credential: temporary,
      service: "s3",
      payload: { kind: "unsigned" },
    });
    for (const changed of [
      url.replace("versionId=v1", "versionId=v2"),
      `${url}&attributes`,
      `${url}&ownershipControls`,
    ]) {
      expect((await refusal(verify(request("GET", changed)))).code).toBe("SignatureDoesNotMatch");
    }
    const late = await refusal(verify(request("GET", url), { at: 1767323346_000 }));
    expect(late).toMatchObject({ code: "AccessDenied", message: "Request has expired" });
  });

  test("Signature Version 2 signs headers, from the request or the URL", async () => {
    const url =
      "/bucket/up?AWSAccessKeyId=AKIDEXAMPLE&Signature=ZN2kiTNqtXfijgGmEC91DdV%2BmRY%3D&content-type=text%2Fplain&content-md5=XUFAKrxLKna5cZ2REBfFkg%3D%3D&x-amz-meta-b=2&x-amz-meta-a=1&Expires=1767323345";
    await expect(verify(request("PUT", url))).resolves.toMatchObject({ credential: permanent });
    await expect(verify(request("PUT", url, { "content-type": "text/plain" }))).resolves.toBeDefined();
    const changed = await refusal(verify(request("PUT", url, { "content-type": "text/html" })));
    expect(changed.code).toBe("SignatureDoesNotMatch");
  });
});

describe("requests of AWS's own documentation for S3", () => {
  const documented: Credential = {
    accessKeyId: "AKIAIOSFODNN7EXAMPLE",
    secretAccessKey: "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY",
    principal,
  };
  const at = Date.UTC(2013, 4, 24);
  const host = "examplebucket.s3.amazonaws.com";
  const empty = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
  const authorization = (signedHeaders: string, signature: string) =>
    `AWS4-HMAC-SHA256 Credential=AKIAIOSFODNN7EXAMPLE/20130524/us-east-1/s3/aws4_request,SignedHeaders=${signedHeaders},Signature=${signature}`;
  const verifyDocumented = (head: RequestHead, options: Partial<VerifyOptions> & { at?: number } = {}) =>
    verify(head, { at, lookup: () => documented, protocol: "rest-xml", ...options });
  const accepted = { credential: documented, region: "us-east-1", service: "s3" };

  test.each([
    [
      "GET Object with a range",
      request("GET", "/test.txt", {
        host,
        range: "bytes=0-9",
        "x-amz-content-sha256": empty,
        "x-amz-date": "20130524T000000Z",
        authorization: authorization(
          "host;range;x-amz-content-sha256;x-amz-date",
          "f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb41",
        ),
      }),
    ],
    [
      "PUT Object with a $ in its key, dated by the Date header",
      request("PUT", "/test$file.text", {
        host,
        date: "Fri, 24 May 2013 00:00:00 GMT",
        "x-amz-content-sha256": "44ce7dd67c959e0d3524ffac1771dfbba87d2b6b4b4e99e42034a8b803f8b072",
        "x-amz-date": "20130524T000000Z",
        "x-amz-storage-class": "REDUCED_REDUNDANCY",
        authorization: authorization(
          "date;host;x-amz-content-sha256;x-amz-date;x-amz-storage-class",
          "98ad721746da40c64f1a55b78f14c238d841ea1380cd77a1b5971af0ece108bd",
        ),
      }),
    ],
    [
      "GET Bucket lifecycle",
      request("GET", "/?lifecycle", {
        host,
        "x-amz-content-sha256": empty,
        "x-amz-date": "20130524T000000Z",
        authorization: authorization(
          "host;x-amz-content-sha256;x-amz-date",
          "fea454ca298b7da1c68078a5d1bdbfbbe0d65c699e0f91ac7a200a0136783543",
        ),
      }),
    ],
    [
      "GET Bucket",
      request("GET", "/?max-keys=2&prefix=J", {
        host,
        "x-amz-content-sha256": empty,
        "x-amz-date": "20130524T000000Z",
        authorization: authorization(
          "host;x-amz-content-sha256;x-amz-date",
          "34b48302e7b5fa45bde8084f4b7868a86f0a534bc59db6670ed5711ef69dc6f7",
        ),
      }),
    ],
    [
      "a presigned GET",
      request(
        "GET",
        "/test.txt?X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential=AKIAIOSFODNN7EXAMPLE%2F20130524%2Fus-east-1%2Fs3%2Faws4_request&X-Amz-Date=20130524T000000Z&X-Amz-Expires=86400&X-Amz-SignedHeaders=host&X-Amz-Signature=aeeed9bbccd4d02ee5c0109b86d86835f995330da4c265957d157751f604d404",
        { host },
      ),
    ],
  ])("%s", async (_, head) => {
    await expect(verifyDocumented(head)).resolves.toMatchObject(accepted);
  });

  test("Signature Version 2 in a query, the bucket being in the host", async () => {
    const head = request(
      "GET",
      "/photos/puppy.jpg?AWSAccessKeyId=AKIAIOSFODNN7EXAMPLE&Signature=NpgCjnDzrM%2BWFzoENXmpNDUsSn8%3D&Expires=1175139620",
      { host: "johnsmith.s3.amazonaws.com" },
    );
    await expect(verifyDocumented(head, { at: 1175139620_000, bucket: "johnsmith" })).resolves.toMatchObject(accepted);
    const inPath = await refusal(verifyDocumented(head, { at: 1175139620_000 }));
    expect(inPath.code).toBe("SignatureDoesNotMatch");
  });
});

/** The hash that the JavaScript SDK's signer asks for. */
class Sha256 {
  readonly #hash;
  constructor(secret?: string | ArrayBuffer | ArrayBufferView) {
    this.#hash = secret === undefined ? createHash("sha256") : createHmac("sha256", secret as Buffer);
  }
  update(data: string | Uint8Array) {
    this.#hash.update(data);
  }
  async digest() {
    return new Uint8Array(this.#hash.digest());
  }
  reset() {
    throw new Error("unused");
  }
}

describe("requests signed by the JavaScript SDK's signer", () => {
  const signer = (service: string, credential: Credential) =>
    new SignatureV4({
      service,
      region: "ap-northeast-2",
      credentials: credential,
      sha256: Sha256 as never,
      uriEscapePath: service !== "s3",
      applyChecksum: true,
    });
  const paths = ["/", "/a/b", "/a%20b/%ED%95%9C%EA%B8%80", "/x!'()*;:@&=+$,~y", "/a//b/./../c"];
  const queries: Record<string, string>[] = [{}, { b: "2", a: "x y/z+1", "": "?", "a-b": "ü*'" }];

  test.each([
    ["sagemaker", permanent],
    ["sagemaker", temporary],
    ["s3", permanent],
    ["s3", temporary],
  ] as const)("%s, headers and presigned (%o)", async (service, credential) => {
    const escape = (text: string) =>
      encodeURIComponent(text).replace(/[!'()*]/g, (c) => `%${c.charCodeAt(0).toString(16).toUpperCase()}`);
    for (const path of paths) {
      for (const query of queries) {
        const outgoing = {
          method: "POST",
          protocol: "http:",
          hostname: "127.0.0.1",
          port: 7243,
          path,
          query,
          headers: { host: "127.0.0.1:7243", "x-amz-meta-note": "two  spaces" },
          body: "payload",
        };
        const arrives = (sent: { headers: Record<string, string>; query?: unknown }) => {
          const sentQuery = Object.entries((sent.query ?? {}) as Record<string, string>);
          const url = `${path}?${sentQuery.map(([name, value]) => `${escape(name)}=${escape(value)}`).join("&")}`;
          return request("POST", url, sent.headers);
        };
        const options = { body: "payload", service, protocol: service === "s3" ? "rest-xml" : "json" } as const;
        const signingDate = new Date(signedAt);
        // The signer takes an S3 path as it will be sent; ours is only canonical when it is encoded.
        if (service === "s3" && path.includes("!")) continue;
        const signed = await signer(service, credential).sign(outgoing, { signingDate });
        await expect(verify(arrives(signed), options)).resolves.toMatchObject({ credential, region: "ap-northeast-2" });
        if (service !== "s3") continue;
        const presigned = await signer(service, credential).presign(
          { ...outgoing, headers: { ...outgoing.headers, "x-amz-content-sha256": "UNSIGNED-PAYLOAD" } },
          { signingDate, expiresIn: 60 },
        );
        // The signer has moved the headers into the query, where S3 reads them too.
        const verified = await verify(arrives({ ...presigned, headers: {} }), options);
        expect(verified.payload).toEqual({ kind: "unsigned" });
      }
    }
  });
});

/** Signs independently of the code under test. */
function sign(
  head: RequestHead,
  options: { payloadHash: string; path?: string; query?: string; service?: string; timestamp?: string; scope?: string },
): RequestHead {
  const { payloadHash, path = head.path, query = head.query, service = "sagemaker" } = options;
  const timestamp = options.timestamp ?? "20260102T030405Z";
  const scope = options.scope ?? `${timestamp.slice(0, 8)}/us-east-1/${service}/aws4_request`;
  const headers: Record<string, string> = { ...head.headers, "x-amz-date": timestamp };
  const names = Object.keys(headers).sort();
  const lines = names.map((name) => `${name}:${headers[name]}\n`).join("");
  const canonical = `${head.method}\n${path}\n${query}\n${lines}\n${names.join(";")}\n${payloadHash}`;
  let key: Buffer = Buffer.from(`AWS4${secretAccessKey}`);
  for (const part of scope.split("/")) key = createHmac("sha256", key).update(part).digest();
  const signature = createHmac("sha256", key)
    .update(
      `AWS4-HMAC-SHA256\n${timestamp}\n${scope}\n${createHash("sha256").update(canonical, "latin1").digest("hex")}`,
    )
    .digest("hex");
  return {
    ...head,
    headers: {
      ...headers,
      authorization: `AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/${scope}, SignedHeaders=${names.join(";")}, Signature=${signature}`,
    },
  };
}
const json = () =>
  sign(request("POST", "/", { "x-amz-target": "SageMaker.ListModels" }), { payloadHash: sha256("{}") });
const s3 = (headers: Record<string, string> = {}, payloadHash = "UNSIGNED-PAYLOAD") =>
  sign(request("PUT", "/b/k", { "x-amz-content-sha256": payloadHash, ...headers }), { payloadHash, service: "s3" });
const withHeaders = (head: RequestHead, headers: Record<string, string | undefined>): RequestHead => ({
  ...head,
  headers: Object.fromEntries(
    Object.entries({ ...head.headers, ...headers }).filter(
      (entry): entry is [string, string] => entry[1] !== undefined,
    ),
  ),
});
const withAuthorization = (head: RequestHead, change: (value: string) => string) =>
  withHeaders(head, { authorization: change(head.headers["authorization"]) });

describe("a request that is signed correctly", () => {
  test("may send a header twice", async () => {
    const head = sign(request("POST", "/", { "my-header": "b,a" }), { payloadHash: sha256("") });
    await expect(verify(withHeaders(head, { "my-header": "b, a" }))).resolves.toBeDefined();
    expect((await refusal(verify(withHeaders(head, { "my-header": "a, b" })))).code).toBe("InvalidSignatureException");
  });

  test("may have header values beyond ASCII, signed as the bytes that are sent", async () => {
    // "é" in UTF-8 is C3 A9, which node:http hands over as two characters.
    const head = sign(request("POST", "/", { "my-header": "caf\u00c3\u00a9" }), { payloadHash: sha256("") });
    await expect(verify(head)).resolves.toBeDefined();
  });

  test("may escape more of its path and query than it needs to, or less, when it signs the right form", async () => {
    const head = sign(request("GET", "/b/%41~!%2f", { "x-amz-content-sha256": "UNSIGNED-PAYLOAD" }), {
      payloadHash: "UNSIGNED-PAYLOAD",
      path: "/b/A~%21%2F",
      service: "s3",
      query: "prefix=a%20b~",
    });
    await expect(verify({ ...head, query: "prefix=a+b%7e" })).resolves.toBeDefined();
  });

  test("may be dated by the Date header alone", async () => {
    const date = "Fri, 02 Jan 2026 03:04:05 GMT";
    const head = sign(request("POST", "/", { date }), { payloadHash: sha256("") });
    const { "x-amz-date": _, ...headers } = head.headers;
    const unsigned = await refusal(verify({ ...head, headers }));
    expect(unsigned.code).toBe("InvalidSignatureException"); // x-amz-date was signed, and is gone

    const scope = "20260102/us-east-1/sagemaker/aws4_request";
    const canonical = `POST\n/\n\ndate:${date}\nhost:127.0.0.1:7243\n\ndate;host\n${sha256("")}`;
    let key: Buffer = Buffer.from(`AWS4${secretAccessKey}`);
    for (const part of scope.split("/")) key = createHmac("sha256", key).update(part).digest();
    const text = `AWS4-HMAC-SHA256\n20260102T030405Z\n${scope}\n${sha256(canonical)}`;
    const signature = createHmac("sha256", key).update(text).digest("hex");
    const authorization = `AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/${scope}, SignedHeaders=date;host, Signature=${signature}`;
    await expect(verify(request("POST", "/", { date, authorization }))).resolves.toMatchObject({ signedAt });
  });

  test("may be looked up without waiting or with", async () => {
    await expect(verify(json(), { body: "{}", lookup: async (id) => lookup(id) })).resolves.toBeDefined();
  });

  test("says how its body is framed", async () => {
    const chunked = { "x-amz-decoded-content-length": "5", "x-amz-trailer": "X-Amz-Checksum-Crc32" };
    const unsigned = await verify(s3(chunked, "STREAMING-UNSIGNED-PAYLOAD-TRAILER"));
    expect(unsigned.payload).toEqual({
      kind: "chunked-unsigned",
      trailer: true,
      decodedLength: 5,
      trailerNames: ["x-amz-checksum-crc32"],
    });
    const signed = await verify(s3({ "x-amz-decoded-content-length": "5" }, "STREAMING-AWS4-HMAC-SHA256-PAYLOAD"));
    expect(signed.payload).toMatchObject({
      kind: "chunked-signed",
      trailer: false,
      decodedLength: 5,
      trailerNames: [],
      timestamp: "20260102T030405Z",
      scope: "20260102/us-east-1/s3/aws4_request",
    });
  });
});

/** code, status and the beginning of the message, for each family of protocols */
const refusals: readonly [
  what: string,
  head: () => RequestHead,
  options: Partial<VerifyOptions> & { body?: string; at?: number },
  code: string,
  status: number,
  message: string,
][] = [
  [
    "no signature",
    () => request("POST", "/"),
    { protocol: "json" },
    "MissingAuthenticationTokenException",
    400,
    "Missing Authentication Token",
  ],
  [
    "no signature",
    () => request("POST", "/"),
    { protocol: "rest-json" },
    "MissingAuthenticationTokenException",
    403,
    "Missing Authentication Token",
  ],
  [
    "no signature",
    () => request("POST", "/"),
    { protocol: "query" },
    "MissingAuthenticationToken",
    403,
    "Request is missing Authentication Token",
  ],
  ["no signature", () => request("GET", "/b"), { protocol: "rest-xml" }, "AccessDenied", 403, "Access Denied"],
  [
    "a bearer token",
    () => request("POST", "/", { authorization: "Bearer abc" }),
    { protocol: "json" },
    "IncompleteSignatureException",
    400,
    "Unsupported AWS 'algorithm': 'Bearer'.",
  ],
  [
    "a bearer token",
    () => request("GET", "/b", { authorization: "Bearer abc" }),
    { protocol: "rest-xml" },
    "InvalidArgument",
    400,
    "Unsupported Authorization Type",
  ],
  [
    "Signature Version 4A",
    () => withAuthorization(json(), (value) => value.replace("AWS4-HMAC-SHA256", "AWS4-ECDSA-P256-SHA256")),
    { protocol: "json" },
    "IncompleteSignatureException",
    400,
    "Unsupported AWS 'algorithm': 'AWS4-ECDSA-P256-SHA256'. Signature Version 4A is not supported by Sagebrush; sign with AWS4-HMAC-SHA256.",
  ],
  [
    "Signature Version 4A in a query",
    () => request("GET", "/b/k?X-Amz-Algorithm=AWS4-ECDSA-P256-SHA256&X-Amz-Signature=1"),
    { protocol: "rest-xml" },
    "InvalidRequest",
    400,
    "The authorization mechanism you have provided is not supported. Please use AWS4-HMAC-SHA256. (Signature Version 4A, AWS4-ECDSA-P256-SHA256.)",
  ],
  [
    "Signature Version 2 in a header",
    () => request("GET", "/b/k", { authorization: "AWS AKIDEXAMPLE:frJIUN8DYpKDtOLCwo//yllqDzg=" }),
    { protocol: "rest-xml" },
    "InvalidRequest",
    400,
    "The authorization mechanism you have provided is not supported. Please use AWS4-HMAC-SHA256. (Signature Version 2 in the Authorization header.)",
  ],
  [
    "two signatures",
    () => ({ ...s3(), query: "X-Amz-Algorithm=AWS4-HMAC-SHA256" }),
    { protocol: "rest-xml" },
    "InvalidArgument",
    400,
    "Only one auth mechanism allowed;",
  ],
  [
    "a header without Signature and date",
    () =>
      withAuthorization(withHeaders(json(), { "x-amz-date": undefined }), (value) =>
        value.replace(/, Signature=.*/, ""),
      ),
    { protocol: "json" },
    "IncompleteSignatureException",
    400,
    "Authorization header requires 'Signature' parameter. Authorization header requires existence of either a 'X-Amz-Date' or a 'Date' header. (Hashed with SHA-256 and encoded with Base64) Authorization='",
  ],
  [
    "a header without Credential",
    () => withAuthorization(s3(), (value) => value.replace(/Credential=[^,]*, /, "")),
    { protocol: "rest-xml" },
    "AuthorizationHeaderMalformed",
    400,
    "The authorization header is malformed; the authorization header requires three components: Credential, SignedHeaders, and Signature.",
  ],
  [
    "a part without =",
    () => withAuthorization(json(), (value) => value.replace("Credential=", "Credential= ").replace("= ", "=, ")),
    { protocol: "json" },
    "IncompleteSignatureException",
    400,
    "'AKIDEXAMPLE/20260102/us-east-1/sagemaker/aws4_request' not a valid key=value pair (missing equal-sign) in Authorization header",
  ],
  [
    "a credential with a slash too many",
    () => withAuthorization(json(), (value) => value.replace("AKIDEXAMPLE/", "AKID/EXAMPLE/")),
    { protocol: "query" },
    "IncompleteSignature",
    400,
    "Credential must have exactly 5 slash-delimited elements, e.g. keyid/date/region/service/term, got 'AKID/EXAMPLE/20260102/us-east-1/sagemaker/aws4_request'",
  ],
  [
    "a credential with a slash too many",
    () => withAuthorization(s3(), (value) => value.replace("AKIDEXAMPLE/", "AKID/EXAMPLE/")),
    { protocol: "rest-xml" },
    "AuthorizationHeaderMalformed",
    400,
    'The authorization header is malformed; the Credential is mal-formed; expecting "<YOUR-AKID>/YYYYMMDD/REGION/SERVICE/aws4_request".',
  ],
  [
    "another terminator",
    () => withAuthorization(json(), (value) => value.replace("aws4_request", "aws5_request")),
    { protocol: "json" },
    "InvalidSignatureException",
    400,
    "Credential should be scoped with a valid terminator: 'aws4_request', not 'aws5_request'.",
  ],
  [
    "a signature for another service",
    () => json(),
    { protocol: "json", service: "logs" },
    "InvalidSignatureException",
    400,
    "Credential should be scoped to correct service: 'logs'. ",
  ],
  [
    "a signature for another service",
    () => s3(),
    { protocol: "rest-xml", service: "execute-api" },
    "AuthorizationHeaderMalformed",
    400,
    'The authorization header is malformed; incorrect service "s3". This endpoint belongs to "execute-api".',
  ],
  [
    "no date",
    () => withHeaders(json(), { "x-amz-date": undefined }),
    { protocol: "json" },
    "IncompleteSignatureException",
    400,
    "Authorization header requires existence of either a 'X-Amz-Date' or a 'Date' header.",
  ],
  [
    "no date",
    () => withHeaders(s3(), { "x-amz-date": undefined }),
    { protocol: "rest-xml" },
    "AccessDenied",
    403,
    "AWS authentication requires a valid Date or x-amz-date header",
  ],
  [
    "a date that is none",
    () => withHeaders(json(), { "x-amz-date": "20260230T030405Z" }),
    { protocol: "json" },
    "IncompleteSignatureException",
    400,
    "Date must be in ISO-8601 'basic format'. Got '20260230T030405Z'. See http://en.wikipedia.org/wiki/ISO_8601",
  ],
  [
    "a scope of another day",
    () => withAuthorization(json(), (value) => value.replace("/20260102/", "/20260101/")),
    { protocol: "query" },
    "SignatureDoesNotMatch",
    403,
    "Date in Credential scope does not match YYYYMMDD from ISO-8601 version of date from HTTP: '20260101' != '20260102', from '20260102T030405Z'.",
  ],
  [
    "a host that is not signed",
    () => withAuthorization(json(), (value) => value.replace("host;", "")),
    { protocol: "json" },
    "InvalidSignatureException",
    400,
    "'Host' or ':authority' must be a 'SignedHeader' in the AWS Authorization.",
  ],
  [
    "an S3 header that is not signed",
    () => withHeaders(s3(), { "x-amz-acl": "public-read" }),
    { protocol: "rest-xml" },
    "AccessDenied",
    403,
    "There were headers present in the request which were not signed",
  ],
  [
    "a signature of 15 minutes and a second ago",
    () => json(),
    { protocol: "json", body: "{}", at: signedAt + 901_000 },
    "InvalidSignatureException",
    400,
    "Signature expired: 20260102T030405Z is now earlier than 20260102T030406Z (20260102T031906Z - 15 min.)",
  ],
  [
    "a signature of the future",
    () => json(),
    { protocol: "query", body: "{}", at: signedAt - 901_000 },
    "SignatureDoesNotMatch",
    403,
    "Signature not yet current: 20260102T030405Z is still later than 20260102T030404Z (20260102T024904Z + 15 min.)",
  ],
  [
    "an S3 signature of long ago",
    () => s3(),
    { protocol: "rest-xml", at: signedAt + 901_000 },
    "RequestTimeTooSkewed",
    403,
    "The difference between the request time and the current time is too large.",
  ],
  [
    "an unknown key",
    () => withAuthorization(json(), (value) => value.replace("AKIDEXAMPLE", "AKIDUNKNOWN")),
    { protocol: "json", body: "{}" },
    "UnrecognizedClientException",
    400,
    "The security token included in the request is invalid.",
  ],
  [
    "an unknown key",
    () => withAuthorization(json(), (value) => value.replace("AKIDEXAMPLE", "AKIDUNKNOWN")),
    { protocol: "query", body: "{}" },
    "InvalidClientTokenId",
    403,
    "The security token included in the request is invalid.",
  ],
  [
    "an unknown key",
    () => withAuthorization(s3(), (value) => value.replace("AKIDEXAMPLE", "AKIDUNKNOWN")),
    { protocol: "rest-xml" },
    "InvalidAccessKeyId",
    403,
    "The AWS Access Key Id you provided does not exist in our records.",
  ],
  [
    "a temporary key without its token",
    () => withAuthorization(json(), (value) => value.replace("AKIDEXAMPLE", "ASIDEXAMPLE")),
    { protocol: "rest-json", body: "{}" },
    "UnrecognizedClientException",
    403,
    "The security token included in the request is invalid.",
  ],
  [
    "a temporary key with another token",
    () =>
      withHeaders(
        withAuthorization(s3(), (v) =>
          v.replace("AKIDEXAMPLE", "ASIDEXAMPLE").replace("x-amz-date", "x-amz-date;x-amz-security-token"),
        ),
        { "x-amz-security-token": "another" },
      ),
    { protocol: "rest-xml" },
    "InvalidToken",
    400,
    "The provided token is malformed or otherwise invalid.",
  ],
  [
    "a token with a permanent key",
    () => withHeaders(json(), { "x-amz-security-token": "stale" }),
    { protocol: "json", body: "{}" },
    "UnrecognizedClientException",
    400,
    "The security token included in the request is invalid.",
  ],
  [
    "an S3 request that does not say what its body is",
    () => sign(request("PUT", "/b/k"), { payloadHash: sha256(""), service: "s3" }),
    { protocol: "rest-xml" },
    "InvalidRequest",
    400,
    "Missing required header for this request: x-amz-content-sha256",
  ],
  [
    "an S3 request with a made-up payload kind",
    () => s3({}, "STREAMING-AWS4-ECDSA-P256-SHA256-PAYLOAD"),
    { protocol: "rest-xml" },
    "InvalidArgument",
    400,
    "x-amz-content-sha256 must be UNSIGNED-PAYLOAD, ",
  ],
  [
    "a chunked body of unknown length",
    () => s3({}, "STREAMING-AWS4-HMAC-SHA256-PAYLOAD"),
    { protocol: "rest-xml" },
    "MissingContentLength",
    411,
    "You must provide the Content-Length HTTP header.",
  ],
  [
    "a wrong secret",
    () => s3(),
    { protocol: "rest-xml", lookup: () => ({ ...permanent, secretAccessKey: "another" }) },
    "SignatureDoesNotMatch",
    403,
    "The request signature we calculated does not match the signature you provided. Check your key and signing method.",
  ],
  [
    "an unsigned body where only S3 allows one",
    () =>
      sign(request("POST", "/", { "x-amz-content-sha256": "UNSIGNED-PAYLOAD" }), { payloadHash: "UNSIGNED-PAYLOAD" }),
    { protocol: "json", body: "{}" },
    "InvalidSignatureException",
    400,
    "The request signature we calculated does not match",
  ],
];

describe("a request is refused for", () => {
  test.each(refusals)("%s", async (_, head, options, code, status, message) => {
    const error = await refusal(verify(head(), options));
    expect([error.code, error.status]).toEqual([code, status]);
    expect(error.message.slice(0, message.length)).toBe(message);
  });

  test("expired credentials", async () => {
    const head = withHeaders(
      withAuthorization(json(), (value) => value.replace("AKIDEXAMPLE", "ASIDEXAMPLE")),
      { "x-amz-security-token": "a/session+token==" },
    );
    const lookup = () => ({ ...temporary, expiresAt: signedAt });
    const codes = ["json", "rest-json", "query"] as const;
    const found = await Promise.all(codes.map((protocol) => refusal(verify(head, { protocol, lookup }))));
    expect(found.map(({ code, status, message }) => [code, status, message])).toEqual([
      ["ExpiredTokenException", 400, "The security token included in the request is expired"],
      ["ExpiredTokenException", 403, "The security token included in the request is expired"],
      ["ExpiredToken", 403, "The security token included in the request is expired"],
    ]);
  });

  test("presigned parameters that S3 does not take", async () => {
    const parameters = {
      "X-Amz-Algorithm": "AWS4-HMAC-SHA256",
      "X-Amz-Credential": "AKIDEXAMPLE/20260102/us-east-1/s3/aws4_request",
      "X-Amz-Date": "20260102T030405Z",
      "X-Amz-Expires": "60",
      "X-Amz-SignedHeaders": "host",
      "X-Amz-Signature": "0".repeat(64),
    };
    const problem = async (changes: Record<string, string>) => {
      const query = new URLSearchParams({ ...parameters, ...changes }).toString();
      const { code, message } = await refusal(verify(request("GET", `/b/k?${query}`), { protocol: "rest-xml" }));
      return `${code}: ${message}`;
    };
    const tooLong =
      "X-Amz-Expires must be less than a week (in seconds); that is, the given X-Amz-Expires must be less than 604800 seconds";
    const malformed = "AuthorizationQueryParametersError: ";
    expect(await problem({ "X-Amz-Expires": "604801" })).toBe(malformed + tooLong);
    expect(await problem({ "X-Amz-Expires": "-1" })).toBe(`${malformed}X-Amz-Expires must be non-negative`);
    expect(await problem({ "X-Amz-Expires": "soon" })).toBe(`${malformed}X-Amz-Expires should be a number`);
    expect(await problem({ "X-Amz-Expires": "" })).toMatch(
      /^AuthorizationQueryParametersError: Query-string authentication version 4 requires/,
    );
    expect(await problem({ "X-Amz-Date": "2026-01-02T03:04:05Z" })).toMatch(
      /^AuthorizationQueryParametersError: X-Amz-Date must be/,
    );
    expect(await problem({ "X-Amz-Algorithm": "AWS4-HMAC-SHA1" })).toMatch(
      /^AuthorizationQueryParametersError: X-Amz-Algorithm only supports/,
    );
    expect(await problem({ "X-Amz-Credential": "AKID" })).toMatch(
      /^AuthorizationQueryParametersError: Error parsing the X-Amz-Credential parameter; the Credential is mal-formed/,
    );
    expect(await problem({ "X-Amz-Expires": "604800" })).toMatch(/^SignatureDoesNotMatch: /);
  });

  test("headers that S3 would act on and nobody signed, naming them", async () => {
    const error = await refusal(verify(withHeaders(s3(), { "x-amz-acl": "private", "x-amz-tagging": "a=b" })));
    expect(error.members).toEqual({ HeadersNotSigned: "x-amz-acl, x-amz-tagging" });
  });

  test("the wrong key, telling S3 clients what was signed", async () => {
    const { members } = await refusal(verify(s3(), { lookup: () => ({ ...permanent, secretAccessKey: "another" }) }));
    expect(members).toMatchObject({
      AWSAccessKeyId: "AKIDEXAMPLE",
      SignatureProvided: expect.stringMatching(/^[0-9a-f]{64}$/),
    });
    expect(members["CanonicalRequest"]).toMatch(/^PUT\n\/b\/k\n\nhost:127/);
    expect(members["StringToSign"]).toMatch(
      /^AWS4-HMAC-SHA256\n20260102T030405Z\n20260102\/us-east-1\/s3\/aws4_request\n/,
    );
  });
});

describe("the credential scope is read for routing, without verifying,", () => {
  test.each([
    ["from the header", json(), { accessKeyId: "AKIDEXAMPLE", region: "us-east-1", service: "sagemaker" }],
    [
      "from the query",
      request("GET", "/b?X-Amz-Credential=AK%2F20260102%2Feu-west-1%2Fs3%2Faws4_request"),
      { accessKeyId: "AK", region: "eu-west-1", service: "s3" },
    ],
    [
      "of Signature Version 2",
      request("GET", "/b/k?AWSAccessKeyId=AK&Signature=x&Expires=1"),
      { accessKeyId: "AK", region: "us-east-1", service: "s3" },
    ],
    [
      "of Signature Version 4A, which has no region",
      request("GET", "/b", {
        authorization: "AWS4-ECDSA-P256-SHA256 Credential=AK/20260102/s3/aws4_request, SignedHeaders=host, Signature=0",
      }),
      { accessKeyId: "AK", region: "*", service: "s3" },
    ],
    ["and is undefined for unsigned requests", request("GET", "/b?prefix=Signature"), undefined],
    ["and is undefined for other schemes", request("GET", "/b", { authorization: "Bearer x" }), undefined],
  ])("%s", (_, head, expected) => {
    expect(identifyCredentialScope(head)).toEqual(expected);
  });
});

test("times that do not exist are no timestamps", () => {
  expect(parseTimestamp("20240229T235959Z")).toBe(Date.UTC(2024, 1, 29, 23, 59, 59));
  for (const text of [
    "20230229T000000Z",
    "20240015T000000Z",
    "20241301T000000Z",
    "20240100T000000Z",
    "20240101T240000Z",
    "2024-01-01T00:00:00Z",
    "20240101T000000",
    "",
  ]) {
    expect(parseTimestamp(text)).toBeUndefined();
  }
});
