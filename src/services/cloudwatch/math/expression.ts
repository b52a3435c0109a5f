/** The grammar of metric math: text in, a tree out. */

export type Expression =
  | { readonly kind: "number"; readonly value: number }
  | { readonly kind: "text"; readonly value: string }
  | { readonly kind: "reference"; readonly id: string }
  | { readonly kind: "call"; readonly name: string; readonly parameters: readonly Expression[] }
  | { readonly kind: "list"; readonly items: readonly Expression[] }
  | { readonly kind: "negative"; readonly operand: Expression }
  | {
      readonly kind: "operation";
      readonly operator: Operator;
      readonly left: Expression;
      readonly right: Expression;
    };

export type Operator = (typeof operators)[number][number];

/** From weak to strong; operators of one line bind alike, from left to right (`^` too). */
const operators = [["OR"], ["AND"], ["==", "!=", "<=", ">=", "<", ">"], ["+", "-"], ["*", "/"], ["^"]] as const;

/** Other spellings of an operator. */
const spellings: Readonly<Record<string, string>> = { "||": "OR", "&&": "AND" };

/** A mistake in an expression; the message continues "Error in expression 'id': ". */
export class ExpressionError extends Error {
  constructor(message: string) {
    super(message);
    this.name = "ExpressionError";
  }
}

interface Token {
  readonly kind: "number" | "text" | "word" | "symbol";
  readonly text: string;
}

const maxDepth = 50;
const token =
  /\s+|(\d+(?:\.\d+)?(?:[eE][+-]?\d+)?|\.\d+)|'((?:[^'\\]|\\.)*)'|"((?:[^"\\]|\\.)*)"|([A-Za-z_][A-Za-z0-9_]*)|(\|\||&&|==|!=|<=|>=|[-+*/^<>(),[\]])/y;

function tokensOf(text: string): Token[] {
  const tokens: Token[] = [];
  token.lastIndex = 0;
  while (token.lastIndex < text.length) {
    const at = token.lastIndex;
    const match = token.exec(text);
    if (match === null) throw new ExpressionError(`Unexpected character '${text[at]}' at position ${at + 1}`);
    const [, number, single, double, word, symbol] = match;
    if (number !== undefined) tokens.push({ kind: "number", text: number });
    else if (word !== undefined) tokens.push({ kind: "word", text: word });
    else if (symbol !== undefined) tokens.push({ kind: "symbol", text: spellings[symbol] ?? symbol });
    else if ((single ?? double) !== undefined) {
      tokens.push({ kind: "text", text: (single ?? double).replaceAll(/\\(.)/gs, "$1") });
    }
  }
  return tokens;
}

/** @throws ExpressionError */
export function parseExpression(text: string): Expression {
  const parser = new Parser(tokensOf(text));
  return parser.whole();
}

class Parser {
  readonly #tokens: readonly Token[];
  #position = 0;
  #depth = 0;

  constructor(tokens: readonly Token[]) {
    this.#tokens = tokens;
  }

  whole(): Expression {
    const tree = this.#expression(0);
    const rest = this.#tokens[this.#position];
    if (rest !== undefined) throw new ExpressionError(`Unexpected '${rest.text}'`);
    return tree;
  }

  #expression(level: number): Expression {
    if (level === operators.length) return this.#operand();
    if (level === 0) this.#enter();
    let left = this.#expression(level + 1);
    for (;;) {
      const operator = this.#operatorOf(level);
      if (operator === undefined) break;
      this.#position += 1;
      left = { kind: "operation", operator, left, right: this.#expression(level + 1) };
    }
    if (level === 0) this.#depth -= 1;
    return left;
  }

  #operatorOf(level: number): Operator | undefined {
    const next = this.#tokens[this.#position];
    if (next === undefined || next.kind === "number" || next.kind === "text") return undefined;
    return operators[level].find((operator) => operator === next.text.toUpperCase());
  }

  #operand(): Expression {
    const next = this.#tokens[this.#position];
    if (next === undefined) throw new ExpressionError("Unexpected end of the expression");
    this.#position += 1;
    switch (next.kind) {
      case "number":
        return { kind: "number", value: Number(next.text) };
      case "text":
        return { kind: "text", value: next.text };
      case "word":
        return this.#take("(") ? this.#call(next.text) : { kind: "reference", id: next.text };
      case "symbol":
        return this.#symbol(next.text);
    }
  }

  #symbol(symbol: string): Expression {
    if (symbol === "(") {
      const inner = this.#expression(0);
      this.#expect(")");
      return inner;
    }
    if (symbol === "[") return { kind: "list", items: this.#items("]") };
    if (symbol === "-") {
      this.#enter();
      // A sign binds weaker than a power: -2^2 is -4.
      const operand = this.#expression(operators.length - 1);
      this.#depth -= 1;
      return { kind: "negative", operand };
    }
    throw new ExpressionError(`Unexpected '${symbol}'`);
  }

  #call(name: string): Expression {
    return { kind: "call", name: name.toUpperCase(), parameters: this.#items(")") };
  }

  #items(end: string): Expression[] {
    const items: Expression[] = [];
    if (this.#take(end)) return items;
    do items.push(this.#expression(0));
    while (this.#take(","));
    this.#expect(end);
    return items;
  }

  #take(symbol: string): boolean {
    const next = this.#tokens[this.#position];
    if (next?.kind !== "symbol" || next.text !== symbol) return false;
    this.#position += 1;
    return true;
  }

  #expect(symbol: string): void {
    if (this.#take(symbol)) return;
    const next = this.#tokens[this.#position];
    throw new ExpressionError(`Expected '${symbol}' but found ${next === undefined ? "the end" : `'${next.text}'`}`);
  }

  #enter(): void {
    this.#depth += 1;
    if (this.#depth > maxDepth) throw new ExpressionError(`The expression is nested deeper than ${maxDepth} levels`);
  }
}

/** The ids that an expression refers to. */
export function referencesOf(tree: Expression): Set<string> {
  const found = new Set<string>();
  const visit = (node: Expression): void => {
    switch (node.kind) {
      case "reference":
        found.add(node.id);
        return;
      case "call":
        node.parameters.forEach(visit);
        return;
      case "list":
        node.items.forEach(visit);
        return;
      case "negative":
        visit(node.operand);
        return;
      case "operation":
        visit(node.left);
        visit(node.right);
        return;
      default:
    }
  };
  visit(tree);
  return found;
}
