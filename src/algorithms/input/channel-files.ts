/** The files of a channel directory, as the training containers pick them. */
import { readdir, stat } from "node:fs/promises";
import { join } from "node:path";

export interface ChannelFile {
  readonly path: string;
  /** Relative to the channel directory, for messages. */
  readonly name: string;
  /** bytes */
  readonly size: number;
}

export interface ChannelFiles {
  /** In name order, so that the same channel always gives the same rows. */
  readonly files: readonly ChannelFile[];
  /** Folders below the depth that containers read; their files are left out. */
  readonly skippedFolders: readonly string[];
}

/** The channel directory itself counts as the first level. */
const maxFolderDepth = 3;
const maxFiles = 1_000_000;

/**
 * Lists the data files of a channel. Names that start with `.` or `_` (markers such as `_SUCCESS`) are no data.
 *
 * @throws RangeError beyond a million files
 */
export async function channelFiles(directory: string): Promise<ChannelFiles> {
  const files: ChannelFile[] = [];
  const skippedFolders: string[] = [];
  const visit = async (folder: string, depth: number): Promise<void> => {
    for (const entry of await readdir(join(directory, folder))) {
      const name = folder === "" ? entry : `${folder}/${entry}`;
      const path = join(directory, name);
      const facts = await stat(path);
      if (facts.isDirectory()) {
        if (depth < maxFolderDepth) await visit(name, depth + 1);
        else skippedFolders.push(name);
      } else if (facts.isFile() && !/^[._]/.test(entry)) {
        files.push({ path, name, size: facts.size });
      }
      if (files.length > maxFiles) throw new RangeError(`a channel may hold at most ${maxFiles} files`);
    }
  };
  await visit("", 1);
  files.sort((a, b) => (a.name < b.name ? -1 : 1));
  return { files, skippedFolders };
}
