/**
 * Checks typed input against every constraint of the description, and words what it finds as AWS does:
 *
 *     2 validation errors detected: Value 'my_job' at 'trainingJobName' failed to satisfy constraint: Member must
 *     satisfy regular expression pattern: …; Value null at 'roleArn' failed to satisfy constraint: Member must not be null
 *
 * Validators are compiled once per operation into closures that touch only members which can be wrong.
 */
import { AwsError } from "./aws-error.ts";
import type { CompiledOperation, CompiledService } from "./compiled-service.ts";
import { speaksS3 } from "./codec/s3-dialect.ts";
import { compileJavaPattern } from "./java-pattern.ts";
import type { ShapeModel, ShapeReference } from "./service-model.ts";

export type ConstraintKind = "required" | "enum" | "pattern" | "length" | "range" | "union";

export interface ValidationOptions {
  /** The constraints that are enforced; all of them unless the service's dialect knows better. */
  readonly kinds?: readonly ConstraintKind[];
  /** The error's code where a service has one of its own, e.g. `ValidationError`. */
  readonly code?: string;
}

const allKinds: readonly ConstraintKind[] = ["required", "enum", "pattern", "length", "range", "union"];
/** S3 answers bad values with errors of its own, from its handlers (`InvalidBucketName`, `InvalidArgument`, …). */
const s3Kinds: readonly ConstraintKind[] = ["required"];

/** Violations that a message spells out; it counts all of them. */
const maxViolationsShown = 100;
/** Characters of a value that a message repeats. */
const maxValueShown = 1024;

const validators = new WeakMap<CompiledService, Map<string, Validators>>();

/**
 * Does nothing when the input keeps every enforced constraint.
 *
 * @throws AwsError `ValidationException` (or `options.code`), status 400, naming every violation
 */
export function validateInput(
  operation: CompiledOperation,
  input: Readonly<Record<string, unknown>>,
  options: ValidationOptions = {},
): void {
  const validate = validatorOf(operation, options.kinds);
  if (validate === undefined) return;
  const report = new Report();
  validate(input as never, report);
  report.throwIfAny(options.code ?? "ValidationException");
}

function validatorOf(
  { service, model }: CompiledOperation,
  kinds: readonly ConstraintKind[] | undefined,
): InnerValidator | undefined {
  if (model.input === undefined) return undefined;
  const enforced = kinds ?? (speaksS3(service) ? s3Kinds : allKinds);
  let ofService = validators.get(service);
  if (ofService === undefined) validators.set(service, (ofService = new Map()));
  const key = enforced.join();
  let compiled = ofService.get(key);
  if (compiled === undefined) ofService.set(key, (compiled = new Validators(service, new Set(enforced))));
  return compiled.inner(model.input.shape);
}

/** What was found, and where the walk is. */
class Report {
  readonly path: string[] = [];
  readonly #violations: string[] = [];
  #count = 0;

  /** @param value as it is to be shown, quotes included; empty when it must not be repeated */
  add(value: string, constraint: string): void {
    this.#count += 1;
    if (this.#count > maxViolationsShown) return;
    this.#violations.push(
      `Value${value === "" ? "" : ` ${value}`} at '${this.path.join(".")}' failed to satisfy constraint: ${constraint}`,
    );
  }

  throwIfAny(code: string): void {
    if (this.#count === 0) return;
    const left = this.#count - this.#violations.length;
    const rest = left === 0 ? "" : `; and ${left} more`;
    throw new AwsError(
      code,
      `${this.#count} validation error${this.#count === 1 ? "" : "s"} detected: ${this.#violations.join("; ")}${rest}`,
    );
  }
}

/** One rule on one value. */
interface Constraint {
  /** `Member must have length less than or equal to 63` */
  readonly text: string;
  readonly holds: (value: never) => boolean;
}

/** Checks what a value contains: members, elements, entries. */
type InnerValidator = (value: never, report: Report) => void;

class Validators {
  readonly #service: CompiledService;
  readonly #kinds: ReadonlySet<ConstraintKind>;
  readonly #own = new Map<string, readonly Constraint[]>();
  readonly #inner = new Map<string, InnerValidator | undefined>();

  constructor(service: CompiledService, kinds: ReadonlySet<ConstraintKind>) {
    this.#service = service;
    this.#kinds = kinds;
  }

  /** The validator of what values of the shape contain; undefined when nothing in them can be wrong. */
  inner(name: string): InnerValidator | undefined {
    if (this.#inner.has(name)) return this.#inner.get(name);
    const shape = this.#service.shape(name);
    if (shape.type !== "structure" && shape.type !== "list" && shape.type !== "map") return undefined;
    // A shape that contains itself meets this entry while it is being compiled.
    this.#inner.set(name, (value, report) => compiled?.(value, report));
    const compiled = this.#compile(shape);
    this.#inner.set(name, compiled);
    return compiled;
  }

  #compile(shape: ShapeModel): InnerValidator | undefined {
    if (shape.type === "structure") return this.#structure(shape);
    return shape.type === "list" ? this.#list(shape) : this.#map(shape);
  }

  #ownConstraints(reference: ShapeReference): readonly Constraint[] {
    // The text of a header that holds JSON is not at hand any more; its limits are the service's to check.
    if (reference.jsonvalue && reference.location === "header") return [];
    const known = this.#own.get(reference.shape);
    if (known !== undefined) return known;
    const constraints = constraintsOf(this.#service.shape(reference.shape), this.#kinds);
    this.#own.set(reference.shape, constraints);
    return constraints;
  }

  #structure(shape: ShapeModel): InnerValidator | undefined {
    if (shape.document) return undefined;
    const required = new Set(this.#kinds.has("required") ? shape.required : []);
    const members = Object.entries(shape.members ?? {})
      .map(([name, reference]) => ({
        name,
        // AWS names members in its own language's style.
        pathName: name[0].toLowerCase() + name.slice(1),
        required: required.has(name),
        own: this.#ownConstraints(reference),
        inner: this.inner(reference.shape),
        show: this.#shower(reference),
      }))
      .filter((member) => member.required || member.own.length > 0 || member.inner !== undefined);
    if (members.length === 0) return undefined;
    return (structure: Readonly<Record<string, never>>, report) => {
      for (const { name, pathName, required, own, inner, show } of members) {
        const value = structure[name];
        if (value === undefined || value === null) {
          if (!required) continue;
          report.path.push(pathName);
          report.add("null", "Member must not be null");
        } else {
          report.path.push(pathName);
          for (const { holds, text } of own) if (!holds(value)) report.add(show(value), text);
          inner?.(value, report);
        }
        report.path.pop();
      }
    };
  }

  #list(shape: ShapeModel): InnerValidator | undefined {
    const element = shape.member!;
    const own = this.#ownConstraints(element);
    const inner = this.inner(element.shape);
    const show = this.#collectionShower(element);
    const rules = `Member must satisfy constraint: [${own.map(({ text }) => text).join(", ")}]`;
    const notNull = "Member must satisfy constraint: [Member must not be null]";
    const mayHoldNull = !this.#kinds.has("required");
    if (mayHoldNull && own.length === 0 && inner === undefined) return undefined;
    return (list: readonly never[], report) => {
      // A bad element is reported once, at the list, with all rules of its elements.
      if (!mayHoldNull && list.includes(null as never)) report.add(show(list as never), notNull);
      if (own.length > 0 && list.some((item) => item !== null && !own.every(({ holds }) => holds(item))))
        report.add(show(list as never), rules);
      if (inner === undefined) return;
      for (let index = 0; index < list.length; index += 1) {
        if (list[index] === null) continue;
        report.path.push(String(index + 1), "member");
        inner(list[index], report);
        report.path.length -= 2;
      }
    };
  }

  #map(shape: ShapeModel): InnerValidator | undefined {
    const keyRules = this.#ownConstraints(shape.key!);
    const valueRules = this.#ownConstraints(shape.value!);
    const inner = this.inner(shape.value!.shape);
    const show = this.#collectionShower(shape.value!);
    const textOf = (rules: readonly Constraint[]): string => `[${rules.map(({ text }) => text).join(", ")}]`;
    const keyText = `Map keys must satisfy constraint: ${textOf(keyRules)}`;
    const valueText = `Map value must satisfy constraint: ${textOf(valueRules)}`;
    const notNull = "Map value must satisfy constraint: [Member must not be null]";
    const mayHoldNull = !this.#kinds.has("required");
    if (mayHoldNull && keyRules.length === 0 && valueRules.length === 0 && inner === undefined) return undefined;
    return (map: Readonly<Record<string, never>>, report) => {
      const keys = Object.keys(map);
      if (keyRules.length > 0 && keys.some((key) => !keyRules.every(({ holds }) => holds(key as never))))
        report.add(show(map as never), keyText);
      if (!mayHoldNull && keys.some((key) => map[key] === null)) report.add(show(map as never), notNull);
      if (
        valueRules.length > 0 &&
        keys.some((key) => map[key] !== null && !valueRules.every(({ holds }) => holds(map[key])))
      ) {
        report.add(show(map as never), valueText);
      }
      if (inner === undefined) return;
      for (const key of keys) {
        if (map[key] === null) continue;
        report.path.push(key, "member");
        inner(map[key], report);
        report.path.length -= 2;
      }
    };
  }

  /** How a violation repeats a value: scalars and collections of scalars in quotes, structures and secrets not at all. */
  #shower(reference: ShapeReference): (value: never) => string {
    const shape = this.#service.shape(reference.shape);
    if (shape.sensitive) return () => "";
    if (shape.type === "list") return this.#collectionShower(shape.member!);
    if (shape.type === "map")
      return this.#service.shape(shape.key!.shape).sensitive ? () => "" : this.#collectionShower(shape.value!);
    if (shape.type === "structure" || shape.type === "blob") return () => "";
    return (value) => quoted(String(value));
  }

  #collectionShower(element: ShapeReference): (value: never) => string {
    const shape = this.#service.shape(element.shape);
    const showsElements = !shape.sensitive && !["structure", "list", "map", "blob"].includes(shape.type);
    return (value: readonly unknown[] | Readonly<Record<string, unknown>>) => {
      const isList = Array.isArray(value);
      if (isList ? value.length === 0 : Object.keys(value).length === 0) return isList ? "'[]'" : "'{}'";
      if (!showsElements) return "";
      // As Java writes them: [a, b] and {a=b}.
      return isList
        ? quoted(`[${value.map(String).join(", ")}]`)
        : quoted(
            `{${Object.entries(value)
              .map(([key, item]) => `${key}=${String(item)}`)
              .join(", ")}}`,
          );
    };
  }
}

function quoted(text: string): string {
  return text.length <= maxValueShown ? `'${text}'` : `'${text.slice(0, maxValueShown)}…'`;
}

const atMost = (max: number): string => `Member must have length less than or equal to ${max}`;
const atLeast = (min: number): string => `Member must have length greater than or equal to ${min}`;

/** The rules of a shape by itself, in the order in which AWS lists them. */
function constraintsOf(shape: ShapeModel, kinds: ReadonlySet<ConstraintKind>): readonly Constraint[] {
  const constraints: Constraint[] = [];
  const add = (kind: ConstraintKind, text: string, holds: (value: never) => boolean): void => {
    if (kinds.has(kind)) constraints.push({ text, holds });
  };
  const { min, max } = shape;
  const sizes = (size: (value: never) => number): void => {
    if (max !== undefined) add("length", atMost(max), (value) => size(value) <= max);
    if (min !== undefined) add("length", atLeast(min), (value) => size(value) >= min);
  };
  switch (shape.type) {
    case "string":
    case "character":
      if (shape.enum !== undefined) {
        const values = new Set(shape.enum);
        add("enum", `Member must satisfy enum value set: [${shape.enum.join(", ")}]`, (value) => values.has(value));
      }
      // A string has at least half as many characters as it has UTF-16 units, so most are never counted.
      if (max !== undefined)
        add("length", atMost(max), (text: string) => text.length <= max || codePoints(text) <= max);
      if (min !== undefined)
        add("length", atLeast(min), (text: string) => text.length >= min * 2 || codePoints(text) >= min);
      if (shape.pattern !== undefined)
        add(
          "pattern",
          `Member must satisfy regular expression pattern: ${shape.pattern}`,
          patternTest(shape.pattern, max),
        );
      break;
    case "list":
      sizes((list: readonly unknown[]) => list.length);
      break;
    case "map":
      sizes((map: object) => Object.keys(map).length);
      break;
    case "blob":
      // The length of a stream is not known before it was read.
      if (!shape.streaming) sizes((blob: Uint8Array) => blob.byteLength);
      break;
    case "structure":
      if (shape.union) {
        const names = Object.keys(shape.members ?? {});
        add(
          "union",
          `Member must have exactly one of its members set: [${names.join(", ")}]`,
          (union: Readonly<Record<string, unknown>>) => {
            return names.filter((name) => union[name] !== undefined).length === 1;
          },
        );
      }
      break;
    case "boolean":
    case "timestamp":
      break;
    default: {
      const isDecimal = shape.type === "float" || shape.type === "double";
      const written = (bound: number): string => (isDecimal && Number.isInteger(bound) ? `${bound}.0` : String(bound));
      // NaN keeps no bound.
      if (max !== undefined)
        add(
          "range",
          `Member must have value less than or equal to ${written(max)}`,
          (value) => (value as number) <= max,
        );
      if (min !== undefined)
        add(
          "range",
          `Member must have value greater than or equal to ${written(min)}`,
          (value) => (value as number) >= min,
        );
    }
  }
  return constraints;
}

/**
 * Compiled on first use: most patterns are never needed. A value that is too long already violates its length, so
 * the pattern is not tried on it, however long it is.
 */
function patternTest(pattern: string, max: number | undefined): (value: string) => boolean {
  let expression: RegExp | undefined;
  return (value) => {
    if (max !== undefined && value.length > max && codePoints(value) > max) return true;
    expression ??= compileJavaPattern(pattern);
    return expression.test(value);
  };
}

/** Characters as Unicode counts them: a surrogate pair is one. */
function codePoints(text: string): number {
  let pairs = 0;
  for (let index = 0; index < text.length - 1; index += 1) {
    if ((text.charCodeAt(index) & 0xfc00) === 0xd800 && (text.charCodeAt(index + 1) & 0xfc00) === 0xdc00) {
      pairs += 1;
      index += 1;
    }
  }
  return text.length - pairs;
}
