import { mkdir, mkdtemp, readdir, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { algorithmContract } from "../algorithm.contract.ts";
import { xgboost } from "./index.ts";
import { readModelFile } from "./model-file/index.ts";

algorithmContract({
  algorithm: xgboost,
  imageTag: "1.7-1",
  hyperparameters: { objective: "binary:logistic", num_round: "5", subsample: "0.8", seed: "3" },
  contentType: "text/csv",
  hasLabels: true,
  missingValues: "accepted",
});

let root: string;
beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), "xgboost-"));
});
afterEach(async () => {
  await rm(root, { recursive: true });
});

interface Job {
  readonly train: string;
  readonly validation?: string;
  readonly hyperparameters: Readonly<Record<string, string>>;
  readonly imageTag?: string;
  readonly contentType?: string;
  /** Aborts the job after this round. */
  readonly abortAfterRound?: number;
}

async function train({
  train: data,
  validation,
  hyperparameters,
  imageTag = "1.7-1",
  contentType = "text/csv",
  abortAfterRound,
}: Job) {
  const channels: Record<string, { directory: string; contentType: string }> = {};
  for (const [name, content] of Object.entries({ train: data, validation })) {
    if (content === undefined) continue;
    channels[name] = { directory: join(root, name), contentType };
    await mkdir(channels[name].directory, { recursive: true });
    await writeFile(join(channels[name].directory, "data"), content);
  }
  const modelDirectory = join(root, "model");
  await mkdir(modelDirectory, { recursive: true });
  const log: string[] = [];
  const stop = new AbortController();
  await xgboost.train({
    imageTag,
    hyperparameters,
    channels,
    modelDirectory,
    outputDataDirectory: root,
    hosts: ["algo-1"],
    currentHost: "algo-1",
    threads: 2,
    log: (line) => {
      log.push(line);
      if (line.startsWith(`[${abortAfterRound}]`)) stop.abort();
    },
    signal: stop.signal,
  });
  const rounds = log.filter((line) => line.startsWith("["));
  const predict = async (body: string) => {
    const model = await xgboost.load(modelDirectory, {});
    return String((await model.predict(Buffer.from(body), "text/csv", "text/csv")).body)
      .trimEnd()
      .split("\n")
      .map(Number);
  };
  return { log, rounds, predict, modelFile: join(modelDirectory, "xgboost-model"), modelDirectory };
}

const steps = "0,1\n0,2\n1,3\n1,4\n";
const stump = { num_round: "1", max_depth: "1", lambda: "1", gamma: "0", eta: "0.3", base_score: "0.5" };
const rounded = (values: readonly number[]) => values.map((value) => Number(value.toFixed(4)));

test("squared error, worked by hand: leaves are -G / (H + lambda) * eta", async () => {
  // Gradients 0.5 0.5 -0.5 -0.5, hessians 1: each leaf is -/+ 1 / 3 * 0.3.
  const { predict, rounds } = await train({ train: steps, hyperparameters: stump });
  expect(rounded(await predict("1\n2\n3\n4"))).toEqual([0.4, 0.4, 0.6, 0.6]);
  expect(rounds).toEqual(["[0]\ttrain-rmse:0.40000"]);
});

test("binary:logistic splits only when a child may hold less than one hessian", async () => {
  const logistic = { ...stump, objective: "binary:logistic" };
  const unsplit = await train({ train: steps, hyperparameters: logistic });
  expect(await unsplit.predict("1\n4")).toEqual([0.5, 0.5]);
  const split = await train({ train: steps, hyperparameters: { ...logistic, min_child_weight: "0" } });
  expect(rounded(await split.predict("1\n2\n3\n4"))).toEqual([0.4502, 0.4502, 0.5498, 0.5498]);
});

test("images 3.x start from the mean of the labels", async () => {
  const { base_score: _unset, ...hyperparameters } = stump;
  const skewed = "0,1\n0,2\n0,3\n2,4\n";
  const booster = async (imageTag: string) =>
    readModelFile((await train({ train: skewed, hyperparameters, imageTag })).modelFile);
  expect((await booster("3.0-5")).baseScore).toBe(0.5);
  await rm(join(root, "train"), { recursive: true });
  const shifted = "1,1\n1,2\n1,3\n5,4\n";
  const of = async (imageTag: string) =>
    readModelFile((await train({ train: shifted, hyperparameters, imageTag })).modelFile);
  expect((await of("3.2-0")).baseScore).toBe(2);
  expect((await of("1.7-1")).baseScore).toBe(0.5);
});

test("weights count rows as often as they say", async () => {
  const weighted = await train({
    train: "0,3,1\n1,1,1\n",
    hyperparameters: { ...stump, csv_weights: "1", min_child_weight: "0" },
  });
  const repeated = "0,1\n0,1\n0,1\n1,1\n";
  const [byWeight] = await weighted.predict("1");
  const [byCopies] = await (
    await train({ train: repeated, hyperparameters: { ...stump, min_child_weight: "0" } })
  ).predict("1");
  expect(byWeight).toBeCloseTo(byCopies, 6);
});

/** Labels that the feature explains, with a band of noise that only memorising explains. */
function noisy(seed: number): string {
  let state = seed;
  const random = () => (state = (Math.imul(state, 1103515245) + 12345) >>> 0) / 2 ** 32;
  return Array.from({ length: 120 }, () => {
    const [a, b] = [random(), random()];
    return `${Number(a + random() * 0.8 > 0.9)},${a},${b}\n`;
  }).join("");
}

test("early stopping watches the last metric on the validation channel and keeps the best rounds", async () => {
  const { rounds, modelFile, log } = await train({
    train: noisy(1),
    validation: noisy(2),
    hyperparameters: {
      objective: "binary:logistic",
      num_round: "100",
      eta: "0.5",
      eval_metric: "auc,logloss",
      early_stopping_rounds: "4",
    },
  });
  const losses = rounds.map((line) => Number(/validation-logloss:(\S+)/.exec(line)?.[1]));
  const best = losses.indexOf(Math.min(...losses));
  expect(rounds[0]).toMatch(
    /^\[0\]\ttrain-auc:0\.\d{5}\ttrain-logloss:0\.\d{5}\tvalidation-auc:0\.\d{5}\tvalidation-logloss:0\.\d{5}$/,
  );
  expect(rounds).toHaveLength(best + 1 + 4);
  const booster = await readModelFile(modelFile);
  expect(booster.trees).toHaveLength(best + 1);
  expect(booster.attributes).toMatchObject({ best_iteration: String(best), best_ntree_limit: String(best + 1) });
  expect(log).toContain("Train matrix has 120 rows and 2 columns");
});

test("early stopping without a validation channel or a metric says that it has no effect", async () => {
  const hyperparameters = { num_round: "3", early_stopping_rounds: "1" };
  expect((await train({ train: steps, hyperparameters: { ...hyperparameters, eval_metric: "rmse" } })).log).toContain(
    "early_stopping_rounds has no effect: there is no validation channel.",
  );
  const { log, rounds } = await train({ train: steps, validation: steps, hyperparameters });
  expect(log).toContain("early_stopping_rounds has no effect: eval_metric is not set.");
  expect(rounds).toHaveLength(3);
});

test("a stopped job keeps its finished rounds only when it was asked to", async () => {
  const hyperparameters = { num_round: "1000", min_child_weight: "0" };
  const without = await train({ train: steps, hyperparameters, abortAfterRound: 2 });
  expect(await readdir(without.modelDirectory)).toEqual([]);
  expect(without.log.at(-1)).toBe(
    "Stopped after 3 rounds; no model is kept, because save_model_on_termination is false.",
  );
  const kept = await train({
    train: steps,
    hyperparameters: { ...hyperparameters, save_model_on_termination: "true" },
    abortAfterRound: 2,
  });
  expect((await readModelFile(kept.modelFile)).trees).toHaveLength(3);
});

test("num_parallel_tree and classes multiply the trees of a round", async () => {
  const { modelFile, predict } = await train({
    train: "0,1\n1,2\n2,3\n0,1\n1,2\n2,3\n",
    hyperparameters: {
      objective: "multi:softmax",
      num_class: "3",
      num_round: "4",
      num_parallel_tree: "2",
      min_child_weight: "0",
    },
  });
  const booster = await readModelFile(modelFile);
  expect(booster.trees).toHaveLength(24);
  expect(booster.treeGroup.slice(0, 6)).toEqual(Int32Array.of(0, 0, 1, 1, 2, 2));
  expect(await predict("1\n2\n3")).toEqual([0, 1, 2]);
});

test("libsvm channels may name different features", async () => {
  const { modelFile, rounds } = await train({
    train: "1 1:5\n0 1:1 2:3\n",
    validation: "1 7:1\n0 1:1\n",
    contentType: "text/libsvm",
    hyperparameters: { num_round: "2" },
  });
  expect((await readModelFile(modelFile)).nFeatures).toBe(8);
  expect(rounds).toHaveLength(2);
});

test("reg:linear works and says that it is deprecated", async () => {
  const { log, modelFile } = await train({
    train: steps,
    hyperparameters: { num_round: "1", objective: "reg:linear" },
  });
  expect(log).toContain("reg:linear is now deprecated in favor of reg:squarederror.");
  expect((await readModelFile(modelFile)).objective).toBe("reg:squarederror");
});

test.each<readonly [string, Partial<Job>, RegExp]>([
  [
    "labels outside the classes",
    { hyperparameters: { objective: "multi:softmax", num_class: "2", num_round: "1" }, train: "0,1\n2,1\n" },
    /label 2 in data row 2/,
  ],
  [
    "labels that are no probabilities",
    { hyperparameters: { objective: "binary:logistic", num_round: "1" }, train: "3,1\n" },
    /label must be in \[0,1\]/,
  ],
  [
    "a validation channel of another width",
    { validation: "1,2,3\n" },
    /validation channel has 2 feature columns, but the train channel has 1/,
  ],
  ["a validation channel without rows", { validation: "" }, /no rows in the validation channel/],
  [
    "several mistakes",
    { hyperparameters: { eta: "2", foo: "1" } },
    /eta must be[^]*"foo" is unknown[^]*num_round is required/,
  ],
])("%s is the user's mistake", async (_what, change, message) => {
  const job = train({ train: steps, hyperparameters: { num_round: "1" }, ...change });
  await expect(job).rejects.toThrow(message);
  await expect(job).rejects.toMatchObject({ name: "ClientError" });
  expect(await readdir(join(root, "model"))).toEqual([]);
});

test("one class only trains, and its auc is not a number", async () => {
  const { log, rounds, predict } = await train({
    train: "1,1\n1,2\n",
    imageTag: "3.0-5",
    hyperparameters: { objective: "binary:logistic", num_round: "1", eval_metric: "auc" },
  });
  expect(log).toContain("The train channel has only the class 1; metrics such as auc are not defined on it.");
  expect(rounds).toEqual(["[0]\ttrain-auc:nan"]);
  expect((await predict("1"))[0]).toBeGreaterThan(0.99);
});
