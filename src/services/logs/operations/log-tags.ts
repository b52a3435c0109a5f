/** Tags of log groups, by ARN and, as it was done before 2022, by name. */
import { AwsError } from "../../../protocol/aws-error.ts";
import type { CloudWatchLogsOperations } from "../../../protocol/generated/logs.ts";
import type { OperationTable, RequestContext } from "../../../protocol/service.ts";
import { parseArn, splitResource } from "../../../resources/arn.ts";
import type { RecordChange, RecordStore } from "../../../storage/record-store.ts";
import { groupMissing, invalid } from "../errors.ts";
import type { LogStore } from "../log-store.ts";
import { groupOfIdentifier, logGroupArn } from "../records.ts";
import { actorOf, requireGroup } from "./lookups.ts";

const mostTags = 50;

export function logTagOperations({ records, logs }: { records: RecordStore; logs: LogStore }) {
  return {
    TagResource: {
      handle: async (input, context) => tag(await groupOfArn(input.resourceArn, context), input.tags, context),
    },
    UntagResource: {
      handle: async (input, context) => untag(await groupOfArn(input.resourceArn, context), input.tagKeys, context),
    },
    ListTagsForResource: {
      handle: async (input, context) => tagsOf(await groupOfArn(input.resourceArn, context), context),
    },
    TagLogGroup: {
      handle: async (input, context) => tag(input.logGroupName, input.tags, context),
    },
    UntagLogGroup: {
      handle: async (input, context) => untag(input.logGroupName, input.tags, context),
    },
    ListTagsLogGroup: {
      handle: async (input, context) => tagsOf(input.logGroupName, context),
    },
  } satisfies OperationTable<CloudWatchLogsOperations>;

  /** The group of an ARN of the caller's own account and region: nobody learns of another's. */
  async function groupOfArn(arn: string, context: RequestContext): Promise<string> {
    const parts = parseArn(arn);
    if (parts?.service !== "logs" || splitResource(parts.resource).type !== "log-group") {
      throw invalid(`The ARN ${arn} is not one of a log group.`);
    }
    if (parts.accountId !== context.accountId || parts.region !== context.region) throw groupMissing();
    return groupOfIdentifier(arn);
  }

  async function tagsOf(group: string, context: RequestContext) {
    await requireGroup(logs, context, group);
    return { tags: await records.tags(logGroupArn(context, group)) };
  }

  async function tag(group: string, tags: Readonly<Record<string, string>>, context: RequestContext): Promise<void> {
    const known = (await tagsOf(group, context)).tags;
    const reserved = Object.keys(tags).find((key) => /^aws:/i.test(key));
    if (reserved !== undefined) throw invalid(`The tag key ${reserved} begins with aws:, which is reserved for AWS.`);
    if (Object.keys({ ...known, ...tags }).length > mostTags) {
      throw new AwsError("TooManyTagsException", `A resource can have no more than ${mostTags} tags.`);
    }
    await write({ op: "tag", arn: logGroupArn(context, group), tags }, context);
  }

  async function untag(group: string, keys: readonly string[], context: RequestContext): Promise<void> {
    await requireGroup(logs, context, group);
    await write({ op: "untag", arn: logGroupArn(context, group), keys }, context);
  }

  async function write(change: RecordChange, context: RequestContext): Promise<void> {
    await records.write([change], { actor: actorOf(context), at: context.clock.now() });
  }
}
