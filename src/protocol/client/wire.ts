/** Values as they travel: what a client without the service descriptions can and cannot know about them. */

/** A JSON answer: timestamps are seconds since the epoch, blobs are base 64. */
export type JsonWire<Value> = Value extends Date
  ? number
  : Value extends Uint8Array
    ? string
    : Value extends readonly (infer Item)[]
      ? JsonWire<Item>[]
      : Value extends object
        ? { [Name in keyof Value]: JsonWire<Value[Name]> }
        : Value;

/** A query answer: every leaf is text, timestamps in ISO 8601. */
export type QueryWire<Value> = Value extends Date | Uint8Array | string | number | boolean
  ? string
  : Value extends readonly (infer Item)[]
    ? QueryWire<Item>[]
    : Value extends object
      ? { [Name in keyof Value]: QueryWire<Value[Name]> }
      : Value;

/** Dates to seconds and bytes to base 64, all the way down; undefined members are left out by JSON itself. */
export function toJsonWire(value: unknown): unknown {
  if (value instanceof Date) return value.getTime() / 1000;
  if (value instanceof Uint8Array) return toBase64(value);
  if (Array.isArray(value)) return value.map(toJsonWire);
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([name, member]) => [name, toJsonWire(member)]));
}

/** Flattens an input into the parameters of the query protocol: `Tags.member.1.Key=…`. */
export function toQueryParameters(value: unknown, path = ""): [name: string, value: string][] {
  if (value === undefined || value === null) return [];
  if (value instanceof Date) return [[path, value.toISOString()]];
  if (value instanceof Uint8Array) return [[path, toBase64(value)]];
  if (Array.isArray(value)) {
    // An empty list is sent as an empty parameter, to tell it from an absent one.
    if (value.length === 0) return [[path, ""]];
    return value.flatMap((item, index) => toQueryParameters(item, `${path}.member.${index + 1}`));
  }
  if (typeof value !== "object") return [[path, String(value as string | number | boolean)]];
  return Object.entries(value).flatMap(([name, member]) =>
    toQueryParameters(member, path === "" ? name : `${path}.${name}`),
  );
}

function toBase64(bytes: Uint8Array): string {
  let text = "";
  for (const byte of bytes) text += String.fromCharCode(byte);
  return btoa(text);
}
