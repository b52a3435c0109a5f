import { expect, test } from "vitest";
import { isAwsHost, isRedirected, splitAuthority } from "./aws-hosts.ts";

test.each([
  ["s3.amazonaws.com", true],
  ["my.bucket.s3-us-west-2.amazonaws.com", true],
  ["S3.Us-East-1.AmazonAWS.com", true],
  ["sts.amazonaws.com.", true],
  ["sagemaker.cn-north-1.amazonaws.com.cn", true],
  ["s3.dualstack.us-east-1.api.aws", true],
  ["amazonaws.com.example.com", false],
  ["notamazonaws.com", false],
  ["aws.amazon.com", false],
  ["pypi.org", false],
])("%s is one of AWS's hosts: %s", (host, expected) => {
  expect(isAwsHost(host)).toBe(expected);
});

test("the services of instances and containers are answered here, their neighbours are not", () => {
  expect(isRedirected("169.254.169.254")).toBe(true);
  expect(isRedirected("169.254.170.2")).toBe(true);
  expect(isRedirected("169.254.170.23")).toBe(true);
  expect(isRedirected("instance-data.ec2.internal")).toBe(true);
  expect(isRedirected("169.254.169.253")).toBe(false);
});

test.each([
  ["s3.amazonaws.com:443", { host: "s3.amazonaws.com", port: 443 }],
  ["Host", { host: "host", port: 80 }],
  ["[::1]:8443", { host: "[::1]", port: 8443 }],
  ["a:70000", undefined],
  ["user@host:1", undefined],
  ["", undefined],
])("the authority %j is %j", (text, expected) => {
  expect(splitAuthority(text, 80)).toEqual(expected);
});
