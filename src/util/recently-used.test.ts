import { expect, test } from "vitest";
import { RecentlyUsed } from "./recently-used.ts";

test("the entry that was not used for the longest time goes first", () => {
  const entries = new RecentlyUsed<string, number>(2);
  entries.set("a", 1);
  entries.set("b", 2);
  expect(entries.get("a")).toBe(1);
  entries.set("c", 3);
  expect([entries.get("a"), entries.get("b"), entries.get("c")]).toEqual([1, undefined, 3]);
});

test("setting again replaces, deleting forgets", () => {
  const entries = new RecentlyUsed<string, number>(2);
  entries.set("a", 1);
  entries.set("a", 2);
  expect(entries.get("a")).toBe(2);
  entries.delete("a");
  expect(entries.get("a")).toBeUndefined();
});
