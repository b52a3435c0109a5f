/**
 * One replica of a variant: a workload of the compute backend that answers on a Unix socket.
 *
 * A replica comes into service when its first ping succeeds and leaves it when its process ends or stops answering.
 * It never restarts: `replica-set.ts` puts another one in its place.
 */
import { createHash } from "node:crypto";
import { mkdir, rm } from "node:fs/promises";
import { dirname } from "node:path";
import { Pool } from "undici";
import type { ComputeBackend, WorkloadSpec, WorkloadState } from "../compute/compute-backend.ts";
import { sleep } from "../util/clock.ts";
import type { Clock } from "../util/clock.ts";
import { ping } from "./ping.ts";

/** A ping must be answered within this time (serving contract, section 1). */
const pingTimeoutMs = 2_000;
const startupPingIntervalMs = 20;
/** How often a replica in service is pinged. */
const pingIntervalMs = 5_000;
/** An idle replica that answers no ping for this long is replaced. */
const idleSilenceLimitMs = 10_000;
/** A prediction may occupy the thread that answers pings for 60 s, so a working replica gets longer. */
const busySilenceLimitMs = 75_000;
/** How often a replica that is to end is looked at for requests without an answer. */
const answeredPollMs = 10;
/** Connections to one replica; further requests wait for one of them. */
const maxConnections = 64;

export interface ReplicaOptions {
  readonly workload: WorkloadSpec;
  readonly socketPath: string;
  readonly startupTimeoutMs: number;
  readonly backend: ComputeBackend;
  readonly clock: Clock;
}

/** Why a replica left service or never came into it. */
export type ReplicaEnd =
  | { readonly kind: "exited"; readonly state: WorkloadState & { phase: "exited" } }
  | { readonly kind: "startup-timeout" }
  | { readonly kind: "silent"; readonly forMs: number };

export class Replica {
  readonly id: string;
  readonly instanceId: string;
  readonly pool: Pool;
  /** Requests sent to it and not yet answered; counted by the router. */
  outstanding = 0;
  /** Resolves when the whole log is in CloudWatch Logs. */
  logsPumped: Promise<void> = Promise.resolve();
  readonly logsAbort = new AbortController();
  #doubt: () => void = () => undefined;
  readonly #options: ReplicaOptions;

  constructor(options: ReplicaOptions) {
    this.#options = options;
    this.id = options.workload.id;
    this.instanceId = instanceIdOf(this.id);
    this.pool = new Pool("http://replica", {
      socketPath: options.socketPath,
      connections: maxConnections,
      pipelining: 1,
      keepAliveTimeout: 600_000,
      // The router keeps the time of a request as a whole.
      headersTimeout: 0,
      bodyTimeout: 0,
    });
  }

  /** Starts the workload; does nothing when it runs already. */
  async launch(): Promise<void> {
    await mkdir(dirname(this.#options.socketPath), { recursive: true, mode: 0o700 });
    await this.#options.backend.launch(this.#options.workload);
  }

  /**
   * Waits until the replica answers pings; undefined when it does.
   * @param exited what `exited()` returned, so that a start that fails is seen at once
   */
  async healthy(exited: Promise<ReplicaEnd>, signal: AbortSignal): Promise<ReplicaEnd | undefined> {
    const { clock, socketPath, startupTimeoutMs } = this.#options;
    const deadline = clock.now() + startupTimeoutMs;
    while (!(await ping(socketPath, pingTimeoutMs))) {
      if (clock.now() >= deadline) return { kind: "startup-timeout" };
      const end = await Promise.race([exited, sleep(clock, startupPingIntervalMs, signal)]);
      if (end !== undefined) return end;
    }
    return undefined;
  }

  /** Resolves when the process has ended. */
  async exited(signal: AbortSignal): Promise<ReplicaEnd> {
    return { kind: "exited", state: await this.#options.backend.exited(this.id, signal) };
  }

  /**
   * Resolves when the replica has ended or has answered no ping for too long.
   * @param inService called with false when the router doubts the replica, with true when a ping clears it
   */
  async failed(
    exited: Promise<ReplicaEnd>,
    inService: (yes: boolean) => void,
    signal: AbortSignal,
  ): Promise<ReplicaEnd> {
    const { clock, socketPath } = this.#options;
    let lastAnswer = clock.now();
    let doubted = false;
    for (;;) {
      const wait = new AbortController();
      const doubt = new Promise<void>((resolve) => {
        this.#doubt = () => {
          if (!doubted) inService(false);
          doubted = true;
          resolve();
        };
      });
      const pause = sleep(
        clock,
        doubted ? startupPingIntervalMs : pingIntervalMs,
        AbortSignal.any([signal, wait.signal]),
      );
      const end = await Promise.race([exited, pause, doubt]).finally(() => {
        pause.catch(() => undefined);
        wait.abort();
      });
      if (end !== undefined) return end;
      const answered = await Promise.race([exited, ping(socketPath, pingTimeoutMs)]);
      if (typeof answered !== "boolean") return answered;
      if (answered) {
        lastAnswer = clock.now();
        if (doubted) inService(true);
        doubted = false;
      }
      const silentMs = clock.now() - lastAnswer;
      if (silentMs >= (this.outstanding === 0 ? idleSilenceLimitMs : busySilenceLimitMs))
        return { kind: "silent", forMs: silentMs };
    }
  }

  /** A connection broke: the replica gets no more requests until a ping says that it lives. */
  doubt(): void {
    this.#doubt();
  }

  /** Asks the process to end, waits for it, and removes everything of it. */
  async remove(graceMs: number): Promise<void> {
    const { backend, socketPath } = this.#options;
    if ((await backend.observe(this.id)).phase !== "unknown") {
      await this.#answered(graceMs);
      await backend.stop(this.id, graceMs);
      await backend.exited(this.id);
    }
    await this.logsPumped;
    await this.forget();
    await backend.remove(this.id);
    await rm(socketPath, { force: true });
  }

  /**
   * Resolves when every request that the router gave it is answered, or after `graceMs`. A request that is on its way while
   * the process closes its connections would be lost.
   */
  async #answered(graceMs: number): Promise<void> {
    const { clock } = this.#options;
    const deadline = clock.now() + graceMs;
    while (this.outstanding > 0 && clock.now() < deadline) await sleep(clock, answeredPollMs);
  }

  /** Closes the connections and stops reading the log; requests without an answer fail. */
  async forget(): Promise<void> {
    this.logsAbort.abort();
    await Promise.all([this.pool.destroy(), this.logsPumped]);
  }
}

/** The instance id that log streams carry: stable per replica, in EC2's form. */
export function instanceIdOf(workloadId: string): string {
  return `i-${createHash("sha256").update(workloadId).digest("hex").slice(0, 17)}`;
}
