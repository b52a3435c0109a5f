/** Checks of the parts that name a metric, worded as the operations of 2010 do. */
import type { Dimension } from "../../../protocol/generated/cloudwatch.ts";
import { invalidValue, missingParameter } from "../errors.ts";
import { sortedDimensions } from "../store/metric-store.ts";

const maxDimensions = 30;
// Control characters have no place in names; this also keeps them free for our own use as separators.
// oxlint-disable-next-line no-control-regex
const controlCharacter = /[\0-\x1f\x7f]/;

/** @param parameter its place in the input, e.g. `MetricData.member.1.MetricName` */
export function checkName(value: string | undefined, parameter: string, maxLength = 255): string {
  if (value === undefined) throw missingParameter(parameter);
  if (value.length === 0 || value.trim() === "") throw invalidValue(`The parameter ${parameter} must not be empty.`);
  if (value.length > maxLength) {
    throw invalidValue(`The parameter ${parameter} must be shorter than ${maxLength + 1} characters.`);
  }
  if (controlCharacter.test(value)) {
    throw invalidValue(`The parameter ${parameter} must not contain control characters.`);
  }
  return value;
}

export function checkNamespace(value: string | undefined, parameter = "Namespace"): string {
  const namespace = checkName(value, parameter);
  if (namespace.startsWith(":")) throw invalidValue(`The value ${namespace} for parameter ${parameter} is invalid.`);
  return namespace;
}

/** @returns the dimensions as metrics are told apart by them */
export function checkDimensions(dimensions: readonly Dimension[] | undefined, parameter: string): [string, string][] {
  if (dimensions === undefined || dimensions.length === 0) return [];
  if (dimensions.length > maxDimensions) {
    throw invalidValue(`The collection ${parameter} must not have a size greater than ${maxDimensions}.`);
  }
  const checked = dimensions.map(({ Name, Value }, index): [string, string] => {
    const member = `${parameter}.member.${index + 1}`;
    const name = checkName(Name, `${member}.Name`);
    if (name.startsWith(":")) throw invalidValue(`The value ${name} for parameter ${member}.Name is invalid.`);
    return [name, checkName(Value, `${member}.Value`, 1024)];
  });
  const seen = new Set<string>();
  for (const [name] of checked) {
    if (seen.has(name)) throw invalidValue(`The parameter ${parameter} has the dimension ${name} more than once.`);
    seen.add(name);
  }
  return checked.length < 2 ? checked : sortedDimensions(checked);
}
