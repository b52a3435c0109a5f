/** A summary as bytes: ten for a single value, which most are. */
import { Distribution, type Weighted } from "../statistics/distribution.ts";
import { Summary } from "../statistics/summary.ts";
import type { ByteReader, ByteWriter } from "./bytes.ts";

/** What follows the first byte; without any of these it is count, sum, minimum and maximum of unknown values. */
const allTheSame = 1;
const exactValues = 2;
const buckets = 4;
/** All the same, and the sum is not just value times count, having been added up in pieces. */
const ownSum = 8;

export function writeSummary(out: ByteWriter, summary: Summary): void {
  const { count, sum, min, max, known, distribution } = summary;
  if (known && distribution === undefined) {
    const plain = sum === min * count;
    out.byte(plain ? allTheSame : allTheSame | ownSum);
    writeCount(out, count);
    out.double(min);
    if (!plain) out.double(sum);
    return;
  }
  out.byte(distribution === undefined ? 0 : distribution.exact ? exactValues : buckets);
  writeCount(out, count);
  out.double(sum);
  out.double(min);
  out.double(max);
  if (distribution !== undefined) writeDistribution(out, distribution);
}

export function readSummary(from: ByteReader): Summary {
  const form = from.byte();
  const count = readCount(from);
  if ((form & allTheSame) !== 0) {
    const made = Summary.of(from.double(), count);
    if ((form & ownSum) !== 0) made.sum = from.double();
    return made;
  }
  const made = Summary.ofStatistics(count, from.double(), from.double(), from.double());
  made.known = form !== 0;
  if (form === exactValues) made.distribution = readExact(from);
  if (form === buckets) made.distribution = readBuckets(from);
  return made;
}

function writeDistribution(out: ByteWriter, distribution: Distribution): void {
  out.varint(distribution.size);
  if (distribution.exact) {
    for (const [value, count] of distribution.cells) {
      out.double(value);
      writeCount(out, count);
    }
    return;
  }
  writeCount(out, distribution.zeros);
  let last = 0;
  for (const [bucket, count] of [...distribution.cells].sort((a, b) => a[0] - b[0])) {
    out.signed(bucket - last);
    writeCount(out, count);
    last = bucket;
  }
}

function readExact(from: ByteReader): Distribution {
  const made = new Distribution();
  for (let left = from.varint(); left > 0; left -= 1) made.add(from.double(), readCount(from));
  return made;
}

function readBuckets(from: ByteReader): Distribution {
  const size = from.varint();
  const zeros = readCount(from);
  const cells: Weighted[] = [];
  let bucket = 0;
  for (let left = size; left > 0; left -= 1) {
    bucket += from.signed();
    cells.push([bucket, readCount(from)]);
  }
  return Distribution.fromBuckets(zeros, cells);
}

/** Counts are whole nearly always, though the API has them as doubles. */
function writeCount(out: ByteWriter, count: number): void {
  const whole = Number.isSafeInteger(count) && count >= 0 && count < Number.MAX_SAFE_INTEGER;
  out.varint(whole ? count + 1 : 0);
  if (!whole) out.double(count);
}

function readCount(from: ByteReader): number {
  const count = from.varint();
  return count === 0 ? from.double() : count - 1;
}
