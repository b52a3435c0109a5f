import { expect, test } from "vitest";
import { requestContext } from "../../../tests/support/request-context.ts";
import { logsAccessRules } from "./access-rules.ts";
import { encodePointer } from "./insights/record-pointer.ts";

const context = requestContext({ service: "logs", operation: "-" });
const accessRules = logsAccessRules(async () => ({}));
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
  ["TagResource", { resourceArn: arn("log-group:a:*"), tags: {} }, [arn("log-group:a")]],
  // Other forms of the same ARN, by which no policy would find it.
  ["TagResource", { resourceArn: arn("log-group/a"), tags: {} }, [arn("log-group:a")]],
  ["TagResource", { resourceArn: arn("log-group:a").replace("aws", "aws-cn"), tags: {} }, [arn("log-group:a")]],
  ["TagResource", { resourceArn: "arn:aws:s3:::b", tags: {} }, ["arn:aws:s3:::b"]],
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

test("the tags of a group are conditions of all that is done to it, for everybody but the root user", async () => {
  const asked: string[] = [];
  const rules = logsAccessRules(async (resource) => {
    asked.push(resource);
    return { team: "a" };
  });
  const input = { logGroupName: "g", logStreamName: "s" };
  const user = { ...context, principal: { ...context.principal, kind: "user" as const } };
  expect(await rules("PutLogEvents", input, user)).toEqual([
    {
      action: "logs:PutLogEvents",
      resource: arn("log-group:g:log-stream:s"),
      conditions: { "aws:ResourceTag/team": "a" },
    },
  ]);
  expect(asked).toEqual([arn("log-group:g")]);
  const root = { ...context, principal: { ...context.principal, kind: "root" as const } };
  const [byRoot] = await rules("PutLogEvents", input, root);
  expect(byRoot.conditions).toBeUndefined();
  expect(asked).toHaveLength(1);
});
