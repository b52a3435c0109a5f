/**
 * Lists as S3 cuts them: keys under a prefix, those that share a prefix up to a delimiter rolled up into one entry.
 *
 * An entry is a key or a common prefix; entries are in byte order, and a page goes on after the last entry of the page
 * before. Behind a common prefix the reader jumps past all its keys, so a page costs what it shows, however many
 * keys the common prefixes hide.
 */
import { prefixEnd } from "../../storage/name-order.ts";

/** Where to begin: at the first name greater than `after`, or not less than `from`. */
export interface Start {
  readonly after?: string;
  readonly from?: string;
}

export interface ListingRow {
  /** Position of the row, ordered by bytes; begins with `key`. */
  readonly name: string;
  readonly key: string;
}

export type ListingEntry<Row extends ListingRow> = { readonly row: Row } | { readonly commonPrefix: string };

export interface ListingRequest {
  readonly prefix: string;
  /** Empty for none. */
  readonly delimiter: string;
  readonly start: Start;
  readonly maxEntries: number;
}

export interface Listing<Row extends ListingRow> {
  readonly entries: readonly ListingEntry<Row>[];
  /** There are entries after the last one. */
  readonly truncated: boolean;
}

/** Reads at most `limit` rows under the listing's prefix, in order; fewer only when there are no more. */
export type RowReader<Row> = (start: Start, limit: number) => Promise<readonly Row[]>;

const maxBatch = 1000;
/** Rows of the first read when some may be rolled up. */
const firstBatch = 32;

export async function listEntries<Row extends ListingRow>(
  read: RowReader<Row>,
  { prefix, delimiter, start, maxEntries }: ListingRequest,
): Promise<Listing<Row>> {
  if (maxEntries === 0) return { entries: [], truncated: false };
  // One more than asked for tells whether there is more.
  const wanted = maxEntries + 1;
  const entries: ListingEntry<Row>[] = [];
  let position: Start | undefined = start;
  let batch = delimiter === "" ? maxBatch : firstBatch;
  while (position !== undefined && entries.length < wanted) {
    const limit: number = Math.min(batch, wanted - entries.length, maxBatch);
    const rows = await read(position, limit);
    const before = entries.length;
    let rolled: string | undefined;
    for (const row of rows) {
      if (rolled !== undefined && row.key.startsWith(rolled)) continue;
      rolled = commonPrefix(row.key, prefix, delimiter);
      entries.push(rolled === undefined ? { row } : { commonPrefix: rolled });
    }
    if (rows.length < limit) break;
    position = rolled === undefined ? { after: rows[rows.length - 1].name } : past(rolled);
    // Reads grow while rows become entries and shrink where most were rolled up.
    if (delimiter !== "") batch = Math.max(2, 2 * (entries.length - before));
  }
  return { entries: entries.slice(0, maxEntries), truncated: entries.length > maxEntries };
}

/**
 * Where a list goes on after an entry. A position under a common prefix counts as that common prefix: it is less than
 * the position, hence was listed before it.
 */
export function startAfter(entry: string, prefix: string, delimiter: string): Start {
  const rolled = entry.startsWith(prefix) ? commonPrefix(entry, prefix, delimiter) : undefined;
  return rolled === undefined ? { after: entry } : (past(rolled) ?? { after: entry });
}

function commonPrefix(key: string, prefix: string, delimiter: string): string | undefined {
  if (delimiter === "") return undefined;
  const at = key.indexOf(delimiter, prefix.length);
  return at === -1 ? undefined : key.slice(0, at + delimiter.length);
}

function past(commonPrefix: string): Start | undefined {
  const from = prefixEnd(commonPrefix);
  return from === undefined ? undefined : { from };
}
