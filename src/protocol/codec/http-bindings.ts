/**
 * The members of REST inputs and outputs that travel outside the body: in path labels, query parameters, headers
 * and the status code.
 */
import type { CompiledService } from "../compiled-service.ts";
import type { ShapeModel, ShapeReference } from "../service-model.ts";
import type { Structure } from "./codec.ts";
import { Malformed, within } from "./malformed.ts";
import { readBase64, textReader, textWriter, writeBase64 } from "./text-values.ts";
import { timestampFormat } from "./timestamps.ts";

/** What the bindings of an input read from. */
export interface BoundRequest {
  /** By label, decoded. */
  readonly labels: ReadonlyMap<string, string>;
  readonly parameters: readonly (readonly [name: string, value: string])[];
  /** By lower-case name. */
  readonly headers: Readonly<Record<string, string>>;
}

/** Reads every bound member that the request has into `input`. */
export type InputBinding = (request: BoundRequest, input: Structure) => void;

type MemberReader = (request: BoundRequest) => unknown;

/** Compiles the bindings of an input structure. */
export function compileInputBinding(service: CompiledService, shape: ShapeModel): InputBinding {
  const members = Object.entries(shape.members ?? {})
    .filter(([, reference]) => reference.location !== undefined)
    .map(([name, reference]) => ({ name, read: memberReader(service, name, reference) }));
  return (request, input) => {
    for (const { name, read } of members) {
      try {
        const value = read(request);
        if (value !== undefined) input[name] = value;
      } catch (error) {
        throw within(name, error);
      }
    }
  };
}

function memberReader(service: CompiledService, name: string, reference: ShapeReference): MemberReader {
  const wireName = reference.locationName ?? name;
  switch (reference.location!) {
    case "uri": {
      const read = textReader(service, reference, "iso8601");
      return ({ labels }) => mapDefined(labels.get(wireName), read);
    }
    case "querystring":
      return parameterReader(service, wireName, reference);
    case "header":
      return headerReader(service, wireName.toLowerCase(), reference);
    case "headers":
      return prefixReader(reference.locationName?.toLowerCase() ?? "");
    default:
      throw new Error(
        `service description ${service.name}: the input member ${name} cannot be bound to ${reference.location}`,
      );
  }
}

function mapDefined<T>(text: string | undefined, read: (text: string) => T): T | undefined {
  return text === undefined ? undefined : read(text);
}

function parameterReader(service: CompiledService, wireName: string, reference: ShapeReference): MemberReader {
  const shape = service.shape(reference.shape);
  if (shape.type === "map") return parameterMapReader(service, shape);
  const isList = shape.type === "list";
  const read = textReader(service, isList ? shape.member! : reference, "iso8601");
  return ({ parameters }) => {
    const values = parameters.filter(([key]) => key === wireName).map(([, value]) => value);
    if (values.length === 0) return undefined;
    return isList ? values.map(read) : read(values[0]);
  };
}

/** A map in the query string holds every parameter: of lists all values, of scalars the first. */
function parameterMapReader(service: CompiledService, shape: ShapeModel): MemberReader {
  const ofLists = service.shape(shape.value!.shape).type === "list";
  return ({ parameters }) => {
    if (parameters.length === 0) return undefined;
    const map = Object.create(null) as Record<string, string | string[]>;
    for (const [key, value] of parameters) {
      const before = map[key];
      if (Array.isArray(before)) before.push(value);
      else if (before === undefined) map[key] = ofLists ? [value] : value;
    }
    return map;
  };
}

function headerReader(service: CompiledService, header: string, reference: ShapeReference): MemberReader {
  if (reference.jsonvalue) return ({ headers }) => mapDefined(headers[header], readJsonHeader);
  const shape = service.shape(reference.shape);
  if (shape.type === "list") return headerListReader(service, header, shape.member!);
  const read = textReader(service, reference, "rfc822");
  const isText = shape.type === "string" || shape.type === "character";
  // An empty header says nothing about a number, a boolean or a time.
  return ({ headers }) => mapDefined(headers[header], (text) => (text === "" && !isText ? undefined : read(text)));
}

function headerListReader(service: CompiledService, header: string, element: ShapeReference): MemberReader {
  const read = textReader(service, element, "rfc822");
  const split = isHttpDate(service, element) ? splitDates : splitList;
  return ({ headers }) => mapDefined(headers[header], (text) => (text.trim() === "" ? [] : split(text).map(read)));
}

function isHttpDate(service: CompiledService, reference: ShapeReference): boolean {
  const shape = service.shape(reference.shape);
  return shape.type === "timestamp" && timestampFormat(reference, shape, "rfc822") === "rfc822";
}

/** HTTP dates hold a comma of their own, so every second one separates. */
function splitDates(text: string): string[] {
  const parts = text.split(",").map((part) => part.trim());
  if (parts.length % 2 !== 0) throw new Malformed("The header is not a list of dates");
  return parts.flatMap((part, index) => (index % 2 === 0 ? [`${part}, ${parts[index + 1]}`] : []));
}

/** `a, "b, c", "say \"d\""` has the elements `a`, `b, c` and `say "d"`. */
function splitList(text: string): string[] {
  const elements: string[] = [];
  let at = 0;
  for (;;) {
    const start = skipSpace(text, at);
    const quoted = text[start] === '"';
    const comma = text.indexOf(",", quoted ? closingQuote(text, start) : start);
    const end = comma === -1 ? text.length : comma;
    const element = text.slice(start, end).trim();
    // A quote opens or closes an element; anywhere else it makes the list ambiguous.
    if (quoted ? !element.endsWith('"') : element.includes('"')) throw notAList();
    elements.push(quoted ? element.slice(1, -1).replace(/\\(.)/g, "$1") : element);
    if (comma === -1) return elements;
    at = comma + 1;
  }
}

function skipSpace(text: string, from: number): number {
  let at = from;
  while (text[at] === " " || text[at] === "\t") at += 1;
  return at;
}

function closingQuote(text: string, opening: number): number {
  for (let at = opening + 1; at < text.length; at += 1) {
    if (text[at] === "\\") at += 1;
    else if (text[at] === '"') return at;
  }
  throw notAList();
}

function notAList(): Malformed {
  return new Malformed("The header is not a list of values separated by commas");
}

function readJsonHeader(text: string): unknown {
  try {
    return JSON.parse(Buffer.from(readBase64(text)).toString("utf8"));
  } catch (error) {
    throw error instanceof SyntaxError ? new Malformed(`The header is not base64 of JSON: ${error.message}`) : error;
  }
}

/** Headers by prefix, e.g. `x-amz-meta-`; an empty prefix takes every header. */
function prefixReader(prefix: string): MemberReader {
  return ({ headers }) => {
    let map: Record<string, string> | undefined;
    for (const name of Object.keys(headers)) {
      if (!name.startsWith(prefix)) continue;
      map ??= Object.create(null) as Record<string, string>;
      map[name.slice(prefix.length)] = headers[name];
    }
    return map;
  };
}

/** Writes the bound members of an output into headers; returns the status code when a member carries it. */
export type OutputBinding = (output: Structure, headers: Record<string, string>) => number | undefined;

/** Compiles the bindings of an output or error structure. */
export function compileOutputBinding(service: CompiledService, shape: ShapeModel): OutputBinding {
  const bound = Object.entries(shape.members ?? {}).filter(([, reference]) => reference.location !== undefined);
  const writers = bound
    .filter(([, { location }]) => location === "header" || location === "headers")
    // Headers by prefix come first, so that a member with a header of its own wins.
    .sort(([, a], [, b]) => Number(a.location === "header") - Number(b.location === "header"))
    .map(([name, reference]) => ({ name, write: headerWriter(service, name, reference) }));
  const status = bound.find(([, { location }]) => location === "statusCode")?.[0];
  return (output, headers) => {
    for (const { name, write } of writers) {
      const value = output[name];
      if (value !== undefined && value !== null) write(value as never, headers);
    }
    return status === undefined ? undefined : (output[status] as number | undefined);
  };
}

function headerWriter(
  service: CompiledService,
  name: string,
  reference: ShapeReference,
): (value: never, headers: Record<string, string>) => void {
  const header = (reference.locationName ?? name).toLowerCase();
  if (reference.location === "headers") {
    const prefix = reference.locationName?.toLowerCase() ?? "";
    return (map: Readonly<Record<string, string>>, headers) => {
      for (const key of Object.keys(map)) headers[prefix + key.toLowerCase()] = map[key];
    };
  }
  if (reference.jsonvalue) {
    return (value: unknown, headers) => {
      headers[header] = writeBase64(JSON.stringify(value));
    };
  }
  const shape = service.shape(reference.shape);
  if (shape.type === "list") {
    const write = headerElementWriter(service, shape.member!);
    return (list: readonly never[], headers) => {
      if (list.length > 0) headers[header] = list.map(write).join(", ");
    };
  }
  const write = textWriter(service, reference, "rfc822");
  return (value, headers) => {
    headers[header] = write(value);
  };
}

/** An element of a header list; text with a comma, a quote or space around it is quoted. */
function headerElementWriter(service: CompiledService, element: ShapeReference): (value: never) => string {
  const write = textWriter(service, element, "rfc822");
  const { type } = service.shape(element.shape);
  if (type !== "string" && type !== "character") return write;
  return (value) => {
    const text = write(value);
    return /[",]|^\s|\s$/.test(text) ? `"${text.replace(/(["\\])/g, "\\$1")}"` : text;
  };
}
