import { expect, test } from "vitest";
import { KeyedLocks } from "./keyed-locks.ts";

const turn = () => new Promise((resolve) => setImmediate(resolve));

function recorder() {
  const events: string[] = [];
  const work = (name: string) => async () => {
    events.push(`${name} in`);
    await turn();
    events.push(`${name} out`);
  };
  return { events, work };
}

test("one that has a name alone keeps others of that name out", async () => {
  const locks = new KeyedLocks();
  const { events, work } = recorder();
  await Promise.all([locks.exclusive("a", work("1")), locks.exclusive("a", work("2")), locks.shared("a", work("3"))]);
  expect(events).toEqual(["1 in", "1 out", "2 in", "2 out", "3 in", "3 out"]);
});

test("sharers run together and a waiting owner is not overtaken", async () => {
  const locks = new KeyedLocks();
  const { events, work } = recorder();
  await Promise.all([
    locks.shared("a", work("1")),
    locks.shared("a", work("2")),
    locks.exclusive("a", work("alone")),
    locks.shared("a", work("3")),
  ]);
  expect(events).toEqual(["1 in", "2 in", "1 out", "2 out", "alone in", "alone out", "3 in", "3 out"]);
});

test("different names do not wait for each other", async () => {
  const locks = new KeyedLocks();
  const { events, work } = recorder();
  await Promise.all([locks.exclusive("a", work("1")), locks.exclusive("b", work("2"))]);
  expect(events).toEqual(["1 in", "2 in", "1 out", "2 out"]);
});

test("work that fails gives its lock back, and nothing is kept of names that are free", async () => {
  const locks = new KeyedLocks();
  await expect(locks.exclusive("a", () => Promise.reject(new Error("no")))).rejects.toThrow("no");
  await expect(locks.exclusive("a", () => Promise.resolve(7))).resolves.toBe(7);
  await expect(locks.shared("a", () => Promise.resolve(8))).resolves.toBe(8);
  expect(locks.size).toBe(0);
});
