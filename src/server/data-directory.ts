/** The folder that holds everything: who may use it, and what a running server leaves there for the command line. */
import { accessSync, constants, existsSync, mkdirSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import Database from "libsql";
import { ensurePrivateFile } from "../util/private-file.ts";
import { readServerFile, serverFile, type ServerFile } from "./server-file.ts";

export class DataDirectoryBusy extends Error {
  constructor(directory: string, server: ServerFile | undefined) {
    super(
      `another Sagebrush server uses the data directory ${directory}` +
        (server ? ` (process ${server.pid}, ${server.url})` : "") +
        "; stop it first, or choose another folder with --data-dir",
    );
    this.name = "DataDirectoryBusy";
  }
}

/** The path is no folder, or not one that this user may write to. */
export class DataDirectoryUnusable extends Error {
  constructor(directory: string, cause: Error) {
    super(`the data directory ${directory} cannot be used: ${cause.message}; choose another folder with --data-dir`, {
      cause,
    });
    this.name = "DataDirectoryUnusable";
  }
}

/** Makes a folder and those above it. Node's own recursive mkdir never returns for a place such as /proc/x. */
function makeFolder(path: string): void {
  if (existsSync(path)) return;
  makeFolder(dirname(path));
  mkdirSync(path, { mode: 0o700 });
}

/** A directory held by this process; the operating system frees it when the process ends, however it ends. */
export class DataDirectory {
  readonly path: string;
  readonly #lock: InstanceType<typeof Database>;

  private constructor(path: string, lock: InstanceType<typeof Database>) {
    this.path = path;
    this.#lock = lock;
  }

  /**
   * Makes the folder when absent (mode 0700) and takes it for this process.
   * @throws DataDirectoryBusy when another process holds it; DataDirectoryUnusable
   */
  static open(path: string): DataDirectory {
    const lockFile = join(path, "lock");
    try {
      makeFolder(path);
      accessSync(path, constants.R_OK | constants.W_OK | constants.X_OK);
      // Whoever can read it could hold it, too.
      ensurePrivateFile(lockFile);
    } catch (error) {
      throw new DataDirectoryUnusable(path, error as Error);
    }
    // SQLite's file lock is the one lock that Node can take and that kill -9 gives back.
    const lock = new Database(lockFile, { timeout: 0 });
    try {
      // Nothing is ever written to it: a journal on disk would only keep a server from starting when the disk is full.
      lock.exec("PRAGMA journal_mode = MEMORY");
      lock.exec("BEGIN EXCLUSIVE");
    } catch (error) {
      lock.close();
      if (/locked|busy/i.test((error as Error).message)) throw new DataDirectoryBusy(path, readServerFile(path));
      throw error;
    }
    return new DataDirectory(path, lock);
  }

  /** A folder inside, made when absent. */
  folder(...names: string[]): string {
    const path = join(this.path, ...names);
    mkdirSync(path, { recursive: true, mode: 0o700 });
    return path;
  }

  /** Leaves word for the command line. @throws the system's error, e.g. ENOSPC; what stood there before stays */
  announce(server: ServerFile): void {
    const temporary = `${serverFile(this.path)}.${process.pid}`;
    try {
      writeFileSync(temporary, `${JSON.stringify(server, undefined, 2)}\n`, { mode: 0o600 });
      renameSync(temporary, serverFile(this.path));
    } catch (error) {
      rmSync(temporary, { force: true });
      throw error;
    }
  }

  release(): void {
    rmSync(serverFile(this.path), { force: true });
    this.#lock.close();
  }
}
