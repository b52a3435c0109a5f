/** Expressions of Insights: or, and, not, comparisons, arithmetic, calls. */
import { aggregates } from "./aggregates.ts";
import { functions } from "./functions.ts";
import type { QueryScanner } from "./query-scanner.ts";
import type { BinaryOperator, Expression, Period } from "./syntax.ts";

/** Where an expression stands: aggregate functions are for stats only. */
export interface Place {
  readonly aggregates: boolean;
  readonly depth: number;
}

const deepestNesting = 100;
const units: Readonly<Record<string, Period["unit"]>> = {
  ms: "ms",
  msec: "ms",
  s: "s",
  sec: "s",
  m: "m",
  min: "m",
  h: "h",
  hr: "h",
  d: "d",
  w: "w",
  mo: "mo",
  mon: "mo",
  q: "q",
  qtr: "q",
  y: "y",
  yr: "y",
};

export function parseExpression(scanner: QueryScanner, place: Place = { aggregates: false, depth: 0 }): Expression {
  if (place.depth > deepestNesting) throw scanner.error(`expressions nest at most ${deepestNesting} deep`, scanner.at);
  return either(scanner, { ...place, depth: place.depth + 1 });
}

function either(scanner: QueryScanner, place: Place): Expression {
  let left = all(scanner, place);
  while (scanner.takeWord("or")) left = binary("or", left, all(scanner, place));
  return left;
}

function all(scanner: QueryScanner, place: Place): Expression {
  let left = negated(scanner, place);
  while (scanner.takeWord("and")) left = binary("and", left, negated(scanner, place));
  return left;
}

function negated(scanner: QueryScanner, place: Place): Expression {
  if (!scanner.takeWord("not")) return comparison(scanner, place);
  if (place.depth > deepestNesting) throw scanner.error(`expressions nest at most ${deepestNesting} deep`, scanner.at);
  return { kind: "unary", operator: "not", operand: negated(scanner, { ...place, depth: place.depth + 1 }) };
}

function comparison(scanner: QueryScanner, place: Place): Expression {
  const subject = sum(scanner, place);
  if (scanner.take("=~")) return { kind: "like", subject, pattern: requireRegex(scanner), negated: false };
  const operator = (["!=", "<=", ">=", "=", "<", ">"] as const).find((each) => scanner.take(each));
  if (operator !== undefined) return binary(operator, subject, sum(scanner, place));
  const isNegated = /^not\s+(?:like|in)\b/i.test(scanner.peekMatch(/not\s+\w+/iy)?.[0] ?? "");
  if (isNegated) scanner.takeWord("not");
  if (scanner.takeWord("like")) {
    return { kind: "like", subject, pattern: scanner.regex() ?? sum(scanner, place), negated: isNegated };
  }
  if (scanner.takeWord("in")) return { kind: "in", subject, list: list(scanner, place), negated: isNegated };
  return subject;
}

function requireRegex(scanner: QueryScanner) {
  const regex = scanner.regex();
  if (regex === undefined) throw scanner.unexpected("a regular expression");
  return regex;
}

function list(scanner: QueryScanner, place: Place): readonly Expression[] {
  const close = scanner.take("[") ? "]" : ")";
  if (close === ")") scanner.expect("(");
  const items: Expression[] = [];
  do items.push(parseExpression(scanner, place));
  while (scanner.take(","));
  scanner.expect(close);
  return items;
}

function sum(scanner: QueryScanner, place: Place): Expression {
  let left = product(scanner, place);
  for (;;) {
    if (scanner.take("+")) left = binary("+", left, product(scanner, place));
    else if (scanner.take("-")) left = binary("-", left, product(scanner, place));
    else return left;
  }
}

function product(scanner: QueryScanner, place: Place): Expression {
  let left = power(scanner, place);
  for (;;) {
    const operator = (["*", "/", "%"] as const).find((each) => scanner.take(each));
    if (operator === undefined) return left;
    left = binary(operator, left, power(scanner, place));
  }
}

function power(scanner: QueryScanner, place: Place): Expression {
  const left = signed(scanner, place);
  return scanner.take("^") ? binary("^", left, power(scanner, place)) : left;
}

function signed(scanner: QueryScanner, place: Place): Expression {
  return scanner.take("-")
    ? { kind: "unary", operator: "-", operand: primary(scanner, place) }
    : primary(scanner, place);
}

function primary(scanner: QueryScanner, place: Place): Expression {
  if (scanner.take("(")) {
    const inner = parseExpression(scanner, place);
    scanner.expect(")");
    return inner;
  }
  const text = scanner.quoted();
  if (text !== undefined) return { kind: "literal", value: text };
  const period = scanner.takeMatch(/(\d{1,9})([A-Za-z]{1,4})\b/y);
  if (period !== undefined) return readPeriod(scanner, period);
  const number = scanner.takeMatch(/(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][+-]?\d+)?/y);
  if (number !== undefined) return { kind: "literal", value: Number(number[0]) };
  if (scanner.peekMatch(/[A-Za-z_]\w*\s*\(/y) !== undefined) return call(scanner, place);
  const word = scanner.peekWord();
  if (word === "and" || word === "or" || word === "in" || word === "like" || word === "as" || word === "by") {
    throw scanner.unexpected("an expression");
  }
  const name = scanner.field();
  if (name === undefined) throw scanner.unexpected("an expression");
  if (name === "true" || name === "false") return { kind: "literal", value: name === "true" };
  return { kind: "field", name };
}

function readPeriod(scanner: QueryScanner, match: RegExpExecArray): Expression {
  const unit = units[match[2].toLowerCase()];
  if (unit === undefined || Number(match[1]) === 0) throw scanner.error(`invalid period ${match[0]}`, match.index);
  return { kind: "period", period: { count: Number(match[1]), unit } };
}

function call(scanner: QueryScanner, place: Place): Expression {
  const start = scanner.at;
  const written = scanner.takeMatch(/[A-Za-z_]\w*/y)![0];
  const name = written.toLowerCase();
  const isAggregate = Object.hasOwn(aggregates, name);
  if (!isAggregate && !Object.hasOwn(functions, name)) throw scanner.error(`unknown function ${written}`, start);
  if (isAggregate && !place.aggregates) throw scanner.error(`${written} is for stats only, found`, start);
  scanner.expect("(");
  const args: Expression[] = [];
  if (isAggregate && name.startsWith("count") && scanner.take("*")) scanner.expect(")");
  else if (!scanner.take(")")) {
    do args.push(parseExpression(scanner, { ...place, aggregates: place.aggregates && !isAggregate }));
    while (scanner.take(","));
    scanner.expect(")");
  }
  const [least, most] = isAggregate ? aggregates[name].arity : functions[name].arity;
  if (args.length < least || args.length > most) {
    const wanted = least === most ? `${least}` : most === Infinity ? `${least} or more` : `${least} to ${most}`;
    throw scanner.error(`${written} takes ${wanted} arguments, got ${args.length}`, start);
  }
  const misplaced = args.findIndex((arg, at) => arg.kind === "period" && !functions[name]?.periods?.includes(at));
  const missing = functions[name]?.periods?.find((at) => args[at]?.kind !== "period");
  if (misplaced !== -1 || missing !== undefined) {
    throw scanner.error(`${written} takes ${missing === undefined ? "no period" : "a period such as 5m"}`, start);
  }
  if (name === "pct" && !(args[1].kind === "literal" && typeof args[1].value === "number")) {
    throw scanner.error("pct takes a percentage between 0 and 100", start);
  }
  return { kind: "call", name, args };
}

function binary(operator: BinaryOperator, left: Expression, right: Expression): Expression {
  return { kind: "binary", operator, left, right };
}
