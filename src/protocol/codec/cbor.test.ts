import { cbor, tag } from "@smithy/core/cbor";
import { expect, test } from "vitest";
import { AwsError } from "../aws-error.ts";
import { loadServiceModel } from "../service-models.ts";
import { EpochTime, readCbor } from "./cbor-reader.ts";
import { CborWriter } from "./cbor-writer.ts";
import { createCodec } from "./index.ts";

const hex = (text: string): Uint8Array => Buffer.from(text.replaceAll(" ", ""), "hex");

// RFC 8949, appendix A.
test.each([
  ["00", 0],
  ["17", 23],
  ["18 18", 24],
  ["19 03e8", 1000],
  ["1a 000f4240", 1_000_000],
  ["1b 000000e8d4a51000", 1_000_000_000_000],
  ["20", -1],
  ["39 03e7", -1000],
  ["f9 0000", 0],
  ["f9 3c00", 1],
  ["f9 7bff", 65504],
  ["f9 0001", 5.960464477539063e-8],
  ["f9 c400", -4],
  ["f9 7c00", Infinity],
  ["f9 7e00", NaN],
  ["fa 47c35000", 100000],
  ["fb 3ff199999999999a", 1.1],
  ["f4", false],
  ["f5", true],
  ["f6", null],
  ["f7", null],
  ["60", ""],
  ["64 49455446", "IETF"],
  ["63 e6b0b4", "水"],
  ["44 01020304", new Uint8Array([1, 2, 3, 4])],
  ["5f 42 0102 43 030405 ff", new Uint8Array([1, 2, 3, 4, 5])],
  ["7f 65 7374726561 64 6d696e67 ff", "streaming"],
  ["80", []],
  ["83 01 82 0203 82 0405", [1, [2, 3], [4, 5]]],
  ["9f 01 82 0203 9f 0405 ff ff", [1, [2, 3], [4, 5]]],
  ["a2 61 61 01 61 62 82 0203", { a: 1, b: [2, 3] }],
  ["bf 61 61 01 61 62 9f 0203 ff ff", { a: 1, b: [2, 3] }],
  ["c1 1a 514b67b0", new EpochTime(1363896240)],
  ["c1 fb 41d452d9ec200000", new EpochTime(1363896240.5)],
])("%s reads as the RFC says", (bytes, value) => {
  expect(readCbor(hex(bytes))).toEqual(value);
});

test.each([
  ["", "ends within an item"],
  ["18", "ends within an item"],
  ["1c", "of no known kind"],
  ["42 01", "ends within an item"],
  ["61 ff", "not UTF-8"],
  ["9f 01", "ends within an item"],
  ["ff", "Unexpected CBOR byte 0xff"],
  ["f8 20", "Unexpected CBOR byte 0xf8"],
  ["01 02", "goes on after its end, at byte 1"],
  ["a1 01 02", "map key at byte 1 is not text"],
  ["bf 61 61 ff", "Unexpected CBOR byte 0xff"],
  ["7f 41 61 ff", "Unexpected CBOR item within a string"],
  ["7f 7f 61 61 ff ff", "Unexpected CBOR item within a string"],
  ["1f", "of no known kind"],
  ["c2 41 01", "tag 2 at byte 0 is not allowed"],
  ["c4 82 1a 0fffffff 01", "tag 4 at byte 0 is not allowed"],
  ["c1 61 61", "time at byte 0 is not a number"],
  // Lengths and counts that nobody could have sent.
  ["9b ffffffffffffffff", "more than the body can hold"],
  ["ba ffffffff", "more than the body can hold"],
  ["5b 7fffffffffffffff 00", "ends within an item"],
])("%s is refused", (bytes, message) => {
  expect(() => readCbor(hex(bytes))).toThrow(message);
});

test("nesting is limited, whatever it is made of", () => {
  expect(() => readCbor(hex("81".repeat(100) + "00"))).not.toThrow();
  for (const opener of ["81", "9f", "a1 61 61", "c1"]) {
    expect(() => readCbor(hex(opener.repeat(100_000) + "00"))).toThrow("nested deeper than 100 levels");
  }
});

test("__proto__ is a key like any other", () => {
  const map = readCbor(cbor.serialize(Object.fromEntries([["__proto__", { a: 1 }]]))) as Record<string, unknown>;
  expect(Object.keys(map)).toEqual(["__proto__"]);
  expect(Object.getPrototypeOf(map)).toBeNull();
});

test("what we write, Smithy's reader reads, and the other way round", () => {
  const value = {
    integers: [
      0,
      23,
      24,
      255,
      256,
      65535,
      65536,
      4294967295,
      4294967296,
      Number.MAX_SAFE_INTEGER,
      -1,
      -24,
      -25,
      -4294967297,
      Number.MIN_SAFE_INTEGER,
    ],
    decimals: [0.5, -1.1, 1e300, 5e-324],
    text: ["", "a".repeat(23), "a".repeat(24), "한글 😹".repeat(1000)],
    flags: [true, false, null],
    nested: { "": {}, a: [] },
  };
  const writer = new CborWriter();
  writer.plain(value);
  const bytes = writer.finish();
  expect(cbor.deserialize(bytes)).toEqual(value);
  expect(readCbor(cbor.serialize(value))).toEqual(value);
  expect(readCbor(bytes)).toEqual(value);
});

test("CloudWatch speaks RPC v2 CBOR both ways", () => {
  const service = loadServiceModel("cloudwatch");
  const codec = createCodec(service, "smithy-rpc-v2-cbor");
  const head = {
    method: "POST",
    path: "/service/GraniteServiceVersion20100801/operation/PutMetricData",
    query: "",
    headers: {},
  };
  const operation = codec.resolveOperation(head)!;
  expect(operation.name).toBe("PutMetricData");
  expect(codec.resolveOperation({ ...head, path: "/service/Other/operation/PutMetricData" })).toBeUndefined();
  expect(codec.resolveOperation({ ...head, method: "GET" })).toBeUndefined();

  const body = cbor.serialize({
    Namespace: "N",
    MetricData: [
      { MetricName: "m", Value: 1.5, Timestamp: tag({ tag: 1, value: 1422172800.25 }), StorageResolution: 1 },
    ],
    Extra: 1,
  });
  expect(codec.decode(operation, { ...head, body })).toEqual({
    Namespace: "N",
    MetricData: [{ MetricName: "m", Value: 1.5, Timestamp: new Date(1422172800250), StorageResolution: 1 }],
  });
  expect(() => codec.decode(operation, { ...head, body: cbor.serialize({ MetricData: [{ Value: "1" }] }) })).toThrow(
    expect.objectContaining({
      code: "SerializationException",
      message: "A string can not be converted to a Double at 'MetricData[0].Value'",
    }),
  );

  const ids = { requestId: "id-1" };
  expect(codec.encode(operation, undefined, ids)).toEqual({
    status: 200,
    headers: { "smithy-protocol": "rpc-v2-cbor", "x-amzn-requestid": "id-1" },
    body: undefined,
  });
  const statistics = codec.encode(
    service.operation("GetMetricStatistics")!,
    { Label: "m", Datapoints: [{ Timestamp: new Date(1422172800000), Average: 2 }] },
    ids,
  );
  expect(statistics.headers["content-type"]).toBe("application/cbor");
  expect(cbor.deserialize(statistics.body as Uint8Array)).toEqual({
    Label: "m",
    Datapoints: [{ Timestamp: expect.objectContaining({ tag: 1, value: 1422172800 }) as unknown, Average: 2 }],
  });
  const failure = codec.encodeError(operation, new AwsError("ResourceNotFound", "no such alarm"), ids);
  expect(failure.status).toBe(400);
  expect(cbor.deserialize(failure.body as Uint8Array)).toMatchObject({ message: "no such alarm" });
});

test("a compressed body is unfolded, and refused when it is no gzip", async () => {
  const { gzipSync } = await import("node:zlib");
  const service = loadServiceModel("cloudwatch");
  const codec = createCodec(service, "smithy-rpc-v2-cbor");
  const operation = service.operation("PutMetricData")!;
  const request = { method: "POST", path: "/", query: "", headers: { "content-encoding": "gzip" } };
  expect(codec.decode(operation, { ...request, body: gzipSync(cbor.serialize({ Namespace: "N" })) })).toEqual({
    Namespace: "N",
  });
  expect(() => codec.decode(operation, { ...request, body: cbor.serialize({ Namespace: "N" }) })).toThrow(
    expect.objectContaining({ code: "SerializationException" }),
  );
});
