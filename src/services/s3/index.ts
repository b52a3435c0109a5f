/** Amazon S3: buckets and what is set on them, objects and their versions, lists, uploads in parts. */
import type { S3Operations } from "../../protocol/generated/s3.ts";
import { defineService, type Service } from "../../protocol/service.ts";
import type { RecordStore } from "../../storage/record-store.ts";
import { accessRules } from "./access-rules.ts";
import { bucketOperations } from "./bucket-operations.ts";
import { s3Edge } from "./edge.ts";
import { listingOperations } from "./listing-operations.ts";
import { multipartOperations } from "./multipart-operations.ts";
import { objectOperations } from "./object-operations.ts";
import { notificationOperations } from "./notifications/notification-operations.ts";
import type { ObjectStore } from "./object-store.ts";
import type { TopicPublisher } from "./ports.ts";
import { aclOperations } from "./settings/acl-operations.ts";
import { notConfiguredOperations } from "./settings/not-configured.ts";
import { settingOperations } from "./settings/setting-operations.ts";
import { SettingsStore } from "./settings/settings-store.ts";

export { jobStorage } from "./job-storage.ts";
export { startLifecycle } from "./lifecycle/worker.ts";
export { BucketNotifications } from "./notifications/bucket-notifications.ts";
export { ObjectStore } from "./object-store.ts";
export type { TopicPublisher } from "./ports.ts";

export interface S3Parts {
  readonly objects: ObjectStore;
  readonly records: RecordStore;
  /** Without topics there are no notifications. */
  readonly topics?: TopicPublisher;
  /** Told when a bucket's lifecycle rules were set. */
  readonly lifecycleChanged?: () => void;
}

export function s3Service({ objects, records, topics, lifecycleChanged = () => {} }: S3Parts): Service {
  const settings = new SettingsStore(records, objects);
  const operations = {
    ...bucketOperations(objects),
    ...settingOperations(settings, lifecycleChanged),
    ...aclOperations(settings, objects),
    ...notConfiguredOperations(settings),
    ...notificationOperations(settings, topics),
    ...objectOperations(objects),
    ...listingOperations(objects),
    ...multipartOperations(objects),
  };
  const accesses = accessRules(objects);
  return defineService<S3Operations>("s3", operations, {
    accesses,
    anonymous: true,
    edge: s3Edge({
      objects,
      accesses,
      reads: { GetObject: operations.GetObject!, HeadObject: operations.HeadObject! },
      put: operations.PutObject!,
    }),
    validationCode: "MalformedXML",
  });
}
