import { chmodSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { SecretKey } from "./secret-key.ts";

let directory: string;
const file = () => join(directory, "secret-key");

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), "sagebrush-secret-"));
});
afterEach(() => rmSync(directory, { recursive: true, force: true }));

test("the first start makes a key that only its owner can read, and later starts find it", () => {
  const made = SecretKey.load(directory).derive("workload credentials");
  expect(made).toHaveLength(32);
  expect(statSync(file()).mode & 0o777).toBe(0o600);
  expect(SecretKey.load(directory).derive("workload credentials")).toEqual(made);
  rmSync(file());
  expect(SecretKey.load(directory).derive("workload credentials")).not.toEqual(made);
});

test("each purpose has a key of its own, and none is the secret itself", () => {
  const secret = SecretKey.load(directory);
  const [one, other] = [secret.derive("workload credentials"), secret.derive("authorization messages")];
  expect(one).not.toEqual(other);
  const stored = Buffer.from(readFileSync(file(), "utf8"), "base64");
  expect([one, other]).not.toContainEqual(stored);
});

test("keys are derived as RFC 5869 says", () => {
  // HKDF-SHA-256 of 32 zero bytes without salt: made with Python's hmac, extract and one expand step.
  expect(new SecretKey(Buffer.alloc(32)).derive("workload credentials").toString("hex")).toBe(
    "5f0bd4d2105e2e6815530d0b50fc1c81a0ca9ba7fb35fa55fad18945e93ccf5f",
  );
});

test("a key that others can read, or that is none, is refused with the way out", () => {
  SecretKey.load(directory);
  chmodSync(file(), 0o644);
  expect(() => SecretKey.load(directory)).toThrow(/holds the server's secret key but others can read it \(mode 0644\)/);
  chmodSync(file(), 0o600);
  writeFileSync(file(), "c2hvcnQ=");
  expect(() => SecretKey.load(directory)).toThrow(`${file()} is not a secret key file; delete the file`);
});
