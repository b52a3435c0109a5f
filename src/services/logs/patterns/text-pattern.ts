/**
 * Patterns for text: all terms must occur, those behind `-` must not. Of terms behind `?` one must occur; beside other
 * terms they have no say. `"several words"` is one term, and so is `%a regular expression%`.
 */
import type { FilterPattern, LogFilter } from "./filter-pattern.ts";
import { compileRegexTerm, FilterPatternError, invalidCharacter } from "./pattern-values.ts";

const token = /([-?]?)(?:"((?:[^"\\]|\\.)*)"|%((?:[^%\\]|\\.)+)%|([\p{L}\p{N}_]+))(?=\s|$)\s*/suy;

export function compileTextPattern(text: string): FilterPattern {
  const needed: LogFilter[] = [];
  const optional: LogFilter[] = [];
  let regexes = 0;
  for (let at = 0; at < text.length;) {
    token.lastIndex = at;
    const match = token.exec(text);
    if (match === null) throw mistakeIn(text.slice(at));
    at = token.lastIndex;
    const [, sign, quoted, regex, word] = match;
    let occurs: LogFilter;
    if (regex === undefined) {
      const term = quoted?.replace(/\\(.)/gs, "$1") ?? word;
      occurs = (message) => message.includes(term);
    } else {
      const compiled = compileRegexTerm(regex);
      regexes += 1;
      occurs = (message) => compiled.test(message);
    }
    if (sign === "?") optional.push(occurs);
    else needed.push(sign === "-" ? (message) => !occurs(message) : occurs);
  }
  return {
    matches: (message) =>
      needed.length > 0 || optional.length === 0
        ? needed.every((holds) => holds(message))
        : optional.some((holds) => holds(message)),
    extract: () => ({}),
    valueOf: () => undefined,
    regexes,
  };
}

function mistakeIn(rest: string): FilterPatternError {
  if (/^[-?]?["%]/.test(rest) && !/^[-?]?(?:"(?:[^"\\]|\\.)*"|%(?:[^%\\]|\\.)+%)/s.test(rest)) {
    return new FilterPatternError(`Invalid filter pattern: a quote is not closed: ${rest.slice(0, 50)}`);
  }
  const wrong = /^[-?]?(?:"(?:[^"\\]|\\.)*"|%(?:[^%\\]|\\.)+%|[\p{L}\p{N}_]+)?(.)/su.exec(rest);
  return invalidCharacter(wrong?.[1] ?? rest[0]);
}
