/**
 * Where work runs. A workload is one instance of a job host or an endpoint replica.
 *
 * A backend starts workloads, says what became of them and stops them. It never sees an AWS type. Workloads outlive
 * the server: after a restart `list` and `observe` find them again (adoption).
 */

export interface WorkloadSpec {
  /** Unique and path-safe: `[a-z0-9-]{1,80}`; chosen by the caller, so that a launch can be repeated safely. */
  readonly id: string;
  /** Program and arguments; never a shell line. */
  readonly command: readonly [string, ...string[]];
  /** The whole environment; nothing is inherited from the server except PATH when it is absent here. */
  readonly env: Readonly<Record<string, string>>;
  readonly cwd: string;
  /** Host directory that the workload sees as `/opt/ml` where the system can mount, else under `ML_ROOT`. */
  readonly mlRoot?: string;
  readonly limits?: {
    readonly memoryBytes?: number;
    readonly openFiles?: number;
  };
  /** SIGTERM is followed by SIGKILL after this many ms. */
  readonly stopGraceMs: number;
  /** Milliseconds after its start at which the shim stops the workload by itself, even when no server lives. */
  readonly maxRuntimeMs?: number;
}

export type WorkloadState =
  | { readonly phase: "unknown" }
  | { readonly phase: "starting" }
  | { readonly phase: "running"; readonly pid: number; readonly startedAt: number }
  | {
      readonly phase: "exited";
      readonly startedAt: number;
      readonly exitedAt: number;
      /** null when a signal ended it. */
      readonly exitCode: number | null;
      readonly signal: string | null;
      /** Why it was stopped, when the platform did it. `lost`: the shim itself was killed, the outcome is unknown. */
      readonly stoppedBy?: "stop" | "max-runtime" | "lost" | "launch-failed";
      /** For people, when the platform knows more than the exit code. */
      readonly detail?: string;
    };

export interface WorkloadLogLine {
  /** Byte offset just after this line in the workload's log: pass it back to go on from here. */
  readonly offset: number;
  /** ms since the epoch, when the shim read the line. */
  readonly timestamp: number;
  readonly stream: "stdout" | "stderr";
  /** Without the line end. Lines above 256 KiB are split. */
  readonly text: string;
}

/** What a workload takes of its machine at a moment. */
export interface WorkloadUsage {
  /** Time on all processors together since its start, children that have ended included. */
  readonly cpuMs: number;
  /** Resident memory of its processes; what they share counts for each. */
  readonly memoryBytes: number;
}

export interface ComputeBackend {
  readonly name: string;
  /** Starts a workload; does nothing when one of this id was launched before. Resolves once the launch is durable. */
  launch(spec: WorkloadSpec): Promise<void>;
  observe(id: string): Promise<WorkloadState>;
  /** Resolves when the workload has exited (at once when it has). Rejects when `signal` aborts. */
  exited(id: string, signal?: AbortSignal): Promise<WorkloadState & { phase: "exited" }>;
  /** Asks for SIGTERM, and SIGKILL after the grace; `graceMs` overrides the launch's. Returns at once. */
  stop(id: string, graceMs?: number): Promise<void>;
  /**
   * Lines after `fromOffset`, live: ends when the workload has exited and all is read, or when `signal` aborts.
   */
  logs(id: string, fromOffset: number, signal?: AbortSignal): AsyncIterable<WorkloadLogLine>;
  /** undefined when it does not run, and on systems that do not tell. */
  usage(id: string): Promise<WorkloadUsage | undefined>;
  /** Ids of all workloads that have not been removed. */
  list(): Promise<readonly string[]>;
  /** Kills what is left of an exited or running workload and forgets it, files included. */
  remove(id: string): Promise<void>;
  /** Stops observing; workloads go on. */
  close(): Promise<void>;
}
