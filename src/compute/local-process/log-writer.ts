/**
 * The log of a workload: one frame a line, `<ms since the epoch> <o|e> <text>\n`, o for stdout, e for stderr.
 *
 * A text never holds a line feed, so a frame ends at the next one and a torn last frame is recognised. Offsets are
 * byte offsets at frame ends.
 */
import { fstatSync, ftruncateSync, writeSync } from "node:fs";

/** Longer lines are split; bytes. */
export const maxLineBytes = 256 * 1024;

/** What one workload may log before further lines are dropped; bytes. Keeps a runaway loop from filling the disk. */
export const maxLogBytes = 4 * 1024 ** 3;

const lineFeed = 0x0a;

/** Cuts two byte streams into lines and appends them to one open file. Never throws for what the disk does. */
export class LogWriter {
  readonly #descriptor: number;
  readonly #limit: number;
  readonly #pending: Record<"o" | "e", Buffer> = { o: Buffer.alloc(0), e: Buffer.alloc(0) };
  #size: number;
  #lostLines = 0;
  #lostBecause = "";

  /** @param descriptor of a regular file, open for appending; stays the caller's */
  constructor(descriptor: number, limit = maxLogBytes) {
    this.#descriptor = descriptor;
    this.#limit = limit;
    this.#size = fstatSync(descriptor).size;
  }

  /** How many lines could not be kept and why, for people; undefined when all were kept. */
  get loss(): string | undefined {
    return this.#lostLines === 0 ? undefined : `${this.#lostLines} log lines were lost: ${this.#lostBecause}`;
  }

  write(stream: "o" | "e", chunk: Buffer, timestamp: number): void {
    const frames: Buffer[] = [];
    const head = Buffer.from(`${timestamp} ${stream} `);
    const bytes = this.#pending[stream].length === 0 ? chunk : Buffer.concat([this.#pending[stream], chunk]);
    let start = 0;
    for (;;) {
      const end = bytes.indexOf(lineFeed, start);
      if (end === -1 && bytes.length - start <= maxLineBytes) break;
      const tooLong = end === -1 || end - start > maxLineBytes;
      const stop = tooLong ? characterBoundary(bytes, start + maxLineBytes) : end;
      frames.push(head, withoutCarriageReturn(bytes.subarray(start, stop), tooLong), newline);
      start = tooLong ? stop : end + 1;
    }
    this.#pending[stream] = bytes.subarray(start);
    if (frames.length > 0) this.#append(Buffer.concat(frames), frames.length / 3);
  }

  /** Writes what came after the last line feed. */
  end(timestamp: number): void {
    for (const stream of ["o", "e"] as const) {
      if (this.#pending[stream].length > 0) this.write(stream, newline, timestamp);
    }
  }

  #append(bytes: Buffer, lines: number): void {
    if (this.#size + bytes.length > this.#limit) {
      this.#lose(lines, `the log reached its limit of ${this.#limit} bytes`);
      return;
    }
    let written = 0;
    try {
      while (written < bytes.length) written += writeSync(this.#descriptor, bytes, written);
      this.#size += written;
    } catch (error) {
      this.#lose(lines, `writing the log failed: ${(error as Error).message}`);
      // Half a frame would swallow the next line.
      if (written > 0) ftruncateSync(this.#descriptor, this.#size);
    }
  }

  #lose(lines: number, because: string): void {
    this.#lostLines += lines;
    this.#lostBecause = because;
  }
}

const newline = Buffer.from("\n");

/** Moves a cut to the left until it is not inside a UTF-8 character (continuation bytes have 10 as their first bits). */
function characterBoundary(bytes: Buffer, at: number): number {
  let cut = at;
  while (cut > at - 4 && (bytes[cut] & 0xc0) === 0x80) cut -= 1;
  return cut;
}

function withoutCarriageReturn(line: Buffer, tooLong: boolean): Buffer {
  return !tooLong && line.length > 0 && line[line.length - 1] === 0x0d ? line.subarray(0, -1) : line;
}

export interface LogFrame {
  readonly timestamp: number;
  readonly stream: "stdout" | "stderr";
  readonly text: string;
  /** Bytes of the frame with its line feed. */
  readonly length: number;
}

/** Reads the whole frames at the beginning of `bytes`; an unfinished last one is left for later. */
export function* readFrames(bytes: Buffer): Generator<LogFrame> {
  let start = 0;
  for (;;) {
    const end = bytes.indexOf(lineFeed, start);
    if (end === -1) return;
    const frame = bytes.toString("utf8", start, end);
    const space = frame.indexOf(" ");
    yield {
      timestamp: Number(frame.slice(0, space)),
      stream: frame[space + 1] === "e" ? "stderr" : "stdout",
      text: frame.slice(space + 3),
      length: end + 1 - start,
    };
    start = end + 1;
  }
}
