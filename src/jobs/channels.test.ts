import { mkdtemp, readdir, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { ClientError } from "../algorithms/algorithm.ts";
import { type Channel, downloadChannel } from "./channels.ts";
import { MemoryObjects } from "./ports.contract.ts";

let dataFolder: string;
let objects: MemoryObjects;
beforeEach(async () => {
  dataFolder = await mkdtemp(join(tmpdir(), "sagebrush-channels-"));
  objects = new MemoryObjects();
});
afterEach(() => rm(dataFolder, { recursive: true }));

const download = (uri: string, more: Partial<Channel> & { kind?: "prefix" | "manifest" } = {}) =>
  downloadChannel(
    {
      name: "train",
      inputMode: "File",
      distribution: "FullyReplicated",
      source: { kind: more.kind ?? "prefix", uri },
      ...more,
    },
    { objects, accountId: "1", dataFolder, signal: new AbortController().signal },
  );
/** Files under the data folder with their content. */
const files = async (): Promise<Record<string, string>> => {
  const entries = await readdir(dataFolder, { recursive: true, withFileTypes: true });
  const paths = entries.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name));
  const pairs = await Promise.all(
    paths.map(async (path) => [path.slice(dataFolder.length + 1), await readFile(path, "utf8")] as const),
  );
  return Object.fromEntries(pairs.sort(([a], [b]) => (a < b ? -1 : 1)));
};

test("a prefix is a plain string prefix, and keys below it become folders", async () => {
  objects.put("b", "data/train/a.csv", "1").put("b", "data/train/x/b.csv", "2").put("b", "data/train-more/c.csv", "3");
  objects.put("b", "data/other.csv", "4").put("b", "data/train/", "");
  await download("s3://b/data/train");
  expect(await files()).toEqual({
    "train/train-more/c.csv": "3",
    "train/train/a.csv": "1",
    "train/train/x/b.csv": "2",
  });
});

test("a URI that names one object brings that object alone", async () => {
  objects.put("b", "data/train.csv", "1").put("b", "data/train.csv.bak", "2");
  await download("s3://b/data/train.csv");
  expect(await files()).toEqual({ "train/train.csv": "1" });
});

test("a whole bucket may be a channel", async () => {
  objects.put("b", "a.csv", "1").put("b", "c/d.csv", "2");
  await download("s3://b");
  expect(await files()).toEqual({ "train/a.csv": "1", "train/c/d.csv": "2" });
});

test("compressed files stay as they are in File mode", async () => {
  objects.put("b", "t/a.csv.gz", "not touched");
  await download("s3://b/t/", { compression: "Gzip" });
  expect(await files()).toEqual({ "train/a.csv.gz": "not touched" });
});

test("a manifest brings the objects it lists, and lies beside the channel", async () => {
  const manifest = JSON.stringify([{ prefix: "s3://b/data/" }, "one.csv", "two/three.csv"]);
  objects.put("b", "lists/m", manifest).put("b", "data/one.csv", "1").put("b", "data/two/three.csv", "3");
  objects.put("b", "data/unlisted.csv", "x");
  await download("s3://b/lists/m", { kind: "manifest" });
  expect(await files()).toEqual({ "train-manifest": manifest, "train/one.csv": "1", "train/two/three.csv": "3" });
});

test.each([
  ["[", "not JSON"],
  ["{}", "JSON array"],
  ["[]", "JSON array"],
  ['[{"prefix":"s3://b/d/"}, 5]', "element 1 is 5"],
  ['[{"prefix":"https://b/d/"}, "a"]', "first element"],
  ['[{"prefix":"s3://b/d/"}, "gone.csv"]', "s3://b/d/gone.csv does not exist"],
  ['[{"prefix":"s3://b/d/"}, "../../up.csv"]', "cannot be a file name"],
])("the manifest %s is the client's error", async (manifest, said) => {
  objects.put("b", "m", manifest);
  const failed = download("s3://b/m", { kind: "manifest" });
  await expect(failed).rejects.toThrow(ClientError);
  await expect(download("s3://b/m", { kind: "manifest", name: "again" })).rejects.toThrow(said);
});

test("a prefix without objects is the client's error, with SageMaker's words", async () => {
  objects.put("b", "a.csv", "1");
  await expect(download("s3://b/nothing/")).rejects.toThrow(
    'Data download failed: No S3 objects found under S3 URL "s3://b/nothing/"',
  );
});

test("a bucket that does not exist is named", async () => {
  await expect(download("s3://nobody/x")).rejects.toThrow(
    'the bucket of "s3://nobody/x" (channel train) does not exist',
  );
});

test("data that the job's role may not read is the client's error, and says what is not allowed", async () => {
  objects.put("b", "train/a.csv", "1");
  objects.download = () =>
    Promise.reject(Object.assign(new Error("User: x is not authorized"), { code: "AccessDenied" }));
  objects.stat = () => Promise.reject(Object.assign(new Error("User: x is not authorized"), { code: "AccessDenied" }));
  const error = await download("s3://b/train/").catch((thrown: unknown) => thrown);
  expect(error).toBeInstanceOf(ClientError);
  expect((error as Error).message).toBe(
    "Data download failed: AccessDenied: User: x is not authorized (channel train)",
  );
});

test("keys that leave the channel's folder are refused and nothing is written outside", async () => {
  objects.put("b", "d/../../../escape.csv", "1");
  await expect(download("s3://b/d/")).rejects.toThrow(ClientError);
  expect(await files()).toEqual({});
});

test("an object cannot be both a file and a folder", async () => {
  objects.put("b", "d/a", "1").put("b", "d/a/b", "2");
  await expect(download("s3://b/d/")).rejects.toThrow(
    'the object s3://b/d/a/b cannot be a file: "a" is also an object',
  );
});

test("an aborted download ends with the reason", async () => {
  objects.put("b", "d/a", "1");
  await expect(
    downloadChannel(
      { name: "t", inputMode: "File", distribution: "FullyReplicated", source: { kind: "prefix", uri: "s3://b/d/" } },
      { objects, accountId: "1", dataFolder, signal: AbortSignal.abort(new Error("stopped")) },
    ),
  ).rejects.toThrow("stopped");
});

test("a download that fails while others are found and placed fails the channel, and only the channel", async () => {
  class FullDisk extends MemoryObjects {
    override async *list(accountId: string, bucket: string, prefix: string) {
      for await (const entry of super.list(accountId, bucket, prefix)) {
        yield entry;
        // By now the download of this object has failed, and nobody waits for it yet.
        await new Promise((resolve) => setTimeout(resolve, 20));
      }
    }
    override async download(...args: Parameters<MemoryObjects["download"]>): Promise<void> {
      if (args[2] === "d/a") throw Object.assign(new Error("ENOSPC: no space left on device"), { code: "ENOSPC" });
      await super.download(...args);
    }
  }
  objects = new FullDisk().put("b", "d/a", "1").put("b", "d/b", "2").put("b", "d/c", "3");
  await expect(download("s3://b/d/")).rejects.toThrow("ENOSPC");
  // Nothing more is brought once one is missing.
  expect(await files()).toEqual({});
});
