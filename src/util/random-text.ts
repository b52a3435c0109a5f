import { randomInt } from "node:crypto";

/** Letters and digits of RFC 4648's base 32, none of which looks like another. */
export const base32Alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";

/** Unguessable text: `length` characters drawn evenly from `alphabet`. */
export function randomText(length: number, alphabet = base32Alphabet): string {
  return Array.from({ length }, () => alphabet[randomInt(alphabet.length)]).join("");
}
