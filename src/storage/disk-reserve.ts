/**
 * A file that holds disk space back, so that a full disk can still be emptied: deleting a record needs room to write.
 */
import { closeSync, fsyncSync, openSync, rmSync, statSync, statfsSync, writeSync } from "node:fs";
import { dirname } from "node:path";
import { randomFillSync } from "node:crypto";

/** The reserve is made again when this many times its size is free, so that making it does not fill the disk. */
const comfort = 4;

export class DiskReserve {
  readonly #file: string;
  readonly #bytes: number;
  #held: boolean;

  /** @param bytes size of the file; 0 keeps no reserve */
  constructor(file: string, bytes: number) {
    this.#file = file;
    this.#bytes = bytes;
    this.#held = statSync(file, { throwIfNoEntry: false })?.size === bytes;
    this.restore();
  }

  /** Frees the space. @returns false when there was nothing to free */
  release(): boolean {
    if (!this.#held || this.#bytes === 0) return false;
    rmSync(this.#file, { force: true });
    this.#held = false;
    return true;
  }

  /** Takes the space back as soon as the disk has plenty. */
  restore(): void {
    if (this.#held || this.#bytes === 0) return;
    const disk = statfsSync(dirname(this.#file));
    if (disk.bavail * disk.bsize < comfort * this.#bytes) return;
    const file = openSync(this.#file, "w", 0o600);
    try {
      // Random, because some file systems store zeros in no space at all.
      writeSync(file, randomFillSync(new Uint8Array(this.#bytes)));
      fsyncSync(file);
      this.#held = true;
    } finally {
      closeSync(file);
      if (!this.#held) rmSync(this.#file, { force: true });
    }
  }
}
