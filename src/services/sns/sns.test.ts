import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { createVerify } from "node:crypto";
import { createServer, type IncomingHttpHeaders, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { AwsError } from "../../protocol/aws-error.ts";
import type { SNSOperations } from "../../protocol/generated/sns.ts";
import type { Handler, Principal, RequestContext } from "../../protocol/service.ts";
import { SqliteRecordStore } from "../../storage/sqlite-record-store.ts";
import { ManualClock } from "../../util/clock.ts";
import { requestContext } from "../../../tests/support/request-context.ts";
import { eventually } from "../../../tests/support/server-process.ts";
import { snsService, type QueueSender, type SnsService } from "./index.ts";

const accountId = "123456789012";
const region = "us-east-1";
const baseUrl = "http://127.0.0.1:7243";
const queueArn = `arn:aws:sqs:${region}:${accountId}:inbox`;
const deadArn = `arn:aws:sqs:${region}:${accountId}:dead`;
const anonymous: Principal = {
  kind: "anonymous",
  accountId: "anonymous",
  arn: "anonymous",
  userId: "anonymous",
  accessKeyId: "anonymous",
};

/** Queues that keep what they get; those named in `refused` let nothing in. */
class Queues implements QueueSender {
  readonly messages: { queue: string; body: string; attributes: Record<string, { type: string; value: string }> }[] =
    [];
  readonly refused = new Set<string>();
  broken = false;

  async send(queue: string, { body, attributes = {} }: Parameters<QueueSender["send"]>[1]): Promise<void> {
    if (this.broken) throw new Error("the disk is full");
    if (this.refused.has(queue)) throw new AwsError("QueueDoesNotExist", "no such queue");
    this.messages.push({ queue, body, attributes });
  }
}

interface Posted {
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
}

/** A webhook that answers with the statuses it is given, then with 200. */
class Webhook {
  readonly posts: Posted[] = [];
  readonly answers: number[] = [];
  #server: Server | undefined;
  url = "";

  async open(): Promise<void> {
    this.#server = createServer((request, response) => {
      let body = "";
      request.on("data", (chunk: Buffer) => (body += String(chunk)));
      request.on("end", () => {
        this.posts.push({ headers: request.headers, body });
        const status = this.answers.shift() ?? 200;
        response.writeHead(status, status === 302 ? { location: "http://127.0.0.1:1/" } : {});
        response.end("ok");
      });
    });
    await new Promise<void>((resolve) => this.#server!.listen(0, "127.0.0.1", resolve));
    this.url = `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}/hook?of=mine`;
  }

  close(): void {
    this.#server?.closeAllConnections();
    this.#server?.close();
  }
}

let directory: string;
let records: SqliteRecordStore;
let clock: ManualClock;
let queues: Queues;
let webhook: Webhook;
let sns: SnsService;
let problems: string[];

function start(): void {
  records = new SqliteRecordStore({ file: join(directory, "records.db"), reserveBytes: 0 });
  sns = snsService({
    records,
    queues,
    clock,
    dataDirectory: directory,
    baseUrl: () => baseUrl,
    report: (what, error) => problems.push(`${what}: ${String(error)}`),
  });
}

beforeEach(async () => {
  directory = mkdtempSync(join(tmpdir(), "sagebrush-sns-"));
  clock = new ManualClock(Date.UTC(2026, 0, 1));
  queues = new Queues();
  webhook = new Webhook();
  problems = [];
  await webhook.open();
  start();
});
afterEach(async () => {
  await sns.close();
  await records.close();
  webhook.close();
  rmSync(directory, { recursive: true, force: true });
});

function call<Name extends keyof SNSOperations>(
  operation: Name,
  input: SNSOperations[Name]["input"],
  facts: Partial<RequestContext> = {},
): Promise<SNSOperations[Name]["output"]> {
  const handle = sns.operations[operation].handle as Handler<unknown, SNSOperations[Name]["output"]>;
  const context = requestContext({ service: "sns", operation, accountId, region, clock, ...facts });
  return Promise.resolve().then(() => handle(input, context));
}

async function refusal(promise: Promise<unknown>): Promise<string> {
  return promise.then(
    () => "accepted",
    (error: { code: string; message: string }) => `${error.code}: ${error.message}`,
  );
}

async function newTopic(name = "news", more: Partial<SNSOperations["CreateTopic"]["input"]> = {}): Promise<string> {
  return (await call("CreateTopic", { Name: name, ...more })).TopicArn!;
}

async function subscribe(
  TopicArn: string,
  Protocol: string,
  Endpoint: string,
  Attributes: Record<string, string> = {},
): Promise<string> {
  const answer = await call("Subscribe", { TopicArn, Protocol, Endpoint, Attributes, ReturnSubscriptionArn: true });
  return answer.SubscriptionArn!;
}

const bodies = () => queues.messages.map(({ body }) => JSON.parse(body) as Record<string, string>);
const delivered = (count: number) =>
  eventually(
    () => queues.messages.length,
    (length) => length >= count,
    5000,
  );
const posted = (count: number) =>
  eventually(
    () => webhook.posts.length,
    (length) => length >= count,
    5000,
  );
const attributesOf = async (SubscriptionArn: string) =>
  (await call("GetSubscriptionAttributes", { SubscriptionArn })).Attributes!;

/** The URL's call, as anybody with a browser makes it. */
function open(url: string): Promise<unknown> {
  const { searchParams } = new URL(url);
  const { Action, ...input } = Object.fromEntries(searchParams) as Record<string, string>;
  return call(Action as "ConfirmSubscription", input as never, { principal: anonymous, accountId: "anonymous" });
}

/** Subscribes the webhook and opens the URL that it was sent. */
async function subscribedWebhook(topic: string, attributes: Record<string, string> = {}): Promise<string> {
  const arn = await subscribe(topic, "http", webhook.url, attributes);
  await posted(1);
  const [{ body }] = webhook.posts.splice(0);
  await open((JSON.parse(body) as { SubscribeURL: string }).SubscribeURL);
  return arn;
}

describe("topics", () => {
  test("begin with SNS's own attributes", async () => {
    const topic = await newTopic("news", {
      Attributes: { DisplayName: "The News" },
      Tags: [{ Key: "team", Value: "a" }],
    });
    expect(topic).toBe(`arn:aws:sns:${region}:${accountId}:news`);
    const { Attributes } = await call("GetTopicAttributes", { TopicArn: topic });
    expect(Attributes).toMatchObject({
      TopicArn: topic,
      Owner: accountId,
      DisplayName: "The News",
      SubscriptionsConfirmed: "0",
      SubscriptionsPending: "0",
      SubscriptionsDeleted: "0",
    });
    expect(JSON.parse(Attributes!.Policy)).toMatchObject({
      Id: "__default_policy_ID",
      Statement: [{ Sid: "__default_statement_ID", Condition: { StringEquals: { "AWS:SourceOwner": accountId } } }],
    });
    expect(JSON.parse(Attributes!.EffectiveDeliveryPolicy)).toMatchObject({
      http: { defaultHealthyRetryPolicy: { minDelayTarget: 20, maxDelayTarget: 20, numRetries: 3 } },
    });
    expect((await call("ListTagsForResource", { ResourceArn: topic })).Tags).toEqual([{ Key: "team", Value: "a" }]);
  });

  test("are made again only as they are", async () => {
    const topic = await newTopic("news", { Attributes: { DisplayName: "a" } });
    expect(await newTopic()).toBe(topic);
    expect(await refusal(newTopic("news", { Attributes: { DisplayName: "b" } }))).toBe(
      "InvalidParameterException: Invalid parameter: Attributes Reason: Topic already exists with different attributes",
    );
    expect(await refusal(newTopic("news", { Tags: [{ Key: "a", Value: "b" }] }))).toBe(
      "InvalidParameterException: Invalid parameter: Tags Reason: Topic already exists with different tags",
    );
  });

  test.each<[string, Record<string, string>, string]>([
    ["with space", {}, "Invalid parameter: Topic Name"],
    ["x".repeat(257), {}, "Invalid parameter: Topic Name"],
    ["orders.fifo", {}, "not FIFO"],
    ["news", { FifoTopic: "true" }, "FifoTopic is not supported by Sagebrush"],
    ["news", { KmsMasterKeyId: "alias/aws/sns" }, "KmsMasterKeyId is not supported by Sagebrush"],
    ["news", { HTTPSuccessFeedbackRoleArn: "x" }, "HTTPSuccessFeedbackRoleArn is not supported"],
    ["news", { Colour: "red" }, "Invalid parameter: AttributeName"],
    ["news", { DisplayName: "two\nlines" }, "Invalid parameter: DisplayName"],
    ["news", { Policy: "{" }, "Invalid parameter: Policy Error: Policies must be valid JSON"],
    [
      "news",
      { Policy: '{"Statement":{"Effect":"Allow","Principal":"*","Action":"s3:GetObject","Resource":"*"}}' },
      "Invalid parameter: Policy statement action out of service scope!",
    ],
    ["news", { DeliveryPolicy: '{"http":{"defaultHealthyRetryPolicy":{"numRetries":101}}}' }, "numRetries must be"],
  ])("%s with %j is refused", async (Name, Attributes, message) => {
    expect(await refusal(newTopic(Name, { Attributes }))).toContain(message);
    expect((await call("ListTopics", {})).Topics).toEqual([]);
  });

  test("are deleted with their subscriptions, and once more without complaint", async () => {
    const topic = await newTopic();
    const subscription = await subscribe(topic, "sqs", queueArn);
    await call("DeleteTopic", { TopicArn: topic });
    await call("DeleteTopic", { TopicArn: topic });
    expect((await call("ListSubscriptions", {})).Subscriptions).toEqual([]);
    expect(await refusal(call("GetTopicAttributes", { TopicArn: topic }))).toBe(
      "NotFoundException: Topic does not exist",
    );
    expect(await refusal(attributesOf(subscription))).toBe("NotFoundException: Subscription does not exist");
    expect(await refusal(call("Publish", { TopicArn: topic, Message: "x" }))).toBe(
      "NotFoundException: Topic does not exist",
    );
    expect(await refusal(call("ListTagsForResource", { ResourceArn: topic }))).toContain("ResourceNotFoundException");
  });

  test("are listed a hundred at a time", async () => {
    for (let index = 0; index < 101; index += 1) await newTopic(`topic-${String(index).padStart(3, "0")}`);
    const first = await call("ListTopics", {});
    expect(first.Topics).toHaveLength(100);
    const second = await call("ListTopics", { NextToken: first.NextToken });
    expect(second.Topics).toEqual([{ TopicArn: `arn:aws:sns:${region}:${accountId}:topic-100` }]);
    expect(second.NextToken).toBeUndefined();
    expect(await refusal(call("ListTopics", { NextToken: "rubbish" }))).toContain("Invalid parameter: NextToken");
  });

  test("are of one region and account", async () => {
    const topic = await newTopic();
    expect(await refusal(call("GetTopicAttributes", { TopicArn: topic }, { region: "eu-west-1" }))).toContain(
      "TopicArn",
    );
    expect(await refusal(call("GetTopicAttributes", { TopicArn: topic.replace("arn:aws:", "arn:aws-cn:") }))).toBe(
      "InvalidParameterException: Invalid parameter: TopicArn",
    );
    expect((await call("ListTopics", {}, { accountId: "210987654321" })).Topics).toEqual([]);
    expect(await refusal(call("GetTopicAttributes", { TopicArn: "nonsense" }))).toBe(
      "InvalidParameterException: Invalid parameter: TopicArn Reason: An ARN must have at least 6 elements, not 1",
    );
  });

  test("grant permissions to accounts by label", async () => {
    const topic = await newTopic();
    const grant = { TopicArn: topic, Label: "friends", AWSAccountId: ["111122223333"], ActionName: ["Publish"] };
    await call("AddPermission", grant);
    const policy = async () => (await call("GetTopicAttributes", { TopicArn: topic })).Attributes!.Policy;
    expect((JSON.parse(await policy()) as { Statement: unknown[] }).Statement[1]).toEqual({
      Sid: "friends",
      Effect: "Allow",
      Principal: { AWS: ["arn:aws:iam::111122223333:root"] },
      Action: ["SNS:Publish"],
      Resource: topic,
    });
    expect(await refusal(call("AddPermission", grant))).toContain("Statement already exists");
    expect(await refusal(call("AddPermission", { ...grant, Label: "x", ActionName: ["Fly"] }))).toContain(
      "out of service",
    );
    await call("RemovePermission", { TopicArn: topic, Label: "friends" });
    expect(await policy()).not.toContain("friends");
  });
});

describe("publishing", () => {
  test.each<[Partial<SNSOperations["Publish"]["input"]>, string]>([
    [{ Message: "" }, "Invalid parameter: Empty message"],
    [{ Message: "x".repeat(256 * 1024 + 1) }, "Invalid parameter: Message too long"],
    [{ Message: "x", Subject: "" }, "Invalid parameter: Subject"],
    [{ Message: "x", Subject: "a\nb" }, "Invalid parameter: Subject"],
    [{ Message: "x", Subject: "x".repeat(101) }, "Invalid parameter: Subject"],
    [{ Message: "x", MessageStructure: "json" }, "JSON message body failed to parse"],
    [{ Message: '{"sqs":"x"}', MessageStructure: "json" }, "No default entry in JSON message body"],
    [{ Message: "x", MessageAttributes: { a: { DataType: "Number", StringValue: "ten" } } }, "to number"],
    [{ Message: "x", MessageAttributes: { a: { DataType: "String", StringValue: "" } } }, "non-empty"],
    [
      { Message: "x", MessageAttributes: { a: { DataType: "Date", StringValue: "1" } } },
      "invalid message attribute type",
    ],
    [{ Message: "x", MessageAttributes: { "a b": { DataType: "String", StringValue: "1" } } }, "attribute name"],
  ])("a message is refused: %#", async (input, message) => {
    const topic = await newTopic();
    expect(await refusal(call("Publish", { TopicArn: topic, Message: "x", ...input }))).toContain(message);
  });

  test("a batch tells of every entry for itself", async () => {
    const topic = await newTopic();
    await subscribe(topic, "sqs", queueArn);
    const answer = await call("PublishBatch", {
      TopicArn: topic,
      PublishBatchRequestEntries: [
        { Id: "good", Message: "one" },
        { Id: "bad", Message: "two", Subject: "a\nb" },
      ],
    });
    expect(answer.Successful).toMatchObject([{ Id: "good" }]);
    expect(answer.Failed).toEqual([
      { Id: "bad", Code: "InvalidParameter", Message: "Invalid parameter: Subject", SenderFault: true },
    ]);
    await delivered(1);
    expect(bodies()).toMatchObject([{ Message: "one", MessageId: answer.Successful![0].MessageId }]);
    const entries = (ids: string[]) => ids.map((Id) => ({ Id, Message: "x" }));
    const batch = (ids: string[]) =>
      call("PublishBatch", { TopicArn: topic, PublishBatchRequestEntries: entries(ids) });
    expect(await refusal(batch([]))).toContain("EmptyBatchRequest");
    expect(await refusal(batch(["a", "a"]))).toContain("BatchEntryIdsNotDistinct");
    expect(await refusal(batch(["a b"]))).toContain("InvalidBatchEntryId");
    expect(await refusal(batch("a b c d e f g h i j k".split(" ")))).toContain("TooManyEntriesInBatchRequest");
  });
});

describe("subscriptions", () => {
  test.each<[string, string, string]>([
    ["sms", "+15551234567", "Protocol sms is not supported by Sagebrush"],
    ["lambda", "arn:aws:lambda:us-east-1:123456789012:function:f", "Protocol lambda is not supported by Sagebrush"],
    ["carrier-pigeon", "x", "Amazon SNS does not support this protocol string: carrier-pigeon"],
    ["http", "https://example.com/", "Endpoint must match the specified protocol"],
    ["http", "http://", "Invalid parameter: Endpoint"],
    ["http", "http://169.254.169.254/latest/meta-data", "link-local"],
    ["http", "http://[fe80::1]/", "link-local"],
    ["http", "http://[::ffff:169.254.169.254]/", "link-local"],
    ["http", "http://2852039166/", "link-local"],
    ["email", "nobody", "Invalid parameter: Email address"],
    ["email", "a@b.c\nBcc: x@y.z", "Invalid parameter: Email address"],
    ["sqs", "https://sqs.us-east-1.amazonaws.com/123456789012/inbox", "SQS endpoint ARN"],
    ["sqs", `${queueArn}.fifo`, "FIFO"],
  ])("%s to %s is refused", async (protocol, endpoint, message) => {
    const topic = await newTopic();
    expect(await refusal(subscribe(topic, protocol, endpoint))).toContain(message);
  });

  test("of a queue of one's own need no confirmation", async () => {
    const topic = await newTopic();
    const arn = await subscribe(topic, "sqs", queueArn, { RawMessageDelivery: "True" });
    expect(await subscribe(topic, "sqs", queueArn)).toBe(arn);
    expect(await refusal(subscribe(topic, "sqs", queueArn, { RawMessageDelivery: "false" }))).toContain(
      "Subscription already exists with different attributes",
    );
    expect(await attributesOf(arn)).toEqual({
      SubscriptionArn: arn,
      TopicArn: topic,
      Owner: accountId,
      SubscriptionPrincipal: `arn:aws:iam::${accountId}:root`,
      Protocol: "sqs",
      Endpoint: queueArn,
      PendingConfirmation: "false",
      ConfirmationWasAuthenticated: "true",
      RawMessageDelivery: "true",
    });
    expect((await call("ListSubscriptionsByTopic", { TopicArn: topic })).Subscriptions).toEqual([
      { SubscriptionArn: arn, Owner: accountId, Protocol: "sqs", Endpoint: queueArn, TopicArn: topic },
    ]);
  });

  test("of a webhook wait for the call that it was sent", async () => {
    const topic = await newTopic();
    const answer = await call("Subscribe", { TopicArn: topic, Protocol: "http", Endpoint: webhook.url });
    expect(answer.SubscriptionArn).toBe("pending confirmation");
    const listed = async () => (await call("ListSubscriptions", {})).Subscriptions![0].SubscriptionArn!;
    expect(await listed()).toBe("PendingConfirmation");
    await posted(1);
    const { headers, body } = webhook.posts[0];
    expect(headers).toMatchObject({
      "content-type": "text/plain; charset=UTF-8",
      "x-amz-sns-message-type": "SubscriptionConfirmation",
      "x-amz-sns-topic-arn": topic,
      "user-agent": "Amazon Simple Notification Service Agent",
    });
    const message = JSON.parse(body) as Record<string, string>;
    expect(message).toMatchObject({ Type: "SubscriptionConfirmation", TopicArn: topic, SignatureVersion: "1" });
    expect(message.SubscribeURL).toContain(`${baseUrl}/?Action=ConfirmSubscription&TopicArn=`);
    // Nothing is delivered before.
    await call("Publish", { TopicArn: topic, Message: "too early" });
    expect(
      await refusal(call("ConfirmSubscription", { TopicArn: topic, Token: `${message.Token.slice(0, -1)}x` })),
    ).toBe("InvalidParameterException: Invalid parameter: Token");
    const swapped = message.Token.replace(/.$/, (last) => (last === "0" ? "1" : "0"));
    expect(await refusal(call("ConfirmSubscription", { TopicArn: topic, Token: swapped }))).toContain("Token");
    await open(message.SubscribeURL);
    const arn = await listed();
    expect(arn).toMatch(new RegExp(`^${topic}:[0-9a-f-]{36}$`));
    expect(await attributesOf(arn)).toMatchObject({
      PendingConfirmation: "false",
      ConfirmationWasAuthenticated: "false",
    });
    // The URL may be opened again.
    await open(message.SubscribeURL);
    const published = await call("Publish", { TopicArn: topic, Message: "now" });
    await posted(2);
    expect(JSON.parse(webhook.posts[1].body)).toMatchObject({ Message: "now", MessageId: published.MessageId });
    expect(webhook.posts).toHaveLength(2);
  });

  test("that nobody confirms are asked again when they are made again, and go after two days", async () => {
    const topic = await newTopic();
    await sns.resume();
    await subscribe(topic, "http", webhook.url);
    await posted(1);
    await subscribe(topic, "http", webhook.url);
    await posted(2);
    const { Token } = JSON.parse(webhook.posts[1].body) as { Token: string };
    await clock.advance(48 * 3600 * 1000 + 1);
    expect(await refusal(call("ConfirmSubscription", { TopicArn: topic, Token }))).toContain("Token");
    await clock.advance(3600 * 1000);
    await eventually(
      async () => (await call("ListSubscriptions", {})).Subscriptions,
      (subscriptions) => subscriptions!.length === 0,
      5000,
    );
  });

  test("are ended by whoever has the URL, who is told and can take it back", async () => {
    const topic = await newTopic();
    const arn = await subscribedWebhook(topic);
    await call("Publish", { TopicArn: topic, Message: "one" });
    await posted(1);
    const { UnsubscribeURL } = JSON.parse(webhook.posts[0].body) as { UnsubscribeURL: string };
    await open(UnsubscribeURL);
    expect(await refusal(attributesOf(arn))).toContain("Subscription does not exist");
    await posted(2);
    const farewell = JSON.parse(webhook.posts[1].body) as Record<string, string>;
    expect(farewell).toMatchObject({ Type: "UnsubscribeConfirmation", TopicArn: topic });
    await open(farewell.SubscribeURL);
    expect(await attributesOf(arn)).toMatchObject({ PendingConfirmation: "false" });
    expect((await call("GetTopicAttributes", { TopicArn: topic })).Attributes).toMatchObject({
      SubscriptionsConfirmed: "1",
      SubscriptionsDeleted: "1",
    });
  });

  test("confirmed with a signature and that wish are ended only with one", async () => {
    const topic = await newTopic();
    const arn = await subscribe(topic, "http", webhook.url);
    await posted(1);
    const { Token } = JSON.parse(webhook.posts[0].body) as { Token: string };
    await call("ConfirmSubscription", { TopicArn: topic, Token, AuthenticateOnUnsubscribe: "true" });
    const ended = call("Unsubscribe", { SubscriptionArn: arn }, { principal: anonymous, accountId: "anonymous" });
    expect(await refusal(ended)).toContain("AuthorizationErrorException");
    await call("Unsubscribe", { SubscriptionArn: arn });
    expect(await refusal(attributesOf(arn))).toContain("Subscription does not exist");
  });

  test("are set attributes of their own, each checked", async () => {
    const topic = await newTopic();
    const arn = await subscribe(topic, "sqs", queueArn);
    const set = (AttributeName: string, AttributeValue: string) =>
      call("SetSubscriptionAttributes", { SubscriptionArn: arn, AttributeName, AttributeValue });
    await set("FilterPolicy", '{"kind":["good"]}');
    expect(await attributesOf(arn)).toMatchObject({
      FilterPolicy: '{"kind":["good"]}',
      FilterPolicyScope: "MessageAttributes",
    });
    expect(await refusal(set("FilterPolicy", '{"a":{"b":["c"]}}'))).toContain("does not support nested filter policy");
    await set("FilterPolicyScope", "MessageBody");
    await set("FilterPolicy", '{"a":{"b":["c"]}}');
    expect(await refusal(set("FilterPolicyScope", "MessageAttributes"))).toContain("nested");
    expect(await refusal(set("FilterPolicy", "{"))).toBe(
      "InvalidParameterException: Invalid parameter: FilterPolicy: failed to parse JSON.",
    );
    expect(await refusal(set("RedrivePolicy", '{"deadLetterTargetArn":"x"}'))).toContain(
      "deadLetterTargetArn is an invalid arn",
    );
    expect(await refusal(set("DeliveryPolicy", "{}"))).toContain("does not support delivery policies");
    expect(await refusal(set("Mood", "good"))).toBe("InvalidParameterException: Invalid parameter: AttributeName");
    expect(await refusal(subscribe(topic, "sqs", deadArn, { FilterPolicy: "[]" }))).toBe(
      "InvalidParameterException: Invalid parameter: Attributes Reason: FilterPolicy: Filter policy must be an object",
    );
    await set("FilterPolicy", "");
    expect(await attributesOf(arn)).not.toHaveProperty("FilterPolicy");
  });
});

describe("deliveries", () => {
  test("to a queue are signed JSON, which the served certificate verifies", async () => {
    const attributes = { SignatureVersion: "2" };
    const topics = [await newTopic("one"), await newTopic("two", { Attributes: attributes })];
    const certificate = (await sns.publicRoutes["/_sagebrush/sns/certificate.pem"]()).body as string;
    for (const [index, topic] of topics.entries()) {
      await subscribe(topic, "sqs", queueArn);
      await call("Publish", {
        TopicArn: topic,
        Message: "Hällo\n",
        Subject: "Greetings",
        MessageAttributes: {
          n: { DataType: "Number", StringValue: "5" },
          b: { DataType: "Binary", BinaryValue: Buffer.from("hi") },
        },
      });
      await delivered(index + 1);
      const message = bodies()[index];
      expect(message).toMatchObject({
        Type: "Notification",
        TopicArn: topic,
        Subject: "Greetings",
        Message: "Hällo\n",
        Timestamp: "2026-01-01T00:00:00.000Z",
        SignatureVersion: String(index + 1),
        SigningCertURL: `${baseUrl}/_sagebrush/sns/certificate.pem`,
        MessageAttributes: { n: { Type: "Number", Value: "5" }, b: { Type: "Binary", Value: "aGk=" } },
      });
      // The text to sign as AWS's guide spells it out for notifications.
      const text =
        `Message\nHällo\n\nMessageId\n${message.MessageId}\nSubject\nGreetings\n` +
        `Timestamp\n2026-01-01T00:00:00.000Z\nTopicArn\n${topic}\nType\nNotification\n`;
      const verify = (signed: string) =>
        createVerify(index === 0 ? "RSA-SHA1" : "RSA-SHA256")
          .update(signed)
          .verify(certificate, message.Signature, "base64");
      expect(verify(text)).toBe(true);
      expect(verify(text.replace("Greetings", "Greeting"))).toBe(false);
    }
  });

  test("follow filter policies and take the text for their protocol", async () => {
    const topic = await newTopic();
    await subscribe(topic, "sqs", queueArn, { FilterPolicy: '{"kind":["good"]}', RawMessageDelivery: "true" });
    const kind = (StringValue: string) => ({ kind: { DataType: "String", StringValue } });
    await call("Publish", { TopicArn: topic, Message: "no", MessageAttributes: kind("bad") });
    const Message = '{"default":"for all","sqs":"for queues"}';
    await call("Publish", { TopicArn: topic, Message, MessageStructure: "json", MessageAttributes: kind("good") });
    await delivered(1);
    expect(queues.messages).toEqual([
      { queue: queueArn, body: "for queues", attributes: { kind: { type: "String", value: "good" } } },
    ]);
  });

  test("to a webhook are tried again after 20 s, three times, and then given up to the dead-letter queue", async () => {
    const topic = await newTopic();
    const redrive = JSON.stringify({ deadLetterTargetArn: deadArn });
    await subscribedWebhook(topic, { RedrivePolicy: redrive });
    webhook.answers.push(500, 503, 429, 500);
    await call("Publish", { TopicArn: topic, Message: "hello" });
    for (let tries = 1; tries <= 4; tries += 1) {
      await posted(tries);
      await eventually(
        async () => (await pendingDeliveries())[0]?.attempts ?? 9,
        (attempts) => attempts === tries || tries === 4,
        5000,
      );
      await clock.advance(19_999);
      expect(webhook.posts).toHaveLength(tries);
      await clock.advance(1);
    }
    await delivered(1);
    expect(queues.messages[0]).toMatchObject({
      queue: deadArn,
      attributes: { ErrorCode: { type: "String", value: "500" } },
    });
    expect(bodies()[0]).toMatchObject({ Type: "Notification", Message: "hello" });
    await settled();
  });

  test.each([302, 403, 404])("answered with %i are not tried again", async (status) => {
    const topic = await newTopic();
    await subscribedWebhook(topic, { RedrivePolicy: JSON.stringify({ deadLetterTargetArn: deadArn }) });
    webhook.answers.push(status);
    await call("Publish", { TopicArn: topic, Message: "hello" });
    await delivered(1);
    expect(queues.messages[0].attributes.ErrorCode.value).toBe(String(status));
    expect(webhook.posts).toHaveLength(1);
    await settled();
  });

  test("raw to a webhook carry the message alone, in the type that the subscription asks for", async () => {
    const topic = await newTopic();
    const policy = { requestPolicy: { headerContentType: "application/json" } };
    await subscribedWebhook(topic, { RawMessageDelivery: "true", DeliveryPolicy: JSON.stringify(policy) });
    await call("Publish", { TopicArn: topic, Message: '{"a":1}' });
    await posted(1);
    expect(webhook.posts[0].body).toBe('{"a":1}');
    expect(webhook.posts[0].headers).toMatchObject({
      "x-amz-sns-rawdelivery": "true",
      "content-type": "application/json",
    });
  });

  test("to a name that leads to a link-local address are given up", async () => {
    const { isForbiddenAddress } = await import("./delivery/forbidden-addresses.ts");
    for (const address of [
      "169.254.169.254",
      "fe80::1%eth0",
      "::ffff:169.254.1.1",
      "64:ff9b::a9fe:a9fe",
      "fd00:ec2::254",
    ])
      expect(isForbiddenAddress(address)).toBe(true);
    for (const address of ["127.0.0.1", "::1", "10.1.2.3", "192.168.0.1", "8.8.8.8", "169.253.255.255"])
      expect(isForbiddenAddress(address)).toBe(false);
  });

  test("outlive the server: what was not delivered is delivered by the next one", async () => {
    const topic = await newTopic();
    await subscribe(topic, "sqs", queueArn);
    queues.broken = true;
    const { MessageId } = await call("Publish", { TopicArn: topic, Message: "hello" });
    await eventually(
      async () => (await pendingDeliveries())[0]?.attempts ?? 0,
      (attempts) => attempts >= 3,
      5000,
    );
    await sns.close();
    await records.close();
    queues.broken = false;
    start();
    await sns.resume();
    await clock.advance(60_000);
    await delivered(1);
    expect(bodies()).toMatchObject([{ MessageId, Message: "hello" }]);
    await settled();
  });

  test("to a queue that lets nothing in are given up at once, and the dead-letter queue is told why", async () => {
    const topic = await newTopic();
    queues.refused.add(queueArn);
    await subscribe(topic, "sqs", queueArn, { RedrivePolicy: JSON.stringify({ deadLetterTargetArn: deadArn }) });
    const { MessageId } = await call("Publish", { TopicArn: topic, Message: "hello" });
    await delivered(1);
    expect(queues.messages[0].attributes).toEqual({
      RequestID: { type: "String", value: MessageId },
      ErrorCode: { type: "String", value: "QueueDoesNotExist" },
      ErrorMessage: { type: "String", value: "no such queue" },
    });
    await settled();
  });

  test("to a subscription that ended are forgotten", async () => {
    const topic = await newTopic();
    const arn = await subscribe(topic, "sqs", queueArn);
    queues.broken = true;
    await call("Publish", { TopicArn: topic, Message: "hello" });
    await eventually(
      async () => (await pendingDeliveries())[0]?.attempts ?? 0,
      (attempts) => attempts >= 3,
      5000,
    );
    await call("Unsubscribe", { SubscriptionArn: arn });
    queues.broken = false;
    await clock.advance(60_000);
    await settled();
    expect(queues.messages).toEqual([]);
  });

  test("of mail are files that name nothing of the user's", async () => {
    const topic = await newTopic("news", { Attributes: { DisplayName: "Wetter \u2614" } });
    const arn = await subscribe(topic, "email", "someone@example.com");
    const folder = join(directory, "mail", arn.slice(-36));
    const mails = () => {
      try {
        return readdirSync(folder)
          .filter((name) => name.endsWith(".eml"))
          .toSorted();
      } catch {
        return [];
      }
    };
    await eventually(mails, (names) => names.length === 1, 5000);
    const first = readFileSync(join(folder, mails()[0]), "utf8");
    expect(first).toContain("To: someone@example.com\r\nSubject: AWS Notification - Subscription Confirmation\r\n");
    expect(first).toContain(
      `From: =?UTF-8?B?${Buffer.from("Wetter \u2614").toString("base64")}?= <no-reply@sns.amazonaws.com>`,
    );
    await open(/http:\/\/127\S+/.exec(first)![0]);
    await clock.advance(1000);
    await call("Publish", { TopicArn: topic, Message: "Rain\nand wind", Subject: "Today" });
    await eventually(mails, (names) => names.length === 2, 5000);
    const second = readFileSync(join(folder, mails()[1]), "utf8");
    expect(mails()[1]).toMatch(/^2026-01-01T00-00-01\.000Z-[0-9a-f-]{36}\.eml$/);
    expect(second).toContain("Subject: Today\r\n");
    expect(second).toContain("\r\n\r\nRain\r\nand wind\r\n");
  });
});

describe("for other services", () => {
  test("publish is a notification, and topics that are not there are told", async () => {
    const topic = await newTopic();
    await subscribe(topic, "sqs", queueArn);
    await sns.publish({ accountId, region }, topic, { subject: "ALARM", body: "{}", attributes: { a: "b" } });
    await delivered(1);
    expect(bodies()[0]).toMatchObject({
      Subject: "ALARM",
      Message: "{}",
      MessageAttributes: { a: { Type: "String", Value: "b" } },
    });
    expect(await refusal(sns.publish({ accountId, region }, `${topic}x`, { body: "x" }))).toContain(
      "Topic does not exist",
    );
  });

  test("alarms may publish to a topic of their account as it is made, buckets only when its policy says so", async () => {
    const topic = await newTopic();
    const alarm = `arn:aws:cloudwatch:${region}:${accountId}:alarm:a`;
    expect(await sns.topicAllows(topic, "cloudwatch.amazonaws.com", alarm, accountId)).toBe(true);
    expect(await sns.topicAllows(topic, "cloudwatch.amazonaws.com", alarm, "999999999999")).toBe(false);
    expect(await sns.topicAllows(topic, "s3.amazonaws.com", "arn:aws:s3:::bucket", accountId)).toBe(false);
    const Statement = [
      {
        Effect: "Allow",
        Principal: { Service: "s3.amazonaws.com" },
        Action: "SNS:Publish",
        Resource: topic,
        Condition: {
          ArnLike: { "aws:SourceArn": "arn:aws:s3:*:*:bucket" },
          StringEquals: { "aws:SourceAccount": accountId },
        },
      },
    ];
    const AttributeValue = JSON.stringify({ Version: "2012-10-17", Statement });
    await call("SetTopicAttributes", { TopicArn: topic, AttributeName: "Policy", AttributeValue });
    expect(await sns.topicAllows(topic, "s3.amazonaws.com", "arn:aws:s3:::bucket", accountId)).toBe(true);
    expect(await sns.topicAllows(topic, "s3.amazonaws.com", "arn:aws:s3:::other", accountId)).toBe(false);
    expect(await sns.topicAllows(topic, "cloudwatch.amazonaws.com", alarm, accountId)).toBe(false);
    expect(await sns.topicAllows(`${topic}x`, "s3.amazonaws.com", "arn:aws:s3:::bucket", accountId)).toBe(false);
  });
});

async function pendingDeliveries(): Promise<{ attempts: number }[]> {
  const found: { attempts: number }[] = [];
  for await (const { body } of records.scan<{ attempts: number }>("sns-delivery")) found.push(body);
  return found;
}

/** Nothing is left of what was delivered or given up. */
async function settled(): Promise<void> {
  const left = async () => {
    const names: string[] = [];
    for (const family of ["sns-delivery", "sns-message"])
      for await (const { name } of records.scan(family)) names.push(name);
    return names;
  };
  await eventually(left, (names) => names.length === 0, 5000);
  expect(problems).toEqual([]);
}
