import { createHash, createHmac } from "node:crypto";
import { describe, expect, test } from "vitest";
import { ManualClock } from "../../util/clock.ts";
import { AwsError } from "../aws-error.ts";
import { decodePayload, type PayloadExpectation } from "./payload.ts";
import { verifyRequest } from "./verify-request.ts";

/** The body in pieces of `size` bytes, whose ends mean nothing. */
async function* pieces(body: Uint8Array | string, size: number): AsyncGenerator<Uint8Array> {
  const bytes = Buffer.from(body as string, "latin1");
  for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size);
}

async function read(
  payload: PayloadExpectation,
  body: Uint8Array | string,
  options: { size?: number; decodedLength?: number } = {},
) {
  const { size = 100_000, ...rest } = options;
  const decoded = decodePayload(payload, pieces(body, size), rest);
  const parts: Uint8Array[] = [];
  for await (const part of decoded.body) parts.push(Buffer.from(part));
  return { body: Buffer.concat(parts), trailers: decoded.trailers() };
}

async function refusal(promise: Promise<unknown>): Promise<AwsError> {
  const error = await promise.then(
    () => undefined,
    (thrown: unknown) => thrown,
  );
  expect(error).toBeInstanceOf(AwsError);
  return error as AwsError;
}

const documentedSecret = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY";

/** The upload of AWS's documentation: 65 KB of the letter a in a chunk of 64 KB and one of 1 KB, 2013-05-24T00:00:00Z. */
async function documentedUpload(kind: string, signedHeaders: string, signature: string, extra: Record<string, string>) {
  const { payload } = await verifyRequest(
    {
      method: "PUT",
      path: "/examplebucket/chunkObject.txt",
      query: "",
      headers: {
        host: "s3.amazonaws.com",
        "x-amz-date": "20130524T000000Z",
        "x-amz-storage-class": "REDUCED_REDUNDANCY",
        "x-amz-content-sha256": kind,
        "content-encoding": "aws-chunked",
        "x-amz-decoded-content-length": "66560",
        authorization: `AWS4-HMAC-SHA256 Credential=AKIAIOSFODNN7EXAMPLE/20130524/us-east-1/s3/aws4_request,SignedHeaders=${signedHeaders},Signature=${signature}`,
        ...extra,
      },
    },
    {
      clock: new ManualClock(Date.UTC(2013, 4, 24)),
      bodySha256: () => Promise.reject(new Error("the body is not there yet")),
      lookup: (accessKeyId) => ({
        accessKeyId,
        secretAccessKey: documentedSecret,
        principal: { kind: "root", accountId: "", arn: "", userId: "", accessKeyId },
      }),
    },
  );
  return payload;
}
const documentedBody = (signatures: readonly string[], end: string) =>
  `10000;chunk-signature=${signatures[0]}\r\n${"a".repeat(65536)}\r\n` +
  `400;chunk-signature=${signatures[1]}\r\n${"a".repeat(1024)}\r\n` +
  `0;chunk-signature=${signatures[2]}\r\n${end}`;

describe("the signed chunked upload of AWS's documentation", () => {
  const upload = () =>
    documentedUpload(
      "STREAMING-AWS4-HMAC-SHA256-PAYLOAD",
      "content-encoding;content-length;host;x-amz-content-sha256;x-amz-date;x-amz-decoded-content-length;x-amz-storage-class",
      "4f232c4386841ef735655705268965c44a0e4690baa4adea153f7db9fa80a0a9",
      { "content-length": "66824" },
    );
  const signatures = [
    "ad80c730a21e5b8d04586a2213dd63b9a0e99e0e2307b0ade35a65485a288648",
    "0055627c9e194cb4542bae2aa5492e3c1575bbb81b612b7d234b86a503ef5497",
    "b6c6ea8a5354eaf15b3cb7646744f4275b71ea724fed81ceb9323e279d449df9",
  ];
  const body = documentedBody(signatures, "\r\n");

  test("is accepted, however its bytes arrive", async () => {
    expect(body.length).toBe(66824);
    for (const size of [1, 7, 1024, 65536, 100_000]) {
      const decoded = await read(await upload(), body, { size });
      expect(decoded.body.equals(Buffer.alloc(66560, "a"))).toBe(true);
      expect(decoded.trailers).toEqual({});
    }
  });

  test("is refused when a byte, a signature or the order of chunks differs", async () => {
    const payload = await upload();
    for (const changed of [
      body.replace("aaaa\r\n400", "aaab\r\n400"),
      body.replace(signatures[1], signatures[2]),
      documentedBody([signatures[0], signatures[1], signatures[1]], "\r\n"),
    ]) {
      expect((await refusal(read(payload, changed))).code).toBe("SignatureDoesNotMatch");
    }
  });

  test("is refused when it ends early, in a chunk, between chunks or before the last", async () => {
    const payload = await upload();
    for (const length of [40, 70, 30_000, 65_700, 66_800, 66_730]) {
      expect((await refusal(read(payload, body.slice(0, length)))).code).toBe("IncompleteBody");
    }
  });

  test("is refused when something follows it", async () => {
    const payload = await upload();
    expect((await refusal(read(payload, `${body}x-amz-checksum-crc32:AAAAAA==\r\n`))).code).toBe(
      "MalformedTrailerError",
    );
  });
});

describe("the signed chunked upload with a trailer of AWS's documentation", () => {
  const upload = () =>
    documentedUpload(
      "STREAMING-AWS4-HMAC-SHA256-PAYLOAD-TRAILER",
      "content-encoding;host;x-amz-content-sha256;x-amz-date;x-amz-decoded-content-length;x-amz-storage-class;x-amz-trailer",
      "106e2a8a18243abcf37539882f36619c00e2dfc72633413f02d3b74544bfeb8e",
      { "x-amz-trailer": "x-amz-checksum-crc32c" },
    );
  const signatures = [
    "b474d8862b1487a5145d686f57f013e54db672cee1c953b3010fb58501ef5aa2",
    "1c1344b170168f8e65b41376b44b20fe354e373826ccbbe2c1d40a8cae51e5c7",
    "2ca2aba2005185cf7159c6277faf83795951dd77a3a99e6e65d5c9f85863f992",
  ];
  const trailer = "x-amz-checksum-crc32c:sOO8/Q==";
  const trailerSignature = "x-amz-trailer-signature:d81f82fc3505edab99d459891051a732e8730629a2e4a59689829ca17fe2e435";

  test("is accepted with the trailer's lines ended in each of the ways that signers end them", async () => {
    const payload = await upload();
    for (const end of [
      `${trailer}\r\n${trailerSignature}\r\n\r\n`,
      `${trailer}\n\r\n${trailerSignature}\r\n\r\n`,
      `${trailer}\r\n${trailerSignature}`,
    ]) {
      const decoded = await read(payload, documentedBody(signatures, end), { size: 1000 });
      expect(decoded.body.length).toBe(66560);
      expect(decoded.trailers).toEqual({ "x-amz-checksum-crc32c": "sOO8/Q==" });
    }
  });

  test("is refused when the trailer is changed, unsigned, missing or has a line more", async () => {
    const payload = await upload();
    const code = async (end: string) => (await refusal(read(payload, documentedBody(signatures, end)))).code;
    expect(await code(`x-amz-checksum-crc32c:sOO8/A==\r\n${trailerSignature}\r\n`)).toBe("SignatureDoesNotMatch");
    expect(await code(`${trailer}\r\n`)).toBe("MalformedTrailerError");
    expect(await code("\r\n")).toBe("MalformedTrailerError");
    expect(await code(`${trailer}\r\n${trailer}\r\n${trailerSignature}\r\n`)).toBe("MalformedTrailerError");
    expect(await code(`${trailer}\r\nnot a header\r\n${trailerSignature}\r\n`)).toBe("MalformedTrailerError");
  });
});

describe("an unsigned chunked upload with a trailer", () => {
  const upload = (decodedLength: number, trailerNames = ["x-amz-checksum-crc32"]): PayloadExpectation => ({
    kind: "chunked-unsigned",
    trailer: true,
    decodedLength,
    trailerNames,
  });
  const end = "0\r\nx-amz-checksum-crc32:DUoRhQ==\r\n\r\n";

  test("is decoded", async () => {
    for (const size of [1, 3, 1000]) {
      const decoded = await read(upload(11), `b\r\nhello world\r\n${end}`, { size });
      expect(decoded.body.toString()).toBe("hello world");
      expect(decoded.trailers).toEqual({ "x-amz-checksum-crc32": "DUoRhQ==" });
    }
  });

  test("may be empty", async () => {
    expect((await read(upload(0), end)).body.length).toBe(0);
  });

  test("hands on bytes as they come, and its trailers only at the end", async () => {
    const decoded = decodePayload(upload(11), pieces(`b\r\nhello world\r\n${end}`, 5));
    const iterator = decoded.body[Symbol.asyncIterator]();
    expect(Buffer.from((await iterator.next()).value!).toString()).toBe("he");
    expect(() => decoded.trailers()).toThrow("trailers are known only after the body has been read to its end");
    await iterator.return!();
  });

  test("lets go of the connection when the reader stops", async () => {
    let released = false;
    async function* source() {
      try {
        yield Buffer.from("b\r\nhello");
        yield Buffer.from(" world\r\n");
      } finally {
        released = true;
      }
    }
    for await (const part of decodePayload(upload(11), source()).body) {
      expect(part.length).toBeGreaterThan(0);
      break;
    }
    expect(released).toBe(true);
  });

  test.each([
    ["longer than announced", upload(10), `b\r\nhello world\r\n${end}`, "IncompleteBody"],
    ["shorter than announced", upload(12), `b\r\nhello world\r\n${end}`, "IncompleteBody"],
    ["with a size that is no number", upload(11), `x\r\nhello world\r\n${end}`, "IncompleteBody"],
    ["with a size of more digits than a number has", upload(11), `${"f".repeat(14)}\r\n`, "IncompleteBody"],
    ["with a chunk longer than its size", upload(11), `a\r\nhello world\r\n${end}`, "IncompleteBody"],
    ["with a header without end", upload(11), "1".repeat(300), "IncompleteBody"],
    ["with signatures nobody asked for", upload(11), `b;chunk-signature=${"0".repeat(64)}\r\n`, "IncompleteBody"],
    ["with a trailer nobody announced", upload(11, []), `b\r\nhello world\r\n${end}`, "MalformedTrailerError"],
    ["without the trailer it announced", upload(11), "b\r\nhello world\r\n0\r\n\r\n", "MalformedTrailerError"],
    [
      "with endless trailers",
      upload(0),
      `0\r\n${Array.from({ length: 2000 }, (_, n) => `x-amz-meta-${n}: ${n}\r\n`).join("")}`,
      "MalformedTrailerError",
    ],
    ["that is empty", upload(0), "", "IncompleteBody"],
  ])("%s is refused", async (_, payload, body, code) => {
    expect((await refusal(read(payload, body, { size: 64 }))).code).toBe(code);
  });

  test("is refused when a chunk before the last is smaller than 8192 bytes, saying which", async () => {
    const chunk = (length: number) => `${length.toString(16)}\r\n${"a".repeat(length)}\r\n`;
    const error = await refusal(read(upload(16_383), chunk(8191) + chunk(8192) + end));
    expect(error).toMatchObject({
      code: "InvalidChunkSizeError",
      message: "Only the last chunk is allowed to have a size less than 8192 bytes",
      members: { Chunk: "2", BadChunkSize: "8191" },
    });
    expect((await read(upload(8193), chunk(8192) + chunk(1) + end)).body.length).toBe(8193);
  });
});

describe("a plain body", () => {
  const sha256 = (text: string) => createHash("sha256").update(text).digest("hex");

  test("is held to the hash that was signed", async () => {
    const payload: PayloadExpectation = { kind: "sha256", hex: sha256("hello") };
    expect((await read(payload, "hello", { size: 2 })).body.toString()).toBe("hello");
    const error = await refusal(read(payload, "hellp"));
    expect(error).toMatchObject({
      code: "XAmzContentSHA256Mismatch",
      status: 400,
      message: "The provided 'x-amz-content-sha256' header does not match what was computed.",
      members: { ClientComputedContentSHA256: sha256("hello"), S3ComputedContentSHA256: sha256("hellp") },
    });
  });

  test("is held to its announced length", async () => {
    expect((await read({ kind: "unsigned" }, "hello", { decodedLength: 5 })).body.toString()).toBe("hello");
    for (const decodedLength of [4, 6]) {
      const error = await refusal(read({ kind: "unsigned" }, "hello", { decodedLength }));
      expect(error).toMatchObject({ code: "IncompleteBody", members: { NumberBytesExpected: String(decodedLength) } });
    }
  });

  test("passes as it is when it was checked before", async () => {
    expect(await read({ kind: "checked" }, "hello")).toEqual({ body: Buffer.from("hello"), trailers: {} });
  });
});

test("chunk signatures are those of a signer written apart from the decoder", async () => {
  // Independent of the published example: several chunks, one of them not ASCII, and two trailers.
  const timestamp = "20130524T000000Z";
  const scope = "20130524/us-east-1/s3/aws4_request";
  const payload = (await documentedUpload(
    "STREAMING-AWS4-HMAC-SHA256-PAYLOAD-TRAILER",
    "content-encoding;host;x-amz-content-sha256;x-amz-date;x-amz-decoded-content-length;x-amz-storage-class;x-amz-trailer",
    "106e2a8a18243abcf37539882f36619c00e2dfc72633413f02d3b74544bfeb8e",
    { "x-amz-trailer": "x-amz-checksum-crc32c" },
  )) as Extract<PayloadExpectation, { kind: "chunked-signed" }>;
  let key: Buffer = Buffer.from(`AWS4${documentedSecret}`);
  for (const part of scope.split("/")) key = createHmac("sha256", key).update(part).digest();
  const digest = (data: string | Uint8Array) => createHash("sha256").update(data).digest("hex");
  let previous = payload.seedSignature;
  const chain = (lines: readonly string[]) =>
    (previous = createHmac("sha256", key).update(lines.join("\n")).digest("hex"));
  const chunks = [Buffer.alloc(8192, 0xff), Buffer.alloc(10_000, 7), Buffer.from("end"), Buffer.alloc(0)];
  const body = chunks.map((chunk, index) => {
    const signature = chain(["AWS4-HMAC-SHA256-PAYLOAD", timestamp, scope, previous, digest(""), digest(chunk)]);
    const header = Buffer.from(`${chunk.length.toString(16).toUpperCase()};chunk-signature=${signature}\r\n`);
    return Buffer.concat([header, chunk, Buffer.from(index === chunks.length - 1 ? "" : "\r\n")]);
  });
  const trailers = "x-amz-checksum-sha1:b\nx-amz-checksum-crc32c:a\n";
  chain(["AWS4-HMAC-SHA256-TRAILER", timestamp, scope, previous, digest(trailers)]);
  const all = Buffer.concat([
    ...body,
    Buffer.from(`${trailers.replaceAll("\n", "\r\n")}x-amz-trailer-signature:${previous}\r\n\r\n`),
  ]);

  const expectation = {
    ...payload,
    decodedLength: 18_195,
    trailerNames: ["x-amz-checksum-crc32c", "x-amz-checksum-sha1"],
  };
  const decoded = await read(expectation, all.toString("latin1"), { size: 777 });
  expect(decoded.body.equals(Buffer.concat(chunks))).toBe(true);
  expect(decoded.trailers).toEqual({ "x-amz-checksum-sha1": "b", "x-amz-checksum-crc32c": "a" });
});
