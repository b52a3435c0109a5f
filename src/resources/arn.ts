/** Amazon Resource Names: `arn:PARTITION:SERVICE:REGION:ACCOUNT:RESOURCE`. */

export interface Arn {
  /** `aws`, `aws-cn` or `aws-us-gov` */
  readonly partition: string;
  /** e.g. `sagemaker` */
  readonly service: string;
  /** Empty for global services: IAM, S3. */
  readonly region: string;
  /** 12 digits; empty for S3. */
  readonly accountId: string;
  /** What comes after the account, e.g. `training-job/name`; may hold any character. */
  readonly resource: string;
}

/** The partition that a region belongs to. */
export function partitionOf(region: string): string {
  if (region.startsWith("cn-")) return "aws-cn";
  if (region.startsWith("us-gov-")) return "aws-us-gov";
  return "aws";
}

/** @param parts.partition by default that of the region; `aws` where there is none */
export function formatArn(parts: Omit<Arn, "partition"> & { readonly partition?: string }): string {
  const partition = parts.partition ?? partitionOf(parts.region);
  return `arn:${partition}:${parts.service}:${parts.region}:${parts.accountId}:${parts.resource}`;
}

/** The parts of an ARN; undefined when it is none. */
export function parseArn(text: string): Arn | undefined {
  const match = /^arn:(aws[a-z-]*):([a-z0-9-]+):([a-z0-9-]*):([0-9]{12}|aws|):(.+)$/s.exec(text);
  if (match === null) return undefined;
  const [, partition, service, region, accountId, resource] = match;
  return { partition, service, region, accountId, resource };
}

/** `{ type: "training-job", id: "name" }` of the resource `training-job/name` or `training-job:name`. */
export function splitResource(resource: string): { type: string; id: string } {
  const at = resource.search(/[/:]/);
  return at === -1 ? { type: "", id: resource } : { type: resource.slice(0, at), id: resource.slice(at + 1) };
}
