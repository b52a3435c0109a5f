/**
 * The events of one log stream in one append-only file.
 *
 * A batch of events is one line of JSON, so a crash leaves either the whole batch or a torn last line, which the next
 * open cuts off. The line also keeps how far its source was read, which makes appends of a re-read source idempotent.
 * The index (timestamps and where each event lies) is in memory; messages stay on disk.
 */
import { open, type FileHandle } from "node:fs/promises";
import { StorageFull } from "../../storage/record-store.ts";

export interface StoredEvent {
  /** ms since the epoch, as the writer gave it */
  readonly timestamp: number;
  /** ms since the epoch, when the batch was kept */
  readonly ingestionTime: number;
  readonly message: string;
  /** Unique within the stream: batch number and place in the batch. */
  readonly id: string;
}

interface Batch {
  /** source offset after this batch */
  o?: number;
  /** ingestion time */
  i: number;
  /** [timestamp, message] */
  e: [number, string][];
}

interface BatchPlace {
  readonly offset: number;
  readonly length: number;
}

export class LogFile {
  readonly #file: FileHandle;
  #size = 0;
  #sourceOffset = 0;
  #lastIngestionTime: number | undefined;
  #messageBytes = 0;
  readonly #batches: BatchPlace[] = [];
  /** Per event in order of arrival. */
  readonly #timestamps: number[] = [];
  readonly #batchOf: number[] = [];
  readonly #placeInBatch: number[] = [];
  #sorted = true;
  #order: Uint32Array | undefined;
  #lastParsed: { batch: number; content: Batch } | undefined;
  #tail: Promise<unknown> = Promise.resolve();

  private constructor(file: FileHandle) {
    this.#file = file;
  }

  static async open(path: string): Promise<LogFile> {
    const file = await open(path, "a+", 0o600);
    try {
      const log = new LogFile(file);
      await log.#load();
      return log;
    } catch (error) {
      await file.close();
      throw error;
    }
  }

  get length(): number {
    return this.#timestamps.length;
  }

  get sourceOffset(): number {
    return this.#sourceOffset;
  }

  get lastIngestionTime(): number | undefined {
    return this.#lastIngestionTime;
  }

  /** Bytes of messages plus 26 per event, the way CloudWatch counts stored bytes. */
  get storedBytes(): number {
    return this.#messageBytes + 26 * this.length;
  }

  /** Timestamp of the event at a position in time order. */
  timestampAt(position: number): number {
    return this.#timestamps[this.#arrival(position)];
  }

  /** First position whose timestamp is not below `timestamp`; `length` when there is none. */
  positionOf(timestamp: number): number {
    let low = 0;
    let high = this.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (this.timestampAt(middle) < timestamp) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  /** The event at a position in time order (ties in order of arrival). */
  async eventAt(position: number): Promise<StoredEvent> {
    const arrival = this.#arrival(position);
    const batch = this.#batchOf[arrival];
    const place = this.#placeInBatch[arrival];
    const content = await this.#readBatch(batch);
    const [timestamp, message] = content.e[place];
    return {
      timestamp,
      message,
      ingestionTime: content.i,
      id: `${String(batch).padStart(10, "0")}${String(place).padStart(6, "0")}`,
    };
  }

  /**
   * Keeps a batch durably. With a source offset not above the last one nothing is written: it was kept before.
   * @throws StorageFull; the file is as it was before
   */
  append(
    events: readonly (readonly [timestamp: number, message: string])[],
    ingestionTime: number,
    sourceOffset?: number,
  ): Promise<void> {
    const done = this.#tail.then(() => this.#append(events, ingestionTime, sourceOffset));
    this.#tail = done.catch(() => undefined); // the next append must not fail because this one did
    return done;
  }

  async close(): Promise<void> {
    await this.#tail;
    await this.#file.close();
  }

  async #append(
    events: readonly (readonly [number, string])[],
    ingestionTime: number,
    sourceOffset?: number,
  ): Promise<void> {
    if (sourceOffset !== undefined && sourceOffset <= this.#sourceOffset) return;
    if (events.length === 0 && sourceOffset === undefined) return;
    const batch: Batch = { i: ingestionTime, e: events as [number, string][] };
    if (sourceOffset !== undefined) batch.o = sourceOffset;
    const line = Buffer.from(`${JSON.stringify(batch)}\n`);
    try {
      await this.#file.appendFile(line);
      await this.#file.datasync();
    } catch (error) {
      await this.#file.truncate(this.#size);
      if ((error as NodeJS.ErrnoException).code === "ENOSPC") throw new StorageFull("a log stream", { cause: error });
      throw error;
    }
    this.#index(batch, { offset: this.#size, length: line.length });
    this.#size += line.length;
  }

  #index(batch: Batch, place: BatchPlace): void {
    const number = this.#batches.push(place) - 1;
    for (let event = 0; event < batch.e.length; event += 1) {
      const [timestamp, message] = batch.e[event];
      if (timestamp < (this.#timestamps.at(-1) ?? -Infinity)) this.#sorted = false;
      this.#timestamps.push(timestamp);
      this.#batchOf.push(number);
      this.#placeInBatch.push(event);
      this.#messageBytes += Buffer.byteLength(message);
    }
    this.#order = undefined;
    if (batch.o !== undefined) this.#sourceOffset = batch.o;
    if (batch.e.length > 0) this.#lastIngestionTime = batch.i;
  }

  /** Order of arrival of the event at a position in time order. */
  #arrival(position: number): number {
    if (this.#sorted) return position;
    this.#order ??= Uint32Array.from(this.#timestamps.keys()).sort(
      (a, b) => this.#timestamps[a] - this.#timestamps[b] || a - b,
    );
    return this.#order[position];
  }

  async #readBatch(batch: number): Promise<Batch> {
    if (this.#lastParsed?.batch === batch) return this.#lastParsed.content;
    const { offset, length } = this.#batches[batch];
    const bytes = Buffer.alloc(length);
    await this.#file.read(bytes, 0, length, offset);
    const content = JSON.parse(bytes.toString("utf8")) as Batch;
    this.#lastParsed = { batch, content };
    return content;
  }

  async #load(): Promise<void> {
    const chunk = Buffer.alloc(1 << 20);
    let pending: Buffer[] = [];
    let position = 0;
    for (;;) {
      const { bytesRead } = await this.#file.read(chunk, 0, chunk.length, position);
      if (bytesRead === 0) break;
      position += bytesRead;
      let start = 0;
      for (;;) {
        const end = chunk.subarray(0, bytesRead).indexOf(10, start);
        if (end === -1) break;
        const line = Buffer.concat([...pending, chunk.subarray(start, end + 1)]);
        pending = [];
        this.#index(JSON.parse(line.toString("utf8")) as Batch, { offset: this.#size, length: line.length });
        this.#size += line.length;
        start = end + 1;
      }
      if (start < bytesRead) pending.push(Buffer.from(chunk.subarray(start, bytesRead)));
    }
    // A torn last line is a batch nobody was told about.
    if (position > this.#size) await this.#file.truncate(this.#size);
  }
}
