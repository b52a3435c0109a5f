/**
 * Events of several streams that match a filter, merged by time.
 *
 * A call looks at a bounded number of bytes and says where the next one goes on, so that a rare pattern in a huge group
 * answers in time, as AWS does it. A stream is read from when the merge reaches its first event.
 */
import { setImmediate as nextTurn } from "node:timers/promises";
import { type EventRange, isWithin, overlaps } from "./events/event-page.ts";
import { after, type EventKey, eventOverheadBytes, type StoredEvent } from "./events/stored-event.ts";
import { Heap } from "./heap.ts";
import type { ListedStream, LogStore } from "./log-store.ts";
import type { LogFilter } from "./patterns/filter-pattern.ts";

/** A place in the merged order: by time, then by the stream's file, then by arrival. */
export interface MergedPlace extends EventKey {
  readonly file: string;
}

export interface FilterQuery extends EventRange {
  readonly matches: LogFilter;
  readonly limit: number;
  readonly maxBytes: number;
  /** The last event that was looked at. */
  readonly after?: MergedPlace;
}

export interface FoundEvent {
  readonly stream: ListedStream;
  readonly event: StoredEvent;
}

/** A call looks at no more than this, bytes of messages. */
const maxLookedAt = 16 * 2 ** 20;
/** Nor longer than this: some patterns cost thousands of steps per character. ms */
const maxCallMs = 2000;
/** Others have their turn after so long; ms. */
const sliceMs = 20;
/** Read ahead of all streams together, bytes; each gets its share within bounds. */
const readAhead = 8 * 2 ** 20;
const [leastAhead, mostAhead] = [16 * 1024, 256 * 1024];

interface Cursor {
  readonly stream: ListedStream;
  readonly range: EventRange;
  events: readonly StoredEvent[];
  at: number;
}

/** Where a cursor stands: at its next event, or at the first time it may have one. */
function timeOf({ events, at, range }: Cursor): number {
  return events[at]?.timestamp ?? range.from?.timestamp ?? 0;
}

/** @returns events in order, and where to go on when there may be more */
export async function filterEvents(
  logs: LogStore,
  streams: readonly ListedStream[],
  query: FilterQuery,
): Promise<{ found: readonly FoundEvent[]; next?: MergedPlace }> {
  const cursors = await cursorsOf(logs, streams, query);
  const ahead = Math.min(mostAhead, Math.max(leastAhead, Math.floor(readAhead / Math.max(1, cursors.size))));
  const found: FoundEvent[] = [];
  let foundBytes = 0;
  let lookedAt = 0;
  let place = query.after;
  const startedAt = performance.now();
  let sliceStart = startedAt;
  for (let cursor = cursors.peek(); cursor !== undefined; cursor = cursors.peek()) {
    if (cursor.at === cursor.events.length) {
      const last = cursor.events.at(-1);
      const from = last === undefined ? cursor.range.from : after(last);
      const range = { ...cursor.range, ...(from === undefined ? {} : { from }) };
      cursor.events = await logs.withFile(cursor.stream.file, (log) =>
        log.page({ ...range, limit: 10_000, maxBytes: ahead }),
      );
      cursor.at = 0;
      if (cursor.events.length === 0) cursors.pop();
      else cursors.sink();
      continue;
    }
    const event = cursor.events[cursor.at];
    const bytes = Buffer.byteLength(event.message) + eventOverheadBytes;
    if (lookedAt + bytes > maxLookedAt && lookedAt > 0) break;
    const now = performance.now();
    if (now - startedAt > maxCallMs && lookedAt > 0) break;
    if (now - sliceStart > sliceMs) {
      await nextTurn();
      sliceStart = performance.now();
    }
    if (query.matches(event.message)) {
      if (found.length === query.limit || (foundBytes + bytes > query.maxBytes && found.length > 0)) break;
      found.push({ stream: cursor.stream, event });
      foundBytes += bytes;
    }
    lookedAt += bytes;
    place = { timestamp: event.timestamp, file: cursor.stream.file, sequence: event.sequence };
    cursor.at += 1;
    cursors.sink();
  }
  return cursors.size === 0 || place === undefined ? { found } : { found, next: place };
}

async function cursorsOf(logs: LogStore, streams: readonly ListedStream[], query: FilterQuery): Promise<Heap<Cursor>> {
  const cursors = new Heap<Cursor>(
    // What has to be read comes before events of the same time: it may have earlier ones.
    (a, b) =>
      timeOf(a) - timeOf(b) ||
      Number(a.at < a.events.length) - Number(b.at < b.events.length) ||
      (a.stream.file < b.stream.file ? -1 : 1),
  );
  const summaries = await logs.summaries(streams);
  for (const [index, stream] of streams.entries()) {
    const { oldest = Infinity, newest = -Infinity } = summaries[index];
    const from = startIn(stream, query, oldest);
    const range: EventRange = { from, ...(query.to === undefined ? {} : { to: query.to }) };
    if (overlaps({ oldest, newest }, range)) cursors.push({ stream, range, events: [], at: 0 });
  }
  return cursors;
}

/** The first key of a stream that a call looks at. */
function startIn(stream: ListedStream, { from, after: place }: FilterQuery, oldest: number): EventKey {
  const candidates: EventKey[] = [{ timestamp: Number.isFinite(oldest) ? oldest : 0, sequence: 0 }];
  if (from !== undefined) candidates.push(from);
  if (place !== undefined) {
    const { timestamp } = place;
    if (stream.file === place.file) candidates.push(after(place));
    else candidates.push({ timestamp: stream.file < place.file ? timestamp + 1 : timestamp, sequence: 0 });
  }
  return candidates.reduce((latest, key) => (isWithin(key, { from: latest }) ? key : latest));
}

/** 56 digits, unique and lasting: time, arrival, and the first 64 bits of the file's random name. */
export function eventId(file: string, { timestamp, sequence }: EventKey): string {
  const stream = BigInt(`0x${file.slice(0, 16)}`);
  return [
    [timestamp, 20],
    [sequence, 16],
    [stream, 20],
  ]
    .map(([part, width]) => String(part).padStart(Number(width), "0"))
    .join("");
}
