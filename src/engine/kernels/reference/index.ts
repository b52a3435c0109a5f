/**
 * The plain twins as a table of kernels: the oracle of the comparison tests, and a way to run without WebAssembly
 * code where speed does not matter.
 */
import type { KernelTable } from "../../kernel-pool.ts";
import type { SharedMemory } from "../../shared-memory.ts";
import * as binCodes from "./bin-codes.ts";
import * as gradientHistogram from "./gradient-histogram.ts";
import { logisticGradients, roundPairs, softmaxGradients, squaredErrorGradients } from "./gradient-pairs.ts";
import * as quantileCuts from "./quantile-cuts.ts";
import * as rowPartition from "./row-partition.ts";
import { searchSplits } from "./split-search.ts";
import * as treeMargins from "./tree-margins.ts";

const twins = {
  ...binCodes,
  ...gradientHistogram,
  logisticGradients,
  roundPairs,
  softmaxGradients,
  squaredErrorGradients,
  ...quantileCuts,
  ...rowPartition,
  searchSplits,
  ...treeMargins,
};

export function referenceKernels(memory: SharedMemory): KernelTable {
  return Object.fromEntries(
    Object.entries(twins).map(([name, twin]) => [
      name,
      (address: number, task: number, thread: number) => twin(memory, address >>> 0, task, thread),
    ]),
  );
}
