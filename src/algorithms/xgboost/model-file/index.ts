/** Model files of XGBoost, in each of the forms that its versions write. */
import { readFile, rm, stat, writeFile } from "node:fs/promises";
import { basename } from "node:path";
import type { Booster } from "../booster.ts";
import type { ImageVersion } from "../image-version.ts";
import { boosterProblem } from "./check.ts";
import { boosterFromDocument, documentFromBooster } from "./document.ts";
import { decodeLegacyBinary, encodeLegacyBinary, legacyMagic } from "./legacy-binary.ts";
import { ModelFileError } from "./model-file-error.ts";
import { decodeUbjson, encodeUbjson, type UbjsonValue } from "./ubjson.ts";

const maxFileBytes = 2 ** 31;

/**
 * Reads and checks a model file, whichever of XGBoost's formats it has.
 *
 * @throws ModelFileError when it is none, is damaged, or uses something Sagebrush does not support
 */
export async function readModelFile(path: string): Promise<Booster> {
  const { size } = await stat(path);
  if (size > maxFileBytes)
    throw new ModelFileError(basename(path), `it has ${size} bytes; at most ${maxFileBytes} are supported.`);
  return decodeModel(await readFile(path), basename(path));
}

/** @param file name for messages. Same errors as `readModelFile`. */
export function decodeModel(bytes: Uint8Array, file: string): Booster {
  let booster: Booster;
  try {
    booster = decode(bytes);
  } catch (cause) {
    // Decoders throw RangeError, JSON.parse SyntaxError, TextDecoder TypeError: all say that the bytes are wrong.
    if (cause instanceof RangeError || cause instanceof SyntaxError || cause instanceof TypeError) {
      throw new ModelFileError(file, cause.message, { cause });
    }
    throw cause;
  }
  const problem = boosterProblem(booster);
  if (problem !== undefined) throw new ModelFileError(file, problem);
  return booster;
}

function decode(bytes: Uint8Array): Booster {
  const start = new TextDecoder("latin1").decode(bytes.subarray(0, 64));
  if (bytes.length === 0) throw new RangeError("it is empty.");
  if (start.startsWith(legacyMagic)) return decodeLegacyBinary(bytes);
  // JSON opens with a key in quotes, UBJSON with the key's length or a type or count.
  if (/^\s*\{\s*"/.test(start)) return boosterFromDocument(JSON.parse(new TextDecoder().decode(bytes)) as UbjsonValue);
  if (/^\{[iUIlL$#N]/.test(start)) return boosterFromDocument(decodeUbjson(bytes));
  if (bytes[0] === 0x80) throw new RangeError("it is a Python pickle; save the model with Booster.save_model instead.");
  if (start.startsWith("bs64"))
    throw new RangeError("it is a base64 model of XGBoost 0.x; save it again with a newer version.");
  throw new RangeError("it is no XGBoost model (neither JSON, UBJSON nor XGBoost's binary format).");
}

/** The bytes that the library behind an image version writes for this booster. */
export function encodeModel(booster: Booster, version: ImageVersion): Buffer {
  if (version.modelFormat === "legacy-binary") return encodeLegacyBinary(booster, version.library);
  return encodeUbjson(documentFromBooster(booster, version.library));
}

/** Writes a model file; when that fails, e.g. because the disk is full, no part of it stays behind. */
export async function writeModelFile(path: string, booster: Booster, version: ImageVersion): Promise<void> {
  try {
    await writeFile(path, encodeModel(booster, version));
  } catch (cause) {
    await rm(path, { force: true });
    throw cause;
  }
}
