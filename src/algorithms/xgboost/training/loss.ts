/** Gradients of the training objective at the current margins. */
import type { KernelPool } from "../../../engine/kernel-pool.ts";
import { gradientArguments, roundingAnchor, roundPairsArguments } from "../../../engine/kernels/gradient-pairs.ts";
import type { TrainingObjective, TrainingParameters } from "./parameters.ts";

const ROWS_PER_TASK = 8192;
const PARALLEL_PAIRS = 8192;

const kernelOf: Readonly<Record<TrainingObjective, string>> = {
  "reg:squarederror": "squaredErrorGradients",
  "reg:logistic": "logisticGradients",
  "binary:logistic": "logisticGradients",
  "multi:softmax": "softmaxGradients",
  "multi:softprob": "softmaxGradients",
};

export class Loss {
  /** Address of f32 (nGroups, nRows, 2): pairs that sum exactly, after `update`. */
  readonly pairs: number;
  readonly #pool: KernelPool;
  readonly #kernel: string;
  readonly #nRows: number;
  readonly #nPairs: number;
  readonly #nTasks: number;
  readonly #maxima: number;
  readonly #arguments: number;
  readonly #roundArguments: number;

  /** @param data addresses of margins (nRows, nGroups), labels (nRows) and weights (nRows) or 0 */
  constructor(
    pool: KernelPool,
    { objective, scalePosWeight }: TrainingParameters,
    data: {
      readonly margins: number;
      readonly labels: number;
      readonly weights: number;
      readonly nRows: number;
      readonly nGroups: number;
    },
  ) {
    const { memory } = pool;
    const { nRows, nGroups } = data;
    this.#pool = pool;
    this.#kernel = kernelOf[objective];
    this.#nRows = nRows;
    this.#nPairs = nRows * nGroups;
    this.#nTasks = Math.ceil(nRows / ROWS_PER_TASK);
    this.pairs = memory.allocate(8 * this.#nPairs);
    this.#maxima = memory.allocate(8 * this.#nTasks);
    this.#arguments = memory.allocate(gradientArguments.size);
    this.#roundArguments = memory.allocate(roundPairsArguments.size);
    gradientArguments.write(memory, this.#arguments, {
      ...data,
      rowsPerTask: ROWS_PER_TASK,
      positiveWeight: scalePosWeight,
      pairs: this.pairs,
      maxima: this.#maxima,
    });
  }

  /** Computes the pairs of all groups. */
  update(): void {
    const { memory } = this.#pool;
    const parallel = this.#nPairs > PARALLEL_PAIRS;
    this.#pool.run(this.#kernel, this.#arguments, this.#nTasks, parallel);
    const maxima = memory.f32(this.#maxima, 2 * this.#nTasks);
    let greatestGradient = 0;
    let greatestHessian = 0;
    for (let i = 0; i < maxima.length; i += 2) {
      greatestGradient = Math.max(greatestGradient, maxima[i]);
      greatestHessian = Math.max(greatestHessian, maxima[i + 1]);
    }
    roundPairsArguments.write(memory, this.#roundArguments, {
      pairs: this.pairs,
      nPairs: this.#nPairs,
      pairsPerTask: ROWS_PER_TASK,
      gradientAnchor: roundingAnchor(greatestGradient, this.#nRows),
      hessianAnchor: roundingAnchor(greatestHessian, this.#nRows),
    });
    this.#pool.run("roundPairs", this.#roundArguments, Math.ceil(this.#nPairs / ROWS_PER_TASK), parallel);
  }

  /** Address of the pairs of one group. */
  pairsOf(group: number): number {
    return this.pairs + 8 * this.#nRows * group;
  }
}
