/** Events: put, read from one stream, searched in many. */
import type {
  CloudWatchLogsOperations,
  InputLogEvent,
  RejectedLogEventsInfo,
} from "../../../protocol/generated/logs.ts";
import type { OperationTable, RequestContext } from "../../../protocol/service.ts";
import { invalid } from "../errors.ts";
import { after, type EventKey, eventOverheadBytes } from "../events/stored-event.ts";
import type { LogStore } from "../log-store.ts";
import { compileFilterPattern, FilterPatternError, type LogFilter } from "../patterns/filter-pattern.ts";
import { cutoffOf } from "../records.ts";
import { decodeToken, encodeToken, groupName, requireGroup, requireStream } from "./lookups.ts";
import { eventId, filterEvents } from "../filter-events.ts";

/** A response of GetLogEvents or FilterLogEvents holds at most 1 MB of events or 10,000 of them. */
export const maxResponseBytes = 1_048_576;
export const maxEvents = 10_000;
const maxBatchBytes = 1_048_576;
const maxSpanMs = 24 * 3600 * 1000;
const maxAgeMs = 14 * 24 * 3600 * 1000;
const maxFutureMs = 2 * 3600 * 1000;

const unmasked = {
  parameter: "unmask",
  values: [true],
  because: "there is no data protection policy to unmask",
} as const;

export function logEventOperations({ logs }: { logs: LogStore }) {
  return {
    PutLogEvents: {
      refuses: [{ parameter: "entity", because: "log events are not tied to entities" }],
      async handle({ logGroupName: group, logStreamName: stream, logEvents }, context) {
        const record = await requireStream(logs, context, group, stream);
        checkBatch(logEvents);
        const { body } = await requireGroup(logs, context, group);
        const now = context.clock.now();
        const { kept, rejected } = sift(logEvents, now, cutoffOf(body, now));
        const key = { accountId: context.accountId, region: context.region, group, stream };
        const pairs = kept.map(({ timestamp, message }) => [timestamp, message] as const);
        const { received } = await logs.put(key, record.body.file, pairs);
        return {
          nextSequenceToken: String(received).padStart(56, "0"),
          ...(rejected === undefined ? {} : { rejectedLogEventsInfo: rejected }),
        };
      },
    },

    GetLogEvents: {
      refuses: [unmasked],
      async handle(input, context) {
        const group = groupName(input);
        const record = await requireStream(logs, context, group, input.logStreamName);
        const window = await windowOf(context, group, input.startTime, input.endTime);
        const given = input.nextToken === undefined ? undefined : parseToken(input.nextToken);
        const forward = given === undefined ? input.startFromHead === true : given.kind === "f";
        const page = { limit: input.limit ?? maxEvents, maxBytes: maxResponseBytes };
        const found = await logs.withFile(record.body.file, (log) =>
          forward
            ? log.page({ ...page, ...window, from: latest(window.from, given?.key) })
            : log.page({ ...page, ...window, to: earliest(window.to, given?.key), backward: true }),
        );
        // Without events both tokens stay where the reader is: that is how clients know they have read everything.
        const place = given?.key ?? window.from;
        const events = found.map(({ timestamp, message, ingestionTime }) => ({ timestamp, message, ingestionTime }));
        return {
          events,
          nextForwardToken: token("f", found.length > 0 ? after(found.at(-1)!) : place),
          nextBackwardToken: token("b", found[0] ?? place),
        };
      },
    },

    FilterLogEvents: {
      refuses: [unmasked, { parameter: "startFromHead", values: [false], because: "the oldest events come first" }],
      async handle(input, context) {
        const group = groupName(input);
        const window = await windowOf(context, group, input.startTime, undefined);
        const streams = await streamsOf(context, group, input);
        const { found, next } = await filterEvents(logs, streams, {
          ...window,
          ...(input.endTime === undefined ? {} : { to: { timestamp: input.endTime + 1, sequence: 0 } }),
          matches: filterOf(input.filterPattern),
          limit: input.limit ?? maxEvents,
          maxBytes: maxResponseBytes,
          ...(input.nextToken === undefined
            ? {}
            : { after: decodeToken(input.nextToken, { timestamp: "number", file: "string", sequence: "number" }) }),
        });
        const events = found.map(({ stream, event }) => ({
          logStreamName: stream.name,
          timestamp: event.timestamp,
          message: event.message,
          ingestionTime: event.ingestionTime,
          eventId: eventId(stream.file, event),
        }));
        // AWS has no longer filled searchedLogStreams since May 2020.
        return {
          events,
          searchedLogStreams: [],
          ...(next === undefined ? {} : { nextToken: encodeToken({ ...next }) }),
        };
      },
    },
  } satisfies OperationTable<CloudWatchLogsOperations>;

  /** What of a group is readable at all, between two times. */
  async function windowOf(
    context: RequestContext,
    group: string,
    startTime: number | undefined,
    endTime: number | undefined,
  ): Promise<{ from: EventKey; to?: EventKey }> {
    const { body } = await requireGroup(logs, context, group);
    const timestamp = Math.max(startTime ?? 0, cutoffOf(body, context.clock.now()));
    return {
      from: { timestamp, sequence: 0 },
      ...(endTime === undefined ? {} : { to: { timestamp: endTime, sequence: 0 } }),
    };
  }

  async function streamsOf(
    context: RequestContext,
    group: string,
    input: { logStreamNames?: readonly string[]; logStreamNamePrefix?: string },
  ) {
    const { logStreamNames, logStreamNamePrefix: prefix } = input;
    if (logStreamNames === undefined) {
      const all = await logs.streams(context, group);
      return prefix === undefined ? all : all.filter(({ name }) => name.startsWith(prefix));
    }
    if (prefix !== undefined) {
      throw invalid("logStreamNames and logStreamNamePrefix are mutually exclusive parameters.");
    }
    return Promise.all(
      [...new Set(logStreamNames)].map(async (name) => {
        const { body, createdAt } = await requireStream(logs, context, group, name);
        return { name, file: body.file, createdAt };
      }),
    );
  }
}

/** @throws AwsError InvalidParameterException when the pattern is none */
export function filterOf(pattern: string | undefined): LogFilter {
  try {
    return compileFilterPattern(pattern ?? "").matches;
  } catch (error) {
    if (error instanceof FilterPatternError) throw invalid(error.message, error);
    throw error;
  }
}

function checkBatch(events: readonly InputLogEvent[]): void {
  const bytes = events.reduce((sum, { message }) => sum + Buffer.byteLength(message) + eventOverheadBytes, 0);
  if (bytes > maxBatchBytes) throw invalid(`Upload too large: ${bytes} bytes exceeds limit of ${maxBatchBytes}`);
  for (let at = 1; at < events.length; at += 1) {
    if (events[at].timestamp < events[at - 1].timestamp) {
      throw invalid("Log events in a single PutLogEvents request must be in chronological order.");
    }
  }
}

/** What is kept of a batch in order of time, and what is not because of its age, or of its group's retention. */
function sift(
  events: readonly InputLogEvent[],
  now: number,
  cutoff: number,
): { kept: readonly InputLogEvent[]; rejected?: RejectedLogEventsInfo } {
  const countBefore = (time: number) => {
    const first = events.findIndex(({ timestamp }) => timestamp >= time);
    return first === -1 ? events.length : first;
  };
  const tooOld = countBefore(now - maxAgeMs);
  const expired = countBefore(cutoff);
  const end = countBefore(now + maxFutureMs + 1);
  const rejected: RejectedLogEventsInfo = {
    ...(tooOld === 0 ? {} : { tooOldLogEventEndIndex: tooOld }),
    ...(expired <= tooOld ? {} : { expiredLogEventEndIndex: expired }),
    ...(end === events.length ? {} : { tooNewLogEventStartIndex: end }),
  };
  const kept = events.slice(Math.max(tooOld, expired), end);
  if (kept.length > 0 && kept.at(-1)!.timestamp - kept[0].timestamp > maxSpanMs) {
    throw invalid("The batch of log events in a single PutLogEvents request cannot span more than 24 hours.");
  }
  return Object.keys(rejected).length === 0 ? { kept } : { kept, rejected };
}

/** Places travel in tokens as decimals of fixed width, forward and backward, as CloudWatch's do. */
function token(kind: "f" | "b", { timestamp, sequence }: EventKey): string {
  return `${kind}/${String(timestamp).padStart(20, "0")}${String(sequence).padStart(36, "0")}`;
}

function parseToken(text: string): { kind: "f" | "b"; key: EventKey } {
  const match = /^([fb])\/(\d{20})(\d{36})$/.exec(text);
  if (match === null) throw invalid("The specified nextToken is invalid.");
  const key = { timestamp: Number(match[2]), sequence: Number(match[3]) };
  return { kind: match[1] as "f" | "b", key };
}

function latest(a: EventKey, b: EventKey | undefined): EventKey {
  return b !== undefined && isBefore(a, b) ? b : a;
}

function earliest(a: EventKey | undefined, b: EventKey | undefined): EventKey | undefined {
  if (a === undefined || b === undefined) return a ?? b;
  return isBefore(a, b) ? a : b;
}

function isBefore(a: EventKey, b: EventKey): boolean {
  return a.timestamp < b.timestamp || (a.timestamp === b.timestamp && a.sequence < b.sequence);
}
