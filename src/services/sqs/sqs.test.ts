import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import type { Message, SQSOperations } from "../../protocol/generated/sqs.ts";
import type { Handler, RequestContext } from "../../protocol/service.ts";
import { SqliteRecordStore } from "../../storage/sqlite-record-store.ts";
import { ManualClock } from "../../util/clock.ts";
import { requestContext } from "../../../tests/support/request-context.ts";
import { eventually } from "../../../tests/support/server-process.ts";
import { sqsService, type SqsService } from "./index.ts";
import { md5OfAttributes } from "./message.ts";

const accountId = "123456789012";
const region = "us-east-1";
const topicArn = `arn:aws:sns:${region}:${accountId}:news`;

let directory: string;
let records: SqliteRecordStore;
let clock: ManualClock;
let sqs: SqsService;
let problems: string[];

function start(): void {
  records = new SqliteRecordStore({ file: join(directory, "records.db"), reserveBytes: 0 });
  sqs = sqsService({ records, clock, report: (what, error) => problems.push(`${what}: ${String(error)}`) });
}

async function restart(): Promise<void> {
  await sqs.close();
  await records.close();
  start();
  await sqs.resume();
}

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), "sagebrush-sqs-"));
  clock = new ManualClock(Date.UTC(2026, 0, 1));
  problems = [];
  start();
});
afterEach(async () => {
  await sqs.close();
  await records.close();
  rmSync(directory, { recursive: true, force: true });
  if (problems.length > 0) throw new Error(problems.join("; "));
});

function call<Name extends keyof SQSOperations>(
  operation: Name,
  input: SQSOperations[Name]["input"],
  facts: Partial<RequestContext> = {},
): Promise<SQSOperations[Name]["output"]> {
  const handle = sqs.operations[operation].handle as Handler<unknown, SQSOperations[Name]["output"]>;
  return Promise.resolve().then(() =>
    handle(input, requestContext({ service: "sqs", operation, accountId, region, clock, ...facts })),
  );
}

async function refusal(promise: Promise<unknown>): Promise<string> {
  return promise.then(
    () => "accepted",
    (error: { code: string; message: string }) => `${error.code}: ${error.message}`,
  );
}

async function newQueue(QueueName = "work", Attributes: Record<string, string> = {}): Promise<string> {
  return (await call("CreateQueue", { QueueName, Attributes })).QueueUrl!;
}

async function send(QueueUrl: string, ...bodies: string[]): Promise<void> {
  for (const MessageBody of bodies) await call("SendMessage", { QueueUrl, MessageBody });
}

async function receive(
  QueueUrl: string,
  more: Partial<SQSOperations["ReceiveMessage"]["input"]> = {},
): Promise<Message[]> {
  return (await call("ReceiveMessage", { QueueUrl, MaxNumberOfMessages: 10, ...more })).Messages ?? [];
}

const bodiesOf = (messages: readonly Message[]) => messages.map(({ Body }) => Body);

async function attributesOf(QueueUrl: string): Promise<Record<string, string>> {
  return (await call("GetQueueAttributes", { QueueUrl, AttributeNames: ["All"] })).Attributes!;
}

/** Visible, in flight, delayed. */
async function counters(QueueUrl: string): Promise<number[]> {
  const attributes = await attributesOf(QueueUrl);
  return ["", "NotVisible", "Delayed"].map((name) => Number(attributes[`ApproximateNumberOfMessages${name}`]));
}

async function storedRecords(): Promise<string[]> {
  const names: string[] = [];
  for (const family of ["sqs-message", "sqs-message-content", "sqs-removal"])
    for await (const { name } of records.scan(family)) names.push(`${family} ${name}`);
  return names;
}

describe("queues", () => {
  test("are made with SQS's defaults and found by name", async () => {
    const url = await newQueue();
    expect(url).toBe(`http://127.0.0.1:7243/${accountId}/work`);
    expect((await call("GetQueueUrl", { QueueName: "work" })).QueueUrl).toBe(url);
    expect(await attributesOf(url)).toEqual({
      QueueArn: `arn:aws:sqs:${region}:${accountId}:work`,
      ApproximateNumberOfMessages: "0",
      ApproximateNumberOfMessagesNotVisible: "0",
      ApproximateNumberOfMessagesDelayed: "0",
      CreatedTimestamp: "1767225600",
      LastModifiedTimestamp: "1767225600",
      DelaySeconds: "0",
      MaximumMessageSize: "1048576",
      MessageRetentionPeriod: "345600",
      ReceiveMessageWaitTimeSeconds: "0",
      VisibilityTimeout: "30",
      SqsManagedSseEnabled: "false",
    });
    expect(await call("GetQueueAttributes", { QueueUrl: url, AttributeNames: ["VisibilityTimeout"] })).toEqual({
      Attributes: { VisibilityTimeout: "30" },
    });
  });

  test("are made again only as they are", async () => {
    const url = await newQueue("work", { VisibilityTimeout: "60" });
    expect(await newQueue()).toBe(url);
    expect(await newQueue("work", { VisibilityTimeout: "60", DelaySeconds: "0" })).toBe(url);
    expect(await refusal(newQueue("work", { VisibilityTimeout: "61" }))).toBe(
      "QueueNameExists: A queue already exists with the same name and a different value for attribute VisibilityTimeout",
    );
  });

  test.each<[string, Record<string, string>, string]>([
    ["with space", {}, "InvalidParameterValue"],
    ["x".repeat(81), {}, "InvalidParameterValue"],
    ["orders.fifo", {}, "UnsupportedOperation"],
    ["work", { FifoQueue: "true" }, "UnsupportedOperation: FifoQueue is not supported by Sagebrush"],
    ["work", { KmsMasterKeyId: "alias/aws/sqs" }, "UnsupportedOperation: KmsMasterKeyId"],
    ["work", { SqsManagedSseEnabled: "true" }, "UnsupportedOperation: SqsManagedSseEnabled"],
    [
      "work",
      { VisibilityTimeout: "43201" },
      "InvalidAttributeValue: Invalid value for the parameter VisibilityTimeout.",
    ],
    ["work", { DelaySeconds: "-1" }, "InvalidAttributeValue"],
    ["work", { MessageRetentionPeriod: "59" }, "InvalidAttributeValue"],
    ["work", { QueueArn: "x" }, "InvalidAttributeName: Unknown Attribute QueueArn."],
    ["work", { Policy: "{" }, "InvalidAttributeValue"],
    ["work", { RedrivePolicy: '{"maxReceiveCount":3}' }, "mandatory attribute: deadLetterTargetArn"],
    [
      "work",
      { RedrivePolicy: `{"deadLetterTargetArn":"arn:aws:sqs:us-east-1:${accountId}:work","maxReceiveCount":3}` },
      "own",
    ],
  ])("%s with %j is refused", async (name, attributes, message) => {
    expect(await refusal(newQueue(name, attributes))).toContain(message);
    expect(await call("ListQueues", {})).toEqual({});
  });

  test("are listed by prefix and page", async () => {
    for (const name of ["a-1", "a-2", "a-3", "b-1"]) await newQueue(name);
    const names = (urls: string[] = []) => urls.map((url) => url.slice(url.lastIndexOf("/") + 1));
    const first = await call("ListQueues", { QueueNamePrefix: "a-", MaxResults: 2 });
    expect(names(first.QueueUrls)).toEqual(["a-1", "a-2"]);
    const { NextToken } = first;
    const second = await call("ListQueues", { QueueNamePrefix: "a-", MaxResults: 2, NextToken });
    expect(names(second.QueueUrls)).toEqual(["a-3"]);
    expect(second.NextToken).toBeUndefined();
    expect(await refusal(call("ListQueues", { MaxResults: 2, NextToken }))).toContain("NextToken");
    expect(await call("ListQueues", {}, { region: "eu-west-1" })).toEqual({});
  });

  test("have no attributes but SQS's", async () => {
    const url = await newQueue();
    const ask = (name: string) => call("GetQueueAttributes", { QueueUrl: url, AttributeNames: [name as "All"] });
    expect(await refusal(ask("Colour"))).toBe("InvalidAttributeName: Unknown Attribute Colour.");
    expect(await refusal(receive(url, { AttributeNames: ["Colour" as "All"] }))).toContain("InvalidAttributeName");
    expect(await refusal(call("GetQueueAttributes", {} as { QueueUrl: string }))).toBe(
      "MissingParameter: The request must contain the parameter QueueUrl.",
    );
  });

  test("that are not there are told with the code that older clients know", async () => {
    const error = (await call("GetQueueUrl", { QueueName: "none" }).catch((thrown: unknown) => thrown)) as {
      code: string;
      headers: Record<string, string>;
    };
    expect(error.code).toBe("QueueDoesNotExist");
    expect(error.headers["x-amzn-query-error"]).toBe("AWS.SimpleQueueService.NonExistentQueue;Sender");
    expect(await refusal(send("nonsense", "x"))).toContain("InvalidAddress");
    expect(await refusal(send(`https://sqs.${region}.amazonaws.com/${accountId}/none`, "x"))).toContain(
      "QueueDoesNotExist",
    );
  });

  test("take their messages and tags with them when they are deleted", async () => {
    const url = await newQueue();
    await call("TagQueue", { QueueUrl: url, Tags: { team: "a", cost: "b" } });
    await call("UntagQueue", { QueueUrl: url, TagKeys: ["cost"] });
    expect(await call("ListQueueTags", { QueueUrl: url })).toEqual({ Tags: { team: "a" } });
    await send(url, "one", "two");
    await call("DeleteQueue", { QueueUrl: url });
    expect(await refusal(receive(url))).toContain("QueueDoesNotExist");
    await eventually(storedRecords, (names) => names.length === 0, 5000);
    await newQueue();
    expect(await receive(url)).toEqual([]);
    expect(await call("ListQueueTags", { QueueUrl: url })).toEqual({});
  });

  test("are emptied at once, once a minute", async () => {
    const url = await newQueue();
    await send(url, "one", "two");
    const [{ ReceiptHandle }] = await receive(url, { MaxNumberOfMessages: 1 });
    await call("PurgeQueue", { QueueUrl: url });
    expect(await counters(url)).toEqual([0, 0, 0]);
    expect(await refusal(call("PurgeQueue", { QueueUrl: url }))).toContain("PurgeQueueInProgress");
    // What it held may still be deleted.
    await call("DeleteMessage", { QueueUrl: url, ReceiptHandle: ReceiptHandle! });
    await send(url, "three");
    await clock.advance(60_000);
    expect(bodiesOf(await receive(url))).toEqual(["three"]);
    await eventually(storedRecords, (names) => names.length === 2, 5000);
    await call("PurgeQueue", { QueueUrl: url });
    await eventually(storedRecords, (names) => names.length === 0, 5000);
  });

  test("grant permissions to accounts by label", async () => {
    const url = await newQueue();
    const grant = { QueueUrl: url, Label: "friends", AWSAccountIds: ["111122223333"], Actions: ["SendMessage"] };
    await call("AddPermission", grant);
    expect(await refusal(call("AddPermission", grant))).toContain("Already exists");
    expect(JSON.parse((await attributesOf(url)).Policy)).toMatchObject({
      Statement: [
        { Sid: "friends", Principal: { AWS: ["arn:aws:iam::111122223333:root"] }, Action: ["SQS:SendMessage"] },
      ],
    });
    await call("RemovePermission", { QueueUrl: url, Label: "friends" });
    expect(await attributesOf(url)).not.toHaveProperty("Policy");
  });
});

describe("messages", () => {
  test("are received with what was asked for, and with the digests of that", async () => {
    const url = await newQueue();
    const timestamp = { DataType: "Number", StringValue: "1493147359900" };
    const blob = { DataType: "Binary.gzip", BinaryValue: new Uint8Array([1, 2, 3]) };
    const sent = await call("SendMessage", {
      QueueUrl: url,
      MessageBody: "hello",
      MessageAttributes: { timestamp, blob },
      MessageSystemAttributes: { AWSTraceHeader: { DataType: "String", StringValue: "Root=1-5" } },
    });
    // printf hello | md5sum
    expect(sent.MD5OfMessageBody).toBe("5d41402abc4b2a76b9719d911017c592");
    await clock.advance(1500);
    const [message] = await receive(url, {
      AttributeNames: ["All"],
      MessageAttributeNames: ["time.*"],
      VisibilityTimeout: 0,
    });
    expect(message).toEqual({
      MessageId: sent.MessageId,
      ReceiptHandle: message.ReceiptHandle,
      MD5OfBody: "5d41402abc4b2a76b9719d911017c592",
      Body: "hello",
      Attributes: {
        SenderId: accountId,
        SentTimestamp: "1767225600000",
        ApproximateReceiveCount: "1",
        ApproximateFirstReceiveTimestamp: "1767225601500",
        AWSTraceHeader: "Root=1-5",
      },
      // The digest that SQS gives for this attribute.
      MD5OfMessageAttributes: "235c5c510d26fb653d073faed50ae77c",
      MessageAttributes: { timestamp },
    });
    const [again] = await receive(url, {
      MessageAttributeNames: ["All"],
      MessageSystemAttributeNames: ["ApproximateReceiveCount"],
    });
    expect(again.MessageAttributes).toEqual({ timestamp, blob });
    expect(again.MD5OfMessageAttributes).toBe(sent.MD5OfMessageAttributes);
    expect(again.Attributes).toEqual({ ApproximateReceiveCount: "2" });
  });

  test("attributes are digested by name, whatever their order", () => {
    const one = { type: "String", value: "1" };
    const two = { type: "Number", value: "2" };
    expect(md5OfAttributes({ b: two, a: one })).toBe(md5OfAttributes({ a: one, b: two }));
    expect(md5OfAttributes({})).toBeUndefined();
  });

  test.each<[string, Partial<SQSOperations["SendMessage"]["input"]>]>([
    ["MissingParameter", { MessageBody: "" }],
    ["InvalidMessageContents", { MessageBody: "bell \u0007" }],
    ["InvalidMessageContents", { MessageBody: "half \ud800" }],
    ["DelaySeconds must be >= 0 and <= 900", { DelaySeconds: 901 }],
    ["Message must be shorter than 1024 bytes", { MessageBody: "x".repeat(1025) }],
    ["invalid message attribute type", { MessageAttributes: { a: { DataType: "Date", StringValue: "x" } } }],
    ["non-empty message attribute value", { MessageAttributes: { a: { DataType: "String", StringValue: "" } } }],
    ["to a number", { MessageAttributes: { a: { DataType: "Number", StringValue: "ten" } } }],
    ["attribute name", { MessageAttributes: { "aws.a": { DataType: "String", StringValue: "x" } } }],
  ])("with a mistake are refused: %s", async (message, input) => {
    const url = await newQueue("work", { MaximumMessageSize: "1024" });
    expect(await refusal(call("SendMessage", { QueueUrl: url, MessageBody: "x", ...input }))).toContain(message);
    expect(await counters(url)).toEqual([0, 0, 0]);
  });

  test("are hidden for the time-out, then given out again, until they are deleted", async () => {
    const url = await newQueue();
    await send(url, "one", "two");
    const first = await receive(url, { MaxNumberOfMessages: 1 });
    expect(bodiesOf(first)).toEqual(["one"]);
    expect(await counters(url)).toEqual([1, 1, 0]);
    expect(bodiesOf(await receive(url, { VisibilityTimeout: 10 }))).toEqual(["two"]);
    expect(await receive(url)).toEqual([]);
    await clock.advance(9999);
    expect(await receive(url)).toEqual([]);
    await clock.advance(1);
    const [two] = await receive(url);
    expect(two.Body).toBe("two");
    await call("DeleteMessage", { QueueUrl: url, ReceiptHandle: two.ReceiptHandle! });
    await clock.advance(20_000);
    const [one] = await receive(url);
    expect(one.Body).toBe("one");
    // An old receipt deletes nothing any more.
    await call("DeleteMessage", { QueueUrl: url, ReceiptHandle: first[0].ReceiptHandle! });
    expect(await counters(url)).toEqual([0, 1, 0]);
    await call("DeleteMessage", { QueueUrl: url, ReceiptHandle: one.ReceiptHandle! });
    await call("DeleteMessage", { QueueUrl: url, ReceiptHandle: one.ReceiptHandle! });
    expect(await counters(url)).toEqual([0, 0, 0]);
    expect(await storedRecords()).toEqual([]);
    expect(await refusal(call("DeleteMessage", { QueueUrl: url, ReceiptHandle: "rubbish" }))).toContain(
      "ReceiptHandleIsInvalid",
    );
  });

  test("visibility is changed by the last receipt while it is in flight", async () => {
    const url = await newQueue();
    await send(url, "one");
    const [{ ReceiptHandle }] = await receive(url);
    const change = (VisibilityTimeout: number) =>
      call("ChangeMessageVisibility", { QueueUrl: url, ReceiptHandle: ReceiptHandle!, VisibilityTimeout });
    await change(100);
    await clock.advance(99_000);
    expect(await receive(url)).toEqual([]);
    expect(await refusal(change(43_200))).toContain("Total VisibilityTimeout for the message is beyond the limit");
    expect(await refusal(change(43_201))).toContain("Must be between 0 and 43200");
    await change(0);
    expect(bodiesOf(await receive(url))).toEqual(["one"]);
    expect(await refusal(change(10))).toContain("not available for visibility timeout change");
  });

  test("wait for their delay, their own or the queue's", async () => {
    const url = await newQueue("work", { DelaySeconds: "10" });
    await send(url, "queue's");
    await call("SendMessage", { QueueUrl: url, MessageBody: "own", DelaySeconds: 5 });
    await call("SendMessage", { QueueUrl: url, MessageBody: "none", DelaySeconds: 0 });
    expect(await counters(url)).toEqual([1, 0, 2]);
    expect(bodiesOf(await receive(url))).toEqual(["none"]);
    await clock.advance(5000);
    expect(bodiesOf(await receive(url))).toEqual(["own"]);
    await clock.advance(5000);
    expect(bodiesOf(await receive(url))).toEqual(["queue's"]);
  });

  test("go when their time is over, disk and all", async () => {
    const url = await newQueue("work", { MessageRetentionPeriod: "60" });
    await send(url, "old");
    await clock.advance(30_000);
    await send(url, "young");
    await clock.advance(30_001);
    expect(bodiesOf(await receive(url))).toEqual(["young"]);
    expect(await storedRecords()).toHaveLength(2);
  });

  test("are waited for, without looking again and again", async () => {
    const url = await newQueue();
    const waiting = receive(url, { WaitTimeSeconds: 20 });
    await clock.advance(19_000);
    await send(url, "late");
    expect(bodiesOf(await waiting)).toEqual(["late"]);

    const none = receive(url, { WaitTimeSeconds: 5 });
    await clock.advance(5000);
    expect(await none).toEqual([]);

    // It becomes visible again 30 s after it was received; 24 s of those are left after 1 s more.
    const visible = receive(url, { WaitTimeSeconds: 20 });
    await clock.advance(20_000);
    expect(await visible).toEqual([]);
    const again = receive(url, { WaitTimeSeconds: 20 });
    await clock.advance(5000);
    expect(bodiesOf(await again)).toEqual(["late"]);
  });

  test("are waited for no longer than the client does", async () => {
    const url = await newQueue("work", { ReceiveMessageWaitTimeSeconds: "20" });
    const client = new AbortController();
    const waiting = call("ReceiveMessage", { QueueUrl: url }, { signal: client.signal });
    await clock.advance(1000);
    client.abort();
    expect(await waiting).toEqual({});
  });

  test("of several receivers each gets its own", async () => {
    const url = await newQueue();
    for (let index = 0; index < 20; index += 1) await send(url, `m${index}`);
    const received = await Promise.all(Array.from({ length: 20 }, () => receive(url, { MaxNumberOfMessages: 3 })));
    const all = received.flat().map(({ Body }) => Body);
    expect(new Set(all).size).toBe(20);
    expect(all).toHaveLength(20);
  });

  test("that nobody could work with go to the dead-letter queue, with where they came from", async () => {
    const dead = await newQueue("dead");
    const RedrivePolicy = JSON.stringify({
      deadLetterTargetArn: `arn:aws:sqs:${region}:${accountId}:dead`,
      maxReceiveCount: "2",
    });
    const url = await newQueue("work", { RedrivePolicy, VisibilityTimeout: "0" });
    expect((await call("ListDeadLetterSourceQueues", { QueueUrl: dead })).queueUrls).toEqual([url]);
    await send(url, "poison");
    expect(bodiesOf(await receive(url))).toEqual(["poison"]);
    expect(bodiesOf(await receive(url))).toEqual(["poison"]);
    expect(await receive(url)).toEqual([]);
    expect(await counters(url)).toEqual([0, 0, 0]);
    await restart();
    const [message] = await receive(dead, { AttributeNames: ["All"] });
    expect(message).toMatchObject({
      Body: "poison",
      Attributes: {
        DeadLetterQueueSourceArn: `arn:aws:sqs:${region}:${accountId}:work`,
        SentTimestamp: "1767225600000",
      },
    });
  });

  test("stay where they are while there is no dead-letter queue, or it does not take them", async () => {
    const deadLetterTargetArn = `arn:aws:sqs:${region}:${accountId}:dead`;
    const RedrivePolicy = JSON.stringify({ deadLetterTargetArn, maxReceiveCount: 1 });
    const url = await newQueue("work", { RedrivePolicy, VisibilityTimeout: "0" });
    await send(url, "poison");
    for (let count = 0; count < 3; count += 1) expect(await receive(url)).toHaveLength(1);
    await newQueue("dead", { RedriveAllowPolicy: '{"redrivePermission":"denyAll"}' });
    expect(await receive(url)).toHaveLength(1);
  });

  test("and receipts outlive the server", async () => {
    const url = await newQueue();
    await send(url, "one", "two", "three");
    const [one, two] = await receive(url, { MaxNumberOfMessages: 2 });
    await call("DeleteMessage", { QueueUrl: url, ReceiptHandle: one.ReceiptHandle! });
    await restart();
    expect(await counters(url)).toEqual([1, 1, 0]);
    expect(bodiesOf(await receive(url))).toEqual(["three"]);
    await call("DeleteMessage", { QueueUrl: url, ReceiptHandle: two.ReceiptHandle! });
    await clock.advance(30_000);
    const [three] = await receive(url, { AttributeNames: ["All"] });
    expect(three).toMatchObject({ Body: "three", Attributes: { ApproximateReceiveCount: "2" } });
  });

  test("are not many in memory for being hidden again and again", async () => {
    const url = await newQueue();
    await send(url, "one");
    const [{ ReceiptHandle }] = await receive(url);
    for (let count = 0; count < 1500; count += 1)
      await call("ChangeMessageVisibility", { QueueUrl: url, ReceiptHandle: ReceiptHandle!, VisibilityTimeout: 30 });
    expect(await counters(url)).toEqual([0, 1, 0]);
    await clock.advance(30_000);
    expect(bodiesOf(await receive(url))).toEqual(["one"]);
    expect(await receive(url)).toEqual([]);
  });
});

describe("batches", () => {
  test("tell of every entry for itself", async () => {
    const url = await newQueue();
    const sent = await call("SendMessageBatch", {
      QueueUrl: url,
      Entries: [
        { Id: "a", MessageBody: "one" },
        { Id: "b", MessageBody: "" },
        { Id: "c", MessageBody: "three", DelaySeconds: 5 },
      ],
    });
    expect(sent.Successful.map(({ Id }) => Id)).toEqual(["a", "c"]);
    expect(sent.Failed).toMatchObject([{ Id: "b", Code: "MissingParameter", SenderFault: true }]);
    const [one] = await receive(url);
    const changed = await call("ChangeMessageVisibilityBatch", {
      QueueUrl: url,
      Entries: [
        { Id: "a", ReceiptHandle: one.ReceiptHandle!, VisibilityTimeout: 5 },
        { Id: "b", ReceiptHandle: "rubbish", VisibilityTimeout: 5 },
      ],
    });
    expect(changed).toMatchObject({ Successful: [{ Id: "a" }], Failed: [{ Id: "b", Code: "ReceiptHandleIsInvalid" }] });
    const deleted = await call("DeleteMessageBatch", {
      QueueUrl: url,
      Entries: [
        { Id: "a", ReceiptHandle: one.ReceiptHandle! },
        { Id: "b", ReceiptHandle: "rubbish" },
      ],
    });
    expect(deleted).toMatchObject({ Successful: [{ Id: "a" }], Failed: [{ Id: "b" }] });
    expect(await counters(url)).toEqual([0, 0, 1]);
  });

  test("keep SQS's rules of batches", async () => {
    const url = await newQueue();
    const batch = (...ids: string[]) =>
      refusal(call("SendMessageBatch", { QueueUrl: url, Entries: ids.map((Id) => ({ Id, MessageBody: "x" })) }));
    expect(await batch()).toContain("EmptyBatchRequest");
    expect(await batch("a", "a")).toBe("BatchEntryIdsNotDistinct: Id a repeated.");
    expect(await batch("a b")).toContain("InvalidBatchEntryId");
    expect(await batch(...Array.from({ length: 11 }, (_, index) => `m${index}`))).toContain(
      "TooManyEntriesInBatchRequest",
    );
    const Entries = ["a", "b"].map((Id) => ({ Id, MessageBody: "x".repeat(2 ** 19 + 1) }));
    expect(await refusal(call("SendMessageBatch", { QueueUrl: url, Entries }))).toContain("BatchRequestTooLong");
  });
});

describe("for other services", () => {
  const from = { service: "sns.amazonaws.com", sourceArn: topicArn, sourceAccount: accountId };
  const arn = `arn:aws:sqs:${region}:${accountId}:work`;
  const Policy = JSON.stringify({
    Version: "2012-10-17",
    Statement: [
      {
        Effect: "Allow",
        Principal: { Service: "sns.amazonaws.com" },
        Action: "sqs:SendMessage",
        Resource: arn,
        Condition: { ArnEquals: { "aws:SourceArn": topicArn } },
      },
    ],
  });

  test("the queue's policy lets a topic in, and no other", async () => {
    const url = await newQueue("work", { Policy });
    const attributes = { kind: { type: "String", value: "good" } };
    await sqs.deliver(arn, { body: "hello", attributes }, from);
    expect(await receive(url, { MessageAttributeNames: ["All"] })).toMatchObject([
      { Body: "hello", MessageAttributes: { kind: { DataType: "String", StringValue: "good" } } },
    ]);
    expect(await refusal(sqs.deliver(arn, { body: "x" }, { ...from, sourceArn: `${topicArn}2` }))).toContain(
      "AccessDenied",
    );
    expect(await refusal(sqs.deliver(`${arn}2`, { body: "x" }, from))).toContain("QueueDoesNotExist");
    // By whichever partition it is named, it is the queue that its policy speaks of.
    const Denied = JSON.stringify({
      Version: "2012-10-17",
      Statement: [
        { Effect: "Allow", Principal: "*", Action: "sqs:*", Resource: "*" },
        { Effect: "Deny", Principal: "*", Action: "sqs:*", Resource: arn },
      ],
    });
    await call("SetQueueAttributes", { QueueUrl: url, Attributes: { Policy: Denied } });
    for (const name of [arn, arn.replace("arn:aws:", "arn:aws-cn:")]) {
      expect(await refusal(sqs.deliver(name, { body: "x" }, from))).toContain("AccessDenied");
    }
    await call("SetQueueAttributes", { QueueUrl: url, Attributes: { Policy: "" } });
    expect(await refusal(sqs.deliver(arn, { body: "x" }, from))).toContain("AccessDenied");
  });
});
