/**
 * The queries of the record store, in Kysely: common SQL, whatever database runs it.
 *
 * Lists page by keyset: a page begins after the (sort value, name) of the last record of the page before, which an index
 * finds at once, so a page costs the same at any depth and in any number of records.
 */
import type { CompiledQuery, Kysely, SelectQueryBuilder } from "kysely";
import { compareNames, prefixEnd } from "./name-order.ts";
import type { ListQuery } from "./record-store.ts";
import type { RecordSchema, RecordTable } from "./record-schema.ts";
import type { SqlFlavour } from "./sql-flavour.ts";

export type RecordRow = Omit<RecordTable, "id" | "space_id">;

const recordColumns = ["name", "arn", "status", "created_at", "updated_at", "revision", "body"] as const;

/** A bound of a range; strict ones exclude the value itself. */
interface Bound<Value> {
  readonly value: Value;
  readonly strict: boolean;
}

type Records = SelectQueryBuilder<RecordSchema, "record", RecordRow>;

/** Sort column of each order; `name` always breaks ties. */
const sortColumns = { createdAt: "created_at", updatedAt: "updated_at", status: "status" } as const;

export function selectRecords(db: Kysely<RecordSchema>): Records {
  return db.selectFrom("record").select(recordColumns);
}

/** One page of a list, and one record more if there is one: the sign that another page follows. */
export function listRecords(
  db: Kysely<RecordSchema>,
  flavour: SqlFlavour,
  spaceId: number,
  wanted: ListQuery,
): CompiledQuery<RecordRow> {
  // Records of a single status are in order of their names; as a list by name it is entered at the cursor's place.
  const query = wanted.orderBy === "status" && hasOneStatus(wanted) ? { ...wanted, orderBy: "name" as const } : wanted;
  const orderBy = query.orderBy ?? "createdAt";
  let records = selectRecords(db).where("space_id", "=", spaceId);
  records = whereName(records, query);
  records = whereTime(records, "created_at", query.createdAfter, query.createdBefore, query);
  records = whereTime(records, "updated_at", query.updatedAfter, query.updatedBefore, query);
  records = whereStatus(records, flavour, orderBy, query.status);
  if (query.nameContains !== undefined && query.nameContains !== "") {
    records = records.where(flavour.contains("name", query.nameContains));
  }
  const direction = query.descending === true ? "desc" : "asc";
  if (orderBy !== "name") {
    const column = sortColumns[orderBy];
    if (query.after !== undefined) {
      const { value, name } = query.after;
      records = records.where((where) =>
        where(
          where.refTuple(column, "name"),
          direction === "asc" ? ">" : "<",
          // The sort value has the type of its column; tuples cannot be told so.
          where.tuple(value as never, name as never),
        ),
      );
    }
    records = records.orderBy(column, direction);
  }
  return records
    .orderBy("name", direction)
    .limit(query.limit + 1)
    .compile();
}

function hasOneStatus({ status }: ListQuery): boolean {
  return typeof status === "string" || status?.length === 1;
}

/** Every restriction of names as one range, so that the index is entered at its narrowest place. */
function whereName(records: Records, query: ListQuery): Records {
  const lower: Bound<string>[] = [];
  const upper: Bound<string>[] = [];
  if (query.namePrefix !== undefined && query.namePrefix !== "") {
    lower.push({ value: query.namePrefix, strict: false });
    const end = prefixEnd(query.namePrefix);
    if (end !== undefined) upper.push({ value: end, strict: true });
  }
  if (query.nameFrom !== undefined) lower.push({ value: query.nameFrom, strict: false });
  if (query.nameAfter !== undefined) lower.push({ value: query.nameAfter, strict: true });
  if (query.after !== undefined && query.orderBy === "name") {
    (query.descending === true ? upper : lower).push({ value: query.after.name, strict: true });
  }
  const from = tightest(lower, (a, b) => compareNames(b, a));
  const to = tightest(upper, compareNames);
  if (from !== undefined) records = records.where("name", from.strict ? ">" : ">=", from.value);
  if (to !== undefined) records = records.where("name", to.strict ? "<" : "<=", to.value);
  return records;
}

/** Records strictly between two times, as AWS's `…After` and `…Before` mean it. */
function whereTime(
  records: Records,
  column: "created_at" | "updated_at",
  after: number | undefined,
  before: number | undefined,
  query: ListQuery,
): Records {
  // Where the cursor already lies inside the range, its own condition is the narrower one and alone enters the index.
  const sorted = query.orderBy !== "name" && sortColumns[query.orderBy ?? "createdAt"] === column;
  const position = sorted && typeof query.after?.value === "number" ? query.after.value : undefined;
  const passedStart = query.descending !== true && position !== undefined && position > (after ?? Infinity);
  const passedEnd = query.descending === true && position !== undefined && position < (before ?? -Infinity);
  if (after !== undefined && !passedStart) records = records.where(column, ">", after);
  if (before !== undefined && !passedEnd) records = records.where(column, "<", before);
  return records;
}

function whereStatus(
  records: Records,
  flavour: SqlFlavour,
  orderBy: NonNullable<ListQuery["orderBy"]>,
  status: ListQuery["status"],
): Records {
  if (status === undefined) return records;
  const statuses = typeof status === "string" ? [status] : status;
  if (orderBy === "updatedAt") {
    // No index holds (status, updated_at): walking by time and looking at the status in the index beats sorting all
    // records of that status.
    return records.where(flavour.unindexed("status"), "in", statuses);
  }
  records = statuses.length === 1 ? records.where("status", "=", statuses[0]) : records.where("status", "in", statuses);
  // Said so that the planner may use the index over records that have a status.
  return statuses.includes("") ? records : records.where("status", "<>", "");
}

function tightest<Value>(
  bounds: readonly Bound<Value>[],
  order: (a: Value, b: Value) => number,
): Bound<Value> | undefined {
  // At equal values the strict bound is the narrower one.
  return bounds.toSorted((a, b) => order(a.value, b.value) || Number(b.strict) - Number(a.strict))[0];
}
