/** Tags of alarms and dashboards. */
import { AwsError } from "../../protocol/aws-error.ts";
import type { CloudWatchOperations } from "../../protocol/generated/cloudwatch.ts";
import type { OperationTable } from "../../protocol/service.ts";
import { tagList } from "../../resources/tags.ts";
import type { RecordStore } from "../../storage/record-store.ts";
import { actorOf } from "./alarms/alarm-operations.ts";
import { invalidValue } from "./errors.ts";
import { checkTags } from "./tags.ts";

type Operations = Pick<CloudWatchOperations, "TagResource" | "UntagResource" | "ListTagsForResource">;

export function tagOperations({ records }: { readonly records: RecordStore }): OperationTable<Operations> {
  /** Only what is CloudWatch's and the caller's. */
  const requireResource = async (arn: string, accountId: string): Promise<void> => {
    const [, , service, , owner, ...resource] = arn.split(":");
    const isOurs = service === "cloudwatch" && /^(alarm$|dashboard\/)/.test(resource[0] ?? "");
    if (!isOurs)
      throw invalidValue(`The value ${arn} for parameter ResourceARN is not the ARN of an alarm or a dashboard.`);
    if (owner === accountId && (await records.getByArn(arn)) !== undefined) return;
    throw new AwsError("ResourceNotFoundException", `There is no resource ${arn}`, {
      members: { ResourceType: resource[0] === "alarm" ? "Alarm" : "Dashboard", ResourceId: arn },
    });
  };

  return {
    TagResource: {
      async handle({ ResourceARN, Tags }, context) {
        await requireResource(ResourceARN, context.accountId);
        const tags = checkTags(Tags, await records.tags(ResourceARN));
        const at = context.clock.now();
        await records.write([{ op: "tag", arn: ResourceARN, tags }], { actor: actorOf(context), at });
        return {};
      },
    },
    UntagResource: {
      async handle({ ResourceARN, TagKeys }, context) {
        await requireResource(ResourceARN, context.accountId);
        const at = context.clock.now();
        await records.write([{ op: "untag", arn: ResourceARN, keys: TagKeys }], { actor: actorOf(context), at });
        return {};
      },
    },
    ListTagsForResource: {
      async handle({ ResourceARN }, context) {
        await requireResource(ResourceARN, context.accountId);
        return { Tags: tagList(await records.tags(ResourceARN)) };
      },
    },
  };
}
