/**
 * Encrypted bytes that can be read from the middle and that cannot be changed, cut or rearranged unnoticed.
 *
 * A sealed blob is a random salt of 32 bytes and then chunks, each 64 KiB of plain bytes (the last one less) encrypted by
 * AES-256-GCM with its tag behind it. The key is derived from the object's data key and the salt, so that blobs of one
 * object (its parts) never share one; the nonce is the chunk's number and whether it is the last. That is the STREAM
 * construction: a chunk that is moved, or a blob that is cut, does not authenticate.
 *
 * Source: V. T. Hoang, R. Reyhanitabar, P. Rogaway, D. Vizár, "Online Authenticated-Encryption and its Nonce-Reuse
 * Misuse-Resistance", CRYPTO 2015; key derivation by HKDF-SHA256, RFC 5869.
 */
import { createCipheriv, createDecipheriv, hkdfSync, randomBytes } from "node:crypto";
import type { ByteRange } from "../ranges.ts";

export const saltBytes = 32;
export const chunkBytes = 64 * 2 ** 10;
const tagBytes = 16;
const algorithm = "aes-256-gcm";

/** Seals a stream. @param dataKey 32 bytes */
export async function* seal(
  source: AsyncIterable<Uint8Array> | Iterable<Uint8Array>,
  dataKey: Uint8Array,
): AsyncGenerator<Uint8Array> {
  const salt = randomBytes(saltBytes);
  const key = derivedKey(dataKey, salt);
  yield salt;
  // A full chunk is held until more comes: only then is it known not to be the last.
  let pending = Buffer.allocUnsafe(chunkBytes);
  let filled = 0;
  let index = 0;
  for await (const bytes of source) {
    for (let at = 0; at < bytes.length;) {
      if (filled === chunkBytes) {
        yield sealChunk(key, index++, false, pending);
        pending = Buffer.allocUnsafe(chunkBytes);
        filled = 0;
      }
      const taken = Math.min(bytes.length - at, chunkBytes - filled);
      pending.set(bytes.subarray(at, at + taken), filled);
      filled += taken;
      at += taken;
    }
  }
  yield sealChunk(key, index, true, pending.subarray(0, filled));
}

/** Bytes of a sealed blob. @param size plain bytes */
export function sealedSize(size: number): number {
  return saltBytes + size + tagBytes * chunkCount(size);
}

/** Which bytes of a sealed blob, behind its salt, hold a range of plain ones. */
export interface SealedRange extends ByteRange {
  readonly firstChunk: number;
}

/** @param size plain bytes of the blob, at least 1 */
export function sealedRange({ start, end }: ByteRange, size: number): SealedRange {
  const firstChunk = Math.floor(start / chunkBytes);
  const lastChunk = Math.floor(end / chunkBytes);
  const stride = chunkBytes + tagBytes;
  const lastBytes = Math.min(chunkBytes, size - lastChunk * chunkBytes);
  return {
    firstChunk,
    start: saltBytes + firstChunk * stride,
    end: saltBytes + lastChunk * stride + lastBytes + tagBytes - 1,
  };
}

/**
 * Opens sealed bytes.
 * @param source the bytes that `sealedRange` named
 * @param size plain bytes of the blob
 * @throws Error when they are damaged, before any byte of the damaged chunk is given out
 */
export async function* unseal(
  source: AsyncIterable<Uint8Array>,
  { dataKey, salt, range, size }: { dataKey: Uint8Array; salt: Uint8Array; range: ByteRange; size: number },
): AsyncGenerator<Uint8Array> {
  const key = derivedKey(dataKey, salt);
  const last = chunkCount(size) - 1;
  let index = Math.floor(range.start / chunkBytes);
  let waiting: Uint8Array[] = [];
  let waitingBytes = 0;
  const lengthOf = (chunk: number) => tagBytes + (chunk === last ? size - last * chunkBytes : chunkBytes);
  for await (const bytes of source) {
    waiting.push(bytes);
    waitingBytes += bytes.length;
    if (waitingBytes < lengthOf(index)) continue;
    let joined: Uint8Array = waiting.length === 1 ? waiting[0] : Buffer.concat(waiting);
    for (let length = lengthOf(index); index <= last && joined.length >= length; length = lengthOf(index)) {
      const plain = openChunk(key, index, index === last, joined.subarray(0, length));
      yield cut(plain, index * chunkBytes, range);
      joined = joined.subarray(length);
      index += 1;
    }
    waiting = [joined];
    waitingBytes = joined.length;
  }
  if (index <= Math.floor(range.end / chunkBytes)) throw damaged(index);
}

function chunkCount(size: number): number {
  return Math.max(1, Math.ceil(size / chunkBytes));
}

function cut(plain: Uint8Array, offset: number, { start, end }: ByteRange): Uint8Array {
  return plain.subarray(Math.max(0, start - offset), Math.min(plain.length, end - offset + 1));
}

function derivedKey(dataKey: Uint8Array, salt: Uint8Array): Buffer {
  return Buffer.from(hkdfSync("sha256", dataKey, salt, "sagebrush sealed blob", 32));
}

function nonceOf(index: number, isLast: boolean): Buffer {
  const nonce = Buffer.alloc(12);
  nonce.writeUIntBE(index, 5, 6);
  nonce[11] = isLast ? 1 : 0;
  return nonce;
}

function sealChunk(key: Uint8Array, index: number, isLast: boolean, plain: Uint8Array): Uint8Array {
  const cipher = createCipheriv(algorithm, key, nonceOf(index, isLast), { authTagLength: tagBytes });
  return Buffer.concat([cipher.update(plain), cipher.final(), cipher.getAuthTag()]);
}

function openChunk(key: Uint8Array, index: number, isLast: boolean, sealed: Uint8Array): Uint8Array {
  const decipher = createDecipheriv(algorithm, key, nonceOf(index, isLast), { authTagLength: tagBytes });
  decipher.setAuthTag(sealed.subarray(-tagBytes));
  const plain = decipher.update(sealed.subarray(0, -tagBytes));
  try {
    decipher.final();
  } catch (error) {
    throw damaged(index, error);
  }
  return plain;
}

function damaged(chunk: number, cause?: unknown): Error {
  return new Error(`an encrypted blob is damaged: its chunk ${chunk} does not authenticate`, { cause });
}
