/** Continuation tokens: the last entry of a page, wrapped so that clients do not read or build them. */
import { invalidArgument } from "./errors.ts";

/** Tells our tokens from arbitrary base64. */
const mark = "1:";

export function encodeToken(lastEntry: string): string {
  return Buffer.from(mark + lastEntry).toString("base64url");
}

/** @throws AwsError InvalidArgument for what this server did not issue */
export function decodeToken(token: string): string {
  const text = Buffer.from(token, "base64url").toString();
  if (text.startsWith(mark) && Buffer.from(text).toString("base64url") === token) return text.slice(mark.length);
  throw invalidArgument("continuation-token", token, "The continuation token provided is incorrect");
}
