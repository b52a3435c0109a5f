/** JSON as AWS writes it: base64 blobs, timestamps as seconds, NaN and the infinities as strings. */
import { isUtf8 } from "node:buffer";
import type { CompiledService } from "../compiled-service.ts";
import type { ShapeModel, ShapeReference } from "../service-model.ts";
import { Malformed } from "./malformed.ts";
import { readBase64, writeBase64 } from "./text-values.ts";
import { dateOfEpoch, epochSeconds, formatTimestamp, parseTimestamp, timestampFormat } from "./timestamps.ts";
import { TreeDecoders, unexpectedStart, type TreeFormat } from "./tree-decoder.ts";

/** Parses a body; an empty one is the empty object, as AWS allows for operations without input. */
export function parseJson(body: Uint8Array): unknown {
  if (body.byteLength === 0) return {};
  if (!isUtf8(body)) throw new Malformed("The request body is not UTF-8");
  try {
    // V8 parses without recursion: no depth of brackets exhausts the stack here.
    return JSON.parse(Buffer.from(body.buffer, body.byteOffset, body.byteLength).toString("utf8"));
  } catch (error) {
    throw new Malformed(`The request body is not JSON: ${(error as Error).message}`);
  }
}

/** AWS's name of what stands there: its messages are those of the Jackson tokens. */
function tokenName(value: unknown): string {
  switch (typeof value) {
    case "string":
      return "STRING_VALUE";
    case "number":
      return "NUMBER_VALUE";
    default:
      return value === true ? "TRUE_VALUE" : "FALSE_VALUE";
  }
}

function mismatch(value: unknown, wanted: string): Malformed {
  if (typeof value === "object") return unexpectedStart(value);
  return new Malformed(`${tokenName(value)} can not be converted to ${wanted}`);
}

function jsonString(value: unknown): string {
  if (typeof value !== "string") throw mismatch(value, "a String");
  return value;
}

const specialNumbers: Readonly<Record<string, number>> = { NaN: NaN, Infinity: Infinity, "-Infinity": -Infinity };

const jsonFormat: TreeFormat = {
  string: jsonString,
  integer(value) {
    if (typeof value !== "number") throw mismatch(value, "an Integer");
    if (!Number.isInteger(value)) throw new Malformed(`${value} can not be converted to an Integer`);
    return value;
  },
  decimal(value) {
    if (typeof value === "number") return value;
    if (typeof value === "string" && Object.hasOwn(specialNumbers, value)) return specialNumbers[value];
    throw mismatch(value, "a Double");
  },
  boolean(value) {
    if (typeof value !== "boolean") throw mismatch(value, "a Boolean");
    return value;
  },
  blob: (value) => readBase64(jsonString(value)),
  timestamp(reference, shape) {
    const format = timestampFormat(reference, shape, "unixTimestamp");
    if (format !== "unixTimestamp") return (value) => parseTimestamp[format](jsonString(value));
    return (value) => {
      if (typeof value !== "number") throw mismatch(value, "milliseconds since epoch");
      return dateOfEpoch(value);
    };
  },
};

/** The JSON decoders of a service. */
export function jsonDecoders(service: CompiledService): TreeDecoders {
  return new TreeDecoders(service, jsonFormat);
}

/** Writes one value as JSON text. */
export type JsonEncoder = (value: never) => string;

/** Compiles the JSON encoders of one service: closures that write text directly, without an intermediate tree. */
export class JsonEncoders {
  readonly #service: CompiledService;
  readonly #shapes = new Map<string, JsonEncoder>();

  constructor(service: CompiledService) {
    this.#service = service;
  }

  of(reference: ShapeReference): JsonEncoder {
    const shape = this.#service.shape(reference.shape);
    switch (shape.type) {
      case "structure":
      case "list":
      case "map":
        return this.#container(reference.shape, shape);
      case "string":
      case "character":
      case "boolean":
        return JSON.stringify;
      case "blob":
        return (value: Uint8Array) => `"${writeBase64(value)}"`;
      case "timestamp":
        return timestampEncoder(reference, shape);
      default:
        return encodeNumber;
    }
  }

  /** The encoder of the members of a structure that `selects`. */
  members(shape: ShapeModel, selects: (reference: ShapeReference) => boolean): JsonEncoder {
    const members = new Map(
      Object.entries(shape.members ?? {})
        .filter(([, reference]) => selects(reference))
        .map(([name, reference]) => [
          name,
          { key: `${JSON.stringify(reference.locationName ?? name)}:`, encode: this.of(reference) },
        ]),
    );
    // Outputs usually hold few of a shape's members, so the value's own keys lead.
    return (structure: Record<string, never>) => {
      let text = "";
      for (const name in structure) {
        const value = structure[name];
        if (value === undefined || value === null) continue;
        const member = members.get(name);
        if (member === undefined) continue;
        text += text === "" ? member.key : `,${member.key}`;
        text += member.encode(value);
      }
      return `{${text}}`;
    };
  }

  #container(name: string, shape: ShapeModel): JsonEncoder {
    const known = this.#shapes.get(name);
    if (known !== undefined) return known;
    // A shape that contains itself meets this entry while it is being compiled.
    this.#shapes.set(name, (value) => compiled(value));
    const compiled = this.#compile(shape);
    this.#shapes.set(name, compiled);
    return compiled;
  }

  #compile(shape: ShapeModel): JsonEncoder {
    if (shape.type === "structure") return shape.document ? JSON.stringify : this.members(shape, () => true);
    if (shape.type === "list")
      return onceIfFrozen(listEncoder(this.of(shape.member!)), (list: readonly never[]) => list.length >= longList);
    return mapEncoder(this.of(shape.value!));
  }
}

/** Frozen lists from this length on are worth remembering. */
const longList = 16;

/**
 * What is frozen cannot change, so its text is kept as long as it lives: answers to clients that poll, lists that many
 * answers share. The shape is part of the closure, for one value may be used as several shapes.
 *
 * @param worth tells values that are worth it; remembering costs as much as writing a few members
 */
export function onceIfFrozen(encode: JsonEncoder, worth: (value: never) => boolean = () => true): JsonEncoder {
  const texts = new WeakMap<object, string>();
  return (value: never) => {
    if (!Object.isFrozen(value) || !worth(value)) return encode(value);
    const known = texts.get(value);
    if (known !== undefined) return known;
    const text = encode(value);
    texts.set(value, text);
    return text;
  };
}

function listEncoder(element: JsonEncoder): JsonEncoder {
  return (list: readonly never[]) => {
    let text = "";
    for (let index = 0; index < list.length; index += 1) {
      const item = list[index];
      text += (index === 0 ? "" : ",") + (item === null || item === undefined ? "null" : element(item));
    }
    return `[${text}]`;
  };
}

function mapEncoder(entry: JsonEncoder): JsonEncoder {
  return (map: Readonly<Record<string, never>>) => {
    let text = "";
    for (const key of Object.keys(map)) {
      const item = map[key];
      if (item === undefined) continue;
      text += `${text === "" ? "" : ","}${JSON.stringify(key)}:${item === null ? "null" : entry(item)}`;
    }
    return `{${text}}`;
  };
}

function encodeNumber(value: number): string {
  return Number.isFinite(value) ? String(value) : `"${value}"`;
}

function timestampEncoder(reference: ShapeReference, shape: ShapeModel): JsonEncoder {
  const format = timestampFormat(reference, shape, "unixTimestamp");
  if (format === "unixTimestamp") return (value: Date) => String(epochSeconds(value));
  return (value: Date) => `"${formatTimestamp[format](value)}"`;
}
