/** An Insights query as a tree. */
import type { LinearRegex } from "../regex/linear-regex.ts";
import type { Value } from "./values.ts";

export type BinaryOperator = "or" | "and" | "=" | "!=" | "<" | "<=" | ">" | ">=" | "+" | "-" | "*" | "/" | "%" | "^";

export type Expression =
  | { readonly kind: "literal"; readonly value: Value }
  | { readonly kind: "field"; readonly name: string }
  /** `5m`, the first argument of bin and the last of datefloor and dateceil. */
  | { readonly kind: "period"; readonly period: Period }
  | { readonly kind: "call"; readonly name: string; readonly args: readonly Expression[] }
  | { readonly kind: "unary"; readonly operator: "not" | "-"; readonly operand: Expression }
  | {
      readonly kind: "binary";
      readonly operator: BinaryOperator;
      readonly left: Expression;
      readonly right: Expression;
    }
  | {
      readonly kind: "like";
      readonly subject: Expression;
      readonly pattern: LinearRegex | Expression;
      readonly negated: boolean;
    }
  | {
      readonly kind: "in";
      readonly subject: Expression;
      readonly list: readonly Expression[];
      readonly negated: boolean;
    };

export interface Period {
  readonly count: number;
  readonly unit: "ms" | "s" | "m" | "h" | "d" | "w" | "mo" | "q" | "y";
}

/** An expression and what its column is called: its alias, or its own text. */
export interface NamedExpression {
  readonly name: string;
  readonly expression: Expression;
  readonly isAlias: boolean;
}

export type Command =
  | { readonly kind: "fields" | "display"; readonly columns: readonly NamedExpression[] }
  | { readonly kind: "filter"; readonly condition: Expression }
  | {
      readonly kind: "stats";
      readonly values: readonly NamedExpression[];
      readonly groups: readonly NamedExpression[];
    }
  | {
      readonly kind: "sort";
      readonly keys: readonly { readonly expression: Expression; readonly descending: boolean }[];
    }
  | { readonly kind: "limit"; readonly count: number }
  | { readonly kind: "dedup"; readonly fields: readonly Expression[] }
  | {
      readonly kind: "parse";
      readonly subject: Expression;
      readonly regex: LinearRegex;
      /** Names of the groups, in order. */
      readonly names: readonly string[];
    };

/** A mistake in a query, with the characters where it is. */
export class QuerySyntaxError extends Error {
  readonly start: number;
  /** Behind the last character. */
  readonly end: number;

  constructor(message: string, start: number, end: number) {
    super(message);
    this.name = "QuerySyntaxError";
    this.start = start;
    this.end = end;
  }
}
