/**
 * `NextToken`: where a list goes on, as opaque text. It holds a position and a digest of the query that it belongs to, so
 * that a token of another list, of other filters or of nobody is refused instead of giving a wrong page.
 */
import { createHash } from "node:crypto";
import { AwsError } from "../protocol/aws-error.ts";

/** A position is a few sort values. */
export type Position = readonly (string | number)[];

/** @param query everything that the pages of one list have in common; compared as JSON */
export function encodePaginationToken(query: unknown, position: Position): string {
  return Buffer.from(JSON.stringify([digest(query), ...position])).toString("base64url");
}

/**
 * @param shape `typeof` each value of the position
 * @throws ValidationException when the token was not made for this query
 */
export function decodePaginationToken(
  token: string,
  query: unknown,
  shape: readonly ("string" | "number")[],
): (string | number)[] {
  const [owner, ...position] = parse(token);
  const fits = position.length === shape.length && shape.every((type, index) => typeof position[index] === type);
  if (owner !== digest(query) || !fits) {
    throw new AwsError("ValidationException", "Invalid pagination token: it does not belong to this request");
  }
  return position as (string | number)[];
}

function parse(token: string): unknown[] {
  try {
    const value: unknown = JSON.parse(Buffer.from(token, "base64url").toString());
    return Array.isArray(value) ? value : [];
  } catch {
    // Not ours: refused like the token of another list.
    return [];
  }
}

function digest(query: unknown): string {
  return createHash("sha256").update(JSON.stringify(query)).digest("base64url").slice(0, 16);
}
