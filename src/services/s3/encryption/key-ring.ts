/**
 * The master keys of a data directory: whoever has this file can read what S3 encrypted, and without it nobody can.
 *
 * The file is JSON, mode 0600, made when something is encrypted for the first time, and durable before anything is
 * encrypted with it. New wrappings are made with its current key; old ones name the key that they were made with, so a
 * key that was replaced stays in the ring.
 */
import { randomBytes } from "node:crypto";
import { closeSync, fsyncSync, openSync, readFileSync, renameSync, rmSync, writeSync } from "node:fs";
import { dirname } from "node:path";
import { unwrapKey, wrapKey } from "./wrapped-key.ts";

const keyBytes = 32;

interface RingFile {
  readonly version: 1;
  /** Id of the key that wraps what is encrypted from now on. */
  readonly current: string;
  /** Base64, by id. */
  readonly keys: Readonly<Record<string, string>>;
}

export class KeyRing {
  readonly #file: string;
  #ring: RingFile | undefined;

  /** @param file its path; the folder must exist, the file need not */
  constructor(file: string) {
    this.#file = file;
  }

  /**
   * A key, wrapped by the current master key: `<id of the master key>.<base64url>`.
   * @param context authenticated: only with the same context is it unwrapped
   */
  wrap(key: Uint8Array, context: string): string {
    const { current, keys } = this.#read() ?? this.rotate();
    return `${current}.${wrapKey(Buffer.from(keys[current], "base64"), key, context)}`;
  }

  /** @throws Error when the master key is not in the ring, or wrapping or context is another */
  unwrap(wrapped: string, context: string): Buffer {
    const [id, text = ""] = wrapped.split(".");
    const keys = this.#read()?.keys ?? {};
    if (!Object.hasOwn(keys, id)) {
      throw new Error(`the master key ${id} is not in ${this.#file}: what was encrypted with it cannot be read`);
    }
    return unwrapKey(Buffer.from(keys[id], "base64"), text, context);
  }

  /** Makes a new master key the current one; the old ones stay. */
  rotate(): RingFile {
    const before = this.#read();
    const current = `k${Object.keys(before?.keys ?? {}).length + 1}`;
    const keys = { ...before?.keys, [current]: randomBytes(keyBytes).toString("base64") };
    const ring: RingFile = { version: 1, current, keys };
    writeDurably(this.#file, `${JSON.stringify(ring, undefined, 2)}\n`);
    this.#ring = ring;
    return ring;
  }

  #read(): RingFile | undefined {
    if (this.#ring !== undefined) return this.#ring;
    let text: string;
    try {
      text = readFileSync(this.#file, "utf8");
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
      throw error;
    }
    const ring = JSON.parse(text) as Partial<RingFile>;
    const usable = ring.version === 1 && ring.current !== undefined && ring.keys?.[ring.current] !== undefined;
    if (!usable) throw new Error(`${this.#file} is no key ring that this Sagebrush can read`);
    return (this.#ring = ring as RingFile);
  }
}

/** The new file whole or the old one: a half-written ring would be the loss of everything. */
function writeDurably(file: string, text: string): void {
  const temporary = `${file}.new`;
  rmSync(temporary, { force: true });
  const handle = openSync(temporary, "wx", 0o600);
  try {
    writeSync(handle, text);
    fsyncSync(handle);
  } finally {
    closeSync(handle);
  }
  renameSync(temporary, file);
  const folder = openSync(dirname(file), "r");
  try {
    fsyncSync(folder);
  } finally {
    closeSync(folder);
  }
}
