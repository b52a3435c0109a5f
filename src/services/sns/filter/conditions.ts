/**
 * The conditions of filter policies: what one element of a policy's list may say of one value.
 *
 * Source: Amazon SNS Developer Guide, "Amazon SNS subscription filter policies" and its pages on string, numeric and key
 * matching.
 */
import { BlockList, isIP } from "node:net";

/** What is matched: a value of JSON without structure. */
export type Scalar = string | number | boolean | null;
export type Condition = (value: Scalar) => boolean;

/** What is wrong with a policy, in AWS's words. */
export class FilterPolicyError extends Error {}

/** Numbers are compared to five places behind the point, and lie between -10^9 and 10^9. */
const numberScale = 1e5;
const largestNumber = 1e9;
const maxWildcards = 3;

/** `[{ "exists": … }]` looks at the key, not at its values. */
export interface ExistsCondition {
  readonly exists: boolean;
}

/** One element of a list. @throws FilterPolicyError */
export function compileCondition(element: unknown): Condition | ExistsCondition {
  if (isScalar(element)) return equalTo(element);
  if (Array.isArray(element)) throw new FilterPolicyError("Match value must be String, number, true, false, or null");
  const entries = Object.entries(element as object);
  if (entries.length !== 1) throw new FilterPolicyError("Only one key allowed in match expression");
  const [[keyword, operand]] = entries;
  if (keyword === "exists") {
    if (typeof operand !== "boolean") {
      throw new FilterPolicyError("exists match pattern must be either true or false.");
    }
    return { exists: operand };
  }
  if (!Object.hasOwn(keywords, keyword)) throw new FilterPolicyError(`Unrecognized match type ${keyword}`);
  return keywords[keyword](operand);
}

const keywords: Readonly<Record<string, (operand: unknown) => Condition>> = {
  prefix: (operand) => {
    const start = text("prefix", operand);
    return (value) => typeof value === "string" && value.startsWith(start);
  },
  suffix: (operand) => {
    const end = text("suffix", operand);
    return (value) => typeof value === "string" && value.endsWith(end);
  },
  "equals-ignore-case": (operand) => {
    const wanted = text("equals-ignore-case", operand).toLowerCase();
    return (value) => typeof value === "string" && value.toLowerCase() === wanted;
  },
  wildcard: (operand) => {
    const matches = wildcard(text("wildcard", operand));
    return (value) => typeof value === "string" && matches(value);
  },
  cidr,
  numeric,
  "anything-but": anythingBut,
};

/** Whether a key of an object in a policy's list is an operator and not a name. */
export function isOperator(keyword: string): boolean {
  return keyword === "exists" || Object.hasOwn(keywords, keyword);
}

function equalTo(wanted: Scalar): Condition {
  if (typeof wanted !== "number") return (value) => value === wanted;
  const scaled = scale(wanted);
  return (value) => typeof value === "number" && scale(value) === scaled;
}

/** Everything but these values, or but what a prefix, suffix, wildcard or another case of the text describes. */
function anythingBut(operand: unknown): Condition {
  const list: unknown[] = Array.isArray(operand) ? operand : [operand];
  if (list.length === 0) throw new FilterPolicyError("Empty arrays are not allowed");
  const denied = list.flatMap((element) => {
    if (typeof element === "string" || typeof element === "number") return [equalTo(element)];
    if (isScalar(element) || Array.isArray(element)) {
      throw new FilterPolicyError("Inside anything-but list, either all values are number or string");
    }
    const entries = Object.entries(element as object);
    const [keyword, inner] = entries[0] ?? [];
    if (entries.length !== 1 || !["prefix", "suffix", "wildcard", "equals-ignore-case"].includes(keyword)) {
      throw new FilterPolicyError(`Unsupported anything-but pattern: ${keyword ?? "{}"}`);
    }
    const operands: unknown[] = Array.isArray(inner) ? inner : [inner];
    if (operands.length === 0) throw new FilterPolicyError("Empty arrays are not allowed");
    return operands.map((each) => keywords[keyword](each));
  });
  return (value) => denied.every((condition) => !condition(value));
}

const comparisons: Readonly<Record<string, (value: number, bound: number) => boolean>> = {
  "=": (value, bound) => value === bound,
  "<": (value, bound) => value < bound,
  "<=": (value, bound) => value <= bound,
  ">": (value, bound) => value > bound,
  ">=": (value, bound) => value >= bound,
};

/** `["=", 5]`, `[">", 0]` or a range, lower bound first: `[">=", 0, "<", 10]`. */
function numeric(operand: unknown): Condition {
  if (!Array.isArray(operand)) throw new FilterPolicyError("Value of numeric must be an array.");
  const parts = operand as unknown[];
  if (parts.length === 0) throw new FilterPolicyError("Invalid member in numeric match: ]");
  if (parts.length > 4) throw new FilterPolicyError("Too many elements in numeric expression");
  const rules: { operator: string; bound: number }[] = [];
  for (let at = 0; at < parts.length; at += 2) {
    const operator = parts[at];
    if (typeof operator !== "string" || !Object.hasOwn(comparisons, operator)) {
      throw new FilterPolicyError(`Unrecognized numeric range operator: ${JSON.stringify(operator)}`);
    }
    const bound = parts[at + 1];
    if (typeof bound !== "number") throw new FilterPolicyError(`Value of ${operator} must be numeric`);
    rules.push({ operator, bound: scale(bound) });
  }
  if (rules.length === 2) checkRange(rules[0], rules[1]);
  return (value) => {
    if (typeof value !== "number" || Math.abs(value) > largestNumber) return false;
    const scaled = Math.round(value * numberScale);
    return rules.every(({ operator, bound }) => comparisons[operator](scaled, bound));
  };
}

function checkRange(low: { operator: string; bound: number }, high: { operator: string; bound: number }): void {
  if (low.operator === "=") throw new FilterPolicyError("Too many terms in numeric range expression");
  if (!low.operator.startsWith(">")) throw new FilterPolicyError(`Bad numeric range operator: ${low.operator}`);
  if (!high.operator.startsWith("<")) throw new FilterPolicyError(`Bad numeric range operator: ${high.operator}`);
  if (low.bound >= high.bound) throw new FilterPolicyError("Bottom must be less than top");
}

function scale(value: number): number {
  if (Math.abs(value) > largestNumber) throw new FilterPolicyError(`Match value ${value} must be smaller than 1.0E9`);
  return Math.round(value * numberScale);
}

/** `10.0.0.0/24`, `2001:db8::/32` */
function cidr(operand: unknown): Condition {
  const block = text("cidr", operand);
  const slash = block.lastIndexOf("/");
  const address = block.slice(0, Math.max(slash, 0));
  const bits = /^\d{1,3}$/.test(block.slice(slash + 1)) ? Number(block.slice(slash + 1)) : NaN;
  const version = isIP(address);
  if (version === 0 || !(bits <= (version === 4 ? 32 : 128))) {
    throw new FilterPolicyError(`Malformed CIDR, must be an address and the bits of its mask: ${block}`);
  }
  const list = new BlockList();
  list.addSubnet(address, bits, version === 4 ? "ipv4" : "ipv6");
  return (value) =>
    typeof value === "string" && isIP(value) === version && list.check(value, version === 4 ? "ipv4" : "ipv6");
}

/** `*` stands for any text; `\*` and `\\` for themselves. Runs in the length of the value times the pattern's pieces. */
function wildcard(pattern: string): (value: string) => boolean {
  const pieces = [""];
  for (let at = 0; at < pattern.length; at += 1) {
    const character = pattern[at];
    if (character === "*") {
      if (pattern[at + 1] === "*") throw new FilterPolicyError("Consecutive wildcard characters are not allowed");
      pieces.push("");
    } else if (character === "\\") {
      const escaped = pattern[(at += 1)];
      if (escaped !== "*" && escaped !== "\\") throw new FilterPolicyError("Invalid escape character in wildcard");
      pieces[pieces.length - 1] += escaped;
    } else pieces[pieces.length - 1] += character;
  }
  if (pieces.length - 1 > maxWildcards) {
    throw new FilterPolicyError(`At most ${maxWildcards} wildcards are allowed in a pattern`);
  }
  const first = pieces[0];
  if (pieces.length === 1) return (value) => value === first;
  const last = pieces[pieces.length - 1];
  const middle = pieces.slice(1, -1);
  return (value) => {
    if (value.length < first.length + last.length || !value.startsWith(first) || !value.endsWith(last)) return false;
    const end = value.length - last.length;
    let at = first.length;
    for (const piece of middle) {
      const found = value.indexOf(piece, at);
      if (found === -1 || found + piece.length > end) return false;
      at = found + piece.length;
    }
    return true;
  };
}

export function isScalar(value: unknown): value is Scalar {
  return value === null || typeof value === "string" || typeof value === "number" || typeof value === "boolean";
}

function text(keyword: string, operand: unknown): string {
  if (typeof operand !== "string") throw new FilterPolicyError(`${keyword} match pattern must be a string`);
  return operand;
}
