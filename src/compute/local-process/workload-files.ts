/**
 * The files of one workload: all that the server and the shim say to each other.
 *
 * `<workloads>/<id>/` holds
 * - `spec.json`   what to run; written and synced before the folder gets its name
 * - `shim.json`   the claim: which shim owns the workload. Made by link(2), so of two shims exactly one gets it, and it
 *                 is never given up: a workload is started at most once.
 * - `state.json`  the running workload's process
 * - `stop.json`   the latest stop request; SIGUSR2 tells the shim to read it
 * - `log`         lines, see log-writer.ts
 * - `exit.json`   the outcome; once it is there nothing changes any more
 * - `shim.log`    what a crashing shim says; normally empty
 *
 * This file and the shim import nothing but Node: a shim starts with every workload and must start quickly.
 */
import { spawnSync } from "node:child_process";
import { closeSync, fsyncSync, openSync, readFileSync, readdirSync, renameSync, rmSync, writeSync } from "node:fs";
import { join } from "node:path";

export const specFile = "spec.json";
export const claimFile = "shim.json";
export const stateFile = "state.json";
export const stopFile = "stop.json";
export const logFile = "log";
export const exitFile = "exit.json";
export const shimLogFile = "shim.log";

/** Marks every process of a workload, so that what is left of it is found whatever group or session it moved to. */
export const tokenVariable = "SAGEBRUSH_WORKLOAD";

/** The part of a launch that the shim needs. */
export interface ShimSpec {
  readonly id: string;
  /** Value of `SAGEBRUSH_WORKLOAD` in the workload's environment: unique for ever. */
  readonly token: string;
  readonly command: readonly [string, ...string[]];
  readonly env: Readonly<Record<string, string>>;
  readonly cwd: string;
  readonly stopGraceMs: number;
  readonly maxRuntimeMs?: number;
}

/** A process that cannot be mistaken for a later one with the same number. */
export interface ProcessIdentity {
  readonly pid: number;
  /** Boot and start time of the process, see {@link startOf}. */
  readonly start: string;
}

export interface Claim extends ProcessIdentity {
  /** ms since the epoch */
  readonly claimedAt: number;
}

export interface RunningState extends ProcessIdentity {
  readonly startedAt: number;
}

export interface StopRequest {
  readonly graceMs: number;
}

export interface ExitRecord {
  readonly startedAt: number;
  readonly exitedAt: number;
  readonly exitCode: number | null;
  readonly signal: string | null;
  readonly stoppedBy?: "stop" | "max-runtime" | "lost" | "launch-failed";
  readonly detail?: string;
}

/** The JSON of a file; undefined when there is no such file. */
export function readJson<T>(file: string): T | undefined {
  try {
    return JSON.parse(readFileSync(file, "utf8")) as T;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
    throw error;
  }
}

/** Makes what was linked, renamed or created in a folder survive a power cut. */
export function syncFolder(folder: string): void {
  const descriptor = openSync(folder, "r");
  try {
    fsyncSync(descriptor);
  } finally {
    closeSync(descriptor);
  }
}

/** Writes a file whole or not at all; `durable` also survives a power cut. */
export function replaceFile(folder: string, name: string, content: string, durable: boolean): void {
  const temporary = join(folder, `.${name}.${process.pid}`);
  try {
    const descriptor = openSync(temporary, "w", 0o600);
    try {
      writeSync(descriptor, content);
      if (durable) fsyncSync(descriptor);
    } finally {
      closeSync(descriptor);
    }
    renameSync(temporary, join(folder, name));
  } catch (error) {
    rmSync(temporary, { force: true });
    throw error;
  }
  if (durable) syncFolder(folder);
}

interface ProcessStat {
  readonly state: string;
  readonly start: string;
}

let bootId: string | undefined;

/** Fields of `/proc/<pid>/stat` (proc(5)): state is the 3rd, start time in clock ticks since boot the 22nd. */
function linuxStat(pid: number): ProcessStat | undefined {
  let text: string;
  try {
    text = readFileSync(`/proc/${pid}/stat`, "latin1");
  } catch {
    return undefined;
  }
  // The 2nd field is the program's name in parentheses and may itself hold spaces and parentheses.
  const fields = text.slice(text.lastIndexOf(")") + 2).split(" ");
  bootId ??= readFileSync("/proc/sys/kernel/random/boot_id", "latin1").trim();
  return { state: fields[0], start: `${bootId}/${fields[19]}` };
}

function psStat(pid: number): ProcessStat | undefined {
  const { stdout } = spawnSync("ps", ["-o", "state=,lstart=", "-p", String(pid)], { encoding: "utf8" });
  const match = /^(\S+)\s+(\S.*\S)\s*$/.exec(stdout ?? "");
  return match ? { state: match[1], start: match[2] } : undefined;
}

/**
 * When a process started, in the system's own words; undefined when there is no such process or only its zombie.
 * Together with the process number this names a process for ever: numbers are used again, starts are not.
 */
export function startOf(pid: number): string | undefined {
  const stat = process.platform === "linux" ? linuxStat(pid) : psStat(pid);
  return stat === undefined || stat.state.startsWith("Z") ? undefined : stat.start;
}

export function isAlive(identity: ProcessIdentity): boolean {
  return startOf(identity.pid) === identity.start;
}

/** Sends a signal; false when there is nobody to receive it. A negative number means a process group. */
export function signal(pid: number, name: NodeJS.Signals): boolean {
  try {
    process.kill(pid, name);
    return true;
  } catch {
    return false;
  }
}

/** Processes that carry the token in their environment. Empty where there is no `/proc`. */
function processesWithToken(token: string): number[] {
  if (process.platform !== "linux") return [];
  const needle = `${tokenVariable}=${token}`;
  return readdirSync("/proc")
    .filter((name) => /^\d+$/.test(name))
    .map(Number)
    .filter((pid) => {
      try {
        return readFileSync(`/proc/${pid}/environ`, "latin1").split("\0").includes(needle);
      } catch {
        return false; // Gone meanwhile, or another user's.
      }
    });
}

/**
 * Kills every process that a workload left behind: its group (when `leader` is known to be, or to have been until now,
 * the workload's own) and whatever carries its token.
 */
export function killRemains(token: string, leader: number | undefined): void {
  if (leader !== undefined) signal(-leader, "SIGKILL");
  // A process may fork while we look: look again until there is nobody, but not for ever.
  for (let round = 0; round < 20; round += 1) {
    const pids = processesWithToken(token);
    if (pids.length === 0) return;
    for (const pid of pids) signal(pid, "SIGKILL");
  }
}
