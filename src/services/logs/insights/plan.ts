/** A query ready to run: its stages, and what its results show. */
import type { Row } from "./row.ts";
import {
  dedupStage,
  fieldsStage,
  filterStage,
  limitStage,
  parseStage,
  type SortKeys,
  sortStage,
  type Stage,
  statsStage,
} from "./stages.ts";
import type { Command } from "./syntax.ts";
import { textOf } from "./values.ts";

export interface ResultCell {
  readonly field: string;
  readonly value: string;
}

export interface Plan {
  push(row: Row): void;
  /** @returns the rows of the result */
  end(): readonly (readonly ResultCell[])[];
  /** Rows that all filters before the first other selection let through. */
  readonly matched: () => number;
}

/** Without sort the newest events come first. */
const newestFirst: SortKeys = [{ expression: { kind: "field", name: "@timestamp" }, descending: true }];

/** @param limit rows of the result, unless the query says fewer */
export function planQuery(commands: readonly Command[], limit: number): Plan {
  const ordered = withOrder(commands);
  const columns = columnsOf(ordered);
  const results: ResultCell[][] = [];
  let matched = 0;
  let stage: Stage = {
    push(row) {
      if (results.length < limit) results.push(cellsOf(row, columns));
    },
    end: () => {},
  };
  const lastFilter = lastLeadingFilter(ordered);
  const counted = (next: Stage): Stage => ({
    push(row) {
      matched += 1;
      next.push(row);
    },
    end: () => next.end(),
  });
  for (let at = ordered.length - 1; at >= 0; at -= 1) {
    if (at === lastFilter) stage = counted(stage);
    stage = stageOf(ordered[at], stage, rowsNeeded(ordered.slice(at + 1), limit));
  }
  if (lastFilter === -1) stage = counted(stage);
  const first = stage;
  return {
    push: (row) => first.push(row),
    end() {
      first.end();
      return results;
    },
    matched: () => matched,
  };
}

function stageOf(command: Command, next: Stage, needed: number): Stage {
  switch (command.kind) {
    case "fields":
    case "display":
      return fieldsStage(command.columns, next);
    case "filter":
      return filterStage(command.condition, next);
    case "parse":
      return parseStage(command, next);
    case "limit":
      return limitStage(command.count, next);
    case "dedup":
      return dedupStage(command.fields, next);
    case "sort":
      return sortStage(command.keys, needed, next);
    case "stats":
      return statsStage(command, next);
  }
}

/** Selections among events are made in the order of time, newest first, when the query names no other. */
function withOrder(commands: readonly Command[]): readonly Command[] {
  const at = commands.findIndex(
    ({ kind }) => kind !== "fields" && kind !== "display" && kind !== "filter" && kind !== "parse",
  );
  const kind = commands[at]?.kind;
  if (kind === "stats" || kind === "sort") return commands;
  const place = at === -1 ? commands.length : at;
  return [...commands.slice(0, place), { kind: "sort", keys: newestFirst }, ...commands.slice(place)];
}

/** How many sorted rows the commands behind a sort can use. */
function rowsNeeded(behind: readonly Command[], limit: number): number {
  let needed = Infinity;
  for (const command of behind) {
    if (command.kind === "limit") return Math.min(needed, command.count);
    if (command.kind === "filter" || command.kind === "dedup" || command.kind === "stats" || command.kind === "sort") {
      needed = Infinity;
      return needed;
    }
  }
  return Math.min(needed, limit);
}

function lastLeadingFilter(commands: readonly Command[]): number {
  let last = -1;
  for (const [at, { kind }] of commands.entries()) {
    if (kind === "filter") last = at;
    else if (kind !== "fields" && kind !== "display" && kind !== "parse") break;
  }
  return last;
}

interface Columns {
  readonly names: readonly string[];
  /** Rows are events, so their pointers are shown. */
  readonly areEvents: boolean;
}

/** What the last display names; else what fields, parse and stats name. */
function columnsOf(commands: readonly Command[]): Columns {
  let names: string[] = [];
  let parsed: string[] = [];
  let areEvents = true;
  let isChosen = false;
  for (const command of commands) {
    if (command.kind === "stats") {
      names = [...command.groups, ...command.values].map(({ name }) => name);
      parsed = [];
      [areEvents, isChosen] = [false, true];
    } else if (command.kind === "fields") {
      names = [...names, ...command.columns.map(({ name }) => name)];
      isChosen = true;
    } else if (command.kind === "parse") parsed = [...parsed, ...command.names];
  }
  const display = commands.findLast((command) => command.kind === "display");
  if (display?.kind === "display") names = display.columns.map(({ name }) => name);
  else names = [...(isChosen ? names : ["@timestamp", "@message"]), ...parsed];
  return { names: [...new Set(names)], areEvents };
}

function cellsOf(row: Row, { names, areEvents }: Columns): ResultCell[] {
  const cells: ResultCell[] = [];
  for (const field of areEvents && !names.includes("@ptr") ? [...names, "@ptr"] : names) {
    const value = textOf(row.get(field));
    // A field that an event does not have is left out of its row.
    if (value !== undefined) cells.push({ field, value });
  }
  return cells;
}
