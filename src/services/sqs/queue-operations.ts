/** Queues: their life, attributes, permissions and tags. */
import type { QueueAttributeName, SQSOperations } from "../../protocol/generated/sqs.ts";
import type { OperationTable, RequestContext } from "../../protocol/service.ts";
import { RecordExists } from "../../storage/record-store.ts";
import { invalidParameter, missingParameter, queueDoesNotExist, sqsError } from "./errors.ts";
import type { MessageQueue } from "./message-queue.ts";
import { checkQueueName, parseQueueUrl, queueArn, queueUrl, type QueueId } from "./names.ts";
import {
  checkAttributeNames,
  differingAttribute,
  redrivePolicyOf,
  shownAttributes,
  withAttributes,
} from "./queue-attributes.ts";
import type { QueueStore } from "./queue-store.ts";
import type { QueueBody } from "./records.ts";
import { pageOf, writeOptions } from "./requests.ts";

const maxTags = 50;
/** Actions that AddPermission can grant. */
const grantable = [
  "*",
  "ChangeMessageVisibility",
  "DeleteMessage",
  "GetQueueAttributes",
  "GetQueueUrl",
  "ReceiveMessage",
  "SendMessage",
];

interface PolicyDocument {
  Version: string;
  Id?: string;
  Statement: { Sid?: string; [member: string]: unknown }[];
}

export function queueOperations({ store, messages }: { store: QueueStore; messages: MessageQueue }) {
  const named = ({ QueueUrl }: { readonly QueueUrl: string }, { region }: RequestContext): QueueId =>
    parseQueueUrl(QueueUrl, region);

  return {
    CreateQueue: {
      // Unknown attributes have an error of their own.
      checksInput: true,
      async handle({ QueueName, Attributes = {}, tags = {} }, context) {
        checkQueueName(QueueName);
        checkTags(tags);
        const queue = { accountId: context.accountId, region: context.region, name: QueueName };
        const attributes = withAttributes({}, Attributes, queue);
        try {
          await store.create(queue, attributes, tags, writeOptions(context));
        } catch (error) {
          if (!(error instanceof RecordExists)) throw error;
          const different = differingAttribute((await store.require(queue)).body.attributes, attributes);
          if (different !== undefined) {
            throw sqsError(
              "QueueNameExists",
              `A queue already exists with the same name and a different value for attribute ${different}`,
            );
          }
        }
        return { QueueUrl: queueUrl(context.baseUrl, queue) };
      },
    },

    GetQueueUrl: {
      async handle({ QueueName, QueueOwnerAWSAccountId }, context) {
        const queue = {
          accountId: QueueOwnerAWSAccountId ?? context.accountId,
          region: context.region,
          name: QueueName,
        };
        if ((await store.find(queue)) === undefined) throw queueDoesNotExist();
        return { QueueUrl: queueUrl(context.baseUrl, queue) };
      },
    },

    ListQueues: {
      async handle(input, context) {
        const { accountId, region, baseUrl } = context;
        const { QueueNamePrefix = "" } = input;
        const { limit, nameAfter, next } = pageOf(["queues", accountId, region, QueueNamePrefix], input);
        const page = await store.records.list<QueueBody>({
          accountId,
          region,
          family: "sqs-queue",
          orderBy: "name",
          namePrefix: QueueNamePrefix,
          limit,
          ...(nameAfter === undefined ? {} : { nameAfter }),
        });
        const QueueUrls = page.records.map(({ name }) => queueUrl(baseUrl, { accountId, region, name }));
        return { ...(QueueUrls.length === 0 ? {} : { QueueUrls }), ...next(page.next?.name) };
      },
    },

    DeleteQueue: {
      async handle(input, context) {
        await store.delete(named(input, context), writeOptions(context));
      },
    },

    GetQueueAttributes: {
      checksInput: true,
      async handle(input, context) {
        const queue = named(input, context);
        const { AttributeNames = [] } = input;
        const record = await store.require(queue);
        checkAttributeNames(AttributeNames);
        if (AttributeNames.length === 0) return {};
        const counts = await messages.counts(record);
        const all = shownAttributes(queue, record.body, { createdAt: record.createdAt, counts });
        const asked = ([name]: [string, string]) =>
          AttributeNames.includes("All") || AttributeNames.includes(name as QueueAttributeName);
        return { Attributes: Object.fromEntries(Object.entries(all).filter(asked)) };
      },
    },

    SetQueueAttributes: {
      checksInput: true,
      async handle(input, context) {
        const queue = named(input, context);
        if (input.Attributes === undefined) throw missingParameter("Attribute.Name");
        const options = writeOptions(context);
        await store.update(
          queue,
          (body) => ({
            ...body,
            attributes: withAttributes(body.attributes, input.Attributes, queue),
            modifiedAt: options.at,
          }),
          options,
        );
      },
    },

    AddPermission: {
      async handle({ QueueUrl, Label, AWSAccountIds, Actions }, context) {
        if (!/^[\w-]{1,80}$/.test(Label))
          throw invalidParameter(
            "Label",
            Label,
            "Can only include alphanumeric characters, hyphens, or underscores. 1 to 80 in length",
          );
        const account = AWSAccountIds.find((each) => !/^\d{12}$/.test(each));
        if (account !== undefined || AWSAccountIds.length === 0) {
          throw invalidParameter("PrincipalId", account ?? "", "Unable to verify.");
        }
        const action = Actions.find((each) => !grantable.includes(each));
        if (action !== undefined || Actions.length === 0) {
          throw invalidParameter("ActionName", action ?? "", `Only the actions ${grantable.join(", ")} are allowed.`);
        }
        const queue = parseQueueUrl(QueueUrl, context.region);
        const statement = {
          Sid: Label,
          Effect: "Allow",
          Principal: { AWS: AWSAccountIds.map((each) => `arn:aws:iam::${each}:root`) },
          Action: Actions.map((each) => `SQS:${each}`),
          Resource: queueArn(queue),
        };
        await changePolicy(queue, context, (policy) => {
          if (policy.Statement.some(({ Sid }) => Sid === Label)) {
            throw invalidParameter("Label", Label, "Already exists.");
          }
          return { ...policy, Statement: [...policy.Statement, statement] };
        });
      },
    },

    RemovePermission: {
      async handle({ QueueUrl, Label }, context) {
        await changePolicy(parseQueueUrl(QueueUrl, context.region), context, (policy) => {
          const left = policy.Statement.filter(({ Sid }) => Sid !== Label);
          if (left.length === policy.Statement.length) {
            throw invalidParameter("Label", Label, "can't find label on existing policy.");
          }
          return { ...policy, Statement: left };
        });
      },
    },

    ListDeadLetterSourceQueues: {
      async handle(input, context) {
        const target = named(input, context);
        await store.require(target);
        const { accountId, region } = target;
        const arn = queueArn(target);
        const { limit, nameAfter, next } = pageOf(["sources", arn], input);
        const found: string[] = [];
        for await (const { name, body } of sources(target, nameAfter)) {
          if (redrivePolicyOf(body)?.deadLetterTargetArn !== arn) continue;
          if (found.length === limit) return { queueUrls: urls(), ...next(found.at(-1)) };
          found.push(name);
        }
        return { queueUrls: urls() };

        function urls(): string[] {
          return found.map((name) => queueUrl(context.baseUrl, { accountId, region, name }));
        }
      },
    },

    TagQueue: {
      async handle(input, context) {
        const queue = named(input, context);
        await store.require(queue);
        const arn = queueArn(queue);
        checkTags({ ...(await store.records.tags(arn)), ...input.Tags });
        await store.records.write([{ op: "tag", arn, tags: input.Tags }], writeOptions(context));
      },
    },

    UntagQueue: {
      async handle(input, context) {
        const queue = named(input, context);
        await store.require(queue);
        await store.records.write([{ op: "untag", arn: queueArn(queue), keys: input.TagKeys }], writeOptions(context));
      },
    },

    ListQueueTags: {
      async handle(input, context) {
        const queue = named(input, context);
        await store.require(queue);
        const Tags = await store.records.tags(queueArn(queue));
        return Object.keys(Tags).length === 0 ? {} : { Tags };
      },
    },
  } satisfies OperationTable<SQSOperations>;

  async function changePolicy(
    queue: QueueId,
    context: RequestContext,
    change: (policy: PolicyDocument) => PolicyDocument,
  ): Promise<void> {
    const options = writeOptions(context);
    await store.update(
      queue,
      (body) => {
        const { Policy: text } = body.attributes;
        const empty: PolicyDocument = {
          Version: "2012-10-17",
          Id: `${queueArn(queue)}/SQSDefaultPolicy`,
          Statement: [],
        };
        const parsed = text === undefined ? empty : (JSON.parse(text) as PolicyDocument);
        const changed = change({ ...parsed, Statement: [parsed.Statement].flat() });
        const { Policy: _, ...others } = body.attributes;
        const attributes = changed.Statement.length === 0 ? others : { ...others, Policy: JSON.stringify(changed) };
        return { ...body, attributes, modifiedAt: options.at };
      },
      options,
    );
  }

  async function* sources(
    { accountId, region }: QueueId,
    nameAfter: string | undefined,
  ): AsyncIterable<{ name: string; body: QueueBody }> {
    let after = nameAfter;
    for (;;) {
      const page = await store.records.list<QueueBody>({
        accountId,
        region,
        family: "sqs-queue",
        orderBy: "name",
        limit: 1000,
        ...(after === undefined ? {} : { nameAfter: after }),
      });
      yield* page.records;
      if (page.next === undefined) return;
      after = page.next.name;
    }
  }
}

function checkTags(tags: Readonly<Record<string, string>>): void {
  const count = Object.keys(tags).length;
  if (count > maxTags)
    throw sqsError("InvalidParameterValue", `Too many tags added for queue: ${count}, at most ${maxTags}`);
  for (const [key, value] of Object.entries(tags)) {
    if (key.length < 1 || key.length > 128 || /^aws:/i.test(key)) {
      throw sqsError(
        "InvalidParameterValue",
        `Tag key ${key.slice(0, 128)} is invalid: 1 to 128 characters that do not begin with aws:`,
      );
    }
    if (value.length > 256)
      throw sqsError("InvalidParameterValue", `The value of tag ${key} is longer than 256 characters`);
  }
}
