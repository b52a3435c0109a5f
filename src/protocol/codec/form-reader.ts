/** The query protocol's form: dotted names such as `Tags.member.1.Key` as a tree, and typed values from it. */
import type { CompiledService } from "../compiled-service.ts";
import type { ShapeModel, ShapeReference } from "../service-model.ts";
import { Malformed, maxDepth, within } from "./malformed.ts";
import { textReader } from "./text-values.ts";
import { parseQuery } from "./uri.ts";
import { isFlattened } from "./xml-values.ts";

/** What stands under a name: its own value, and what stands under `name.…`. */
export interface FormNode {
  value: string | undefined;
  readonly children: Map<string, FormNode>;
}

/** Most parameters of one request; AWS's largest query inputs have a few thousand. */
const maxParameters = 50_000;

/** @throws Malformed when a name is nested too deep or there are too many of them */
export function parseForm(text: string): FormNode {
  const root: FormNode = { value: undefined, children: new Map() };
  const parameters = parseQuery(text);
  if (parameters.length > maxParameters) throw new Malformed(`The request has more than ${maxParameters} parameters`);
  for (const [name, value] of parameters) {
    const parts = name.split(".", maxDepth + 1);
    if (parts.length > maxDepth) throw new Malformed(`A parameter name has more than ${maxDepth} parts`);
    let node = root;
    for (const part of parts) {
      let child = node.children.get(part);
      if (child === undefined) {
        child = { value: undefined, children: new Map() };
        node.children.set(part, child);
      }
      node = child;
    }
    node.value ??= value;
  }
  return root;
}

type FormDecoder = (node: FormNode) => unknown;

/** Compiles the form decoders of one service. */
export class FormDecoders {
  readonly #service: CompiledService;
  readonly #shapes = new Map<string, FormDecoder>();

  constructor(service: CompiledService) {
    this.#service = service;
  }

  of(reference: ShapeReference): FormDecoder {
    const shape = this.#service.shape(reference.shape);
    switch (shape.type) {
      case "structure": {
        const known = this.#shapes.get(reference.shape);
        if (known !== undefined) return known;
        // A shape that contains itself meets this entry while it is being compiled.
        this.#shapes.set(reference.shape, (node) => compiled(node));
        const compiled = this.#structure(shape);
        this.#shapes.set(reference.shape, compiled);
        return compiled;
      }
      case "list":
        return this.#list(reference, shape);
      case "map":
        return this.#map(reference, shape);
      default: {
        const read = textReader(this.#service, reference, "iso8601");
        return (node) => (node.value === undefined ? undefined : read(node.value));
      }
    }
  }

  #structure(shape: ShapeModel): FormDecoder {
    const members = Object.entries(shape.members ?? {}).map(([name, reference]) => {
      const key = reference.locationName ?? name;
      const memberShape = this.#service.shape(reference.shape);
      // A flattened list goes by the name of its element where that has one.
      const elementKey =
        memberShape.type === "list" && isFlattened(reference, memberShape)
          ? memberShape.member!.locationName
          : undefined;
      return { name, key, elementKey, decode: this.of(reference) };
    });
    return ({ children }) => {
      const structure: Record<string, unknown> = {};
      for (const { name, key, elementKey, decode } of members) {
        const node = (elementKey === undefined ? undefined : children.get(elementKey)) ?? children.get(key);
        if (node === undefined) continue;
        try {
          const value = decode(node);
          if (value !== undefined) structure[name] = value;
        } catch (error) {
          throw within(key, error);
        }
      }
      return structure;
    };
  }

  #list(reference: ShapeReference, shape: ShapeModel): FormDecoder {
    const decode = lazily(() => this.of(shape.member!));
    const elementName = shape.member!.locationName ?? "member";
    const flattened = isFlattened(reference, shape);
    return (node) => {
      const elements = flattened ? node : node.children.get(elementName);
      // `Name=` alone is how an empty list is sent.
      if (elements === undefined) return node.value === undefined ? undefined : [];
      return numbered(elements).map(([position, element]) => {
        try {
          return decode(element) ?? null;
        } catch (error) {
          throw within(position, error);
        }
      });
    };
  }

  #map(reference: ShapeReference, shape: ShapeModel): FormDecoder {
    const decode = lazily(() => this.of(shape.value!));
    const keyName = shape.key!.locationName ?? "key";
    const valueName = shape.value!.locationName ?? "value";
    const flattened = isFlattened(reference, shape);
    return (node) => {
      const entries = flattened ? node : node.children.get("entry");
      if (entries === undefined) return node.value === undefined ? undefined : Object.create(null);
      const map = Object.create(null) as Record<string, unknown>;
      for (const [position, entry] of numbered(entries)) {
        const key = entry.children.get(keyName)?.value;
        if (key === undefined) throw within(position, new Malformed(`The map entry has no ${keyName}`));
        const value = entry.children.get(valueName);
        try {
          map[key] = value === undefined ? null : (decode(value) ?? null);
        } catch (error) {
          throw within(key, error);
        }
      }
      return map;
    };
  }
}

/** Lists and maps are compiled per use, so a recursion through them is cut by compiling on the first call. */
function lazily(compile: () => FormDecoder): FormDecoder {
  let decode: FormDecoder | undefined;
  return (node) => (decode ??= compile())(node);
}

/** The elements under `.1`, `.2`, … in the order of their numbers, which may have gaps. */
function numbered(node: FormNode): [position: number, element: FormNode][] {
  return [...node.children]
    .map(([key, element]): [number, FormNode] => {
      if (!/^\d{1,9}$/.test(key)) throw new Malformed(`"${key.slice(0, 50)}" is not the number of a list element`);
      return [Number(key), element];
    })
    .sort(([a], [b]) => a - b);
}
