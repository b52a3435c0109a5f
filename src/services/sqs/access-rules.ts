/**
 * What requests to SQS do to which queues.
 * Source: Service Authorization Reference, "Actions, resources, and condition keys for Amazon SQS".
 */
import type { Access } from "../../protocol/access.ts";
import type { AccessRules } from "../../protocol/service.ts";
import { AwsError } from "../../protocol/aws-error.ts";
import { parseArn } from "../../resources/arn.ts";
import { isAsked, requestTagConditions, resourceTagConditions } from "../../resources/tag-conditions.ts";
import { parseQueueUrl, queueArn, type QueueId } from "./names.ts";
import type { QueueStore } from "./queue-store.ts";

type Input = Readonly<Record<string, unknown>>;
type Where = { readonly accountId: string; readonly region: string };

/** A batch is allowed as the action that it does many times. */
const actions: Readonly<Record<string, string>> = {
  SendMessageBatch: "SendMessage",
  DeleteMessageBatch: "DeleteMessage",
  ChangeMessageVisibilityBatch: "ChangeMessageVisibility",
};

export function sqsAccessRules(store: QueueStore): AccessRules {
  return async (operation, input, context): Promise<readonly Access[]> => {
    const action = `sqs:${actions[operation] ?? operation}`;
    const queue = queueOf(input, context);
    if (queue === undefined) return [{ action, resource: "*" }];
    const policy = (await store.find(queue))?.body.attributes["Policy"];
    const resource = queueArn(queue);
    const conditions = {
      // CreateQueue says it in lower case.
      ...requestTagConditions(input["Tags"] ?? input["tags"], input["TagKeys"]),
      ...(isAsked(context.principal) ? resourceTagConditions(await store.records.tags(resource)) : {}),
    };
    const access: Access = {
      action,
      resource,
      owner: queue.accountId,
      ...(policy === undefined ? {} : { policy }),
      ...(Object.keys(conditions).length === 0 ? {} : { conditions }),
    };
    // Whoever makes a queue with tags must be allowed to tag it.
    const tags = operation === "CreateQueue" && conditions["aws:TagKeys"] !== undefined;
    return tags ? [access, { ...access, action: "sqs:TagQueue" }] : [access];
  };
}

function queueOf(input: Input, { accountId, region }: Where): QueueId | undefined {
  const { QueueUrl: url, QueueName: name, QueueOwnerAWSAccountId: owner, SourceArn: source } = input;
  if (typeof url === "string") {
    try {
      return parseQueueUrl(url, region);
    } catch (error) {
      // The handler says what is wrong with it, to those who may call it at all.
      if (error instanceof AwsError) return undefined;
      throw error;
    }
  }
  if (typeof name === "string" && name !== "") {
    return { accountId: typeof owner === "string" ? owner : accountId, region, name };
  }
  const arn = typeof source === "string" ? parseArn(source) : undefined;
  return arn && { accountId: arn.accountId, region: arn.region, name: arn.resource };
}
