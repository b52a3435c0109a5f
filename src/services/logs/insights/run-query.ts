/** Runs a planned query over the events of groups: block after block, so that others have their turn in between. */
import { setImmediate as nextTurn } from "node:timers/promises";
import type { EventRange } from "../events/event-page.ts";
import { overlaps } from "../events/event-page.ts";
import { eventOverheadBytes } from "../events/stored-event.ts";
import type { LogStore } from "../log-store.ts";
import type { LogSpace } from "../records.ts";
import type { Plan, ResultCell } from "./plan.ts";
import { Row } from "./row.ts";

export interface QueryStatistics {
  recordsMatched: number;
  recordsScanned: number;
  bytesScanned: number;
}

export interface ScannedGroup {
  readonly name: string;
  readonly range: EventRange;
}

/** Rows between two looks at the clock, and how long a query may go on without letting others in. */
const rowsPerLook = 64;
/** Rows of more characters than this may take long each, so the clock is looked at for every one. */
const longRow = 4096;
const sliceMs = 5;

/**
 * @param statistics OUT kept up to date while the query runs
 * @throws QueryTooLarge, and the signal's reason when it aborts
 */
export async function runQuery(
  logs: LogStore,
  space: LogSpace,
  groups: readonly ScannedGroup[],
  plan: Plan,
  statistics: QueryStatistics,
  signal: AbortSignal,
): Promise<readonly (readonly ResultCell[])[]> {
  let sliceStart = performance.now();
  for (const { name: group, range } of groups) {
    const streams = await logs.streams(space, group);
    const summaries = await logs.summaries(streams);
    for (const [index, { name: stream, file }] of streams.entries()) {
      const { oldest = Infinity, newest = -Infinity } = summaries[index];
      if (!overlaps({ oldest, newest }, range)) continue;
      const source = { accountId: space.accountId, group, stream };
      await logs.withFile(file, async (log) => {
        for await (const events of log.blocks(range)) {
          signal.throwIfAborted();
          for (const [at, event] of events.entries()) {
            statistics.recordsScanned += 1;
            statistics.bytesScanned += Buffer.byteLength(event.message) + eventOverheadBytes;
            plan.push(new Row(event, source));
            const looks = at % rowsPerLook === 0 || event.message.length > longRow;
            if (!looks || performance.now() - sliceStart < sliceMs) continue;
            await nextTurn();
            signal.throwIfAborted();
            sliceStart = performance.now();
          }
          statistics.recordsMatched = plan.matched();
        }
      });
    }
  }
  const results = plan.end();
  statistics.recordsMatched = plan.matched();
  return results;
}
