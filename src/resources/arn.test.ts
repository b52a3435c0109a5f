import { expect, test } from "vitest";
import { formatArn, parseArn, partitionOf, splitResource } from "./arn.ts";

test("the partition follows from the region", () => {
  expect(["us-east-1", "cn-north-1", "us-gov-west-1", "ap-northeast-2", ""].map(partitionOf)).toEqual([
    "aws",
    "aws-cn",
    "aws-us-gov",
    "aws",
    "aws",
  ]);
});

test("an ARN is written with its region's partition and read back", () => {
  const parts = { service: "sagemaker", region: "cn-north-1", accountId: "000000000000", resource: "training-job/a" };
  const text = "arn:aws-cn:sagemaker:cn-north-1:000000000000:training-job/a";
  expect(formatArn(parts)).toBe(text);
  expect(parseArn(text)).toEqual({ partition: "aws-cn", ...parts });
});

test("global services have no region, S3 no account either", () => {
  expect(formatArn({ service: "iam", region: "", accountId: "000000000000", resource: "role/service-role/A" })).toBe(
    "arn:aws:iam::000000000000:role/service-role/A",
  );
  expect(parseArn("arn:aws:s3:::bucket/key:with/colons")).toEqual({
    partition: "aws",
    service: "s3",
    region: "",
    accountId: "",
    resource: "bucket/key:with/colons",
  });
});

test("what is no ARN has no parts", () => {
  const wrong = [
    "",
    "arn",
    "arn:aws:sagemaker:us-east-1:12:x/y",
    "arn:other:s3:::b",
    "arn:aws:s3:::",
    "xarn:aws:s3:::b",
  ];
  for (const text of wrong) expect(parseArn(text)).toBeUndefined();
});

test("a resource is a type and an id, whichever sign divides them", () => {
  expect(splitResource("training-job/a/b")).toEqual({ type: "training-job", id: "a/b" });
  expect(splitResource("log-group:/aws/x:*")).toEqual({ type: "log-group", id: "/aws/x:*" });
  expect(splitResource("bucket")).toEqual({ type: "", id: "bucket" });
});
