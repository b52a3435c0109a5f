import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { SqliteRecordStore } from "../../storage/sqlite-record-store.ts";
import { requestContext } from "../../../tests/support/request-context.ts";
import type { Principal } from "../../protocol/service.ts";
import { snsAccessRules } from "./access-rules.ts";
import { SnsStore } from "./sns-store.ts";

const owner = "000000000000";
const topic = `arn:aws:sns:us-east-1:${owner}:news`;
const policy = '{"Statement":[]}';
const subscription = `${topic}:7f6b0d3c-7b1e-4a53-9f0e-2d9c6a1b5e4f`;

let directory: string;
let records: SqliteRecordStore;
let store: SnsStore;

beforeEach(async () => {
  directory = mkdtempSync(join(tmpdir(), "sagebrush-sns-access-"));
  records = new SqliteRecordStore({ file: join(directory, "records.db"), reserveBytes: 0 });
  store = new SnsStore(records);
  const options = { actor: { by: "test", call: "test" }, at: 0 };
  const body = { displayName: "", subscriptionsDeleted: 0 };
  await store.createTopic({ accountId: owner, region: "us-east-1", name: "news" }, { ...body, policy }, {}, options);
  await store.createTopic({ accountId: owner, region: "us-east-1", name: "plain" }, body, {}, options);
});
afterEach(async () => {
  await records.close();
  rmSync(directory, { recursive: true, force: true });
});

function accesses(operation: string, input: Record<string, unknown>, kind: Principal["kind"] = "user") {
  const context = requestContext({ service: "sns", operation });
  return snsAccessRules(store)(operation, input, { ...context, principal: { ...context.principal, kind } });
}

test.each([
  ["Publish", { TopicArn: topic, Message: "x" }, "sns:Publish"],
  ["Publish", { TargetArn: topic, Message: "x" }, "sns:Publish"],
  ["PublishBatch", { TopicArn: topic }, "sns:Publish"],
  ["GetSubscriptionAttributes", { SubscriptionArn: subscription }, "sns:GetSubscriptionAttributes"],
  ["Unsubscribe", { SubscriptionArn: subscription }, "sns:Unsubscribe"],
  ["TagResource", { ResourceArn: topic }, "sns:TagResource"],
  ["CreateTopic", { Name: "news" }, "sns:CreateTopic"],
])("%s of %j is %s on the topic, whose policy has a say", async (operation, input, action) => {
  expect(await accesses(operation, input)).toEqual([{ action, resource: topic, owner, policy }]);
});

test("subscribing tells where to", async () => {
  expect(
    await accesses("Subscribe", { TopicArn: topic, Protocol: "http", Endpoint: "http://127.0.0.1/" }),
  ).toMatchObject([
    { action: "sns:Subscribe", conditions: { "sns:Protocol": "http", "sns:Endpoint": "http://127.0.0.1/" } },
  ]);
});

test("a topic without a policy of its own leaves it to the policies of its account", async () => {
  const plain = topic.replace("news", "plain");
  expect(await accesses("Publish", { TopicArn: plain })).toEqual([{ action: "sns:Publish", resource: plain, owner }]);
});

test("an ARN with another partition is about the same topic, as policies name it", async () => {
  const elsewhere = topic.replace("arn:aws:", "arn:aws-cn:");
  for (const input of [{ TopicArn: elsewhere }, { SubscriptionArn: subscription.replace("arn:aws:", "arn:aws-x:") }]) {
    expect(await accesses("Publish", input)).toEqual([{ action: "sns:Publish", resource: topic, owner, policy }]);
  }
});

test("tags of the topic and of the request are conditions; making a topic with tags is tagging it, too", async () => {
  await records.write([{ op: "tag", arn: topic, tags: { team: "a" } }], { actor: { by: "test", call: "test" }, at: 0 });
  expect(await accesses("DeleteTopic", { TopicArn: topic })).toMatchObject([
    { conditions: { "aws:ResourceTag/team": "a" } },
  ]);
  const root = await accesses("DeleteTopic", { TopicArn: topic }, "root");
  expect(root[0].conditions).toBeUndefined();
  const created = await accesses("CreateTopic", { Name: "new", Tags: [{ Key: "team", Value: "b" }] });
  const conditions = { "aws:RequestTag/team": "b", "aws:TagKeys": ["team"] };
  expect(created).toMatchObject([
    { action: "sns:CreateTopic", conditions },
    { action: "sns:TagResource", conditions },
  ]);
  expect(await accesses("UntagResource", { ResourceArn: topic, TagKeys: ["team"] })).toMatchObject([
    { conditions: { "aws:TagKeys": ["team"], "aws:ResourceTag/team": "a" } },
  ]);
});

test("what names no topic is asked of everything", async () => {
  expect(await accesses("ListTopics", {})).toEqual([{ action: "sns:ListTopics", resource: "*" }]);
  expect(await accesses("Publish", { TopicArn: "nonsense" })).toEqual([
    { action: "sns:Publish", resource: "nonsense" },
  ]);
  expect(await accesses("Publish", { PhoneNumber: "+1555" })).toEqual([{ action: "sns:Publish", resource: "*" }]);
});

test("confirming is open to whoever has the token, and ending to endpoints, but nothing else to strangers", async () => {
  expect(await accesses("ConfirmSubscription", { TopicArn: topic, Token: "x" }, "anonymous")).toEqual([]);
  expect(await accesses("Unsubscribe", { SubscriptionArn: subscription }, "anonymous")).toEqual([]);
  for (const operation of ["Publish", "DeleteTopic", "Subscribe", "GetTopicAttributes"])
    expect(await accesses(operation, { TopicArn: topic }, "anonymous")).toHaveLength(1);
});
