/** CloudWatch Logs: groups, streams and their events. */
import { AwsError } from "../../protocol/aws-error.ts";
import type {
  CloudWatchLogsOperations,
  OutputLogEvent,
  FilteredLogEvent,
  LogStream,
} from "../../protocol/generated/logs.ts";
import { defineService, type RequestContext, type Service } from "../../protocol/service.ts";
import { parseArn, splitResource } from "../../resources/arn.ts";
import { RecordExists, type Actor, type RecordStore } from "../../storage/record-store.ts";
import { compileFilterPattern, FilterPatternError, type LogFilter } from "./filter-pattern.ts";
import type { LogFile } from "./log-file.ts";
import { logGroupArn, type LogSpace, type LogStore } from "./log-store.ts";

/** A response of GetLogEvents or FilterLogEvents holds at most 1 MB of events or 10,000 of them. */
const maxResponseBytes = 1_048_576;
const maxEvents = 10_000;
/** One event may have 1 MB less its overhead, a batch 1 MB. */
const eventOverheadBytes = 26;
const maxBatchBytes = 1_048_576;
const maxAgeMs = 14 * 24 * 3600 * 1000;
const maxFutureMs = 2 * 3600 * 1000;

function invalid(message: string): AwsError {
  return new AwsError("InvalidParameterException", message);
}

function groupMissing(): AwsError {
  return new AwsError("ResourceNotFoundException", "The specified log group does not exist.");
}

function streamMissing(): AwsError {
  return new AwsError("ResourceNotFoundException", "The specified log stream does not exist.");
}

/** The group by `logGroupName` or `logGroupIdentifier` (a name or an ARN); exactly one of them. */
function groupName(input: { logGroupName?: string; logGroupIdentifier?: string }): string {
  const { logGroupName, logGroupIdentifier } = input;
  if ((logGroupName === undefined) === (logGroupIdentifier === undefined)) {
    throw invalid("Exactly one of logGroupName and logGroupIdentifier must be specified.");
  }
  if (logGroupName !== undefined) return logGroupName;
  const arn = parseArn(logGroupIdentifier!);
  if (arn === undefined) return logGroupIdentifier!;
  // `log-group:NAME`, and in some answers `log-group:NAME:*`.
  return splitResource(arn.resource).id.replace(/:\*$/, "");
}

function actorOf(context: RequestContext): Actor {
  return { by: context.principal.arn, call: `logs:${context.operation}`, requestId: context.requestId };
}

/** Positions travel in tokens as fixed-width decimals, forward and backward, as CloudWatch's do. */
function token(kind: "f" | "b", position: number): string {
  return `${kind}/${String(position).padStart(56, "0")}`;
}

function parseToken(text: string): { kind: "f" | "b"; position: number } {
  const match = /^([fb])\/(\d{56})$/.exec(text);
  if (match === null) throw invalid("The specified nextToken is invalid.");
  return { kind: match[1] as "f" | "b", position: Number(match[2]) };
}

async function readPage(log: LogFile, positions: Iterable<number>, limit: number): Promise<OutputLogEvent[]> {
  const events: OutputLogEvent[] = [];
  let bytes = 0;
  for (const position of positions) {
    if (events.length >= limit) break;
    const { timestamp, message, ingestionTime } = await log.eventAt(position);
    bytes += Buffer.byteLength(message) + eventOverheadBytes;
    if (bytes > maxResponseBytes && events.length > 0) break;
    events.push({ timestamp, message, ingestionTime });
  }
  return events;
}

function* range(from: number, to: number): Iterable<number> {
  if (from <= to) for (let position = from; position < to; position += 1) yield position;
  else for (let position = from - 1; position >= to; position -= 1) yield position;
}

export function logsService(dependencies: { records: RecordStore; logs: LogStore }): Service {
  const { records, logs } = dependencies;

  async function requireGroup(space: LogSpace, group: string): Promise<void> {
    if ((await logs.getGroup(space, group)) === undefined) throw groupMissing();
  }

  async function requireStream(space: LogSpace, group: string, stream: string) {
    await requireGroup(space, group);
    const record = await logs.getStream(space, group, stream);
    if (record === undefined) throw streamMissing();
    return record;
  }

  async function describeStream(
    space: LogSpace,
    group: string,
    name: string,
    createdAt: number,
    file: string,
  ): Promise<LogStream> {
    return logs.withFile(file, (log) => ({
      logStreamName: name,
      creationTime: createdAt,
      arn: `${logGroupArn(space, group)}:log-stream:${name}`,
      storedBytes: 0,
      ...(log.length === 0
        ? {}
        : {
            firstEventTimestamp: log.timestampAt(0),
            lastEventTimestamp: log.timestampAt(log.length - 1),
            lastIngestionTime: log.lastIngestionTime,
            uploadSequenceToken: String(log.length).padStart(56, "0"),
          }),
    }));
  }

  return defineService<CloudWatchLogsOperations>(
    "logs",
    {
      CreateLogGroup: {
        refuses: [
          { parameter: "kmsKeyId", because: "log events are stored unencrypted" },
          {
            parameter: "logGroupClass",
            values: ["INFREQUENT_ACCESS", "DELIVERY"],
            because: "every group is of class STANDARD",
          },
          {
            parameter: "deletionProtectionEnabled",
            values: [true],
            because: "groups cannot be protected from deletion",
          },
        ],
        async handle(input, context) {
          try {
            await logs.createGroup(context, input.logGroupName, actorOf(context), input.tags);
          } catch (error) {
            if (!(error instanceof RecordExists)) throw error;
            throw new AwsError("ResourceAlreadyExistsException", "The specified log group already exists", {
              cause: error,
            });
          }
        },
      },

      DeleteLogGroup: {
        async handle(input, context) {
          await requireGroup(context, input.logGroupName);
          await logs.deleteGroup(context, input.logGroupName, actorOf(context));
        },
      },

      DescribeLogGroups: {
        refuses: [
          { parameter: "accountIdentifiers", because: "accounts cannot be linked" },
          { parameter: "includeLinkedAccounts", values: [true], because: "accounts cannot be linked" },
          { parameter: "logGroupIdentifiers", because: "use logGroupNamePrefix or logGroupNamePattern" },
        ],
        async handle(input, context) {
          if (input.logGroupNamePrefix !== undefined && input.logGroupNamePattern !== undefined) {
            throw invalid("LogGroup name prefix and LogGroup name pattern are mutually exclusive parameters.");
          }
          if (input.logGroupClass !== undefined && input.logGroupClass !== "STANDARD") return { logGroups: [] };
          const page = await records.list({
            accountId: context.accountId,
            region: context.region,
            family: "log-group",
            orderBy: "name",
            limit: input.limit ?? 50,
            ...(input.logGroupNamePrefix === undefined ? {} : { namePrefix: input.logGroupNamePrefix }),
            ...(input.logGroupNamePattern ? { nameContains: input.logGroupNamePattern } : {}),
            ...(input.nextToken === undefined ? {} : { nameAfter: input.nextToken }),
          });
          const logGroups = [];
          for (const record of page.records) {
            let storedBytes = 0;
            for await (const { record: stream } of logs.streams(context, record.name)) {
              storedBytes += await logs.withFile(stream.body.file, (log) => log.storedBytes);
            }
            const arn = logGroupArn(context, record.name);
            logGroups.push({
              logGroupName: record.name,
              creationTime: record.createdAt,
              metricFilterCount: 0,
              arn: `${arn}:*`,
              logGroupArn: arn,
              logGroupClass: "STANDARD" as const,
              storedBytes,
            });
          }
          return page.next === undefined ? { logGroups } : { logGroups, nextToken: page.records.at(-1)!.name };
        },
      },

      CreateLogStream: {
        async handle(input, context) {
          await requireGroup(context, input.logGroupName);
          try {
            await logs.createStream(context, input.logGroupName, input.logStreamName, actorOf(context));
          } catch (error) {
            if (!(error instanceof RecordExists)) throw error;
            throw new AwsError("ResourceAlreadyExistsException", "The specified log stream already exists", {
              cause: error,
            });
          }
        },
      },

      DeleteLogStream: {
        async handle(input, context) {
          await requireStream(context, input.logGroupName, input.logStreamName);
          await logs.deleteStream(context, input.logGroupName, input.logStreamName, actorOf(context));
        },
      },

      DescribeLogStreams: {
        async handle(input, context) {
          const group = groupName(input);
          await requireGroup(context, group);
          const limit = input.limit ?? 50;
          const byTime = input.orderBy === "LastEventTime";
          if (byTime && input.logStreamNamePrefix !== undefined) {
            throw invalid("Cannot order by LastEventTime with a logStreamNamePrefix.");
          }
          let after = 0;
          if (input.nextToken !== undefined) after = parseToken(input.nextToken).position;
          const all: { name: string; createdAt: number; file: string; lastEventTime: number }[] = [];
          for await (const { name, record } of logs.streams(context, group, input.logStreamNamePrefix)) {
            const lastEventTime = byTime
              ? await logs.withFile(record.body.file, (log) => (log.length === 0 ? 0 : log.timestampAt(log.length - 1)))
              : 0;
            all.push({ name, createdAt: record.createdAt, file: record.body.file, lastEventTime });
          }
          if (byTime) all.sort((a, b) => a.lastEventTime - b.lastEventTime);
          if (input.descending) all.reverse();
          const logStreams: LogStream[] = [];
          for (const { name, createdAt, file } of all.slice(after, after + limit)) {
            logStreams.push(await describeStream(context, group, name, createdAt, file));
          }
          return after + limit < all.length ? { logStreams, nextToken: token("f", after + limit) } : { logStreams };
        },
      },

      PutLogEvents: {
        refuses: [{ parameter: "entity", because: "log events are not tied to entities" }],
        async handle(input, context) {
          const record = await requireStream(context, input.logGroupName, input.logStreamName);
          const { logEvents } = input;
          const bytes = logEvents.reduce(
            (sum, event) => sum + Buffer.byteLength(event.message) + eventOverheadBytes,
            0,
          );
          if (bytes > maxBatchBytes) {
            throw invalid(`Upload too large: ${bytes} bytes exceeds limit of ${maxBatchBytes}`);
          }
          for (let index = 1; index < logEvents.length; index += 1) {
            if (logEvents[index].timestamp < logEvents[index - 1].timestamp) {
              throw invalid("Log events in a single PutLogEvents request must be in chronological order.");
            }
          }
          const now = context.clock.now();
          const firstKept = logEvents.findIndex((event) => event.timestamp >= now - maxAgeMs);
          const tooNew = logEvents.findIndex((event) => event.timestamp > now + maxFutureMs);
          const kept = firstKept === -1 ? [] : logEvents.slice(firstKept, tooNew === -1 ? undefined : tooNew);
          if (kept.length > 0) {
            await logs.withFile(record.body.file, (log) =>
              log.append(
                kept.map((event) => [event.timestamp, event.message] as const),
                now,
              ),
            );
          }
          const rejected = {
            ...(firstKept === 0 ? {} : { tooOldLogEventEndIndex: firstKept === -1 ? logEvents.length : firstKept }),
            ...(tooNew === -1 ? {} : { tooNewLogEventStartIndex: tooNew }),
          };
          const length = await logs.withFile(record.body.file, (log) => log.length);
          return {
            nextSequenceToken: String(length).padStart(56, "0"),
            ...(Object.keys(rejected).length > 0 ? { rejectedLogEventsInfo: rejected } : {}),
          };
        },
      },

      GetLogEvents: {
        refuses: [{ parameter: "unmask", values: [true], because: "there is no data protection policy to unmask" }],
        async handle(input, context) {
          const record = await requireStream(context, groupName(input), input.logStreamName);
          return logs.withFile(record.body.file, async (log) => {
            const first = input.startTime === undefined ? 0 : log.positionOf(input.startTime);
            const end = input.endTime === undefined ? log.length : Math.max(first, log.positionOf(input.endTime));
            const limit = Math.min(input.limit ?? maxEvents, maxEvents);
            const given = input.nextToken === undefined ? undefined : parseToken(input.nextToken);
            const forward = given === undefined ? input.startFromHead === true : given.kind === "f";
            const clamp = (position: number) => Math.min(Math.max(position, first), end);
            const from = given === undefined ? (forward ? first : end) : clamp(given.position);

            const events = await readPage(log, range(from, forward ? end : first), limit);
            if (!forward) events.reverse();
            // A token past the end comes back as it was: that is how clients know they have read everything.
            const start = forward ? from : from - events.length;
            return {
              events,
              nextForwardToken: token("f", start + events.length),
              nextBackwardToken: token("b", start),
            };
          });
        },
      },

      FilterLogEvents: {
        caveat:
          "filter patterns are terms and regular expressions; JSON and space-delimited patterns are refused by name",
        refuses: [{ parameter: "unmask", values: [true], because: "there is no data protection policy to unmask" }],
        async handle(input, context) {
          const group = groupName(input);
          await requireGroup(context, group);
          if (input.logStreamNames !== undefined && input.logStreamNamePrefix !== undefined) {
            throw invalid("logStreamNames and logStreamNamePrefix are mutually exclusive parameters.");
          }
          let matches: LogFilter;
          try {
            matches = compileFilterPattern(input.filterPattern ?? "");
          } catch (error) {
            if (error instanceof FilterPatternError) throw invalid(error.message);
            throw error;
          }
          const streams: { name: string; file: string }[] = [];
          if (input.logStreamNames !== undefined) {
            for (const name of input.logStreamNames) {
              const record = await requireStream(context, group, name);
              streams.push({ name, file: record.body.file });
            }
          } else {
            for await (const { name, record } of logs.streams(context, group, input.logStreamNamePrefix)) {
              streams.push({ name, file: record.body.file });
            }
          }
          const limit = Math.min(input.limit ?? maxEvents, maxEvents);
          const { events, nextToken } = await filterAcross(logs, streams, {
            matches,
            limit,
            startTime: input.startTime,
            endTime: input.endTime,
            token: input.nextToken,
          });
          return { events, searchedLogStreams: [], ...(nextToken === undefined ? {} : { nextToken }) };
        },
      },
    },
    { validationCode: "InvalidParameterException" },
  );
}

/**
 * Events of several streams merged by time. The token holds the position reached in each stream, so that a page costs
 * what it returns; streams are merged by always taking the one whose next event is oldest.
 */
async function filterAcross(
  logs: LogStore,
  streams: readonly { name: string; file: string }[],
  query: { matches: LogFilter; limit: number; startTime?: number; endTime?: number; token?: string },
): Promise<{ events: FilteredLogEvent[]; nextToken?: string }> {
  const reached = query.token === undefined ? {} : parseFilterToken(query.token);
  const cursors: { name: string; file: string; position: number; end: number; timestamp: number }[] = [];
  for (const { name, file } of streams) {
    await logs.withFile(file, (log) => {
      const first = query.startTime === undefined ? 0 : log.positionOf(query.startTime);
      const end = query.endTime === undefined ? log.length : log.positionOf(query.endTime + 1);
      const position = Math.max(first, reached[file] ?? 0);
      if (position < end) cursors.push({ name, file, position, end, timestamp: log.timestampAt(position) });
    });
  }
  const events: FilteredLogEvent[] = [];
  let bytes = 0;
  // A page also ends after so many events looked at, so that a rare pattern in a huge log answers in time.
  for (let looked = 0; cursors.length > 0 && looked < 200_000; looked += 1) {
    let oldest = cursors[0];
    for (const cursor of cursors) if (cursor.timestamp < oldest.timestamp) oldest = cursor;
    const full = await logs.withFile(oldest.file, async (log) => {
      const event = await log.eventAt(oldest.position);
      if (query.matches(event.message)) {
        bytes += Buffer.byteLength(event.message) + eventOverheadBytes;
        if (events.length >= query.limit || (bytes > maxResponseBytes && events.length > 0)) return true;
        events.push({
          logStreamName: oldest.name,
          timestamp: event.timestamp,
          message: event.message,
          ingestionTime: event.ingestionTime,
          eventId: `${String(event.timestamp).padStart(20, "0")}${event.id}${oldest.file.slice(0, 20)}`,
        });
      }
      oldest.position += 1;
      if (oldest.position < oldest.end) oldest.timestamp = log.timestampAt(oldest.position);
      return false;
    });
    reached[oldest.file] = oldest.position;
    if (full) break;
    if (oldest.position >= oldest.end) cursors.splice(cursors.indexOf(oldest), 1);
  }
  if (cursors.length === 0) return { events };
  return { events, nextToken: Buffer.from(JSON.stringify(reached)).toString("base64url") };
}

function parseFilterToken(text: string): Record<string, number> {
  try {
    const parsed: unknown = JSON.parse(Buffer.from(text, "base64url").toString("utf8"));
    if (typeof parsed === "object" && parsed !== null && !Array.isArray(parsed)) {
      const entries = Object.entries(parsed).filter(([, position]) => Number.isSafeInteger(position) && position >= 0);
      return Object.fromEntries(entries);
    }
  } catch {
    // falls through to the one complaint below
  }
  throw invalid("The specified nextToken is invalid.");
}
