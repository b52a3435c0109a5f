/**
 * The binary layout that XGBoost 0.x to 1.7 writes for a model file without an extension: C structs one after the
 * other, little endian.
 * Source: XGBoost 1.7 `LearnerModelParamLegacy`, `GBTreeModelParam`, `TreeParam`, `RegTree::Node`, `RTreeNodeStat`.
 */
import type { Booster, RegressionTree } from "../booster.ts";
import { objectiveNamed, sigmoid } from "../objectives.ts";
import { maxTrees, unsupportedObjective } from "./check.ts";
import { deletedNodes, objectiveDocument, objectiveParametersFrom, refuseBooster } from "./document.ts";

export const legacyMagic = "binf";

const learnerParamBytes = 136;
const modelParamBytes = 160;
const treeParamBytes = 148;
const nodeBytes = 20;
const statBytes = 16;
const topBit = 0x8000_0000;
const lowBits = 0x7fff_ffff;
/** Attributes of the file that are no attributes of the booster. */
const internalAttributes = new Set(["objective", "metrics"]);

/**
 * Reads a booster.
 *
 * @throws RangeError when the bytes end too early, a count exceeds what is left, or something is not supported
 */
export function decodeLegacyBinary(bytes: Uint8Array): Booster {
  const reader = new Reader(bytes);
  reader.skip(legacyMagic.length);
  const learner = reader.block(learnerParamBytes, "the learner's parameters");
  const objective = reader.text();
  if (objectiveNamed(objective) === undefined) throw new RangeError(unsupportedObjective(objective));
  refuseBooster(reader.text());
  if (learner.getUint32(28, true) > 1)
    throw new RangeError("models with several targets are not supported by Sagebrush.");

  const model = reader.block(modelParamBytes, "the booster's parameters");
  const nTrees = model.getInt32(0, true);
  if (nTrees < 0 || nTrees > maxTrees)
    throw new RangeError(`it says that it has ${nTrees} trees; at most ${maxTrees} are supported.`);
  if (model.getInt32(28, true) > 1) throw new RangeError("trees with vector leaves are not supported by Sagebrush.");
  const trees = Array.from({ length: nTrees }, (_, at) => readTree(reader, at));
  const groups = reader.block(nTrees * 4, "tree_info");
  const attributes = learner.getInt32(12, true) === 0 ? {} : reader.pairs();

  return {
    objective,
    nFeatures: learner.getUint32(4, true),
    nGroups: Math.max(1, learner.getInt32(8, true)),
    baseScore: baseScoreOf(objective, learner),
    trees,
    treeGroup: Int32Array.from({ length: nTrees }, (_, at) => groups.getInt32(at * 4, true)),
    nParallelTrees: Math.max(1, model.getInt32(4, true)),
    attributes: Object.fromEntries(Object.entries(attributes).filter(([name]) => !internalAttributes.has(name))),
    objectiveParameters: objectiveParameters(attributes.objective),
  };
}

/** Before version 1.0 the base score was stored as a margin. */
function baseScoreOf(objective: string, learner: DataView): number {
  const stored = learner.getFloat32(0, true);
  const isBeforeOne = learner.getUint32(20, true) < 1;
  return isBeforeOne && objectiveNamed(objective)?.transform === "sigmoid" ? sigmoid(stored) : stored;
}

function objectiveParameters(document: string | undefined): Readonly<Record<string, string>> {
  if (document === undefined) return {};
  try {
    const parsed: unknown = JSON.parse(document);
    return typeof parsed === "object" && parsed !== null
      ? objectiveParametersFrom(parsed as Parameters<typeof objectiveParametersFrom>[0])
      : {};
  } catch (cause) {
    throw new RangeError("its objective attribute is malformed.", { cause });
  }
}

function readTree(reader: Reader, at: number): RegressionTree {
  const parameters = reader.block(treeParamBytes, `the parameters of tree ${at}`);
  const nNodes = parameters.getInt32(4, true);
  if (parameters.getInt32(20, true) > 1)
    throw new RangeError("trees with vector leaves are not supported by Sagebrush.");
  if (nNodes < 1) throw new RangeError(`tree ${at} says that it has ${nNodes} nodes.`);
  const nodes = reader.block(nNodes * nodeBytes, `the ${nNodes} nodes of tree ${at}`);
  const stats = reader.block(nNodes * statBytes, `the statistics of tree ${at}`);
  const tree = emptyTree(nNodes);
  for (let node = 0; node < nNodes; node += 1) {
    const from = node * nodeBytes;
    const split = nodes.getUint32(from + 12, true);
    tree.parent[node] = nodes.getInt32(from, true) & lowBits;
    tree.leftChild[node] = nodes.getInt32(from + 4, true);
    tree.rightChild[node] = nodes.getInt32(from + 8, true);
    tree.splitFeature[node] = split & lowBits;
    tree.defaultLeft[node] = split >>> 31;
    tree.splitCondition[node] = nodes.getFloat32(from + 16, true);
    tree.lossChange[node] = stats.getFloat32(node * statBytes, true);
    tree.sumHessian[node] = stats.getFloat32(node * statBytes + 4, true);
    tree.baseWeight[node] = stats.getFloat32(node * statBytes + 8, true);
  }
  return tree;
}

function emptyTree(nNodes: number): RegressionTree {
  return {
    leftChild: new Int32Array(nNodes),
    rightChild: new Int32Array(nNodes),
    parent: new Int32Array(nNodes),
    splitFeature: new Int32Array(nNodes),
    splitCondition: new Float32Array(nNodes),
    defaultLeft: new Uint8Array(nNodes),
    lossChange: new Float32Array(nNodes),
    sumHessian: new Float32Array(nNodes),
    baseWeight: new Float32Array(nNodes),
  };
}

class Reader {
  readonly #bytes: Uint8Array;
  #at = 0;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
  }

  skip(length: number): void {
    this.#at += length;
  }

  block(length: number, what: string): DataView {
    const left = this.#bytes.length - this.#at;
    if (length > left)
      throw new RangeError(`it ends too early: ${what} need ${length} bytes, but only ${left} are left.`);
    this.#at += length;
    return new DataView(this.#bytes.buffer, this.#bytes.byteOffset + this.#at - length, length);
  }

  text(): string {
    const block = this.block(this.#length(), "a text");
    return new TextDecoder().decode(block);
  }

  pairs(): Readonly<Record<string, string>> {
    const count = this.#length();
    const entries: [string, string][] = [];
    while (entries.length < count) entries.push([this.text(), this.text()]);
    return Object.fromEntries(entries);
  }

  #length(): number {
    return Number(this.block(8, "a length").getBigUint64(0, true));
  }
}

/**
 * Writes a booster as the library of that version does.
 *
 * @param version of the XGBoost library, 1.x
 */
export function encodeLegacyBinary(booster: Booster, version: readonly [number, number, number]): Buffer {
  if (booster.groupBaseMargin !== undefined) throw new Error("only XGBoost 3.1 and later keep a base score per class");
  const parts = [
    Buffer.from(legacyMagic),
    learnerParameters(booster, version),
    encodeText(booster.objective),
    encodeText("gbtree"),
    modelParameters(booster),
    ...booster.trees.map((tree) => encodeTree(tree, booster.nFeatures)),
    Buffer.from(booster.treeGroup.buffer, booster.treeGroup.byteOffset, booster.treeGroup.byteLength),
    encodePairs({ ...booster.attributes, objective: JSON.stringify(objectiveDocument(booster)) }),
  ];
  return Buffer.concat(parts);
}

function learnerParameters(
  { baseScore, nFeatures, nGroups }: Booster,
  [major, minor]: readonly [number, number, number],
): Buffer {
  const bytes = Buffer.alloc(learnerParamBytes);
  bytes.writeFloatLE(baseScore, 0);
  bytes.writeUInt32LE(nFeatures, 4);
  bytes.writeInt32LE(nGroups > 1 ? nGroups : 0, 8);
  // Attributes follow the trees.
  bytes.writeInt32LE(1, 12);
  bytes.writeUInt32LE(major, 20);
  bytes.writeUInt32LE(minor, 24);
  // num_target came with 1.6, boost_from_average with 1.7; before, the bytes were reserved.
  if (minor >= 6) bytes.writeUInt32LE(1, 28);
  if (minor >= 7) bytes.writeInt32LE(1, 32);
  return bytes;
}

function modelParameters({ trees, nParallelTrees }: Booster): Buffer {
  const bytes = Buffer.alloc(modelParamBytes);
  bytes.writeInt32LE(trees.length, 0);
  bytes.writeInt32LE(nParallelTrees, 4);
  return bytes;
}

function encodeTree(tree: RegressionTree, nFeatures: number): Buffer {
  const nNodes = tree.leftChild.length;
  const bytes = Buffer.alloc(treeParamBytes + nNodes * (nodeBytes + statBytes));
  bytes.writeInt32LE(1, 0);
  bytes.writeInt32LE(nNodes, 4);
  bytes.writeInt32LE(deletedNodes(tree), 8);
  bytes.writeUInt32LE(nFeatures, 16);
  for (let node = 0; node < nNodes; node += 1) {
    const at = treeParamBytes + node * nodeBytes;
    bytes.writeInt32LE(parentLink(tree, node), at);
    bytes.writeInt32LE(tree.leftChild[node], at + 4);
    bytes.writeInt32LE(tree.rightChild[node], at + 8);
    bytes.writeUInt32LE((tree.splitFeature[node] | (tree.defaultLeft[node] === 1 ? topBit : 0)) >>> 0, at + 12);
    bytes.writeFloatLE(tree.splitCondition[node], at + 16);
    const stat = treeParamBytes + nNodes * nodeBytes + node * statBytes;
    bytes.writeFloatLE(tree.lossChange[node], stat);
    bytes.writeFloatLE(tree.sumHessian[node], stat + 4);
    bytes.writeFloatLE(tree.baseWeight[node], stat + 8);
  }
  return bytes;
}

/** The parent's index; the top bit says that the node is a left child. The root has all bits set. */
function parentLink({ parent, leftChild }: RegressionTree, node: number): number {
  if (node === 0) return -1;
  return parent[node] | (leftChild[parent[node]] === node ? topBit : 0);
}

function encodeLength(length: number): Buffer {
  const bytes = Buffer.alloc(8);
  bytes.writeBigUInt64LE(BigInt(length));
  return bytes;
}

function encodeText(text: string): Buffer {
  const content = Buffer.from(text);
  return Buffer.concat([encodeLength(content.length), content]);
}

/** Names ascend, as in the map that XGBoost writes from. */
function encodePairs(pairs: Readonly<Record<string, string>>): Buffer {
  const entries = Object.entries(pairs).sort(([a], [b]) => (a < b ? -1 : 1));
  return Buffer.concat([
    encodeLength(entries.length),
    ...entries.flatMap(([name, value]) => [encodeText(name), encodeText(value)]),
  ]);
}
