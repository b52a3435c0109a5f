/**
 * The root access keys of a data directory, one per account: made on the first start, read afterwards, shown to nobody
 * else. That of the server's own account stands in `root-credentials.json`, those of its other accounts in
 * `root-credentials-<account id>.json`. Whoever can read one owns everything of that account.
 */
import { randomBytes } from "node:crypto";
import { join } from "node:path";
import type { Credential } from "../../protocol/sigv4/credential.ts";
import { randomText } from "../../util/random-text.ts";
import { loadOrCreatePrivateFile, readPrivateFile } from "./private-file.ts";

export interface RootCredentials {
  /** `AKIA` and 16 characters. */
  readonly accessKeyId: string;
  /** 40 characters. */
  readonly secretAccessKey: string;
}

const what = "the root key";
const reset = "delete the file to get a new key at the next start";

function fileOf(dataDirectory: string, otherAccount: string | undefined): string {
  return join(
    dataDirectory,
    otherAccount === undefined ? "root-credentials.json" : `root-credentials-${otherAccount}.json`,
  );
}

/**
 * Reads a root key.
 * @param otherAccount id of an account beside the server's own
 * @returns undefined when the data directory has none, because no server was ever started with it
 * @throws Error when others can read the file or it is damaged, with the way out
 */
export function readRootCredentials(dataDirectory: string, otherAccount?: string): RootCredentials | undefined {
  const path = fileOf(dataDirectory, otherAccount);
  const text = readPrivateFile(path, what, reset);
  return text === undefined ? undefined : checked(path, text);
}

/** Reads a root key, making one first when there is none. */
export function loadOrCreateRootCredentials(dataDirectory: string, otherAccount?: string): RootCredentials {
  const path = fileOf(dataDirectory, otherAccount);
  const make = () => {
    const credentials: RootCredentials = {
      accessKeyId: `AKIA${randomText(16)}`,
      secretAccessKey: newSecretAccessKey(),
    };
    return `${JSON.stringify(credentials, undefined, 2)}\n`;
  };
  return checked(path, loadOrCreatePrivateFile(path, what, reset, make));
}

function checked(path: string, text: string): RootCredentials {
  const credentials = parse(text);
  if (credentials === undefined) throw new Error(`${path} is not a root key file; ${reset}`);
  return credentials;
}

function parse(text: string): RootCredentials | undefined {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return undefined;
  }
  if (typeof value !== "object" || value === null) return undefined;
  const { accessKeyId, secretAccessKey } = value as Partial<Record<keyof RootCredentials, unknown>>;
  if (typeof accessKeyId !== "string" || !/^\w{16,128}$/.test(accessKeyId)) return undefined;
  if (typeof secretAccessKey !== "string" || secretAccessKey.length < 16) return undefined;
  return { accessKeyId, secretAccessKey };
}

/** The root user of an account, as the credential of its key. */
export function rootCredential(root: RootCredentials, accountId: string): Credential {
  return {
    ...root,
    principal: {
      kind: "root",
      accountId,
      arn: `arn:aws:iam::${accountId}:root`,
      userId: accountId,
      accessKeyId: root.accessKeyId,
    },
  };
}

/** 40 characters of the alphabet that secret access keys have: 30 random bytes in base 64. */
export function newSecretAccessKey(): string {
  return randomBytes(30).toString("base64");
}
