import { chmodSync, existsSync, mkdtempSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import Database from "libsql";
import { afterEach, beforeEach, expect, test } from "vitest";
import { migrations } from "./migrations/index.ts";
import { recordStoreContract } from "./record-store.contract.ts";
import { SqliteRecordStore } from "./sqlite-record-store.ts";

let folder: string;
let file: string;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "sagebrush-records-"));
  file = join(folder, "records.db");
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

recordStoreContract("SqliteRecordStore", async () => {
  let store = new SqliteRecordStore({ file, reserveBytes: 0 });
  return {
    store,
    async reopen() {
      await store.close();
      store = new SqliteRecordStore({ file, reserveBytes: 0 });
      return store;
    },
    dispose: () => store.close(),
  };
});

test("nobody else can read the file or its journal, whoever may look into the folder", async () => {
  chmodSync(folder, 0o755);
  const write = { actor: { by: "test", call: "test" }, at: 0 };
  const key = { accountId: "", region: "", family: "f", name: "n" };
  for (const round of ["new", "made by an older Sagebrush"]) {
    if (existsSync(file)) chmodSync(file, 0o644);
    const store = new SqliteRecordStore({ file, reserveBytes: 0 });
    await store.write([{ op: "put", key, body: "secret" }], write);
    for (const each of [file, `${file}-wal`]) expect(statSync(each).mode & 0o777, `${each} ${round}`).toBe(0o600);
    await store.close();
  }
});

test("a second store cannot open the file of a running one", async () => {
  const first = new SqliteRecordStore({ file, reserveBytes: 0 });
  expect(() => new SqliteRecordStore({ file, reserveBytes: 0 })).toThrow(
    `database ${file} is in use by another process: stop the other server or choose another data directory`,
  );
  await first.close();
  await new SqliteRecordStore({ file, reserveBytes: 0 }).close();
});

test("a file that is no database is refused and left as it is", () => {
  writeFileSync(file, "name,age\n".repeat(1000));
  expect(() => new SqliteRecordStore({ file })).toThrow(`database ${file} cannot be opened: file is not a database`);
});

test("a database of a newer version is refused by name", async () => {
  await new SqliteRecordStore({ file, reserveBytes: 0 }).close();
  const database = new Database(file);
  database.exec("insert into migration values (1000, 'lineage', 0)");
  database.close();
  expect(() => new SqliteRecordStore({ file })).toThrow(
    `database ${file} has schema 1000 ("lineage"), this Sagebrush knows up to ${migrations.length}: start the newer Sagebrush`,
  );
});
