import { closeSync, openSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, expect, test } from "vitest";
import { LogWriter, maxLineBytes, readFrames } from "./log-writer.ts";

const file = join(tmpdir(), `sagebrush-log-${process.pid}`);
afterEach(() => rmSync(file, { force: true }));

/** Writes chunks of standard output through a writer and reads the file back. */
function written(chunks: readonly string[], limit?: number): { texts: string[]; loss: string | undefined } {
  const descriptor = openSync(file, "a");
  const writer = new LogWriter(descriptor, limit);
  for (const chunk of chunks) writer.write("o", Buffer.from(chunk), 5);
  writer.end(6);
  closeSync(descriptor);
  return { texts: [...readFrames(readFileSync(file))].map((frame) => frame.text), loss: writer.loss };
}

test("a frame is the time, the stream and the line", () => {
  const descriptor = openSync(file, "a");
  const writer = new LogWriter(descriptor);
  writer.write("e", Buffer.from("oops\n"), 1700000000000);
  closeSync(descriptor);
  expect(readFileSync(file, "utf8")).toBe("1700000000000 e oops\n");
});

test("lines may arrive in any pieces, and a carriage return at the end is not part of them", () => {
  expect(written(["a", "b\r\nc\n\nd", "e"]).texts).toEqual(["ab", "c", "", "de"]);
});

test("the two streams do not mix inside a line", () => {
  const descriptor = openSync(file, "a");
  const writer = new LogWriter(descriptor);
  writer.write("o", Buffer.from("out"), 1);
  writer.write("e", Buffer.from("err\n"), 2);
  writer.write("o", Buffer.from("put\n"), 3);
  closeSync(descriptor);
  expect(readFileSync(file, "utf8")).toBe("2 e err\n3 o output\n");
});

test("a line of exactly the limit stays whole, one byte more is split", () => {
  expect(written([`${"x".repeat(maxLineBytes)}\n`]).texts.map((text) => text.length)).toEqual([maxLineBytes]);
  rmSync(file);
  expect(written([`${"x".repeat(maxLineBytes + 1)}\n`]).texts.map((text) => text.length)).toEqual([maxLineBytes, 1]);
});

test("an unfinished last frame is left for later", () => {
  expect([...readFrames(Buffer.from("1 o a\n2 o b"))].map((frame) => frame.text)).toEqual(["a"]);
});

test("lines beyond the limit of the log are dropped and counted", () => {
  const { texts, loss } = written(["one\n", "two\n", "three\n"], 16);
  expect(texts).toEqual(["one", "two"]);
  expect(loss).toBe("1 log lines were lost: the log reached its limit of 16 bytes");
});

test.skipIf(process.platform !== "linux")("a full disk loses lines and says so", () => {
  const descriptor = openSync("/dev/full", "a");
  const writer = new LogWriter(descriptor);
  writer.write("o", Buffer.from("a\nb\n"), 1);
  closeSync(descriptor);
  expect(writer.loss).toMatch(/^2 log lines were lost: writing the log failed: ENOSPC/);
});
