import { afterEach, beforeEach, expect, test } from "vitest";
import { filterEvents } from "./filter-events.ts";
import { openLogs, space, type LogsUnderTest } from "./logs.contract.ts";

let under: LogsUnderTest;
beforeEach(async () => {
  under = await openLogs();
});
afterEach(() => under.close());

test("a slow pattern lets others have their turn, and goes on in the next call when it takes too long", async () => {
  const total = 100;
  await under.write(
    "g",
    "s",
    Array.from({ length: total }, (_, at) => [at, `line ${at}`] as const),
  );
  const streams = await under.logs.streams(space, "g");
  let turns = 0;
  let isOver = false;
  const others = () => {
    turns += 1;
    if (!isOver) setImmediate(others);
  };
  setImmediate(others);
  const turnsAt: number[] = [];
  const looked: string[] = [];
  const matches = (message: string) => {
    turnsAt.push(turns);
    looked.push(message);
    const until = performance.now() + 30;
    while (performance.now() < until);
    return true;
  };
  const query = { matches, limit: total, maxBytes: 2 ** 20 };
  const first = await filterEvents(under.logs, streams, query);
  expect(turnsAt[20] - turnsAt[0]).toBeGreaterThanOrEqual(19);
  expect(first.found.length).toBeLessThan(total);
  const second = await filterEvents(under.logs, streams, { ...query, after: first.next! });
  isOver = true;
  expect(second.found.length).toBeGreaterThan(0);
  // Nothing is left out or looked at twice in between.
  expect(looked).toEqual(looked.map((_, at) => `line ${at}`));
});
