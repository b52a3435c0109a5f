import { expect, test } from "vitest";
import { accessRules } from "./access-rules.ts";
import { encodePointer } from "./insights/record-pointer.ts";

const context = { accountId: "000000000000", region: "us-east-1" } as unknown as Parameters<typeof accessRules>[2];
const arn = (rest: string) => `arn:aws:logs:us-east-1:000000000000:${rest}`;
const resources = async (operation: string, input: Record<string, unknown>) =>
  (await accessRules(operation, input, context)).map(({ action, resource }) => `${action} ${resource}`);

test.each<[string, Record<string, unknown>, string[]]>([
  ["PutLogEvents", { logGroupName: "/g", logStreamName: "s" }, [arn("log-group:/g:log-stream:s")]],
  [
    "GetLogEvents",
    { logGroupIdentifier: arn("log-group:/g:*"), logStreamName: "s" },
    [arn("log-group:/g:log-stream:s")],
  ],
  ["FilterLogEvents", { logGroupName: "/g" }, [arn("log-group:/g:log-stream:")]],
  ["PutRetentionPolicy", { logGroupName: "/g" }, [arn("log-group:/g:log-stream:")]],
  ["DescribeLogGroups", { logGroupNamePrefix: "/g" }, [arn("log-group::log-stream:")]],
  ["StartQuery", { logGroupNames: ["a", "b"] }, [arn("log-group:a:log-stream:"), arn("log-group:b:log-stream:")]],
  ["StartLiveTail", { logGroupIdentifiers: [arn("log-group:a")] }, [arn("log-group:a:log-stream:")]],
  ["TagResource", { resourceArn: arn("log-group:a"), tags: {} }, [arn("log-group:a")]],
  ["TagLogGroup", { logGroupName: "a", tags: {} }, [arn("log-group:a:log-stream:")]],
  ["GetQueryResults", { queryId: "q" }, ["*"]],
  [
    "GetLogRecord",
    { logRecordPointer: encodePointer({ group: "a", stream: "s", timestamp: 1, sequence: 2 }) },
    [arn("log-group:a:log-stream:")],
  ],
  ["GetLogRecord", { logRecordPointer: "nonsense" }, ["*"]],
  ["PutLogEvents", { logGroupName: 7 }, ["*"]],
  ["PutSubscriptionFilter", { logGroupName: "a" }, [arn("log-group:a:log-stream:")]],
])("%s of %j", async (operation, input, expected) => {
  expect(await resources(operation, input)).toEqual(expected.map((resource) => `logs:${operation} ${resource}`));
});

test("tags are conditions, and tagging a group while making it is one more access", async () => {
  const made = await accessRules("CreateLogGroup", { logGroupName: "g", tags: { team: "a" } }, context);
  const conditions = { "aws:RequestTag/team": "a", "aws:TagKeys": ["team"] };
  expect(made).toEqual([
    { action: "logs:CreateLogGroup", resource: arn("log-group:g:log-stream:"), conditions },
    { action: "logs:TagResource", resource: arn("log-group:g"), conditions },
  ]);
  const [untag] = await accessRules("UntagResource", { resourceArn: arn("log-group:g"), tagKeys: ["team"] }, context);
  expect(untag.conditions).toEqual({ "aws:TagKeys": ["team"] });
});
