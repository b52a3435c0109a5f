/** Evaluates expressions of metric math over the results of a request. */
import { ExpressionError, type Expression, type Operator } from "./expression.ts";
import { bareWords, callFunction } from "./functions.ts";
import { combine, scalar, type Span, type TimeSeries, type Value } from "./value.ts";

const operations: Readonly<Record<Operator, (a: number, b: number) => number>> = {
  "+": (a, b) => a + b,
  "-": (a, b) => a - b,
  "*": (a, b) => a * b,
  "/": (a, b) => a / b,
  "^": (a, b) => a ** b,
  "==": (a, b) => Number(a === b),
  "!=": (a, b) => Number(a !== b),
  "<": (a, b) => Number(a < b),
  "<=": (a, b) => Number(a <= b),
  ">": (a, b) => Number(a > b),
  ">=": (a, b) => Number(a >= b),
  AND: (a, b) => Number(a !== 0 && b !== 0),
  OR: (a, b) => Number(a !== 0 || b !== 0),
};

export interface EvaluationContext {
  readonly span: Span;
  /** The value of another query of the request. @throws ExpressionError when there is none */
  readonly resolve: (id: string) => Promise<Value>;
  /** Metrics of the request whose id contains the text, in the request's order. */
  readonly metrics: (idPart: string | undefined) => Promise<readonly TimeSeries[]>;
  readonly search: (
    expression: string,
    stat: string,
    periodSeconds: number | undefined,
  ) => Promise<readonly TimeSeries[]>;
}

/** @throws ExpressionError */
export async function evaluateExpression(tree: Expression, context: EvaluationContext): Promise<Value> {
  switch (tree.kind) {
    case "number":
      return scalar(tree.value);
    case "text":
      return { kind: "text", text: tree.value };
    case "reference":
      // Ids begin with a small letter, so these words cannot be one.
      return bareWords.has(tree.id) ? { kind: "text", text: tree.id } : context.resolve(tree.id);
    case "negative":
      return combine(scalar(0), await evaluateExpression(tree.operand, context), (a, b) => a - b);
    case "operation": {
      const left = await evaluateExpression(tree.left, context);
      const right = await evaluateExpression(tree.right, context);
      return combine(left, right, operations[tree.operator]);
    }
    case "list":
      return { kind: "list", items: await itemsOf(tree.items, context) };
    case "call":
      return call(tree.name, tree.parameters, context);
  }
}

async function itemsOf(items: readonly Expression[], context: EvaluationContext): Promise<TimeSeries[]> {
  const all: TimeSeries[] = [];
  for (const item of items) {
    const value = await evaluateExpression(item, context);
    if (value.kind === "series") all.push(value.series);
    else if (value.kind === "list") all.push(...value.items);
    else throw new ExpressionError("An array holds time series");
  }
  return all;
}

async function call(name: string, parameters: readonly Expression[], context: EvaluationContext): Promise<Value> {
  const values: Value[] = [];
  for (const parameter of parameters) values.push(await evaluateExpression(parameter, context));
  if (name === "SEARCH") return search(values, context);
  const part = values[0]?.kind === "text" ? values[0].text : undefined;
  const metrics = name === "METRICS" ? await context.metrics(part) : [];
  return callFunction(name, values, { name, span: context.span, metrics: () => metrics });
}

async function search(parameters: readonly Value[], context: EvaluationContext): Promise<Value> {
  const [expression, stat, period] = parameters;
  const statText = stat === undefined ? "Average" : stat.kind === "text" ? stat.text : undefined;
  const seconds = period === undefined ? undefined : period.kind === "scalar" ? period.value : Number.NaN;
  if (expression?.kind !== "text" || statText === undefined || Number.isNaN(seconds) || parameters.length > 3) {
    throw new ExpressionError("SEARCH takes an expression, a statistic and a period: SEARCH('…', 'Average', 300)");
  }
  return { kind: "list", items: await context.search(expression.text, statText, seconds) };
}
