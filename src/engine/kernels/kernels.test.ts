/** Every kernel against its plain twin, bit for bit, on random inputs of awkward sizes. */
import { expect, test } from "vitest";
import { instantiateKernels } from "../kernel-modules.ts";
import type { KernelTable } from "../kernel-pool.ts";
import { compileKernelModules } from "../node/kernel-files.ts";
import { SharedMemory } from "../shared-memory.ts";
import { ENCODE_SCRATCH_BYTES, encodeColumnsArguments, transposeCodesArguments } from "./bin-codes.ts";
import { histogramArguments, histogramTask } from "./gradient-histogram.ts";
import { gradientArguments, roundingAnchor, roundPairsArguments } from "./gradient-pairs.ts";
import { quantileCutsArguments, quantileCutsScratchBytes } from "./quantile-cuts.ts";
import { expSingle } from "./reference/gradient-pairs.ts";
import { hash3 } from "./reference/hash.ts";
import { referenceKernels } from "./reference/index.ts";
import { partitionArguments, partitionTask } from "./row-partition.ts";
import { splitCandidate, splitSearchArguments, splitSearchSet } from "./split-search.ts";
import {
  addTreeArguments,
  addTreeByCodesArguments,
  leafValuesArguments,
  leafValuesTask,
  splitValuesArguments,
  splitValuesTask,
  walkNode,
} from "./tree-margins.ts";

const modules = await compileKernelModules([
  "bin-codes",
  "gradient-histogram",
  "gradient-pairs",
  "quantile-cuts",
  "row-partition",
  "split-search",
  "tree-margins",
]);

/** Seeded numbers in [0, 1). */
function randomNumbers(seed: number): () => number {
  let count = 0;
  return () => {
    count += 1;
    return hash3(seed, count, 17) / 2 ** 32;
  };
}

interface Run {
  readonly kernel: string;
  readonly address: number;
  readonly nTasks: number;
  readonly threadOf?: (task: number) => number;
  /** Address and length in bytes of what the kernel writes. */
  readonly outputs: readonly (readonly [address: number, bytes: number])[];
}

/** Prepares the same input twice, runs kernel and twin, and compares what they wrote. */
function runTwins(prepare: (memory: SharedMemory) => Run): { outputs: Uint8Array[]; differences: string[] } {
  const [compiled, plain] = [
    (memory: SharedMemory) => instantiateKernels(modules, memory.webAssemblyMemory),
    (memory: SharedMemory) => referenceKernels(memory),
  ].map((tableOf: (memory: SharedMemory) => KernelTable) => {
    const memory = new SharedMemory();
    const { kernel, address, nTasks, threadOf = () => 0, outputs } = prepare(memory);
    const run = tableOf(memory)[kernel];
    for (let task = 0; task < nTasks; task += 1) run(address, task, threadOf(task));
    return outputs.map(([at, bytes]) => memory.u8(at, bytes).slice());
  });
  const differences = compiled.flatMap((bytes, i) => {
    const at = bytes.findIndex((byte, offset) => byte !== plain[i][offset]);
    return at === -1 ? [] : [`output ${i} differs at byte ${at}`];
  });
  return { outputs: compiled, differences };
}

function floats(memory: SharedMemory, length: number, of: (index: number) => number): number {
  const address = memory.allocate(4 * length);
  const view = memory.f32(address, length);
  for (let i = 0; i < length; i += 1) view[i] = of(i);
  return address;
}

function words(memory: SharedMemory, values: readonly number[]): number {
  const address = memory.allocate(4 * values.length);
  memory.u32(address, values.length).set(values);
  return address;
}

const asFloats = (bytes: Uint8Array) => new Float32Array(bytes.buffer, bytes.byteOffset, bytes.length / 4);

test.each([
  { nRows: 1, maxBins: 256, weighted: false, distinct: Infinity },
  { nRows: 1000, maxBins: 256, weighted: false, distinct: 40 },
  { nRows: 3001, maxBins: 256, weighted: false, distinct: Infinity },
  { nRows: 3001, maxBins: 16, weighted: true, distinct: Infinity },
  { nRows: 9999, maxBins: 8, weighted: false, distinct: Infinity },
  { nRows: 9999, maxBins: 8, weighted: true, distinct: 700 },
])(
  "quantile cuts: $nRows rows, $maxBins bins, weighted $weighted, $distinct distinct values",
  ({ nRows, maxBins, weighted, distinct }) => {
    for (const sparse of [false, true]) {
      const nColumns = 3;
      const { differences } = runTwins((memory) => {
        const random = randomNumbers(nRows + maxBins);
        const value = () => {
          const x = random();
          if (x < 0.05) return NaN;
          if (x < 0.06) return x < 0.055 ? -0 : Infinity;
          return distinct === Infinity
            ? (random() - 0.5) * 10 ** (random() * 20 - 10)
            : Math.floor(random() * distinct);
        };
        const columns = floats(memory, nRows * nColumns, value);
        const starts = Array.from({ length: nColumns + 1 }, (_, column) => column * nRows);
        const scratchBytes = quantileCutsScratchBytes(nRows, maxBins);
        const outs = {
          cuts: memory.allocateZeroed(4 * nColumns * maxBins),
          cutCounts: memory.allocateZeroed(4 * nColumns),
          minimums: memory.allocateZeroed(4 * nColumns),
          missingCounts: memory.allocateZeroed(4 * nColumns),
          infiniteCounts: memory.allocateZeroed(4 * nColumns),
        };
        const address = memory.allocate(quantileCutsArguments.size);
        quantileCutsArguments.write(memory, address, {
          columns,
          nRows,
          columnStart: sparse ? words(memory, starts) : 0,
          columnRows: sparse
            ? words(
                memory,
                Array.from({ length: nRows * nColumns }, (_, i) => nRows - 1 - (i % nRows)),
              )
            : 0,
          weights: weighted ? floats(memory, nRows, () => Math.floor(random() * 4)) : 0,
          maxBins,
          scratch: memory.allocate(scratchBytes),
          scratchBytes,
          ...outs,
        });
        const outputs = Object.values(outs).map(
          (at, i) => [at, i === 0 ? 4 * nColumns * maxBins : 4 * nColumns] as const,
        );
        return { kernel: "quantileCuts", address, nTasks: nColumns, outputs };
      });
      expect(differences).toEqual([]);
    }
  },
);

test.each([
  { bits: 8, counts: [1, 2, 17], sparse: false },
  { bits: 8, counts: [255, 256, 16], sparse: false },
  { bits: 8, counts: [3, 100, 255], sparse: true },
  { bits: 16, counts: [300, 1, 256], sparse: false },
  { bits: 16, counts: [300, 2, 7], sparse: true },
])("bin codes of $bits bits with $counts cuts, sparse $sparse", ({ bits, counts, sparse }) => {
  const nRows = 777;
  const nColumns = counts.length;
  const maxBins = 300;
  const bytes = bits / 8;
  const { differences } = runTwins((memory) => {
    const random = randomNumbers(bits);
    const columns = floats(memory, nRows * nColumns, () => (random() < 0.1 ? NaN : Math.floor(random() * 330) - 10));
    const kept = nRows - 100;
    const columnRows = Array.from({ length: nColumns * kept }, (_, i) => (i % kept) + 50);
    const codes = memory.allocateZeroed(nRows * nColumns * bytes);
    const address = memory.allocate(encodeColumnsArguments.size);
    encodeColumnsArguments.write(memory, address, {
      columns,
      nRows,
      columnStart: sparse ? words(memory, [0, kept, 2 * kept, 3 * kept]) : 0,
      columnRows: sparse ? words(memory, columnRows) : 0,
      cuts: floats(memory, nColumns * maxBins, (i) => (i % maxBins) + 0.5),
      cutCounts: words(memory, counts),
      maxBins,
      rowsPerTask: 100,
      nBlocks: 8,
      scratch: memory.allocate(ENCODE_SCRATCH_BYTES),
      codes,
    });
    const outputs = [[codes, nRows * nColumns * bytes]] as const;
    return { kernel: `encodeColumns${bits}`, address, nTasks: nColumns * 8, outputs };
  });
  expect(differences).toEqual([]);
  const turned = runTwins((memory) => {
    const random = randomNumbers(bits);
    const columnCodes = memory.allocate(nRows * nColumns * bytes);
    memory.u8(columnCodes, nRows * nColumns * bytes).forEach((_, i, view) => {
      view[i] = random() * 256;
    });
    const rowBytes = nColumns * bytes + 2;
    const rowCodes = memory.allocateZeroed(nRows * rowBytes);
    const address = memory.allocate(transposeCodesArguments.size);
    transposeCodesArguments.write(memory, address, {
      columnCodes,
      nRows,
      nColumns,
      rowsPerTask: 100,
      rowCodes,
      rowBytes,
    });
    return { kernel: `transposeCodes${bits}`, address, nTasks: 8, outputs: [[rowCodes, nRows * rowBytes]] };
  });
  expect(turned.differences).toEqual([]);
});

test.each([
  { kernel: "squaredErrorGradients", nGroups: 1 },
  { kernel: "logisticGradients", nGroups: 1 },
  { kernel: "softmaxGradients", nGroups: 3 },
  { kernel: "softmaxGradients", nGroups: 4 },
])("$kernel with $nGroups groups", ({ kernel, nGroups }) => {
  for (const weighted of [false, true]) {
    for (const nRows of [1, 5, 1003]) {
      const rowsPerTask = 250;
      const nTasks = Math.ceil(nRows / rowsPerTask);
      const { differences } = runTwins((memory) => {
        const random = randomNumbers(nRows);
        const pairs = memory.allocateZeroed(8 * nRows * nGroups);
        const maxima = memory.allocateZeroed(8 * nTasks);
        const address = memory.allocate(gradientArguments.size);
        gradientArguments.write(memory, address, {
          margins: floats(memory, nRows * nGroups, () => (random() - 0.5) * 10 ** (random() * 4 - 1)),
          labels: floats(memory, nRows, () => Math.floor(random() * Math.max(2, nGroups))),
          weights: weighted ? floats(memory, nRows, () => random() * 3) : 0,
          nRows,
          nGroups,
          rowsPerTask,
          positiveWeight: 1.7,
          pairs,
          maxima,
        });
        const outputs = [[pairs, 8 * nRows * nGroups] as const, [maxima, 8 * nTasks] as const];
        return { kernel, address, nTasks, outputs };
      });
      expect(differences).toEqual([]);
    }
  }
});

test("exp is exact to half a unit in the last place but for one in a hundred, where it is off by one", () => {
  const bits = (x: number) => new Int32Array(Float32Array.of(x).buffer)[0];
  let inexact = 0;
  for (let x = -87; x < 88; x += 0.0371) {
    const distance = Math.abs(bits(expSingle(Math.fround(x))) - bits(Math.fround(Math.exp(Math.fround(x)))));
    expect(distance).toBeLessThanOrEqual(1);
    inexact += distance;
  }
  expect(inexact).toBeLessThan(50);
});

test("rounded pairs add up exactly in any order", () => {
  const n = 10_001;
  const {
    differences,
    outputs: [bytes],
  } = runTwins((memory) => {
    const random = randomNumbers(3);
    const pairs = floats(memory, 2 * n, () => (random() - 0.5) * 10 ** (-8 * random()));
    const address = memory.allocate(roundPairsArguments.size);
    const anchor = roundingAnchor(0.5, n);
    roundPairsArguments.write(memory, address, {
      pairs,
      nPairs: n,
      pairsPerTask: 1000,
      gradientAnchor: anchor,
      hessianAnchor: anchor,
    });
    return { kernel: "roundPairs", address, nTasks: 11, outputs: [[pairs, 8 * n]] };
  });
  expect(differences).toEqual([]);
  const values = [...asFloats(bytes)];
  const sum = (numbers: readonly number[]) => numbers.reduce((a, b) => a + b, 0);
  expect(sum(values.toSorted((a, b) => a - b))).toBe(sum(values.toReversed()));
});

test("the rounding step follows the greatest magnitude and leaves room for all additions", () => {
  // 2^53 holds 2^20 numbers of 2^32 steps, with a bit to spare: the step for magnitudes up to 1 is 2^-32.
  expect(roundingAnchor(1, 1_000_000)).toBe(1.5 * 2 ** 52 * 2 ** -32);
  expect(roundingAnchor(1.01, 1_000_000)).toBe(1.5 * 2 ** 52 * 2 ** -31);
  expect(roundingAnchor(1, 100_000_000)).toBe(1.5 * 2 ** 52 * 2 ** -25);
  expect(roundingAnchor(0, 10)).toBe(0);
});

test.each([
  { bits: 8, nFeatures: 1 },
  { bits: 8, nFeatures: 7 },
  { bits: 8, nFeatures: 28 },
  { bits: 16, nFeatures: 5 },
])("histograms of $nFeatures features with $bits-bit codes", ({ bits, nFeatures }) => {
  for (const listed of [false, true]) {
    const { differences } = runTwins((memory) => {
      const random = randomNumbers(nFeatures);
      const nRows = 501;
      const nBins = bits === 8 ? 256 : 400;
      const rowBytes = (nFeatures * bits) / 8 + 2;
      const rowCodes = memory.allocateZeroed(nRows * rowBytes);
      for (let row = 0; row < nRows; row += 1) {
        const view =
          bits === 8
            ? memory.u8(rowCodes + row * rowBytes, nFeatures)
            : memory.u16(rowCodes + row * rowBytes, nFeatures);
        view.forEach((_, feature) => {
          view[feature] = random() * nBins;
        });
      }
      const histogramBytes = 16 * nBins * nFeatures;
      const nSets = 2;
      const nThreads = 3;
      const partials = memory.allocateZeroed(histogramBytes * nSets * nThreads);
      const touched = memory.allocateZeroed(4 * nSets * nThreads);
      const blocks = [
        { begin: 0, end: 97, set: 0 },
        { begin: 97, end: 98, set: 1 },
        { begin: 98, end: 300, set: 0 },
        { begin: 300, end: 300, set: 1 },
        { begin: 300, end: 501, set: 1 },
      ];
      const tasks = memory.allocate(histogramTask.size * blocks.length);
      blocks.forEach((block, i) => histogramTask.write(memory, tasks, block, i));
      const address = memory.allocate(histogramArguments.size);
      histogramArguments.write(memory, address, {
        rowCodes,
        rowBytes,
        nFeatures,
        slotOffsets: words(
          memory,
          Array.from({ length: nFeatures }, (_, feature) => 16 * nBins * feature),
        ),
        pairs: floats(memory, 2 * nRows, () => Math.floor(random() * 2000 - 1000) / 1024),
        rows: listed
          ? words(
              memory,
              Array.from({ length: nRows }, () => Math.floor(random() * nRows)),
            )
          : 0,
        tasks,
        partials,
        histogramBytes,
        nSets,
        touched,
      });
      return {
        kernel: `histogram${bits}`,
        address,
        nTasks: blocks.length,
        threadOf: (task) => task % nThreads,
        outputs: [[partials, histogramBytes * nSets * nThreads]],
      };
    });
    expect(differences).toEqual([]);
  }
});

test.each([
  { lambda: 1, alpha: 0, minChildWeight: 1, maxDeltaStep: 0 },
  { lambda: 0, alpha: 0.75, minChildWeight: 0, maxDeltaStep: 0 },
  { lambda: 2, alpha: 0.25, minChildWeight: 3, maxDeltaStep: 0.5 },
])("split search with %o", (gains) => {
  const { differences } = runTwins((memory) => {
    const random = randomNumbers(11);
    const binCounts = [1, 5, 2, 256, 3];
    const withMissing = [false, true, true, false, true];
    const offsets = [0];
    binCounts.forEach((count, i) => offsets.push(offsets[i] + 16 * (count + (withMissing[i] ? 1 : 0))));
    const histogramBytes = offsets[binCounts.length];
    const nSlots = histogramBytes / 16;
    const nThreads = 2;
    const nSets = 3;
    const sums = (address: number, factor: number) => {
      const view = memory.f64(address, 2 * nSlots);
      view.forEach((_, i) => {
        const empty = random() < 0.3;
        view[i] = empty ? 0 : Math.floor((i % 2 === 0 ? random() - 0.5 : random()) * 256 * factor) / 64;
      });
    };
    const partials = memory.allocate(histogramBytes * nThreads * nSets);
    for (let i = 0; i < nThreads * nSets; i += 1) sums(partials + i * histogramBytes, 1);
    const built = memory.allocateZeroed(histogramBytes * nSets);
    const siblings = memory.allocate(histogramBytes * nSets);
    for (let i = 0; i < nSets; i += 1) sums(siblings + i * histogramBytes, 4);
    const mask = memory.allocate(8);
    memory.u8(mask, 5).set([1, 0, 1, 1, 0]);
    const sets = memory.allocate(splitSearchSet.size * nSets);
    const nChunks = 3;
    const candidates = memory.allocateZeroed(splitCandidate.size * nSets * nChunks * 2);
    for (let set = 0; set < nSets; set += 1) {
      const record = {
        merge: 1,
        built: built + set * histogramBytes,
        sibling: set === 1 ? 0 : siblings + set * histogramBytes,
        searchBuilt: 1,
        searchSibling: set === 1 ? 0 : 1,
        builtFeatures: set === 2 ? mask : 0,
        siblingFeatures: 0,
        builtGradient: 12.25,
        builtHessian: 300,
        siblingGradient: -40.5,
        siblingHessian: 1000,
        builtGain: 0.5,
        siblingGain: 1.25,
      };
      splitSearchSet.write(memory, sets, record, set);
    }
    const address = memory.allocate(splitSearchArguments.size);
    splitSearchArguments.write(memory, address, {
      sets,
      nFeatures: 5,
      featuresPerChunk: 2,
      nChunks,
      slotOffsets: words(memory, offsets),
      binCounts: words(memory, binCounts),
      partials,
      histogramBytes,
      nThreads,
      nSets,
      touched: words(memory, [1, 1, 0, 0, 1, 1]),
      candidates,
      ...gains,
    });
    const outputs = [
      [built, histogramBytes * nSets] as const,
      [siblings, histogramBytes * nSets] as const,
      [candidates, splitCandidate.size * nSets * nChunks * 2] as const,
    ];
    return { kernel: "searchSplits", address, nTasks: nSets * nChunks, outputs };
  });
  expect(differences).toEqual([]);
});

test.each(["splitRows8", "splitRows16", "sampleRows"])("%s divides each block and keeps the order", (kernel) => {
  const nRows = 1000;
  const blocks = [
    { begin: 0, end: 333, feature: 1, lastLeft: 40, missingCode: 90, missingLeft: 1 },
    { begin: 333, end: 334, feature: 0, lastLeft: -1, missingCode: 90, missingLeft: 0 },
    { begin: 334, end: 1000, feature: 0, lastLeft: -1, missingCode: 90, missingLeft: 1 },
  ];
  const {
    differences,
    outputs: [tasks],
  } = runTwins((memory) => {
    const random = randomNumbers(5);
    const columnCodes = memory.allocate(2 * nRows * 2);
    const codes = kernel === "splitRows16" ? memory.u16(columnCodes, 2 * nRows) : memory.u8(columnCodes, 2 * nRows);
    codes.forEach((_, i) => {
      codes[i] = random() * 91;
    });
    const rows = words(
      memory,
      Array.from({ length: nRows }, (_, i) => (i * 7) % nRows),
    );
    const lefts = memory.allocateZeroed(4 * nRows);
    const rights = memory.allocateZeroed(4 * nRows);
    const records = memory.allocate(partitionTask.size * blocks.length);
    blocks.forEach((block, i) =>
      partitionTask.write(memory, records, { ...block, nLeft: 0, leftTarget: 0, rightTarget: 0 }, i),
    );
    const address = memory.allocate(partitionArguments.size);
    const sampling = { seed: 4, stream: 2, threshold: 0.3 * 2 ** 32 };
    partitionArguments.write(memory, address, {
      columnCodes,
      nRows,
      source: rows,
      rows,
      lefts,
      rights,
      tasks: records,
      ...sampling,
    });
    return { kernel, address, nTasks: blocks.length, outputs: [[records, partitionTask.size * blocks.length]] };
  });
  expect(differences).toEqual([]);
  const nLefts = blocks.map((_, i) => new Uint32Array(tasks.buffer)[i * 9 + 6]);
  if (kernel === "sampleRows") expect(nLefts[0] + nLefts[1] + nLefts[2]).toBeGreaterThan(200);
  else expect(nLefts[1]).toBe(0);
});

test("placed rows stand left rows first, in order", () => {
  const {
    differences,
    outputs: [placed],
  } = runTwins((memory) => {
    const rows = words(memory, [0, 0, 0, 0, 0, 0]);
    const lefts = words(memory, [10, 11, 0, 13, 0, 0]);
    const rights = words(memory, [12, 0, 0, 14, 15, 0]);
    const tasks = memory.allocate(2 * partitionTask.size);
    const common = { feature: 0, lastLeft: 0, missingCode: 0, missingLeft: 0 };
    partitionTask.write(memory, tasks, { ...common, begin: 0, end: 3, nLeft: 2, leftTarget: 0, rightTarget: 3 }, 0);
    partitionTask.write(memory, tasks, { ...common, begin: 3, end: 6, nLeft: 1, leftTarget: 2, rightTarget: 4 }, 1);
    const address = memory.allocate(partitionArguments.size);
    const sampling = { seed: 0, stream: 0, threshold: 0 };
    partitionArguments.write(memory, address, {
      columnCodes: 0,
      nRows: 6,
      source: 0,
      rows,
      lefts,
      rights,
      tasks,
      ...sampling,
    });
    return { kernel: "placeRows", address, nTasks: 2, outputs: [[rows, 24]] };
  });
  expect(differences).toEqual([]);
  expect([...new Uint32Array(placed.buffer)]).toEqual([10, 11, 13, 12, 14, 15]);
});

/** Root: feature 1 below 2.5 (codes up to 1) left, missing left; its right child: feature 0 below 0 (code 0), missing right. */
const smallTree = [
  { threshold: 2.5, feature: 1, left: 1, right: 2, missingLeft: 1, lastLeft: 1, missingCode: 3 },
  { threshold: 0.125, feature: 0, left: 0, right: 0, missingLeft: 0, lastLeft: 0, missingCode: 0 },
  { threshold: 0, feature: 0, left: 3, right: 4, missingLeft: 0, lastLeft: 0, missingCode: 2 },
  { threshold: 0.25, feature: 0, left: 0, right: 0, missingLeft: 0, lastLeft: 0, missingCode: 0 },
  { threshold: 0.5, feature: 0, left: 0, right: 0, missingLeft: 0, lastLeft: 0, missingCode: 0 },
];

function writeSmallTree(memory: SharedMemory): number {
  const nodes = memory.allocate(walkNode.size * smallTree.length);
  smallTree.forEach((node, i) => walkNode.write(memory, nodes, node, i));
  return nodes;
}

test("rows walk a tree by value, missing ones by the default direction", () => {
  const {
    differences,
    outputs: [margins],
  } = runTwins((memory) => {
    const values = floats(memory, 8, (i) => [0, 1, -1, 3, NaN, 2.5, 7, NaN][i]);
    const sums = floats(memory, 8, () => 1);
    const address = memory.allocate(addTreeArguments.size);
    const shape = { nRows: 4, nFeatures: 2, rowsPerTask: 3 };
    addTreeArguments.write(memory, address, {
      nodes: writeSmallTree(memory),
      values,
      ...shape,
      margins: sums,
      nGroups: 2,
      group: 1,
    });
    return { kernel: "addTree", address, nTasks: 2, outputs: [[sums, 32]] };
  });
  expect(differences).toEqual([]);
  expect([...asFloats(margins)]).toEqual([1, 1.125, 1, 1.25, 1, 1.5, 1, 1.125]);
});

test.each([8, 16])("listed rows walk a tree by codes of %i bits", (bits) => {
  const {
    differences,
    outputs: [margins],
  } = runTwins((memory) => {
    const columnCodes = memory.allocate(16);
    const codes = bits === 8 ? memory.u8(columnCodes, 8) : memory.u16(columnCodes, 8);
    codes.set([0, 0, 2, 1, 1, 2, 2, 3]);
    const sums = floats(memory, 4, () => 0);
    const address = memory.allocate(addTreeByCodesArguments.size);
    addTreeByCodesArguments.write(memory, address, {
      nodes: writeSmallTree(memory),
      columnCodes,
      nRows: 4,
      rows: words(memory, [3, 1, 2]),
      nListed: 3,
      rowsPerTask: 2,
      margins: sums,
      nGroups: 1,
      group: 0,
    });
    return { kernel: `addTreeByCodes${bits}`, address, nTasks: 2, outputs: [[sums, 16]] };
  });
  expect(differences).toEqual([]);
  expect([...asFloats(margins)]).toEqual([0, 0.25, 0.5, 0.125]);
});

test("leaf values are added to the rows of each segment", () => {
  const {
    differences,
    outputs: [margins],
  } = runTwins((memory) => {
    const sums = floats(memory, 6, () => 2);
    const tasks = memory.allocate(2 * leafValuesTask.size);
    leafValuesTask.write(memory, tasks, { begin: 0, end: 2, value: 0.5 }, 0);
    leafValuesTask.write(memory, tasks, { begin: 2, end: 3, value: -1 }, 1);
    const address = memory.allocate(leafValuesArguments.size);
    leafValuesArguments.write(memory, address, {
      rows: words(memory, [2, 0, 1]),
      tasks,
      margins: sums,
      nGroups: 2,
      group: 0,
    });
    return { kernel: "addLeafValues", address, nTasks: 2, outputs: [[sums, 24]] };
  });
  expect(differences).toEqual([]);
  expect([...asFloats(margins)]).toEqual([2.5, 2, 1, 2, 2.5, 2]);
});

test.each([8, 16])("rows of a node with two leaves get the value of their side, by codes of %i bits", (bits) => {
  const { differences, outputs } = runTwins((memory) => {
    const columnCodes = memory.allocate(20);
    const codes = bits === 8 ? memory.u8(columnCodes, 10) : memory.u16(columnCodes, 10);
    codes.set([9, 9, 9, 9, 9, 0, 1, 2, 3, 4]);
    const sums = floats(memory, 5, () => 1);
    const tasks = memory.allocate(2 * splitValuesTask.size);
    // Feature 1: codes 0 and 1, and the missing code 4, go left; then only the missing code does.
    const split = { feature: 1, missingCode: 4, missingLeft: 1, leftValue: 0.5, rightValue: -2 };
    splitValuesTask.write(memory, tasks, { ...split, begin: 0, end: 5, lastLeft: 1 }, 0);
    splitValuesTask.write(memory, tasks, { ...split, begin: 3, end: 5, lastLeft: -1, rightValue: 8 }, 1);
    const address = memory.allocate(splitValuesArguments.size);
    const rows = words(memory, [4, 3, 2, 1, 0]);
    splitValuesArguments.write(memory, address, {
      columnCodes,
      nRows: 5,
      rows,
      tasks,
      margins: sums,
      nGroups: 1,
      group: 0,
    });
    return { kernel: `addSplitValues${bits}`, address, nTasks: 2, outputs: [[sums, 20]] };
  });
  expect(differences).toEqual([]);
  expect([...asFloats(outputs[0])]).toEqual([9.5, 9.5, -1, -1, 1.5]);
});
