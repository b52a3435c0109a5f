/**
 * From a parsed tree (JSON or CBOR) to typed input, compiled into one closure per shape.
 *
 * Both formats have objects, arrays and scalars; they differ only in how a blob, a timestamp and a special
 * number look, so a format is a table of scalar decoders.
 */
import type { CompiledService } from "../compiled-service.ts";
import type { ShapeModel, ShapeReference } from "../service-model.ts";
import { checkDepth, Malformed, within } from "./malformed.ts";

/** Decodes one value; `depth` counts the structures, lists and maps around it. */
export type TreeDecoder = (value: unknown, depth: number) => unknown;

/** How a format writes scalars. */
export interface TreeFormat {
  readonly string: (value: unknown) => string;
  readonly integer: (value: unknown) => unknown;
  readonly decimal: (value: unknown) => number;
  readonly boolean: (value: unknown) => boolean;
  readonly blob: (value: unknown) => Uint8Array;
  readonly timestamp: (reference: ShapeReference, shape: ShapeModel) => (value: unknown) => Date;
}

/** Compiles the decoders of one service in one format. */
export class TreeDecoders {
  readonly #service: CompiledService;
  readonly #format: TreeFormat;
  readonly #shapes = new Map<string, TreeDecoder>();

  constructor(service: CompiledService, format: TreeFormat) {
    this.#service = service;
    this.#format = format;
  }

  /** The decoder of a use of a shape; scalars may depend on the use, all others are shared. */
  of(reference: ShapeReference): TreeDecoder {
    const shape = this.#service.shape(reference.shape);
    switch (shape.type) {
      case "structure":
      case "list":
      case "map":
        return this.#container(reference.shape, shape);
      case "string":
      case "character":
        return this.#format.string;
      case "boolean":
        return this.#format.boolean;
      case "blob":
        return this.#format.blob;
      case "timestamp":
        return this.#format.timestamp(reference, shape);
      case "float":
      case "double":
      case "bigdecimal":
        return this.#format.decimal;
      default:
        return this.#format.integer;
    }
  }

  /** The decoder of the members of a structure that `selects`; used where the others are bound to the HTTP message. */
  members(shape: ShapeModel, selects: (reference: ShapeReference) => boolean): TreeDecoder {
    const members = new Map(
      Object.entries(shape.members ?? {})
        .filter(([, reference]) => selects(reference))
        .map(([name, reference]) => [reference.locationName ?? name, { name, decode: this.of(reference) }]),
    );
    return (value, depth) => {
      const source = expectObject(value);
      checkDepth(depth);
      const structure: Record<string, unknown> = {};
      for (const key in source) {
        const member = members.get(key);
        if (member === undefined) continue;
        const item = source[key];
        if (item === null || item === undefined) continue;
        try {
          structure[member.name] = member.decode(item, depth + 1);
        } catch (error) {
          throw within(key, error);
        }
      }
      return structure;
    };
  }

  #container(name: string, shape: ShapeModel): TreeDecoder {
    const known = this.#shapes.get(name);
    if (known !== undefined) return known;
    // A shape that contains itself meets this entry while it is being compiled.
    this.#shapes.set(name, (value, depth) => compiled(value, depth));
    const compiled = this.#compile(shape);
    this.#shapes.set(name, compiled);
    return compiled;
  }

  #compile(shape: ShapeModel): TreeDecoder {
    if (shape.type === "structure") return shape.document ? decodeDocument : this.members(shape, () => true);
    if (shape.type === "list") return listDecoder(this.of(shape.member!));
    return mapDecoder(this.of(shape.value!));
  }
}

function listDecoder(element: TreeDecoder): TreeDecoder {
  return (value, depth) => {
    if (!Array.isArray(value))
      throw typeof value === "object" ? unexpectedStart(value) : new Malformed("Expected list or null");
    checkDepth(depth);
    return value.map((item: unknown, index) => {
      // A null element stays: whether the list may hold one is for validation to say.
      if (item === null || item === undefined) return null;
      try {
        return element(item, depth + 1);
      } catch (error) {
        throw within(index, error);
      }
    });
  };
}

function mapDecoder(entry: TreeDecoder): TreeDecoder {
  return (value, depth) => {
    const source = expectObject(value);
    checkDepth(depth);
    // Keys are the user's: without a prototype, "__proto__" and "constructor" are keys like any other.
    const map = Object.create(null) as Record<string, unknown>;
    for (const key of Object.keys(source)) {
      const item = source[key];
      try {
        map[key] = item === null || item === undefined ? null : entry(item, depth + 1);
      } catch (error) {
        throw within(key, error);
      }
    }
    return map;
  };
}

/** A document is any value; only its depth is limited. */
function decodeDocument(value: unknown, depth: number): unknown {
  const pending = [{ value, depth }];
  for (let next = pending.pop(); next !== undefined; next = pending.pop()) {
    if (typeof next.value !== "object" || next.value === null) continue;
    checkDepth(next.depth);
    for (const item of Object.values(next.value)) pending.push({ value: item, depth: next.depth + 1 });
  }
  return value;
}

function expectObject(value: unknown): Record<string, unknown> {
  if (typeof value === "object" && value !== null && !Array.isArray(value)) return value as Record<string, unknown>;
  throw Array.isArray(value) ? unexpectedStart(value) : new Malformed("Expected a structure or map, or null");
}

/** The wording of AWS's own deserialiser for a container in place of something else. */
export function unexpectedStart(value: unknown): Malformed {
  return new Malformed(
    Array.isArray(value)
      ? "Start of list found where not expected"
      : "Start of structure or map found where not expected.",
  );
}
