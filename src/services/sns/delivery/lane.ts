/**
 * The deliveries of one subscription in the order in which they are due. A few run at the same time, so that one slow
 * endpoint holds up nobody else and not even itself.
 */
import { sleep, type Clock } from "../../../util/clock.ts";
import { BinaryHeap } from "../../../util/binary-heap.ts";
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
  readonly #due = new BinaryHeap<PendingDelivery>((one, other) => one.body.dueAt - other.body.dueAt);
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
    return this.#due.size + this.#running;
  }

  get isEmpty(): boolean {
    return this.length === 0;
  }

  add(delivery: PendingDelivery): void {
    this.#due.push(delivery);
  }

  /** The next delivery if it is due, to be given back by `release`; otherwise wakes its owner when one is. */
  take(): PendingDelivery | undefined {
    this.#cancelTimer?.();
    this.#cancelTimer = undefined;
    const first = this.#due.first;
    if (first === undefined || this.#running >= maxPerLane) return undefined;
    const waitMs = first.body.dueAt - this.#clock.now();
    if (waitMs > 0) {
      this.#cancelTimer = this.#clock.schedule(waitMs, () => this.#wake(this));
      return undefined;
    }
    this.#running += 1;
    return this.#due.shift();
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
}
