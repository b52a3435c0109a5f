import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import type { RequestContext } from "../../../protocol/service.ts";
import { SqliteRecordStore } from "../../../storage/sqlite-record-store.ts";
import { ManualClock } from "../../../util/clock.ts";
import { tagOperations } from "./tags.ts";

const ResourceArn = "arn:aws:sagemaker:us-east-1:000000000000:model/m";

let folder: string;
let records: SqliteRecordStore;
let operations: ReturnType<typeof tagOperations>;
let context: RequestContext;

beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), "sagebrush-tags-"));
  records = new SqliteRecordStore({ file: join(folder, "records.db"), reserveBytes: 0 });
  operations = tagOperations({ records });
  context = {
    requestId: "request-1",
    service: "sagemaker",
    operation: "AddTags",
    accountId: "000000000000",
    region: "us-east-1",
    principal: { kind: "root", accountId: "000000000000", arn: "arn:root", userId: "root", accessKeyId: "AKIA" },
    clock: new ManualClock(0),
    signal: new AbortController().signal,
    headers: {},
    baseUrl: "http://127.0.0.1:7243",
    setHeader: () => {},
    authorize: () => Promise.resolve(),
  };
  const key = { accountId: "000000000000", region: "us-east-1", family: "model", name: "m" };
  await records.write([{ op: "insert", key, arn: ResourceArn, body: {} }], {
    actor: { by: "arn:root", call: "sagemaker:CreateModel" },
    at: 0,
  });
});
afterEach(async () => {
  await records.close();
  rmSync(folder, { recursive: true, force: true });
});

test("tags are added, listed and deleted", async () => {
  const { AddTags, ListTags, DeleteTags } = operations;
  const added = await AddTags.handle(
    {
      ResourceArn,
      Tags: [
        { Key: "a", Value: "1" },
        { Key: "b", Value: "2" },
      ],
    },
    context,
  );
  expect(added.Tags).toEqual([
    { Key: "a", Value: "1" },
    { Key: "b", Value: "2" },
  ]);
  const replaced = await AddTags.handle({ ResourceArn, Tags: [{ Key: "a", Value: "3" }] }, context);
  expect(replaced.Tags).toEqual([
    { Key: "a", Value: "3" },
    { Key: "b", Value: "2" },
  ]);
  expect(await DeleteTags.handle({ ResourceArn, TagKeys: ["b", "absent"] }, context)).toEqual({});
  expect(await ListTags.handle({ ResourceArn }, context)).toEqual({ Tags: [{ Key: "a", Value: "3" }] });
});

test("the fifty-first tag is refused and none of its call is kept", async () => {
  const tags = Array.from({ length: 50 }, (_, index) => ({ Key: `k${index}`, Value: "v" }));
  await operations.AddTags.handle({ ResourceArn, Tags: tags }, context);
  await expect(
    operations.AddTags.handle(
      {
        ResourceArn,
        Tags: [
          { Key: "k0", Value: "new" },
          { Key: "x", Value: "v" },
        ],
      },
      context,
    ),
  ).rejects.toMatchObject({ code: "ResourceLimitExceeded" });
  expect((await records.tags(ResourceArn)).k0).toBe("v");
});

test("an ARN of nothing, of another account or of another region is not found", async () => {
  const elsewhere = [
    [`${ResourceArn}x`, context],
    [ResourceArn, { ...context, accountId: "111111111111" }],
    [ResourceArn, { ...context, region: "eu-west-1" }],
  ] as const;
  for (const [arn, caller] of elsewhere) {
    const error = { code: "ValidationException", message: `Could not find resource "${arn}".` };
    await expect(operations.ListTags.handle({ ResourceArn: arn }, caller)).rejects.toMatchObject(error);
    await expect(
      operations.AddTags.handle({ ResourceArn: arn, Tags: [{ Key: "a", Value: "1" }] }, caller),
    ).rejects.toMatchObject(error);
    await expect(operations.DeleteTags.handle({ ResourceArn: arn, TagKeys: ["a"] }, caller)).rejects.toMatchObject(
      error,
    );
  }
});
