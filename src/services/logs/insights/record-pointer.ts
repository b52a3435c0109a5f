/** `@ptr` of Insights: where an event lies, for GetLogRecord. It holds names and a place, no rights. */
import type { EventKey } from "../events/stored-event.ts";

export interface RecordPlace extends EventKey {
  readonly group: string;
  readonly stream: string;
}

export function encodePointer({ group, stream, timestamp, sequence }: RecordPlace): string {
  return Buffer.from(JSON.stringify([group, stream, timestamp, sequence])).toString("base64");
}

/** undefined when the text is no pointer. */
export function decodePointer(pointer: string): RecordPlace | undefined {
  let parts: unknown;
  try {
    parts = JSON.parse(Buffer.from(pointer, "base64").toString("utf8"));
  } catch {
    return undefined;
  }
  if (!Array.isArray(parts) || parts.length !== 4) return undefined;
  const [group, stream, timestamp, sequence] = parts as readonly unknown[];
  if (typeof group !== "string" || typeof stream !== "string") return undefined;
  if (!Number.isSafeInteger(timestamp) || !Number.isSafeInteger(sequence)) return undefined;
  return { group, stream, timestamp: timestamp as number, sequence: sequence as number };
}

export function groupOfPointer(pointer: string): string | undefined {
  return decodePointer(pointer)?.group;
}
