/** What every compute backend must do. An implementation's test file calls `describeComputeBackend` with a factory. */
import { spawnSync } from "node:child_process";
import { existsSync } from "node:fs";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import type { ComputeBackend, WorkloadLogLine, WorkloadSpec } from "./compute-backend.ts";

/** Waits, at most 20 s, until `condition` holds. */
export async function eventually<T>(condition: () => T | Promise<T>): Promise<T> {
  const deadline = performance.now() + 20_000;
  for (;;) {
    const value = await condition();
    if (value) return value;
    if (performance.now() > deadline) throw new Error(`never became true: ${condition.toString()}`);
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}

/** Whether a process of this machine runs; one that is dead and only not yet waited for does not. */
export function isRunning(pid: number): boolean {
  const { stdout } = spawnSync("ps", ["-o", "state=", "-p", String(pid)], { encoding: "utf8" });
  return stdout.trim() !== "" && !stdout.trim().startsWith("Z");
}

/** @param create makes a backend on a directory; a second call on the same directory is a restarted server */
export function describeComputeBackend(name: string, create: (directory: string) => ComputeBackend): void {
  describe(`${name} as a compute backend`, () => {
    let directory: string;
    let backends: ComputeBackend[];
    const start = (): ComputeBackend => {
      const backend = create(directory);
      backends.push(backend);
      return backend;
    };

    beforeEach(async () => {
      directory = await mkdtemp(join(tmpdir(), "sagebrush-compute-"));
      backends = [];
    });

    afterEach(async () => {
      const sweeper = create(directory);
      for (const id of await sweeper.list()) await sweeper.remove(id);
      expect(await sweeper.list()).toEqual([]);
      await sweeper.close();
      await Promise.all(backends.map((backend) => backend.close()));
      await rm(directory, { recursive: true, force: true });
    });

    const workload = (
      id: string,
      command: WorkloadSpec["command"],
      more: Partial<WorkloadSpec> = {},
    ): WorkloadSpec => ({
      id,
      command,
      env: {},
      cwd: directory,
      stopGraceMs: 10_000,
      ...more,
    });
    const shell = (id: string, script: string, more: Partial<WorkloadSpec> = {}): WorkloadSpec =>
      workload(id, ["/bin/sh", "-c", script], more);
    const allLines = async (backend: ComputeBackend, id: string, from = 0): Promise<WorkloadLogLine[]> => {
      const lines: WorkloadLogLine[] = [];
      for await (const line of backend.logs(id, from)) lines.push(line);
      return lines;
    };
    const firstLine = async (backend: ComputeBackend, id: string): Promise<WorkloadLogLine> => {
      for await (const line of backend.logs(id, 0)) return line;
      throw new Error("the workload ended without a line");
    };

    test("reports exit code 0 with both times", async () => {
      const backend = start();
      const before = Date.now();
      await backend.launch(shell("ok", "exit 0"));
      const state = await backend.exited("ok");
      expect(state).toMatchObject({ phase: "exited", exitCode: 0, signal: null });
      expect(state.stoppedBy).toBeUndefined();
      expect(state.startedAt).toBeGreaterThanOrEqual(before);
      expect(state.exitedAt).toBeGreaterThanOrEqual(state.startedAt);
      expect(await backend.observe("ok")).toEqual(state);
    });

    test("reports another exit code", async () => {
      const backend = start();
      await backend.launch(shell("seven", "exit 7"));
      expect(await backend.exited("seven")).toMatchObject({ exitCode: 7, signal: null });
    });

    test("reports the signal that ended a workload", async () => {
      const backend = start();
      await backend.launch(shell("signal", "kill -SEGV $$"));
      expect(await backend.exited("signal")).toMatchObject({ exitCode: null, signal: "SIGSEGV" });
    });

    test("passes arguments, environment and working directory untouched", async () => {
      const backend = start();
      await backend.launch(
        workload("arguments", ["/bin/sh", "-c", 'echo "$1|$2|$VALUE|$(pwd)|$HOME"', "sh", "a b; exit 3", "$(id)"], {
          env: { VALUE: "x'y\"z" },
        }),
      );
      const [line] = await allLines(backend, "arguments");
      expect(line.text).toBe(`a b; exit 3|$(id)|x'y"z|${directory}|`);
    });

    test("says that a program does not exist", async () => {
      const backend = start();
      await backend.launch(workload("missing", ["/no/such/program"]));
      const state = await backend.exited("missing");
      expect(state).toMatchObject({ exitCode: null, stoppedBy: "launch-failed" });
      expect(state.detail).toContain("/no/such/program");
    });

    test("knows nothing about a workload that was never launched", async () => {
      const backend = start();
      expect(await backend.observe("nobody")).toEqual({ phase: "unknown" });
      await expect(backend.exited("nobody")).rejects.toThrow("nobody");
      await backend.stop("nobody");
      await backend.remove("nobody");
      expect(await allLines(backend, "nobody")).toEqual([]);
    });

    test("refuses an id that could leave its directory", async () => {
      await expect(start().launch(shell("../escape", "exit 0"))).rejects.toThrow("../escape");
    });

    test("keeps the lines of both streams with their source and time", async () => {
      const backend = start();
      const before = Date.now();
      await backend.launch(shell("streams", "echo one; echo two >&2; printf 'no end'"));
      await backend.exited("streams");
      const lines = await allLines(backend, "streams");
      expect(lines.map(({ stream, text }) => `${stream} ${text}`).sort()).toEqual([
        "stderr two",
        "stdout no end",
        "stdout one",
      ]);
      for (const line of lines) {
        expect(line.timestamp).toBeGreaterThanOrEqual(before);
        expect(line.timestamp).toBeLessThanOrEqual(Date.now());
      }
    });

    test("goes on from any offset without losing or repeating a line", async () => {
      const backend = start();
      await backend.launch(shell("offsets", "for i in 1 2 3 4 5; do echo line $i; done"));
      await backend.exited("offsets");
      const lines = await allLines(backend, "offsets");
      expect(lines.map((line) => line.text)).toEqual(["line 1", "line 2", "line 3", "line 4", "line 5"]);
      for (const [index, line] of lines.entries()) {
        expect(await allLines(backend, "offsets", line.offset)).toEqual(lines.slice(index + 1));
      }
    });

    test("delivers lines while the workload runs", async () => {
      const backend = start();
      await backend.launch(shell("live", "echo first; while [ ! -e go ]; do sleep 0.05; done; echo second"));
      const texts: string[] = [];
      let phase: string | undefined;
      for await (const line of backend.logs("live", 0)) {
        texts.push(line.text);
        phase ??= (await backend.observe("live")).phase;
        await writeFile(join(directory, "go"), "");
      }
      expect(phase).toBe("running");
      expect(texts).toEqual(["first", "second"]);
    });

    test("splits lines above 256 KiB and keeps every byte of many megabytes", async () => {
      const backend = start();
      const script = `process.stdout.write("é".repeat(300000) + "\\n"); for (let i = 0; i < 40000; i++) console.log("row " + i + " " + "x".repeat(80))`;
      await backend.launch(workload("long", [process.execPath, "-e", script]));
      const lines = await allLines(backend, "long");
      const long = lines.filter((line) => line.text.startsWith("é"));
      expect(long.length).toBe(3);
      expect(long.map((line) => line.text).join("")).toBe("é".repeat(300000));
      expect(Math.max(...long.map((line) => Buffer.byteLength(line.text)))).toBeLessThanOrEqual(256 * 1024);
      expect(lines.length).toBe(40003);
      expect(lines.at(-1)!.text).toBe(`row 39999 ${"x".repeat(80)}`);
    });

    test("ends a log when its reader loses interest", async () => {
      const backend = start();
      await backend.launch(shell("bored", "echo here; exec sleep 60"));
      const abort = new AbortController();
      const texts: string[] = [];
      for await (const line of backend.logs("bored", 0, abort.signal)) {
        texts.push(line.text);
        abort.abort();
      }
      expect(texts).toEqual(["here"]);
      await expect(backend.exited("bored", AbortSignal.abort(new Error("enough")))).rejects.toThrow("enough");
    });

    test("stops with SIGTERM and lets the workload finish its work", async () => {
      const backend = start();
      await backend.launch(shell("polite", "trap 'echo saved; exit 0' TERM; echo ready; while :; do sleep 0.05; done"));
      await firstLine(backend, "polite");
      await backend.stop("polite");
      expect(await backend.exited("polite")).toMatchObject({ exitCode: 0, stoppedBy: "stop" });
      expect((await allLines(backend, "polite")).map((line) => line.text)).toEqual(["ready", "saved"]);
    });

    test("kills a workload that ignores SIGTERM when its grace is over", async () => {
      const backend = start();
      await backend.launch(
        shell("stubborn", "trap '' TERM; echo ready; while :; do sleep 0.05; done", { stopGraceMs: 200 }),
      );
      await firstLine(backend, "stubborn");
      await backend.stop("stubborn");
      expect(await backend.exited("stubborn")).toMatchObject({ exitCode: null, signal: "SIGKILL", stoppedBy: "stop" });
    });

    test("a later stop may shorten the grace", async () => {
      const backend = start();
      await backend.launch(
        shell("hurry", "trap '' TERM; echo ready; while :; do sleep 0.05; done", { stopGraceMs: 600_000 }),
      );
      await firstLine(backend, "hurry");
      await backend.stop("hurry");
      await backend.stop("hurry", 50);
      expect(await backend.exited("hurry")).toMatchObject({ signal: "SIGKILL", stoppedBy: "stop" });
    });

    test("a stop right after the launch is not lost", async () => {
      const backend = start();
      await backend.launch(shell("early", "exec sleep 60"));
      await backend.stop("early");
      expect(await backend.exited("early")).toMatchObject({ stoppedBy: "stop" });
    });

    test("stops a workload at its maximum runtime while no server lives", async () => {
      const first = start();
      await first.launch(shell("overtime", "echo ready; exec sleep 60", { maxRuntimeMs: 300 }));
      await first.close();
      const second = start();
      expect(await second.exited("overtime")).toMatchObject({ signal: "SIGTERM", stoppedBy: "max-runtime" });
    });

    test("a restarted server adopts a running workload with its log", async () => {
      const first = start();
      await first.launch(shell("adopted", "echo one; while [ ! -e go ]; do sleep 0.05; done; echo two; exit 5"));
      const line = await firstLine(first, "adopted");
      await first.close();

      const second = start();
      expect(await second.list()).toEqual(["adopted"]);
      expect(await second.observe("adopted")).toMatchObject({ phase: "running" });
      await writeFile(join(directory, "go"), "");
      expect((await allLines(second, "adopted", line.offset)).map((each) => each.text)).toEqual(["two"]);
      expect(await second.exited("adopted")).toMatchObject({ exitCode: 5 });
    });

    test("runs a workload once, however often and by whomever it is launched", async () => {
      const [first, second] = [start(), start()];
      const spec = shell("once", "echo run >> runs; echo done");
      await Promise.all([first.launch(spec), second.launch(spec), first.launch(spec)]);
      await first.exited("once");
      await second.launch(spec);
      await second.exited("once");
      expect(await readFile(join(directory, "runs"), "utf8")).toBe("run\n");
    });

    test("kills what a workload leaves behind", async () => {
      const backend = start();
      await backend.launch(shell("leaver", "sleep 60 & echo $!; exit 0"));
      await backend.exited("leaver");
      const [line] = await allLines(backend, "leaver");
      expect(Number(line.text)).toBeGreaterThan(1);
      await eventually(() => !isRunning(Number(line.text)));
    });

    test("removes a running workload with its processes and files", async () => {
      const backend = start();
      await backend.launch(shell("removed", "trap '' TERM; sleep 60 & echo $$; echo $!; wait"));
      const pids: number[] = [];
      for await (const line of backend.logs("removed", 0)) if (pids.push(Number(line.text)) === 2) break;
      await backend.remove("removed");
      await eventually(() => pids.every((pid) => !isRunning(pid)));
      expect(await backend.observe("removed")).toEqual({ phase: "unknown" });
      expect(await backend.list()).toEqual([]);
      expect(existsSync(join(directory, "workloads", "removed"))).toBe(false);
    });
  });
}
