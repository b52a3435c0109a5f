import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import type { Booster } from "./booster.ts";
import { imageVersion } from "./image-version.ts";
import { loadModel } from "./model.ts";
import { encodeModel } from "./model-file/index.ts";
import { Predictor } from "./predictor.ts";
import { pythonFloat } from "./python-text.ts";

let directory: string;
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), "model-"));
});
afterEach(async () => {
  await rm(directory, { recursive: true });
});

interface Stump {
  readonly feature: number;
  readonly threshold: number;
  readonly left: number;
  readonly right: number;
  readonly missingLeft?: boolean;
  readonly group?: number;
}

function stumps(objective: string, nFeatures: number, trees: readonly Stump[], nGroups = 1, baseScore = 0.5): Booster {
  return {
    objective,
    nFeatures,
    nGroups,
    baseScore,
    trees: trees.map(({ feature, threshold, left, right, missingLeft = false }) => ({
      leftChild: Int32Array.of(1, -1, -1),
      rightChild: Int32Array.of(2, -1, -1),
      parent: Int32Array.of(2 ** 31 - 1, 0, 0),
      splitFeature: Int32Array.of(feature, 0, 0),
      splitCondition: Float32Array.of(threshold, left, right),
      defaultLeft: Uint8Array.of(Number(missingLeft), 0, 0),
      lossChange: new Float32Array(3),
      sumHessian: new Float32Array(3),
      baseWeight: new Float32Array(3),
    })),
    treeGroup: Int32Array.from(trees, ({ group = 0 }) => group),
    nParallelTrees: 1,
    attributes: {},
    objectiveParameters: {},
  };
}

async function model(boosters: Booster | readonly Booster[], environment: Record<string, string> = {}) {
  const version = imageVersion("1.7-1");
  if (typeof version === "string") throw new Error(version);
  for (const [at, booster] of (Array.isArray(boosters) ? (boosters as Booster[]) : [boosters as Booster]).entries()) {
    await writeFile(join(directory, `xgboost-model${at === 0 ? "" : `-${at}`}`), encodeModel(booster, version));
  }
  const loaded = await loadModel(directory, environment);
  return async (body: string, contentType = "text/csv", accept = "text/csv") =>
    loaded.predict(Buffer.from(body), contentType, accept);
}

/** Margin 0.5 + 1 when the first feature is at least 2, else 0.5 - 1; the second one adds 0.25 when below 0. */
const regression = stumps("reg:squarederror", 2, [
  { feature: 0, threshold: 2, left: -1, right: 1, missingLeft: true },
  { feature: 1, threshold: 0, left: 0.25, right: 0 },
]);
const binary = stumps("binary:logistic", 1, [{ feature: 0, threshold: 0, left: -Math.log(3), right: Math.log(3) }]);
const classes = stumps(
  "multi:softprob",
  1,
  [
    { feature: 0, threshold: 0, left: Math.log(2), right: 0, group: 0 },
    { feature: 0, threshold: 0, left: 0, right: Math.log(2), group: 1 },
  ],
  2,
);

test("a request in CSV is answered with one prediction per line", async () => {
  const predict = await model(regression);
  expect(await predict("1,1\n2,-1\n")).toEqual({ body: "-0.5\n1.75\n", contentType: "text/csv; charset=utf-8" });
});

test("a value equal to the threshold goes right, and a missing one its default way", async () => {
  const predict = await model(regression);
  expect((await predict("2,0\n1.99999999,0\n,0\nnan,\n3,\n")).body).toBe("1.5\n1.5\n-0.5\n-0.5\n1.5\n");
});

test("columns that a row lacks are missing", async () => {
  const predict = await model(regression);
  expect((await predict("3\n1\n")).body).toBe("1.5\n-0.5\n");
});

test("libsvm rows count features from 0, with or without a label", async () => {
  const predict = await model(regression);
  expect((await predict("1 0:3 1:-1\n0:3 1:-1\n1:5", "text/libsvm")).body).toBe("1.75\n1.75\n-0.5\n");
  expect((await predict("0:3", "text/x-libsvm")).body).toBe("1.5\n");
});

test("JSON and JSON Lines carry scores", async () => {
  const predict = await model(regression);
  expect(await predict("1,1\n2,-1", "text/csv", "application/json")).toEqual({
    body: '{"predictions":[{"score":-0.5},{"score":1.75}]}',
    contentType: "application/json",
  });
  expect((await predict("1,1\n2,-1", "text/csv;label_size=0", "application/jsonlines; q=1")).body).toBe(
    '{"score":-0.5}\n{"score":1.75}\n',
  );
});

test("probabilities of classes form a row", async () => {
  const predict = await model(classes);
  const body = (await predict("-1\n1")).body as string;
  const rows = body
    .trimEnd()
    .split("\n")
    .map((line) => line.split(",").map(Number));
  expect(rows[0][0]).toBeCloseTo(2 / 3, 6);
  expect(rows[1][1]).toBeCloseTo(2 / 3, 6);
  expect(JSON.parse((await predict("-1", "text/csv", "application/json")).body as string)).toEqual({
    predictions: [{ score: rows[0] }],
  });
});

test("multi:softmax answers the class as Python writes a float", async () => {
  const predict = await model({ ...classes, objective: "multi:softmax" });
  expect((await predict("-1\n1")).body).toBe("0.0\n1.0\n");
});

test("the accept header may be missing, anything, or the model's default", async () => {
  const predict = await model(regression);
  expect((await predict("1,1", "text/csv", "")).body).toBe("-0.5\n");
  expect((await predict("1,1", "text/csv", "*/*")).body).toBe("-0.5\n");
  const asJson = await model(regression, { SAGEMAKER_DEFAULT_INVOCATIONS_ACCEPT: "application/json" });
  expect((await asJson("1,1", "text/csv", "*/*")).contentType).toBe("application/json");
});

test("selected keys of a binary model", async () => {
  const predict = await model(binary, { SAGEMAKER_INFERENCE_OUTPUT: "predicted_label, probabilities" });
  const answer = JSON.parse((await predict("1\n-1", "text/csv", "application/json")).body as string) as {
    predictions: { predicted_label: number; probabilities: number[] }[];
  };
  expect(answer.predictions.map((row) => row.predicted_label)).toEqual([1, 0]);
  expect(answer.predictions[0].probabilities[1]).toBeCloseTo(0.75, 6);
  expect(answer.predictions[0].probabilities[0]).toBeCloseTo(0.25, 6);
  expect((await predict("1")).body).toMatch(/^1,"\[0\.25[0-9]*, 0\.7[0-9]+\]"$|^1,"\[0\.2[0-9]+, 0\.75[0-9]*\]"$/);
});

test("keys come in the container's order in JSON, in the variable's in CSV, and unsuitable ones are NaN", async () => {
  const predict = await model(regression, { SAGEMAKER_INFERENCE_OUTPUT: "probability,predicted_score" });
  expect((await predict("1,1\n1,1", "text/csv", "application/jsonlines")).body).toBe(
    '{"predicted_score":-0.5,"probability":NaN}\n'.repeat(2),
  );
  expect((await predict("1,1")).body).toBe("nan,-0.5");
});

test("labels and raw scores of classes", async () => {
  const predict = await model(
    { ...classes, objective: "multi:softmax" },
    { SAGEMAKER_INFERENCE_OUTPUT: "labels,raw_score,predicted_label,probability" },
  );
  expect((await predict("1", "text/csv", "application/json")).body).toBe(
    '{"predictions":[{"predicted_label":1.0,"labels":[0,1],"raw_score":1.0,"probability":NaN}]}',
  );
});

test("several files are averaged, or vote when they answer classes", async () => {
  const shifted = { ...regression, baseScore: 1.5 };
  expect((await (await model([regression, shifted]))("1,1")).body).toBe("0.0\n");
  expect((await (await model([regression, shifted], { SAGEMAKER_INFERENCE_ENSEMBLE: "false" }))("1,1")).body).toBe(
    "-0.5\n",
  );
  const softmax = { ...classes, objective: "multi:softmax" };
  const always0 = {
    ...softmax,
    trees: softmax.trees.slice(0, 1).map((tree) => ({ ...tree, splitCondition: Float32Array.of(0, 1, 1) })),
    treeGroup: Int32Array.of(0),
  };
  expect((await (await model([always0, softmax, softmax]))("1")).body).toBe("1.0\n");
  expect((await (await model([always0, softmax, always0]))("1")).body).toBe("0.0\n");
});

test("files that do not go together are refused", async () => {
  await expect(model([regression, binary])).rejects.toThrow(
    "xgboost-model (reg:squarederror) and xgboost-model-1 (binary:logistic) cannot answer together",
  );
});

test("an archive without a model is refused; dotfiles do not count", async () => {
  await writeFile(join(directory, ".DS_Store"), "x");
  await expect(loadModel(directory, {})).rejects.toThrow("has no model file");
  await writeFile(join(directory, "notes.txt"), "hello");
  await expect(loadModel(directory, {})).rejects.toThrow("Model file notes.txt: it is no XGBoost model");
});

test("a file of XGBoost 1.x answers with its best rounds", async () => {
  const predict = await model({ ...regression, attributes: { best_ntree_limit: "1" } });
  expect((await predict("2,-1")).body).toBe("1.5\n");
});

test.each([
  [
    "1,2,3",
    "text/csv",
    "text/csv",
    400,
    "the model has 2 features, but the rows have 3; a request has no label column",
  ],
  ["2:1", "text/libsvm", "text/csv", 400, "libsvm indices count from 0, so they must be < 2"],
  ["a,b", "text/csv", "text/csv", 415, 'request, row 1, column 1: "a" is not a number'],
  ["1,2\n1", "text/csv", "text/csv", 415, "row 2: the row has 1 column(s), but the first row has 2"],
  ["1,inf", "text/csv", "text/csv", 415, "not a finite 32-bit number"],
  [" \n", "text/csv", "text/csv", 415, "no rows"],
  ["1 x", "text/libsvm", "text/csv", 415, '"x" is not index:value'],
  [
    "{}",
    "application/json",
    "text/csv",
    415,
    "application/json is not an accepted ContentType: text/csv, text/libsvm, text/x-libsvm",
  ],
  ["x", "application/x-recordio-protobuf", "text/csv", 415, "is not an accepted ContentType"],
  ["1,2", "text/csv;label_size=2", "text/csv", 415, "requests carry no labels"],
  ["1,2", "text/csv", "image/png", 406, "Accept type image/png is not supported. Please use supported accept types"],
  ["1,2", "text/csv", "application/x-recordio-protobuf", 406, "is not supported"],
])("body %j of type %s accepting %s is answered %i", async (body, contentType, accept, status, message) => {
  const predict = await model(regression);
  const answer = predict(body, contentType, accept);
  await expect(answer).rejects.toMatchObject({ status });
  await expect(answer).rejects.toThrow(message);
});

test("an empty request is answered with nothing", async () => {
  const predict = await model(regression);
  expect(await predict("")).toMatchObject({ body: "", status: 204 });
});

test("numbers are written as Python does", () => {
  const texts = [0.5, 2, -0, 1e-5, 1.5e-7, 1e16, 123456789, 0.0001, NaN, -Infinity, Math.fround(0.1)].map(pythonFloat);
  expect(texts).toEqual([
    "0.5",
    "2.0",
    "-0.0",
    "1e-05",
    "1.5e-07",
    "1e+16",
    "123456789.0",
    "0.0001",
    "nan",
    "-inf",
    "0.10000000149011612",
  ]);
});

test("many rows, dense, short and sparse, are predicted alike", () => {
  const nRows = 150;
  const values = Float32Array.from({ length: nRows * 2 }, (_, at) => (at % 7 === 0 ? NaN : (at % 11) - 4));
  const predictor = new Predictor(regression);
  const dense = predictor.margins({ kind: "dense", nRows, nFeatures: 2, values });
  const rowStart = new Uint32Array(nRows + 1);
  const columns: number[] = [];
  const kept: number[] = [];
  for (let row = 0; row < nRows; row += 1) {
    for (const column of [0, 1]) {
      if (Number.isNaN(values[row * 2 + column])) continue;
      columns.push(column);
      kept.push(values[row * 2 + column]);
    }
    rowStart[row + 1] = columns.length;
  }
  const sparse = predictor.margins({
    kind: "sparse",
    nRows,
    nFeatures: 2,
    rowStart,
    columns: Uint32Array.from(columns),
    values: Float32Array.from(kept),
  });
  expect([...sparse]).toEqual([...dense]);
  const firstColumn = values.filter((_, at) => at % 2 === 0);
  const short = predictor.margins({ kind: "dense", nRows, nFeatures: 1, values: firstColumn });
  const padded = predictor.margins({
    kind: "dense",
    nRows,
    nFeatures: 2,
    values: values.map((value, at) => (at % 2 === 0 ? value : NaN)),
  });
  expect([...short]).toEqual([...padded]);
});
