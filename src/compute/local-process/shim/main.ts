/**
 * The shim: the small process that owns one workload.
 *
 * It starts the workload in a session of its own, writes its log, enforces its maximum runtime and stop requests, kills
 * what it leaves behind and records how it ended. It needs no server while it runs; the server needs only its files.
 *
 * Started as `node main.js <folder of the workload>`, detached. SIGUSR2: look at `stop.json`. SIGTERM: stop the workload
 * with the grace of its launch (the machine shuts down).
 */
import { spawn, type ChildProcess } from "node:child_process";
import { closeSync, fsyncSync, linkSync, openSync, renameSync, unlinkSync, writeSync } from "node:fs";
import { join } from "node:path";
import { LogWriter } from "../log-writer.ts";
import {
  type Claim,
  claimFile,
  type ExitRecord,
  exitFile,
  killRemains,
  logFile,
  readJson,
  replaceFile,
  type RunningState,
  type ShimSpec,
  signal,
  specFile,
  startOf,
  stateFile,
  stopFile,
  type StopRequest,
  syncFolder,
} from "../workload-files.ts";

/** Bytes kept on disk from the start for the exit record, so that a full disk cannot swallow the outcome. */
const exitRecordBytes = 8 * 1024;
/** How long pipes may stay open after the workload and all it left behind are dead. */
const drainMs = 2000;
/** setTimeout takes at most 2^31 - 1 ms; longer limits are waited for in pieces of an hour. */
const longestTimerMs = 3_600_000;

const folder = process.argv[2];
const spec = readJson<ShimSpec>(join(folder, specFile))!;

let child: ChildProcess | undefined;
let startedAt = 0;
let stoppedBy: ExitRecord["stoppedBy"];
let killTimer: NodeJS.Timeout | undefined;
let killAt = Infinity;
let exited = false;

process.on("SIGUSR2", obeyStopRequest);
process.on("SIGTERM", () => stop("stop", spec.stopGraceMs));
process.on("SIGINT", () => {});
process.on("SIGHUP", () => {});

if (claim()) run();

/** Takes the workload for this process; false when another shim has it. */
function claim(): boolean {
  const mine: Claim = { pid: process.pid, start: startOf(process.pid)!, claimedAt: Date.now() };
  const temporary = join(folder, `.${claimFile}.${process.pid}`);
  const descriptor = openSync(temporary, "w", 0o600);
  writeSync(descriptor, JSON.stringify(mine));
  fsyncSync(descriptor);
  closeSync(descriptor);
  try {
    linkSync(temporary, join(folder, claimFile));
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "EEXIST") return false;
    throw error;
  } finally {
    unlinkSync(temporary);
  }
  syncFolder(folder);
  return true;
}

function run(): void {
  const record = openSync(reservedRecord(), "w", 0o600);
  writeSync(record, " ".repeat(exitRecordBytes));
  fsyncSync(record);
  const descriptor = openSync(join(folder, logFile), "a", 0o600);
  const log = new LogWriter(descriptor);
  startedAt = Date.now();

  const finish = (outcome: Pick<ExitRecord, "exitCode" | "signal" | "detail">): void => {
    const exitedAt = Date.now();
    log.end(exitedAt);
    const detail = [outcome.detail, log.loss, syncProblem(descriptor)].filter((text) => text !== undefined).join("; ");
    writeRecord(record, {
      startedAt,
      exitedAt,
      exitCode: outcome.exitCode,
      signal: outcome.signal,
      ...(stoppedBy && { stoppedBy }),
      ...(detail !== "" && { detail: detail.slice(0, exitRecordBytes / 8) }),
    });
    process.exit(0);
  };

  // A stop request that came before the claim: nobody could be told by a signal.
  obeyStopRequest();
  if (stoppedBy) return finish({ exitCode: null, signal: null, detail: "stopped before it started" });

  child = spawn(spec.command[0], spec.command.slice(1), {
    cwd: spec.cwd,
    env: spec.env,
    detached: true,
    stdio: ["ignore", "pipe", "pipe"],
  });
  const main = child;
  main.on("error", (error) => {
    // After a successful start an error only means that a signal could not be sent.
    if (main.pid !== undefined) return;
    stoppedBy = "launch-failed";
    finish({ exitCode: null, signal: null, detail: launchProblem(error) });
  });
  if (main.pid === undefined) return;

  main.stdout!.on("data", (chunk: Buffer) => log.write("o", chunk, Date.now()));
  main.stderr!.on("data", (chunk: Buffer) => log.write("e", chunk, Date.now()));
  const state: RunningState = { pid: main.pid, start: startOf(main.pid) ?? "", startedAt };
  try {
    replaceFile(folder, stateFile, JSON.stringify(state), false);
  } catch (error) {
    // Nobody could find the workload again should this process die: better not to run it.
    killRemains(spec.token, main.pid);
    stoppedBy = "launch-failed";
    return finish({ exitCode: null, signal: null, detail: `cannot record the process: ${(error as Error).message}` });
  }
  if (spec.maxRuntimeMs !== undefined) stopAfter(startedAt + spec.maxRuntimeMs);

  main.on("exit", (exitCode, signalName) => {
    exited = true;
    clearTimeout(killTimer);
    // As in a container: when the main process ends, everything it started ends.
    killRemains(spec.token, main.pid);
    const done = () => finish({ exitCode, signal: signalName });
    main.on("close", done);
    setTimeout(done, drainMs);
  });
}

/** Makes the log durable; what hinders that, for people. The outcome is recorded even so. */
function syncProblem(descriptor: number): string | undefined {
  try {
    fsyncSync(descriptor);
    return undefined;
  } catch (error) {
    return `the log may be incomplete: ${(error as Error).message}`;
  }
}

function launchProblem(error: Error): string {
  const { code } = error as NodeJS.ErrnoException;
  const why = code === "ENOENT" ? "no such program or working directory" : error.message;
  return `cannot start ${spec.command[0]} in ${spec.cwd}: ${why}`;
}

function stopAfter(deadline: number): void {
  const left = deadline - Date.now();
  if (left <= 0) stop("max-runtime", spec.stopGraceMs);
  else setTimeout(() => stopAfter(deadline), Math.min(left, longestTimerMs));
}

function obeyStopRequest(): void {
  const request = readJson<StopRequest>(join(folder, stopFile));
  if (request) stop("stop", request.graceMs);
}

/** SIGTERM to the main process once, SIGKILL to the whole group after the shortest grace anybody asked for. */
function stop(reason: "stop" | "max-runtime", graceMs: number): void {
  if (exited) return;
  const first = stoppedBy === undefined;
  stoppedBy ??= reason;
  if (child?.pid === undefined) return;
  const { pid } = child;
  if (first && graceMs > 0) signal(pid, "SIGTERM");
  if (Date.now() + graceMs >= killAt) return;
  killAt = Date.now() + graceMs;
  clearTimeout(killTimer);
  killTimer = setTimeout(() => signal(-pid, "SIGKILL"), graceMs);
}

function reservedRecord(): string {
  return join(folder, `.${exitFile}`);
}

/** Overwrites the reserved bytes (JSON may end in spaces) and gives the file its name. */
function writeRecord(descriptor: number, record: ExitRecord): void {
  writeSync(descriptor, JSON.stringify(record), 0);
  fsyncSync(descriptor);
  closeSync(descriptor);
  renameSync(reservedRecord(), join(folder, exitFile));
  syncFolder(folder);
}
