/**
 * Reconcilers drive resources to states that last.
 *
 * `Create…` and its like only write what is wanted. The engine runs the family's `step` on every record in an unsettled
 * state: one step at a time per record, many records at once, again and again until the state is one that lasts. A step
 * does one durable, repeatable thing. After a restart the engine finds the unsettled records and goes on from what they
 * say; nothing else is remembered.
 */
import {
  RecordMissing,
  RevisionConflict,
  type RecordKey,
  type RecordStore,
  type StoredRecord,
  type WriteOptions,
} from "../storage/record-store.ts";
import type { Clock } from "../util/clock.ts";
import { removalOf, sameKey } from "./record-changes.ts";
import type { ResourceChange } from "./resource-family.ts";

const firstRetryMs = 1000;
const longestRetryMs = 60_000;
const defaultMaxAttempts = 10;
const defaultConcurrency = 1000;

export interface Reconciler<Body> {
  readonly family: string;
  /** The states in which there is something to do. */
  readonly unsettled: readonly string[];
  /**
   * Brings a record closer to a state that lasts, and writes that with `context.update` or `context.remove`. It may take
   * as long as the thing itself, so it listens to `context.signal` and `context.changed`. It may run again after any
   * interruption, so it repeats without harm what it did already.
   */
  step(record: StoredRecord<Body>, context: StepContext<Body>): Promise<void>;
  /** Called when `maxAttempts` steps in a row failed: writes the state that says so. */
  giveUp(record: StoredRecord<Body>, error: unknown, context: StepContext<Body>): Promise<void>;
  /** Steps in a row that may fail; default 10. They are 1 s, 2 s, 4 s, … 60 s apart. */
  readonly maxAttempts?: number;
  /** Records that are worked on at the same time; default 1,000. */
  readonly concurrency?: number;
}

export interface StepContext<Body> {
  readonly clock: Clock;
  /** Aborts when the engine stops; the step then leaves soon, by throwing or returning. */
  readonly signal: AbortSignal;
  /**
   * Resolves as soon as the record is not what this step knows: somebody else wrote or deleted it. Rejects with the
   * signal's reason when the engine stops.
   */
  changed(): Promise<void>;
  /**
   * Writes the record and returns it as it is then; the next `update` builds on that.
   * @param call names the step in the history; default `reconcile`
   * @throws RevisionConflict when somebody else wrote it since: let it pass, the engine reads the record and begins anew
   */
  update(change: ResourceChange<Body>, call?: string): Promise<StoredRecord<Body>>;
  /**
   * Writes the record by what it is now, whoever wrote it meanwhile; `decide` may run several times. Undefined leaves it.
   * @throws RecordMissing when it is gone
   */
  revise(
    decide: (record: StoredRecord<Body>) => ResourceChange<Body> | undefined,
    call?: string,
  ): Promise<StoredRecord<Body>>;
  /** Deletes the record and its tags. @throws RevisionConflict */
  remove(call?: string): Promise<void>;
}

export interface ReconcilerEngineOptions {
  readonly records: RecordStore;
  readonly clock: Clock;
  /** Told of every step that failed. */
  readonly log: (what: string, error: unknown) => void;
}

/** A record that is being driven. */
interface Task {
  readonly key: RecordKey;
  readonly family: FamilyQueue;
  readonly controller: AbortController;
  /** Somebody wrote the record since it was last read for a step. */
  notified: boolean;
  /** Called once, at the next note or when the engine stops. */
  readonly listeners: Set<() => void>;
  done: Promise<void>;
}

/** A reconciler and its places; who finds none waits in line. */
interface FamilyQueue {
  readonly reconciler: Reconciler<unknown>;
  freePlaces: number;
  readonly line: (() => void)[];
}

export class ReconcilerEngine {
  readonly #records: RecordStore;
  readonly #clock: Clock;
  readonly #log: (what: string, error: unknown) => void;
  readonly #families = new Map<string, FamilyQueue>();
  readonly #tasks = new Map<string, Task>();
  #phase: "new" | "running" | "stopping" = "new";

  constructor({ records, clock, log }: ReconcilerEngineOptions) {
    this.#records = records;
    this.#clock = clock;
    this.#log = log;
  }

  /** Adds a reconciler, before `start`; one per family. */
  add<Body>(reconciler: Reconciler<Body>): void {
    const { family, concurrency = defaultConcurrency } = reconciler;
    if (this.#phase !== "new") throw new Error(`the reconciler of ${family} comes after the engine was started`);
    if (this.#families.has(family)) throw new Error(`${family} has a reconciler already`);
    this.#families.set(family, { reconciler: reconciler as Reconciler<unknown>, freePlaces: concurrency, line: [] });
  }

  /** Goes on with every record that is in an unsettled state. */
  async start(): Promise<void> {
    if (this.#phase !== "new") throw new Error("the reconcilers were started already");
    this.#phase = "running";
    for (const { reconciler } of this.#families.values()) {
      const unsettled = await this.#records.listByStatus(reconciler.family, reconciler.unsettled);
      for (const record of unsettled) this.notify(record);
    }
  }

  /** Somebody else than its reconciler wrote or deleted a record. Does nothing for families without a reconciler. */
  notify({ accountId, region, family, name }: RecordKey): void {
    const queue = this.#families.get(family);
    if (queue === undefined || this.#phase !== "running") return;
    const id = JSON.stringify([family, accountId, region, name]);
    const known = this.#tasks.get(id);
    if (known !== undefined) {
      known.notified = true;
      wake(known);
      return;
    }
    const task: Task = {
      key: { accountId, region, family, name },
      family: queue,
      controller: new AbortController(),
      notified: false,
      listeners: new Set(),
      done: Promise.resolve(),
    };
    this.#tasks.set(id, task);
    task.done = this.#drive(task)
      .catch((error: unknown) => this.#log(`${family} "${name}" is no longer driven: its record cannot be read`, error))
      .finally(() => {
        this.#tasks.delete(id);
        // What was written between the last look and this moment begins anew.
        if (task.notified) this.notify(task.key);
      });
  }

  /** Resolves when no record is being driven. Records that wait for a retry are. */
  async idle(): Promise<void> {
    while (this.#tasks.size > 0) await Promise.all([...this.#tasks.values()].map(({ done }) => done));
  }

  /** Tells the steps to leave, and waits until they have. */
  async stop(): Promise<void> {
    this.#phase = "stopping";
    for (const task of this.#tasks.values()) {
      task.controller.abort(new Error("the server is stopping"));
      wake(task);
    }
    await this.idle();
  }

  /** Runs steps on one record until it is settled, gone, or the engine stops. */
  async #drive(task: Task): Promise<void> {
    const { reconciler } = task.family;
    const { signal } = task.controller;
    const maxAttempts = reconciler.maxAttempts ?? defaultMaxAttempts;
    let failures = 0;
    let fruitless = 0;
    let lastError: unknown;
    while (!signal.aborted) {
      const leave = await enter(task.family);
      let pauseMs = 0;
      try {
        task.notified = false;
        const record = await this.#records.get(task.key);
        if (record === undefined || !reconciler.unsettled.includes(record.status)) {
          if (task.notified) continue;
          return;
        }
        if (signal.aborted) return;
        const step = new Step(this.#records, this.#clock, task, record);
        try {
          if (failures < maxAttempts) {
            await reconciler.step(record, step);
            failures = 0;
          } else {
            await reconciler.giveUp(record, lastError, step);
          }
          // A step that left the record as it was would be run again at once, and for ever.
          fruitless = isSameVersion(await this.#records.get(task.key), record) ? fruitless + 1 : 0;
          pauseMs = fruitless === 0 ? 0 : retryDelayMs(fruitless);
        } catch (error) {
          if (signal.aborted) return;
          // The record is not what the step took it for: read it again, there is nothing to wait for.
          if (isConflict(error, task.key)) continue;
          failures += 1;
          lastError = error;
          pauseMs = retryDelayMs(failures);
          const { family, name } = task.key;
          this.#log(
            `a step of ${family} "${name}" failed (${failures} of ${maxAttempts}), next in ${pauseMs} ms`,
            error,
          );
        } finally {
          task.listeners.clear();
        }
      } finally {
        leave();
      }
      if (pauseMs > 0) await this.#pause(task, pauseMs);
    }
  }

  /** Waits for the time, for somebody to write the record, or for the engine to stop. */
  #pause(task: Task, delayMs: number): Promise<void> {
    if (task.notified || task.controller.signal.aborted) return Promise.resolve();
    return new Promise((resolve) => {
      const end = () => {
        cancel();
        task.listeners.delete(end);
        resolve();
      };
      const cancel = this.#clock.schedule(delayMs, end);
      task.listeners.add(end);
    });
  }
}

class Step implements StepContext<unknown> {
  readonly clock: Clock;
  readonly signal: AbortSignal;
  readonly #records: RecordStore;
  readonly #task: Task;
  /** As this step knows it; undefined after removing it. */
  #record: StoredRecord | undefined;

  constructor(records: RecordStore, clock: Clock, task: Task, record: StoredRecord) {
    this.clock = clock;
    this.signal = task.controller.signal;
    this.#records = records;
    this.#task = task;
    this.#record = record;
  }

  changed(): Promise<void> {
    const changed = this.#changed();
    // A step that does not wait for it any more must not end the process when the engine stops.
    changed.catch(() => {});
    return changed;
  }

  async #changed(): Promise<void> {
    for (;;) {
      this.signal.throwIfAborted();
      // Listening begins before reading, so that nothing falls in between.
      const noted = new Promise<void>((resolve) => {
        this.#task.listeners.add(resolve);
      });
      if (!isSameVersion(await this.#records.get(this.#task.key), this.#record)) return;
      await noted;
    }
  }

  async update(change: ResourceChange<unknown>, call = "reconcile"): Promise<StoredRecord> {
    return this.#write(change, this.#record?.revision, call);
  }

  async revise(
    decide: (record: StoredRecord) => ResourceChange<unknown> | undefined,
    call = "reconcile",
  ): Promise<StoredRecord> {
    for (;;) {
      const current = await this.#records.get(this.#task.key);
      if (current === undefined) throw new RecordMissing(this.#task.key);
      const change = decide(current);
      if (change === undefined) return current;
      try {
        return await this.#write(change, current.revision, call);
      } catch (error) {
        if (!(error instanceof RevisionConflict)) throw error;
      }
    }
  }

  async remove(call = "reconcile"): Promise<void> {
    if (this.#record === undefined) return;
    await this.#records.write(removalOf(this.#record), this.#options(call));
    this.#record = undefined;
  }

  async #write(
    { body, status }: ResourceChange<unknown>,
    expectedRevision: number | undefined,
    call: string,
  ): Promise<StoredRecord> {
    const [written] = await this.#records.write(
      [{ op: "update", key: this.#task.key, body, status, expectedRevision }],
      this.#options(call),
    );
    this.#record = written!;
    return written!;
  }

  #options(call: string): WriteOptions {
    const actor = { by: `sagebrush:${this.#task.key.family}`, call };
    // On a full disk it is the end of what runs that makes room, so its steps are written from the reserve.
    return { actor, at: this.clock.now(), essential: true };
  }
}

function wake(task: Task): void {
  const listeners = [...task.listeners];
  task.listeners.clear();
  for (const listener of listeners) listener();
}

/** Waits for a place. @returns what gives it back, to the first in line */
async function enter(queue: FamilyQueue): Promise<() => void> {
  if (queue.freePlaces > 0) queue.freePlaces -= 1;
  else await new Promise<void>((resolve) => queue.line.push(resolve));
  return () => {
    const next = queue.line.shift();
    if (next === undefined) queue.freePlaces += 1;
    else next();
  };
}

function retryDelayMs(failures: number): number {
  return Math.min(firstRetryMs * 2 ** (failures - 1), longestRetryMs);
}

function isConflict(error: unknown, key: RecordKey): boolean {
  return (error instanceof RevisionConflict || error instanceof RecordMissing) && sameKey(error.key, key);
}

/** A record that was deleted and made again begins with the same revisions, but not at the same time. */
function isSameVersion(a: StoredRecord | undefined, b: StoredRecord | undefined): boolean {
  return a?.revision === b?.revision && a?.createdAt === b?.createdAt;
}
