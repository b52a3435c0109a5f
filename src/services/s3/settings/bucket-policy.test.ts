import { expect, test } from "vitest";
import { account, openS3 } from "../../../../tests/support/s3.ts";
import { isPublicPolicy } from "./public-access.ts";

const Bucket = "the-bucket";
const objects = `arn:aws:s3:::${Bucket}/*`;

function policyOf(...statements: object[]): string {
  return JSON.stringify({ Version: "2012-10-17", Statement: statements });
}

const allow = { Effect: "Allow", Principal: { AWS: account }, Action: "s3:GetObject", Resource: objects };
const openToAll = { ...allow, Principal: "*" };

test("a policy is kept to the letter, shown, judged, and taken away", async () => {
  await using s3 = await openS3();
  await s3.call("CreateBucket", { Bucket });
  await expect(s3.call("GetBucketPolicy", { Bucket })).rejects.toMatchObject({
    code: "NoSuchBucketPolicy",
    status: 404,
    message: "The bucket policy does not exist",
  });
  await expect(s3.call("GetBucketPolicyStatus", { Bucket })).rejects.toMatchObject({ code: "NoSuchBucketPolicy" });
  const Policy = ` ${policyOf(allow)}\n`;
  await s3.call("PutBucketPolicy", { Bucket, Policy });
  expect(await s3.call("GetBucketPolicy", { Bucket })).toEqual({ Policy });
  expect(await s3.call("GetBucketPolicyStatus", { Bucket })).toEqual({ PolicyStatus: { IsPublic: false } });
  await s3.call("DeleteBucketPolicy", { Bucket });
  await expect(s3.call("GetBucketPolicy", { Bucket })).rejects.toMatchObject({ code: "NoSuchBucketPolicy" });
});

test.each([
  ["hello", "Policies must be valid JSON and the first byte must be '{'"],
  ['{\n "Version": "2012-10-17",\n "Statement": [,]}', /^Policies must be valid JSON .*line 3, column 16/],
  [policyOf({ ...allow, Principal: undefined }), /^Missing required field Principal/],
  [policyOf({ ...allow, Action: "GetObject" }), /^Policy has invalid action/],
  [policyOf({ ...allow, Principal: { AWS: "nobody" } }), /^Invalid principal in policy/],
  [policyOf({ ...allow, Resource: "arn:aws:s3:::another-bucket/*" }), /^Policy has invalid resource/],
  [policyOf({ ...allow, Resource: `arn:aws:s3:::${Bucket}2` }), /^Policy has invalid resource/],
  [policyOf({ ...allow, Resource: "arn:aws:sqs:us-east-1:111122223333:queue" }), /^Policy has invalid resource/],
  [policyOf({ ...allow, Sid: "x".repeat(21_000) }), /^Policy is too large/],
])("the policy %s is malformed", async (Policy, message) => {
  await using s3 = await openS3();
  await s3.call("CreateBucket", { Bucket });
  await expect(s3.call("PutBucketPolicy", { Bucket, Policy })).rejects.toMatchObject({
    code: "MalformedPolicy",
    status: 400,
    message: typeof message === "string" ? message : (expect.stringMatching(message) as string),
  });
});

test("public policies are refused while they are blocked", async () => {
  await using s3 = await openS3();
  await s3.call("CreateBucket", { Bucket });
  const Policy = policyOf(openToAll);
  await expect(s3.call("PutBucketPolicy", { Bucket, Policy })).rejects.toMatchObject({
    code: "AccessDenied",
    status: 403,
    message: `User: arn:aws:iam::${account}:root is not authorized to perform: s3:PutBucketPolicy on resource: "arn:aws:s3:::the-bucket" because public policies are blocked by the BlockPublicPolicy block public access setting.`,
  });
  await s3.call("DeletePublicAccessBlock", { Bucket });
  await s3.call("PutBucketPolicy", { Bucket, Policy });
  expect(await s3.call("GetBucketPolicyStatus", { Bucket })).toEqual({ PolicyStatus: { IsPublic: true } });
});

// The examples of the User Guide's section on the meaning of "public", and their opposites.
test.each([
  [true, openToAll],
  [true, { ...allow, Principal: { AWS: "*" } }],
  [true, { ...openToAll, Condition: { StringLike: { "aws:SourceVpc": "vpc-*" } } }],
  [false, { ...openToAll, Condition: { StringEquals: { "aws:SourceVpc": "vpc-91237329" } } }],
  [true, { ...openToAll, Condition: { StringNotEquals: { "aws:SourceVpc": "vpc-91237329" } } }],
  [false, { ...openToAll, Condition: { IpAddress: { "aws:SourceIp": "203.0.113.0/24" } } }],
  [true, { ...openToAll, Condition: { IpAddress: { "aws:SourceIp": "0.0.0.0/1" } } }],
  [true, { ...openToAll, Condition: { IpAddress: { "aws:SourceIp": ["203.0.113.0/24", "::/0"] } } }],
  [true, { ...openToAll, Condition: { StringEquals: { "aws:UserAgent": "mine" } } }],
  [false, { ...openToAll, Effect: "Deny" }],
  [false, { ...allow, Principal: { Service: "logging.s3.amazonaws.com" } }],
])("public: %s for %o", (isPublic, statement) => {
  expect(isPublicPolicy(policyOf(allow, statement))).toBe(isPublic);
});
