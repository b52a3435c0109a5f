/**
 * Verification of everything that is stored: each body is read, decrypted, and held to what its record says of it.
 *
 * It may run while others write: what was replaced or deleted under it is not reported.
 */
import { BlobMissing } from "../../storage/blob-store.ts";
import type { RecordStore, StoredRecord } from "../../storage/record-store.ts";
import { BodyMeter, type ChecksumName, type StoredChecksum } from "./checksums.ts";
import type { ObjectBytes } from "./object-bytes.ts";
import {
  parseKeyName,
  parseNameAfterKey,
  type ObjectBody,
  type PartBody,
  type UploadBody,
  type VersionBody,
} from "./records.ts";
import { versionIdOf } from "./version-history.ts";

/** One object, older version, or part of an unfinished upload that was read. */
export interface Verified {
  readonly bucket: string;
  /** Of a part of an upload: `<upload id>/<part number>`. */
  readonly key: string;
  readonly kind: "object" | "older version" | "uploaded part";
  readonly versionId?: string;
  /** Plain bytes that were read. */
  readonly bytes: number;
  /** What is wrong; absent when nothing is. One sentence. */
  readonly problem?: string;
}

interface Stores {
  readonly records: RecordStore;
  readonly bytes: ObjectBytes;
}

interface Expected {
  readonly size: number;
  /** MD5 in hex; absent where the tag is none. */
  readonly md5?: string | undefined;
  readonly checksum?: StoredChecksum | undefined;
  readonly encryption: ObjectBody["encryption"] | undefined;
}

/** @throws the signal's reason when it aborts */
export async function* verifyStored({ records, bytes }: Stores, signal?: AbortSignal): AsyncGenerator<Verified> {
  for (const family of ["s3-object", "s3-version"] as const) {
    for await (const record of records.scan<VersionBody>(family)) {
      signal?.throwIfAborted();
      const { body } = record;
      if ("marker" in body) continue;
      const verified = await look(records, record, () => verifyObject(bytes, body));
      if (verified === undefined) continue;
      const [bucket, rest] = splitBucket(record.name);
      const key = family === "s3-object" ? parseKeyName(rest) : parseNameAfterKey(rest).key;
      const versionId = versionIdOf(body);
      yield {
        bucket,
        key,
        kind: family === "s3-object" ? "object" : "older version",
        ...((family === "s3-version" || versionId !== "null") && { versionId }),
        ...verified,
      };
    }
  }
  yield* verifyParts({ records, bytes }, signal);
}

/** Parts of uploads that are not finished. How they are encrypted stands in their upload. */
async function* verifyParts({ records, bytes }: Stores, signal: AbortSignal | undefined): AsyncGenerator<Verified> {
  const encryptions = new Map<string, UploadBody["encryption"]>();
  for await (const { name, body } of records.scan<UploadBody>("s3-upload")) {
    if (body.encryption !== undefined) encryptions.set(parseNameAfterKey(name).rest, body.encryption);
  }
  for await (const record of records.scan<PartBody>("s3-part")) {
    signal?.throwIfAborted();
    const [bucket, key] = splitBucket(record.name);
    const { blobId, size, etag, checksum } = record.body;
    const encryption = encryptions.get(key.slice(0, key.lastIndexOf("/")));
    const md5 = encryption?.kmsKey === undefined ? etag : undefined;
    const expected = { size, md5, checksum, encryption };
    const verified = await look(records, record, () => verifyBlob(bytes, blobId, expected));
    if (verified !== undefined) yield { bucket, key, kind: "uploaded part", ...verified };
  }
}

type Outcome = Pick<Verified, "bytes" | "problem">;

/** @returns undefined when the record changed meanwhile and something is wrong, which then is nobody's loss */
async function look(
  records: RecordStore,
  record: StoredRecord,
  verify: () => Promise<Outcome>,
): Promise<Outcome | undefined> {
  const outcome = await verify();
  if (outcome.problem === undefined) return outcome;
  const now = await records.get(record);
  return now?.revision === record.revision && now.createdAt === record.createdAt ? outcome : undefined;
}

async function verifyObject(bytes: ObjectBytes, object: ObjectBody): Promise<Outcome> {
  const { etag, size, checksum, encryption } = object;
  const isMd5 = encryption?.kmsKey === undefined;
  const { blobId, few } = object;
  const expected = { size, md5: isMd5 ? etag : undefined, checksum, encryption };
  if (blobId !== undefined) return verifyBlob(bytes, blobId, expected);
  if (few !== undefined) return verifyBytes(async () => [await bytes.wholeFew(few, expected)], expected);
  let read = 0;
  try {
    for (const [number, partBlob, partSize, partEtag, value] of await bytes.parts(object)) {
      const ofOne = {
        encryption,
        size: partSize,
        md5: isMd5 ? partEtag : undefined,
        checksum: partChecksum(checksum?.algorithm, value),
      };
      const { bytes: ofPart, problem } = await verifyBlob(bytes, partBlob, ofOne);
      read += ofPart;
      if (problem !== undefined) return { bytes: read, problem: `part ${number}: ${problem}` };
    }
  } catch (error) {
    return { bytes: read, problem: sentenceOf(error) };
  }
  return read === size ? { bytes: read } : { bytes: read, problem: `it should have ${size} bytes and has ${read}` };
}

function partChecksum(algorithm: ChecksumName | undefined, value: string | undefined): StoredChecksum | undefined {
  return algorithm === undefined || value === undefined ? undefined : { algorithm, value, type: "FULL_OBJECT" };
}

function verifyBlob(bytes: ObjectBytes, blobId: string, expected: Expected): Promise<Outcome> {
  return verifyBytes(() => bytes.whole(blobId, expected), expected);
}

async function verifyBytes(
  open: () => Promise<AsyncIterable<Uint8Array> | Iterable<Uint8Array>>,
  expected: Expected,
): Promise<Outcome> {
  const meter = new BodyMeter(expected.checksum?.algorithm);
  try {
    for await (const chunk of await open()) meter.update(chunk);
  } catch (error) {
    return { bytes: meter.size, problem: sentenceOf(error) };
  }
  const { size, md5, checksum } = meter.digest();
  const problem =
    size !== expected.size
      ? `it should have ${expected.size} bytes and has ${size}`
      : expected.md5 !== undefined && md5 !== expected.md5
        ? `its MD5 should be ${expected.md5} and is ${md5}`
        : expected.checksum !== undefined && checksum?.value !== expected.checksum.value
          ? `its ${expected.checksum.algorithm} should be ${expected.checksum.value} and is ${checksum?.value}`
          : undefined;
  return { bytes: size, ...(problem !== undefined && { problem }) };
}

function sentenceOf(error: unknown): string {
  if (error instanceof BlobMissing) return `its bytes are missing: ${error.message}`;
  return error instanceof Error ? error.message : String(error);
}

/** Bucket names hold no slash. */
function splitBucket(name: string): [bucket: string, rest: string] {
  const at = name.indexOf("/");
  return [name.slice(0, at), name.slice(at + 1)];
}
