/**
 * The cyclic redundancy checks of S3 that Node does not have, and the joining of checks of neighbouring parts.
 *
 * All are "reflected": the lowest bit is the highest power, registers start as all ones and are inverted at the end.
 * Eight bytes are folded at a time, each through its own table ("slicing-by-8": M. E. Kounavis, F. L. Berry, "A
 * Systematic Approach to Building High Performance Software-Based CRC Generators", ISCC 2005).
 */

/** Reflected generator polynomials. CRC32: IEEE 802.3; CRC32C: RFC 3720; CRC64NVME: NVM Express Base Specification 2.0. */
export const polynomials = {
  CRC32: { width: 32, polynomial: 0xedb88320n },
  CRC32C: { width: 32, polynomial: 0x82f63b78n },
  CRC64NVME: { width: 64, polynomial: 0x9a6c9329ac4bc9b5n },
} as const;

/** Tables k = 0..7: what a byte does to the register when k zero bytes follow it; 256 entries each, as 32-bit halves. */
function tables(width: 32 | 64, polynomial: bigint): { low: Uint32Array; high: Uint32Array } {
  const low = new Uint32Array(8 * 256);
  const high = new Uint32Array(8 * 256);
  for (let byte = 0; byte < 256; byte += 1) {
    let register = BigInt(byte);
    for (let bit = 0; bit < 8; bit += 1) register = register & 1n ? (register >> 1n) ^ polynomial : register >> 1n;
    low[byte] = Number(register & 0xffffffffn);
    high[byte] = width === 64 ? Number(register >> 32n) : 0;
  }
  for (let at = 256; at < 8 * 256; at += 1) {
    const before = at - 256;
    const last = low[before] & 0xff;
    low[at] = ((low[before] >>> 8) | (high[before] << 24)) ^ low[last];
    high[at] = (high[before] >>> 8) ^ high[last];
  }
  return { low, high };
}

let castagnoli: Uint32Array | undefined;

/**
 * CRC32C (Castagnoli) of `bytes`, going on from the CRC of the bytes before them.
 * @returns 0..2^32-1
 */
export function crc32c(bytes: Uint8Array, before = 0): number {
  const table = (castagnoli ??= tables(32, polynomials.CRC32C.polynomial).low);
  let crc = ~before;
  let at = 0;
  for (const end = bytes.length - 7; at < end; at += 8) {
    const word = crc ^ (bytes[at] | (bytes[at + 1] << 8) | (bytes[at + 2] << 16) | (bytes[at + 3] << 24));
    crc =
      table[1792 + (word & 0xff)] ^
      table[1536 + ((word >>> 8) & 0xff)] ^
      table[1280 + ((word >>> 16) & 0xff)] ^
      table[1024 + (word >>> 24)] ^
      table[768 + bytes[at + 4]] ^
      table[512 + bytes[at + 5]] ^
      table[256 + bytes[at + 6]] ^
      table[bytes[at + 7]];
  }
  for (; at < bytes.length; at += 1) crc = (crc >>> 8) ^ table[(crc ^ bytes[at]) & 0xff];
  return ~crc >>> 0;
}

let nvme: { low: Uint32Array; high: Uint32Array } | undefined;

/** CRC64NVME in two 32-bit halves: 64-bit integers of JavaScript are objects, fifty times slower here. */
export class Crc64Nvme {
  #low = ~0;
  #high = ~0;

  update(bytes: Uint8Array): void {
    const { low, high } = (nvme ??= tables(64, polynomials.CRC64NVME.polynomial));
    let l = this.#low;
    let h = this.#high;
    let at = 0;
    for (const end = bytes.length - 7; at < end; at += 8) {
      l ^= bytes[at] | (bytes[at + 1] << 8) | (bytes[at + 2] << 16) | (bytes[at + 3] << 24);
      h ^= bytes[at + 4] | (bytes[at + 5] << 8) | (bytes[at + 6] << 16) | (bytes[at + 7] << 24);
      const a = 1792 + (l & 0xff);
      const b = 1536 + ((l >>> 8) & 0xff);
      const c = 1280 + ((l >>> 16) & 0xff);
      const d = 1024 + (l >>> 24);
      const e = 768 + (h & 0xff);
      const f = 512 + ((h >>> 8) & 0xff);
      const g = 256 + ((h >>> 16) & 0xff);
      const i = h >>> 24;
      l = low[a] ^ low[b] ^ low[c] ^ low[d] ^ low[e] ^ low[f] ^ low[g] ^ low[i];
      h = high[a] ^ high[b] ^ high[c] ^ high[d] ^ high[e] ^ high[f] ^ high[g] ^ high[i];
    }
    for (; at < bytes.length; at += 1) {
      const index = (l ^ bytes[at]) & 0xff;
      l = ((l >>> 8) | (h << 24)) ^ low[index];
      h = (h >>> 8) ^ high[index];
    }
    this.#low = l;
    this.#high = h;
  }

  /** Eight bytes, the most significant first. */
  digest(): Buffer {
    const bytes = Buffer.alloc(8);
    bytes.writeUInt32BE(~this.#high >>> 0, 0);
    bytes.writeUInt32BE(~this.#low >>> 0, 4);
    return bytes;
  }
}

/**
 * Computes the CRC of joined parts from the CRCs of the parts.
 *
 * With `n` bytes behind it a register is multiplied by x^(8n) modulo the polynomial; the start and end inversions cancel
 * out: crc(A B) = crc(A) * x^(8 |B|) + crc(B). Parts mostly have one size, so its power is kept.
 * Source: M. Adler, zlib, `crc32_combine`.
 */
export class CrcJoiner {
  readonly #width: number;
  readonly #polynomial: bigint;
  readonly #powers = new Map<number, bigint>();

  constructor({ width, polynomial }: { readonly width: 32 | 64; readonly polynomial: bigint }) {
    this.#width = width;
    this.#polynomial = polynomial;
  }

  /** @param bytesOfSecond length of the part that `second` is the CRC of */
  join(first: Buffer, second: Buffer, bytesOfSecond: number): Buffer {
    const joined = this.#multiply(toBigInt(first), this.#shift(bytesOfSecond)) ^ toBigInt(second);
    return Buffer.from(joined.toString(16).padStart(this.#width / 4, "0"), "hex");
  }

  /** x^(8 * bytes) modulo the polynomial, by repeated squaring. */
  #shift(bytes: number): bigint {
    const known = this.#powers.get(bytes);
    if (known !== undefined) return known;
    const one = 1n << BigInt(this.#width - 1);
    let power = one;
    let square = one >> 8n;
    for (let left = BigInt(bytes); left > 0n; left >>= 1n) {
      if (left & 1n) power = this.#multiply(power, square);
      square = this.#multiply(square, square);
    }
    this.#powers.set(bytes, power);
    return power;
  }

  #multiply(a: bigint, b: bigint): bigint {
    let product = 0n;
    for (let mask = 1n << BigInt(this.#width - 1); mask > 0n; mask >>= 1n) {
      if (a & mask) product ^= b;
      b = b & 1n ? (b >> 1n) ^ this.#polynomial : b >> 1n;
    }
    return product;
  }
}

function toBigInt(bytes: Buffer): bigint {
  return BigInt(`0x${bytes.toString("hex")}`);
}
