/**
 * What clients ask of every bucket and Sagebrush's buckets never have: answered as AWS answers for a bucket where it was
 * never set. Setting it is refused, by having no handler.
 */
import type { S3Operations } from "../../../protocol/generated/s3.ts";
import type { OperationDefinition, OperationTable } from "../../../protocol/service.ts";
import { s3Error, type S3ErrorCode } from "../errors.ts";
import type { BucketRequest, SettingsStore } from "./settings-store.ts";

export function notConfiguredOperations(store: SettingsStore): OperationTable<S3Operations> {
  return {
    GetBucketAccelerateConfiguration: answer({}),
    GetBucketLogging: answer({}),
    GetBucketReplication: refuse("ReplicationConfigurationNotFoundError"),
    GetObjectLockConfiguration: refuse("ObjectLockConfigurationNotFoundError"),

    GetBucketAnalyticsConfiguration: refuse("NoSuchConfiguration"),
    GetBucketIntelligentTieringConfiguration: refuse("NoSuchConfiguration"),
    GetBucketInventoryConfiguration: refuse("NoSuchConfiguration"),
    GetBucketMetricsConfiguration: refuse("NoSuchConfiguration"),
    ListBucketAnalyticsConfigurations: answer({ IsTruncated: false }),
    ListBucketIntelligentTieringConfigurations: answer({ IsTruncated: false }),
    ListBucketInventoryConfigurations: answer({ IsTruncated: false }),
    ListBucketMetricsConfigurations: answer({ IsTruncated: false }),
  };

  function answer<Output>(output: Output): OperationDefinition<BucketRequest, Output> {
    return {
      async handle(input, context) {
        await store.bucket(input, context);
        return output;
      },
    };
  }

  function refuse(code: S3ErrorCode): OperationDefinition<BucketRequest, never> {
    return {
      async handle(input, context) {
        const { name } = await store.bucket(input, context);
        throw s3Error(code, { BucketName: name });
      },
    };
  }
}
