/**
 * What an owner sets on a bucket: each member is what one Put… operation was given, checked, in the API's own shape.
 * Absent is not set. Kept in the bucket's record, so every request has it at hand.
 *
 * Records are JSON: a `Date` of a shape (in `lifecycle`) is its ISO text when it comes back; `new Date(…)` takes both.
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
  /**
   * Absent: BucketOwnerEnforced, as for every new bucket since April 2023; ACLs have no say then. null: the controls were
   * deleted, and objects belong to who writes them, as before there were controls.
   */
  readonly ownership?: ObjectOwnership | null;
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

/** What new buckets begin with. */
export const newBucketSettings: BucketSettings = {
  ownership: "BucketOwnerEnforced",
  publicAccessBlock: {
    BlockPublicAcls: true,
    IgnorePublicAcls: true,
    BlockPublicPolicy: true,
    RestrictPublicBuckets: true,
  },
};

export function ownershipOf({ ownership }: BucketSettings): ObjectOwnership {
  return ownership === undefined ? "BucketOwnerEnforced" : (ownership ?? "ObjectWriter");
}
