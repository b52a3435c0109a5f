/** The bytes of stored objects: in one blob, or in one blob for each part they were uploaded in. */
import { constants, existsSync, promises as fs } from "node:fs";
import type { FileHandle } from "node:fs/promises";
import { Readable } from "node:stream";
import { BlobMissing, type BlobStore } from "../../storage/blob-store.ts";
import type { RecordStore } from "../../storage/record-store.ts";
import type { Freeing } from "./freeing.ts";
import type { ByteRange } from "./ranges.ts";
import { joinedKey, type JoinedBody, type JoinedPart, type ObjectBody } from "./records.ts";

/** Bodies up to this size are read in one go: a stream costs more than their bytes. */
const maxBytesAtOnce = 64 * 2 ** 10;

/** Bytes of one blob, both ends inclusive. */
interface Piece {
  readonly blobId: string;
  readonly start: number;
  readonly end: number;
}

type Bytes = Pick<ObjectBody, "blobId" | "joined" | "size">;

export class ObjectBytes {
  readonly #records: RecordStore;
  readonly #blobs: BlobStore;
  readonly #freeing: Freeing;

  constructor(stores: { readonly records: RecordStore; readonly blobs: BlobStore; readonly freeing: Freeing }) {
    this.#records = stores.records;
    this.#blobs = stores.blobs;
    this.#freeing = stores.freeing;
  }

  /** The parts that an object was uploaded in; nothing for one that was not. @throws BlobMissing when it was replaced meanwhile */
  async parts({ joined }: Bytes): Promise<readonly JoinedPart[]> {
    if (joined === undefined) return [];
    const record = await this.#records.get<JoinedBody>(joinedKey(joined));
    if (record === undefined) throw new BlobMissing(joined);
    return record.body.parts;
  }

  async blobIds(object: Bytes): Promise<readonly string[]> {
    if (object.blobId !== undefined) return [object.blobId];
    return (await this.parts(object)).map(([, blobId]) => blobId);
  }

  /**
   * The bytes `start` to `end`, both inclusive: few at once, many as a stream that its receiver reads or destroys.
   * @throws BlobMissing when the object was replaced meanwhile
   */
  async open(object: Bytes, range?: ByteRange): Promise<Uint8Array | Readable> {
    const { start, end } = range ?? { start: 0, end: object.size - 1 };
    const length = end - start + 1;
    if (length === 0) return new Uint8Array(0);
    if (length > maxBytesAtOnce || object.blobId === undefined) return this.stream(object, range);
    const file = await this.#withFile(object.blobId, (path) => fs.open(path, "r"));
    try {
      return await readExactly(file, start, length);
    } finally {
      await file.close();
    }
  }

  async stream(object: Bytes, range?: ByteRange): Promise<Readable> {
    const { start, end } = range ?? { start: 0, end: object.size - 1 };
    // The stream is told its end although it would find it: it then takes no more memory than it needs.
    if (object.blobId !== undefined) {
      return end < start ? Readable.from([], { objectMode: false }) : this.#blobs.read(object.blobId, { start, end });
    }
    const release = this.#freeing.hold(object.joined!);
    try {
      const pieces = piecesOf(await this.parts(object), start, end);
      const stream = Readable.from(this.#readAll(pieces), { objectMode: false });
      return stream.once("close", release);
    } catch (error) {
      release();
      throw error;
    }
  }

  /** Copies the bytes to a new file; where the disk can, both share their blocks. @throws BlobMissing */
  async copyTo(object: Bytes, file: string): Promise<void> {
    if (object.blobId !== undefined) {
      await this.#withFile(object.blobId, (path) =>
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

  async *#readAll(pieces: readonly Piece[]): AsyncGenerator<Uint8Array> {
    for (const { blobId, start, end } of pieces) yield* await this.#blobs.read(blobId, { start, end });
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
      pieces.push({ blobId, start: Math.max(start - first, 0), end: Math.min(end - first, size - 1) });
    }
    first = next;
  }
  return pieces;
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
