import { mkdtemp, readdir, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import { MemoryObjects } from "../jobs/ports.contract.ts";
import { roleBoundStorage } from "./role-bound-storage.ts";

async function* bytes() {
  yield Buffer.from("new");
}

test("every call is asked about first, as the S3 operation that it amounts to", async () => {
  const directory = await mkdtemp(join(tmpdir(), "sagebrush-role-"));
  const asked: unknown[] = [];
  const storage = roleBoundStorage(new MemoryObjects().put("b", "in/a", "1"), async (operation, input) => {
    asked.push([operation, input]);
  });
  for await (const { key } of storage.list("1", "b", "in/")) expect(key).toBe("in/a");
  expect(await storage.stat("1", "b", "in/a")).toMatchObject({ size: 1 });
  await storage.download("1", "b", "in/a", join(directory, "a"));
  await (await storage.read("1", "b", "in/a")).toArray();
  await storage.upload("1", "b", "out/b", bytes());
  expect(await storage.bucketExists("1", "b")).toBe(true);
  expect(asked).toEqual([
    ["ListObjectsV2", { Bucket: "b", Prefix: "in/" }],
    ["HeadObject", { Bucket: "b", Key: "in/a" }],
    ["GetObject", { Bucket: "b", Key: "in/a" }],
    ["GetObject", { Bucket: "b", Key: "in/a" }],
    ["PutObject", { Bucket: "b", Key: "out/b" }],
  ]);
  await rm(directory, { recursive: true });
});

test("what is not allowed does not happen", async () => {
  const directory = await mkdtemp(join(tmpdir(), "sagebrush-role-"));
  const objects = new MemoryObjects().put("b", "in/a", "1");
  const storage = roleBoundStorage(objects, () => Promise.reject(new Error("denied")));
  await expect(storage.list("1", "b", "")[Symbol.asyncIterator]().next()).rejects.toThrow("denied");
  await expect(storage.stat("1", "b", "in/a")).rejects.toThrow("denied");
  await expect(storage.download("1", "b", "in/a", join(directory, "a"))).rejects.toThrow("denied");
  await expect(storage.read("1", "b", "in/a")).rejects.toThrow("denied");
  await expect(storage.upload("1", "b", "in/a", bytes())).rejects.toThrow("denied");
  expect(objects.objects.get("b/in/a")!.toString()).toBe("1");
  expect(await readdir(directory)).toEqual([]);
  await rm(directory, { recursive: true });
});
