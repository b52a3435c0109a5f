/** Groups, streams and events through the operations, on real stores. */
import { mkdirSync, readdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { openLogs, space, type LogsUnderTest } from "./logs.contract.ts";
import { logGroupArn } from "./records.ts";

let under: LogsUnderTest;
const call: LogsUnderTest["call"] = (...request) => under.call(...request);
beforeEach(async () => {
  under = await openLogs();
});
afterEach(() => under.close());

const names = { logGroupName: "/aws/test", logStreamName: "job/algo-1-1" };

async function putLines(count: number, startAt = under.clock.now()): Promise<void> {
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
    seen.push(...answer.events!.map((event) => event.message!));
    if (answer.nextForwardToken === nextToken) {
      expect(answer.events).toEqual([]);
      break;
    }
    nextToken = answer.nextForwardToken;
  }
  expect(seen).toEqual(Array.from({ length: 25 }, (_, index) => `line ${index}`));

  // What arrives later is found with the token that was the last one.
  await putLines(1, under.clock.now() + 100);
  const later = await call("GetLogEvents", { ...names, startFromHead: true, nextToken });
  expect(later.events!.map((event) => event.message!)).toEqual(["line 0"]);
});

test("reads the newest events first when not told to start from the head, and goes backward", async () => {
  await call("CreateLogGroup", { logGroupName: names.logGroupName });
  await call("CreateLogStream", names);
  await putLines(5);
  const newest = await call("GetLogEvents", { ...names, limit: 2 });
  expect(newest.events!.map((event) => event.message!)).toEqual(["line 3", "line 4"]);
  const older = await call("GetLogEvents", { ...names, limit: 2, nextToken: newest.nextBackwardToken });
  expect(older.events!.map((event) => event.message!)).toEqual(["line 1", "line 2"]);
});

test("a time window includes its start and excludes its end", async () => {
  await call("CreateLogGroup", { logGroupName: names.logGroupName });
  await call("CreateLogStream", names);
  const start = under.clock.now();
  await putLines(5);
  const window = await call("GetLogEvents", {
    ...names,
    startTime: start + 1,
    endTime: start + 3,
    startFromHead: true,
  });
  expect(window.events!.map((event) => event.message!)).toEqual(["line 1", "line 2"]);
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
  const now = under.clock.now();
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
  expect(events!.map((event) => event.message!)).toEqual(["kept"]);
});

test("streams are described by name and by last event, page by page", async () => {
  for (const [stream, timestamp] of [
    ["a", 30],
    ["b", 10],
    ["c", 20],
  ] as const) {
    await under.logs.append({ ...space, group: "g", stream }, [{ timestamp, message: "x" }]);
  }
  const described = await call("DescribeLogStreams", {
    logGroupName: "g",
    orderBy: "LastEventTime",
    descending: true,
    limit: 2,
  });
  expect(described.logStreams!.map((stream) => stream.logStreamName)).toEqual(["a", "c"]);
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
  await under.logs.append({ ...space, group: "g", stream: "job/one" }, [
    { timestamp: 1, message: "ERROR first" },
    { timestamp: 5, message: "fine" },
    { timestamp: 6, message: "ERROR third" },
  ]);
  await under.logs.append({ ...space, group: "g", stream: "job/two" }, [{ timestamp: 3, message: "ERROR second" }]);
  await under.logs.append({ ...space, group: "g", stream: "other" }, [{ timestamp: 2, message: "ERROR elsewhere" }]);
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
    seen.push(...page.events!.map((event) => event.message!));
    nextToken = page.nextToken;
  } while (nextToken !== undefined && seen.length < 10);
  expect(seen).toEqual(["ERROR first", "ERROR second", "ERROR third"]);
});

test("deleting a group removes its streams and their files", async () => {
  await under.logs.append({ ...space, group: "g", stream: "s" }, [{ timestamp: 1, message: "x" }]);
  await call("DeleteLogGroup", { logGroupName: "g" });
  expect(readdirSync(join(under.directory, "logs"))).toEqual([]);
  await expect(call("DescribeLogStreams", { logGroupName: "g" })).rejects.toMatchObject({
    code: "ResourceNotFoundException",
  });
});

const day = 24 * 3600 * 1000;
const messages = (answer: { events?: readonly { message?: string }[] }) => answer.events!.map(({ message }) => message);

test("events that come late never make a reader see one twice or miss what comes behind its place", async () => {
  await under.write("g", "s", [
    [10, "one"],
    [20, "two"],
  ]);
  const from = { logGroupName: "g", logStreamName: "s", startFromHead: true };
  const first = await call("GetLogEvents", from);
  await call("PutLogEvents", {
    logGroupName: "g",
    logStreamName: "s",
    logEvents: [{ timestamp: under.clock.now(), message: "four" }],
  });
  await under.write("g", "s", [
    [5, "late"],
    [20, "three"],
  ]);
  const next = await call("GetLogEvents", { ...from, nextToken: first.nextForwardToken! });
  expect(messages(next)).toEqual(["three", "four"]);
  expect(messages(await call("GetLogEvents", from))).toEqual(["late", "one", "two", "three", "four"]);
  const before = await call("GetLogEvents", { ...from, nextToken: next.nextBackwardToken! });
  expect(messages(before)).toEqual(["late", "one", "two"]);
});

test("a page of events has at most 1 MB", async () => {
  const megabyte = "x".repeat(400_000);
  await under.write("g", "s", [
    [1, megabyte],
    [2, megabyte],
    [3, megabyte],
  ]);
  const head = await call("GetLogEvents", { logGroupName: "g", logStreamName: "s", startFromHead: true });
  expect(head.events!.map(({ timestamp }) => timestamp)).toEqual([1, 2]);
  const tail = await call("GetLogEvents", { logGroupName: "g", logStreamName: "s" });
  expect(tail.events!.map(({ timestamp }) => timestamp)).toEqual([2, 3]);
  const filtered = await call("FilterLogEvents", { logGroupName: "g" });
  expect(filtered.events!.map(({ timestamp }) => timestamp)).toEqual([1, 2]);
  expect(filtered.nextToken).toBeDefined();
});

test("a group keeps events for its retention: older ones are refused, not read, and freed", async () => {
  await call("CreateLogGroup", { logGroupName: "g" });
  await expect(call("PutRetentionPolicy", { logGroupName: "g", retentionInDays: 4 })).rejects.toMatchObject({
    code: "InvalidParameterException",
    message: expect.stringContaining("Member must satisfy enum value set: [1, 3, 5, 7,") as string,
  });
  await call("PutRetentionPolicy", { logGroupName: "g", retentionInDays: 3 });
  const [group] = (await call("DescribeLogGroups", { logGroupNamePrefix: "g" })).logGroups!;
  expect(group).toMatchObject({
    retentionInDays: 3,
    storedBytes: 0,
    arn: "arn:aws:logs:us-east-1:000000000000:log-group:g:*",
  });

  await call("CreateLogStream", { logGroupName: "g", logStreamName: "s" });
  const start = under.clock.now();
  const put = (timestamp: number, message: string) =>
    call("PutLogEvents", { logGroupName: "g", logStreamName: "s", logEvents: [{ timestamp, message }] });
  expect((await put(start - 4 * day, "expired")).rejectedLogEventsInfo).toEqual({ expiredLogEventEndIndex: 1 });
  await put(start, "first");
  await under.clock.advance(2 * day);
  await put(under.clock.now(), "second");
  await under.clock.advance(1.5 * day);

  const all = { logGroupName: "g", logStreamName: "s", startFromHead: true };
  expect(messages(await call("GetLogEvents", all))).toEqual(["second"]);
  expect(messages(await call("FilterLogEvents", { logGroupName: "g" }))).toEqual(["second"]);
  // The first event shares a segment with the second one; when both are old the segment goes.
  await under.clock.advance(2 * day);
  await under.logs.dropExpired();
  expect(messages(await call("GetLogEvents", all))).toEqual([]);
  expect((await call("DescribeLogGroups", {})).logGroups).toMatchObject([{ storedBytes: 0 }]);
  expect(under.problems).toEqual([]);

  await call("DeleteRetentionPolicy", { logGroupName: "g" });
  expect((await call("DescribeLogGroups", {})).logGroups![0]).not.toHaveProperty("retentionInDays");
  await expect(call("DeleteRetentionPolicy", { logGroupName: "none" })).rejects.toMatchObject({
    code: "ResourceNotFoundException",
  });
});

test("a group under deletion protection is deleted only after it was taken away", async () => {
  await call("CreateLogGroup", { logGroupName: "g", deletionProtectionEnabled: true });
  await expect(call("DeleteLogGroup", { logGroupName: "g" })).rejects.toMatchObject({ code: "ValidationException" });
  const arn = logGroupArn(space, "g");
  await call("PutLogGroupDeletionProtection", { logGroupIdentifier: arn, deletionProtectionEnabled: false });
  await call("DeleteLogGroup", { logGroupName: "g" });
  expect((await call("DescribeLogGroups", {})).logGroups).toEqual([]);
});

test("groups are listed by prefix, by a part of the name, by identifier and by patterns, page by page", async () => {
  const all = ["/aws/a", "/aws/b", "/other/a", "plain"];
  for (const logGroupName of all) await call("CreateLogGroup", { logGroupName });
  const named = (answer: { logGroups?: readonly { logGroupName?: string }[] }) =>
    answer.logGroups!.map(({ logGroupName }) => logGroupName);
  expect(named(await call("DescribeLogGroups", { logGroupNamePrefix: "/aws/" }))).toEqual(["/aws/a", "/aws/b"]);
  expect(named(await call("DescribeLogGroups", { logGroupNamePattern: "/a" }))).toEqual([
    "/aws/a",
    "/aws/b",
    "/other/a",
  ]);
  expect(
    named(await call("DescribeLogGroups", { logGroupIdentifiers: ["plain", logGroupArn(space, "/aws/b"), "none"] })),
  ).toEqual(["plain", "/aws/b"]);
  expect(named(await call("ListLogGroups", { logGroupNamePattern: "^/other|lain" }))).toEqual(["/other/a", "plain"]);
  const paged: unknown[] = [];
  let nextToken: string | undefined;
  do {
    const page = await call("ListLogGroups", { limit: 3, ...(nextToken === undefined ? {} : { nextToken }) });
    paged.push(named(page));
    ({ nextToken } = page);
  } while (nextToken !== undefined);
  expect(paged).toEqual([all.slice(0, 3), all.slice(3)]);
  await expect(call("DescribeLogGroups", { nextToken: "x" })).rejects.toMatchObject({
    message: "The specified nextToken is invalid.",
  });
});

test("tags are kept by ARN and by name, at most fifty, and go with their group", async () => {
  await call("CreateLogGroup", { logGroupName: "g", tags: { team: "a" } });
  const resourceArn = logGroupArn(space, "g");
  await call("TagResource", { resourceArn, tags: { stage: "test" } });
  await call("TagLogGroup", { logGroupName: "g", tags: { team: "b" } });
  expect(await call("ListTagsForResource", { resourceArn: `${resourceArn}:*` })).toEqual({
    tags: { team: "b", stage: "test" },
  });
  await call("UntagResource", { resourceArn, tagKeys: ["stage"] });
  expect(await call("ListTagsLogGroup", { logGroupName: "g" })).toEqual({ tags: { team: "b" } });
  const many = Object.fromEntries(Array.from({ length: 50 }, (_, at) => [`k${at}`, "v"]));
  await expect(call("TagResource", { resourceArn, tags: many })).rejects.toMatchObject({
    code: "TooManyTagsException",
  });
  await expect(
    call("TagResource", { resourceArn: "arn:aws:logs:us-east-1:111111111111:log-group:g", tags: { a: "b" } }),
  ).rejects.toMatchObject({ code: "ResourceNotFoundException" });
  await call("DeleteLogGroup", { logGroupName: "g" });
  await call("CreateLogGroup", { logGroupName: "g" });
  expect(await call("ListTagsLogGroup", { logGroupName: "g" })).toEqual({ tags: {} });
});

test("a batch may be neither too large nor span more than a day", async () => {
  await call("CreateLogGroup", { logGroupName: names.logGroupName });
  await call("CreateLogStream", names);
  const now = under.clock.now();
  const put = (logEvents: readonly { timestamp: number; message: string }[]) =>
    call("PutLogEvents", { ...names, logEvents: [...logEvents] });
  await expect(put([{ timestamp: now, message: "x".repeat(1_048_551) }])).rejects.toMatchObject({
    message: "Upload too large: 1048577 bytes exceeds limit of 1048576",
  });
  await expect(
    put([
      { timestamp: now - day - 1, message: "a" },
      { timestamp: now, message: "b" },
    ]),
  ).rejects.toMatchObject({ message: expect.stringContaining("cannot span more than 24 hours") as string });
  await put([{ timestamp: now, message: "x".repeat(1_048_550) }]);
});

test("a rare match in many events is found over several pages, which may be empty", async () => {
  const line = "x".repeat(1000);
  const total = 24_000;
  for (let from = 0; from < total; from += 1000) {
    const batch = Array.from(
      { length: 1000 },
      (_, at) => [from + at, from + at === total - 2 ? "needle" : line] as const,
    );
    await under.write("g", from % 2000 === 0 ? "even" : "odd", batch);
  }
  const pages: number[] = [];
  let nextToken: string | undefined;
  let found: unknown[] = [];
  do {
    const page = await call("FilterLogEvents", {
      logGroupName: "g",
      filterPattern: "needle",
      ...(nextToken === undefined ? {} : { nextToken }),
    });
    pages.push(page.events!.length);
    found = [...found, ...page.events!];
    ({ nextToken } = page);
  } while (nextToken !== undefined);
  expect(pages).toEqual([0, 1]);
  expect(found).toMatchObject([{ message: "needle", timestamp: total - 2, logStreamName: "odd" }]);
});

test("pages over streams with the same times lose and repeat nothing", async () => {
  for (const stream of ["a", "b", "c"]) {
    await under.write(
      "g",
      stream,
      Array.from({ length: 10 }, (_, at) => [Math.floor(at / 4), `${stream}${at}`] as const),
    );
  }
  const seen: string[] = [];
  const ids = new Set<string>();
  let times: number[] = [];
  let nextToken: string | undefined;
  do {
    const page = await call("FilterLogEvents", {
      logGroupName: "g",
      limit: 4,
      ...(nextToken === undefined ? {} : { nextToken }),
    });
    seen.push(...(messages(page) as string[]));
    times = [...times, ...page.events!.map(({ timestamp }) => timestamp!)];
    for (const { eventId } of page.events!) ids.add(eventId!);
    ({ nextToken } = page);
  } while (nextToken !== undefined);
  expect(seen.toSorted()).toEqual(["a", "b", "c"].flatMap((s) => Array.from({ length: 10 }, (_, at) => `${s}${at}`)));
  expect(times).toEqual(times.toSorted((a, b) => a - b));
  expect(ids.size).toBe(30);
});

test("streams by last event cost the same after a restart and follow what is written, made and deleted", async () => {
  for (let at = 0; at < 120; at += 1) await under.write("g", `s${at}`, [[1000 + ((at * 7) % 120), "x"]]);
  under = await under.reopen();
  const list = async (limit = 3) =>
    (
      await call("DescribeLogStreams", { logGroupName: "g", orderBy: "LastEventTime", descending: true, limit })
    ).logStreams!.map(({ logStreamName }) => logStreamName);
  // 7 x 17 = 119, 7 x 103 = 721 = 6 x 120 + 1 …: the one with rest 119 is the newest.
  expect(await list()).toEqual(["s17", "s34", "s51"]);
  await under.write("g", "s3", [[5000, "y"]]);
  await under.write("g", "new", [[4000, "y"]]);
  await call("DeleteLogStream", { logGroupName: "g", logStreamName: "s17" });
  expect(await list()).toEqual(["s3", "new", "s34"]);
  const backward = await call("DescribeLogStreams", {
    logGroupName: "g",
    descending: true,
    limit: 2,
    logStreamNamePrefix: "s",
  });
  expect(backward.logStreams!.map(({ logStreamName }) => logStreamName)).toEqual(["s99", "s98"]);
  const rest = await call("DescribeLogStreams", {
    logGroupName: "g",
    descending: true,
    limit: 2,
    nextToken: backward.nextToken!,
    logStreamNamePrefix: "s",
  });
  expect(rest.logStreams!.map(({ logStreamName }) => logStreamName)).toEqual(["s97", "s96"]);
});

test("files that no stream names are swept away, with all their segments", async () => {
  await under.write("g", "s", [[1, "x"]]);
  const folder = join(under.directory, "logs");
  writeFileSync(join(folder, "orphan"), "");
  mkdirSync(join(folder, "other.d"));
  expect(await under.logs.sweep()).toBe(2);
  expect(readdirSync(folder)).toHaveLength(1);
});
