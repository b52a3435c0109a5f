/**
 * Removes the blobs that no record names: what a crash left between a blob and its record, or between the end of a
 * record and the freeing of its blob.
 *
 * Objects come and go meanwhile. A blob that is younger than the sweep's limit is left alone, because its writer may be
 * about to record it; one that is recorded anew (an older version that becomes the object again) is told to `moved`, for
 * it may have gone from a family that was not read yet to one that was.
 */
import type { BlobStore } from "../../storage/blob-store.ts";
import type { RecordStore } from "../../storage/record-store.ts";
import { BlobIdSet } from "./blob-id-set.ts";
import type { JoinedBody } from "./records.ts";

/** Records between two turns of the event loop: a few milliseconds of reading. */
const recordsPerTurn = 500;

/** Parts before what they are joined to, which is the way they go. */
const families = ["s3-part", "s3-joined", "s3-version", "s3-object"];

export interface SweepOptions {
  readonly records: RecordStore;
  readonly blobs: BlobStore;
  /** ms; younger blobs are left alone. */
  readonly olderThanMs: number;
  /** Blobs that were recorded anew since the sweep began. */
  readonly moved: ReadonlySet<string>;
  readonly remove: (blobIds: readonly string[]) => void;
}

/** @returns how many blobs were given to `remove` */
export async function sweepOrphans({ records, blobs, olderThanMs, moved, remove }: SweepOptions): Promise<number> {
  const named = new BlobIdSet();
  let turn = 0;
  for (const family of families) {
    for await (const { body } of records.scan<{ blobId?: string } | JoinedBody>(family)) {
      if ("parts" in body && family === "s3-joined") for (const [, blobId] of body.parts) named.add(blobId);
      else if ("blobId" in body && body.blobId !== undefined) named.add(body.blobId);
      if (++turn % recordsPerTurn === 0) await nextTurn();
    }
  }
  let removed = 0;
  const isNamed = (id: string) => named.has(id) || moved.has(id);
  for await (const id of blobs.ids({ olderThanMs, except: isNamed })) {
    remove([id]);
    removed += 1;
  }
  return removed;
}

function nextTurn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}
