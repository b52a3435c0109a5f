/** Scalars as text, the way headers, paths, query strings, forms and XML carry them. */
import type { CompiledService } from "../compiled-service.ts";
import type { ShapeReference } from "../service-model.ts";
import { Malformed } from "./malformed.ts";
import { formatTimestamp, parseTimestamp, shorten, timestampFormat, type TimestampFormat } from "./timestamps.ts";

export type TextReader = (text: string) => unknown;
export type TextWriter = (value: never) => string;

const integerPattern = /^[+-]?\d+$/;
const decimalPattern = /^[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?$/;
const specialNumbers: Readonly<Record<string, number>> = { NaN: NaN, Infinity: Infinity, "-Infinity": -Infinity };

function readInteger(text: string): number {
  if (!integerPattern.test(text)) throw new Malformed(`"${shorten(text)}" is not an integer`);
  return Number(text);
}

function readDecimal(text: string): number {
  if (decimalPattern.test(text)) return Number(text);
  if (Object.hasOwn(specialNumbers, text)) return specialNumbers[text];
  throw new Malformed(`"${shorten(text)}" is not a number`);
}

function readBoolean(text: string): boolean {
  if (text === "true") return true;
  if (text === "false") return false;
  throw new Malformed(`"${shorten(text)}" is neither true nor false`);
}

/** Bytes of base64 text; padding is required, as in RFC 4648 section 4. */
export function readBase64(text: string): Uint8Array {
  if (text.length % 4 !== 0 || !/^[A-Za-z0-9+/]*={0,2}$/.test(text))
    throw new Malformed(`"${shorten(text)}" is not base64`);
  const { buffer, byteOffset, byteLength } = Buffer.from(text, "base64");
  return new Uint8Array(buffer, byteOffset, byteLength);
}

export function writeBase64(bytes: Uint8Array | string): string {
  if (typeof bytes === "string") return Buffer.from(bytes).toString("base64");
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString("base64");
}

const identity = (text: string): string => text;

/** Reads a scalar of the shape that `reference` names; numbers, booleans and timestamps may have space around them. */
export function textReader(
  service: CompiledService,
  reference: ShapeReference,
  timestamps: TimestampFormat,
): TextReader {
  const shape = service.shape(reference.shape);
  switch (shape.type) {
    case "string":
    case "character":
      return identity;
    case "boolean":
      return (text) => readBoolean(text.trim());
    case "blob":
      return (text) => readBase64(text.trim());
    case "timestamp": {
      const parse = parseTimestamp[timestampFormat(reference, shape, timestamps)];
      return (text) => parse(text.trim());
    }
    case "float":
    case "double":
    case "bigdecimal":
      return (text) => readDecimal(text.trim());
    case "integer":
    case "long":
    case "short":
    case "byte":
      return (text) => readInteger(text.trim());
    default:
      throw new Error(
        `service description ${service.name}: ${reference.shape} is a ${shape.type} where only a scalar can stand`,
      );
  }
}

/** Writes a scalar of the shape that `reference` names. */
export function textWriter(
  service: CompiledService,
  reference: ShapeReference,
  timestamps: TimestampFormat,
): TextWriter {
  const shape = service.shape(reference.shape);
  switch (shape.type) {
    case "blob":
      return writeBase64;
    case "timestamp":
      return formatTimestamp[timestampFormat(reference, shape, timestamps)];
    case "structure":
    case "list":
    case "map":
      throw new Error(
        `service description ${service.name}: ${reference.shape} is a ${shape.type} where only a scalar can stand`,
      );
    default:
      return String;
  }
}
