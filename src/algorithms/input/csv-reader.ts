/**
 * Reads CSV channels: numbers only, no header, labels in the first column, as SageMaker's tabular algorithms expect.
 */
import { ClientError } from "../algorithm.ts";
import type { ChannelFile } from "./channel-files.ts";
import { DecimalScanner, numberOfText } from "./decimal-scanner.ts";
import { GrowingFloats } from "./growing-floats.ts";
import { hasByteOrderMark, lineBlocks, type LineBlock } from "./line-blocks.ts";

export interface CsvOptions {
  /** The first column holds labels; requests have none. */
  readonly hasLabels: boolean;
  /** The column after the label holds row weights (`csv_weights`). */
  readonly hasWeights: boolean;
}

export interface CsvTable {
  readonly nRows: number;
  readonly nFeatures: number;
  /** shape (nRows, nFeatures), row-major; an empty field is NaN */
  readonly values: Float32Array;
  /** shape (nRows); empty without labels */
  readonly labels: Float32Array;
  /** shape (nRows) */
  readonly weights?: Float32Array;
}

/** The separators that are looked for, the likelier first. */
const delimiters = [",", "\t", ";", " ", ":", "|"];

const lineFeed = 10;
const carriageReturn = 13;
const space = 32;

/**
 * The delimiter of a CSV line: the first of `, tab ; space : |` that it contains outside quotes; a comma when it has
 * only one column.
 */
export function sniffDelimiter(line: string): string {
  const bare = line.trim().replaceAll(/"[^"]*"/g, "");
  return delimiters.find((delimiter) => bare.includes(delimiter)) ?? ",";
}

/**
 * Reads the files of a channel, one after the other, into one table. Lines may end in CRLF, fields may be quoted,
 * blank lines are skipped. The delimiter is sniffed from the first line.
 *
 * @param channel name of the channel, for messages
 * @throws ClientError for text where a number must be, a row of another length, a missing label, a missing or
 *   negative weight, no rows, no feature columns; the message names file, row (line of the file) and column, from 1
 */
export async function readCsv(channel: string, files: readonly ChannelFile[], options: CsvOptions): Promise<CsvTable> {
  const reader = new CsvReader(options);
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
 * Parses a whole CSV text held in memory, e.g. a request. Same rules and errors as `readCsv`.
 *
 * @param name of the text, for messages
 */
export function parseCsv(name: string, text: Uint8Array, options: CsvOptions): CsvTable {
  const reader = new CsvReader(options);
  reader.startFile(name);
  const bytes = new Uint8Array(text.length + 1);
  bytes.set(text);
  bytes[text.length] = lineFeed;
  reader.read({ bytes, start: hasByteOrderMark(bytes) ? 3 : 0, end: text.length }, 1);
  return reader.finish(name);
}

class CsvReader {
  /** Columns before the features. */
  readonly #leading: number;
  readonly #hasWeights: boolean;
  readonly #scanner = new DecimalScanner(new Uint8Array(0));
  readonly #values = new GrowingFloats();
  readonly #labels = new GrowingFloats();
  readonly #weights = new GrowingFloats();
  #delimiter = 0;
  /** Columns of the first row, labels and weights included; 0 before it is known. */
  #nColumns = 0;
  #nRows = 0;
  #fileName = "";
  #line = 0;

  constructor({ hasLabels, hasWeights }: CsvOptions) {
    this.#leading = Number(hasLabels) + Number(hasWeights);
    this.#hasWeights = hasWeights;
  }

  startFile(name: string): void {
    this.#fileName = name;
    this.#line = 0;
  }

  read(block: LineBlock, progress: number): void {
    const { bytes, end } = block;
    if (this.#nColumns === 0 && !this.#readShape(block)) return;
    // A field takes at least its delimiter.
    const mostFields = end - block.start + 1;
    this.#values.reserve(mostFields, progress);
    if (this.#leading > 0) this.#labels.reserve(mostFields, progress);
    if (this.#hasWeights) this.#weights.reserve(mostFields, progress);

    const scanner = this.#scanner;
    scanner.bytes = bytes;
    const delimiter = this.#delimiter;
    const nColumns = this.#nColumns;
    const leading = this.#leading;
    const values = this.#values.values;
    let length = this.#values.length;
    let at = block.start;
    while (at <= end) {
      this.#line += 1;
      const blank = endOfBlankLine(bytes, at);
      if (blank !== -1) {
        at = blank + 1;
        continue;
      }
      let column = 0;
      let terminator = delimiter;
      while (terminator === delimiter) {
        while (bytes[at] === space && delimiter !== space) at += 1;
        scanner.at = at;
        let value = scanner.decimal();
        terminator = bytes[scanner.at];
        if (terminator === carriageReturn && bytes[scanner.at + 1] === lineFeed) {
          scanner.at += 1;
          terminator = lineFeed;
        }
        if (scanner.at === at || (terminator !== delimiter && terminator !== lineFeed)) {
          value = this.#readText(at, column);
          terminator = bytes[scanner.at];
        }
        at = scanner.at + 1;
        if (column >= leading) {
          values[length] = value;
          length += 1;
        } else {
          this.#readLeading(column, value);
        }
        column += 1;
        if (column > nColumns) break;
      }
      if (column !== nColumns) throw this.#raggedRow(bytes, at, column, terminator === delimiter);
      this.#nRows += 1;
    }
    this.#values.length = length;
  }

  finish(source: string): CsvTable {
    const nRows = this.#nRows;
    if (nRows === 0) throw new ClientError(`There are no rows in ${source}: it is empty.`);
    const nFeatures = this.#nColumns - this.#leading;
    const table = { nRows, nFeatures, values: this.#values.finish(), labels: this.#labels.finish() };
    return this.#hasWeights ? { ...table, weights: this.#weights.finish() } : table;
  }

  /** Takes delimiter and number of columns from the first line that is not blank; false when there is none. */
  #readShape({ bytes, start, end }: LineBlock): boolean {
    let at = start;
    for (let blank = endOfBlankLine(bytes, at); blank !== -1 && at <= end; blank = endOfBlankLine(bytes, at))
      at = blank + 1;
    if (at > end) {
      this.#line += bytes.subarray(start, end + 1).reduce((count, byte) => count + Number(byte === lineFeed), 0);
      return false;
    }
    const line = new TextDecoder().decode(bytes.subarray(at, bytes.indexOf(lineFeed, at))).replace(/\r$/, "");
    const delimiter = sniffDelimiter(line);
    this.#delimiter = delimiter.charCodeAt(0);
    this.#nColumns = line.split(delimiter).length;
    if (this.#nColumns <= this.#leading) {
      const leading = this.#hasWeights ? "a label, a weight" : "a label";
      throw new ClientError(
        `${this.#fileName}: the first row has ${this.#nColumns} column(s), but ${leading} and at least one feature are needed: ${JSON.stringify(line.slice(0, 60))}.`,
      );
    }
    return true;
  }

  /** The field at `at` as people may write it; leaves the scanner at its end. */
  #readText(at: number, column: number): number {
    const { bytes } = this.#scanner;
    let end = at;
    while (bytes[end] !== this.#delimiter && bytes[end] !== lineFeed) end += 1;
    this.#scanner.at = end;
    const text = new TextDecoder().decode(bytes.subarray(at, Math.min(end, at + 200))).trim();
    const value = numberOfText(text);
    if (value !== undefined) return value;
    const header = this.#line === 1 ? " SageMaker's CSV has no header line; remove it if this is one." : "";
    const rule =
      /^[+-]?inf(inity)?$/i.test(text) || Number.isFinite(Number(text)) ? "a finite 32-bit number" : "a number";
    throw this.#problem(column, `${JSON.stringify(text.slice(0, 60))} is not ${rule}.${header}`);
  }

  #readLeading(column: number, value: number): void {
    if (column === 0) {
      if (Number.isNaN(value)) throw this.#problem(0, "the label is missing; every row needs one.");
      this.#labels.values[this.#labels.length] = value;
      this.#labels.length += 1;
    } else {
      if (!(value >= 0))
        throw this.#problem(
          1,
          `the weight (csv_weights=1) must be a number >= 0, got ${Number.isNaN(value) ? "nothing" : value}.`,
        );
      this.#weights.values[this.#weights.length] = value;
      this.#weights.length += 1;
    }
  }

  #problem(column: number, what: string): ClientError {
    return new ClientError(`${this.#fileName}, row ${this.#line}, column ${column + 1}: ${what}`);
  }

  #raggedRow(bytes: Uint8Array, at: number, column: number, goesOn: boolean): ClientError {
    let nFields = column;
    if (goesOn) {
      nFields += 1;
      for (let rest = at; bytes[rest] !== lineFeed; rest += 1) nFields += Number(bytes[rest] === this.#delimiter);
    }
    return new ClientError(
      `${this.#fileName}, row ${this.#line}: the row has ${nFields} column(s), but the first row has ${this.#nColumns}.`,
    );
  }
}

/** Index of the line feed when the line that starts at `at` has no visible character, else -1. */
function endOfBlankLine(bytes: Uint8Array, at: number): number {
  if (bytes[at] > 32) return -1;
  let end = at;
  while (bytes[end] === 32 || bytes[end] === carriageReturn) end += 1;
  return bytes[end] === lineFeed ? end : -1;
}
