/** What every BlobStore does. An implementation's test calls `blobStoreContract` with a way to open one. */
import { createHash, randomBytes } from "node:crypto";
import { readFileSync } from "node:fs";
import type { Readable } from "node:stream";
import { buffer } from "node:stream/consumers";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { BlobMissing, type BlobStore } from "./blob-store.ts";

export interface OpenedBlobStore {
  readonly store: BlobStore;
  /** Opens the same data again. */
  reopen(): Promise<BlobStore>;
  /** How many files there are, finished or not. */
  fileCount(): number;
  dispose(): Promise<void>;
}

const absent = "0123456789abcdef0123456789abcdef";

export function blobStoreContract(implementation: string, open: () => Promise<OpenedBlobStore>): void {
  describe(`${implementation} as a BlobStore`, () => {
    let opened: OpenedBlobStore;
    let store: BlobStore;

    beforeEach(async () => {
      opened = await open();
      store = opened.store;
    });
    afterEach(() => opened.dispose());

    async function write(...chunks: (string | Uint8Array)[]): Promise<string> {
      return (await store.write(chunksOf(chunks))).id;
    }

    async function text(stream: Promise<Readable>): Promise<string> {
      return (await buffer(await stream)).toString();
    }

    async function allIds(options?: { olderThanMs?: number; except?: (id: string) => boolean }): Promise<string[]> {
      const ids: string[] = [];
      for await (const id of store.ids(options)) ids.push(id);
      return ids.sort();
    }

    test("a blob is read as it was written, also by its file", async () => {
      const { id, size } = await store.write(chunksOf(["ab", "", "한"]));
      expect(size).toBe(5);
      expect(await text(store.read(id))).toBe("ab한");
      expect(readFileSync(store.path(id), "utf8")).toBe("ab한");
    });

    test("an empty blob is a blob", async () => {
      const { id, size } = await store.write(chunksOf([]));
      expect(size).toBe(0);
      expect(await text(store.read(id))).toBe("");
    });

    test("many megabytes in odd chunks keep every byte", async () => {
      const bytes = randomBytes(5 * 2 ** 20 + 17);
      const pieces = [0, 1, 3, 1000, 65_536, 2 ** 20 + 1, 3 * 2 ** 20, bytes.length];
      const chunks = pieces.slice(1).map((end, index) => bytes.subarray(pieces[index], end));
      const hash = createHash("sha256");
      const { id, size } = await store.write(chunksOf(chunks), { onChunk: (chunk) => hash.update(chunk) });
      expect(size).toBe(bytes.length);
      expect(hash.digest("hex")).toBe(createHash("sha256").update(bytes).digest("hex"));
      expect((await buffer(await store.read(id))).equals(bytes)).toBe(true);
    });

    test("a range is inclusive at both ends", async () => {
      const id = await write("0123456789");
      expect(await text(store.read(id, { start: 0, end: 0 }))).toBe("0");
      expect(await text(store.read(id, { start: 2, end: 5 }))).toBe("2345");
      expect(await text(store.read(id, { start: 8, end: 100 }))).toBe("89");
    });

    test("blobs of the same bytes are different blobs", async () => {
      const [first, second] = [await write("same"), await write("same")];
      expect(first).not.toBe(second);
      await store.delete(first);
      expect(await text(store.read(second))).toBe("same");
    });

    test("a reader finishes what it began although the blob is deleted meanwhile", async () => {
      const id = await write("still here");
      const reader = store.read(id);
      const stream = await reader;
      await store.delete(id);
      expect((await buffer(stream)).toString()).toBe("still here");
    });

    test("a deleted blob is gone, and deleting it again changes nothing", async () => {
      const id = await write("x");
      await store.delete(id);
      await store.delete(id);
      await expect(store.read(id)).rejects.toThrow(BlobMissing);
      expect(opened.fileCount()).toBe(0);
    });

    test("what is no id names no file", async () => {
      for (const id of [absent, "", "../../etc/passwd", "/etc/passwd", `${absent}0`, absent.toUpperCase()]) {
        await expect(store.read(id)).rejects.toThrow(BlobMissing);
        await store.delete(id);
      }
      expect(() => store.path("../../etc/passwd")).toThrow(BlobMissing);
    });

    test("parts are concatenated in order into a new blob and stay themselves", async () => {
      const parts = [await write("one "), await write("two "), await write(""), await write("three")];
      const { id, size } = await store.concat([parts[1], parts[0], parts[2], parts[3], parts[1]]);
      expect(await text(store.read(id))).toBe("two one threetwo ");
      expect(size).toBe(17);
      expect(await text(store.read(parts[1]))).toBe("two ");
      expect((await store.concat([])).size).toBe(0);
      expect((await store.concat([parts[0]])).size).toBe(4);
    });

    test("concatenating with a missing part leaves nothing behind", async () => {
      const part = await write("one");
      await expect(store.concat([part, absent])).rejects.toThrow(BlobMissing);
      await expect(store.concat([absent, part])).rejects.toThrow(BlobMissing);
      expect(opened.fileCount()).toBe(1);
    });

    test("a source that fails leaves nothing behind", async () => {
      async function* failing(): AsyncGenerator<Uint8Array> {
        yield randomBytes(3 * 2 ** 20);
        throw new Error("connection reset");
      }
      await expect(store.write(failing())).rejects.toThrow("connection reset");
      expect(opened.fileCount()).toBe(0);
    });

    test("a hash that refuses a chunk leaves nothing behind and ends the source", async () => {
      let ended = false;
      async function* source(): AsyncGenerator<Uint8Array> {
        try {
          for (;;) yield new Uint8Array(1000);
        } finally {
          ended = true;
        }
      }
      const onChunk = () => {
        throw new Error("bad checksum");
      };
      await expect(store.write(source(), { onChunk })).rejects.toThrow("bad checksum");
      expect(opened.fileCount()).toBe(0);
      expect(ended).toBe(true);
    });

    test("an abort ends the write of a silent source and leaves nothing behind", async () => {
      const controller = new AbortController();
      async function* silent(): AsyncGenerator<Uint8Array> {
        yield new Uint8Array(10);
        setImmediate(() => controller.abort(new Error("client hung up")));
        await new Promise(() => {});
      }
      await expect(store.write(silent(), { signal: controller.signal })).rejects.toThrow("client hung up");
      await expect(store.write(chunksOf(["x"]), { signal: controller.signal })).rejects.toThrow("client hung up");
      expect(opened.fileCount()).toBe(0);
    });

    test("blobs written at the same time all arrive, and are there after opening again", async () => {
      const ids = await Promise.all(Array.from({ length: 40 }, (_, index) => write(`blob ${index}`)));
      expect(new Set(ids).size).toBe(40);
      store = await opened.reopen();
      for (const [index, id] of ids.entries()) expect(await text(store.read(id))).toBe(`blob ${index}`);
      expect(opened.fileCount()).toBe(40);
    });

    test("the sweep sees every blob, and can leave the young ones out", async () => {
      const ids = [await write("a"), await write("b"), await write("c")];
      expect(await allIds()).toEqual(ids.toSorted());
      expect(await allIds({ olderThanMs: 60_000 })).toEqual([]);
      expect(await allIds({ except: (id) => id !== ids[1] })).toEqual([ids[1]]);
    });
  });
}

export async function* chunksOf(chunks: readonly (string | Uint8Array)[]): AsyncGenerator<Uint8Array> {
  for (const chunk of chunks) yield typeof chunk === "string" ? Buffer.from(chunk) : chunk;
}
