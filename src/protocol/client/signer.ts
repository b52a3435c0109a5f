/**
 * Signs requests with AWS Signature Version 4 on WebCrypto, so that the same code runs in Node and in a browser tab.
 * Source: AWS, "Create a signed AWS API request".
 */

export interface ClientCredentials {
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
  readonly sessionToken?: string;
}

export interface SignerOptions {
  readonly credentials: ClientCredentials | (() => ClientCredentials | Promise<ClientCredentials>);
  readonly region: string;
  /** The service's name in the credential scope. */
  readonly signingName: string;
  /** Milliseconds since the epoch; the system's clock when absent. */
  readonly now?: () => number;
}

export interface RequestToSign {
  readonly method: string;
  readonly host: string;
  /** Percent-encoded. */
  readonly path: string;
  /** As `encodeQuery` makes it. */
  readonly query: string;
  /** Names lower-cased; all of them are signed. */
  readonly headers: Readonly<Record<string, string>>;
  /** A stream cannot be signed and is sent as UNSIGNED-PAYLOAD. */
  readonly body: string | Uint8Array | ReadableStream<Uint8Array> | undefined;
}

/** Adds what makes a request authentic: `authorization`, `x-amz-date` and the like. */
export type Signer = (request: RequestToSign) => Promise<Record<string, string>>;

// Named by where they come from: the types of Node do not name them, and those of browsers are not loaded.
type SubtleCrypto = typeof globalThis.crypto.subtle;
type CryptoKey = Awaited<ReturnType<SubtleCrypto["importKey"]>>;

const encoder = new TextEncoder();

export function createSigner(options: SignerOptions): Signer {
  const { region, signingName } = options;
  const now = options.now ?? Date.now;
  // One day's key serves until midnight UTC; the credentials may change in between.
  let derived: { for: string; key: Promise<CryptoKey> } | undefined;

  return async (request) => {
    const { credentials: given } = options;
    const credentials = typeof given === "function" ? await given() : given;
    const timestamp = new Date(now()).toISOString().replace(/[-:]|\.\d{3}/g, "");
    const scope = `${timestamp.slice(0, 8)}/${region}/${signingName}/aws4_request`;
    const name = `${credentials.secretAccessKey} ${scope}`;
    if (derived?.for !== name) derived = { for: name, key: deriveKey(credentials.secretAccessKey, scope) };

    const literal = signingName === "s3";
    const streamed = request.body instanceof ReadableStream;
    const payloadHash = streamed ? "UNSIGNED-PAYLOAD" : await sha256(request.body ?? "");
    const headers: Record<string, string> = {
      ...request.headers,
      "x-amz-date": timestamp,
      ...(credentials.sessionToken === undefined ? {} : { "x-amz-security-token": credentials.sessionToken }),
      ...(literal ? { "x-amz-content-sha256": payloadHash } : {}),
    };
    const signed: Record<string, string> = { ...headers, host: request.host };
    const names = Object.keys(signed).sort();
    const canonical = [
      request.method,
      // Only S3 signs a path as it is sent; elsewhere it is encoded a second time.
      literal ? request.path : request.path.split("/").map(encodeComponent).join("/"),
      request.query,
      ...names.map((header) => `${header}:${signed[header].trim().replace(/\s+/g, " ")}`),
      "",
      names.join(";"),
      payloadHash,
    ].join("\n");
    const stringToSign = `AWS4-HMAC-SHA256\n${timestamp}\n${scope}\n${await sha256(canonical)}`;
    const signature = hex(await hmac(await derived.key, stringToSign));
    const credential = `Credential=${credentials.accessKeyId}/${scope}`;
    const authorization = `AWS4-HMAC-SHA256 ${credential}, SignedHeaders=${names.join(";")}, Signature=${signature}`;
    return { ...headers, authorization };
  };
}

/** Percent-encodes everything that RFC 3986 does not leave unreserved, `/` included. */
export function encodeComponent(text: string): string {
  return encodeURIComponent(text).replace(
    /[!'()*]/g,
    (character) => `%${character.charCodeAt(0).toString(16).toUpperCase()}`,
  );
}

/** A query in the order in which it is signed; undefined values are left out, lists repeat their name. */
export function encodeQuery(query: Readonly<Record<string, string | readonly string[] | undefined>>): string {
  return Object.entries(query)
    .flatMap(([name, value]) => (value === undefined ? [] : [value].flat().map((item) => [name, item] as const)))
    .map(([name, value]) => [encodeComponent(name), encodeComponent(value)] as const)
    .sort((a, b) => (a[0] < b[0] ? -1 : a[0] > b[0] ? 1 : a[1] < b[1] ? -1 : a[1] > b[1] ? 1 : 0))
    .map(([name, value]) => `${name}=${value}`)
    .join("&");
}

async function deriveKey(secretAccessKey: string, scope: string): Promise<CryptoKey> {
  let key: Uint8Array<ArrayBuffer> = encoder.encode(`AWS4${secretAccessKey}`);
  for (const part of scope.split("/")) key = await hmac(await importKey(key), part);
  return importKey(key);
}

function subtle(): SubtleCrypto {
  // Browsers have it on HTTPS and on loopback addresses only.
  if (globalThis.crypto?.subtle === undefined) {
    throw new Error("requests cannot be signed here: WebCrypto needs HTTPS or a loopback address such as 127.0.0.1");
  }
  return globalThis.crypto.subtle;
}

function importKey(bytes: Uint8Array<ArrayBuffer>): Promise<CryptoKey> {
  return subtle().importKey("raw", bytes, { name: "HMAC", hash: "SHA-256" }, false, ["sign"]);
}

async function hmac(key: CryptoKey, text: string): Promise<Uint8Array<ArrayBuffer>> {
  return new Uint8Array(await subtle().sign("HMAC", key, encoder.encode(text)));
}

async function sha256(data: string | Uint8Array): Promise<string> {
  const bytes = typeof data === "string" ? encoder.encode(data) : (data as Uint8Array<ArrayBuffer>);
  return hex(new Uint8Array(await subtle().digest("SHA-256", bytes)));
}

function hex(bytes: Uint8Array): string {
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
}
