/** Queries through the operations: started, followed, stopped, and what they leave. */
import { afterEach, beforeEach, expect, test } from "vitest";
import { openLogs, space, type LogsUnderTest } from "../logs.contract.ts";
import { logGroupArn } from "../records.ts";

let under: LogsUnderTest;
const call: LogsUnderTest["call"] = (...request) => under.call(...request);
beforeEach(async () => {
  under = await openLogs();
});
afterEach(() => under.close());

async function finished(queryId: string) {
  for (;;) {
    const answer = await call("GetQueryResults", { queryId });
    if (answer.status !== "Scheduled" && answer.status !== "Running") return answer;
    await new Promise((resolve) => setImmediate(resolve));
  }
}

test("a query runs over the streams of its groups between its times", async () => {
  await under.write("/a", "one", [
    [1000, "ERROR 1"],
    [5000, "ERROR 2"],
    [9000, "INFO"],
  ]);
  await under.write("/b", "two", [[6000, "ERROR 3"]]);
  await under.write("/c", "three", [[6000, "ERROR 4"]]);
  const { queryId } = await call("StartQuery", {
    logGroupIdentifiers: ["/a", logGroupArn(space, "/b")],
    startTime: 2,
    endTime: 9,
    queryString: "fields @message, @log | filter @message like /ERROR/",
  });
  const { status, results, statistics } = await finished(queryId!);
  expect(status).toBe("Complete");
  expect(results!.map((row) => row.map(({ field, value }) => (field === "@ptr" ? field : value)))).toEqual([
    ["ERROR 3", "000000000000:/b", "@ptr"],
    ["ERROR 2", "000000000000:/a", "@ptr"],
  ]);
  expect(statistics).toMatchObject({
    recordsMatched: 2,
    recordsScanned: 3,
    bytesScanned: 7 + 4 + 7 + 3 * 26,
    logGroupsScanned: 2,
  });
  expect((await call("DescribeQueries", { logGroupName: "/a" })).queries).toMatchObject([
    { queryId, status: "Complete", bytesScanned: 96, userIdentity: "arn:aws:iam::000000000000:root" },
  ]);
  expect((await call("DescribeQueries", { status: "Failed" })).queries).toEqual([]);
  expect(await call("StopQuery", { queryId: queryId! })).toEqual({ success: false });

  const pointer = results![0].find(({ field }) => field === "@ptr")!.value!;
  expect((await call("GetLogRecord", { logRecordPointer: pointer })).logRecord).toMatchObject({
    "@message": "ERROR 3",
    "@logStream": "two",
    "@timestamp": "6000",
  });
  await expect(call("GetLogRecord", { logRecordPointer: "x" })).rejects.toMatchObject({
    code: "InvalidParameterException",
  });
  await expect(call("GetQueryResults", { queryId: queryId! }, { region: "eu-west-1" })).rejects.toMatchObject({
    code: "ResourceNotFoundException",
  });
});

test("results come page by page, no more of them than asked for", async () => {
  await under.write(
    "g",
    "s",
    Array.from({ length: 30 }, (_, at) => [at, JSON.stringify({ at, nested: { list: [1, true] } })] as const),
  );
  const { queryId } = await call("StartQuery", {
    logGroupName: "g",
    startTime: 0,
    endTime: 1,
    queryString: "fields at",
    limit: 12,
  });
  await finished(queryId!);
  const seen: (string | undefined)[] = [];
  let nextToken: string | undefined;
  do {
    const page = await call("GetQueryResults", {
      queryId: queryId!,
      maxItems: 5,
      ...(nextToken === undefined ? {} : { nextToken }),
    });
    seen.push(...page.results!.map((row) => row[0].value));
    ({ nextToken } = page);
  } while (nextToken !== undefined);
  expect(seen).toEqual(Array.from({ length: 12 }, (_, at) => String(29 - at)));
  const all = await finished(queryId!);
  const { logRecord } = await call("GetLogRecord", { logRecordPointer: all.results![0][1].value! });
  expect(logRecord).toMatchObject({ at: "29", "nested.list.0": "1", "nested.list.1": "true" });
});

test("mistakes in a query are said with their place, missing groups by name", async () => {
  const query = { startTime: 0, endTime: 1, queryString: "fields @message | bogus" };
  await under.write("g", "s", [[1, "x"]]);
  await expect(call("StartQuery", { ...query, logGroupName: "g" })).rejects.toMatchObject({
    code: "MalformedQueryException",
    members: { queryCompileError: { location: { startCharOffset: 18, endCharOffset: 23 } } },
  });
  const good = { ...query, queryString: "limit 1" };
  await expect(call("StartQuery", { ...good, logGroupName: "none" })).rejects.toMatchObject({
    code: "ResourceNotFoundException",
  });
  await expect(call("StartQuery", good)).rejects.toMatchObject({
    message: expect.stringContaining("Exactly one of") as string,
  });
  await expect(call("StartQuery", { ...good, logGroupName: "g", startTime: 5 })).rejects.toMatchObject({
    code: "InvalidParameterException",
  });
});

test("a query can be stopped, and is ended after an hour; one after the other has its turn", async () => {
  for (let batch = 0; batch < 40; batch += 1) {
    await under.write(
      "g",
      "s",
      Array.from({ length: 1000 }, (_, at) => [batch * 1000 + at, "x".repeat(300)] as const),
    );
  }
  const query = { logGroupName: "g", startTime: 0, endTime: 100, queryString: "stats count(*) by @message" };
  const ids: string[] = [];
  for (let at = 0; at < 4; at += 1) ids.push((await call("StartQuery", query)).queryId!);
  expect((await call("DescribeQueries", {})).queries!.map(({ status }) => status)).toContain("Scheduled");
  expect(await call("StopQuery", { queryId: ids[3] })).toEqual({ success: true });
  expect(await call("StopQuery", { queryId: ids[0] })).toEqual({ success: true });
  // Two are left, one of which may have begun; time runs out for both.
  await under.clock.advance(3600 * 1000);
  const statuses: unknown[] = [];
  for (const id of ids) statuses.push((await finished(id)).status);
  expect([statuses[0], statuses[3]]).toEqual(["Cancelled", "Cancelled"]);
  expect(statuses.slice(1, 3)).toEqual(["Timeout", "Timeout"]);
  const { queryId } = await call("StartQuery", query);
  expect((await finished(queryId!)).results).toHaveLength(1);
  expect(under.problems).toEqual([]);
});

test("a query that would need too much memory fails and says so to whoever watches the server", async () => {
  const long = "x".repeat(900_000);
  for (let at = 0; at < 80; at += 1) await under.write("g", "s", [[at, long + at]]);
  const { queryId } = await call("StartQuery", {
    logGroupName: "g",
    startTime: 0,
    endTime: 1,
    queryString: "fields @message",
  });
  expect((await finished(queryId!)).status).toBe("Failed");
  expect(under.problems.map(String)).toEqual([expect.stringContaining("sort keeps too many long rows")]);
});

test("definitions of queries are kept, changed, listed by prefix and deleted", async () => {
  const { queryDefinitionId } = await call("PutQueryDefinition", {
    name: "b/errors",
    queryString: "filter @message like /E/",
    logGroupNames: ["g"],
  });
  await call("PutQueryDefinition", { name: "a", queryString: "limit 5" });
  await call("PutQueryDefinition", {
    queryDefinitionId: queryDefinitionId!,
    name: "b/warnings",
    queryString: "limit 6",
  });
  expect((await call("DescribeQueryDefinitions", {})).queryDefinitions!.map(({ name }) => name)).toEqual([
    "a",
    "b/warnings",
  ]);
  expect((await call("DescribeQueryDefinitions", { queryDefinitionNamePrefix: "b/" })).queryDefinitions).toMatchObject([
    { queryDefinitionId, queryString: "limit 6", logGroupNames: [], lastModified: under.clock.now() },
  ]);
  expect(await call("DeleteQueryDefinition", { queryDefinitionId: queryDefinitionId! })).toEqual({ success: true });
  await expect(call("DeleteQueryDefinition", { queryDefinitionId: queryDefinitionId! })).rejects.toMatchObject({
    code: "ResourceNotFoundException",
  });
  await expect(call("PutQueryDefinition", { name: "c", queryString: "bogus" })).rejects.toMatchObject({
    code: "MalformedQueryException",
  });
});
