/**
 * Why a call was denied, sealed for administrators: whoever was denied gets a text that only DecodeAuthorizationMessage
 * opens, for callers of the same account.
 *
 * A message is version, nonce, tag and ciphertext (AES-256-GCM, the account as associated data) in base64url; the plain
 * text is deflated JSON in the form that AWS documents for the decoded message.
 */
import { createCipheriv, createDecipheriv, randomBytes } from "node:crypto";
import { deflateRawSync, inflateRawSync } from "node:zlib";
import type { Principal } from "../../protocol/service.ts";

const version = 1;
const nonceBytes = 12;
const tagBytes = 16;
/** Characters; it travels in a header, and clients take 16 KiB of headers. */
const maxEncodedLength = 4096;
const maxDecodedBytes = 64 * 1024;

/** What was asked and why the answer was no. */
export interface DeniedAccess {
  readonly principal: Principal;
  readonly action: string;
  readonly resource: string;
  readonly explicitDeny: boolean;
  /** Policies and places in them that denied. */
  readonly matched: readonly { readonly policy: string; readonly type: string; readonly statement: number }[];
  /** Condition keys of the request. */
  readonly conditions: Readonly<Record<string, string | readonly string[]>>;
}

export class AuthorizationMessages {
  readonly #key: Buffer;

  /** @param key 32 bytes */
  constructor(key: Buffer) {
    this.#key = key;
  }

  encode(denied: DeniedAccess): string {
    const { accountId } = denied.principal;
    const whole = this.#seal(accountId, messageOf(denied, denied.conditions));
    // A long header of the client may stand in the conditions; the rest says enough.
    return whole.length <= maxEncodedLength ? whole : this.#seal(accountId, messageOf(denied, {}));
  }

  /** @returns the message as JSON; undefined when it was not made here, or not for this account */
  decode(accountId: string, encoded: string): string | undefined {
    const sealed = Buffer.from(encoded, "base64url");
    if (sealed.length <= 1 + nonceBytes + tagBytes || sealed[0] !== version) return undefined;
    const nonce = sealed.subarray(1, 1 + nonceBytes);
    const decipher = createDecipheriv("aes-256-gcm", this.#key, nonce, { authTagLength: tagBytes });
    decipher.setAAD(Buffer.from(accountId));
    decipher.setAuthTag(sealed.subarray(1 + nonceBytes, 1 + nonceBytes + tagBytes));
    try {
      const plain = Buffer.concat([decipher.update(sealed.subarray(1 + nonceBytes + tagBytes)), decipher.final()]);
      return inflateRawSync(plain, { maxOutputLength: maxDecodedBytes }).toString("utf8");
    } catch {
      return undefined; // changed, or sealed with another key or for another account
    }
  }

  #seal(accountId: string, message: object): string {
    const nonce = randomBytes(nonceBytes);
    const cipher = createCipheriv("aes-256-gcm", this.#key, nonce, { authTagLength: tagBytes });
    cipher.setAAD(Buffer.from(accountId));
    const text = Buffer.concat([cipher.update(deflateRawSync(JSON.stringify(message))), cipher.final()]);
    return Buffer.concat([Buffer.of(version), nonce, cipher.getAuthTag(), text]).toString("base64url");
  }
}

/** Source: AWS STS API Reference, "DecodeAuthorizationMessage". */
function messageOf(denied: DeniedAccess, conditions: DeniedAccess["conditions"]): object {
  const { principal, action, resource, explicitDeny, matched } = denied;
  return {
    allowed: false,
    explicitDeny,
    matchedStatements: {
      items: matched.map(({ policy, type, statement }) => ({
        sourcePolicyId: policy,
        sourcePolicyType: type,
        statement,
      })),
    },
    failures: { items: [] },
    context: {
      principal: { id: principal.userId, arn: principal.arn },
      action,
      resource,
      conditions: {
        items: Object.entries(conditions).map(([key, value]) => ({
          key,
          values: { items: [value].flat().map((each) => ({ value: each })) },
        })),
      },
    },
  };
}
