/**
 * XGBoost's model schema, the one document behind its JSON and UBJSON files.
 * Source: XGBoost `doc/model.schema` and the files that versions 1.3 to 3.2 write.
 */
import type { Booster, RegressionTree } from "../booster.ts";
import { objectiveNamed } from "../objectives.ts";
import { maxTrees, unsupportedObjective } from "./check.ts";
import type { UbjsonValue } from "./ubjson.ts";

type DocumentObject = { readonly [key: string]: UbjsonValue };

/** What `xgboost` writes for a node without a parent. */
const noParent = 2 ** 31 - 1;

/**
 * Reads a booster from a decoded document.
 *
 * @throws RangeError that says what is missing, malformed or not supported; the trees themselves are not checked
 */
export function boosterFromDocument(document: UbjsonValue): Booster {
  const learner = objectIn(asObject(document, "the document"), "learner");
  const objective = textIn(objectIn(learner, "objective"), "name");
  if (objectiveNamed(objective) === undefined) throw new RangeError(unsupportedObjective(objective));
  const gradientBooster = objectIn(learner, "gradient_booster");
  refuseBooster(textIn(gradientBooster, "name"));

  const parameters = objectIn(learner, "learner_model_param");
  if (Object.hasOwn(parameters, "num_target") && integerIn(parameters, "num_target") > 1) {
    throw new RangeError("models with several targets are not supported by Sagebrush.");
  }
  const nGroups = Math.max(1, integerIn(parameters, "num_class"));
  const model = objectIn(gradientBooster, "model");
  refuseCategories(model);
  const trees = listIn(model, "trees");
  if (trees.length > maxTrees) throw new RangeError(`it has ${trees.length} trees; at most ${maxTrees} are supported.`);

  return {
    objective,
    nFeatures: integerIn(parameters, "num_feature"),
    nGroups,
    ...baseScores(textIn(parameters, "base_score"), nGroups),
    trees: trees.map((tree, at) => treeFromDocument(asObject(tree, `tree ${at}`), at)),
    treeGroup: numbersIn(model, "tree_info", Int32Array),
    nParallelTrees: Math.max(1, integerIn(objectIn(model, "gbtree_model_param"), "num_parallel_tree", 1)),
    attributes: textsIn(objectIn(learner, "attributes", {})),
    objectiveParameters: objectiveParametersFrom(objectIn(learner, "objective")),
  };
}

/** `gbtree` or a refusal by name. */
export function refuseBooster(name: string): void {
  if (name !== "gbtree")
    throw new RangeError(`booster ${JSON.stringify(name.slice(0, 60))} is not supported by Sagebrush; only gbtree is.`);
}

/** The parameters of an `objective` object as a flat table of texts. */
export function objectiveParametersFrom(objective: DocumentObject): Readonly<Record<string, string>> {
  return textsIn(objectIn(objective, "reg_loss_param", {}));
}

/** The `objective` object of a booster, in the order in which XGBoost writes it. */
export function objectiveDocument({ objective, nGroups, objectiveParameters }: Booster): DocumentObject {
  if (objectiveNamed(objective)?.task === "multiclass") {
    return { name: objective, softmax_multiclass_param: { num_class: String(nGroups) } };
  }
  return { name: objective, reg_loss_param: { scale_pos_weight: objectiveParameters.scale_pos_weight ?? "1" } };
}

/** `base_score` is one number, or since XGBoost 3.1 a list with one for each output, those of classes being margins. */
function baseScores(text: string, nGroups: number): Pick<Booster, "baseScore" | "groupBaseMargin"> {
  const values = text
    .replace(/^\[(.*)\]$/s, "$1")
    .split(",")
    .map(decimal);
  if (values.length === 1) return { baseScore: Math.fround(values[0]) };
  if (values.length !== nGroups)
    throw new RangeError(`base_score has ${values.length} values for ${nGroups} output(s).`);
  return { baseScore: Math.fround(values[0]), groupBaseMargin: Float32Array.from(values) };
}

function decimal(text: string): number {
  const value = text.trim() === "" ? NaN : Number(text);
  if (!Number.isFinite(value)) throw new RangeError(`base_score ${JSON.stringify(text.slice(0, 60))} is not a number.`);
  return value;
}

function refuseCategories(model: DocumentObject): void {
  const categories = objectIn(model, "cats", {});
  const encoded = categories.enc;
  if (Array.isArray(encoded) && encoded.length > 0) throw new RangeError(noCategories);
}

const noCategories = "categorical splits are not supported by Sagebrush; encode categories as numbers before training.";

function treeFromDocument(tree: DocumentObject, at: number): RegressionTree {
  const parameters = objectIn(tree, "tree_param");
  if (integerIn(parameters, "size_leaf_vector", 0) > 1)
    throw new RangeError("trees with vector leaves are not supported by Sagebrush.");
  const isCategorical = (["categories_nodes", "split_type"] as const).some(
    (key) =>
      Object.hasOwn(tree, key) &&
      numbersIn(tree, key, Int32Array).some((value) => (key === "split_type" ? value !== 0 : true)),
  );
  if (isCategorical) throw new RangeError(noCategories);
  const nodes = {
    leftChild: numbersIn(tree, "left_children", Int32Array),
    rightChild: numbersIn(tree, "right_children", Int32Array),
    parent: numbersIn(tree, "parents", Int32Array),
    splitFeature: numbersIn(tree, "split_indices", Int32Array),
    splitCondition: numbersIn(tree, "split_conditions", Float32Array),
    defaultLeft: numbersIn(tree, "default_left", Uint8Array),
    lossChange: numbersIn(tree, "loss_changes", Float32Array),
    sumHessian: numbersIn(tree, "sum_hessian", Float32Array),
    baseWeight: numbersIn(tree, "base_weights", Float32Array),
  };
  const nNodes = integerIn(parameters, "num_nodes");
  for (const [name, values] of Object.entries(nodes)) {
    if (values.length !== nNodes)
      throw new RangeError(`tree ${at} has ${nNodes} nodes but ${values.length} values of ${name}.`);
  }
  return nodes;
}

/**
 * The document of a booster as the library of that version writes it.
 *
 * @param version of the XGBoost library, 3.0 or later
 */
export function documentFromBooster(booster: Booster, version: readonly [number, number, number]): UbjsonValue {
  const hasBaseScoreList = version[0] > 3 || (version[0] === 3 && version[1] >= 1);
  const treesPerRound = booster.nGroups * booster.nParallelTrees;
  const nRounds = Math.floor(booster.trees.length / treesPerRound);
  const model = {
    gbtree_model_param: { num_parallel_tree: String(booster.nParallelTrees), num_trees: String(booster.trees.length) },
    iteration_indptr: Array.from({ length: nRounds + 1 }, (_, round) => round * treesPerRound),
    tree_info: [...booster.treeGroup],
    trees: booster.trees.map((tree, at) => treeDocument(tree, at, booster.nFeatures)),
  };
  const noEncodings = { enc: [], feature_segments: new Int32Array(0), sorted_idx: new Int32Array(0) };
  return {
    learner: {
      attributes: booster.attributes,
      feature_names: [],
      feature_types: [],
      gradient_booster: { model: hasBaseScoreList ? { cats: noEncodings, ...model } : model, name: "gbtree" },
      learner_model_param: {
        base_score: baseScoreText(booster, hasBaseScoreList),
        boost_from_average: "1",
        num_class: String(booster.nGroups > 1 ? booster.nGroups : 0),
        num_feature: String(booster.nFeatures),
        num_target: "1",
      },
      objective: objectiveDocument(booster),
    },
    version: [...version],
  };
}

function baseScoreText({ baseScore, groupBaseMargin, nGroups }: Booster, asList: boolean): string {
  if (!asList && groupBaseMargin !== undefined)
    throw new Error("only XGBoost 3.1 and later keep a base score per class");
  if (!asList) return floatText(baseScore);
  const values = groupBaseMargin ?? Array.from({ length: nGroups }, () => baseScore);
  return `[${Array.from(values, floatText).join(",")}]`;
}

/** The shortest decimal that reads back as the same float32, in XGBoost's form: `5E-1`. */
export function floatText(value: number): string {
  const single = Math.fround(value);
  for (let digits = 0; digits < 9; digits += 1) {
    const text = single.toExponential(digits);
    if (Math.fround(Number(text)) === single) return text.replace("e+", "E").replace("e", "E");
  }
  throw new RangeError(`${value} is not a finite float32`);
}

function treeDocument(tree: RegressionTree, id: number, nFeatures: number): UbjsonValue {
  const nNodes = tree.leftChild.length;
  return {
    base_weights: tree.baseWeight,
    categories: new Int32Array(0),
    categories_nodes: new Int32Array(0),
    categories_segments: new Float64Array(0),
    categories_sizes: new Float64Array(0),
    default_left: tree.defaultLeft,
    id,
    left_children: tree.leftChild,
    loss_changes: tree.lossChange,
    parents: tree.parent,
    right_children: tree.rightChild,
    split_conditions: tree.splitCondition,
    split_indices: tree.splitFeature,
    split_type: new Uint8Array(nNodes),
    sum_hessian: tree.sumHessian,
    tree_param: {
      num_deleted: String(deletedNodes(tree)),
      num_feature: String(nFeatures),
      num_nodes: String(nNodes),
      size_leaf_vector: "1",
    },
  };
}

/** Nodes that pruning cut off; XGBoost marks them with all bits of feature and direction set. */
export function deletedNodes({ splitFeature, defaultLeft }: RegressionTree): number {
  return splitFeature.reduce(
    (count, feature, node) => count + Number(node > 0 && feature === noParent && defaultLeft[node] === 1),
    0,
  );
}

function asObject(value: UbjsonValue | undefined, what: string): DocumentObject {
  if (typeof value !== "object" || value === null || Array.isArray(value) || ArrayBuffer.isView(value)) {
    throw new RangeError(`${what} is not an object.`);
  }
  return value as DocumentObject;
}

function member(parent: DocumentObject, key: string): UbjsonValue | undefined {
  return Object.hasOwn(parent, key) ? parent[key] : undefined;
}

function objectIn(parent: DocumentObject, key: string, absent?: DocumentObject): DocumentObject {
  return asObject(member(parent, key) ?? absent, key);
}

function listIn(parent: DocumentObject, key: string): readonly UbjsonValue[] {
  const value = member(parent, key);
  if (!Array.isArray(value)) throw new RangeError(`${key} is not a list.`);
  return value as readonly UbjsonValue[];
}

function textIn(parent: DocumentObject, key: string): string {
  const value = member(parent, key);
  if (typeof value !== "string") throw new RangeError(`${key} is not a text.`);
  return value;
}

/** Numbers of parameters are written as texts. */
function integerIn(parent: DocumentObject, key: string, absent?: number): number {
  const value = member(parent, key) ?? absent;
  const number = typeof value === "string" && /^-?\d{1,15}$/.test(value) ? Number(value) : value;
  if (typeof number !== "number" || !Number.isInteger(number)) throw new RangeError(`${key} is not an integer.`);
  return number;
}

function textsIn(parent: DocumentObject): Readonly<Record<string, string>> {
  return Object.fromEntries(Object.keys(parent).map((key) => [key, textIn(parent, key)]));
}

interface NumberArrayType<T> {
  new (length: number): T;
}

/** A list of numbers or booleans, or a typed array, as a typed array of the wanted kind. */
function numbersIn<T extends Float32Array | Int32Array | Uint8Array>(
  parent: DocumentObject,
  key: string,
  type: NumberArrayType<T>,
): T {
  const value = member(parent, key);
  if (ArrayBuffer.isView(value) && value instanceof type) return value;
  if (!ArrayBuffer.isView(value) && !Array.isArray(value)) throw new RangeError(`${key} is not a list of numbers.`);
  const items = value as ArrayLike<UbjsonValue>;
  const numbers = new type(items.length);
  for (let at = 0; at < items.length; at += 1) {
    const item = items[at];
    if (typeof item !== "number" && typeof item !== "boolean") throw new RangeError(`${key}[${at}] is not a number.`);
    numbers[at] = Number(item);
  }
  return numbers;
}
