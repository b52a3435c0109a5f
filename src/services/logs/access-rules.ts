/**
 * Which policies a request of CloudWatch Logs needs: `logs:<Operation>` on the groups and streams that it names.
 *
 * To policies a group is `…:log-group:NAME:log-stream:`, with an empty stream name, so that the usual `…:NAME:*` is about
 * it; tagging is about the group's plain ARN. What names no group is on all of them.
 * Source: Service Authorization Reference, "Actions, resources, and condition keys for Amazon CloudWatch Logs".
 */
import type { Access } from "../../protocol/access.ts";
import type { AccessRules } from "../../protocol/service.ts";
import { groupOfIdentifier, logGroupArn, type LogSpace, logStreamArn } from "./records.ts";
import { groupOfPointer } from "./insights/record-pointer.ts";

type Input = Readonly<Record<string, unknown>>;
type Resources = (input: Input, space: LogSpace) => readonly string[];

const everything: Resources = () => ["*"];
const stream: Resources = (input, space) => {
  const group = groupIn(input);
  return [group === undefined ? "*" : logStreamArn(space, group, text(input["logStreamName"]) ?? "")];
};
const taggedGroup: Resources = (input, space) => {
  const name = text(input["logGroupName"]);
  return [text(input["resourceArn"])?.replace(/:\*$/, "") ?? (name === undefined ? "*" : logGroupArn(space, name))];
};
const groups: Resources = (input, space) => {
  const named = [
    groupIn(input),
    ...texts(input["logGroupNames"]),
    ...texts(input["logGroupIdentifiers"]).map(groupOfIdentifier),
  ].filter((group) => group !== undefined);
  return named.length === 0 ? ["*"] : [...new Set(named)].map((group) => logStreamArn(space, group, ""));
};
/** All groups, as AWS's own messages name them. */
const anyGroup: Resources = (_input, space) => [logStreamArn(space, "", "")];

/** Operations that are not on the groups they name, or name them in another way. */
const special: Readonly<Record<string, Resources>> = {
  PutLogEvents: stream,
  GetLogEvents: stream,
  CreateLogStream: stream,
  DeleteLogStream: stream,
  TagResource: taggedGroup,
  UntagResource: taggedGroup,
  ListTagsForResource: taggedGroup,
  DescribeLogGroups: anyGroup,
  ListLogGroups: anyGroup,
  GetLogRecord: (input, space) => {
    const group = groupOfPointer(text(input["logRecordPointer"]) ?? "");
    return [group === undefined ? "*" : logStreamArn(space, group, "")];
  },
  GetQueryResults: everything,
  StopQuery: everything,
  DescribeQueries: everything,
  TestMetricFilter: everything,
  PutQueryDefinition: everything,
  DeleteQueryDefinition: everything,
  DescribeQueryDefinitions: everything,
};

export const accessRules: AccessRules = (operation, input, space) => {
  const resources = (special[operation] ?? groups)(input, space);
  const tags = stringMap(input["tags"]);
  const conditions = tagConditions(operation, input, tags);
  const access = resources.map((resource): Access => ({ action: `logs:${operation}`, resource, ...conditions }));
  if (operation !== "CreateLogGroup" || Object.keys(tags).length === 0) return access;
  // Whoever makes a group with tags must be allowed to tag it.
  return [...access, { action: "logs:TagResource", resource: taggedGroup(input, space)[0], ...conditions }];
};

function tagConditions(
  operation: string,
  input: Input,
  tags: Readonly<Record<string, string>>,
): { conditions?: Record<string, string | readonly string[]> } {
  const keys =
    operation === "UntagResource"
      ? texts(input["tagKeys"])
      : operation === "UntagLogGroup"
        ? texts(input["tags"])
        : Object.keys(tags);
  if (keys.length === 0) return {};
  const requested = Object.entries(tags).map(([key, value]) => [`aws:RequestTag/${key}`, value] as const);
  return { conditions: { ...Object.fromEntries(requested), "aws:TagKeys": keys } };
}

function groupIn(input: Input): string | undefined {
  const name = text(input["logGroupName"]);
  if (name !== undefined) return name;
  const identifier = text(input["logGroupIdentifier"]);
  return identifier === undefined ? undefined : groupOfIdentifier(identifier);
}

function text(value: unknown): string | undefined {
  return typeof value === "string" && value !== "" ? value : undefined;
}

function texts(value: unknown): string[] {
  return Array.isArray(value) ? value.filter((each): each is string => typeof each === "string") : [];
}

function stringMap(value: unknown): Readonly<Record<string, string>> {
  if (typeof value !== "object" || value === null || Array.isArray(value)) return {};
  return Object.fromEntries(
    Object.entries(value).filter((pair): pair is [string, string] => typeof pair[1] === "string"),
  );
}
