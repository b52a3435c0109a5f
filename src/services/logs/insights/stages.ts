/** The commands of a query as stages: rows are pushed into the first one and come out of the last one. */
import { aggregates, type Aggregate } from "./aggregates.ts";
import { compileExpression, type Evaluate } from "./evaluate.ts";
import { Row } from "./row.ts";
import type { Command, Expression, NamedExpression } from "./syntax.ts";
import { compareValues, isTrue, numberOf, Time, textOf, type Value } from "./values.ts";

/** A query that needs more memory than it may have; people can narrow it. */
export class QueryTooLarge extends Error {
  constructor(what: string) {
    super(`the query needs too much memory: ${what}`);
    this.name = "QueryTooLarge";
  }
}

export interface Stage {
  push(row: Row): void;
  end(): void;
}

/** Rows that wait to be sorted, and groups of stats, may have so many bytes, about. */
const mostKeptBytes = 64 * 2 ** 20;
const mostGroups = 50_000;

export type SortKeys = Extract<Command, { kind: "sort" }>["keys"];

export function fieldsStage(columns: readonly NamedExpression[], next: Stage): Stage {
  const computed = columns
    .filter(({ isAlias }) => isAlias)
    .map(({ name, expression }) => ({ name, value: compileExpression(expression) }));
  return {
    push(row) {
      for (const { name, value } of computed) row.set(name, value(row));
      next.push(row);
    },
    end: () => next.end(),
  };
}

export function filterStage(condition: Expression, next: Stage): Stage {
  const holds = compileExpression(condition);
  return {
    push(row) {
      if (isTrue(holds(row))) next.push(row);
    },
    end: () => next.end(),
  };
}

export function parseStage({ subject, regex, names }: Extract<Command, { kind: "parse" }>, next: Stage): Stage {
  const value = compileExpression(subject);
  return {
    push(row) {
      const text = textOf(value(row));
      // The quick search says whether the slow one, which knows where the groups lie, is worth it.
      const found = text !== undefined && regex.test(text) ? regex.exec(text) : undefined;
      if (found !== undefined) for (const [at, name] of names.entries()) row.set(name, found[at + 1]);
      next.push(row);
    },
    end: () => next.end(),
  };
}

export function limitStage(count: number, next: Stage): Stage {
  let passed = 0;
  return {
    push(row) {
      passed += 1;
      if (passed <= count) next.push(row);
    },
    end: () => next.end(),
  };
}

export function dedupStage(fields: readonly Expression[], next: Stage): Stage {
  const values = fields.map(compileExpression);
  const seen = new Set<string>();
  let bytes = 0;
  return {
    push(row) {
      const key = keyOf(values, row);
      if (seen.has(key)) return;
      seen.add(key);
      bytes += 64 + 2 * key.length;
      if (bytes > mostKeptBytes) throw new QueryTooLarge("dedup has seen too many different values");
      next.push(row);
    },
    end: () => next.end(),
  };
}

/** @param most rows that are needed of the sorted ones; the others are not kept */
export function sortStage(keys: SortKeys, most: number, next: Stage): Stage {
  const values = keys.map(({ expression, descending }) => ({ value: compileExpression(expression), descending }));
  const compare = (a: Sorted, b: Sorted) => {
    for (const [at, { descending }] of values.entries()) {
      const order = compareSorted(a.keys[at], b.keys[at]);
      if (order !== 0) return descending ? -order : order;
    }
    return a.arrival - b.arrival;
  };
  let kept: Sorted[] = [];
  let bytes = 0;
  let arrival = 0;
  const trim = () => {
    kept.sort(compare);
    for (const { weight } of kept.splice(most)) bytes -= weight;
  };
  return {
    push(row) {
      const sorted = { row, keys: values.map(({ value }) => value(row)), arrival, weight: row.weight };
      arrival += 1;
      kept.push(sorted);
      bytes += sorted.weight;
      if (kept.length >= 2 * most + 1000) trim();
      if (bytes <= mostKeptBytes) return;
      trim();
      if (bytes > mostKeptBytes) throw new QueryTooLarge("sort keeps too many long rows");
    },
    end() {
      trim();
      for (const { row } of kept) next.push(row);
      kept = [];
      next.end();
    },
  };
}

interface Sorted {
  readonly row: Row;
  readonly keys: readonly Value[];
  readonly arrival: number;
  readonly weight: number;
}

/** What is not there comes first; numbers come before text. */
function compareSorted(a: Value, b: Value): number {
  if (a === undefined || b === undefined) return Number(a !== undefined) - Number(b !== undefined);
  const [isNumber, isOtherNumber] = [numberOf(a) !== undefined, numberOf(b) !== undefined];
  return isNumber === isOtherNumber ? compareValues(a, b) : Number(isOtherNumber) - Number(isNumber);
}

interface Group {
  readonly values: readonly Value[];
  readonly aggregates: readonly Aggregate[];
}

export function statsStage({ values, groups }: Extract<Command, { kind: "stats" }>, next: Stage): Stage {
  const calls: { readonly start: (args: readonly Value[]) => Aggregate; readonly args: readonly Evaluate[] }[] = [];
  /** The same expression over the results of its aggregates. */
  const withResults = (expression: Expression): Expression => {
    switch (expression.kind) {
      case "call": {
        if (!Object.hasOwn(aggregates, expression.name)) {
          return { ...expression, args: expression.args.map(withResults) };
        }
        const args = expression.args.map(compileExpression);
        const slot = calls.push({ start: aggregates[expression.name].start, args }) - 1;
        return { kind: "field", name: slotName(slot) };
      }
      case "binary":
        return { ...expression, left: withResults(expression.left), right: withResults(expression.right) };
      case "unary":
        return { ...expression, operand: withResults(expression.operand) };
      default:
        return expression;
    }
  };
  const results = values.map(({ name, expression }) => ({ name, value: compileExpression(withResults(expression)) }));
  const groupValues = groups.map(({ expression }) => compileExpression(expression));
  const found = new Map<string, Group>();
  let bytes = 0;

  const groupOf = (row: Row): Group => {
    const key = keyOf(groupValues, row);
    const known = found.get(key);
    if (known !== undefined) return known;
    bytes += 200 + 2 * key.length;
    if (found.size >= mostGroups || bytes > mostKeptBytes) throw new QueryTooLarge("stats has too many groups");
    const group = {
      values: groupValues.map((value) => value(row)),
      aggregates: calls.map(({ start, args }) => start(args.map((arg) => arg(row)))),
    };
    found.set(key, group);
    return group;
  };
  return {
    push(row) {
      const group = groupOf(row);
      for (const [at, { args }] of calls.entries()) {
        const given = args.map((arg) => arg(row));
        group.aggregates[at].add(given, row.event?.timestamp ?? 0);
      }
    },
    end() {
      for (const group of found.values()) {
        const row = new Row();
        for (const [at, { name }] of groups.entries()) row.set(name, group.values[at]);
        for (const [at, { result }] of group.aggregates.entries()) row.set(slotName(at), result);
        for (const { name, value } of results) row.set(name, value(row));
        next.push(row);
      }
      found.clear();
      next.end();
    },
  };
}

/** No field of an event is called so. */
function slotName(slot: number): string {
  return `\0${slot}`;
}

function keyOf(values: readonly Evaluate[], row: Row): string {
  let key = "";
  for (const value of values) {
    const found = value(row);
    // Lengths keep the parts apart, whatever is in them.
    const part = found instanceof Time ? `t${found.ms}` : (textOf(found) ?? "");
    key += found === undefined ? "-" : `${part.length}:${part}`;
  }
  return key;
}
