/**
 * Whose resources have tags.
 *
 * Tags belong to ARNs, whatever service made them. The account and region in an ARN say whose it is. The ARN of a bucket
 * has neither: S3 is asked. Global services (IAM) have no region: as on AWS, they are seen from their partition's first.
 */
import { parseArn, splitResource } from "../../resources/arn.ts";
import type { RecordStore, TaggedArn, TaggedQuery } from "../../storage/record-store.ts";
import type { BucketOwners, Owner } from "./ports.ts";

/** The region in which global resources are seen. */
const globalRegions: Readonly<Record<string, string>> = {
  aws: "us-east-1",
  "aws-cn": "cn-north-1",
  "aws-us-gov": "us-gov-west-1",
};

/** Types of resources whose ARNs have none. */
const untypedResources: Readonly<Record<string, string>> = { s3: "bucket", sns: "topic", sqs: "queue" };

const storePage = 200;

export interface TaggedResourcesOptions {
  readonly records: RecordStore;
  readonly buckets: BucketOwners;
}

export class TaggedResources {
  readonly #options: TaggedResourcesOptions;

  constructor(options: TaggedResourcesOptions) {
    this.#options = options;
  }

  /** Every tagged resource of the caller in order of ARNs. */
  async *of(caller: Owner, query: Omit<TaggedQuery, "limit"> = {}): AsyncIterable<TaggedArn> {
    let { after } = query;
    for (;;) {
      const limit = storePage;
      const page = await this.#options.records.taggedArns({
        ...query,
        limit,
        ...(after === undefined ? {} : { after }),
      });
      for (const tagged of page) if (await this.belongsTo(tagged.arn, caller)) yield tagged;
      if (page.length < limit) return;
      after = page[page.length - 1].arn;
    }
  }

  async belongsTo(arn: string, { accountId, region }: Owner): Promise<boolean> {
    const parsed = parseArn(arn);
    if (parsed === undefined) return false;
    if (parsed.service === "s3" && parsed.accountId === "") {
      const owner = await this.#options.buckets.ownerOf(parsed.resource);
      return owner?.accountId === accountId && owner.region === region;
    }
    if (parsed.accountId !== accountId) return false;
    return region === (parsed.region === "" ? globalRegions[parsed.partition] : parsed.region);
  }

  /** Whether there is a resource of this ARN. */
  async exists(arn: string): Promise<boolean> {
    return (await this.#options.records.getByArn(arn)) !== undefined;
  }

  tags(arn: string): Promise<Readonly<Record<string, string>>> {
    return this.#options.records.tags(arn);
  }
}

/** @param filter `service` or `service:type`, e.g. `sagemaker:endpoint`, `s3`, `cloudwatch:alarm` */
export function isOfType(arn: string, filter: string): boolean {
  const parsed = parseArn(arn);
  if (parsed === undefined) return false;
  const [service, ...type] = filter.split(":");
  if (parsed.service !== service) return false;
  if (type.length === 0) return true;
  const { type: own } = splitResource(parsed.resource);
  return (own === "" ? untypedResources[service] : own) === type.join(":");
}

/** The beginning that all ARNs share which one of the filters may accept; empty when there is none. */
export function sharedPrefix(filters: readonly string[], partition: string): string {
  const services = new Set(filters.map((filter) => filter.split(":")[0]));
  const [service] = services;
  return services.size === 1 ? `arn:${partition}:${service}:` : "";
}
