import { mkdtempSync, readdirSync, rmSync, statSync, utimesSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { blobStoreContract, chunksOf } from "./blob-store.contract.ts";
import { FileBlobStore } from "./file-blob-store.ts";

let root: string;

beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), "sagebrush-blobs-"));
});
afterEach(() => rmSync(root, { recursive: true, force: true }));

function files(): string[] {
  return readdirSync(root, { recursive: true, encoding: "utf8" }).filter((name) => statSync(join(root, name)).isFile());
}

blobStoreContract("FileBlobStore", async () => ({
  store: await FileBlobStore.open(root),
  reopen: () => FileBlobStore.open(root),
  fileCount: () => files().length,
  dispose: async () => {},
}));

test("blobs lie two folders deep under random digits", async () => {
  const store = await FileBlobStore.open(root);
  const { id } = await store.write(chunksOf(["x"]));
  expect(id).toMatch(/^[0-9a-f]{32}$/);
  expect(files()).toEqual([join(id.slice(0, 2), id.slice(2, 4), id)]);
});

test("the folder changes after a thousand blobs", async () => {
  const store = await FileBlobStore.open(root);
  const ids = await Promise.all(Array.from({ length: 1010 }, async () => (await store.write(chunksOf(["x"]))).id));
  const perFolder = new Map<string, number>();
  for (const id of ids) perFolder.set(id.slice(0, 4), (perFolder.get(id.slice(0, 4)) ?? 0) + 1);
  expect([...perFolder.values()].sort((a, b) => b - a)).toEqual([1000, 10]);
});

test("opening removes temporary files of earlier processes and no others", async () => {
  const store = await FileBlobStore.open(root);
  const { id } = await store.write(chunksOf(["kept"]));
  writeFileSync(join(root, "tmp", "old"), "half a blob");
  writeFileSync(join(root, "tmp", "new"), "being written");
  const anHourAgo = Date.now() / 1000 - 3600;
  utimesSync(join(root, "tmp", "old"), anHourAgo, anHourAgo);
  await FileBlobStore.open(root, { startedAt: Date.now() - 60_000 });
  expect(files().sort()).toEqual([join(id.slice(0, 2), id.slice(2, 4), id), join("tmp", "new")].sort());
});
