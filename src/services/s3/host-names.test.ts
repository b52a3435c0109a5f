import { expect, test } from "vitest";
import { bucketOfApiHost, bucketOfWebsiteHost, nameOfHost } from "./host-names.ts";

test.each([
  ["site.s3-website-us-east-1.amazonaws.com", "site"],
  ["site.s3-website.eu-central-1.amazonaws.com", "site"],
  ["www.example.com.s3-website-us-west-2.amazonaws.com", "www.example.com"],
  ["site.s3-website.localhost", "site"],
  ["site.s3-website-ap-northeast-2.localhost", "site"],
  ["site.s3-website.cn-north-1.amazonaws.com.cn", "site"],
  ["s3-website-us-east-1.amazonaws.com", undefined],
  ["site.s3-website-.localhost", undefined],
  ["site.s3-website.example.com", undefined],
  ["site.s3.us-east-1.amazonaws.com", undefined],
  ["localhost", undefined],
  [`${"a".repeat(300)}.s3-website.localhost`, undefined],
])("the website of %s is %s", (host, bucket) => {
  expect(bucketOfWebsiteHost(host)).toBe(bucket);
  if (bucket !== undefined) expect(bucketOfApiHost(host)).toBeUndefined();
});

test("names with many dots cost no more than others", () => {
  const name = `${".s3".repeat(80)}.localhost`;
  expect(bucketOfApiHost(`a${name}`)).toBe(`a${".s3".repeat(79)}`);
  expect(bucketOfWebsiteHost(name)).toBeUndefined();
});

test("ports and capitals are not of the name", () => {
  expect(nameOfHost("Site.S3-Website.localhost:7243")).toBe("site.s3-website.localhost");
});
