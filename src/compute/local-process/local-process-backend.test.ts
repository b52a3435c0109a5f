import { spawnSync } from "node:child_process";
import { existsSync } from "node:fs";
import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { describeComputeBackend, eventually, isRunning } from "../compute-backend.contract.ts";
import type { WorkloadSpec } from "../compute-backend.ts";
import { LocalProcessBackend } from "./local-process-backend.ts";

describeComputeBackend("LocalProcessBackend", (directory) => new LocalProcessBackend(directory));

let directory: string;
let backend: LocalProcessBackend;

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), "sagebrush-process-"));
  backend = new LocalProcessBackend(directory);
});

afterEach(async () => {
  for (const id of await backend.list()) await backend.remove(id);
  await backend.close();
  await rm(directory, { recursive: true, force: true });
});

const shell = (id: string, script: string, more: Partial<WorkloadSpec> = {}): WorkloadSpec => ({
  id,
  command: ["/bin/sh", "-c", script],
  env: {},
  cwd: directory,
  stopGraceMs: 5000,
  ...more,
});
const folder = (id: string) => join(directory, "workloads", id);
const json = async (id: string, file: string): Promise<{ pid: number }> =>
  JSON.parse(await readFile(join(folder(id), file), "utf8")) as { pid: number };
const texts = async (id: string): Promise<string[]> => {
  const found: string[] = [];
  for await (const line of backend.logs(id, 0)) found.push(line.text);
  return found;
};

test("a workload whose shim is killed is ended, and its outcome is unknown", async () => {
  await backend.launch(shell("lost", "sleep 60 & echo $!; wait"));
  let sleeper = 0;
  for await (const line of backend.logs("lost", 0)) {
    sleeper = Number(line.text);
    break;
  }
  const main = (await json("lost", "state.json")).pid;
  process.kill((await json("lost", "shim.json")).pid, "SIGKILL");
  expect(await backend.exited("lost")).toMatchObject({ exitCode: null, signal: null, stoppedBy: "lost" });
  await eventually(() => !isRunning(main) && !isRunning(sleeper));
});

test.skipIf(process.platform !== "linux")(
  "the use of a workload counts its children, also those in sessions of their own",
  async () => {
    const busy = "for (let n = 0; ; n++);";
    const script = `"$NODE" -e "${busy}" & "$NODE" -e "require('node:child_process').spawn(process.execPath, ['-e', '${busy}'], { detached: true }); setInterval(() => {}, 1000)" & wait`;
    await backend.launch(shell("busy", script, { env: { NODE: process.execPath } }));
    // Two busy children get more than a second of processor time between them; the shell alone none.
    await eventually(async () => ((await backend.usage("busy"))?.cpuMs ?? 0) > 1000);
    const { memoryBytes } = (await backend.usage("busy"))!;
    // Three programs of some 40 MiB each.
    expect(memoryBytes).toBeGreaterThan(60 * 2 ** 20);
    expect(await backend.usage("nobody")).toBeUndefined();
    await backend.stop("busy", 0);
    await backend.exited("busy");
    expect(await backend.usage("busy")).toBeUndefined();
  },
);

test("an adopting server also notices that a shim was killed", async () => {
  await backend.launch(shell("orphan", "echo ready; exec sleep 60"));
  await eventually(() => existsSync(join(folder("orphan"), "state.json")));
  const main = (await json("orphan", "state.json")).pid;
  process.kill((await json("orphan", "shim.json")).pid, "SIGKILL");
  const other = new LocalProcessBackend(directory);
  expect(await other.exited("orphan")).toMatchObject({ stoppedBy: "lost" });
  await eventually(() => !isRunning(main));
  await other.close();
});

test("a shim number that now belongs to another process does not count as the shim", async () => {
  await backend.launch(shell("recycled", "exec sleep 60"));
  await eventually(() => existsSync(join(folder("recycled"), "state.json")));
  const claim = await json("recycled", "shim.json");
  process.kill(claim.pid, "SIGKILL");
  await eventually(() => !isRunning(claim.pid));
  // This test is alive, but it started at another time than the shim.
  await writeFile(join(folder("recycled"), "shim.json"), JSON.stringify({ ...claim, pid: process.pid }));
  expect(await backend.observe("recycled")).toMatchObject({ phase: "exited", stoppedBy: "lost" });
});

test("a server that died between writing the workload and starting its shim starts it after all", async () => {
  // What is on disk at that moment: the specification and nothing else.
  await backend.launch(shell("half", "echo ran"));
  await backend.exited("half");
  const spec = await readFile(join(folder("half"), "spec.json"));
  await backend.remove("half");
  await mkdir(folder("half"));
  await writeFile(join(folder("half"), "spec.json"), spec);

  expect(await backend.observe("half")).toEqual({ phase: "starting" });
  expect(await backend.exited("half")).toMatchObject({ exitCode: 0 });
  expect(await texts("half")).toEqual(["ran"]);
});

test("folders that a crash left half made or half removed are swept", async () => {
  await mkdir(join(directory, "workloads", ".new-other-server-x"), { recursive: true });
  await mkdir(join(directory, "workloads", ".removed-job-y"));
  expect(await backend.list()).toEqual([]);
  expect(await readdir(join(directory, "workloads"))).toEqual([]);
});

test("a shim that cannot start is reported instead of being tried for ever", async () => {
  await mkdir(folder("broken"), { recursive: true });
  await writeFile(join(folder("broken"), "spec.json"), "{ torn");
  const state = await backend.exited("broken");
  expect(state).toMatchObject({ stoppedBy: "launch-failed" });
  expect(state.detail).toContain("JSON");
});

test("SIGTERM to the shim stops the workload politely", async () => {
  await backend.launch(shell("shutdown", "trap 'exit 0' TERM; echo ready; while :; do sleep 0.05; done"));
  for await (const _line of backend.logs("shutdown", 0)) break;
  process.kill((await json("shutdown", "shim.json")).pid, "SIGTERM");
  expect(await backend.exited("shutdown")).toMatchObject({ exitCode: 0, stoppedBy: "stop" });
});

test("the workload gets only the environment it was given, its tree and its mark", async () => {
  process.env.SAGEBRUSH_SECRET_OF_THE_SERVER = "secret";
  await backend.launch(shell("environment", "env", { env: { MINE: "1" }, mlRoot: "/some/tree" }));
  const names = (await texts("environment")).map((line) => line.split("=")[0]).sort();
  delete process.env.SAGEBRUSH_SECRET_OF_THE_SERVER;
  // The shell itself adds PWD, and some shells OLDPWD, SHLVL and _.
  expect(names.filter((name) => !["PWD", "OLDPWD", "SHLVL", "_"].includes(name))).toEqual([
    "MINE",
    "ML_ROOT",
    "PATH",
    "SAGEBRUSH_WORKLOAD",
  ]);
});

const limits = new LocalProcessBackend("/").describeLimits();

test.skipIf(!limits.every((limit) => limit.enforced))("limits memory and open files of a workload", async () => {
  await backend.launch(shell("files", "ulimit -n", { limits: { openFiles: 123, memoryBytes: 64 * 1024 ** 2 } }));
  expect(await texts("files")).toEqual(["123"]);
  await backend.launch({
    ...shell("memory", ""),
    command: [process.execPath, "-e", "const kept = []; for (;;) kept.push(Buffer.alloc(1 << 20, 1));"],
    limits: { memoryBytes: 512 * 1024 ** 2 },
  });
  const { exitCode } = await backend.exited("memory");
  expect(exitCode).not.toBe(0);
});

test.skipIf(process.platform !== "linux")("kills even what left the session of the workload", async () => {
  await backend.launch(shell("daemon", "setsid sleep 60 </dev/null >/dev/null 2>&1 & sleep 0.3; exit 0"));
  await backend.exited("daemon");
  const found = spawnSync("ps", ["-eo", "pid,args"], { encoding: "utf8" }).stdout;
  const environments = found
    .split("\n")
    .filter((line) => line.includes("sleep 60"))
    .map((line) => Number.parseInt(line, 10));
  for (const pid of environments) {
    const environment = await readFile(`/proc/${pid}/environ`, "latin1").catch(() => "");
    expect(environment).not.toContain("SAGEBRUSH_WORKLOAD=daemon/");
  }
});

const canMount = process.platform === "linux" && process.getuid?.() === 0;

test.skipIf(!canMount)(
  "a disk that is full before the shim begins ends the workload, and nothing of it stays",
  async () => {
    const small = join(directory, "small");
    await mkdir(small);
    const mounted = spawnSync("mount", ["-t", "tmpfs", "-o", "size=128k", "tmpfs", small]);
    if (mounted.status !== 0) return;
    const onSmall = new LocalProcessBackend(small);
    try {
      await onSmall.launch({ ...shell("full", "exit 0"), cwd: "/" });
      await expect(writeFile(join(small, "ballast"), Buffer.alloc(256 * 1024, 1))).rejects.toThrow("ENOSPC");
      const state = await onSmall.exited("full");
      expect(state).toMatchObject({ exitCode: null, stoppedBy: "launch-failed" });
      expect(state.detail).toContain("ENOSPC");
      await onSmall.remove("full");
      expect(await onSmall.list()).toEqual([]);
    } finally {
      await onSmall.close();
      spawnSync("umount", ["--lazy", small]);
    }
  },
);

test.skipIf(!canMount)("a full disk costs log lines, never the outcome", async () => {
  const small = join(directory, "small");
  await mkdir(small);
  const mounted = spawnSync("mount", ["-t", "tmpfs", "-o", "size=128k", "tmpfs", small]);
  // Some sandboxes forbid mounting even to root.
  if (mounted.status !== 0) return;
  const onSmall = new LocalProcessBackend(small);
  try {
    const script = "i=0; while [ $i -lt 4000 ]; do echo row $i $(printf %0100d 0); i=$((i+1)); done; exit 4";
    await onSmall.launch({ ...shell("full", script), cwd: "/" });
    const state = await onSmall.exited("full");
    expect(state).toMatchObject({ exitCode: 4 });
    expect(state.detail).toMatch(/\d+ log lines were lost: .*ENOSPC/);
    for await (const line of onSmall.logs("full", 0)) expect(line.text).toMatch(/^row \d+ 0{100}$/);
  } finally {
    await onSmall.remove("full");
    await onSmall.close();
    // Lazily: the shim writes its record, and ends a little later.
    spawnSync("umount", ["--lazy", small]);
  }
});
