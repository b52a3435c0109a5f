/**
 * Encryption of objects at rest: what a request or its bucket asks for, and the data keys that do it.
 *
 * Each object has a data key of its own. SSE-S3 (`AES256`) wraps it with the master key of the data directory; SSE-KMS
 * (`aws:kms`) with the managed key `aws/s3` of account and region, which is wrapped by the master key itself, and
 * authenticates the encryption context with it. Keys of customers (in KMS or sent with each request) are not supported.
 *
 * Without a header and without a default of the bucket nothing is encrypted: reading and writing is then as fast as the
 * disk, files can be shared with jobs by reference, and who can read the disk here can read the keys beside it.
 */
import { randomBytes, randomUUID } from "node:crypto";
import type { ServerSideEncryption } from "../../../protocol/generated/s3.ts";
import { RecordExists, type RecordKey, type RecordStore } from "../../../storage/record-store.ts";
import type { Clock } from "../../../util/clock.ts";
import { invalidArgument, s3Error } from "../errors.ts";
import type { Bucket } from "../records.ts";
import { isManagedKey } from "../settings/encryption.ts";
import type { KeyRing } from "./key-ring.ts";
import { unwrapKey, wrapKey } from "./wrapped-key.ts";

/** What a request asks for. */
export interface EncryptionRequest {
  readonly ServerSideEncryption?: ServerSideEncryption;
  readonly SSEKMSKeyId?: string;
  /** Base64 of a JSON object of strings. */
  readonly SSEKMSEncryptionContext?: string;
  readonly BucketKeyEnabled?: boolean;
}

/** How an object is encrypted, as its record keeps it. */
export interface ObjectEncryption {
  readonly algorithm: "AES256" | "aws:kms";
  /** The data key, wrapped. */
  readonly key: string;
  /** ARN of the key that wrapped it, where that is not the master key. */
  readonly kmsKey?: string;
  /** Authenticated with the data key: what the client gave, and the object's ARN. */
  readonly context?: Readonly<Record<string, string>>;
  readonly bucketKey?: boolean;
}

/** An encryption that has begun. */
export interface OpenEncryption {
  readonly encryption: ObjectEncryption;
  /** 32 bytes */
  readonly dataKey: Uint8Array;
}

interface ManagedKeyBody {
  readonly keyId: string;
  readonly key: string;
}

const dataKeyBytes = 32;
const maxContextBytes = 8192;

export class Encryptor {
  readonly #records: RecordStore;
  readonly #keyRing: KeyRing;
  readonly #clock: Clock;

  constructor(options: { readonly records: RecordStore; readonly keyRing: KeyRing; readonly clock: Clock }) {
    this.#records = options.records;
    this.#keyRing = options.keyRing;
    this.#clock = options.clock;
  }

  /**
   * A new data key for an object, as its request asks for or else as the bucket has it by default.
   * @returns undefined when neither asks for encryption
   * @throws AwsError InvalidArgument, NotImplemented for keys of customers
   */
  async begin(bucket: Bucket, key: string, request: EncryptionRequest = {}): Promise<OpenEncryption | undefined> {
    const { algorithm, keyId, bucketKey } = wanted(bucket, request);
    const given = contextOf(request.SSEKMSEncryptionContext);
    if (algorithm === undefined) return undefined;
    const dataKey = randomBytes(dataKeyBytes);
    if (algorithm === "AES256") {
      return { dataKey, encryption: { algorithm, key: this.#keyRing.wrap(dataKey, algorithm) } };
    }
    const managed = await this.#managedKey(bucket);
    if (keyId !== undefined && !isManagedKey(keyId) && keyId !== managed.arn && keyId !== managed.id) {
      const message = `SSEKMSKeyId=${keyId} is not supported by Sagebrush: there is no KMS, aws:kms uses the key alias/aws/s3`;
      throw s3Error("NotImplemented", {}, { message });
    }
    const context = { ...given, "aws:s3:arn": `arn:aws:s3:::${bucket.name}/${key}` };
    return {
      dataKey,
      encryption: {
        algorithm,
        kmsKey: managed.arn,
        key: wrapKey(managed.key, dataKey, canonical(context)),
        context,
        ...(bucketKey === true && { bucketKey }),
      },
    };
  }

  /** The data key of what is stored. @throws Error when it cannot be unwrapped */
  async dataKey({ algorithm, key, kmsKey, context = {} }: ObjectEncryption): Promise<Uint8Array> {
    if (kmsKey === undefined) return this.#keyRing.unwrap(key, algorithm);
    const [, , , region, accountId] = kmsKey.split(":");
    const record = await this.#records.get<ManagedKeyBody>(managedKeyOf({ accountId, region }));
    if (record === undefined) throw new Error(`the key ${kmsKey} is gone: what was encrypted with it cannot be read`);
    return unwrapKey(this.#keyRing.unwrap(record.body.key, record.body.keyId), key, canonical(context));
  }

  /** The key `aws/s3` of the bucket's account and region, made when it is first needed. */
  async #managedKey(
    bucket: Pick<Bucket, "accountId" | "region">,
  ): Promise<{ id: string; arn: string; key: Uint8Array }> {
    const name = managedKeyOf(bucket);
    let record = await this.#records.get<ManagedKeyBody>(name);
    if (record === undefined) {
      const keyId = randomUUID();
      const body: ManagedKeyBody = { keyId, key: this.#keyRing.wrap(randomBytes(dataKeyBytes), keyId) };
      try {
        await this.#records.write([{ op: "insert", key: name, body }], {
          actor: { by: "sagebrush:s3", call: "kms:CreateKey" },
          at: this.#clock.now(),
          history: false,
        });
      } catch (error) {
        // Somebody else needed it at the same time.
        if (!(error instanceof RecordExists)) throw error;
      }
      record = (await this.#records.get<ManagedKeyBody>(name))!;
    }
    const { keyId, key } = record.body;
    const arn = `arn:aws:kms:${bucket.region}:${bucket.accountId}:key/${keyId}`;
    return { id: keyId, arn, key: this.#keyRing.unwrap(key, keyId) };
  }
}

/** What answers say of an encryption. */
export function encryptionMembers(encryption: ObjectEncryption | undefined): {
  ServerSideEncryption?: "AES256" | "aws:kms";
  SSEKMSKeyId?: string;
  BucketKeyEnabled?: boolean;
} {
  if (encryption === undefined) return {};
  const { algorithm, kmsKey, bucketKey } = encryption;
  return {
    ServerSideEncryption: algorithm,
    ...(kmsKey !== undefined && { SSEKMSKeyId: kmsKey }),
    ...(bucketKey !== undefined && { BucketKeyEnabled: bucketKey }),
  };
}

function wanted(
  { settings }: Bucket,
  request: EncryptionRequest,
): { algorithm?: ObjectEncryption["algorithm"]; keyId?: string | undefined; bucketKey?: boolean | undefined } {
  const { ServerSideEncryption: algorithm, SSEKMSKeyId: keyId, SSEKMSEncryptionContext: context } = request;
  if (algorithm !== "aws:kms" && (keyId ?? context) !== undefined) {
    const [name, value] =
      keyId === undefined
        ? ["x-amz-server-side-encryption-context", context]
        : ["x-amz-server-side-encryption-aws-kms-key-id", keyId];
    const message =
      "Server Side Encryption with AWS KMS managed key requires HTTP header x-amz-server-side-encryption : aws:kms";
    throw invalidArgument(name, value, message);
  }
  const rule = settings.encryption?.Rules[0];
  const bucketKey = request.BucketKeyEnabled ?? rule?.BucketKeyEnabled;
  if (algorithm !== undefined) {
    if (algorithm === "AES256" || algorithm === "aws:kms") return { algorithm, keyId, bucketKey };
    throw s3Error("InvalidEncryptionAlgorithmError", { Algorithm: algorithm });
  }
  const byDefault = rule?.ApplyServerSideEncryptionByDefault?.SSEAlgorithm;
  return byDefault === "AES256" || byDefault === "aws:kms" ? { algorithm: byDefault, bucketKey } : {};
}

/** @throws AwsError InvalidArgument for anything but base64 of a JSON object of strings */
function contextOf(header: string | undefined): Record<string, string> {
  if (header === undefined) return {};
  const refuse = () =>
    invalidArgument(
      "x-amz-server-side-encryption-context",
      header,
      "The header 'x-amz-server-side-encryption-context' shall be Base64-encoded UTF-8 string holding JSON which represents a string-string map",
    );
  if (header.length > maxContextBytes) throw refuse();
  let context: unknown;
  try {
    context = JSON.parse(Buffer.from(header, "base64").toString());
  } catch {
    throw refuse();
  }
  if (typeof context !== "object" || context === null || Array.isArray(context)) throw refuse();
  const entries = Object.entries(context as Record<string, unknown>);
  if (!entries.every((entry): entry is [string, string] => typeof entry[1] === "string")) throw refuse();
  return Object.fromEntries(entries);
}

/** The same text for the same context, in whatever order it was given. */
function canonical(context: Readonly<Record<string, string>>): string {
  return JSON.stringify(Object.entries(context).toSorted(([a], [b]) => (a < b ? -1 : 1)));
}

function managedKeyOf({ accountId, region }: Pick<Bucket, "accountId" | "region">): RecordKey {
  return { accountId, region, family: "s3-managed-key", name: "aws/s3" };
}
