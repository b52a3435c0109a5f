import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import { account, openS3, streamOf } from "../../../../tests/support/s3.ts";
import { AwsError } from "../../../protocol/aws-error.ts";
import type { NotificationConfiguration, TopicConfiguration } from "../../../protocol/generated/s3.ts";
import { compileRefusals } from "../../../protocol/refusals.ts";
import type { RequestContext } from "../../../protocol/service.ts";
import { requestContext } from "../../../../tests/support/request-context.ts";
import { SqliteRecordStore } from "../../../storage/sqlite-record-store.ts";
import { ManualClock } from "../../../util/clock.ts";
import type { ObjectEvent } from "../events.ts";
import type { TopicPublisher } from "../ports.ts";
import type { Bucket } from "../records.ts";
import { SettingsStore } from "../settings/settings-store.ts";
import { BucketNotifications } from "./bucket-notifications.ts";
import { checkedNotification, listenersOf, notificationRefusals } from "./configuration.ts";
import { notificationOperations } from "./notification-operations.ts";

const topic = "arn:aws:sns:us-east-1:111122223333:things";

/** A topic that keeps what it is told. */
class Topics implements TopicPublisher {
  readonly told: { topicArn: string; subject: string; body: Record<string, unknown> }[] = [];
  /** Thrown instead, one for each attempt. */
  readonly failures: Error[] = [];

  async publish(_space: object, topicArn: string, { subject, body }: { subject: string; body: string }): Promise<void> {
    const failure = this.failures.shift();
    if (failure !== undefined) throw failure;
    this.told.push({ topicArn, subject, body: JSON.parse(body) as Record<string, unknown> });
  }

  async topicAllows(topicArn: string): Promise<boolean> {
    if (!topicArn.startsWith("arn:aws:sns:")) throw new AwsError("InvalidParameter", "TopicArn");
    return topicArn === topic;
  }

  /** Key and event of everything that was told, in order. */
  get events(): string[] {
    return this.told.map(({ body }) => {
      const [{ eventName, s3 }] = body["Records"] as { eventName: string; s3: { object: { key: string } } }[];
      return `${s3.object.key} ${eventName}`;
    });
  }
}

function bucketWith(...TopicConfigurations: TopicConfiguration[]): Bucket {
  const settings = { notification: { TopicConfigurations } };
  return { name: "the-bucket", accountId: account, region: "us-east-1", createdAt: 0, settings };
}

const everything: TopicConfiguration = {
  Id: "all",
  TopicArn: topic,
  Events: ["s3:ObjectCreated:*", "s3:ObjectRemoved:*"],
};

function eventOf(key: string, more: Partial<ObjectEvent> = {}): ObjectEvent {
  return {
    name: "ObjectCreated:Put",
    bucket: bucketWith(everything),
    key,
    size: 3,
    etag: "900150983cd24fb0d6963f7d28e17f72",
    at: Date.UTC(2026, 0, 1),
    actor: { by: `arn:aws:iam::${account}:user/me`, call: "s3:PutObject", requestId: "request-1" },
    ...more,
  };
}

async function withOutbox() {
  const folder = mkdtempSync(join(tmpdir(), "sagebrush-outbox-"));
  const records = new SqliteRecordStore({ file: join(folder, "records.db"), reserveBytes: 0 });
  const clock = new ManualClock();
  const problems: string[] = [];
  const open = () => new BucketNotifications({ records, clock, onProblem: (problem) => problems.push(problem) });
  const write = async (notifications: BucketNotifications, ...events: ObjectEvent[]) => {
    const changes = events.flatMap((event) => notifications.changesOf(event));
    await records.write(changes, { actor: { by: "test", call: "test" }, at: clock.now() });
    notifications.written();
  };
  const left = async () =>
    (await records.list({ accountId: "*", region: "*", family: "s3-notification", limit: 1000 })).records.length;
  const dispose = async () => {
    await records.close();
    rmSync(folder, { recursive: true });
  };
  return { records, clock, problems, open, write, left, [Symbol.asyncDispose]: dispose };
}

test("a message is what S3 sends", async () => {
  await using place = await withOutbox();
  const topics = new Topics();
  const notifications = place.open();
  notifications.start(topics);
  await place.write(notifications, eventOf("a b/ü+(1).txt", { versionId: "v1" }));
  await notifications.settled();
  expect(topics.told).toEqual([
    {
      topicArn: topic,
      subject: "Amazon S3 Notification",
      body: {
        Records: [
          {
            eventVersion: "2.1",
            eventSource: "aws:s3",
            awsRegion: "us-east-1",
            eventTime: "2026-01-01T00:00:00.000Z",
            eventName: "ObjectCreated:Put",
            userIdentity: { principalId: "AWS:user/me" },
            requestParameters: { sourceIPAddress: "127.0.0.1" },
            responseElements: { "x-amz-request-id": "request-1", "x-amz-id-2": "" },
            s3: {
              s3SchemaVersion: "1.0",
              configurationId: "all",
              bucket: {
                name: "the-bucket",
                ownerIdentity: { principalId: expect.stringMatching(/^[0-9a-f]{64}$/) as string },
                arn: "arn:aws:s3:::the-bucket",
              },
              object: {
                key: "a+b/%C3%BC%2B%281%29.txt",
                size: 3,
                eTag: "900150983cd24fb0d6963f7d28e17f72",
                versionId: "v1",
                sequencer: "019B76DAA800000000",
              },
            },
          },
        ],
      },
    },
  ]);
  expect(await place.left()).toBe(0);
  await notifications.stop();
});

test("messages of a key come in order, however many there are", async () => {
  await using place = await withOutbox();
  const topics = new Topics();
  const notifications = place.open();
  const events = Array.from({ length: 250 }, (_, index) =>
    eventOf(`k${index % 3}`, { name: index % 2 === 0 ? "ObjectCreated:Put" : "ObjectRemoved:Delete" }),
  );
  await place.write(notifications, ...events);
  notifications.start(topics);
  await notifications.settled();
  for (const key of ["k0", "k1", "k2"]) {
    const expected = events.filter((event) => event.key === key).map(({ name }) => `${key} ${name}`);
    expect(topics.events.filter((text) => text.startsWith(`${key} `))).toEqual(expected);
  }
  expect(await place.left()).toBe(0);
});

test("what a process did not deliver the next one does", async () => {
  await using place = await withOutbox();
  await place.write(place.open(), eventOf("first"), eventOf("second"));
  const topics = new Topics();
  const next = place.open();
  next.start(topics);
  await next.settled();
  expect(topics.events.sort()).toEqual(["first ObjectCreated:Put", "second ObjectCreated:Put"]);
});

test("a failure holds back its key alone, and is tried again after a pause", async () => {
  await using place = await withOutbox();
  const topics = new Topics();
  topics.failures.push(new Error("not now"));
  const notifications = place.open();
  await place.write(notifications, eventOf("a"), eventOf("a", { name: "ObjectRemoved:Delete" }), eventOf("b"));
  notifications.start(topics);
  await notifications.settled();
  expect(topics.events).toEqual(["b ObjectCreated:Put"]);
  expect(place.problems).toEqual(["notifications of buckets wait for 1000 ms and are then tried again"]);
  topics.failures.push(new Error("still not"));
  await place.clock.advance(1000);
  await notifications.settled();
  expect(place.problems.at(-1)).toContain("wait for 2000 ms");
  await place.clock.advance(2000);
  await notifications.settled();
  expect(topics.events).toEqual(["b ObjectCreated:Put", "a ObjectCreated:Put", "a ObjectRemoved:Delete"]);
});

test("a topic that is gone is not waited for", async () => {
  await using place = await withOutbox();
  const topics = new Topics();
  topics.failures.push(new AwsError("NotFound", "Topic does not exist", { status: 404 }));
  const notifications = place.open();
  notifications.start(topics);
  await place.write(notifications, eventOf("a"), eventOf("a", { name: "ObjectRemoved:Delete" }));
  await notifications.settled();
  expect(topics.events).toEqual(["a ObjectRemoved:Delete"]);
  expect(place.problems).toEqual([`a notification of the-bucket/a for ${topic} was given up`]);
  expect(await place.left()).toBe(0);
});

test("a topic that does not let S3 in any more is told nothing", async () => {
  await using place = await withOutbox();
  const topics = new Topics();
  const notifications = place.open();
  notifications.start(topics);
  const closed = { ...everything, TopicArn: `${topic}-closed` };
  await place.write(notifications, eventOf("a", { bucket: bucketWith(closed) }));
  await notifications.settled();
  expect(topics.told).toEqual([]);
  expect(place.problems).toEqual([`a notification of the-bucket/a for ${topic}-closed was given up`]);
  expect(await place.left()).toBe(0);
});

test.each([
  ["s3:ObjectCreated:*", [], "ObjectCreated:Copy", "k", true],
  ["s3:ObjectCreated:Put", [], "ObjectCreated:Copy", "k", false],
  ["s3:ObjectRemoved:*", [], "LifecycleExpiration:Delete", "k", false],
  ["s3:ObjectCreated:*", [{ Name: "prefix", Value: "in/" }], "ObjectCreated:Put", "in/k", true],
  ["s3:ObjectCreated:*", [{ Name: "Prefix", Value: "in/" }], "ObjectCreated:Put", "k/in/", false],
  ["s3:ObjectCreated:*", [{ Name: "suffix", Value: ".jpg" }], "ObjectCreated:Put", "k.jpg", true],
  ["s3:ObjectCreated:*", [{ Name: "suffix", Value: ".jpg" }], "ObjectCreated:Put", "k.jpg2", false],
] as const)("%s with %o hears %s of %s: %s", (event, rules, name, key, hears) => {
  const FilterRules = rules.map((rule) => ({ ...rule })) as never;
  const configuration = {
    TopicConfigurations: [{ TopicArn: topic, Events: [event], Filter: { Key: { FilterRules } } }],
  };
  expect(listenersOf(configuration, name, key).length).toBe(hears ? 1 : 0);
});

const filtered = (Name: string, Value: string) => ({
  Filter: { Key: { FilterRules: [{ Name: Name as "prefix", Value }] } },
});

test.each([
  ["The event is not supported", [{ ...everything, Events: ["s3:ObjectEaten:*" as never] }]],
  [
    "Same ID used for multiple configurations",
    [
      { ...everything, ...filtered("prefix", "a") },
      { ...everything, ...filtered("prefix", "b") },
    ],
  ],
  [
    "Configuration is ambiguously defined",
    [everything, { ...everything, Id: "2", Events: ["s3:ObjectCreated:Put" as const], ...filtered("prefix", "x") }],
  ],
  ["filter rule name must be either prefix or suffix", [{ ...everything, ...filtered("infix", "a") }]],
])("a configuration is refused: %s", (message, TopicConfigurations) => {
  expect(() => checkedNotification({ TopicConfigurations })).toThrow(message);
});

test("configurations of other prefixes or other suffixes stand side by side", () => {
  const { TopicConfigurations } = checkedNotification({
    TopicConfigurations: [
      { TopicArn: topic, Events: ["s3:ObjectCreated:*"], ...filtered("suffix", ".jpg") },
      { TopicArn: topic, Events: ["s3:ObjectCreated:*"], ...filtered("suffix", ".png") },
    ],
  });
  expect(new Set(TopicConfigurations!.map(({ Id }) => Id)).size).toBe(2);
});

test.each([
  [{ QueueConfigurations: [{ QueueArn: "q", Events: [] }] }, "NotificationConfiguration.QueueConfigurations[]"],
  [{ EventBridgeConfiguration: {} }, "NotificationConfiguration.EventBridgeConfiguration"],
  [
    { TopicConfigurations: [{ ...everything, Events: ["s3:Replication:*"] }] },
    "NotificationConfiguration.TopicConfigurations[].Events[]=s3:Replication:*",
  ],
])("%o is refused by the name %s", (NotificationConfiguration, named) => {
  expect(compileRefusals(notificationRefusals).check({ NotificationConfiguration })).toMatch(
    `${named} is not supported`,
  );
});

async function configure(NotificationConfiguration: NotificationConfiguration, topics: Topics, skip = false) {
  await using s3 = await openS3();
  await s3.call("CreateBucket", { Bucket: "the-bucket" });
  const operations = notificationOperations(new SettingsStore(s3.records, s3.objects), topics);
  const context: RequestContext = requestContext({
    service: "s3",
    operation: "PutBucketNotificationConfiguration",
    accountId: account,
  });
  await operations.PutBucketNotificationConfiguration!.handle(
    { Bucket: "the-bucket", NotificationConfiguration, SkipDestinationValidation: skip },
    context,
  );
  return operations.GetBucketNotificationConfiguration!.handle({ Bucket: "the-bucket" }, context);
}

test("a topic is asked and told when it is named", async () => {
  const topics = new Topics();
  expect(await configure({ TopicConfigurations: [everything] }, topics)).toEqual({ TopicConfigurations: [everything] });
  expect(topics.told).toEqual([
    {
      topicArn: topic,
      subject: "Amazon S3 Notification",
      body: {
        Service: "Amazon S3",
        Event: "s3:TestEvent",
        Time: "1970-01-01T00:00:00.000Z",
        Bucket: "the-bucket",
        RequestId: "request-1",
        HostId: "",
      },
    },
  ]);
  expect(await configure({}, topics)).toEqual({});
  const closed = { ...everything, TopicArn: `${topic}-of-others` };
  await expect(configure({ TopicConfigurations: [closed] }, topics)).rejects.toMatchObject({
    code: "InvalidArgument",
    message: "Unable to validate the following destination configurations",
  });
  await expect(configure({ TopicConfigurations: [{ ...everything, TopicArn: "x" }] }, topics)).rejects.toMatchObject({
    message: "The ARN is not well formed",
  });
  expect(await configure({ TopicConfigurations: [closed] }, topics, true)).toEqual({ TopicConfigurations: [closed] });
});

test("events of objects reach the topics of their bucket, in one batch with what happened", async () => {
  const topics = new Topics();
  let notifications!: BucketNotifications;
  await using s3 = await openS3({
    events: (place) => (notifications = new BucketNotifications({ ...place, onProblem: () => {} })),
  });
  await s3.call("CreateBucket", { Bucket: "the-bucket" });
  const Bucket = "the-bucket";
  const operations = notificationOperations(new SettingsStore(s3.records, s3.objects), topics);
  await operations.PutBucketNotificationConfiguration!.handle(
    {
      Bucket,
      NotificationConfiguration: { TopicConfigurations: [{ ...everything, ...filtered("prefix", "in/") }] },
      SkipDestinationValidation: true,
    },
    requestContext({ service: "s3", operation: "PutBucketNotificationConfiguration", accountId: account }),
  );
  await s3.call("PutObject", { Bucket, Key: "in/k", Body: streamOf("abc") });
  await s3.call("PutObject", { Bucket, Key: "out/k", Body: streamOf("abc") });
  await s3.call("CopyObject", { Bucket, Key: "in/copy", CopySource: `${Bucket}/in/k` });
  await s3.call("DeleteObject", { Bucket, Key: "in/k" });
  notifications.start(topics);
  await notifications.settled();
  expect(topics.events.sort()).toEqual([
    "in/copy ObjectCreated:Copy",
    "in/k ObjectCreated:Put",
    "in/k ObjectRemoved:Delete",
  ]);
  await notifications.stop();
});
