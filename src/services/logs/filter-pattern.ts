/**
 * CloudWatch Logs filter patterns for unstructured text.
 *
 * Terms separated by spaces must all occur; `?term` makes it one of several that may occur; `-term` must not occur;
 * `"several words"` is one term; `%regex%` is a regular expression. Matching is case-sensitive. JSON (`{…}`) and
 * space-delimited (`[…]`) patterns are refused by name.
 * Source: Amazon CloudWatch Logs User Guide, "Filter pattern syntax".
 */
export type LogFilter = (message: string) => boolean;

export class FilterPatternError extends Error {
  constructor(message: string) {
    super(message);
    this.name = "FilterPatternError";
  }
}

/** Letters, digits and a few symbols: what CloudWatch allows in `%…%`, which also keeps matching linear enough. */
const allowedRegex = /^[A-Za-z0-9:_#=@/;,\-\s.^$?*+|()[\]{}\\]*$/;

/** @throws FilterPatternError */
export function compileFilterPattern(pattern: string): LogFilter {
  const text = pattern.trim();
  if (text === "") return () => true;
  if (text.startsWith("{"))
    throw new FilterPatternError('JSON filter patterns are not supported by Sagebrush; use terms, e.g. "ERROR"');
  if (text.startsWith("[")) {
    throw new FilterPatternError(
      'Space-delimited filter patterns are not supported by Sagebrush; use terms, e.g. "ERROR"',
    );
  }
  const all: LogFilter[] = [];
  const any: LogFilter[] = [];
  for (const { sign, term } of tokens(text)) {
    const matches = termMatcher(term);
    if (sign === "-") all.push((message) => !matches(message));
    else if (sign === "?") any.push(matches);
    else all.push(matches);
  }
  return (message) =>
    all.every((matches) => matches(message)) && (any.length === 0 || any.some((matches) => matches(message)));
}

function termMatcher(term: string): LogFilter {
  if (!(term.length > 2 && term.startsWith("%") && term.endsWith("%"))) return (message) => message.includes(term);
  const source = term.slice(1, -1);
  if (!allowedRegex.test(source) || /[*+}]\)?[*+{]|\)[*+{]/.test(source)) {
    throw new FilterPatternError(
      `Invalid filter pattern: the regular expression ${term} uses characters or nested repetition that are not supported`,
    );
  }
  try {
    const regex = new RegExp(source);
    return (message) => regex.test(message);
  } catch {
    throw new FilterPatternError(`Invalid filter pattern: ${term} is no regular expression`);
  }
}

function* tokens(text: string): Iterable<{ sign: "" | "-" | "?"; term: string }> {
  const token = /([-?]?)(?:"((?:[^"\\]|\\.)*)"|(%[^%]+%)|([^\s"]+))\s*/y;
  let position = 0;
  while (position < text.length) {
    token.lastIndex = position;
    const match = token.exec(text);
    if (match === null)
      throw new FilterPatternError(`Invalid filter pattern: a quote is not closed at character ${position + 1}`);
    position = token.lastIndex;
    const quoted = match[2]?.replace(/\\(.)/g, "$1");
    yield { sign: match[1] as "" | "-" | "?", term: quoted ?? match[3] ?? match[4] };
  }
}
