/**
 * The messages of one queue as they stand: an index in memory over records on disk.
 *
 * What a message says is on disk alone. A change counts when it is written; what is given out is marked here first, so that
 * nobody else gets it while the write is under way. After a restart the index is read anew, with all counts.
 */
import type { RecordChange, RecordStore } from "../../storage/record-store.ts";
import { BinaryHeap } from "../../util/binary-heap.ts";
import { contentKey, stateKey, type MessageContent, type MessageState, type Space } from "./records.ts";

const loadPage = 1000;
const spareMentions = 1000;

export type Stage = "ready" | "delayed" | "inFlight";

/** A message in the index. */
export interface Entry {
  readonly id: string;
  readonly sentAt: number;
  readonly order: number;
  visibleAt: number;
  receiveCount: number;
  firstReceivedAt: number | undefined;
  stage: Stage | "gone";
  /** Grows when the entry changes its place; older mentions of it in the heaps are void. */
  turn: number;
}

interface Mention {
  readonly entry: Entry;
  readonly at: number;
  readonly turn: number;
}

const earlier = (one: Mention, other: Mention) => one.at - other.at;

export class Contents {
  readonly id: string;
  readonly space: Space;
  readonly #entries = new Map<string, Entry>();
  /** In the order in which they were sent. */
  readonly #ready = new BinaryHeap<Mention>(earlier);
  /** Delayed or in flight, by the time at which they become visible. */
  readonly #later = new BinaryHeap<Mention>(earlier);
  /** All of them, by the time they were sent: the oldest expire first. */
  readonly #byAge = new BinaryHeap<Mention>(earlier);
  readonly #counts: Record<Stage, number> = { ready: 0, delayed: 0, inFlight: 0 };
  readonly #waiters = new Set<() => void>();
  #isClosed = false;

  private constructor(space: Space, id: string) {
    this.space = space;
    this.id = id;
  }

  static async load(records: RecordStore, space: Space, id: string, now: number): Promise<Contents> {
    const contents = new Contents(space, id);
    let nameAfter: string | undefined;
    for (;;) {
      const page = await records.list<MessageState>({
        accountId: space.accountId,
        region: space.region,
        family: "sqs-message",
        orderBy: "name",
        namePrefix: `${id}:`,
        limit: loadPage,
        ...(nameAfter === undefined ? {} : { nameAfter }),
      });
      for (const { name, body } of page.records) contents.add(name.slice(id.length + 1), body, now);
      if (page.next === undefined) return contents;
      nameAfter = page.next.name;
    }
  }

  get size(): number {
    return this.#entries.size;
  }

  /** How many messages are in each stage at this time. */
  counts(now: number): Readonly<Record<Stage, number>> {
    this.#advance(now);
    return { ...this.#counts };
  }

  find(messageId: string): Entry | undefined {
    return this.#entries.get(messageId);
  }

  add(id: string, state: MessageState, now: number): void {
    const { sentAt, order, visibleAt, receiveCount, firstReceivedAt } = state;
    const entry: Entry = { id, sentAt, order, visibleAt, receiveCount, firstReceivedAt, stage: "gone", turn: 0 };
    this.#entries.set(id, entry);
    this.#byAge.push({ entry, at: sentAt, turn: 0 });
    this.#place(entry, now);
  }

  remove(entry: Entry): void {
    if (entry.stage === "gone") return;
    this.#counts[entry.stage] -= 1;
    entry.stage = "gone";
    entry.turn += 1;
    this.#entries.delete(entry.id);
    this.#compact();
  }

  /** Takes the oldest message that is visible; it is in flight until `visibleAt`. */
  take(now: number, visibleAt: number): Entry | undefined {
    this.#advance(now);
    for (let mention = this.#ready.shift(); mention !== undefined; mention = this.#ready.shift()) {
      const { entry, turn } = mention;
      if (entry.turn !== turn) continue;
      entry.receiveCount += 1;
      entry.firstReceivedAt ??= now;
      this.reschedule(entry, visibleAt, now);
      return entry;
    }
    return undefined;
  }

  /** The receipt was not written: as if it had not been. */
  putBack(entry: Entry, now: number): void {
    if (entry.stage === "gone") return;
    entry.receiveCount -= 1;
    if (entry.receiveCount === 0) entry.firstReceivedAt = undefined;
    this.reschedule(entry, now, now);
  }

  reschedule(entry: Entry, visibleAt: number, now: number): void {
    if (entry.stage === "gone") return;
    entry.visibleAt = visibleAt;
    this.#counts[entry.stage] -= 1;
    entry.stage = "gone";
    this.#place(entry, now);
  }

  /** Messages sent before `sentBefore`, at most `limit`; they are not in the index any more. */
  expire(sentBefore: number, limit: number): Entry[] {
    const expired: Entry[] = [];
    while (expired.length < limit && (this.#byAge.first?.at ?? Infinity) < sentBefore) {
      const { entry } = this.#byAge.shift()!;
      if (this.#entries.get(entry.id) !== entry) continue;
      this.remove(entry);
      expired.push(entry);
    }
    return expired;
  }

  /** ms since the epoch at which the next message becomes visible; undefined when none waits for its time. */
  nextVisibleAt(): number | undefined {
    while (this.#later.first !== undefined && this.#later.first.turn !== this.#later.first.entry.turn) {
      this.#later.shift();
    }
    return this.#later.first?.at;
  }

  /** Calls `wake` once, when something may be there to receive; the returned function forgets it. */
  onChange(wake: () => void): () => void {
    this.#waiters.add(wake);
    return () => this.#waiters.delete(wake);
  }

  /** The queue was purged or deleted, and these are its messages no more: whoever waits looks again. */
  close(): void {
    this.#isClosed = true;
    this.#wakeAll();
  }

  get isClosed(): boolean {
    return this.#isClosed;
  }

  #wakeAll(): void {
    const waiting = [...this.#waiters];
    this.#waiters.clear();
    for (const wake of waiting) wake();
  }

  stateOf({ sentAt, order, visibleAt, receiveCount, firstReceivedAt }: Entry): MessageState {
    return { sentAt, order, visibleAt, receiveCount, ...(firstReceivedAt === undefined ? {} : { firstReceivedAt }) };
  }

  /** @param id of a message that is not in the index yet: it is added when this was written */
  insertion(id: string, state: MessageState, content: MessageContent): RecordChange[] {
    return [
      { op: "insert", key: stateKey(this.space, this.id, id), body: state },
      { op: "insert", key: contentKey(this.space, this.id, id), body: content },
    ];
  }

  update(entry: Entry): RecordChange {
    return { op: "update", key: stateKey(this.space, this.id, entry.id), body: this.stateOf(entry) };
  }

  deletion({ id }: Entry): RecordChange[] {
    return [
      { op: "delete", key: stateKey(this.space, this.id, id), ifExists: true },
      { op: "delete", key: contentKey(this.space, this.id, id), ifExists: true },
    ];
  }

  /** Void mentions never outnumber the messages by much. */
  #compact(): void {
    const most = 2 * this.#entries.size + spareMentions;
    for (const heap of [this.#ready, this.#later]) {
      if (heap.size > most) heap.keep(({ entry, turn }) => entry.turn === turn);
    }
    if (this.#byAge.size > most) this.#byAge.keep(({ entry }) => entry.stage !== "gone");
  }

  #advance(now: number): void {
    while ((this.#later.first?.at ?? Infinity) <= now) {
      const { entry, turn } = this.#later.shift()!;
      if (entry.turn !== turn || entry.stage === "gone") continue;
      this.#counts[entry.stage] -= 1;
      entry.stage = "gone";
      this.#place(entry, now);
    }
  }

  #place(entry: Entry, now: number): void {
    entry.turn += 1;
    entry.stage = entry.visibleAt <= now ? "ready" : entry.receiveCount > 0 ? "inFlight" : "delayed";
    this.#counts[entry.stage] += 1;
    const isReady = entry.stage === "ready";
    const mention = { entry, at: isReady ? entry.order : entry.visibleAt, turn: entry.turn };
    (isReady ? this.#ready : this.#later).push(mention);
    this.#compact();
    // Also when it waits: it may be the first of those that do, and who listens sets a timer by it.
    this.#wakeAll();
  }
}
