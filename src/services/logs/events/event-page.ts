/**
 * The first events of a range, in order of time, from blocks whose times may overlap.
 *
 * Blocks are read in the order of their first times. As soon as a page is full, only blocks that begin before the last
 * event on it can change it, and for a stream that was written in order there are none. No more than a page and a block
 * are in memory, whatever the order in which the events came.
 */
import { compareKeys, type EventKey, eventOverheadBytes, type StoredEvent } from "./stored-event.ts";

export interface EventRange {
  /** Included; from the beginning when absent. */
  readonly from?: EventKey;
  /** Excluded; to the end when absent. */
  readonly to?: EventKey;
}

export interface PageQuery extends EventRange {
  readonly limit: number;
  /** Bytes of messages and 26 per event; a page has one event at least. */
  readonly maxBytes: number;
  /** From the end of the range. The page is in order of time all the same. */
  readonly backward?: boolean;
}

/** Something with times, from which more such things or events come. */
export interface TimeSpan {
  readonly oldest: number;
  readonly newest: number;
}

export function overlaps({ oldest, newest }: TimeSpan, { from, to }: EventRange): boolean {
  return (
    oldest <= newest && (from === undefined || newest >= from.timestamp) && (to === undefined || oldest <= to.timestamp)
  );
}

export function isWithin(event: EventKey, { from, to }: EventRange): boolean {
  return (from === undefined || compareKeys(event, from) >= 0) && (to === undefined || compareKeys(event, to) < 0);
}

/**
 * @param segments those of the stream
 * @param blocksOf the blocks of a segment
 * @param read the events of a block
 */
export async function readPage<Segment extends TimeSpan, Block extends TimeSpan>(
  query: PageQuery,
  segments: readonly Segment[],
  blocksOf: (segment: Segment) => Promise<readonly Block[]>,
  read: (segment: Segment, block: Block) => Promise<readonly StoredEvent[]>,
): Promise<StoredEvent[]> {
  const direction = query.backward ? -1 : 1;
  /** Where a span begins for someone who reads in this direction. */
  const begin = (span: TimeSpan) => (query.backward ? -span.newest : span.oldest);
  const byBegin = (a: { span: TimeSpan }, b: { span: TimeSpan }) => begin(b.span) - begin(a.span);

  const pendingSegments = segments.filter((span) => overlaps(span, query)).map((span) => ({ span }));
  pendingSegments.sort(byBegin);
  const pendingBlocks: { span: Block; segment: Segment }[] = [];
  const page = new Page(query, direction);
  for (;;) {
    const segment = pendingSegments.at(-1)?.span;
    const block = pendingBlocks.at(-1);
    if (segment !== undefined && (block === undefined || begin(segment) <= begin(block.span))) {
      if (page.isFullBefore(begin(segment))) break;
      pendingSegments.pop();
      for (const span of await blocksOf(segment)) if (overlaps(span, query)) pendingBlocks.push({ span, segment });
      pendingBlocks.sort(byBegin);
    } else if (block !== undefined) {
      if (page.isFullBefore(begin(block.span))) break;
      pendingBlocks.pop();
      page.add(await read(block.segment, block.span));
    } else break;
  }
  return query.backward ? page.events.reverse() : page.events;
}

class Page {
  events: StoredEvent[] = [];
  readonly #query: PageQuery;
  readonly #direction: 1 | -1;
  #isFull = false;

  constructor(query: PageQuery, direction: 1 | -1) {
    this.#query = query;
    this.#direction = direction;
  }

  #compare = (a: EventKey, b: EventKey) => compareKeys(a, b) * this.#direction;

  add(events: readonly StoredEvent[]): void {
    const last = this.#isFull ? this.events.at(-1) : undefined;
    for (const event of events) {
      if (!isWithin(event, this.#query) || (last !== undefined && this.#compare(event, last) > 0)) continue;
      this.events.push(event);
    }
    this.events.sort(this.#compare);
    let bytes = 0;
    for (const [at, { message }] of this.events.entries()) {
      bytes += Buffer.byteLength(message) + eventOverheadBytes;
      if (at < this.#query.limit && (bytes <= this.#query.maxBytes || at === 0)) continue;
      this.events.length = at;
      this.#isFull = true;
      return;
    }
    if (this.events.length === this.#query.limit) this.#isFull = true;
  }

  /** Whether nothing that begins at `begin` or behind it belongs on this page. */
  isFullBefore(begin: number): boolean {
    return this.#isFull && begin > this.events.at(-1)!.timestamp * this.#direction;
  }
}
