/**
 * The checksums of S3: which algorithms there are, which one a request brings, and what an answer says of it.
 *
 * A client sends a checksum in a header, or, of a body it could not read twice, in a trailer behind the body.
 */
import { createHash } from "node:crypto";
import { crc32 } from "node:zlib";
import type { ChecksumType } from "../../protocol/generated/s3.ts";
import { Crc64Nvme, crc32c, CrcJoiner, polynomials } from "./crc.ts";
import { invalidRequest, s3Error } from "./errors.ts";

export type ChecksumName = "CRC32" | "CRC32C" | "CRC64NVME" | "SHA1" | "SHA256";

/** Algorithms that the service description has and Sagebrush does not compute. */
export const unsupportedChecksums = ["SHA512", "MD5", "XXHASH64", "XXHASH3", "XXHASH128"] as const;

type ChecksumMember = `Checksum${ChecksumName}`;
export type ChecksumMembers = { readonly [Member in ChecksumMember]?: string };

/** A digest that grows with the body. */
export interface RunningDigest {
  update(bytes: Uint8Array): void;
  digest(): Buffer;
}

interface ChecksumAlgorithm {
  readonly digestBytes: number;
  start(): RunningDigest;
  /** CRCs of parts make the CRC of the whole; hashes do not, so uploads in parts have only the hash of hashes. */
  readonly join: { readonly width: 32 | 64; readonly polynomial: bigint } | undefined;
}

export const checksumAlgorithms: Readonly<Record<ChecksumName, ChecksumAlgorithm>> = {
  CRC32: { digestBytes: 4, start: () => running32(crc32), join: polynomials.CRC32 },
  CRC32C: { digestBytes: 4, start: () => running32(crc32c), join: polynomials.CRC32C },
  CRC64NVME: { digestBytes: 8, start: () => new Crc64Nvme(), join: polynomials.CRC64NVME },
  SHA1: { digestBytes: 20, start: () => createHash("sha1"), join: undefined },
  SHA256: { digestBytes: 32, start: () => createHash("sha256"), join: undefined },
};

export const checksumNames = Object.keys(checksumAlgorithms) as readonly ChecksumName[];

function running32(continued: (bytes: Uint8Array, before: number) => number): RunningDigest {
  let crc = 0;
  return {
    update: (bytes) => (crc = continued(bytes, crc)),
    digest: () => {
      const bytes = Buffer.alloc(4);
      bytes.writeUInt32BE(crc);
      return bytes;
    },
  };
}

export function isChecksumName(name: string | undefined): name is ChecksumName {
  return name !== undefined && Object.hasOwn(checksumAlgorithms, name);
}

export function checksumHeader(algorithm: ChecksumName): string {
  return `x-amz-checksum-${algorithm.toLowerCase()}`;
}

/** A checksum as an object or part keeps it: base64, with `-<parts>` behind a composite one. */
export interface StoredChecksum {
  readonly algorithm: ChecksumName;
  readonly value: string;
  readonly type: ChecksumType;
}

/** The output members that tell a checksum. */
export function checksumMembers(
  checksum: StoredChecksum | undefined,
): ChecksumMembers & { ChecksumType?: ChecksumType } {
  return checksum === undefined
    ? {}
    : { [`Checksum${checksum.algorithm}`]: checksum.value, ChecksumType: checksum.type };
}

/** The checksum that a request promises for its body. */
export interface PromisedChecksum {
  readonly algorithm: ChecksumName;
  /** Base64. Call it after the body was read: a trailer is known only then. */
  value(): string;
}

/**
 * Which checksum a request with a body brings.
 * @param headers lower-cased; `x-amz-trailer` names the trailer that will follow
 * @throws AwsError InvalidRequest for several checksums, for a malformed one, for one that was announced and is absent
 */
export function promisedChecksum(
  input: ChecksumMembers & { readonly ChecksumAlgorithm?: string },
  headers: Readonly<Record<string, string>>,
  trailers: (() => Readonly<Record<string, string>>) | undefined,
): PromisedChecksum | undefined {
  const inHeaders = checksumNames.filter((name) => input[`Checksum${name}`] !== undefined);
  const inTrailers = (headers["x-amz-trailer"] ?? "")
    .toLowerCase()
    .split(",")
    .map((name) => name.trim())
    .filter((name) => name.startsWith("x-amz-checksum-"));
  if (inHeaders.length + inTrailers.length > 1) {
    throw invalidRequest("Expecting a single x-amz-checksum- header. Multiple checksum Types are not allowed.");
  }
  if (inHeaders.length + inTrailers.length === 0) {
    if (input.ChecksumAlgorithm === undefined) return undefined;
    throw invalidRequest(
      "x-amz-sdk-checksum-algorithm specified, but no corresponding x-amz-checksum-* or x-amz-trailer headers were found.",
    );
  }
  const algorithm = inHeaders[0] ?? checksumNames.find((name) => checksumHeader(name) === inTrailers[0]);
  if (algorithm === undefined) {
    throw s3Error(
      "NotImplemented",
      { Header: inTrailers[0] },
      {
        message: `The trailer ${inTrailers[0]} is not supported by Sagebrush: the checksums are ${checksumNames.join(", ")}`,
      },
    );
  }
  if (input.ChecksumAlgorithm !== undefined && input.ChecksumAlgorithm !== algorithm) {
    throw invalidRequest("Value for x-amz-sdk-checksum-algorithm header is invalid.");
  }
  const fromHeader = input[`Checksum${algorithm}`];
  if (fromHeader !== undefined) {
    const value = checkedChecksum(algorithm, fromHeader);
    return { algorithm, value: () => value };
  }
  return {
    algorithm,
    value: () => {
      const fromTrailer = trailers?.()[checksumHeader(algorithm)];
      if (fromTrailer === undefined) throw s3Error("MalformedTrailerError");
      return checkedChecksum(algorithm, fromTrailer);
    },
  };
}

/** @throws AwsError InvalidRequest when `value` is no base64 of the algorithm's length */
export function checkedChecksum(algorithm: ChecksumName, value: string): string {
  if (!isBase64Of(value, checksumAlgorithms[algorithm].digestBytes)) {
    throw invalidRequest(`Value for ${checksumHeader(algorithm)} header is invalid.`);
  }
  return value;
}

/** The Content-MD5 header as hex digits. @throws AwsError InvalidDigest */
export function parseContentMd5(header: string | undefined): string | undefined {
  if (header === undefined) return undefined;
  if (!isBase64Of(header, 16)) throw s3Error("InvalidDigest", { "Content-MD5": header });
  return Buffer.from(header, "base64").toString("hex");
}

function isBase64Of(text: string, bytes: number): boolean {
  const decoded = Buffer.from(text, "base64");
  return decoded.length === bytes && decoded.toString("base64") === text;
}

/** What a body turned out to be. */
export interface BodyDigest {
  /** Bytes. */
  readonly size: number;
  /** Hex digits. */
  readonly md5: string;
  /** Of the algorithm asked for. */
  readonly checksum: StoredChecksum | undefined;
}

/** Measures a body while it flows. */
export class BodyMeter {
  readonly #md5 = createHash("md5");
  readonly #algorithm: ChecksumName | undefined;
  readonly #checksum: RunningDigest | undefined;
  #size = 0;

  constructor(algorithm: ChecksumName | undefined) {
    this.#algorithm = algorithm;
    this.#checksum = algorithm && checksumAlgorithms[algorithm].start();
  }

  get size(): number {
    return this.#size;
  }

  update(bytes: Uint8Array): void {
    this.#size += bytes.length;
    this.#md5.update(bytes);
    this.#checksum?.update(bytes);
  }

  /** Once. */
  digest(): BodyDigest {
    return {
      size: this.#size,
      md5: this.#md5.digest("hex"),
      checksum:
        this.#algorithm === undefined || this.#checksum === undefined
          ? undefined
          : { algorithm: this.#algorithm, value: this.#checksum.digest().toString("base64"), type: "FULL_OBJECT" },
    };
  }
}

/** Checks the whole body of an XML request, e.g. DeleteObjects, against the digests in its headers. */
export function verifyBufferedBody(headers: Readonly<Record<string, string>>, body: Uint8Array): void {
  const expectedMd5 = parseContentMd5(headers["content-md5"]);
  const input = Object.fromEntries(checksumNames.map((name) => [`Checksum${name}`, headers[checksumHeader(name)]]));
  const promised = promisedChecksum(input, headers, undefined);
  const meter = new BodyMeter(promised?.algorithm);
  meter.update(body);
  requirePromised(meter.digest(), { md5: expectedMd5, checksum: promised });
}

/** What a request says about its body. */
export interface PromisedBody {
  /** Hex digits. */
  readonly md5?: string | undefined;
  readonly checksum?: PromisedChecksum | undefined;
  /** Bytes. */
  readonly size?: number | undefined;
}

/** @throws AwsError IncompleteBody or BadDigest when the body is not what the request promised */
export function requirePromised(body: BodyDigest, promised: PromisedBody): void {
  if (promised.size !== undefined && promised.size !== body.size) {
    throw s3Error("IncompleteBody", { NumberBytesExpected: promised.size, NumberBytesProvided: body.size });
  }
  if (promised.md5 !== undefined && promised.md5 !== body.md5) {
    throw s3Error("BadDigest", {
      ExpectedDigest: Buffer.from(promised.md5, "hex").toString("base64"),
      CalculatedDigest: Buffer.from(body.md5, "hex").toString("base64"),
    });
  }
  if (promised.checksum !== undefined)
    requireChecksum(promised.checksum.algorithm, promised.checksum.value(), body.checksum);
}

/** @throws AwsError BadDigest */
export function requireChecksum(algorithm: ChecksumName, expected: string, computed: StoredChecksum | undefined): void {
  if (computed?.value === expected) return;
  throw s3Error("BadDigest", {}, { message: `The ${algorithm} you specified did not match the calculated checksum.` });
}

/** A part as the checksum of a whole upload sees it. */
export interface CheckedPart {
  /** Bytes. */
  readonly size: number;
  readonly checksum: StoredChecksum;
}

/** The checksum of an object out of those of its parts, without reading them again. */
export function combineChecksums(
  algorithm: ChecksumName,
  type: ChecksumType,
  parts: readonly CheckedPart[],
): StoredChecksum {
  const values = parts.map(({ checksum }) => Buffer.from(checksum.value, "base64"));
  if (type === "COMPOSITE") {
    const digest = checksumAlgorithms[algorithm].start();
    for (const value of values) digest.update(value);
    return { algorithm, value: `${digest.digest().toString("base64")}-${parts.length}`, type };
  }
  const { join } = checksumAlgorithms[algorithm];
  if (join === undefined) throw new Error(`${algorithm} of a whole cannot be computed from those of its parts`);
  const joiner = new CrcJoiner(join);
  const whole = values
    .slice(1)
    .reduce<Buffer>((joined, value, index) => joiner.join(joined, value, parts[index + 1].size), values[0]);
  return { algorithm, value: whole.toString("base64"), type };
}
