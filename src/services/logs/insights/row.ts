/** A row on its way through a query: an event with the fields found in it, or what stats made. */
import type { StoredEvent } from "../events/stored-event.ts";
import { encodePointer } from "./record-pointer.ts";
import { Time, type Value, valueOfJson } from "./values.ts";

/** Whose events are scanned. */
export interface EventSource {
  readonly accountId: string;
  readonly group: string;
  readonly stream: string;
}

export class Row {
  readonly event: StoredEvent | undefined;
  readonly #source: EventSource | undefined;
  readonly #values = new Map<string, Value>();
  /** undefined until it was looked at, null when the message is no JSON. */
  #document: unknown;

  constructor(event?: StoredEvent, source?: EventSource) {
    this.event = event;
    this.#source = source;
  }

  /** Bytes that keeping the row costs, about. */
  get weight(): number {
    let weight = 300 + 2 * (this.event?.message.length ?? 0);
    for (const value of this.#values.values()) weight += typeof value === "string" ? 64 + 2 * value.length : 64;
    return weight;
  }

  set(name: string, value: Value): void {
    this.#values.set(name, value);
  }

  get(name: string): Value {
    if (this.#values.has(name)) return this.#values.get(name);
    if (name.startsWith("@")) {
      return this.event && this.#source && systemField(name, this.event, this.#source);
    }
    return this.#within(name) ?? (this.event === undefined ? undefined : this.#discovered(name, this.event));
  }

  /** `document.a.b` of a document that jsonParse made. */
  #within(name: string): Value {
    for (let dot = name.indexOf("."); dot !== -1; dot = name.indexOf(".", dot + 1)) {
      const value = this.#values.get(name.slice(0, dot));
      if (typeof value === "object" && !(value instanceof Time)) {
        return valueOfJson(walk(value, name.slice(dot + 1).split(".")));
      }
    }
    return undefined;
  }

  /** A field of a message that is JSON. */
  #discovered(name: string, { message }: StoredEvent): Value {
    if (this.#document === undefined) this.#document = parseObject(message);
    return this.#document === null ? undefined : valueOfJson(walk(this.#document, name.split(".")));
  }
}

function systemField(name: string, event: StoredEvent, source: EventSource): Value {
  switch (name) {
    case "@timestamp":
      return new Time(event.timestamp);
    case "@ingestionTime":
      return new Time(event.ingestionTime);
    case "@message":
      return event.message;
    case "@logStream":
      return source.stream;
    case "@log":
      return `${source.accountId}:${source.group}`;
    case "@ptr":
      return encodePointer({ ...source, timestamp: event.timestamp, sequence: event.sequence });
    default:
      return undefined;
  }
}

function parseObject(message: string): unknown {
  if (!/^\s*\{/.test(message)) return null;
  try {
    return JSON.parse(message) as unknown;
  } catch {
    // A message that is no JSON has no fields to discover.
    return null;
  }
}

/** Names of fields may hold dots themselves: the longest name that is there is taken. */
function walk(value: unknown, path: readonly string[]): unknown {
  if (path.length === 0) return value;
  if (typeof value !== "object" || value === null) return undefined;
  for (let taken = path.length; taken > 0; taken -= 1) {
    const key = path.slice(0, taken).join(".");
    if (Object.hasOwn(value, key)) {
      const found = walk((value as Readonly<Record<string, unknown>>)[key], path.slice(taken));
      if (found !== undefined) return found;
    }
  }
  return undefined;
}
