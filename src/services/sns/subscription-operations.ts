/** Subscriptions: made, confirmed, listed, changed and ended. */
import { randomBytes, randomUUID, timingSafeEqual } from "node:crypto";
import type { SNSOperations, Subscription } from "../../protocol/generated/sns.ts";
import { AwsError } from "../../protocol/aws-error.ts";
import type { OperationTable, RequestContext } from "../../protocol/service.ts";
import { parseArn } from "../../resources/arn.ts";
import { RecordExists } from "../../storage/record-store.ts";
import type { DeliveryQueue, Dispatch } from "./delivery/delivery-queue.ts";
import { checkedEndpoint } from "./endpoints.ts";
import { invalidParameter, topicNotFound } from "./errors.ts";
import { parseTopicArn, subscriptionArn, topicArn, type SubscriptionId, type TopicId } from "./names.ts";
import type { Publisher } from "./publisher.ts";
import { confirmed, pending, type MessageBody, type SubscriptionBody } from "./records.ts";
import { pageEnd, pageLength, pageStart, requestedSubscription, requestedTopic, writeOptions } from "./requests.ts";
import type { SnsStore, SubscriptionRecord, TopicRecord } from "./sns-store.ts";
import { shownSubscriptionAttributes, withAttributes } from "./subscription-attributes.ts";

/** How long a token is good for. Source: SNS API, ConfirmSubscription. */
export const tokenLifeMs = 2 * 24 * 3600 * 1000;

export interface SubscriptionOptions {
  readonly store: SnsStore;
  readonly publisher: Publisher;
  readonly deliveries: DeliveryQueue;
}

export function subscriptionOperations({ store, publisher, deliveries }: SubscriptionOptions) {
  return {
    Subscribe: {
      caveat: "mail is delivered as files in the data directory; there are no sms, lambda, firehose and application",
      async handle({ TopicArn, Protocol, Endpoint, Attributes = {}, ReturnSubscriptionArn }, context) {
        const topic = requestedTopic(TopicArn, context);
        const topicRecord = await store.topic(topic);
        const { protocol, endpoint } = checkedEndpoint(Protocol, Endpoint);
        const attributes = subscribed(() => withAttributes({}, Attributes, { protocol, topic }));
        const shown = ({ status, arn }: SubscriptionRecord) =>
          status === confirmed || ReturnSubscriptionArn === true ? arn : "pending confirmation";

        const options = writeOptions(context);
        const known = await store.findByEndpoint(topic, protocol, endpoint);
        if (known !== undefined) return { SubscriptionArn: shown(await again(known, Attributes, attributes)) };
        // Whoever owns the queue and subscribes it need not be asked.
        const isOwn = protocol === "sqs" && parseArn(endpoint)!.accountId === context.accountId;
        let confirmation: Dispatch | undefined;
        const { subscription, created } = await store.createSubscription(
          topic,
          {
            topicArn: TopicArn,
            protocol,
            endpoint,
            owner: context.accountId,
            subscribedBy: context.principal.arn,
            attributes,
            ...(isOwn ? { confirmedWithSignature: true } : { token: randomBytes(32).toString("hex") }),
          },
          isOwn ? confirmed : pending,
          (body) => {
            if (isOwn) return [];
            confirmation = question(topic, topicRecord, body, options.at);
            return deliveries.changesFor(confirmation, options.at);
          },
          options,
        );
        if (created && confirmation !== undefined) deliveries.accept(confirmation, options.at);
        return { SubscriptionArn: shown(created ? subscription : await again(subscription, Attributes, attributes)) };

        /** Subscribing what is subscribed: asks again while nobody confirmed. */
        async function again(
          record: SubscriptionRecord,
          given: Readonly<Record<string, string>>,
          asked: SubscriptionBody["attributes"],
        ): Promise<SubscriptionRecord> {
          const existing = record.body.attributes;
          const names = Object.keys(given) as (keyof typeof existing)[];
          if (names.some((name) => existing[name] !== asked[name])) {
            throw invalidParameter("Attributes Reason: Subscription already exists with different attributes");
          }
          if (record.status === pending) {
            await publisher.send([question(topic, topicRecord, record.body, options.at)], options);
          }
          return record;
        }
      },
    },

    ConfirmSubscription: {
      async handle({ TopicArn, Token, AuthenticateOnUnsubscribe }, context) {
        const topic = requestedTopic(TopicArn, context);
        if ((await store.findTopic(topic)) === undefined) throw topicNotFound();
        const id = tokenOwner(topic, Token);
        const signed = context.principal.kind !== "anonymous";
        // Only a signed call may ask for signed calls; it is the owner that it protects.
        const authenticate = signed && AuthenticateOnUnsubscribe?.toLowerCase() === "true";
        const oldest = context.clock.now() - tokenLifeMs;
        const ended = await store.findEnded(id);
        if (ended !== undefined) {
          checkToken(ended.body, Token);
          if (ended.createdAt < oldest) throw invalidToken();
          await revive(id, { ...ended.body, authenticateOnUnsubscribe: authenticate }, context);
          return { SubscriptionArn: subscriptionArn(id) };
        }
        const known = await store.findSubscription(id);
        if (known === undefined) throw invalidToken();
        checkToken(known.body, Token);
        if (known.status === pending) {
          if (known.createdAt < oldest) throw invalidToken();
          const facts = { confirmedWithSignature: signed, authenticateOnUnsubscribe: authenticate };
          await store.updateSubscription(
            id,
            ({ body }) => ({ body: { ...body, ...facts }, status: confirmed }),
            writeOptions(context),
          );
        }
        return { SubscriptionArn: subscriptionArn(id) };
      },
    },

    Unsubscribe: {
      async handle({ SubscriptionArn }, context) {
        const id = requestedSubscription(SubscriptionArn, context);
        const record = await store.findSubscription(id);
        if (record === undefined) return;
        const options = writeOptions(context);
        if (context.principal.kind !== "anonymous") {
          await store.deleteSubscription(record, [], options);
          return;
        }
        if (record.status === pending || record.body.authenticateOnUnsubscribe === true) {
          throw new AwsError("AuthorizationErrorException", "Only a signed request may end this subscription", {
            status: 403,
          });
        }
        // Anybody who sees a notification can do this, so the endpoint is told and may take it back.
        const token = randomBytes(32).toString("hex");
        const topic = await store.findTopic(parseTopicArn(record.body.topicArn));
        const goodbye = farewell(id, record.body, token, topic, options.at);
        await store.deleteSubscription(
          record,
          [store.endedChange(id, { ...record.body, token }), ...deliveries.changesFor(goodbye, options.at)],
          options,
        );
        deliveries.accept(goodbye, options.at);
      },
    },

    ListSubscriptions: {
      async handle({ NextToken }, context) {
        const query = ["subscriptions", context.accountId, context.region];
        return list(context, query, "", NextToken);
      },
    },

    ListSubscriptionsByTopic: {
      async handle({ TopicArn, NextToken }, context) {
        const topic = requestedTopic(TopicArn, context);
        await store.topic(topic);
        return list(topic, ["subscriptions", TopicArn], `${topic.name}:`, NextToken);
      },
    },

    GetSubscriptionAttributes: {
      async handle({ SubscriptionArn }, context) {
        const id = requestedSubscription(SubscriptionArn, context);
        const record = await store.subscription(id);
        const topic = await store.findTopic(parseTopicArn(record.body.topicArn));
        return { Attributes: shownSubscriptionAttributes(id, record, topic) };
      },
    },

    SetSubscriptionAttributes: {
      async handle({ SubscriptionArn, AttributeName, AttributeValue = "" }, context) {
        const id = requestedSubscription(SubscriptionArn, context);
        await store.updateSubscription(
          id,
          ({ body }) => {
            const facts = { protocol: body.protocol, topic: id };
            const attributes = withAttributes(body.attributes, { [AttributeName]: AttributeValue }, facts);
            return { body: { ...body, attributes } };
          },
          writeOptions(context),
        );
      },
    },
  } satisfies OperationTable<SNSOperations>;

  async function list(
    space: { accountId: string; region: string },
    query: unknown,
    namePrefix: string,
    token: string | undefined,
  ): Promise<{ Subscriptions: Subscription[]; NextToken?: string }> {
    const nameAfter = pageStart(query, token);
    const options = { limit: pageLength, nameAfter, namePrefix };
    const { records, next } = await store.page<SubscriptionBody>(space, "sns-subscription", options);
    const Subscriptions = records.map(({ body, status, arn }) => ({
      SubscriptionArn: status === confirmed ? arn : "PendingConfirmation",
      Owner: body.owner,
      Protocol: body.protocol,
      Endpoint: body.endpoint,
      TopicArn: body.topicArn,
    }));
    return { Subscriptions, ...pageEnd(query, next) };
  }

  async function revive(id: SubscriptionId, body: SubscriptionBody, context: RequestContext): Promise<void> {
    try {
      await store.revive(id, body, writeOptions(context));
    } catch (error) {
      // The endpoint was subscribed anew meanwhile; the old subscription has ended for good.
      if (error instanceof RecordExists) throw invalidToken();
      throw error;
    }
  }
}

/** Mistakes in the attributes of Subscribe are told with the name of that member. */
function subscribed<Result>(check: () => Result): Result {
  try {
    return check();
  } catch (error) {
    if (!(error instanceof AwsError)) throw error;
    throw invalidParameter(error.message.replace(/^Invalid parameter: /, "Attributes Reason: "), error);
  }
}

function question(topic: TopicId, record: TopicRecord, body: SubscriptionBody, at: number): Dispatch {
  const arn = topicArn(topic);
  const text =
    `You have chosen to subscribe to the topic ${arn}.\n` +
    "To confirm the subscription, visit the SubscribeURL included in this message.";
  const id = { accountId: topic.accountId, region: topic.region, topicName: topic.name, id: body.id };
  return {
    messageId: randomUUID(),
    message: {
      type: "SubscriptionConfirmation",
      topicArn: arn,
      timestamp: at,
      texts: { default: text },
      signatureVersion: record.body.signatureVersion ?? "1",
      token: sentToken(body),
    },
    to: [{ subscription: id }],
  };
}

function farewell(
  id: SubscriptionId,
  body: SubscriptionBody,
  token: string,
  topic: TopicRecord | undefined,
  at: number,
): Dispatch {
  const text =
    `You have chosen to deactivate subscription ${subscriptionArn(id)}.\n` +
    "To cancel this operation and restore the subscription, visit the SubscribeURL included in this message.";
  const message: MessageBody = {
    type: "UnsubscribeConfirmation",
    topicArn: body.topicArn,
    timestamp: at,
    texts: { default: text },
    signatureVersion: topic?.body.signatureVersion ?? "1",
    token: sentToken({ ...body, token }),
  };
  const target = { protocol: body.protocol, endpoint: body.endpoint };
  return { messageId: randomUUID(), message, to: [{ subscription: id, target }] };
}

/** What goes over the wire says which subscription it is for, and then the secret. */
function sentToken({ id, token = "" }: SubscriptionBody): string {
  return id.replaceAll("-", "") + token;
}

function tokenOwner({ accountId, region, name }: TopicId, sent: string): SubscriptionId {
  const parts = /^([0-9a-f]{8})([0-9a-f]{4})([0-9a-f]{4})([0-9a-f]{4})([0-9a-f]{12})[0-9a-f]{64}$/.exec(sent);
  if (parts === null) throw invalidToken();
  return { accountId, region, topicName: name, id: parts.slice(1).join("-") };
}

function checkToken(body: SubscriptionBody, sent: string): void {
  const expected = Buffer.from(sentToken(body));
  const given = Buffer.from(sent);
  if (expected.length !== given.length || !timingSafeEqual(expected, given)) throw invalidToken();
}

function invalidToken(): AwsError {
  return invalidParameter("Token");
}
