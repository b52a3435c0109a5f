import { expect, test } from "vitest";
import { Capacity } from "./capacity.ts";

const never = new AbortController().signal;

/** Asks for a slot and tells later whether it was given. */
function ask(capacity: Capacity, id: string, signal = never, since = 0): { given: boolean; done: Promise<void> } {
  const state = { given: false, done: Promise.resolve() };
  state.done = capacity.acquire(id, since, signal).then(() => {
    state.given = true;
  });
  return state;
}
const settle = () => new Promise((resolve) => setImmediate(resolve));

test("jobs wait for a slot in the order they came", async () => {
  const capacity = new Capacity(1);
  await capacity.acquire("a", 0, never);
  const [b, c] = [ask(capacity, "b"), ask(capacity, "c")];
  await settle();
  expect([b.given, c.given]).toEqual([false, false]);
  capacity.release("a");
  capacity.release("a");
  await b.done;
  expect(c.given).toBe(false);
  capacity.release("b");
  await c.done;
});

test("a job that stops waiting does not take a slot", async () => {
  const capacity = new Capacity(1);
  await capacity.acquire("a", 0, never);
  const abort = new AbortController();
  const b = ask(capacity, "b", abort.signal);
  const c = ask(capacity, "c");
  abort.abort(new Error("stopped"));
  await expect(b.done).rejects.toThrow("stopped");
  capacity.release("a");
  await c.done;
});

test("who waits longer comes first, also when it asks later, as after a restart", async () => {
  const capacity = new Capacity(1);
  await capacity.acquire("a", 0, never);
  const young = ask(capacity, "young", never, 20);
  const old = ask(capacity, "old", never, 10);
  expect(capacity.tryAcquire("pushy")).toBe(false);
  capacity.release("a");
  await old.done;
  expect(young.given).toBe(false);
  capacity.release("old");
  await young.done;
});

test("adopted jobs hold slots beyond the limit, and newcomers wait for them", async () => {
  const capacity = new Capacity(1);
  capacity.adopt("a");
  capacity.adopt("b");
  const c = ask(capacity, "c");
  capacity.release("a");
  await settle();
  expect(c.given).toBe(false);
  capacity.release("b");
  await c.done;
});

test("acquiring again keeps the slot that is held", async () => {
  const capacity = new Capacity(1);
  await capacity.acquire("a", 0, never);
  const again = ask(capacity, "a");
  await again.done;
  expect(again.given).toBe(true);
});

test("a machine without room is refused", () => {
  expect(() => new Capacity(0)).toThrow("at least one job");
});
