import { createHash } from "node:crypto";
import { lstat, mkdir } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

/** A Unix socket's path must fit into `sun_path`: 108 bytes on Linux, 104 on macOS, with its NUL. */
export const maxSocketPathBytes = 100;

/**
 * The private folder for the sockets of one data directory's replicas: short, and the same after a restart, so that
 * running replicas are found again.
 *
 * @throws Error when somebody else owns the folder or may enter it
 */
export async function runtimeDirectory(dataDirectory: string): Promise<string> {
  const path = join(tmpdir(), `sagebrush-${createHash("sha256").update(dataDirectory).digest("hex").slice(0, 8)}`);
  await mkdir(path, { mode: 0o700 }).catch((error: NodeJS.ErrnoException) => {
    if (error.code !== "EEXIST") throw error;
  });
  const found = await lstat(path);
  // Whoever can put a socket there can answer in a model's name.
  if (!found.isDirectory() || found.uid !== process.getuid?.() || (found.mode & 0o077) !== 0) {
    throw new Error(`${path} must be a folder that only this user may enter (mode 0700); remove it and start again`);
  }
  return path;
}
