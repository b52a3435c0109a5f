/**
 * The operators of conditions by name.
 * Source: IAM User Guide, "IAM JSON policy elements: Condition operators".
 */

export type ComparisonFamily =
  | "string"
  | "string-ignoring-case"
  | "string-like"
  | "number"
  | "date"
  | "boolean"
  | "binary"
  | "address"
  | "arn"
  | "null";

/** How numbers and dates are compared: the request's value is on the left. */
export type Order = "=" | "<" | "<=" | ">" | ">=";

interface Comparison {
  readonly family: ComparisonFamily;
  readonly negated?: boolean;
  readonly order?: Order;
}

export interface ConditionOperator extends Comparison {
  readonly negated: boolean;
  readonly order: Order;
  /** `ForAllValues:` or `ForAnyValue:` */
  readonly set?: "all" | "any";
  readonly ifExists: boolean;
}

const comparisons: Readonly<Record<string, Comparison>> = {
  StringEquals: { family: "string" },
  StringNotEquals: { family: "string", negated: true },
  StringEqualsIgnoreCase: { family: "string-ignoring-case" },
  StringNotEqualsIgnoreCase: { family: "string-ignoring-case", negated: true },
  StringLike: { family: "string-like" },
  StringNotLike: { family: "string-like", negated: true },
  NumericEquals: { family: "number" },
  NumericNotEquals: { family: "number", negated: true },
  NumericLessThan: { family: "number", order: "<" },
  NumericLessThanEquals: { family: "number", order: "<=" },
  NumericGreaterThan: { family: "number", order: ">" },
  NumericGreaterThanEquals: { family: "number", order: ">=" },
  DateEquals: { family: "date" },
  DateNotEquals: { family: "date", negated: true },
  DateLessThan: { family: "date", order: "<" },
  DateLessThanEquals: { family: "date", order: "<=" },
  DateGreaterThan: { family: "date", order: ">" },
  DateGreaterThanEquals: { family: "date", order: ">=" },
  Bool: { family: "boolean" },
  BinaryEquals: { family: "binary" },
  IpAddress: { family: "address" },
  NotIpAddress: { family: "address", negated: true },
  // Like and Equals of ARNs are the same.
  ArnEquals: { family: "arn" },
  ArnLike: { family: "arn" },
  ArnNotEquals: { family: "arn", negated: true },
  ArnNotLike: { family: "arn", negated: true },
  Null: { family: "null" },
};

const namePattern = /^(?:(ForAllValues|ForAnyValue):)?([A-Za-z]+?)(IfExists)?$/;

/** @returns undefined for a name that is none, e.g. `NullIfExists` */
export function conditionOperator(name: string): ConditionOperator | undefined {
  const match = namePattern.exec(name);
  if (match === null || !Object.hasOwn(comparisons, match[2])) return undefined;
  const [, set, comparisonName, ifExists] = match;
  const comparison = comparisons[comparisonName];
  if (comparison.family === "null" && (set ?? ifExists) !== undefined) return undefined;
  return {
    family: comparison.family,
    negated: comparison.negated ?? false,
    order: comparison.order ?? "=",
    ...(set === undefined ? {} : { set: set === "ForAllValues" ? ("all" as const) : ("any" as const) }),
    ifExists: ifExists !== undefined,
  };
}
