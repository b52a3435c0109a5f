/** The units of CloudWatch. They label values; nothing is converted. */
import type { StandardUnit } from "../../../protocol/generated/cloudwatch.ts";
import { invalidValue } from "../errors.ts";

const sizes = ["Bytes", "Kilobytes", "Megabytes", "Gigabytes", "Terabytes"] as const;
const bits = ["Bits", "Kilobits", "Megabits", "Gigabits", "Terabits"] as const;

export const units: readonly StandardUnit[] = [
  "Seconds",
  "Microseconds",
  "Milliseconds",
  ...sizes,
  ...bits,
  "Percent",
  "Count",
  ...sizes.map((unit) => `${unit}/Second` as const),
  ...bits.map((unit) => `${unit}/Second` as const),
  "Count/Second",
  "None",
];

const known = new Set<string>(units);

export function checkUnit(unit: string | undefined, parameter: string): string | undefined {
  if (unit === undefined || known.has(unit)) return unit;
  throw invalidValue(`The parameter ${parameter} must be a value in the set [ ${units.join(", ")} ].`);
}
