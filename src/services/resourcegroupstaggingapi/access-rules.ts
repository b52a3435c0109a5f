/**
 * What the tagging API does: its own action, and for each resource what tagging it by its own service needs, with all that
 * the service knows of it: the tags that it has, the policy that it has.
 * Source: Resource Groups Tagging API User Guide, "Permissions", and the Service Authorization Reference of each service.
 */
import type { Access } from "../../protocol/access.ts";
import type { AccessRules, RequestContext } from "../../protocol/service.ts";
import { type Arn, parseArn, splitResource } from "../../resources/arn.ts";
import { tagList } from "../../resources/tags.ts";
import type { ServiceRules } from "./ports.ts";

/** Tags to set, or keys of tags to take away. */
export type TagChange = { readonly tags: Readonly<Record<string, string>> } | { readonly keys: readonly string[] };

type Request = readonly [operation: string, input: Readonly<Record<string, unknown>>];

/** The request that changes the tags of a resource at its own service. */
type RequestOf = (change: TagChange, arn: string, parts: Arn) => Request;

/** `TagResource` and `UntagResource` under the names that a service has for them, on the resource that `target` names. */
function requestsOf(
  target: (arn: string, parts: Arn) => Readonly<Record<string, unknown>>,
  tag = "TagResource",
  untag = "UntagResource",
): RequestOf {
  return (change, arn, parts) =>
    "tags" in change
      ? [tag, { ...target(arn, parts), Tags: tagList(change.tags) }]
      : [untag, { ...target(arn, parts), TagKeys: change.keys }];
}

const nameOf = (arn: string) => arn.slice(arn.lastIndexOf("/") + 1);

const byArn = requestsOf((ResourceArn) => ({ ResourceArn }));

/** By service, or by service and type. */
const requests: Readonly<Record<string, RequestOf>> = {
  cloudwatch: requestsOf((ResourceARN) => ({ ResourceARN })),
  "iam/policy": requestsOf((PolicyArn) => ({ PolicyArn }), "TagPolicy", "UntagPolicy"),
  "iam/role": requestsOf((arn) => ({ RoleName: nameOf(arn) }), "TagRole", "UntagRole"),
  "iam/user": requestsOf((arn) => ({ UserName: nameOf(arn) }), "TagUser", "UntagUser"),
  logs: (change, resourceArn) =>
    "tags" in change
      ? ["TagResource", { resourceArn, tags: change.tags }]
      : ["UntagResource", { resourceArn, tagKeys: change.keys }],
  // A bucket's tags are set and taken away as a whole there, so both are the same action.
  s3: (_change, _arn, { resource }) => ["PutBucketTagging", { Bucket: resource }],
  sagemaker: requestsOf((ResourceArn) => ({ ResourceArn }), "AddTags", "DeleteTags"),
  sns: byArn,
  sqs: requestsOf(
    (_arn, { accountId, resource }) => ({ QueueUrl: `${accountId}/${resource}` }),
    "TagQueue",
    "UntagQueue",
  ),
};

export const taggingAccessRules: AccessRules = (operation) => [{ action: `tag:${operation}`, resource: "*" }];

/** What changing the tags of a resource needs beside the action of the tagging API itself. */
export async function tagChangeAccesses(
  services: ServiceRules,
  arn: string,
  change: TagChange,
  context: RequestContext,
): Promise<readonly Access[]> {
  const parts = parseArn(arn);
  if (parts === undefined) return [];
  const { service, resource } = parts;
  const requestOf = requests[`${service}/${splitResource(resource).type}`] ?? requests[service] ?? byArn;
  const [operation, input] = requestOf(change, arn, parts);
  const rules = services.rulesOf(service);
  const accesses = await rules?.(operation, input, context);
  return accesses ?? [{ action: `${service}:${operation}`, resource: arn }];
}
