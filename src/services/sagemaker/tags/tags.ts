/** AddTags, ListTags and DeleteTags, for every SageMaker resource that has an ARN. */
import { validationError } from "../../../protocol/aws-error.ts";
import type { SageMakerOperations } from "../../../protocol/generated/sagemaker.ts";
import type { OperationTable, RequestContext } from "../../../protocol/service.ts";
import { pageOfTags, tagList, tagRecord, withTags } from "../../../resources/tags.ts";
import type { RecordChange, RecordStore } from "../../../storage/record-store.ts";

export function tagOperations({ records }: { records: RecordStore }) {
  return {
    AddTags: {
      async handle({ ResourceArn, Tags }, context) {
        const existing = await requireTags(ResourceArn, context);
        const added = tagRecord(Tags);
        const all = withTags(existing, added);
        await write({ op: "tag", arn: ResourceArn, tags: added }, context);
        return { Tags: tagList(all) };
      },
    },

    ListTags: {
      async handle(input, context) {
        return pageOfTags(input.ResourceArn, await requireTags(input.ResourceArn, context), input);
      },
    },

    DeleteTags: {
      async handle({ ResourceArn, TagKeys }, context) {
        await requireTags(ResourceArn, context);
        await write({ op: "untag", arn: ResourceArn, keys: TagKeys }, context);
        return {};
      },
    },
  } satisfies OperationTable<SageMakerOperations>;

  /** Tags of a resource that exists in the caller's account and region: nobody learns of another's. */
  async function requireTags(arn: string, context: RequestContext): Promise<Readonly<Record<string, string>>> {
    const record = await records.getByArn(arn);
    if (record === undefined || record.accountId !== context.accountId || record.region !== context.region) {
      throw validationError(`Could not find resource "${arn}".`);
    }
    return records.tags(arn);
  }

  async function write(change: RecordChange, context: RequestContext): Promise<void> {
    const { principal, service, operation, requestId, clock } = context;
    await records.write([change], {
      actor: { by: principal.arn, call: `${service}:${operation}`, requestId },
      at: clock.now(),
    });
  }
}
