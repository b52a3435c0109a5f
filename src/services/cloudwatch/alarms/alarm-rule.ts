/**
 * The rule of a composite alarm: `ALARM(a) AND (OK("b c") OR NOT INSUFFICIENT_DATA(arn:aws:cloudwatch:…:alarm:d))`.
 *
 * Source: API reference of PutCompositeAlarm, "AlarmRule".
 */
import type { StateValue } from "../../../protocol/generated/cloudwatch.ts";
import { validationError } from "../errors.ts";

export type AlarmRule =
  | { readonly kind: "constant"; readonly value: boolean }
  | { readonly kind: "state"; readonly state: StateValue; readonly alarm: string }
  | { readonly kind: "not"; readonly operand: AlarmRule }
  | { readonly kind: "and" | "or"; readonly left: AlarmRule; readonly right: AlarmRule };

const maxElements = 500;
const maxDepth = 100;
const states: ReadonlySet<string> = new Set(["ALARM", "OK", "INSUFFICIENT_DATA"]);
const token =
  /\s+|([()])|(AND|OR|NOT|TRUE|FALSE)(?![\w-])|(ALARM|OK|INSUFFICIENT_DATA)\s*\(\s*(?:"((?:[^"\\]|\\.)*)"|'((?:[^'\\]|\\.)*)'|([^()"'\s]+(?:\s+[^()"'\s]+)*))\s*\)/y;

type Token =
  | { readonly kind: "word"; readonly word: string; readonly at: number }
  | { readonly kind: "state"; readonly state: StateValue; readonly alarm: string; readonly at: number };

/** @throws AwsError ValidationError with the place of the mistake */
export function parseAlarmRule(text: string): AlarmRule {
  return new RuleParser(tokensOf(text), text).whole();
}

/** The names of the alarms that a rule looks at, in their order. */
export function alarmsOf(rule: AlarmRule): string[] {
  const found = new Set<string>();
  const visit = (node: AlarmRule): void => {
    if (node.kind === "state") found.add(node.alarm);
    else if (node.kind === "not") visit(node.operand);
    else if (node.kind !== "constant") {
      visit(node.left);
      visit(node.right);
    }
  };
  visit(rule);
  return [...found];
}

/** @param stateOf the state of an alarm; undefined when there is none, which makes no function true */
export function holds(rule: AlarmRule, stateOf: (alarm: string) => StateValue | undefined): boolean {
  switch (rule.kind) {
    case "constant":
      return rule.value;
    case "state":
      return stateOf(rule.alarm) === rule.state;
    case "not":
      return !holds(rule.operand, stateOf);
    case "and":
      return holds(rule.left, stateOf) && holds(rule.right, stateOf);
    case "or":
      return holds(rule.left, stateOf) || holds(rule.right, stateOf);
  }
}

function tokensOf(text: string): Token[] {
  const tokens: Token[] = [];
  token.lastIndex = 0;
  while (token.lastIndex < text.length) {
    const at = token.lastIndex;
    const match = token.exec(text);
    if (match === null) throw mistake(text, at);
    const [, symbol, word, state, double, single, bare] = match;
    if ((symbol ?? word) !== undefined) tokens.push({ kind: "word", word: symbol ?? word, at });
    else if (states.has(state)) {
      const name = double ?? single;
      const alarm = nameOf(name === undefined ? bare : name.replaceAll(/\\(.)/gs, "$1"));
      tokens.push({ kind: "state", state: state as StateValue, alarm, at });
    }
    if (tokens.length > 4 * maxElements) throw tooLarge();
  }
  if (tokens.filter(({ kind }) => kind === "state").length > maxElements) throw tooLarge();
  return tokens;
}

/** Alarms are named, or given by their ARN. */
function nameOf(alarm: string): string {
  return /^arn:[^:]*:cloudwatch:[^:]*:\d{12}:alarm:(.+)$/s.exec(alarm)?.[1] ?? alarm;
}

function mistake(text: string, at: number): Error {
  return validationError(
    `AlarmRule is not a valid rule: unexpected '${text.slice(at, at + 20)}' at position ${at + 1}; it consists of ALARM(…), OK(…), INSUFFICIENT_DATA(…), TRUE, FALSE, AND, OR, NOT and parentheses`,
  );
}

function tooLarge(): Error {
  return validationError(`AlarmRule has more than ${maxElements} elements`);
}

class RuleParser {
  readonly #tokens: readonly Token[];
  readonly #text: string;
  #position = 0;
  #depth = 0;

  constructor(tokens: readonly Token[], text: string) {
    this.#tokens = tokens;
    this.#text = text;
  }

  whole(): AlarmRule {
    const rule = this.#either();
    if (this.#position < this.#tokens.length) throw this.#mistake();
    return rule;
  }

  #either(): AlarmRule {
    let left = this.#both();
    while (this.#take("OR")) left = { kind: "or", left, right: this.#both() };
    return left;
  }

  #both(): AlarmRule {
    let left = this.#operand();
    while (this.#take("AND")) left = { kind: "and", left, right: this.#operand() };
    return left;
  }

  #operand(): AlarmRule {
    this.#depth += 1;
    if (this.#depth > maxDepth) throw validationError(`AlarmRule is nested deeper than ${maxDepth} levels`);
    const operand = this.#nested();
    this.#depth -= 1;
    return operand;
  }

  #nested(): AlarmRule {
    if (this.#take("NOT")) return { kind: "not", operand: this.#operand() };
    if (this.#take("TRUE")) return { kind: "constant", value: true };
    if (this.#take("FALSE")) return { kind: "constant", value: false };
    if (this.#take("(")) {
      const inner = this.#either();
      if (!this.#take(")")) throw this.#mistake();
      return inner;
    }
    const next = this.#tokens[this.#position];
    if (next?.kind !== "state") throw this.#mistake();
    this.#position += 1;
    return { kind: "state", state: next.state, alarm: next.alarm };
  }

  #take(word: string): boolean {
    const next = this.#tokens[this.#position];
    if (next?.kind !== "word" || next.word !== word) return false;
    this.#position += 1;
    return true;
  }

  #mistake(): Error {
    return mistake(this.#text, this.#tokens[this.#position]?.at ?? this.#text.length);
  }
}
