/**
 * Runs workloads as child processes of this machine, each owned by a shim that outlives the server.
 *
 * Everything is in files (workload-files.ts), so a backend holds no state worth keeping: a second one on the same
 * directory, after a restart or a crash, sees the same workloads.
 */
import { spawn } from "node:child_process";
import { randomUUID } from "node:crypto";
import { closeSync, existsSync, type FSWatcher, openSync, watch } from "node:fs";
import { mkdir, mkdtemp, open, readdir, readFile, rename, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { entryPoint } from "../../util/entry-point.ts";
import type {
  ComputeBackend,
  WorkloadLogLine,
  WorkloadSpec,
  WorkloadState,
  WorkloadUsage,
} from "../compute-backend.ts";
import { readFrames } from "./log-writer.ts";
import { usageOfSession } from "./process-usage.ts";
import {
  type Claim,
  claimFile,
  type ExitRecord,
  exitFile,
  isAlive,
  killRemains,
  logFile,
  readJson,
  replaceFile,
  type RunningState,
  type ShimSpec,
  shimLogFile,
  signal,
  specFile,
  stateFile,
  stopFile,
  type StopRequest,
  tokenVariable,
} from "./workload-files.ts";

/** File events wake us; this is how soon a shim that died without a word is noticed. ms */
const livenessMs = 500;
/** A shim that ends before it claims its workload (disk full, no memory) is started again this often. */
const shimAttempts = 3;
const logChunkBytes = 1024 * 1024;
/** How long a killed workload may take to be gone when it is removed. ms */
const removalMs = 10_000;

/** What the process backend can and cannot limit on this machine, for `sagebrush doctor`. */
export interface LimitDescription {
  readonly limit: "memoryBytes" | "openFiles";
  readonly enforced: boolean;
  readonly how: string;
}

type Exited = WorkloadState & { phase: "exited" };

export class LocalProcessBackend implements ComputeBackend {
  readonly name = "local-process";
  readonly #directory: string;
  readonly #shimProgram = entryPoint(import.meta.url, "./shim/main.ts");
  /** Shims started by this backend that have not ended. */
  readonly #shims = new Set<string>();
  readonly #attempts = new Map<string, number>();
  readonly #watches = new Map<string, FolderWatch>();
  readonly #closed = new AbortController();
  /** Tells folders that this backend is about to fill from those that a crash left. */
  readonly #instance = randomUUID();

  /** @param dataDirectory workloads live in `<dataDirectory>/workloads`; one backend at a time may use it */
  constructor(dataDirectory: string) {
    this.#directory = join(dataDirectory, "workloads");
  }

  async launch(spec: WorkloadSpec): Promise<void> {
    const folder = this.#folder(spec.id);
    await mkdir(this.#directory, { recursive: true, mode: 0o700 });
    if (!existsSync(folder)) await this.#prepare(spec, folder);
    this.#ensureShim(spec.id);
  }

  /** Makes the folder under another name first, so that a workload exists with its whole specification or not at all. */
  async #prepare(spec: WorkloadSpec, folder: string): Promise<void> {
    const token = `${spec.id}/${randomUUID()}`;
    const content: ShimSpec = {
      id: spec.id,
      token,
      command: limited(spec),
      env: {
        PATH: process.env.PATH ?? "/usr/local/bin:/usr/bin:/bin",
        ...spec.env,
        ...(spec.mlRoot !== undefined && { ML_ROOT: spec.mlRoot }),
        [tokenVariable]: token,
      },
      cwd: spec.cwd,
      stopGraceMs: spec.stopGraceMs,
      ...(spec.maxRuntimeMs !== undefined && { maxRuntimeMs: spec.maxRuntimeMs }),
    };
    const temporary = await mkdtemp(join(this.#directory, `.new-${this.#instance}-`));
    try {
      await writeFile(join(temporary, specFile), JSON.stringify(content), { mode: 0o600, flush: true });
      await sync(temporary);
      await rename(temporary, folder);
    } catch (error) {
      await rm(temporary, { recursive: true, force: true });
      const { code } = error as NodeJS.ErrnoException;
      // Another launch of the same workload was first.
      if (code === "ENOTEMPTY" || code === "EEXIST") return;
      throw error;
    }
    await sync(this.#directory);
  }

  async observe(id: string): Promise<WorkloadState> {
    const folder = this.#folder(id);
    const known = exitOf(folder);
    if (known) return known;
    if (!existsSync(join(folder, specFile))) return { phase: "unknown" };
    const claim = readJson<Claim>(join(folder, claimFile));
    if (claim === undefined) {
      if (!this.#shims.has(id) && (this.#attempts.get(id) ?? 0) >= shimAttempts) return this.#giveUp(folder);
      this.#ensureShim(id);
      return { phase: "starting" };
    }
    if (!isAlive(claim)) return exitOf(folder) ?? this.#recoverLost(folder, claim);
    const state = readJson<RunningState>(join(folder, stateFile));
    return state ? { phase: "running", pid: state.pid, startedAt: state.startedAt } : { phase: "starting" };
  }

  async exited(id: string, abort?: AbortSignal): Promise<Exited> {
    for await (const _change of this.#changes(id, exitFile, abort)) {
      const state = await this.observe(id);
      if (state.phase === "exited") return state;
      if (state.phase === "unknown") throw new Error(`workload ${id} does not exist`);
    }
    throw (abort?.aborted ? abort.reason : this.#closed.signal.reason) as Error;
  }

  async stop(id: string, graceMs?: number): Promise<void> {
    const folder = this.#folder(id);
    const spec = readJson<ShimSpec>(join(folder, specFile));
    if (spec === undefined || exitOf(folder)) return;
    const request: StopRequest = { graceMs: graceMs ?? spec.stopGraceMs };
    replaceFile(folder, stopFile, JSON.stringify(request), false);
    // A shim that has not claimed the workload yet reads the request right after it has.
    const claim = readJson<Claim>(join(folder, claimFile));
    if (claim && isAlive(claim)) signal(claim.pid, "SIGUSR2");
  }

  async *logs(id: string, fromOffset: number, abort?: AbortSignal): AsyncGenerator<WorkloadLogLine> {
    const file = join(this.#folder(id), logFile);
    let offset = fromOffset;
    let lastLook = -Infinity;
    for await (const change of this.#changes(id, undefined, abort)) {
      // The order matters: what is in the log when the exit record is there is all of it.
      let ended = exitOf(this.#folder(id)) !== undefined;
      if (!ended && (change === "tick" || performance.now() - lastLook > livenessMs)) {
        lastLook = performance.now();
        const { phase } = await this.observe(id);
        if (phase === "unknown") return;
        ended = phase === "exited";
      }
      for await (const line of linesOf(file, offset)) {
        offset = line.offset;
        yield line;
      }
      if (ended) return;
    }
  }

  async usage(id: string): Promise<WorkloadUsage | undefined> {
    const state = readJson<RunningState>(join(this.#folder(id), stateFile));
    // The shim makes every workload the leader of a session.
    return state === undefined || !isAlive(state) ? undefined : usageOfSession(state.pid);
  }

  async list(): Promise<readonly string[]> {
    const names = await readdir(this.#directory).catch((error: NodeJS.ErrnoException) => {
      if (error.code === "ENOENT") return [];
      throw error;
    });
    // What a crash left between two names belongs to nobody.
    const mine = `.new-${this.#instance}-`;
    const leftovers = names.filter((name) => name.startsWith(".") && !name.startsWith(mine));
    await Promise.all(leftovers.map((name) => rm(join(this.#directory, name), { recursive: true, force: true })));
    return names.filter((name) => !name.startsWith("."));
  }

  async remove(id: string): Promise<void> {
    const folder = this.#folder(id);
    const { phase } = await this.observe(id);
    if (phase === "unknown") return;
    if (phase !== "exited") await this.#kill(id, folder);
    // Without a claim nothing was started, and the specification may be unreadable.
    if (existsSync(join(folder, claimFile))) {
      killRemains(readJson<ShimSpec>(join(folder, specFile))!.token, undefined);
    }
    const doomed = join(this.#directory, `.removed-${id}-${randomUUID()}`);
    await rename(folder, doomed);
    await rm(doomed, { recursive: true, force: true });
    this.#attempts.delete(id);
  }

  async #kill(id: string, folder: string): Promise<void> {
    await this.stop(id, 0);
    const timeout = AbortSignal.timeout(removalMs);
    try {
      await this.exited(id, timeout);
    } catch (error) {
      if (!timeout.aborted) throw error;
      // The shim does not react: without it the workload counts as lost, and what it runs is killed.
      const claim = readJson<Claim>(join(folder, claimFile));
      if (claim && isAlive(claim)) signal(claim.pid, "SIGKILL");
      await this.exited(id);
    }
  }

  async close(): Promise<void> {
    this.#closed.abort(new Error("the compute backend was closed"));
    for (const watched of this.#watches.values()) watched.close();
    this.#watches.clear();
  }

  /** Which limits of a launch are enforced here, and by what. */
  describeLimits(): readonly LimitDescription[] {
    const how = prlimitProgram()
      ? { memoryBytes: "prlimit --data: private writable memory of each process", openFiles: "prlimit --nofile" }
      : undefined;
    return (["memoryBytes", "openFiles"] as const).map((limit) => ({
      limit,
      enforced: how !== undefined,
      how: how?.[limit] ?? "not enforced: the prlimit program of util-linux is not installed",
    }));
  }

  #folder(id: string): string {
    if (!/^[a-z0-9-]{1,80}$/.test(id)) throw new TypeError(`a workload id must match [a-z0-9-]{1,80}, got "${id}"`);
    return join(this.#directory, id);
  }

  /** Starts a shim for a workload that none has claimed. Two shims do no harm: one gets the claim, the other ends. */
  #ensureShim(id: string): void {
    const folder = this.#folder(id);
    if (this.#shims.has(id) || existsSync(join(folder, claimFile))) return;
    this.#attempts.set(id, (this.#attempts.get(id) ?? 0) + 1);
    const shimLog = openSync(join(folder, shimLogFile), "a", 0o600);
    try {
      const shim = spawn(process.execPath, [this.#shimProgram, folder], {
        cwd: "/",
        env: {},
        detached: true,
        stdio: ["ignore", "ignore", shimLog],
      });
      this.#shims.add(id);
      const ended = () => {
        this.#shims.delete(id);
        this.#watches.get(id)?.wake();
      };
      shim.once("exit", ended);
      shim.once("error", ended);
      shim.unref();
    } finally {
      closeSync(shimLog);
    }
  }

  /** No shim could take the workload, so it never started. */
  async #giveUp(folder: string): Promise<Exited> {
    const said = await readFile(join(folder, shimLogFile), "utf8").catch(() => "");
    const now = Date.now();
    return this.#record(folder, {
      startedAt: now,
      exitedAt: now,
      exitCode: null,
      signal: null,
      stoppedBy: "launch-failed",
      detail: `its shim ended ${shimAttempts} times before it could start the workload: ${said.trim().slice(-1000)}`,
    });
  }

  /** The shim was killed. What it ran has nobody who would end it in time or record its outcome: it is ended now. */
  async #recoverLost(folder: string, claim: Claim): Promise<Exited> {
    const spec = readJson<ShimSpec>(join(folder, specFile))!;
    const state = readJson<RunningState>(join(folder, stateFile));
    killRemains(spec.token, state && isAlive(state) ? state.pid : undefined);
    const said = await readFile(join(folder, shimLogFile), "utf8").catch(() => "");
    return this.#record(folder, {
      startedAt: state?.startedAt ?? claim.claimedAt,
      exitedAt: Date.now(),
      exitCode: null,
      signal: null,
      stoppedBy: "lost",
      detail: `the process that watched over the workload was killed; the workload was ended and its outcome is unknown${said.trim() === "" ? "" : `: ${said.trim().slice(-1000)}`}`,
    });
  }

  #record(folder: string, record: ExitRecord): Exited {
    try {
      replaceFile(folder, exitFile, JSON.stringify(record), true);
    } catch (error) {
      const { code, message } = error as NodeJS.ErrnoException;
      if (code !== "ENOSPC" && code !== "EDQUOT") throw error;
      // On a full disk the end goes unrecorded; whoever looks again finds the same.
      return { phase: "exited", ...record, detail: `${record.detail ?? ""} (${message})`.trim() };
    }
    return { phase: "exited", ...record };
  }

  /**
   * Yields at once, then whenever a file of the workload changes (`only` that one, when given) and at least every
   * `livenessMs`; ends when `abort` aborts or the backend closes.
   */
  async *#changes(id: string, only: string | undefined, abort?: AbortSignal): AsyncGenerator<"change" | "tick"> {
    const ends = abort ? AbortSignal.any([abort, this.#closed.signal]) : this.#closed.signal;
    const watched = this.#watches.get(id) ?? new FolderWatch(this.#folder(id));
    this.#watches.set(id, watched);
    const listener = new Listener(only);
    const onEnd = () => listener.wake();
    ends.addEventListener("abort", onEnd);
    watched.listeners.add(listener);
    try {
      let cause: "change" | "tick" = "tick";
      while (!ends.aborted) {
        yield cause;
        cause = await listener.wait(livenessMs);
      }
    } finally {
      ends.removeEventListener("abort", onEnd);
      watched.listeners.delete(listener);
      if (watched.listeners.size === 0) {
        watched.close();
        if (this.#watches.get(id) === watched) this.#watches.delete(id);
      }
    }
  }
}

/** Makes what was created or renamed in a folder survive a power cut. */
async function sync(folder: string): Promise<void> {
  const handle = await open(folder);
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}

function exitOf(folder: string): Exited | undefined {
  const record = readJson<ExitRecord>(join(folder, exitFile));
  return record && { phase: "exited", ...record };
}

async function* linesOf(file: string, from: number): AsyncGenerator<WorkloadLogLine> {
  const handle = await open(file).catch((error: NodeJS.ErrnoException) => {
    if (error.code === "ENOENT") return undefined;
    throw error;
  });
  if (handle === undefined) return;
  try {
    const chunk = Buffer.allocUnsafe(Math.min(logChunkBytes, Math.max((await handle.stat()).size - from, 1)));
    let offset = from;
    for (;;) {
      const { bytesRead } = await handle.read(chunk, 0, chunk.length, offset);
      const start = offset;
      for (const { length, ...frame } of readFrames(chunk.subarray(0, bytesRead))) {
        offset += length;
        yield { offset, ...frame };
      }
      // No whole frame: the rest is not written yet (a frame is shorter than a chunk).
      if (offset === start) return;
    }
  } finally {
    await handle.close();
  }
}

let prlimit: string | undefined;

/** Where util-linux's prlimit is; it starts a program with limits without a shell in between. */
function prlimitProgram(): string | undefined {
  if (process.platform !== "linux") return undefined;
  prlimit ??= ["/usr/bin/prlimit", "/bin/prlimit", "/usr/local/bin/prlimit"].find((path) => existsSync(path));
  return prlimit;
}

/**
 * The command with its limits in front of it. Memory is limited by RLIMIT_DATA: RLIMIT_AS would count the address space
 * that V8 and WebAssembly only reserve, and forbid programs that use a hundredth of it.
 */
function limited(spec: WorkloadSpec): [string, ...string[]] {
  const program = prlimitProgram();
  const { memoryBytes, openFiles } = spec.limits ?? {};
  const options = [
    ...(memoryBytes === undefined ? [] : [`--data=${memoryBytes}`]),
    ...(openFiles === undefined ? [] : [`--nofile=${openFiles}`]),
  ];
  return program && options.length > 0 ? [program, ...options, "--", ...spec.command] : [...spec.command];
}

/** One reader that waits for changes; a change while it is busy is not missed. */
class Listener {
  readonly #only: string | undefined;
  #woken = false;
  #resolve: (() => void) | undefined;

  constructor(only: string | undefined) {
    this.#only = only;
  }

  changed(file: string | null): void {
    if (this.#only === undefined || file === null || file === this.#only) this.wake();
  }

  wake(): void {
    this.#woken = true;
    this.#resolve?.();
  }

  // Real processes live in real time, so this is a real timer.
  async wait(ms: number): Promise<"change" | "tick"> {
    if (!this.#woken) {
      let timer: NodeJS.Timeout | undefined;
      await new Promise<void>((resolve) => {
        this.#resolve = resolve;
        timer = setTimeout(resolve, ms);
      });
      clearTimeout(timer);
      this.#resolve = undefined;
    }
    const cause = this.#woken ? "change" : "tick";
    this.#woken = false;
    return cause;
  }
}

/** One file watcher for all readers of a workload. Where the system gives none, the liveness ticks remain. */
class FolderWatch {
  readonly listeners = new Set<Listener>();
  #watcher: FSWatcher | undefined;

  constructor(folder: string) {
    try {
      this.#watcher = watch(folder, { persistent: false }, (_event, file) => {
        for (const listener of this.listeners) listener.changed(file);
      });
      this.#watcher.on("error", () => this.close());
    } catch {
      this.#watcher = undefined;
    }
  }

  wake(): void {
    for (const listener of this.listeners) listener.wake();
  }

  close(): void {
    this.#watcher?.close();
    this.#watcher = undefined;
  }
}
