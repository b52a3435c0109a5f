/** IAM's pages: at most `MaxItems`, and a marker that says where the next one begins. */
import { AwsError } from "../../protocol/aws-error.ts";

export const defaultMaxItems = 100;

export interface Page<Item> {
  readonly items: readonly Item[];
  /** Members of the answer that tell the rest of the story. */
  readonly rest: { IsTruncated: boolean; Marker?: string };
}

/** Opaque to clients: the name after which to go on. */
export function writeMarker(name: string): string {
  return Buffer.from(name, "utf8").toString("base64url");
}

/** @throws AwsError ValidationError when no answer of ours had this marker */
export function readMarker(marker: string | undefined): string | undefined {
  if (marker === undefined) return undefined;
  const name = Buffer.from(marker, "base64url").toString("utf8");
  if (name === "" || writeMarker(name) !== marker) throw new AwsError("ValidationError", "Invalid Marker.");
  return name;
}

/** One page of a list that is in memory, sorted by name. */
export function pageOf<Item>(
  items: readonly Item[],
  nameOf: (item: Item) => string,
  input: { Marker?: string; MaxItems?: number },
): Page<Item> {
  const after = readMarker(input.Marker);
  const sorted = [...items].sort((a, b) => (nameOf(a) < nameOf(b) ? -1 : 1));
  const left = after === undefined ? sorted : sorted.filter((item) => nameOf(item) > after);
  const page = left.slice(0, input.MaxItems ?? defaultMaxItems);
  const last = page.at(-1);
  if (page.length === left.length || last === undefined) return { items: page, rest: { IsTruncated: false } };
  return { items: page, rest: { IsTruncated: true, Marker: writeMarker(nameOf(last)) } };
}
