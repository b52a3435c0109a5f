import { randomBytes } from "node:crypto";
import { crc32 } from "node:zlib";
import { expect, test } from "vitest";
import { Crc64Nvme, crc32c, CrcJoiner, polynomials } from "./crc.ts";

const digits = Buffer.from("123456789");

/** The definition, bit by bit. */
function plain(bytes: Uint8Array, { width, polynomial }: { width: number; polynomial: bigint }): string {
  const ones = (1n << BigInt(width)) - 1n;
  let register = ones;
  for (const byte of bytes) {
    register ^= BigInt(byte);
    for (let bit = 0; bit < 8; bit += 1) register = register & 1n ? (register >> 1n) ^ polynomial : register >> 1n;
  }
  return (register ^ ones).toString(16).padStart(width / 4, "0");
}

function crc64(bytes: Uint8Array): string {
  const crc = new Crc64Nvme();
  crc.update(bytes);
  return crc.digest().toString("hex");
}

function bytesOf32(crc: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(crc);
  return bytes;
}

test("the published check values come out", () => {
  expect(crc32(digits).toString(16)).toBe("cbf43926");
  expect(crc32c(digits).toString(16)).toBe("e3069283");
  expect(crc64(digits)).toBe("ae8b14860a799888");
});

test("the test patterns of RFC 3720 appendix B.4 come out", () => {
  expect(crc32c(Buffer.alloc(32))).toBe(0x8a9136aa);
  expect(crc32c(Buffer.alloc(32, 0xff))).toBe(0x62a8ab43);
  expect(crc32c(Buffer.from(Array.from({ length: 32 }, (_, index) => index)))).toBe(0x46dd794e);
});

test.each([0, 1, 7, 8, 9, 63, 64, 65, 1000])("%i bytes agree with the bit-by-bit definition", (length) => {
  const bytes = randomBytes(length);
  expect(bytesOf32(crc32c(bytes)).toString("hex")).toBe(plain(bytes, polynomials.CRC32C));
  expect(crc64(bytes)).toBe(plain(bytes, polynomials.CRC64NVME));
});

test("it does not matter how the bytes are cut into chunks", () => {
  const bytes = randomBytes(5000);
  const crc = new Crc64Nvme();
  let small = 0;
  for (let at = 0; at < bytes.length; at += 123) {
    crc.update(bytes.subarray(at, at + 123));
    small = crc32c(bytes.subarray(at, at + 123), small);
  }
  expect(small).toBe(crc32c(bytes));
  expect(crc.digest().toString("hex")).toBe(crc64(bytes));
});

test.each([0, 1, 255, 4096, 70_001])(
  "checks of two parts join to that of the whole, %i bytes in the second",
  (length) => {
    const first = randomBytes(777);
    const second = randomBytes(length);
    const whole = Buffer.concat([first, second]);
    const joined32 = new CrcJoiner(polynomials.CRC32).join(bytesOf32(crc32(first)), bytesOf32(crc32(second)), length);
    expect(joined32).toEqual(bytesOf32(crc32(whole)));
    const joined32c = new CrcJoiner(polynomials.CRC32C).join(
      bytesOf32(crc32c(first)),
      bytesOf32(crc32c(second)),
      length,
    );
    expect(joined32c).toEqual(bytesOf32(crc32c(whole)));
    const joined64 = new CrcJoiner(polynomials.CRC64NVME).join(
      Buffer.from(crc64(first), "hex"),
      Buffer.from(crc64(second), "hex"),
      length,
    );
    expect(joined64.toString("hex")).toBe(crc64(whole));
  },
);
