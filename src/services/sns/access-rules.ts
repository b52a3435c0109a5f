/**
 * What requests to SNS do to which topics.
 *
 * Subscriptions are looked after by their topic's policies. ConfirmSubscription needs nobody's leave but its token, and an
 * unsigned Unsubscribe is decided by what the subscription was confirmed with.
 * Source: Service Authorization Reference, "Actions, resources, and condition keys for Amazon SNS".
 */
import type { Access } from "../../protocol/access.ts";
import type { AccessRules } from "../../protocol/service.ts";
import { parseArn } from "../../resources/arn.ts";
import { isAsked, requestTagConditions, resourceTagConditions } from "../../resources/tag-conditions.ts";
import { topicArn } from "./names.ts";
import type { SnsStore } from "./sns-store.ts";

type Input = Readonly<Record<string, unknown>>;

/** Operations that are allowed as another action. */
const actions: Readonly<Record<string, string>> = { PublishBatch: "Publish" };

export function snsAccessRules(store: SnsStore): AccessRules {
  return async (operation, input, context): Promise<readonly Access[]> => {
    if (operation === "ConfirmSubscription") return [];
    if (operation === "Unsubscribe" && context.principal.kind === "anonymous") return [];
    const action = `sns:${actions[operation] ?? operation}`;
    const arn = resourceOf(operation, input, context);
    const topic = arn === undefined ? undefined : parseArn(arn);
    if (arn === undefined || topic === undefined) return [{ action, resource: arn ?? "*" }];
    const { accountId, region, resource: name } = topic;
    const id = { accountId, region, name };
    const record = await store.findTopic(id);
    // The ARN as policies write it, whichever partition the request has put there.
    const resource = topicArn(id);
    const conditions = {
      ...(operation === "Subscribe" ? subscribeConditions(input) : {}),
      ...requestTagConditions(input["Tags"], input["TagKeys"]),
      ...(isAsked(context.principal) ? resourceTagConditions(await store.tags(resource)) : {}),
    };
    const access: Access = {
      action,
      resource,
      owner: accountId,
      // The policy that every topic begins with says nothing to others, and nothing new to the owner's account.
      ...(record?.body.policy === undefined ? {} : { policy: record.body.policy }),
      ...(Object.keys(conditions).length === 0 ? {} : { conditions }),
    };
    // Whoever makes a topic with tags must be allowed to tag it.
    const tags = operation === "CreateTopic" && conditions["aws:TagKeys"] !== undefined;
    return tags ? [access, { ...access, action: "sns:TagResource" }] : [access];
  };
}

function resourceOf(
  operation: string,
  input: Input,
  { accountId, region }: { accountId: string; region: string },
): string | undefined {
  if (operation === "CreateTopic") {
    const name = textOf(input, "Name");
    return name === undefined ? undefined : topicArn({ accountId, region, name });
  }
  const topic = textOf(input, "TopicArn") ?? textOf(input, "TargetArn") ?? textOf(input, "ResourceArn");
  if (topic !== undefined) return topic;
  // The topic is what comes before the subscription's own id.
  return textOf(input, "SubscriptionArn")?.replace(/^((?:[^:]*:){5}[^:]*):[^:]*$/, "$1");
}

function subscribeConditions(input: Input): Record<string, string> {
  const [endpoint, protocol] = [textOf(input, "Endpoint"), textOf(input, "Protocol")];
  return {
    ...(endpoint === undefined ? {} : { "sns:Endpoint": endpoint }),
    ...(protocol === undefined ? {} : { "sns:Protocol": protocol }),
  };
}

function textOf(input: Input, member: string): string | undefined {
  const value = input[member];
  return typeof value === "string" && value !== "" ? value : undefined;
}
