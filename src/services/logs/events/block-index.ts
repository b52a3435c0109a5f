/**
 * Where the events of one segment lie: blocks of neighbouring batches, each with its times. An index is small however
 * many events there are, and a reader reads the blocks whose times it asks for.
 */
import type { BatchFacts } from "./batch-line.ts";

export interface Block {
  /** Bytes in the segment's file. */
  readonly offset: number;
  length: number;
  count: number;
  /** Sequence of its first event. */
  readonly sequence: number;
  oldest: number;
  newest: number;
}

/** Batches are put together up to this size: what a reader reads at least. */
const blockBytes = 64 * 1024;
/** More blocks than this in one segment are put together in pairs, whatever their times: tiny batches of several times in turn. */
const maxBlocks = 2048;

export class BlockIndex {
  blocks: Block[] = [];

  /** @param sequence of the batch's first event */
  add(facts: BatchFacts, offset: number, length: number, sequence: number): void {
    if (facts.count === 0) return;
    const { count, oldest, newest } = facts;
    const last = this.blocks.at(-1);
    // Blocks with batches in order of time stay apart in time, so that a reader needs one of them and not all.
    if (last && last.offset + last.length === offset && last.length + length <= blockBytes && oldest >= last.newest) {
      last.length += length;
      last.count += count;
      last.newest = newest;
      return;
    }
    this.blocks.push({ offset, length, count, sequence, oldest, newest });
    if (this.blocks.length > maxBlocks) this.blocks = inPairs(this.blocks);
  }

  get oldest(): number {
    return this.blocks.reduce((oldest, block) => Math.min(oldest, block.oldest), Infinity);
  }

  get newest(): number {
    return this.blocks.reduce((newest, block) => Math.max(newest, block.newest), -Infinity);
  }
}

function inPairs(blocks: readonly Block[]): Block[] {
  const merged: Block[] = [];
  for (let at = 0; at < blocks.length; at += 2) {
    const [first, second] = [blocks[at], blocks[at + 1] as Block | undefined];
    merged.push({
      ...first,
      ...(second && {
        // Batches without events may lie between the two.
        length: second.offset + second.length - first.offset,
        count: first.count + second.count,
        oldest: Math.min(first.oldest, second.oldest),
        newest: Math.max(first.newest, second.newest),
      }),
    });
  }
  return merged;
}
