/**
 * What every model must fulfil before it is walked, whichever format it came in: trees that are trees, features that
 * exist, values that are numbers.
 */
import type { Booster, RegressionTree } from "../booster.ts";
import { objectiveNamed, objectives } from "../objectives.ts";

export const maxTrees = 1_000_000;
/** As many as libsvm data may have; a predictor keeps one row of them in memory. */
export const maxFeatures = 2 ** 24;
export const maxGroups = 100_000;

/** A sentence with the first problem; undefined when the booster can be served. */
export function boosterProblem(booster: Booster): string | undefined {
  const { objective, nFeatures, nGroups, trees, treeGroup } = booster;
  if (objectiveNamed(objective) === undefined) return unsupportedObjective(objective);
  if (!(nFeatures >= 1 && nFeatures <= maxFeatures))
    return `the number of features must be from 1 to ${maxFeatures}, got ${nFeatures}.`;
  if (!(nGroups >= 1 && nGroups <= maxGroups))
    return `the number of outputs must be from 1 to ${maxGroups}, got ${nGroups}.`;
  const isMulticlass = objectiveNamed(objective)?.task === "multiclass";
  if (isMulticlass !== nGroups > 1) return `objective ${objective} does not go with ${nGroups} output(s) per row.`;
  if (!Number.isFinite(booster.baseScore)) return `base_score is not a number.`;
  if (booster.groupBaseMargin?.every(Number.isFinite) === false)
    return `base_score holds a value that is not a number.`;
  if (treeGroup.length !== trees.length)
    return `there are ${trees.length} trees but ${treeGroup.length} entries in tree_info.`;
  if (!(booster.nParallelTrees >= 1)) return `num_parallel_tree must be >= 1, got ${booster.nParallelTrees}.`;
  for (const [at, tree] of trees.entries()) {
    if (!(treeGroup[at] >= 0 && treeGroup[at] < nGroups))
      return `tree ${at} belongs to output ${treeGroup[at]}, but there are ${nGroups}.`;
    const problem = treeProblem(tree, nFeatures);
    if (problem !== undefined) return `tree ${at} ${problem}`;
  }
  return undefined;
}

export function unsupportedObjective(objective: string): string {
  return `objective ${JSON.stringify(objective.slice(0, 60))} is not supported by Sagebrush; supported are ${objectives.map(({ name }) => name).join(", ")}.`;
}

function treeProblem(tree: RegressionTree, nFeatures: number): string | undefined {
  const { leftChild, rightChild, splitFeature, splitCondition } = tree;
  const nNodes = leftChild.length;
  if (nNodes === 0) return "has no nodes.";
  const seen = new Uint8Array(nNodes);
  const open = [0];
  seen[0] = 1;
  for (let node = open.pop(); node !== undefined; node = open.pop()) {
    if (Number.isNaN(splitCondition[node])) return `has NaN as the value of node ${node}.`;
    const [left, right] = [leftChild[node], rightChild[node]];
    if (left === -1) {
      if (!Number.isFinite(splitCondition[node])) return `has an infinite leaf at node ${node}.`;
      continue;
    }
    if (splitFeature[node] < 0 || splitFeature[node] >= nFeatures) {
      return `splits node ${node} on feature ${splitFeature[node]}, but the model has ${nFeatures} features.`;
    }
    for (const child of [left, right]) {
      if (child < 0 || child >= nNodes) return `has ${child} as a child of node ${node}, but only ${nNodes} nodes.`;
      if (seen[child] === 1) return `reaches node ${child} twice, so it is no tree.`;
      seen[child] = 1;
      open.push(child);
    }
  }
  return undefined;
}
