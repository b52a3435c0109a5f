/**
 * The certificate authority of a data directory, and certificates for AWS's host names.
 *
 * Its key never leaves `<data>/proxy/` (mode 0600), and its certificate is good for AWS's domains alone (name
 * constraints), so that a program that trusts it can be deceived about no other name, even if the key were stolen.
 */
// The certificate library asks for this polyfill before it is loaded.
import "reflect-metadata";
import * as x509 from "@peculiar/x509";
import { createPrivateKey, randomBytes, webcrypto, X509Certificate } from "node:crypto";
import { chmodSync, mkdirSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { createSecureContext, type SecureContext } from "node:tls";
import { awsDomains } from "./aws-hosts.ts";

/** Elliptic, because every client since 2012 takes it and making one costs a millisecond. */
const algorithm = { name: "ECDSA", namedCurve: "P-256", hash: "SHA-256" } as const;
const day = 24 * 3_600_000;
const authorityDays = 3650;
/** Longer-lived ones are refused by some clients. */
const certificateDays = 397;
/** Made again when it has less than this to live. */
const renewedBefore = 30 * day;
const maxContexts = 500;

const nameConstraints = "2.5.29.30";

// Named by where they come from: the types of browsers, in which the certificate library speaks, are not loaded.
type Crypto = typeof globalThis.crypto;
type CryptoKeyPair = Awaited<ReturnType<typeof generateKeys>>;
type CryptoKey = CryptoKeyPair["privateKey"];

interface Authority {
  readonly certificate: x509.X509Certificate;
  readonly key: CryptoKey;
  /** PEM. */
  readonly pem: string;
}

x509.cryptoProvider.set(webcrypto as Crypto);

export class CertificateAuthority {
  readonly #authority: Authority;
  /** One key for all hosts: it lives as long as this process. */
  readonly #hostKeys: CryptoKeyPair;
  readonly #hostKeyPem: string;
  readonly #contexts = new Map<string, Promise<SecureContext>>();

  private constructor(authority: Authority, hostKeys: CryptoKeyPair, hostKeyPem: string) {
    this.#authority = authority;
    this.#hostKeys = hostKeys;
    this.#hostKeyPem = hostKeyPem;
  }

  /**
   * The authority of a data directory, made on first use.
   * @throws Error when its files cannot be read, with the way out
   */
  static async open(dataDirectory: string): Promise<CertificateAuthority> {
    const hostKeys = await generateKeys();
    return new CertificateAuthority(await loadOrMake(join(dataDirectory, "proxy")), hostKeys, await pemOf(hostKeys));
  }

  /** The authority's certificate as PEM, for clients to trust. */
  get pem(): string {
    return this.#authority.pem;
  }

  /** The same as DER. */
  get der(): Buffer {
    return Buffer.from(this.#authority.certificate.rawData);
  }

  /** A certificate for a host, with its key, as TLS servers take it. */
  contextFor(host: string): Promise<SecureContext> {
    const known = this.#contexts.get(host);
    if (known !== undefined) return known;
    if (this.#contexts.size >= maxContexts) this.#contexts.clear();
    const made = this.#makeContext(host);
    this.#contexts.set(host, made);
    // What failed is tried again by whoever comes next.
    made.catch(() => this.#contexts.delete(host));
    return made;
  }

  async #makeContext(host: string): Promise<SecureContext> {
    const now = Date.now();
    const certificate = await x509.X509CertificateGenerator.create({
      serialNumber: serialNumber(),
      // A common name has at most 64 characters; clients look at the alternative name.
      subject: [{ CN: [host.slice(0, 64)] }],
      issuer: this.#authority.certificate.subject,
      notBefore: new Date(now - day),
      notAfter: new Date(now + certificateDays * day),
      signingAlgorithm: algorithm,
      signingKey: this.#authority.key,
      publicKey: this.#hostKeys.publicKey,
      extensions: [
        new x509.BasicConstraintsExtension(false, undefined, true),
        new x509.KeyUsagesExtension(x509.KeyUsageFlags.digitalSignature, true),
        new x509.ExtendedKeyUsageExtension([x509.ExtendedKeyUsage.serverAuth]),
        new x509.SubjectAlternativeNameExtension([{ type: "dns", value: host }]),
        await x509.AuthorityKeyIdentifierExtension.create(this.#authority.certificate.publicKey),
      ],
    });
    return createSecureContext({ key: this.#hostKeyPem, cert: `${certificate.toString("pem")}\n${this.pem}` });
  }
}

async function loadOrMake(folder: string): Promise<Authority> {
  const certificateFile = join(folder, "ca.pem");
  const keyFile = join(folder, "ca-key.pem");
  let pem: string;
  let keyPem: string;
  try {
    pem = readFileSync(certificateFile, "utf8");
    keyPem = readFileSync(keyFile, "utf8");
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "ENOENT") throw error;
    return make(folder, certificateFile, keyFile);
  }
  try {
    if (new X509Certificate(pem).checkPrivateKey(createPrivateKey(keyPem))) {
      const certificate = new x509.X509Certificate(pem);
      if (certificate.notAfter.getTime() - Date.now() < renewedBefore) return make(folder, certificateFile, keyFile);
      return { certificate, key: await importKey(keyPem), pem };
    }
  } catch (error) {
    throw new Error(`${folder} holds a damaged certificate authority; delete the folder to get a new one`, {
      cause: error,
    });
  }
  // Two runs at once made one each, and the files are a half of either.
  return make(folder, certificateFile, keyFile);
}

async function make(folder: string, certificateFile: string, keyFile: string): Promise<Authority> {
  const keys = await generateKeys();
  const now = Date.now();
  const certificate = await x509.X509CertificateGenerator.createSelfSigned({
    serialNumber: serialNumber(),
    name: "CN=Sagebrush local authority, O=Sagebrush",
    notBefore: new Date(now - day),
    notAfter: new Date(now + authorityDays * day),
    signingAlgorithm: algorithm,
    keys,
    extensions: [
      new x509.BasicConstraintsExtension(true, 0, true),
      new x509.KeyUsagesExtension(x509.KeyUsageFlags.keyCertSign | x509.KeyUsageFlags.cRLSign, true),
      await x509.SubjectKeyIdentifierExtension.create(keys.publicKey),
      new x509.Extension(nameConstraints, true, permittedDomains(awsDomains)),
    ],
  });
  const pem = certificate.toString("pem");
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  writeWhole(keyFile, await pemOf(keys));
  writeWhole(certificateFile, pem);
  return { certificate, key: keys.privateKey, pem };
}

/** NameConstraints of RFC 5280, 4.2.1.10: these domains and what is below them, nothing else. */
function permittedDomains(domains: readonly string[]): Buffer {
  const tagged = (tag: number, content: Buffer) => {
    if (content.length > 255) throw new Error("the list of domains is too long for a length of two bytes");
    const length = content.length < 128 ? [content.length] : [0x81, content.length];
    return Buffer.concat([Buffer.from([tag, ...length]), content]);
  };
  // SEQUENCE { [0] permittedSubtrees: SEQUENCE OF { base: [2] dNSName } }
  const subtrees = domains.map((domain) => tagged(0x30, tagged(0x82, Buffer.from(domain, "ascii"))));
  return tagged(0x30, tagged(0xa0, Buffer.concat(subtrees)));
}

function generateKeys() {
  return webcrypto.subtle.generateKey(algorithm, true, ["sign", "verify"]);
}

async function pemOf({ privateKey }: CryptoKeyPair): Promise<string> {
  const der = Buffer.from(await webcrypto.subtle.exportKey("pkcs8", privateKey));
  return createPrivateKey({ key: der, format: "der", type: "pkcs8" }).export({
    format: "pem",
    type: "pkcs8",
  }) as string;
}

function importKey(pem: string): Promise<CryptoKey> {
  const der = createPrivateKey(pem).export({ format: "der", type: "pkcs8" });
  return webcrypto.subtle.importKey("pkcs8", der, algorithm, false, ["sign"]);
}

/** Sixteen random bytes, positive as RFC 5280 wants them. */
function serialNumber(): string {
  const bytes = randomBytes(16);
  bytes[0] = (bytes[0] & 0x7f) | 0x40;
  return bytes.toString("hex");
}

function writeWhole(file: string, text: string): void {
  const temporary = `${file}.${process.pid}.tmp`;
  writeFileSync(temporary, text, { mode: 0o600 });
  chmodSync(temporary, 0o600);
  renameSync(temporary, file);
}
