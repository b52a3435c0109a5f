/**
 * Universal Binary JSON (https://ubjson.org, draft 12) as far as XGBoost's models need it: objects, arrays, strings,
 * numbers, and arrays of one number type, which become typed arrays.
 */

/** What a document consists of. Integers above 2^53 lose precision. */
export type UbjsonValue =
  | null
  | boolean
  | number
  | string
  | Float32Array
  | Float64Array
  | Int8Array
  | Uint8Array
  | Int16Array
  | Int32Array
  | readonly UbjsonValue[]
  | { readonly [key: string]: UbjsonValue };

const maxDepth = 64;

/** Bytes and reader of each number type. */
const numberTypes: Readonly<
  Record<string, { readonly size: number; readonly read: (view: DataView, at: number) => number }>
> = {
  i: { size: 1, read: (view, at) => view.getInt8(at) },
  U: { size: 1, read: (view, at) => view.getUint8(at) },
  I: { size: 2, read: (view, at) => view.getInt16(at) },
  l: { size: 4, read: (view, at) => view.getInt32(at) },
  L: { size: 8, read: (view, at) => Number(view.getBigInt64(at)) },
  d: { size: 4, read: (view, at) => view.getFloat32(at) },
  D: { size: 8, read: (view, at) => view.getFloat64(at) },
};

const arraysOf: Readonly<
  Record<string, (length: number) => Float32Array | Float64Array | Int8Array | Uint8Array | Int16Array | Int32Array>
> = {
  i: (length) => new Int8Array(length),
  U: (length) => new Uint8Array(length),
  I: (length) => new Int16Array(length),
  l: (length) => new Int32Array(length),
  L: (length) => new Float64Array(length),
  d: (length) => new Float32Array(length),
  D: (length) => new Float64Array(length),
};

/**
 * Decodes one document.
 *
 * @throws RangeError when the bytes end too early, a count exceeds what is left, nesting passes 64 levels, a type is
 *   unknown, or bytes follow the document
 */
export function decodeUbjson(bytes: Uint8Array): UbjsonValue {
  const decoder = new Decoder(bytes);
  const value = decoder.value(decoder.marker(), 0);
  decoder.expectEnd();
  return value;
}

class Decoder {
  readonly #bytes: Uint8Array;
  readonly #view: DataView;
  readonly #text = new TextDecoder("utf-8", { fatal: true });
  #at = 0;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  }

  /** The next type marker; no-ops are skipped. */
  marker(): string {
    for (;;) {
      this.#need(1);
      const marker = String.fromCharCode(this.#bytes[this.#at]);
      this.#at += 1;
      if (marker !== "N") return marker;
    }
  }

  value(marker: string, depth: number): UbjsonValue {
    if (depth > maxDepth) throw new RangeError(`it is nested deeper than ${maxDepth} levels`);
    if (Object.hasOwn(numberTypes, marker)) return this.#number(marker);
    switch (marker) {
      case "Z":
        return null;
      case "T":
        return true;
      case "F":
        return false;
      case "S":
        return this.#string();
      case "C":
        return String.fromCharCode(this.#number("U"));
      case "[":
        return this.#array(depth);
      case "{":
        return this.#object(depth);
      default:
        throw new RangeError(`there is an unknown type ${JSON.stringify(marker)} at byte ${this.#at - 1}`);
    }
  }

  expectEnd(): void {
    if (this.#at < this.#bytes.length) throw new RangeError(`${this.#bytes.length - this.#at} bytes follow its end`);
  }

  #array(depth: number): UbjsonValue {
    const { type, count } = this.#header();
    if (type !== undefined) return this.#typedArray(type, count ?? 0);
    const items: UbjsonValue[] = [];
    if (count !== undefined) {
      while (items.length < count) items.push(this.value(this.marker(), depth + 1));
      return items;
    }
    for (let marker = this.marker(); marker !== "]"; marker = this.marker()) items.push(this.value(marker, depth + 1));
    return items;
  }

  #typedArray(type: string, count: number): UbjsonValue {
    if (!Object.hasOwn(numberTypes, type))
      throw new RangeError(`arrays of type ${JSON.stringify(type)} are not supported`);
    const { size, read } = numberTypes[type];
    this.#need(count * size);
    const items = arraysOf[type](count);
    for (let at = 0; at < count; at += 1) items[at] = read(this.#view, this.#at + at * size);
    this.#at += count * size;
    return items;
  }

  #object(depth: number): UbjsonValue {
    const { type, count } = this.#header();
    const entries: [string, UbjsonValue][] = [];
    const add = () => {
      const key = this.#string();
      entries.push([key, this.value(type ?? this.marker(), depth + 1)]);
    };
    if (count !== undefined) while (entries.length < count) add();
    else {
      while (!this.#takes("}")) add();
    }
    return Object.fromEntries(entries);
  }

  /** `$type` and `#count` after an opening bracket; a count never exceeds the bytes left. */
  #header(): { type?: string; count?: number } {
    const type = this.#takes("$") ? this.marker() : undefined;
    if (!this.#takes("#")) {
      if (type !== undefined) throw new RangeError("a typed container has no count");
      return {};
    }
    return { type, count: this.#count() };
  }

  #string(): string {
    const length = this.#count();
    const text = this.#text.decode(this.#bytes.subarray(this.#at, this.#at + length));
    this.#at += length;
    return text;
  }

  #count(): number {
    const marker = this.marker();
    if (!"iUIlL".includes(marker)) throw new RangeError(`a length has type ${JSON.stringify(marker)}`);
    const count = this.#number(marker);
    if (count < 0) throw new RangeError(`a length is ${count}`);
    this.#need(count);
    return count;
  }

  #number(type: string): number {
    const { size, read } = numberTypes[type];
    this.#need(size);
    this.#at += size;
    return read(this.#view, this.#at - size);
  }

  #takes(marker: string): boolean {
    this.#need(1);
    if (this.#bytes[this.#at] !== marker.charCodeAt(0)) return false;
    this.#at += 1;
    return true;
  }

  #need(bytes: number): void {
    const left = this.#bytes.length - this.#at;
    if (bytes > left)
      throw new RangeError(`it needs ${bytes} more bytes at byte ${this.#at}, but only ${left} are left`);
  }
}

/** Encodes a document as XGBoost does: 64-bit lengths, counted arrays, the smallest integer type that fits. */
export function encodeUbjson(value: UbjsonValue): Buffer {
  const parts: Buffer[] = [];
  encode(value, parts);
  return Buffer.concat(parts);
}

function encode(value: UbjsonValue, parts: Buffer[]): void {
  if (value === null) parts.push(Buffer.from("Z"));
  else if (typeof value === "boolean") parts.push(Buffer.from(value ? "T" : "F"));
  else if (typeof value === "number") parts.push(encodeNumber(value));
  else if (typeof value === "string") parts.push(Buffer.from("S"), encodeString(value));
  else if (value instanceof Float32Array)
    parts.push(typedArray("d", value, 4, (to, item, at) => to.writeFloatBE(item, at)));
  else if (value instanceof Int32Array)
    parts.push(typedArray("l", value, 4, (to, item, at) => to.writeInt32BE(item, at)));
  else if (value instanceof Uint8Array)
    parts.push(typedArray("U", value, 1, (to, item, at) => to.writeUInt8(item, at)));
  else if (value instanceof Float64Array)
    parts.push(typedArray("L", value, 8, (to, item, at) => to.writeBigInt64BE(BigInt(item), at)));
  else if (Array.isArray(value)) {
    parts.push(Buffer.from("[#"), encodeLength(value.length));
    for (const item of value) encode(item, parts);
  } else {
    parts.push(Buffer.from("{"));
    for (const [key, item] of Object.entries(value)) {
      parts.push(encodeString(key));
      encode(item, parts);
    }
    parts.push(Buffer.from("}"));
  }
}

function encodeNumber(value: number): Buffer {
  const bytes = Buffer.alloc(9);
  if (!Number.isInteger(value)) {
    bytes.write("D");
    bytes.writeDoubleBE(value, 1);
    return bytes;
  }
  if (value >= -128 && value < 128) {
    bytes.write("i");
    bytes.writeInt8(value, 1);
    return bytes.subarray(0, 2);
  }
  if (value >= -(2 ** 31) && value < 2 ** 31) {
    bytes.write("l");
    bytes.writeInt32BE(value, 1);
    return bytes.subarray(0, 5);
  }
  bytes.write("L");
  bytes.writeBigInt64BE(BigInt(value), 1);
  return bytes;
}

function encodeLength(length: number): Buffer {
  const bytes = Buffer.alloc(9);
  bytes.write("L");
  bytes.writeBigInt64BE(BigInt(length), 1);
  return bytes;
}

function encodeString(text: string): Buffer {
  const content = Buffer.from(text);
  return Buffer.concat([encodeLength(content.length), content]);
}

function typedArray(
  type: string,
  items: ArrayLike<number>,
  size: number,
  write: (to: Buffer, item: number, at: number) => void,
): Buffer {
  const bytes = Buffer.alloc(items.length * size);
  for (let at = 0; at < items.length; at += 1) write(bytes, items[at], at * size);
  return Buffer.concat([Buffer.from(`[$${type}#`), encodeLength(items.length), bytes]);
}
