/** A policy document that breaks a rule of the language, and where. */
import type { Position } from "./json-reader.ts";

export interface Place extends Position {
  /** Members and list places that lead there, e.g. `Statement[2].Condition.StringEquals`; empty for the whole document. */
  readonly path: string;
}

export class PolicySyntaxError extends Error {
  /** 1-based. */
  readonly line: number;
  /** 1-based, in UTF-16 code units. */
  readonly column: number;
  readonly path: string;

  /** @param message in the words of the service that would refuse it */
  constructor(message: string, { line, column, path }: Place, options?: ErrorOptions) {
    super(message, options);
    this.name = "PolicySyntaxError";
    this.line = line;
    this.column = column;
    this.path = path;
  }

  /** For people: `line 3, column 17, at Statement[0].Effect`; with what the JSON reader expected where it is no JSON. */
  get where(): string {
    const path = this.path === "" ? "" : `, at ${this.path}`;
    const detail = this.cause instanceof Error ? `: ${this.cause.message}` : "";
    return `line ${this.line}, column ${this.column}${path}${detail}`;
  }
}
