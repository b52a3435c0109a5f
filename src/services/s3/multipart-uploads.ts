/** Uploads in parts: each part is a blob with a record, until Complete joins them or Abort frees them. */
import { randomBytes } from "node:crypto";
import { AwsError } from "../../protocol/aws-error.ts";
import { RecordMissing, type Actor, type RecordChange, type StoredRecord } from "../../storage/record-store.ts";
import type { ChecksumName, PromisedBody } from "./checksums.ts";
import { evaluateCopySource, evaluateWrite, unquote, type ReadConditions, type WriteConditions } from "./conditions.ts";
import type { EncryptionRequest, OpenEncryption } from "./encryption/object-encryption.ts";
import { invalidRequest, noSuchUpload } from "./errors.ts";
import { listEntries, type Listing, type ListingRequest, type ListingRow } from "./listing.ts";
import { checksumOfWhole, chosenParts, md5OfMd5s, type ClaimedPart, type ClaimedWhole } from "./multipart-claims.ts";
import { checkPartNumber, parseCopySourceRange, runsOfSizes } from "./ranges.ts";
import {
  joinedKey,
  keyName,
  parseNameAfterKey,
  parsePartNumber,
  partKey,
  partName,
  uploadKey,
  within,
  type Bucket,
  type CopySource,
  type JoinedBody,
  type ObjectBody,
  type PartBody,
  type StoredObject,
  type Upload,
  type UploadBody,
  type UploadedPart,
} from "./records.ts";
import { maxBodyBytes, type StagedBody, type StoreCore } from "./store-core.ts";
import { wholeSeconds } from "./version-history.ts";

export interface UploadRow extends ListingRow {
  readonly upload: Upload;
}

/** An upload of a key. */
export interface UploadReference {
  readonly bucket: Bucket;
  readonly key: string;
  readonly uploadId: string;
}

export interface CompleteOptions {
  readonly parts: readonly ClaimedPart[];
  readonly conditions?: WriteConditions;
  readonly claimed: ClaimedWhole;
  readonly actor: Actor;
}

export class MultipartUploads {
  readonly #core: StoreCore;

  constructor(core: StoreCore) {
    this.#core = core;
  }

  /** @throws AwsError NoSuchBucket when the bucket went away */
  async create(
    bucket: Bucket,
    key: string,
    upload: Omit<UploadBody, "encryption">,
    actor: Actor,
    encryption?: EncryptionRequest,
  ): Promise<Upload> {
    const uploadId = newUploadId(this.#core.clock.now());
    const begun = await this.#core.encryptor.begin(bucket, key, encryption);
    const body: UploadBody = { ...upload, ...(begun && { encryption: begun.encryption }) };
    await this.#core.locks.shared(bucket.name, async () => {
      await this.#core.requireStill(bucket);
      const change: RecordChange = { op: "insert", key: uploadKey(bucket, key, uploadId), body };
      await this.#core.records.write([change], this.#core.options(actor));
    });
    return this.get({ bucket, key, uploadId });
  }

  /** @throws AwsError NoSuchUpload */
  async get({ bucket, key, uploadId }: UploadReference): Promise<Upload> {
    const upload = await this.#find({ bucket, key, uploadId });
    if (upload === undefined) throw noSuchUpload(uploadId);
    return upload;
  }

  /**
   * Stores one part, in place of an earlier one of its number.
   * @throws AwsError NoSuchUpload, InvalidArgument, InvalidRequest for a checksum of another algorithm than the upload's, and those of a put
   */
  async putPart(
    reference: UploadReference,
    partNumber: number,
    source: AsyncIterable<Uint8Array>,
    options: { promised: PromisedBody; actor: Actor; signal?: AbortSignal },
  ): Promise<{ readonly part: UploadedPart; readonly upload: Upload }> {
    checkPartNumber(partNumber);
    const upload = await this.get(reference);
    requireSameAlgorithm(upload, options.promised.checksum?.algorithm);
    const staged = await this.#core.stage(source, {
      promised: options.promised,
      algorithm: upload.checksumAlgorithm,
      encryption: await this.#encryptionOf(upload),
      signal: options.signal,
    });
    return { part: await this.#commitPart(reference, partNumber, staged, options.actor), upload };
  }

  /**
   * Stores bytes of an object as one part.
   * @param options.range `x-amz-copy-source-range`
   * @throws AwsError NoSuchKey, PreconditionFailed, EntityTooLarge, and those of `putPart`
   */
  async copyPart(
    reference: UploadReference,
    partNumber: number,
    source: CopySource,
    options: { range: string | undefined; sourceConditions: ReadConditions; actor: Actor; signal?: AbortSignal },
  ): Promise<{ readonly part: UploadedPart; readonly source: StoredObject; readonly upload: Upload }> {
    checkPartNumber(partNumber);
    const upload = await this.get(reference);
    const use = async (object: StoredObject) => {
      evaluateCopySource(object, options.sourceConditions);
      const range = parseCopySourceRange(options.range, object.size);
      const size = range === undefined ? object.size : range.end - range.start + 1;
      if (size > maxBodyBytes) {
        throw invalidRequest(
          `The specified copy source is larger than the maximum allowable size for a copy source: ${maxBodyBytes}`,
        );
      }
      const staged = await this.#core.stageCopy(object, {
        algorithm: upload.checksumAlgorithm,
        encryption: await this.#encryptionOf(upload),
        range,
        signal: options.signal,
      });
      return { object, staged };
    };
    const { object, staged } = await this.#core.readingSource(source, use);
    return { part: await this.#commitPart(reference, partNumber, staged, options.actor), source: object, upload };
  }

  /**
   * Joins the named parts into the object of the upload's key; parts that are not named are dropped. The bytes stay
   * where they are: a record lists the blobs. Doing it again, after an answer that was lost, answers the same.
   * @throws AwsError NoSuchUpload, InvalidPart, InvalidPartOrder, EntityTooSmall, InvalidRequest, BadDigest, PreconditionFailed
   */
  async complete(reference: UploadReference, options: CompleteOptions): Promise<StoredObject> {
    const { bucket, key, uploadId } = reference;
    const { conditions = {}, actor } = options;
    const name = uploadKey(bucket, key, uploadId);
    return this.#core.locks.exclusive(name.name, async () => {
      const upload = await this.#find(reference);
      if (upload === undefined) return this.#completedBefore(reference, options.parts);
      evaluateWrite(key, await this.#core.versions.current(bucket, key), conditions);
      const uploaded = await this.#allParts(bucket, uploadId);
      const parts = chosenParts(upload, options.parts, uploaded);
      const checksum = checksumOfWhole(upload, parts, options.claimed);
      const { key: _key, uploadId: _uploadId, initiated: _initiated, ...description } = upload;
      const { checksumAlgorithm: _algorithm, checksumType: _type, initiator: _initiator, ...described } = description;
      const body: ObjectBody = {
        ...described,
        joined: uploadId,
        size: parts.reduce((sum, { size }) => sum + size, 0),
        etag: `${md5OfMd5s(parts)}-${parts.length}`,
        ...(checksum && { checksum }),
        parts: runsOfSizes(parts.map(({ size }) => size)),
      };
      const joined: JoinedBody = {
        parts: parts.map(({ partNumber, blobId, size, etag, checksum: ofPart }) =>
          ofPart === undefined ? [partNumber, blobId, size, etag] : [partNumber, blobId, size, etag, ofPart.value],
        ),
      };
      const changes: RecordChange[] = [
        { op: "insert", key: joinedKey(uploadId), body: joined },
        { op: "delete", key: name },
        ...partDeletions(bucket, uploadId, uploaded),
      ];
      const event = "ObjectCreated:CompleteMultipartUpload";
      const object = await this.#core
        .commitObject(bucket, key, body, { conditions, heldBefore: true, actor, changes, event })
        .catch((error: unknown) => {
          // The bucket was deleted meanwhile, and the upload with it.
          throw error instanceof RecordMissing ? noSuchUpload(uploadId) : error;
        });
      const kept = new Set(parts.map(({ blobId }) => blobId));
      this.#core.freeing.add(uploaded.map(({ blobId }) => blobId).filter((blobId) => !kept.has(blobId)));
      return object;
    });
  }

  /** Forgets an upload and frees its parts. @throws AwsError NoSuchUpload */
  async abort(reference: UploadReference, actor: Actor): Promise<void> {
    const { bucket, key, uploadId } = reference;
    const name = uploadKey(bucket, key, uploadId);
    await this.#core.locks.exclusive(name.name, async () => {
      await this.get(reference);
      await this.#remove(bucket, name.name.slice(bucket.name.length + 1), actor);
    });
  }

  /** `abort` for those who do not mind that it is over already. @returns whether it was not */
  async abortIfThere(reference: UploadReference, actor: Actor): Promise<boolean> {
    try {
      await this.abort(reference, actor);
      return true;
    } catch (error) {
      if (error instanceof AwsError && error.code === "NoSuchUpload") return false;
      throw error;
    }
  }

  /** Uploads that are not finished, by key and time, rolled up at the delimiter. `after` is a name, `from` a key. */
  list(bucket: Bucket, request: ListingRequest): Promise<Listing<UploadRow>> {
    return listEntries(async (start, limit) => {
      const page = await this.#core.records.list<UploadBody>({
        ...within(bucket, "s3-upload", keyName(request.prefix)),
        ...(start.after === undefined ? {} : { nameAfter: `${bucket.name}/${start.after}` }),
        ...(start.from === undefined ? {} : { nameFrom: `${bucket.name}/${keyName(start.from)}` }),
        limit,
      });
      return page.records.map((record) => {
        const upload = toUpload(bucket, record);
        return { name: record.name.slice(bucket.name.length + 1), key: upload.key, upload };
      });
    }, request);
  }

  /**
   * The parts of an upload in the order of their numbers.
   * @param after part number; only greater ones are listed
   */
  async listParts(
    bucket: Bucket,
    uploadId: string,
    { after, limit }: { after: number; limit: number },
  ): Promise<{ parts: readonly UploadedPart[]; truncated: boolean }> {
    const page = await this.#core.records.list<PartBody>({
      ...within(bucket, "s3-part", `${uploadId}/`),
      nameAfter: `${bucket.name}/${partName(uploadId, Math.min(after, 99_999))}`,
      limit,
    });
    return { parts: page.records.map(toPart), truncated: page.next !== undefined };
  }

  /** Removes every upload of a bucket that its caller has alone. */
  async removeAll(bucket: Bucket, actor: Actor): Promise<void> {
    for (;;) {
      const { entries } = await this.list(bucket, { prefix: "", delimiter: "", start: {}, maxEntries: 100 });
      if (entries.length === 0) return;
      for (const entry of entries) if ("row" in entry) await this.#remove(bucket, entry.row.name, actor);
    }
  }

  async #encryptionOf({ encryption }: Upload): Promise<OpenEncryption | undefined> {
    return encryption && { encryption, dataKey: await this.#core.encryptor.dataKey(encryption) };
  }

  async #find({ bucket, key, uploadId }: UploadReference): Promise<Upload | undefined> {
    const record = await this.#core.records.get<UploadBody>(uploadKey(bucket, key, uploadId));
    return record && toUpload(bucket, record);
  }

  /** What an upload was completed to, as long as that is there and the same parts are named. @throws AwsError NoSuchUpload */
  async #completedBefore(
    { bucket, key, uploadId }: UploadReference,
    claimed: readonly ClaimedPart[],
  ): Promise<StoredObject> {
    const record = await this.#core.records.get<JoinedBody>(joinedKey(uploadId));
    const { parts = [] } = record?.body ?? {};
    const same =
      parts.length === claimed.length &&
      parts.every(([number, , , etag], index) => {
        const part = claimed[index];
        return part.partNumber === number && unquote(part.etag) === etag;
      });
    const versions = same
      ? [await this.#core.versions.current(bucket, key), ...(await this.#core.versions.others(bucket, key, 1000))]
      : [];
    const object = versions.find((version) => version?.marker === undefined && version?.joined === uploadId);
    if (object === undefined || object.marker) throw noSuchUpload(uploadId);
    return object;
  }

  async #remove(bucket: Bucket, name: string, actor: Actor): Promise<void> {
    const { key, rest: uploadId } = parseNameAfterKey(name);
    const parts = await this.#allParts(bucket, uploadId);
    const changes: RecordChange[] = [
      { op: "delete", key: uploadKey(bucket, key, uploadId), ifExists: true },
      ...partDeletions(bucket, uploadId, parts),
    ];
    await this.#core.records.write(changes, this.#core.options(actor));
    this.#core.freeing.add(parts.map(({ blobId }) => blobId));
  }

  async #commitPart(
    reference: UploadReference,
    partNumber: number,
    staged: StagedBody,
    actor: Actor,
  ): Promise<UploadedPart> {
    const { bucket, key, uploadId } = reference;
    const { records, locks } = this.#core;
    const name = partKey(bucket, uploadId, partNumber);
    const { size, etag, checksum } = staged;
    const blobId = staged.blobId!;
    const body: PartBody = { blobId, size, etag, ...(checksum && { checksum }) };
    const commit = async () => {
      await this.get(reference);
      const replaced = await records.get<PartBody>(name);
      const [record] = await records.write([{ op: "put", key: name, body }], this.#core.options(actor));
      return { part: toPart(record as StoredRecord<PartBody>), replaced };
    };
    const { part, replaced } = await this.#core.keepOrDiscard(blobId, () =>
      locks.shared(uploadKey(bucket, key, uploadId).name, () =>
        locks.shared(bucket.name, () => locks.exclusive(name.name, commit)),
      ),
    );
    if (replaced !== undefined) this.#core.freeing.add([replaced.body.blobId]);
    return part;
  }

  async #allParts(bucket: Bucket, uploadId: string): Promise<readonly UploadedPart[]> {
    const all: UploadedPart[] = [];
    for (;;) {
      const { parts, truncated } = await this.listParts(bucket, uploadId, {
        after: all.at(-1)?.partNumber ?? 0,
        limit: 1000,
      });
      all.push(...parts);
      if (!truncated) return all;
    }
  }
}

/** Begins with the time, so that the uploads of one key are listed in the order in which they began. */
function newUploadId(now: number): string {
  return now.toString(16).padStart(12, "0") + randomBytes(24).toString("base64url");
}

function toUpload(bucket: Bucket, record: StoredRecord<UploadBody>): Upload {
  const { key, rest: uploadId } = parseNameAfterKey(record.name.slice(bucket.name.length + 1));
  return { ...record.body, key, uploadId, initiated: wholeSeconds(record.createdAt) };
}

function toPart(record: StoredRecord<PartBody>): UploadedPart {
  return { ...record.body, partNumber: parsePartNumber(record.name), lastModified: wholeSeconds(record.updatedAt) };
}

function partDeletions(bucket: Bucket, uploadId: string, parts: readonly UploadedPart[]): RecordChange[] {
  return parts.map(({ partNumber }) => ({ op: "delete", key: partKey(bucket, uploadId, partNumber), ifExists: true }));
}

/** A part without a checksum is fine: it is computed here. One of another algorithm could not be joined. */
function requireSameAlgorithm(upload: Upload, algorithm: ChecksumName | undefined): void {
  if (upload.checksumAlgorithm === undefined || algorithm === undefined || upload.checksumAlgorithm === algorithm)
    return;
  throw invalidRequest(
    `Checksum Type mismatch occurred, expected checksum Type: ${upload.checksumAlgorithm.toLowerCase()}, actual checksum Type: ${algorithm.toLowerCase()}`,
  );
}
