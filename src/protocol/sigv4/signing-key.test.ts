import { createHmac, randomBytes } from "node:crypto";
import { expect, test } from "vitest";
import { deriveSigningKey, SigningKey, SigningKeyCache } from "./signing-key.ts";

const principal = { kind: "root", accountId: "", arn: "", userId: "", accessKeyId: "AK" } as const;
const credential = { accessKeyId: "AK", secretAccessKey: "secret", principal };

test("signing is HMAC-SHA-256, for keys and texts of every length it takes", () => {
  for (const [keyLength, textLength] of [
    [0, 0],
    [1, 1],
    [32, 150],
    [64, 1024],
  ]) {
    const key = randomBytes(keyLength);
    const text = "x".repeat(textLength);
    expect(new SigningKey(key).sign(text)).toBe(createHmac("sha256", key).update(text).digest("hex"));
  }
  const key = new SigningKey(randomBytes(32));
  expect(key.sign("a")).not.toBe(key.sign("b"));
  expect(key.sign("a")).toBe(key.sign("a"));
});

test("a text or key beyond the limits is refused rather than cut", () => {
  expect(() => new SigningKey(randomBytes(65))).toThrow(RangeError);
  expect(() => new SigningKey(randomBytes(32)).sign("x".repeat(1025))).toThrow(RangeError);
});

test("keys are derived once per scope, again for another secret, and the cache stays within its bound", () => {
  const cache = new SigningKeyCache(8);
  const scope = (day: number) => `202601${String(day).padStart(2, "0")}/us-east-1/s3/aws4_request`;
  const first = cache.get(credential, scope(1));
  expect(cache.get(credential, scope(1))).toBe(first);
  expect(first.sign("text")).toBe(deriveSigningKey("secret", "20260101", "us-east-1", "s3").sign("text"));

  const other = cache.get({ ...credential, secretAccessKey: "another" }, scope(1));
  expect(other.sign("text")).toBe(deriveSigningKey("another", "20260101", "us-east-1", "s3").sign("text"));

  const kept = cache.get(credential, scope(1));
  for (let day = 2; day <= 28; day += 1) {
    cache.get(credential, scope(day));
    expect(cache.size).toBeLessThanOrEqual(8);
    // What is in use is never forgotten.
    expect(cache.get(credential, scope(1))).toBe(kept);
  }
  cache.get(credential, scope(2));
});
