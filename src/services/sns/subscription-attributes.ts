/** Attributes of subscriptions: which there are, for which protocols, and what they may say. */
import { checkSubscriptionDeliveryPolicy, effectiveSubscriptionPolicy } from "./delivery/delivery-policy.ts";
import { invalidParameter, unsupported } from "./errors.ts";
import { compileFilterPolicy, FilterPolicyError, type FilterPolicy, type FilterScope } from "./filter/filter-policy.ts";
import type { SnsSpace } from "./names.ts";
import { subscriptionArn, type SubscriptionId } from "./names.ts";
import { pending, type Protocol, type SubscriptionAttributes } from "./records.ts";
import { checkRedrivePolicy } from "./redrive-policy.ts";
import type { SubscriptionRecord, TopicRecord } from "./sns-store.ts";

/** Whether a protocol delivers the message alone, without JSON around it. */
const rawProtocols: readonly Protocol[] = ["http", "https", "sqs"];

interface SubscriptionFacts {
  readonly protocol: Protocol;
  readonly topic: SnsSpace;
}

type Setter = (value: string, facts: SubscriptionFacts) => SubscriptionAttributes;

const setters: Readonly<Record<string, Setter>> = {
  // Checked with its scope, when all attributes are known. Nothing, or a policy without keys, takes it back.
  FilterPolicy: (value) => ({ FilterPolicy: value === "" || value === "{}" ? undefined : value }),
  FilterPolicyScope: (value) => {
    if (value === "MessageAttributes" || value === "MessageBody") return { FilterPolicyScope: value };
    throw invalidParameter(
      `FilterPolicyScope: Invalid value [${value}]. Please use either MessageBody or MessageAttributes`,
    );
  },
  RawMessageDelivery: (value, { protocol }) => {
    const lower = value.toLowerCase();
    if (lower !== "true" && lower !== "false") {
      throw invalidParameter(`RawMessageDelivery: Invalid value [${value}]. Must be true or false.`);
    }
    if (lower === "true" && !rawProtocols.includes(protocol)) {
      throw invalidParameter(
        `RawMessageDelivery: Delivery protocol [${protocol}] does not support raw message delivery.`,
      );
    }
    return { RawMessageDelivery: lower };
  },
  RedrivePolicy: (value, { topic }) => {
    if (value === "" || value === "{}") return { RedrivePolicy: undefined };
    checkRedrivePolicy(value, topic);
    return { RedrivePolicy: value };
  },
  DeliveryPolicy: (value, { protocol }) => {
    if (value === "") return { DeliveryPolicy: undefined };
    if (protocol !== "http" && protocol !== "https") {
      throw invalidParameter(`DeliveryPolicy: Delivery protocol [${protocol}] does not support delivery policies.`);
    }
    checkSubscriptionDeliveryPolicy(value);
    return { DeliveryPolicy: value };
  },
  SubscriptionRoleArn: () => {
    throw unsupported("SubscriptionRoleArn", "there are no subscriptions of Firehose");
  },
  ReplayPolicy: () => {
    throw unsupported("ReplayPolicy", "topics keep no messages");
  },
};

/**
 * @param existing what is changed
 * @throws AwsError InvalidParameter for a name or a value that SNS refuses, or that is not supported here
 */
export function withAttributes(
  existing: SubscriptionAttributes,
  given: Readonly<Record<string, string>>,
  facts: SubscriptionFacts,
): SubscriptionAttributes {
  let attributes = existing;
  for (const [name, value] of Object.entries(given)) {
    if (!Object.hasOwn(setters, name)) throw invalidParameter("AttributeName");
    attributes = { ...attributes, ...setters[name](value, facts) };
  }
  try {
    filterPolicyOf(attributes);
  } catch (error) {
    if (!(error instanceof FilterPolicyError)) throw error;
    throw invalidParameter(`FilterPolicy: ${error.message}`, error);
  }
  return Object.fromEntries(Object.entries(attributes).filter(([, value]) => value !== undefined));
}

/** @throws FilterPolicyError */
export function filterPolicyOf({
  FilterPolicy: text,
  FilterPolicyScope,
}: SubscriptionAttributes): FilterPolicy | undefined {
  const scope: FilterScope = FilterPolicyScope ?? "MessageAttributes";
  return text === undefined ? undefined : compileFilterPolicy(text, scope);
}

export function shownSubscriptionAttributes(
  id: SubscriptionId,
  { body, status }: SubscriptionRecord,
  topic: TopicRecord | undefined,
): Record<string, string> {
  const { attributes, protocol } = body;
  const isHttp = protocol === "http" || protocol === "https";
  const effective = () =>
    JSON.stringify(effectiveSubscriptionPolicy(topic?.body.deliveryPolicy, attributes.DeliveryPolicy));
  return {
    SubscriptionArn: subscriptionArn(id),
    TopicArn: body.topicArn,
    Owner: body.owner,
    SubscriptionPrincipal: body.subscribedBy,
    Protocol: protocol,
    Endpoint: body.endpoint,
    PendingConfirmation: String(status === pending),
    ConfirmationWasAuthenticated: String(body.confirmedWithSignature ?? false),
    RawMessageDelivery: "false",
    ...(isHttp ? { EffectiveDeliveryPolicy: effective() } : {}),
    ...(attributes.FilterPolicy === undefined ? {} : { FilterPolicyScope: "MessageAttributes" }),
    ...attributes,
  };
}
