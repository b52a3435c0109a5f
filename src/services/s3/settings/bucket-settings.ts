/**
 * What an owner sets on a bucket: each member is what one Put… operation was given, checked, in the API's own shape.
 * Absent is not set. Kept in the bucket's record, so every request has it at hand.
 */
import type {
  AccessControlPolicy,
  BucketLifecycleConfiguration,
  BucketVersioningStatus,
  CORSConfiguration,
  NotificationConfiguration,
  ObjectOwnership,
  PublicAccessBlockConfiguration,
  ServerSideEncryptionConfiguration,
  WebsiteConfiguration,
} from "../../../protocol/generated/s3.ts";

export interface BucketSettings {
  /** Absent: never had versions. Suspended: new objects replace the version `null`. */
  readonly versioning?: BucketVersioningStatus;
  /** JSON. */
  readonly policy?: string;
  /** Absent: BucketOwnerEnforced, as for every new bucket since April 2023; ACLs have no say then. */
  readonly ownership?: ObjectOwnership;
  /** Absent: the owner alone. */
  readonly acl?: AccessControlPolicy;
  /** Absent: nothing is blocked. New buckets get all four. */
  readonly publicAccessBlock?: PublicAccessBlockConfiguration;
  readonly cors?: CORSConfiguration;
  readonly website?: WebsiteConfiguration;
  readonly lifecycle?: BucketLifecycleConfiguration;
  readonly notification?: NotificationConfiguration;
  readonly encryption?: ServerSideEncryptionConfiguration;
  readonly requestPayer?: "Requester" | "BucketOwner";
}
