/**
 * The key with which notifications are signed: made once for a data directory, with a certificate of its own.
 *
 * Whoever receives a notification fetches the certificate from the server and verifies the signature with it, as it
 * would with AWS's. The key stands in `sns-signing.json` with mode 0600.
 */
import { createSign, webcrypto } from "node:crypto";
import { open, readFile, rename, rm } from "node:fs/promises";
import { join } from "node:path";

const fileName = "sns-signing.json";
const validYears = 20;

export interface SigningIdentity {
  /** PKCS #8, PEM. */
  readonly privateKey: string;
  /** X.509, PEM. */
  readonly certificate: string;
}

export class Signer {
  readonly #directory: string;
  #identity: Promise<SigningIdentity> | undefined;

  /** @param directory the data directory; nothing is read or made before the first signature */
  constructor(directory: string) {
    this.#directory = directory;
  }

  /** X.509, PEM. */
  async certificate(): Promise<string> {
    return (await this.#load()).certificate;
  }

  /**
   * @param version 1: SHA1 with RSA, 2: SHA256 with RSA
   * @returns base64
   */
  async sign(text: string, version: "1" | "2"): Promise<string> {
    const { privateKey } = await this.#load();
    return createSign(version === "1" ? "RSA-SHA1" : "RSA-SHA256")
      .update(text)
      .sign(privateKey, "base64");
  }

  #load(): Promise<SigningIdentity> {
    this.#identity ??= loadOrCreate(join(this.#directory, fileName)).catch((error: unknown) => {
      // Tried again with the next signature.
      this.#identity = undefined;
      throw error;
    });
    return this.#identity;
  }
}

async function loadOrCreate(path: string): Promise<SigningIdentity> {
  let text: string;
  try {
    text = await readFile(path, "utf8");
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "ENOENT") throw error;
    const made = await makeIdentity();
    await writeDurably(path, JSON.stringify(made));
    return made;
  }
  const { privateKey, certificate } = parsed(text, path);
  if (typeof privateKey !== "string" || typeof certificate !== "string") throw damaged(path);
  return { privateKey, certificate };
}

function parsed(text: string, path: string): Partial<Record<keyof SigningIdentity, unknown>> {
  try {
    const value: unknown = JSON.parse(text);
    if (typeof value === "object" && value !== null) return value;
  } catch (cause) {
    throw damaged(path, cause);
  }
  throw damaged(path);
}

function damaged(path: string, cause?: unknown): Error {
  return new Error(`${path} is not a signing key; delete it to get a new one with the next notification`, { cause });
}

async function makeIdentity(): Promise<SigningIdentity> {
  // Loaded when the first key is made: the library is large, and most servers never make a second.
  await import("reflect-metadata");
  const x509 = await import("@peculiar/x509");
  const algorithm = {
    name: "RSASSA-PKCS1-v1_5",
    hash: "SHA-256",
    publicExponent: new Uint8Array([1, 0, 1]),
    modulusLength: 2048,
  };
  const keys = await webcrypto.subtle.generateKey(algorithm, true, ["sign", "verify"]);
  // A certificate's dates are for whoever verifies it: real time, whatever a test's clock says.
  const notBefore = new Date();
  const notAfter = new Date(notBefore);
  notAfter.setFullYear(notBefore.getFullYear() + validYears);
  const certificate = await x509.X509CertificateGenerator.createSelfSigned({
    name: "CN=sns.amazonaws.com, O=Sagebrush",
    keys,
    notBefore,
    notAfter,
    signingAlgorithm: algorithm,
    extensions: [
      new x509.BasicConstraintsExtension(false, undefined, true),
      new x509.KeyUsagesExtension(x509.KeyUsageFlags.digitalSignature, true),
    ],
  });
  const pkcs8 = Buffer.from(await webcrypto.subtle.exportKey("pkcs8", keys.privateKey));
  return { privateKey: pem("PRIVATE KEY", pkcs8), certificate: `${certificate.toString("pem").trimEnd()}\n` };
}

function pem(label: string, bytes: Buffer): string {
  const lines = bytes.toString("base64").replace(/.{64}/g, "$&\n").trimEnd();
  return `-----BEGIN ${label}-----\n${lines}\n-----END ${label}-----\n`;
}

/** Whole or not at all, also when the machine loses power. */
async function writeDurably(path: string, text: string): Promise<void> {
  const temporary = `${path}.tmp`;
  // What a killed start left behind.
  await rm(temporary, { force: true });
  const file = await open(temporary, "wx", 0o600);
  try {
    await file.writeFile(text);
    await file.sync();
  } finally {
    await file.close();
  }
  await rename(temporary, path);
}
