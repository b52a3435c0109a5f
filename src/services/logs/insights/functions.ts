/**
 * The functions of Insights, by their names in lower case.
 * Source: Amazon CloudWatch Logs User Guide, "Boolean, comparison, numeric, datetime, and other functions".
 */
import { BlockList, isIP } from "node:net";
import { isTrue, numberOf, Time, textOf, type Value } from "./values.ts";

interface FunctionDefinition {
  /** Least and most arguments. */
  readonly arity: readonly [number, number];
  /** Places of arguments that are periods; they are not values. */
  readonly periods?: readonly number[];
  readonly apply: (args: readonly Value[]) => Value;
}

const numeric = (of: (a: number) => number): FunctionDefinition => ({
  arity: [1, 1],
  apply: ([a]) => {
    const number = numberOf(a);
    return number === undefined ? undefined : finite(of(number));
  },
});

const extreme = (of: (...numbers: number[]) => number): FunctionDefinition => ({
  arity: [1, 100],
  apply: (args) => {
    const numbers = args.map(numberOf).filter((number) => number !== undefined);
    return numbers.length === 0 ? undefined : of(...numbers);
  },
});

const textual = (of: (text: string) => Value): FunctionDefinition => ({
  arity: [1, 1],
  apply: ([a]) => {
    const text = textOf(a);
    return text === undefined ? undefined : of(text);
  },
});

/** Trims what `chars` lists, spaces without it. */
const trimming = (start: boolean, end: boolean): FunctionDefinition => ({
  arity: [1, 2],
  apply: ([a, chars]) => {
    const text = textOf(a);
    if (text === undefined) return undefined;
    const isTrimmed = (char: string) => (chars === undefined ? /\s/.test(char) : (textOf(chars) ?? "").includes(char));
    let [from, to] = [0, text.length];
    while (start && from < to && isTrimmed(text[from])) from += 1;
    while (end && to > from && isTrimmed(text[to - 1])) to -= 1;
    return text.slice(from, to);
  },
});

const ipTest = (holds: (version: number) => boolean): FunctionDefinition => textual((text) => holds(isIP(text)));

const inSubnet = (versions: readonly number[]): FunctionDefinition => ({
  arity: [2, 2],
  apply: ([address, subnet]) => {
    const text = textOf(address) ?? "";
    const match = /^([^/]+)\/(\d{1,3})$/.exec(textOf(subnet) ?? "");
    const version = isIP(text);
    if (match === null || !versions.includes(version) || isIP(match[1]) !== version) return false;
    if (Number(match[2]) > (version === 4 ? 32 : 128)) return false;
    const family = version === 4 ? "ipv4" : "ipv6";
    const list = new BlockList();
    list.addSubnet(match[1], Number(match[2]), family);
    return list.check(text, family);
  },
});

/** A text that a function makes has at most so many characters. */
const longestText = 2 ** 20;

/** Joins texts up to the limit. What is longer is never made: cut off afterwards, it would stay in memory as a whole. */
function joined(parts: Iterable<string>): string {
  const kept: string[] = [];
  let room = longestText;
  for (const part of parts) {
    if (room <= 0) break;
    kept.push(part.slice(0, room));
    room -= part.length;
  }
  return kept.join("");
}

/** The pieces of a text in which another text stands in the place of every `search`. */
function* replaced(text: string, search: string, put: string): Iterable<string> {
  let from = 0;
  for (let at = text.indexOf(search); at !== -1; at = text.indexOf(search, from)) {
    yield text.slice(from, at);
    yield put;
    from = at + search.length;
  }
  yield text.slice(from);
}

export const functions: Readonly<Record<string, FunctionDefinition>> = {
  abs: numeric(Math.abs),
  ceil: numeric(Math.ceil),
  floor: numeric(Math.floor),
  log: numeric(Math.log),
  sqrt: numeric(Math.sqrt),
  greatest: extreme(Math.max),
  least: extreme(Math.min),

  // Both are evaluated with their periods by the compiler of expressions.
  bin: { arity: [1, 2], periods: [0], apply: () => undefined },
  datefloor: { arity: [2, 2], periods: [1], apply: () => undefined },
  dateceil: { arity: [2, 2], periods: [1], apply: () => undefined },
  frommillis: {
    arity: [1, 1],
    apply: ([a]) => {
      const ms = numberOf(a);
      return ms === undefined ? undefined : new Time(ms);
    },
  },
  tomillis: { arity: [1, 1], apply: ([a]) => numberOf(a) },

  ispresent: { arity: [1, 1], apply: ([a]) => a !== undefined },
  coalesce: { arity: [1, 100], apply: (args) => args.find((arg) => arg !== undefined) },
  if: { arity: [3, 3], apply: ([condition, yes, no]) => (isTrue(condition) ? yes : no) },

  isempty: { arity: [1, 1], apply: ([a]) => a === undefined || textOf(a) === "" },
  isblank: { arity: [1, 1], apply: ([a]) => (textOf(a) ?? "").trim() === "" },
  concat: {
    arity: [1, 100],
    apply: (args) => joined(args.map((arg) => textOf(arg) ?? "")),
  },
  ltrim: trimming(true, false),
  rtrim: trimming(false, true),
  trim: trimming(true, true),
  // Characters as people count them.
  strlen: textual((text) => Array.from(text).length),
  toupper: textual((text) => text.toUpperCase()),
  tolower: textual((text) => text.toLowerCase()),
  substr: {
    arity: [2, 3],
    apply: ([a, from, length]) => {
      const text = textOf(a);
      const start = numberOf(from);
      if (text === undefined || start === undefined) return undefined;
      const count = length === undefined ? text.length : (numberOf(length) ?? 0);
      return text.slice(Math.max(0, start), Math.max(0, start) + Math.max(0, count));
    },
  },
  replace: {
    arity: [3, 3],
    apply: ([a, wanted, replacement]) => {
      const [text, search, put] = [textOf(a), textOf(wanted), textOf(replacement)];
      if (text === undefined || search === undefined || search === "" || put === undefined) return text;
      return joined(replaced(text, search, put));
    },
  },
  strcontains: {
    arity: [2, 2],
    apply: ([a, b]) => {
      const [text, part] = [textOf(a), textOf(b)];
      return text === undefined || part === undefined ? undefined : text.includes(part);
    },
  },

  jsonparse: {
    arity: [1, 1],
    apply: ([a]) => {
      try {
        return JSON.parse(textOf(a) ?? "") as Value;
      } catch {
        // What is no JSON is no value, as for every function.
        return undefined;
      }
    },
  },
  jsonstringify: {
    arity: [1, 1],
    apply: ([a]) => {
      const text = a === undefined ? undefined : JSON.stringify(plain(a));
      // Half a JSON is none.
      return text === undefined || text.length > longestText ? undefined : text;
    },
  },

  isvalidip: ipTest((version) => version !== 0),
  isvalidipv4: ipTest((version) => version === 4),
  isvalidipv6: ipTest((version) => version === 6),
  isipinsubnet: inSubnet([4, 6]),
  isipv4insubnet: inSubnet([4]),
  isipv6insubnet: inSubnet([6]),
};

function finite(number: number): number | undefined {
  return Number.isFinite(number) ? number : undefined;
}

function plain(value: Value): unknown {
  return value instanceof Time ? textOf(value) : value;
}
