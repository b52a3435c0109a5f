/**
 * Access keys as records.
 *
 * A key is found by its id alone, whatever the account, so all accounts share one space. The secret is a record apart,
 * which the history table never sees; it is written first and deleted last, and is nothing without the other.
 */
import { randomBytes } from "node:crypto";
import type { Credential } from "../../protocol/sigv4/credential.ts";
import type { RecordChange, RecordKey } from "../../storage/record-store.ts";
import { randomText } from "../../util/random-text.ts";
import { type User, userKind } from "./entities.ts";
import { globalRegion, type IamStore } from "./iam-store.ts";

export interface AccessKeyRecord {
  readonly accountId: string;
  readonly userName: string;
  readonly userId: string;
  readonly status: "Active" | "Inactive";
  /** Milliseconds since the epoch, in whole seconds. */
  readonly createdAt: number;
}

interface SecretRecord {
  readonly secretAccessKey: string;
}

export function newAccessKey(): { readonly accessKeyId: string; readonly secretAccessKey: string } {
  // 30 random bytes are 40 characters of the alphabet that secret access keys have.
  return { accessKeyId: `AKIA${randomText(16)}`, secretAccessKey: randomBytes(30).toString("base64") };
}

export function accessKeyKey(accessKeyId: string): RecordKey {
  return { accountId: "all", region: globalRegion, family: "iam-access-key", name: accessKeyId };
}

export function secretKey(accessKeyId: string): RecordKey {
  return { accountId: "all", region: globalRegion, family: "iam-access-key-secret", name: accessKeyId };
}

export async function findAccessKeyRecord(store: IamStore, accessKeyId: string): Promise<AccessKeyRecord | undefined> {
  return (await store.records.get<AccessKeyRecord>(accessKeyKey(accessKeyId)))?.body;
}

/** The keys of a user that got another name. */
export async function accessKeyRenames(store: IamStore, user: User): Promise<RecordChange[]> {
  const records = await Promise.all(user.accessKeys.map((id) => findAccessKeyRecord(store, id)));
  return user.accessKeys.map((id, index) => ({
    op: "update",
    key: accessKeyKey(id),
    body: { ...records[index]!, userName: user.name },
  }));
}

/** The credential of an active key; undefined when there is none. */
export async function findCredential(store: IamStore, accessKeyId: string): Promise<Credential | undefined> {
  const key = await findAccessKeyRecord(store, accessKeyId);
  if (key?.status !== "Active") return undefined;
  const [user, secret] = await Promise.all([
    store.find(userKind, key.accountId, key.userName),
    store.records.get<SecretRecord>(secretKey(accessKeyId)),
  ]);
  if (user?.id !== key.userId || secret === undefined) return undefined;
  return {
    accessKeyId,
    secretAccessKey: secret.body.secretAccessKey,
    principal: { kind: "user", accountId: key.accountId, arn: user.arn, userId: user.id, accessKeyId },
  };
}
