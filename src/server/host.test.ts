import { expect, test } from "vitest";
import { bucketOfHost, hostName, isLoopbackHost } from "./host.ts";

test("the bucket of a virtual-host name", () => {
  expect(bucketOfHost("data.s3.us-east-1.amazonaws.com")).toBe("data");
  expect(bucketOfHost("my.dotted.bucket.s3.amazonaws.com")).toBe("my.dotted.bucket");
  expect(bucketOfHost("data.s3.localhost:7243")).toBe("data");
  expect(bucketOfHost("data.localhost:7243")).toBe("data");
});

test("path-style hosts and websites carry no bucket", () => {
  for (const host of [
    "127.0.0.1:7243",
    "localhost:7243",
    "s3.us-east-1.amazonaws.com",
    "s3.localhost",
    "[::1]:7243",
    "data.s3-website-us-east-1.amazonaws.com",
    "data.s3-website.localhost",
    "111122223333.s3-control.us-east-1.amazonaws.com",
    "s3-website.localhost",
    `${"a.".repeat(200)}s3.amazonaws.com`,
  ]) {
    expect(bucketOfHost(host)).toBeUndefined();
  }
});

test("only names of this machine are loopback", () => {
  for (const host of ["127.0.0.1:1", "localhost", "x.localhost:7243", "[::1]:7243"])
    expect(isLoopbackHost(host)).toBe(true);
  for (const host of ["evil.example:7243", "127.0.0.1.evil.example", "localhost.evil.example", "10.0.0.1"]) {
    expect(isLoopbackHost(host)).toBe(false);
  }
  expect(hostName("[::1]:7243")).toBe("::1");
});
