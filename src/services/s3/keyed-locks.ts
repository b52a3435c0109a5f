/**
 * Locks by name inside this process: many may share a name, or one may have it alone; in order of arrival.
 *
 * One server process owns a data directory, so these locks order every reader that decides on what it read (the
 * object that a write replaces, the bucket that must be empty). They are held for a commit, never while a body flows.
 */
export class KeyedLocks {
  readonly #locks = new Map<string, Lock>();

  /** Runs `work` together with other sharers of `name`. */
  shared<Result>(name: string, work: () => Promise<Result>): Promise<Result> {
    return this.#run(name, false, work);
  }

  /** Runs `work` while nobody else has `name`. */
  exclusive<Result>(name: string, work: () => Promise<Result>): Promise<Result> {
    return this.#run(name, true, work);
  }

  /** Names that are held or waited for. */
  get size(): number {
    return this.#locks.size;
  }

  async #run<Result>(name: string, exclusive: boolean, work: () => Promise<Result>): Promise<Result> {
    let lock = this.#locks.get(name);
    if (lock === undefined) this.#locks.set(name, (lock = { sharers: 0, held: false, waiting: [] }));
    const { waiting } = lock;
    await new Promise<void>((grant) => {
      waiting.push({ exclusive, grant });
      grantNext(lock);
    });
    try {
      return await work();
    } finally {
      if (exclusive) lock.held = false;
      else lock.sharers -= 1;
      grantNext(lock);
      if (!lock.held && lock.sharers === 0) this.#locks.delete(name);
    }
  }
}

interface Lock {
  sharers: number;
  held: boolean;
  readonly waiting: { readonly exclusive: boolean; readonly grant: () => void }[];
}

/** Lets in whoever may enter now, first come first served. */
function grantNext(lock: Lock): void {
  for (let next = lock.waiting[0]; next !== undefined; next = lock.waiting[0]) {
    if (lock.held || (next.exclusive && lock.sharers > 0)) return;
    if (next.exclusive) lock.held = true;
    else lock.sharers += 1;
    lock.waiting.shift();
    next.grant();
  }
}
