/**
 * What the tagging API does: its own action, and for each resource that of the resource's service.
 * Source: Resource Groups Tagging API User Guide, "Permissions", and the Service Authorization Reference of each service.
 */
import type { Access } from "../../protocol/access.ts";
import type { AccessRules } from "../../protocol/service.ts";
import { parseArn, splitResource } from "../../resources/arn.ts";

/** Actions that tag and untag, where they are not `TagResource` and `UntagResource`; by service and type. */
const actions: Readonly<Record<string, readonly [tag: string, untag: string]>> = {
  sagemaker: ["AddTags", "DeleteTags"],
  s3: ["PutBucketTagging", "PutBucketTagging"],
  sqs: ["TagQueue", "UntagQueue"],
  "iam/role": ["TagRole", "UntagRole"],
  "iam/user": ["TagUser", "UntagUser"],
  "iam/policy": ["TagPolicy", "UntagPolicy"],
};

export const taggingAccessRules: AccessRules = (operation) => [{ action: `tag:${operation}`, resource: "*" }];

export function tagResourceAccess(arn: string, tags: Readonly<Record<string, string>>): Access {
  const requested = Object.entries(tags).map(([key, value]) => [`aws:RequestTag/${key}`, value]);
  return {
    action: actionOf(arn, 0),
    resource: arn,
    conditions: { ...(Object.fromEntries(requested) as Record<string, string>), "aws:TagKeys": Object.keys(tags) },
  };
}

export function untagResourceAccess(arn: string, keys: readonly string[]): Access {
  return { action: actionOf(arn, 1), resource: arn, conditions: { "aws:TagKeys": keys } };
}

function actionOf(arn: string, which: 0 | 1): string {
  const parsed = parseArn(arn);
  const service = parsed?.service ?? "tag";
  const type = splitResource(parsed?.resource ?? "").type;
  const names = actions[`${service}/${type}`] ?? actions[service] ?? ["TagResource", "UntagResource"];
  return `${service}:${names[which]}`;
}
