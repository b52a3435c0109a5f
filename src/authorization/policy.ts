/**
 * A policy as it is evaluated: made once from its document, read many times.
 *
 * Which statements are about an action does not depend on the caller, so it is found once per action and kept.
 */
import { RecentlyUsed } from "../util/recently-used.ts";
import { compileConditions, type Condition } from "./conditions.ts";
import type { Position } from "./json-reader.ts";
import {
  parsePolicyDocument,
  type PolicyDocument,
  type PolicyElement,
  type PrincipalName,
  type Statement,
} from "./policy-document.ts";
import { arnMatcher } from "./resource-pattern.ts";
import { anyOf, type TextMatcher } from "./variables.ts";
import { compileWildcard } from "./wildcard.ts";

export interface CompiledStatement {
  /** Place in the document's list. */
  readonly index: number;
  readonly effect: "Allow" | "Deny";
  readonly principals: PolicyElement<PrincipalName> | undefined;
  readonly matchesResource: TextMatcher;
  readonly conditionsHold: Condition;
}

/** Where a statement is in its document, for explanations. */
export interface StatementPosition {
  readonly start: Position;
  /** The place behind its closing brace. */
  readonly end: Position;
}

/** Actions remembered per document. There are few, but a simulation may ask about any. */
const maxActions = 256;

class CompiledDocument {
  readonly document: PolicyDocument;
  readonly #statements: readonly (CompiledStatement & { readonly matchesAction: (action: string) => boolean })[];
  readonly #byAction = new Map<string, readonly CompiledStatement[]>();

  constructor(document: PolicyDocument) {
    this.document = document;
    const variables = document.version === "2012-10-17";
    this.#statements = document.statements.map((statement, index) => ({
      index,
      effect: statement.effect,
      principals: statement.principals,
      matchesAction: actionMatcher(statement),
      matchesResource: resourceMatcher(statement, variables),
      conditionsHold: compileConditions(statement.conditions, variables),
    }));
  }

  statementsFor(action: string): readonly CompiledStatement[] {
    let found = this.#byAction.get(action);
    if (found === undefined) {
      const lowerCase = action.toLowerCase();
      found = this.#statements.filter((statement) => statement.matchesAction(lowerCase));
      if (this.#byAction.size >= maxActions) this.#byAction.clear();
      this.#byAction.set(action, found);
    }
    return found;
  }
}

export class Policy {
  /** Who it is in answers and explanations: an ARN, or the name of an inline policy. */
  readonly name: string;
  readonly #compiled: CompiledDocument;

  constructor(name: string, compiled: CompiledDocument) {
    this.name = name;
    this.#compiled = compiled;
  }

  get document(): PolicyDocument {
    return this.#compiled.document;
  }

  /** Where the statement at `index` of the document's list is. */
  positionOf(index: number): StatementPosition {
    const { start, end } = this.document.statements[index];
    return { start, end };
  }

  /** @param action `s3:GetObject`, in any case */
  statementsFor(action: string): readonly CompiledStatement[] {
    return this.#compiled.statementsFor(action);
  }
}

/**
 * @param source the text of a document, or one that was parsed
 * @throws PolicySyntaxError when the text has not the form of a policy; the rules of its kind are for whoever stores it
 */
export function compilePolicy(source: string | PolicyDocument, name: string): Policy {
  return new Policy(name, new CompiledDocument(typeof source === "string" ? parsePolicyDocument(source) : source));
}

const compiledTexts = new RecentlyUsed<string, CompiledDocument>(256);

/** The same for texts that come again and again, such as the policies of resources: compiled once, the latest are kept. */
export function compiledPolicy(text: string, name: string): Policy {
  let compiled = compiledTexts.get(text);
  if (compiled === undefined) {
    compiled = new CompiledDocument(parsePolicyDocument(text));
    compiledTexts.set(text, compiled);
  }
  return new Policy(name, compiled);
}

/** Names of actions have no case. */
function actionMatcher({ actions }: Statement): (action: string) => boolean {
  if (actions === undefined) return () => false;
  const matchers = actions.values.map((pattern) => compileWildcard(pattern.toLowerCase()));
  return (action) => matchers.some((matches) => matches(action)) !== actions.negated;
}

/** Only the policy of a resource, which says to whom it speaks, may leave out which resource it means. */
function resourceMatcher({ resources, principals }: Statement, variables: boolean): TextMatcher {
  if (resources === undefined) return () => principals !== undefined;
  const matchesAny = anyOf(resources.values.map((pattern) => arnMatcher(pattern, variables)));
  return resources.negated ? (resource, source) => !matchesAny(resource, source) : matchesAny;
}
