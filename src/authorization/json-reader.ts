/**
 * JSON with positions: what JSON.parse does not tell, namely where a value stood and whether a member was written twice.
 * Source: RFC 8259.
 */

export type JsonNode = JsonObject | JsonArray | JsonText | JsonOther;

interface Span {
  /** Index of its first character. */
  readonly start: number;
  /** Index behind its last character. */
  readonly end: number;
}

export interface JsonMember {
  readonly name: string;
  /** Index of the name's opening quote. */
  readonly start: number;
  readonly value: JsonNode;
}

export interface JsonObject extends Span {
  readonly type: "object";
  readonly members: readonly JsonMember[];
}

export interface JsonArray extends Span {
  readonly type: "array";
  readonly items: readonly JsonNode[];
}

export interface JsonText extends Span {
  readonly type: "string";
  readonly value: string;
}

/** `value` is the text as it was written: `10`, `1e3`, `true`. */
export interface JsonOther extends Span {
  readonly type: "number" | "boolean" | "null";
  readonly value: string;
}

/** A text that cannot be read, and where. */
export class JsonSyntaxError extends Error {
  readonly offset: number;
  /** JSON all the same, but with a member twice or nested too deeply. */
  readonly isJson: boolean;

  constructor(message: string, offset: number, isJson = false) {
    super(message);
    this.name = "JsonSyntaxError";
    this.offset = offset;
    this.isJson = isJson;
  }
}

/** A place in a text, both 1-based; columns count UTF-16 code units. */
export interface Position {
  readonly line: number;
  readonly column: number;
}

/** The lines of a text, found once for all questions. */
export class LineMap {
  readonly #starts: readonly number[];

  constructor(text: string) {
    const starts = [0];
    for (let at = text.indexOf("\n"); at !== -1; at = text.indexOf("\n", at + 1)) starts.push(at + 1);
    this.#starts = starts;
  }

  positionOf(offset: number): Position {
    let line = 0;
    let above = this.#starts.length;
    while (above - line > 1) {
      const middle = (line + above) >> 1;
      if (this.#starts[middle] <= offset) line = middle;
      else above = middle;
    }
    return { line: line + 1, column: offset - this.#starts[line] + 1 };
  }
}

const numberPattern = /-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?/y;
const spacePattern = /[ \t\r\n]*/y;
const wordPattern = /true|false|null/y;
// Everything up to the closing quote: no control characters, escapes only in the known forms.
const stringPattern = /"[^"\\\u0000-\u001f]*(?:\\(?:["\\/bfnrt]|u[0-9a-fA-F]{4})[^"\\\u0000-\u001f]*)*"/y;

/**
 * @param maxDepth arrays and objects within each other
 * @throws JsonSyntaxError
 */
export function readJson(text: string, maxDepth: number): JsonNode {
  let at = 0;

  const take = (pattern: RegExp): string | undefined => {
    pattern.lastIndex = at;
    const found = pattern.exec(text)?.[0];
    if (found !== undefined) at += found.length;
    return found;
  };
  const fail = (expected: string): never => {
    const found = at < text.length ? `"${String.fromCodePoint(text.codePointAt(at)!)}"` : "the end of the text";
    throw new JsonSyntaxError(`expected ${expected}, got ${found}`, at);
  };
  const skip = (character: string): boolean => {
    take(spacePattern);
    if (text[at] !== character) return false;
    at += 1;
    take(spacePattern);
    return true;
  };

  const readText = (expected: string): JsonText => {
    const start = at;
    if (text[at] !== '"') fail(expected);
    const found = take(stringPattern);
    if (found === undefined) throw new JsonSyntaxError("a text that is not closed or has a bad escape", start);
    return { type: "string", value: JSON.parse(found) as string, start, end: at };
  };

  const readMembers = (depth: number): JsonMember[] => {
    const members: JsonMember[] = [];
    const names = new Set<string>();
    if (text[at] === "}") {
      at += 1;
      return members;
    }
    do {
      const name = readText("a name in quotes");
      if (names.has(name.value)) throw new JsonSyntaxError(`the member ${name.value} is there twice`, name.start, true);
      names.add(name.value);
      if (!skip(":")) fail('":"');
      members.push({ name: name.value, start: name.start, value: readValue(depth) });
    } while (skip(","));
    if (text[at] !== "}") fail('"," or "}"');
    at += 1;
    return members;
  };

  const readItems = (depth: number): JsonNode[] => {
    const items: JsonNode[] = [];
    if (text[at] === "]") {
      at += 1;
      return items;
    }
    do items.push(readValue(depth));
    while (skip(","));
    if (text[at] !== "]") fail('"," or "]"');
    at += 1;
    return items;
  };

  const readValue = (depth: number): JsonNode => {
    take(spacePattern);
    const start = at;
    const first = text[at];
    if (first === "{" || first === "[") {
      if (depth >= maxDepth) throw new JsonSyntaxError(`nested deeper than ${maxDepth}`, at, true);
      at += 1;
      take(spacePattern);
      if (first === "{") return { type: "object", members: readMembers(depth + 1), start, end: at };
      return { type: "array", items: readItems(depth + 1), start, end: at };
    }
    if (first === '"') return readText("a value");
    const word = take(wordPattern);
    if (word !== undefined) return { type: word === "null" ? "null" : "boolean", value: word, start, end: at };
    const number = take(numberPattern) ?? fail("a value");
    return { type: "number", value: number, start, end: at };
  };

  const value = readValue(0);
  take(spacePattern);
  if (at < text.length) fail("the end of the text");
  return value;
}
