/**
 * The events of one log stream: append-only segment files of bounded size, the oldest of which can be dropped whole.
 *
 * The first segment is the file of the stream's own name, the others lie beside it in `<name>.d/<number>`. What is in
 * memory is the index of the segment that is written to; messages stay on disk. A batch also keeps how far its source was
 * read, which makes appends of a source that is read again idempotent.
 */
import { type FileHandle, mkdir, open, readdir, rm, truncate } from "node:fs/promises";
import { dirname, join } from "node:path";
import { StorageFull } from "../../../storage/record-store.ts";
import { RecentlyUsed } from "../../../util/recently-used.ts";
import { type BatchFacts, encodeBatch, type EventPair, factsOf } from "./batch-line.ts";
import { type Block, BlockIndex } from "./block-index.ts";
import { type EventRange, isWithin, overlaps, type PageQuery, readPage } from "./event-page.ts";
import {
  emptyStart,
  encodeStart,
  factsOfSegment,
  readBlock,
  scanFile,
  type SegmentFacts,
  type SegmentStart,
} from "./segment.ts";
import type { StoredEvent } from "./stored-event.ts";

/** What is known of a stream without reading its events. */
export interface StreamSummary {
  /** Events that are kept. */
  readonly count: number;
  /** Events that were ever received. */
  readonly received: number;
  /** ms since the epoch; absent when no event is kept. */
  readonly oldest?: number;
  readonly newest?: number;
  readonly lastIngestionTime?: number;
  /** Bytes of messages plus 26 per event, the way CloudWatch counts. */
  readonly storedBytes: number;
  /** How far the source of the stream was read. */
  readonly sourceOffset: number;
}

/** A segment is followed by the next one when it has this size. */
const segmentBytes = 8 * 2 ** 20;

/** Indexes of segments that are only read. */
const sealedIndexes = new RecentlyUsed<string, BlockIndex>(64);

interface ActiveSegment {
  readonly number: number;
  /** Sequence of its first event. */
  readonly sequence: number;
  readonly index: BlockIndex;
  size: number;
  count: number;
  messageBytes: number;
}

interface Waiting {
  readonly events: readonly EventPair[];
  readonly ingestionTime: number;
  readonly sourceOffset: number | undefined;
  readonly kept: (events: readonly EventPair[]) => void;
  readonly failed: (error: unknown) => void;
}

export class LogFile {
  readonly #path: string;
  readonly #segmentBytes: number;
  #sealed: SegmentFacts[] = [];
  #active: ActiveSegment = {
    number: 0,
    sequence: 0,
    index: new BlockIndex(),
    size: 0,
    count: 0,
    messageBytes: 0,
  };
  #sequence = 0;
  #sourceOffset = 0;
  #lastIngestionTime: number | undefined;
  /** Where appends go; opened by the first one. */
  #file: FileHandle | undefined;
  #waiting: Waiting[] = [];
  /** Writes and changes of segments, one after the other. */
  #tail: Promise<unknown> = Promise.resolve();
  #summary: StreamSummary | undefined;

  private constructor(path: string, options: { readonly segmentBytes?: number }) {
    this.#path = path;
    this.#segmentBytes = options.segmentBytes ?? segmentBytes;
  }

  /** @param path need not exist: a stream without events has no file */
  static async open(path: string, options: { readonly segmentBytes?: number } = {}): Promise<LogFile> {
    const log = new LogFile(path, options);
    await log.#load();
    return log;
  }

  /** Removes all files of a stream. */
  static async remove(path: string): Promise<void> {
    await rm(path, { force: true });
    await rm(`${path}.d`, { recursive: true, force: true });
  }

  get summary(): StreamSummary {
    this.#summary ??= this.#summarize();
    return this.#summary;
  }

  get sourceOffset(): number {
    return this.#sourceOffset;
  }

  /**
   * Keeps a batch durably; batches that arrive while another is written share its way to the disk.
   *
   * With a source offset not above the last one nothing is written: it was kept before. A source is read in the order in
   * which it was written, so its events never go back in time here, whatever the clock did.
   * @returns the events as they are kept; none when they were kept before
   * @throws StorageFull; the stream is as it was before
   */
  append(events: readonly EventPair[], ingestionTime: number, sourceOffset?: number): Promise<readonly EventPair[]> {
    return new Promise((kept, failed) => {
      this.#waiting.push({ events, ingestionTime, sourceOffset, kept, failed });
      if (this.#waiting.length === 1) void this.#inTurn(() => this.#writeWaiting());
    });
  }

  /** The first (or last) events of a range, in order of time. */
  async page(query: PageQuery): Promise<StoredEvent[]> {
    const files = new OpenSegments((segment) => this.#pathOf(segment.number));
    try {
      return await readPage(
        query,
        this.#segments(),
        (segment) => this.#blocksOf(segment),
        (segment, block) => files.read(segment, block),
      );
    } finally {
      await files.close();
    }
  }

  /** All events of a range, block by block, about in order of arrival: for those who do not need them in order of time. */
  async *blocks(range: EventRange): AsyncGenerator<readonly StoredEvent[]> {
    const files = new OpenSegments((segment) => this.#pathOf(segment.number));
    try {
      for (const segment of this.#segments()) {
        if (!overlaps(segment, range)) continue;
        for (const block of await this.#blocksOf(segment)) {
          if (!overlaps(block, range)) continue;
          const events = await files.read(segment, block);
          yield events.filter((event) => isWithin(event, range));
        }
      }
    } finally {
      await files.close();
    }
  }

  /**
   * Frees what is older than `cutoff` (ms since the epoch), in whole segments. A segment that holds newer events too goes
   * when these are old as well; the next events begin a new one, so that it is not kept for ever.
   */
  async expire(cutoff: number): Promise<void> {
    await this.#inTurn(async () => {
      if (this.#active.count > 0 && this.#active.index.oldest < cutoff) await this.#roll();
      for (const segment of this.#sealed.filter(({ newest }) => newest < cutoff)) {
        await rm(this.#pathOf(segment.number), { force: true });
        sealedIndexes.delete(this.#pathOf(segment.number));
        this.#sealed = this.#sealed.filter((other) => other !== segment);
        this.#summary = undefined;
      }
    });
  }

  async close(): Promise<void> {
    await this.#tail;
    await this.#file?.close();
    this.#file = undefined;
  }

  #inTurn<Result>(work: () => Promise<Result>): Promise<Result> {
    const done = this.#tail.then(work);
    this.#tail = done.catch(() => undefined); // the next one must not fail because this one did
    return done;
  }

  #pathOf(number: number): string {
    return number === 0 ? this.#path : join(`${this.#path}.d`, String(number));
  }

  async #load(): Promise<void> {
    const numbers = (await namesIn(`${this.#path}.d`)).map(Number).sort((a, b) => b - a);
    for (const number of [...numbers, 0]) {
      const path = this.#pathOf(number);
      const scanned = await scanFile(path).catch((error: NodeJS.ErrnoException) => {
        if (error.code === "ENOENT") return undefined;
        throw error;
      });
      if (scanned === undefined) continue;
      // A crash while a segment was begun: nothing is in it.
      if (number > 0 && scanned.size === 0) {
        await rm(path);
        continue;
      }
      if (scanned.torn > 0) await truncate(path, scanned.size);
      const { index, size, count, messageBytes, sequence } = scanned;
      this.#active = { number, sequence: sequence - count, index, size, count, messageBytes };
      this.#sequence = sequence;
      this.#sourceOffset = scanned.sourceOffset;
      this.#lastIngestionTime = scanned.lastIngestionTime;
      const firstIsThere = scanned.sealed.some((segment) => segment.number === 0) && (await exists(this.#path));
      this.#sealed = scanned.sealed.filter((segment) =>
        segment.number === 0 ? firstIsThere : numbers.includes(segment.number),
      );
      return;
    }
  }

  #summarize(): StreamSummary {
    const segments = this.#segments();
    let [oldest, newest, count, storedBytes] = [Infinity, -Infinity, 0, 0];
    for (const segment of segments) {
      oldest = Math.min(oldest, segment.oldest);
      newest = Math.max(newest, segment.newest);
      count += segment.count;
      storedBytes += segment.storedBytes;
    }
    return {
      count,
      received: this.#sequence,
      ...(count === 0 ? {} : { oldest, newest }),
      ...(this.#lastIngestionTime === undefined ? {} : { lastIngestionTime: this.#lastIngestionTime }),
      storedBytes,
      sourceOffset: this.#sourceOffset,
    };
  }

  #segments(): readonly SegmentFacts[] {
    return [...this.#sealed, this.#activeFacts()];
  }

  #activeFacts(): SegmentFacts {
    return factsOfSegment(this.#active.number, this.#active.sequence, this.#active);
  }

  /** A copy: the last block may grow while its events are read. */
  async #blocksOf({ number }: SegmentFacts): Promise<readonly Block[]> {
    if (number === this.#active.number) return this.#active.index.blocks.map((block) => ({ ...block }));
    const path = this.#pathOf(number);
    const known = sealedIndexes.get(path);
    if (known !== undefined) return known.blocks;
    try {
      const { index } = await scanFile(path);
      sealedIndexes.set(path, index);
      return index.blocks;
    } catch (error) {
      // Dropped since the reader began: its events are older than the group keeps them.
      if ((error as NodeJS.ErrnoException).code === "ENOENT") return [];
      throw error;
    }
  }

  async #writeWaiting(): Promise<void> {
    const waiting = this.#waiting;
    this.#waiting = [];
    try {
      if (this.#active.size >= this.#segmentBytes) await this.#roll();
      const kept = await this.#write(waiting);
      for (const [at, { kept: done }] of waiting.entries()) done(kept[at]);
    } catch (error) {
      for (const { failed } of waiting) failed(error);
    }
  }

  async #write(waiting: readonly Waiting[]): Promise<(readonly EventPair[])[]> {
    let sourceOffset = this.#sourceOffset;
    let newest = this.summary.newest ?? -Infinity;
    const lines: { readonly facts: BatchFacts; readonly bytes: Buffer }[] = [];
    const kept = waiting.map((batch): readonly EventPair[] => {
      if (batch.sourceOffset !== undefined && batch.sourceOffset <= sourceOffset) return [];
      if (batch.events.length === 0 && batch.sourceOffset === undefined) return [];
      const events = batch.sourceOffset === undefined ? batch.events : inOrder(batch.events, newest);
      const facts = factsOf(events, batch.ingestionTime, batch.sourceOffset);
      if (batch.sourceOffset !== undefined) sourceOffset = batch.sourceOffset;
      if (facts.count > 0) newest = Math.max(newest, facts.newest);
      lines.push({ facts, bytes: Buffer.from(encodeBatch(facts, events)) });
      return events;
    });
    if (lines.length === 0) return kept;
    const active = this.#active;
    this.#file ??= await open(this.#pathOf(active.number), "a", 0o600);
    try {
      await this.#file.appendFile(Buffer.concat(lines.map(({ bytes }) => bytes)));
      await this.#file.datasync();
    } catch (error) {
      await this.#file.truncate(active.size);
      throw asStorageFull(error);
    }
    for (const { facts, bytes } of lines) {
      active.index.add(facts, active.size, bytes.length, this.#sequence);
      active.size += bytes.length;
      active.count += facts.count;
      active.messageBytes += facts.messageBytes;
      this.#sequence += facts.count;
      if (facts.sourceOffset !== undefined) this.#sourceOffset = facts.sourceOffset;
      if (facts.count > 0) this.#lastIngestionTime = facts.ingestionTime;
    }
    this.#summary = undefined;
    return kept;
  }

  /** Begins the next segment. */
  async #roll(): Promise<void> {
    const number = this.#active.number + 1;
    const sealed = [...this.#sealed, this.#activeFacts()];
    const start: SegmentStart = {
      ...emptyStart,
      sequence: this.#sequence,
      sourceOffset: this.#sourceOffset,
      ...(this.#lastIngestionTime === undefined ? {} : { lastIngestionTime: this.#lastIngestionTime }),
      sealed,
    };
    const path = this.#pathOf(number);
    const line = Buffer.from(encodeStart(start));
    let file: FileHandle | undefined;
    try {
      await mkdir(dirname(path), { recursive: true, mode: 0o700 });
      file = await open(path, "ax", 0o600);
      await file.appendFile(line);
      await file.datasync();
      await syncFolder(dirname(path));
    } catch (error) {
      await file?.close();
      await rm(path, { force: true });
      throw asStorageFull(error);
    }
    await this.#file?.close();
    sealedIndexes.set(this.#pathOf(this.#active.number), this.#active.index);
    this.#file = file;
    this.#sealed = sealed;
    this.#active = {
      number,
      sequence: this.#sequence,
      index: new BlockIndex(),
      size: line.length,
      count: 0,
      messageBytes: 0,
    };
    this.#summary = undefined;
  }
}

/** Files that one reader has open, each until it reads from the next one. */
class OpenSegments {
  readonly #pathOf: (segment: SegmentFacts) => string;
  #open: { readonly number: number; readonly file: FileHandle } | undefined;

  constructor(pathOf: (segment: SegmentFacts) => string) {
    this.#pathOf = pathOf;
  }

  async read(segment: SegmentFacts, block: Block): Promise<readonly StoredEvent[]> {
    try {
      if (this.#open?.number !== segment.number) {
        await this.close();
        this.#open = { number: segment.number, file: await open(this.#pathOf(segment), "r") };
      }
      return await readBlock(this.#open.file, block);
    } catch (error) {
      // Dropped since the reader began, see above.
      if ((error as NodeJS.ErrnoException).code === "ENOENT") return [];
      throw error;
    }
  }

  async close(): Promise<void> {
    const open = this.#open;
    this.#open = undefined;
    await open?.file.close();
  }
}

/** The same events, none older than the one before it. */
function inOrder(events: readonly EventPair[], newest: number): readonly EventPair[] {
  let last = newest;
  return events.map((event) => {
    if (event[0] >= last) {
      last = event[0];
      return event;
    }
    return [last, event[1]] as const;
  });
}

function asStorageFull(error: unknown): unknown {
  return (error as NodeJS.ErrnoException).code === "ENOSPC" ? new StorageFull("a log stream", { cause: error }) : error;
}

async function namesIn(folder: string): Promise<readonly string[]> {
  try {
    return (await readdir(folder)).filter((name) => /^[1-9]\d*$/.test(name));
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return [];
    throw error;
  }
}

async function exists(path: string): Promise<boolean> {
  return await open(path, "r")
    .catch((error: NodeJS.ErrnoException) => {
      if (error.code === "ENOENT") return undefined;
      throw error;
    })
    .then(async (file) => {
      await file?.close();
      return file !== undefined;
    });
}

/** Makes a file's name durable. */
async function syncFolder(folder: string): Promise<void> {
  const handle = await open(folder, "r");
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}
