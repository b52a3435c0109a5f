import { afterEach, beforeEach, expect, test } from "vitest";
import type { AwsError } from "../../../protocol/aws-error.ts";
import type { StartLiveTailRequest, StartLiveTailResponseStream } from "../../../protocol/generated/logs.ts";
import { openLogs, space, type LogsUnderTest } from "../logs.contract.ts";
import { logGroupArn } from "../records.ts";

let under: LogsUnderTest;
beforeEach(async () => {
  under = await openLogs();
  await under.write("g", "job/one", [[1, "before the session"]]);
  await under.write("other", "s", [[1, "x"]]);
});
afterEach(() => under.close());

/** A session that is read one message at a time. */
async function tail(input: Partial<StartLiveTailRequest> = {}, signal = new AbortController().signal) {
  const request = { logGroupIdentifiers: [logGroupArn(space, "g")], ...input };
  const { responseStream } = await under.call("StartLiveTail", request, { signal });
  const messages = responseStream![Symbol.asyncIterator]();
  const start = (await messages.next()).value as StartLiveTailResponseStream;
  return {
    start: start.sessionStart!,
    messages,
    /** The update of the next second. */
    async update() {
      const next = messages.next();
      await under.clock.advance(1000);
      return ((await next).value as StartLiveTailResponseStream).sessionUpdate!;
    },
  };
}

const texts = ({ sessionResults }: { sessionResults?: readonly { message?: string }[] }) =>
  sessionResults!.map(({ message }) => message);

test("a session sends what is kept in its groups, once a second, and nothing when there is nothing", async () => {
  const session = await tail({ logEventFilterPattern: "ERROR" });
  expect(session.start).toMatchObject({
    requestId: "request-1",
    logGroupIdentifiers: ["arn:aws:logs:us-east-1:000000000000:log-group:g"],
    logEventFilterPattern: "ERROR",
  });
  await under.write("g", "job/one", [
    [10, "ERROR 1"],
    [11, "INFO"],
  ]);
  await under.write("other", "s", [[12, "ERROR elsewhere"]]);
  await under.write("g", "job/two", [[13, "ERROR 2"]]);
  const ingestionTime = under.clock.now();
  expect(await session.update()).toEqual({
    sessionMetadata: { sampled: false },
    sessionResults: [
      {
        logStreamName: "job/one",
        logGroupIdentifier: "000000000000:g",
        message: "ERROR 1",
        timestamp: 10,
        ingestionTime,
      },
      {
        logStreamName: "job/two",
        logGroupIdentifier: "000000000000:g",
        message: "ERROR 2",
        timestamp: 13,
        ingestionTime,
      },
    ],
  });
  expect(texts(await session.update())).toEqual([]);
  await session.messages.return?.();
});

test("a batch that a source sends again is shown once", async () => {
  const session = await tail();
  const key = { ...space, group: "g", stream: "job/one" };
  await under.logs.append(key, [{ timestamp: 5, message: "once" }], 10);
  await under.logs.append(key, [{ timestamp: 5, message: "once" }], 10);
  expect(texts(await session.update())).toEqual(["once"]);
  await session.messages.return?.();
});

test("streams are chosen by name or by prefix", async () => {
  const byName = await tail({ logStreamNames: ["b"] });
  const byPrefix = await tail({ logStreamNamePrefixes: ["job/"] });
  await under.write("g", "b", [[1, "in b"]]);
  await under.write("g", "job/3", [[1, "in job"]]);
  const updates = [byName, byPrefix].map(({ messages }) => messages.next());
  await under.clock.advance(1000);
  const shown = await Promise.all(updates);
  expect(shown.map(({ value }) => texts((value as StartLiveTailResponseStream).sessionUpdate!))).toEqual([
    ["in b"],
    ["in job"],
  ]);
  for (const { messages } of [byName, byPrefix]) await messages.return?.();
});

test("of more than 500 events in a second a sample is sent, in order of time, and said to be one", async () => {
  const session = await tail();
  await under.write(
    "g",
    "job/one",
    Array.from({ length: 3000 }, (_, at) => [at, `${at}`] as const),
  );
  const { sessionMetadata, sessionResults } = await session.update();
  expect(sessionMetadata).toEqual({ sampled: true });
  const times = sessionResults!.map(({ timestamp }) => timestamp!);
  expect(new Set(times).size).toBe(500);
  expect(times).toEqual(times.toSorted((a, b) => a - b));
  expect(Math.max(...times)).toBeGreaterThan(500);
  await session.messages.return?.();
});

test("an update stays within what one frame holds", async () => {
  const session = await tail();
  for (let at = 0; at < 6; at += 1) await under.write("g", "job/one", [[at, "\0".repeat(900_000)]]);
  const { sessionMetadata, sessionResults } = await session.update();
  expect([sessionMetadata, sessionResults!.length]).toEqual([{ sampled: true }, 2]);
  await session.messages.return?.();
});

test("a session ends with its client, with the server, and after three hours", async () => {
  const client = new AbortController();
  const left = await tail({}, client.signal);
  const next = left.messages.next();
  client.abort();
  expect(await next).toEqual({ done: true, value: undefined });

  const long = await tail();
  const ending = (async () => {
    try {
      while (!(await long.messages.next()).done);
      return "without an error";
    } catch (error) {
      return (error as AwsError).code;
    }
  })();
  for (let second = 0; second < 3; second += 1) await under.clock.advance(1000);
  await under.clock.advance(3 * 3600 * 1000 - 3000);
  expect(await ending).toBe("SessionTimeoutException");

  const last = await tail();
  const pending = last.messages.next();
  await under.service.close();
  expect(await pending).toEqual({ done: true, value: undefined });
});

test("no more than fifteen sessions, and only of what can be tailed", async () => {
  const group = { logGroupIdentifiers: ["g"] };
  await expect(tail({ logGroupIdentifiers: ["none"] })).rejects.toMatchObject({ code: "ResourceNotFoundException" });
  const foreign = "arn:aws:logs:us-east-1:111111111111:log-group:g";
  await expect(tail({ logGroupIdentifiers: [foreign] })).rejects.toMatchObject({ code: "ResourceNotFoundException" });
  await expect(tail({ ...group, logStreamNames: ["a"], logStreamNamePrefixes: ["b"] })).rejects.toMatchObject({
    code: "InvalidParameterException",
  });
  await expect(tail({ logGroupIdentifiers: ["g", "other"], logStreamNames: ["a"] })).rejects.toMatchObject({
    code: "InvalidParameterException",
  });
  await expect(tail({ ...group, logEventFilterPattern: "{" })).rejects.toMatchObject({
    code: "InvalidParameterException",
  });
  const sessions = await Promise.all(Array.from({ length: 15 }, () => tail(group)));
  await expect(tail(group)).rejects.toMatchObject({ code: "LimitExceededException" });
  await sessions[0].messages.return?.();
  const another = await tail(group);
  for (const { messages } of [...sessions, another]) await messages.return?.();
});
