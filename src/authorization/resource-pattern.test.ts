import { expect, test } from "vitest";
import { arnMatcher } from "./resource-pattern.ts";

const source = { single: (key: string) => ({ "aws:username": "ana", "aws:principalaccount": "123456789012" })[key] };
const queue = "arn:aws:sqs:us-east-2:123456789012:queue1";

test.each([
  ["*", "anything", true],
  ["*", "*", true],
  [queue, queue, true],
  [queue, `${queue}2`, false],
  [queue, queue.toUpperCase(), false],
  ["arn:aws:sqs:*:123456789012:*", queue, true],
  ["arn:aws:sqs:us-east-?:*:queue1", queue, true],
  ["arn:aws:s3:::bucket/*", "arn:aws:s3:::bucket/a/b:c", true],
  ["arn:aws:s3:::bucket/*", "arn:aws:s3:::bucket", false],
  ["arn:aws:s3:::bucket*", "arn:aws:s3:::bucket-2/a", true],
  ["arn:*:s3:::bucket", "arn:aws-cn:s3:::bucket", true],
  // A star stays within its field, but the last field holds all that is left.
  ["arn:aws:someservice:*:111122223333:finance/*", "arn:aws:someservice:a:9:store/abc:111122223333:finance/x", false],
  [
    "arn:aws:logs:us-east-1:123456789012:log-group:*",
    "arn:aws:logs:us-east-1:123456789012:log-group:a:log-stream:b",
    true,
  ],
  // Fields that are left out are wildcards.
  ["arn:aws:sqs", queue, true],
  ["arn:aws:sqs:us-east-2", queue, true],
  ["arn:aws:sqs:us-east-1", queue, false],
  ["arn:aws:s3", queue, false],
  // Actions without a resource are about `*`, which no ARN describes.
  ["arn:aws:s3:::*", "*", false],
  ["arn:aws:*", "*", false],
  ["arn:aws:s3:::bucket/${aws:username}/*", "arn:aws:s3:::bucket/ana/1", true],
  ["arn:aws:s3:::bucket/${aws:username}/*", "arn:aws:s3:::bucket/bo/1", false],
  ["arn:aws:s3:::bucket/${aws:none}/*", "arn:aws:s3:::bucket//1", false],
  ["arn:aws:sqs:us-east-2:*:${aws:username}-queue", "arn:aws:sqs:us-east-2:123456789012:ana-queue", true],
  // Variables take the place of parts of the resource only.
  ["arn:aws:sqs:us-east-2:${aws:PrincipalAccount}:queue1", queue, false],
  ["${aws:username}", "ana", true],
])("%s is about %s: %s", (pattern, arn, expected) => {
  expect(arnMatcher(pattern, true)(arn, source)).toBe(expected);
});

// The list of the guide. Source: IAM User Guide, "IAM JSON policy elements: Resource".
test.each([
  ["1/test/object.jpg", true],
  ["1/2/test/object.jpg", true],
  ["1/2/test/3/object.jpg", true],
  ["1/2/3/test/4/object.jpg", true],
  ["1///test///object.jpg", true],
  ["1/test/.jpg", true],
  ["/test/object.jpg", true],
  ["1/test/", true],
  ["1-test/object.jpg", false],
  ["test/object.jpg", false],
  ["1/2/test.jpg", false],
])("arn:aws:s3:::DOC-EXAMPLE-BUCKET/*/test/* is about the object %s: %s", (key, expected) => {
  const matches = arnMatcher("arn:aws:s3:::DOC-EXAMPLE-BUCKET/*/test/*", true);
  expect(matches(`arn:aws:s3:::DOC-EXAMPLE-BUCKET/${key}`, source)).toBe(expected);
});

test("a variable is text in documents of version 2008-10-17", () => {
  const matches = arnMatcher("arn:aws:s3:::bucket/${aws:username}", false);
  expect(matches("arn:aws:s3:::bucket/ana", source)).toBe(false);
  expect(matches("arn:aws:s3:::bucket/${aws:username}", source)).toBe(true);
});
