import { expect, test } from "vitest";
import { OutOfKernelMemoryError, SharedMemory } from "./shared-memory.ts";

test("allocations are aligned, apart, and grow the memory as needed", () => {
  const memory = new SharedMemory();
  const first = memory.allocate(3);
  const second = memory.allocate(200_000);
  expect(first).toBeGreaterThan(0);
  expect([first % 64, second % 64]).toEqual([0, 0]);
  expect(second).toBeGreaterThanOrEqual(first + 3);
  memory.u8(second, 200_000).fill(7);
  expect(memory.view.getUint8(second + 199_999)).toBe(7);
});

test("release gives back what came after the mark", () => {
  const memory = new SharedMemory();
  const mark = memory.mark();
  const first = memory.allocate(100);
  memory.f32(first, 25).fill(1);
  memory.release(mark);
  expect(memory.allocate(100)).toBe(first);
  memory.release(mark);
  expect(memory.f32(memory.allocateZeroed(100), 25).every((value) => value === 0)).toBe(true);
  expect(() => memory.release(mark + 10_000)).toThrow("lies beyond");
});

test("running out of memory names limit, use and request", () => {
  const memory = new SharedMemory(1_000_000);
  memory.allocate(500_000);
  expect(() => memory.allocate(600_000)).toThrow(OutOfKernelMemoryError);
  expect(() => memory.allocate(600_000)).toThrow(/limited to 1000000 bytes; 500\d\d\d are in use and 600000 more/);
});
