/** Which files of a metric store count: replaced whole, so that every change of several files happens or does not. */
import { open, readFile, rename } from "node:fs/promises";
import { dirname } from "node:path";
import type { BlockFacts } from "./block.ts";

export interface Manifest {
  /** The journal segments from this number on hold what is in no block. */
  readonly firstSegment: number;
  /** The next number for a file; no number is used twice. */
  readonly nextFile: number;
  readonly blocks: readonly BlockFacts[];
}

export const emptyManifest: Manifest = { firstSegment: 1, nextFile: 2, blocks: [] };

/** undefined when there is none */
export async function readManifest(path: string): Promise<Manifest | undefined> {
  try {
    return JSON.parse(await readFile(path, "utf8")) as Manifest;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
    throw error;
  }
}

export async function writeManifest(path: string, manifest: Manifest): Promise<void> {
  const temporary = `${path}.new`;
  const file = await open(temporary, "w", 0o600);
  try {
    await file.writeFile(JSON.stringify(manifest));
    await file.sync();
  } finally {
    await file.close();
  }
  await rename(temporary, path);
  await syncFolder(dirname(path));
}

/** Makes names that were made or removed in a folder survive a power cut. */
export async function syncFolder(path: string): Promise<void> {
  const folder = await open(path);
  try {
    await folder.sync();
  } finally {
    await folder.close();
  }
}
