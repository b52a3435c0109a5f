/**
 * Patterns for JSON: `{ ($.level = "ERROR" && $.latency > 100) || $.user.id = *abc* }`.
 *
 * A selector begins with `$`; `.name`, `[0]` and `[*]` (any element) follow. A field that is not there matches nothing
 * but NOT EXISTS.
 */
import type { FilterPattern } from "./filter-pattern.ts";
import { PatternScanner } from "./pattern-scanner.ts";
import { checkOperand, compareNumbers, describes, type Operand, type Operator } from "./pattern-values.ts";

interface Selector {
  readonly text: string;
  readonly steps: readonly { readonly kind: "name" | "index" | "any"; readonly key: string | number }[];
}
type Condition = (document: unknown) => boolean;

const selectorForm = /\$(?:\.[\p{L}\p{N}_$@:/-]+|\[(?:\d{1,9}|\*)\])+/uy;
const stepForm = /\.([^.[\]]+)|\[(\d+|\*)\]/g;
const bareOperand = /[^\s()&|"%=<>!{}[\]'`,;]+/y;

export function compileJsonPattern(text: string): FilterPattern {
  const scanner = new PatternScanner(text);
  const selectors: Selector[] = [];
  scanner.expect("{");
  const condition = scanner.condition<unknown>(() => readComparison(scanner, selectors));
  scanner.expect("}");
  scanner.expectEnd();
  return {
    matches(message) {
      const document = documentOf(message);
      return document !== undefined && condition(document);
    },
    extract(message) {
      const document = documentOf(message);
      const values = selectors.map((selector) => [selector.text, textAt(document, selector)] as const);
      return Object.fromEntries(values.filter((pair): pair is readonly [string, string] => pair[1] !== undefined));
    },
    valueOf(message, reference) {
      const selector = selectorOf(reference);
      return selector === undefined ? undefined : textAt(documentOf(message), selector);
    },
    regexes: scanner.regexes,
  };
}

/** The selector that a whole text is; undefined when it is none. */
export function selectorOf(text: string): Selector | undefined {
  selectorForm.lastIndex = 0;
  const match = selectorForm.exec(text);
  if (match === null || match[0] !== text) return undefined;
  const steps = [...text.slice(1).matchAll(stepForm)].map(([, name, index]) => {
    if (name !== undefined) return { kind: "name" as const, key: name };
    return index === "*" ? { kind: "any" as const, key: "*" } : { kind: "index" as const, key: Number(index) };
  });
  return { text, steps };
}

function readComparison(scanner: PatternScanner, selectors: Selector[]): Condition {
  const found = scanner.takeMatch(selectorForm);
  if (found === undefined) throw scanner.unexpected();
  const selector = selectorOf(found[0])!;
  if (!selectors.some(({ text }) => text === selector.text)) selectors.push(selector);
  const word = scanner.takeMatch(/(IS\s+(TRUE|FALSE|NULL)|NOT\s+EXISTS)(?![\p{L}\p{N}_])/iuy);
  if (word !== undefined) {
    const wanted = word[2] === undefined ? undefined : (JSON.parse(word[2].toLowerCase()) as boolean | null);
    return wanted === undefined
      ? (document) => valuesAt(document, selector).length === 0
      : (document) => valuesAt(document, selector).includes(wanted);
  }
  const operator = scanner.operator();
  if (operator === undefined) throw scanner.unexpected();
  return comparisonOf(selector, operator, scanner.operand(bareOperand));
}

function comparisonOf(selector: Selector, operator: Operator, operand: Operand): Condition {
  checkOperand(operator, operand);
  const holds = (value: unknown): boolean => {
    if (operand.kind === "number") {
      return typeof value === "number" && compareNumbers(operator, value, operand.value);
    }
    const text = scalarText(value);
    // `= *` is what any value fits; objects and arrays are no text.
    const isMatch =
      text === undefined
        ? describes(operand, "") && typeof value === "object" && value !== null
        : describes(operand, text);
    return operator === "=" ? isMatch : !isMatch;
  };
  return (document) => valuesAt(document, selector).some(holds);
}

function documentOf(message: string): unknown {
  if (!/^\s*[{[]/.test(message)) return undefined;
  try {
    return JSON.parse(message) as unknown;
  } catch {
    // A line that is no JSON matches no JSON pattern.
    return undefined;
  }
}

function valuesAt(document: unknown, { steps }: Selector): unknown[] {
  let values = [document];
  for (const { kind, key } of steps) {
    values = values.flatMap((value) => {
      if (kind === "name") return isObject(value) && Object.hasOwn(value, key) ? [value[key]] : [];
      if (!Array.isArray(value)) return [];
      return kind === "any" ? (value as unknown[]) : value.slice(Number(key), Number(key) + 1);
    });
  }
  return values;
}

function isObject(value: unknown): value is Readonly<Record<string | number, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function scalarText(value: unknown): string | undefined {
  if (typeof value === "string") return value;
  return typeof value === "number" || typeof value === "boolean" ? String(value) : undefined;
}

function textAt(document: unknown, selector: Selector): string | undefined {
  const [value] = valuesAt(document, selector);
  return scalarText(value) ?? (value === undefined ? undefined : JSON.stringify(value));
}
