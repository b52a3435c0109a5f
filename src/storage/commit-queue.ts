/**
 * Group commit: batches that arrive in the same turn of the event loop share one transaction and so one fsync. Each has
 * a savepoint of its own, so a batch that fails harms no other.
 *
 * On a full disk nothing of a batch is kept, and deleting stays possible: see `#commitMakingRoom`.
 */
import { applyBatch, mayUseReserve, type Batch } from "./record-batch.ts";
import type { DiskReserve } from "./disk-reserve.ts";
import {
  RecordExists,
  RecordMissing,
  RevisionConflict,
  StorageFull,
  type RecordKey,
  type StoredRecord,
} from "./record-store.ts";
import type { SpaceIndex } from "./space-index.ts";
import { isDiskFull, type SqliteConnection } from "./sqlite-connection.ts";

/** Batches in one transaction: bounds how long the event loop waits for it. */
const maxGroup = 256;

type Written = (StoredRecord | undefined)[];
type Outcome = { readonly written: Written } | { readonly refused: Error };

interface Waiting {
  readonly batch: Batch;
  readonly resolve: (written: Written) => void;
  readonly reject: (error: unknown) => void;
}

export class CommitQueue {
  readonly #connection: SqliteConnection;
  readonly #spaces: SpaceIndex;
  readonly #reserve: DiskReserve;
  readonly #written: (key: RecordKey) => void;
  #waiting: Waiting[] = [];
  #scheduled = false;

  /** @param written told of every record that a committed batch changed, before anybody else can read it */
  constructor(
    connection: SqliteConnection,
    spaces: SpaceIndex,
    reserve: DiskReserve,
    written: (key: RecordKey) => void,
  ) {
    this.#connection = connection;
    this.#spaces = spaces;
    this.#reserve = reserve;
    this.#written = written;
  }

  /** Resolves when the batch is durable. */
  add(batch: Batch): Promise<Written> {
    return new Promise((resolve, reject) => {
      this.#waiting.push({ batch, resolve, reject });
      this.#schedule();
    });
  }

  /** Commits everything that waits, now. */
  drain(): void {
    while (this.#waiting.length > 0) this.#commitGroup(this.#waiting.splice(0, maxGroup));
  }

  #schedule(): void {
    if (this.#scheduled) return;
    this.#scheduled = true;
    // After the sockets of this turn were read: what they ask for comes into the same group.
    setImmediate(() => {
      this.#scheduled = false;
      this.#commitGroup(this.#waiting.splice(0, maxGroup));
      if (this.#waiting.length > 0) this.#schedule();
    });
  }

  #commitGroup(group: readonly Waiting[]): void {
    if (group.length === 0) return;
    let outcomes: Outcome[];
    try {
      outcomes = this.#commit(group.map(({ batch }) => batch));
    } catch {
      // The transaction failed and took every batch with it. Alone, each is kept or gets the error that is its own.
      for (const waiting of group) this.#commitAlone(waiting);
      return;
    }
    for (const [index, outcome] of outcomes.entries()) settle(group[index], outcome);
    this.#reserve.restore();
  }

  #commitAlone(waiting: Waiting): void {
    let outcome: Outcome;
    try {
      outcome = this.#commitMakingRoom(waiting.batch);
    } catch (error) {
      waiting.reject(isDiskFull(error) ? new StorageFull("records", { cause: error }) : error);
      return;
    }
    settle(waiting, outcome);
  }

  /** On a full disk the log gives its space back first; then, for a batch that makes room, the reserve. */
  #commitMakingRoom(batch: Batch): Outcome {
    try {
      return this.#commit([batch])[0];
    } catch (error) {
      if (!isDiskFull(error)) throw error;
    }
    this.#tryCheckpoint();
    try {
      return this.#commit([batch])[0];
    } catch (error) {
      if (!isDiskFull(error) || !mayUseReserve(batch) || !this.#reserve.release()) throw error;
    }
    const outcome = this.#commit([batch])[0];
    this.#tryCheckpoint();
    return outcome;
  }

  /** Moves the log into the database file. Without room for that the log stays as it is, which loses nothing. */
  #tryCheckpoint(): void {
    try {
      this.#connection.checkpoint();
    } catch (error) {
      if (!isDiskFull(error)) throw error;
    }
  }

  /** @throws when the whole group was undone */
  #commit(group: readonly Batch[]): Outcome[] {
    let outcomes: Outcome[];
    try {
      outcomes = this.#connection.transaction(() => group.map((batch) => this.#apply(batch)));
    } catch (error) {
      this.#spaces.reload();
      throw error;
    }
    for (const { changes } of group) for (const { change } of changes) if ("key" in change) this.#written(change.key);
    return outcomes;
  }

  #apply(batch: Batch): Outcome {
    // Before the savepoint, so that a space outlives the refusal of the batch that named it first.
    for (const { change } of batch.changes) if ("key" in change) this.#spaces.intern(change.key);
    const apply = () => applyBatch(this.#connection, this.#spaces, batch);
    try {
      // A change is refused before it does anything, so one that is alone leaves nothing to be undone.
      return { written: batch.changes.length === 1 ? apply() : this.#connection.savepoint(apply) };
    } catch (error) {
      if (isRefusal(error)) return { refused: error };
      throw error;
    }
  }
}

function settle(waiting: Waiting, outcome: Outcome): void {
  if ("refused" in outcome) waiting.reject(outcome.refused);
  else waiting.resolve(outcome.written);
}

function isRefusal(error: unknown): error is Error {
  return error instanceof RecordExists || error instanceof RecordMissing || error instanceof RevisionConflict;
}
