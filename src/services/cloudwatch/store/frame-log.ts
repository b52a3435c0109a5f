/**
 * An append-only file of frames, each with its length and checksum: a frame that a crash cut off is found and dropped.
 * Frames that arrive while others are being written share the next fsync.
 */
import { open, type FileHandle } from "node:fs/promises";
import { crc32 } from "node:zlib";
import { StorageFull } from "../../../storage/record-store.ts";

const headerBytes = 8;
const maxFrameBytes = 64 * 2 ** 20;

interface Waiting {
  readonly payload: Uint8Array;
  readonly resolve: () => void;
  readonly reject: (error: unknown) => void;
}

export class FrameLog {
  readonly #file: FileHandle;
  #size: number;
  #waiting: Waiting[] = [];
  #writing: Promise<void> | undefined;
  /** Set when the file ends in something that could not be taken back: a frame behind it would never be read. */
  #broken: unknown;

  private constructor(file: FileHandle, size: number) {
    this.#file = file;
    this.#size = size;
  }

  /**
   * Opens or makes the file, hands over its frames in their order and cuts off what is torn behind them.
   * @param onFrame the payload is valid only during the call
   */
  static async open(path: string, onFrame: (payload: Buffer) => void): Promise<FrameLog> {
    const file = await open(path, "a+", 0o600);
    try {
      const { size } = await file.stat();
      const whole = await readFrames(file, size, onFrame);
      if (whole < size) await file.truncate(whole);
      return new FrameLog(file, whole);
    } catch (error) {
      await file.close();
      throw error;
    }
  }

  /** Bytes in the file. */
  get size(): number {
    return this.#size;
  }

  /** Resolves when the frame is durable. @throws StorageFull; the file is as it was before */
  append(payload: Uint8Array): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#waiting.push({ payload, resolve, reject });
      this.#writing ??= this.#write();
    });
  }

  /** Resolves when all frames given so far are durable or refused. */
  async settled(): Promise<void> {
    while (this.#writing !== undefined) await this.#writing;
  }

  async close(): Promise<void> {
    await this.settled();
    await this.#file.close();
  }

  async #write(): Promise<void> {
    // Requests that are being read at this moment come along.
    await new Promise((resolve) => setImmediate(resolve));
    while (this.#waiting.length > 0) {
      const group = this.#waiting;
      this.#waiting = [];
      try {
        await this.#writeGroup(group.map(({ payload }) => payload));
        for (const { resolve } of group) resolve();
      } catch (error) {
        for (const { reject } of group) reject(error);
      }
    }
    this.#writing = undefined;
  }

  async #writeGroup(payloads: readonly Uint8Array[]): Promise<void> {
    const parts = payloads.flatMap((payload) => [headerOf(payload), payload]);
    const length = parts.reduce((total, part) => total + part.byteLength, 0);
    if (this.#broken !== undefined) throw new Error("an earlier write failed half-way", { cause: this.#broken });
    try {
      // A file opened for appending is written at its end, whatever the position.
      for (let rest = Buffer.concat(parts, length); rest.length > 0;) {
        const { bytesWritten } = await this.#file.write(rest);
        rest = rest.subarray(bytesWritten);
      }
      await this.#file.datasync();
    } catch (error) {
      await this.#file.truncate(this.#size).catch((failure: unknown) => {
        this.#broken = failure;
      });
      const { code } = error as NodeJS.ErrnoException;
      if (code === "ENOSPC" || code === "EDQUOT") throw new StorageFull("metrics", { cause: error });
      throw error;
    }
    this.#size += length;
  }
}

function headerOf(payload: Uint8Array): Buffer {
  const header = Buffer.allocUnsafe(headerBytes);
  header.writeUInt32LE(payload.byteLength, 0);
  header.writeUInt32LE(crc32(payload), 4);
  return header;
}

/** A frame as it is written, for files that are written at once. */
export function frame(payload: Uint8Array): Buffer {
  return Buffer.concat([headerOf(payload), payload]);
}

/** @returns where the last whole frame ends */
async function readFrames(file: FileHandle, size: number, onFrame: (payload: Buffer) => void): Promise<number> {
  const header = Buffer.alloc(headerBytes);
  let position = 0;
  let payload = Buffer.alloc(64 * 1024);
  while (position + headerBytes <= size) {
    await file.read(header, 0, headerBytes, position);
    const length = header.readUInt32LE(0);
    if (length > maxFrameBytes || position + headerBytes + length > size) break;
    if (payload.length < length) payload = Buffer.alloc(length);
    const content = payload.subarray(0, length);
    await file.read(content, 0, length, position + headerBytes);
    if (crc32(content) !== header.readUInt32LE(4)) break;
    onFrame(content);
    position += headerBytes + length;
  }
  return position;
}
