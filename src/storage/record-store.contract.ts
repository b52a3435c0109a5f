/** What every RecordStore does. An implementation's test calls `recordStoreContract` with a way to open one. */
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import {
  RecordExists,
  RecordMissing,
  RevisionConflict,
  type ListQuery,
  type RecordKey,
  type RecordStore,
  type StoredRecord,
  type TaggedQuery,
  type WriteOptions,
} from "./record-store.ts";

export interface OpenedRecordStore {
  readonly store: RecordStore;
  /** Closes the store and opens the same data again. */
  reopen(): Promise<RecordStore>;
  /** Closes what is open and removes the data. */
  dispose(): Promise<void>;
}

const account = "000000000000";
const region = "us-east-1";
const actor = { by: `arn:aws:iam::${account}:root`, call: "sagemaker:CreateTrainingJob", requestId: "request-1" };

function key(name: string, changes: Partial<RecordKey> = {}): RecordKey {
  return { accountId: account, region, family: "training-job", name, ...changes };
}

function at(ms: number, options: Partial<WriteOptions> = {}): WriteOptions {
  return { actor, at: ms, ...options };
}

const inFamily = { accountId: account, region, family: "training-job" } as const;

export function recordStoreContract(implementation: string, open: () => Promise<OpenedRecordStore>): void {
  describe(`${implementation} as a RecordStore`, () => {
    let opened: OpenedRecordStore;
    let store: RecordStore;

    beforeEach(async () => {
      opened = await open();
      store = opened.store;
    });
    afterEach(() => opened.dispose());

    async function insert(name: string, ms: number, status = "", body: unknown = { name }): Promise<void> {
      await store.write([{ op: "insert", key: key(name), status, body }], at(ms));
    }

    async function names(query: Partial<ListQuery>): Promise<string[]> {
      const page = await store.list({ ...inFamily, limit: 1000, ...query });
      return page.records.map(({ name }) => name);
    }

    /** Reads a list to its end in pages of `limit`. */
    async function allPages(query: Partial<ListQuery>, limit: number): Promise<string[]> {
      const found: string[] = [];
      let after: ListQuery["after"];
      for (let page = 0; page < 1000; page += 1) {
        const { records, next } = await store.list({ ...inFamily, ...query, limit, after });
        found.push(...records.map(({ name }) => name));
        if (next === undefined) return found;
        expect(records).toHaveLength(limit);
        after = next;
      }
      throw new Error("the list has no end");
    }

    describe("one record", () => {
      test("is read as it was inserted, by key and by ARN", async () => {
        const body = { Text: "한국어 ✓ 𝄞", Nested: { list: [1, 2.5, null, true] }, Quote: "'\"\\" };
        const [written] = await store.write(
          [{ op: "insert", key: key("a"), arn: "arn:aws:sagemaker:a", status: "InProgress", body }],
          at(1000),
        );
        const expected: StoredRecord = {
          ...key("a"),
          arn: "arn:aws:sagemaker:a",
          status: "InProgress",
          createdAt: 1000,
          updatedAt: 1000,
          revision: 1,
          body,
        };
        expect(written).toEqual(expected);
        expect(await store.get(key("a"))).toEqual(expected);
        expect(await store.getByArn("arn:aws:sagemaker:a")).toEqual(expected);
      });

      test("is not found under another name, family, region, account or ARN", async () => {
        await insert("a", 1);
        expect(await store.get(key("A"))).toBeUndefined();
        expect(await store.get(key("a", { family: "model" }))).toBeUndefined();
        expect(await store.get(key("a", { region: "eu-west-1" }))).toBeUndefined();
        expect(await store.get(key("a", { accountId: "111111111111" }))).toBeUndefined();
        expect(await store.getByArn("arn:aws:sagemaker:a")).toBeUndefined();
      });

      test("keeps its creation time, ARN and status through an update that does not name them", async () => {
        await store.write([{ op: "insert", key: key("a"), arn: "arn:a", status: "InProgress", body: 1 }], at(1));
        const [updated] = await store.write([{ op: "update", key: key("a"), body: 2 }], at(5));
        expect(updated).toMatchObject({
          arn: "arn:a",
          status: "InProgress",
          createdAt: 1,
          updatedAt: 5,
          revision: 2,
          body: 2,
        });
        await store.write([{ op: "update", key: key("a"), status: "Completed", body: 3 }], at(6));
        expect(await store.get(key("a"))).toMatchObject({ status: "Completed", revision: 3, body: 3 });
      });

      test("cannot be inserted twice", async () => {
        await insert("a", 1, "", { first: true });
        await expect(insert("a", 2, "", { first: false })).rejects.toThrow(RecordExists);
        expect(await store.get(key("a"))).toMatchObject({ revision: 1, body: { first: true } });
      });

      test("cannot be updated or deleted when there is none", async () => {
        await expect(store.write([{ op: "update", key: key("a"), body: 1 }], at(1))).rejects.toThrow(RecordMissing);
        await expect(store.write([{ op: "delete", key: key("a") }], at(1))).rejects.toThrow(RecordMissing);
        expect(await store.write([{ op: "delete", key: key("a"), ifExists: true }], at(1))).toEqual([undefined]);
      });

      test("is changed and deleted only at the revision that the writer saw", async () => {
        await insert("a", 1, "", "one");
        await store.write([{ op: "update", key: key("a"), body: "two", expectedRevision: 1 }], at(2));
        await expect(
          store.write([{ op: "update", key: key("a"), body: "three", expectedRevision: 1 }], at(3)),
        ).rejects.toThrow(RevisionConflict);
        await expect(store.write([{ op: "delete", key: key("a"), expectedRevision: 1 }], at(3))).rejects.toThrow(
          RevisionConflict,
        );
        expect(await store.get(key("a"))).toMatchObject({ body: "two" });
        await store.write([{ op: "delete", key: key("a"), expectedRevision: 2 }], at(3));
        expect(await store.get(key("a"))).toBeUndefined();
      });

      test("is put whatever was there, and put replaces status and ARN", async () => {
        await store.write([{ op: "put", key: key("a"), arn: "arn:a", status: "On", body: 1 }], at(1));
        const [second] = await store.write([{ op: "put", key: key("a"), body: 2 }], at(2));
        expect(second).toMatchObject({ arn: undefined, status: "", createdAt: 1, updatedAt: 2, revision: 2, body: 2 });
        expect(await store.getByArn("arn:a")).toBeUndefined();
      });

      test("does not change when the writer changes its object afterwards", async () => {
        const body = { list: [1] };
        const writing = store.write([{ op: "insert", key: key("a"), body }], at(1));
        body.list.push(2);
        const [written] = await writing;
        expect(written?.body).toEqual({ list: [1] });
        expect((await store.get(key("a")))?.body).toEqual({ list: [1] });
      });

      test("does not change when a reader tries to change what it got", async () => {
        await store.write([{ op: "insert", key: key("a"), body: { list: [1] } }], at(1));
        for (let reading = 0; reading < 4; reading += 1) {
          const read = await store.get<{ list: number[] }>(key("a"));
          expect(read?.body).toEqual({ list: [1] });
          // A record is the reader's own, or frozen.
          if (!Object.isFrozen(read?.body.list)) read?.body.list.push(3);
          else expect(() => read?.body.list.push(3)).toThrow(TypeError);
        }
      });

      test("is read as it is after each write, however often it was read before", async () => {
        await store.write([{ op: "insert", key: key("a"), body: 1 }], at(1));
        expect((await store.get(key("a")))?.body).toBe(1);
        await store.write([{ op: "update", key: key("a"), body: 2 }], at(2));
        expect(await store.get(key("a"))).toMatchObject({ body: 2, revision: 2 });
        await store.write([{ op: "delete", key: key("a") }], at(3));
        expect(await store.get(key("a"))).toBeUndefined();
        await store.write([{ op: "put", key: key("a"), body: 3 }], at(4));
        expect(await store.get(key("a"))).toMatchObject({ body: 3, revision: 1 });
      });

      test("refuses a name that it could not give back as it is", async () => {
        for (const name of ["", "a\0b", "a\ud800", "x".repeat(5000)]) {
          await expect(store.write([{ op: "put", key: key(name), body: 1 }], at(1))).rejects.toThrow(/name|text/);
        }
        await store.write([{ op: "put", key: key("a\ufffd"), body: 1 }], at(1));
        expect(await store.get(key("a\ud800"))).toBeUndefined();
      });
    });

    describe("a batch", () => {
      test("happens whole", async () => {
        await insert("a", 1);
        const written = await store.write(
          [
            { op: "insert", key: key("b"), body: 1 },
            { op: "delete", key: key("a") },
            { op: "tag", arn: "arn:b", tags: { Team: "vision" } },
            { op: "put", key: key("c"), body: 3 },
            { op: "update", key: key("c"), body: 4 },
          ],
          at(2),
        );
        expect(written.map((record) => record?.revision)).toEqual([1, undefined, undefined, 1, 2]);
        expect(await names({ orderBy: "name" })).toEqual(["b", "c"]);
        expect(await store.tags("arn:b")).toEqual({ Team: "vision" });
      });

      test("that fails leaves nothing behind, neither records nor tags nor history", async () => {
        await insert("taken", 1);
        await expect(
          store.write(
            [
              { op: "insert", key: key("new"), body: 1 },
              { op: "tag", arn: "arn:new", tags: { a: "b" } },
              { op: "insert", key: key("taken"), body: 1 },
            ],
            at(2),
          ),
        ).rejects.toThrow(RecordExists);
        expect(await store.get(key("new"))).toBeUndefined();
        expect(await store.tags("arn:new")).toEqual({});
        expect(await store.history(key("new"))).toEqual([]);
      });

      test("that fails harms none of those written at the same moment", async () => {
        await insert("taken", 1);
        const outcomes = await Promise.allSettled(
          ["a", "taken", "b", "c"].map((name) =>
            store.write(
              [
                { op: "insert", key: key(name, { region: `${name}-1` }), body: 1 },
                { op: "insert", key: key(name), body: 1 },
              ],
              at(2),
            ),
          ),
        );
        expect(outcomes.map(({ status }) => status)).toEqual(["fulfilled", "rejected", "fulfilled", "fulfilled"]);
        expect(await names({ orderBy: "name" })).toEqual(["a", "b", "c", "taken"]);
        expect(await store.get(key("taken", { region: "taken-1" }))).toBeUndefined();
        // The space that the refused batch named first is usable.
        await store.write([{ op: "insert", key: key("x", { region: "taken-1" }), body: 1 }], at(3));
        expect(await store.get(key("x", { region: "taken-1" }))).toMatchObject({ body: 1 });
      });

      test("sees those that came before it in the same moment", async () => {
        const outcomes = await Promise.allSettled([
          store.write([{ op: "insert", key: key("a"), body: 1 }], at(1)),
          store.write([{ op: "insert", key: key("a"), body: 2 }], at(1)),
          store.write([{ op: "update", key: key("a"), body: 3, expectedRevision: 1 }], at(1)),
        ]);
        expect(outcomes.map(({ status }) => status)).toEqual(["fulfilled", "rejected", "fulfilled"]);
        expect(await store.get(key("a"))).toMatchObject({ body: 3, revision: 2 });
      });

      test("is there after closing and opening again", async () => {
        await insert("a", 1, "InProgress", { x: 1 });
        await store.write([{ op: "tag", arn: "arn:a", tags: { k: "v" } }], at(2));
        const written = store.write([{ op: "insert", key: key("late"), body: 1 }], at(3));
        store = await opened.reopen();
        await written;
        expect(await store.get(key("a"))).toMatchObject({ revision: 1, body: { x: 1 } });
        expect(await store.get(key("late"))).toMatchObject({ body: 1 });
        expect(await store.tags("arn:a")).toEqual({ k: "v" });
        expect(await store.history(key("a"))).toHaveLength(1);
      });
    });

    describe("a list", () => {
      test("keeps accounts, regions and families apart", async () => {
        await store.write(
          [
            { op: "insert", key: key("mine"), body: 1 },
            { op: "insert", key: key("account", { accountId: "111111111111" }), body: 1 },
            { op: "insert", key: key("region", { region: "eu-west-1" }), body: 1 },
            { op: "insert", key: key("family", { family: "model" }), body: 1 },
          ],
          at(1),
        );
        expect(await names({})).toEqual(["mine"]);
        expect(await names({ family: "endpoint" })).toEqual([]);
      });

      test("is ordered by the UTF-8 bytes of names", async () => {
        // U+FF61 is EF BD A1 and U+1D11E is F0 9D 84 9E in UTF-8; JavaScript's own order has them the other way round.
        const sorted = ["A", "Z", "a", "a.b", "a/b", "ab", "é", "한", "｡", "𝄞"];
        for (const [index, name] of sorted.toReversed().entries()) await insert(name, index);
        expect(await names({ orderBy: "name" })).toEqual(sorted);
        expect(await names({ orderBy: "name", descending: true })).toEqual(sorted.toReversed());
        expect(await allPages({ orderBy: "name" }, 3)).toEqual(sorted);
        expect(await names({ orderBy: "name", nameAfter: "｡" })).toEqual(["𝄞"]);
      });

      test("breaks ties of time and status by name, page after page, in both directions", async () => {
        const rows: [name: string, created: number, updated: number, status: string][] = [
          ["e", 10, 30, "Failed"],
          ["a", 10, 50, "Completed"],
          ["c", 10, 30, "Completed"],
          ["b", 20, 30, "InProgress"],
          ["d", 5, 60, "Completed"],
        ];
        for (const [name, created, updated, status] of rows) {
          await store.write([{ op: "insert", key: key(name), status, body: 0 }], at(created));
          await store.write([{ op: "update", key: key(name), body: 1 }], at(updated));
        }
        const expected = {
          createdAt: ["d", "a", "c", "e", "b"],
          updatedAt: ["b", "c", "e", "a", "d"],
          status: ["a", "c", "d", "e", "b"],
          name: ["a", "b", "c", "d", "e"],
        } as const;
        for (const orderBy of ["createdAt", "updatedAt", "status", "name"] as const) {
          for (const limit of [1, 2, 5, 6]) {
            expect(await allPages({ orderBy }, limit)).toEqual(expected[orderBy]);
            expect(await allPages({ orderBy, descending: true }, limit)).toEqual(expected[orderBy].toReversed());
          }
        }
      });

      test("has no next page when the last record is on this one", async () => {
        for (const name of ["a", "b"]) await insert(name, 1);
        expect((await store.list({ ...inFamily, limit: 2 })).next).toBeUndefined();
        expect((await store.list({ ...inFamily, limit: 1 })).next).toEqual({ value: 1, name: "a" });
      });

      test("goes on correctly when records before and after its position come and go", async () => {
        for (const name of ["a", "c", "e"]) await insert(name, 1);
        const first = await store.list({ ...inFamily, orderBy: "name", limit: 2 });
        await store.write([{ op: "delete", key: key("c") }], at(2));
        await insert("b", 3);
        await insert("d", 3);
        expect(await names({ orderBy: "name", after: first.next })).toEqual(["d", "e"]);
      });

      test("filters by prefix, start, part and status of what it lists", async () => {
        const rows = { "job-1": "Completed", "job-2": "Failed", "job-30": "InProgress", jobs: "", other: "Failed" };
        for (const [name, status] of Object.entries(rows)) await insert(name, 1, status);
        for (const orderBy of ["name", "createdAt", "updatedAt"] as const) {
          expect(await names({ orderBy, namePrefix: "job-" })).toEqual(["job-1", "job-2", "job-30"]);
          expect(await names({ orderBy, nameAfter: "job-2" })).toEqual(["job-30", "jobs", "other"]);
          expect(await names({ orderBy, nameFrom: "job-2" })).toEqual(["job-2", "job-30", "jobs", "other"]);
          expect(await names({ orderBy, namePrefix: "job-", nameAfter: "job-1" })).toEqual(["job-2", "job-30"]);
          expect(await names({ orderBy, nameContains: "b-" })).toEqual(["job-1", "job-2", "job-30"]);
          expect(await names({ orderBy, nameContains: "B-" })).toEqual([]);
          expect(await names({ orderBy, nameContains: "" })).toHaveLength(5);
          expect(await names({ orderBy, status: "Failed" })).toEqual(["job-2", "other"]);
          expect(await names({ orderBy, status: ["Completed", "InProgress"] })).toEqual(["job-1", "job-30"]);
          expect(await names({ orderBy, status: ["", "Completed"] })).toEqual(["job-1", "jobs"]);
          expect(await names({ orderBy, status: [] })).toEqual([]);
          expect(await allPages({ orderBy, status: ["Failed", "InProgress"] }, 1)).toEqual([
            "job-2",
            "job-30",
            "other",
          ]);
        }
        expect(await allPages({ orderBy: "status", status: "Failed" }, 1)).toEqual(["job-2", "other"]);
        expect(await allPages({ orderBy: "status", status: ["Failed"], descending: true }, 1)).toEqual([
          "other",
          "job-2",
        ]);
        expect(await names({ orderBy: "status", status: ["InProgress", "Failed"] })).toEqual([
          "job-2",
          "other",
          "job-30",
        ]);
      });

      test("takes every character of a filter literally", async () => {
        const all = ["%", "_", "*", "[a]", "a?b", "\\", "'", '"', "a%b", "a_b", "axb", "-- "];
        for (const name of all) await insert(name, 1);
        expect(await names({ orderBy: "name", nameContains: "%" })).toEqual(["%", "a%b"]);
        expect(await names({ orderBy: "name", nameContains: "a_b" })).toEqual(["a_b"]);
        expect(await names({ orderBy: "name", namePrefix: "a_" })).toEqual(["a_b"]);
        expect(await names({ orderBy: "name", namePrefix: "[a" })).toEqual(["[a]"]);
        for (const name of all) expect(await names({ namePrefix: name, status: "" })).toContain(name);
        for (const name of all) expect(await names({ nameContains: name })).toContain(name);
      });

      test("finds prefixes that end in the last character of a range", async () => {
        for (const name of ["a\ud7ff", "a\ud7ffx", "a\ue000", "\u{10ffff}", "\u{10ffff}b", "b"]) await insert(name, 1);
        expect(await names({ orderBy: "name", namePrefix: "a\ud7ff" })).toEqual(["a\ud7ff", "a\ud7ffx"]);
        expect(await names({ orderBy: "name", namePrefix: "\u{10ffff}" })).toEqual(["\u{10ffff}", "\u{10ffff}b"]);
      });

      test("filters by times strictly between the limits, page after page", async () => {
        for (let ms = 1; ms <= 9; ms += 1) {
          await insert(`job-${ms}`, ms);
          await store.write([{ op: "update", key: key(`job-${ms}`), body: 0 }], at(100 - ms));
        }
        const between = ["job-3", "job-4", "job-5", "job-6"];
        for (const range of [
          { createdAfter: 2, createdBefore: 7 },
          { updatedAfter: 93, updatedBefore: 98 },
        ]) {
          for (const limit of [1, 2, 3, 10]) {
            expect(await allPages({ ...range, orderBy: "createdAt" }, limit)).toEqual(between);
            expect(await allPages({ ...range, orderBy: "createdAt", descending: true }, limit)).toEqual(
              between.toReversed(),
            );
            expect(await allPages({ ...range, orderBy: "updatedAt" }, limit)).toEqual(between.toReversed());
            expect(await allPages({ ...range, orderBy: "updatedAt", descending: true }, limit)).toEqual(between);
            expect(await allPages({ ...range, orderBy: "name" }, limit)).toEqual(between);
          }
        }
        expect(await names({ createdAfter: 9 })).toEqual([]);
      });

      test("keeps a filter against a position outside of it", async () => {
        for (let ms = 1; ms <= 5; ms += 1) await insert(`job-${ms}`, ms);
        expect(await names({ createdAfter: 3, after: { value: 1, name: "job-1" } })).toEqual(["job-4", "job-5"]);
        expect(await names({ createdBefore: 3, descending: true, after: { value: 5, name: "job-5" } })).toEqual([
          "job-2",
          "job-1",
        ]);
        expect(await names({ orderBy: "name", namePrefix: "job-4", after: { value: "a", name: "a" } })).toEqual([
          "job-4",
        ]);
      });

      test("refuses a limit outside 1 to 1000", async () => {
        for (const limit of [0, -1, 1001, 1.5, Number.NaN]) {
          await expect(store.list({ ...inFamily, limit })).rejects.toThrow("from 1 to 1000");
        }
      });
    });

    test("unsettled records of a family are found over all accounts and regions", async () => {
      await store.write(
        [
          { op: "insert", key: key("a"), status: "InProgress", body: 1 },
          { op: "insert", key: key("b"), status: "Completed", body: 1 },
          { op: "insert", key: key("c", { accountId: "111111111111" }), status: "Stopping", body: 1 },
          { op: "insert", key: key("d", { region: "ap-northeast-2" }), status: "InProgress", body: 1 },
          { op: "insert", key: key("e", { family: "endpoint" }), status: "InProgress", body: 1 },
        ],
        at(1),
      );
      const found = await store.listByStatus("training-job", ["InProgress", "Stopping"]);
      expect(found.map(({ accountId, region: place, name }) => `${accountId} ${place} ${name}`).sort()).toEqual([
        "000000000000 ap-northeast-2 d",
        "000000000000 us-east-1 a",
        "111111111111 us-east-1 c",
      ]);
      expect(await store.listByStatus("training-job", [])).toEqual([]);
    });

    test("a scan gives every record of a family once, in key order", async () => {
      const count = 1203;
      const changes = Array.from({ length: count }, (_, index) => ({
        op: "insert" as const,
        key: key(`job-${String(index).padStart(5, "0")}`),
        body: index,
      }));
      await store.write(
        [{ op: "insert", key: key("z", { region: "ap-northeast-2" }), body: -1 }, ...changes.toReversed()],
        at(1),
      );
      const bodies: unknown[] = [];
      for await (const record of store.scan("training-job")) bodies.push(record.body);
      expect(bodies).toEqual([-1, ...Array.from({ length: count }, (_, index) => index)]);
    });

    describe("tags", () => {
      test("are added, replaced and removed by ARN", async () => {
        await store.write([{ op: "tag", arn: "arn:a", tags: { b: "1", a: "2" } }], at(1));
        await store.write([{ op: "tag", arn: "arn:a", tags: { b: "3", __proto__x: "4" } }], at(2));
        await store.write([{ op: "tag", arn: "arn:b", tags: { b: "other" } }], at(2));
        expect(await store.tags("arn:a")).toEqual({ a: "2", b: "3", __proto__x: "4" });
        await store.write([{ op: "untag", arn: "arn:a", keys: ["b", "absent"] }], at(3));
        expect(Object.keys(await store.tags("arn:a"))).toEqual(["__proto__x", "a"]);
        await store.write([{ op: "untag", arn: "arn:a", keys: "all" }], at(4));
        expect(await store.tags("arn:a")).toEqual({});
        expect(await store.tags("arn:b")).toEqual({ b: "other" });
      });

      test("are listed by ARN, in byte order and page by page", async () => {
        // U+FF5E comes before U+1F600 by its bytes, behind it by JavaScript's units.
        const arns = ["arn:a:1", "arn:a:10", "arn:a:2", "arn:b:1", "arn:b:\uff5e", "arn:b:\u{1f600}"];
        await store.write(
          arns.toReversed().map((arn) => ({ op: "tag", arn, tags: { of: arn, all: "yes" } })),
          at(1),
        );
        const listed = async (query: Omit<TaggedQuery, "limit">, limit = 1000) =>
          (await store.taggedArns({ ...query, limit })).map(({ arn }) => arn);
        expect(await listed({})).toEqual(arns);
        expect(await listed({}, 2)).toEqual(arns.slice(0, 2));
        expect(await listed({ after: "arn:a:10" }, 2)).toEqual(arns.slice(2, 4));
        expect(await listed({ prefix: "arn:a:" })).toEqual(arns.slice(0, 3));
        expect(await listed({ prefix: "arn:a:", after: "arn:a:1" })).toEqual(arns.slice(1, 3));
        expect(await listed({ prefix: "arn:b:", after: "arn:a:1" }, 1)).toEqual(["arn:b:1"]);
        expect(await listed({ prefix: "arn:c" })).toEqual([]);
        expect(await store.taggedArns({ prefix: "arn:a:2", limit: 1 })).toEqual([
          { arn: "arn:a:2", tags: { all: "yes", of: "arn:a:2" } },
        ]);
        await expect(store.taggedArns({ limit: 0 })).rejects.toThrow(RangeError);
        await expect(store.taggedArns({ limit: 1001 })).rejects.toThrow(RangeError);
      });

      test("are listed by key and values, with all tags of the ARN", async () => {
        const tag = (arn: string, tags: Record<string, string>) => ({ op: "tag", arn, tags }) as const;
        await store.write(
          [tag("arn:1", { team: "a", cost: "x" }), tag("arn:2", { team: "b" }), tag("arn:3", { cost: "a" })],
          at(1),
        );
        await store.write([{ op: "untag", arn: "arn:2", keys: ["absent"] }, tag("arn:4", { team: "c" })], at(2));
        const listed = async (key: string, values?: string[]) =>
          (await store.taggedArns({ limit: 10, tag: { key, ...(values && { values }) } })).map(({ arn }) => arn);
        expect(await listed("team")).toEqual(["arn:1", "arn:2", "arn:4"]);
        expect(await listed("team", [])).toEqual(["arn:1", "arn:2", "arn:4"]);
        expect(await listed("team", ["a", "c", "x"])).toEqual(["arn:1", "arn:4"]);
        expect(await listed("cost", ["x", "a"])).toEqual(["arn:1", "arn:3"]);
        expect(await listed("Team")).toEqual([]);
        expect(await listed("nul\0")).toEqual([]);
        expect(await store.taggedArns({ limit: 1, tag: { key: "team", values: ["a"] } })).toEqual([
          { arn: "arn:1", tags: { cost: "x", team: "a" } },
        ]);
        expect(await store.taggedArns({ limit: 1, tag: { key: "team" }, after: "arn:2" })).toEqual([
          { arn: "arn:4", tags: { team: "c" } },
        ]);
      });

      test("may be called like a property of every object", async () => {
        const tags = Object.fromEntries([
          ["__proto__", "1"],
          ["constructor", "2"],
        ]);
        await store.write([{ op: "tag", arn: "arn:a", tags }], at(1));
        expect(Object.entries(await store.tags("arn:a"))).toEqual([
          ["__proto__", "1"],
          ["constructor", "2"],
        ]);
      });
    });

    describe("history", () => {
      test("tells who changed a record from what to what", async () => {
        await insert("a", 1, "InProgress", { v: 1 });
        const platform = { by: "sagebrush:training-job", call: "start" };
        await store.write([{ op: "update", key: key("a"), status: "Completed", body: { v: 2 } }], {
          actor: platform,
          at: 2,
        });
        await store.write([{ op: "delete", key: key("a") }], at(3));
        const entries = await store.history(key("a"));
        expect(entries.map(({ sequence: _, ...entry }) => entry)).toEqual([
          { at: 1, actor, key: key("a"), before: undefined, after: { v: 1 } },
          { at: 2, actor: platform, key: key("a"), before: { v: 1 }, after: { v: 2 } },
          { at: 3, actor, key: key("a"), before: { v: 2 }, after: undefined },
        ]);
        expect(entries[0].sequence).toBeLessThan(entries[1].sequence);
      });

      test("has the tags of an ARN under the family `tag`", async () => {
        await store.write([{ op: "tag", arn: "arn:a", tags: { k: "1" } }], at(1));
        await store.write([{ op: "tag", arn: "arn:a", tags: { k: "1" } }], at(2));
        await store.write([{ op: "untag", arn: "arn:a", keys: "all" }], at(3));
        const entries = await store.history({ accountId: "", region: "", family: "tag", name: "arn:a" });
        expect(entries.map(({ at: ms, before, after }) => [ms, before, after])).toEqual([
          [1, {}, { k: "1" }],
          [3, { k: "1" }, {}],
        ]);
      });

      test("leaves out what is written without it", async () => {
        await store.write([{ op: "put", key: key("a"), body: 1 }], at(1, { history: false }));
        await store.write([{ op: "delete", key: key("a") }], at(2, { history: false }));
        expect(await store.history(key("a"))).toEqual([]);
      });
    });

    test("a closed store writes nothing and says so", async () => {
      await store.close();
      await expect(insert("a", 1)).rejects.toThrow("closed");
      store = await opened.reopen();
      expect(await names({})).toEqual([]);
    });
  });
}
