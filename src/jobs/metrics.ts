/** Metrics of a job: numbers that regular expressions find in its log lines. */
import { type Context, createContext, Script } from "node:vm";

export interface MetricRule {
  readonly name: string;
  /** The first group is the number. Written for Java or Python. */
  readonly regex: string;
}

export interface Metric {
  readonly name: string;
  readonly value: number;
  /** ms since the epoch, of the line */
  readonly timestamp: number;
}

/** What one batch of lines brought. */
export interface SearchResult {
  /** By line; a line may bring several. */
  readonly found: readonly (Metric & { readonly line: number })[];
  /** Names of rules that were given up now. */
  readonly givenUp: readonly string[];
}

/** What is searched of a line, characters. Metrics are printed on short lines. */
const searchedLength = 8 * 1024;
/** Searching a batch, or a single line after that took too long; ms. */
const batchBudgetMs = 250;
const lineBudgetMs = 50;
/** A rule is given up after it took too long on this many lines. */
const strikesAllowed = 3;

/**
 * A regular expression as its author meant it: Python's `(?P<name>` and flags at the beginning (`(?i)`) are understood.
 * @throws SyntaxError when it is none
 */
export function compileRegex(source: string): RegExp {
  const flags = /^\(\?([ims]+)\)/.exec(source);
  const body = (flags ? source.slice(flags[0].length) : source).replaceAll("(?P<", "(?<");
  return new RegExp(body, [...new Set(flags?.[1] ?? "")].join(""));
}

/**
 * Text that every match of an expression contains, "" when none is sure: looking for it first spares most searches, and
 * an algorithm brings dozens of expressions of which a line fits one or two.
 */
export function requiredText({ source, flags }: RegExp): string {
  if (flags.includes("i")) return "";
  let longest = "";
  let run = "";
  let depth = 0;
  const endRun = () => {
    if (run.length > longest.length) longest = run;
    run = "";
  };
  for (const [token] of source.matchAll(regexToken)) {
    if (token === "|" && depth === 0) return "";
    if (token === "(") depth += 1;
    else if (token === ")") depth -= 1;
    // What is in a group may be optional or one of several.
    else if (depth === 0 && isLiteral(token)) {
      run += token.at(-1)!;
      continue;
    }
    // These make the character before them optional.
    else if (depth === 0 && /^[*?{]/.test(token)) run = run.slice(0, -1);
    endRun();
  }
  endRun();
  return longest;
}

/** An escape, a class, a counted repetition, or one character. */
const regexToken =
  /\\(?:x[0-9a-fA-F]{2}|u[0-9a-fA-F]{4}|c[A-Za-z]|k<[^>]*>|\d+|[^])|\[(?:\\[^]|[^\]\\])*\]|\{\d+(?:,\d*)?\}|[^]/g;

/** A character that stands for itself, or a punctuation mark behind a backslash. */
function isLiteral(token: string): boolean {
  return token.length === 1 ? !/[.^$*+?()|]/.test(token) : /^\\[^A-Za-z0-9]$/.test(token);
}

/**
 * Searches lines for metrics and keeps the last value of each.
 *
 * The expressions come from users, and an expression can take longer than the universe has: the search runs under a
 * time limit, and a rule that exceeds it again and again is given up.
 */
export class MetricSearch {
  readonly #rules: (SearchedRule & { readonly name: string; strikes: number })[];
  readonly #last = new Map<string, Metric>();

  constructor(rules: readonly MetricRule[]) {
    this.#rules = rules.map((rule) => {
      const regex = compileRegex(rule.regex);
      return { name: rule.name, regex, required: requiredText(regex), strikes: 0 };
    });
  }

  /** Searches a batch of lines. */
  search(lines: readonly { readonly text: string; readonly timestamp: number }[]): SearchResult {
    const rules = this.#rules.filter((rule) => rule.strikes < strikesAllowed);
    if (rules.length === 0 || lines.length === 0) return { found: [], givenUp: [] };
    const texts = lines.map((line) => formsOf(line.text.slice(0, searchedLength)));
    const hits = searchWithin(batchBudgetMs, texts, rules);
    if (hits) return { found: this.#keep(hits, rules, lines), givenUp: [] };
    const found: SearchResult["found"][number][] = [];
    const givenUp: string[] = [];
    for (const rule of rules) {
      const alone = searchWithin(batchBudgetMs, texts, [rule]);
      if (alone !== undefined) {
        found.push(...this.#keep(alone, [rule], lines));
        continue;
      }
      for (const [index, forms] of texts.entries()) {
        if (rule.strikes >= strikesAllowed) break;
        const inLine = searchWithin(lineBudgetMs, [forms], [rule]);
        if (inLine === undefined) rule.strikes += 1;
        const placed = (inLine ?? []).map(([, , text]): Hit => [index, 0, text]);
        found.push(...this.#keep(placed, [rule], lines));
      }
      if (rule.strikes >= strikesAllowed) givenUp.push(rule.name);
    }
    return { found, givenUp };
  }

  /** The last value of every metric that was seen, in the order of the rules. */
  get final(): readonly Metric[] {
    const names = new Set(this.#rules.map((rule) => rule.name));
    return [...names].flatMap((name) => this.#last.get(name) ?? []);
  }

  /** The hits that are numbers, each remembered as the last of its metric. */
  #keep(
    hits: readonly Hit[],
    rules: readonly { readonly name: string }[],
    lines: readonly { readonly timestamp: number }[],
  ): SearchResult["found"] {
    return hits.flatMap(([line, rule, text]) => {
      const value = text.trim() === "" ? Number.NaN : Number(text);
      if (!Number.isFinite(value)) return [];
      const metric: Metric = { name: rules[rule].name, value, timestamp: lines[line].timestamp };
      this.#last.set(metric.name, metric);
      return [{ ...metric, line }];
    });
  }
}

/** CloudWatch shows a tab as `#011`, and published expressions rely on that; others search for the tab itself. */
function formsOf(line: string): string[] {
  return line.includes("\t") ? [asInCloudWatch(line), line] : [line];
}

/** A line as CloudWatch Logs shows it. */
export function asInCloudWatch(line: string): string {
  return line.replaceAll("\t", "#011");
}

interface SearchedRule {
  readonly regex: RegExp;
  /** From `requiredText`. */
  readonly required: string;
}

type Hit = [line: number, rule: number, text: string];

// A function, because every look at a global of a context costs more than the search of a line.
const searchScript = new Script(`((lines, rules) => {
  const hits = [];
  for (let line = 0; line < lines.length; line += 1) {
    for (let rule = 0; rule < rules.length; rule += 1) {
      for (const form of lines[line]) {
        if (!form.includes(rules[rule].required)) continue;
        const match = rules[rule].regex.exec(form);
        if (match !== null && match[1] !== undefined) {
          hits.push([line, rule, match[1]]);
          break;
        }
      }
    }
  }
  return hits;
})(lines, rules)`);

let context: Context | undefined;

/** The hits of all expressions in all lines; undefined when it took too long. */
function searchWithin(budgetMs: number, lines: string[][], rules: readonly SearchedRule[]): Hit[] | undefined {
  // V8 looks for the time limit of a script also inside a regular expression that backtracks.
  context ??= createContext({});
  Object.assign(context, { lines, rules });
  try {
    return searchScript.runInContext(context, { timeout: budgetMs }) as Hit[];
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ERR_SCRIPT_EXECUTION_TIMEOUT") return undefined;
    throw error;
  } finally {
    Object.assign(context, { lines: undefined, rules: undefined });
  }
}
