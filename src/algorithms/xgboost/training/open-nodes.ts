/** The leaves of a growing tree that may still be split, and the order in which they are taken. */
import type { TrainingParameters } from "./parameters.ts";
import type { Split } from "./tree-builder.ts";

export interface OpenNode {
  readonly node: number;
  readonly depth: number;
  /** Its rows: positions in the list of rows. */
  readonly begin: number;
  readonly end: number;
  readonly gradient: number;
  readonly hessian: number;
  /** Where its histogram is kept; -1: nowhere. */
  slot: number;
  split?: Split & { readonly leftGradient: number; readonly leftHessian: number };
}

/** Gains up to this count as none (XGBoost's kRtEps). */
const LEAST_GAIN = Math.fround(1e-6);

export class OpenNodes {
  readonly #parameters: TrainingParameters;
  readonly #gamma: number;
  /** Depthwise: a queue, read from `#next` on. Lossguide: a heap with the greatest gain first. */
  readonly #nodes: OpenNode[] = [];
  #next = 0;
  #nLeaves = 1;

  constructor(parameters: TrainingParameters) {
    this.#parameters = parameters;
    this.#gamma = Math.fround(parameters.gamma);
  }

  /** Whether this split is worth making. */
  isWorthwhile({ split }: OpenNode): boolean {
    return split !== undefined && split.gain > LEAST_GAIN && split.gain >= this.#gamma;
  }

  /** Whether children of a node at `depth` may be split in their turn, as far as depth and leaf count say. */
  mayGoBelow(depth: number): boolean {
    const { maxDepth, maxLeaves } = this.#parameters;
    return (maxDepth === 0 || depth + 1 < maxDepth) && (maxLeaves === 0 || this.#nLeaves < maxLeaves);
  }

  /** @param open a node whose split is worthwhile; depthwise they must come in the order of their numbers */
  push(open: OpenNode): void {
    this.#nodes.push(open);
    if (this.#parameters.growPolicy === "lossguide") this.#siftUp(this.#nodes.length - 1);
  }

  /** The nodes to expand next: the whole level depthwise, the best leaf lossguide; none when the tree is full. */
  take(): OpenNode[] {
    const room = this.#parameters.maxLeaves === 0 ? Infinity : this.#parameters.maxLeaves - this.#nLeaves;
    const taken = this.#parameters.growPolicy === "lossguide" ? this.#takeBest(room) : this.#takeLevel(room);
    this.#nLeaves += taken.length;
    return taken;
  }

  /** What was never taken. */
  rest(): OpenNode[] {
    return this.#nodes.slice(this.#next);
  }

  #takeLevel(room: number): OpenNode[] {
    const first = this.#next;
    const depth = this.#nodes[first]?.depth;
    while (this.#next < this.#nodes.length && this.#nodes[this.#next].depth === depth && this.#next - first < room)
      this.#next += 1;
    return this.#nodes.slice(first, this.#next);
  }

  #takeBest(room: number): OpenNode[] {
    if (room <= 0 || this.#nodes.length === 0) return [];
    const best = this.#nodes[0];
    const last = this.#nodes.pop()!;
    if (this.#nodes.length > 0) {
      this.#nodes[0] = last;
      this.#siftDown();
    }
    return [best];
  }

  #siftUp(from: number): void {
    const heap = this.#nodes;
    for (let child = from; child > 0;) {
      const parent = (child - 1) >> 1;
      if (!comesFirst(heap[child], heap[parent])) return;
      [heap[child], heap[parent]] = [heap[parent], heap[child]];
      child = parent;
    }
  }

  #siftDown(): void {
    const heap = this.#nodes;
    for (let parent = 0; ;) {
      let child = 2 * parent + 1;
      if (child >= heap.length) return;
      if (child + 1 < heap.length && comesFirst(heap[child + 1], heap[child])) child += 1;
      if (!comesFirst(heap[child], heap[parent])) return;
      [heap[child], heap[parent]] = [heap[parent], heap[child]];
      parent = child;
    }
  }
}

/** Greater gain first, older node first among equals. */
function comesFirst(a: OpenNode, b: OpenNode): boolean {
  const difference = a.split!.gain - b.split!.gain;
  return difference === 0 ? a.node < b.node : difference > 0;
}
