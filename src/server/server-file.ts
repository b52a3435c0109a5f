/** The file by which a running server tells the command line where it is. */
import { readFileSync } from "node:fs";
import { join } from "node:path";

/** What `sagebrush env`, `status` and `logs` need to find the server of a data directory. */
export interface ServerFile {
  readonly pid: number;
  readonly url: string;
  readonly region: string;
  readonly accountId: string;
  readonly auth: "on" | "off";
  /** ms since the epoch */
  readonly startedAt: number;
}

export function serverFile(directory: string): string {
  return join(directory, "server.json");
}

/** What the last server of this directory announced; undefined when none did. It may have died since. */
export function readServerFile(directory: string): ServerFile | undefined {
  try {
    return JSON.parse(readFileSync(serverFile(directory), "utf8")) as ServerFile;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
    throw new Error(`${serverFile(directory)} cannot be read; start the server again to rewrite it`, { cause: error });
  }
}
