/**
 * Policy variables: `${aws:username}` in resources and in the values of conditions.
 *
 * A value that takes the place of a variable is text: a `*` in it is a star, no wildcard. A variable whose key the
 * request does not have makes what it is part of match nothing.
 * Source: IAM User Guide, "IAM policy elements: Variables and tags".
 */
import { compileWildcard, literalTokens, matchesTokens, type Token, tokensOf } from "./wildcard.ts";

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

const variablePattern = /\$\{(?:([*?$])|([^{}',]+?)\s*(?:,\s*'([^'}]*)'\s*)?)\}/g;

/** @param variables false for documents of version 2008-10-17, in which `${` is text */
export function parseTemplate(text: string, variables: boolean): Template {
  const parts: Part[] = [];
  let from = 0;
  const addText = (until: number) => {
    if (until > from) parts.push({ text: text.slice(from, until) });
  };
  if (variables && text.includes("${")) {
    for (const match of text.matchAll(variablePattern)) {
      addText(match.index);
      const [whole, special, name, fallback] = match;
      if (special !== undefined) parts.push({ text: special, escaped: true });
      else
        parts.push({
          key: name.trim().toLowerCase(),
          name: name.trim(),
          ...(fallback === undefined ? {} : { fallback }),
        });
      from = match.index + whole.length;
    }
  }
  addText(text.length);
  return { parts, keys: parts.flatMap((part) => ("key" in part ? [part.name] : [])) };
}

/** @returns the text with its variables replaced; undefined when one of them has no value */
export function resolveText({ parts }: Template, source: VariableSource): string | undefined {
  let text = "";
  for (const part of parts) {
    const value = "key" in part ? (source.single(part.key) ?? part.fallback) : part.text;
    if (value === undefined) return undefined;
    text += value;
  }
  return text;
}

export type TextMatcher = (text: string, source: VariableSource) => boolean;

/** A template compared as it is, character by character. */
export function equalsMatcher(template: Template): TextMatcher {
  if (template.keys.length > 0) return (text, source) => resolveText(template, source) === text;
  const fixed = template.parts.map((part) => ("key" in part ? "" : part.text)).join("");
  return (text) => text === fixed;
}

/** A template in which `*` and `?` are wildcards. */
export function likeMatcher(template: Template): TextMatcher {
  const [first] = template.parts;
  if (template.parts.length === 0) return (text) => text === "";
  if (template.parts.length === 1 && !("key" in first) && first.escaped !== true) return compileWildcard(first.text);
  return (text, source) => {
    const tokens = tokensFor(template, source);
    return tokens !== undefined && matchesTokens(tokens, text);
  };
}

function tokensFor({ parts }: Template, source: VariableSource): Token[] | undefined {
  const tokens: Token[] = [];
  for (const part of parts) {
    if (!("key" in part)) {
      tokens.push(...(part.escaped === true ? literalTokens(part.text) : tokensOf(part.text)));
      continue;
    }
    const value = source.single(part.key) ?? part.fallback;
    if (value === undefined) return undefined;
    tokens.push(...literalTokens(value));
  }
  return tokens;
}
