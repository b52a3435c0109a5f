/**
 * What requests to CloudWatch do to which resources. Metrics have none; namespaces are conditions.
 *
 * Source: Service Authorization Reference, "Actions, resources, and condition keys for Amazon CloudWatch".
 */
import type { Access } from "../../protocol/access.ts";
import type { AccessRules } from "../../protocol/service.ts";
import { isAsked, requestTagConditions, resourceTagConditions } from "../../resources/tag-conditions.ts";
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

/** @param tagsOf the tags of an alarm or dashboard by its ARN */
export function cloudwatchAccessRules(tagsOf: (arn: string) => Promise<Readonly<Record<string, string>>>): AccessRules {
  return async (operation, input, context) => {
    const action = `cloudwatch:${operation}`;
    const found = Object.hasOwn(resources, operation) ? resources[operation](input, context) : [];
    const requested = conditionsOf(operation, input);
    return Promise.all(
      (found.length === 0 ? ["*"] : found).map(async (resource): Promise<Access> => {
        const tags = resource !== "*" && isAsked(context.principal) ? await tagsOf(resource) : {};
        const conditions = { ...requested, ...resourceTagConditions(tags) };
        return { action, resource, ...(Object.keys(conditions).length === 0 ? {} : { conditions }) };
      }),
    );
  };
}

function conditionsOf(operation: string, input: Input): Record<string, string | readonly string[]> {
  if (operation === "PutMetricData") {
    const namespace = textOf(input, "Namespace");
    return namespace === undefined ? {} : { "cloudwatch:namespace": namespace };
  }
  if (operation === "PutMetricAlarm" || operation === "PutCompositeAlarm") {
    const actions = ["AlarmActions", "OKActions", "InsufficientDataActions"].flatMap((member) =>
      textsOf(input, member),
    );
    return {
      ...requestTagConditions(input.Tags),
      ...(actions.length === 0 ? {} : { "cloudwatch:AlarmActions": actions }),
    };
  }
  return requestTagConditions(input.Tags, input.TagKeys);
}

function textOf(input: Input, member: string): string | undefined {
  const value = input[member];
  return typeof value === "string" && value !== "" ? value : undefined;
}

function textsOf(input: Input, member: string): string[] {
  const value = input[member];
  return Array.isArray(value) ? value.filter((each): each is string => typeof each === "string" && each !== "") : [];
}
