/**
 * Regular expressions of users, as a tree.
 *
 * The dialect is that of engines without backtracking: classes, groups, alternatives, counted and lazy repetition, the
 * anchors ^ $ \b \B, flags (?i) and (?s) at the beginning. Backreferences and lookaround are refused by name.
 */

/** Inclusive ranges of UTF-16 code units, in order, apart from each other. */
export type CharSet = readonly (readonly [from: number, to: number])[];

export type RegexNode =
  | { readonly kind: "set"; readonly set: CharSet }
  | { readonly kind: "assert"; readonly at: "start" | "end" | "word" | "not-word" }
  | { readonly kind: "sequence"; readonly parts: readonly RegexNode[] }
  | { readonly kind: "either"; readonly choices: readonly RegexNode[] }
  | { readonly kind: "group"; readonly index: number; readonly inner: RegexNode }
  | {
      readonly kind: "repeat";
      readonly inner: RegexNode;
      readonly least: number;
      /** Infinity without a limit. */
      readonly most: number;
      readonly lazy: boolean;
    };

export interface ParsedRegex {
  readonly root: RegexNode;
  /** Names of the groups 1, 2, …; undefined for those without one. */
  readonly groups: readonly (string | undefined)[];
}

export class RegexError extends Error {
  /** Characters from the beginning of the expression. */
  readonly at: number;

  constructor(message: string, at: number) {
    super(message);
    this.name = "RegexError";
    this.at = at;
  }
}

const lastUnit = 0xffff;
const digits: CharSet = [[48, 57]];
const words: CharSet = [
  [48, 57],
  [65, 90],
  [95, 95],
  [97, 122],
];
const spaces: CharSet = [
  [9, 13],
  [32, 32],
  [160, 160],
];
const classes: Readonly<Record<string, CharSet>> = {
  d: digits,
  D: complement(digits),
  w: words,
  W: complement(words),
  s: spaces,
  S: complement(spaces),
};
const controls: Readonly<Record<string, number>> = { t: 9, n: 10, v: 11, f: 12, r: 13, a: 7, e: 27 };

/** Repetitions are written out, so they have a limit. */
const mostRepetitions = 1000;
const deepestNesting = 50;

/** @throws RegexError */
export function parseRegex(source: string): ParsedRegex {
  return new Parser(source).parse();
}

export function isWordUnit(unit: number): boolean {
  return words.some(([from, to]) => unit >= from && unit <= to);
}

class Parser {
  readonly #source: string;
  #at = 0;
  #depth = 0;
  #ignoreCase = false;
  #dotAll = false;
  readonly #groups: (string | undefined)[] = [];

  constructor(source: string) {
    this.#source = source;
  }

  parse(): ParsedRegex {
    const flags = /^\(\?([a-zA-Z]+)\)/.exec(this.#source);
    if (flags !== null) {
      if (/[^is]/.test(flags[1])) throw this.#error(`the flags ${flags[1]} are not supported; i and s are`);
      this.#ignoreCase = flags[1].includes("i");
      this.#dotAll = flags[1].includes("s");
      this.#at = flags[0].length;
    }
    const root = this.#either();
    if (this.#at < this.#source.length) throw this.#error("unmatched closing ')'");
    return { root, groups: this.#groups };
  }

  #error(message: string): RegexError {
    return new RegexError(message, this.#at);
  }

  #take(text: string): boolean {
    if (!this.#source.startsWith(text, this.#at)) return false;
    this.#at += text.length;
    return true;
  }

  #either(): RegexNode {
    const choices = [this.#sequence()];
    while (this.#take("|")) choices.push(this.#sequence());
    return choices.length === 1 ? choices[0] : { kind: "either", choices };
  }

  #sequence(): RegexNode {
    const parts: RegexNode[] = [];
    while (this.#at < this.#source.length && this.#source[this.#at] !== "|" && this.#source[this.#at] !== ")") {
      parts.push(this.#repeated(this.#atom()));
    }
    return parts.length === 1 ? parts[0] : { kind: "sequence", parts };
  }

  #repeated(inner: RegexNode): RegexNode {
    const counted = /^\{(\d{1,9})(?:(,)\s*(\d{1,9})?)?\}/.exec(this.#source.slice(this.#at, this.#at + 24));
    let bounds: readonly [number, number];
    if (this.#take("*")) bounds = [0, Infinity];
    else if (this.#take("+")) bounds = [1, Infinity];
    else if (this.#take("?")) bounds = [0, 1];
    else if (counted !== null) {
      const least = Number(counted[1]);
      bounds = [least, counted[2] === undefined ? least : counted[3] === undefined ? Infinity : Number(counted[3])];
      this.#at += counted[0].length;
    } else return inner;
    const [least, most] = bounds;
    if (most < least) throw this.#error(`{${least},${most}} has its numbers out of order`);
    if (Math.max(least, most === Infinity ? 0 : most) > mostRepetitions) {
      throw this.#error(`a repetition has at most ${mostRepetitions} rounds`);
    }
    if (inner.kind === "assert") throw this.#error("an anchor cannot be repeated");
    const lazy = this.#take("?");
    if (/^[*+?]/.test(this.#source.slice(this.#at, this.#at + 1))) throw this.#error("nothing to repeat");
    return { kind: "repeat", inner, least, most, lazy };
  }

  #atom(): RegexNode {
    const char = this.#source[this.#at];
    switch (char) {
      case "(":
        return this.#group();
      case "[":
        return { kind: "set", set: this.#class() };
      case ".":
        this.#at += 1;
        return { kind: "set", set: this.#dotAll ? [[0, lastUnit]] : complement([[10, 10]]) };
      case "^":
      case "$":
        this.#at += 1;
        return { kind: "assert", at: char === "^" ? "start" : "end" };
      case "*":
      case "+":
      case "?":
        throw this.#error("nothing to repeat");
      case "\\":
        return this.#escape();
      default:
        this.#at += 1;
        return { kind: "set", set: this.#folded(char.charCodeAt(0)) };
    }
  }

  #group(): RegexNode {
    if (/^\(\?(=|!|<=|<!)/.test(this.#source.slice(this.#at, this.#at + 4))) {
      throw this.#error("lookaround is not supported");
    }
    this.#at += 1;
    this.#depth += 1;
    if (this.#depth > deepestNesting) throw this.#error(`groups nest at most ${deepestNesting} deep`);
    let index: number | undefined;
    const named = /^\?P?<([A-Za-z_][A-Za-z0-9_]{0,127})>/.exec(this.#source.slice(this.#at, this.#at + 140));
    if (named !== null) {
      if (this.#groups.includes(named[1])) throw this.#error(`the group name ${named[1]} is used twice`);
      this.#at += named[0].length;
      index = this.#groups.push(named[1]);
    } else if (!this.#take("?:")) {
      if (this.#source[this.#at] === "?") throw this.#error("unknown kind of group");
      index = this.#groups.push(undefined);
    }
    const inner = this.#either();
    if (!this.#take(")")) throw this.#error("missing closing ')'");
    this.#depth -= 1;
    return index === undefined ? inner : { kind: "group", index, inner };
  }

  #escape(): RegexNode {
    const char = this.#source[this.#at + 1];
    if (char === "b" || char === "B") {
      this.#at += 2;
      return { kind: "assert", at: char === "b" ? "word" : "not-word" };
    }
    if (/^[1-9k]$/.test(char ?? "")) throw this.#error("backreferences are not supported");
    const set = this.#escaped();
    return { kind: "set", set: typeof set === "number" ? this.#folded(set) : set };
  }

  /** A class such as \d, or one code unit. */
  #escaped(): CharSet | number {
    const char = this.#source[this.#at + 1];
    if (char === undefined) throw this.#error("a backslash stands at the end");
    const code = /^\\(?:x([0-9a-fA-F]{2})|u([0-9a-fA-F]{4}))/.exec(this.#source.slice(this.#at, this.#at + 6));
    if (code !== null) {
      this.#at += code[0].length;
      return Number.parseInt(code[1] ?? code[2], 16);
    }
    if (Object.hasOwn(classes, char)) {
      this.#at += 2;
      return classes[char];
    }
    if (Object.hasOwn(controls, char)) {
      this.#at += 2;
      return controls[char];
    }
    if (/[A-Za-z0-9]/.test(char) && char !== "0") throw this.#error(`the escape \\${char} is not supported`);
    this.#at += 2;
    return char === "0" ? 0 : char.charCodeAt(0);
  }

  #class(): CharSet {
    const start = this.#at;
    this.#at += 1;
    const negated = this.#take("^");
    const ranges: (readonly [number, number])[] = [];
    for (let first = true; ; first = false) {
      if (this.#at >= this.#source.length) throw new RegexError("missing closing ']'", start);
      if (!first && this.#take("]")) break;
      const from = this.#classUnit();
      if (typeof from !== "number") {
        ranges.push(...from);
        continue;
      }
      let to: CharSet | number = from;
      if (this.#source[this.#at] === "-" && this.#source[this.#at + 1] !== "]" && this.#at + 1 < this.#source.length) {
        this.#at += 1;
        to = this.#classUnit();
        if (typeof to !== "number" || to < from) throw this.#error("a range of characters is out of order");
      }
      ranges.push(...this.#foldedRange(from, to));
    }
    const set = normalize(ranges);
    return negated ? complement(set) : set;
  }

  #classUnit(): CharSet | number {
    if (this.#source[this.#at] === "\\") return this.#escaped();
    this.#at += 1;
    return this.#source.charCodeAt(this.#at - 1);
  }

  #folded(unit: number): CharSet {
    return normalize(this.#foldedRange(unit, unit));
  }

  /** With (?i) both cases of the letters A to Z, and of a character by itself. */
  #foldedRange(from: number, to: number): (readonly [number, number])[] {
    const ranges: (readonly [number, number])[] = [[from, to]];
    if (!this.#ignoreCase) return ranges;
    for (const [first, last, shift] of [
      [65, 90, 32],
      [97, 122, -32],
    ]) {
      if (from <= last && to >= first) ranges.push([Math.max(from, first) + shift, Math.min(to, last) + shift]);
    }
    if (from === to) {
      const char = String.fromCharCode(from);
      for (const other of [char.toLowerCase(), char.toUpperCase()]) {
        if (other.length === 1) ranges.push([other.charCodeAt(0), other.charCodeAt(0)]);
      }
    }
    return ranges;
  }
}

function normalize(ranges: readonly (readonly [number, number])[]): CharSet {
  const merged: [number, number][] = [];
  for (const [from, to] of [...ranges].sort((a, b) => a[0] - b[0])) {
    const last = merged.at(-1);
    if (last !== undefined && from <= last[1] + 1) last[1] = Math.max(last[1], to);
    else merged.push([from, to]);
  }
  return merged;
}

function complement(set: CharSet): CharSet {
  const rest: [number, number][] = [];
  let next = 0;
  for (const [from, to] of set) {
    if (from > next) rest.push([next, from - 1]);
    next = to + 1;
  }
  if (next <= lastUnit) rest.push([next, lastUnit]);
  return rest;
}
