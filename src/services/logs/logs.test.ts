import { appendFileSync, mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import type { OperationDefinition, RequestContext } from "../../protocol/service.ts";
import { SqliteRecordStore } from "../../storage/sqlite-record-store.ts";
import type { RecordStore } from "../../storage/record-store.ts";
import { ManualClock } from "../../util/clock.ts";
import { compileFilterPattern } from "./filter-pattern.ts";
import { logsService } from "./index.ts";
import { LogFile } from "./log-file.ts";
import { logGroupArn, LogStore } from "./log-store.ts";

let directory: string;
let records: RecordStore;
let logs: LogStore;
let clock: ManualClock;

beforeEach(async () => {
  directory = mkdtempSync(join(tmpdir(), "sagebrush-logs-"));
  clock = new ManualClock();
  records = new SqliteRecordStore({ file: join(directory, "records.db") });
  logs = await LogStore.open(records, join(directory, "logs"), clock);
});

afterEach(async () => {
  await logs.close();
  await records.close();
  rmSync(directory, { recursive: true });
});

const space = { accountId: "000000000000", region: "us-east-1" };

/** The members of any output that these tests look at. */
interface Answer {
  events: { message: string }[];
  logStreams: { logStreamName: string }[];
  nextToken?: string;
  nextForwardToken?: string;
  nextBackwardToken?: string;
  rejectedLogEventsInfo?: unknown;
}

async function call(operation: string, input: Record<string, unknown>): Promise<Answer> {
  const definition = logsService({ records, logs }).operations[operation] as unknown as OperationDefinition<
    unknown,
    unknown
  >;
  const context = { ...space, clock, operation, requestId: "r", principal: { arn: "arn:aws:iam::000000000000:root" } };
  return (await definition.handle(input, context as unknown as RequestContext)) as Answer;
}

const names = { logGroupName: "/aws/test", logStreamName: "job/algo-1-1" };

async function putLines(count: number, startAt = clock.now()): Promise<void> {
  await call("PutLogEvents", {
    ...names,
    logEvents: Array.from({ length: count }, (_, index) => ({ timestamp: startAt + index, message: `line ${index}` })),
  });
}

test("reads from the head page by page until the token stops changing", async () => {
  await call("CreateLogGroup", { logGroupName: names.logGroupName });
  await call("CreateLogStream", names);
  await putLines(25);

  const seen: string[] = [];
  let nextToken: string | undefined;
  for (let page = 0; page < 10; page += 1) {
    const answer = await call("GetLogEvents", { ...names, startFromHead: true, limit: 10, nextToken });
    seen.push(...answer.events.map((event) => event.message));
    if (answer.nextForwardToken === nextToken) {
      expect(answer.events).toEqual([]);
      break;
    }
    nextToken = answer.nextForwardToken;
  }
  expect(seen).toEqual(Array.from({ length: 25 }, (_, index) => `line ${index}`));

  // What arrives later is found with the token that was the last one.
  await putLines(1, clock.now() + 100);
  const later = await call("GetLogEvents", { ...names, startFromHead: true, nextToken });
  expect(later.events.map((event) => event.message)).toEqual(["line 0"]);
});

test("reads the newest events first when not told to start from the head, and goes backward", async () => {
  await call("CreateLogGroup", { logGroupName: names.logGroupName });
  await call("CreateLogStream", names);
  await putLines(5);
  const newest = await call("GetLogEvents", { ...names, limit: 2 });
  expect(newest.events.map((event) => event.message)).toEqual(["line 3", "line 4"]);
  const older = await call("GetLogEvents", { ...names, limit: 2, nextToken: newest.nextBackwardToken });
  expect(older.events.map((event) => event.message)).toEqual(["line 1", "line 2"]);
});

test("a time window includes its start and excludes its end", async () => {
  await call("CreateLogGroup", { logGroupName: names.logGroupName });
  await call("CreateLogStream", names);
  const start = clock.now();
  await putLines(5);
  const window = await call("GetLogEvents", {
    ...names,
    startTime: start + 1,
    endTime: start + 3,
    startFromHead: true,
  });
  expect(window.events.map((event) => event.message)).toEqual(["line 1", "line 2"]);
});

test("refuses what does not exist, what exists already and a token of somebody else", async () => {
  await expect(call("CreateLogStream", names)).rejects.toMatchObject({
    code: "ResourceNotFoundException",
    message: "The specified log group does not exist.",
  });
  await call("CreateLogGroup", { logGroupName: names.logGroupName });
  await expect(call("CreateLogGroup", { logGroupName: names.logGroupName })).rejects.toMatchObject({
    code: "ResourceAlreadyExistsException",
  });
  await expect(call("GetLogEvents", names)).rejects.toMatchObject({
    code: "ResourceNotFoundException",
    message: "The specified log stream does not exist.",
  });
  await call("CreateLogStream", names);
  await expect(call("GetLogEvents", { ...names, nextToken: "f/12" })).rejects.toMatchObject({
    code: "InvalidParameterException",
  });
});

test("events out of order are refused, events too old or too new are rejected by index", async () => {
  await call("CreateLogGroup", { logGroupName: names.logGroupName });
  await call("CreateLogStream", names);
  const now = clock.now();
  const day = 24 * 3600 * 1000;
  await expect(
    call("PutLogEvents", {
      ...names,
      logEvents: [
        { timestamp: now, message: "b" },
        { timestamp: now - 1, message: "a" },
      ],
    }),
  ).rejects.toMatchObject({ code: "InvalidParameterException" });
  const answer = await call("PutLogEvents", {
    ...names,
    logEvents: [
      { timestamp: now - 15 * day, message: "too old" },
      { timestamp: now, message: "kept" },
      { timestamp: now + day, message: "too new" },
    ],
  });
  expect(answer.rejectedLogEventsInfo).toEqual({ tooOldLogEventEndIndex: 1, tooNewLogEventStartIndex: 2 });
  const { events } = await call("GetLogEvents", { ...names, startFromHead: true });
  expect(events.map((event) => event.message)).toEqual(["kept"]);
});

test("streams are described by name and by last event, page by page", async () => {
  for (const [stream, timestamp] of [
    ["a", 30],
    ["b", 10],
    ["c", 20],
  ] as const) {
    await logs.append({ ...space, group: "g", stream }, [{ timestamp, message: "x" }]);
  }
  const described = await call("DescribeLogStreams", {
    logGroupName: "g",
    orderBy: "LastEventTime",
    descending: true,
    limit: 2,
  });
  expect(described.logStreams.map((stream) => stream.logStreamName)).toEqual(["a", "c"]);
  const rest = await call("DescribeLogStreams", {
    logGroupName: "g",
    orderBy: "LastEventTime",
    descending: true,
    limit: 2,
    nextToken: described.nextToken,
  });
  expect(rest.logStreams).toMatchObject([{ logStreamName: "b", firstEventTimestamp: 10, lastEventTimestamp: 10 }]);
  expect(rest.nextToken).toBeUndefined();
});

test("a group is found by its name or its ARN, whose partition is that of the region", async () => {
  const china = { accountId: "000000000000", region: "cn-north-1" };
  expect(logGroupArn(china, "/aws/test")).toBe("arn:aws-cn:logs:cn-north-1:000000000000:log-group:/aws/test");
  await call("CreateLogGroup", { logGroupName: names.logGroupName });
  await call("CreateLogStream", names);
  const arn = logGroupArn(space, names.logGroupName);
  for (const logGroupIdentifier of [names.logGroupName, arn, `${arn}:*`]) {
    expect((await call("DescribeLogStreams", { logGroupIdentifier })).logStreams).toMatchObject([
      { logStreamName: names.logStreamName },
    ]);
  }
});

test("filtering merges streams by time and pages without loss", async () => {
  await logs.append({ ...space, group: "g", stream: "job/one" }, [
    { timestamp: 1, message: "ERROR first" },
    { timestamp: 5, message: "fine" },
    { timestamp: 6, message: "ERROR third" },
  ]);
  await logs.append({ ...space, group: "g", stream: "job/two" }, [{ timestamp: 3, message: "ERROR second" }]);
  await logs.append({ ...space, group: "g", stream: "other" }, [{ timestamp: 2, message: "ERROR elsewhere" }]);
  const seen: string[] = [];
  let nextToken: string | undefined;
  do {
    const page = await call("FilterLogEvents", {
      logGroupName: "g",
      logStreamNamePrefix: "job/",
      filterPattern: "ERROR",
      limit: 1,
      nextToken,
    });
    seen.push(...page.events.map((event) => event.message));
    nextToken = page.nextToken;
  } while (nextToken !== undefined && seen.length < 10);
  expect(seen).toEqual(["ERROR first", "ERROR second", "ERROR third"]);
});

test("a batch of a source is kept once however often it is sent", async () => {
  const stream = { ...space, group: "g", stream: "s" };
  await logs.append(stream, [{ timestamp: 1, message: "one" }], 10);
  await logs.append(stream, [{ timestamp: 1, message: "one" }], 10);
  await logs.append(stream, [{ timestamp: 2, message: "two" }], 20);
  expect(await logs.sourceOffset(stream)).toBe(20);
  const { events } = await call("GetLogEvents", { logGroupName: "g", logStreamName: "s", startFromHead: true });
  expect(events.map((event) => event.message)).toEqual(["one", "two"]);
});

test("a torn last line is cut off and events that came out of order are read in order", async () => {
  const path = join(directory, "stream");
  const written = await LogFile.open(path);
  await written.append(
    [
      [20, "late"],
      [30, "last"],
    ],
    1,
    7,
  );
  await written.append([[10, "early"]], 2);
  await written.close();
  appendFileSync(path, '{"i":3,"e":[[40,"half');

  const read = await LogFile.open(path);
  expect(read.length).toBe(3);
  expect(read.sourceOffset).toBe(7);
  expect([(await read.eventAt(0)).message, (await read.eventAt(2)).message]).toEqual(["early", "last"]);
  expect(read.positionOf(11)).toBe(1);
  await read.append([[50, "new"]], 4);
  expect((await read.eventAt(3)).message).toBe("new");
  await read.close();
});

test("deleting a group removes its streams and their files", async () => {
  await logs.append({ ...space, group: "g", stream: "s" }, [{ timestamp: 1, message: "x" }]);
  await call("DeleteLogGroup", { logGroupName: "g" });
  expect(readdirSync(join(directory, "logs"))).toEqual([]);
  await expect(call("DescribeLogStreams", { logGroupName: "g" })).rejects.toMatchObject({
    code: "ResourceNotFoundException",
  });
});

test("filter patterns: all terms, any of ?terms, none of -terms, quotes and %regex%", () => {
  const matches = (pattern: string, message: string) => compileFilterPattern(pattern)(message);
  expect(matches("", "anything")).toBe(true);
  expect(matches("ERROR disk", "ERROR: disk full")).toBe(true);
  expect(matches("ERROR disk", "ERROR: memory")).toBe(false);
  expect(matches("?ERROR ?WARN", "WARN: slow")).toBe(true);
  expect(matches("ERROR -harmless", "ERROR harmless")).toBe(false);
  expect(matches('"disk full"', "disk is full")).toBe(false);
  expect(matches("%rmse:[0-9.]+%", "train-rmse:2.25")).toBe(true);
  expect(() => compileFilterPattern("{ $.a = 1 }")).toThrow("JSON filter patterns are not supported");
  expect(() => compileFilterPattern("%(a+)+$%")).toThrow("nested repetition");
});
