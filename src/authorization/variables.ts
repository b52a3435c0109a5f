/**
 * Policy variables: `${aws:username}` in resources and in the values of conditions.
 *
 * A value that takes the place of a variable is text: a `*` in it is a star, no wildcard. A variable whose key the
 * request does not have makes what it is part of match nothing.
 * Source: IAM User Guide, "IAM policy elements: Variables and tags".
 */
import { addTokens, compileWildcard, matchesTokens, startsWithMatcher, type Token } from "./wildcard.ts";

/** Where the values of variables come from. */
export interface VariableSource {
  /** @param key in lower case @returns the key's only value; undefined when it has none or several */
  single(key: string): string | undefined;
}

interface Variable {
  /** In lower case: keys are not case-sensitive. */
  readonly key: string;
  /** As it was written. */
  readonly name: string;
  readonly fallback?: string;
}

/** Text between variables is a string; `${*}`, `${?}` and `${$}` are text, too, but never wildcards. */
type Part = { readonly text: string; readonly escaped?: boolean } | Variable;

/** A text of a policy, cut at its variables. */
export interface Template {
  readonly parts: readonly Part[];
  /** Names of the keys it needs. */
  readonly keys: readonly string[];
}

/** @param variables false for documents of version 2008-10-17, in which `${` is text */
export function parseTemplate(text: string, variables: boolean): Template {
  const parts: Part[] = [];
  let from = 0;
  for (let open = variables ? text.indexOf("${") : -1; open !== -1; open = text.indexOf("${", from)) {
    const close = text.indexOf("}", open);
    if (close === -1) break;
    // Variables do not nest: the last `${` before the brace begins one, and those before it are text.
    const start = text.lastIndexOf("${", close);
    const part = parseVariable(text.slice(start + 2, close));
    const textEnd = part === undefined ? close + 1 : start;
    if (textEnd > from) parts.push({ text: text.slice(from, textEnd) });
    if (part !== undefined) parts.push(part);
    from = close + 1;
  }
  if (from < text.length) parts.push({ text: text.slice(from) });
  return { parts, keys: parts.flatMap((part) => ("key" in part ? [part.name] : [])) };
}

/** @param inner `aws:username`, `aws:PrincipalTag/team, 'company-wide'` or `*` @returns undefined when it is no variable */
function parseVariable(inner: string): Part | undefined {
  if (inner === "*" || inner === "?" || inner === "$") return { text: inner, escaped: true };
  const comma = inner.indexOf(",");
  const name = (comma === -1 ? inner : inner.slice(0, comma)).trim();
  if (name === "") return undefined;
  const variable = { key: name.toLowerCase(), name };
  if (comma === -1) return variable;
  const fallback = inner.slice(comma + 1).trim();
  const isQuoted = fallback.length >= 2 && fallback.startsWith("'") && fallback.endsWith("'");
  return isQuoted ? { ...variable, fallback: fallback.slice(1, -1) } : undefined;
}

/** @returns the text with its variables replaced; undefined when one of them has no value */
export function resolveText({ parts }: Template, source: VariableSource): string | undefined {
  let text = "";
  for (const part of parts) {
    const value = textOf(part, source);
    if (value === undefined) return undefined;
    text += value;
  }
  return text;
}

function textOf(part: Part, source: VariableSource): string | undefined {
  return "text" in part ? part.text : (source.single(part.key) ?? part.fallback);
}

/** @returns the text of a template without variables */
export function fixedText(template: Template): string | undefined {
  return template.keys.length === 0 ? resolveText(template, { single: () => undefined }) : undefined;
}

export type TextMatcher = (text: string, source: VariableSource) => boolean;

/** Matches what one of them matches. */
export function anyOf(matchers: readonly TextMatcher[]): TextMatcher {
  if (matchers.length === 1) return matchers[0];
  return (text, source) => {
    // A loop, because this is where evaluation spends its time.
    for (const matches of matchers) if (matches(text, source)) return true;
    return false;
  };
}

/** A template compared as it is, character by character. */
export function equalsMatcher(template: Template): TextMatcher {
  const fixed = fixedText(template);
  return fixed === undefined ? (text, source) => resolveText(template, source) === text : (text) => text === fixed;
}

/** A template in which `*` and `?` are wildcards. */
export function likeMatcher(template: Template): TextMatcher {
  const { parts, keys } = template;
  const isPattern = parts.map((part) => "text" in part && part.escaped !== true);
  if (keys.length === 0 && isPattern.every(Boolean)) return compileWildcard(fixedText(template)!);
  const [first] = parts;
  const prefix = "text" in first && isPattern[0] ? first.text.split(/[*?]/, 1)[0] : "";
  const startsRight = startsWithMatcher(prefix);
  const variables = parts.flatMap((part, index) => ("text" in part ? [] : [index]));
  // The same caller asks many times: what its values gave is kept until another's are needed.
  const texts = parts.map((part, index) => ("text" in part ? part.text.slice(index === 0 ? prefix.length : 0) : ""));
  let tokens: readonly Token[] | undefined;
  return (text, source) => {
    if (!startsRight(text)) return false;
    for (const index of variables) {
      const value = textOf(parts[index], source);
      if (value === undefined) return false;
      if (value === texts[index]) continue;
      texts[index] = value;
      tokens = undefined;
    }
    tokens ??= texts.reduce<Token[]>((all, part, index) => addTokens(all, part, isPattern[index]), []);
    return matchesTokens(tokens, text, prefix.length);
  };
}
