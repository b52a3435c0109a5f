// XGBoost training on generated rows: wall time of binning and fitting, and the AUC on rows held out.
// Reference in the same run: PyPI's xgboost, tree_method hist, same parameters and threads; each run is a process of
// its own and the two take turns, so that a busy machine hurts both.
//
//   node bench/xgboost.bench.mjs [rows=1000000] [rounds=100] [repeats=5] [threads=2]
//
// Python with xgboost and numpy: SAGEBRUSH_BENCH_PYTHON, else .venv/bin/python, else python3.
import { spawnSync } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { cpus, tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { trainBooster } from "../dist/algorithms/xgboost/training/train-booster.js";

const nFeatures = 28;
const heldOut = 100_000;

const reference = `
import sys, time, json
import numpy, xgboost
directory, rounds, threads = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
load = lambda name: numpy.fromfile(f"{directory}/{name}.f32", dtype=numpy.float32)
x, y, test = load("train-x").reshape(-1, ${nFeatures}), load("train-y"), load("test-x").reshape(-1, ${nFeatures})
start = time.perf_counter()
data = xgboost.DMatrix(x, label=y, nthread=threads)
parameters = dict(objective="binary:logistic", tree_method="hist", max_depth=6, max_bin=256, base_score=0.5, nthread=threads)
booster = xgboost.train(parameters, data, rounds)
seconds = time.perf_counter() - start
booster.predict(xgboost.DMatrix(test), output_margin=True).astype(numpy.float32).tofile(f"{directory}/margins.f32")
print(json.dumps(dict(seconds=seconds, version=xgboost.__version__)))
`;

function readFloats(directory, name) {
  const bytes = readFileSync(join(directory, `${name}.f32`));
  return new Float32Array(bytes.buffer, bytes.byteOffset, bytes.length / 4);
}

/** The child process of our side. */
async function trainOurs(directory, rounds, threads) {
  const labels = readFloats(directory, "train-y");
  const values = readFloats(directory, "train-x");
  const parameters = {
    objective: "binary:logistic",
    numRound: rounds,
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
    nThreads: threads,
    numParallelTree: 1,
  };
  const start = performance.now();
  const features = { kind: "dense", nRows: labels.length, nFeatures, values };
  const { trees } = await trainBooster({ features, labels }, [], parameters, { afterRound: () => "continue" });
  const seconds = (performance.now() - start) / 1000;
  const test = readFloats(directory, "test-x");
  const margins = new Float32Array(test.length / nFeatures);
  for (const { leftChild, rightChild, splitFeature, splitCondition } of trees) {
    for (let row = 0; row < margins.length; row += 1) {
      let node = 0;
      while (leftChild[node] !== -1) {
        const goesLeft = test[row * nFeatures + splitFeature[node]] < splitCondition[node];
        node = goesLeft ? leftChild[node] : rightChild[node];
      }
      margins[row] += splitCondition[node];
    }
  }
  writeFileSync(join(directory, "margins.f32"), margins);
  console.log(JSON.stringify({ seconds }));
}

/** Normal features, some of few values or skewed; a label by the logistic of a sum with interactions. */
function generate(directory, name, nRows, seed) {
  let state = seed;
  const uniform = () => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), state | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
  const normal = () => Math.sqrt(-2 * Math.log(1 - uniform())) * Math.cos(2 * Math.PI * uniform());
  const x = new Float32Array(nRows * nFeatures);
  const y = new Float32Array(nRows);
  for (let row = 0; row < nRows; row += 1) {
    const v = x.subarray(row * nFeatures, (row + 1) * nFeatures);
    for (let feature = 0; feature < nFeatures; feature += 1) {
      const z = normal();
      if (feature < 20) v[feature] = z;
      else if (feature < 24) v[feature] = Math.round(4 * z) / 4;
      else v[feature] = feature < 26 ? Math.exp(z) : Math.round(z);
    }
    let sum = 0.8 * v[0] * v[1] - 0.6 * v[2] * v[2] * v[21] + Math.sin(2 * v[3]) + (v[4] > 0.3 ? 0.5 * v[22] : 0);
    for (let feature = 5; feature < 20; feature += 1) sum += 0.3 * Math.cos(feature) * v[feature];
    y[row] = uniform() < 1 / (1 + Math.exp(-0.6 * sum)) ? 1 : 0;
  }
  writeFileSync(join(directory, `${name}-x.f32`), x);
  writeFileSync(join(directory, `${name}-y.f32`), y);
}

/** Area under the ROC curve: the probability that a positive row scores above a negative one, ties counting half. */
function auc(margins, labels) {
  const order = margins.map((_, i) => i).sort((a, b) => margins[a] - margins[b]);
  let positives = 0;
  let negatives = 0;
  let pairs = 0;
  for (let i = 0; i < order.length;) {
    let [tiedPositives, tiedNegatives] = [0, 0];
    const margin = margins[order[i]];
    for (; i < order.length && margins[order[i]] === margin; i += 1) {
      if (labels[order[i]] === 1) tiedPositives += 1;
      else tiedNegatives += 1;
    }
    pairs += tiedPositives * (negatives + tiedNegatives / 2);
    positives += tiedPositives;
    negatives += tiedNegatives;
  }
  return pairs / (positives * negatives);
}

function findPython() {
  const candidates = [
    process.env.SAGEBRUSH_BENCH_PYTHON,
    join(dirname(fileURLToPath(import.meta.url)), "..", ".venv", "bin", "python"),
    "python3",
  ];
  return candidates
    .filter((python) => python !== undefined && (python === "python3" || existsSync(python)))
    .find((python) => spawnSync(python, ["-c", "import numpy, xgboost"]).status === 0);
}

function runChild(command, args) {
  const { status, stdout, stderr } = spawnSync(command, args, { encoding: "utf8", maxBuffer: 2 ** 26 });
  if (status !== 0) throw new Error(`${command} failed with ${status}: ${stderr.trim()}`);
  return JSON.parse(stdout.trim().split("\n").at(-1));
}

const median = (values) => values.toSorted((a, b) => a - b)[values.length >> 1];

function compare(python, { rows, rounds, repeats, threads }) {
  const directory = mkdtempSync(join(tmpdir(), "sagebrush-bench-xgboost-"));
  try {
    generate(directory, "train", rows, 1);
    generate(directory, "test", heldOut, 2);
    const labels = readFloats(directory, "test-y");
    const sides = [
      {
        name: "sagebrush",
        seconds: [],
        run: () => runChild(process.execPath, [fileURLToPath(import.meta.url), "--train", directory, rounds, threads]),
      },
      { name: "xgboost", seconds: [], run: () => runChild(python, ["-c", reference, directory, rounds, threads]) },
    ];
    const ratios = [];
    for (let repeat = 0; repeat < repeats; repeat += 1) {
      // Whoever goes first changes from turn to turn.
      for (const side of repeat % 2 === 0 ? sides : sides.toReversed()) {
        const { seconds, version } = side.run();
        side.seconds.push(seconds);
        side.auc = auc(readFloats(directory, "margins"), labels);
        if (version !== undefined) side.version = version;
      }
      ratios.push(sides[0].seconds.at(-1) / sides[1].seconds.at(-1));
      console.log(
        `${repeat + 1}: ${sides.map(({ name, seconds }) => `${name} ${seconds.at(-1).toFixed(2)} s`).join(", ")}`,
      );
    }
    console.log(
      `\n${rows} x ${nFeatures}, ${rounds} rounds, depth 6, 256 bins, ${threads} threads, ${repeats} turns, ${cpus()[0].model}`,
    );
    for (const side of sides) {
      console.log(
        `${side.name.padEnd(10)} ${side.version ?? ""} median ${median(side.seconds).toFixed(2)} s, AUC ${side.auc.toFixed(6)}`,
      );
    }
    console.log(`ratio      median of the turns ${median(ratios).toFixed(2)} (goal: at most 1.5)`);
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}

if (process.argv[2] === "--train") {
  await trainOurs(process.argv[3], Number(process.argv[4]), Number(process.argv[5]));
} else {
  const python = findPython();
  if (python === undefined) {
    console.error(
      "The reference needs Python with numpy and xgboost: pip install xgboost, and set SAGEBRUSH_BENCH_PYTHON to that python.",
    );
    process.exit(1);
  }
  const given = Object.fromEntries(process.argv.slice(2).map((argument) => argument.split("=")));
  const defaults = { rows: 1_000_000, rounds: 100, repeats: 5, threads: 2 };
  compare(
    python,
    Object.fromEntries(Object.entries(defaults).map(([name, value]) => [name, Number(given[name] ?? value)])),
  );
}
