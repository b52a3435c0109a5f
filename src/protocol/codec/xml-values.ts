/** Typed values from and to XML, compiled into one closure per shape; the same rules serve REST XML and query responses. */
import type { CompiledService } from "../compiled-service.ts";
import type { ShapeModel, ShapeReference } from "../service-model.ts";
import { Malformed, within } from "./malformed.ts";
import { textReader, textWriter } from "./text-values.ts";
import type { XmlElement } from "./xml-reader.ts";

/** Reads the content of an element. */
export type XmlDecoder = (element: XmlElement) => unknown;
/** Writes what stands between the tags. */
export type XmlEncoder = (value: never) => string;

type MemberSelection = (reference: ShapeReference) => boolean;

/** Whether the elements of a list or map stand directly in the structure. */
export function isFlattened(reference: ShapeReference, shape: ShapeModel): boolean {
  return reference.flattened ?? shape.flattened ?? false;
}

/**
 * The element name of a member. A list that is flattened by its shape, as old descriptions have it, may name its
 * elements itself; one that is flattened where it is used goes by the member's name.
 */
export function memberElementName(name: string, reference: ShapeReference, shape: ShapeModel): string {
  const elementName =
    shape.type === "list" && shape.flattened && !reference.flattened ? shape.member!.locationName : undefined;
  return elementName ?? reference.locationName ?? name;
}

const keyName = (map: ShapeModel): string => map.key!.locationName ?? "key";
const valueName = (map: ShapeModel): string => map.value!.locationName ?? "value";

/** Compiles the XML decoders of one service. The reader has limited the depth already. */
export class XmlDecoders {
  readonly #service: CompiledService;
  readonly #shapes = new Map<string, XmlDecoder>();

  constructor(service: CompiledService) {
    this.#service = service;
  }

  of(reference: ShapeReference): XmlDecoder {
    const shape = this.#service.shape(reference.shape);
    if (shape.type !== "structure" && shape.type !== "list" && shape.type !== "map") {
      const read = textReader(this.#service, reference, "iso8601");
      return (element) => {
        if (element.children.length > 0) throw new Malformed(`The element ${element.children[0].name} is not expected`);
        return read(element.text);
      };
    }
    const known = this.#shapes.get(reference.shape);
    if (known !== undefined) return known;
    // A shape that contains itself meets this entry while it is being compiled.
    this.#shapes.set(reference.shape, (element) => compiled(element));
    const compiled = this.#compile(shape);
    this.#shapes.set(reference.shape, compiled);
    return compiled;
  }

  /** The decoder of the members of a structure that `selects`. */
  members(shape: ShapeModel, selects: MemberSelection): (element: XmlElement) => Record<string, unknown> {
    type Take = (element: XmlElement, structure: Record<string, unknown>) => void;
    const elements = new Map<string, Take>();
    const attributes: [wireName: string, name: string, read: (text: string) => unknown][] = [];
    for (const [name, reference] of Object.entries(shape.members ?? {})) {
      if (!selects(reference)) continue;
      if (reference.xmlAttribute)
        attributes.push([reference.locationName ?? name, name, textReader(this.#service, reference, "iso8601")]);
      else {
        const take = this.#take(name, reference);
        elements.set(memberElementName(name, reference, this.#service.shape(reference.shape)), take);
        // botocore writes flattened lists under the name of the member, whatever their element is called.
        elements.set(reference.locationName ?? name, take);
      }
    }
    return (element) => {
      const structure: Record<string, unknown> = {};
      for (const child of element.children) {
        const take = elements.get(child.name);
        if (take === undefined) continue;
        try {
          take(child, structure);
        } catch (error) {
          throw within(child.name, error);
        }
      }
      for (const [wireName, name, read] of attributes) {
        const text = element.attributes?.get(wireName);
        if (text !== undefined) structure[name] = read(text);
      }
      return structure;
    };
  }

  #take(name: string, reference: ShapeReference): (element: XmlElement, structure: Record<string, unknown>) => void {
    const shape = this.#service.shape(reference.shape);
    if (shape.type === "list" && isFlattened(reference, shape)) {
      const decode = this.of(shape.member!);
      return (element, structure) => {
        const list = (structure[name] ??= []) as unknown[];
        list.push(decode(element));
      };
    }
    if (shape.type === "map" && isFlattened(reference, shape)) {
      const readEntry = this.#entryReader(shape);
      return (element, structure) => {
        const map = (structure[name] ??= Object.create(null)) as Record<string, unknown>;
        readEntry(element, map);
      };
    }
    const decode = this.of(reference);
    return (element, structure) => {
      structure[name] = decode(element);
    };
  }

  #compile(shape: ShapeModel): XmlDecoder {
    if (shape.type === "structure") return this.members(shape, () => true);
    if (shape.type === "list") {
      const decode = this.of(shape.member!);
      const elementName = shape.member!.locationName ?? "member";
      return ({ children }) =>
        children
          .filter(({ name }) => name === elementName)
          .map((child, index) => {
            try {
              return decode(child);
            } catch (error) {
              throw within(index, error);
            }
          });
    }
    const readEntry = this.#entryReader(shape);
    return ({ children }) => {
      const map = Object.create(null) as Record<string, unknown>;
      for (const child of children) if (child.name === "entry") readEntry(child, map);
      return map;
    };
  }

  #entryReader(shape: ShapeModel): (element: XmlElement, map: Record<string, unknown>) => void {
    const decode = this.of(shape.value!);
    const [keyElement, valueElement] = [keyName(shape), valueName(shape)];
    return ({ children }, map) => {
      const key = children.find(({ name }) => name === keyElement);
      const value = children.find(({ name }) => name === valueElement);
      if (key === undefined) throw new Malformed(`A map entry has no ${keyElement}`);
      try {
        map[key.text] = value === undefined ? null : decode(value);
      } catch (error) {
        throw within(key.text, error);
      }
    };
  }
}

/** ` xmlns="…"` of a reference or shape, or nothing. */
export function namespaceAttribute(namespace: ShapeReference["xmlNamespace"]): string {
  if (namespace === undefined) return "";
  if (typeof namespace === "string") return ` xmlns="${escapeXml(namespace)}"`;
  return ` xmlns${namespace.prefix === undefined ? "" : `:${namespace.prefix}`}="${escapeXml(namespace.uri)}"`;
}

const needsEscape = /[&<>"\r\n\t\u0000-\u0008\u000b\u000c\u000e-\u001f\u0085\u2028]/;
const textEscapes: Readonly<Record<string, string>> = { "&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;" };

/**
 * Text or attribute value that any parser reads back exactly: markup as entities, and as references what a parser
 * would normalise (line ends) or what XML 1.0 has no place for (control characters, which S3 keys may hold).
 */
export function escapeXml(text: string): string {
  if (!needsEscape.test(text)) return text;
  return text.replace(/[&<>"\r\u0000-\u0008\u000b\u000c\u000e-\u001f\u0085\u2028]/g, (char) => {
    return textEscapes[char] ?? `&#x${char.charCodeAt(0).toString(16).toUpperCase()};`;
  });
}

/** `<Name>content</Name>` */
export function xmlElement(name: string, content: string, attributes = ""): string {
  return content === "" ? `<${name}${attributes}/>` : `<${name}${attributes}>${content}</${name}>`;
}

/** Where protocols and dialects write XML differently. */
export interface XmlStyle {
  /** How timestamps without a format of their own are written, if not as plain ISO 8601. */
  readonly timestamp?: (date: Date) => string;
  /** Whether an element declares the namespace of its shape, besides that of its use. */
  readonly shapeNamespaces: boolean;
}

/** Compiles the XML encoders of one service. */
export class XmlEncoders {
  readonly #service: CompiledService;
  readonly #style: XmlStyle;
  readonly #shapes = new Map<string, XmlEncoder>();

  constructor(service: CompiledService, style: XmlStyle) {
    this.#service = service;
    this.#style = style;
  }

  /** The encoder of the content of an element. */
  of(reference: ShapeReference): XmlEncoder {
    const shape = this.#service.shape(reference.shape);
    switch (shape.type) {
      case "structure":
      case "list":
      case "map":
        break;
      case "string":
      case "character":
        return escapeXml;
      case "timestamp": {
        const hasFormat = reference.timestampFormat !== undefined || shape.timestampFormat !== undefined;
        if (this.#style.timestamp !== undefined && !hasFormat) return this.#style.timestamp;
        return textWriter(this.#service, reference, "iso8601");
      }
      default:
        return textWriter(this.#service, reference, "iso8601");
    }
    const known = this.#shapes.get(reference.shape);
    if (known !== undefined) return known;
    // A shape that contains itself meets this entry while it is being compiled.
    this.#shapes.set(reference.shape, (value) => compiled(value));
    const compiled = this.#compile(shape);
    this.#shapes.set(reference.shape, compiled);
    return compiled;
  }

  /** A whole element of a given name around the content; attributes of a structure included. */
  element(name: string, reference: ShapeReference, extraAttributes = ""): XmlEncoder {
    const encode = this.of(reference);
    const ofShape = this.#style.shapeNamespaces ? this.#service.shape(reference.shape).xmlNamespace : undefined;
    const namespace = extraAttributes + namespaceAttribute(reference.xmlNamespace ?? ofShape);
    const attributes = this.attributes(reference);
    const [open, close, empty] = [`<${name}${namespace}`, `</${name}>`, "/>"];
    if (attributes === undefined) {
      return (value) => {
        const content = encode(value);
        return content === "" ? open + empty : `${open}>${content}${close}`;
      };
    }
    return (value) => {
      const content = encode(value);
      const tag = open + attributes(value);
      return content === "" ? tag + empty : `${tag}>${content}${close}`;
    };
  }

  /** The encoder of the members of a structure that `selects`, as elements. */
  members(shape: ShapeModel, selects: MemberSelection): XmlEncoder {
    const members = Object.entries(shape.members ?? {})
      .filter(([, reference]) => selects(reference) && !reference.xmlAttribute)
      .map(([name, reference]) => [name, this.#member(name, reference)] as const);
    const ordered =
      shape.xmlOrder === undefined
        ? members
        : shape.xmlOrder.flatMap((name) => members.filter(([member]) => member === name));
    return (structure: Readonly<Record<string, never>>) => {
      let text = "";
      for (const [name, encode] of ordered) {
        const value = structure[name];
        if (value !== undefined && value !== null) text += encode(value);
      }
      return text;
    };
  }

  /** The encoder of a structure's members that are XML attributes; undefined when it has none. */
  attributes(reference: ShapeReference): XmlEncoder | undefined {
    const shape = this.#service.shape(reference.shape);
    const members = Object.entries(shape.members ?? {})
      .filter(([, member]) => member.xmlAttribute)
      .map(([name, member]) => ({
        name,
        attribute: member.locationName ?? name,
        write: textWriter(this.#service, member, "iso8601"),
      }));
    if (members.length === 0) return undefined;
    return (structure: Readonly<Record<string, never>>) =>
      members
        .filter(({ name }) => structure[name] !== undefined)
        // An attribute loses its line ends and tabs unless they are references.
        .map(
          ({ name, attribute, write }) =>
            ` ${attribute}="${escapeXml(write(structure[name])).replace(/[\n\t]/g, (char) => `&#${char.charCodeAt(0)};`)}"`,
        )
        .join("");
  }

  #member(name: string, reference: ShapeReference): XmlEncoder {
    const shape = this.#service.shape(reference.shape);
    const elementName = memberElementName(name, reference, shape);
    if (!isFlattened(reference, shape) || (shape.type !== "list" && shape.type !== "map"))
      return this.element(elementName, reference);
    if (shape.type === "list") {
      const encode = this.element(elementName, {
        ...shape.member!,
        xmlNamespace: reference.xmlNamespace ?? shape.member!.xmlNamespace,
      });
      return (list: readonly never[]) => joined(list, encode);
    }
    const encodeEntry = this.#entry(shape);
    const namespace = namespaceAttribute(reference.xmlNamespace);
    return (map: Readonly<Record<string, never>>) =>
      joined(Object.keys(map), (key) => xmlElement(elementName, encodeEntry(key, map[key]), namespace));
  }

  #entry(shape: ShapeModel): (key: string, value: never) => string {
    const encodeKey = this.element(keyName(shape), shape.key!);
    const encodeValue = this.element(valueName(shape), shape.value!);
    const emptyValue = xmlElement(valueName(shape), "");
    return (key, value) =>
      encodeKey(key as never) + (value === undefined || value === null ? emptyValue : encodeValue(value));
  }

  #compile(shape: ShapeModel): XmlEncoder {
    if (shape.type === "structure") return this.members(shape, () => true);
    if (shape.type === "list") {
      const encode = this.element(shape.member!.locationName ?? "member", shape.member!);
      return (list: readonly never[]) => joined(list, encode);
    }
    const encodeEntry = this.#entry(shape);
    return (map: Readonly<Record<string, never>>) =>
      joined(Object.keys(map), (key) => xmlElement("entry", encodeEntry(key, map[key])));
  }
}

function joined<T>(items: readonly T[], encode: (item: T) => string): string {
  let text = "";
  for (const item of items) text += encode(item);
  return text;
}
