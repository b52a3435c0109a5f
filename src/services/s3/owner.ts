/** Accounts as S3 names them. */
import { createHash } from "node:crypto";
import type { Initiator, Owner } from "../../protocol/generated/s3.ts";

const ids = new Map<string, string>();

/** The canonical user id of an account: 64 hexadecimal digits, the same on every server. */
export function canonicalUserId(accountId: string): string {
  let id = ids.get(accountId);
  if (id === undefined) {
    id = createHash("sha256").update(`sagebrush canonical user ${accountId}`).digest("hex");
    ids.set(accountId, id);
  }
  return id;
}

export function ownerOf(accountId: string): Owner {
  return { ID: canonicalUserId(accountId) };
}

export function initiatorOf(arn: string): Initiator {
  return { ID: arn, DisplayName: arn.slice(arn.lastIndexOf("/") + 1) };
}
