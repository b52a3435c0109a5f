/** Files that hold secrets in a folder that may be open to others. */
import { chmodSync, closeSync, openSync, statSync } from "node:fs";

/**
 * Makes the file, empty, unless it is there, and takes it from everybody but its owner (mode 0600). A file that is there
 * is not opened: that would give back the locks that this process holds on it.
 * @throws the system's error, e.g. EACCES
 */
export function ensurePrivateFile(file: string): void {
  try {
    closeSync(openSync(file, "ax", 0o600));
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "EEXIST") throw error;
    if ((statSync(file).mode & 0o077) !== 0) chmodSync(file, 0o600);
  }
}
