/** Events of a stream as they are kept, and their order: by time, and among those of one time by arrival. */

export interface EventKey {
  /** ms since the epoch */
  readonly timestamp: number;
  /** How many events the stream had received before this one; never used twice. */
  readonly sequence: number;
}

export interface StoredEvent extends EventKey {
  /** ms since the epoch, when the batch was kept */
  readonly ingestionTime: number;
  readonly message: string;
}

export function compareKeys(a: EventKey, b: EventKey): number {
  return a.timestamp - b.timestamp || a.sequence - b.sequence;
}

/** The key just behind an event: a range that begins here leaves the event out. */
export function after({ timestamp, sequence }: EventKey): EventKey {
  return { timestamp, sequence: sequence + 1 };
}

/** What CloudWatch counts beside the bytes of every message. */
export const eventOverheadBytes = 26;
