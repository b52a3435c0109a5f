/** Log streams: made, listed by name or by their last event, deleted. */
import type { CloudWatchLogsOperations, LogStream } from "../../../protocol/generated/logs.ts";
import type { OperationTable } from "../../../protocol/service.ts";
import { RecordExists, type RecordStore } from "../../../storage/record-store.ts";
import { alreadyExists, invalid } from "../errors.ts";
import type { StreamSummary } from "../events/log-file.ts";
import type { ListedStream, LogStore } from "../log-store.ts";
import { families, logStreamArn, type LogSpace, type LogStreamBody } from "../records.ts";
import { actorOf, decodeToken, encodeToken, groupName, requireGroup, requireStream } from "./lookups.ts";

interface StreamPage {
  readonly streams: readonly ListedStream[];
  readonly nextToken?: string;
}

export function logStreamOperations({ records, logs }: { records: RecordStore; logs: LogStore }) {
  return {
    CreateLogStream: {
      async handle({ logGroupName, logStreamName }, context) {
        await requireGroup(logs, context, logGroupName);
        try {
          await logs.createStream(context, logGroupName, logStreamName, actorOf(context));
        } catch (error) {
          if (!(error instanceof RecordExists)) throw error;
          throw alreadyExists("log stream", error);
        }
      },
    },

    DeleteLogStream: {
      async handle({ logGroupName, logStreamName }, context) {
        await requireStream(logs, context, logGroupName, logStreamName);
        await logs.deleteStream(context, logGroupName, logStreamName, actorOf(context));
      },
    },

    DescribeLogStreams: {
      async handle(input, context) {
        const group = groupName(input);
        await requireGroup(logs, context, group);
        const byTime = input.orderBy === "LastEventTime";
        if (byTime && input.logStreamNamePrefix !== undefined) {
          throw invalid("Cannot order by LastEventTime with a logStreamNamePrefix.");
        }
        const list = byTime ? listByLastEvent : listByName;
        const page = await list(context, group, {
          limit: input.limit ?? 50,
          descending: input.descending === true,
          prefix: input.logStreamNamePrefix ?? "",
          nextToken: input.nextToken,
        });
        const summaries = await logs.summaries(page.streams);
        const logStreams = page.streams.map((stream, at) => describe(context, group, stream, summaries[at]));
        return page.nextToken === undefined ? { logStreams } : { logStreams, nextToken: page.nextToken };
      },
    },
  } satisfies OperationTable<CloudWatchLogsOperations>;

  /** A page of the records: it costs the same in a group of any size. */
  async function listByName(space: LogSpace, group: string, wanted: ListOptions): Promise<StreamPage> {
    const { accountId, region } = space;
    const after = wanted.nextToken === undefined ? undefined : decodeToken(wanted.nextToken, { name: "string" });
    const page = await records.list<LogStreamBody>({
      accountId,
      region,
      family: families.stream,
      orderBy: "name",
      descending: wanted.descending,
      namePrefix: `${group}:${wanted.prefix}`,
      limit: wanted.limit,
      ...(after === undefined ? {} : { after: { value: `${group}:${after.name}`, name: `${group}:${after.name}` } }),
    });
    const streams = page.records.map((record) => ({
      name: record.name.slice(group.length + 1),
      file: record.body.file,
      createdAt: record.createdAt,
    }));
    return page.next === undefined ? { streams } : { streams, nextToken: encodeToken({ name: streams.at(-1)!.name }) };
  }

  /** Streams without events come as if their last event were of 1970. */
  async function listByLastEvent(space: LogSpace, group: string, wanted: ListOptions): Promise<StreamPage> {
    const streams = await logs.streams(space, group);
    const summaries = await logs.summaries(streams);
    const direction = wanted.descending ? -1 : 1;
    const order = (a: Ranked, b: Ranked) =>
      (a.time - b.time || (a.name < b.name ? -1 : a.name > b.name ? 1 : 0)) * direction;
    const ranked = streams.map((stream, at) => ({ ...stream, time: summaries[at].newest ?? 0 })).sort(order);
    const after =
      wanted.nextToken === undefined ? undefined : decodeToken(wanted.nextToken, { time: "number", name: "string" });
    const from = after === undefined ? 0 : ranked.findIndex((stream) => order(stream, after) > 0);
    const page = from === -1 ? [] : ranked.slice(from, from + wanted.limit);
    const last = from + page.length < ranked.length ? page.at(-1) : undefined;
    return last === undefined
      ? { streams: page }
      : { streams: page, nextToken: encodeToken({ time: last.time, name: last.name }) };
  }
}

interface ListOptions {
  readonly limit: number;
  readonly descending: boolean;
  readonly prefix: string;
  readonly nextToken: string | undefined;
}

interface Ranked {
  readonly name: string;
  readonly time: number;
}

function describe(space: LogSpace, group: string, stream: ListedStream, summary: StreamSummary): LogStream {
  const { oldest, newest, lastIngestionTime, received } = summary;
  return {
    logStreamName: stream.name,
    creationTime: stream.createdAt,
    arn: logStreamArn(space, group, stream.name),
    // AWS reports 0 for streams since 2019; the group has the sum.
    storedBytes: 0,
    ...(oldest === undefined || newest === undefined
      ? {}
      : { firstEventTimestamp: oldest, lastEventTimestamp: newest }),
    ...(lastIngestionTime === undefined
      ? {}
      : { lastIngestionTime, uploadSequenceToken: String(received).padStart(56, "0") }),
  };
}
