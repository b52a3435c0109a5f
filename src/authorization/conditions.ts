/**
 * The conditions of a statement: all clauses must hold, one value of each is enough.
 *
 * Sources: IAM User Guide, "IAM JSON policy elements: Condition operators" and "Conditions with multiple context keys or
 * values".
 */
import { conditionOperator, type ConditionOperator, type ComparisonFamily, type Order } from "./condition-operators.ts";
import { isInRange, parseAddress, parseBinary, parseDate, parseNumber, parseRange } from "./condition-values.ts";
import type { ConditionClause } from "./policy-document.ts";
import { arnMatcher } from "./resource-pattern.ts";
import {
  anyOf,
  equalsMatcher,
  likeMatcher,
  parseTemplate,
  resolveText,
  type TextMatcher,
  type VariableSource,
} from "./variables.ts";

/** What conditions ask of a request. */
export interface ConditionSource extends VariableSource {
  /** @param key in lower case @returns undefined when the request does not have it; a list for keys of several values */
  values(key: string): string | readonly string[] | undefined;
}

export type Condition = (request: ConditionSource) => boolean;

/** @param variables whether `${…}` in values is replaced, as documents of version 2012-10-17 have it */
export function compileConditions(clauses: readonly ConditionClause[], variables: boolean): Condition {
  const conditions = clauses.map((clause) => compileClause(clause, variables));
  if (conditions.length === 0) return () => true;
  return (request) => {
    for (const holds of conditions) if (!holds(request)) return false;
    return true;
  };
}

function compileClause({ operator: name, key: written, values }: ConditionClause, variables: boolean): Condition {
  const operator = conditionOperator(name);
  // The parser lets only such operators through that ask for nothing.
  if (operator === undefined) return () => true;
  const key = written.toLowerCase();
  const { family, order, negated, ifExists } = operator;
  if (family === "null") return nullCondition(key, values);
  const matchesOne = anyOf(values.map((value) => families[family](value, order, variables)));
  if (operator.set !== undefined) return setCondition(key, operator, matchesOne);

  return (request) => {
    const found = request.values(key);
    if (typeof found === "string") return matchesOne(found, request) !== negated;
    if (found === undefined || found.length === 0) return ifExists || negated;
    return found.some((value) => matchesOne(value, request)) !== negated;
  };
}

/** `"true"`: the key must be absent; `"false"`: it must be there. */
function nullCondition(key: string, values: readonly string[]): Condition {
  const wanted = new Set(values.map((value) => value.toLowerCase()));
  return (request) => {
    const found = request.values(key);
    const isNull = found === undefined || (typeof found !== "string" && found.length === 0);
    return wanted.has(String(isNull));
  };
}

/**
 * Set operators look at the request's values one by one. For `ForAllValues` a key that is absent or empty holds, for
 * `ForAnyValue` it does not, with or without `IfExists`, which then has no value to be about.
 */
function setCondition(key: string, { set, negated }: ConditionOperator, matchesOne: TextMatcher): Condition {
  return (request) => {
    const found = request.values(key) ?? [];
    const values = (typeof found === "string" ? [found] : found).filter((value) => value !== "");
    const holds = (value: string) => matchesOne(value, request) !== negated;
    return set === "all" ? values.every(holds) : values.some(holds);
  };
}

/** Many statements ask for the same value of one request: the latest is kept. */
function keepingLatest<Result>(parse: (text: string) => Result): (text: string) => Result {
  let latest: { readonly text: string; readonly result: Result } | undefined;
  return (text) => {
    if (latest?.text !== text) latest = { text, result: parse(text) };
    return latest.result;
  };
}

const numberOf = keepingLatest(parseNumber);
const dateOf = keepingLatest(parseDate);
const addressOf = keepingLatest(parseAddress);

type Family = (value: string, order: Order, variables: boolean) => TextMatcher;

/** How one value of a policy is compared with one of a request. What a policy has wrong matches nothing. */
const families: Readonly<Record<Exclude<ComparisonFamily, "null">, Family>> = {
  string: (value, _, variables) => equalsMatcher(parseTemplate(value, variables)),
  "string-ignoring-case": (value, _, variables) => {
    const template = parseTemplate(value, variables);
    return (text, source) => resolveText(template, source)?.toLowerCase() === text.toLowerCase();
  },
  "string-like": (value, _, variables) => likeMatcher(parseTemplate(value, variables)),
  number: (value, order) => compared(parseNumber(value), order, numberOf),
  date: (value, order) => compared(parseDate(value), order, dateOf),
  boolean: (value, _, variables) => {
    const template = parseTemplate(value, variables);
    return (text, source) => resolveText(template, source)?.toLowerCase() === text.toLowerCase();
  },
  binary: (value) => {
    const bytes = parseBinary(value);
    return (text) => bytes !== undefined && parseBinary(text) === bytes;
  },
  address: (value) => {
    const range = parseRange(value);
    return (text) => {
      const address = addressOf(text);
      return range !== undefined && address !== undefined && isInRange(address, range);
    };
  },
  arn: (value, _, variables) => arnMatcher(value, variables),
};

const orders: Readonly<Record<Order, (left: number, right: number) => boolean>> = {
  "=": (left, right) => left === right,
  "<": (left, right) => left < right,
  "<=": (left, right) => left <= right,
  ">": (left, right) => left > right,
  ">=": (left, right) => left >= right,
};

function compared(right: number | undefined, order: Order, parse: (text: string) => number | undefined): TextMatcher {
  const holds = orders[order];
  return (text) => {
    const left = parse(text);
    return left !== undefined && right !== undefined && holds(left, right);
  };
}

function isBoolean(value: string): boolean {
  return /^(?:true|false)$/i.test(value);
}

/** Which values of a policy can never be compared; families that are not here take any text. */
const valueChecks: Partial<Record<ComparisonFamily, (value: string) => boolean>> = {
  number: (value) => parseNumber(value) !== undefined,
  date: (value) => parseDate(value) !== undefined,
  binary: (value) => parseBinary(value) !== undefined,
  address: (value) => parseRange(value) !== undefined,
  boolean: (value) => isBoolean(value) || value.includes("${"),
  null: isBoolean,
};

/** Whether a value can mean nothing under this operator, e.g. `tomorrow` under `DateLessThan`. */
export function invalidConditionValue(operatorName: string, value: string): boolean {
  const family = conditionOperator(operatorName)?.family;
  return family !== undefined && valueChecks[family]?.(value) === false;
}
