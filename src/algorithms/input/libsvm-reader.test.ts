import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import { channelFiles } from "./channel-files.ts";
import { parseLibsvm, readLibsvm } from "./libsvm-reader.ts";

const parse = (text: string, labels: "required" | "optional" = "required") =>
  parseLibsvm("data", new TextEncoder().encode(text), labels);

test("rows keep their indices as given", () => {
  const table = parse("1 1:0.5 3:2\n# a comment\n\n0 # nothing else\n-1 0:1e2\r\n");
  expect(table.nRows).toBe(3);
  expect(table.nFeatures).toBe(4);
  expect([...table.labels]).toEqual([1, 0, -1]);
  expect([...table.rowStart]).toEqual([0, 2, 2, 3]);
  expect([...table.columns]).toEqual([1, 3, 0]);
  expect([...table.values]).toEqual([0.5, 2, 100]);
  expect(table.weights).toBeUndefined();
});

test("a weight may follow the label; rows without one weigh 1", () => {
  expect([...(parse("1:0.5 0:1\n0 0:2\n").weights ?? [])]).toEqual([0.5, 1]);
});

test("indices are sorted within a row", () => {
  const table = parse("1 4:4 2:2 9:9\n");
  expect([...table.columns]).toEqual([2, 4, 9]);
  expect([...table.values]).toEqual([2, 4, 9]);
});

test("in a request the label may be left out", () => {
  const table = parse("0:5.1 2:1.4\n1 1:7", "optional");
  expect([...table.rowStart]).toEqual([0, 2, 3]);
  expect([...table.columns]).toEqual([0, 2, 1]);
});

test.each([
  ["x 0:1", 'data, row 1: the label "x" is not a finite 32-bit number.'],
  ["nan 0:1", "data, row 1: the label is missing (NaN); every row needs one."],
  ["1:-1 0:1", "data, row 1: the weight after the label must be a number >= 0, got -1."],
  ["1 0:1\n1 0:x", 'data, row 2: the value "x" is not a finite 32-bit number.'],
  ["1 0:", 'data, row 1: the value "" is not a finite 32-bit number.'],
  ["1 a:1", 'data, row 1: "a:1" is not index:value with an index that is an integer >= 0.'],
  ["1 5", 'data, row 1: "5" is not index:value'],
  ["1 -1:1", 'data, row 1: "-1:1" is not index:value'],
  ["1 qid:1 0:1", 'data, row 1: "qid:1": query groups belong to ranking objectives'],
  ["1 3:1 3:2", "data, row 1: the index 3 appears twice."],
  ["1 16777216:1", 'data, row 1: the index of "16777216:1" must be <= 16777215.'],
  ["1 0:1,2", 'data, row 1: the value "1,2" is not a finite 32-bit number.'],
  ["", "There are no rows in data: it is empty."],
  ["1\n0\n", "There are no features in data: no row has an index:value pair."],
])("%j is refused with its place", (text, message) => {
  expect(() => parse(text)).toThrow(message);
});

test("files that cross the blocks of reading stay whole", async () => {
  const directory = await mkdtemp(join(tmpdir(), "libsvm-"));
  const lines = Array.from({ length: 200_000 }, (_, row) => `${row % 2} 0:${row % 7} ${1 + (row % 50)}:0.5\n`);
  await writeFile(join(directory, "a.libsvm"), lines.join(""));
  const table = await readLibsvm("train", (await channelFiles(directory)).files);
  await rm(directory, { recursive: true });
  expect(table.nRows).toBe(200_000);
  expect(table.nFeatures).toBe(51);
  expect(table.labels.findIndex((label, row) => label !== row % 2)).toBe(-1);
  expect(table.columns.findIndex((column, at) => column !== (at % 2 === 0 ? 0 : 1 + ((at >> 1) % 50)))).toBe(-1);
});
