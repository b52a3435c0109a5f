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

/** @param isPattern whether `*` and `?` are wildcards in this text, or characters like others */
export function addTokens(tokens: Token[], text: string, isPattern: boolean): Token[] {
  for (let at = 0; at < text.length; at += 1) {
    const character = text[at];
    if (!isPattern || (character !== "*" && character !== "?")) tokens.push(text.charCodeAt(at));
    else if (character === "?") tokens.push(oneCharacter);
    else if (tokens.at(-1) !== anyCharacters) tokens.push(anyCharacters);
  }
  return tokens;
}

/** @returns whether the tokens describe the whole of `text` from index `from` on */
export function matchesTokens(tokens: readonly Token[], text: Characters, from = 0): boolean {
  const { length } = text;
  let token = 0;
  let at = from;
  let starToken = -1;
  let starAt = 0;
  while (at < length) {
    const expected = token < tokens.length ? tokens[token] : undefined;
    if (expected === oneCharacter || (expected !== undefined && expected === text.charCodeAt(at))) {
      token += 1;
      at += 1;
      continue;
    }
    if (expected === anyCharacters) {
      if (token === tokens.length - 1) return true;
      starToken = token;
      starAt = at;
    } else if (starToken !== -1) {
      // What follows the last `*` did not match here: let the `*` take one character more. Earlier ones need not be
      // tried again, because the last can take whatever they could have.
      starAt += 1;
    } else {
      return false;
    }
    token = starToken + 1;
    const next = tokens[token];
    if (next !== oneCharacter) while (starAt < length && text.charCodeAt(starAt) !== next) starAt += 1;
    at = starAt;
  }
  while (token < tokens.length && tokens[token] === anyCharacters) token += 1;
  return token === tokens.length;
}

/**
 * A test for how a text begins. ARNs begin alike and differ later, so the prefix's last character is looked at first:
 * for most patterns of a policy that is all there is to do.
 */
export function startsWithMatcher(prefix: string): (text: string) => boolean {
  if (prefix === "") return () => true;
  const lastAt = prefix.length - 1;
  const last = prefix.charCodeAt(lastAt);
  return (text) => text.charCodeAt(lastAt) === last && text.startsWith(prefix);
}

/** A pattern made ready: texts without wildcards and prefixes are compared as such. */
export function compileWildcard(pattern: string): (text: string) => boolean {
  const firstWildcard = pattern.search(/[*?]/);
  if (firstWildcard === -1) return (text) => text === pattern;
  const startsRight = startsWithMatcher(pattern.slice(0, firstWildcard));
  if (firstWildcard === pattern.length - 1 && pattern.endsWith("*")) return startsRight;
  const rest = addTokens([], pattern.slice(firstWildcard), true);
  return (text) => startsRight(text) && matchesTokens(rest, text, firstWildcard);
}
