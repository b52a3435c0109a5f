import { homedir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import { readConfig } from "./config.ts";

test("defaults: loopback, port 7243, the home folder, signatures checked", () => {
  expect(readConfig({}, {})).toMatchObject({
    host: "127.0.0.1",
    port: 7243,
    dataDirectory: join(homedir(), ".sagebrush"),
    auth: "on",
    accountId: "000000000000",
    region: "us-east-1",
  });
});

test("a flag wins over the environment, the environment over the default", () => {
  const environment = { SAGEBRUSH_PORT: "8000", SAGEBRUSH_DATA_DIR: "/tmp/x" };
  expect(readConfig({}, environment)).toMatchObject({ port: 8000, dataDirectory: "/tmp/x" });
  expect(readConfig({ port: "9000" }, environment).port).toBe(9000);
});

test.each([
  [{ port: "70000" }, '--port must be a port number from 0 to 65535, got "70000"'],
  [{ port: "http" }, '--port must be a port number from 0 to 65535, got "http"'],
  [{ accountId: "12" }, '--account-id must be twelve digits, got "12"'],
  [{ auth: "maybe" }, '--auth must be on or off, got "maybe"'],
  [{ region: "moon" }, "--region must be a region name"],
  [{ otherAccounts: "12" }, "--other-accounts must be up to 100 different twelve-digit account ids"],
  [{ otherAccounts: "111122223333,000000000000" }, "without the server's own 000000000000"],
  [{ otherAccounts: "111122223333,111122223333" }, "different"],
  [{ maxJobs: "0" }, "--max-jobs must be a number from 1 to 9999"],
  [{ host: "0.0.0.0" }, "--host must be a loopback address"],
])("%o is refused with the rule and the value", (flags, message) => {
  expect(() => readConfig(flags, {})).toThrow(message);
});

test("a server may be further accounts", () => {
  expect(readConfig({}, {}).otherAccounts).toEqual([]);
  expect(readConfig({ otherAccounts: "111122223333, 444455556666" }, {}).otherAccounts).toEqual([
    "111122223333",
    "444455556666",
  ]);
  expect(readConfig({}, { SAGEBRUSH_OTHER_ACCOUNTS: "111122223333" }).otherAccounts).toEqual(["111122223333"]);
});

test("a bad variable is named by its name", () => {
  expect(() => readConfig({}, { SAGEBRUSH_PORT: "x" })).toThrow("SAGEBRUSH_PORT must be");
});

test("an S3 elsewhere has its place in a setting and its keys in the environment alone", () => {
  const keys = { SAGEBRUSH_S3_ACCESS_KEY_ID: "AKID", SAGEBRUSH_S3_SECRET_ACCESS_KEY: "secret" };
  expect(readConfig({}, keys).outsideS3).toBeUndefined();
  expect(readConfig({ s3Endpoint: "http://127.0.0.1:9000" }, keys).outsideS3).toEqual({
    endpoint: "http://127.0.0.1:9000",
    region: "us-east-1",
    credentials: { accessKeyId: "AKID", secretAccessKey: "secret" },
  });
  const more = { SAGEBRUSH_S3_ENDPOINT: "https://s3.example.com", SAGEBRUSH_S3_REGION: "eu-west-1" };
  expect(readConfig({}, { ...keys, ...more, SAGEBRUSH_S3_SESSION_TOKEN: "t" }).outsideS3).toEqual({
    endpoint: "https://s3.example.com",
    region: "eu-west-1",
    credentials: { accessKeyId: "AKID", secretAccessKey: "secret", sessionToken: "t" },
  });
  for (const s3Endpoint of ["s3.example.com", "ftp://host", "http://host/path", "http://user@host", "http://host/?q"]) {
    expect(() => readConfig({ s3Endpoint }, keys)).toThrow("--s3-endpoint must be an http or https URL without path");
  }
  expect(() => readConfig({ s3Endpoint: "http://host" }, {})).toThrow("SAGEBRUSH_S3_ACCESS_KEY_ID must be set when");
});
