/**
 * The root access key of a data directory: made on the first start, read afterwards, shown to nobody else.
 *
 * It stands in `root-credentials.json` with mode 0600. Whoever can read it owns everything in the data directory, so a
 * file that others can read is refused rather than used.
 */
import { randomBytes } from "node:crypto";
import { closeSync, fsyncSync, openSync, readFileSync, renameSync, rmSync, statSync, writeSync } from "node:fs";
import { join } from "node:path";
import type { Credential } from "../../protocol/sigv4/credential.ts";
import { randomText } from "../../util/random-text.ts";

export interface RootCredentials {
  /** `AKIA` and 16 characters. */
  readonly accessKeyId: string;
  /** 40 characters. */
  readonly secretAccessKey: string;
}

const fileName = "root-credentials.json";

/**
 * Reads the root key.
 * @returns undefined when the data directory has none, because no server was ever started with it
 * @throws Error when others can read the file or it is damaged, with the way out
 */
export function readRootCredentials(dataDirectory: string): RootCredentials | undefined {
  const path = join(dataDirectory, fileName);
  let text: string;
  try {
    // Windows has no permission bits; its files inherit the rights of the user's profile.
    const { mode } = statSync(path);
    if (process.platform !== "win32" && (mode & 0o077) !== 0) {
      throw new Error(
        `${path} holds the root key but others can read it (mode ${(mode & 0o777).toString(8).padStart(4, "0")}); ` +
          `run: chmod 600 "${path}", or delete the file to get a new key at the next start`,
      );
    }
    text = readFileSync(path, "utf8");
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
    throw error;
  }
  const credentials = parse(text);
  if (credentials === undefined) {
    throw new Error(`${path} is not a root key file; delete it to get a new key at the next start`);
  }
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

/**
 * Reads the root key, making one first when there is none. The file appears whole or not at all, also when the machine
 * loses power; the caller holds the data directory, so nobody else is making one.
 */
export function loadOrCreateRootCredentials(dataDirectory: string): RootCredentials {
  const path = join(dataDirectory, fileName);
  const temporary = `${path}.tmp`;
  // What a start that was killed in the middle has left.
  rmSync(temporary, { force: true });
  const existing = readRootCredentials(dataDirectory);
  if (existing !== undefined) return existing;
  const credentials: RootCredentials = { accessKeyId: `AKIA${randomText(16)}`, secretAccessKey: newSecretAccessKey() };
  writeDurably(temporary, `${JSON.stringify(credentials, undefined, 2)}\n`);
  renameSync(temporary, path);
  syncDirectory(dataDirectory);
  return credentials;
}

function writeDurably(path: string, text: string): void {
  const file = openSync(path, "wx", 0o600);
  try {
    writeSync(file, text);
    fsyncSync(file);
  } finally {
    closeSync(file);
  }
}

/** A rename is durable when its directory is. */
function syncDirectory(path: string): void {
  if (process.platform === "win32") return; // directories cannot be opened there
  const directory = openSync(path, "r");
  try {
    fsyncSync(directory);
  } finally {
    closeSync(directory);
  }
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
