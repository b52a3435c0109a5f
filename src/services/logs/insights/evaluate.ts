/** Expressions become functions of a row. */
import { LinearRegex } from "../regex/linear-regex.ts";
import { functions } from "./functions.ts";
import { ceilTo, floorTo } from "./periods.ts";
import type { Row } from "./row.ts";
import type { BinaryOperator, Expression } from "./syntax.ts";
import { areEqual, compareValues, isTrue, numberOf, Time, textOf, type Value } from "./values.ts";

export type Evaluate = (row: Row) => Value;

export function compileExpression(expression: Expression): Evaluate {
  switch (expression.kind) {
    case "literal":
      return () => expression.value;
    case "period":
      throw new TypeError("a period is no value");
    case "field":
      return (row) => row.get(expression.name);
    case "unary": {
      const operand = compileExpression(expression.operand);
      if (expression.operator === "not") return (row) => !isTrue(operand(row));
      return (row) => {
        const number = numberOf(operand(row));
        return number === undefined ? undefined : -number;
      };
    }
    case "binary":
      return compileBinary(
        expression.operator,
        compileExpression(expression.left),
        compileExpression(expression.right),
      );
    case "like":
      return compileLike(expression);
    case "in": {
      const subject = compileExpression(expression.subject);
      const list = expression.list.map(compileExpression);
      return (row) => {
        const value = subject(row);
        if (value === undefined) return false;
        return list.some((item) => areEqual(value, item(row))) !== expression.negated;
      };
    }
    case "call":
      return compileCall(expression);
  }
}

const arithmetic: Readonly<Partial<Record<BinaryOperator, (a: number, b: number) => number>>> = {
  "+": (a, b) => a + b,
  "-": (a, b) => a - b,
  "*": (a, b) => a * b,
  "/": (a, b) => a / b,
  "%": (a, b) => a % b,
  "^": (a, b) => a ** b,
};
const comparisons: Readonly<Partial<Record<BinaryOperator, (order: number) => boolean>>> = {
  "<": (order) => order < 0,
  "<=": (order) => order <= 0,
  ">": (order) => order > 0,
  ">=": (order) => order >= 0,
};

/** What is not there equals nothing and differs from nothing. */
function compileBinary(operator: BinaryOperator, left: Evaluate, right: Evaluate): Evaluate {
  if (operator === "and") return (row) => isTrue(left(row)) && isTrue(right(row));
  if (operator === "or") return (row) => isTrue(left(row)) || isTrue(right(row));
  const calculate = arithmetic[operator];
  if (calculate !== undefined) {
    return (row) => {
      const [a, b] = [numberOf(left(row)), numberOf(right(row))];
      const result = a === undefined || b === undefined ? Number.NaN : calculate(a, b);
      return Number.isFinite(result) ? result : undefined;
    };
  }
  const holds = comparisons[operator];
  return (row) => {
    const [a, b] = [left(row), right(row)];
    if (a === undefined || b === undefined) return false;
    return holds === undefined ? areEqual(a, b) === (operator === "=") : holds(compareValues(a, b));
  };
}

function compileLike({ subject, pattern, negated }: Extract<Expression, { kind: "like" }>): Evaluate {
  const value = compileExpression(subject);
  if (pattern instanceof LinearRegex) {
    return (row) => {
      const text = textOf(value(row));
      return text !== undefined && pattern.test(text) !== negated;
    };
  }
  const part = compileExpression(pattern);
  return (row) => {
    const text = textOf(value(row));
    return text !== undefined && text.includes(textOf(part(row)) ?? "") !== negated;
  };
}

function compileCall({ name, args }: Extract<Expression, { kind: "call" }>): Evaluate {
  const { apply, periods } = functions[name];
  if (periods === undefined) {
    const values = args.map(compileExpression);
    return (row) => apply(values.map((value) => value(row)));
  }
  const period = args.find((arg) => arg.kind === "period")!.period;
  const given = args.find((arg) => arg.kind !== "period");
  const time = compileExpression(given ?? { kind: "field", name: "@timestamp" });
  const round = name === "dateceil" ? ceilTo : floorTo;
  return (row) => {
    const ms = numberOf(time(row));
    return ms === undefined ? undefined : new Time(round(ms, period));
  };
}
