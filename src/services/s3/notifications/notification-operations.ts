/** Bucket notifications, shown and set. */
import { AwsError } from "../../../protocol/aws-error.ts";
import type {
  NotificationConfiguration,
  PutBucketNotificationConfigurationRequest,
  S3Operations,
} from "../../../protocol/generated/s3.ts";
import type { OperationDefinition, OperationTable, RequestContext } from "../../../protocol/service.ts";
import { bucketArn } from "../arns.ts";
import { verifyBufferedBody } from "../checksums.ts";
import { invalidArgument } from "../errors.ts";
import { servicePrincipal, type TopicPublisher } from "../ports.ts";
import type { Bucket } from "../records.ts";
import type { SettingsStore } from "../settings/settings-store.ts";
import { checkedNotification, notificationRefusals } from "./configuration.ts";
import { subject, testMessage } from "./event-message.ts";

/** @param topics without them notifications cannot be set */
export function notificationOperations(
  store: SettingsStore,
  topics: TopicPublisher | undefined,
): OperationTable<S3Operations> {
  return {
    GetBucketNotificationConfiguration: {
      async handle(input, context) {
        return (await store.bucket(input, context)).settings.notification ?? {};
      },
    },
    ...(topics && { PutBucketNotificationConfiguration: putNotification(store, topics) }),
  };
}

function putNotification(
  store: SettingsStore,
  topics: TopicPublisher,
): OperationDefinition<PutBucketNotificationConfigurationRequest, void> {
  return {
    refuses: notificationRefusals,
    verifyBody: verifyBufferedBody,
    async handle(input, context) {
      const bucket = await store.bucket(input, context);
      const wanted = checkedNotification(input.NotificationConfiguration);
      const validates = input.SkipDestinationValidation !== true;
      if (validates) await requireTopics(wanted, bucket, topics);
      const notification = wanted.TopicConfigurations === undefined ? undefined : wanted;
      await store.change(input, context, () => ({ notification }));
      if (validates) await tellTopics(wanted, bucket, topics, context);
    },
  };
}

/** @throws AwsError InvalidArgument for a topic that is not there or does not let S3 publish for the bucket */
async function requireTopics(
  { TopicConfigurations = [] }: NotificationConfiguration,
  { name, accountId }: Bucket,
  topics: TopicPublisher,
): Promise<void> {
  for (const { TopicArn } of TopicConfigurations) {
    try {
      if (await topics.topicAllows(TopicArn, servicePrincipal, bucketArn(name), accountId)) continue;
    } catch (error) {
      if (!(error instanceof AwsError)) throw error;
      throw invalidArgument("TopicArn", TopicArn, "The ARN is not well formed");
    }
    throw unusable(
      TopicArn,
      `The topic does not exist, or its policy does not let ${servicePrincipal} publish for the bucket`,
    );
  }
}

/** The message by which one sees that a topic gets them. */
async function tellTopics(
  { TopicConfigurations = [] }: NotificationConfiguration,
  bucket: Bucket,
  topics: TopicPublisher,
  { clock, requestId }: RequestContext,
): Promise<void> {
  for (const topicArn of new Set(TopicConfigurations.map(({ TopicArn }) => TopicArn))) {
    const body = testMessage(bucket, clock.now(), requestId);
    try {
      await topics.publish({ accountId: bucket.accountId, region: bucket.region }, topicArn, { subject, body });
    } catch (error) {
      if (!(error instanceof AwsError)) throw error;
      throw unusable(topicArn, error.message);
    }
  }
}

function unusable(topicArn: string, why: string): AwsError {
  return invalidArgument(topicArn, why, "Unable to validate the following destination configurations");
}
