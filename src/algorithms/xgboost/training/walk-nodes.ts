/** A grown tree as the margin kernels walk it. */
import { walkNode } from "../../../engine/kernels/tree-margins.ts";
import type { SharedMemory } from "../../../engine/shared-memory.ts";
import type { BinnedMatrix } from "./binned-matrix.ts";
import type { TreeBuilder } from "./tree-builder.ts";

/** Writes the nodes into newly allocated memory and returns their address. */
export function writeWalkNodes(memory: SharedMemory, tree: TreeBuilder, matrix: BinnedMatrix): number {
  const address = memory.allocate(walkNode.size * tree.nodes.length);
  tree.nodes.forEach(({ split, left, right }, node) => {
    const record =
      split === undefined
        ? {
            threshold: tree.leafValue(node),
            feature: 0,
            left: 0,
            right: 0,
            missingLeft: 0,
            lastLeft: 0,
            missingCode: 0,
          }
        : {
            threshold: split.threshold,
            feature: split.feature,
            left,
            right,
            missingLeft: split.missingLeft ? 1 : 0,
            lastLeft: split.lastLeft,
            missingCode: matrix.binCounts[split.feature],
          };
    walkNode.write(memory, address, record, node);
  });
  return address;
}
