/**
 * Bytes: immutable blobs under names the store chooses, never containing user text.
 *
 * A blob is written to a temporary file, synced, and renamed into place; only then has it an id. Whoever records the
 * id (an S3 object, a job) owns the blob and deletes it; a sweep removes blobs that no record names.
 */
import type { Readable } from "node:stream";

export interface StagedBlob {
  readonly id: string;
  /** Bytes. */
  readonly size: number;
}

export interface BlobStore {
  /**
   * Stores a stream durably.
   * @param options.onChunk sees every chunk before it is written (hashing); what it throws aborts the write
   * @throws StorageFull when the disk is full; nothing is left behind
   */
  write(
    source: AsyncIterable<Uint8Array>,
    options?: { onChunk?: (chunk: Uint8Array) => void; signal?: AbortSignal },
  ): Promise<StagedBlob>;
  /** Concatenates blobs into a new one (CompleteMultipartUpload), durably. */
  concat(ids: readonly string[]): Promise<StagedBlob>;
  /** Reads bytes `start` to `end`, both inclusive; the whole blob by default. Rejects with BlobMissing. */
  read(id: string, range?: { start: number; end: number }): Promise<Readable>;
  /** The file of a blob, for a local copy or a reader that needs a file. Read-only; not to be kept past the blob's life. */
  path(id: string): string;
  /** Frees the bytes; nothing happens when it is gone already. */
  delete(id: string): Promise<void>;
  /**
   * Ids of all blobs, for the sweep.
   * @param options.olderThanMs leaves out blobs that a writer may be about to record
   * @param options.except leaves out these, without looking at their age
   */
  ids(options?: { olderThanMs?: number; except?: (id: string) => boolean }): AsyncIterable<string>;
}

export class BlobMissing extends Error {
  constructor(id: string) {
    super(`blob ${id} does not exist`);
    this.name = "BlobMissing";
  }
}
