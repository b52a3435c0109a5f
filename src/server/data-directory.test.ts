import { spawnSync } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterEach, beforeEach, expect, test } from "vitest";
import { DataDirectory, DataDirectoryBusy, DataDirectoryUnusable } from "./data-directory.ts";
import { readServerFile } from "./server-file.ts";

let path: string;
beforeEach(() => {
  path = join(mkdtempSync(join(tmpdir(), "sagebrush-data-")), "data");
});
afterEach(() => {
  rmSync(join(path, ".."), { recursive: true });
});

const server = {
  pid: 42,
  url: "http://127.0.0.1:1",
  region: "us-east-1",
  accountId: "000000000000",
  auth: "on" as const,
  startedAt: 1,
};

test("the folder is made for the user alone, and what a server announces can be read", () => {
  const directory = DataDirectory.open(path);
  expect(statSync(path).mode & 0o777).toBe(0o700);
  expect(readServerFile(path)).toBeUndefined();
  directory.announce(server);
  expect(readServerFile(path)).toEqual(server);
  directory.release();
  expect(readServerFile(path)).toBeUndefined();
});

test("in a folder that others may look into, the lock is the user's alone", () => {
  mkdirSync(path, { mode: 0o755 });
  const directory = DataDirectory.open(path);
  expect(statSync(join(path, "lock")).mode & 0o777).toBe(0o600);
  directory.release();
});

test("a second server is told who holds the directory", () => {
  const directory = DataDirectory.open(path);
  directory.announce(server);
  expect(() => DataDirectory.open(path)).toThrow(DataDirectoryBusy);
  expect(() => DataDirectory.open(path)).toThrow("process 42, http://127.0.0.1:1");
  directory.release();
  DataDirectory.open(path).release();
});

test("a server that was killed gives its directory back", () => {
  const compiled = fileURLToPath(new URL("../../dist/server/data-directory.js", import.meta.url));
  const program = `import { DataDirectory } from ${JSON.stringify(compiled)}; DataDirectory.open(process.argv[1]); process.kill(process.pid, "SIGKILL");`;
  const { signal, stderr } = spawnSync(process.execPath, ["--input-type=module", "-e", program, path], {
    encoding: "utf8",
  });
  expect(signal, stderr).toBe("SIGKILL");
  DataDirectory.open(path).release();
});

test.skipIf(!existsSync("/proc/self"))("a place where no folder can be made is said to be unusable", () => {
  expect(() => DataDirectory.open("/proc/no/folder")).toThrow(DataDirectoryUnusable);
});
