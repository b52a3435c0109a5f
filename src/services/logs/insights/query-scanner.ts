/** Reads the text of a query piece by piece, and knows where it is. */
import { LinearRegex, RegexError } from "../regex/linear-regex.ts";
import { QuerySyntaxError } from "./syntax.ts";

/** Spaces, and comments from # to the end of the line. */
const gap = /(?:\s+|#[^\n]*)*/y;
const anyWord = /@?[A-Za-z_][A-Za-z0-9_]*/y;
/** `@message`, `a.b.0`, `a[0].c`, `` `with-hyphen`.`too` ``. */
const fieldForm = /@?(?:[A-Za-z_][A-Za-z0-9_]*|`[^`]+`)(?:\.(?:@?[A-Za-z0-9_]+|`[^`]+`)|\[\d{1,9}\])*/y;

export class QueryScanner {
  readonly #text: string;
  at = 0;

  constructor(text: string) {
    this.#text = text;
    this.#skip();
  }

  get isAtEnd(): boolean {
    return this.at >= this.#text.length;
  }

  textSince(start: number): string {
    return this.#text.slice(start, this.at).trimEnd();
  }

  /** Takes `text` if it comes next. */
  take(text: string): boolean {
    if (!this.#text.startsWith(text, this.at)) return false;
    this.at += text.length;
    this.#skip();
    return true;
  }

  takeMatch(form: RegExp): RegExpExecArray | undefined {
    form.lastIndex = this.at;
    const match = form.exec(this.#text);
    if (match === null || match[0] === "") return undefined;
    this.at = form.lastIndex;
    this.#skip();
    return match;
  }

  peekMatch(form: RegExp): RegExpExecArray | undefined {
    form.lastIndex = this.at;
    return form.exec(this.#text) ?? undefined;
  }

  /** The next word, in lower case, without taking it. */
  peekWord(): string | undefined {
    return this.peekMatch(anyWord)?.[0].toLowerCase();
  }

  takeWord(...words: readonly string[]): boolean {
    const next = this.peekMatch(anyWord)?.[0];
    if (next === undefined || !words.includes(next.toLowerCase())) return false;
    this.at += next.length;
    this.#skip();
    return true;
  }

  expect(text: string): void {
    if (!this.take(text)) throw this.unexpected(`'${text}'`);
  }

  field(): string | undefined {
    const match = this.takeMatch(fieldForm);
    return match?.[0].replaceAll("`", "").replace(/\[(\d+)\]/g, ".$1");
  }

  /** A text in single or double quotes. */
  quoted(): string | undefined {
    const match = this.takeMatch(/"((?:[^"\\]|\\.)*)"|'((?:[^'\\]|\\.)*)'/sy);
    return (match?.[1] ?? match?.[2])?.replace(/\\(["'\\/|*])/g, "$1");
  }

  /** `/a regular expression/`. */
  regex(): LinearRegex | undefined {
    const start = this.at;
    const match = this.takeMatch(/\/((?:[^/\\\n]|\\.)+)\//y);
    if (match === undefined) return undefined;
    try {
      return new LinearRegex(match[1].replaceAll("\\/", "/"));
    } catch (error) {
      if (!(error instanceof RegexError)) throw error;
      throw new QuerySyntaxError(
        `invalid regular expression ${match[0]}: ${error.message}`,
        start,
        start + match[0].length,
      );
    }
  }

  unexpected(expected?: string): QuerySyntaxError {
    const next = this.peekMatch(/[\w@.]+|./sy)?.[0];
    const end = this.at + (next?.length ?? 0);
    const found = next === undefined ? "end of query" : `symbol found ${next}`;
    const suffix = expected === undefined ? "" : `, expecting ${expected}`;
    return new QuerySyntaxError(`unexpected ${found} at ${this.#place(this.at)}${suffix}`, this.at, end);
  }

  error(message: string, start: number): QuerySyntaxError {
    return new QuerySyntaxError(`${message} at ${this.#place(start)}`, start, Math.max(start + 1, this.at));
  }

  #place(at: number): string {
    const before = this.#text.slice(0, at);
    return `line ${before.split("\n").length} and position ${at - (before.lastIndexOf("\n") + 1)}`;
  }

  #skip(): void {
    gap.lastIndex = this.at;
    gap.exec(this.#text);
    this.at = gap.lastIndex;
  }
}
