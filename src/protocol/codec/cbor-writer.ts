/** Writes CBOR (RFC 8949) with definite lengths: the counterpart of `readCbor` for responses. */
import { EpochTime } from "./cbor-reader.ts";

/** A buffer that grows by doubling. */
export class CborWriter {
  #bytes = Buffer.allocUnsafe(1024);
  #length = 0;

  /** A view of what was written; the writer must not be used again. */
  finish(): Uint8Array {
    return new Uint8Array(this.#bytes.buffer, this.#bytes.byteOffset, this.#length);
  }

  mapHeader(entries: number): void {
    this.#header(5, entries);
  }

  listHeader(elements: number): void {
    this.#header(4, elements);
  }

  text(value: string): void {
    const length = Buffer.byteLength(value, "utf8");
    this.#header(3, length);
    this.#reserve(length);
    this.#bytes.write(value, this.#length, "utf8");
    this.#length += length;
  }

  blob(value: Uint8Array): void {
    this.#header(2, value.byteLength);
    this.#reserve(value.byteLength);
    this.#bytes.set(value, this.#length);
    this.#length += value.byteLength;
  }

  integer(value: number): void {
    if (!Number.isSafeInteger(value)) this.decimal(value);
    else if (value >= 0) this.#header(0, value);
    else this.#header(1, -1 - value);
  }

  decimal(value: number): void {
    this.#reserve(9);
    this.#bytes[this.#length] = 0xfb;
    this.#bytes.writeDoubleBE(value, this.#length + 1);
    this.#length += 9;
  }

  boolean(value: boolean): void {
    this.#byte(value ? 0xf5 : 0xf4);
  }

  null(): void {
    this.#byte(0xf6);
  }

  /** @param seconds since the epoch; whole ones are written as an integer */
  epochTime(seconds: number): void {
    this.#byte(0xc1);
    this.#number(seconds);
  }

  /** Any plain value: members of an error that has no shape. */
  plain(value: unknown): void {
    if (value === null || value === undefined) this.null();
    else if (typeof value === "string") this.text(value);
    else if (typeof value === "number") this.#number(value);
    else if (typeof value === "boolean") this.boolean(value);
    else if (value instanceof Uint8Array) this.blob(value);
    else if (value instanceof Date) this.epochTime(value.getTime() / 1000);
    else if (value instanceof EpochTime) this.epochTime(value.seconds);
    else if (Array.isArray(value)) {
      this.listHeader(value.length);
      for (const item of value) this.plain(item);
    } else if (typeof value === "object") {
      const entries = Object.entries(value).filter(([, item]) => item !== undefined);
      this.mapHeader(entries.length);
      for (const [key, item] of entries) {
        this.text(key);
        this.plain(item);
      }
    } else throw new TypeError(`a ${typeof value} cannot be written as CBOR`);
  }

  #number(value: number): void {
    if (Number.isInteger(value)) this.integer(value);
    else this.decimal(value);
  }

  #byte(value: number): void {
    this.#reserve(1);
    this.#bytes[this.#length] = value;
    this.#length += 1;
  }

  #header(major: number, argument: number): void {
    this.#reserve(9);
    const at = this.#length;
    const top = major << 5;
    if (argument < 24) {
      this.#bytes[at] = top | argument;
      this.#length += 1;
    } else if (argument < 0x100) {
      this.#bytes[at] = top | 24;
      this.#bytes[at + 1] = argument;
      this.#length += 2;
    } else if (argument < 0x10000) {
      this.#bytes[at] = top | 25;
      this.#bytes.writeUInt16BE(argument, at + 1);
      this.#length += 3;
    } else if (argument < 0x100000000) {
      this.#bytes[at] = top | 26;
      this.#bytes.writeUInt32BE(argument, at + 1);
      this.#length += 5;
    } else {
      this.#bytes[at] = top | 27;
      this.#bytes.writeBigUInt64BE(BigInt(argument), at + 1);
      this.#length += 9;
    }
  }

  #reserve(bytes: number): void {
    if (this.#length + bytes <= this.#bytes.length) return;
    const grown = Buffer.allocUnsafe(Math.max(this.#bytes.length * 2, this.#length + bytes));
    this.#bytes.copy(grown, 0, 0, this.#length);
    this.#bytes = grown;
  }
}
