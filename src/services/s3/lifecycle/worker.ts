/**
 * Carries lifecycle rules out: once after the start, every midnight (UTC), and soon after a rule was set.
 *
 * A run walks the buckets that have rules, page by page, and ends what is due, each version in a batch of its own, after
 * a second look under the key's lock. So a crash loses nothing, and a run that is cut short is made up for by the next.
 */
import type { Clock } from "../../../util/clock.ts";
import type { ObjectStore } from "../object-store.ts";
import type { Bucket, StoredVersion } from "../records.ts";
import type { VersionRow } from "../version-listing.ts";
import { lifecycleRules, type LifecycleRules } from "./rules.ts";

const dayMs = 86_400_000;
/** Out of the way of the first requests. */
const startDelayMs = 10_000;
/** Several rules are often set one after the other. */
const changeDelayMs = 2000;
const pageSize = 1000;
/** Ended side by side, so that they share commits. */
const sideBySide = 32;

const actor = { by: "sagebrush:s3-lifecycle", call: "s3:LifecycleExpiration" };

export interface LifecycleOptions {
  readonly objects: ObjectStore;
  readonly clock: Clock;
  readonly report: (problem: string, cause: unknown) => void;
}

export interface Lifecycle {
  /** Rules were set: they are carried out soon. */
  changed(): void;
  /** Resolves when the step that runs has ended. */
  stop(): Promise<void>;
}

export function startLifecycle({ objects, clock, report }: LifecycleOptions): Lifecycle {
  const stopping = new AbortController();
  let running: Promise<void> | undefined;
  let again = false;
  let cancelTimer = () => {};
  let cancelSoon: (() => void) | undefined;

  const run = () => {
    if (running !== undefined) {
      again = true;
      return;
    }
    running = carryOut(objects, clock.now(), stopping.signal)
      .then(() => {})
      .catch((error: unknown) => {
        if (!stopping.signal.aborted) report("a run of the lifecycle rules failed; the next one tries again", error);
      })
      .finally(() => {
        running = undefined;
        if (again && !stopping.signal.aborted) {
          again = false;
          run();
        }
      });
  };
  const daily = () => {
    cancelTimer = clock.schedule(dayMs - (clock.now() % dayMs), () => {
      run();
      daily();
    });
  };
  const cancelStart = clock.schedule(startDelayMs, run);
  daily();

  return {
    changed() {
      cancelSoon ??= clock.schedule(changeDelayMs, () => {
        cancelSoon = undefined;
        run();
      });
    },
    async stop() {
      stopping.abort();
      cancelStart();
      cancelTimer();
      cancelSoon?.();
      await running;
    },
  };
}

/**
 * Carries out what is due in all buckets.
 * @param now ms since the epoch
 * @returns how many objects, versions, markers and uploads were ended
 * @throws the signal's reason when it aborts
 */
export async function carryOut(objects: ObjectStore, now: number, signal: AbortSignal): Promise<number> {
  let ended = 0;
  for await (const bucket of objects.allBuckets()) {
    const rules = lifecycleRules(bucket.settings);
    if (rules === undefined) continue;
    ended += await endVersions(objects, bucket, rules, now, signal);
    ended += await abortUploads(objects, bucket, rules, now, signal);
  }
  return ended;
}

type Ending = () => Promise<boolean>;

async function endVersions(
  objects: ObjectStore,
  bucket: Bucket,
  rules: LifecycleRules,
  now: number,
  signal: AbortSignal,
): Promise<number> {
  const walk = new VersionWalk(objects, bucket, rules, now);
  const versioned = bucket.settings.versioning !== undefined;
  let keyMarker = "";
  let versionIdMarker = "";
  let ended = 0;
  for (;;) {
    const request = { prefix: rules.prefix, delimiter: "", maxEntries: pageSize };
    const page = versioned
      ? await objects.listVersions(bucket, { ...request, keyMarker, versionIdMarker })
      : await objects.list(bucket, { ...request, start: keyMarker === "" ? {} : { after: keyMarker } });
    const rows = page.entries.flatMap((entry): VersionRow[] => {
      if (!("row" in entry)) return [];
      const { row } = entry;
      return ["version" in row ? row : { ...row, version: row.object, isLatest: true }];
    });
    ended += await together([...rows.flatMap((row) => walk.next(row)), ...(page.truncated ? [] : walk.end())], signal);
    const last = rows.at(-1);
    if (!page.truncated || last === undefined) return ended;
    keyMarker = last.key;
    versionIdMarker = last.version.versionId;
  }
}

/** Looks at the versions of a bucket in the order of the list: of each key, the newest first. */
class VersionWalk {
  readonly #objects: ObjectStore;
  readonly #bucket: Bucket;
  readonly #rules: LifecycleRules;
  readonly #now: number;
  #before: StoredVersion | undefined;
  /** Older versions of the key so far. */
  #newer = 0;
  /** A marker that is the newest of its key, until another version of the key is seen. */
  #loneMarker: StoredVersion | undefined;

  constructor(objects: ObjectStore, bucket: Bucket, rules: LifecycleRules, now: number) {
    this.#objects = objects;
    this.#bucket = bucket;
    this.#rules = rules;
    this.#now = now;
  }

  next({ version, isLatest }: VersionRow): Ending[] {
    const endings = this.#before?.key === version.key ? [] : this.end();
    this.#loneMarker = undefined;
    const successor = this.#before?.key === version.key ? this.#before : undefined;
    if (successor === undefined) this.#newer = 0;
    this.#before = version;
    if (isLatest && version.marker) this.#loneMarker = version;
    else if (isLatest) endings.push(...this.#ofObject(version));
    else if (successor !== undefined) {
      const due = this.#rules.removalOf(version, successor.lastModified, this.#newer);
      this.#newer += 1;
      if (this.#isDue(due)) endings.push(() => this.#end(version, "older"));
    }
    return endings;
  }

  /** What is known of a key when its last version was seen. */
  end(): Ending[] {
    const marker = this.#loneMarker;
    this.#loneMarker = undefined;
    if (marker === undefined || !this.#isDue(this.#rules.markerRemovalOf(marker.key, marker.lastModified))) return [];
    return [() => this.#end(marker, "lone marker")];
  }

  #ofObject(object: StoredVersion): Ending[] {
    return this.#isDue(this.#rules.expiryOf(object, object.lastModified)) ? [() => this.#end(object, "object")] : [];
  }

  #isDue(expiry: { readonly at: number } | undefined): boolean {
    return expiry !== undefined && expiry.at <= this.#now;
  }

  #end({ key, versionId, lastModified }: StoredVersion, as: "object" | "older" | "lone marker"): Promise<boolean> {
    return this.#objects.expire(this.#bucket, key, { versionId, lastModified, as, actor });
  }
}

async function abortUploads(
  objects: ObjectStore,
  bucket: Bucket,
  rules: LifecycleRules,
  now: number,
  signal: AbortSignal,
): Promise<number> {
  let after: string | undefined;
  let ended = 0;
  for (;;) {
    const { entries, truncated } = await objects.uploads.list(bucket, {
      prefix: rules.prefix,
      delimiter: "",
      start: after === undefined ? {} : { after },
      maxEntries: pageSize,
    });
    const rows = entries.flatMap((entry) => ("row" in entry ? [entry.row] : []));
    const endings = rows.flatMap(({ key, upload }): Ending[] => {
      const due = rules.abortOf(key, upload.initiated);
      if (due === undefined || due.at > now) return [];
      return [() => objects.uploads.abortIfThere({ bucket, key, uploadId: upload.uploadId }, actor)];
    });
    ended += await together(endings, signal);
    after = rows.at(-1)?.name;
    if (!truncated || after === undefined) return ended;
  }
}

/** @returns how many of them found something to end */
async function together(endings: readonly Ending[], signal: AbortSignal): Promise<number> {
  let ended = 0;
  for (let at = 0; at < endings.length; at += sideBySide) {
    signal.throwIfAborted();
    const outcomes = await Promise.all(endings.slice(at, at + sideBySide).map((end) => end()));
    ended += outcomes.filter(Boolean).length;
  }
  // Reading a page does not leave the event loop; requests come in here.
  await new Promise((resolve) => setImmediate(resolve));
  signal.throwIfAborted();
  return ended;
}
