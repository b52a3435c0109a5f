/** Insights: queries are started, followed, stopped, and the records behind their rows looked up. */
import { AwsError } from "../../../protocol/aws-error.ts";
import type { CloudWatchLogsOperations } from "../../../protocol/generated/logs.ts";
import type { OperationTable, Refusal, RequestContext } from "../../../protocol/service.ts";
import { invalid } from "../errors.ts";
import { after } from "../events/stored-event.ts";
import { parseQuery } from "../insights/parse-query.ts";
import { planQuery } from "../insights/plan.ts";
import type { Query, QueryRunner } from "../insights/query-runner.ts";
import { decodePointer } from "../insights/record-pointer.ts";
import type { ScannedGroup } from "../insights/run-query.ts";
import { QuerySyntaxError } from "../insights/syntax.ts";
import type { LogStore } from "../log-store.ts";
import { cutoffOf, groupOfIdentifier } from "../records.ts";
import { decodeToken, encodeToken, requireGroup, requireStream } from "./lookups.ts";

const defaultLimit = 10_000;
const mostGroups = 50;
/** Rows in one answer. */
const rowsPerPage = 10_000;
/** GetLogRecord finds so many fields in a message. */
const mostFields = 1000;

const language: Refusal = {
  parameter: "queryLanguage",
  except: ["CWLI"],
  because: "queries are written in the language of Insights",
};

export function logQueryOperations({ logs, queries }: { logs: LogStore; queries: QueryRunner }) {
  return {
    StartQuery: {
      caveat:
        "the commands pattern, diff, anomaly, unmask, SOURCE, join, lookup, unnest and filterIndex are refused by name; a restart of the server forgets queries",
      refuses: [language],
      async handle(input, context) {
        const names = groupsOf(input);
        if (input.endTime < input.startTime) {
          throw invalid(`startTime (${input.startTime}) must not be after endTime (${input.endTime}).`);
        }
        const plan = planQuery(commandsOf(input.queryString), input.limit ?? defaultLimit);
        const groups: ScannedGroup[] = [];
        for (const name of names) {
          const { body } = await requireGroup(logs, context, name);
          const timestamp = Math.max(input.startTime * 1000, cutoffOf(body, context.clock.now()));
          // The last second belongs to it.
          const end = (input.endTime + 1) * 1000;
          groups.push({ name, range: { from: { timestamp, sequence: 0 }, to: { timestamp: end, sequence: 0 } } });
        }
        const { accountId, region, principal, clock } = context;
        const query = queries.start(
          { accountId, region, text: input.queryString, groups, by: principal.arn },
          plan,
          clock,
        );
        return { queryId: query.id };
      },
    },

    GetQueryResults: {
      handle(input, context) {
        const query = find(input.queryId, context);
        const from = input.nextToken === undefined ? 0 : decodeToken(input.nextToken, { from: "number" }).from;
        const end = from + Math.min(input.maxItems || rowsPerPage, rowsPerPage);
        return {
          queryLanguage: "CWLI",
          status: query.status,
          statistics: {
            ...query.statistics,
            estimatedRecordsSkipped: 0,
            estimatedBytesSkipped: 0,
            logGroupsScanned: query.groups.length,
          },
          results: query.results.slice(from, end).map((row) => [...row]),
          ...(end < query.results.length ? { nextToken: encodeToken({ from: end }) } : {}),
        };
      },
    },

    StopQuery: {
      handle: ({ queryId }, context) => ({ success: queries.stop(find(queryId, context)) }),
    },

    DescribeQueries: {
      refuses: [language],
      handle(input, context) {
        const { logGroupName, status } = input;
        const matching = queries
          .list(context)
          .filter(
            (query) =>
              (status === undefined || query.status === status) &&
              (logGroupName === undefined || query.groups.some(({ name }) => name === logGroupName)),
          );
        const from = input.nextToken === undefined ? 0 : decodeToken(input.nextToken, { from: "number" }).from;
        const end = from + (input.maxResults ?? 1000);
        return {
          queries: matching.slice(from, end).map(describe),
          ...(end < matching.length ? { nextToken: encodeToken({ from: end }) } : {}),
        };
      },
    },

    GetLogRecord: {
      refuses: [{ parameter: "unmask", values: [true], because: "there is no data protection policy to unmask" }],
      async handle({ logRecordPointer }, context) {
        const place = decodePointer(logRecordPointer);
        if (place === undefined) throw invalid("The specified logRecordPointer is invalid.");
        const { body } = await requireGroup(logs, context, place.group);
        const stream = await requireStream(logs, context, place.group, place.stream);
        const [event] = await logs.withFile(stream.body.file, (log) =>
          log.page({ from: place, to: after(place), limit: 1, maxBytes: Infinity }),
        );
        if (event === undefined || event.timestamp < cutoffOf(body, context.clock.now())) {
          throw new AwsError("ResourceNotFoundException", "The specified log record does not exist.");
        }
        return {
          logRecord: {
            ...fieldsOf(event.message),
            "@timestamp": String(event.timestamp),
            "@ingestionTime": String(event.ingestionTime),
            "@message": event.message,
            "@logStream": place.stream,
            "@log": `${context.accountId}:${place.group}`,
            "@ptr": logRecordPointer,
          },
        };
      },
    },
  } satisfies OperationTable<CloudWatchLogsOperations>;

  function find(id: string, context: RequestContext): Query {
    const query = queries.find(context, id);
    if (query === undefined) throw new AwsError("ResourceNotFoundException", `Query with id ${id} does not exist.`);
    return query;
  }
}

/** @throws AwsError MalformedQueryException with the place of the mistake */
export function commandsOf(queryString: string) {
  try {
    return parseQuery(queryString);
  } catch (error) {
    if (!(error instanceof QuerySyntaxError)) throw error;
    const location = { startCharOffset: error.start, endCharOffset: error.end };
    throw new AwsError("MalformedQueryException", error.message, {
      members: { queryCompileError: { message: error.message, location } },
      cause: error,
    });
  }
}

function groupsOf(input: {
  logGroupName?: string;
  logGroupNames?: readonly string[];
  logGroupIdentifiers?: readonly string[];
}): readonly string[] {
  const { logGroupName, logGroupNames, logGroupIdentifiers } = input;
  const given = [logGroupName === undefined ? undefined : [logGroupName], logGroupNames, logGroupIdentifiers].filter(
    (names) => names !== undefined,
  );
  if (given.length !== 1 || given[0].length === 0) {
    throw invalid("Exactly one of logGroupName, logGroupNames and logGroupIdentifiers must be specified.");
  }
  const names = [...new Set(given[0].map(groupOfIdentifier))];
  if (names.length > mostGroups) throw invalid(`A query has at most ${mostGroups} log groups, got ${names.length}.`);
  return names;
}

function describe(query: Query) {
  return {
    queryLanguage: "CWLI" as const,
    queryId: query.id,
    queryString: query.text,
    status: query.status,
    createTime: query.createdAt,
    logGroupName: query.groups[0].name,
    queryDuration: query.durationMs,
    bytesScanned: query.statistics.bytesScanned,
    userIdentity: query.by,
  };
}

/** The fields of a message that is JSON, by their paths: `a.b.0`. */
function fieldsOf(message: string): Record<string, string> {
  const fields: Record<string, string> = {};
  if (!/^\s*\{/.test(message)) return fields;
  let document: unknown;
  try {
    document = JSON.parse(message);
  } catch {
    // A message that is no JSON has no fields.
    return fields;
  }
  const pending: (readonly [path: string, value: unknown])[] = [["", document]];
  for (let next = pending.pop(); next !== undefined; next = pending.pop()) {
    const [path, value] = next;
    if (Object.keys(fields).length >= mostFields) break;
    if (typeof value === "object" && value !== null) {
      const inner = Object.entries(value).slice(0, mostFields);
      for (const [key, each] of inner.reverse()) pending.push([path === "" ? key : `${path}.${key}`, each]);
    } else if (value !== null) fields[path] = typeof value === "string" ? value : JSON.stringify(value);
  }
  return fields;
}
