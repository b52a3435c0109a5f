/** What a CompleteMultipartUpload request says of parts and whole, held against what was uploaded. */
import { createHash } from "node:crypto";
import type { ChecksumType } from "../../protocol/generated/s3.ts";
import {
  checksumHeader,
  combineChecksums,
  requireChecksum,
  type CheckedPart,
  type ChecksumName,
  type StoredChecksum,
} from "./checksums.ts";
import { unquote } from "./conditions.ts";
import { invalidRequest, s3Error } from "./errors.ts";
import type { Upload, UploadedPart } from "./records.ts";

/** Every part but the last has at least this many bytes. */
const minPartBytes = 5 * 2 ** 20;

/** A part as CompleteMultipartUpload names it. */
export interface ClaimedPart {
  readonly partNumber: number;
  /** With or without quotes. */
  readonly etag: string;
  readonly checksums: Readonly<Partial<Record<ChecksumName, string>>>;
}

/** What the client says of the whole. */
export interface ClaimedWhole {
  readonly checksum?: { readonly algorithm: ChecksumName; readonly value: string } | undefined;
  readonly checksumType?: ChecksumType | undefined;
  /** Bytes. */
  readonly size?: number | undefined;
}

/**
 * The uploaded parts that a Complete request names.
 * @throws AwsError MalformedXML, InvalidPartOrder, InvalidPart, EntityTooSmall, InvalidRequest
 */
export function chosenParts(
  upload: Upload,
  claimed: readonly ClaimedPart[],
  uploaded: readonly UploadedPart[],
): readonly [UploadedPart, ...UploadedPart[]] {
  const { uploadId, checksumAlgorithm: algorithm } = upload;
  const byNumber = new Map(uploaded.map((part) => [part.partNumber, part]));
  const chosen = claimed.map(({ partNumber, etag, checksums }, index) => {
    if (index > 0 && partNumber <= claimed[index - 1].partNumber)
      throw s3Error("InvalidPartOrder", { UploadId: uploadId });
    const part = byNumber.get(partNumber);
    const matches =
      part !== undefined &&
      unquote(etag) === part.etag &&
      Object.entries(checksums).every(
        ([name, value]) => name !== part.checksum?.algorithm || value === part.checksum.value,
      );
    if (!matches) throw s3Error("InvalidPart", { UploadId: uploadId, PartNumber: partNumber, ETag: unquote(etag) });
    if (algorithm !== undefined && upload.checksumType === "COMPOSITE" && checksums[algorithm] === undefined) {
      const name = algorithm.toLowerCase();
      throw invalidRequest(
        `The upload was created using a ${name} checksum. The complete request must include the checksum for each part. It was missing for part ${partNumber} in the request.`,
      );
    }
    return part;
  });
  const [first, ...others] = chosen;
  if (first === undefined) throw s3Error("MalformedXML");
  for (const { size, partNumber, etag } of chosen.slice(0, -1)) {
    if (size >= minPartBytes) continue;
    throw s3Error("EntityTooSmall", {
      ProposedSize: size,
      MinSizeAllowed: minPartBytes,
      PartNumber: partNumber,
      ETag: etag,
    });
  }
  return [first, ...others];
}

/** @throws AwsError InvalidRequest, BadDigest when the client expects another whole */
export function checksumOfWhole(
  { checksumAlgorithm: algorithm, checksumType: type }: Upload,
  parts: readonly UploadedPart[],
  claimed: ClaimedWhole,
): StoredChecksum | undefined {
  const size = parts.reduce((sum, part) => sum + part.size, 0);
  if (claimed.size !== undefined && claimed.size !== size) {
    throw invalidRequest(
      `The provided 'x-amz-mp-object-size' header value ${claimed.size} does not match what was computed: ${size}`,
    );
  }
  if (claimed.checksumType !== undefined && type !== undefined && claimed.checksumType !== type) {
    throw invalidRequest(
      `The upload was created using the ${type} checksum mode. The complete request must use the same checksum mode.`,
    );
  }
  if (algorithm === undefined || type === undefined) {
    if (claimed.checksum === undefined) return undefined;
    throw invalidRequest(
      `${checksumHeader(claimed.checksum.algorithm)} cannot be checked: the upload was created without x-amz-checksum-algorithm`,
    );
  }
  const checked = parts.map((part): CheckedPart => ({ size: part.size, checksum: part.checksum! }));
  const whole = combineChecksums(algorithm, type, checked);
  if (claimed.checksum !== undefined) {
    const computed = claimed.checksum.algorithm === algorithm ? whole : undefined;
    // A composite checksum may be sent with or without its number of parts.
    const expected = claimed.checksum.value;
    const suffix = type === "COMPOSITE" && !expected.includes("-") ? `-${parts.length}` : "";
    requireChecksum(claimed.checksum.algorithm, expected + suffix, computed);
  }
  return whole;
}

export function md5OfMd5s(parts: readonly UploadedPart[]): string {
  const md5 = createHash("md5");
  for (const { etag } of parts) md5.update(etag, "hex");
  return md5.digest("hex");
}
