/**
 * Files of the data directory that only its owner may read: secrets stand in them, mode 0600.
 *
 * A file that others can read is refused rather than used. It appears whole or not at all, also when the machine loses
 * power; the caller holds the data directory, so nobody else is making one.
 */
import { closeSync, fsyncSync, openSync, readFileSync, renameSync, rmSync, statSync, writeSync } from "node:fs";
import { dirname } from "node:path";

/**
 * @param what  the file holds, for errors: `the root key`
 * @param reset what to do without it: `delete the file to get a new key at the next start`
 * @returns its text; undefined when there is no such file
 * @throws Error when others can read the file
 */
export function readPrivateFile(path: string, what: string, reset: string): string | undefined {
  try {
    // Windows has no permission bits; its files inherit the rights of the user's profile.
    const { mode } = statSync(path);
    if (process.platform !== "win32" && (mode & 0o077) !== 0) {
      throw new Error(
        `${path} holds ${what} but others can read it (mode ${(mode & 0o777).toString(8).padStart(4, "0")}); ` +
          `run: chmod 600 "${path}", or ${reset}`,
      );
    }
    return readFileSync(path, "utf8");
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
    throw error;
  }
}

/** Reads the file, or makes it with `make()` when there is none. What a start that was killed in the middle left is cleared. */
export function loadOrCreatePrivateFile(path: string, what: string, reset: string, make: () => string): string {
  const temporary = `${path}.tmp`;
  rmSync(temporary, { force: true });
  const existing = readPrivateFile(path, what, reset);
  if (existing !== undefined) return existing;
  const text = make();
  writeDurably(temporary, text);
  renameSync(temporary, path);
  syncDirectory(dirname(path));
  return text;
}

function writeDurably(path: string, text: string): void {
  const file = openSync(path, "wx", 0o600);
  try {
    writeSync(file, text);
    fsyncSync(file);
  } finally {
    closeSync(file);
  }
}

/** A rename is durable when its directory is. */
function syncDirectory(path: string): void {
  if (process.platform === "win32") return; // directories cannot be opened there
  const directory = openSync(path, "r");
  try {
    fsyncSync(directory);
  } finally {
    closeSync(directory);
  }
}
