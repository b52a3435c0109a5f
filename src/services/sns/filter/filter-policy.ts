/**
 * Filter policies: which messages a subscription takes, by their attributes or by the JSON of their body.
 *
 * All keys of a policy must match; of the elements under a key one suffices. Compiled once per text into closures.
 */
import type { MessageAttribute } from "../records.ts";
import {
  compileCondition,
  type Condition,
  FilterPolicyError,
  isOperator,
  isScalar,
  type Scalar,
} from "./conditions.ts";

export { FilterPolicyError } from "./conditions.ts";

export type FilterScope = "MessageAttributes" | "MessageBody";

/** Limits. Source: Amazon SNS Developer Guide, "Filter policy constraints". */
const maxPolicyBytes = 256 * 1024;
const maxKeys = 5;
const maxCombinations = 150;
/** Levels of objects in a policy; its own stack and that of the matcher stay shallow. */
const maxDepth = 20;

/** A level of a message: what its keys hold. */
type Level = Readonly<Record<string, unknown>>;
type Matcher = (level: Level) => boolean;

export interface FilterPolicy {
  /** @param body the text that is delivered */
  accepts(message: {
    readonly body: string;
    readonly attributes?: Readonly<Record<string, MessageAttribute>>;
  }): boolean;
}

/** @throws FilterPolicyError with AWS's words */
export function compileFilterPolicy(policy: string, scope: FilterScope): FilterPolicy {
  if (Buffer.byteLength(policy) > maxPolicyBytes) throw new FilterPolicyError("Filter policy is too long");
  let document: unknown;
  try {
    document = JSON.parse(policy);
  } catch {
    throw new FilterPolicyError("failed to parse JSON.");
  }
  if (!isObject(document)) throw new FilterPolicyError("Filter policy must be an object");
  const compiler = new Compiler(scope);
  const matches = compiler.level(document, 1);
  compiler.checkComplexity();
  return {
    accepts: ({ body, attributes }) => {
      const message = scope === "MessageAttributes" ? attributeValues(attributes ?? {}) : parsedBody(body);
      return message !== undefined && matches(message);
    },
  };
}

class Compiler {
  readonly #scope: FilterScope;
  readonly #keys = new Set<string>();
  #combinations = 1;

  constructor(scope: FilterScope) {
    this.#scope = scope;
  }

  checkComplexity(): void {
    if (this.#keys.size > maxKeys) throw new FilterPolicyError(`Filter policy can not have more than ${maxKeys} keys`);
    if (this.#combinations > maxCombinations) throw new FilterPolicyError("Filter policy is too complex");
  }

  level(policy: Level, depth: number): Matcher {
    if (depth > maxDepth) throw new FilterPolicyError(`Filter policy can not be nested deeper than ${maxDepth} levels`);
    const entries = Object.entries(policy);
    if (depth > 1 && entries.length === 0) throw new FilterPolicyError("Empty objects are not allowed");
    const matchers = entries.map(([key, value]) => this.#key(key, value, depth));
    return (level) => matchers.every((matches) => matches(level));
  }

  #key(key: string, value: unknown, depth: number): Matcher {
    if (Array.isArray(value)) {
      const list = value as unknown[];
      return key === "$or" && isAlternatives(list) ? this.#or(list, depth) : this.#leaf(key, list, depth);
    }
    if (!isObject(value)) throw new FilterPolicyError(`"${key}" must be an object or an array`);
    if (this.#scope === "MessageAttributes") {
      throw new FilterPolicyError("Filter policy scope MessageAttributes does not support nested filter policy");
    }
    const matches = this.level(value, depth + 1);
    // Of a list of objects one must match as a whole.
    return (level) => elementsOf(level, key).some((element) => isObject(element) && matches(element));
  }

  #or(alternatives: Level[], depth: number): Matcher {
    const matchers = alternatives.map((alternative) => this.level(alternative, depth));
    return (level) => matchers.some((matches) => matches(level));
  }

  #leaf(key: string, list: readonly unknown[], depth: number): Matcher {
    if (list.length === 0) throw new FilterPolicyError("Empty arrays are not allowed");
    this.#keys.add(`${depth} ${key}`);
    this.#combinations *= list.length * depth;
    const conditions: Condition[] = [];
    let present = false;
    let absent = false;
    for (const element of list) {
      const condition = compileCondition(element);
      if (typeof condition === "function") conditions.push(condition);
      else if (condition.exists) present = true;
      else absent = true;
    }
    return (level) => {
      const values = elementsOf(level, key).filter(isScalar);
      if (values.length === 0) return absent;
      return present || values.some((value) => conditions.some((matches) => matches(value)));
    };
  }
}

/** `$or` is a name like any other unless it lists at least two objects whose keys are names and not operators. */
function isAlternatives(list: readonly unknown[]): list is Level[] {
  const isLevel = (element: unknown) => {
    const keys = isObject(element) ? Object.keys(element) : [];
    return keys.length > 0 && !keys.some(isOperator);
  };
  return list.length >= 2 && list.every(isLevel);
}

function isObject(value: unknown): value is Level {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** The value under a key, or the elements of the list there, lists in lists laid open. */
function elementsOf(level: Level, key: string): unknown[] {
  if (!Object.hasOwn(level, key)) return [];
  const value = level[key];
  return Array.isArray(value) ? (value as unknown[]).flat(maxDepth) : [value];
}

/** Attributes as values of JSON: numbers, texts, and the elements of String.Array. Binary ones cannot be matched. */
function attributeValues(attributes: Readonly<Record<string, MessageAttribute>>): Level {
  const values: Record<string, unknown> = Object.create(null) as Record<string, unknown>;
  for (const [name, { type, value }] of Object.entries(attributes)) {
    if (type === "Number") values[name] = Number(value);
    else if (type === "String.Array") values[name] = arrayElements(value);
    else if (type === "String") values[name] = value;
  }
  return values;
}

function arrayElements(value: string): Scalar[] {
  const parsed = JSON.parse(value) as unknown;
  return Array.isArray(parsed) ? (parsed as unknown[]).filter(isScalar) : [];
}

/** undefined when the body is no JSON object: nothing of it can be matched, so it is not delivered. */
function parsedBody(body: string): Level | undefined {
  try {
    const parsed: unknown = JSON.parse(body);
    return isObject(parsed) ? parsed : undefined;
  } catch {
    return undefined;
  }
}
