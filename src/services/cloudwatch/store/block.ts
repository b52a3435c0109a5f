/**
 * A block: the points of many series in one partition of one tier, in a file that is written once.
 *
 * The file holds a section for each series, in ascending order, then a directory of the sections, then a tail that says
 * where the directory is. Sections and directory have checksums; a section that is damaged is refused, not misread.
 */
import { open, type FileHandle } from "node:fs/promises";
import { crc32 } from "node:zlib";
import { ByteReader, ByteWriter } from "./bytes.ts";
import type { Point, SeriesPoints } from "./hot-window.ts";
import { readSummary, writeSummary } from "./summary-codec.ts";
import { tiers } from "./tiers.ts";

const magic = 0x314d4253; // "SBM1"
const tailBytes = 20;
const entryBytes = 28;
const writeBytes = 1 << 20;

/** What the manifest keeps of a block. */
export interface BlockFacts {
  readonly file: string;
  readonly tier: number;
  /** Beginning of the partition, ms since the epoch. */
  readonly partition: number;
  readonly points: number;
  readonly bytes: number;
}

interface Section {
  readonly offset: number;
  readonly length: number;
  readonly crc: number;
}

/** Writes a block durably; it may be read when this resolves. @returns undefined when there were no points */
export async function writeBlock(
  path: string,
  tier: number,
  content: Iterable<SeriesPoints> | AsyncIterable<SeriesPoints>,
): Promise<{ points: number; bytes: number } | undefined> {
  const file = await open(path, "w", 0o600);
  try {
    const out = new ByteWriter(writeBytes);
    const section = new ByteWriter();
    const directory = new ByteWriter();
    let offset = 0;
    let points = 0;
    let series = 0;
    for await (const one of content) {
      section.clear();
      writePoints(section, tier, one.points);
      const bytes = section.view();
      directory.uint32(one.series);
      directory.uint32(bytes.length);
      directory.double(offset + out.length);
      directory.double(one.points.at(-1)![0]);
      directory.uint32(crc32(bytes));
      out.bytes(bytes);
      points += one.points.length;
      series += 1;
      if (out.length < writeBytes) continue;
      offset += await writeAll(file, out.view());
      out.clear();
    }
    offset += await writeAll(file, out.view());
    const directoryOffset = offset;
    offset += await writeAll(file, directory.view());
    const tail = new ByteWriter(tailBytes);
    tail.double(directoryOffset);
    tail.uint32(series);
    tail.uint32(crc32(directory.view()));
    tail.uint32(magic);
    offset += await writeAll(file, tail.view());
    await file.sync();
    return points === 0 ? undefined : { points, bytes: offset };
  } finally {
    await file.close();
  }
}

async function writeAll(file: FileHandle, bytes: Buffer): Promise<number> {
  for (let rest = bytes; rest.length > 0;) {
    const { bytesWritten } = await file.write(rest);
    rest = rest.subarray(bytesWritten);
  }
  return bytes.length;
}

function writePoints(out: ByteWriter, tier: number, points: readonly Point[]): void {
  const { resolutionMs } = tiers[tier];
  let last = 0;
  out.varint(points.length);
  for (const [start, summary] of points) {
    const period = start / resolutionMs;
    out.signed(period - last);
    writeSummary(out, summary);
    last = period;
  }
}

function readPoints(bytes: Buffer, tier: number): Point[] {
  const { resolutionMs } = tiers[tier];
  const from = new ByteReader(bytes);
  const points: Point[] = [];
  let period = 0;
  for (let left = from.varint(); left > 0; left -= 1) {
    period += from.signed();
    points.push([period * resolutionMs, readSummary(from)]);
  }
  return points;
}

/** A block that can be read. Its directory is in memory, 24 bytes a series. */
export class Block {
  readonly facts: BlockFacts;
  readonly #file: FileHandle;
  readonly #series: Uint32Array;
  readonly #lengths: Uint32Array;
  readonly #crcs: Uint32Array;
  readonly #offsets: Float64Array;
  readonly #last: Float64Array;
  #readers = 0;
  #retired = false;

  private constructor(facts: BlockFacts, file: FileHandle, directory: Buffer, count: number) {
    this.facts = facts;
    this.#file = file;
    this.#series = new Uint32Array(count);
    this.#lengths = new Uint32Array(count);
    this.#crcs = new Uint32Array(count);
    this.#offsets = new Float64Array(count);
    this.#last = new Float64Array(count);
    for (let index = 0; index < count; index += 1) {
      const at = index * entryBytes;
      this.#series[index] = directory.readUInt32LE(at);
      this.#lengths[index] = directory.readUInt32LE(at + 4);
      this.#offsets[index] = directory.readDoubleLE(at + 8);
      this.#last[index] = directory.readDoubleLE(at + 16);
      this.#crcs[index] = directory.readUInt32LE(at + 24);
    }
  }

  /** @throws Error when the file is not whole */
  static async open(path: string, facts: BlockFacts): Promise<Block> {
    const file = await open(path, "r");
    try {
      const { size } = await file.stat();
      const tail = Buffer.alloc(tailBytes);
      if (size >= tailBytes) await file.read(tail, 0, tailBytes, size - tailBytes);
      const directoryOffset = tail.readDoubleLE(0);
      const count = tail.readUInt32LE(8);
      if (tail.readUInt32LE(16) !== magic || directoryOffset + count * entryBytes + tailBytes !== size) {
        throw new Error(`the metric block ${path} is not whole`);
      }
      const directory = Buffer.alloc(count * entryBytes);
      await file.read(directory, 0, directory.length, directoryOffset);
      if (crc32(directory) !== tail.readUInt32LE(12)) throw new Error(`the metric block ${path} is damaged`);
      return new Block(facts, file, directory, count);
    } catch (error) {
      await file.close();
      throw error;
    }
  }

  /** First moment after the block's partition. */
  get end(): number {
    return this.facts.partition + tiers[this.facts.tier].partitionMs;
  }

  /** The series in ascending order. */
  get series(): Uint32Array {
    return this.#series;
  }

  /** Beginning of the last period of the series at a place in `series`. */
  lastStart(place: number): number {
    return this.#last[place];
  }

  /** All points of a series, in time order; none when it is not in here. */
  async points(series: number): Promise<readonly Point[]> {
    const section = this.#section(series);
    if (section === undefined) return [];
    const bytes = Buffer.allocUnsafe(section.length);
    await this.#file.read(bytes, 0, section.length, section.offset);
    if (crc32(bytes) !== section.crc) throw new Error(`the metric block ${this.facts.file} is damaged`);
    return readPoints(bytes, this.facts.tier);
  }

  /** Keeps the file open while `use` runs, even when the block is retired meanwhile. */
  async while<Result>(use: () => Promise<Result>): Promise<Result> {
    this.#readers += 1;
    try {
      return await use();
    } finally {
      this.#readers -= 1;
      if (this.#retired && this.#readers === 0) await this.#file.close();
    }
  }

  /** Closes the file when nobody reads any more. */
  async retire(): Promise<void> {
    if (this.#retired) return;
    this.#retired = true;
    if (this.#readers === 0) await this.#file.close();
  }

  #section(series: number): Section | undefined {
    let low = 0;
    let high = this.#series.length - 1;
    while (low <= high) {
      const middle = (low + high) >>> 1;
      const found = this.#series[middle];
      if (found === series) {
        return { offset: this.#offsets[middle], length: this.#lengths[middle], crc: this.#crcs[middle] };
      }
      if (found < series) low = middle + 1;
      else high = middle - 1;
    }
    return undefined;
  }
}
