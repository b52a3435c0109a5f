import { expect, test } from "vitest";
import { BinaryHeap } from "./binary-heap.ts";

test("items leave in order, whatever the order they came in", () => {
  const heap = new BinaryHeap<number>((one, other) => one - other);
  // A fixed permutation of 0..100: 37 is coprime to 101.
  const items = Array.from({ length: 101 }, (_, index) => (index * 37) % 101);
  for (const item of items) heap.push(item);
  expect(heap.size).toBe(101);
  expect(heap.first).toBe(0);
  expect(items.map(() => heap.shift())).toEqual(Array.from({ length: 101 }, (_, index) => index));
  expect(heap.shift()).toBeUndefined();
  expect(heap.first).toBeUndefined();
});

test("what is added between is taken in its place", () => {
  const heap = new BinaryHeap<string>((one, other) => one.localeCompare(other));
  for (const item of ["c", "a", "d"]) heap.push(item);
  expect(heap.shift()).toBe("a");
  heap.push("b");
  expect([heap.shift(), heap.shift(), heap.shift()]).toEqual(["b", "c", "d"]);
});

test("dropping some leaves the others in order", () => {
  const heap = new BinaryHeap<number>((one, other) => one - other);
  for (const item of [5, 3, 8, 1, 9, 2]) heap.push(item);
  heap.keep((item) => item % 2 === 1);
  heap.push(4);
  expect([heap.shift(), heap.shift(), heap.shift(), heap.shift(), heap.shift(), heap.shift()]).toEqual([
    1,
    3,
    4,
    5,
    9,
    undefined,
  ]);
});
