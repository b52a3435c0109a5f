/** Lists of versions: the objects of a bucket and the older versions and delete markers behind them, as one list. */
import { compareNames } from "../../storage/name-order.ts";
import type { RecordStore } from "../../storage/record-store.ts";
import { listEntries, startAfter, type Listing, type ListingRequest, type ListingRow, type Start } from "./listing.ts";
import {
  keyName,
  nextKey,
  parseNameAfterKey,
  versionName,
  within,
  type Bucket,
  type ObjectBody,
  type StoredVersion,
  type VersionBody,
} from "./records.ts";
import { toObject, toVersion, type VersionHistory } from "./version-history.ts";

export interface VersionRow extends ListingRow {
  readonly version: StoredVersion;
  readonly isLatest: boolean;
}

interface Stores {
  readonly records: RecordStore;
  readonly versions: VersionHistory;
}

export async function listVersions(
  stores: Stores,
  bucket: Bucket,
  request: Omit<ListingRequest, "start"> & { readonly keyMarker: string; readonly versionIdMarker: string },
): Promise<Listing<VersionRow>> {
  const { prefix } = request;
  const start = await startOf(stores, bucket, request);
  return listEntries((position, limit) => readRows(stores, bucket, prefix, position, limit), { ...request, start });
}

/** Behind the marked version or, without a version id, behind all versions of the marked key. */
async function startOf(
  { versions }: Stores,
  bucket: Bucket,
  request: { prefix: string; delimiter: string; keyMarker: string; versionIdMarker: string },
): Promise<Start> {
  const { prefix, delimiter, keyMarker, versionIdMarker } = request;
  if (keyMarker === "") return {};
  const start = startAfter(keyMarker, prefix, delimiter);
  if (start.after === undefined) return start;
  if (versionIdMarker === "") return { from: nextKey(keyMarker) };
  if (versionIdMarker !== "null") return { after: versionName(keyMarker, versionIdMarker) };
  const marked = await versions.find(bucket, keyMarker, "null");
  return marked === undefined ? { from: nextKey(keyMarker) } : { after: versionName(keyMarker, marked.place ?? "") };
}

/** The next rows of both families, merged; of a key, its object comes first. */
async function readRows(
  { records, versions }: Stores,
  bucket: Bucket,
  prefix: string,
  { after, from }: Start,
  limit: number,
): Promise<readonly VersionRow[]> {
  const begun = after === undefined ? undefined : parseNameAfterKey(after).key;
  const beginning = `${bucket.name}/`;
  const [again, objects, others] = await Promise.all([
    begun === undefined ? undefined : versions.current(bucket, begun),
    records.list<ObjectBody>({
      ...within(bucket, "s3-object", keyName(prefix)),
      ...(begun === undefined ? {} : { nameAfter: beginning + keyName(begun) }),
      ...(from === undefined ? {} : { nameFrom: beginning + keyName(from) }),
      limit,
    }),
    records.list<VersionBody>({
      ...within(bucket, "s3-version", keyName(prefix)),
      ...(after === undefined ? {} : { nameAfter: beginning + after }),
      ...(from === undefined ? {} : { nameFrom: beginning + keyName(from) }),
      limit,
    }),
  ]);
  const current = [
    ...(again === undefined ? [] : [again]),
    ...objects.records.map((record) => toObject(bucket, record)),
  ];
  const rows = [
    ...current.map((version) => {
      const { key, place = "" } = version;
      return { name: versionName(key, place), key, version, isLatest: true };
    }),
    ...others.records.map((record) => {
      const version = toVersion(bucket, record);
      return { name: record.name.slice(beginning.length), key: version.key, version, isLatest: false };
    }),
  ]
    .filter(({ name }) => after === undefined || compareNames(name, after) > 0)
    .toSorted((a, b) => compareNames(a.name, b.name))
    .slice(0, limit);
  // The first version of a key is its newest, unless the key began before these rows.
  const latest = async (row: VersionRow, index: number): Promise<VersionRow> => {
    if (row.isLatest || row.key === rows[index - 1]?.key) return row;
    if (row.key !== begun) return { ...row, isLatest: true };
    const [newest] = await versions.others(bucket, row.key, 1);
    const isLatest = newest?.place === row.version.place && (await versions.current(bucket, row.key)) === undefined;
    return { ...row, isLatest };
  };
  return Promise.all(rows.map(latest));
}
