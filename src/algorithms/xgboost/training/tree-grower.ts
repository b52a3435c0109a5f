/**
 * Grows one tree on binned features: histograms by subtraction, rows partitioned in place.
 *
 * The order of work is that of XGBoost's `hist`: depthwise expands level by level, lossguide the leaf of greatest gain
 * first; a leaf is expanded when its best split gains enough. Sums of gradients are exact, so the tree depends neither
 * on the number of threads nor on which of two siblings was summed and which was subtracted.
 */
import type { KernelPool } from "../../../engine/kernel-pool.ts";
import { histogramArguments, histogramTask } from "../../../engine/kernels/gradient-histogram.ts";
import { leafWeight, sideGain } from "../../../engine/kernels/reference/split-search.ts";
import { partitionArguments, partitionTask } from "../../../engine/kernels/row-partition.ts";
import { splitCandidate, splitSearchArguments, splitSearchSet } from "../../../engine/kernels/split-search.ts";
import {
  addTreeByCodesArguments,
  leafValuesArguments,
  leafValuesTask,
  splitValuesArguments,
  splitValuesTask,
} from "../../../engine/kernels/tree-margins.ts";
import type { BinnedMatrix } from "./binned-matrix.ts";
import { ColumnSampler } from "./column-sampler.ts";
import { HistogramSlots } from "./histogram-slots.ts";
import { OpenNodes } from "./open-nodes.ts";
import type { OpenNode } from "./open-nodes.ts";
import type { TrainingParameters } from "./parameters.ts";
import { TreeBuilder } from "./tree-builder.ts";
import { writeWalkNodes } from "./walk-nodes.ts";

/** Most nodes whose histograms are built at once, and the memory that all threads may use for it. */
const MOST_SETS = 256;
const PARTIALS_BUDGET_BYTES = 64 * 2 ** 20;
/** Memory for histograms of waiting nodes; a node without one has both children summed from rows. */
const KEPT_HISTOGRAMS_BYTES = 256 * 2 ** 20;
const ROWS_PER_TASK = 8192;
/** Below these amounts of work, waking other threads costs more than they save. */
const PARALLEL_ROWS = 16_384;
const PARALLEL_ADDITIONS = 65_536;
const PARALLEL_SLOTS = 8192;

/** A histogram to sum from rows, and the sibling that is what remains of the parent. */
interface HistogramJob {
  readonly built: OpenNode;
  readonly sibling?: OpenNode;
}

/** Where the tree's values are added: f32 (nRows, nGroups), column `group`. */
export interface Margins {
  readonly address: number;
  readonly nGroups: number;
  readonly group: number;
}

export class TreeGrower {
  readonly #pool: KernelPool;
  readonly #matrix: BinnedMatrix;
  readonly #parameters: TrainingParameters;
  /** The regularisation as single-precision numbers, as the kernels see it. */
  readonly #gains;
  readonly #mostSets: number;
  readonly #identity: number;
  readonly #rows: number;
  /** The list of rows as it stands: all in order until the first split. */
  #list: number;
  readonly #lefts: number;
  readonly #rights: number;
  readonly #partials: number;
  readonly #touched: number;
  readonly #slots: HistogramSlots;
  readonly #featuresPerChunk: number;
  readonly #nChunks: number;

  constructor(pool: KernelPool, matrix: BinnedMatrix, parameters: TrainingParameters) {
    const { memory, nThreads } = pool;
    const { nRows, nFeatures, histogramBytes } = matrix;
    this.#pool = pool;
    this.#matrix = matrix;
    this.#parameters = parameters;
    this.#gains = {
      lambda: Math.fround(parameters.lambda),
      alpha: Math.fround(parameters.alpha),
      minChildWeight: Math.fround(parameters.minChildWeight),
      maxDeltaStep: Math.fround(parameters.maxDeltaStep),
    };
    // A tree has no more leaves than rows.
    const mostNodes = Math.min(nRows, parameters.maxDepth > 0 ? 2 ** Math.min(parameters.maxDepth, 30) : nRows);
    this.#mostSets = Math.max(
      1,
      Math.min(MOST_SETS, mostNodes, Math.floor(PARTIALS_BUDGET_BYTES / (histogramBytes * nThreads))),
    );
    const nSlots = 2 * this.#mostSets + Math.min(mostNodes, Math.floor(KEPT_HISTOGRAMS_BYTES / histogramBytes));
    this.#identity = memory.allocate(4 * nRows);
    this.#rows = memory.allocate(4 * nRows);
    this.#list = this.#identity;
    this.#lefts = memory.allocate(4 * nRows);
    this.#rights = memory.allocate(4 * nRows);
    this.#touched = memory.allocate(4 * nThreads * this.#mostSets);
    this.#partials = memory.allocate(histogramBytes * nThreads * this.#mostSets);
    this.#slots = new HistogramSlots(memory.allocate(histogramBytes * nSlots), histogramBytes, nSlots);
    this.#featuresPerChunk = Math.max(1, Math.ceil(nFeatures / Math.max(4, 2 * nThreads)));
    this.#nChunks = Math.ceil(nFeatures / this.#featuresPerChunk);
    const identity = memory.u32(this.#identity, nRows);
    for (let row = 0; row < nRows; row += 1) identity[row] = row;
  }

  /**
   * Grows a tree and adds its leaf values to the margins of all rows.
   *
   * @param pairs address of f32 (nRows, 2), rounded so that sums are exact
   * @param treeNumber number of the tree in the ensemble: seed of its samples
   */
  grow(pairs: number, margins: Margins, treeNumber: number): TreeBuilder {
    const { memory } = this.#pool;
    const mark = memory.mark();
    this.#slots.reset();
    const nChosen = this.#chooseRows(treeNumber);
    const growth = {
      pairs,
      margins,
      tree: new TreeBuilder(Math.fround(this.#parameters.eta) / this.#parameters.numParallelTree),
      open: new OpenNodes(this.#parameters),
      leaves: [] as OpenNode[],
      sampler: new ColumnSampler(this.#parameters, this.#matrix.nFeatures, treeNumber),
      slots: this.#slots,
    };
    this.#openRoot(growth, nChosen);
    for (let batch = growth.open.take(); batch.length > 0; batch = growth.open.take()) this.#expand(growth, batch);
    growth.leaves.push(...growth.open.rest());
    this.#addLeafValues(growth);
    if (nChosen < this.#matrix.nRows) this.#addValuesOfUnchosen(growth, nChosen);
    memory.release(mark);
    return growth.tree;
  }

  /** Fills the list of rows: those that the tree is grown on first. Returns their number. */
  #chooseRows(treeNumber: number): number {
    const { nRows } = this.#matrix;
    const { subsample, seed } = this.#parameters;
    this.#list = this.#identity;
    if (subsample >= 1) return nRows;
    const everything = { begin: 0, end: nRows, feature: 0, lastLeft: 0, missingCode: 0, missingLeft: 0 };
    const sampling = { seed: seed >>> 0, stream: treeNumber, threshold: subsample * 2 ** 32 };
    const [nChosen] = this.#partition("sampleRows", [everything], sampling);
    return nChosen;
  }

  #openRoot(growth: Growth, nChosen: number): void {
    const { memory } = this.#pool;
    const slot = growth.slots.take();
    const unknown: OpenNode = { node: 0, depth: 0, begin: 0, end: nChosen, gradient: 0, hessian: 0, slot };
    this.#sumHistograms(growth, [{ built: unknown }]);
    this.#search(growth, [{ built: unknown }], { merge: true, search: false });
    // Every row has a slot in every feature, so the first feature's slots hold them all.
    const sums = memory.f64(growth.slots.address(slot), this.#matrix.slotOffsets[1] / 8);
    let gradient = 0;
    let hessian = 0;
    for (let i = 0; i < sums.length; i += 2) {
      gradient += sums[i];
      hessian += sums[i + 1];
    }
    const root = { ...unknown, gradient, hessian };
    growth.tree.addRoot(hessian, leafWeight(this.#gains, gradient, hessian));
    this.#search(growth, [{ built: root }], { merge: false, search: true });
    this.#settle(growth, root);
  }

  /** Splits each node of the batch, all of one depth, and finds the splits of the children. */
  #expand(growth: Growth, batch: readonly OpenNode[]): void {
    if (!growth.open.mayGoBelow(batch[0].depth)) {
      this.#expandLast(growth, batch);
      return;
    }
    const segments = batch.map((open) => this.#segmentOf(open));
    const nLefts = this.#partition(`splitRows${this.#matrix.codeBits}`, segments);
    const jobs: HistogramJob[] = [];
    batch.forEach((parent, index) => {
      const [left, right] = this.#makeChildren(growth, parent, nLefts[index]);
      if (!this.#isSplittable(left) && !this.#isSplittable(right)) {
        growth.slots.drop(parent);
        growth.leaves.push(left, right);
        return;
      }
      const [smaller, larger] = right.end - right.begin < left.end - left.begin ? [right, left] : [left, right];
      if (parent.slot === -1) jobs.push({ built: left }, { built: right });
      else {
        larger.slot = parent.slot;
        jobs.push({ built: smaller, sibling: larger });
      }
    });
    for (let first = 0; first < jobs.length; first += this.#mostSets)
      this.#run(growth, jobs.slice(first, first + this.#mostSets));
  }

  /** Splits nodes whose children remain leaves: their rows get their values at once and need not be moved. */
  #expandLast(growth: Growth, batch: readonly OpenNode[]): void {
    const { memory } = this.#pool;
    const { columnCodes, nRows, codeBits } = this.#matrix;
    const { address: margins, nGroups, group } = growth.margins;
    const mark = memory.mark();
    const nTasks = batch.reduce((sum, { begin, end }) => sum + Math.ceil((end - begin) / ROWS_PER_TASK), 0);
    const nPositions = batch.reduce((sum, { begin, end }) => sum + end - begin, 0);
    const tasks = memory.allocate(splitValuesTask.size * nTasks);
    let task = 0;
    for (const parent of batch) {
      const [left, right] = this.#makeChildren(growth, parent, 0);
      const leftValue = growth.tree.leafValue(left.node);
      const rightValue = growth.tree.leafValue(right.node);
      const segment = this.#segmentOf(parent);
      for (let { begin } = parent; begin < parent.end; begin += ROWS_PER_TASK) {
        const end = Math.min(parent.end, begin + ROWS_PER_TASK);
        splitValuesTask.write(memory, tasks, { ...segment, begin, end, leftValue, rightValue }, task);
        task += 1;
      }
    }
    const address = memory.allocate(splitValuesArguments.size);
    splitValuesArguments.write(memory, address, {
      columnCodes,
      nRows,
      rows: this.#list,
      tasks,
      margins,
      nGroups,
      group,
    });
    this.#pool.run(`addSplitValues${codeBits}`, address, nTasks, nPositions > PARALLEL_ROWS);
    memory.release(mark);
  }

  #segmentOf({ begin, end, split }: OpenNode): PartitionSegment {
    const { feature, lastLeft, missingLeft } = split!;
    const missingCode = this.#matrix.binCounts[feature];
    return { begin, end, feature, lastLeft, missingCode, missingLeft: missingLeft ? 1 : 0 };
  }

  #makeChildren({ tree }: Growth, parent: OpenNode, nLeft: number): readonly [OpenNode, OpenNode] {
    const split = parent.split!;
    const sides = [
      { gradient: split.leftGradient, hessian: split.leftHessian },
      { gradient: parent.gradient - split.leftGradient, hessian: parent.hessian - split.leftHessian },
    ] as const;
    const sums = sides.map(({ gradient, hessian }) => ({
      sumHessian: hessian,
      weight: leafWeight(this.#gains, gradient, hessian),
    }));
    const node = tree.expand(parent.node, split, [sums[0], sums[1]]);
    const depth = parent.depth + 1;
    const middle = parent.begin + nLeft;
    return [
      { node, depth, begin: parent.begin, end: middle, ...sides[0], slot: -1 },
      { node: node + 1, depth, begin: middle, end: parent.end, ...sides[1], slot: -1 },
    ];
  }

  /** Sums the histograms of these jobs and settles what becomes of the nodes. */
  #run(growth: Growth, jobs: readonly HistogramJob[]): void {
    for (const { built } of jobs) built.slot = growth.slots.take();
    this.#sumHistograms(growth, jobs);
    this.#search(growth, jobs, { merge: true, search: true });
    const nodes = jobs
      .flatMap(({ built, sibling }) => (sibling === undefined ? [built] : [built, sibling]))
      .toSorted((a, b) => a.node - b.node);
    for (const node of nodes) this.#settle(growth, node);
    // The next jobs need a free slot each; nodes that lose theirs have both children summed from rows.
    for (const node of nodes.toReversed()) if (growth.slots.nFree < this.#mostSets) growth.slots.drop(node);
  }

  /** A node with a worthwhile split waits to be expanded; any other is a leaf. */
  #settle({ open, leaves, slots }: Growth, node: OpenNode): void {
    if (open.isWorthwhile(node)) open.push(node);
    else {
      slots.drop(node);
      leaves.push(node);
    }
  }

  /** Both sides of a split need a row and the least hessian; sums are exact, so this rules out nothing possible. */
  #isSplittable({ begin, end, hessian }: OpenNode): boolean {
    return end - begin >= 2 && hessian >= 2 * this.#gains.minChildWeight;
  }

  #sumHistograms({ pairs }: Growth, jobs: readonly HistogramJob[]): void {
    const { memory, nThreads } = this.#pool;
    const { rowCodes, rowBytes, nFeatures, slotOffsetsAddress, histogramBytes, codeBits } = this.#matrix;
    const mark = memory.mark();
    const nTasks = jobs.reduce((sum, { built }) => sum + Math.ceil((built.end - built.begin) / ROWS_PER_TASK), 0);
    const tasks = memory.allocate(histogramTask.size * nTasks);
    let task = 0;
    let nPositions = 0;
    jobs.forEach(({ built }, set) => {
      nPositions += built.end - built.begin;
      for (let begin = built.begin; begin < built.end; begin += ROWS_PER_TASK) {
        histogramTask.write(memory, tasks, { begin, end: Math.min(built.end, begin + ROWS_PER_TASK), set }, task);
        task += 1;
      }
    });
    memory.u32(this.#touched, nThreads * jobs.length).fill(0);
    const address = memory.allocate(histogramArguments.size);
    histogramArguments.write(memory, address, {
      rowCodes,
      rowBytes,
      nFeatures,
      slotOffsets: slotOffsetsAddress,
      pairs,
      rows: this.#list === this.#identity ? 0 : this.#list,
      tasks,
      partials: this.#partials,
      histogramBytes,
      nSets: jobs.length,
      touched: this.#touched,
    });
    this.#pool.run(`histogram${codeBits}`, address, nTasks, nPositions * nFeatures > PARALLEL_ADDITIONS);
    memory.release(mark);
  }

  /** Completes the histograms of the jobs and writes the best split into each node. */
  #search(growth: Growth, jobs: readonly HistogramJob[], { merge, search }: { merge: boolean; search: boolean }): void {
    const { memory, nThreads } = this.#pool;
    const { nFeatures, slotOffsetsAddress, binCountsAddress, histogramBytes } = this.#matrix;
    const { slots, sampler } = growth;
    const mark = memory.mark();
    const sets = memory.allocate(splitSearchSet.size * jobs.length);
    const candidates = memory.allocate(splitCandidate.size * 2 * jobs.length * this.#nChunks);
    const featuresOf = ({ depth, node }: OpenNode) => {
      const mask = sampler.mask(depth, node);
      if (mask === undefined) return 0;
      const address = memory.allocate(nFeatures);
      memory.u8(address, nFeatures).set(mask);
      return address;
    };
    jobs.forEach(({ built, sibling }, set) => {
      const searchBuilt = search && this.#isSplittable(built);
      const searchSibling = search && sibling !== undefined && this.#isSplittable(sibling);
      const record = {
        merge: merge ? 1 : 0,
        built: slots.address(built.slot),
        sibling: sibling === undefined ? 0 : slots.address(sibling.slot),
        searchBuilt: searchBuilt ? 1 : 0,
        searchSibling: searchSibling ? 1 : 0,
        builtFeatures: searchBuilt ? featuresOf(built) : 0,
        siblingFeatures: searchSibling ? featuresOf(sibling) : 0,
        builtGradient: built.gradient,
        builtHessian: built.hessian,
        siblingGradient: sibling?.gradient ?? 0,
        siblingHessian: sibling?.hessian ?? 0,
        builtGain: sideGain(this.#gains, built.gradient, built.hessian),
        siblingGain: sibling === undefined ? 0 : sideGain(this.#gains, sibling.gradient, sibling.hessian),
      };
      splitSearchSet.write(memory, sets, record, set);
    });
    const address = memory.allocate(splitSearchArguments.size);
    splitSearchArguments.write(memory, address, {
      sets,
      nFeatures,
      featuresPerChunk: this.#featuresPerChunk,
      nChunks: this.#nChunks,
      slotOffsets: slotOffsetsAddress,
      binCounts: binCountsAddress,
      partials: this.#partials,
      histogramBytes,
      nThreads,
      nSets: jobs.length,
      touched: this.#touched,
      candidates,
      ...this.#gains,
    });
    const nTasks = jobs.length * this.#nChunks;
    this.#pool.run("searchSplits", address, nTasks, (jobs.length * histogramBytes) / 16 > PARALLEL_SLOTS);
    if (search) {
      jobs.forEach(({ built, sibling }, set) => {
        if (this.#isSplittable(built)) built.split = this.#bestCandidate(candidates, set, 0);
        if (sibling !== undefined && this.#isSplittable(sibling))
          sibling.split = this.#bestCandidate(candidates, set, 1);
      });
    }
    memory.release(mark);
  }

  /** The best of the chunks' candidates; the lower feature wins a tie. */
  #bestCandidate(candidates: number, set: number, side: 0 | 1): OpenNode["split"] {
    const { memory } = this.#pool;
    const { cuts, cutStride, minimums } = this.#matrix;
    let best = -1;
    let bestGain = 0;
    for (let chunk = 0; chunk < this.#nChunks; chunk += 1) {
      const index = 2 * (set * this.#nChunks + chunk) + side;
      const gain = memory.view.getFloat32(candidates + index * splitCandidate.size + splitCandidate.offsets.gain, true);
      if (gain > bestGain) [best, bestGain] = [index, gain];
    }
    if (best === -1) return undefined;
    const { gain, feature, lastLeft, missingLeft, leftGradient, leftHessian } = splitCandidate.read(
      memory,
      candidates,
      best,
    );
    const threshold = lastLeft === -1 ? minimums[feature] : cuts[feature * cutStride + lastLeft];
    return { gain, feature, lastLeft, threshold, missingLeft: missingLeft === 1, leftGradient, leftHessian };
  }

  /**
   * Runs a splitting kernel on segments of the list of rows and moves the rows.
   * @returns number of rows on the left of each segment
   */
  #partition(kernel: string, segments: readonly PartitionSegment[], sampling = noSampling): number[] {
    const { memory } = this.#pool;
    const { columnCodes, nRows } = this.#matrix;
    const { offsets, size } = partitionTask;
    const mark = memory.mark();
    const nTasks = segments.reduce((sum, { begin, end }) => sum + Math.ceil((end - begin) / ROWS_PER_TASK), 0);
    const nPositions = segments.reduce((sum, { begin, end }) => sum + end - begin, 0);
    const tasks = memory.allocate(size * nTasks);
    const address = memory.allocate(partitionArguments.size);
    const { view } = memory;
    let record = tasks;
    for (const { begin, end, feature, lastLeft, missingCode, missingLeft } of segments) {
      for (let first = begin; first < end; first += ROWS_PER_TASK) {
        view.setUint32(record + offsets.begin, first, true);
        view.setUint32(record + offsets.end, Math.min(end, first + ROWS_PER_TASK), true);
        view.setUint32(record + offsets.feature, feature, true);
        view.setInt32(record + offsets.lastLeft, lastLeft, true);
        view.setUint32(record + offsets.missingCode, missingCode, true);
        view.setUint32(record + offsets.missingLeft, missingLeft, true);
        record += size;
      }
    }
    const lists = { source: this.#list, rows: this.#rows, lefts: this.#lefts, rights: this.#rights };
    partitionArguments.write(memory, address, { columnCodes, nRows, ...lists, tasks, ...sampling });
    this.#pool.run(kernel, address, nTasks, nPositions > PARALLEL_ROWS);

    record = tasks;
    const nLefts = segments.map(({ begin, end }) => {
      const nBlocks = Math.ceil((end - begin) / ROWS_PER_TASK);
      let nLeft = 0;
      for (let block = 0; block < nBlocks; block += 1)
        nLeft += view.getUint32(record + block * size + offsets.nLeft, true);
      let leftTarget = begin;
      let rightTarget = begin + nLeft;
      for (let first = begin; first < end; first += ROWS_PER_TASK) {
        view.setUint32(record + offsets.leftTarget, leftTarget, true);
        view.setUint32(record + offsets.rightTarget, rightTarget, true);
        const nLeftHere = view.getUint32(record + offsets.nLeft, true);
        leftTarget += nLeftHere;
        rightTarget += Math.min(end, first + ROWS_PER_TASK) - first - nLeftHere;
        record += size;
      }
      return nLeft;
    });
    this.#pool.run("placeRows", address, nTasks, nPositions > PARALLEL_ROWS);
    this.#list = this.#rows;
    memory.release(mark);
    return nLefts;
  }

  #addLeafValues({ tree, leaves, margins: { address: margins, nGroups, group } }: Growth): void {
    const { memory } = this.#pool;
    const nTasks = leaves.reduce((sum, { begin, end }) => sum + Math.ceil((end - begin) / ROWS_PER_TASK), 0);
    const tasks = memory.allocate(leafValuesTask.size * nTasks);
    let task = 0;
    for (const leaf of leaves) {
      const value = tree.leafValue(leaf.node);
      for (let { begin } = leaf; begin < leaf.end; begin += ROWS_PER_TASK) {
        leafValuesTask.write(memory, tasks, { begin, end: Math.min(leaf.end, begin + ROWS_PER_TASK), value }, task);
        task += 1;
      }
    }
    const address = memory.allocate(leafValuesArguments.size);
    leafValuesArguments.write(memory, address, { rows: this.#list, tasks, margins, nGroups, group });
    this.#pool.run("addLeafValues", address, nTasks, this.#matrix.nRows > PARALLEL_ROWS);
  }

  /** Rows that the tree was not grown on walk it. */
  #addValuesOfUnchosen({ tree, margins: { address: margins, nGroups, group } }: Growth, nChosen: number): void {
    const { memory } = this.#pool;
    const { columnCodes, nRows, codeBits } = this.#matrix;
    const nListed = nRows - nChosen;
    const address = memory.allocate(addTreeByCodesArguments.size);
    const nodes = writeWalkNodes(memory, tree, this.#matrix);
    const rows = this.#list + 4 * nChosen;
    const rowsPerTask = ROWS_PER_TASK;
    addTreeByCodesArguments.write(memory, address, {
      nodes,
      columnCodes,
      nRows,
      rows,
      nListed,
      rowsPerTask,
      margins,
      nGroups,
      group,
    });
    this.#pool.run(`addTreeByCodes${codeBits}`, address, Math.ceil(nListed / ROWS_PER_TASK), nListed > PARALLEL_ROWS);
  }
}

/** The state of one tree's growth. */
interface Growth {
  readonly pairs: number;
  readonly margins: Margins;
  readonly tree: TreeBuilder;
  readonly open: OpenNodes;
  readonly leaves: OpenNode[];
  readonly sampler: ColumnSampler;
  readonly slots: HistogramSlots;
}

/** Positions of the list of rows, and how they are divided; see `partitionTask`. */
interface PartitionSegment {
  readonly begin: number;
  readonly end: number;
  readonly feature: number;
  readonly lastLeft: number;
  readonly missingCode: number;
  readonly missingLeft: number;
}

const noSampling = { seed: 0, stream: 0, threshold: 0 };
