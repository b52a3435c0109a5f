/**
 * Reads libsvm channels: `label[:weight] index:value index:value …`, one row per line, features not named are missing.
 * Indices count from 0 and are taken as given, as XGBoost reads such files: data that counts from 1 has a feature 0
 * that is always missing.
 */
import { ClientError } from "../algorithm.ts";
import type { ChannelFile } from "./channel-files.ts";
import { DecimalScanner, numberOfText } from "./decimal-scanner.ts";
import { GrowingFloats } from "./growing-floats.ts";
import { lineBlocks, type LineBlock } from "./line-blocks.ts";

export interface LibsvmTable {
  readonly nRows: number;
  /** Greatest index + 1 */
  readonly nFeatures: number;
  /** Compressed sparse rows, shape (nRows + 1) */
  readonly rowStart: Float64Array;
  /** Ascending within a row */
  readonly columns: Uint32Array;
  readonly values: Float32Array;
  /** shape (nRows) */
  readonly labels: Float32Array;
  /** shape (nRows); present when any label has a weight, then rows without one weigh 1 */
  readonly weights?: Float32Array;
}

/** Wide enough for hashed features; beyond, per-feature tables would not fit in memory. */
const maxFeatureIndex = 2 ** 24 - 1;

const lineFeed = 10;
const carriageReturn = 13;
const colon = 58;
const hash = 35;

/**
 * Reads the files of a channel, one after the other. Text after `#` is a comment; blank lines are skipped.
 *
 * @throws ClientError for a malformed label, weight or pair, an index that is no integer from 0 to 2^24 - 1 or appears
 *   twice in a row, `qid:`, no rows, no features; the message names file and row (line of the file, from 1)
 */
export async function readLibsvm(channel: string, files: readonly ChannelFile[]): Promise<LibsvmTable> {
  const reader = new LibsvmReader();
  const totalBytes = files.reduce((sum, { size }) => sum + size, 0);
  let bytesRead = 0;
  for (const file of files) {
    reader.startFile(`${channel}/${file.name}`);
    for await (const block of lineBlocks(file)) {
      bytesRead += block.end - block.start + 1;
      reader.read(block, Math.min(1, bytesRead / totalBytes));
    }
  }
  return reader.finish(`the ${channel} channel`);
}

/**
 * Parses a whole libsvm text held in memory, e.g. a request.
 *
 * @param labels `required` for training data; `optional` lets a row start with its first pair
 */
export function parseLibsvm(name: string, text: Uint8Array, labels: "required" | "optional"): LibsvmTable {
  const reader = new LibsvmReader(labels);
  reader.startFile(name);
  const bytes = new Uint8Array(text.length + 1);
  bytes.set(text);
  bytes[text.length] = lineFeed;
  reader.read({ bytes, start: 0, end: text.length }, 1);
  return reader.finish(name);
}

class LibsvmReader {
  readonly #scanner = new DecimalScanner(new Uint8Array(0));
  readonly #values = new GrowingFloats();
  readonly #labels = new GrowingFloats();
  readonly #weights = new GrowingFloats();
  readonly #labelsAre: "required" | "optional";
  #columns = new Uint32Array(0);
  #rowStart = new Float64Array(1024);
  #nRows = 0;
  #hasWeights = false;
  #largestColumn = -1;
  #fileName = "";
  #line = 0;

  constructor(labels: "required" | "optional" = "required") {
    this.#labelsAre = labels;
  }

  startFile(name: string): void {
    this.#fileName = name;
    this.#line = 0;
  }

  read({ bytes, start, end }: LineBlock, progress: number): void {
    // A pair takes at least four bytes with its separator, a label two with its line end.
    const bytesAhead = end - start + 1;
    this.#values.reserve(Math.ceil(bytesAhead / 4) + 1, progress);
    this.#labels.reserve(Math.ceil(bytesAhead / 2) + 1, progress);
    this.#weights.reserve(Math.ceil(bytesAhead / 2) + 1, progress);
    if (this.#columns.length < this.#values.values.length) {
      const grown = new Uint32Array(this.#values.values.length);
      grown.set(this.#columns);
      this.#columns = grown;
    }
    this.#scanner.bytes = bytes;
    let at = start;
    while (at <= end) {
      this.#line += 1;
      at = this.#readLine(at) + 1;
    }
  }

  finish(source: string): LibsvmTable {
    const nRows = this.#nRows;
    if (nRows === 0) throw new ClientError(`There are no rows in ${source}: it is empty.`);
    if (this.#largestColumn === -1 && this.#labelsAre === "required") {
      throw new ClientError(`There are no features in ${source}: no row has an index:value pair.`);
    }
    const table = {
      nRows,
      nFeatures: this.#largestColumn + 1,
      rowStart: this.#rowStart.subarray(0, nRows + 1),
      columns: this.#columns.subarray(0, this.#values.length),
      values: this.#values.finish(),
      labels: this.#labels.finish(),
    };
    return this.#hasWeights ? { ...table, weights: this.#weights.finish() } : table;
  }

  /** @returns index of the line feed */
  #readLine(start: number): number {
    const { bytes } = this.#scanner;
    let at = skipBlanks(bytes, start);
    if (bytes[at] === lineFeed || bytes[at] === hash) return endOfLine(bytes, at);
    if (this.#labelsAre === "required" || !isPair(bytes, at)) at = this.#readLabel(at);
    else this.#addLabel(0, 1);
    const first = this.#values.length;
    let previous = -1;
    let isSorted = true;
    for (at = skipBlanks(bytes, at); bytes[at] !== lineFeed && bytes[at] !== hash; at = skipBlanks(bytes, at)) {
      at = this.#readPair(at);
      const column = this.#columns[this.#values.length - 1];
      isSorted &&= column > previous;
      previous = column;
      if (column > this.#largestColumn) this.#largestColumn = column;
    }
    if (!isSorted) this.#sortRow(first);
    this.#nRows += 1;
    if (this.#nRows >= this.#rowStart.length) {
      const grown = new Float64Array(this.#rowStart.length * 2);
      grown.set(this.#rowStart);
      this.#rowStart = grown;
    }
    this.#rowStart[this.#nRows] = this.#values.length;
    return endOfLine(bytes, at);
  }

  #readLabel(at: number): number {
    const { bytes } = this.#scanner;
    const label = this.#number(at, "label");
    if (Number.isNaN(label)) throw this.#problem("the label is missing (NaN); every row needs one.");
    if (bytes[this.#scanner.at] !== colon) {
      this.#addLabel(label, 1);
      return this.#scanner.at;
    }
    const weight = this.#number(this.#scanner.at + 1, "weight");
    if (!(weight >= 0)) throw this.#problem(`the weight after the label must be a number >= 0, got ${weight}.`);
    this.#hasWeights = true;
    this.#addLabel(label, weight);
    return this.#scanner.at;
  }

  #addLabel(label: number, weight: number): void {
    this.#labels.values[this.#labels.length] = label;
    this.#labels.length += 1;
    this.#weights.values[this.#weights.length] = weight;
    this.#weights.length += 1;
  }

  /** @returns where the pair ends */
  #readPair(start: number): number {
    const { bytes } = this.#scanner;
    let at = start;
    let column = 0;
    while (bytes[at] >= 48 && bytes[at] <= 57 && at - start < 10) {
      column = column * 10 + bytes[at] - 48;
      at += 1;
    }
    if (at === start || bytes[at] !== colon) throw this.#malformedPair(start);
    if (column > maxFeatureIndex) {
      throw this.#problem(`the index of ${JSON.stringify(wordAt(bytes, start))} must be <= ${maxFeatureIndex}.`);
    }
    const value = this.#number(at + 1, "value");
    this.#columns[this.#values.length] = column;
    this.#values.values[this.#values.length] = value;
    this.#values.length += 1;
    return this.#scanner.at;
  }

  /** The number at `at`; leaves the scanner at the blank, colon or line end behind it. */
  #number(at: number, what: string): number {
    const scanner = this.#scanner;
    scanner.at = at;
    const value = scanner.decimal();
    if (scanner.at !== at && endsNumber(scanner.bytes[scanner.at])) return value;
    const text = wordAt(scanner.bytes, at, true);
    const read = text === "" ? undefined : numberOfText(text);
    if (read === undefined) throw this.#problem(`the ${what} ${JSON.stringify(text)} is not a finite 32-bit number.`);
    scanner.at = at + text.length;
    return read;
  }

  #malformedPair(start: number): ClientError {
    const word = wordAt(this.#scanner.bytes, start);
    if (/^qid:/i.test(word)) {
      return this.#problem(
        `${JSON.stringify(word)}: query groups belong to ranking objectives, which Sagebrush does not support.`,
      );
    }
    return this.#problem(`${JSON.stringify(word)} is not index:value with an index that is an integer >= 0.`);
  }

  #sortRow(first: number): void {
    const columns = this.#columns.subarray(first, this.#values.length);
    const values = this.#values.values.subarray(first, this.#values.length);
    const order = [...columns.keys()].sort((a, b) => columns[a] - columns[b]);
    const sortedColumns = order.map((at) => columns[at]);
    const twice = sortedColumns.find((column, at) => at > 0 && column === sortedColumns[at - 1]);
    if (twice !== undefined) throw this.#problem(`the index ${twice} appears twice.`);
    values.set(order.map((at) => values[at]));
    columns.set(sortedColumns);
  }

  #problem(what: string): ClientError {
    return new ClientError(`${this.#fileName}, row ${this.#line}: ${what}`);
  }
}

function isBlank(byte: number): boolean {
  return byte === 32 || byte === 9 || byte === carriageReturn;
}

function endsNumber(byte: number): boolean {
  return isBlank(byte) || byte === lineFeed || byte === colon || byte === hash;
}

function skipBlanks(bytes: Uint8Array, start: number): number {
  let at = start;
  while (isBlank(bytes[at])) at += 1;
  return at;
}

function endOfLine(bytes: Uint8Array, start: number): number {
  let at = start;
  while (bytes[at] !== lineFeed) at += 1;
  return at;
}

/** Whether the word at `start` looks like index:value rather than a label. */
function isPair(bytes: Uint8Array, start: number): boolean {
  return wordAt(bytes, start).includes(":");
}

/** The word at `start`, at most 80 bytes of it, up to a blank (or a colon). */
function wordAt(bytes: Uint8Array, start: number, untilColon = false): string {
  let end = start;
  while (
    end - start < 80 &&
    !isBlank(bytes[end]) &&
    bytes[end] !== lineFeed &&
    bytes[end] !== hash &&
    !(untilColon && bytes[end] === colon)
  )
    end += 1;
  return new TextDecoder().decode(bytes.subarray(start, end));
}
