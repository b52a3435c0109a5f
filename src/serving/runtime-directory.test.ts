import { chmod, lstat, rm } from "node:fs/promises";
import { expect, test } from "vitest";
import { maxSocketPathBytes, runtimeDirectory } from "./runtime-directory.ts";

test("a data directory has one short private folder for sockets, and one that others may enter is refused", async () => {
  const data = `/data/of/runtime-directory-test/${process.pid}`;
  const path = await runtimeDirectory(data);
  try {
    expect(await runtimeDirectory(data)).toBe(path);
    expect((await lstat(path)).mode & 0o777).toBe(0o700);
    // Twelve digits of a deployment, variant, slot and six digits: the longest socket name.
    expect(Buffer.byteLength(`${path}/0123456789ab-9-9-abcdef`)).toBeLessThanOrEqual(maxSocketPathBytes);
    await chmod(path, 0o755);
    await expect(runtimeDirectory(data)).rejects.toThrow("must be a folder that only this user may enter");
  } finally {
    await rm(path, { recursive: true });
  }
});

test("another data directory has another folder", async () => {
  const paths = await Promise.all([runtimeDirectory("/data/of/a"), runtimeDirectory("/data/of/b")]);
  try {
    expect(new Set(paths).size).toBe(2);
  } finally {
    await Promise.all(paths.map((path) => rm(path, { recursive: true })));
  }
});
