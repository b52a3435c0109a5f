import { expect, test } from "vitest";
import { hashOf } from "../../../tests/support/s3.ts";
import {
  BodyMeter,
  checksumNames,
  combineChecksums,
  parseContentMd5,
  promisedChecksum,
  requirePromised,
  verifyBufferedBody,
  type ChecksumName,
} from "./checksums.ts";

function digest(algorithm: ChecksumName, text: string) {
  const meter = new BodyMeter(algorithm);
  meter.update(Buffer.from(text));
  return meter.digest();
}

const base64 = (hex: string) => Buffer.from(hex, "hex").toString("base64");

test("every algorithm gives its published value for 123456789, in base64", () => {
  const values = Object.fromEntries(checksumNames.map((name) => [name, digest(name, "123456789").checksum?.value]));
  expect(values).toEqual({
    CRC32: base64("cbf43926"),
    CRC32C: base64("e3069283"),
    CRC64NVME: base64("ae8b14860a799888"),
    SHA1: base64("f7c3bc1d808e04732adf679965ccc34ca7ae3441"),
    SHA256: base64("15e2b0d3c33891ebb0f1ef609ec419420c20e320ce94c65fbc8c3312448eb225"),
  });
});

test("a body is measured while it flows", () => {
  expect(digest("CRC32", "123456789")).toMatchObject({ size: 9, md5: "25f9e794323b453885f5181f1b624d0b" });
});

test("a checksum comes in its header, or in the trailer that x-amz-trailer announces", () => {
  const value = base64("cbf43926");
  expect(promisedChecksum({ ChecksumCRC32: value, ChecksumAlgorithm: "CRC32" }, {}, undefined)?.value()).toBe(value);
  const announced = { "x-amz-trailer": "x-amz-checksum-crc32" };
  const promised = promisedChecksum({}, announced, () => ({ "x-amz-checksum-crc32": value }));
  expect(promised?.algorithm).toBe("CRC32");
  expect(promised?.value()).toBe(value);
  expect(() => promisedChecksum({}, announced, () => ({}))?.value()).toThrow("trailing data");
});

test("checksums that contradict each other or are malformed are refused", () => {
  const value = base64("cbf43926");
  expect(() => promisedChecksum({ ChecksumCRC32: value, ChecksumCRC32C: value }, {}, undefined)).toThrow(
    "Multiple checksum Types are not allowed",
  );
  expect(() => promisedChecksum({ ChecksumCRC32: "AAAA" }, {}, undefined)).toThrow(
    "Value for x-amz-checksum-crc32 header is invalid.",
  );
  expect(() => promisedChecksum({ ChecksumAlgorithm: "CRC32" }, {}, undefined)).toThrow("no corresponding");
  expect(() => promisedChecksum({ ChecksumCRC32: value, ChecksumAlgorithm: "SHA1" }, {}, undefined)).toThrow(
    "x-amz-sdk-checksum-algorithm header is invalid",
  );
  expect(() => promisedChecksum({}, { "x-amz-trailer": "x-amz-checksum-xxhash64" }, undefined)).toThrow(
    "x-amz-checksum-xxhash64 is not supported",
  );
});

test("a body that is not what was promised is a bad digest", () => {
  const body = digest("CRC32", "123456789");
  const promise = (value: string) => ({ checksum: { algorithm: "CRC32" as const, value: () => value } });
  expect(() => requirePromised(body, { ...promise(base64("cbf43926")), size: 9 })).not.toThrow();
  expect(() => requirePromised(body, promise(base64("cbf43927")))).toThrow(
    "The CRC32 you specified did not match the calculated checksum.",
  );
  expect(() => requirePromised(body, { md5: "0".repeat(32) })).toThrow("The Content-MD5 you specified did not match");
  expect(() => requirePromised(body, { size: 10 })).toThrow("You did not provide the number of bytes");
});

test("Content-MD5 is 16 bytes in base64", () => {
  expect(parseContentMd5(base64("25f9e794323b453885f5181f1b624d0b"))).toBe("25f9e794323b453885f5181f1b624d0b");
  expect(() => parseContentMd5("not base64!")).toThrow("The Content-MD5 you specified was invalid.");
  expect(() => parseContentMd5(base64("25f9"))).toThrow("The Content-MD5 you specified was invalid.");
});

test("a body in memory is held to its headers", () => {
  const body = Buffer.from("<Delete/>");
  const md5 = hashOf("md5", body, "base64");
  const sha256 = hashOf("sha256", body, "base64");
  expect(() => verifyBufferedBody({ "content-md5": md5, "x-amz-checksum-sha256": sha256 }, body)).not.toThrow();
  expect(() => verifyBufferedBody({ "content-md5": md5 }, Buffer.from("<delete/>"))).toThrow("Content-MD5");
  expect(() => verifyBufferedBody({ "x-amz-checksum-sha256": sha256 }, Buffer.from("<delete/>"))).toThrow("SHA256");
});

test.each(["CRC32", "CRC32C", "CRC64NVME"] as const)("%s of parts joins to that of the whole", (algorithm) => {
  const texts = ["first part", "second", "", "and a last one"];
  const parts = texts.map((text) => ({ size: text.length, checksum: digest(algorithm, text).checksum! }));
  expect(combineChecksums(algorithm, "FULL_OBJECT", parts)).toEqual(digest(algorithm, texts.join("")).checksum);
});

test("a composite checksum is the checksum of the checksums, with the number of parts", () => {
  const parts = ["a", "b"].map((text) => ({ size: 1, checksum: digest("SHA256", text).checksum! }));
  const ofBoth = Buffer.from(hashOf("sha256", "a") + hashOf("sha256", "b"), "hex");
  expect(combineChecksums("SHA256", "COMPOSITE", parts)).toEqual({
    algorithm: "SHA256",
    value: `${hashOf("sha256", ofBoth, "base64")}-2`,
    type: "COMPOSITE",
  });
});
