/**
 * Which policies a request of CloudWatch Logs needs: `logs:<Operation>` on the groups and streams that it names.
 *
 * To policies a group is `…:log-group:NAME:log-stream:`, with an empty stream name, so that the usual `…:NAME:*` is about
 * it; tagging is about the group's plain ARN. What names no group is on all of them.
 * Source: Service Authorization Reference, "Actions, resources, and condition keys for Amazon CloudWatch Logs".
 */
import type { Access } from "../../protocol/access.ts";
import type { AccessRules } from "../../protocol/service.ts";
import { parseArn } from "../../resources/arn.ts";
import { isAsked, requestTagConditions, resourceTagConditions } from "../../resources/tag-conditions.ts";
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
  const given = text(input["resourceArn"]);
  if (given === undefined) return [name === undefined ? "*" : logGroupArn(space, name)];
  // The ARN as policies write it, in whichever form the request has it.
  const arn = parseArn(given);
  return [arn?.service === "logs" ? logGroupArn(arn, groupOfIdentifier(given)) : given];
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

/** @param tagsOf the tags of a resource by its ARN */
export function logsAccessRules(tagsOf: (arn: string) => Promise<Readonly<Record<string, string>>>): AccessRules {
  return async (operation, input, context) => {
    const resources = (special[operation] ?? groups)(input, context);
    const requested = requestedTags(operation, input);
    const access = await Promise.all(
      resources.map(async (resource): Promise<Access> => {
        const tags = resource !== "*" && isAsked(context.principal) ? await tagsOf(groupArnOf(resource)) : {};
        const conditions = { ...requested, ...resourceTagConditions(tags) };
        const facts = Object.keys(conditions).length === 0 ? {} : { conditions };
        return { action: `logs:${operation}`, resource, ...facts };
      }),
    );
    if (operation !== "CreateLogGroup" || requested["aws:TagKeys"] === undefined) return access;
    // Whoever makes a group with tags must be allowed to tag it.
    const [resource] = taggedGroup(input, context);
    return [...access, { action: "logs:TagResource", resource, conditions: requested }];
  };
}

/** Tags belong to the group, whatever of it a request is about. */
function groupArnOf(resource: string): string {
  return resource.replace(/:log-stream:.*$/s, "");
}

function requestedTags(operation: string, input: Input): ReturnType<typeof requestTagConditions> {
  if (operation === "UntagResource") return requestTagConditions(undefined, input["tagKeys"]);
  // Here the keys are called tags.
  if (operation === "UntagLogGroup") return requestTagConditions(undefined, input["tags"]);
  return requestTagConditions(input["tags"]);
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
