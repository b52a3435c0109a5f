/** The bytes of stored objects: in one blob, in their record when they are few, or in one blob for each part. */
import { constants, existsSync, promises as fs } from "node:fs";
import type { FileHandle } from "node:fs/promises";
import { Readable } from "node:stream";
import { BlobMissing, type BlobStore } from "../../storage/blob-store.ts";
import type { RecordStore } from "../../storage/record-store.ts";
import type { Encryptor } from "./encryption/object-encryption.ts";
import { saltBytes, sealedRange, sealedSize, unseal } from "./encryption/sealed-bytes.ts";
import type { Freeing } from "./freeing.ts";
import type { ByteRange } from "./ranges.ts";
import { joinedKey, type JoinedBody, type JoinedPart, type ObjectBody } from "./records.ts";

/** Bodies up to this size are read in one go: a stream costs more than their bytes. */
const maxBytesAtOnce = 64 * 2 ** 10;

/** Bytes of one blob, both ends inclusive. */
interface Piece extends ByteRange {
  readonly blobId: string;
  /** Bytes of the whole blob. */
  readonly size: number;
}

type Bytes = Pick<ObjectBody, "blobId" | "few" | "joined" | "size" | "encryption">;

interface Sized {
  readonly size: number;
  readonly encryption: Bytes["encryption"] | undefined;
}

interface Stores {
  readonly records: RecordStore;
  readonly blobs: BlobStore;
  readonly freeing: Freeing;
  readonly encryptor: Encryptor;
}

export class ObjectBytes {
  readonly #records: RecordStore;
  readonly #blobs: BlobStore;
  readonly #freeing: Freeing;
  readonly #encryptor: Encryptor;

  constructor({ records, blobs, freeing, encryptor }: Stores) {
    this.#records = records;
    this.#blobs = blobs;
    this.#freeing = freeing;
    this.#encryptor = encryptor;
  }

  /** The parts that an object was uploaded in; nothing for one that was not. @throws BlobMissing when it was replaced meanwhile */
  async parts({ joined }: Pick<Bytes, "joined">): Promise<readonly JoinedPart[]> {
    if (joined === undefined) return [];
    const record = await this.#records.get<JoinedBody>(joinedKey(joined));
    if (record === undefined) throw new BlobMissing(joined);
    return record.body.parts;
  }

  async blobIds(object: Pick<Bytes, "blobId" | "few" | "joined">): Promise<readonly string[]> {
    if (object.blobId !== undefined) return [object.blobId];
    if (object.few !== undefined) return [];
    return (await this.parts(object)).map(([, blobId]) => blobId);
  }

  /**
   * The bytes `start` to `end`, both inclusive: few at once, many as a stream that its receiver reads or destroys.
   * @throws BlobMissing when the object was replaced meanwhile
   */
  async open(object: Bytes, range?: ByteRange): Promise<Uint8Array | Readable> {
    const { start, end } = range ?? { start: 0, end: object.size - 1 };
    const { blobId, size } = object;
    if (end < start) return new Uint8Array(0);
    if (object.few !== undefined) return this.#few(object.few, { start, end, size }, await this.#dataKey(object));
    if (end - start >= maxBytesAtOnce || blobId === undefined) return this.stream(object, range);
    return this.#readAtOnce({ blobId, start, end, size }, await this.#dataKey(object));
  }

  async stream(object: Bytes, range?: ByteRange): Promise<Readable> {
    const { start, end } = range ?? { start: 0, end: object.size - 1 };
    if (end < start) return Readable.from([], { objectMode: false });
    const { blobId, size } = object;
    const dataKey = await this.#dataKey(object);
    if (object.few !== undefined) {
      return Readable.from([await this.#few(object.few, { start, end, size }, dataKey)], { objectMode: false });
    }
    if (blobId !== undefined) return this.#read({ blobId, start, end, size }, dataKey);
    const release = this.#freeing.hold(object.joined!);
    try {
      const pieces = piecesOf(await this.parts(object), start, end);
      const stream = Readable.from(this.#readAll(pieces, dataKey), { objectMode: false });
      return stream.once("close", release);
    } catch (error) {
      release();
      throw error;
    }
  }

  /** All bytes of an object with few of them, for verification. @throws Error when they have not the right size */
  async wholeFew(base64: string, { size, encryption }: Sized): Promise<Uint8Array> {
    if (encryption === undefined) return Buffer.from(base64, "base64");
    const stored = Buffer.byteLength(base64, "base64");
    if (stored !== sealedSize(size)) throw wrongSize(stored, size);
    if (size === 0) return new Uint8Array(0);
    return this.#few(base64, { start: 0, end: size - 1, size }, await this.#encryptor.dataKey(encryption));
  }

  /**
   * All bytes of one blob, whatever size the record says: for verification.
   * @throws BlobMissing; Error when a sealed blob has not the size that sealing makes
   */
  async whole(blobId: string, { size, encryption }: Sized): Promise<Readable> {
    if (encryption === undefined) return this.#blobs.read(blobId);
    const { size: onDisk } = await this.#withFile(blobId, (path) => fs.stat(path));
    if (onDisk !== sealedSize(size)) throw wrongSize(onDisk, size);
    return this.stream({ blobId, size, encryption });
  }

  /** Copies the bytes to a new file; where the disk can, both share their blocks. @throws BlobMissing */
  async copyTo(object: Bytes, file: string): Promise<void> {
    const { blobId, encryption } = object;
    if (blobId !== undefined && encryption === undefined) {
      await this.#withFile(blobId, (path) =>
        fs.copyFile(path, file, constants.COPYFILE_FICLONE | constants.COPYFILE_EXCL),
      );
      return;
    }
    const source = await this.stream(object);
    try {
      await fs.writeFile(file, source, { flag: "wx" });
    } finally {
      source.destroy();
    }
  }

  async #few(base64: string, range: ByteRange & { readonly size: number }, dataKey: Uint8Array | undefined) {
    const bytes = Buffer.from(base64, "base64");
    const { start, end, size } = range;
    if (dataKey === undefined) return bytes.subarray(start, end + 1);
    const sealed = sealedRange(range, size);
    return this.#opened(bytes.subarray(sealed.start, sealed.end + 1), {
      dataKey,
      salt: bytes.subarray(0, saltBytes),
      range,
      size,
    });
  }

  async #opened(sealed: Uint8Array, how: Parameters<typeof unseal>[1]): Promise<Uint8Array> {
    const opened: Uint8Array[] = [];
    for await (const chunk of unseal(oneChunk(sealed), how)) opened.push(chunk);
    return Buffer.concat(opened);
  }

  async #dataKey({ encryption }: Bytes): Promise<Uint8Array | undefined> {
    return encryption && this.#encryptor.dataKey(encryption);
  }

  async *#readAll(pieces: readonly Piece[], dataKey: Uint8Array | undefined): AsyncGenerator<Uint8Array> {
    for (const piece of pieces) yield* await this.#read(piece, dataKey);
  }

  async #read({ blobId, start, end, size }: Piece, dataKey: Uint8Array | undefined): Promise<Readable> {
    // The stream is told its end although it would find it: it then takes no more memory than it needs.
    if (dataKey === undefined) return this.#blobs.read(blobId, { start, end });
    const salt = await this.#readFile(blobId, 0, saltBytes);
    const sealed = await this.#blobs.read(blobId, sealedRange({ start, end }, size));
    const opened = Readable.from(unseal(sealed, { dataKey, salt, range: { start, end }, size }), { objectMode: false });
    return opened.once("close", () => sealed.destroy());
  }

  async #readAtOnce({ blobId, start, end, size }: Piece, dataKey: Uint8Array | undefined): Promise<Uint8Array> {
    if (dataKey === undefined) return this.#readFile(blobId, start, end - start + 1);
    const sealed = sealedRange({ start, end }, size);
    // In one go with the salt where the range begins in the first chunk, as that of every small object does.
    const whole = sealed.firstChunk === 0 ? await this.#readFile(blobId, 0, sealed.end + 1) : undefined;
    const salt = whole?.subarray(0, saltBytes) ?? (await this.#readFile(blobId, 0, saltBytes));
    const { start: from, end: to } = sealed;
    const body = whole?.subarray(saltBytes) ?? (await this.#readFile(blobId, from, to - from + 1));
    return this.#opened(body, { dataKey, salt, range: { start, end }, size });
  }

  /** @throws BlobMissing; Error when the file ends before: the blob is damaged */
  async #readFile(blobId: string, start: number, length: number): Promise<Uint8Array> {
    const file = await this.#withFile(blobId, (path) => fs.open(path, "r"));
    try {
      return await readExactly(file, start, length);
    } finally {
      await file.close();
    }
  }

  async #withFile<Result>(blobId: string, use: (path: string) => Promise<Result>): Promise<Result> {
    const path = this.#blobs.path(blobId);
    try {
      return await use(path);
    } catch (error) {
      // The other path of a copy may be what is missing.
      throw (error as NodeJS.ErrnoException).code === "ENOENT" && !existsSync(path) ? new BlobMissing(blobId) : error;
    }
  }
}

/** Where bytes `start` to `end` of the whole lie in its parts. */
function piecesOf(parts: readonly JoinedPart[], start: number, end: number): Piece[] {
  const pieces: Piece[] = [];
  let first = 0;
  for (const [, blobId, size] of parts) {
    const next = first + size;
    if (size > 0 && next > start && first <= end) {
      pieces.push({ blobId, size, start: Math.max(start - first, 0), end: Math.min(end - first, size - 1) });
    }
    first = next;
  }
  return pieces;
}

function wrongSize(stored: number, size: number): Error {
  return new Error(`an encrypted blob is damaged: it has ${stored} bytes instead of ${sealedSize(size)}`);
}

async function* oneChunk(bytes: Uint8Array): AsyncGenerator<Uint8Array> {
  yield bytes;
}

/** @throws Error when the file ends before: the blob is damaged */
async function readExactly(file: FileHandle, start: number, length: number): Promise<Uint8Array> {
  const bytes = Buffer.allocUnsafe(length);
  for (let at = 0; at < length;) {
    const { bytesRead } = await file.read(bytes, at, length - at, start + at);
    if (bytesRead === 0) throw new Error(`a blob is damaged: it ends at byte ${start + at}, before ${start + length}`);
    at += bytesRead;
  }
  return bytes;
}
