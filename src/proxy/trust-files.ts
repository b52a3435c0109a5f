/** The authority's certificate in the forms in which programs read what they trust. */
import { createHash } from "node:crypto";
import { existsSync, mkdirSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { rootCertificates } from "node:tls";

export interface TrustFiles {
  /** The authority alone, PEM: for what adds to the system's list (Node). */
  readonly authority: string;
  /** The authority and all roots that were trusted before, PEM: for what has one file (OpenSSL, Python, curl, Go). */
  readonly bundle: string;
  /** The same for Java: a keystore (JKS), password `changeit`. */
  readonly javaTrustStore: string;
}

export const javaTrustStorePassword = "changeit";

/** Where Linux distributions keep the list of the machine. Source: Go, crypto/x509/root_linux.go names the same places. */
const systemBundles = [
  "/etc/ssl/certs/ca-certificates.crt",
  "/etc/pki/tls/certs/ca-bundle.crt",
  "/etc/ssl/ca-bundle.pem",
  "/etc/pki/tls/cacert.pem",
  "/etc/pki/ca-trust/extracted/pem/tls-ca-bundle.pem",
  "/etc/ssl/cert.pem",
];

/**
 * Writes the files into `<data>/proxy/`.
 * @param environment what the user has set already: a list of their own is kept in the new one
 */
export function writeTrustFiles(
  dataDirectory: string,
  authority: { readonly pem: string; readonly der: Buffer },
  environment: NodeJS.ProcessEnv,
): TrustFiles {
  const folder = join(dataDirectory, "proxy");
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  const roots = trustedBefore(environment);
  const files: TrustFiles = {
    authority: join(folder, "ca.pem"),
    bundle: join(folder, "bundle.pem"),
    javaTrustStore: join(folder, "trust.jks"),
  };
  const certificates = [...roots.matchAll(/-----BEGIN CERTIFICATE-----([^-]+)-----END CERTIFICATE-----/g)].map(
    ([, text]) => Buffer.from(text, "base64"),
  );
  replace(files.bundle, `${roots.trimEnd()}\n${authority.pem}\n`);
  replace(files.javaTrustStore, javaKeyStore([authority.der, ...certificates]));
  return files;
}

function trustedBefore(environment: NodeJS.ProcessEnv): string {
  const own = [
    environment["AWS_CA_BUNDLE"],
    environment["REQUESTS_CA_BUNDLE"],
    environment["SSL_CERT_FILE"],
    environment["CURL_CA_BUNDLE"],
  ].filter((file) => file !== undefined && file !== "" && existsSync(file));
  const files = own.length > 0 ? [...new Set(own)] : systemBundles.filter((file) => existsSync(file)).slice(0, 1);
  if (files.length === 0) return rootCertificates.join("\n");
  return files.map((file) => readFileSync(file!, "utf8")).join("\n");
}

/**
 * Trusted certificates as Java's own keystore format (JKS), which every version of Java reads.
 *
 * Magic and version, then per entry its kind, alias, time and certificate; at the end a SHA-1 over the password, a fixed
 * phrase and all of it. Source: OpenJDK, sun.security.provider.JavaKeyStore.
 */
export function javaKeyStore(certificates: readonly Buffer[]): Buffer {
  const parts: Buffer[] = [];
  const int = (value: number) => {
    const bytes = Buffer.alloc(4);
    bytes.writeUInt32BE(value);
    parts.push(bytes);
  };
  const text = (value: string) => {
    const length = Buffer.alloc(2);
    length.writeUInt16BE(Buffer.byteLength(value));
    parts.push(length, Buffer.from(value));
  };
  int(0xfeedfeed);
  int(2);
  int(certificates.length);
  for (const [index, certificate] of certificates.entries()) {
    const trustedCertificate = 2;
    int(trustedCertificate);
    text(`sagebrush-${index}`);
    // The time of making, which nobody looks at: the same certificates give the same file.
    parts.push(Buffer.alloc(8));
    text("X.509");
    int(certificate.length);
    parts.push(certificate);
  }
  const content = Buffer.concat(parts);
  const password = Buffer.from(javaTrustStorePassword, "utf16le").swap16();
  const digest = createHash("sha1").update(password).update("Mighty Aphrodite").update(content).digest();
  return Buffer.concat([content, digest]);
}

/** Another run reads the file while it is written. */
function replace(file: string, content: string | Buffer): void {
  const temporary = `${file}.${process.pid}.tmp`;
  writeFileSync(temporary, content, { mode: 0o644 });
  renameSync(temporary, file);
}
