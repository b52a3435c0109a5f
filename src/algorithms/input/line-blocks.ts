/**
 * Reads text files in large blocks that end at a line end, so that a parser never sees half a line and memory stays
 * bounded by the longest line.
 */
import { open } from "node:fs/promises";
import { ClientError } from "../algorithm.ts";
import type { ChannelFile } from "./channel-files.ts";

const blockBytes = 1 << 20;
const maxLineBytes = 64 << 20;
const lineFeed = 10;

/** Whole lines of one file. */
export interface LineBlock {
  /** `bytes[end]` is a line feed, the end of the last line. Valid until the next block is asked for. */
  readonly bytes: Uint8Array;
  readonly start: number;
  readonly end: number;
}

/** What a file begins with when it is no text at all. */
const signatures: readonly { readonly bytes: readonly number[]; readonly what: string }[] = [
  {
    bytes: [0x1f, 0x8b],
    what: "compressed with gzip; File mode reads plain text only, so decompress it before uploading",
  },
  { bytes: [0x50, 0x4b, 0x03, 0x04], what: "a zip archive; upload its files instead" },
  { bytes: [0x50, 0x41, 0x52, 0x31], what: "a Parquet file; convert it to text/csv" },
  { bytes: [0x0a, 0x23, 0xd7, 0xce], what: "RecordIO; convert it to text/csv" },
];

/**
 * The lines of a file, block by block; a missing line feed at the end is added.
 *
 * @throws ClientError when the file is compressed or binary, or has a line of more than 64 MiB
 */
export async function* lineBlocks(file: ChannelFile): AsyncGenerator<LineBlock> {
  const handle = await open(file.path, "r");
  try {
    let buffer = new Uint8Array(Math.min(blockBytes, file.size) + 1);
    let filled = 0;
    let isFirst = true;
    for (;;) {
      // One byte stays free for the line feed that the last line may lack.
      const { bytesRead } = await handle.read(buffer, filled, buffer.length - 1 - filled);
      filled += bytesRead;
      if (bytesRead === 0 && filled === 0) return;
      if (isFirst) refuseBinary(buffer, file);
      let end = buffer.lastIndexOf(lineFeed, filled - 1);
      if (bytesRead === 0 && end !== filled - 1) {
        buffer[filled] = lineFeed;
        end = filled;
        filled += 1;
      }
      if (end === -1) {
        if (filled < buffer.length - 1) continue;
        if (filled >= maxLineBytes) throw new ClientError(`${file.name}: a line is longer than ${maxLineBytes} bytes.`);
        const larger = new Uint8Array(buffer.length * 2);
        larger.set(buffer);
        buffer = larger;
        continue;
      }
      yield { bytes: buffer, start: isFirst && hasByteOrderMark(buffer) ? 3 : 0, end };
      isFirst = false;
      if (bytesRead === 0) return;
      buffer.copyWithin(0, end + 1, filled);
      filled -= end + 1;
    }
  } finally {
    await handle.close();
  }
}

function refuseBinary(bytes: Uint8Array, file: ChannelFile): void {
  const found = signatures.find((signature) => signature.bytes.every((byte, at) => bytes[at] === byte));
  if (found !== undefined) throw new ClientError(`${file.name} is ${found.what}.`);
}

/** Whether a text starts with the mark that some editors put before UTF-8. */
export function hasByteOrderMark(bytes: Uint8Array): boolean {
  return bytes[0] === 0xef && bytes[1] === 0xbb && bytes[2] === 0xbf;
}
