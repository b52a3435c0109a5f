/** The training features as the tree grower reads them: cut points, and bin codes by column and by row. */
import { ClientError } from "../../algorithm.ts";
import type { KernelPool } from "../../../engine/kernel-pool.ts";
import {
  ENCODE_SCRATCH_BYTES,
  encodeColumnsArguments,
  transposeCodesArguments,
} from "../../../engine/kernels/bin-codes.ts";
import { quantileCutsArguments, quantileCutsScratchBytes } from "../../../engine/kernels/quantile-cuts.ts";
import type { SharedMemory } from "../../../engine/shared-memory.ts";
import type { Struct } from "../../../engine/struct.ts";
import type { FeatureMatrix } from "../dataset.ts";

export interface BinnedMatrix {
  readonly nRows: number;
  readonly nFeatures: number;
  /** Width of a code in bits. */
  readonly codeBits: 8 | 16;
  /** (nFeatures, nRows). */
  readonly columnCodes: number;
  /** (nRows, nFeatures), each row on `rowBytes` bytes. */
  readonly rowCodes: number;
  readonly rowBytes: number;
  /** Cuts of all features, `maxBin` places each. */
  readonly cuts: Float32Array;
  readonly cutStride: number;
  readonly binCounts: Uint32Array;
  readonly binCountsAddress: number;
  /** Below every value of the feature: the threshold of "only missing values go left". */
  readonly minimums: Float32Array;
  readonly slotOffsets: Uint32Array;
  readonly slotOffsetsAddress: number;
  readonly histogramBytes: number;
}

const ROWS_PER_TASK = 16_384;
const SLOT_BYTES = 16;

/**
 * Finds the cut points and encodes the features. What it leaves in the pool's memory stays there.
 * @throws ClientError when a feature holds an infinite value
 */
export function binFeatures(
  pool: KernelPool,
  features: FeatureMatrix,
  weights: Float32Array | undefined,
  maxBin: number,
): BinnedMatrix {
  const { memory } = pool;
  const { nRows, nFeatures } = features;
  const cutsAddress = memory.allocate(4 * nFeatures * maxBin);
  const binCountsAddress = memory.allocate(4 * nFeatures);
  const minimumsAddress = memory.allocate(4 * nFeatures);
  const missingAddress = memory.allocate(4 * nFeatures);
  const slotOffsetsAddress = memory.allocate(4 * (nFeatures + 1));
  const cells = nRows * nFeatures;

  // The widest codes that may be needed are reserved before the raw values, which are given back afterwards.
  const mayNeed16 = maxBin + 1 > 256;
  const widestCode = mayNeed16 ? 2 : 1;
  const columnCodes = memory.allocate(cells * widestCode);
  const rowCodes = memory.allocate(nRows * alignedRowBytes(nFeatures * widestCode));
  const mark = memory.mark();
  const raw = stageColumns(memory, features);
  const weightsAddress = weights === undefined ? 0 : copyIn(memory, weights);
  const scratchBytes = quantileCutsScratchBytes(nRows, maxBin);
  const infiniteAddress = memory.allocate(4 * nFeatures);
  const scratch = memory.allocate(scratchBytes * pool.nThreads);
  runKernel(pool, "quantileCuts", quantileCutsArguments, nFeatures, {
    ...raw,
    nRows,
    weights: weightsAddress,
    maxBins: maxBin,
    scratch,
    scratchBytes,
    cuts: cutsAddress,
    cutCounts: binCountsAddress,
    minimums: minimumsAddress,
    missingCounts: missingAddress,
    infiniteCounts: infiniteAddress,
  });
  const infinite = memory.u32(infiniteAddress, nFeatures).findIndex((count) => count > 0);
  if (infinite !== -1) {
    throw new ClientError(
      `feature ${infinite} holds an infinite value; values must be finite numbers or missing. Replace it in the training data.`,
    );
  }

  const binCounts = memory.u32(binCountsAddress, nFeatures);
  const missingCounts = memory.u32(missingAddress, nFeatures);
  const slotCounts = Array.from(binCounts, (bins, feature) => bins + (missingCounts[feature] > 0 ? 1 : 0));
  const codeBits = slotCounts.some((count) => count > 256) ? 16 : 8;
  const slotOffsets = memory.u32(slotOffsetsAddress, nFeatures + 1);
  slotOffsets[0] = 0;
  slotCounts.forEach((count, feature) => {
    slotOffsets[feature + 1] = slotOffsets[feature] + SLOT_BYTES * count;
  });
  const nBlocks = Math.ceil(nRows / ROWS_PER_TASK);
  runKernel(pool, `encodeColumns${codeBits}`, encodeColumnsArguments, nFeatures * nBlocks, {
    ...raw,
    nRows,
    cuts: cutsAddress,
    cutCounts: binCountsAddress,
    maxBins: maxBin,
    rowsPerTask: ROWS_PER_TASK,
    nBlocks,
    scratch: memory.allocate(ENCODE_SCRATCH_BYTES * pool.nThreads),
    codes: columnCodes,
  });
  const rowBytes = alignedRowBytes((nFeatures * codeBits) / 8);
  // A block of rows of all columns should fit the second-level cache while it is turned.
  const rowsPerTask = Math.max(64, Math.floor(131_072 / nFeatures));
  runKernel(pool, `transposeCodes${codeBits}`, transposeCodesArguments, Math.ceil(nRows / rowsPerTask), {
    columnCodes,
    nRows,
    nColumns: nFeatures,
    rowsPerTask,
    rowCodes,
    rowBytes,
  });
  memory.release(mark);
  return {
    nRows,
    nFeatures,
    codeBits,
    columnCodes,
    rowCodes,
    rowBytes,
    cuts: memory.f32(cutsAddress, nFeatures * maxBin),
    cutStride: maxBin,
    binCounts,
    binCountsAddress,
    minimums: memory.f32(minimumsAddress, nFeatures),
    slotOffsets,
    slotOffsetsAddress,
    histogramBytes: slotOffsets[nFeatures],
  };
}

/** Bytes for a row of `bytes` bytes: up to a quarter more, so that rows straddle as few cache lines as may be. */
function alignedRowBytes(bytes: number): number {
  const unit = [64, 32, 16, 8, 4, 2].find((size) => Math.ceil(bytes / size) * size <= 1.25 * bytes) ?? 1;
  return Math.ceil(bytes / unit) * unit;
}

/** Puts the raw values into the pool's memory by column. */
function stageColumns(
  memory: SharedMemory,
  features: FeatureMatrix,
): { columns: number; columnStart: number; columnRows: number } {
  return features.kind === "dense" ? stageDense(memory, features) : stageSparse(memory, features);
}

function stageDense(memory: SharedMemory, { nRows, nFeatures, values }: FeatureMatrix & { kind: "dense" }) {
  const columns = memory.allocate(4 * nRows * nFeatures);
  const target = memory.f32(columns, nRows * nFeatures);
  // Turned in blocks of rows, so that what is read stays in the cache until all columns have taken their part.
  const blockRows = 256;
  for (let begin = 0; begin < nRows; begin += blockRows) {
    const end = Math.min(nRows, begin + blockRows);
    for (let feature = 0; feature < nFeatures; feature += 1) {
      const column = feature * nRows;
      for (let row = begin, at = begin * nFeatures + feature; row < end; row += 1, at += nFeatures)
        target[column + row] = values[at];
    }
  }
  return { columns, columnStart: 0, columnRows: 0 };
}

function stageSparse(
  memory: SharedMemory,
  { nRows, nFeatures, rowStart, columns: columnOf, values }: FeatureMatrix & { kind: "sparse" },
) {
  const columnStart = memory.allocateZeroed(4 * (nFeatures + 1));
  const columns = memory.allocate(4 * values.length);
  const columnRows = memory.allocate(4 * values.length);
  const start = memory.u32(columnStart, nFeatures + 1);
  const target = memory.f32(columns, values.length);
  const rows = memory.u32(columnRows, values.length);
  const end = Number(rowStart[nRows]);
  for (let at = 0; at < end; at += 1) start[columnOf[at] + 1] += 1;
  for (let feature = 0; feature < nFeatures; feature += 1) start[feature + 1] += start[feature];
  const next = start.slice();
  for (let row = 0; row < nRows; row += 1) {
    for (let at = rowStart[row]; at < rowStart[row + 1]; at += 1) {
      const place = next[columnOf[at]];
      next[columnOf[at]] += 1;
      target[place] = values[at];
      rows[place] = row;
    }
  }
  return { columns, columnStart, columnRows };
}

/** Copies numbers into the pool's memory. */
export function copyIn(memory: SharedMemory, values: Float32Array): number {
  const address = memory.allocate(4 * values.length);
  memory.f32(address, values.length).set(values);
  return address;
}

/** Writes the arguments of a kernel and runs it. */
function runKernel<F extends Readonly<Record<string, "u32" | "i32" | "f32" | "f64">>>(
  pool: KernelPool,
  name: string,
  layout: Struct<F>,
  nTasks: number,
  values: { [K in keyof F]: number },
): void {
  const mark = pool.memory.mark();
  const address = pool.memory.allocate(layout.size);
  layout.write(pool.memory, address, values);
  pool.run(name, address, nTasks);
  pool.memory.release(mark);
}
