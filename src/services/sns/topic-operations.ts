/** Topics: their life, attributes, permissions and tags. */
import type { SNSOperations } from "../../protocol/generated/sns.ts";
import { AwsError } from "../../protocol/aws-error.ts";
import type { OperationTable } from "../../protocol/service.ts";
import { RecordExists } from "../../storage/record-store.ts";
import { invalidParameter } from "./errors.ts";
import { checkTopicName, topicArn } from "./names.ts";
import type { TopicBody } from "./records.ts";
import { checkTagCount, pageEnd, pageLength, pageStart, requestedTopic, tagRecord, writeOptions } from "./requests.ts";
import type { SnsStore } from "./sns-store.ts";
import { shownTopicAttributes, topicAttribute } from "./topic-attributes.ts";
import { defaultTopicPolicy, parseTopicPolicy, withPermission } from "./topic-policy.ts";

/** Actions that AddPermission can grant. */
const grantable = [
  "AddPermission",
  "DeleteTopic",
  "GetTopicAttributes",
  "ListSubscriptionsByTopic",
  "Publish",
  "RemovePermission",
  "SetTopicAttributes",
  "Subscribe",
];

const newTopic: TopicBody = { displayName: "", subscriptionsDeleted: 0 };

export function topicOperations({ store }: { store: SnsStore }) {
  return {
    CreateTopic: {
      refuses: [{ parameter: "DataProtectionPolicy", because: "messages are not searched for personal data" }],
      async handle({ Name, Attributes = {}, Tags = [] }, context) {
        checkTopicName(Name);
        const { accountId, region } = context;
        const id = { accountId, region, name: Name };
        const arn = topicArn(id);
        const asked = Object.entries(Attributes).map(([name, value]) => topicAttribute(name, value));
        const tags = tagRecord(Tags);
        checkTagCount(tags);
        const body: TopicBody = Object.assign({}, newTopic, ...asked) as TopicBody;
        try {
          await store.createTopic(id, body, tags, writeOptions(context));
        } catch (error) {
          if (!(error instanceof RecordExists)) throw error;
          checkSame((await store.topic(id)).body, Object.assign({}, ...asked) as Partial<TopicBody>);
          checkSameTags(await store.tags(arn), tags, Tags.length > 0);
        }
        return { TopicArn: arn };
      },
    },

    DeleteTopic: {
      async handle({ TopicArn }, context) {
        await store.deleteTopic(requestedTopic(TopicArn, context), writeOptions(context));
      },
    },

    ListTopics: {
      async handle({ NextToken }, context) {
        const query = ["topics", context.accountId, context.region];
        const nameAfter = pageStart(query, NextToken);
        const { records, next } = await store.page<TopicBody>(context, "sns-topic", { limit: pageLength, nameAfter });
        return { Topics: records.map(({ arn }) => ({ TopicArn: arn })), ...pageEnd(query, next) };
      },
    },

    GetTopicAttributes: {
      async handle({ TopicArn }, context) {
        const topic = requestedTopic(TopicArn, context);
        const { body } = await store.topic(topic);
        return { Attributes: shownTopicAttributes(topic, body, await store.counts(topic)) };
      },
    },

    SetTopicAttributes: {
      async handle({ TopicArn, AttributeName, AttributeValue = "" }, context) {
        const topic = requestedTopic(TopicArn, context);
        if (AttributeName === "FifoTopic") throw invalidParameter("AttributeName");
        const change = topicAttribute(AttributeName, AttributeValue);
        await store.updateTopic(topic, (body) => ({ ...body, ...change }), writeOptions(context));
      },
    },

    AddPermission: {
      async handle({ TopicArn, Label, AWSAccountId, ActionName }, context) {
        const topic = requestedTopic(TopicArn, context);
        if (!/^[\w-]{1,80}$/.test(Label)) throw invalidParameter("Label");
        if (AWSAccountId.length === 0) throw invalidParameter("AWSAccountId");
        if (ActionName.length === 0) throw invalidParameter("ActionName");
        const account = AWSAccountId.find((each) => !/^\d{12}$/.test(each));
        if (account !== undefined) throw invalidParameter(`AWSAccountId: ${account} is not an account id`);
        if (!ActionName.every((action) => grantable.includes(action))) {
          throw invalidParameter("Policy statement action out of service scope!");
        }
        await store.updateTopic(
          topic,
          (body) => {
            const policy = parseTopicPolicy(body.policy ?? defaultTopicPolicy(TopicArn, topic.accountId));
            const grant = { label: Label, accounts: AWSAccountId, actions: ActionName, topicArn: TopicArn };
            return { ...body, policy: JSON.stringify(withPermission(policy, grant)) };
          },
          writeOptions(context),
        );
      },
    },

    RemovePermission: {
      async handle({ TopicArn, Label }, context) {
        const topic = requestedTopic(TopicArn, context);
        await store.updateTopic(
          topic,
          (body) => {
            const policy = parseTopicPolicy(body.policy ?? defaultTopicPolicy(TopicArn, topic.accountId));
            const left = policy.Statement.filter(({ Sid }) => Sid !== Label);
            return { ...body, policy: JSON.stringify({ ...policy, Statement: left }) };
          },
          writeOptions(context),
        );
      },
    },

    TagResource: {
      async handle({ ResourceArn, Tags }, context) {
        await requireTagged(ResourceArn, context);
        const tags = tagRecord(Tags);
        checkTagCount({ ...(await store.tags(ResourceArn)), ...tags });
        await store.write([{ op: "tag", arn: ResourceArn, tags }], writeOptions(context));
        return {};
      },
    },

    UntagResource: {
      async handle({ ResourceArn, TagKeys }, context) {
        await requireTagged(ResourceArn, context);
        await store.write([{ op: "untag", arn: ResourceArn, keys: TagKeys }], writeOptions(context));
        return {};
      },
    },

    ListTagsForResource: {
      async handle({ ResourceArn }, context) {
        await requireTagged(ResourceArn, context);
        const tags = await store.tags(ResourceArn);
        return { Tags: Object.entries(tags).map(([Key, Value]) => ({ Key, Value })) };
      },
    },
  } satisfies OperationTable<SNSOperations>;

  /** The operations of tags have an error of their own for topics that are not there. */
  async function requireTagged(arn: string, context: Parameters<typeof requestedTopic>[1]): Promise<void> {
    const topic = requestedTopic(arn, context, "ResourceArn");
    if ((await store.findTopic(topic)) !== undefined) return;
    throw new AwsError("ResourceNotFoundException", "Resource does not exist", { status: 404 });
  }
}

/** Creating a topic again is well when it asks for what there is. */
function checkSame(existing: TopicBody, asked: Partial<TopicBody>): void {
  const differs = Object.entries(asked).some(([name, value]) => existing[name as keyof TopicBody] !== value);
  if (differs) throw invalidParameter("Attributes Reason: Topic already exists with different attributes");
}

function checkSameTags(
  existing: Readonly<Record<string, string>>,
  asked: Readonly<Record<string, string>>,
  given: boolean,
): void {
  if (!given) return;
  const same =
    Object.keys(existing).length === Object.keys(asked).length &&
    Object.entries(asked).every(([key, value]) => Object.hasOwn(existing, key) && existing[key] === value);
  if (!same) throw invalidParameter("Tags Reason: Topic already exists with different tags");
}
