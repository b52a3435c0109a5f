/** A key encrypted by another: AES-256-GCM, `nonce || key || tag`, with a context that is authenticated and not kept. */
import { createCipheriv, createDecipheriv, randomBytes } from "node:crypto";

const algorithm = "aes-256-gcm";
const nonceBytes = 12;
const tagBytes = 16;

/** @param wrapping 32 bytes */
export function wrapKey(wrapping: Uint8Array, key: Uint8Array, context: string): string {
  const nonce = randomBytes(nonceBytes);
  const cipher = createCipheriv(algorithm, wrapping, nonce, { authTagLength: tagBytes }).setAAD(Buffer.from(context));
  return Buffer.concat([nonce, cipher.update(key), cipher.final(), cipher.getAuthTag()]).toString("base64url");
}

/** @throws Error when the wrapping key or the context is another, or the text is damaged */
export function unwrapKey(wrapping: Uint8Array, wrapped: string, context: string): Buffer {
  const bytes = Buffer.from(wrapped, "base64url");
  try {
    const cipher = createDecipheriv(algorithm, wrapping, bytes.subarray(0, nonceBytes), { authTagLength: tagBytes });
    cipher.setAAD(Buffer.from(context)).setAuthTag(bytes.subarray(-tagBytes));
    return Buffer.concat([cipher.update(bytes.subarray(nonceBytes, -tagBytes)), cipher.final()]);
  } catch (error) {
    throw new Error("a data key does not authenticate: its record is damaged, or belongs to another object", {
      cause: error,
    });
  }
}
