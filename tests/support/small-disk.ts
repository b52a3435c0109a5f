/** A disk of a few MiB to fill: a tmpfs of its own. Linux, and only root may mount it. */
import { execFileSync } from "node:child_process";
import { closeSync, mkdtempSync, openSync, rmdirSync, rmSync, statfsSync, writeSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

export class SmallDisk {
  readonly path: string;

  private constructor(path: string) {
    this.path = path;
  }

  /** undefined where this user or system cannot mount one. */
  static mount(mebibytes: number): SmallDisk | undefined {
    if (process.platform !== "linux" || process.getuid?.() !== 0) return undefined;
    const path = mkdtempSync(join(tmpdir(), "sagebrush-small-disk-"));
    try {
      execFileSync("mount", ["-t", "tmpfs", "-o", `size=${mebibytes}m,mode=0700`, "tmpfs", path], { stdio: "ignore" });
    } catch {
      rmdirSync(path); // a container without the right to mount
      return undefined;
    }
    return new SmallDisk(path);
  }

  get freeBytes(): number {
    const { bavail, bsize } = statfsSync(this.path);
    return bavail * bsize;
  }

  /** Takes all but `leave` bytes with a file that is not the server's. */
  fill(leave = 0): void {
    const file = openSync(join(this.path, "somebody-elses-file"), "a");
    try {
      for (let left = this.freeBytes - leave; left > 0; left = this.freeBytes - leave)
        writeSync(file, Buffer.alloc(Math.min(left, 2 ** 20), 1));
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== "ENOSPC") throw error;
    } finally {
      closeSync(file);
    }
  }

  /** Gives back what `fill` took. */
  empty(): void {
    rmSync(join(this.path, "somebody-elses-file"), { force: true });
  }

  /** Also when something still has files open there. */
  unmount(): void {
    execFileSync("umount", ["--lazy", this.path]);
    rmdirSync(this.path);
  }
}
