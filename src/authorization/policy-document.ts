/**
 * The grammar of policy documents.
 *
 * Parsing has two passes, as in IAM: first the form that every policy has, then the rules of its kind
 * (`policy-rules.ts`). A mistake is told with its place in the text.
 * Source: IAM User Guide, "Grammar of the IAM JSON policy language".
 */
import { conditionOperator } from "./condition-operators.ts";
import {
  type JsonMember,
  type JsonNode,
  type JsonObject,
  JsonSyntaxError,
  LineMap,
  type Position,
  readJson,
} from "./json-reader.ts";
import { checkRules, type PolicyKind, wordingOf } from "./policy-rules.ts";
import { PolicySyntaxError } from "./policy-syntax-error.ts";

export interface PolicyDocument {
  readonly version: "2008-10-17" | "2012-10-17";
  readonly id?: string;
  readonly statements: readonly Statement[];
}

export interface Statement {
  readonly sid?: string;
  readonly effect: "Allow" | "Deny";
  /** Principal or NotPrincipal; only the policies of resources have it. */
  readonly principals?: PolicyElement<PrincipalName>;
  /** Action or NotAction. */
  readonly actions?: PolicyElement<string>;
  /** Resource or NotResource; trust policies have none. */
  readonly resources?: PolicyElement<string>;
  readonly conditions: readonly ConditionClause[];
  /** Where it begins, and where the text goes on behind it. */
  readonly start: Position;
  readonly end: Position;
}

/** An element or its `Not…` form. */
export interface PolicyElement<Value> {
  readonly negated: boolean;
  readonly values: readonly Value[];
}

/** `everyone` is `"*"`; else one entry of the map, e.g. `{ type: "AWS", name: "123456789012" }`. */
export type PrincipalName = { readonly type: "everyone" } | { readonly type: PrincipalType; readonly name: string };

export type PrincipalType = "AWS" | "Service" | "Federated" | "CanonicalUser";

/** All values of one key under one operator: `{ operator: "StringLike", key: "s3:prefix", values: ["home/*"] }`. */
export interface ConditionClause {
  readonly operator: string;
  readonly key: string;
  /** Numbers and booleans as they were written. */
  readonly values: readonly string[];
}

/** The longest document that IAM's API takes, in characters; each service has a shorter limit of its own. */
const maxLength = 131_072;
/** Arrays and objects within each other; the values of a condition are at 5. */
const maxDepth = 16;

const versions = ["2008-10-17", "2012-10-17"];
const documentMembers = ["Version", "Id", "Statement"];
const statementMembers = "Sid Effect Principal NotPrincipal Action NotAction Resource NotResource Condition".split(" ");
const principalTypes: readonly string[] = ["AWS", "Service", "Federated", "CanonicalUser"];

/**
 * @param kind whose rules and words apply; without it only the form is checked, as suits a document accepted before
 * @throws PolicySyntaxError for the first mistake
 */
export function parsePolicyDocument(text: string, kind?: PolicyKind): PolicyDocument {
  const reader = new DocumentReader(text, kind);
  const { document, statementNodes } = reader.read();
  if (kind !== undefined) {
    checkRules(document, kind, (index, steps, message) => reader.refuse(statementNodes[index], steps, message));
  }
  return document;
}

/** A value and the members and places that lead to it. */
interface Located<Node extends JsonNode = JsonNode> {
  readonly node: Node;
  readonly path: string;
}

class DocumentReader {
  readonly #text: string;
  readonly #lines: LineMap;
  readonly #words: ReturnType<typeof wordingOf>;

  constructor(text: string, kind: PolicyKind | undefined) {
    this.#text = text;
    this.#lines = new LineMap(text);
    this.#words = wordingOf(kind);
  }

  read(): { document: PolicyDocument; statementNodes: readonly Located[] } {
    const root = this.#object({ node: this.#json(), path: "" });
    const members = this.#members(root, documentMembers);
    const [id, version, statement] = ["Id", "Version", "Statement"].map((name) => members.get(name));
    if (version !== undefined && !(version.node.type === "string" && versions.includes(version.node.value))) {
      throw this.#error(version, this.#words.version);
    }
    if (statement === undefined) throw this.#error(root, this.#words.noStatement);
    const statementNodes = items(statement);
    if (statementNodes.length === 0) throw this.#error(statement, this.#words.noStatement);
    const document: PolicyDocument = {
      version: version?.node.type === "string" && version.node.value === "2012-10-17" ? "2012-10-17" : "2008-10-17",
      ...(id === undefined ? {} : { id: this.#string(id) }),
      statements: statementNodes.map((node) => this.#statement(node)),
    };
    return { document, statementNodes };
  }

  /** Refuses what lies `steps` below a node, or as much of the way as there is. */
  refuse(from: Located, steps: readonly (string | number)[], message: string): never {
    let at = from;
    for (const step of steps) {
      const next = typeof step === "number" ? items(at)[step] : membersOf(at).get(step);
      if (next === undefined) break;
      at = next;
    }
    throw this.#error(at, message);
  }

  #json(): JsonNode {
    if (this.#text.length > maxLength) {
      const limit = `the longest that can be read has ${maxLength}`;
      throw new PolicySyntaxError(`The policy has ${this.#text.length} characters; ${limit}.`, {
        line: 1,
        column: 1,
        path: "",
      });
    }
    try {
      return readJson(this.#text, maxDepth);
    } catch (error) {
      if (!(error instanceof JsonSyntaxError)) throw error;
      const message = error.isJson ? this.#words.syntax : this.#words.json;
      throw new PolicySyntaxError(message, { ...this.#lines.positionOf(error.offset), path: "" }, { cause: error });
    }
  }

  #statement(located: Located): Statement {
    const object = this.#object(located);
    const members = this.#members(object, statementMembers);
    const sid = members.get("Sid");
    const effect = members.get("Effect");
    const condition = members.get("Condition");
    if (effect === undefined) throw this.#error(object, "Missing required field Effect");
    if (effect.node.type !== "string" || !["Allow", "Deny"].includes(effect.node.value)) {
      const written =
        effect.node.type === "string" ? effect.node.value : this.#text.slice(effect.node.start, effect.node.end);
      throw this.#error(effect, `Invalid effect: ${written}`);
    }
    const principals = this.#element(members, "Principal", (value) => this.#principals(value));
    const actions = this.#element(members, "Action", (value) => this.#strings(value));
    const resources = this.#element(members, "Resource", (value) => this.#strings(value));
    return {
      ...(sid === undefined ? {} : { sid: this.#string(sid) }),
      effect: effect.node.value === "Allow" ? "Allow" : "Deny",
      ...(principals === undefined ? {} : { principals }),
      ...(actions === undefined ? {} : { actions }),
      ...(resources === undefined ? {} : { resources }),
      conditions: condition === undefined ? [] : this.#conditions(condition),
      start: this.#lines.positionOf(object.node.start),
      end: this.#lines.positionOf(object.node.end),
    };
  }

  /** An element or its `Not…` form, not both. */
  #element<Value>(
    members: ReadonlyMap<string, Located>,
    name: string,
    read: (value: Located) => Value[],
  ): PolicyElement<Value> | undefined {
    const plain = members.get(name);
    const inverse = members.get(`Not${name}`);
    if (plain !== undefined && inverse !== undefined) throw this.#error(inverse, this.#words.syntax);
    if (plain !== undefined) return { negated: false, values: read(plain) };
    return inverse === undefined ? undefined : { negated: true, values: read(inverse) };
  }

  #principals(located: Located): PrincipalName[] {
    if (located.node.type === "string" && located.node.value === "*") return [{ type: "everyone" }];
    if (located.node.type !== "object") throw this.#error(located, this.#words.principal(this.#written(located)));
    const members = this.#members(this.#object(located), principalTypes);
    return [...members].flatMap(([type, value]) =>
      this.#strings(value).map((name) => ({ type: type as PrincipalType, name })),
    );
  }

  #conditions(located: Located): ConditionClause[] {
    return [...membersOf(this.#object(located))].flatMap(([operator, clause]) => {
      const keys = [...membersOf(this.#object(clause))];
      // An operator nobody knows is no harm as long as it asks for nothing.
      if (keys.length > 0 && conditionOperator(operator) === undefined) {
        throw this.#error(clause, this.#words.operator(operator));
      }
      return keys.map(([key, value]) => ({ operator, key, values: this.#conditionValues(value) }));
    });
  }

  #conditionValues(located: Located): string[] {
    return items(located).map((item) => {
      const { node } = item;
      if (node.type === "string" || node.type === "number" || node.type === "boolean") return node.value;
      throw this.#error(item, this.#words.syntax);
    });
  }

  #strings(located: Located): string[] {
    return items(located).map((item) => this.#string(item));
  }

  #string(located: Located): string {
    if (located.node.type !== "string") throw this.#error(located, this.#words.syntax);
    return located.node.value;
  }

  #object({ node, path }: Located): Located<JsonObject> {
    if (node.type !== "object") throw this.#error({ node, path }, this.#words.syntax);
    return { node, path };
  }

  #members(object: Located<JsonObject>, known: readonly string[]): ReadonlyMap<string, Located> {
    const unknown = object.node.members.find(({ name }) => !known.includes(name));
    if (unknown !== undefined) {
      const at = memberOf(object, unknown);
      throw this.#error({ ...at, start: unknown.start }, this.#words.member(unknown.name));
    }
    return membersOf(object);
  }

  #written({ node }: Located): string {
    return this.#text.slice(node.start, node.end);
  }

  #error(
    { node, path, start = node.start }: Located & { readonly start?: number },
    message: string,
  ): PolicySyntaxError {
    return new PolicySyntaxError(message, { ...this.#lines.positionOf(start), path });
  }
}

/** A list, or the single value that may stand for it. */
function items({ node, path }: Located): Located[] {
  if (node.type !== "array") return [{ node, path }];
  return node.items.map((item, index) => ({ node: item, path: `${path}[${index}]` }));
}

function membersOf(located: Located): Map<string, Located> {
  const { node } = located;
  if (node.type !== "object") return new Map();
  return new Map(node.members.map((member) => [member.name, memberOf(located, member)]));
}

function memberOf({ path }: Located, { name, value }: JsonMember): Located {
  return { node: value, path: path === "" ? name : `${path}.${name}` };
}
