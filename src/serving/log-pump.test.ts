import { expect, test } from "vitest";
import type { ComputeBackend, WorkloadLogLine } from "../compute/compute-backend.ts";
import type { LogEvent, LogSink } from "../jobs/ports.ts";
import { StorageFull } from "../storage/record-store.ts";
import { pumpLogs } from "./log-pump.ts";

const key = { accountId: "000000000000", region: "us-east-1", group: "g", stream: "s" };

/** A backend of which only the log is used; a turn of the event loop between two lines, as from a process. */
function logOf(lines: readonly string[]): ComputeBackend {
  return {
    async *logs(_id: string, fromOffset: number): AsyncIterable<WorkloadLogLine> {
      for (const [index, text] of lines.entries()) {
        await new Promise((resolve) => setImmediate(resolve));
        if (index + 1 > fromOffset) yield { offset: index + 1, timestamp: index, stream: "stdout", text };
      }
    },
  } as unknown as ComputeBackend;
}

/** Keeps events in memory; `refuse` throws as a real sink would. */
function sinkThat(refuse: (appends: number) => void): LogSink & { events: LogEvent[] } {
  const events: LogEvent[] = [];
  let appends = 0;
  let reached = 0;
  return {
    events,
    async append(_key, added, sourceOffset = 0) {
      refuse((appends += 1));
      events.push(...added);
      reached = sourceOffset;
    },
    sourceOffset: async () => reached,
  };
}

test("every line arrives once, in order", async () => {
  const sink = sinkThat(() => undefined);
  await pumpLogs(logOf(["a", "b", "c"]), "w", sink, key, new AbortController().signal);
  await pumpLogs(logOf(["a", "b", "c"]), "w", sink, key, new AbortController().signal);
  expect(sink.events.map(({ message }) => message)).toEqual(["a", "b", "c"]);
});

test("lines that find a full disk are lost, counted and named when there is room again", async () => {
  const sink = sinkThat((appends) => {
    if (appends <= 2) throw new StorageFull("a log stream");
  });
  await pumpLogs(logOf(["a", "b", "c", "d"]), "w", sink, key, new AbortController().signal);
  const messages = sink.events.map(({ message }) => message);
  expect(messages[0]).toMatch(/^Sagebrush: \d log lines were lost because the disk was full\.$/);
  const lost = Number(/\d/.exec(messages[0])![0]);
  expect(messages.slice(1)).toEqual(["a", "b", "c", "d"].slice(lost));
});

test("any other failure of the log ends the pump", async () => {
  const sink = sinkThat(() => {
    throw new Error("broken");
  });
  await expect(pumpLogs(logOf(["a"]), "w", sink, key, new AbortController().signal)).rejects.toThrow("broken");
});
