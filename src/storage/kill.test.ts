/** What a killed process had acknowledged is there for the next one, and nothing half-written is. */
import { spawn } from "node:child_process";
import { mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { buffer } from "node:stream/consumers";
import { pathToFileURL } from "node:url";
import Database from "libsql";
import { afterEach, beforeEach, expect, test } from "vitest";
import { entryPoint } from "../util/entry-point.ts";
import { FileBlobStore } from "./file-blob-store.ts";
import { SqliteRecordStore } from "./sqlite-record-store.ts";

const rounds = 5;
const blobBytes = 300_000;

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "sagebrush-kill-"));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const moduleUrl = (source: string) => pathToFileURL(entryPoint(import.meta.url, source)).href;

/** Four writers that store a blob, then a record that names it, and only then say so. */
const writer = `
  import { writeSync } from "node:fs";
  import { FileBlobStore } from ${JSON.stringify(moduleUrl("./file-blob-store.ts"))};
  import { SqliteRecordStore } from ${JSON.stringify(moduleUrl("./sqlite-record-store.ts"))};
  const [folder, round] = process.argv.slice(1);
  const records = new SqliteRecordStore({ file: folder + "/records.db" });
  const blobs = await FileBlobStore.open(folder + "/blobs");
  let next = 0;
  async function* content(number) {
    for (let part = 0; part < 3; part += 1) yield new Uint8Array(${blobBytes} / 3).fill(number % 256);
  }
  async function write() {
    for (;;) {
      const number = next++;
      const { id } = await blobs.write(content(number));
      const key = { accountId: "000000000000", region: "us-east-1", family: "job", name: round + "-" + number };
      await records.write([
        { op: "insert", key, body: { id, number } },
        { op: "tag", arn: "arn:" + key.name, tags: { number: String(number) } },
      ], { actor: { by: "writer", call: "test:Write" }, at: number });
      writeSync(1, key.name + "\\n");
    }
  }
  await Promise.all([write(), write(), write(), write()]);
`;

/** Lets the writer go on for a while, then kills it. @returns the names it acknowledged */
async function writeUntilKilled(round: number): Promise<string[]> {
  const child = spawn(process.execPath, ["--input-type=module", "-e", writer, folder, String(round)], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  const killAfter = 5 + Math.floor(Math.random() * 60);
  const names: string[] = [];
  const exited = new Promise<NodeJS.Signals | null>((resolve) =>
    child.once("exit", (_code, signal) => resolve(signal)),
  );
  for await (const name of createInterface({ input: child.stdout })) {
    names.push(name);
    // Not at once, but at some moment of what it does next.
    if (names.length === killAfter) setTimeout(() => child.kill("SIGKILL"), Math.random() * 5);
  }
  expect(await exited).toBe("SIGKILL");
  expect(names.length).toBeGreaterThanOrEqual(killAfter);
  return names;
}

test("every acknowledged record and blob survives kill -9, and no temporary file does", async () => {
  const acknowledged: string[] = [];
  for (let round = 0; round < rounds; round += 1) acknowledged.push(...(await writeUntilKilled(round)));

  const blobs = await FileBlobStore.open(join(folder, "blobs"), { startedAt: Date.now() });
  expect(readdirSync(join(folder, "blobs", "tmp"))).toEqual([]);
  const records = new SqliteRecordStore({ file: join(folder, "records.db") });
  const named = new Set<string>();
  const found = new Set<string>();
  // Also what was written but not acknowledged any more is whole.
  for await (const { name, body } of records.scan<{ id: string; number: number }>("job")) {
    const bytes = await buffer(await blobs.read(body.id));
    expect(bytes.equals(Buffer.alloc(blobBytes, body.number % 256))).toBe(true);
    expect(await records.tags(`arn:${name}`)).toEqual({ number: String(body.number) });
    found.add(name);
    named.add(body.id);
  }
  expect(acknowledged.filter((name) => !found.has(name))).toEqual([]);
  // Per round at most one blob of each of the four writers was not yet recorded.
  let orphans = 0;
  for await (const id of blobs.ids()) if (!named.has(id)) orphans += 1;
  expect(orphans).toBeLessThanOrEqual(4 * rounds);
  await records.close();

  const database = new Database(join(folder, "records.db"));
  expect(database.prepare("pragma integrity_check").all()).toEqual([{ integrity_check: "ok" }]);
  database.close();
});
