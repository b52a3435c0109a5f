/**
 * One segment file of a stream: lines of batches, behind a first line that says where the stream stood when the segment
 * was begun. The first segment of a stream has no such line.
 */
import { type FileHandle, open } from "node:fs/promises";
import { decodeBatches, readFacts } from "./batch-line.ts";
import { type Block, BlockIndex } from "./block-index.ts";
import { compareKeys, eventOverheadBytes, type StoredEvent } from "./stored-event.ts";

/** A segment as its successors describe it, so that opening a stream reads its last segment only. */
export interface SegmentFacts {
  readonly number: number;
  readonly size: number;
  readonly sequence: number;
  readonly count: number;
  /** Infinity and -Infinity when there are no events. */
  readonly oldest: number;
  readonly newest: number;
  readonly storedBytes: number;
}

/** Where a stream stands before a segment. */
export interface SegmentStart {
  /** Sequence of the next event. */
  readonly sequence: number;
  readonly sourceOffset: number;
  readonly lastIngestionTime?: number;
  /** The segments before, oldest first. */
  readonly sealed: readonly SegmentFacts[];
}

export const emptyStart: SegmentStart = { sequence: 0, sourceOffset: 0, sealed: [] };

/** What reading a whole segment tells. */
export interface ScannedSegment extends SegmentStart {
  readonly index: BlockIndex;
  /** Bytes up to the end of the last whole line. */
  readonly size: number;
  /** Bytes behind it: a batch whose writer was not told that it is kept. */
  readonly torn: number;
  readonly messageBytes: number;
  readonly count: number;
}

const startFront = '{"s":';

/** JSON has no infinities, which an empty segment has as its times. */
export function encodeStart(start: SegmentStart): string {
  const sealed = start.sealed.map(({ number, size, sequence, count, oldest, newest, storedBytes }) =>
    count === 0 ? [number, size, sequence] : [number, size, sequence, count, oldest, newest, storedBytes],
  );
  return `${startFront}${JSON.stringify({ ...start, sealed })}}\n`;
}

function decodeStart(line: Buffer): SegmentStart {
  const { s } = JSON.parse(line.toString("utf8")) as { s: SegmentStart & { sealed: unknown } };
  const sealed = (s.sealed as unknown as number[][]).map(
    ([number, size, sequence, count = 0, oldest = Infinity, newest = -Infinity, storedBytes = 0]) => ({
      number,
      size,
      sequence,
      count,
      oldest,
      newest,
      storedBytes,
    }),
  );
  return { ...s, sealed };
}

/**
 * Reads a segment from its beginning and indexes it.
 * @param start where the stream stands, for a segment that does not say it itself
 */
export async function scanSegment(file: FileHandle, start: SegmentStart = emptyStart): Promise<ScannedSegment> {
  const index = new BlockIndex();
  let { sequence, sourceOffset, lastIngestionTime, sealed } = start;
  let messageBytes = 0;
  let count = 0;
  let size = 0;
  const add = (line: Buffer) => {
    if (size === 0 && line.toString("latin1", 0, startFront.length) === startFront) {
      ({ sequence, sourceOffset, lastIngestionTime, sealed } = decodeStart(line));
    } else {
      const facts = readFacts(line);
      index.add(facts, size, line.length, sequence);
      sequence += facts.count;
      count += facts.count;
      messageBytes += facts.messageBytes;
      if (facts.sourceOffset !== undefined) sourceOffset = facts.sourceOffset;
      if (facts.count > 0) lastIngestionTime = facts.ingestionTime;
    }
    size += line.length;
  };
  let torn = 0;
  for await (const { line, whole } of linesOf(file)) {
    if (whole) add(line);
    else torn = line.length;
  }
  const known = { sequence, sourceOffset, ...(lastIngestionTime === undefined ? {} : { lastIngestionTime }), sealed };
  return { ...known, index, size, torn, messageBytes, count };
}

/** Lines with their ends, and what stands behind the last end of line. */
async function* linesOf(file: FileHandle): AsyncIterable<{ line: Buffer; whole: boolean }> {
  const { size } = await file.stat();
  if (size === 0) return;
  let buffer = Buffer.allocUnsafe(Math.min(size, 256 * 1024));
  let filled = 0;
  let position = 0;
  for (;;) {
    const { bytesRead } = await file.read(buffer, filled, buffer.length - filled, position);
    if (bytesRead === 0) break;
    position += bytesRead;
    filled += bytesRead;
    let start = 0;
    for (;;) {
      const end = buffer.subarray(0, filled).indexOf(10, start);
      if (end === -1) break;
      yield { line: buffer.subarray(start, end + 1), whole: true };
      start = end + 1;
    }
    buffer.copyWithin(0, start, filled);
    filled -= start;
    // A line longer than the buffer: a batch may have 1 MB, escaped several of them.
    if (filled === buffer.length) buffer = Buffer.concat([buffer], buffer.length * 2);
  }
  if (filled > 0) yield { line: buffer.subarray(0, filled), whole: false };
}

/** The events of one block, in order of time. */
export async function readBlock(file: FileHandle, { offset, length, sequence }: Block): Promise<StoredEvent[]> {
  const bytes = Buffer.allocUnsafe(length);
  let filled = 0;
  while (filled < length) {
    const { bytesRead } = await file.read(bytes, filled, length - filled, offset + filled);
    if (bytesRead === 0) throw new Error(`a log segment ends ${length - filled} bytes before its index says`);
    filled += bytesRead;
  }
  const events = decodeBatches(bytes, sequence);
  for (let at = 1; at < events.length; at += 1) {
    if (events[at].timestamp < events[at - 1].timestamp) return events.sort(compareKeys);
  }
  return events;
}

export function factsOfSegment(
  number: number,
  sequence: number,
  scanned: Pick<ScannedSegment, "index" | "size" | "messageBytes" | "count">,
): SegmentFacts {
  const { index, size, messageBytes, count } = scanned;
  return {
    number,
    size,
    sequence,
    count,
    oldest: index.oldest,
    newest: index.newest,
    storedBytes: messageBytes + eventOverheadBytes * count,
  };
}

export async function scanFile(path: string, start?: SegmentStart): Promise<ScannedSegment> {
  const file = await open(path, "r");
  try {
    return await scanSegment(file, start);
  } finally {
    await file.close();
  }
}
