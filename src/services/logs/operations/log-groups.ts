/** Log groups: made, listed, given a retention, protected, deleted. */
import { AwsError } from "../../../protocol/aws-error.ts";
import type { CloudWatchLogsOperations, LogGroup } from "../../../protocol/generated/logs.ts";
import type { OperationTable, Refusal, RequestContext } from "../../../protocol/service.ts";
import { RecordExists, type RecordStore, type StoredRecord } from "../../../storage/record-store.ts";
import { alreadyExists, invalid } from "../errors.ts";
import type { LogStore } from "../log-store.ts";
import { families, groupOfIdentifier, type LogGroupBody, logGroupArn, type LogSpace } from "../records.ts";
import { actorOf, decodeToken, encodeToken, requireGroup } from "./lookups.ts";

/** Source: CloudWatch Logs API Reference, "PutRetentionPolicy". */
const retentionDays = [
  1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922, 3288, 3653,
];

const linked: readonly Refusal[] = [
  { parameter: "accountIdentifiers", because: "accounts cannot be linked" },
  { parameter: "includeLinkedAccounts", values: [true], because: "accounts cannot be linked" },
];

export function logGroupOperations({ records, logs }: { records: RecordStore; logs: LogStore }) {
  return {
    CreateLogGroup: {
      refuses: [
        { parameter: "kmsKeyId", because: "log events are stored unencrypted" },
        {
          parameter: "logGroupClass",
          values: ["INFREQUENT_ACCESS", "DELIVERY"],
          because: "every group is of class STANDARD",
        },
      ],
      async handle(input, context) {
        const body: LogGroupBody = input.deletionProtectionEnabled ? { deletionProtection: true } : {};
        try {
          await logs.createGroup(context, input.logGroupName, actorOf(context), { tags: input.tags ?? {}, body });
        } catch (error) {
          if (!(error instanceof RecordExists)) throw error;
          throw alreadyExists("log group", error);
        }
      },
    },

    DeleteLogGroup: {
      async handle({ logGroupName }, context) {
        const group = await requireGroup(logs, context, logGroupName);
        if (group.body.deletionProtection) {
          throw new AwsError(
            "ValidationException",
            `The log group ${logGroupName} has deletion protection; disable it with PutLogGroupDeletionProtection and try again.`,
          );
        }
        await logs.deleteGroup(context, logGroupName, actorOf(context));
      },
    },

    PutLogGroupDeletionProtection: {
      async handle(input, context) {
        const deletionProtection = input.deletionProtectionEnabled;
        await change(groupOfIdentifier(input.logGroupIdentifier), context, (body) => ({ ...body, deletionProtection }));
      },
    },

    PutRetentionPolicy: {
      async handle({ logGroupName, retentionInDays }, context) {
        if (!retentionDays.includes(retentionInDays)) {
          throw invalid(
            `1 validation error detected: Value '${retentionInDays}' at 'retentionInDays' failed to satisfy constraint: Member must satisfy enum value set: [${retentionDays.join(", ")}]`,
          );
        }
        await change(logGroupName, context, (body) => ({ ...body, retentionInDays }));
      },
    },

    DeleteRetentionPolicy: {
      async handle({ logGroupName }, context) {
        await change(logGroupName, context, ({ retentionInDays: _, ...body }) => body);
      },
    },

    DescribeLogGroups: {
      refuses: linked,
      async handle(input, context) {
        const { logGroupNamePrefix: prefix, logGroupNamePattern: pattern, logGroupIdentifiers } = input;
        if (prefix !== undefined && pattern !== undefined) {
          throw invalid("LogGroup name prefix and LogGroup name pattern are mutually exclusive parameters.");
        }
        if (input.logGroupClass !== undefined && input.logGroupClass !== "STANDARD") return { logGroups: [] };
        if (logGroupIdentifiers !== undefined) {
          if (prefix !== undefined || pattern !== undefined) {
            throw invalid("logGroupIdentifiers cannot be combined with logGroupNamePrefix or logGroupNamePattern.");
          }
          const names = [...new Set(logGroupIdentifiers.map(groupOfIdentifier))];
          const found = await Promise.all(names.map((name) => logs.getGroup(context, name)));
          return { logGroups: await describeAll(found.filter((group) => group !== undefined)) };
        }
        const page = await listGroups(context, input.limit ?? 50, { prefix, pattern, nextToken: input.nextToken });
        return { logGroups: await describeAll(page.groups), ...page.rest };
      },
    },

    ListLogGroups: {
      refuses: [
        ...linked,
        { parameter: "dataSources", because: "logs have no data sources" },
        { parameter: "fieldIndexNames", because: "there are no field indexes" },
        { parameter: "logGroupTags", because: "use GetResources of the Resource Groups Tagging API" },
      ],
      async handle(input, context) {
        if (input.logGroupClass !== undefined && input.logGroupClass !== "STANDARD") return { logGroups: [] };
        const limit = input.limit ?? 50;
        const matches = namesOf(input.logGroupNamePattern);
        const groups: StoredRecord<LogGroupBody>[] = [];
        let nextToken = input.nextToken;
        do {
          const page = await listGroups(context, 1000, { nextToken });
          for (const group of page.groups) {
            if (!matches(group.name)) continue;
            if (groups.length === limit) {
              return { logGroups: groups.map(summarize), nextToken: encodeToken({ name: groups.at(-1)!.name }) };
            }
            groups.push(group);
          }
          ({ nextToken } = page.rest);
        } while (nextToken !== undefined);
        return { logGroups: groups.map(summarize) };
      },
    },
  } satisfies OperationTable<CloudWatchLogsOperations>;

  async function change(
    name: string,
    context: RequestContext,
    changed: (body: LogGroupBody) => LogGroupBody,
  ): Promise<void> {
    const group = await requireGroup(logs, context, name);
    await logs.changeGroup(group, changed(group.body), actorOf(context));
  }

  async function listGroups(
    { accountId, region }: LogSpace,
    limit: number,
    wanted: { prefix?: string | undefined; pattern?: string | undefined; nextToken?: string | undefined },
  ): Promise<{ groups: readonly StoredRecord<LogGroupBody>[]; rest: { nextToken?: string } }> {
    const { prefix, pattern, nextToken } = wanted;
    const page = await records.list<LogGroupBody>({
      accountId,
      region,
      family: families.group,
      orderBy: "name",
      limit,
      ...(prefix === undefined ? {} : { namePrefix: prefix }),
      ...(pattern ? { nameContains: pattern } : {}),
      ...(nextToken === undefined ? {} : { nameAfter: decodeToken(nextToken, { name: "string" }).name }),
    });
    const last = page.next === undefined ? undefined : page.records.at(-1);
    return {
      groups: page.records,
      rest: last === undefined ? {} : { nextToken: encodeToken({ name: last.name }) },
    };
  }

  async function describeAll(groups: readonly StoredRecord<LogGroupBody>[]): Promise<LogGroup[]> {
    const described: LogGroup[] = [];
    for (const group of groups) described.push(await describe(group));
    return described;
  }

  async function describe(group: StoredRecord<LogGroupBody>): Promise<LogGroup> {
    const arn = logGroupArn(group, group.name);
    const { retentionInDays, deletionProtection } = group.body;
    let storedBytes = 0;
    for (const summary of await logs.summaries(await logs.streams(group, group.name))) {
      storedBytes += summary.storedBytes;
    }
    return {
      logGroupName: group.name,
      creationTime: group.createdAt,
      ...(retentionInDays === undefined ? {} : { retentionInDays }),
      metricFilterCount: await countMetricFilters(group),
      arn: `${arn}:*`,
      logGroupArn: arn,
      logGroupClass: "STANDARD",
      deletionProtectionEnabled: deletionProtection ?? false,
      storedBytes,
    };
  }

  async function countMetricFilters({ accountId, region, name }: StoredRecord): Promise<number> {
    const page = await records.list({
      accountId,
      region,
      family: families.metricFilter,
      namePrefix: `${name}:`,
      limit: 1000,
    });
    return page.records.length;
  }
}

function summarize(group: StoredRecord) {
  return {
    logGroupName: group.name,
    logGroupArn: logGroupArn(group, group.name),
    logGroupClass: "STANDARD" as const,
  };
}

/** `^start|middle`: one of up to five texts occurs, those behind `^` at the beginning. */
function namesOf(pattern: string | undefined): (name: string) => boolean {
  if (pattern === undefined) return () => true;
  const parts = pattern.split("|");
  return (name) => parts.some((part) => (part.startsWith("^") ? name.startsWith(part.slice(1)) : name.includes(part)));
}
