import { X509Certificate } from "node:crypto";
import { once } from "node:events";
import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { connect, createServer, type TLSSocket } from "node:tls";
import type { AddressInfo } from "node:net";
import { afterEach, beforeEach, expect, test } from "vitest";
import { CertificateAuthority } from "./certificate-authority.ts";

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "sagebrush-ca-"));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

/** What a client that trusts the authority makes of a server with a certificate for `host`. */
async function handshake(authority: CertificateAuthority, host: string): Promise<TLSSocket> {
  const context = await authority.contextFor(host);
  const server = createServer({ SNICallback: (_, done) => done(null, context) }, (socket) => socket.end());
  server.on("tlsClientError", () => {});
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  try {
    const client = connect({
      port: (server.address() as AddressInfo).port,
      host: "127.0.0.1",
      servername: host,
      ca: authority.pem,
    });
    await once(client, "secureConnect");
    client.resume();
    await once(client, "close");
    return client;
  } finally {
    server.close();
  }
}

test("a host of AWS gets a certificate that a client with the authority accepts", async () => {
  const authority = await CertificateAuthority.open(folder);
  for (const host of ["s3.us-east-1.amazonaws.com", "my.bucket.s3.amazonaws.com", "sts.cn-north-1.amazonaws.com.cn"]) {
    expect((await handshake(authority, host)).authorized).toBe(true);
  }
});

test("the authority is worth nothing for other hosts, whoever holds its key", async () => {
  const authority = await CertificateAuthority.open(folder);
  await expect(handshake(authority, "bank.example.com")).rejects.toThrow(/permitted subtree violation/);
  await expect(handshake(authority, "amazonaws.com.example.com")).rejects.toThrow(/permitted subtree violation/);
});

test("the authority is made once, its key for its owner's eyes", async () => {
  const first = await CertificateAuthority.open(folder);
  const again = await CertificateAuthority.open(folder);
  expect(again.pem).toBe(first.pem);
  expect(statSync(join(folder, "proxy", "ca-key.pem")).mode & 0o777).toBe(0o600);
  const certificate = new X509Certificate(first.pem);
  expect(certificate.ca).toBe(true);
  expect(certificate.checkIssued(certificate)).toBe(true);
  expect(Date.parse(certificate.validTo) - Date.now()).toBeGreaterThan(9 * 365 * 24 * 3_600_000);
  expect((await handshake(again, "iam.amazonaws.com")).authorized).toBe(true);
});

test("a damaged authority is refused with the way out, and halves of two are made anew", async () => {
  const first = await CertificateAuthority.open(folder);
  const other = mkdtempSync(join(tmpdir(), "sagebrush-ca-"));
  try {
    await CertificateAuthority.open(other);
    writeFileSync(join(folder, "proxy", "ca-key.pem"), readFileSync(join(other, "proxy", "ca-key.pem")));
  } finally {
    rmSync(other, { recursive: true });
  }
  const healed = await CertificateAuthority.open(folder);
  expect(healed.pem).not.toBe(first.pem);
  writeFileSync(join(folder, "proxy", "ca.pem"), "rubbish");
  await expect(CertificateAuthority.open(folder)).rejects.toThrow(`${join(folder, "proxy")} holds a damaged`);
});
