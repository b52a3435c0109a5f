import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { gzipSync } from "node:zlib";
import { afterEach, beforeEach, expect, test } from "vitest";
import { channelFiles } from "./channel-files.ts";
import { parseCsv, readCsv, sniffDelimiter, type CsvOptions } from "./csv-reader.ts";

let directory: string;
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), "csv-"));
});
afterEach(async () => {
  await rm(directory, { recursive: true });
});

const labelled: CsvOptions = { hasLabels: true, hasWeights: false };

async function read(files: Readonly<Record<string, string | Uint8Array>>, options = labelled) {
  for (const [name, content] of Object.entries(files)) {
    await mkdir(dirname(join(directory, name)), { recursive: true });
    await writeFile(join(directory, name), content);
  }
  return readCsv("train", (await channelFiles(directory)).files, options);
}

test("labels come first, empty fields are missing, files follow each other in name order", async () => {
  const table = await read({ "b.csv": "3,7,8\n", "a.csv": "1,,2.5\r\n2,-1e-2,nan" });
  expect(table.nRows).toBe(3);
  expect(table.nFeatures).toBe(2);
  expect([...table.labels]).toEqual([1, 2, 3]);
  expect([...table.values]).toEqual([NaN, 2.5, Math.fround(-0.01), NaN, 7, 8]);
});

test("with weights, the second column weighs the row", async () => {
  const table = await read({ "a.csv": "1,0.5,9\n0,2,8\n" }, { hasLabels: true, hasWeights: true });
  expect([...(table.weights ?? [])]).toEqual([0.5, 2]);
  expect([...table.values]).toEqual([9, 8]);
});

test("quotes, spaces, blank lines, a byte order mark and other delimiters are accepted", async () => {
  const table = await read({ "a.csv": '\uFEFF\n"1"; 2 ;"3"\n  \n4;5;\n' });
  expect([...table.labels]).toEqual([1, 4]);
  expect([...table.values]).toEqual([2, 3, 5, NaN]);
});

test("the delimiter is sniffed from the first line", () => {
  expect(sniffDelimiter("1,2;3")).toBe(",");
  expect(sniffDelimiter("1\t2")).toBe("\t");
  expect(sniffDelimiter("1;2")).toBe(";");
  expect(sniffDelimiter("1 2")).toBe(" ");
  expect(sniffDelimiter("1|2")).toBe("|");
  expect(sniffDelimiter("12")).toBe(",");
});

test("lines that cross the blocks of reading stay whole", async () => {
  // 300,000 lines of 7 bytes are two blocks of 1 MiB and a bit.
  const lines = Array.from({ length: 300_000 }, (_, row) => `${row % 10},${String(row % 1000).padStart(4, "0")}\n`);
  const table = await read({ "a.csv": lines.join("") });
  expect(table.nRows).toBe(300_000);
  expect(table.values.findIndex((value, row) => value !== row % 1000)).toBe(-1);
  expect(table.labels.findIndex((label, row) => label !== row % 10)).toBe(-1);
});

test.each([
  ["text", { "a.csv": "1,2,3\n4,five,6\n" }, 'train/a.csv, row 2, column 2: "five" is not a number.'],
  ["text behind a number", { "a.csv": "1,2,3\n4,5,6kg\n" }, 'train/a.csv, row 2, column 3: "6kg" is not a number.'],
  [
    "a header",
    { "a.csv": "age,x\n1,2\n" },
    'train/a.csv, row 1, column 1: "age" is not a number. SageMaker\'s CSV has no header line; remove it if this is one.',
  ],
  ["infinity", { "a.csv": "1,inf\n" }, 'train/a.csv, row 1, column 2: "inf" is not a finite 32-bit number. SageMaker'],
  [
    "a number beyond float32",
    { "a.csv": "1,2\n1,1e39\n" },
    'train/a.csv, row 2, column 2: "1e39" is not a finite 32-bit number.',
  ],
  ["a short row", { "a.csv": "1,2,3\n4,5\n" }, "train/a.csv, row 2: the row has 2 column(s), but the first row has 3."],
  [
    "a long row",
    { "a.csv": "1,2,3\n4,5,6,7,8\n" },
    "train/a.csv, row 2: the row has 5 column(s), but the first row has 3.",
  ],
  [
    "a file of another width",
    { "a.csv": "1,2\n", "b.csv": "\n1,2,3\n" },
    "train/b.csv, row 2: the row has 3 column(s), but the first row has 2.",
  ],
  [
    "a missing label",
    { "a.csv": "1,2\n,3\n" },
    "train/a.csv, row 2, column 1: the label is missing; every row needs one.",
  ],
  ["a NaN label", { "a.csv": "NaN,2\n" }, "train/a.csv, row 1, column 1: the label is missing; every row needs one."],
  [
    "no features",
    { "a.csv": "1\n2\n" },
    "train/a.csv: the first row has 1 column(s), but a label and at least one feature are needed",
  ],
  ["an empty file", { "a.csv": "" }, "There are no rows in the train channel: it is empty."],
  ["only blank lines", { "a.csv": "\n \r\n" }, "There are no rows in the train channel: it is empty."],
  ["gzip", { "a.csv": gzipSync("1,2\n") }, "a.csv is compressed with gzip; File mode reads plain text only"],
  ["Parquet", { "a.csv": "PAR1,2\n" }, "a.csv is a Parquet file; convert it to text/csv."],
])("%s is refused with its place", async (_what, files, message) => {
  await expect(read(files)).rejects.toThrow(message);
});

test.each(["-1", "", "x"])("weight %j is refused", async (weight) => {
  await expect(read({ "a.csv": `1,1,2\n1,${weight},2\n` }, { hasLabels: true, hasWeights: true })).rejects.toThrow(
    "row 2, column 2",
  );
});

test("a text in memory is read without labels", () => {
  const table = parseCsv("request", new TextEncoder().encode("5.1,3.5,,1.4"), { hasLabels: false, hasWeights: false });
  expect(table.nRows).toBe(1);
  expect([...table.values]).toEqual([Math.fround(5.1), 3.5, NaN, Math.fround(1.4)]);
});

test("hidden and marker files are no data, and folders are read to the third level", async () => {
  await read({
    "a.csv": "1,2\n",
    ".hidden": "x",
    _SUCCESS: "",
    "x/b.csv": "1,2\n",
    "x/y/c.csv": "1,2\n",
    "x/y/z/d.csv": "1,2\n",
  });
  const { files, skippedFolders } = await channelFiles(directory);
  expect(files.map(({ name }) => name)).toEqual(["a.csv", "x/b.csv", "x/y/c.csv"]);
  expect(skippedFolders).toEqual(["x/y/z"]);
});
