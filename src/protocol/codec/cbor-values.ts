/** CBOR as RPC v2 writes it: numbers are numbers, blobs byte strings, timestamps tag 1. */
import type { CompiledService } from "../compiled-service.ts";
import type { ShapeModel, ShapeReference } from "../service-model.ts";
import { EpochTime, readCbor } from "./cbor-reader.ts";
import type { CborWriter } from "./cbor-writer.ts";
import { Malformed } from "./malformed.ts";
import { dateOfEpoch, epochSeconds } from "./timestamps.ts";
import { TreeDecoders, unexpectedStart, type TreeFormat } from "./tree-decoder.ts";

/** Parses a body; an empty one is the empty map, which is how operations without input look. */
export function parseCbor(body: Uint8Array): unknown {
  return body.byteLength === 0 ? {} : readCbor(body);
}

function mismatch(value: unknown, wanted: string): Malformed {
  if (value instanceof Uint8Array) return new Malformed(`A byte string can not be converted to ${wanted}`);
  if (value instanceof EpochTime) return new Malformed(`A timestamp can not be converted to ${wanted}`);
  if (typeof value === "object") return unexpectedStart(value);
  return new Malformed(`A ${typeof value} can not be converted to ${wanted}`);
}

const cborFormat: TreeFormat = {
  string(value) {
    if (typeof value !== "string") throw mismatch(value, "a String");
    return value;
  },
  integer(value) {
    if (typeof value !== "number") throw mismatch(value, "an Integer");
    if (!Number.isInteger(value)) throw new Malformed(`${value} can not be converted to an Integer`);
    return value;
  },
  decimal(value) {
    if (typeof value !== "number") throw mismatch(value, "a Double");
    return value;
  },
  boolean(value) {
    if (typeof value !== "boolean") throw mismatch(value, "a Boolean");
    return value;
  },
  blob(value) {
    if (!(value instanceof Uint8Array)) throw mismatch(value, "a Blob");
    return value;
  },
  timestamp: () => (value) => {
    if (!(value instanceof EpochTime)) throw mismatch(value, "a timestamp, which has tag 1");
    return dateOfEpoch(value.seconds);
  },
};

/** The CBOR decoders of a service. */
export function cborDecoders(service: CompiledService): TreeDecoders {
  return new TreeDecoders(service, cborFormat);
}

/** Writes one value. */
export type CborEncoder = (value: never, writer: CborWriter) => void;

/** Compiles the CBOR encoders of one service. */
export class CborEncoders {
  readonly #service: CompiledService;
  readonly #shapes = new Map<string, CborEncoder>();

  constructor(service: CompiledService) {
    this.#service = service;
  }

  of(reference: ShapeReference): CborEncoder {
    const shape = this.#service.shape(reference.shape);
    switch (shape.type) {
      case "structure":
      case "list":
      case "map":
        return this.#container(reference.shape, shape);
      case "timestamp":
        return (value: Date, writer) => writer.epochTime(epochSeconds(value));
      case "blob":
        return (value: Uint8Array, writer) => writer.blob(value);
      case "boolean":
        return (value: boolean, writer) => writer.boolean(value);
      case "string":
      case "character":
        return (value: string, writer) => writer.text(value);
      case "float":
      case "double":
      case "bigdecimal":
        return (value: number, writer) => writer.decimal(value);
      default:
        return (value: number, writer) => writer.integer(value);
    }
  }

  /** The encoder of a structure; `type`, when given, is written first as `__type`, as errors want it. */
  structure(shape: ShapeModel, type?: string): CborEncoder {
    const members = new Map(
      Object.entries(shape.members ?? {}).map(([name, reference]) => [
        name,
        { key: reference.locationName ?? name, encode: this.of(reference) },
      ]),
    );
    return (structure: Record<string, never>, writer) => {
      const present = Object.keys(structure).filter(
        (name) => structure[name] !== undefined && structure[name] !== null && members.has(name),
      );
      writer.mapHeader(present.length + (type === undefined ? 0 : 1));
      if (type !== undefined) {
        writer.text("__type");
        writer.text(type);
      }
      for (const name of present) {
        const member = members.get(name)!;
        writer.text(member.key);
        member.encode(structure[name], writer);
      }
    };
  }

  #container(name: string, shape: ShapeModel): CborEncoder {
    const known = this.#shapes.get(name);
    if (known !== undefined) return known;
    // A shape that contains itself meets this entry while it is being compiled.
    this.#shapes.set(name, (value, writer) => compiled(value, writer));
    const compiled = this.#compile(shape);
    this.#shapes.set(name, compiled);
    return compiled;
  }

  #compile(shape: ShapeModel): CborEncoder {
    if (shape.type === "structure") return this.structure(shape);
    const item = this.of(shape.type === "list" ? shape.member! : shape.value!);
    const itemOrNull = (value: never, writer: CborWriter): void => {
      if (value === undefined || value === null) writer.null();
      else item(value, writer);
    };
    if (shape.type === "list") {
      return (list: readonly never[], writer) => {
        writer.listHeader(list.length);
        for (const value of list) itemOrNull(value, writer);
      };
    }
    return (map: Readonly<Record<string, never>>, writer) => {
      const keys = Object.keys(map).filter((key) => map[key] !== undefined);
      writer.mapHeader(keys.length);
      for (const key of keys) {
        writer.text(key);
        itemOrNull(map[key], writer);
      }
    };
  }
}
