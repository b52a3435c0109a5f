/**
 * A batch of events is one line of JSON in a segment file, so a crash leaves either the whole batch or a torn last line.
 *
 * `{"n":count,"a":oldest,"z":newest,"b":bytes,"i":ingestion,"o":source offset,"e":[[timestamp,"message"],…]}`: what an
 * index needs stands at the front, so an index is made without reading the messages. Lines of earlier versions begin
 * with `"i"` or `"e"` and are read whole.
 */
import type { StoredEvent } from "./stored-event.ts";

/** What the index keeps of a batch. */
export interface BatchFacts {
  readonly count: number;
  /** ms since the epoch; both 0 when the batch has no events. */
  readonly oldest: number;
  readonly newest: number;
  /** UTF-8 bytes of the messages. */
  readonly messageBytes: number;
  readonly ingestionTime: number;
  /** Position in the source after this batch, when it came from one. */
  readonly sourceOffset?: number;
}

export type EventPair = readonly [timestamp: number, message: string];

interface LineContent {
  readonly i: number;
  readonly o?: number;
  readonly e: readonly EventPair[];
}

/** The longest front of a line: seven numbers of up to 17 characters. */
const longestFront = 192;
const front = /^\{"n":(\d+),"a":(-?\d+),"z":(-?\d+),"b":(\d+),"i":(\d+)(?:,"o":(\d+))?,"e":\[/;

export function factsOf(events: readonly EventPair[], ingestionTime: number, sourceOffset?: number): BatchFacts {
  let oldest = Infinity;
  let newest = -Infinity;
  let messageBytes = 0;
  for (const [timestamp, message] of events) {
    if (timestamp < oldest) oldest = timestamp;
    if (timestamp > newest) newest = timestamp;
    messageBytes += Buffer.byteLength(message);
  }
  return {
    count: events.length,
    oldest: events.length === 0 ? 0 : oldest,
    newest: events.length === 0 ? 0 : newest,
    messageBytes,
    ingestionTime,
    ...(sourceOffset === undefined ? {} : { sourceOffset }),
  };
}

export function encodeBatch(facts: BatchFacts, events: readonly EventPair[]): string {
  const { count, oldest, newest, messageBytes, ingestionTime, sourceOffset } = facts;
  const source = sourceOffset === undefined ? "" : `,"o":${sourceOffset}`;
  return `{"n":${count},"a":${oldest},"z":${newest},"b":${messageBytes},"i":${ingestionTime}${source},"e":${JSON.stringify(events)}}\n`;
}

/** @param line with or without its end of line */
export function readFacts(line: Buffer): BatchFacts {
  const match = front.exec(line.toString("latin1", 0, Math.min(line.length, longestFront)));
  if (match === null) {
    const { e, i, o } = JSON.parse(line.toString("utf8")) as LineContent;
    return factsOf(e, i, o);
  }
  return {
    count: Number(match[1]),
    oldest: Number(match[2]),
    newest: Number(match[3]),
    messageBytes: Number(match[4]),
    ingestionTime: Number(match[5]),
    ...(match[6] === undefined ? {} : { sourceOffset: Number(match[6]) }),
  };
}

/**
 * The events of the lines in `bytes`, in order of arrival.
 * @param sequence of the first event
 */
export function decodeBatches(bytes: Buffer, sequence: number): StoredEvent[] {
  const events: StoredEvent[] = [];
  for (let start = 0; start < bytes.length;) {
    const end = bytes.indexOf(10, start);
    const { i, e } = JSON.parse(bytes.toString("utf8", start, end === -1 ? bytes.length : end)) as LineContent;
    for (const [timestamp, message] of e) {
      events.push({ timestamp, message, ingestionTime: i, sequence: sequence + events.length });
    }
    start = end === -1 ? bytes.length : end + 1;
  }
  return events;
}
