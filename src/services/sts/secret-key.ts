/**
 * The secret of a data directory: 32 random bytes in `secret-key`, mode 0600, made on the first start. Whatever the server
 * signs or encrypts for itself is done with keys derived from it, one per purpose, so that it is good after a restart too.
 */
import { hkdfSync, randomBytes } from "node:crypto";
import { join } from "node:path";
import { loadOrCreatePrivateFile } from "./private-file.ts";

const bytes = 32;
const what = "the server's secret key";
const reset = "delete the file to get a new key at the next start (what runs then loses its credentials)";

export type Purpose = "workload credentials" | "authorization messages" | "verification";

export class SecretKey {
  readonly #key: Buffer;

  constructor(key: Buffer) {
    this.#key = key;
  }

  /** @throws Error when others can read the file or it is damaged, with the way out */
  static load(dataDirectory: string): SecretKey {
    const path = join(dataDirectory, "secret-key");
    const text = loadOrCreatePrivateFile(path, what, reset, () => `${randomBytes(bytes).toString("base64")}\n`);
    const key = Buffer.from(text, "base64");
    if (key.length !== bytes) throw new Error(`${path} is not a secret key file; ${reset}`);
    return new SecretKey(key);
  }

  /** 32 bytes that are this purpose's own. Source: RFC 5869. */
  derive(purpose: Purpose): Buffer {
    return Buffer.from(hkdfSync("sha256", this.#key, "", purpose, bytes));
  }
}
