/** Changes of what is set on buckets, each on top of all others. */
import type { RequestContext } from "../../../protocol/service.ts";
import { RecordMissing, RevisionConflict, type RecordChange, type RecordStore } from "../../../storage/record-store.ts";
import { actorOf, usableBucket, type BucketFinder } from "../access.ts";
import { noSuchBucket, s3Error } from "../errors.ts";
import { bucketArn } from "../arns.ts";
import { bucketKey, type Bucket, type BucketBody } from "../records.ts";
import { toBucket } from "../store-core.ts";
import type { BucketSettings } from "./bucket-settings.ts";

/** New values of some settings; undefined takes one away. */
export type SettingsPatch = { readonly [Name in keyof BucketSettings]?: BucketSettings[Name] | undefined };

/** How often a change starts again because somebody else changed the same bucket. */
const maxAttempts = 20;

export interface BucketRequest {
  readonly Bucket: string;
  readonly ExpectedBucketOwner?: string;
}

export class SettingsStore {
  readonly records: RecordStore;
  readonly #buckets: BucketFinder;

  constructor(records: RecordStore, buckets: BucketFinder) {
    this.records = records;
    this.#buckets = buckets;
  }

  /** @throws AwsError NoSuchBucket, AccessDenied */
  bucket({ Bucket: name, ExpectedBucketOwner }: BucketRequest, context: RequestContext): Promise<Bucket> {
    return usableBucket(this.#buckets, context, name, ExpectedBucketOwner);
  }

  /** Tags of a bucket are those of its ARN, so that whoever asks for tagged resources finds it. */
  tags(bucket: string): Promise<Readonly<Record<string, string>>> {
    return this.records.tags(bucketArn(bucket));
  }

  /** @throws AwsError NoSuchBucket, AccessDenied */
  async replaceTags(
    request: BucketRequest,
    context: RequestContext,
    tags: Readonly<Record<string, string>>,
  ): Promise<void> {
    const { name } = await this.bucket(request, context);
    const arn = bucketArn(name);
    const gone = Object.keys(await this.tags(name)).filter((key) => !Object.hasOwn(tags, key));
    const changes: RecordChange[] = [
      { op: "untag", arn, keys: gone },
      { op: "tag", arn, tags },
    ];
    await this.records.write(changes, { actor: actorOf(context), at: context.clock.now() });
  }

  /**
   * Changes settings of a bucket durably. `change` decides on the bucket as it is, again when somebody was faster, so
   * writers of different settings never undo each other.
   * @throws AwsError NoSuchBucket, AccessDenied, OperationAborted, and what `change` throws
   */
  async change(
    request: BucketRequest,
    context: RequestContext,
    change: (bucket: Bucket) => SettingsPatch | Promise<SettingsPatch>,
  ): Promise<void> {
    const before = await this.bucket(request, context);
    const key = bucketKey(before.name);
    for (let attempt = 0; attempt < maxAttempts; attempt += 1) {
      const record = await this.records.get<BucketBody>(key);
      if (record === undefined || record.body.accountId !== before.accountId) throw noSuchBucket(before.name);
      const settings = merged(record.body.settings ?? {}, await change(toBucket(record)));
      const update: RecordChange = {
        op: "update",
        key,
        body: { ...record.body, settings },
        expectedRevision: record.revision,
      };
      try {
        await this.records.write([update], { actor: actorOf(context), at: context.clock.now() });
        return;
      } catch (error) {
        if (error instanceof RecordMissing) throw noSuchBucket(before.name);
        if (!(error instanceof RevisionConflict)) throw error;
      }
    }
    throw s3Error("OperationAborted");
  }
}

function merged(settings: BucketSettings, patch: SettingsPatch): BucketSettings {
  const entries = Object.entries({ ...settings, ...patch });
  return Object.fromEntries(entries.filter(([, value]) => value !== undefined));
}
