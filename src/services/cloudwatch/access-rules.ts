/**
 * What requests to CloudWatch do to which resources. Metrics have none; namespaces are conditions.
 *
 * Source: Service Authorization Reference, "Actions, resources, and condition keys for Amazon CloudWatch".
 */
import type { Access } from "../../protocol/access.ts";
import type { AccessRules } from "../../protocol/service.ts";
import { alarmArn, dashboardArn } from "./names.ts";

type Input = Readonly<Record<string, unknown>>;
interface Caller {
  readonly accountId: string;
  readonly region: string;
}

type ResourcesOf = (input: Input, caller: Caller) => readonly string[];

const oneAlarm: ResourcesOf = (input, caller) => {
  const name = textOf(input, "AlarmName");
  return name === undefined ? [] : [alarmArn(caller, name)];
};
const manyAlarms: ResourcesOf = (input, caller) => textsOf(input, "AlarmNames").map((name) => alarmArn(caller, name));
/** A list is asked for as all that could be in it. */
const allAlarms: ResourcesOf = (_, caller) => [alarmArn(caller, "*")];
const oneDashboard: ResourcesOf = (input, caller) => {
  const name = textOf(input, "DashboardName");
  return name === undefined ? [] : [dashboardArn(caller, name)];
};
const givenArn: ResourcesOf = (input) => {
  const arn = textOf(input, "ResourceARN");
  return arn === undefined ? [] : [arn];
};

/** Operations on resources; what is not here is on `*`. */
const resources: Readonly<Record<string, ResourcesOf>> = {
  PutMetricAlarm: oneAlarm,
  PutCompositeAlarm: oneAlarm,
  SetAlarmState: oneAlarm,
  DescribeAlarms: (input, caller) => {
    const named = manyAlarms(input, caller);
    return named.length > 0 ? named : allAlarms(input, caller);
  },
  DescribeAlarmHistory: (input, caller) => {
    const named = oneAlarm(input, caller);
    return named.length > 0 ? named : allAlarms(input, caller);
  },
  DescribeAlarmsForMetric: allAlarms,
  DeleteAlarms: manyAlarms,
  EnableAlarmActions: manyAlarms,
  DisableAlarmActions: manyAlarms,
  PutDashboard: oneDashboard,
  GetDashboard: oneDashboard,
  DeleteDashboards: (input, caller) => textsOf(input, "DashboardNames").map((name) => dashboardArn(caller, name)),
  TagResource: givenArn,
  UntagResource: givenArn,
  ListTagsForResource: givenArn,
};

export const cloudwatchAccessRules: AccessRules = (operation, input, context): readonly Access[] => {
  const action = `cloudwatch:${operation}`;
  const found = Object.hasOwn(resources, operation) ? resources[operation](input, context) : [];
  const conditions = conditionsOf(operation, input);
  const facts = Object.keys(conditions).length === 0 ? {} : { conditions };
  return (found.length === 0 ? ["*"] : found).map((resource) => ({ action, resource, ...facts }));
};

function conditionsOf(operation: string, input: Input): Record<string, string | readonly string[]> {
  if (operation === "PutMetricData") {
    const namespace = textOf(input, "Namespace");
    return namespace === undefined ? {} : { "cloudwatch:namespace": namespace };
  }
  if (operation === "PutMetricAlarm" || operation === "PutCompositeAlarm") {
    const actions = ["AlarmActions", "OKActions", "InsufficientDataActions"].flatMap((member) =>
      textsOf(input, member),
    );
    return { ...tagConditions(input), ...(actions.length === 0 ? {} : { "cloudwatch:AlarmActions": actions }) };
  }
  return operation === "TagResource" ? tagConditions(input) : {};
}

/** `aws:RequestTag/<key>` and `aws:TagKeys` of tags that a request sets. */
function tagConditions(input: Input): Record<string, string | readonly string[]> {
  const tags = Array.isArray(input.Tags) ? (input.Tags as readonly { Key?: unknown; Value?: unknown }[]) : [];
  const pairs = tags.flatMap(({ Key, Value }) =>
    typeof Key === "string" && typeof Value === "string" ? [[Key, Value] as const] : [],
  );
  if (pairs.length === 0) return {};
  return {
    ...Object.fromEntries(pairs.map(([key, value]) => [`aws:RequestTag/${key}`, value])),
    "aws:TagKeys": pairs.map(([key]) => key),
  };
}

function textOf(input: Input, member: string): string | undefined {
  const value = input[member];
  return typeof value === "string" && value !== "" ? value : undefined;
}

function textsOf(input: Input, member: string): string[] {
  const value = input[member];
  return Array.isArray(value) ? value.filter((each): each is string => typeof each === "string" && each !== "") : [];
}
