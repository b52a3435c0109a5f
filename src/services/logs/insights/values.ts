/** Values of Insights queries: text, numbers, truth, times, and what jsonParse makes. */

/** A moment, which is written as a date. */
export class Time {
  /** ms since the epoch */
  readonly ms: number;

  constructor(ms: number) {
    this.ms = ms;
  }
}

export type Structure = readonly unknown[] | { readonly [key: string]: unknown };
/** undefined is a field that an event does not have. */
export type Value = string | number | boolean | Time | Structure | undefined;

const numberForm = /^\s*[+-]?(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][+-]?\d+)?\s*$/;

/** The number that a value is or spells; undefined when it is none. */
export function numberOf(value: Value): number | undefined {
  if (typeof value === "number") return value;
  if (typeof value === "string") return value.length <= 400 && numberForm.test(value) ? Number(value) : undefined;
  if (typeof value === "boolean") return value ? 1 : 0;
  return value instanceof Time ? value.ms : undefined;
}

/** As results show it: dates in UTC, truth as 1 and 0. */
export function textOf(value: Value): string | undefined {
  switch (typeof value) {
    case "string":
      return value;
    case "number":
      return Number.isFinite(value) ? String(value) : undefined;
    case "boolean":
      return value ? "1" : "0";
    case "undefined":
      return undefined;
    default:
      if (!(value instanceof Time)) return JSON.stringify(value);
      // The ends of what a Date can be; what is beyond has no date.
      if (!Number.isFinite(value.ms) || Math.abs(value.ms) > 8.64e15) return undefined;
      return new Date(value.ms).toISOString().replace("T", " ").replace("Z", "");
  }
}

export function isTrue(value: Value): boolean {
  if (typeof value === "boolean") return value;
  return value === "true" || numberOf(value) === 1;
}

/** A value found in JSON. */
export function valueOfJson(found: unknown): Value {
  return found === null ? undefined : (found as Value);
}

/** Order of two values that are there: as numbers when both are or spell numbers, else as text. */
export function compareValues(a: Value, b: Value): number {
  const [left, right] = [numberOf(a), numberOf(b)];
  if (left !== undefined && right !== undefined) return left - right;
  const [leftText, rightText] = [textOf(a) ?? "", textOf(b) ?? ""];
  return leftText < rightText ? -1 : leftText > rightText ? 1 : 0;
}

/** Truth equals what it is called and what it is shown as. */
export function areEqual(a: Value, b: Value): boolean {
  if (typeof a === "boolean" || typeof b === "boolean") {
    const names = [a, b].map((value) => (value === "true" ? true : value === "false" ? false : value));
    return numberOf(names[0]) === numberOf(names[1]);
  }
  return compareValues(a, b) === 0;
}
