import { gunzipSync } from "node:zlib";
import { expect, test } from "vitest";
import type { Booster, RegressionTree } from "../booster.ts";
import { imageVersion, type ImageVersion } from "../image-version.ts";
import { Predictor } from "../predictor.ts";
import { floatText } from "./document.ts";
import { decodeModel, encodeModel } from "./index.ts";
import { decodeUbjson, encodeUbjson } from "./ubjson.ts";

/**
 * Files that XGBoost itself wrote (gzip, base64): features 1 2 3 4, labels 0 0 1 1, one round, max_depth 1,
 * tree_method hist, with the version in the name.
 */
const recorded = {
  "1.7.6":
    "H4sIAAAAAAACA0vKzEtjYGCwZ2SAAGSaHUrDxGgNBKB0UWq6VXFhaWJRakpqUVF+ERtUPD2ppCg1lZ4uIgeA3MaMxh9o8B8IQO5ggos4OACJhv9QABI5d+bMXphaJDHb1au07IFKweqRjHSAqUfi28I4MP/zQemk1OKS+MyS1KLEksz8PFiIGAggS+eBIjc+JzM3swSmwJATyshPykpNLsksS3WFClQr5SXmpipZKaGnFSUdkFB8Tn5xcXxBYlFirpJVtVJxcmJOanxBfnF8eWpmekYJUJ+hUm0tAMSyD7b8AgAA",
  "3.2.0":
    "H4sIAAAAAAACA5VUzY7TMBBum92ttrtFgX0E9oSExApxQULshdveEKcKWW48SY0cu3ic8lNV8DzwDLzBileCidvYSZsiYSlV4/kynvn8fbO+G2zXWAG3Guy62Zhw56ycVw5wvWk2pzlwV1lgmpeAs8fN/uAA4L4sewFpYbmQoB2bG4OudeBpaQSo8HqScYfhLQGd9WVrjkMoSkqKs2t1iJqgsQ4Ek+JzJx7aelTMnQVgvgK25JaX4eSHuir9llIUq2Fvm9Dwpvl3XoPqGLaCIX0qqU/upNFMarF0NnYykgM5DFl8EVLnJgKGMrRx6g9ohUKNl3OOwD6BLBY1BSJAku/08+v+/vcregIdxCwUxkropyuNcaaJkX7UVQsV2b/7dzqUX6EfdSkg55VyTEHuZtfvYgst0EiKSMe0RrJsIZWwoNs11p8M/+xWOEAZRIJzXUCXo9dPfvzcL2dMN76vp+QbpdsHPrA16UfLGO2XkeJSScIbLWStiG4pt7eH1zXdfkHKkVn3LpJBa0Wxe3jtv2M0XiCpdQGIkuvu8SQXqsA/IZ8XZdcTF7XcySpAroqCf9YJ75x5zCxeWDH4PPJDEiER8JytIHPGtg21CZY6qQdQCJ1t/RuiV7th1mvoiTcLZqZV3NnsxZunN+/DPPCzieXWlIyvyLvF0T4yxRH/n4OJHxjcFuD6Jsa5mX+g7uUK1v0dpxaKl/ixIpUKsNbYqEcomJd6t+sUM67oHg3u5kQ/r2PqFkmWccokMpE0pTZ/AXORvcQqBgAA",
};
/** multi:softprob by 3.2.0: labels 0 0 1 2 of the same features, one round. */
const recordedClasses =
  "H4sIAAAAAAACA+2Wu27bMBSGRTuNEecCt1mauVlaNIGdG9IOTZZu2YpORkHQ0pHMQiINknbTGkb6CF2zd2rXzEXfpO/RJSVli7pYjjwVCBABNiyeX4eHv74Dn/GFM70aIRDBQIyThSZRStDeUIEcT5LFTR+IGgrAjEQgu8+SdWdOoD4PSgWtQBCPAlO4x7lUmQ0fRdyD0N6uuERJe1cH5pZlS7aTEEQ6qezuhvOqpuRCgYepd5mL22M9CXpKAOC4AjwggkR258dsGMVLYahjRvYuCaFO8mvNiExMpsFDm75F9TmJopxhyryBEulJatShdZslLoIyn6eCuhYgWrMmxZtkwrbOjR6RgD8BDfrGBi+VHL/48fPNzvX3XzvX36wl2l0IuKBQblkrjWOmXSlXbWdU6Ru4uDudpF+gXLXhgU+GocIh+Kq7+z49QkZUox5NcTNK7PZp6Alg2RrNI+h2dtkNQi6llhMWQN6js6+OUyynod96kan6lU5XFG4JY/rCMmrFMlpyEFKt58yjhop8KefnjlN8XZvTJzQ91M2/i7rjzFfenMpNDy6ycV1qYvsgJSUsv73+Mm6Yj80Xg5nvi3WDvG4X0J2VQt/OhWfduahhYrAyDZP6oxHREBAfj8BVXGQSTCbVxKObP7d/7yfpKMc5quYcLcU3quIaXWXS3MEzWppjdLPqu9X8oiW4RZXUorPfztr/pbXzQGuB1toDrfedVjuyrJgBz4ZWp/ORjW7PhsXSgakZgy5dninuefdo/+Sg/erk9O1e5+Xewf5hp310eng8d/fBjmTxeIh9wSNMRnp8ChYe1Q2JLPsbqbCpGc9sRASgsh7Y1Lz3URtERzAuN2Ur0i1BX0vuq4HgvWT5qVmIyCWOw3FtBYNKi85439DHlRrQ7BBYp3pSnPwDa2vev64LAAA=";

const bytesOf = (text: string) => new Uint8Array(gunzipSync(Buffer.from(text, "base64")));

function versionOf(tag: string, library?: readonly [number, number, number]): ImageVersion {
  const version = imageVersion(tag);
  if (typeof version === "string") throw new Error(version);
  return library === undefined ? version : { ...version, library };
}

const column = (...values: number[]) =>
  ({ kind: "dense", nRows: values.length, nFeatures: 1, values: Float32Array.from(values) }) as const;

test.each([
  ["1.7.6", "1.7-1", [1, 7, 6]],
  ["3.2.0", "3.2-0", [3, 2, 0]],
] as const)("a file of XGBoost %s is read, and written again byte for byte", (name, tag, library) => {
  const bytes = bytesOf(recorded[name]);
  const booster = decodeModel(bytes, "xgboost-model");
  expect(booster.objective).toBe("reg:squarederror");
  expect(booster.baseScore).toBe(0.5);
  expect([...booster.trees[0].leftChild]).toEqual([1, -1, -1]);
  const predictions = new Predictor(booster).outputs(column(1, 2, 3, 4));
  expect([...predictions].map((value) => Number(value.toFixed(6)))).toEqual([0.4, 0.4, 0.6, 0.6]);
  expect(encodeModel(booster, versionOf(tag, library)).equals(bytes)).toBe(true);
});

test("XGBoost 3.2 starts each class from its own margin", () => {
  const bytes = bytesOf(recordedClasses);
  const booster = decodeModel(bytes, "xgboost-model");
  expect(booster.groupBaseMargin).toHaveLength(3);
  const [first] = [...new Predictor(booster).outputs(column(1))];
  expect(first).toBeCloseTo(0.5374294519, 6);
  expect(encodeModel(booster, versionOf("3.2-0")).equals(bytes)).toBe(true);
  expect(() => encodeModel(booster, versionOf("3.0-5"))).toThrow("base score per class");
  expect(() => encodeModel(booster, versionOf("1.7-1"))).toThrow("base score per class");
});

function tree(change: Partial<Record<keyof RegressionTree, number[]>> = {}): RegressionTree {
  const nodes = {
    leftChild: [1, -1, -1],
    rightChild: [2, -1, -1],
    parent: [2 ** 31 - 1, 0, 0],
    splitFeature: [0, 0, 0],
    ...change,
  };
  const floats = {
    splitCondition: [2.5, -0.1, 0.1],
    lossChange: [1, 0, 0],
    sumHessian: [4, 2, 2],
    baseWeight: [0, -1, 1],
    ...change,
  };
  return {
    leftChild: Int32Array.from(nodes.leftChild),
    rightChild: Int32Array.from(nodes.rightChild),
    parent: Int32Array.from(nodes.parent),
    splitFeature: Int32Array.from(nodes.splitFeature),
    splitCondition: Float32Array.from(floats.splitCondition),
    defaultLeft: Uint8Array.from(change.defaultLeft ?? [1, 0, 0]),
    lossChange: Float32Array.from(floats.lossChange),
    sumHessian: Float32Array.from(floats.sumHessian),
    baseWeight: Float32Array.from(floats.baseWeight),
  };
}

function booster(change: Partial<Booster> = {}): Booster {
  return {
    objective: "reg:squarederror",
    nFeatures: 1,
    nGroups: 1,
    baseScore: 0.5,
    trees: [tree()],
    treeGroup: Int32Array.of(0),
    nParallelTrees: 1,
    attributes: { best_iteration: "0" },
    objectiveParameters: { scale_pos_weight: "1" },
    ...change,
  };
}

test.each(["1.3-1", "1.5-1", "1.7-1", "3.0-5", "3.2-0"])("what image %s writes reads back the same", (tag) => {
  const before = booster();
  expect(decodeModel(encodeModel(before, versionOf(tag)), "m")).toEqual(before);
});

test("JSON is read too, with booleans as older versions write them", () => {
  const document = decodeUbjson(bytesOf(recorded["3.2.0"]));
  const plain = (_key: string, value: unknown): unknown =>
    ArrayBuffer.isView(value) ? [...(value as Float32Array)] : value;
  const json = ` {\n ${JSON.stringify(document, plain).slice(1)}`.replace(
    /"default_left":\[0,0,0\]/,
    '"default_left":[true,false,false]',
  );
  const read = decodeModel(new TextEncoder().encode(json), "model.json");
  expect([...read.trees[0].defaultLeft]).toEqual([1, 0, 0]);
  expect(read.baseScore).toBe(0.5);
});

test.each(["1.7-1", "3.0-5"])("a file of image %s that is cut off anywhere is refused with its name", (tag) => {
  const bytes = encodeModel(booster(), versionOf(tag));
  for (let length = 0; length < bytes.length; length += 1) {
    expect(() => decodeModel(bytes.subarray(0, length), "xgboost-model")).toThrow(/^Model file xgboost-model: /);
  }
});

test.each(["1.7-1", "3.0-5"])("a file of image %s with any byte changed is read or refused, never more", (tag) => {
  const bytes = encodeModel(booster(), versionOf(tag));
  for (let at = 0; at < bytes.length; at += 1) {
    for (const flip of [0x01, 0x80, 0xff]) {
      const damaged = Uint8Array.from(bytes);
      damaged[at] ^= flip;
      try {
        const read = decodeModel(damaged, "xgboost-model");
        expect(new Predictor(read).margins(column(1))).toBeDefined();
      } catch (problem) {
        expect((problem as Error).message).toMatch(/^Model file xgboost-model: /);
      }
    }
  }
});

test.each<readonly [string, Partial<Booster>, RegExp]>([
  ["a cycle", { trees: [tree({ leftChild: [1, 0, -1], rightChild: [2, 2, -1] })] }, /tree 0 reaches node \d twice/],
  [
    "a child that does not exist",
    { trees: [tree({ rightChild: [3, -1, -1] })] },
    /3 as a child of node 0, but only 3 nodes/,
  ],
  ["a negative child", { trees: [tree({ rightChild: [-2, -1, -1] })] }, /-2 as a child/],
  [
    "a feature that does not exist",
    { trees: [tree({ splitFeature: [1, 0, 0] })] },
    /on feature 1, but the model has 1 features/,
  ],
  ["NaN", { trees: [tree({ splitCondition: [2.5, NaN, 0] })] }, /NaN as the value of node 1/],
  ["an infinite leaf", { trees: [tree({ splitCondition: [2.5, Infinity, 0] })] }, /infinite leaf at node 1/],
  ["a group that does not exist", { treeGroup: Int32Array.of(1) }, /belongs to output 1, but there are 1/],
  ["no features", { nFeatures: 0 }, /number of features must be/],
])("a model with %s is refused", (_what, change, message) => {
  for (const tag of ["1.7-1", "3.2-0"]) {
    expect(() => decodeModel(encodeModel(booster(change), versionOf(tag)), "m")).toThrow(message);
  }
});

/** The recorded document of 3.2.0 with one value replaced. */
function changed(path: readonly string[], value: unknown): Uint8Array {
  const document = decodeUbjson(bytesOf(recorded["3.2.0"]));
  let parent = document as Record<string, unknown>;
  for (const key of path.slice(0, -1)) parent = parent[key] as Record<string, unknown>;
  parent[path[path.length - 1]] = value;
  return encodeUbjson(document);
}

const firstTree = ["learner", "gradient_booster", "model", "trees", "0"];

test.each<readonly [string, readonly string[], unknown, RegExp]>([
  ["dart", ["learner", "gradient_booster", "name"], "dart", /booster "dart" is not supported/],
  ["gblinear", ["learner", "gradient_booster", "name"], "gblinear", /booster "gblinear" is not supported/],
  ["another objective", ["learner", "objective", "name"], "rank:ndcg", /objective "rank:ndcg" is not supported/],
  ["several targets", ["learner", "learner_model_param", "num_target"], "2", /several targets/],
  ["vector leaves", [...firstTree, "tree_param", "size_leaf_vector"], "2", /vector leaves/],
  ["categorical splits", [...firstTree, "split_type"], Uint8Array.of(1, 0, 0), /categorical splits/],
  ["categories", [...firstTree, "categories_nodes"], Int32Array.of(0), /categorical splits/],
  ["encoded categories", ["learner", "gradient_booster", "model", "cats", "enc"], [{}], /categorical splits/],
  ["a missing list", [...firstTree, "left_children"], null, /left_children is not a list/],
  [
    "a list of another length",
    [...firstTree, "left_children"],
    Int32Array.of(-1),
    /has 3 nodes but 1 values of leftChild/,
  ],
  ["a text among numbers", [...firstTree, "split_conditions"], ["x", 1, 2], /split_conditions\[0\] is not a number/],
  ["no number of nodes", [...firstTree, "tree_param", "num_nodes"], "many", /num_nodes is not an integer/],
  [
    "a base score that is no number",
    ["learner", "learner_model_param", "base_score"],
    "[x]",
    /base_score "x" is not a number/,
  ],
  ["too many base scores", ["learner", "learner_model_param", "base_score"], "[1,2]", /2 values for 1 output/],
  ["no learner", ["learner"], [], /learner is not an object/],
])("a document with %s is refused", (_what, path, value, message) => {
  expect(() => decodeModel(changed(path, value), "m")).toThrow(message);
});

test.each([
  ["nothing", "", /it is empty/],
  ["a pickle", "\x80\x04abc", /Python pickle/],
  ["base64", "bs64AAAA", /base64/],
  ["text", "hello", /no XGBoost model/],
  ["broken JSON", '{"learner": ', /^Model file m: /],
  ["JSON of something else", '{"a": 1}', /learner is not an object/],
  ["a boundless count", "{L\0\0\0\0\0\0\0\x01a[$d#L\x7f\xff\xff\xff\xff\xff\xff\xff", /more bytes/],
  ["deep nesting", `{i\x01a${"[".repeat(1000)}`, /nested deeper than 64/],
])("%s is no model", (_what, text, message) => {
  expect(() => decodeModel(Buffer.from(text, "latin1"), "m")).toThrow(message);
});

test("before version 1.0 the base score was a margin", () => {
  const bytes = Uint8Array.from(
    encodeModel(booster({ objective: "binary:logistic", baseScore: 0 }), versionOf("1.7-1")),
  );
  // The major version stands 20 bytes into the parameters, which follow the 4 bytes of the header.
  bytes[24] = 0;
  expect(decodeModel(bytes, "m").baseScore).toBe(0.5);
});

test("numbers are written as XGBoost does: the shortest float32 in scientific form", () => {
  expect([0.5, 0, 1, 0.8102067708969116, -0.13709831, 3e10].map(floatText)).toEqual([
    "5E-1",
    "0E0",
    "1E0",
    "8.102068E-1",
    "-1.3709831E-1",
    "3E10",
  ]);
});

test("UBJSON values survive a round trip, and counted objects and plain arrays are read", () => {
  const value = { a: [1, -129, 70_000, 2 ** 40, 0.1], b: null, c: true, d: "é", e: { f: [] }, g: Float32Array.of(1.5) };
  expect(decodeUbjson(encodeUbjson(value))).toEqual(value);
  expect(decodeUbjson(Buffer.from("{#i\x01i\x01a[i\x07U\xc8I\x01\x00]", "latin1"))).toEqual({ a: [7, 200, 256] });
  expect(() => decodeUbjson(Buffer.from("Zx"))).toThrow("1 bytes follow");
});
