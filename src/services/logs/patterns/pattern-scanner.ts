/** Reads a `[…]` or `{…}` pattern piece by piece. */
import {
  compileRegexTerm,
  FilterPatternError,
  invalidCharacter,
  numberOf,
  type Operand,
  type Operator,
  wildcard,
} from "./pattern-values.ts";

const operators: readonly Operator[] = ["!=", "<=", ">=", "=", "<", ">"];
/** Parentheses nest no deeper than this. */
const deepestNesting = 50;

export class PatternScanner {
  readonly #text: string;
  #at = 0;
  #depth = 0;
  regexes = 0;

  constructor(text: string) {
    this.#text = text;
  }

  skipSpaces(): void {
    while (/\s/.test(this.#text[this.#at] ?? "")) this.#at += 1;
  }

  /** Takes `text` if it comes next, behind spaces. */
  take(text: string): boolean {
    this.skipSpaces();
    if (!this.#text.startsWith(text, this.#at)) return false;
    this.#at += text.length;
    return true;
  }

  /** Takes what `form` (sticky) matches next, behind spaces. */
  takeMatch(form: RegExp): RegExpExecArray | undefined {
    this.skipSpaces();
    form.lastIndex = this.#at;
    const match = form.exec(this.#text);
    if (match === null) return undefined;
    this.#at = form.lastIndex;
    return match;
  }

  expect(text: string): void {
    if (!this.take(text)) throw this.unexpected();
  }

  expectEnd(): void {
    this.skipSpaces();
    if (this.#at < this.#text.length) throw this.unexpected();
  }

  unexpected(): FilterPatternError {
    this.skipSpaces();
    const next = this.#text[this.#at];
    return next === undefined
      ? new FilterPatternError("Invalid filter pattern: it ends too early")
      : invalidCharacter(next);
  }

  operator(): Operator | undefined {
    const found = operators.find((operator) => this.take(operator));
    // `==` and `=>` are no operators, and their second half no operand.
    if (found !== undefined && /[=<>]/.test(this.#text[this.#at] ?? "")) throw this.unexpected();
    return found;
  }

  /** A quoted text, a regular expression, a number or a word; the last two with `bare` characters only. */
  operand(bare: RegExp): Operand {
    const quoted = this.takeMatch(/"((?:[^"\\]|\\.)*)"/sy);
    if (quoted !== undefined) return { kind: "text", matches: wildcard(quoted[1].replace(/\\(.)/gs, "$1")) };
    const regex = this.takeMatch(/%((?:[^%\\]|\\.)+)%/sy);
    if (regex !== undefined) {
      this.regexes += 1;
      return { kind: "regex", regex: compileRegexTerm(regex[1]) };
    }
    const word = this.takeMatch(bare);
    if (word === undefined) throw this.unexpected();
    const value = numberOf(word[0]);
    if (value !== undefined) return { kind: "number", value, text: word[0] };
    return { kind: "text", matches: wildcard(word[0]) };
  }

  /** Conditions with `&&`, `||` and parentheses. */
  condition<Subject>(one: () => (subject: Subject) => boolean): (subject: Subject) => boolean {
    const choices = [this.#all(one)];
    while (this.take("||")) choices.push(this.#all(one));
    return choices.length === 1 ? choices[0] : (subject) => choices.some((holds) => holds(subject));
  }

  #all<Subject>(one: () => (subject: Subject) => boolean): (subject: Subject) => boolean {
    const parts = [this.#primary(one)];
    while (this.take("&&")) parts.push(this.#primary(one));
    return parts.length === 1 ? parts[0] : (subject) => parts.every((holds) => holds(subject));
  }

  #primary<Subject>(one: () => (subject: Subject) => boolean): (subject: Subject) => boolean {
    if (!this.take("(")) return one();
    this.#depth += 1;
    if (this.#depth > deepestNesting) throw new FilterPatternError("Invalid filter pattern: too many parentheses");
    const inner = this.condition(one);
    this.expect(")");
    this.#depth -= 1;
    return inner;
  }
}
