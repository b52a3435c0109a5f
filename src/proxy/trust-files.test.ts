import { spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { CertificateAuthority } from "./certificate-authority.ts";
import { javaKeyStore, writeTrustFiles } from "./trust-files.ts";

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "sagebrush-trust-"));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const hasKeytool = spawnSync("keytool", ["-help"]).error === undefined;

test("the bundle holds what was trusted before and the authority behind it", async () => {
  const authority = await CertificateAuthority.open(folder);
  const own = join(folder, "own.pem");
  const company = (await CertificateAuthority.open(join(folder, "company"))).pem;
  writeFileSync(own, company);
  const files = writeTrustFiles(folder, authority, { REQUESTS_CA_BUNDLE: own, SSL_CERT_FILE: own });
  const text = readFileSync(files.bundle, "utf8");
  expect(text.match(/-----BEGIN CERTIFICATE-----/g)).toHaveLength(2);
  expect(text).toContain(company.trim());
  expect(text).toContain(authority.pem.trim());
  // Without a list of one's own it is that of the machine.
  const machine = readFileSync(writeTrustFiles(folder, authority, {}).bundle, "utf8");
  expect(machine.match(/-----BEGIN CERTIFICATE-----/g)!.length).toBeGreaterThan(50);
});

test("a Java keystore has magic, version, count, entries and the digest that Java checks", () => {
  const store = javaKeyStore([Buffer.from("first"), Buffer.from("second")]);
  expect(store.readUInt32BE(0)).toBe(0xfeedfeed);
  expect(store.readUInt32BE(4)).toBe(2);
  expect(store.readUInt32BE(8)).toBe(2);
  const content = store.subarray(0, -20);
  const expected = createHash("sha1")
    .update(Buffer.from("\0c\0h\0a\0n\0g\0e\0i\0t", "latin1"))
    .update("Mighty Aphrodite")
    .update(content)
    .digest();
  expect(store.subarray(-20)).toEqual(expected);
});

test.skipIf(!hasKeytool)("Java's own tool reads the keystore", async () => {
  const authority = await CertificateAuthority.open(folder);
  const { javaTrustStore } = writeTrustFiles(folder, authority, { SSL_CERT_FILE: join(folder, "proxy", "ca.pem") });
  const { stdout } = spawnSync(
    "keytool",
    ["-list", "-keystore", javaTrustStore, "-storepass", "changeit", "-storetype", "JKS"],
    { encoding: "utf8" },
  );
  expect(stdout).toContain("sagebrush-0");
  expect(stdout).toContain("trustedCertEntry");
});
