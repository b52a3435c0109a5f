/** What filter patterns compare with: texts with wildcards, numbers and `%regular expressions%`. */
import { LinearRegex, RegexError } from "../regex/linear-regex.ts";

export class FilterPatternError extends Error {
  constructor(message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = "FilterPatternError";
  }
}

export function invalidCharacter(character: string): FilterPatternError {
  return new FilterPatternError(`Invalid character(s) in term '${character}'`);
}

/** Letters, digits, some symbols, the operators, and anything behind a backslash; no parentheses and no spaces. */
const regexCharacters = /^(?:[A-Za-z0-9:_#=@/;,\-^$?[\]{}|*+.]|\\[\x21-\x7e])*/;

/** @param source what stands between the percent signs */
export function compileRegexTerm(source: string): LinearRegex {
  const allowed = regexCharacters.exec(source)![0].length;
  if (allowed < source.length) throw invalidCharacter(source[allowed]);
  try {
    return new LinearRegex(source);
  } catch (error) {
    if (!(error instanceof RegexError)) throw error;
    throw new FilterPatternError(`Invalid filter pattern: %${source}% is no regular expression: ${error.message}`, {
      cause: error,
    });
  }
}

/** `*` stands for any characters, none too. */
export function wildcard(pattern: string): (text: string) => boolean {
  if (!pattern.includes("*")) return (text) => text === pattern;
  const parts = pattern.split("*");
  const first = parts[0];
  const last = parts.at(-1)!;
  const between = parts.slice(1, -1);
  return (text) => {
    if (!text.startsWith(first) || text.length < first.length + last.length || !text.endsWith(last)) return false;
    let at = first.length;
    const end = text.length - last.length;
    for (const part of between) {
      const found = text.indexOf(part, at);
      if (found === -1 || found + part.length > end) return false;
      at = found + part.length;
    }
    return true;
  };
}

export type Operator = "=" | "!=" | "<" | ">" | "<=" | ">=";

export type Operand =
  | { readonly kind: "number"; readonly value: number; readonly text: string }
  | { readonly kind: "text"; readonly matches: (text: string) => boolean }
  | { readonly kind: "regex"; readonly regex: LinearRegex };

const numberForm = /^[+-]?(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][+-]?\d+)?$/;

export function numberOf(text: string): number | undefined {
  return numberForm.test(text) ? Number(text) : undefined;
}

/** @throws FilterPatternError when the operator is one for numbers and the operand is none */
export function checkOperand(operator: Operator, operand: Operand): void {
  if (operator === "=" || operator === "!=" || operand.kind === "number") return;
  throw new FilterPatternError(`Invalid filter pattern: ${operator} compares numbers only`);
}

const comparisons: Readonly<Record<Operator, (a: number, b: number) => boolean>> = {
  "=": (a, b) => a === b,
  "!=": (a, b) => a !== b,
  "<": (a, b) => a < b,
  ">": (a, b) => a > b,
  "<=": (a, b) => a <= b,
  ">=": (a, b) => a >= b,
};

export function compareNumbers(operator: Operator, a: number, b: number): boolean {
  return comparisons[operator](a, b);
}

/** Whether a text is what an operand describes; never for numbers. */
export function describes(operand: Operand, text: string): boolean {
  if (operand.kind === "text") return operand.matches(text);
  return operand.kind === "regex" && operand.regex.test(text);
}
