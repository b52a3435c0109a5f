/** Paths and query strings of requests. */
import { Malformed } from "./malformed.ts";
import { shorten } from "./timestamps.ts";

/** Percent-decodes; `+` stays `+`, as paths want it. */
export function decodeUriPart(text: string): string {
  if (!text.includes("%")) return text;
  try {
    return decodeURIComponent(text);
  } catch (error) {
    if (error instanceof URIError) throw new Malformed(`"${shorten(text)}" is not percent-encoded UTF-8`);
    throw error;
  }
}

/** The parameters of a query string or form, in order, repeated ones included; `+` means a space. */
export function parseQuery(query: string): [name: string, value: string][] {
  if (query === "") return [];
  return query
    .split("&")
    .filter((pair) => pair !== "")
    .map((pair) => {
      const equals = pair.indexOf("=");
      const name = equals === -1 ? pair : pair.slice(0, equals);
      const value = equals === -1 ? "" : pair.slice(equals + 1);
      return [decodeFormPart(name), decodeFormPart(value)];
    });
}

function decodeFormPart(text: string): string {
  return decodeUriPart(text.includes("+") ? text.replaceAll("+", " ") : text);
}
