import { expect, test } from "vitest";
import { SharedMemory } from "./shared-memory.ts";
import { Struct } from "./struct.ts";

const record = new Struct({ a: "u32", b: "f64", c: "i32", d: "f32", e: "u32" });

test("fields are aligned to their own size and records to the widest field", () => {
  expect(record.offsets).toEqual({ a: 0, b: 8, c: 16, d: 20, e: 24 });
  expect(record.size).toBe(32);
});

test("what is written is read back, record by record", () => {
  const memory = new SharedMemory();
  const address = memory.allocate(2 * record.size);
  const second = { a: 4_000_000_000, b: 1e300, c: -5, d: 0.5, e: 7 };
  record.write(memory, address, { a: 1, b: 2, c: 3, d: 4, e: 5 });
  record.write(memory, address, second, 1);
  expect(record.read(memory, address)).toEqual({ a: 1, b: 2, c: 3, d: 4, e: 5 });
  expect(record.read(memory, address, 1)).toEqual(second);
});
