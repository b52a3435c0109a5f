/**
 * The deliveries of one subscription in the order in which they are due. A few run at the same time, so that one slow
 * endpoint holds up nobody else and not even itself.
 */
import { sleep, type Clock } from "../../../util/clock.ts";
import type { DeliveryBody } from "../records.ts";

/** Tries of one subscription under way at the same time. */
const maxPerLane = 8;

export interface PendingDelivery {
  readonly body: DeliveryBody;
  /** One too many: it is given up instead of tried. */
  readonly overflow: boolean;
}

export class Lane {
  readonly id: string;
  readonly #clock: Clock;
  readonly #wake: (lane: Lane) => void;
  /** A binary heap: nobody is due before its parent. */
  readonly #heap: PendingDelivery[] = [];
  #running = 0;
  /** ms since the epoch: when the endpoint may get its next message, by the rate that it allows. */
  #nextTurn = 0;
  #cancelTimer: (() => void) | undefined;

  constructor(id: string, clock: Clock, wake: (lane: Lane) => void) {
    this.id = id;
    this.#clock = clock;
    this.#wake = wake;
  }

  get length(): number {
    return this.#heap.length + this.#running;
  }

  get isEmpty(): boolean {
    return this.length === 0;
  }

  add(delivery: PendingDelivery): void {
    const heap = this.#heap;
    let at = heap.push(delivery) - 1;
    while (at > 0) {
      const parent = (at - 1) >> 1;
      if (heap[parent].body.dueAt <= heap[at].body.dueAt) break;
      [heap[parent], heap[at]] = [heap[at], heap[parent]];
      at = parent;
    }
  }

  /** The next delivery if it is due, to be given back by `release`; otherwise wakes its owner when one is. */
  take(): PendingDelivery | undefined {
    this.#cancelTimer?.();
    this.#cancelTimer = undefined;
    const first = this.#heap[0];
    if (first === undefined || this.#running >= maxPerLane) return undefined;
    const waitMs = first.body.dueAt - this.#clock.now();
    if (waitMs > 0) {
      this.#cancelTimer = this.#clock.schedule(waitMs, () => this.#wake(this));
      return undefined;
    }
    this.#running += 1;
    return this.#pop();
  }

  release(): void {
    this.#running -= 1;
  }

  /**
   * Waits until the endpoint may get one more.
   * @param perSecond deliveries in a second; undefined for no limit
   */
  async turn(perSecond: number | undefined, signal: AbortSignal): Promise<void> {
    if (perSecond === undefined) return;
    const now = this.#clock.now();
    const at = Math.max(this.#nextTurn, now);
    this.#nextTurn = at + 1000 / perSecond;
    if (at > now) await sleep(this.#clock, at - now, signal);
  }

  stop(): void {
    this.#cancelTimer?.();
    this.#cancelTimer = undefined;
  }

  #pop(): PendingDelivery {
    const heap = this.#heap;
    const [first] = heap;
    const last = heap.pop()!;
    if (heap.length === 0) return first;
    heap[0] = last;
    let at = 0;
    for (;;) {
      const [left, right] = [2 * at + 1, 2 * at + 2];
      let least = at;
      if (left < heap.length && heap[left].body.dueAt < heap[least].body.dueAt) least = left;
      if (right < heap.length && heap[right].body.dueAt < heap[least].body.dueAt) least = right;
      if (least === at) return first;
      [heap[at], heap[least]] = [heap[least], heap[at]];
      at = least;
    }
  }
}
