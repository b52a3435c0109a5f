/**
 * Reads one CBOR item (RFC 8949) into plain values: what RPC v2 requests are made of.
 *
 * Written for input that nobody vouches for: nesting is limited, no length or count is believed before the
 * bytes are there, map keys must be text and never touch a prototype. Tags other than 1 (epoch time) are refused:
 * no AWS description uses them, and big numbers and decimal fractions are ways to make a reader allocate.
 *
 * Ours, because the reader of `@smithy/core` is made for clients (it recurses without limit and follows a decimal
 * fraction's exponent to 2^28 digits), and importing it costs 105 ms and 17 MB at start (Node 20, two cores); the tests
 * check each against the other.
 */
import { isUtf8 } from "node:buffer";
import { checkDepth, Malformed } from "./malformed.ts";

/** A value with tag 1: seconds since the epoch. */
export class EpochTime {
  readonly seconds: number;

  constructor(seconds: number) {
    this.seconds = seconds;
  }
}

const indefinite = -1;
const breakByte = 0xff;

/**
 * @returns numbers (integers beyond 2^53 as the nearest double), strings, booleans, null, `Uint8Array`s (copies),
 *   arrays, objects without prototype, `EpochTime`; `undefined` reads as null
 * @throws Malformed unless `bytes` is exactly one well-formed item of these kinds
 */
export function readCbor(bytes: Uint8Array): unknown {
  const reader = new Reader(bytes);
  const value = reader.item(1);
  reader.end();
  return value;
}

class Reader {
  readonly #bytes: Buffer;
  #at = 0;

  constructor(bytes: Uint8Array) {
    this.#bytes = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  }

  end(): void {
    if (this.#at !== this.#bytes.length)
      throw new Malformed(`The CBOR body goes on after its end, at byte ${this.#at}`);
  }

  item(depth: number): unknown {
    const start = this.#at;
    const first = this.#take(1)[0];
    const major = first >> 5;
    const minor = first & 31;
    switch (major) {
      case 0:
        return this.#argument(minor, start);
      case 1:
        return -1 - this.#argument(minor, start);
      case 2:
      case 3: {
        const content = this.#string(major, minor, start);
        if (major === 2) return new Uint8Array(content);
        if (!isUtf8(content)) throw new Malformed(`The CBOR text at byte ${start} is not UTF-8`);
        return content.toString("utf8");
      }
      case 4:
        return this.#list(this.#count(minor, start, 1), depth);
      case 5:
        return this.#map(this.#count(minor, start, 2), depth);
      case 6:
        return this.#tagged(this.#argument(minor, start), start, depth);
      default:
        return this.#simple(minor, start);
    }
  }

  #take(count: number): Buffer {
    if (count > this.#bytes.length - this.#at)
      throw new Malformed(`The CBOR body ends within an item, at byte ${this.#at}`);
    this.#at += count;
    return this.#bytes.subarray(this.#at - count, this.#at);
  }

  #argument(minor: number, start: number): number {
    if (minor < 24) return minor;
    switch (minor) {
      case 24:
        return this.#take(1)[0];
      case 25:
        return this.#take(2).readUInt16BE();
      case 26:
        return this.#take(4).readUInt32BE();
      case 27:
        return Number(this.#take(8).readBigUInt64BE());
      default:
        throw new Malformed(`The CBOR length at byte ${start} is of no known kind`);
    }
  }

  /** How many elements a container has; each takes `bytesEach` at least, so a greater count cannot be true. */
  #count(minor: number, start: number, bytesEach: number): number {
    if (minor === 31) return indefinite;
    const count = this.#argument(minor, start);
    if (count * bytesEach > this.#bytes.length - this.#at) {
      throw new Malformed(`The CBOR container at byte ${start} claims ${count} elements, more than the body can hold`);
    }
    return count;
  }

  #atBreak(): boolean {
    if (this.#bytes[this.#at] !== breakByte) return false;
    this.#at += 1;
    return true;
  }

  #string(major: number, minor: number, start: number): Buffer {
    if (minor !== 31) return this.#take(this.#argument(minor, start));
    const chunks: Buffer[] = [];
    while (!this.#atBreak()) {
      const chunkStart = this.#at;
      const first = this.#take(1)[0];
      if (first >> 5 !== major || (first & 31) === 31)
        throw new Malformed(`Unexpected CBOR item within a string, at byte ${chunkStart}`);
      chunks.push(this.#take(this.#argument(first & 31, chunkStart)));
    }
    return Buffer.concat(chunks);
  }

  #list(count: number, depth: number): unknown[] {
    checkDepth(depth);
    const list: unknown[] = [];
    while (count === indefinite ? !this.#atBreak() : list.length < count) list.push(this.item(depth + 1));
    return list;
  }

  #map(count: number, depth: number): Record<string, unknown> {
    checkDepth(depth);
    const map = Object.create(null) as Record<string, unknown>;
    for (let index = 0; count === indefinite ? !this.#atBreak() : index < count; index += 1) {
      const start = this.#at;
      const key = this.item(depth + 1);
      if (typeof key !== "string") throw new Malformed(`The CBOR map key at byte ${start} is not text`);
      map[key] = this.item(depth + 1);
    }
    return map;
  }

  #tagged(tag: number, start: number, depth: number): EpochTime {
    checkDepth(depth);
    if (tag !== 1) throw new Malformed(`The CBOR tag ${tag} at byte ${start} is not allowed; only 1, epoch time, is`);
    const seconds = this.item(depth + 1);
    if (typeof seconds !== "number") throw new Malformed(`The CBOR time at byte ${start} is not a number`);
    return new EpochTime(seconds);
  }

  #simple(minor: number, start: number): unknown {
    switch (minor) {
      case 20:
        return false;
      case 21:
        return true;
      case 22:
      case 23:
        return null;
      case 25:
        return halfFloat(this.#take(2).readUInt16BE());
      case 26:
        return this.#take(4).readFloatBE();
      case 27:
        return this.#take(8).readDoubleBE();
      default:
        throw new Malformed(`Unexpected CBOR byte 0x${(0xe0 | minor).toString(16)} at byte ${start}`);
    }
  }
}

/** IEEE 754 binary16: one sign bit, five of exponent, ten of fraction. */
function halfFloat(bits: number): number {
  const sign = bits & 0x8000 ? -1 : 1;
  const exponent = (bits >> 10) & 31;
  const fraction = bits & 1023;
  if (exponent === 31) return fraction === 0 ? sign * Infinity : NaN;
  if (exponent === 0) return sign * fraction * 2 ** -24;
  return sign * (1 + fraction / 1024) * 2 ** (exponent - 15);
}
