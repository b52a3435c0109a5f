/** What the stores do on a disk that is really full: a few MiB of tmpfs, mounted where the tests run as root. */
import { spawnSync } from "node:child_process";
import {
  closeSync,
  cpSync,
  existsSync,
  mkdtempSync,
  openSync,
  readdirSync,
  rmSync,
  statSync,
  writeSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { buffer } from "node:stream/consumers";
import { afterEach, beforeEach, expect, test } from "vitest";
import { chunksOf } from "./blob-store.contract.ts";
import { FileBlobStore } from "./file-blob-store.ts";
import { StorageFull, type RecordKey } from "./record-store.ts";
import { SqliteRecordStore } from "./sqlite-record-store.ts";

const mebibyte = 2 ** 20;

function mount(folder: string, mebibytes: number): boolean {
  return spawnSync("mount", ["-t", "tmpfs", "-o", `size=${mebibytes}m`, "tmpfs", folder]).status === 0;
}

function unmount(folder: string): void {
  spawnSync("umount", ["--lazy", folder]);
}

function mayMount(): boolean {
  const folder = mkdtempSync(join(tmpdir(), "sagebrush-mount-"));
  try {
    return mount(folder, 1);
  } finally {
    unmount(folder);
    rmSync(folder, { recursive: true, force: true });
  }
}

const cannotMount = !mayMount();
let disk: string;

beforeEach(() => {
  disk = mkdtempSync(join(tmpdir(), "sagebrush-disk-"));
  if (!cannotMount) mount(disk, 8);
});
afterEach(() => {
  if (!cannotMount) unmount(disk);
  rmSync(disk, { recursive: true, force: true });
});

const file = () => join(disk, "records.db");
const options = { actor: { by: "test", call: "test:Write" }, at: 1 };

function key(name: string | number): RecordKey {
  return { accountId: "000000000000", region: "us-east-1", family: "job", name: String(name) };
}

/** Fills what is left of the disk with a file of somebody else. */
function fillDisk(): void {
  const ballast = openSync(join(disk, "ballast"), "w");
  try {
    for (const size of [65_536, 4096, 1]) {
      for (;;) {
        try {
          writeSync(ballast, new Uint8Array(size));
        } catch (error) {
          expect(error).toMatchObject({ code: "ENOSPC" });
          break;
        }
      }
    }
  } finally {
    closeSync(ballast);
  }
}

async function insertUntilFull(store: SqliteRecordStore): Promise<number> {
  for (let count = 0; count < 1000; count += 1) {
    try {
      await store.write([{ op: "insert", key: key(count), body: "x".repeat(50_000) }], options);
    } catch (error) {
      expect(error).toBeInstanceOf(StorageFull);
      return count;
    }
  }
  throw new Error("the disk never filled");
}

async function countRecords(store: SqliteRecordStore): Promise<number> {
  let count = 0;
  for await (const { body } of store.scan<string>("job")) {
    expect(body).toHaveLength(50_000);
    count += 1;
  }
  return count;
}

test.skipIf(cannotMount)("acknowledged records survive a full disk, the refused one leaves nothing", async () => {
  const store = new SqliteRecordStore({ file: file(), reserveBytes: mebibyte });
  const count = await insertUntilFull(store);
  expect(count).toBeGreaterThan(10);
  expect(await countRecords(store)).toBe(count);
  expect(await store.get(key(count))).toBeUndefined();
  expect(await store.history(key(count))).toEqual([]);
  // What is on the disk now is what the next server finds when this one is killed.
  const found = mkdtempSync(join(tmpdir(), "sagebrush-found-"));
  cpSync(disk, found, { recursive: true });
  const next = new SqliteRecordStore({ file: join(found, "records.db"), reserveBytes: 0 });
  expect(await countRecords(next)).toBe(count);
  await next.close();
  rmSync(found, { recursive: true });
  await store.close();
});

test.skipIf(cannotMount)("batches of one moment are kept or refused one by one when the disk fills", async () => {
  const store = new SqliteRecordStore({ file: file(), reserveBytes: mebibyte });
  const outcomes = await Promise.allSettled(
    Array.from({ length: 100 }, (_, index) =>
      store.write([{ op: "insert", key: key(index), body: "x".repeat(50_000) }], options),
    ),
  );
  const kept = outcomes.filter(({ status }) => status === "fulfilled").length;
  expect(kept).toBeGreaterThan(10);
  expect(kept).toBeLessThan(100);
  for (const outcome of outcomes) if (outcome.status === "rejected") expect(outcome.reason).toBeInstanceOf(StorageFull);
  expect(await countRecords(store)).toBe(kept);
  await store.close();
});

test.skipIf(cannotMount)("a full disk can still be emptied, and then takes records again", async () => {
  const reserve = join(disk, "sagebrush.reserve");
  const store = new SqliteRecordStore({ file: file(), reserveBytes: mebibyte });
  const count = await insertUntilFull(store);
  fillDisk();
  expect(statSync(reserve).size).toBe(mebibyte);
  await store.write([{ op: "delete", key: key(0) }], options);
  expect(existsSync(reserve)).toBe(false);
  for (let index = 1; index < count; index += 1) await store.write([{ op: "delete", key: key(index) }], options);
  expect(await countRecords(store)).toBe(0);
  await store.write([{ op: "insert", key: key("new"), body: "x".repeat(50_000) }], options);
  expect(await countRecords(store)).toBe(1);
  rmSync(join(disk, "ballast"));
  await store.write([{ op: "delete", key: key("new") }], options);
  expect(statSync(reserve).size).toBe(mebibyte);
  await store.close();
});

test.skipIf(cannotMount)("a blob that does not fit leaves nothing behind, and the others stay readable", async () => {
  const store = await FileBlobStore.open(join(disk, "blobs"));
  const small = await store.write(chunksOf([new Uint8Array(mebibyte).fill(7)]));
  const large = Array.from({ length: 20 }, () => new Uint8Array(mebibyte));
  await expect(store.write(chunksOf(large))).rejects.toThrow(StorageFull);
  await expect(store.concat(Array.from({ length: 12 }, () => small.id))).rejects.toThrow(StorageFull);
  expect(readdirSync(join(disk, "blobs", "tmp"))).toEqual([]);
  expect((await buffer(await store.read(small.id))).equals(Buffer.alloc(mebibyte, 7))).toBe(true);
  fillDisk();
  await expect(store.write(chunksOf(["x"]))).rejects.toThrow(StorageFull);
  await store.delete(small.id);
  expect((await store.write(chunksOf(["fits again"]))).size).toBe(10);
});

test.skipIf(cannotMount)("a disk that was full when the first blob came takes the next one", async () => {
  const store = await FileBlobStore.open(join(disk, "blobs"));
  fillDisk();
  await expect(store.write(chunksOf(["x"]))).rejects.toThrow(StorageFull);
  rmSync(join(disk, "ballast"));
  expect((await store.write(chunksOf(["x"]))).size).toBe(1);
});

test.skipIf(cannotMount)("what makes room is written from the reserve, other writes are not", async () => {
  const store = new SqliteRecordStore({ file: file(), reserveBytes: mebibyte });
  const count = await insertUntilFull(store);
  fillDisk();
  const end = [{ op: "update", key: key(0), body: "ended" }] as const;
  await expect(store.write(end, options)).rejects.toThrow(StorageFull);
  await store.write(end, { ...options, essential: true });
  expect((await store.get(key(0)))?.body).toBe("ended");
  expect((await store.get(key(count - 1)))?.body).toHaveLength(50_000);
  await store.close();
});

test.skipIf(cannotMount)("a store opens on a full disk, and deletes there", async () => {
  const before = new SqliteRecordStore({ file: file(), reserveBytes: mebibyte });
  await before.write([{ op: "insert", key: key(0), body: "x" }], options);
  await before.close();
  fillDisk();
  const store = new SqliteRecordStore({ file: file(), reserveBytes: mebibyte });
  expect((await store.get(key(0)))?.body).toBe("x");
  await store.write([{ op: "delete", key: key(0) }], options);
  expect(await store.get(key(0))).toBeUndefined();
  await store.close();
});
