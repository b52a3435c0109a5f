import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import type { RecordKey } from "../storage/record-store.ts";
import { SqliteRecordStore } from "../storage/sqlite-record-store.ts";
import { ManualClock } from "../util/clock.ts";
import { commonFilters, ResourceFamily, type Caller, type ListInput, type ResourceFacts } from "./resource-family.ts";

const widgetFacts: ResourceFacts = {
  family: "widget",
  service: "sagemaker",
  notFound: { code: "ValidationException", message: ({ arn }) => `Could not find widget "${arn}".` },
  alreadyExists: { code: "ResourceInUse", message: ({ name }) => `A widget named ${name} already exists` },
  list: {
    filters: { ...commonFilters, StatusEquals: "status" },
    sortBy: { Name: "name", CreationTime: "createdAt", Status: "status" },
    defaultSortBy: "CreationTime",
    defaultSortOrder: "Descending",
  },
};

interface Widget {
  readonly size: number;
}

let folder: string;
let records: SqliteRecordStore;
let notified: string[];
let widgets: ResourceFamily<Widget>;
let clock: ManualClock;
let caller: Caller;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "sagebrush-family-"));
  records = new SqliteRecordStore({ file: join(folder, "records.db"), reserveBytes: 0 });
  notified = [];
  widgets = new ResourceFamily(widgetFacts, { records, notify: ({ name }: RecordKey) => notified.push(name) });
  clock = new ManualClock(1000);
  caller = {
    accountId: "000000000000",
    region: "us-east-1",
    requestId: "request-1",
    service: "sagemaker",
    operation: "CreateWidget",
    principal: {
      kind: "root",
      accountId: "000000000000",
      arn: "arn:aws:iam::000000000000:root",
      userId: "000000000000",
      accessKeyId: "AKIAEXAMPLE",
    },
    clock,
  };
});
afterEach(async () => {
  await records.close();
  rmSync(folder, { recursive: true, force: true });
});

async function createMany(...names: string[]): Promise<void> {
  for (const name of names) {
    await widgets.create(caller, { name, body: { size: 1 } });
    await clock.advance(1000);
  }
}

async function listed(input: ListInput & Record<string, unknown>): Promise<string[]> {
  return (await widgets.list(caller, input)).items.map(({ name }) => name);
}

test("a created resource has its ARN, its tags, and who made it in its history", async () => {
  const created = await widgets.create(caller, {
    name: "a",
    status: "Creating",
    body: { size: 1 },
    tags: [{ Key: "Team", Value: "vision" }],
  });
  expect(created).toMatchObject({
    arn: "arn:aws:sagemaker:us-east-1:000000000000:widget/a",
    status: "Creating",
    createdAt: 1000,
    body: { size: 1 },
  });
  expect(await widgets.require(caller, "a")).toEqual(created);
  expect(await widgets.tags(created)).toEqual([{ Key: "Team", Value: "vision" }]);
  const [entry] = await records.history(widgets.key(caller, "a"));
  expect(entry.actor).toEqual({
    by: "arn:aws:iam::000000000000:root",
    call: "sagemaker:CreateWidget",
    requestId: "request-1",
  });
  expect(notified).toEqual(["a"]);
});

test("a name in use is refused in the family's words, and its tags stay as they are", async () => {
  await createMany("a");
  await expect(
    widgets.create(caller, { name: "a", body: { size: 2 }, tags: [{ Key: "k", Value: "v" }] }),
  ).rejects.toMatchObject({ code: "ResourceInUse", message: "A widget named a already exists" });
  expect(await widgets.tags(await widgets.require(caller, "a"))).toEqual([]);
});

test("names are told apart by case, account and region", async () => {
  await createMany("a", "A");
  expect(await widgets.find({ ...caller, region: "eu-west-1" }, "a")).toBeUndefined();
  expect(await widgets.find({ ...caller, accountId: "111111111111" }, "a")).toBeUndefined();
  expect(await listed({})).toEqual(["A", "a"]);
});

test("a missing resource is reported in the family's words by every operation that needs it", async () => {
  const error = {
    code: "ValidationException",
    message: 'Could not find widget "arn:aws:sagemaker:us-east-1:000000000000:widget/a".',
  };
  await expect(widgets.require(caller, "a")).rejects.toMatchObject(error);
  await expect(widgets.update(caller, "a", () => ({ body: { size: 1 } }))).rejects.toMatchObject(error);
  await expect(widgets.delete(caller, "a")).rejects.toMatchObject(error);
});

test("a change that meets another one is decided anew on the newest record", async () => {
  await createMany("a");
  const seen: number[] = [];
  const grow = (): Promise<unknown> =>
    widgets.update(caller, "a", (record) => {
      seen.push(record.body.size);
      return { body: { size: record.body.size + 1 } };
    });
  await Promise.all([grow(), grow(), grow()]);
  expect((await widgets.require(caller, "a")).body.size).toBe(4);
  expect(seen.length).toBeGreaterThan(3);
  expect(notified).toEqual(["a", "a", "a", "a"]);
});

test("a change that decides nothing writes and notifies nothing", async () => {
  await createMany("a");
  expect((await widgets.update(caller, "a", () => undefined)).revision).toBe(1);
  expect(notified).toEqual(["a"]);
});

test("deleting removes the resource with its tags, unless the check refuses", async () => {
  await widgets.create(caller, { name: "a", body: { size: 1 }, tags: [{ Key: "k", Value: "v" }] });
  await expect(
    widgets.delete(caller, "a", () => {
      throw new Error("in use");
    }),
  ).rejects.toThrow("in use");
  const removed = await widgets.delete(caller, "a");
  expect(await widgets.find(caller, "a")).toBeUndefined();
  await widgets.create(caller, { name: "a", body: { size: 1 } });
  expect(await widgets.tags(removed)).toEqual([]);
});

test("lists come newest first in pages of ten, and go on where the token says", async () => {
  const names = Array.from({ length: 12 }, (_, index) => `w${String(index).padStart(2, "0")}`);
  await createMany(...names);
  const first = await widgets.list(caller, {});
  expect(first.items.map(({ name }) => name)).toEqual(names.slice(2).toReversed());
  const second = await widgets.list(caller, { NextToken: first.NextToken });
  expect(second.items.map(({ name }) => name)).toEqual(["w01", "w00"]);
  expect(second).not.toHaveProperty("NextToken");
});

test("lists are sorted and filtered as the family's table says", async () => {
  await createMany("b", "a", "ab");
  await widgets.update(caller, "a", () => ({ body: { size: 2 }, status: "Failed" }));
  expect(await listed({ SortBy: "Name", SortOrder: "Ascending" })).toEqual(["a", "ab", "b"]);
  expect(await listed({ NameContains: "a" })).toEqual(["ab", "a"]);
  expect(await listed({ StatusEquals: "Failed" })).toEqual(["a"]);
  expect(await listed({ CreationTimeAfter: new Date(1000), CreationTimeBefore: new Date(3000) })).toEqual(["a"]);
  expect(await listed({ LastModifiedTimeAfter: new Date(3500) })).toEqual(["a"]);
  expect(await listed({ MaxResults: 1, SortBy: "Status" })).toEqual(["a"]);
  await expect(listed({ SortBy: "Colour" })).rejects.toMatchObject({ code: "ValidationException" });
});

test("a token of another list, of other filters or of nobody is refused", async () => {
  await createMany("a", "b", "c");
  const { NextToken } = await widgets.list(caller, { MaxResults: 1 });
  expect(await listed({ MaxResults: 5, NextToken })).toEqual(["b", "a"]);
  const forged = Buffer.from(JSON.stringify([...(JSON.parse(decode(NextToken!)) as unknown[]).slice(0, 1), "x", 1]));
  const refused: Promise<unknown>[] = [
    widgets.list(caller, { NextToken, SortBy: "Name" }),
    widgets.list(caller, { NextToken, NameContains: "a" } as ListInput),
    widgets.list({ ...caller, region: "eu-west-1" }, { NextToken }),
    widgets.list(caller, { NextToken: "rubbish" }),
    widgets.list(caller, { NextToken: Buffer.from("{}").toString("base64url") }),
    widgets.list(caller, { NextToken: forged.toString("base64url") }),
  ];
  for (const list of refused) {
    await expect(list).rejects.toMatchObject({
      code: "ValidationException",
      message: expect.stringContaining("Invalid pagination token") as string,
    });
  }
});

function decode(token: string): string {
  return Buffer.from(token, "base64url").toString();
}
