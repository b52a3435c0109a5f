import { chmodSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { loadOrCreateRootCredentials, readRootCredentials, rootCredential } from "./root-credentials.ts";

let directory: string;
const file = () => join(directory, "root-credentials.json");

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), "sagebrush-root-"));
});
afterEach(() => rmSync(directory, { recursive: true, force: true }));

test("the first start makes a key that only its owner can read, and later starts find it", () => {
  expect(readRootCredentials(directory)).toBeUndefined();
  const made = loadOrCreateRootCredentials(directory);
  expect(made.accessKeyId).toMatch(/^AKIA[A-Z2-7]{16}$/);
  expect(made.secretAccessKey).toMatch(/^[A-Za-z0-9+/]{40}$/);
  expect(statSync(file()).mode & 0o777).toBe(0o600);
  expect(JSON.parse(readFileSync(file(), "utf8"))).toEqual(made);
  expect(readdirSync(directory)).toEqual(["root-credentials.json"]);
  expect(loadOrCreateRootCredentials(directory)).toEqual(made);
  expect(readRootCredentials(directory)).toEqual(made);
});

test("every account has a key and a file of its own", () => {
  const own = loadOrCreateRootCredentials(directory);
  expect(readRootCredentials(directory, "111122223333")).toBeUndefined();
  const other = loadOrCreateRootCredentials(directory, "111122223333");
  expect(other.accessKeyId).not.toBe(own.accessKeyId);
  expect(readRootCredentials(directory, "111122223333")).toEqual(other);
  expect(readRootCredentials(directory)).toEqual(own);
  expect(statSync(join(directory, "root-credentials-111122223333.json")).mode & 0o777).toBe(0o600);
});

test("two data directories have two keys", () => {
  const first = loadOrCreateRootCredentials(directory);
  rmSync(file());
  const second = loadOrCreateRootCredentials(directory);
  expect(second.accessKeyId).not.toBe(first.accessKeyId);
  expect(second.secretAccessKey).not.toBe(first.secretAccessKey);
});

test("a key file that others can read is refused with the way out", () => {
  const made = loadOrCreateRootCredentials(directory);
  chmodSync(file(), 0o640);
  for (const read of [readRootCredentials, loadOrCreateRootCredentials]) {
    expect(() => read(directory)).toThrow(
      `${file()} holds the root key but others can read it (mode 0640); run: chmod 600 "${file()}", or delete the file to get a new key at the next start`,
    );
  }
  chmodSync(file(), 0o600);
  expect(readRootCredentials(directory)).toEqual(made);
});

test("a damaged key file is refused and not replaced", () => {
  for (const damaged of ["", "{", "[]", "null", '{"accessKeyId":"AKIAEXAMPLEEXAMPLE12"}']) {
    writeFileSync(file(), damaged, { mode: 0o600 });
    expect(() => loadOrCreateRootCredentials(directory)).toThrow(`${file()} is not a root key file`);
    expect(readFileSync(file(), "utf8")).toBe(damaged);
  }
});

test("what a killed start left behind is cleared away", () => {
  writeFileSync(`${file()}.tmp`, '{"accessKeyId":', { mode: 0o600 });
  const made = loadOrCreateRootCredentials(directory);
  writeFileSync(`${file()}.tmp`, "", { mode: 0o600 });
  expect(loadOrCreateRootCredentials(directory)).toEqual(made);
  expect(readdirSync(directory)).toEqual(["root-credentials.json"]);
});

test("the root key stands for the root user of the account", () => {
  const root = { accessKeyId: "AKIAEXAMPLEEXAMPLE12", secretAccessKey: "s".repeat(40) };
  expect(rootCredential(root, "123456789012")).toEqual({
    ...root,
    principal: {
      kind: "root",
      accountId: "123456789012",
      arn: "arn:aws:iam::123456789012:root",
      userId: "123456789012",
      accessKeyId: "AKIAEXAMPLEEXAMPLE12",
    },
  });
});
