/**
 * Patterns for lines of fields: `[ip, user, ..., status_code = 4* || status_code = 500, bytes > 1000]`.
 *
 * Fields of a line are separated by spaces; what stands in `[…]` or `"…"` is one field. A line has as many fields as the
 * pattern; `...` stands for any number of fields, and a last field without a condition for the rest of the line.
 */
import type { FilterPattern } from "./filter-pattern.ts";
import { PatternScanner } from "./pattern-scanner.ts";
import {
  checkOperand,
  compareNumbers,
  describes,
  FilterPatternError,
  numberOf,
  type Operand,
  type Operator,
} from "./pattern-values.ts";

interface Field {
  readonly name: string;
  readonly condition?: (value: string) => boolean;
}

const fieldName = /[\p{L}\p{N}_-]+/uy;
const bareOperand = /[^\s,\]()&|"%=<>!]+/y;

export function compileSpacePattern(text: string): FilterPattern {
  const scanner = new PatternScanner(text);
  const fields: (Field | "ellipsis")[] = [];
  scanner.expect("[");
  if (!scanner.take("]")) {
    do fields.push(scanner.take("...") ? "ellipsis" : readField(scanner, fields.length + 1));
    while (scanner.take(","));
    scanner.expect("]");
  }
  scanner.expectEnd();
  const gap = fields.indexOf("ellipsis");
  if (gap !== fields.lastIndexOf("ellipsis")) {
    throw new FilterPatternError("Invalid filter pattern: an ellipsis (...) may occur once");
  }
  const names = fields.filter((field) => field !== "ellipsis");
  const duplicate = names.find(({ name }, at) => names.findIndex((other) => other.name === name) !== at);
  if (duplicate !== undefined) {
    throw new FilterPatternError(`Invalid filter pattern: the field ${duplicate.name} occurs twice`);
  }

  /** The values of the named fields; undefined when the line has too few or too many. */
  const valuesOf = (message: string): readonly string[] | undefined => {
    const parts = splitLine(message);
    if (gap !== -1) {
      if (parts.length < names.length) return undefined;
      return [...parts.slice(0, gap), ...(gap === names.length ? [] : parts.slice(gap - names.length))].map(textOf);
    }
    if (parts.length === names.length) return parts.map(textOf);
    const last = names.at(-1);
    if (parts.length < names.length || last === undefined || last.condition !== undefined) {
      return names.length === 0 ? [] : undefined;
    }
    const head = parts.slice(0, names.length - 1);
    return [...head.map(textOf), message.slice(parts[head.length].start).trimEnd()];
  };
  const extract = (message: string) => {
    const values = valuesOf(message) ?? [];
    return Object.fromEntries(names.map(({ name }, at) => [`$${name}`, values[at] ?? ""]));
  };
  return {
    matches(message) {
      const values = valuesOf(message);
      return values !== undefined && names.every(({ condition }, at) => condition?.(values[at]) ?? true);
    },
    extract,
    valueOf(message, reference) {
      const values = valuesOf(message);
      const at = names.findIndex(({ name }) => `$${name}` === reference);
      return at === -1 ? undefined : values?.[at];
    },
    regexes: scanner.regexes,
  };
}

/** A name, or a condition that says it: every comparison within a field is of that field. */
function readField(scanner: PatternScanner, position: number): Field {
  let name: string | undefined;
  let isCondition = false;
  const comparison = () => {
    const found = scanner.takeMatch(fieldName)?.[0];
    if (found === undefined) throw scanner.unexpected();
    if (name !== undefined && name !== found) {
      throw new FilterPatternError(`Invalid filter pattern: a condition on ${name} cannot compare ${found}`);
    }
    name = found;
    const operator = scanner.operator();
    if (operator === undefined) return () => true;
    isCondition = true;
    return comparisonOf(operator, scanner.operand(bareOperand));
  };
  const condition = scanner.condition<string>(comparison);
  name ??= String(position);
  return isCondition ? { name, condition } : { name };
}

function comparisonOf(operator: Operator, operand: Operand): (value: string) => boolean {
  checkOperand(operator, operand);
  if (operand.kind === "number") {
    const { value, text } = operand;
    return (field) => {
      const number = numberOf(field);
      if (number !== undefined) return compareNumbers(operator, number, value);
      return operator === "!=" ? field !== text : false;
    };
  }
  return operator === "=" ? (field) => describes(operand, field) : (field) => !describes(operand, field);
}

interface Part {
  readonly start: number;
  readonly text: string;
}

function textOf({ text }: Part): string {
  return text;
}

/** `127.0.0.1 [10/Oct/2000 13:55] "GET / HTTP" 200` has four parts. */
function splitLine(message: string): Part[] {
  const parts: Part[] = [];
  const part = /\s*(?:\[([^\]]*)\](?=\s|$)|"((?:[^"\\]|\\.)*)"(?=\s|$)|(\S+))/gy;
  for (;;) {
    const from = part.lastIndex;
    const match = part.exec(message);
    if (match === null) return parts;
    const start = from + match[0].length - match[0].trimStart().length;
    parts.push({ start, text: match[1] ?? match[2] ?? match[3] });
  }
}
