/**
 * Patterns of policies: `*` stands for any number of characters, `?` for exactly one.
 *
 * Patterns and texts come from users, so matching never goes back further than to the last `*`: the work is at most
 * the product of both lengths, and linear for patterns like `*a*a*a*`.
 */

/** The part of a string that matching reads; tests count the reads. */
export type Characters = Pick<string, "length" | "charCodeAt">;

/** What a pattern is made of: a UTF-16 code unit, or one of the two wildcards. */
export type Token = number;
export const anyCharacters: Token = -1;
export const oneCharacter: Token = -2;

/** The tokens of a pattern in which `*` and `?` are wildcards. */
export function tokensOf(pattern: string): Token[] {
  const tokens: Token[] = [];
  for (let at = 0; at < pattern.length; at += 1) {
    const character = pattern[at];
    if (character === "?") tokens.push(oneCharacter);
    else if (character !== "*") tokens.push(pattern.charCodeAt(at));
    else if (tokens.at(-1) !== anyCharacters) tokens.push(anyCharacters);
  }
  return tokens;
}

/** The tokens of a text in which nothing is a wildcard. */
export function literalTokens(text: string): Token[] {
  const tokens: Token[] = [];
  for (let at = 0; at < text.length; at += 1) tokens.push(text.charCodeAt(at));
  return tokens;
}

/** @returns whether the tokens describe the whole of `text` from index `from` on */
export function matchesTokens(tokens: readonly Token[], text: Characters, from = 0): boolean {
  let token = 0;
  let at = from;
  let starToken = -1;
  let starAt = 0;
  while (at < text.length) {
    const expected = token < tokens.length ? tokens[token] : undefined;
    if (expected === anyCharacters) {
      starToken = token;
      starAt = at;
      token += 1;
    } else if (expected === oneCharacter || (expected !== undefined && expected === text.charCodeAt(at))) {
      token += 1;
      at += 1;
    } else if (starToken !== -1) {
      // What follows the last `*` did not match here: let the `*` take one character more. Earlier ones need not be
      // tried again, because the last can take whatever they could have.
      starAt += 1;
      at = starAt;
      token = starToken + 1;
    } else {
      return false;
    }
  }
  while (token < tokens.length && tokens[token] === anyCharacters) token += 1;
  return token === tokens.length;
}

/** A pattern made ready: texts without wildcards and prefixes are compared as such. */
export function compileWildcard(pattern: string): (text: string) => boolean {
  const firstWildcard = pattern.search(/[*?]/);
  if (firstWildcard === -1) return (text) => text === pattern;
  if (pattern === "*") return () => true;
  const prefix = pattern.slice(0, firstWildcard);
  if (firstWildcard === pattern.length - 1 && pattern.endsWith("*")) return (text) => text.startsWith(prefix);
  const rest = tokensOf(pattern.slice(firstWildcard));
  return (text) => text.startsWith(prefix) && matchesTokens(rest, text, prefix.length);
}
