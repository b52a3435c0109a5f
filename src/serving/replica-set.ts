/**
 * The replicas of one variant: as many as wanted, each replaced when it dies, found again after a restart of the server.
 *
 * Every slot of the set is a loop: take over or launch a replica, put it into service, wait for its end, wait a
 * little longer each time it dies young, begin again.
 */
import { randomBytes } from "node:crypto";
import type { ComputeBackend, WorkloadSpec } from "../compute/compute-backend.ts";
import type { LogSink, LogStreamKey } from "../jobs/ports.ts";
import { sleep } from "../util/clock.ts";
import type { Clock } from "../util/clock.ts";
import { lastLogLines, pumpLogs } from "./log-pump.ts";
import { ArtifactError } from "./model-artifact.ts";
import { Replica, instanceIdOf } from "./replica.ts";
import type { ReplicaEnd } from "./replica.ts";

const firstBackOffMs = 200;
const maxBackOffMs = 30_000;
/** A replica that served this long owes nothing to the ones before it. */
const settledAfterMs = 60_000;
/** A start that a signal ended may be bad luck (memory); one that the program ended with a code is not. */
const maxUnluckyStarts = 3;
/** SIGTERM to SIGKILL (serving contract, section 1). */
export const stopGraceMs = 30_000;
/** Grace for a replica that does not even answer pings. */
const silentGraceMs = 2_000;

export interface ReplicaSetOptions {
  /** Workload ids are `<prefix>-<slot>-<six hex digits>`. */
  readonly idPrefix: string;
  readonly backend: ComputeBackend;
  readonly clock: Clock;
  readonly logs: LogSink;
  /** Where lines go; the stream is `<variant>/<instance id>`. */
  readonly logGroup: Omit<LogStreamKey, "stream">;
  readonly variantName: string;
  readonly startupTimeoutMs: number;
  readonly socketPath: (workloadId: string) => string;
  readonly workload: (workloadId: string, socketPath: string) => WorkloadSpec;
  /** Makes the model's files; called before every launch, quick when they are there. */
  readonly prepare: (signal: AbortSignal) => Promise<void>;
  /** The replicas in service changed. */
  readonly changed: () => void;
  /** A failure behind the scenes that changes nothing for clients but must not be silent. */
  readonly report: (message: string, error: unknown) => void;
}

/** A variant whose replicas do not start; the message is for FailureReason. */
export class StartFailed extends Error {
  constructor(message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = "StartFailed";
  }
}

interface Slot {
  readonly stop: AbortController;
  readonly done: Promise<void>;
  /** Has ever been in service. */
  started: boolean;
}

export class ReplicaSet {
  readonly #options: ReplicaSetOptions;
  readonly #slots: Slot[] = [];
  readonly #cleaning = new Set<Promise<void>>();
  #scaling: Promise<void> = Promise.resolve();
  #inService: Replica[] = [];
  #failure: StartFailed | undefined;
  #unluckyStarts = 0;
  #waiting: (() => void)[] = [];
  /** Replicas of an earlier life of the server, by slot. */
  readonly #found = new Map<number, string>();
  /** Set when the server goes: stop watching, leave the processes alone. */
  #detached = false;

  constructor(options: ReplicaSetOptions) {
    this.#options = options;
  }

  /** The replicas that take requests now. */
  get inService(): readonly Replica[] {
    return this.#inService;
  }

  /** Brings the set to `count` replicas, taking over the ones that run already. Calls are served one after another. */
  scale(count: number): Promise<void> {
    const turn = this.#scaling.then(() => this.#scaleTo(count));
    this.#scaling = turn.catch(() => undefined);
    return turn;
  }

  async #scaleTo(count: number): Promise<void> {
    // What failed before says nothing about the replicas that start now.
    this.#failure = undefined;
    this.#unluckyStarts = 0;
    if (this.#slots.length === 0) await this.#find(count);
    while (this.#slots.length < count) this.#open(this.#slots.length);
    const closing = this.#slots.splice(count);
    for (const slot of closing) slot.stop.abort(new Stopped());
    await Promise.all(closing.map((slot) => slot.done));
  }

  /**
   * Resolves when every slot has been in service once.
   * @throws StartFailed when a replica cannot start
   */
  async ready(signal: AbortSignal): Promise<void> {
    for (;;) {
      signal.throwIfAborted();
      if (this.#failure !== undefined) throw this.#failure;
      if (this.#slots.every((slot) => slot.started)) return;
      await new Promise<void>((resolve) => {
        this.#waiting.push(resolve);
        signal.addEventListener("abort", () => resolve(), { once: true });
      });
    }
  }

  /** Stops and removes every replica. */
  async stop(): Promise<void> {
    await this.scale(0);
    await Promise.all(this.#cleaning);
  }

  /** Stops watching at once; the replicas go on by themselves, and what is being ended ends by itself. */
  async detach(): Promise<void> {
    this.#detached = true;
    const closing = this.#slots.splice(0);
    for (const slot of closing) slot.stop.abort(new Stopped());
    await Promise.all(closing.map((slot) => slot.done));
  }

  async #find(count: number): Promise<void> {
    const { backend, idPrefix } = this.#options;
    this.#found.clear();
    for (const id of await backend.list()) {
      const match = id.startsWith(`${idPrefix}-`) ? /^(\d+)-[0-9a-f]+$/.exec(id.slice(idPrefix.length + 1)) : null;
      if (match === null) continue;
      const slot = Number(match[1]);
      const { phase } = await backend.observe(id);
      if (slot < count && (phase === "running" || phase === "starting") && !this.#found.has(slot))
        this.#found.set(slot, id);
      else void this.#clean(this.#replica(id), stopGraceMs);
    }
  }

  #open(index: number): void {
    const stop = new AbortController();
    const slot: Slot = {
      stop,
      started: false,
      done: Promise.resolve()
        .then(() => this.#run(slot, index))
        .catch((error: unknown) => {
          if (!stop.signal.aborted)
            this.#options.report(`the replicas of ${this.#options.idPrefix} are no longer watched`, error);
        }),
    };
    this.#slots.push(slot);
  }

  async #run(slot: Slot, index: number): Promise<void> {
    const { clock } = this.#options;
    const signal = slot.stop.signal;
    let backOffMs = 0;
    while (!signal.aborted) {
      const begun = clock.now();
      try {
        await this.#live(slot, index);
      } catch (error) {
        if (signal.aborted) return;
        this.#startFailed(error);
      }
      if (clock.now() - begun >= settledAfterMs) backOffMs = 0;
      // The first one to die is replaced at once.
      if (backOffMs > 0) await sleep(clock, backOffMs, signal);
      backOffMs = Math.min(Math.max(backOffMs * 2, firstBackOffMs), maxBackOffMs);
    }
  }

  /** One replica from launch to end. Throws when it did not come into service. */
  async #live(slot: Slot, index: number): Promise<void> {
    const signal = slot.stop.signal;
    const adopted = this.#found.get(index);
    this.#found.delete(index);
    if (adopted === undefined) await this.#options.prepare(signal);
    const replica = this.#replica(adopted ?? `${this.#options.idPrefix}-${index}-${randomBytes(3).toString("hex")}`);
    const watch = new AbortController();
    const stopWatching = () => watch.abort(signal.reason);
    signal.addEventListener("abort", stopWatching, { once: true });
    let end: ReplicaEnd | undefined;
    try {
      if (adopted === undefined) await replica.launch();
      this.#pump(replica);
      const exited = replica.exited(watch.signal);
      exited.catch(() => undefined);
      end = await replica.healthy(exited, watch.signal);
      if (end !== undefined) throw await this.#whyNotStarted(replica, end);
      slot.started = true;
      this.#enter(replica);
      end = await replica.failed(exited, (yes) => (yes ? this.#enter(replica) : this.#leave(replica)), watch.signal);
    } finally {
      signal.removeEventListener("abort", stopWatching);
      watch.abort();
      this.#leave(replica);
      if (this.#detached) await replica.forget();
      else {
        const cleaned = this.#clean(replica, end?.kind === "silent" ? silentGraceMs : stopGraceMs);
        // A slot that was told to stop is done when its replica is gone.
        if (signal.aborted) await cleaned;
      }
    }
  }

  #replica(id: string): Replica {
    const { backend, clock, startupTimeoutMs } = this.#options;
    const socketPath = this.#options.socketPath(id);
    return new Replica({
      workload: this.#options.workload(id, socketPath),
      socketPath,
      startupTimeoutMs,
      backend,
      clock,
    });
  }

  #enter(replica: Replica): void {
    this.#inService = [...this.#inService, replica];
    this.#wake();
    this.#options.changed();
  }

  #leave(replica: Replica): void {
    if (!this.#inService.includes(replica)) return;
    this.#inService = this.#inService.filter((other) => other !== replica);
    this.#options.changed();
  }

  #startFailed(error: unknown): void {
    if (error instanceof UnluckyStart) {
      this.#unluckyStarts += 1;
      if (this.#unluckyStarts < maxUnluckyStarts) return;
    }
    this.#failure ??= new StartFailed(error instanceof Error ? error.message : String(error), { cause: error });
    if (!(error instanceof StartFailed || error instanceof ArtifactError || error instanceof UnluckyStart)) {
      this.#options.report(`a replica of ${this.#options.idPrefix} did not start`, error);
    }
    this.#wake();
  }

  #wake(): void {
    const waiting = this.#waiting;
    this.#waiting = [];
    for (const resolve of waiting) resolve();
  }

  async #whyNotStarted(replica: Replica, end: ReplicaEnd): Promise<Error> {
    const { backend, variantName, startupTimeoutMs } = this.#options;
    const rule = `The primary container for production variant ${variantName} did not pass the ping health check. Please check CloudWatch logs for this endpoint.`;
    if (end.kind !== "exited")
      return new StartFailed(`${rule} It did not answer GET /ping within ${startupTimeoutMs / 1000} seconds.`);
    const { exitCode, signal, detail } = end.state;
    const lines = await lastLogLines(backend, replica.id, 5);
    const said = lines.length > 0 ? ` Its last lines: ${lines.join(" | ")}` : "";
    const how = exitCode === null ? `was ended by ${signal ?? "the platform"}` : `exited with code ${exitCode}`;
    const message = `${rule} The process ${how}${detail === undefined ? "" : ` (${detail})`}.${said}`;
    return exitCode === null ? new UnluckyStart(message) : new StartFailed(message);
  }

  /** Ends and removes a replica in the background; `stop` waits for it. */
  #clean(replica: Replica, graceMs: number): Promise<void> {
    const cleaned = replica
      .remove(graceMs)
      .catch((error: unknown) => {
        // The next server removes what this one leaves.
        if (!this.#detached) this.#options.report(`replica ${replica.id} was not removed completely`, error);
      })
      .finally(() => this.#cleaning.delete(cleaned));
    this.#cleaning.add(cleaned);
    return cleaned;
  }

  #pump(replica: Replica): void {
    const { backend, logs, logGroup, variantName, report } = this.#options;
    const stream = `${variantName}/${instanceIdOf(replica.id)}`;
    replica.logsPumped = pumpLogs(backend, replica.id, logs, { ...logGroup, stream }, replica.logsAbort.signal).catch(
      (error: unknown) => {
        if (!this.#detached && !replica.logsAbort.signal.aborted)
          report(`the log of replica ${replica.id} was cut off`, error);
      },
    );
  }
}

/** A start that ended by a signal: worth another try. */
class UnluckyStart extends Error {}

/** The reason of an abort that is no failure. */
class Stopped extends Error {}
