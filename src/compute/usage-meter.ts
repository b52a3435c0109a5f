/**
 * How much of the machine workloads use, in percent: of one processor (four busy ones are 400), of all memory, and of the
 * disk that they write to.
 */
import { statfs } from "node:fs/promises";
import { totalmem } from "node:os";
import type { ComputeBackend, WorkloadUsage } from "./compute-backend.ts";

export interface UsageShare {
  readonly cpuPercent: number;
  readonly memoryPercent: number;
  /** Of the whole disk, whoever filled it. */
  readonly diskPercent: number;
}

export class UsageMeter {
  readonly #compute: Pick<ComputeBackend, "usage">;
  readonly #folder: string;
  #looks = new Map<string, { readonly usage: WorkloadUsage; readonly at: number }>();

  /** @param folder on the disk that the workloads write to */
  constructor(compute: Pick<ComputeBackend, "usage">, folder: string) {
    this.#compute = compute;
    this.#folder = folder;
  }

  /**
   * The use since the last look at this workload.
   * @returns undefined at the first look, when the workload does not run, and where the backend does not tell
   */
  async look(id: string): Promise<UsageShare | undefined> {
    const usage = await this.#compute.usage(id);
    const before = this.#looks.get(id);
    if (usage === undefined) {
      this.#looks.delete(id);
      return undefined;
    }
    const at = performance.now();
    this.#looks.set(id, { usage, at });
    if (before === undefined || at <= before.at) return undefined;
    const { blocks, bfree } = await statfs(this.#folder);
    return {
      // Processes that end without being waited for take their time with them.
      cpuPercent: (Math.max(0, usage.cpuMs - before.usage.cpuMs) / (at - before.at)) * 100,
      memoryPercent: (usage.memoryBytes / totalmem()) * 100,
      diskPercent: blocks === 0 ? 0 : ((blocks - bfree) / blocks) * 100,
    };
  }

  /** Remembers only these workloads. */
  keepOnly(ids: ReadonlySet<string>): void {
    this.#looks = new Map([...this.#looks].filter(([id]) => ids.has(id)));
  }
}
