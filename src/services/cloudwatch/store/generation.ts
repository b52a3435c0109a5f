/** One segment of the journal and the window with the same points in memory; they live and end together. */
import { join } from "node:path";
import { Summary } from "../statistics/summary.ts";
import { ByteReader, ByteWriter } from "./bytes.ts";
import { FrameLog } from "./frame-log.ts";
import { HotWindow } from "./hot-window.ts";
import { readSummary, writeSummary } from "./summary-codec.ts";
import { tiers } from "./tiers.ts";

/** A summary of values that one client sent for one period. */
export interface Entry {
  readonly series: number;
  readonly tier: number;
  /** Beginning of the period, ms since the epoch. */
  readonly start: number;
  readonly summary: Summary;
}

/** Called for every entry of a journal that is read again. */
export type OnEntry = (series: number, start: number) => void;

export class Generation {
  readonly segment: number;
  readonly window: HotWindow;
  readonly #log: FrameLog;
  readonly #writes = new Set<Promise<void>>();

  private constructor(segment: number, log: FrameLog, window: HotWindow) {
    this.segment = segment;
    this.#log = log;
    this.window = window;
  }

  static async open(folder: string, segment: number, onEntry: OnEntry): Promise<Generation> {
    const window = new HotWindow();
    const log = await FrameLog.open(join(folder, segmentFile(segment)), (payload) => {
      for (const { series, tier, start, summary } of readEntries(payload)) {
        onEntry(series, start);
        window.add(series, tier, start, summary);
      }
    });
    return new Generation(segment, log, window);
  }

  /** Bytes of the journal. */
  get bytes(): number {
    return this.#log.size;
  }

  /** Keeps entries durably, then shows them to readers. @param registered resolves when their series are registered */
  async write(entries: readonly Entry[], registered: Promise<void>): Promise<void> {
    const writing = this.#write(entries, registered);
    this.#writes.add(writing);
    try {
      await writing;
    } finally {
      this.#writes.delete(writing);
    }
  }

  /** Resolves when nobody writes any more. */
  async settled(): Promise<void> {
    while (this.#writes.size > 0) await Promise.allSettled(this.#writes);
  }

  async close(): Promise<void> {
    await this.settled();
    await this.#log.close();
  }

  async #write(entries: readonly Entry[], registered: Promise<void>): Promise<void> {
    // Both are waited for whatever becomes of the other, so that a refused batch leaves nothing behind that is at work.
    const [kept, known] = await Promise.allSettled([this.#log.append(encodeEntries(entries)), registered]);
    for (const outcome of [kept, known]) if (outcome.status === "rejected") throw outcome.reason;
    for (const { series, tier, start, summary } of entries) this.window.add(series, tier, start, summary);
  }
}

export function segmentFile(segment: number): string {
  return `journal-${segment}`;
}

const writer = new ByteWriter(64 * 1024);

function encodeEntries(entries: readonly Entry[]): Buffer {
  writer.clear();
  for (const { series, tier, start, summary } of entries) {
    writer.varint(series);
    writer.byte(tier);
    writer.signed(start / tiers[tier].resolutionMs);
    writeSummary(writer, summary);
  }
  return writer.take();
}

function readEntries(payload: Buffer): Entry[] {
  // The payload belongs to the file's reader, but nothing read from it refers to it.
  const from = new ByteReader(payload);
  const entries: Entry[] = [];
  while (!from.atEnd) {
    const series = from.varint();
    const tier = from.byte();
    const start = from.signed() * tiers[tier].resolutionMs;
    entries.push({ series, tier, start, summary: readSummary(from) });
  }
  return entries;
}
