/**
 * The files of a metric store and the order in which they change.
 *
 *     journal-<n>   what was told to be kept and is in no block yet; the same is in memory
 *     block-<n>     points of one partition of one tier, written once
 *     series        which numbers mean which series
 *     manifest      which journals and blocks count
 *
 * Journals become blocks; blocks are merged and rolled up. Each such step ends by replacing the manifest, so that after a
 * crash either the old files count or the new ones.
 */
import { readdir, rename, rm } from "node:fs/promises";
import { join } from "node:path";
import { StorageFull } from "../../../storage/record-store.ts";
import { Block, writeBlock, type BlockFacts } from "./block.ts";
import { merged, type Task } from "./compaction.ts";
import { Generation, segmentFile, type OnEntry } from "./generation.ts";
import type { HotWindow } from "./hot-window.ts";
import { emptyManifest, readManifest, syncFolder, writeManifest, type Manifest } from "./manifest.ts";

const manifestFile = "manifest";

/** What a reader looks at: it holds all points, each once. */
export interface Sources {
  readonly windows: readonly HotWindow[];
  readonly blocks: readonly Block[];
}

export class MetricFiles {
  readonly #folder: string;
  #nextFile: number;
  #blocks: readonly Block[] = [];
  /** Journals that are to become blocks, the oldest first. */
  #frozen: readonly Generation[] = [];
  #current: Generation;

  private constructor(folder: string, nextFile: number, generations: readonly Generation[], blocks: readonly Block[]) {
    this.#folder = folder;
    this.#nextFile = nextFile;
    this.#frozen = generations.slice(0, -1);
    this.#current = generations.at(-1)!;
    this.#blocks = blocks;
  }

  /**
   * Opens the files of a folder and removes those that a crash left without meaning.
   * @param onEntry told of everything in the journals
   * @param report told of a damaged block, which is set aside
   */
  static async open(
    folder: string,
    onEntry: OnEntry,
    report: (what: string, error: unknown) => void,
  ): Promise<MetricFiles> {
    const manifest = (await readManifest(join(folder, manifestFile))) ?? emptyManifest;
    const segments = await sweep(folder, manifest);
    const blocks: Block[] = [];
    for (const facts of manifest.blocks) {
      const block = await openBlock(folder, facts, report);
      if (block !== undefined) blocks.push(block);
    }
    if (segments.length === 0) segments.push(manifest.firstSegment);
    const generations: Generation[] = [];
    for (const segment of segments) generations.push(await Generation.open(folder, segment, onEntry));
    await syncFolder(folder);
    const nextFile = Math.max(manifest.nextFile, segments.at(-1)! + 1);
    return new MetricFiles(folder, nextFile, generations, blocks);
  }

  get current(): Generation {
    return this.#current;
  }

  get hasFrozen(): boolean {
    return this.#frozen.length > 0;
  }

  get blocks(): readonly Block[] {
    return this.#blocks;
  }

  sources(): Sources {
    return { windows: [...this.#frozen, this.#current].map(({ window }) => window), blocks: this.#blocks };
  }

  /** Begins a new journal; what is in the present one is to be sealed. */
  async rotate(): Promise<void> {
    const next = await Generation.open(this.#folder, this.#takeNumber(), () => {});
    // The journal's name must outlive a power cut like what is told to be kept in it.
    await syncFolder(this.#folder);
    this.#frozen = [...this.#frozen, this.#current];
    this.#current = next;
  }

  /** Makes blocks of the frozen journals. @throws when the disk is full; then everything stays as it was */
  async seal(): Promise<void> {
    for (let generation = this.#frozen[0]; generation !== undefined; generation = this.#frozen[0]) {
      await generation.settled();
      const made: Block[] = [];
      for (const [tier, partition] of generation.window.partitions()) {
        const block = await this.#write(tier, partition, generation.window.partition(tier, partition));
        if (block !== undefined) made.push(block);
      }
      const blocks = [...this.#blocks, ...made];
      await this.#commit(blocks, (this.#frozen[1] ?? this.#current).segment);
      this.#blocks = blocks;
      this.#frozen = this.#frozen.slice(1);
      await generation.close();
      await rm(join(this.#folder, segmentFile(generation.segment)), { force: true });
    }
  }

  /** @param isKnown series that were forgotten are left out */
  async run({ sources, target }: Task, isKnown: (series: number) => boolean): Promise<void> {
    const old = this.#blocks.filter(({ facts }) => sources.includes(facts));
    const made = target && (await this.#write(target.tier, target.partition, merged(old, target.tier, isKnown)));
    const blocks = this.#blocks.filter((block) => !old.includes(block));
    if (made !== undefined) blocks.push(made);
    await this.#commit(blocks, (this.#frozen[0] ?? this.#current).segment);
    this.#blocks = blocks;
    for (const block of old) {
      await block.retire();
      await rm(join(this.#folder, block.facts.file), { force: true });
    }
  }

  async close(): Promise<void> {
    for (const generation of [...this.#frozen, this.#current]) await generation.close();
    for (const block of this.#blocks) await block.retire();
  }

  async #write(tier: number, partition: number, content: Parameters<typeof writeBlock>[2]): Promise<Block | undefined> {
    const file = `block-${this.#takeNumber()}`;
    const path = join(this.#folder, file);
    try {
      const written = await writeBlock(path, tier, content);
      if (written === undefined) await rm(path, { force: true });
      return written && (await Block.open(path, { file, tier, partition, ...written }));
    } catch (error) {
      await rm(path, { force: true });
      const { code } = error as NodeJS.ErrnoException;
      if (code === "ENOSPC" || code === "EDQUOT") throw new StorageFull("metrics", { cause: error });
      throw error;
    }
  }

  async #commit(blocks: readonly Block[], firstSegment: number): Promise<void> {
    await writeManifest(join(this.#folder, manifestFile), {
      firstSegment,
      nextFile: this.#nextFile,
      blocks: blocks.map(({ facts }) => facts),
    });
  }

  #takeNumber(): number {
    return this.#nextFile++;
  }
}

/** Removes files that do not count. @returns the numbers of the journals that do, ascending */
async function sweep(folder: string, manifest: Manifest): Promise<number[]> {
  const known = new Set(manifest.blocks.map(({ file }) => file));
  const segments: number[] = [];
  for (const name of await readdir(folder)) {
    const [, kind, number] = /^(journal|block)-(\d+)$/.exec(name) ?? [];
    if (kind === "journal" && Number(number) >= manifest.firstSegment) segments.push(Number(number));
    else if (kind === "journal" || (kind === "block" && !known.has(name)) || name.endsWith(".new")) {
      await rm(join(folder, name), { force: true });
    }
  }
  return segments.sort((a, b) => a - b);
}

async function openBlock(
  folder: string,
  facts: BlockFacts,
  report: (what: string, error: unknown) => void,
): Promise<Block | undefined> {
  const path = join(folder, facts.file);
  try {
    return await Block.open(path, facts);
  } catch (error) {
    report(`metrics: ${path} cannot be read and is set aside as ${facts.file}.damaged`, error);
    await rename(path, `${path}.damaged`).catch(() => undefined);
    return undefined;
  }
}
