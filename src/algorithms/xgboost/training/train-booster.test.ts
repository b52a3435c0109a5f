import { expect, onTestFinished, test } from "vitest";
import { hash3 } from "../../../engine/kernels/reference/hash.ts";
import { referenceKernels } from "../../../engine/kernels/reference/index.ts";
import { KernelPool } from "../../../engine/kernel-pool.ts";
import { SharedMemory } from "../../../engine/shared-memory.ts";
import { ClientError } from "../../algorithm.ts";
import type { Booster, RegressionTree } from "../booster.ts";
import type { Dataset } from "../dataset.ts";
import { trainBooster, trainOn } from "./train-booster.ts";
import type { RoundEvaluation, TrainingParameters } from "./train-booster.ts";

const defaults: TrainingParameters = {
  objective: "reg:squarederror",
  numRound: 1,
  numClass: 0,
  eta: 0.3,
  gamma: 0,
  maxDepth: 6,
  minChildWeight: 1,
  maxDeltaStep: 0,
  subsample: 1,
  colsampleByTree: 1,
  colsampleByLevel: 1,
  colsampleByNode: 1,
  lambda: 1,
  alpha: 0,
  scalePosWeight: 1,
  growPolicy: "depthwise",
  maxLeaves: 0,
  maxBin: 256,
  baseScore: 0.5,
  seed: 0,
  nThreads: 1,
  numParallelTree: 1,
};

const proceed = { afterRound: () => "continue" as const };

function dense(rows: readonly (readonly number[])[], labels: readonly number[], weights?: readonly number[]): Dataset {
  return {
    features: {
      kind: "dense",
      nRows: rows.length,
      nFeatures: rows[0]?.length ?? 0,
      values: Float32Array.from(rows.flat()),
    },
    labels: Float32Array.from(labels),
    ...(weights === undefined ? {} : { weights: Float32Array.from(weights) }),
  };
}

/** Seeded rows of numbers in steps of 1/64, some of them missing, and labels that depend on them. */
function randomDataset(
  nRows: number,
  nFeatures: number,
  options: { missing?: number; classes?: number; seed?: number } = {},
): Dataset {
  const { missing = 0, classes = 2, seed = 1 } = options;
  const random = (row: number, column: number) => hash3(seed, row, column) / 2 ** 32;
  const rows = Array.from({ length: nRows }, (_, row) =>
    Array.from({ length: nFeatures }, (_ignored, column) =>
      random(row, 100 + column) < missing ? NaN : Math.floor(random(row, column) * 1000) / 64,
    ),
  );
  const labels = rows.map(([a, b = 0], row) => {
    const signal = (Number.isNaN(a) ? 3 : a) + 0.5 * (Number.isNaN(b) ? 0 : b) + 4 * random(row, 999);
    return Math.min(classes - 1, Math.floor((signal / 28) * classes));
  });
  return dense(rows, labels);
}

/** Nested picture of a tree, for hand-worked expectations. */
function picture(tree: RegressionTree, node = 0): unknown {
  if (tree.leftChild[node] === -1) return tree.splitCondition[node];
  const test = `f${tree.splitFeature[node]}<${tree.splitCondition[node]}${tree.defaultLeft[node] === 1 ? " or missing" : ""}`;
  return [test, picture(tree, tree.leftChild[node]), picture(tree, tree.rightChild[node])];
}

const f32 = Math.fround;
const nLeaves = (tree: RegressionTree) => tree.leftChild.filter((child) => child === -1).length;

async function marginsOf(
  dataset: Dataset,
  parameters: TrainingParameters,
): Promise<{ booster: Booster; margins: number[] }> {
  let margins: number[] = [];
  const booster = await trainBooster(dataset, [], parameters, {
    afterRound: (evaluation) => {
      margins = [...evaluation.margins.train];
      return "continue";
    },
  });
  return { booster, margins };
}

test("the golden tree: x 1, 2, 3, 4 with y 0, 0, 1, 1 splits below 3 with leaves -0.1 and 0.1", async () => {
  const { booster, margins } = await marginsOf(dense([[1], [2], [3], [4]], [0, 0, 1, 1]), { ...defaults, maxDepth: 1 });
  expect(margins.map((margin) => margin.toFixed(6))).toEqual(["0.400000", "0.400000", "0.600000", "0.600000"]);
  const [tree] = booster.trees;
  expect([...tree.leftChild, ...tree.rightChild]).toEqual([1, -1, -1, 2, -1, -1]);
  expect([...tree.parent]).toEqual([2 ** 31 - 1, 0, 0]);
  expect(tree.splitCondition[0]).toBe(3);
  expect(tree.sumHessian).toEqual(Float32Array.of(4, 2, 2));
  // G = 1 and -1, H = 2, lambda = 1: 1/3 + 1/3 - 0.
  expect(tree.lossChange[0]).toBeCloseTo(2 / 3, 6);
  expect(tree.baseWeight[1]).toBe(f32(-1 / 3));
});

test("binary:logistic on four rows does not split at min_child_weight 1 and gives 0.4502 and 0.5498 at 0", async () => {
  const dataset = dense([[1], [2], [3], [4]], [0, 0, 1, 1]);
  const logistic = { ...defaults, objective: "binary:logistic" as const };
  const unsplit = await marginsOf(dataset, logistic);
  expect(unsplit.booster.trees.map(nLeaves)).toEqual([1]);
  expect(unsplit.margins.every((margin) => margin === 0)).toBe(true);
  const { margins } = await marginsOf(dataset, { ...logistic, minChildWeight: 0 });
  const probabilities = margins.map((margin) => (1 / (1 + Math.exp(-margin))).toFixed(4));
  expect(probabilities).toEqual(["0.4502", "0.4502", "0.5498", "0.5498"]);
});

test("missing values go where the loss falls most", async () => {
  // Missing rows are like those of x = 1: split below 3, missing left. G left = 2.5, H = 5; right -1 and 2.
  const rows = [[1], [1], [NaN], [NaN], [NaN], [3], [3]];
  const likeLow = await trainBooster(dense(rows, [0, 0, 0, 0, 0, 1, 1]), [], defaults, proceed);
  expect(picture(likeLow.trees[0])).toEqual([
    "f0<3 or missing",
    expect.closeTo((-2.5 / 6) * 0.3, 6),
    expect.closeTo((1 / 3) * 0.3, 6),
  ]);
  const likeHigh = await trainBooster(dense(rows, [0, 0, 1, 1, 1, 1, 1]), [], defaults, proceed);
  expect(picture(likeHigh.trees[0])).toEqual([
    "f0<3",
    expect.closeTo((-1 / 3) * 0.3, 6),
    expect.closeTo((2.5 / 6) * 0.3, 6),
  ]);
});

test("whether a value is missing can itself be the split", async () => {
  const booster = await trainBooster(dense([[5], [5], [NaN], [NaN]], [0, 0, 1, 1]), [], defaults, proceed);
  // Missing right, everything else below the last cut 5 + (5 + 1e-5) left; leaves by G = 1 and -1, H = 2.
  expect(picture(booster.trees[0])).toEqual([
    `f0<${f32(5 + f32(5 + f32(1e-5)))}`,
    expect.closeTo(-0.1, 6),
    expect.closeTo(0.1, 6),
  ]);
});

test.each([
  ["a constant column", [[7], [7], [7], [7]]],
  ["a column that is missing everywhere", [[NaN], [NaN], [NaN], [NaN]]],
])("%s gives one leaf with the mean step", async (_, rows) => {
  const booster = await trainBooster(dense(rows, [0, 1, 1, 1]), [], defaults, proceed);
  expect(booster.trees.map((tree) => picture(tree))).toEqual([expect.closeTo((1 / 5) * 0.3, 6)]);
});

test("one row trains", async () => {
  const booster = await trainBooster(dense([[1, 2]], [3]), [], { ...defaults, minChildWeight: 0 }, proceed);
  expect(picture(booster.trees[0])).toBeCloseTo((2.5 / 2) * 0.3, 6);
});

test("no rows, no features and infinite values are refused", async () => {
  await expect(trainBooster(dense([], []), [], defaults, proceed)).rejects.toThrow(
    "training needs rows and features, got 0 x 0",
  );
  const infinite = dense(
    [
      [1, 2],
      [1, Infinity],
    ],
    [0, 1],
  );
  await expect(trainBooster(infinite, [], defaults, proceed)).rejects.toThrow(ClientError);
  await expect(trainBooster(infinite, [], defaults, proceed)).rejects.toThrow("feature 1 holds an infinite value");
});

test("data beyond 4 GiB and bin counts beyond 16 bits are refused", async () => {
  // Sparse rows are stored whole: 3 million features of 300 rows are 0.9 billion cells.
  const features = { ...sparseOf(new Float32Array(300), 300, 1), nFeatures: 3_000_000 };
  const training = trainBooster({ features, labels: new Float32Array(300) }, [], defaults, proceed);
  await expect(training).rejects.toThrow(ClientError);
  await expect(training).rejects.toThrow(/data of 300 rows x 3000000 features are too large: Kernel memory is limited/);
  const tooMany = trainBooster(dense([[1]], [1]), [], { ...defaults, maxBin: 65_536 }, proceed);
  await expect(tooMany).rejects.toThrow("maxBin must be 2 to 65535, got 65536");
});

test("L1 shrinks sums, and a capped step shortens leaves", async () => {
  const dataset = dense([[1], [2], [3], [4]], [-4, -4, 6, 6]);
  // Sums of gradients -11 and 9, hessians 2; root gradient -2.
  const l1 = await trainBooster(dataset, [], { ...defaults, alpha: 1, maxDepth: 1 }, proceed);
  expect(picture(l1.trees[0])).toEqual(["f0<3", expect.closeTo((-8 / 3) * 0.3, 6), expect.closeTo((10 / 3) * 0.3, 6)]);
  const capped = await trainBooster(dataset, [], { ...defaults, maxDeltaStep: 0.5, maxDepth: 1 }, proceed);
  expect(picture(capped.trees[0])).toEqual(["f0<3", expect.closeTo(-0.15, 6), expect.closeTo(0.15, 6)]);
});

test("gamma rules out splits that gain less", async () => {
  const dataset = dense([[1], [2], [3], [4]], [0, 0, 1, 1]);
  const gainIs = 2 / 3;
  const below = await trainBooster(dataset, [], { ...defaults, maxDepth: 1, gamma: gainIs - 0.001 }, proceed);
  const above = await trainBooster(dataset, [], { ...defaults, maxDepth: 1, gamma: gainIs + 0.001 }, proceed);
  expect([nLeaves(below.trees[0]), nLeaves(above.trees[0])]).toEqual([2, 1]);
});

test("lossguide splits the leaf of greatest gain until max_leaves, depthwise level by level", async () => {
  // The right half needs three splits of great gain, the left half gains little.
  const rows = Array.from({ length: 16 }, (_, i) => [i]);
  const labels = rows.map(([x]) => (x < 8 ? (x < 4 ? 0 : 1) : 100 * (x >> 1)));
  const lossguide = {
    ...defaults,
    growPolicy: "lossguide" as const,
    maxDepth: 0,
    maxLeaves: 4,
    lambda: 0,
    baseScore: 0,
  };
  const best = await trainBooster(dense(rows, labels), [], lossguide, proceed);
  expect(nLeaves(best.trees[0])).toBe(4);
  expect(picture(best.trees[0])).toEqual(["f0<8", expect.any(Number), ["f0<12", expect.anything(), expect.anything()]]);
  const level = await trainBooster(dense(rows, labels), [], { ...lossguide, growPolicy: "depthwise" }, proceed);
  expect(nLeaves(level.trees[0])).toBe(4);
  expect(picture(level.trees[0])).toEqual([
    "f0<8",
    ["f0<4", expect.any(Number), expect.any(Number)],
    expect.any(Array),
  ]);
  const shallow = await trainBooster(dense(rows, labels), [], { ...lossguide, maxLeaves: 0, maxDepth: 1 }, proceed);
  expect(nLeaves(shallow.trees[0])).toBe(2);
});

test("max_depth 0 sets no limit", async () => {
  const rows = Array.from({ length: 64 }, (_, i) => [i]);
  const labels = rows.map(([x]) => x);
  const booster = await trainBooster(dense(rows, labels), [], { ...defaults, maxDepth: 0, lambda: 0 }, proceed);
  expect(nLeaves(booster.trees[0])).toBe(64);
});

test("a weight of n counts like n rows", async () => {
  const rows = [[1], [2], [3], [4], [5]];
  const labels = [0, 1, 0, 3, 2];
  const counts = [1, 3, 2, 1, 2];
  const repeat = <T>(values: readonly T[]) =>
    values.flatMap((value, i) => Array.from({ length: counts[i] }, () => value));
  // The gradients of the first round are exact in single precision, weighted or not.
  const parameters = { ...defaults, maxDepth: 3 };
  const weighted = await trainBooster(dense(rows, labels, counts), [], parameters, proceed);
  const repeated = await trainBooster(dense(repeat(rows), repeat(labels)), [], parameters, proceed);
  expect(weighted.trees).toEqual(repeated.trees);
});

test("scale_pos_weight weighs rows with label 1", async () => {
  const rows = [[1], [2], [3], [4]];
  const parameters = { ...defaults, objective: "binary:logistic" as const, minChildWeight: 0 };
  const scaled = await trainBooster(dense(rows, [0, 0, 1, 1]), [], { ...parameters, scalePosWeight: 3 }, proceed);
  const weighted = await trainBooster(dense(rows, [0, 0, 1, 1], [1, 1, 3, 3]), [], parameters, proceed);
  expect(scaled.trees).toEqual(weighted.trees);
  expect(scaled.objectiveParameters).toEqual({ scale_pos_weight: "3" });
});

test("multi-class grows a tree for each class and round, in class order", async () => {
  const dataset = randomDataset(300, 3, { classes: 3 });
  const parameters = { ...defaults, objective: "multi:softprob" as const, numClass: 3, numRound: 2 };
  const { booster, margins } = await marginsOf(dataset, parameters);
  expect([...booster.treeGroup]).toEqual([0, 1, 2, 0, 1, 2]);
  expect(booster.nGroups).toBe(3);
  expect(margins.length).toBe(900);
  const right = [...dataset.labels].filter((label, row) => {
    const point = margins.slice(3 * row, 3 * row + 3);
    return point.indexOf(Math.max(...point)) === label;
  });
  expect(right.length).toBeGreaterThan(240);
});

test("parallel trees share the step of a round", async () => {
  const dataset = dense([[1], [2], [3], [4]], [0, 0, 1, 1]);
  const { booster, margins } = await marginsOf(dataset, { ...defaults, maxDepth: 1, numParallelTree: 2 });
  expect(booster.trees.map((tree) => picture(tree))).toEqual([
    ["f0<3", expect.closeTo(-0.05, 6), expect.closeTo(0.05, 6)],
    ["f0<3", expect.closeTo(-0.05, 6), expect.closeTo(0.05, 6)],
  ]);
  expect(margins[0]).toBeCloseTo(0.4, 6);
  expect(booster.nParallelTrees).toBe(2);
});

test("evaluation sets get the same sums as training rows, dense or sparse", async () => {
  const dataset = randomDataset(400, 5, { missing: 0.2 });
  const { features } = dataset;
  if (features.kind !== "dense") throw new Error("the test data are dense");
  const sparse = sparseOf(features.values, features.nRows, features.nFeatures);
  const seen: RoundEvaluation[] = [];
  await trainBooster(
    dataset,
    [dataset, { features: sparse, labels: dataset.labels }],
    { ...defaults, numRound: 3 },
    {
      afterRound: ({ round, margins }) => {
        seen.push({ round, margins: { train: margins.train.slice(), sets: margins.sets.map((set) => set.slice()) } });
        return "continue";
      },
    },
  );
  expect(seen.map(({ round }) => round)).toEqual([0, 1, 2]);
  for (const { margins } of seen) for (const set of margins.sets) expect(set).toEqual(margins.train);
  expect(seen[2].margins.train).not.toEqual(seen[1].margins.train);
});

function sparseOf(values: Float32Array, nRows: number, nFeatures: number) {
  const rowStart = new Float64Array(nRows + 1);
  const columns: number[] = [];
  const present: number[] = [];
  for (let row = 0; row < nRows; row += 1) {
    for (let column = 0; column < nFeatures; column += 1) {
      const value = values[row * nFeatures + column];
      if (Number.isNaN(value)) continue;
      columns.push(column);
      present.push(value);
    }
    rowStart[row + 1] = columns.length;
  }
  return {
    kind: "sparse" as const,
    nRows,
    nFeatures,
    rowStart,
    columns: Uint32Array.from(columns),
    values: Float32Array.from(present),
  };
}

test("sparse rows train like dense rows with missing values", async () => {
  const dataset = randomDataset(500, 6, { missing: 0.4 });
  if (dataset.features.kind !== "dense") throw new Error("the test data are dense");
  const features = sparseOf(dataset.features.values, 500, 6);
  const parameters = { ...defaults, objective: "binary:logistic" as const, numRound: 4 };
  const fromDense = await trainBooster(dataset, [], parameters, proceed);
  const fromSparse = await trainBooster({ ...dataset, features }, [], parameters, proceed);
  expect(fromSparse.trees).toEqual(fromDense.trees);
});

const samplings: readonly [string, Partial<TrainingParameters>][] = [
  ["all rows and features", {}],
  ["half of the rows", { subsample: 0.5 }],
  ["samples of features", { colsampleByTree: 0.7, colsampleByLevel: 0.8, colsampleByNode: 0.6 }],
  ["three classes", { objective: "multi:softmax", numClass: 3 }],
  ["many bins", { maxBin: 1000 }],
  ["lossguide", { growPolicy: "lossguide", maxDepth: 0, maxLeaves: 20, subsample: 0.8 }],
  ["a forest in each round", { numParallelTree: 3, subsample: 0.6 }],
];

test.each(samplings)("with %s the model is the same for any number of threads", async (_, changes) => {
  const dataset = randomDataset(20_000, 5, { missing: 0.05, classes: changes.numClass ?? 2 });
  const parameters = { ...defaults, objective: "binary:logistic" as const, numRound: 3, ...changes };
  const one = await trainBooster(dataset, [], parameters, proceed);
  for (const nThreads of [2, 3])
    expect(await trainBooster(dataset, [], { ...parameters, nThreads }, proceed)).toEqual(one);
});

test.each(samplings)("with %s the plain kernels give the same model", async (_, changes) => {
  const dataset = randomDataset(700, 4, { missing: 0.05, classes: changes.numClass ?? 2 });
  const parameters = { ...defaults, objective: "binary:logistic" as const, numRound: 2, ...changes };
  const memory = new SharedMemory();
  const plain = new KernelPool({ memory, kernels: referenceKernels(memory), nThreads: 1 });
  onTestFinished(() => plain.close());
  expect(await trainOn(plain, dataset, [], parameters, proceed)).toEqual(
    await trainBooster(dataset, [], parameters, proceed),
  );
});

test("the seed decides which rows and features are drawn, and nothing else", async () => {
  const dataset = randomDataset(2000, 6);
  const train = (changes: Partial<TrainingParameters>) =>
    trainBooster(dataset, [], { ...defaults, numRound: 2, ...changes }, proceed).then(({ trees }) => trees);
  expect(await train({ subsample: 0.5, seed: 1 })).toEqual(await train({ subsample: 0.5, seed: 1 }));
  expect(await train({ subsample: 0.5, seed: 1 })).not.toEqual(await train({ subsample: 0.5, seed: 2 }));
  expect(await train({ colsampleByTree: 0.5, seed: 1 })).not.toEqual(await train({ colsampleByTree: 0.5, seed: 2 }));
  expect(await train({ seed: 1 })).toEqual(await train({ seed: 2 }));
});

test("subsample draws about its share of the rows, other rows in other trees", async () => {
  const booster = await trainBooster(
    randomDataset(10_000, 2),
    [],
    { ...defaults, numRound: 2, subsample: 0.3 },
    proceed,
  );
  const drawn = booster.trees.map((tree) => tree.sumHessian[0]);
  for (const count of drawn) expect(Math.abs(count - 3000)).toBeLessThan(4 * Math.sqrt(10_000 * 0.3 * 0.7));
  expect(drawn[0]).not.toBe(drawn[1]);
});

test("a tree splits only on features drawn for it, its level and the node", async () => {
  const dataset = randomDataset(3000, 10);
  const parameters = { ...defaults, numRound: 5, colsampleByTree: 0.2 };
  const booster = await trainBooster(dataset, [], parameters, proceed);
  const used = booster.trees.map((tree) => new Set(tree.splitFeature.filter((_, node) => tree.leftChild[node] !== -1)));
  for (const features of used) expect(features.size).toBeLessThanOrEqual(2);
  expect(new Set(used.flatMap((features) => [...features])).size).toBeGreaterThan(2);
  const stump = await trainBooster(dataset, [], { ...parameters, colsampleByTree: 1, colsampleByLevel: 0.1 }, proceed);
  for (const tree of stump.trees) {
    const level = [tree.leftChild[0], tree.rightChild[0]].filter((node) => tree.leftChild[node] !== -1);
    expect(new Set(level.map((node) => tree.splitFeature[node])).size).toBeLessThanOrEqual(1);
  }
});

test("a hook and a signal end training after the round", async () => {
  const dataset = randomDataset(200, 3);
  const stopped = await trainBooster(
    dataset,
    [],
    { ...defaults, numRound: 10 },
    {
      afterRound: ({ round }) => (round === 2 ? "stop" : "continue"),
    },
  );
  expect(stopped.trees.length).toBe(3);
  const controller = new AbortController();
  const aborted = await trainBooster(
    dataset,
    [],
    { ...defaults, numRound: 10 },
    {
      afterRound: ({ round }) => {
        if (round === 3) setImmediate(() => controller.abort());
        return "continue";
      },
      signal: controller.signal,
    },
  );
  expect(aborted.trees.length).toBe(4);
});

test("an error of a hook reaches the caller", async () => {
  const training = trainBooster(
    randomDataset(200, 3),
    [],
    { ...defaults, nThreads: 2 },
    {
      afterRound: () => {
        throw new Error("the disk is full");
      },
    },
  );
  await expect(training).rejects.toThrow("the disk is full");
});

test("histograms that do not fit the budget change nothing but the time", async () => {
  // 40 features of 2000 bins: 1.3 MB a histogram, so only some of the 2^9 open nodes can keep theirs.
  const dataset = randomDataset(3000, 40);
  const parameters = { ...defaults, maxBin: 2000, maxDepth: 0, lambda: 0, minChildWeight: 0 };
  const deep = await trainBooster(dataset, [], parameters, proceed);
  const [tree] = deep.trees;
  expect(nLeaves(tree)).toBeGreaterThan(50);
  // Whatever was summed or subtracted, children must add up to their parents.
  tree.leftChild.forEach((left, node) => {
    if (left !== -1) expect(tree.sumHessian[left] + tree.sumHessian[tree.rightChild[node]]).toBe(tree.sumHessian[node]);
  });
});
