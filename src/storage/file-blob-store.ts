/**
 * Blobs as files: `<root>/ab/cd/<id>`, where the id is 32 random hexadecimal digits and begins with `abcd`.
 *
 * Durability takes three steps: the bytes are synced in `<root>/tmp`, the file is renamed into its folder, the folder is
 * synced. Blobs written at the same time go to the same folder, so that they share the last step; the folder changes
 * every thousand blobs. What a killed process left in `tmp` is removed when the store is opened.
 */
import { randomBytes } from "node:crypto";
import { constants, promises as fs } from "node:fs";
import type { FileHandle } from "node:fs/promises";
import { join } from "node:path";
import type { Readable } from "node:stream";
import { BlobMissing, type BlobStore, type StagedBlob } from "./blob-store.ts";
import { StorageFull } from "./record-store.ts";
import { untilAborted } from "./until-aborted.ts";

/** Chunks are gathered to this many bytes before they are written: each write is a trip to another thread. */
const gatherBytes = 2 ** 20;
const readChunkBytes = 256 * 2 ** 10;
const blobsPerFolder = 1000;
const idPattern = /^[0-9a-f]{32}$/;
const folderPattern = /^[0-9a-f]{2}$/;

/** Where new blobs go for a while. */
interface Folder {
  /** Four hexadecimal digits. */
  readonly digits: string;
  readonly path: string;
}

export class FileBlobStore implements BlobStore {
  readonly #root: string;
  #folder: Promise<Folder> | undefined;
  /** Blobs that the current folder still takes. */
  #room = 0;
  /** Per folder path, the sync that has not begun yet; whoever renamed before it begins may wait for it. */
  readonly #nextSync = new Map<string, Promise<void>>();
  readonly #runningSync = new Map<string, Promise<void>>();

  private constructor(root: string) {
    this.#root = root;
  }

  /**
   * Opens the store, or makes it, and removes what interrupted writers left.
   * @param root folder of the store, all of it on one file system
   * @param options.startedAt temporary files older than this are leftovers, ms since the epoch; default: when this
   *   process started
   */
  static async open(
    root: string,
    { startedAt = performance.timeOrigin }: { startedAt?: number } = {},
  ): Promise<FileBlobStore> {
    const temporary = join(root, "tmp");
    await fs.mkdir(temporary, { recursive: true, mode: 0o700 });
    await syncFolder(root);
    for (const name of await fs.readdir(temporary)) {
      const file = join(temporary, name);
      if ((await fs.stat(file)).mtimeMs < startedAt) await fs.rm(file, { force: true });
    }
    return new FileBlobStore(root);
  }

  async write(
    source: AsyncIterable<Uint8Array>,
    options: { onChunk?: (chunk: Uint8Array) => void; signal?: AbortSignal } = {},
  ): Promise<StagedBlob> {
    return this.#stage(async (temporary) => {
      const file = await fs.open(temporary, "wx", 0o600);
      return closing(file, async () => {
        const size = await appendAll(file, untilAborted(source, options.signal), options.onChunk);
        await file.datasync();
        options.signal?.throwIfAborted();
        return size;
      });
    });
  }

  async concat(ids: readonly string[]): Promise<StagedBlob> {
    return this.#stage(async (temporary) => {
      const [first, ...rest] = ids;
      // The kernel copies the first part, which on some file systems takes no time at all.
      if (first !== undefined) await orMissing(first, this.#copy(first, temporary));
      const file = await fs.open(temporary, "a", 0o600);
      return closing(file, async () => {
        let size = (await file.stat()).size;
        for (const id of rest) size += await appendAll(file, await this.read(id));
        await file.datasync();
        return size;
      });
    });
  }

  async read(id: string, range?: { start: number; end: number }): Promise<Readable> {
    const file = await orMissing(id, this.#open(id));
    return file.createReadStream({ ...range, highWaterMark: readChunkBytes });
  }

  path(id: string): string {
    if (!idPattern.test(id)) throw new BlobMissing(id);
    return join(this.#root, id.slice(0, 2), id.slice(2, 4), id);
  }

  async delete(id: string): Promise<void> {
    if (idPattern.test(id)) await fs.unlink(this.path(id)).catch(ignoreMissing);
  }

  async *ids({
    olderThanMs = 0,
    except = () => false,
  }: { olderThanMs?: number; except?: (id: string) => boolean } = {}): AsyncIterable<string> {
    const newest = Date.now() - olderThanMs;
    for (const outer of await namesIn(this.#root, folderPattern)) {
      for (const inner of await namesIn(join(this.#root, outer), folderPattern)) {
        for (const id of await namesIn(join(this.#root, outer, inner), idPattern)) {
          if (except(id)) continue;
          // A blob is as old as its last byte; one that vanished meanwhile is nobody's business.
          const stats = olderThanMs === 0 ? undefined : await fs.stat(this.path(id)).catch(ignoreMissing);
          if (olderThanMs === 0 || (stats !== undefined && stats.mtimeMs <= newest)) yield id;
        }
      }
    }
  }

  async #open(id: string): Promise<FileHandle> {
    return fs.open(this.path(id), "r");
  }

  async #copy(id: string, target: string): Promise<void> {
    await fs.copyFile(this.path(id), target, constants.COPYFILE_EXCL | constants.COPYFILE_FICLONE);
  }

  /** Has `fill` make a synced temporary file of the size that it returns, and gives it its place and id. */
  async #stage(fill: (temporary: string) => Promise<number>): Promise<StagedBlob> {
    const random = randomBytes(14).toString("hex");
    const temporary = join(this.#root, "tmp", random);
    try {
      const size = await fill(temporary);
      const folder = await this.#currentFolder();
      const id = folder.digits + random;
      await fs.rename(temporary, this.path(id));
      await this.#sync(folder.path);
      return { id, size };
    } catch (error) {
      await fs.rm(temporary, { force: true });
      throw isDiskFull(error) ? new StorageFull("a blob", { cause: error }) : error;
    }
  }

  async #currentFolder(): Promise<Folder> {
    if (this.#folder === undefined || this.#room === 0) {
      this.#folder = this.#newFolder();
      this.#room = blobsPerFolder;
    }
    this.#room -= 1;
    const pending = this.#folder;
    try {
      return await pending;
    } catch (error) {
      if (this.#folder === pending) this.#folder = undefined;
      throw error;
    }
  }

  async #newFolder(): Promise<Folder> {
    const digits = randomBytes(2).toString("hex");
    const outer = join(this.#root, digits.slice(0, 2));
    const path = join(outer, digits.slice(2));
    await fs.mkdir(path, { recursive: true, mode: 0o700 });
    // The names of the folders themselves must outlive a crash, too.
    await syncFolder(this.#root);
    await syncFolder(outer);
    return { digits, path };
  }

  /** Makes the names in a folder durable. A sync that runs already may have missed ours, so we share the next one. */
  #sync(folder: string): Promise<void> {
    const shared = this.#nextSync.get(folder);
    if (shared !== undefined) return shared;
    const next = this.#afterRunning(folder).then(() => {
      this.#nextSync.delete(folder);
      this.#runningSync.set(folder, next);
      return syncFolder(folder).finally(() => {
        if (this.#runningSync.get(folder) === next) this.#runningSync.delete(folder);
      });
    });
    this.#nextSync.set(folder, next);
    return next;
  }

  /** Those who wait for the running sync hear of its failure; whoever comes after it does not care. */
  async #afterRunning(folder: string): Promise<void> {
    await Promise.allSettled([this.#runningSync.get(folder)]);
  }
}

/** Writes a stream at the end of a file. @returns bytes */
async function appendAll(
  file: FileHandle,
  source: AsyncIterable<Uint8Array>,
  onChunk?: (chunk: Uint8Array) => void,
): Promise<number> {
  let size = 0;
  let gathered: Uint8Array[] = [];
  let gatheredBytes = 0;
  const flush = async () => {
    const chunks = gathered;
    const bytes = gatheredBytes;
    gathered = [];
    gatheredBytes = 0;
    await writeWhole(file, chunks, bytes);
    size += bytes;
  };
  for await (const chunk of source) {
    onChunk?.(chunk);
    gathered.push(chunk);
    gatheredBytes += chunk.byteLength;
    if (gatheredBytes >= gatherBytes) await flush();
  }
  if (gatheredBytes > 0) await flush();
  return size;
}

async function writeWhole(file: FileHandle, chunks: readonly Uint8Array[], bytes: number): Promise<void> {
  const { bytesWritten } = await file.writev(chunks);
  if (bytesWritten === bytes) return;
  // A disk that is nearly full takes a part; writing the rest says so, or succeeds.
  let rest = Buffer.concat(chunks).subarray(bytesWritten);
  while (rest.byteLength > 0) rest = rest.subarray((await file.write(rest)).bytesWritten);
}

/** Runs `work` and closes the file, whatever happens. */
async function closing<T>(file: FileHandle, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } finally {
    await file.close();
  }
}

async function syncFolder(path: string): Promise<void> {
  const folder = await fs.open(path, "r");
  await closing(folder, () => folder.sync());
}

async function namesIn(folder: string, pattern: RegExp): Promise<string[]> {
  const names = (await fs.readdir(folder).catch(ignoreMissing)) ?? [];
  return names.filter((name) => pattern.test(name)).sort();
}

async function orMissing<T>(id: string, work: Promise<T>): Promise<T> {
  try {
    return await work;
  } catch (error) {
    throw codeOf(error) === "ENOENT" ? new BlobMissing(id) : error;
  }
}

function ignoreMissing(error: unknown): undefined {
  if (codeOf(error) !== "ENOENT") throw error;
}

function isDiskFull(error: unknown): boolean {
  return codeOf(error) === "ENOSPC" || codeOf(error) === "EDQUOT";
}

function codeOf(error: unknown): string | undefined {
  return error instanceof Error ? (error as NodeJS.ErrnoException).code : undefined;
}
