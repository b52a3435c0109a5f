/** Keys of Signature Version 4 and the keyed hash they are used with. */
import { createHmac, hash } from "node:crypto";
import type { Credential } from "./credential.ts";

const blockSize = 64;
const digestSize = 32;
/** Longest text that is signed without allocating; a string to sign has about 150 characters. */
const textCapacity = 1024;

/**
 * A derived signing key, ready to sign.
 *
 * HMAC-SHA-256 (RFC 2104) written out as its two hashes over prepared buffers: with the one-shot `crypto.hash` that
 * takes 1.4 us where `createHmac` takes 2.6 us, and every request needs one.
 */
export class SigningKey {
  readonly #inner: Buffer;
  readonly #outer: Buffer;

  /** @param key at most 64 bytes */
  constructor(key: Uint8Array) {
    if (key.length > blockSize) throw new RangeError(`a signing key has at most ${blockSize} bytes, got ${key.length}`);
    this.#inner = Buffer.alloc(blockSize + textCapacity);
    this.#outer = Buffer.alloc(blockSize + digestSize);
    for (let at = 0; at < blockSize; at += 1) {
      const byte = at < key.length ? key[at] : 0;
      this.#inner[at] = byte ^ 0x36;
      this.#outer[at] = byte ^ 0x5c;
    }
  }

  /** @param text ASCII, at most 1024 characters @returns the signature, 64 hexadecimal digits */
  sign(text: string): string {
    if (text.length > textCapacity) throw new RangeError(`a string to sign has at most ${textCapacity} characters`);
    const length = this.#inner.write(text, blockSize, "latin1");
    this.#outer.set(hash("sha256", this.#inner.subarray(0, blockSize + length), "buffer"), blockSize);
    return hash("sha256", this.#outer, "hex");
  }
}

/**
 * Derives the key of one day, region and service from a secret.
 * Source: AWS, "Create a signed AWS API request", step "Derive a signing key".
 * @param date `YYYYMMDD`
 */
export function deriveSigningKey(secretAccessKey: string, date: string, region: string, service: string): SigningKey {
  let key = createHmac("sha256", `AWS4${secretAccessKey}`).update(date).digest();
  for (const part of [region, service, "aws4_request"]) key = createHmac("sha256", key).update(part).digest();
  return new SigningKey(key);
}

interface CachedKey {
  readonly secretAccessKey: string;
  readonly key: SigningKey;
}

/**
 * Signing keys by access key and scope.
 *
 * Bounded by two generations: when the young one is full it becomes the old one and the old one is forgotten. What is
 * in use moves back to the young one, so the result is that of an LRU list without its bookkeeping on every hit.
 */
export class SigningKeyCache {
  readonly #generationSize: number;
  #young = new Map<string, CachedKey>();
  #old = new Map<string, CachedKey>();

  /** @param capacity at most this many keys are kept (about 1.3 KB each) */
  constructor(capacity = 2048) {
    this.#generationSize = Math.max(1, Math.floor(capacity / 2));
  }

  get size(): number {
    return this.#young.size + this.#old.size;
  }

  /** @param scope `YYYYMMDD/region/service/aws4_request` */
  get(credential: Credential, scope: string): SigningKey {
    const name = `${credential.accessKeyId}/${scope}`;
    let cached = this.#young.get(name);
    // The secret is compared because an access key id may come back with another secret after the data directory is
    // replaced under a test or a restore.
    if (cached !== undefined && cached.secretAccessKey === credential.secretAccessKey) return cached.key;
    cached = this.#old.get(name);
    if (cached === undefined || cached.secretAccessKey !== credential.secretAccessKey) {
      const [date, region, service] = scope.split("/");
      const { secretAccessKey } = credential;
      cached = { secretAccessKey, key: deriveSigningKey(secretAccessKey, date, region, service) };
    }
    if (this.#young.size >= this.#generationSize) {
      this.#old = this.#young;
      this.#young = new Map();
    }
    this.#young.set(name, cached);
    this.#old.delete(name);
    return cached.key;
  }
}
