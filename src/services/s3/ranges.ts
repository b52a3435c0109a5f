/** Parts of objects: the Range header (RFC 9110 section 14), part numbers, and the range of a copied part. */
import { invalidArgument, s3Error } from "./errors.ts";
import type { ObjectBody } from "./records.ts";

/** First and last byte, both inclusive. */
export interface ByteRange {
  readonly start: number;
  readonly end: number;
}

/**
 * The bytes that a Range header asks for; undefined for the whole object. A header that is malformed, in another unit
 * or names several ranges is ignored, as RFC 9110 lets a server do and S3 does.
 * @throws AwsError InvalidRange when no byte of the object lies in the range
 */
export function parseRange(header: string | undefined, size: number): ByteRange | undefined {
  const match = /^\s*bytes\s*=\s*(\d*)\s*-\s*(\d*)\s*$/i.exec(header ?? "");
  if (match === null || (match[1] === "" && match[2] === "")) return undefined;
  const unsatisfiable = () =>
    s3Error(
      "InvalidRange",
      { RangeRequested: header, ActualObjectSize: size },
      { headers: { "content-range": `bytes */${size}` } },
    );
  if (match[1] === "") {
    const last = Number(match[2]);
    if (last === 0 || size === 0) throw unsatisfiable();
    return { start: Math.max(0, size - last), end: size - 1 };
  }
  const start = Number(match[1]);
  const end = match[2] === "" ? Infinity : Number(match[2]);
  if (end < start) return undefined;
  if (start >= size) throw unsatisfiable();
  return { start, end: Math.min(end, size - 1) };
}

/**
 * The bytes of one part of an object that was uploaded in parts; any other object is its own part 1.
 * @returns undefined when the part is empty, which only the whole of an empty object can be
 * @throws AwsError InvalidArgument, InvalidPartNumber
 */
export function rangeOfPart(object: ObjectBody, partNumber: number): ByteRange | undefined {
  checkPartNumber(partNumber);
  const runs = object.parts ?? [[1, object.size] as const];
  let start = 0;
  let before = 0;
  for (const [count, bytes] of runs) {
    if (partNumber <= before + count) {
      start += (partNumber - before - 1) * bytes;
      return bytes === 0 ? undefined : { start, end: start + bytes - 1 };
    }
    before += count;
    start += count * bytes;
  }
  throw s3Error("InvalidPartNumber", { PartNumberRequested: partNumber, ActualPartCount: before });
}

/** In how many parts an object was uploaded; undefined when it was not. */
export function partsCount(object: ObjectBody): number | undefined {
  return object.parts?.reduce((sum, [count]) => sum + count, 0);
}

/** Sizes as runs `[count, bytes]`: nearly always two, however many parts there were. */
export function runsOfSizes(sizes: readonly number[]): [count: number, bytes: number][] {
  const runs: [number, number][] = [];
  for (const size of sizes) {
    const last = runs.at(-1);
    if (last?.[1] === size) last[0] += 1;
    else runs.push([1, size]);
  }
  return runs;
}

/** @throws AwsError InvalidArgument */
export function checkPartNumber(partNumber: number): void {
  if (Number.isInteger(partNumber) && partNumber >= 1 && partNumber <= 10_000) return;
  throw invalidArgument("partNumber", partNumber, "Part number must be an integer between 1 and 10000, inclusive");
}

/**
 * `x-amz-copy-source-range`, which unlike Range must be exact.
 * @throws AwsError InvalidArgument
 */
export function parseCopySourceRange(header: string | undefined, size: number): ByteRange | undefined {
  if (header === undefined) return undefined;
  const match = /^bytes=(\d+)-(\d+)$/.exec(header);
  const [start, end] = [Number(match?.[1]), Number(match?.[2])];
  if (match === null || end < start) {
    throw invalidArgument(
      "x-amz-copy-source-range",
      header,
      "The x-amz-copy-source-range value must be of the form bytes=first-last where first and last are the zero-based offsets of the first and last bytes to copy",
    );
  }
  if (end >= size) {
    throw invalidArgument(
      "x-amz-copy-source-range",
      header,
      `Range specified is not valid for source object of size: ${size}`,
    );
  }
  return { start, end };
}
