/**
 * Reads the strings of a job's `HyperParameters` by an algorithm's table of definitions. The table is the only place
 * where names, ranges and defaults stand; this file walks it and says everything that is wrong at once.
 */
import type { HyperparameterDefinition } from "./algorithm.ts";

type Value = number | boolean | string | readonly string[];

/** Validated hyperparameters under their first name, defaults filled in. */
export class HyperparameterValues {
  readonly #values: ReadonlyMap<string, Value>;
  readonly #given: ReadonlySet<string>;

  constructor(values: ReadonlyMap<string, Value>, given: ReadonlySet<string>) {
    this.#values = values;
    this.#given = given;
  }

  /** Whether the job names the parameter, rather than leaving it to its default. */
  isGiven(name: string): boolean {
    return this.#given.has(name);
  }

  /** @throws Error when the parameter has neither a value nor a default, or is no number: a mistake in our table */
  number(name: string): number {
    const value = this.#values.get(name);
    if (typeof value !== "number") throw new Error(`hyperparameter table: ${name} has no number`);
    return value;
  }

  optionalNumber(name: string): number | undefined {
    return this.#values.has(name) ? this.number(name) : undefined;
  }

  /** Same errors as `number`. */
  text(name: string): string {
    const value = this.#values.get(name);
    if (typeof value !== "string") throw new Error(`hyperparameter table: ${name} has no text`);
    return value;
  }

  optionalText(name: string): string | undefined {
    return this.#values.has(name) ? this.text(name) : undefined;
  }

  /** Same errors as `number`. */
  flag(name: string): boolean {
    const value = this.#values.get(name);
    if (typeof value !== "boolean") throw new Error(`hyperparameter table: ${name} has no boolean`);
    return value;
  }

  /** The items of a list; empty when neither given nor defaulted. */
  list(name: string): readonly string[] {
    const value = this.#values.get(name) ?? [];
    if (typeof value !== "object") throw new Error(`hyperparameter table: ${name} has no list`);
    return value;
  }
}

export interface HyperparameterReading {
  /** One sentence per problem; empty when the job may start. */
  readonly problems: readonly string[];
  /** Holds what could be read; complete only when there are no problems. */
  readonly values: HyperparameterValues;
}

/**
 * Checks names, types, ranges and refusals of `given` against the table, and reads the values.
 *
 * SDKs encode strings as JSON (`"\"hist\""`); such a value counts as its content.
 *
 * @param title the algorithm's name in sentences, e.g. `XGBoost`
 */
export function readHyperparameters(
  title: string,
  definitions: readonly HyperparameterDefinition[],
  given: Readonly<Record<string, string>>,
): HyperparameterReading {
  const problems: string[] = [];
  const values = new Map<string, Value>();
  const usedName = new Map<string, string>();
  const byName = new Map(
    definitions.flatMap((definition) => namesOf(definition).map((name) => [name, definition] as const)),
  );

  for (const [name, raw] of Object.entries(given)) {
    const definition = byName.get(name);
    if (definition === undefined) {
      problems.push(unknownName(title, name, [...byName.keys()]));
      continue;
    }
    const other = usedName.get(definition.name);
    if (other !== undefined) {
      problems.push(`${other} and ${name} are two names of one hyperparameter; give only one of them.`);
      continue;
    }
    usedName.set(definition.name, name);
    const outcome = readValue(definition, name, unquote(raw));
    if ("problem" in outcome) problems.push(outcome.problem);
    else values.set(definition.name, outcome.value);
  }

  for (const definition of definitions) {
    if (usedName.has(definition.name)) continue;
    if (definition.required === true)
      problems.push(`Hyperparameter ${definition.name} is required: ${definition.description}`);
    if (definition.default === undefined) continue;
    const outcome = readValue(definition, definition.name, definition.default);
    if ("problem" in outcome)
      throw new Error(`hyperparameter table: default of ${definition.name}: ${outcome.problem}`);
    values.set(definition.name, outcome.value);
  }
  return { problems, values: new HyperparameterValues(values, new Set(usedName.keys())) };
}

function namesOf(definition: HyperparameterDefinition): readonly string[] {
  return [definition.name, ...(definition.aliases ?? [])];
}

type Outcome = { readonly value: Value } | { readonly problem: string };

function readValue(definition: HyperparameterDefinition, name: string, text: string): Outcome {
  const refused = definition.refused;
  if (refused !== undefined && (refused.values === undefined || refused.values.includes(text))) {
    return { problem: `${name}=${shown(text)} is not supported by Sagebrush: ${refused.because}` };
  }
  const value = parsers[definition.type](text.trim(), definition);
  if (value === undefined || !isInRange(value, definition)) {
    return { problem: `${name} must be ${ruleOf(definition)}, got ${JSON.stringify(shown(text))}.` };
  }
  return { value };
}

const booleans: ReadonlyMap<string, boolean> = new Map([
  ["true", true],
  ["True", true],
  ["false", false],
  ["False", false],
]);

const parsers: Readonly<
  Record<HyperparameterDefinition["type"], (text: string, definition: HyperparameterDefinition) => Value | undefined>
> = {
  integer: (text) => (/^[+-]?\d{1,10}$/.test(text) && Math.abs(Number(text)) < 2 ** 31 ? Number(text) : undefined),
  float: (text) =>
    /^[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?$/i.test(text) && Number.isFinite(Number(text)) ? Number(text) : undefined,
  boolean: (text) => booleans.get(text),
  enum: (text, { values }) => (values?.includes(text) === true ? text : undefined),
  list: (text) => parseList(text),
  string: (text) => text,
};

/** `a,b` or a JSON list of strings and numbers; undefined when an item is empty. */
function parseList(text: string): readonly string[] | undefined {
  let items = text.split(",").map((item) => item.trim());
  if (text.startsWith("[")) {
    try {
      const parsed: unknown = JSON.parse(text.replaceAll("'", '"'));
      if (!Array.isArray(parsed)) return undefined;
      items = parsed.map(String);
    } catch {
      return undefined;
    }
  }
  return items.length > 0 && items.every((item) => item !== "") ? items : undefined;
}

function isInRange(value: Value, { min, max, exclusiveMin, exclusiveMax }: HyperparameterDefinition): boolean {
  if (typeof value !== "number") return true;
  if (min !== undefined && (value < min || (exclusiveMin === true && value === min))) return false;
  return max === undefined || (value <= max && (exclusiveMax !== true || value !== max));
}

/** The rule in words, e.g. `an integer >= 0`, `a number > 0 and <= 1`, `one of auto, hist`. */
export function ruleOf(definition: HyperparameterDefinition): string {
  const { type, min, max, exclusiveMin, exclusiveMax, values, refused } = definition;
  if (type === "enum")
    return `one of ${(values ?? []).filter((value) => refused?.values?.includes(value) !== true).join(", ")}`;
  if (type === "boolean") return "true or false";
  if (type === "list") return "a list of names separated by commas";
  if (type === "string") return "a text";
  const bounds = [
    ...(min === undefined ? [] : [`${exclusiveMin === true ? ">" : ">="} ${min}`]),
    ...(max === undefined ? [] : [`${exclusiveMax === true ? "<" : "<="} ${max}`]),
  ];
  return [type === "integer" ? "an integer" : "a number", bounds.join(" and ")].join(" ").trim();
}

/** The content of a JSON string literal; any other text as it is. */
function unquote(text: string): string {
  if (!/^".*"$/s.test(text)) return text;
  try {
    const content: unknown = JSON.parse(text);
    return typeof content === "string" ? content : text;
  } catch {
    return text;
  }
}

function shown(text: string): string {
  return text.length > 60 ? `${text.slice(0, 60)}…` : text;
}

function unknownName(title: string, name: string, known: readonly string[]): string {
  const nearest = nearestName(name, known);
  const hint = nearest === undefined ? "" : ` Did you mean ${JSON.stringify(nearest)}?`;
  return `Hyperparameter ${JSON.stringify(shown(name))} is unknown to ${title}.${hint}`;
}

/** The known name with the fewest edits; undefined when none is close enough to be a slip of the finger. */
export function nearestName(name: string, known: readonly string[]): string | undefined {
  const limit = Math.max(2, Math.floor(name.length / 3));
  if (name.length > 64) return undefined;
  let best: { readonly name: string; readonly distance: number } | undefined;
  for (const candidate of known) {
    const distance = editDistance(name.toLowerCase(), candidate.toLowerCase());
    if (distance <= limit && distance < (best?.distance ?? Infinity)) best = { name: candidate, distance };
  }
  return best?.name;
}

/** Levenshtein's distance: the fewest insertions, deletions and replacements that turn `a` into `b`. */
function editDistance(a: string, b: string): number {
  let previous = Array.from({ length: b.length + 1 }, (_, at) => at);
  for (let i = 1; i <= a.length; i += 1) {
    const row = [i];
    for (let j = 1; j <= b.length; j += 1) {
      const replaced = previous[j - 1] + (a[i - 1] === b[j - 1] ? 0 : 1);
      row.push(Math.min(replaced, previous[j] + 1, row[j - 1] + 1));
    }
    previous = row;
  }
  return previous[b.length];
}
