/**
 * The commands of an Insights query.
 * Source: Amazon CloudWatch Logs User Guide, "CloudWatch Logs Insights language query syntax".
 */
import { LinearRegex } from "../regex/linear-regex.ts";
import { parseExpression } from "./parse-expression.ts";
import { QueryScanner } from "./query-scanner.ts";
import { type Command, type NamedExpression, QuerySyntaxError } from "./syntax.ts";

/** Commands of AWS that are refused by name. */
const refused = [
  "anomaly",
  "diff",
  "expand",
  "fillmissing",
  "filterindex",
  "join",
  "lookup",
  "pattern",
  "source",
  "subquery",
  "union",
  "unmask",
  "unnest",
];
const mostCommands = 100;
/** Results that a query may have at all. */
export const mostResults = 100_000;

/** @throws QuerySyntaxError */
export function parseQuery(text: string): readonly Command[] {
  const scanner = new QueryScanner(text);
  const commands: Command[] = [];
  do {
    if (commands.length >= mostCommands)
      throw scanner.error(`a query has at most ${mostCommands} commands`, scanner.at);
    commands.push(parseCommand(scanner));
  } while (scanner.take("|"));
  if (!scanner.isAtEnd) throw scanner.unexpected();
  return commands;
}

type Parse = (scanner: QueryScanner) => Command;

const parsers: Readonly<Record<string, Parse>> = {
  fields: (scanner) => ({ kind: "fields", columns: named(scanner, false) }),
  display: (scanner) => ({ kind: "display", columns: named(scanner, false) }),
  filter: (scanner) => ({ kind: "filter", condition: parseExpression(scanner) }),
  stats: (scanner) => {
    const values = named(scanner, true);
    return { kind: "stats", values, groups: scanner.takeWord("by") ? named(scanner, false) : [] };
  },
  sort: (scanner) => {
    const keys = [];
    do {
      const expression = parseExpression(scanner, { aggregates: false, depth: 0 });
      const descending = scanner.takeWord("desc");
      if (!descending) scanner.takeWord("asc");
      keys.push({ expression, descending });
    } while (scanner.take(","));
    return { kind: "sort", keys };
  },
  limit: (scanner) => {
    const start = scanner.at;
    const count = Number(scanner.takeMatch(/\d{1,9}\b/y)?.[0] ?? Number.NaN);
    if (!(count >= 1 && count <= mostResults))
      throw scanner.error(`limit takes a number from 1 to ${mostResults}`, start);
    return { kind: "limit", count };
  },
  dedup: (scanner) => {
    const fields = [];
    do fields.push(parseExpression(scanner));
    while (scanner.take(","));
    return { kind: "dedup", fields };
  },
  parse: parseParse,
};

function parseCommand(scanner: QueryScanner): Command {
  const word = scanner.peekWord();
  if (word !== undefined && refused.includes(word)) {
    throw new QuerySyntaxError(
      `the command ${word} is not supported by Sagebrush; ${Object.keys(parsers).join(", ")} are`,
      scanner.at,
      scanner.at + word.length,
    );
  }
  if (word === undefined || !Object.hasOwn(parsers, word)) {
    throw scanner.unexpected(`{${Object.keys(parsers).join(", ")}}`);
  }
  scanner.takeWord(word);
  return parsers[word](scanner);
}

function named(scanner: QueryScanner, aggregates: boolean): NamedExpression[] {
  const columns: NamedExpression[] = [];
  do {
    const start = scanner.at;
    const expression = parseExpression(scanner, { aggregates, depth: 0 });
    const text = expression.kind === "field" ? expression.name : scanner.textSince(start);
    if (scanner.takeWord("as")) {
      const alias = scanner.field();
      if (alias === undefined) throw scanner.unexpected("a name");
      columns.push({ name: alias, expression, isAlias: true });
    } else columns.push({ name: text, expression, isAlias: expression.kind !== "field" });
  } while (scanner.take(","));
  return columns;
}

/** `parse @message "user=*, id=*" as user, id`, or with a regular expression whose groups have names. */
function parseParse(scanner: QueryScanner): Command {
  const start = scanner.at;
  // A field and nothing else: what follows may begin with a slash, which is no division.
  const subject = { kind: "field", name: scanner.field() ?? "@message" } as const;
  const regex = scanner.regex();
  if (regex !== undefined) {
    const given = scanner.takeWord("as") ? names(scanner) : undefined;
    const found = regex.groups.filter((name) => name !== undefined);
    if (given === undefined && (found.length === 0 || found.length < regex.groups.length)) {
      throw scanner.error("the groups of a regular expression in parse need names, (?<name>…)", start);
    }
    if (given !== undefined && given.length !== regex.groups.length) {
      throw scanner.error(`parse has ${regex.groups.length} groups and ${given.length} names`, start);
    }
    return { kind: "parse", subject, regex, names: given ?? found };
  }
  const glob = scanner.quoted();
  if (glob === undefined) throw scanner.unexpected("a pattern with * or a regular expression");
  if (!scanner.takeWord("as")) throw scanner.unexpected("as");
  const given = names(scanner);
  const parts = glob.split("*");
  if (parts.length - 1 !== given.length) {
    throw scanner.error(`parse has ${parts.length - 1} wildcards and ${given.length} names`, start);
  }
  // Each wildcard takes as little as it can, the last one at the end all there is.
  const source = parts.map((part) => part.replace(/[^\w\s]/g, "\\$&")).join("(.*?)");
  const anchored = glob.endsWith("*") ? `${source.slice(0, -"(.*?)".length)}(.*)` : source;
  return { kind: "parse", subject, regex: new LinearRegex(`(?s)${anchored}`), names: given };
}

function names(scanner: QueryScanner): string[] {
  const found: string[] = [];
  do {
    const name = scanner.field();
    if (name === undefined) throw scanner.unexpected("a name");
    found.push(name);
  } while (scanner.take(","));
  return found;
}
