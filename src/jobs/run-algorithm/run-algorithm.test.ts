import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { type Algorithm, ClientError, type TrainingContext } from "../../algorithms/algorithm.ts";
import { createMlTree } from "../ml-tree.ts";
import { runAlgorithm } from "./run.ts";

let root: string;
const lines: string[] = [];

beforeEach(async () => {
  lines.length = 0;
  root = await mkdtemp(join(tmpdir(), "sagebrush-run-"));
  await createMlTree(root, {
    hyperparameters: { k: "3" },
    channels: [
      { name: "train", inputMode: "File", distribution: "FullyReplicated", contentType: "text/csv" },
      { name: "extra", inputMode: "File", distribution: "FullyReplicated" },
    ],
    host: { instanceType: "ml.m5.large", currentHost: "algo-1", hosts: ["algo-1"] },
  });
});
afterEach(() => rm(root, { recursive: true }));

function run(
  train: Algorithm["train"],
  environment: Record<string, string> = {},
  signal = new AbortController().signal,
) {
  const algorithm: Algorithm = {
    name: "tiny",
    title: "Tiny",
    hyperparameters: [],
    channels: [],
    imageTags: ["1"],
    metricDefinitions: [],
    validate: () => [],
    train,
    load: () => Promise.reject(new Error("not served here")),
  };
  return runAlgorithm(
    async (imageUri) =>
      imageUri === "tiny:1" ? { algorithm, image: { registry: "", repository: "tiny", tag: "1" } } : undefined,
    { ML_ROOT: root, SAGEBRUSH_IMAGE: "tiny:1", SAGEBRUSH_THREADS: "2", ...environment },
    (line) => lines.push(line),
    signal,
  );
}
const failure = () => readFile(join(root, "output", "failure"), "utf8");

test("an algorithm sees the tree as its container would", async () => {
  let seen: TrainingContext | undefined;
  const { signal } = new AbortController();
  expect(
    await run(
      async (context) => {
        seen = context;
        await writeFile(join(context.modelDirectory, "model"), "m");
      },
      {},
      signal,
    ),
  ).toBe(0);
  expect(seen).toMatchObject({
    imageTag: "1",
    hyperparameters: { k: "3" },
    channels: {
      train: { directory: join(root, "input/data/train"), contentType: "text/csv" },
      extra: { directory: join(root, "input/data/extra") },
    },
    modelDirectory: join(root, "model"),
    outputDataDirectory: join(root, "output/data"),
    hosts: ["algo-1"],
    currentHost: "algo-1",
    threads: 2,
  });
  expect(seen?.signal).toBe(signal);
  expect(lines).toEqual([
    expect.stringMatching(/^\[\d{4}-\d\d-\d\d:\d\d:\d\d:\d\d:INFO\] tiny:1 starts training on this machine$/),
  ]);
});

test("the first line is out before the algorithm is loaded", async () => {
  await run(async () => {
    expect(lines.length).toBe(1);
  });
});

test("the user's mistake becomes a ClientError in the failure file", async () => {
  expect(await run(() => Promise.reject(new ClientError("the file train/a.csv has no rows")))).toBe(1);
  expect(await failure()).toBe("ClientError: the file train/a.csv has no rows");
  expect(lines.at(-1)).toContain("ClientError: the file train/a.csv has no rows");
});

test("any other error is the algorithm's, with its stack in the log", async () => {
  expect(await run(() => Promise.reject(new RangeError("index 7 of 3")))).toBe(1);
  expect(await failure()).toBe("AlgorithmError: index 7 of 3");
  expect(lines.some((line) => line.includes("run-algorithm.test.ts"))).toBe(true);
});

test("a full disk is named as what it is", async () => {
  expect(await run(() => Promise.reject(Object.assign(new Error("ENOSPC: write"), { code: "ENOSPC" })))).toBe(1);
  expect(await failure()).toMatch(/^InternalServerError: no space left on the disk/);
});

test("an image without an algorithm, and a tree without its files, fail by name", async () => {
  expect(await run(async () => {}, { SAGEBRUSH_IMAGE: "other:1" })).toBe(1);
  expect(await failure()).toBe("AlgorithmError: other:1 names no built-in algorithm");
  await rm(join(root, "input/config/resourceconfig.json"));
  expect(await run(async () => {})).toBe(1);
  expect(await failure()).toContain("resourceconfig.json");
});

test("room for the reason is held while training, and given back when it ends well", async () => {
  let held = 0;
  const train = async () => {
    held = (await failure()).length;
  };
  expect(await run(train)).toBe(0);
  expect(held).toBe(4096);
  await expect(failure()).rejects.toThrow("ENOENT");
});

test("a number of threads that is none is refused", async () => {
  expect(await run(async () => {}, { SAGEBRUSH_THREADS: "many" })).toBe(1);
  expect(await failure()).toContain('SAGEBRUSH_THREADS must be a whole number from 1, got "many"');
});
