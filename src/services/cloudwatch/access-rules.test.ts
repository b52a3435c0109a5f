import { expect, test } from "vitest";
import { loadServiceModel } from "../../protocol/service-models.ts";
import { cloudwatchAccessRules } from "./access-rules.ts";

const principal = { kind: "user", accountId: "123456789012", arn: "", userId: "", accessKeyId: "" } as const;
const context = { accountId: "123456789012", region: "eu-west-1", principal, headers: {} };
const tagged = "arn:aws:cloudwatch:eu-west-1:123456789012:alarm:tagged";
const rules = cloudwatchAccessRules(async (arn) => (arn === tagged ? { Team: "red" } : {}) as Record<string, string>);
const ask = async (operation: string, input: Record<string, unknown>) => [...(await rules(operation, input, context))];
const alarm = (name: string) => `arn:aws:cloudwatch:eu-west-1:123456789012:alarm:${name}`;
const dashboard = (name: string) => `arn:aws:cloudwatch::123456789012:dashboard/${name}`;

test("values are put under the condition of their namespace", async () => {
  expect(await ask("PutMetricData", { Namespace: "Shop" })).toEqual([
    { action: "cloudwatch:PutMetricData", resource: "*", conditions: { "cloudwatch:namespace": "Shop" } },
  ]);
  expect(await ask("GetMetricData", {})).toEqual([{ action: "cloudwatch:GetMetricData", resource: "*" }]);
});

test("alarms are asked for by name, each of them, or as all that could be listed", async () => {
  expect(await ask("DeleteAlarms", { AlarmNames: ["a", "b"] })).toEqual([
    { action: "cloudwatch:DeleteAlarms", resource: alarm("a") },
    { action: "cloudwatch:DeleteAlarms", resource: alarm("b") },
  ]);
  expect(await ask("DescribeAlarms", {})).toEqual([{ action: "cloudwatch:DescribeAlarms", resource: alarm("*") }]);
  expect(
    await ask("PutMetricAlarm", { AlarmName: "a", AlarmActions: ["arn:x"], Tags: [{ Key: "Team", Value: "red" }] }),
  ).toEqual([
    {
      action: "cloudwatch:PutMetricAlarm",
      resource: alarm("a"),
      conditions: { "aws:RequestTag/Team": "red", "aws:TagKeys": ["Team"], "cloudwatch:AlarmActions": ["arn:x"] },
    },
  ]);
});

test("dashboards have no region, and tags are on the resource that is named", async () => {
  expect(await ask("DeleteDashboards", { DashboardNames: ["d"] })).toEqual([
    { action: "cloudwatch:DeleteDashboards", resource: dashboard("d") },
  ]);
  expect(await ask("UntagResource", { ResourceARN: alarm("a"), TagKeys: ["Team"] })).toEqual([
    { action: "cloudwatch:UntagResource", resource: alarm("a"), conditions: { "aws:TagKeys": ["Team"] } },
  ]);
});

test("every operation is an action of its own name, whatever is missing in its input or wrong", async () => {
  for (const operation of Object.keys(loadServiceModel("cloudwatch").model.operations)) {
    for (const input of [{}, { AlarmName: 7, AlarmNames: "x", DashboardNames: [null], Tags: "x", Namespace: [] }]) {
      const accesses = await ask(operation, input);
      expect(accesses.length, operation).toBeGreaterThan(0);
      for (const { action } of accesses) expect(action).toBe(`cloudwatch:${operation}`);
    }
  }
});

test("the tags of an alarm are conditions of what is done to it, the keys that are taken away of taking them", async () => {
  expect(await ask("DeleteAlarms", { AlarmNames: ["a", "tagged"] })).toEqual([
    { action: "cloudwatch:DeleteAlarms", resource: alarm("a") },
    { action: "cloudwatch:DeleteAlarms", resource: tagged, conditions: { "aws:ResourceTag/Team": "red" } },
  ]);
  expect(await ask("UntagResource", { ResourceARN: tagged, TagKeys: ["Team"] })).toMatchObject([
    { conditions: { "aws:ResourceTag/Team": "red", "aws:TagKeys": ["Team"] } },
  ]);
});
