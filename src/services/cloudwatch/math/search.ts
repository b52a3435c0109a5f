/**
 * SEARCH: the metrics whose names fit an expression.
 *
 *     {AWS/SageMaker,EndpointName,VariantName} MetricName="ModelLatency" AND EndpointName=churn
 *
 * Braces name a namespace and exactly the dimensions a metric must have. Terms are joined by AND (also when nothing
 * stands between them), OR, NOT and parentheses. A quoted term must be a whole name or value; another must be some of
 * its words, where capitals, digits and punctuation begin a word: `Util` is no word of CPUUtilization, `CPU` is.
 *
 * Source: CloudWatch User Guide, "CloudWatch search expression syntax".
 */
import type { MetricName } from "../store/metric-index.ts";
import { ExpressionError } from "./expression.ts";

type Matcher = (metric: MetricName) => boolean;

const maxLength = 1024;
const maxDepth = 30;
const token = /\s+|"((?:[^"\\]|\\.)*)"|([(){},=])|([^\s(){},="]+)/y;

interface Token {
  readonly text: string;
  readonly quoted: boolean;
  readonly symbol: boolean;
}

/** @throws ExpressionError */
export function compileSearch(text: string): Matcher {
  if (text.length > maxLength) throw new ExpressionError(`A search expression has at most ${maxLength} characters`);
  return new SearchParser(tokensOf(text)).whole();
}

function tokensOf(text: string): Token[] {
  const tokens: Token[] = [];
  token.lastIndex = 0;
  while (token.lastIndex < text.length) {
    const at = token.lastIndex;
    const match = token.exec(text);
    if (match === null) throw new ExpressionError(`Unexpected '${text[at]}' in the search expression`);
    const [, quoted, symbol, word] = match;
    if (quoted !== undefined) tokens.push({ text: quoted.replaceAll(/\\(.)/gs, "$1"), quoted: true, symbol: false });
    else if (symbol !== undefined) tokens.push({ text: symbol, quoted: false, symbol: true });
    else if (word !== undefined) tokens.push({ text: word, quoted: false, symbol: false });
  }
  return tokens;
}

class SearchParser {
  readonly #tokens: readonly Token[];
  #position = 0;
  #depth = 0;

  constructor(tokens: readonly Token[]) {
    this.#tokens = tokens;
  }

  whole(): Matcher {
    const schema = this.#take("{") ? this.#schema() : () => true;
    const terms = this.#position < this.#tokens.length ? this.#either() : () => true;
    const rest = this.#tokens[this.#position];
    if (rest !== undefined) throw new ExpressionError(`Unexpected '${rest.text}' in the search expression`);
    return (metric) => schema(metric) && terms(metric);
  }

  #schema(): Matcher {
    const names = [this.#word().text];
    while (this.#take(",")) names.push(this.#word().text);
    if (!this.#take("}")) throw new ExpressionError("The braces of the search expression are not closed");
    const [namespace, ...dimensions] = names;
    const wanted = new Set(dimensions);
    return (metric) =>
      metric.namespace === namespace &&
      metric.dimensions.length === wanted.size &&
      metric.dimensions.every(([name]) => wanted.has(name));
  }

  #either(): Matcher {
    this.#depth += 1;
    if (this.#depth > maxDepth) throw new ExpressionError("The search expression is nested too deeply");
    let left = this.#both();
    while (this.#takeWord("OR")) {
      const [a, b] = [left, this.#both()];
      left = (metric) => a(metric) || b(metric);
    }
    this.#depth -= 1;
    return left;
  }

  #both(): Matcher {
    let left = this.#negated();
    for (;;) {
      const next = this.#tokens[this.#position];
      const more = next !== undefined && !(next.symbol && next.text !== "(") && !isWord(next, "OR");
      if (!this.#takeWord("AND") && !more) return left;
      const [a, b] = [left, this.#negated()];
      left = (metric) => a(metric) && b(metric);
    }
  }

  #negated(): Matcher {
    if (!this.#takeWord("NOT")) return this.#term();
    const inner = this.#term();
    return (metric) => !inner(metric);
  }

  #term(): Matcher {
    if (this.#take("(")) {
      const inner = this.#either();
      if (!this.#take(")")) throw new ExpressionError("A parenthesis of the search expression is not closed");
      return inner;
    }
    const first = this.#word();
    if (!this.#take("=")) return (metric) => partsOf(metric).some((part) => fits(part, first));
    const property = first.text;
    // Several values in parentheses are alternatives: InstanceId=(a OR b).
    if (this.#tokens[this.#position]?.text === "(" && this.#tokens[this.#position].symbol) {
      return this.#alternatives(property);
    }
    const value = this.#word();
    return (metric) => propertyOf(metric, property).some((part) => fits(part, value));
  }

  #alternatives(property: string): Matcher {
    this.#take("(");
    const values = [this.#word()];
    while (this.#takeWord("OR")) values.push(this.#word());
    if (!this.#take(")")) throw new ExpressionError("A parenthesis of the search expression is not closed");
    return (metric) => propertyOf(metric, property).some((part) => values.some((value) => fits(part, value)));
  }

  #word(): Token {
    const next = this.#tokens[this.#position];
    if (next === undefined || next.symbol) {
      throw new ExpressionError(`Expected a word in the search expression, found ${next?.text ?? "its end"}`);
    }
    this.#position += 1;
    return next;
  }

  #take(symbol: string): boolean {
    const next = this.#tokens[this.#position];
    if (next === undefined || !next.symbol || next.text !== symbol) return false;
    this.#position += 1;
    return true;
  }

  #takeWord(word: string): boolean {
    const next = this.#tokens[this.#position];
    if (next === undefined || !isWord(next, word)) return false;
    this.#position += 1;
    return true;
  }
}

function isWord(next: Token, word: string): boolean {
  return !next.symbol && !next.quoted && next.text === word;
}

function partsOf({ namespace, name, dimensions }: MetricName): string[] {
  return [namespace, name, ...dimensions.flat()];
}

/** The value of a dimension; a metric may have one that is called like a part of its name. */
function propertyOf({ namespace, name, dimensions }: MetricName, property: string): string[] {
  const values = dimensions.flatMap(([dimension, value]) => (dimension === property ? [value] : []));
  if (property === "MetricName") values.push(name);
  if (property === "Namespace") values.push(namespace);
  return values;
}

function fits(part: string, { text, quoted }: Token): boolean {
  if (quoted) return part === text;
  const words = wordsOf(part);
  const wanted = wordsOf(text);
  if (part.toLowerCase() === text.toLowerCase()) return true;
  return wanted.length > 0 && words.some((_, start) => wanted.every((word, index) => words[start + index] === word));
}

function wordsOf(text: string): string[] {
  return (text.match(/[A-Z]+(?![a-z])|[A-Z]?[a-z]+|\d+|[^\x00-\x7f]+/g) ?? []).map((word) => word.toLowerCase());
}
