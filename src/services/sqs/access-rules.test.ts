import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { SqliteRecordStore } from "../../storage/sqlite-record-store.ts";
import { ManualClock } from "../../util/clock.ts";
import { requestContext } from "../../../tests/support/request-context.ts";
import type { Principal } from "../../protocol/service.ts";
import { sqsAccessRules } from "./access-rules.ts";
import { QueueStore } from "./queue-store.ts";

const owner = "111122223333";
const QueueUrl = `http://127.0.0.1:7243/${owner}/work`;
const resource = `arn:aws:sqs:us-east-1:${owner}:work`;
const policy = '{"Statement":[]}';

let directory: string;
let records: SqliteRecordStore;
let store: QueueStore;

beforeEach(async () => {
  directory = mkdtempSync(join(tmpdir(), "sagebrush-sqs-access-"));
  records = new SqliteRecordStore({ file: join(directory, "records.db"), reserveBytes: 0 });
  store = new QueueStore({ records, clock: new ManualClock(0), report: () => {} });
  const queue = { accountId: owner, region: "us-east-1", name: "work" };
  await store.create(queue, { Policy: policy }, {}, { actor: { by: "test", call: "test" }, at: 0 });
});
afterEach(async () => {
  await store.close();
  await records.close();
  rmSync(directory, { recursive: true, force: true });
});

function accesses(operation: string, input: Record<string, unknown>, kind: Principal["kind"] = "user") {
  const context = requestContext({ service: "sqs", operation });
  return sqsAccessRules(store)(operation, input, { ...context, principal: { ...context.principal, kind } });
}

test.each([
  ["SendMessage", { QueueUrl }, "sqs:SendMessage"],
  ["SendMessageBatch", { QueueUrl }, "sqs:SendMessage"],
  ["DeleteMessageBatch", { QueueUrl }, "sqs:DeleteMessage"],
  ["ChangeMessageVisibilityBatch", { QueueUrl }, "sqs:ChangeMessageVisibility"],
  ["ReceiveMessage", { QueueUrl }, "sqs:ReceiveMessage"],
  ["GetQueueUrl", { QueueName: "work", QueueOwnerAWSAccountId: owner }, "sqs:GetQueueUrl"],
])("%s of %j is %s on the queue of its owner, whose policy has a say", async (operation, input, action) => {
  expect(await accesses(operation, input)).toEqual([{ action, resource, owner, policy }]);
});

test("a queue of the caller's own name is the caller's", async () => {
  expect(await accesses("CreateQueue", { QueueName: "mine" })).toEqual([
    { action: "sqs:CreateQueue", resource: "arn:aws:sqs:us-east-1:000000000000:mine", owner: "000000000000" },
  ]);
});

test("tags of the queue and of the request are conditions; making a queue with tags is tagging it, too", async () => {
  await records.write([{ op: "tag", arn: resource, tags: { team: "a" } }], {
    actor: { by: "test", call: "test" },
    at: 0,
  });
  expect(await accesses("DeleteQueue", { QueueUrl })).toMatchObject([{ conditions: { "aws:ResourceTag/team": "a" } }]);
  expect((await accesses("DeleteQueue", { QueueUrl }, "root"))[0].conditions).toBeUndefined();
  const conditions = { "aws:RequestTag/team": "b", "aws:TagKeys": ["team"] };
  expect(await accesses("CreateQueue", { QueueName: "new", tags: { team: "b" } })).toMatchObject([
    { action: "sqs:CreateQueue", conditions },
    { action: "sqs:TagQueue", conditions },
  ]);
  expect(await accesses("TagQueue", { QueueUrl, Tags: { team: "b" } })).toMatchObject([
    { action: "sqs:TagQueue", conditions },
  ]);
});

test("what names no queue is asked of everything", async () => {
  expect(await accesses("ListQueues", {})).toEqual([{ action: "sqs:ListQueues", resource: "*" }]);
  expect(await accesses("SendMessage", { QueueUrl: "nonsense" })).toEqual([
    { action: "sqs:SendMessage", resource: "*" },
  ]);
});
