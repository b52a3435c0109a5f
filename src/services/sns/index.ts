/**
 * Amazon Simple Notification Service: topics, subscriptions and their deliveries.
 *
 * Subscriptions are by http, https, email, email-json and sqs. Mail is delivered as files:
 * `<data directory>/mail/<subscription id>/<time>-<message id>.eml`, confirmations too, with the URL to open. A message
 * is on disk before Publish answers, and is delivered at least once by the retry policy of its protocol, also when the
 * server is killed in between. Deliveries are counted in the metrics of AWS/SNS.
 */
import { join } from "node:path";
import type { MetricSink } from "../../jobs/ports.ts";
import { AwsError } from "../../protocol/aws-error.ts";
import type { SNSOperations } from "../../protocol/generated/sns.ts";
import type { HttpResponse } from "../../protocol/http-message.ts";
import { defineService, type Service } from "../../protocol/service.ts";
import type { RecordStore } from "../../storage/record-store.ts";
import type { Clock } from "../../util/clock.ts";
import { snsAccessRules } from "./access-rules.ts";
import { DeliveryQueue } from "./delivery/delivery-queue.ts";
import { certificatePath } from "./delivery/envelope.ts";
import { HttpSender } from "./delivery/http-sender.ts";
import { MailSender } from "./delivery/mail-sender.ts";
import { QueueDelivery } from "./delivery/queue-sender.ts";
import { messageContent } from "./message.ts";
import { parseTopicArn } from "./names.ts";
import type { QueueSender, TopicPublisher } from "./ports.ts";
import { publishOperations } from "./publish-operations.ts";
import { Publisher } from "./publisher.ts";
import { Signer } from "./signing.ts";
import { SnsStore } from "./sns-store.ts";
import { subscriptionOperations, tokenLifeMs } from "./subscription-operations.ts";
import { topicOperations } from "./topic-operations.ts";
import { defaultTopicPolicy, serviceMayPublish } from "./topic-policy.ts";

export type { QueueSender, TopicPublisher } from "./ports.ts";

export interface SnsOptions {
  readonly records: RecordStore;
  readonly queues: QueueSender;
  readonly clock: Clock;
  /** Where the signing key and the mail go. */
  readonly dataDirectory: string;
  /** Where endpoints find the server, e.g. `http://127.0.0.1:7243`; asked when something is delivered. */
  readonly baseUrl: () => string;
  readonly metrics?: MetricSink;
  readonly report: (what: string, error: unknown) => void;
}

export interface SnsService extends Service, TopicPublisher {
  /** Answers to unsigned GET requests outside the API, by path. */
  readonly publicRoutes: Readonly<Record<string, () => Promise<HttpResponse>>>;
  /** Goes on with the deliveries that the last server left; after the server listens, for endpoints call back. */
  resume(): Promise<void>;
  /** Breaks deliveries off; the next start goes on with them. */
  close(): Promise<void>;
}

const sweepIntervalMs = 3600 * 1000;

export function snsService(options: SnsOptions): SnsService {
  const { records, queues, clock, dataDirectory, baseUrl, metrics, report } = options;
  const store = new SnsStore(records);
  const signer = new Signer(dataDirectory);
  const http = new HttpSender({ signer, baseUrl });
  const mail = new MailSender({ directory: join(dataDirectory, "mail"), signer, baseUrl });
  const deadLetters = new QueueDelivery({ queues, signer, baseUrl });
  const senders = { http, https: http, email: mail, "email-json": mail, sqs: deadLetters };
  const deliveries = new DeliveryQueue({ records, store, clock, senders, deadLetters, metrics, report });
  const publisher = new Publisher({ store, deliveries, metrics });

  let cancelSweep = () => {};
  const sweep = async () => {
    const at = clock.now();
    try {
      await store.sweep(at - tokenLifeMs, { actor: { by: "sagebrush:sns", call: "sweep" }, at, essential: true });
    } catch (error) {
      report("unconfirmed subscriptions could not be swept; it is tried again in an hour", error);
    }
    cancelSweep = clock.schedule(sweepIntervalMs, () => void sweep());
  };

  const service = defineService<SNSOperations>(
    "sns",
    {
      ...topicOperations({ store }),
      ...subscriptionOperations({ store, publisher, deliveries }),
      ...publishOperations({ publisher }),
    },
    {
      validationCode: "InvalidParameter",
      deniedCode: "AuthorizationError",
      anonymous: true,
      accesses: snsAccessRules(store),
    },
  );

  return {
    ...service,
    async publish(space, arn, { subject, body, attributes = {} }) {
      const topic = parseTopicArn(arn);
      if (topic.region !== space.region) {
        throw new AwsError("InvalidParameterException", `Invalid parameter: TopicArn ${arn} is not in ${space.region}`);
      }
      const content = messageContent({
        Message: body,
        ...(subject === undefined ? {} : { Subject: subject }),
        MessageAttributes: Object.fromEntries(
          Object.entries(attributes).map(([name, value]) => [name, { DataType: "String", StringValue: value }]),
        ),
      });
      await publisher.publish(topic, [content], { actor: { by: "sagebrush:sns", call: "publish" }, at: clock.now() });
    },
    async topicAllows(arn, service, sourceArn, sourceAccount) {
      const topic = parseTopicArn(arn);
      const record = await store.findTopic(topic);
      if (record === undefined) return false;
      const policy = record.body.policy ?? defaultTopicPolicy(arn, topic.accountId);
      const topicAccount = topic.accountId;
      return serviceMayPublish({ service, topicArn: arn, topicAccount, policy, sourceArn, sourceAccount });
    },
    publicRoutes: {
      [certificatePath]: async () => ({
        status: 200,
        headers: { "content-type": "application/x-pem-file" },
        body: await signer.certificate(),
      }),
    },
    async resume() {
      await sweep();
      await deliveries.resume();
    },
    async close() {
      cancelSweep();
      await deliveries.stop();
      http.close();
    },
  };
}
