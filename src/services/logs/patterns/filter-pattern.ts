/**
 * CloudWatch Logs filter patterns: terms of text, `[fields, of = lines*]` and `{ $.selectors = "of JSON" }`.
 * Matching is case-sensitive.
 * Source: Amazon CloudWatch Logs User Guide, "Filter pattern syntax for metric filters, subscription filters, filter log
 * events, and Live Tail".
 */
import { compileJsonPattern } from "./json-pattern.ts";
import { FilterPatternError } from "./pattern-values.ts";
import { compileSpacePattern } from "./space-pattern.ts";
import { compileTextPattern } from "./text-pattern.ts";

export { FilterPatternError } from "./pattern-values.ts";

export type LogFilter = (message: string) => boolean;

export interface FilterPattern {
  readonly matches: LogFilter;
  /**
   * What the pattern's fields and selectors are in a message that matches, by `$.selector` or `$field`; others are looked
   * up when they are asked for.
   */
  readonly extract: (message: string) => Readonly<Record<string, string>>;
  /** The value behind a `$.selector` or `$field` of a message; undefined when it has none. */
  readonly valueOf: (message: string, reference: string) => string | undefined;
  /** Regular expressions in it. */
  readonly regexes: number;
}

/** Source: the quotas on the page above. */
const mostRegexes = 2;

/** @throws FilterPatternError */
export function compileFilterPattern(pattern: string): FilterPattern {
  const text = pattern.trim();
  const compiled = text.startsWith("{")
    ? compileJsonPattern(text)
    : text.startsWith("[")
      ? compileSpacePattern(text)
      : compileTextPattern(text);
  if (compiled.regexes > mostRegexes) {
    throw new FilterPatternError(`Invalid filter pattern: at most ${mostRegexes} regular expressions are allowed`);
  }
  return compiled;
}
